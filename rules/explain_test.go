package rules

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func explained(t *testing.T, table *Table, facts string) *Explanation {
	t.Helper()
	v, err := FromJSON([]byte(facts))
	require.NoError(t, err)
	e, err := table.Explain(v)
	require.NoError(t, err)
	return e
}

func TestExplainEveryRow(t *testing.T) {
	t.Parallel()
	e := explained(t, parseTestTable(t, routingTable), `{"invoice":{"total":5000,"lines":[]},"vendor":{"tier":"silver","country":"DE"},"limit":5}`)
	require.Equal(t, []string{"R04"}, e.Decided)
	require.Equal(t, "Row R04 decided: route: manager, sla_hours: 50, because Amount is 5000 (the row wants more than 1000 and at most 10000) and Tier is silver (the row wants anything but gold or platinum or no value)", e.Text)
	texts := []string{}
	for _, row := range e.Rows {
		texts = append(texts, fmt.Sprintf("%s %s: %s", row.Row, row.Verdict, row.Text))
	}
	require.Equal(t, []string{
		"R01 missed: Amount is 5000, the row wants at most 1000",
		"R02 missed: Tier is silver, the row wants gold or platinum",
		"R03 missed: Tier is silver, the row wants gold or platinum; Lines over 5k is 0, the row wants at least 1",
		"R04 decided: decided: every cell fits",
		"R05 missed: Amount is 5000, the row wants more than 10000",
		"R06 missed: Amount is 5000, the row wants more than 10000; Country is DE, the row wants anything but DE, AT or CH",
	}, texts)
	near := []string{}
	for _, n := range e.NearMisses {
		near = append(near, n.Text)
	}
	require.Equal(t, []string{
		"with Amount 1000 instead of 5000, row R01 matches, and row R01 decides: route: auto, sla_hours: 1",
		"with Tier gold instead of silver, row R02 matches, and row R02 decides: route: auto, sla_hours: 4",
		"with Amount 10001 instead of 5000, row R05 matches, and row R05 decides: route: director, sla_hours: 48",
	}, near)
	require.Equal(t, []ExplainedInput{{"Amount", "invoice.total", PlainValue{Number(Int(5000))}}, {"Tier", "vendor.tier", PlainValue{Text("silver")}}, {"Country", "vendor.country", PlainValue{Text("DE")}},
		{"Lines over 5k", "count(invoice.lines, .net > 5000)", PlainValue{Number(Int(0))}}}, e.Inputs)
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	require.Contains(t, string(raw), `{"row":"R02","column":"Tier","fact":"vendor.tier","from":"silver","to":"gold","found":true,"changes":true,"decided":["R02"]`)
}

