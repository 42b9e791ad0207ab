package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const routingTable = `rules: 1
table: approval-routing
facts:
  invoice: {type: record, required: true, properties: {total: {type: number, required: true}, lines: {type: list, required: true, items: {properties: {net: {type: number, required: true}}}}}}
  vendor: {type: record, required: true, properties: {tier: {enum: [bronze, silver, gold, platinum]}, country: {type: string, required: true}}}
  limit: {type: number, required: true}
hit: unique
inputs:
  - {name: Amount, fact: invoice.total}
  - {name: Tier, fact: vendor.tier}
  - {name: Country, fact: vendor.country}
  - {name: Lines over 5k, value: 'count(invoice.lines, .net > 5000)'}
outputs:
  - {name: route, type: text, values: [auto, manager, director, cfo]}
  - {name: sla_hours, type: number}
  - {name: message}
rows: |
  id  | Amount         | Tier                | Country         | Lines over 5k | route    | sla_hours | message | why
  R01 | <= 1000        | -                   | -               | -             | auto     | 1         |      | FIN-12 §3.1
  R02 | (1000..10000]  | gold, platinum      | -               | 0             | auto     | 4         |      | FIN-12 §3.2
  R03 | (1000..10000]  | gold, platinum      | -               | >= 1          | manager  | 24        | tier ${vendor.tier} | FIN-12 §3.2
  R04 | (1000..10000]  | not(gold, platinum), missing | -      | -             | manager  | ${invoice.total / 100} | |
  R05 | > 10000        | -                   | DE, AT, CH      | -             | director | 48        |      |
  R06 | > 10000        | -                   | not(DE, AT, CH) | -             | cfo      | 72        | "a, b" |
`

func parseTestTable(t *testing.T, text string) *Table {
	t.Helper()
	table, problems := ParseTable("rules/routing.yaml", []byte(text), nil)
	require.NoError(t, problems.Err())
	require.NotNil(t, table)
	return table
}

func TestDecide(t *testing.T) {
	t.Parallel()
	table := parseTestTable(t, routingTable)
	require.Equal(t, []string{"invoice.lines", "invoice.lines[].net", "invoice.total", "vendor.country", "vendor.tier"}, table.Reads())
	for facts, want := range map[string]string{
		`{"invoice":{"total":1000,"lines":[]},"vendor":{"tier":"gold","country":"DE"},"limit":5}`:                `R01 {"route":"auto","sla_hours":1} FIN-12 §3.1`,
		`{"invoice":{"total":1000.01,"lines":[]},"vendor":{"tier":"gold","country":"DE"},"limit":5}`:             `R02 {"route":"auto","sla_hours":4} FIN-12 §3.2`,
		`{"invoice":{"total":10000,"lines":[{"net":5000.1}]},"vendor":{"tier":"gold","country":"DE"},"limit":5}`: `R03 {"message":"tier gold","route":"manager","sla_hours":24} FIN-12 §3.2`,
		`{"invoice":{"total":5000,"lines":[]},"vendor":{"country":"DE"},"limit":5}`:                              `R04 {"route":"manager","sla_hours":50} `,
		`{"invoice":{"total":5000,"lines":[]},"vendor":{"tier":"bronze","country":"DE"},"limit":5}`:              `R04 {"route":"manager","sla_hours":50} `,
		`{"invoice":{"total":10000.01,"lines":[]},"vendor":{"country":"CH"},"limit":5}`:                          `R05 {"route":"director","sla_hours":48} `,
		`{"invoice":{"total":1e20,"lines":[]},"vendor":{"country":"US"},"limit":5}`:                              `R06 {"message":"a, b","route":"cfo","sla_hours":72} `,
	} {
		v, err := FromJSON([]byte(facts))
		require.NoError(t, err)
		decision, err := table.Decide(v)
		require.NoError(t, err, facts)
		require.Equal(t, want, fmt.Sprintf("%s %s %s", decision.Row, decision.Outputs.Plain(), decision.Why))
		require.Equal(t, table.Hash, decision.Hash)
		require.Len(t, decision.FactsHash, 64)
	}
	_, err := table.Decide(Record(nil))
	require.ErrorContains(t, err, "invoice: is missing; vendor: is missing; limit: is missing")
}

