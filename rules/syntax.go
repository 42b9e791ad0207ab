package rules

import (
	"errors"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
)

// Limits on the text of an expression. They hold before it is parsed, because expr's parser is recursive
// and counts nodes only after it has descended: a long run of brackets would end the process.
const (
	MaxSource = 2000 // characters
	MaxNodes  = 500  // of the syntax tree
	maxNested = 50   // brackets within brackets
)

// span is a place in the text of an expression, in runes.
type span struct{ offset, length int }

func spanOf(l file.Location) span { return span{l.From, max(l.To-l.From, 1)} }

// parsed is a syntax tree with what is needed to get back to the text that the user wrote.
type parsed struct {
	root    ast.Node
	text    []rune // as given to the parser
	numbers map[int]string
	added   []int // offsets in text of characters that the user did not write
}

// origin translates an offset in the parsed text to one in the user's.
func (p *parsed) origin(offset int) int {
	shift := 0
	for _, at := range p.added {
		if at < offset {
			shift++
		}
	}
	return offset - shift
}

// parse turns the text into expr's syntax tree. Two things are done to the text first, neither of which
// changes what it means: numbers that do not fit expr's int64 and float64 are blanked out to 0 (numbers
// are read from the text later, exactly), and a record literal that is an argument is put in brackets,
// because expr would take map(list, {id: .id}) for a predicate in braces.
func parse(text string) (*parsed, *Error) {
	if strings.TrimSpace(text) == "" {
		return nil, &Error{Source: text, Message: "the expression is empty"}
	}
	runes := []rune(text)
	if len(runes) > MaxSource {
		return nil, &Error{Source: text, Offset: MaxSource, Message: "the expression is too long",
			Hint: "at most 2000 characters; cut it into steps"}
	}
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		return nil, syntaxError(text, err)
	}
	if problem := checkTokens(text, tokens); problem != nil {
		return nil, problem
	}
	p := &parsed{text: runes, numbers: map[int]string{}}
	p.blankNumbers(tokens)
	p.wrapRecords(tokens)
	config := &conf.Config{MaxNodes: MaxNodes, Disabled: map[string]bool{}}
	tree, err := parser.ParseWithConfig(string(p.text), config)
	if err != nil {
		problem := syntaxError(string(p.text), err)
		problem.Source, problem.Offset = text, p.origin(problem.Offset)
		return nil, problem
	}
	p.root = tree.Node
	return p, nil
}

func checkTokens(text string, tokens []lexer.Token) *Error {
	depth := 0
	for _, token := range tokens {
		at := &Error{Source: text, Offset: token.From, Length: token.To - token.From}
		switch {
		case token.Is(lexer.Bracket, "(", "[", "{"):
			if depth++; depth > maxNested {
				at.Message, at.Hint = "brackets are nested too deeply", "at most 50 levels"
				return at
			}
		case token.Is(lexer.Bracket, ")", "]", "}"):
			depth--
		case token.Is(lexer.Operator, "="):
			at.Hint = "a comparison is written =="
			at.Message = "unexpected ="
			if !isLet(tokens, token) {
				return at
			}
		}
	}
	return nil
}

// isLet says whether an = belongs to let name = …
func isLet(tokens []lexer.Token, equals lexer.Token) bool {
	for i, token := range tokens {
		if token.From == equals.From {
			return i >= 2 && tokens[i-2].Is(lexer.Operator, "let")
		}
	}
	return false
}

func (p *parsed) blankNumbers(tokens []lexer.Token) {
	for _, token := range tokens {
		if token.Kind != lexer.Number {
			continue
		}
		p.numbers[token.From] = token.Value
		if len(token.Value) < 16 && !strings.ContainsAny(token.Value, "eE") {
			continue
		}
		for i := token.From; i < token.To; i++ {
			p.text[i] = ' '
		}
		p.text[token.From] = '0'
	}
}

// wrapRecords puts brackets around {name: …} and {} where they follow a comma or an opening bracket.
func (p *parsed) wrapRecords(tokens []lexer.Token) {
	inserts := map[int]rune{} // before which rune of the text
	for i := 1; i+1 < len(tokens); i++ {
		if !tokens[i].Is(lexer.Bracket, "{") || !tokens[i-1].Is(lexer.Operator, ",") && !tokens[i-1].Is(lexer.Bracket, "(") {
			continue
		}
		named := i+2 < len(tokens) && tokens[i+1].Kind != lexer.Bracket && tokens[i+2].Is(lexer.Operator, ":")
		if !named && !tokens[i+1].Is(lexer.Bracket, "}") {
			continue
		}
		if end := closing(tokens, i); end > 0 {
			inserts[tokens[i].From] = '('
			inserts[tokens[end].To] = ')'
		}
	}
	if len(inserts) == 0 {
		return
	}
	moved := map[int]string{}
	text := make([]rune, 0, len(p.text)+len(inserts))
	for i := 0; i <= len(p.text); i++ {
		if bracket, ok := inserts[i]; ok {
			p.added = append(p.added, len(text))
			text = append(text, bracket)
		}
		if number, ok := p.numbers[i]; ok {
			moved[len(text)] = number
		}
		if i < len(p.text) {
			text = append(text, p.text[i])
		}
	}
	p.text, p.numbers = text, moved
}

// closing finds the bracket that closes the one at start; -1 if there is none.
func closing(tokens []lexer.Token, start int) int {
	depth := 0
	for i := start; i < len(tokens); i++ {
		switch {
		case tokens[i].Is(lexer.Bracket, "(", "[", "{"):
			depth++
		case tokens[i].Is(lexer.Bracket, ")", "]", "}"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// syntaxError puts expr's complaint into the words that we use everywhere.
func syntaxError(text string, err error) *Error {
	problem := &Error{Source: text, Message: "cannot read the expression"}
	var at *file.Error
	if !errors.As(err, &at) {
		problem.Message += ": " + err.Error()
		return problem
	}
	problem.Offset, problem.Length = min(at.From, len([]rune(text))), max(at.To-at.From, 1)
	switch message := at.Message; {
	case strings.HasPrefix(message, "unexpected token EOF"), message == "unexpected end of expression":
		problem.Message = "the expression ends too early"
		problem.Hint = "a bracket, a quote or a value is missing at its end"
	case strings.HasPrefix(message, "unexpected token "):
		problem.Message = "unexpected " + tokenText(message)
	case strings.Contains(message, "maximum allowed nodes"):
		problem.Message, problem.Hint = "the expression is too large", "at most 500 parts; cut it into steps"
	case strings.Contains(message, "coalesce expressions"):
		problem.Message, problem.Hint = "?? and another operator stand side by side", "put brackets around the ?? part"
	case message == "literal not terminated":
		problem.Message, problem.Hint = "a text does not end", "close the quote"
	default:
		problem.Message = message
	}
	return problem
}

// tokenText gets the token itself out of expr's: unexpected token Operator("then").
func tokenText(message string) string {
	message = strings.TrimPrefix(message, "unexpected token ")
	if start, end := strings.IndexByte(message, '"'), strings.LastIndexByte(message, '"'); start >= 0 && end > start {
		return message[start+1 : end]
	}
	return message
}
