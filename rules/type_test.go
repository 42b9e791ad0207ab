package rules

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/source"
)

func parseType(t *testing.T, text string) (*Type, source.Problems) {
	t.Helper()
	doc := source.Parse("type.yaml", []byte(text))
	require.NotNil(t, doc.Root, text)
	return ParseType(doc.Root), doc.Problems()
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`string`: "text", `integer`: "whole number", `date-time`: "date-time", `[string]`: "list of text", `{type: list}`: "list",
		`{enum: [a, b]}`: "one of a, b", `{enum: [1, 2]}`: "one of 1, 2", `{type: string, enum: [1, 2]}`: "one of 1, 2", `{ref: crm.customer}`: "id of a crm.customer",
		`{record: order, properties: {id: {ref: orders.order}}}`: "order record", `{type: string, format: date}`: "date",
		`{type: [string, 'null']}`: "text", `{items: {ref: invoicing.line}}`: "list of id of an invoicing.line", `object`: "record", `{minimum: 1}`: "number",
	} {
		got, problems := parseType(t, text)
		require.NoError(t, problems.Err(), text)
		require.Equal(t, want, got.String(), text)
	}
	for text, want := range map[string]string{
		`strng`:                        `type.yaml:1:1: error: unknown type "strng" (did you mean "string"?)`,
		`crm.customer`:                 `write {ref: crm.customer}`,
		`{type: string, maxLenght: 5}`: `unknown field "maxLenght" (did you mean "maxLength"?)`,
		`{type: string, maxItems: 5}`:  `this belongs to a list, and the type here is text`,
		`{type: number, enum: [a]}`:    `"a" is not a number`,
		`{enum: [a, a]}`:               `"a" is there twice`,
		`{ref: customer}`:              `write contract.kind, as in crm.customer`,
		`{record: customer, properties: {name: string}}`:                            `a business record needs a property id with a ref`,
		`{record: customer, properties: {id: {ref: crm.order}}}`:                    `declared as the id of a crm.order`,
		`{record: customer, properties: {id: {ref: crm.customer}, system: string}}`: `is added to every business record by itself`,
		`{properties: {name: string}, required: [nam]}`:                             `there is no property "nam" (did you mean "name"?)`,
		`[string, number]`: `names the type of its items, once`,
	} {
		_, problems := parseType(t, text)
		require.Contains(t, problems.Error(), want, text)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	of, problems := parseType(t, `
properties:
  on: {type: date, required: true}
  tier: {enum: [silver, gold]}
  name: {type: string, maxLength: 3, personal: true}
  count: {type: integer, minimum: 1, maximum: 9}
  tags: {items: string, maxItems: 2}
  inner: {properties: {at: date-time, wait: duration}}
  open: {type: object, additionalProperties: {type: number}}
  who: {type: date, personal: true}
`)
	require.NoError(t, problems.Err())
	v, err := Decode(of, []byte(`{"on":"2026-01-02","tier":"gold","count":3,"tags":["a"],"inner":{"at":"2026-01-02T03:04:05Z","wait":"2h"},"open":{"x":1.5},"name":null}`))
	require.NoError(t, err)
	require.Equal(t, KindDate, v.Get("on").Kind())
	require.Equal(t, KindDuration, v.Path("inner", "wait").Kind())
	again, err := of.Decode(v)
	require.NoError(t, err)
	require.True(t, v.Equal(again))
	for text, want := range map[string]string{
		`{}`:                                       `on: is missing`,
		`{"on":"02.01.2026"}`:                      `on: "02.01.2026" is not a date; write YYYY-MM-DD`,
		`{"on":5}`:                                 `on: expected a date, found a number`,
		`{"on":"2026-01-02","teir":1}`:             `teir: unknown field (did you mean "tier"?)`,
		`{"on":"2026-01-02","tier":"gld"}`:         `tier: "gld" is not one of silver, gold (did you mean "gold"?)`,
		`{"on":"2026-01-02","name":"Anna"}`:        `name: has 4 characters; at most 3 are allowed`,
		`{"on":"2026-01-02","count":1.5}`:          `count: must be a whole number`,
		`{"on":"2026-01-02","count":10}`:           `count: must be at most 9`,
		`{"on":"2026-01-02","count":"1"}`:          `count: expected a whole number, found a text (number(…) makes a number of it)`,
		`{"on":"2026-01-02","tags":["a",5]}`:       `tags[1]: expected a text, found a number`,
		`{"on":"2026-01-02","tags":["a","b","c"]}`: `tags: has 3 items; at most 2 are allowed`,
		`{"on":"2026-01-02","inner":{"at":"x"}}`:   `inner.at: "x" is not a point in time`,
		`{"on":"2026-01-02","open":{"x":"y"}}`:     `open.x: expected a number`,
		`[]`:                                       `expected a record, found a list`,
		`{"on":"2026-01-02","who":"Ann Smith"}`:    `who: is not a date`,
		`{"on":1,"tier":1}`:                        `on: expected a date, found a number; tier: expected one of silver, gold, found a number`,
	} {
		_, err := Decode(of, []byte(text))
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "Smith", "personal data")
	}
}

