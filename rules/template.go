package rules

import (
	"fmt"
	"slices"
	"strings"

	"crosswalk/source"
)

// Template is a YAML tree with ${…} in its scalars, compiled. It may be used by several goroutines at once.
type Template struct {
	root   part
	result *Type
	reads  []string
}

// CompileTemplate compiles a YAML tree in whose scalars ${…} holds expressions. A scalar that is one
// ${…} and nothing else keeps the type of the expression; within other text the value is written into it;
// $${ stands for ${ itself. Problems are reported at their places. With a wanted type, the tree is checked
// against it, literals are read by it, and the value holds nothing that the type does not know.
// The result is never nil; it must not be evaluated if problems were reported.
func CompileTemplate(n *source.Node, env *Environment, want *Type, options Options) *Template {
	b := &templateBuilder{env: env, options: options, reads: map[string]bool{}}
	if want == nil {
		want = TypeOf(KindAny)
	}
	root, t := b.node(n, want)
	return b.finish(root, t)
}

// CompileText compiles one text with ${…} in it, as a scalar of CompileTemplate. The error is of type Errors.
func CompileText(text string, env *Environment, want *Type, options Options) (*Template, error) {
	b := &templateBuilder{env: env, options: options, reads: map[string]bool{}}
	if want == nil {
		want = TypeOf(KindAny)
	}
	var errs Errors
	root, t := b.text(text, want, func(offset, length int, hint, message string) {
		errs = append(errs, &Error{Source: text, Offset: offset, Length: length, Message: message, Hint: hint})
	}, func() (Value, error) { return want.decodeText(text) })
	if len(errs) > 0 {
		return nil, errs
	}
	return b.finish(root, t), nil
}

// Type is the type of what Eval returns.
func (t *Template) Type() *Type { return t.result }

// Reads lists the paths that the expressions read, sorted.
func (t *Template) Reads() []string { return t.reads }

// Literal returns the value if it does not depend on any variable.
func (t *Template) Literal() (Value, bool) {
	fixed, ok := t.root.(fixedPart)
	return Value(fixed), ok
}

// Eval fills in the tree. Fields whose value is missing are left out. The error, if any, is an *Error.
func (t *Template) Eval(variables map[string]Value) (Value, error) { return t.root.fill(variables) }

// part is one place of a template.
type part interface {
	fill(variables map[string]Value) (Value, error)
}

type fixedPart Value

func (p fixedPart) fill(map[string]Value) (Value, error) { return Value(p), nil }

// expressionPart is a scalar that is one ${…}. What the wanted type does not know is dropped.
type expressionPart struct {
	expression *Expression
	want       *Type
}

func (p *expressionPart) fill(variables map[string]Value) (Value, error) {
	v, err := p.expression.Eval(variables)
	if err != nil {
		return Value{}, err
	}
	return p.want.Project(v), nil
}

// textPart is text with expressions in it.
type textPart struct {
	texts       []string // one more than expressions
	expressions []*Expression
}

func (p *textPart) fill(variables map[string]Value) (Value, error) {
	var b strings.Builder
	for i, expression := range p.expressions {
		v, err := expression.Eval(variables)
		if err != nil {
			return Value{}, err
		}
		if !slices.Contains(scalarKinds, v.kind) {
			return Value{}, &Error{Source: expression.text, Message: "expected something that can be written into a text, found " + found(v), Hint: "readable(…) makes a text of it"}
		}
		b.WriteString(p.texts[i])
		b.WriteString(v.String())
		if b.Len() > MaxText {
			return Value{}, &Error{Source: expression.text, Message: fmt.Sprintf("the text would have more than %d bytes", MaxText)}
		}
	}
	b.WriteString(p.texts[len(p.expressions)])
	return Text(b.String()), nil
}

type listPart []part

func (p listPart) fill(variables map[string]Value) (Value, error) {
	items, err := fillAll(p, variables)
	return List(items...), err
}

// recordPart is a mapping; its keys are sorted.
type recordPart struct {
	keys   []string
	values []part
}

func (p *recordPart) fill(variables map[string]Value) (Value, error) {
	items, err := fillAll(p.values, variables)
	if err != nil {
		return Value{}, err
	}
	return recordOf(p.keys, items), nil
}

func fillAll(parts []part, variables map[string]Value) ([]Value, error) {
	items := make([]Value, len(parts))
	for i, p := range parts {
		v, err := p.fill(variables)
		if err != nil {
			return nil, err
		}
		items[i] = v
	}
	return items, nil
}

type templateBuilder struct {
	env     *Environment
	options Options
	reads   map[string]bool
}

func (b *templateBuilder) finish(root part, t *Type) *Template {
	result := &Template{root: root, result: t}
	for path := range b.reads {
		result.reads = append(result.reads, path)
	}
	slices.Sort(result.reads)
	return result
}

