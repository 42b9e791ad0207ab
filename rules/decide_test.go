package rules

import (
	"fmt"
	"math"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// byRows decides without the index.
func byRows(t *Table, facts Value) (row, why string, outputs Value, err error) {
	left := decisionWork
	d := t.begin(facts, &left)
	defer d.end(&left)
	if err := t.inputs(d); err != nil {
		return "", "", Value{}, err
	}
	if err := t.rowByRow(d); err != nil {
		return "", "", Value{}, err
	}
	if outputs, err = t.result(d); err != nil {
		return "", "", Value{}, err
	}
	row, why = t.deciders(d)
	return row, why, outputs, nil
}

// TestDecisionsDependOnNothingElse decides random facts by random tables of every hit policy: with the index, row by row,
// and from facts whose maps were made in other orders. Results and errors are the same.
func TestDecisionsDependOnNothingElse(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(7))
	pick := func(from ...string) string { return from[random.Intn(len(from))] }
	outputs := map[HitPolicy]string{Sum: "{x: number}", Min: "{x: number}", Max: "{x: number}"}
	for round := range 220 {
		policy := HitPolicies[round%len(HitPolicies)]
		var rows strings.Builder
		for i := range 1 + random.Intn(80) {
			x := pick("1", "2", "${n ?? 0}", "${1 / (limit - 3)}")
			if outputs[policy] == "" {
				x = pick("low", "high", "", "${t ?? \"low\"}")
			}
			fmt.Fprintf(&rows, "  R%d | %s | %s | %s | %s\n", i,
				pick("-", "1", "< 2", "[1..3)", "not(2, 3)", "missing", "> limit", "? / (limit - 2) > 1", "= limit", "1 / (limit - 4)"),
				pick("-", "a", "b, c", "not(a)", "missing", "startsWith a", "${other}", "matches ^a", "? != other"),
				pick("-", "x", "not(x)", "y, z", "-"), x)
		}
		of := outputs[policy]
		if of == "" {
			of = "[{name: x, values: [high, low, a, b, c]}]"
		}
		table, problems := ParseTable("t.yaml", []byte(`rules: 1
table: random
hit: `+string(policy)+`
facts: {n: number, t: string, l: {type: list, items: string}, limit: {type: number, required: true}, other: {type: string, required: true}}
inputs: [n, t, l]
outputs: `+of+`
rows: |
  id | n | t | l | x
`+rows.String()), nil)
		if table == nil { // two rows happened to have the same conditions
			require.Contains(t, problems.Error(), "same conditions")
			continue
		}
		for range 60 {
			fields := map[string]Value{"limit": Number(Int(int64(random.Intn(6)))), "other": Text(pick("b", "a"))}
			if random.Intn(4) > 0 {
				fields["n"] = Number(Int(int64(random.Intn(5))))
			}
			if random.Intn(4) > 0 {
				fields["t"] = Text(pick("a", "ab", "b", "c", ""))
			}
			if random.Intn(3) > 0 {
				fields["l"] = List(Text(pick("x", "y")), Text("q"))
			}
			facts := Record(fields)
			row, why, got, err := table.Match(facts)
			text := fmt.Sprint(row, why, got.String(), err)
			row, why, got, err = byRows(table, facts)
			require.Equal(t, text, fmt.Sprint(row, why, got.String(), err), "%s\n%s", facts, rows.String())
			shuffled := Record(nil)
			keys := slices.Clone(facts.Keys())
			random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			for _, key := range keys {
				shuffled = shuffled.With(key, facts.Get(key))
			}
			made, err := table.Decide(shuffled)
			if err == nil {
				require.Equal(t, text, fmt.Sprint(made.Row, made.Why, made.Outputs.String(), err))
			} else {
				require.Contains(t, text, err.Error())
			}
		}
	}
}

// TestFailingCellsAreNeeded fixes when a cell that cannot be evaluated is an error: when all cells of its row that
// compare with fixed values match, and under hit: first no row above decides.
func TestFailingCellsAreNeeded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ hit, rows, want string }{
		{"first", "A | > 1 | - | 1\n  B | - | 1 / (z - 0) | 2", "A"},
		{"first", "A | > 9 | - | 1\n  B | - | 1 / (z - 0) | 2", "error at t.yaml:10 B"},
		{"first", "A | > 9 | 1 / z | 1\n  B | - | - | 2", "B"},
		{"first", "A | 1 / z | > 9 | 1\n  B | - | - | 2", "B"},
		{"unique", "A | > 1 | - | 1\n  B | - | 1 / z | 2", "error at t.yaml:10 B"},
		{"any", "A | > 1 | - | 1\n  B | - | 1 / z | 2", "error at t.yaml:10 B"},
		{"priority", "A | > 1 | - | 1\n  B | - | 1 / z | 2", "error at t.yaml:10 B"},
		{"collect", "A | > 1 | - | 1\n  B | - | 1 / z | 2", "error at t.yaml:10 B"},
		{"output_order", "A | > 1 | - | 1\n  B | - | 1 / z | 2", "error at t.yaml:10 B"},
		{"sum", "A | > 1 | - | 1\n  B | - | 1 / z | 2", "error at t.yaml:10 B"},
		{"count", "A | > 1 | - | 1\n  B | - | 1 / z | 2", "error at t.yaml:10 B"},
		{"max", "A | > 1 | - | 1\n  B | not(1 / z) | < 0 | 2", "A"},
		{"collect", "A | > 1 | - | 1\n  B | - | - | ${1 / z}", "error at t.yaml:10 B"},
	} {
		table, problems := ParseTable("t.yaml", []byte(`rules: 1
table: t
hit: `+c.hit+`
facts: {n: {type: number, required: true}, m: {type: number, required: true}, z: {type: number, required: true}}
inputs: [n, m]
outputs: [{name: x, type: number, values: [2, 1]}]
rows: |
  id | n | m | x
  `+c.rows+"\n"), nil)
		require.NoError(t, problems.Err(), c.rows)
		facts := Record(map[string]Value{"n": Number(Int(5)), "m": Number(Int(1)), "z": Number(Int(0))})
		row, _, _, err := table.Match(facts)
		if err != nil {
			wrong := err.(*DecisionError)
			row = "error at " + wrong.Place.short() + " " + wrong.Row
			require.Equal(t, "division by zero", wrong.Message)
			require.NotEmpty(t, wrong.Caret())
		}
		require.Equal(t, c.want, row, "%s %s", c.hit, c.rows)
		again, _, _, err := byRows(table, facts)
		require.Equal(t, err == nil, !strings.HasPrefix(c.want, "error"))
		if err == nil {
			require.Equal(t, row, again)
		}
	}
}

// TestDecisionsTakeNoMemory holds for rows whose outputs are fixed and facts that have been decoded. Under the race
// detector a pool forgets some of what is put back, so the least of several looks counts.
func TestDecisionsTakeNoMemory(t *testing.T) {
	for _, hit := range []string{"first", "unique"} {
		table, facts := benchTable(t, hit)
		least := math.Inf(1)
		for range 50 {
			least = min(least, testing.AllocsPerRun(1, func() { _, _, _, _ = table.Match(facts) }))
		}
		require.Zero(t, least, hit)
	}
}
