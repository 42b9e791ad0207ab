package rules

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestIndexAgreesWithTheCells decides random facts by random tables with the index, and cell by cell.
func TestIndexAgreesWithTheCells(t *testing.T) {
	t.Parallel()
	cells := map[string][]string{
		"n": {"-", "1", "< 2", "[1..3)", "]2..5]", "not(2, 3)", "2, 4", "missing", "not(1), missing", "> limit", "!= 2", ">= 3.5", "not(missing)", "? + 0 > 2", "1e40", "< 1e40", "0.0000000000000000000000000000000000000001"},
		"t": {"-", "a", "b, c", "not(a)", "missing", "not(a, b), missing", "startsWith a", "!= c", "${other}"},
		"d": {"-", "2026-01-01", "< 2026-01-02", "[2026-01-01..2026-01-03]", "not(2026-01-02)"},
		"b": {"-", "true", "false", "not(true)"},
		"l": {"-", "a", "not(a)", "missing"},
	}
	random := rand.New(rand.NewSource(1))
	pick := func(from []string) string { return from[random.Intn(len(from))] }
	for range 60 {
		var rows strings.Builder
		for i := range 1 + random.Intn(90) {
			fmt.Fprintf(&rows, "  R%d | %s | %s | %s | %s | %s\n", i, pick(cells["n"]), pick(cells["t"]), pick(cells["d"]), pick(cells["b"]), pick(cells["l"]))
		}
		table, problems := ParseTable("t.yaml", []byte(`rules: 1
table: random
hit: first
facts: {n: number, t: string, d: {type: date, required: true}, b: {type: boolean, required: true}, l: {type: list, items: string}, limit: {type: number, required: true}, other: {type: string, required: true}}
inputs: [n, t, d, b, l]
outputs: {x: number}
rows: |
  id | n | t | d | b | l | x
`+strings.ReplaceAll(rows.String(), "\n", " | 1\n")), nil)
		if table == nil { // two rows happened to have the same conditions
			require.Contains(t, problems.Error(), "same conditions")
			continue
		}
		for range 200 {
			facts := Record(map[string]Value{"limit": Number(Int(2)), "other": Text("b"), "d": Date(2026, 1, 1+random.Intn(4)), "b": Bool(random.Intn(2) == 0)})
			if random.Intn(5) > 0 {
				n, err := ParseNum(pick([]string{"0", "1", "1.5", "2", "3", "3.4", "4", "1e39", "1e40", "1e41", "-1", "1e-40"}))
				require.NoError(t, err)
				facts = facts.With("n", Number(n))
			}
			if random.Intn(5) > 0 {
				facts = facts.With("t", Text(pick([]string{"a", "ab", "b", "c", "", "zz"})))
			}
			if random.Intn(3) > 0 {
				facts = facts.With("l", List(Text(pick([]string{"a", "b"}))))
			}
			want := ""
			explained, err := table.Explain(facts)
			require.NoError(t, err)
			for _, row := range explained.Rows { // each is looked at cell by cell, without the index
				if row.Verdict == VerdictDecided || row.Verdict == VerdictPassed {
					want = row.Row
					break
				}
			}
			got, _, _, err := table.Match(facts)
			if want == "" {
				require.ErrorContains(t, err, "no row matches")
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, got, "%s\n%s", facts, rows.String())
		}
	}
}
