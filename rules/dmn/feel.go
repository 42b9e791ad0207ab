package dmn

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// scope is what the names in an expression stand for.
type scope struct {
	names map[string]string // the name in the model, and what it is called here
	words []string          // names of fields, which may have spaces in them
	free  func(name string) // told of a name that nothing has declared; it is then called by its identifier
}

// kind is as much of a value's type as the translation needs.
type kind uint8

const (
	anything kind = iota
	literalNumber
	literalText
	literalBool
	literalNull
	literalDate // date, date-time or duration; text holds it as a cell says it
	truth       // a comparison or a combination of them
)

// translated is an expression in our language.
type translated struct {
	text   string
	kind   kind
	value  string // of a literal, as a cell says it
	atomic bool   // needs no brackets around it
	column bool   // speaks of ?
}

func (t translated) bracketed() string {
	if t.atomic {
		return t.text
	}
	return "(" + t.text + ")"
}

// feelError is a FEEL text that cannot be translated.
type feelError struct{ message string }

func (e *feelError) Error() string { return e.message }

type feel struct {
	tokens []token
	at     int
	scope  scope
	depth  int
}

const (
	maxExpression = 2_000
	maxNesting    = 40
)

func (f *feel) fail(format string, args ...any) {
	panic(&feelError{fmt.Sprintf(format, args...)}) // taken again by translate
}

// translate parses a text of FEEL with a function of the parser.
func translate[T any](text string, s scope, with func(f *feel) T) (result T, err error) {
	defer func() {
		if r := recover(); r != nil {
			wrong, ok := r.(*feelError)
			if !ok {
				panic(r)
			}
			err = wrong
		}
	}()
	f := &feel{scope: s}
	if len(text) > maxExpression {
		f.fail("the expression has more than %d characters", maxExpression)
	}
	f.scan(text)
	result = with(f)
	if f.peek().kind != 0 {
		f.fail("%q is not expected here", f.peek().text)
	}
	return result, nil
}

// expression is a whole expression.
func (f *feel) expression() translated {
	if f.depth++; f.depth > maxNesting {
		f.fail("the expression is nested too deeply")
	}
	defer func() { f.depth-- }()
	if f.take("if") {
		condition := f.expression()
		f.expect("then")
		yes := f.expression()
		f.expect("else")
		no := f.expression()
		if all := combine("", anything, condition, yes, no); all.column { // ? : would be taken for the column's value
			return combine("("+condition.bracketed()+" and "+yes.bracketed()+") or (not "+condition.bracketed()+" and "+no.bracketed()+")", truth, all)
		}
		return combine(condition.bracketed()+" ? "+yes.bracketed()+" : "+no.bracketed(), anything, condition, yes, no)
	}
	return f.or()
}

func combine(text string, of kind, parts ...translated) translated {
	t := translated{text: text, kind: of}
	for _, part := range parts {
		t.column = t.column || part.column
	}
	return t
}

func (f *feel) or() translated  { return f.chain(f.and, "or") }
func (f *feel) and() translated { return f.chain(f.comparison, "and") }

func (f *feel) chain(of func() translated, word string) translated {
	left := of()
	for f.take(word) {
		right := of()
		left = combine(left.bracketed()+" "+word+" "+right.bracketed(), truth, left, right)
	}
	return left
}

func (f *feel) comparison() translated {
	left := f.sum()
	for _, sign := range []string{"<=", ">=", "!=", "<", ">", "="} {
		if f.take(sign) {
			right := f.sum()
			if sign == "=" {
				sign = "=="
			}
			return combine(left.bracketed()+" "+sign+" "+right.bracketed(), truth, left, right)
		}
	}
	if f.take("between") {
		low := f.sum()
		f.expect("and")
		high := f.sum()
		return combine(left.bracketed()+" >= "+low.bracketed()+" and "+left.bracketed()+" <= "+high.bracketed(), truth, left, low, high)
	}
	if f.take("in") {
		if f.peek().text == "[" || f.peek().text == "(" {
			start := f.at
			if low, high, lowOpen, highOpen, ok := f.interval(); ok {
				return combine(left.bracketed()+map[bool]string{true: " > ", false: " >= "}[lowOpen]+low.bracketed()+" and "+left.bracketed()+map[bool]string{true: " < ", false: " <= "}[highOpen]+high.bracketed(), truth, left, low, high)
			}
			f.at = start
		}
		if f.take("(") {
			var items []string
			for {
				items = append(items, f.sum().text)
				if !f.take(",") {
					break
				}
			}
			f.expect(")")
			return combine(left.bracketed()+" in ["+strings.Join(items, ", ")+"]", truth, left)
		}
		right := f.sum()
		return combine(left.bracketed()+" in "+right.bracketed(), truth, left, right)
	}
	if f.take("instance") {
		f.fail("instance of is not translated")
	}
	return left
}