// cellTable is a table of one column of each type and one row, to try cells in.
func cellTable(column, cell string) string {
	return `rules: 1
table: cells
hit: first
facts: {n: {type: number, required: true}, o: number, t: {enum: [bronze, silver, gold]}, w: {type: string, required: true}, d: {type: date, required: true}, b: {type: boolean, required: true}, l: {type: list, required: true, items: {type: string}}, u: {type: duration, required: true}, limit: {type: number, required: true}, ok: {type: list, required: true, items: {type: number}}}
inputs: [` + column + `]
outputs: {hit: {type: boolean, required: true}}
default: {hit: false}
rows:
  - {id: R1, hit: true, ` + column + `: '` + strings.ReplaceAll(cell, "'", "''") + `'}
`
}

func TestCells(t *testing.T) {
	t.Parallel()
	facts, err := FromJSON([]byte(`{"n": 5, "t": "gold", "w": "O'Neil, Ann", "d": "2026-03-01", "b": true, "l": ["a","b"], "u": "3 days", "limit": 4, "ok": [1, 5.0]}`))
	require.NoError(t, err)
	for cell, hits := range map[string]bool{
		"n: 5": true, "n: 5.0": true, "n: 4": false, "n: 1, 5": true, "n: 1; 5": true, "n: -": true, "n: ": true, "n: *": true,
		"n: < 5": false, "n: <= 5": true, "n: > 4_999.5": false, "n: != 5": false, "n: = 5": true, "n: not(1, 2)": true, "n: not(5)": false,
		"n: [1..5]": true, "n: [1..5)": false, "n: ]5..9[": false, "n: 1..5": true, "n: (4..6)": true, "n: [6..7], [1..2]": false, "n: [6..7], [5..5]": true,
		"n: > limit": true, "n: limit": false, "n: limit + 1": true, "n: [limit..9]": true, "n: ${limit + 1}": true, "n: ok": true,
		"n: ? > limit and ? < 6": true, "n: ? % 2 == 0": false, "n: (o ?? 0)..9": true,
		"o: missing": true, "o: 5": false, "o: not(5)": false, "o: not(5), missing": true, "o: not(missing)": false, "o: -": true, "o: ? > 1": false, "o: < 9": false,
		"t: gold": true, "t: silver, gold": true, "t: not(gold)": false, "t: startsWith go": true, "t: missing": false, "t: = gold": true, `t: "gold"`: true,
		`w: "O'Neil, Ann"`: true, "w: O'Neil": false, "w: contains Neil": true, "w: endsWith Ann": true, "w: matches ^O.*n$": true, `w: ? contains "Ann" and len(?) > 3`: true, "w: ${t ?? w}": false,
		"d: 2026-03-01": true, "d: < 2026-03-01": false, "d: [2026-01-01..2026-12-31]": true, "d: ? > add_days(?, -1)": true,
		"b: true": true, "b: false": false, "l: a": true, "l: c": false, "l: c, b": true, "l: not(c)": true,
		"u: 72h": true, "u: > 2 days": true, "u: [1 days..3 days]": true,
	} {
		column, text, _ := strings.Cut(cell, ": ")
		table, problems := ParseTable("cells.yaml", []byte(cellTable(column, text)), nil)
		require.NoError(t, problems.Err(), cell)
		decision, err := table.Decide(facts)
		require.NoError(t, err, cell)
		require.Equal(t, hits, decision.Outputs.Get("hit").Bool(), cell)
	}
}

