package rules

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The facts of random tables have few values, so that all of them can be tried.
const smallFacts = `
  n: {type: integer, minimum: 0, maximum: 4, required: true}
  m: {type: integer, minimum: 0, maximum: 3}
  e: {enum: [a, b, c]}
  f: {enum: [x, y], required: true}
  b: {type: boolean, required: true}
`

// allSmallFacts lists them.
func allSmallFacts() []Value {
	all := []Value{Record(nil)}
	with := func(name string, values ...Value) {
		var next []Value
		for _, facts := range all {
			for _, v := range values {
				next = append(next, facts.With(name, v))
			}
		}
		all = next
	}
	number := func(i int64) Value { return Number(Int(i)) }
	with("n", number(0), number(1), number(2), number(3), number(4))
	with("m", Value{}, number(0), number(1), number(2), number(3))
	with("e", Value{}, Text("a"), Text("b"), Text("c"))
	with("f", Text("x"), Text("y"))
	with("b", Bool(false), Bool(true))
	return all
}

// randomTable writes a table over small facts.
func randomTable(random *rand.Rand, hit string, rows, outputs int) string {
	pick := func(cells ...string) string { return cells[random.IntN(len(cells))] }
	number := func() string { return fmt.Sprint(random.IntN(5)) }
	numeric := func(high int) string {
		a, b := random.IntN(high), random.IntN(high)
		return pick(fmt.Sprintf("< %d", max(a, 1)), fmt.Sprintf(">= %d", a), fmt.Sprintf("[%d..%d]", min(a, b), max(a, b)), fmt.Sprint(a), fmt.Sprintf("not(%d)", a), fmt.Sprintf("%d, %d", a, b), fmt.Sprintf("!= %d", b))
	}
	var columns []string
	for _, column := range []string{"N: n", "M: m", "E: e", "F: f", "B: b", "Again: n", "Sum: 'n + (m ?? 0)'"} {
		if random.IntN(3) > 0 {
			columns = append(columns, column)
		}
	}
	if len(columns) == 0 {
		columns = []string{"N: n"}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rules: 1\ntable: random\nhit: %s\nfacts:%sinputs: {%s}\noutputs: {out: {type: integer, required: true}}\nrows: |\n  id", hit, smallFacts, strings.Join(columns, ", "))
	var names []string
	for _, column := range columns {
		name, _, _ := strings.Cut(column, ":")
		names = append(names, name)
		b.WriteString(" | " + name)
	}
	b.WriteString(" | out\n")
	seen := map[string]bool{}
	for i := range rows {
		var cells []string
		for _, name := range names {
			cell := "-"
			if random.IntN(5) > 1 {
				switch name {
				case "N", "Again":
					cell = numeric(5)
				case "M":
					cell = pick(numeric(4), numeric(4)+", missing", "missing", "not(missing)", "< ${n}", ">= ${n}", "not(${n}), missing")
				case "E":
					cell = pick("a", "a, b", "not(a)", "missing", "c, missing", "startsWith a", "not(endsWith b)")
				case "F":
					cell = pick("x", "y", "not(y)")
				case "B":
					cell = pick("true", "false")
				case "Sum":
					cell = pick("< "+number(), ">= "+number(), number())
				}
			}
			cells = append(cells, cell)
		}
		text := strings.Join(cells, " | ")
		if seen[text] {
			continue
		}
		seen[text] = true
		fmt.Fprintf(&b, "  R%d | %s | %d\n", i+1, text, random.IntN(outputs))
	}
	return b.String()
}

func kinds(a *Analysis, kind string) []Finding {
	var found []Finding
	for _, f := range a.Findings {
		if f.Kind == kind {
			found = append(found, f)
		}
	}
	return found
}

// TestAnalysisIsExact compares what the analysis says of random tables with what they do for all facts.
func TestAnalysisIsExact(t *testing.T) {
	t.Parallel()
	all := allSmallFacts()
	rounds := 200
	if testing.Short() {
		rounds = 60
	}
	for seed := range uint64(rounds) {
		random := rand.New(rand.NewPCG(seed, 1))
		hit := []string{"first", "unique"}[seed%2]
		text := randomTable(random, hit, 1+random.IntN(8), 1+random.IntN(3))
		analysisIsExact(t, seed, hit, text, all)
	}
}

// analysisIsExact compares what the analysis says of a table with what it does for all facts.
func analysisIsExact(t *testing.T, seed uint64, hit, text string, all []Value) {
	t.Helper()
	table, problems := ParseTable("rules/random.yaml", []byte(text), nil)
	require.NoError(t, problems.Err(), text)
	a := table.Analyze(0)
	require.Empty(t, kinds(a, FindingFails), text)
	say := fmt.Sprintf("seed %d\n%s\n%+v", seed, text, a)

	space := newSpace(table.Facts)
	space.add(table)
	space.cut()
	gaps := kinds(a, FindingGap)
	pairs := map[string]bool{}
	decided := map[string]bool{}
	for _, facts := range all {
		rows := matchingRows(t, table, facts)
		for i, first := range rows {
			for _, second := range rows[i+1:] {
				pairs[first+" "+second] = true
			}
		}
		if hit == "first" && len(rows) > 0 {
			decided[rows[0]] = true
		}
		if len(rows) == 1 {
			decided[rows[0]] = true
		}
		inside := slices.ContainsFunc(gaps, func(f Finding) bool { return inRegion(table, space, f, facts) })
		if len(a.Unchecked) == 0 {
			require.Equal(t, len(rows) == 0, inside, "%s\n%s", facts.Plain(), say)
		}
	}
	for _, f := range gaps {
		if f.Proven {
			require.Equal(t, resultNone, resultOf(table, f.Example.Value), say)
		}
	}
	if hit == "unique" {
		proven := map[string]bool{}
		for _, f := range kinds(a, FindingOverlap) {
			if f.Proven {
				proven[strings.Join(f.Rows, " ")] = true
			}
		}
		require.Equal(t, pairs, proven, say)
	}
	never := map[string]bool{}
	for _, f := range kinds(a, FindingNever) {
		never[f.Rows[0]] = true
	}
	for _, id := range table.Rows() {
		require.False(t, never[id] && decided[id], "%s\n%s", id, say)
		if !decided[id] && !never[id] {
			require.NotEmpty(t, a.Unchecked, "%s\n%s", id, say)
		}
	}
	unusedInputs(t, table, a, all, say)
}

// unusedInputs compares the facts that never matter with what happens when they are changed.
func unusedInputs(t *testing.T, table *Table, a *Analysis, all []Value, say string) {
	t.Helper()
	for i := range table.columns {
		c := &table.columns[i]
		path := factPath(c.value.root)
		if c.dates {
			require.False(t, slices.ContainsFunc(kinds(a, FindingUnused), func(f Finding) bool { return f.Input == c.name }), say)
			continue
		}
		if path == nil || slices.ContainsFunc(table.columns, func(other column) bool {
			return other.name != c.name && (other.value.text == c.value.text || slices.Contains(other.value.reads, path[0]))
		}) || slices.ContainsFunc(table.rows, func(r row) bool {
			return slices.ContainsFunc(r.cells, func(cell gridCell) bool { return strings.Contains(cell.text, "${") })
		}) {
			continue
		}
		results := map[string]string{}
		matters := false
		for _, facts := range all {
			without := facts.With(path[0], Value{})
			got := resultOf(table, facts)
			if strings.HasPrefix(got, "error") {
				got = "error"
			}
			was, known := results[string(without.Plain())]
			matters = matters || known && was != got
			results[string(without.Plain())] = got
		}
		unused := slices.ContainsFunc(kinds(a, FindingUnused), func(f Finding) bool { return f.Input == c.name })
		require.False(t, unused && matters, "%s matters\n%s", c.name, say)
		if !matters && !unused && !slices.ContainsFunc(table.columns, func(other column) bool { return factPath(other.value.root) == nil }) {
			require.NotEmpty(t, a.Unchecked, "%s does not matter\n%s", c.name, say)
		}
	}
}

func matchingRows(t *testing.T, table *Table, facts Value) []string {
	t.Helper()
	d := proving(facts)
	defer proved(d)
	require.NoError(t, table.inputs(d))
	var ids []string
	for i := range table.rows {
		missed, err := table.miss(d, &table.rows[i])
		require.NoError(t, err)
		if missed < 0 {
			ids = append(ids, table.rows[i].id)
		}
	}
	return ids
}

// inRegion says whether facts lie in the region of a finding.
func inRegion(table *Table, space *space, f Finding, facts Value) bool {
	d := proving(facts)
	defer proved(d)
	for at, set := range f.region {
		if set == nil || at >= len(space.axes) {
			continue
		}
		if i := space.axes[at].piece(d); i < 0 || !set.has(i) {
			// What an axis tells apart of a missing value does not count.
			if v, _ := space.axes[at].value(d); space.axes[at].kind == orderAxis && v.IsMissing() {
				continue
			}
			return false
		}
	}
	return true
}

// TestCatalogueIsAnalysed holds the tables that come with the program to having no finding.
func TestCatalogueIsAnalysed(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(Catalog(), "*.yaml")
	require.NoError(t, err)
	for _, name := range files {
		text, err := fs.ReadFile(Catalog(), name)
		require.NoError(t, err)
		table, problems := ParseTable("rules/"+name, text, nil)
		require.NoError(t, problems.Err())
		a := table.Analyze(0)
		require.Empty(t, a.Unexplained(), name)
		require.Empty(t, a.Unchecked, name)
	}
}

// wideTable has so many rows over inputs of every kind; if complete, the last takes what is left.
func wideTable(rows, inputs int, random *rand.Rand, complete bool) string {
	var b strings.Builder
	b.WriteString("rules: 1\ntable: wide\nhit: first\nfacts:\n")
	for i := range inputs {
		fmt.Fprintf(&b, "  c%d: {type: %s, required: true}\n", i, []string{"number", "string"}[i%2])
	}
	b.WriteString("inputs: [")
	for i := range inputs {
		fmt.Fprintf(&b, "c%d, ", i)
	}
	b.WriteString("]\noutputs: {out: {type: integer, required: true}}\nrows: |\n  id")
	for i := range inputs {
		fmt.Fprintf(&b, " | c%d", i)
	}
	b.WriteString(" | out\n")
	for r := range rows {
		fmt.Fprintf(&b, "  R%d", r)
		for i := range inputs {
			switch low := random.IntN(1_000); {
			case complete && r == rows-1, random.IntN(4) == 0:
				b.WriteString(" | -")
			case i%2 == 0:
				fmt.Fprintf(&b, " | [%d..%d)", low, low+1+random.IntN(600))
			default:
				words := fmt.Sprintf("w%d, v%d, u%d", low%20, low%7, low%13)
				if r%2 == 0 {
					words = "not(" + words + ")"
				}
				b.WriteString(" | " + words)
			}
		}
		fmt.Fprintf(&b, " | %d\n", random.IntN(5))
	}
	return b.String()
}

// TestAnalysisIsBounded analyses tables of a size and wildness that nobody writes.
func TestAnalysisIsBounded(t *testing.T) {
	for _, one := range []struct{ rows, inputs int }{{200, 6}, {1_000, 8}} {
		for _, complete := range []bool{true, false} {
			text := wideTable(one.rows, one.inputs, rand.New(rand.NewPCG(1, 2)), complete)
			table, problems := ParseTable("rules/wide.yaml", []byte(text), nil)
			require.NoError(t, problems.Err())
			started := time.Now()
			a := table.Analyze(0)
			t.Logf("%d rows, %d inputs: %s, %d steps, %d findings, %v", one.rows, one.inputs, time.Since(started), a.Steps, len(a.Findings), a.Unchecked)
			require.LessOrEqual(t, a.Steps, AnalyzeSteps+AnalyzeSteps/10)
			if one.rows == 200 {
				require.NotContains(t, strings.Join(a.Unchecked, " "), "not fully checked")
				require.Less(t, a.Steps, AnalyzeSteps/10)
			}
		}
	}
}

// TestFindings holds what an author reads.
func TestFindings(t *testing.T) {
	t.Parallel()
	const head = `rules: 1
table: approval
facts:
  amount: {type: number, required: true}
  tier: {enum: [bronze, silver, gold]}
  code: {type: string, required: true}
  limit: {type: number, required: true}
`
	const rest = `inputs: [amount, tier, code]
outputs: {route: {type: string, required: true}}
rows: |
  id | amount | tier | code | route
`
	for _, one := range []struct{ name, extra, rows, want string }{
		{"gap", "hit: unique\n", `  R1 | <= 1000 | - | - | auto
  R2 | > 1000 | gold, missing | - | manager
`, `gap: no row handles amount: > 1000 | tier: bronze, silver {"amount":1001,"code":"other","limit":0,"tier":"bronze"} add a row such as: R3 | > 1000 | bronze, silver | -
never_matters: the input code never matters: no row has a condition on it  remove the column, or add the rows that it is for
never_matters: the fact limit is never read  remove it, or add the column that it is for
`},
		{"overlap", "hit: unique\ncomplete: off\n", `  R1 | <= 1000 | - | startsWith A | auto
  R2 | - | gold | endsWith Z | manager
`, `overlap: rows R1 and R2 both match amount: <= 1000 | tier: gold | code: such as A Z, and they decide different things {"amount":0,"code":"A Z","limit":0,"tier":"gold"} make them exclude each other, or use hit: first if their order is meant to decide
never_matters: the fact limit is never read  remove it, or add the column that it is for
`},
		{"union", "hit: first\n", `  R1 | < ${limit} | - | - | auto
  R2 | >= 10 | - | contains x | auto
  R3 | < 20 | - | - | cfo
  R4 | [5..30] | gold | contains xy | manager
  R5 | - | - | - | cfo
`, `never_decides: row R4 can never decide: rows R2, R3 already take every case of it {"amount":5,"code":"xy","limit":0,"tier":"gold"} remove it, move it up, or change its conditions
never_matters: the input tier never matters: with every value of it the table decides the same  remove the column, or add the rows that it is for
`},
		{"accepted", "hit: unique\naccept:\n  - {gap: {amount: '< 0'}, why: amounts are never negative}\n  - {never_matters: limit, why: the case page shows it}\n  - {never_matters: code, why: soon}\n  - {overlap: [R1, R2], why: no}\n", `  R1 | [0..1000] | - | - | auto
  R2 | > 1000 | - | - | manager
`, `gap: no row handles amount: < 0  
never_matters: the input tier never matters: no row has a condition on it  remove the column, or add the rows that it is for
never_matters: the input code never matters: no row has a condition on it  remove the column, or add the rows that it is for
never_matters: the fact limit is never read  remove it, or add the column that it is for
accept: a finding is accepted that does not exist: overlap, rows R1, R2  remove it from accept
`},
	} {
		table, problems := ParseTable("rules/approval.yaml", []byte(head+one.extra+rest+one.rows), nil)
		require.NoError(t, problems.Err(), one.name)
		var got strings.Builder
		for _, f := range table.Analyze(0).Findings {
			require.True(t, f.Proven, one.name)
			example := ""
			if f.Example != nil {
				example = string(f.Example.Plain())
			}
			fmt.Fprintf(&got, "%s: %s %s %s\n", f.Kind, f.Message, example, f.Hint)
		}
		if one.want != got.String() {
			t.Errorf("%s\nwant:\n%sgot:\n%s", one.name, one.want, got.String())
		}
	}
}

// TestSuggestedRowsCloseGaps adds what the analysis suggests until nothing is left open.
func TestSuggestedRowsCloseGaps(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 2))
		text := randomTable(random, "first", 1+random.IntN(5), 2)
		if strings.Contains(text, "${") || strings.Contains(text, "Sum") || strings.Contains(text, "Again") {
			continue
		}
		for range 60 {
			table, problems := ParseTable("rules/random.yaml", []byte(text), nil)
			require.NoError(t, problems.Err(), text)
			gaps := kinds(table.Analyze(0), FindingGap)
			if len(gaps) == 0 {
				break
			}
			text += "  " + rowText(gaps[0].Suggestion) + " | 1\n"
		}
		table, _ := ParseTable("rules/random.yaml", []byte(text), nil)
		require.Empty(t, kinds(table.Analyze(0), FindingGap), text)
	}
}

