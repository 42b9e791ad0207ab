package casetest

import (
	"fmt"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// expected is a value as a test writes it: of a record only the fields that matter, of a list every item; ${…} is a
// condition on the value, and null says that there is none.
type expected struct {
	at      *source.Node
	shape   source.Kind
	exactly bool
	keys    []string
	fields  map[string]*expected
	items   []*expected
	literal rules.Value
	test    *rules.Template
	isTest  bool // test gives true or false about the value, and not the value itself
}

// Difference is a place where a value is not what was expected.
type Difference struct {
	File         string
	Line, Column int
	Path         string // within the value; "" is the value itself
	Want, Got    string
}

// String is the difference in one line.
func (d Difference) String() string {
	text := fmt.Sprintf("expected %s, found %s", d.Want, d.Got)
	if d.Path != "" {
		text = d.Path + ": " + text
	}
	return text
}

const onlyKey = "exactly"

// expect reads what a value of the type must be.
func (r *reader) expect(n *source.Node, t *rules.Type, env *rules.Environment) *expected {
	if t == nil {
		t = rules.TypeOf(rules.KindAny)
	}
	e := &expected{at: n, shape: n.Kind()}
	if isExactly(n, t) {
		e = r.expect(n.Get(onlyKey), t, env)
		e.exact()
		return e
	}
	switch e.shape {
	case source.Map:
		r.expectRecord(e, n, t, env)
	case source.List:
		if t.Kind != rules.KindList && t.Kind != rules.KindAny {
			n.Errorf("", "expected %s, found a list", t)
			return e
		}
		for _, item := range n.List() {
			e.items = append(e.items, r.expect(item, t.Items, env))
		}
	case source.Scalar:
		r.expectScalar(e, n, t, env)
	}
	return e
}

// isExactly says that {exactly: …} stands for the value, and is no field of it.
func isExactly(n *source.Node, t *rules.Type) bool {
	keys := n.Keys()
	_, declared := t.Field(onlyKey)
	return len(keys) == 1 && keys[0] == onlyKey && !declared
}

func (r *reader) expectRecord(e *expected, n *source.Node, t *rules.Type, env *rules.Environment) {
	if t.Kind != rules.KindRecord && t.Kind != rules.KindAny {
		n.Errorf("", "expected %s, found a mapping", t)
		return
	}
	e.fields = map[string]*expected{}
	for _, key := range n.Keys() {
		member := rules.TypeOf(rules.KindAny)
		if t.Kind == rules.KindRecord {
			if member = t.Member(key); member == nil {
				n.KeyNode(key).Errorf(source.DidYouMean(key, t.FieldNames()), "there is no field %q", key)
				continue
			}
		}
		e.keys = append(e.keys, key)
		e.fields[key] = r.expect(n.Get(key), member, env)
	}
}

func (r *reader) expectScalar(e *expected, n *source.Node, t *rules.Type, env *rules.Environment) {
	text := n.Text()
	if !strings.Contains(text, "${") {
		e.literal = r.literal(n, t)
		return
	}
	e.test = rules.CompileTemplate(n, env.With("value", t.AsPresent()), nil, rules.Options{Lenient: t.Kind == rules.KindAny})
	e.isTest = e.test.Type() != nil && e.test.Type().Kind == rules.KindBool && t.Kind != rules.KindBool
}

// literal reads a value without expressions.
func (r *reader) literal(n *source.Node, t *rules.Type) rules.Value {
	value, _ := rules.CompileTemplate(n, rules.NewEnvironment(nil), r.types.written(t), rules.Options{}).Literal()
	return value
}

func (e *expected) exact() {
	e.exactly = true
	for _, field := range e.fields {
		field.exact()
	}
	for _, item := range e.items {
		item.exact()
	}
}

// compare finds where the value is not what is expected.
func (e *expected) compare(got rules.Value, names map[string]rules.Value) []Difference {
	c := &comparison{names: names}
	c.value(e, got, "")
	return c.found
}

// holds says whether the value is what is expected.
func (e *expected) holds(got rules.Value, names map[string]rules.Value) bool {
	return e == nil || len(e.compare(got, names)) == 0
}

type comparison struct {
	names map[string]rules.Value
	found []Difference
}

func (c *comparison) differ(e *expected, path, want, got string) {
	line, column := e.at.Position()
	c.found = append(c.found, Difference{File: e.at.File(), Line: line, Column: column, Path: path, Want: want, Got: got})
}

func (c *comparison) value(e *expected, got rules.Value, path string) {
	switch {
	case e.shape == source.Null:
		if !got.IsMissing() {
			c.differ(e, path, "nothing", shown(got))
		}
	case e.shape == source.Map:
		c.record(e, got, path)
	case e.shape == source.List:
		c.list(e, got, path)
	case e.test != nil:
		c.condition(e, got, path)
	case !e.literal.Equal(got):
		c.differ(e, path, shown(e.literal), shown(got))
	}
}

func (c *comparison) record(e *expected, got rules.Value, path string) {
	if got.Kind() != rules.KindRecord {
		c.differ(e, path, "a record", shown(got))
		return
	}
	for _, key := range e.keys {
		c.value(e.fields[key], got.Get(key), joined(path, key))
	}
	if !e.exactly {
		return
	}
	for _, key := range got.Keys() {
		if e.fields[key] == nil {
			c.differ(e, joined(path, key), "nothing", shown(got.Get(key)))
		}
	}
}

func (c *comparison) list(e *expected, got rules.Value, path string) {
	if got.Kind() != rules.KindList && len(e.items) == 0 && got.IsMissing() {
		return
	}
	if got.Kind() != rules.KindList || got.Len() != len(e.items) {
		c.differ(e, path, fmt.Sprintf("a list of %d", len(e.items)), shown(got))
		return
	}
	for i, item := range e.items {
		c.value(item, got.At(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (c *comparison) condition(e *expected, got rules.Value, path string) {
	if got.IsMissing() {
		c.differ(e, path, e.at.Text(), "nothing")
		return
	}
	names := map[string]rules.Value{"value": got}
	for name, value := range c.names {
		names[name] = value
	}
	made, err := e.test.Eval(names)
	switch {
	case err != nil:
		c.differ(e, path, e.at.Text(), fmt.Sprintf("%s, on which it cannot be evaluated: %s", shown(got), err))
	case e.isTest && !made.Bool():
		c.differ(e, path, e.at.Text(), shown(got))
	case !e.isTest && !made.Equal(got):
		c.differ(e, path, shown(made), shown(got))
	}
}

func joined(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// longest is how much of a value a message shows.
const longest = 400

// shown is a value for a message.
func shown(v rules.Value) string {
	if v.IsMissing() {
		return "nothing"
	}
	text := strings.TrimSpace(string(v.Plain()))
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return text
}