// TestCellErrors shows the place, the message and the hint; the place is that of the cell plus the offset in it.
func TestCellErrors(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"t: glod":         `cells.yaml:9:29: error: row R1, t: "glod" is not one of bronze, silver, gold (did you mean "gold"?)`,
		"t: silver, glod": `cells.yaml:9:37: error: row R1, t: "glod" is not one of`,
		"n: 1,000":        `row R1, n: 1,000 means "1 or 000" (write 1000 for one number, or put a space after the comma)`,
		"n: [5..1]":       `this range is empty: nothing can be in it`,
		"n: (5..5]":       `this range is empty`,
		"n: > limt":       `cells.yaml:9:31: error: row R1, n: unknown name limt (did you mean "limit"?)`,
		"n: 1-5":          `write a range as [1..5]`,
		"n: 10%":          `write the number as the fact has it`,
		"n: missing":      `the value of this column is never missing`,
		"n: abc":          `unknown name abc`,
		"n: o":            `it may be missing`,
		"n: w":            `expected a number, found a text`,
		"n: 1,,2":         `there is nothing between two commas`,
		"d: 01.03.2026":   `write YYYY-MM-DD`,
		"d: 2026-02-30":   `write YYYY-MM-DD`,
		"b: yes":          `write true or false`,
		"t: < gold":       `has no order`,
		"w: matches (":    `not a valid pattern`,
		"n: ? + 1":        `expected a boolean, found a number`,
		"n: ? > lmit":     `unknown name lmit`,
		"n: ? == \"a\"":   `cannot compare a number with a text`,
		"n: >":            `a value is missing here`,
		"u: tomorrow":     `unknown name tomorrow`,
	} {
		column, text, _ := strings.Cut(cell, ": ")
		_, problems := ParseTable("cells.yaml", []byte(cellTable(column, text)), nil)
		require.Error(t, problems.Err(), cell)
		require.Contains(t, problems.Error(), want, cell)
	}
}

func TestTableErrors(t *testing.T) {
	t.Parallel()
	for replace, want := range map[string]string{
		"hit: unique=>hit: some":             `"some" is not one of the values possible here`,
		"hit: unique=>":                      `the field "hit" is missing`,
		"rules: 1=>rules: 2":                 `language level "2" is not known here`,
		"R02 |=>R01 |":                       `routing.yaml:20:3: error: the id "R01" is taken by the row on line 19`,
		"R02 |=>    |":                       `this row has no id`,
		"| route    | sla=>| ruote    | sla": `unknown column "ruote" (did you mean "route"?)`,
		"manager  | 24        | tier=>boss  | 24        | tier": `row R03, route: "boss" is not one of auto, manager, director, cfo`,
		"| 48 =>| 4x8 ": `row R05, sla_hours: "4x8" is not a number`,
		"${invoice.total / 100}=>${invoice.totl}": `row R04, sla_hours: unknown field totl (did you mean "total"?)`,
		"fact: vendor.tier=>fact: vendor.teir":    `unknown field teir (did you mean "tier"?)`,
		"tier ${vendor.tier}=>tier ${vendor.tier": `${ is not closed`,
		"R06 | > 10000        | -                   | not(DE, AT, CH)=>R06 | > 10000        | -                   | DE, AT, CH": `row R06 has the same conditions as row R05`,
		"  - {name: message}=>  - {name: Tier}": `the column "Tier" is there twice`,
		"rows: |=>rowz: |":                      `unknown field "rowz" (did you mean "rows"?)`,
		"R04 | (1000..10000]  | not(gold, platinum), missing | -      | -             | manager  | ${invoice.total / 100} | |=>R04 | (1000..10000]  | - | - | - | manager | ${vendor.tier} | |": `expected a number, found one of bronze, silver, gold, platinum`,
	} {
		from, to, _ := strings.Cut(replace, "=>")
		require.Contains(t, routingTable, from)
		table, problems := ParseTable("rules/routing.yaml", []byte(strings.Replace(routingTable, from, to, 1)), nil)
		require.Nil(t, table, replace)
		require.Contains(t, problems.Error(), want, replace)
	}
}

