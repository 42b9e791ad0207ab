package dmn

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

type token struct {
	kind byte // n number, s text, i name, o sign, @ at-literal, 0 end
	text string
}

var signs = []string{"..", "**", "<=", ">=", "!=", "->", "(", ")", "[", "]", "{", "}", ",", "+", "-", "*", "/", "<", ">", "=", ".", ":", "?", ";"}

var numberPattern = regexp.MustCompile(`^(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?`)

// scan cuts the text into tokens. Names may have spaces in them, so known ones are looked for first, the longest first.
func (f *feel) scan(text string) {
	known := make([]string, 0, len(f.scope.names))
	for _, name := range slices.AppendSeq(slices.Clone(f.scope.words), maps.Keys(f.scope.names)) {
		if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }) {
			known = append(known, name)
		}
	}
	known = append(known, spacedFunctions...)
	slices.SortFunc(known, func(a, b string) int { return len(b) - len(a) })
	for i := 0; i < len(text); {
		rest := text[i:]
		c := rest[0]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' || strings.HasPrefix(rest, "\u00a0") {
			i++
			if c >= 0x80 {
				i++
			}
			continue
		}
		if strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*") {
			f.fail("a comment in an expression would be lost")
		}
		if c == '"' || strings.HasPrefix(rest, `@"`) {
			start := strings.IndexByte(rest, '"')
			value, size := f.quoted(rest[start:])
			of := byte('s')
			if start == 1 {
				of = '@'
			}
			f.tokens = append(f.tokens, token{of, value})
			i += start + size
			continue
		}
		if number := numberPattern.FindString(rest); number != "" && !strings.HasPrefix(rest, "..") {
			if strings.HasSuffix(number, ".") || strings.Contains(rest[:min(len(rest), len(number)+1)], "..") {
				number = strings.TrimRight(number, ".")
			}
			f.tokens = append(f.tokens, token{'n', number})
			i += len(number)
			continue
		}
		if at := slices.IndexFunc(known, func(name string) bool {
			return strings.HasPrefix(rest, name) && !wordAt(rest, len(name))
		}); at >= 0 {
			f.tokens = append(f.tokens, token{'i', known[at]})
			i += len(known[at])
			continue
		}
		if word := wordOf(rest); word != "" {
			f.tokens = append(f.tokens, token{'i', word})
			i += len(word)
			continue
		}
		at := slices.IndexFunc(signs, func(sign string) bool { return strings.HasPrefix(rest, sign) })
		if at < 0 {
			f.fail("the character %q is not expected here", []rune(rest)[0])
		}
		f.tokens = append(f.tokens, token{'o', signs[at]})
		i += len(signs[at])
	}
}

func wordAt(text string, at int) bool {
	return at < len(text) && wordOf(text[at-1:]) != "" && wordOf(text[at:]) != ""
}

func wordOf(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '$' })
	if end < 0 {
		end = len(text)
	}
	return text[:end]
}

func (f *feel) quoted(text string) (value string, size int) {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			value, err := strconv.Unquote(strings.NewReplacer("\n", `\n`, "\r", "").Replace(text[:i+1]))
			if err != nil {
				f.fail("%s is no text", text[:i+1])
			}
			return value, i + 1
		}
	}
	f.fail("a text is not closed")
	return "", 0
}

func (f *feel) peek() token {
	if f.at < len(f.tokens) {
		return f.tokens[f.at]
	}
	return token{}
}

func (f *feel) next() token {
	t := f.peek()
	f.at++
	return t
}

// take goes on if the next token is this sign or word.
func (f *feel) take(text string) bool {
	t := f.peek()
	if (t.kind == 'o' || t.kind == 'i') && t.text == text {
		f.at++
		return true
	}
	return false
}

func (f *feel) expect(text string) {
	if !f.take(text) {
		f.fail("%q is expected, and %q stands there", text, f.peek().text)
	}
}
