package rules

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/source"
)

func TestTemplate(t *testing.T) {
	t.Parallel()
	env, variables := NewEnvironment(testTypes(t)), testVariables(t)
	for text, want := range map[string]string{
		`'${amount}'`:                          `100.1`,
		`'Dear ${customer.name}, ${amount} €'`: `"Dear Ann Ö, 100.1 €"`,
		`{a: '${name}', b: '${stock}', c: [1, x, true, 2026-01-01, '2026']}`: `{"a":"x","c":[1,"x",true,"2026-01-01","2026"]}`,
		`'cost: $${not}'`:               `"cost: ${not}"`,
		`'${ {a: "}"} }'`:               `{"a":"}"}`,
		`"${'}'}${\"x\"}"`:              `"}x"`,
		`'${map(lines, .qty)}'`:         `[2,1,3]`,
		`{a: null, b: 1.10, c: "1.10"}`: `{"b":1.1,"c":"1.10"}`,
		`[]`:                            `[]`,
	} {
		doc := source.Parse("t.yaml", []byte(text))
		template := CompileTemplate(doc.Root, env, nil, Options{})
		require.NoError(t, doc.Problems().Err(), text)
		v, err := template.Eval(variables)
		require.NoError(t, err, text)
		require.Equal(t, want, string(v.Plain()), text)
	}
}

func TestTemplateWantedType(t *testing.T) {
	t.Parallel()
	env, variables := NewEnvironment(testTypes(t)), testVariables(t)
	wanted := source.Parse("w.yaml", []byte(`
properties:
  customer: {ref: invoicing.customer, required: true}
  since: date
  tier: {enum: [bronze, silver, gold, platinum]}
  code: string
  lines: {items: {properties: {price: number}}}
  note: string
`))
	want := ParseType(wanted.Root)
	require.NoError(t, wanted.Problems().Err())
	doc := source.Parse("t.yaml", []byte(`{customer: '${customer}', since: 2026-01-01, tier: gold, code: 007, lines: '${lines}', note: '${name}'}`))
	template := CompileTemplate(doc.Root, env, want, Options{})
	require.NoError(t, doc.Problems().Err())
	require.Equal(t, []string{"customer", "lines", "name"}, template.Reads())
	v, err := template.Eval(variables)
	require.NoError(t, err)
	require.Equal(t, `{"code":"007","customer":{"id":"c1","name":"Ann Ö","system":"crm","tier":"gold"},"lines":[{"price":10.1},{"price":0.2},{"price":5}],"note":"x","since":"2026-01-01","tier":"gold"}`, string(v.Plain()))
	require.Equal(t, KindDate, v.Get("since").Kind())

	for text, want := range map[string]string{
		`{customer: '${customer.id}'}`:                   `t.yaml:1:15: error: expected an id of an invoicing.customer, found an id of a crm.customer (pass the whole customer record: its counterpart is found through the links)`,
		`{customer: '${text}'}`:                          `found a text of unknown origin (pass the whole customer record that an operation returned)`,
		`{customer: c1}`:                                 `found a text of unknown origin`,
		`{}`:                                             `t.yaml:1:1: error: the field "customer" is missing`,
		`{customer: '${customer}', tier: glod}`:          `t.yaml:1:33: error: "glod" is not one of bronze, silver, gold, platinum (did you mean "gold"?)`,
		`{customer: '${customer}', teir: gold}`:          `unknown field "teir" (did you mean "tier"?)`,
		`{customer: '${customer}', since: '${at}'}`:      `expected a date, found a date-time (date_of(…) is its day)`,
		`{customer: '${customer}', since: soon}`:         `"soon" is not a date; write YYYY-MM-DD`,
		`{customer: '${customer}', note: 'a ${name} b'}`: `it may be missing (add ?? "" or another value)`,
		`{customer: '${customer}', note: 'a ${nam'}`:     `t.yaml:1:36: error: ${ is not closed`,
		`{customer: '${customer}', note: 'é ${nam} b'}`:  `t.yaml:1:38: error: unknown name nam (did you mean "name"?)`,
		`{customer: '${customer}', code: [1]}`:           `expected a text, found a list`,
	} {
		doc := source.Parse("t.yaml", []byte(text))
		CompileTemplate(doc.Root, env, wantedType(t, wanted), Options{})
		require.ErrorContains(t, doc.Problems().Err(), want, text)
	}
}

func wantedType(t *testing.T, doc *source.Document) *Type {
	t.Helper()
	return ParseType(doc.Root)
}

func TestLenient(t *testing.T) {
	t.Parallel()
	types := testTypes(t)
	env, variables := NewEnvironment(types), testVariables(t)
	for text, want := range map[string]string{
		`text(body.ticket.id)`:               `"12345678901234567890"`,
		`body.ticket.subject ?? missing`:     `null`,
		`body.order.number ?? "none"`:        `"none"`,
		`body.order.number == missing`:       `true`,
		`map(body.ticket.tags, {id: #})`:     `[{"id":"a"},{"id":"b"}]`,
		`filter(body.ticket.tags, # != "a")`: `["b"]`,
		`number(body.n) + 1`:                 `6`,
		`body.ticket.tags[0]`:                `"a"`,
		`first(body.ticket.tags)`:            `"a"`,
	} {
		x, err := Compile(text, env, Options{Lenient: true})
		require.NoError(t, err, text)
		v, err := x.Eval(variables)
		require.NoError(t, err, text)
		require.Equal(t, want, string(v.Plain()), text)
	}
	for text, want := range map[string]string{
		`body.order.number`:                `number is read from something that is missing at character 12`,
		`body.n + 1`:                       `+ does not work on a text and a number at character 8`,
		`body.n > 1`:                       `cannot order a text and a number`,
		`body.n == 5`:                      `cannot compare a text with a number`,
		`body.x + 1`:                       `one side of this operator is missing`,
		`filter(body.ticket, .x)`:          `filter works on a list, found a record`,
		`filter(body.ticket.tags, .x > 1)`: `a text has no field x`,
		`upper(body.ticket)`:               `upper: expected a text, found a record`,
		`upper(body.x)`:                    `upper: argument 1 is missing`,
		`body.x and true`:                  `expected true or false, found nothing: it is missing`,
	} {
		x, err := Compile(text, env, Options{Lenient: true})
		require.NoError(t, err, text)
		_, err = x.Eval(variables)
		require.ErrorContains(t, err, want, text)
	}
}

func TestNarrowedEnvironment(t *testing.T) {
	t.Parallel()
	env := NewEnvironment(testTypes(t))
	when, err := Compile(`stock != missing and customer.email != missing`, env, Options{})
	require.NoError(t, err)
	_, err = Compile(`customer.email + text(stock.available)`, env.Narrow(when), Options{})
	require.NoError(t, err)
	_, err = Compile(`customer.email + text(stock.available)`, env.NarrowNot(when), Options{})
	require.Error(t, err)
	skipped, err := Compile(`stock == missing or vip`, env, Options{})
	require.NoError(t, err)
	_, err = Compile(`stock.available > 1`, env.NarrowNot(skipped), Options{})
	require.NoError(t, err)
	enough, err := Compile(`(stock?.available ?? 0) > 1 and (name ?? "") == "x"`, env, Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"name", "stock.available"}, enough.Reads())
}