func TestTableRunTimeErrors(t *testing.T) {
	t.Parallel()
	table := parseTestTable(t, strings.Replace(routingTable, "| > 10000        | -                   | DE", "| > 1 / (limit - 5) | -                   | DE", 1))
	v, err := FromJSON([]byte(`{"invoice":{"total":50000,"lines":[]},"vendor":{"country":"DE"},"limit":5}`))
	require.NoError(t, err)
	_, err = table.Decide(v)
	require.EqualError(t, err, "table approval-routing, row R05, Amount (rules/routing.yaml:23): division by zero")
	var wrong *DecisionError
	require.True(t, errors.As(err, &wrong))
	require.Equal(t, "> 1 / (limit - 5)\n    ^", wrong.Caret())
	_, err = parseTestTable(t, strings.Replace(routingTable, "not(gold, platinum), missing |", "not(gold, platinum) |", 1)).Decide(Record(map[string]Value{
		"invoice": Record(map[string]Value{"total": Number(Int(5000)), "lines": List()}), "vendor": Record(map[string]Value{"country": Text("DE")}), "limit": Number(Int(1))}))
	require.EqualError(t, err, "table approval-routing: no row matches these facts (add a row for them, or a default)")
	_, err = parseTestTable(t, strings.Replace(routingTable, "(1000..10000]  | gold", "<= 10000       | gold", 1)).Decide(Record(map[string]Value{
		"invoice": Record(map[string]Value{"total": Number(Int(500)), "lines": List()}), "vendor": Record(map[string]Value{"country": Text("DE"), "tier": Text("gold")}), "limit": Number(Int(1))}))
	require.ErrorContains(t, err, "rows R01 and R02 both match, and at most one may")
}

func TestTableCSV(t *testing.T) {
	t.Parallel()
	self := "\ufeff# rules: 1\r\n\"# table: warranty\",,\r\n# hit: first\r\n\"# facts: {category: {enum: [phone, \"\"coffee machine\"\"]}, months: {type: number, required: true}}\",,\r\n# inputs: [category, months]\r\n# outputs: {covered: {type: boolean, required: true}}\r\n" +
		"id,category,months,covered,why\r\nR1,phone,<= 24,true,\"Two years, as always\"\r\nR2,\"phone, coffee machine\",<= 12,true,\r\nR3,-,-,false,\r\n"
	table, problems := ParseTable("w.csv", []byte(self), nil)
	require.NoError(t, problems.Err())
	decision, err := table.Decide(Record(map[string]Value{"category": Text("phone"), "months": Number(Int(20))}))
	require.NoError(t, err)
	require.Equal(t, []string{"R1", "Two years, as always"}, []string{decision.Row, decision.Why})
	require.Equal(t, []string{"R1", "R2", "R3"}, table.Rows())
	same, _ := ParseTable("w.csv", []byte(strings.ReplaceAll(self, "\r\n", "\n")), nil)
	require.Equal(t, table.Hash, same.Hash)

	_, problems = ParseTable("w.csv", []byte(strings.Replace(self, "\"phone, coffee machine\"", "\"phone, cofee machine\"", 1)), nil)
	require.EqualError(t, problems.Err(), `w.csv:9:12: error: row R2, category: "cofee machine" is not one of phone, coffee machine (did you mean "coffee machine"?)`)
	_, problems = ParseTable("w.csv", []byte(strings.Replace(self, "# hit: first", "# hot: first", 1)), nil)
	require.Contains(t, problems.Error(), `w.csv:3:3: error: unknown field "hot" (did you mean "hit"?)`)

	head := "rules: 1\ntable: w\nhit: first\nfacts: {n: {type: number, required: true}}\ninputs: [n]\noutputs: {x: number}\nrows: w.csv\n"
	files := func(name string) ([]byte, error) {
		if name == "w.csv" {
			return []byte("id;n;x\nA;< 1.5;1\nB;-;2\n"), nil
		}
		return nil, errors.New("not there")
	}
	_, problems = ParseTable("rules/w.yaml", []byte(head), files)
	require.NoError(t, problems.Err())
	_, problems = ParseTable("rules/w.yaml", []byte(strings.Replace(head, "rows: w", "rows: v", 1)), files)
	require.ErrorContains(t, problems.Err(), `the file "v.csv" cannot be read: not there`)
	_, problems = ParseTable("rules/w.yaml", []byte(strings.Replace(head, "rows: w", "rows: ../w", 1)), files)
	require.ErrorContains(t, problems.Err(), `put it beside the table`)
}
