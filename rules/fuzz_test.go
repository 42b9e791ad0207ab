package rules

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/source"
)

// seeds are expressions that reach every part of the checker and the machine, good and bad.
var seeds = []string{
	`1 + 2 * 3 - -4 % 5 ** 2`, `customer.tier == "gold" and vip or not vip`, `stock?.available ?? 0`, `stock != missing ? stock.available : 0`,
	`map(filter(lines, .sku != missing), {id: .sku, n: #index})`, `sum(lines, .price * .qty)`, `sortBy(lines, .on, "desc")[0]?.sku ?? ""`,
	`let a = name ?? ""; a + a`, `if vip { 1 } else { 2 }`, `text matches "^a{1,3}" and text contains "b"`, `min(1, 2) in [1, 2]`,
	`days_between(on, at) + year(on)`, `on + duration("1 day")`, `at - at`, `unique(concat([1], [2]))`, `mentioned(text, lines, ["sku"])`,
	`readable(facts)`, `lines[1:-1] | map(.price) | max()`, `body.ticket.id`, `{a: {b: [missing]}}`, `first(split(text, ","))`, `#`, `.x`, `??`, `1..2`, `(((`,
	`any(lines, any(lines, .price > 1))`, "`raw`", `b"bytes"`, `"\u00e9" + '\n'`, `$env["x"]`, `1e400`, `99999999999999999999`, `0x1F`, `.5`, `a.b?.c[0]`, `text | upper()`,
}

// checkSound compiles and runs an expression: nothing may panic, and the result must be what its type says.
func checkSound(t *testing.T, text string, variables map[string]Value, types *Type, options Options) {
	t.Helper()
	x, err := Compile(text, NewEnvironment(types), options)
	if err != nil {
		require.NotEmpty(t, err.Error())
		for _, one := range err.(Errors) {
			require.LessOrEqual(t, one.Offset, len([]rune(text)), one)
			require.NotEmpty(t, one.Caret())
		}
		return
	}
	v, err := x.Eval(variables)
	if err != nil {
		require.NotEmpty(t, err.Error())
		return
	}
	again, err := x.Eval(variables)
	require.NoError(t, err)
	require.Equal(t, v.appendWire(nil), again.appendWire(nil))
	requireOfType(t, x.Type(), v, text)
}

func requireOfType(t *testing.T, want *Type, v Value, text string) {
	t.Helper()
	switch {
	case want == nil || want.Kind == KindAny:
	case v.IsMissing():
		require.True(t, want.Optional, "%s is missing, and its type %s says that it never is", text, want)
	default:
		require.Equal(t, want.Kind, v.Kind(), text)
	}
	for _, field := range want.fieldsOf(v) {
		requireOfType(t, want.Member(field), v.Get(field), text+"."+field)
	}
	if v.Kind() == KindList && want.Kind == KindList {
		for _, item := range v.Items() {
			requireOfType(t, itemType(want), item, text+"[]")
		}
	}
}

func (t *Type) fieldsOf(v Value) []string {
	if t == nil || v.Kind() != KindRecord || t.Kind != KindRecord {
		return nil
	}
	return t.FieldNames()
}

func FuzzCompile(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	doc := source.Parse("types.yaml", []byte(typesYAML))
	types := ParseFields(doc.Root)
	facts, err := Decode(types, []byte(valuesJSON))
	require.NoError(f, err)
	variables := map[string]Value{}
	for i, key := range facts.Keys() {
		variables[key] = facts.Items()[i]
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkSound(t, text, variables, types, Options{Limits: Limits{Steps: 5000, Bytes: 1 << 18}})
	})
}

func FuzzEval(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed, `{"a": [1, {"b": "x"}], "n": 1.50}`)
	}
	f.Fuzz(func(t *testing.T, text, document string) {
		body, err := FromJSON([]byte(document))
		if err != nil {
			return
		}
		types := RecordType(Field{"body", TypeOf(KindAny), false}, Field{"lines", TypeOf(KindList), true}, Field{"text", &Type{Kind: KindText}, true})
		variables := map[string]Value{"body": body, "lines": List(body, Text("x")), "text": Text(document)}
		checkSound(t, text, variables, types, Options{Lenient: true, Limits: Limits{Steps: 5000, Bytes: 1 << 18}})
	})
}

func FuzzValueJSON(f *testing.F) {
	for _, seed := range []string{`null`, `{"$date":"2026-01-02"}`, `{"$record":{"$date":1}}`, `[1e5,-0.0,"\ud83d\ude00",{"a":null}]`, `"\u00e9"`, `{"b":1,"a":[true,false]}`, `1E-7`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := FromJSON([]byte(text)); err == nil {
			require.True(t, json.Valid([]byte(text)), "accepts what is not JSON")
			require.True(t, json.Valid(v.Plain()))
			again, err := FromJSON(v.Plain())
			require.NoError(t, err)
			require.True(t, v.Equal(again))
		}
		var v Value
		if v.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		var again Value
		require.NoError(t, again.UnmarshalJSON(v.appendWire(nil)))
		require.True(t, v.Equal(again))
		require.Equal(t, v.appendWire(nil), again.appendWire(nil))
		require.Equal(t, v.Hash(), again.Hash())
	})
}