// interval reads [a..b] with its kinds of brackets; ok is false if it is something else.
func (f *feel) interval() (low, high translated, lowOpen, highOpen, ok bool) {
	depth := 0
	for i := f.at; i < len(f.tokens); i++ {
		switch f.tokens[i].text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case "..":
			if f.tokens[i].kind == 'o' && (depth == 1 || f.tokens[f.at].text == "]" && depth == -1) {
				ok = true
			}
		}
		if depth == 0 && i > f.at {
			break
		}
	}
	if !ok {
		return low, high, false, false, false
	}
	lowOpen = f.next().text != "["
	low = f.sum()
	f.expect("..")
	high = f.sum()
	end := f.next()
	if end.kind != 'o' || !strings.Contains(")][", end.text) || end.text == "" {
		f.fail("the range is not closed")
	}
	return low, high, lowOpen, end.text != "]", true
}

func (f *feel) sum() translated {
	left := f.product()
	for {
		switch {
		case f.take("+"):
			right := f.product()
			left = combine(left.bracketed()+" + "+right.bracketed(), anything, left, right)
		case f.take("-"):
			right := f.product()
			left = combine(left.bracketed()+" - "+right.bracketed(), anything, left, right)
		default:
			return left
		}
	}
}

func (f *feel) product() translated {
	left := f.power()
	for {
		switch {
		case f.take("*"):
			right := f.power()
			left = combine(left.bracketed()+" * "+right.bracketed(), anything, left, right)
		case f.take("/"):
			right := f.power()
			left = combine(left.bracketed()+" / "+right.bracketed(), anything, left, right)
		default:
			return left
		}
	}
}

func (f *feel) power() translated {
	left := f.unary()
	for f.take("**") {
		right := f.unary()
		left = combine(left.bracketed()+" ** "+right.bracketed(), anything, left, right)
	}
	return left
}

func (f *feel) unary() translated {
	if f.take("-") {
		if f.depth++; f.depth > maxNesting {
			f.fail("the expression is nested too deeply")
		}
		of := f.unary()
		f.depth--
		if of.kind == literalNumber && !strings.HasPrefix(of.value, "-") {
			return translated{text: "-" + of.text, kind: literalNumber, value: "-" + of.value}
		}
		return combine("-"+of.bracketed(), anything, of)
	}
	return f.postfix()
}

func (f *feel) postfix() translated {
	left := f.primary()
	for {
		switch {
		case f.take("."):
			name := f.next()
			if name.kind != 'i' {
				f.fail("a name is expected behind the point")
			}
			left = combine(left.bracketed()+"."+identifier(name.text), anything, left)
			left.atomic = true
		case f.peek().text == "[" && f.peek().kind == 'o' && f.closes():
			return left // it ends a range, as in [5..10[
		case f.peek().text == "[" && f.peek().kind == 'o':
			f.fail("filters and positions in lists (%s[…]) are not translated", left.text)
		case f.peek().text == "(" && f.peek().kind == 'o':
			f.fail("the call of %s is not translated", left.text)
		default:
			return left
		}
	}
}

// closes says whether the bracket here ends something: then nothing begins behind it.
func (f *feel) closes() bool {
	if f.at+1 >= len(f.tokens) {
		return true
	}
	next := f.tokens[f.at+1]
	return next.kind == 'o' && (next.text == "," || next.text == ")") || next.kind == 'i' && (next.text == "and" || next.text == "or")
}

// functions are those that mean the same in our language: their names, or %1 and so on for their arguments.
var functions = map[string]string{
	"min": "min", "max": "max", "abs": "abs", "floor": "floor", "ceiling": "ceil", "upper case": "upper", "lower case": "lower",
	"string length": "len", "count": "len", "sum": "sum", "concatenate": "concat", "reverse": "reverse", "distinct values": "unique", "flatten": "flatten",
	"contains": "%1 contains %2", "starts with": "%1 startsWith %2", "ends with": "%1 endsWith %2", "list contains": "%2 in %1", "modulo": "%1 % %2", "string join": "join", "number": "number", "string": "text",
}

var spacedFunctions = []string{"upper case", "lower case", "string length", "starts with", "ends with", "list contains", "string join", "distinct values", "date and time", "substring before", "substring after",
	"round half up", "round half down", "round up", "round down", "day of week", "day of year", "month of year", "week of year", "years and months duration", "insert before", "index of", "get value", "get entries"}

// isTruth are the functions that give a truth value.
var isTruth = []string{"contains", "starts with", "ends with", "list contains"}