func TestExplainWhatHoldsWhereNoRowDoes(t *testing.T) {
	t.Parallel()
	table := parseTestTable(t, strings.Replace(routingTable, "hit: unique", "hit: first", 1))
	e := explained(t, table, `{"invoice":{"total":10,"lines":[]},"vendor":{"country":"DE"},"limit":5}`)
	require.Equal(t, "R01", e.Decided[0])
	require.Equal(t, "not looked at, as row R01 above decided; it does not match either: Amount is 10, the row wants more than 10000", e.Rows[4].Text)
	require.False(t, e.Rows[4].Looked)
	require.Equal(t, "with Amount 10001 instead of 10, row R05 matches, and row R05 decides: route: director, sla_hours: 48", e.NearMisses[1].Text)

	shadowed := `rules: 1
table: shadows
hit: first
facts: {n: {type: number, required: true}, at: {type: date}, tags: {items: string}, price: number}
inputs: [n, at, tags, price]
outputs: {x: string}
default: {x: none}
rows:
  - {id: A, n: '> 5', x: big, off: true}
  - {id: B, n: '> 3', x: middle, why: because}
  - {id: C, n: '> 2', x: small}
  - {id: D, n: '< 0', at: '>= 2026-01-01', x: dated}
  - {id: E, n: '0', tags: 'urgent', x: tagged}
  - {id: F, n: '1', price: '? > 10 and ? * 2 < 30', x: priced}
  - {id: G, n: '1', tags: 'not(late)', at: missing, price: not(5), x: rest}
`
	table = parseTestTable(t, shadowed)
	e = explained(t, table, `{"n":7}`)
	require.Equal(t, "A off: is off|B decided: decided: every cell fits|C passed: not looked at, as row B above decided; it matches too", rowTexts(e, 3))
	require.Equal(t, "because", e.Why)
	require.NotContains(t, nearTexts(e), "row C matches", "it does already")

	e = explained(t, table, `{"n":1,"price":9}`)
	require.Equal(t, "No row matches, so the default holds: x: none", e.Text)
	require.Equal(t, VerdictDefault, e.Rows[len(e.Rows)-1].Verdict)
	require.Contains(t, nearTexts(e), "with n 4 instead of 1, row B matches, and row B decides: x: middle")
	require.Contains(t, nearTexts(e), "with price 11 instead of 9, row F matches, and row F decides: x: priced")
	require.Contains(t, nearTexts(e), "with tags [] instead of missing, row G matches, and row G decides: x: rest")

	e = explained(t, table, `{"n":0,"tags":["late"]}`)
	require.Contains(t, nearTexts(e), `with tags ["late","urgent"] instead of ["late"], row E matches, and row E decides: x: tagged`)
	e = explained(t, table, `{"n":1,"tags":["late","x"],"price":6,"at":"2026-02-01"}`)
	require.Contains(t, rowTexts(e, 9), `G missed: at is 2026-02-01, the row wants no value; tags is ["late","x"], the row wants anything but late`)
}

func rowTexts(e *Explanation, most int) string {
	var texts []string
	for i := range min(most, len(e.Rows)) {
		texts = append(texts, fmt.Sprintf("%s %s: %s", e.Rows[i].Row, e.Rows[i].Verdict, e.Rows[i].Text))
	}
	return strings.Join(texts, "|")
}

func nearTexts(e *Explanation) string {
	var texts []string
	for _, n := range e.NearMisses {
		texts = append(texts, n.Text)
	}
	return strings.Join(texts, "\n")
}

func TestExplainErrors(t *testing.T) {
	t.Parallel()
	both := `rules: 1
table: both
hit: unique
facts: {n: {type: number, required: true}, m: {type: number, required: true}}
inputs: [n, m]
outputs: {x: string}
rows:
  - {id: A, n: '> 5', x: a}
  - {id: B, m: '> 5', x: b}
  - {id: C, n: '< 0', m: '? > 1 / m', x: c}
`
	e := explained(t, parseTestTable(t, both), `{"n":7,"m":7}`)
	require.Contains(t, e.Text, "No decision: table both, row B")
	require.Equal(t, []string{}, e.Decided)
	require.Equal(t, VerdictPassed, e.Rows[0].Verdict)
	require.Contains(t, e.Rows[1].Text, "matches; there is no decision: ")

	e = explained(t, parseTestTable(t, both), `{"n":-1,"m":0}`)
	require.Contains(t, e.Error, "division by zero")
	require.Equal(t, VerdictFailed, e.Rows[2].Verdict)
	require.Contains(t, e.Rows[2].Text, "m is 0, and the cell ? > 1 / m cannot be evaluated: division by zero")

	e = explained(t, parseTestTable(t, both), `{"n":1,"m":1}`)
	require.Equal(t, "No row matches, and the table has no default.", e.Text)
	require.Contains(t, nearTexts(e), "with n 6 instead of 1, row A matches, and row A decides: x: a")

	failing := strings.Replace(both, "inputs: [n, m]", "inputs: [{name: n, value: '1 / n'}, m]", 1)
	e = explained(t, parseTestTable(t, failing), `{"n":0,"m":1}`)
	require.Contains(t, e.Text, "No decision: table both, n: division by zero")
	require.Empty(t, e.Rows)
	_, err := parseTestTable(t, both).Explain(Record(nil))
	require.ErrorContains(t, err, "n: is missing")
}