// TestDiffIsExact compares what is said of two versions of a random table with what they decide for all facts.
func TestDiffIsExact(t *testing.T) {
	t.Parallel()
	all := allSmallFacts()
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 3))
		hit := []string{"first", "unique"}[seed%2]
		oldText := randomTable(random, hit, 2+random.IntN(6), 3)
		lines := strings.Split(strings.TrimRight(oldText, "\n"), "\n")
		head := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "  id") }) + 1
		rows := slices.Clone(lines[head:])
		switch i := random.IntN(len(rows)); random.IntN(4) {
		case 0:
			rows[i] = rows[i][:len(rows[i])-1] + "7"
		case 1:
			rows = append(rows[i:], rows[:i]...)
		case 2:
			if len(rows) > 1 {
				rows = slices.Delete(rows, i, i+1)
			}
		default:
			rows[i] = strings.Replace(rows[i], "| 1 ", "| 2 ", 1)
		}
		newText := strings.Join(append(slices.Clone(lines[:head]), rows...), "\n") + "\n"
		old, problems := ParseTable("rules/random.yaml", []byte(oldText), nil)
		require.NoError(t, problems.Err(), oldText)
		changed, problems := ParseTable("rules/random.yaml", []byte(newText), nil)
		if problems.Err() != nil {
			continue // now two rows are the same
		}
		d := Diff(old, changed, 0)
		say := fmt.Sprintf("seed %d\n%s\n%s\n%+v", seed, oldText, strings.Join(rows, "\n"), d)
		differ := false
		for _, facts := range all {
			was, is := resultOf(old, facts), resultOf(changed, facts)
			if strings.HasPrefix(was, "error") && strings.HasPrefix(is, "error") {
				continue
			}
			differ = differ || was != is
		}
		require.False(t, d.Same && differ, say)
		proven := slices.ContainsFunc(d.Changes, func(c MeaningChange) bool { return c.Proven })
		require.False(t, proven && !differ, say)
		if differ {
			require.True(t, proven, say)
		} else if !strings.Contains(oldText, "Sum") && !strings.Contains(oldText, "${") {
			require.True(t, d.Same, say)
		}
	}
}
