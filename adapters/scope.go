package adapters

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"crosswalk/rules"
	"crosswalk/source"
)

// scope is what the expressions at one place of the file may use, with their types.
type scope struct {
	env    *rules.Environment
	shapes map[string]*shape
	// headers is set by an expression, of whichever scope made of the same one, that may read an answer's headers.
	headers *bool
}

// profile is how adapters compile expressions: answers of systems have no declared shape, so what is
// read from them is checked when it is read. The contract's type checks the result.
func profile() rules.Options {
	return rules.Options{Lenient: true, Functions: slices.Concat(functions, quotingFunctions)}
}

func emptyScope() scope { return scope{env: rules.NewEnvironment(nil), headers: new(bool)} }

func (s scope) with(name string, t *rules.Type) scope {
	return scope{s.env.With(name, t), s.shapes, s.headers}
}

func (s scope) has(name string) bool { return s.env.Lookup(name) != nil }

// given is the scope where a condition holds.
func (s scope) given(condition *rules.Expression) scope {
	return scope{s.env.Narrow(condition), s.shapes, s.headers}
}

// reading notes what an expression reads. Anything that is no part of a body, of an item or of what is known before the
// request may be, or hold, an answer with its headers.
func (s scope) reading(places []string) {
	for _, place := range places {
		parts := strings.Split(place, ".")
		within := len(parts) > 1 && slices.Contains([]string{"body", "status", "items"}, strings.TrimSuffix(parts[1], "[]"))
		known := slices.Contains([]string{"conn", "base", "secret", "input", "key", "first_sent", "item", "status", "body"}, strings.TrimSuffix(parts[0], "[]"))
		*s.headers = *s.headers || !within && !known
	}
}

// condition compiles a bare condition; nil if there is none.
func (s scope) condition(node *source.Node) *rules.Expression {
	if !node.Exists() {
		return nil
	}
	condition := rules.CompileNode(node, s.env, rules.TypeOf(rules.KindBool), profile())
	if condition != nil {
		s.reading(condition.Reads())
	}
	return condition
}

// template compiles a scalar with ${…} in it; nil if there is none.
func (s scope) template(node *source.Node) *rules.Template {
	if !node.Exists() {
		return nil
	}
	template := rules.CompileTemplate(node, s.env, nil, profile())
	if template != nil {
		s.reading(template.Reads())
	}
	return template
}

// pathTemplate is the path of a request. Each ${…} fills one place between slashes and is escaped; a list that the file
// itself makes, as segments(input.path) does, fills as many as it has texts.
type pathTemplate struct {
	literals []string // one more than values
	values   []*rules.Expression
}

func parsePath(node *source.Node, in scope) *pathTemplate {
	if text := node.Text(); !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") {
		node.Errorf("", "a path begins with one /")
	}
	t := parsePieces(node, in)
	literal := strings.Join(t.literals, "x")
	plain, err := url.PathUnescape(literal)
	switch {
	case strings.ContainsAny(literal, "?#\\ ") || strings.Contains(literal, ".."):
		node.Errorf("put parameters under query:", "a path holds no ?, #, blanks and no ..")
	case err != nil || strings.Contains(plain, "..") || strings.ContainsFunc(plain, unicode.IsControl):
		node.Errorf("write the path as it is; what ${…} fills in is encoded by itself", "a path holds no encoded .., no half of an encoding and no control characters")
	}
	return t
}

// parsePieces cuts a text into what stands and what is filled in.
func parsePieces(node *source.Node, in scope) *pathTemplate {
	t := &pathTemplate{}
	rest, at := node.Text(), 0
	for {
		start := strings.Index(rest, "${")
		if start < 0 {
			break
		}
		end := closing(rest[start+2:])
		if end < 0 {
			node.ErrorAt(at+len([]rune(rest[:start])), "close it with }", "${ has no end")
			return t
		}
		inside := rest[start+2 : start+2+end]
		offset := at + len([]rune(rest[:start+2]))
		t.literals = append(t.literals, rest[:start])
		t.values = append(t.values, compileAt(node, offset, inside, in))
		at = offset + len([]rune(inside)) + 1
		rest = rest[start+2+end+1:]
	}
	t.literals = append(t.literals, rest)
	return t
}

// closing finds the brace that ends an expression, outside of its texts and inner braces.
func closing(text string) int {
	depth, quote := 0, rune(0)
	escaped := false
	for i, c := range text {
		switch {
		case escaped:
			escaped = false
		case quote != 0 && c == '\\':
			escaped = true
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth == 0:
			return i
		case c == '}':
			depth--
		}
	}
	return -1
}

func compileAt(node *source.Node, offset int, text string, in scope) *rules.Expression {
	expression, err := rules.Compile(text, in.env, profile())
	var several rules.Errors
	switch {
	case errors.As(err, &several):
		for _, one := range several {
			node.ErrorAt(offset+one.Offset, one.Hint, "%s", one.Message)
		}
	case err != nil:
		node.ErrorAt(offset, "", "%s", err)
	default:
		in.reading(expression.Reads())
	}
	return expression
}

// eval writes the path behind an origin, each value escaped.
func (t *pathTemplate) eval(origin string, vars map[string]rules.Value) (string, error) {
	var path strings.Builder
	path.Grow(len(origin) + 64)
	path.WriteString(origin)
	for i, expression := range t.values {
		path.WriteString(t.literals[i])
		value, err := expression.Eval(vars)
		if err != nil {
			return "", fmt.Errorf("path: %w", err)
		}
		text, err := place(expression, value)
		if err != nil {
			return "", fmt.Errorf("path: %w", err)
		}
		path.WriteString(text)
	}
	path.WriteString(t.literals[len(t.values)])
	return path.String(), nil
}
