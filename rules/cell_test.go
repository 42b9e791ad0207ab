package rules

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnits(t *testing.T) {
	t.Parallel()
	const text = `rules: 1
table: margins
hit: first
facts: {margin: {type: number, required: true}}
inputs: [{fact: margin, unit: UNIT}]
outputs: [{name: bonus, type: number, unit: UNIT}]
no_match: error
rows: |
  id | margin       | bonus
  A  | [10%..20%)   | 1.5%
  B  | 20%, 1_000 % | 3 %
`
	for unit, facts := range map[string]map[string]string{"percent": {"10": "A 1.5", "19.9": "A 1.5", "20": "B 3", "1000": "B 3"}, "fraction": {"0.1": "A 0.015", "0.2": "B 0.03", "10": "B 0.03"}} {
		table, problems := ParseTable("t.yaml", []byte(strings.ReplaceAll(text, "UNIT", unit)), nil)
		require.NoError(t, problems.Err())
		for margin, want := range facts {
			n, err := ParseNum(margin)
			require.NoError(t, err)
			row, _, outputs, err := table.Match(Record(map[string]Value{"margin": Number(n)}))
			require.NoError(t, err)
			require.Equal(t, want, row+" "+outputs.Get("bonus").String(), margin)
		}
	}
	_, problems := ParseTable("t.yaml", []byte(strings.ReplaceAll(text, "UNIT", "EUR")), nil)
	require.Contains(t, problems.Error(), `t.yaml:10:9: error: row A, margin: "10%" is not a number (write the number as the fact has it: 10 or 0.1; or say unit: percent`)
}

// TestCellsThatFail are cells that cannot be evaluated for some facts: each error names file, line, row and column, and
// underlines the place in the cell.
func TestCellsThatFail(t *testing.T) {
	t.Parallel()
	facts, err := FromJSON([]byte(`{"n": 5, "t": "gold", "w": "a", "d": "9999-12-31", "b": true, "l": ["a"], "u": "3 days", "limit": 0, "ok": [1]}`))
	require.NoError(t, err)
	for cell, want := range map[string]string{
		"n: > 1 / limit":        "division by zero\n> 1 / limit\n    ^",
		"n: [0..1 / limit]":     "division by zero\n[0..1 / limit]\n      ^",
		"n: 1, 2, 3 / limit":    "division by zero\n1, 2, 3 / limit\n        ^",
		"n: not(4 % limit)":     "division by zero\nnot(4 % limit)\n      ^",
		"n: ? / limit > 1":      "division by zero\n? / limit > 1\n  ^",
		"n: ${10 ** 10 ** 4}":   "the exponent must be a whole number between -999 and 999\n${10 ** 10 ** 4}\n     ^~",
		"n: number(w)":          "number: the text is not a number\nnumber(w)\n^~~~~~",
		"d: > add_days(d, 1)":   "add_days: the date lies outside the years 1 to 9999\n> add_days(d, 1)\n  ^~~~~~~~",
		"w: ${text(1 / limit)}": "division by zero\n${text(1 / limit)}\n         ^",
		"u: > ${duration(w)}":   "duration: the text is not a duration",
	} {
		column, text, _ := strings.Cut(cell, ": ")
		table, problems := ParseTable("rules/cells.yaml", []byte(cellTable(column, text)), nil)
		require.NoError(t, problems.Err(), cell)
		decoded, err := table.Facts.Decode(facts)
		require.NoError(t, err)
		_, _, _, err = table.Match(decoded)
		var wrong *DecisionError
		require.True(t, errors.As(err, &wrong), cell)
		if got := wrong.Message + "\n" + wrong.Caret(); !strings.Contains(got, want) {
			t.Errorf("%s: %q", cell, got)
		}
		require.Contains(t, err.Error(), "table cells, row R1, "+column+" (rules/cells.yaml:9): ", cell)
	}
}