func TestJoinAndAccepts(t *testing.T) {
	t.Parallel()
	crm, _ := parseType(t, `{record: customer, properties: {id: {ref: crm.customer}, name: {type: string, required: true}, tier: {enum: [gold], required: true}}}`)
	support, _ := parseType(t, `{record: customer, properties: {id: {ref: support.customer}, name: {type: string, required: true}, tier: {enum: [silver]}, phone: {type: string, required: true}}}`)
	either := Join(crm, support)
	require.Equal(t, "customer record", either.String())
	require.True(t, either.Member("phone").Optional)
	require.True(t, either.Member("tier").Optional)
	require.False(t, either.Member("name").Optional)
	require.Equal(t, "one of gold, silver", either.Member("tier").String())
	require.Empty(t, either.Member("id").Ref)
	require.Empty(t, RefTo("invoicing.customer").Accepts(either), "the links find the counterpart")
	require.Empty(t, RefTo("crm.customer").Accepts(crm.Member("id")))
	require.NotEmpty(t, RefTo("invoicing.customer").Accepts(crm.Member("id")))
	require.NotEmpty(t, RefTo("invoicing.order").Accepts(crm))
	require.NotEmpty(t, RefTo("crm.customer").Accepts(&Type{Kind: KindText}))
	require.NotEmpty(t, RefTo("crm.customer").Accepts(crm.AsOptional()))
	require.Empty(t, crm.Accepts(crm))
	require.Equal(t, KindAny, Join(&Type{Kind: KindText}, &Type{Kind: KindNumber}).Kind)
	require.Contains(t, crm.Accepts(either), Mismatch{Path: "tier", Message: "it may be missing, and one of gold is wanted", Hint: "use ?? or a condition with != missing"})
	require.True(t, Join(TypeOf(KindMissing), &Type{Kind: KindText}).Optional)
}

func TestCustomFunctions(t *testing.T) {
	t.Parallel()
	quote := Function{Name: "quote", Params: []*Type{{Kind: KindText}}, Result: &Type{Kind: KindText},
		Call: func(a []Value) (Value, error) { return Text("'" + a[0].Text() + "'"), nil }}
	options := Options{Functions: []Function{quote}}
	env := NewEnvironment(nil).With("n", &Type{Kind: KindNumber}).With("o", (&Type{Kind: KindText}).AsOptional())
	x, err := Compile(`quote("a") + ("b" | quote())`, env, options)
	require.NoError(t, err)
	v, err := x.Eval(nil)
	require.NoError(t, err)
	require.Equal(t, "'a''b'", v.Text())
	for text, want := range map[string]string{
		`quote(n)`: `expected a text, found a number at character 7 of "quote(n)" (text(…) makes a text of it)`, `quote(o)`: `it may be missing`, `quote()`: `quote takes one argument, found 0`,
		`quot("a")`: `did you mean "quote"?`,
	} {
		_, err := Compile(text, env, options)
		require.ErrorContains(t, err, want, text)
	}
	x, err = Compile(`n + 1`, env, Options{})
	require.NoError(t, err)
	_, err = x.Eval(nil)
	require.ErrorContains(t, err, "n is missing")
}

func TestCompileNode(t *testing.T) {
	t.Parallel()
	doc := source.Parse("u.yaml", []byte("when: customer.tier == \"gold\" and nme\nother: >-\n  vip and\n  amuont > 5\nlast: amount\n"))
	env := NewEnvironment(testTypes(t))
	condition := &Type{Kind: KindBool}
	require.Nil(t, CompileNode(doc.Root.Get("when"), env, condition, Options{}))
	require.Nil(t, CompileNode(doc.Root.Get("other"), env, condition, Options{}))
	require.Nil(t, CompileNode(doc.Root.Get("last"), env, condition, Options{}))
	require.Contains(t, doc.Problems().Error(), `u.yaml:1:35: error: unknown name nme (did you mean "name"?)`)
	require.Contains(t, doc.Problems().Error(), `unknown name amuont (did you mean "amount"?)`)
	require.Contains(t, doc.Problems().Error(), `u.yaml:5:7: error: expected a boolean, found a number`)
}