// reporter says where in a scalar something is wrong.
type reporter func(offset, length int, hint, message string)

func (b *templateBuilder) node(n *source.Node, want *Type) (part, *Type) {
	switch n.Kind() {
	case source.Map:
		return b.record(n, want)
	case source.List:
		return b.list(n, want)
	case source.Scalar:
		report := func(offset, _ int, hint, message string) { n.ErrorAt(offset, hint, "%s", message) }
		return b.text(n.Text(), want, report, func() (Value, error) { return literalOf(n, want) })
	default:
		t := TypeOf(KindMissing)
		b.fits(want, t, func(_, _ int, hint, message string) { n.Errorf(hint, "%s", message) })
		return fixedPart{}, t
	}
}

// fits reports why a type does not go where another is wanted.
func (b *templateBuilder) fits(want, got *Type, report reporter) {
	a := &assignment{lenient: b.options.Lenient}
	a.check(want, got, "")
	for _, mismatch := range a.mismatches {
		report(0, 0, mismatch.Hint, mismatch.text())
	}
}

func (b *templateBuilder) record(n *source.Node, want *Type) (part, *Type) {
	if want.Kind != KindRecord && want.Kind != KindAny {
		n.Errorf("", "expected %s, found a mapping", expectation(want))
		return fixedPart{}, unknown
	}
	t, values := RecordType(), map[string]part{}
	for _, key := range n.Keys() {
		member := TypeOf(KindAny)
		if want.Kind == KindRecord {
			if member = want.Member(key); member == nil {
				n.KeyNode(key).Errorf(source.DidYouMean(key, want.FieldNames()), "unknown field %q", key)
				continue
			}
		}
		value, got := b.node(n.Get(key), member)
		values[key] = value
		t.Fields = append(t.Fields, Field{Name: key, Type: got.AsPresent(), Required: !got.Optional})
	}
	for _, field := range want.Fields {
		stamped := want.Record != "" && field.Name == systemField
		if field.Required && !field.Type.Optional && !stamped && n.Get(field.Name) == nil {
			n.Errorf("", "the field %q is missing", field.Name)
		}
	}
	result := &recordPart{keys: t.FieldNames()}
	slices.Sort(result.keys)
	allFixed := true
	items := make([]Value, 0, len(result.keys))
	for _, key := range result.keys {
		result.values = append(result.values, values[key])
		fixed, ok := values[key].(fixedPart)
		allFixed = allFixed && ok
		items = append(items, Value(fixed))
	}
	if allFixed {
		return fixedPart(recordOf(result.keys, items)), t
	}
	return result, t
}

func (b *templateBuilder) list(n *source.Node, want *Type) (part, *Type) {
	if want.Kind != KindList && want.Kind != KindAny {
		n.Errorf("", "expected %s, found a list", expectation(want))
		return fixedPart{}, unknown
	}
	var result listPart
	var item *Type
	var items []Value
	for _, element := range n.List() {
		value, got := b.node(element, itemType(want))
		result = append(result, value)
		if item = got; len(result) > 1 {
			item = Join(item, got)
		}
		if fixed, ok := value.(fixedPart); ok {
			items = append(items, Value(fixed))
		}
	}
	if len(items) == len(result) {
		return fixedPart(List(items...)), ListOf(item)
	}
	return result, ListOf(item)
}

// literalOf reads a scalar without ${…}: by the wanted type, or by what YAML makes of it.
func literalOf(n *source.Node, want *Type) (Value, error) {
	text, quotedText := n.Literal()
	if want.Kind != KindAny {
		return want.decodeText(text)
	}
	if quotedText {
		return Text(text), nil
	}
	switch n.Tag() {
	case "!!int", "!!float":
		number, err := ParseNum(strings.ReplaceAll(text, "_", ""))
		if err != nil {
			return Value{}, &DecodeError{Message: text + ": " + err.Error(), Hint: "put it in quotes if it is a text"}
		}
		return Number(number), nil
	case "!!bool":
		return Bool(n.Bool()), nil
	case "!!timestamp":
		if day, err := ParseDate(text); err == nil {
			return day, nil
		}
		return ParseInstant(text)
	default:
		return Text(text), nil
	}
}

// text compiles a scalar; literal reads it if there is no ${…} in it.
func (b *templateBuilder) text(text string, want *Type, report reporter, literal func() (Value, error)) (part, *Type) {
	segments, problem := splitSegments(text)
	if problem != nil {
		report(problem.Offset, problem.Length, problem.Hint, problem.Message)
		return fixedPart{}, unknown
	}
	switch {
	case !slices.ContainsFunc(segments, func(s segment) bool { return s.expression }):
		return b.literal(segments, text, want, report, literal)
	case len(segments) == 1:
		return b.alone(segments[0], want, report)
	default:
		return b.mixed(segments, want, report)
	}
}