func (f *feel) primary() translated {
	if f.depth++; f.depth > maxNesting {
		f.fail("the expression is nested too deeply")
	}
	defer func() { f.depth-- }()
	switch t := f.next(); t.kind {
	case 'n':
		return translated{text: t.text, kind: literalNumber, value: t.text, atomic: true}
	case 's':
		return translated{text: strconv.Quote(t.text), kind: literalText, value: t.text, atomic: true}
	case '@':
		return f.temporal("", t.text)
	case 'i':
		return f.named(t.text)
	case 'o':
		switch t.text {
		case "?":
			return translated{text: "?", atomic: true, column: true}
		case "(":
			inner := f.expression()
			f.expect(")")
			inner.text, inner.atomic = inner.bracketed(), true
			return inner
		case "[":
			var items []string
			parts := []translated{}
			for !f.take("]") {
				if len(items) > 0 {
					f.expect(",")
				}
				item := f.expression()
				items, parts = append(items, item.text), append(parts, item)
			}
			list := combine("["+strings.Join(items, ", ")+"]", anything, parts...)
			list.atomic = true
			return list
		case "{":
			f.fail("contexts in braces are not translated")
		}
		f.fail("%q is not expected here", t.text)
	default:
		f.fail("an expression is expected here")
	}
	return translated{}
}

func (f *feel) named(name string) translated {
	switch name {
	case "true", "false":
		return translated{text: name, kind: literalBool, value: name, atomic: true}
	case "null":
		return translated{text: "missing", kind: literalNull, value: "", atomic: true}
	case "some", "every", "for", "function":
		f.fail("%s is not translated", name)
	}
	if f.peek().text == "(" && f.peek().kind == 'o' {
		return f.call(name)
	}
	if ours, known := f.scope.names[name]; known {
		return translated{text: ours, atomic: !strings.ContainsAny(ours, " ()"), kind: anything}
	}
	if f.scope.free == nil {
		f.fail("nothing is called %q", name)
	}
	f.scope.free(name)
	return translated{text: identifier(name), atomic: true}
}

func (f *feel) call(name string) translated {
	f.expect("(")
	var arguments []translated
	for !f.take(")") {
		if len(arguments) > 0 {
			f.expect(",")
		}
		arguments = append(arguments, f.expression())
	}
	texts := make([]string, len(arguments))
	for i, argument := range arguments {
		texts[i] = argument.text
	}
	switch {
	case name == "not" && len(arguments) == 1:
		return combine("not "+arguments[0].bracketed(), truth, arguments...)
	case (name == "date" || name == "duration" || name == "date and time") && len(arguments) == 1 && arguments[0].kind == literalText:
		return f.temporal(name, arguments[0].value)
	case name == "sum" && len(arguments) == 1, name == "count" && len(arguments) == 1:
	case name == "sum" || name == "count":
		texts = []string{"[" + strings.Join(texts, ", ") + "]"}
	}
	ours, known := functions[name]
	switch {
	case !known:
		f.fail("the function %s is not translated", name)
	case strings.Contains(ours, "%1"):
		if len(arguments) != 2 {
			f.fail("%s takes two arguments", name)
		}
		of := anything
		if slices.Contains(isTruth, name) {
			of = truth
		}
		return combine(strings.NewReplacer("%1", arguments[0].bracketed(), "%2", arguments[1].bracketed()).Replace(ours), of, arguments...)
	}
	result := combine(ours+"("+strings.Join(texts, ", ")+")", anything, arguments...)
	result.atomic = true
	return result
}

var (
	dateText     = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	instantText  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$`)
	durationText = regexp.MustCompile(`^-?P(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?$`)
)

// temporal is a date, a point in time or a length of time.
func (f *feel) temporal(function, value string) translated {
	name := ""
	switch {
	case dateText.MatchString(value) && function != "duration" && function != "date and time":
		name = "date"
	case instantText.MatchString(value) && function != "duration" && function != "date":
		name = "instant"
	case durationText.MatchString(value) && (function == "" || function == "duration"):
		name = "duration"
	default:
		f.fail("%q is no date, no point in time with a zone, and no duration in days and hours", value)
	}
	return translated{text: name + "(" + strconv.Quote(value) + ")", kind: literalDate, value: value, atomic: true}
}

// identifier is the name of something in our language.
func identifier(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case unicode.IsLetter(r) || r == '_' || unicode.IsDigit(r) && i > 0:
			b.WriteRune(r)
		case unicode.IsDigit(r):
			b.WriteString("_")
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "_") && b.Len() > 0:
			b.WriteByte('_')
		}
	}
	text := strings.TrimRight(b.String(), "_")
	if text == "" || slices.Contains(reserved, text) {
		return text + "_"
	}
	return text
}

var reserved = []string{"and", "or", "not", "in", "true", "false", "missing", "null", "nil", "let", "if", "else", "contains", "startsWith", "endsWith", "matches", "decisions"}
