package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAnalysisOfDatesIsExact gives random tables and their rows days on which they are in force, by a date or by a
// date-time, and compares what the analysis says with what they do on all of these days.
func TestAnalysisOfDatesIsExact(t *testing.T) {
	t.Parallel()
	rounds := 120
	if testing.Short() {
		rounds = 40
	}
	for seed := range uint64(rounds) {
		random := rand.New(rand.NewPCG(seed, 4))
		hit := []string{"first", "unique"}[seed%2]
		days := make([]Value, 5) // bounds are the inner three, so that facts lie on both sides of each
		begin := Date([]int{2019, 2026, 2031}[random.IntN(3)], 1, 1)
		for i := range days {
			days[i] = dateFromDays(begin.n + int64(i))
		}
		moments := random.IntN(3) == 0
		text, first, last := datedTable(random, randomTable(random, hit, 1+random.IntN(6), 1+random.IntN(3)), days, moments)
		var all []Value
		for _, facts := range allSmallFacts() {
			if !facts.Get("m").IsMissing() && !facts.Get("m").Equal(Number(Int(1))) && !strings.Contains(text, "M: m") && !strings.Contains(text, "Sum:") {
				continue // alike for such a table
			}
			for _, day := range days[first : last+1] {
				if moments {
					facts = facts.With("d", Value{kind: KindInstant, n: day.n*secondsPerDay + 3600})
				} else {
					facts = facts.With("d", day)
				}
				all = append(all, facts)
			}
		}
		analysisIsExact(t, seed, hit, text, all)
	}
}

// datedTable gives a table and its rows days on which they are in force; first and last are those of the table.
func datedTable(random *rand.Rand, text string, days []Value, moments bool) (dated string, first, last int) {
	first, last = 0, len(days)-1
	kind, bounds := "date", ""
	if moments {
		kind = "date-time"
	}
	if random.IntN(4) > 0 {
		first = 1 + random.IntN(3)
		bounds += "from: " + days[first].String() + ", "
	}
	if random.IntN(4) > 0 {
		last = max(first, 1) + random.IntN(4-max(first, 1))
		bounds += "to: " + days[last].String() + ", "
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	rows := false
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "facts:"):
			lines[i] = fmt.Sprintf("effective: {%sby: d}\n%s\n  d: {type: %s, required: true}", bounds, line, kind)
		case strings.HasPrefix(line, "  id"):
			lines[i] += " | from | to"
			rows = true
		case rows:
			from, to := "", ""
			low, high := max(first, 1), min(last, 3)
			begin := low
			if random.IntN(3) == 0 {
				begin = low + random.IntN(high-low+1)
				from = days[begin].String()
			}
			if random.IntN(3) == 0 {
				to = days[begin+random.IntN(high-begin+1)].String()
			}
			lines[i] += " | " + from + " | " + to
		}
	}
	return strings.Join(lines, "\n") + "\n", first, last
}