// TestNearMissesAreTrue decides again for every near miss of random tables: the row must match, and the result be what
// the explanation says.
func TestNearMissesAreTrue(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(4))
	pick := func(from ...string) string { return from[random.Intn(len(from))] }
	seen, found := 0, 0
	for range 300 {
		var rows strings.Builder
		for i := range 8 {
			fmt.Fprintf(&rows, "  R%d | %s | %s | %s | %s | %s | r%d\n", i, pick("-", "< 3", ">= 2.5", "(1..4]", "2, 3", "not(2)", "> limit", "? > limit and ? < 9", "missing"),
				pick("-", "a", "not(a, b)", "startsWith a", "b, c", "missing"), pick("-", "bronze", "silver, gold", "not(gold)"), pick("-", "2026-01-02", "> 2026-01-02", "[2026-01-01..2026-01-03)"),
				pick("-", "true", "false"), i)
		}
		table, _ := ParseTable("random.yaml", []byte(`rules: 1
table: random
hit: `+pick("first", "unique")+`
facts: {n: number, w: string, t: {enum: [bronze, silver, gold], required: true}, d: {type: date, required: true}, b: {type: boolean, required: true}, limit: {type: number, required: true}}
inputs: [n, w, t, d, b]
outputs: {x: string}
rows: |
  id | n | w | t | d | b | x
`+rows.String()), nil)
		if table == nil {
			continue
		}
		facts := Record(map[string]Value{"limit": Number(Int(int64(random.Intn(5)))), "t": Text(pick("bronze", "silver", "gold")), "d": Date(2026, 1, 1+random.Intn(4)), "b": Bool(random.Intn(2) == 0),
			"n": Number(Int(int64(random.Intn(6)))), "w": Text(pick("a", "b", "zz"))})
		if random.Intn(4) == 0 {
			facts = facts.With(pick("n", "w"), Missing())
		}
		e, err := table.Explain(facts)
		require.NoError(t, err)
		for _, near := range e.NearMisses {
			seen++
			if !near.Found {
				continue
			}
			found++
			again, err := table.Explain(facts.With(near.Fact, near.To.Value))
			require.NoError(t, err)
			at := slices.IndexFunc(again.Rows, func(r ExplainedRow) bool { return r.Row == near.Row })
			require.Contains(t, []Verdict{VerdictDecided, VerdictPassed}, again.Rows[at].Verdict, "%s\n%s", near.Text, rows.String())
			require.Equal(t, near.Decided, again.Decided)
			require.Equal(t, near.Error, again.Error)
			require.Equal(t, near.Changes, e.Error != again.Error || !slices.Equal(e.Decided, again.Decided) || !e.Outputs.Equal(again.Outputs.Value))
		}
	}
	require.Greater(t, seen, 300)
	require.Greater(t, found, seen*9/10)
}

// BenchmarkExplain is to cost at most a hundred times what the decision of BenchmarkTableFirst costs.
func BenchmarkExplain(b *testing.B) {
	table, facts := benchTable(b, "first")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Explain(facts); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNearMissWithinTheLimitsOfTheType: where what the row wants lies beyond what the type has, the type's own limit is tried.
func TestNearMissWithinTheLimitsOfTheType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cell, n, want string }{
		{"< n", "5", "3"}, {"<= n", "5", "3"}, {"> n", "-5", "0"}, {"? < n", "5", "3"}, {"? > n", "-5", "0"}, {"[n..${n + 20}]", "-10", "0"}, {"< n", "2", "1"},
	} {
		table := parseTestTable(t, "rules: 1\ntable: t\nhit: first\nfacts: {m: {type: integer, minimum: 0, maximum: 3}, n: {type: integer, required: true}}\ninputs: [m]\noutputs: {x: string}\ndefault: {x: none}\nrows: |\n  id | m | x\n  R1 | "+
			c.cell+" | low\n")
		e := explained(t, table, `{"n": `+c.n+`}`)
		require.Len(t, e.NearMisses, 1, c.cell)
		require.True(t, e.NearMisses[0].Found, "%s: %s", c.cell, e.NearMisses[0].Text)
		require.Equal(t, c.want, e.NearMisses[0].To.Value.String(), c.cell)
	}
}