func (b *templateBuilder) literal(segments []segment, text string, want *Type, report reporter, literal func() (Value, error)) (part, *Type) {
	if want.Ref != "" {
		b.fits(want, &Type{Kind: KindText}, report)
		return fixedPart{}, unknown
	}
	if len(segments) == 1 && segments[0].text != text { // $${ was in it
		v := Text(segments[0].text)
		b.fits(want, &Type{Kind: KindText}, report)
		return fixedPart(v), &Type{Kind: KindText}
	}
	v, err := literal()
	if err != nil {
		hint := ""
		if errs, ok := err.(DecodeErrors); ok {
			err, hint = fmt.Errorf("%s", errs[0].Message), errs[0].Hint
		}
		report(0, 0, hint, err.Error())
		return fixedPart{}, unknown
	}
	t := want
	if want.Kind == KindAny {
		t = TypeOf(v.kind)
	}
	return fixedPart(v), t.AsPresent()
}

func (b *templateBuilder) compile(s segment, report reporter) *Expression {
	x, errs := compile(s.text, b.env, b.options)
	for _, err := range errs {
		report(s.offset+err.Offset, err.Length, err.Hint, err.Message)
	}
	if x != nil {
		for _, path := range x.reads {
			b.reads[path] = true
		}
	}
	return x
}

func (b *templateBuilder) alone(s segment, want *Type, report reporter) (part, *Type) {
	x := b.compile(s, report)
	if x == nil {
		return fixedPart{}, unknown
	}
	b.fits(want, x.result, func(_, _ int, hint, message string) {
		report(s.offset, len([]rune(s.text)), hint, message)
	})
	return &expressionPart{x, want}, x.result
}

func (b *templateBuilder) mixed(segments []segment, want *Type, report reporter) (part, *Type) {
	result := &textPart{texts: []string{""}}
	for _, s := range segments {
		last := len(result.texts) - 1
		if !s.expression {
			result.texts[last] += s.text
			continue
		}
		x := b.compile(s, report)
		if x == nil {
			continue
		}
		if hint, message := b.writable(x.result); message != "" {
			report(s.offset, len([]rune(s.text)), hint, message)
		}
		result.expressions = append(result.expressions, x)
		result.texts = append(result.texts, "")
	}
	b.fits(want, &Type{Kind: KindText}, report)
	return result, &Type{Kind: KindText}
}

// writable says why a value cannot be written into a text.
func (b *templateBuilder) writable(t *Type) (hint, message string) {
	switch {
	case t.Kind == KindAny && b.options.Lenient:
		return "", ""
	case t.Kind == KindAny:
		return "use text(…) or readable(…)", "nothing is known about the type of this value"
	case t.Optional:
		return `add ?? "" or another value`, "it may be missing"
	case !slices.Contains(scalarKinds, t.Kind):
		return "readable(…) makes a text of it", article(t.Kind.String()) + " cannot be written into a text"
	default:
		return "", ""
	}
}

// segment is a piece of a scalar: text, or the inside of ${…}.
type segment struct {
	expression bool
	text       string
	offset     int // in runes, of the inside
}

func splitSegments(text string) ([]segment, *Error) {
	var segments []segment
	runes := []rune(text)
	literal := make([]rune, 0, len(runes))
	start := 0
	flush := func() {
		if len(literal) > 0 {
			segments = append(segments, segment{text: string(literal), offset: start})
			literal = literal[:0]
		}
	}
	for i := 0; i < len(runes); {
		switch rest := runes[i:]; {
		case startsWith(rest, "$${"):
			literal = append(literal, '$', '{')
			i += 3
		case startsWith(rest, "${"):
			flush()
			length := expressionLength(runes[i+2:])
			if length < 0 {
				return nil, &Error{Offset: i, Length: 2, Message: "${ is not closed", Hint: "add the closing }; write $${ for the characters themselves"}
			}
			segments = append(segments, segment{expression: true, text: string(runes[i+2 : i+2+length]), offset: i + 2})
			i += length + 3
			start = i
		default:
			literal = append(literal, runes[i])
			i++
		}
	}
	flush()
	return segments, nil
}

func startsWith(runes []rune, prefix string) bool {
	return len(runes) >= len(prefix) && string(runes[:len(prefix)]) == prefix
}

// expressionLength finds the } that closes ${, past nested braces and texts in quotes; -1 if there is none.
func expressionLength(runes []rune) int {
	depth := 0
	var quote rune
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; {
		case quote != 0:
			if r == '\\' && quote != '`' {
				i++
			} else if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'' || r == '`':
			quote = r
		case r == '{':
			depth++
		case r == '}' && depth == 0:
			return i
		case r == '}':
			depth--
		}
	}
	return -1
}