// TestFindingsOfTablesWithDates holds what is said of tables that are not in force on just any day.
func TestFindingsOfTablesWithDates(t *testing.T) {
	t.Parallel()
	const table = `rules: 1
table: dated
effective: {BOUNDSby: BY}
facts: {d: {type: KIND, required: true}, n: {type: number, required: true}}
hit: unique
no_match: error
complete: error
inputs: {n: n}
outputs: {out: {type: integer, required: true}}
rows: |
  id | n | out | from | to
`
	const gap, overlap = "  R1 | < 1 | 1 | |\n  R2 | > 1 | 2 | |\n", "  R1 | < 5 | 1 | |\n  R2 | > 1 | 2 | |\n"
	for _, one := range []struct{ kind, by, bounds, rows, want string }{
		{"date", "d", "from: 2021-01-01, to: 2021-12-31, ", gap, `gap error: no row handles n: 1 {"d":"2021-12-31","n":1}; add a row such as: R3 | 1`},
		{"date-time", "d", "from: 2021-01-01, to: 2021-12-31, ", gap, `gap error: no row handles n: 1 {"d":"2021-12-31T00:00:00Z","n":1}; add a row such as: R3 | 1`},
		{"date", "d", "from: 2021-06-01, to: 2021-06-01, ", gap, `gap error: no row handles n: 1 {"d":"2021-06-01","n":1}; add a row such as: R3 | 1`},
		{"date", "d", "to: 2021-12-31, ", gap, `gap error: no row handles n: 1 {"d":"2021-12-31","n":1}; add a row such as: R3 | 1`},
		{"date", "d", "from: 2027-01-01, ", overlap, `overlap warning: rows R1 and R2 both match n: (1..5), and they decide different things {"d":"2027-01-01","n":2}; make them exclude each other, or use hit: first if their order is meant to decide`},
		{"date", "d", "from: 2021-01-01, to: 2021-12-31, ", "  R1 | - | 1 | | 2021-03-31\n  R2 | - | 2 | 2021-05-01 |\n",
			`gap error: no row handles in force: (2021-03-31..2021-05-01) {"d":"2021-04-30","n":0}; add a row such as: R3 | - | (2021-03-31..2021-05-01)
unused warning: n`},
		{"date", "d", "from: 2021-01-01, to: 2021-12-31, ", "  R1 | - | 1 | | 2021-03-31\n  R2 | - | 2 | 2021-03-31 |\n",
			`overlap warning: rows R1 and R2 both match in force: 2021-03-31, and they decide different things {"d":"2021-03-31","n":0}; make them exclude each other, or use hit: first if their order is meant to decide
unused warning: n`},
	} {
		text := strings.NewReplacer("BOUNDS", one.bounds, "BY", one.by, "KIND", one.kind).Replace(table) + one.rows
		parsed, problems := ParseTable("rules/dated.yaml", []byte(text), nil)
		require.NoError(t, problems.Err(), text)
		var got []string
		for _, f := range parsed.Analyze(0).Findings {
			require.True(t, f.Proven, "%s\n%+v", text, f)
			if f.Kind == FindingUnused {
				got = append(got, fmt.Sprintf("unused %s: %s", f.Severity, f.Input))
				continue
			}
			got = append(got, fmt.Sprintf("%s %s: %s %s; %s", f.Kind, f.Severity, f.Message, f.Example.Plain(), f.Hint))
		}
		assert.Equal(t, one.want, strings.Join(got, "\n"), text)
	}
}

// TestVersionsAreAnalysedOnTheirOwnDays: each file of a table with versions is tried on the days on which it is in force.
func TestVersionsAreAnalysedOnTheirOwnDays(t *testing.T) {
	t.Parallel()
	file := func(dates string) string {
		text := strings.Replace(version(dates, "5"), "  R3 | > 100 | 2026-04-01 | | 51\n", "", 1)
		return strings.Replace(strings.Replace(text, "2026-03-31", "", 1), "<= 100", "< 100", 1)
	}
	table, problems := ParseTable("rules/rates.yaml", []byte(ratesTable), reader(map[string]string{
		"rates.2025.yaml": file("from: 2025-01-01, to: 2026-06-30, "), "rates.2026.yaml": file("from: 2026-07-01, "),
		"rules/rates.2025.yaml": file("from: 2025-01-01, to: 2026-06-30, "), "rules/rates.2026.yaml": file("from: 2026-07-01, "),
	}))
	require.NoError(t, problems.Err())
	require.Len(t, table.Parts(), 2)
	for _, part := range table.Parts() {
		a := part.Analyze(0)
		require.Len(t, a.Findings, 1, "%+v", a.Findings)
		require.Equal(t, FindingGap, a.Findings[0].Kind)
		require.True(t, a.Findings[0].Proven)
		require.Equal(t, resultNone, resultOf(table, a.Findings[0].Example.Value))
	}
	require.Len(t, table.Unproven(0), 2)
}
