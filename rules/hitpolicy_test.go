package rules

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// discounts is a table in which several rows match a gold customer with a large order.
func discounts(hit, outputs, rest string, rows ...string) string {
	return "rules: 1\ntable: discounts\nhit: " + hit + "\n" + rest + `facts: {total: {type: number, required: true}, tier: {enum: [bronze, silver, gold]}}
inputs: [total, tier]
outputs: ` + outputs + `
rows: |
  id | total | tier | ` + strings.Join(rows, "\n  ") + "\n"
}

func TestHitPolicies(t *testing.T) {
	t.Parallel()
	const facts = `{"total": 500, "tier": "gold"}`
	one := "{percent: {type: number, required: true}}"
	two := "[{name: level, values: [high, middle, low]}, {name: percent, type: number}]"
	rows := []string{"percent | why", "A | > 1000 | - | 9 |", "B | > 100 | - | 2 | large", "C | - | gold | 5 | gold", "D | < 900 | gold | 2 | both"}
	ranked := []string{"level | percent", "A | > 1000 | - | high | 9", "B | > 100 | - | low | 2", "C | - | gold | middle | 5", "D | < 900 | gold | middle |"}
	for name, c := range map[string]struct{ table, facts, want string }{
		"first":              {discounts("first", one, "", rows...), facts, `B {"percent":2} large`},
		"unique":             {discounts("unique", one, "", rows...), facts, `error: table discounts, row C (t.yaml:11): rows B, C and D all match, and at most one may (make them exclude each other, or use hit: first)`},
		"any agrees":         {discounts("any", one, "", rows[0], rows[2], rows[4]), facts, `B, D {"percent":2} large; both`},
		"any does not":       {discounts("any", one, "", rows...), facts, `error: table discounts, row C (t.yaml:11): rows B and C both match, and they decide differently (give them the same outputs, or make them exclude each other)`},
		"priority":           {discounts("priority", two, "", ranked...), facts, `C {"level":"middle","percent":5} `},
		"collect":            {discounts("collect", one, "", rows...), facts, `B, C, D [2,5,2] large; gold; both`},
		"collect records":    {discounts("collect", two, "", ranked...), facts, `B, C, D [{"level":"low","percent":2},{"level":"middle","percent":5},{"level":"middle"}] `},
		"rule_order":         {discounts("rule_order", one, "", rows...), facts, `B, C, D [2,5,2] large; gold; both`},
		"output_order":       {discounts("output_order", two, "", ranked...), facts, `C, D, B [{"level":"middle","percent":5},{"level":"middle"},{"level":"low","percent":2}] `},
		"sum":                {discounts("sum", one, "", rows...), facts, `B, C, D 9 large; gold; both`},
		"sum of a formula":   {discounts("sum", one, "", rows[0], "A | - | - | ${total / 100} |", "B | - | gold | 0.5 |"), facts, `A, B 5.5 `},
		"min":                {discounts("min", one, "", rows...), facts, `B, C, D 2 large; gold; both`},
		"max":                {discounts("max", one, "", rows...), facts, `B, C, D 5 large; gold; both`},
		"count":              {discounts("count", one, "", rows...), facts, `B, C, D 3 large; gold; both`},
		"count, no outputs":  {discounts("count", "{}", "", "why", "A | > 1000 | - |", "B | > 100 | - | large"), facts, `B 1 large`},
		"nothing":            {discounts("collect", one, "", rows[:2]...), facts, `error: table discounts: no row matches these facts (add a row for them, or a default)`},
		"empty list":         {discounts("collect", one, "no_match: empty\n", rows[:2]...), facts, `default [] `},
		"empty sum":          {discounts("sum", one, "no_match: empty\n", rows[:2]...), facts, `default 0 `},
		"none counted":       {discounts("count", one, "no_match: empty\n", rows[:2]...), facts, `default 0 `},
		"default list":       {discounts("collect", one, "default: [1, '${total / 50}']\n", rows[:2]...), facts, `default [1,10] `},
		"default number":     {discounts("max", one, "default: '${total}'\n", rows[:2]...), facts, `default 500 `},
		"default record":     {discounts("priority", two, "default: {level: low}\n", ranked[:2]...), facts, `default {"level":"low"} `},
		"greatest of none":   {discounts("max", "{percent: number}", "", rows[0], "A | - | - | |"), facts, `A  `},
		"output not allowed": {discounts("collect", "[{name: level, values: [high, low]}]", "", "level", "A | - | - | ${lower(\"GOLD\")}"), facts, `error: table discounts, row A (t.yaml:9): level: "gold" is not one of high, low (known: high, low)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, problems := ParseTable("t.yaml", []byte(c.table), nil)
			require.NoError(t, problems.Err())
			v, err := FromJSON([]byte(c.facts))
			require.NoError(t, err)
			made, err := table.Decide(v)
			if err != nil {
				require.Equal(t, c.want, "error: "+err.Error())
				return
			}
			require.Equal(t, c.want, made.Row+" "+string(made.Outputs.String())+" "+made.Why)
			if table.Hit().several() && made.Row != DefaultRow {
				require.Equal(t, made.Row, strings.Join(made.Rows, ", "))
			} else {
				require.Empty(t, made.Rows)
			}
			if !made.Outputs.IsMissing() {
				requireOfType(t, table.Result, made.Outputs, "result")
			}
			row, why, outputs, err := table.Match(v.With("total", v.Get("total")))
			require.NoError(t, err)
			require.Equal(t, made.Row+made.Why+made.Outputs.String(), row+why+outputs.String())
		})
	}
}

func TestHitPolicyErrors(t *testing.T) {
	t.Parallel()
	rows := []string{"percent", "A | - | - | 1"}
	for want, text := range map[string]string{
		`t.yaml:3:6: error: hit: sum is about one output, and there are 2`:                                                                                                  discounts("sum", "{percent: number, other: number}", "", "percent | other", "A | - | - | 1 | 2"),
		`t.yaml:3:6: error: hit: sum adds numbers, and "percent" is a text (give the output type: number)`:                                                                  discounts("sum", "{percent: string}", "", rows...),
		`t.yaml:3:6: error: hit: max needs an output that has an order, and "percent" is a text`:                                                                            discounts("max", "{percent: string}", "", rows...),
		`t.yaml:3:6: error: hit: priority goes by the order of an output's values, and no output has any (give an output its values: [most important, …, least important])`: discounts("priority", "{percent: string}", "", rows...),
		`t.yaml:4:11: error: hit: max has no empty result (write no_match: error, or a default)`:                                                                            discounts("max", "{percent: number}", "no_match: empty\n", rows...),
		`t.yaml:4:11: error: no_match and default contradict each other (remove one of them)`:                                                                               discounts("collect", "{percent: number}", "no_match: empty\ndefault: []\n", rows...),
		`t.yaml:4:10: error: expected a list of number, found a mapping`:                                                                                                    discounts("collect", "{percent: number}", "default: {percent: 1}\n", rows...),
		`t.yaml:9:3: error: "A,B" cannot be the id of a row (choose another id)`:                                                                                            discounts("collect", "{percent: number}", "", "percent", "A,B | - | - | 1"),
		`t.yaml:3:6: error: "prioritty" is not one of the values possible here (did you mean "priority"?)`:                                                                  discounts("prioritty", "{percent: number}", "", rows...),
	} {
		_, problems := ParseTable("t.yaml", []byte(text), nil)
		require.Contains(t, problems.Error(), want)
	}
}