func FuzzTable(f *testing.F) {
	f.Add(routingTable)
	for _, cell := range []string{"[1..5)", "not(1, 2), missing", "> limit", "? > 1 and ? < 3", "1,000", "]1..2[", "${limit}", `"a, b"`, "a[0]..", "((", "x..y..z"} {
		f.Add(cellTable("n", cell))
		f.Add(cellTable("w", cell))
	}
	f.Add(ratesTable)
	f.Add(invoiceDecision)
	f.Add(commentedTable)
	f.Add(discounts("output_order", "[{name: x, values: [a, b]}]", "default: [a]\n", "x", "A | 1 | - | a"))
	f.Fuzz(func(t *testing.T, text string) {
		files := reader(map[string]string{"risk.yaml": riskTable, "who-approves.yaml": whoTable, "w.csv": "id,n,x\nA,1,2\n",
			"rates.2026.yaml": version("from: 2026-01-01, ", "2"), "rates.2025.yaml": text})
		table, problems := ParseTable("t.yaml", []byte(text), files)
		if strings.HasPrefix(text, "#") {
			ParseTable("t.csv", []byte(text), nil)
		}
		if written, _ := ReadTable("t.yaml", []byte(text), files); written != nil {
			again, problems := ReadTable("t.xlsx", written.Encode(), nil)
			require.NoError(t, problems.Err())
			require.Equal(t, string(written.Encode()), string(again.Encode()))
		}
		if table == nil {
			require.Error(t, problems.Err())
			return
		}
		v, err := FromJSON([]byte(`{"invoice":{"total":5000,"lines":[]},"vendor":{"country":"DE"},"limit":5}`))
		require.NoError(t, err)
		_, _ = table.Decide(v)
		_, _ = table.Explain(v)
		if facts, err := table.Facts.Decode(v); err == nil {
			_, _, outputs, err := table.Match(facts)
			if err == nil && !outputs.IsMissing() {
				requireOfType(t, table.Result, outputs, "result")
			}
		}
	})
}

// FuzzCell tries a cell in a column of each type: it is refused with a place inside of it, or it decides, with the index
// as without it.
func FuzzCell(f *testing.F) {
	for _, cell := range []string{"[1..5)", "not(1, 2), missing", "> limit", "? > 1 and ? < 3", "1,000", "]1..2[", "${limit}", `"a, b"`, "a[0]..", "((", "x..y..z", "not(not(missing))",
		"matches ^(a|b)*$", "startsWith ${w}", "10%", "1e999", "2026-01-01..2026-02-30", "3 days", "? in l", "-", "= \"x\"", "? == missing", "[", "]..[", "\u00a05\u00a0", "1_0", "ok, limit"} {
		for column := range cellColumns {
			f.Add(column, cell)
		}
	}
	facts, err := FromJSON([]byte(`{"n": 5, "t": "gold", "w": "O'Neil, Ann", "d": "2026-03-01", "b": true, "l": ["a","b"], "u": "3 days", "limit": 4, "ok": [1, 5.0]}`))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, column int, cell string) {
		if column < 0 || column >= len(cellColumns) || strings.ContainsAny(cell, "\n\r") || len(cell) > 3000 {
			return
		}
		table, problems := ParseTable("t.yaml", []byte(cellTable(cellColumns[column], cell)), nil)
		if table == nil {
			require.NotEmpty(t, problems)
			for _, p := range problems {
				require.NotEmpty(t, p.Message)
				require.Positive(t, p.Column)
			}
			return
		}
		for _, given := range []Value{facts, facts.With(cellColumns[column], Value{})} {
			decoded, err := table.Facts.Decode(given)
			if err != nil {
				continue
			}
			row, _, outputs, err := table.Match(decoded)
			again, _, same, problem := byRows(table, decoded)
			require.Equal(t, row, again)
			require.True(t, outputs.Equal(same))
			require.Equal(t, err == nil, problem == nil)
		}
	})
}

var cellColumns = []string{"n", "o", "t", "w", "d", "b", "l", "u"}

// FuzzDecide decides random numbers and texts by random cells in several rows, by every hit policy.
func FuzzDecide(f *testing.F) {
	f.Add(0, "> 1", "a", "< limit", "not(b)", "3", "a")
	f.Add(4, "? / (limit - 1) > 2", "startsWith a", "[1..2], missing", "${w}", "0.1", "ab")
	f.Fuzz(func(t *testing.T, policy int, n1, w1, n2, w2, n, w string) {
		if policy < 0 || policy >= len(HitPolicies) || strings.ContainsAny(n1+w1+n2+w2, "|\n\r") {
			return
		}
		table, _ := ParseTable("t.yaml", []byte("rules: 1\ntable: t\nhit: "+string(HitPolicies[policy])+`
facts: {n: number, w: {type: string, required: true}, limit: {type: number, required: true}}
inputs: [n, w]
outputs: [{name: x, type: number, values: [3, 2, 1]}]
rows: |
  id | n | w | x
  A | `+n1+" | "+w1+` | 1
  B | `+n2+" | "+w2+` | 2
  C | `+n1+" | "+w2+` | 3
`), nil)
		if table == nil {
			return
		}
		facts := Record(map[string]Value{"w": Text(w), "limit": Number(Int(1))})
		if number, err := ParseNum(n); err == nil {
			facts = facts.With("n", Number(number))
		}
		row, why, outputs, err := table.Match(facts)
		again, because, same, problem := byRows(table, facts)
		require.Equal(t, []string{row, why}, []string{again, because})
		require.True(t, outputs.Equal(same))
		require.Equal(t, err == nil, problem == nil)
		if err != nil {
			require.Equal(t, err.Error(), problem.Error())
		} else if !outputs.IsMissing() {
			requireOfType(t, table.Result, outputs, "result")
		}
	})
}
