package rules

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const approvalForTests = `rules: 1
table: approval
facts:
  invoice: {type: record, required: true, properties: {total: {type: number, required: true}, tags: [text]}}
  tier: {enum: [bronze, silver, gold]}
hit: first
inputs: [invoice.total, tier, invoice.tags]
outputs: {route: {type: string, required: true}, days: integer}
rows: |
  id | invoice.total | tier | invoice.tags | route | days
  R1 | <= 1000 | - | - | auto | 1
  R2 | - | gold, missing | urgent | manager | 2
  R3 | - | - | - | cfo |
`

func TestTableTests(t *testing.T) {
	t.Parallel()
	table := parseTestTable(t, approvalForTests)
	const head = "table: approval\ngiven: {invoice: {total: 5000}, tier: gold}\ntests: |\n"
	tests, problems := ReadTests("rules/approval.tests.yaml", []byte(head+`
  # within what the shop decides
  id | invoice.total | tier    | invoice.tags    | => route | => days | => row | => not row | => error | note
  T1 | 1000          |         |                 | auto     | 1       | R1     |            |          |
  T2 | 1000.01       |         |                 | cfo      | missing | R3     | R1, R2     |          |
  T3 |               | missing | urgent, new     | manager  |         |        |            |          | in haste
  T4 |               |         | ["urgent"]      | "manager" |        |        |            |          |
  T5 | 7             |         |                 | manager  | 2       | R2     |            |          | wrong
`), table)
	require.NoError(t, problems.Err())
	require.Len(t, tests, 5)
	for i := range tests {
		result := table.RunTest(&tests[i])
		if tests[i].ID != "T5" {
			require.True(t, result.OK, "%+v", result)
			continue
		}
		require.Equal(t, []string{"row: expected R2, but row R1 decided", "route: expected manager, found auto", "days: expected 2, found 1"}, result.Failures)
		require.Equal(t, "rules/approval.tests.yaml:11:1", result.Place.String())
	}
	csv, problems := ReadTests("rules/approval.tests.csv", []byte("# given: {invoice: {total: 5000}}\nid;tier;=> route\nT1;gold;cfo\n"), table)
	require.NoError(t, problems.Err())
	require.True(t, table.RunTest(&csv[0]).OK)
	for text, want := range map[string]string{
		"tests: |\n  id | teir | => route\n  T1 | gold | cfo\n":                "1:1: error: table.*|2:8: error: the table has no fact \"teir\" (did you mean \"tier\"?)",
		"tests: |\n  id | tier | => rout\n  T1 | gold | cfo\n":                 "2:15: error: the table has no output \"rout\" (did you mean \"route\"?)",
		"tests: |\n  id | tier | => route\n  T1 | glod | cfo\n":                "3:8: error: tier: \"glod\" is not one of bronze, silver, gold (did you mean \"gold\"?)",
		"tests: |\n  id | tier | => row\n  T1 | gold | R9\n":                   "the table has no row \"R9\"",
		"tests: |\n  id | tier\n  T1 | gold\n":                                 "test T1 expects nothing",
		"tests: |\n  id | tier | => row\n  T1 | gold | R3\n  T1 | gold | R3\n": "the id \"T1\" is there twice",
		"table: other\ntests: |\n  id | => row\n  T1 | R3\n":                   "these tests stand beside the table \"approval\"",
		"given: {teir: gold}\ntests: |\n  id | => row\n  T1 | R3\n":            "teir",
	} {
		_, problems := ReadTests("a.tests.yaml", []byte(text), table)
		require.Error(t, problems.Err(), text)
		_, last, _ := strings.Cut(want, "|")
		if last == "" {
			last = want
		}
		require.Contains(t, problems.Error(), last, text)
	}
	for text, want := range map[string]string{"no match": "", "no row matches": "", "*": "", "division": `expected an error that says "division"`} {
		open := parseTestTable(t, strings.Replace(approvalForTests, "  R3 | - | - | - | cfo |\n", "", 1))
		tests, problems := ReadTests("a.tests.yaml", []byte(head+"  id | => error\n  T1 | "+text+"\n"), open)
		require.NoError(t, problems.Err())
		failures := strings.Join(open.RunTest(&tests[0]).Failures, "")
		if want == "" {
			require.Empty(t, failures)
		} else {
			require.Contains(t, failures, want)
		}
	}
}

// TestGeneratedTests counts for nothing until somebody has confirmed it, and then for all.
func TestGeneratedTests(t *testing.T) {
	t.Parallel()
	table := parseTestTable(t, approvalForTests)
	first, _ := ReadTests("rules/approval.tests.yaml", []byte("tests: |\n  id | invoice.total | => row\n  T1 | 500 | R1\n"), table)
	c := table.Cover(first, 0)
	rows, allRows, sides, allSides := c.Count()
	require.Equal(t, []int{1, 3}, []int{rows, allRows})
	require.Less(t, sides, allSides)
	require.Less(t, table.Mutate(first, 0).Score(), 90)
	for _, file := range []string{"rules/approval.tests.yaml", "rules/approval.tests.csv"} {
		text := []byte("# these are kept\ntable: approval\ngiven: {invoice: {total: 20}}\ntests: |\n  id | note | => row\n  # the first\n  T1 | some words | R1\n")
		if isCSV(file) {
			text = []byte("# given: {invoice: {total: 20}}\nid,note,=> row\n# the first,,\nT1,\"some, words\",R1\n")
		}
		tests, problems := ReadTests(file, text, table)
		require.NoError(t, problems.Err())
		made := table.Generate(tests, 0)
		require.NotEmpty(t, made)
		text, err := table.AddTests(file, text, made)
		require.NoError(t, err)
		require.Contains(t, string(text), "the first")
		tests, problems = ReadTests(file, text, table)
		require.NoError(t, problems.Err(), string(text))
		require.Len(t, tests, 1+len(made))
		require.Empty(t, table.Generate(tests, 0), "what is proposed is not proposed again")
		require.Equal(t, 1, table.Cover(tests, 0).Rows[0].Tests, "what is proposed does not count")
		for i := range tests {
			require.True(t, table.RunTest(&tests[i]).OK, "%s\n%s", tests[i].ID, text)
			require.Equal(t, i == 0, tests[i].Confirmed)
		}
		text, confirmed, err := table.ConfirmTests(file, text, []string{made[0].ID})
		require.NoError(t, err)
		require.Equal(t, []string{made[0].ID}, confirmed)
		text, confirmed, err = table.ConfirmTests(file, text, nil)
		require.NoError(t, err)
		require.Len(t, confirmed, len(made)-1)
		require.NotContains(t, string(text), "confirmed")
		tests, problems = ReadTests(file, text, table)
		require.NoError(t, problems.Err())
		rows, allRows, sides, allSides := table.Cover(tests, 0).Count()
		require.Equal(t, []int{allRows, allSides}, []int{rows, sides})
		m := table.Mutate(tests, 0)
		require.Equal(t, 100, m.Score(), "%+v", m.Survived)
	}
}

// TestMutantsAreJudgedRightly compares what is said of changes that tests do not notice with what they do to all facts.
func TestMutantsAreJudgedRightly(t *testing.T) {
	t.Parallel()
	all := allSmallFacts()
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 4))
		text := randomTable(random, []string{"first", "unique"}[seed%2], 1+random.IntN(5), 3)
		table, problems := ParseTable("rules/random.yaml", []byte(text), nil)
		require.NoError(t, problems.Err())
		mutants, _ := table.mutants()
		equivalent := 0
		for _, m := range mutants {
			differs := false
			for _, facts := range all {
				was, is := resultOf(table, facts), resultOf(m.table, facts)
				if strings.HasPrefix(was, "error") && strings.HasPrefix(is, "error") {
					continue
				}
				differs = differs || was != is
			}
			if !differs {
				equivalent++
			}
		}
		judged := table.Mutate(nil, 0)
		say := fmt.Sprintf("%s\n%+v", text, judged)
		require.LessOrEqual(t, judged.Equivalent, equivalent, say)
		if !strings.Contains(text, "Sum") && !strings.Contains(text, "${") {
			require.Equal(t, equivalent, judged.Equivalent, say)
		}
		for _, m := range judged.Survived {
			if m.Example != nil {
				continue
			}
			require.Contains(t, text, "{", say)
		}
	}
}

// TestCatalogueIsTested holds the tables that come with the program to tests of every row and boundary, which notice
// nine of ten changes.
func TestCatalogueIsTested(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(Catalog(), "*.yaml")
	require.NoError(t, err)
	for _, name := range files {
		text, err := fs.ReadFile(Catalog(), name)
		require.NoError(t, err)
		table, problems := ParseTable("rules/"+name, text, nil)
		require.NoError(t, problems.Err())
		text, err = fs.ReadFile(CatalogTests(), strings.TrimSuffix(name, ".yaml")+".tests.yaml")
		require.NoError(t, err)
		tests, problems := ReadTests(name, text, table)
		require.NoError(t, problems.Err())
		for i := range tests {
			result := table.RunTest(&tests[i])
			require.True(t, result.OK, "%s: %+v", name, result)
			require.True(t, result.Confirmed, "%s %s", name, result.ID)
		}
		c := table.Cover(tests, 0)
		rows, allRows, sides, allSides := c.Count()
		require.Equal(t, []int{allRows, allSides}, []int{rows, sides}, name)
		require.Empty(t, c.Unchecked)
		m := table.Mutate(tests, 0)
		require.GreaterOrEqual(t, m.Score(), 90, "%s: %+v", name, m.Survived)
	}
}

// TestProofDocumentation runs the tests of docs/rule-proofs.md with the table that they belong to.
func TestProofDocumentation(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../docs/rule-proofs.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```yaml tests\n(.*?)```").FindSubmatch(content)
	require.NotNil(t, block)
	text, err := os.ReadFile("../workspace/template/rules/urgency.yaml")
	require.NoError(t, err)
	table := parseTestTable(t, string(text))
	tests, problems := ReadTests("rules/urgency.tests.yaml", block[1], table)
	require.NoError(t, problems.Err())
	require.Len(t, tests, 3)
	for i := range tests {
		result := table.RunTest(&tests[i])
		require.True(t, result.OK, "%+v", result)
	}
}

// FuzzTableTests reads anything as tests of a table, runs it and writes it again.
func FuzzTableTests(f *testing.F) {
	table, problems := ParseTable("rules/approval.yaml", []byte(approvalForTests), nil)
	if problems.Err() != nil {
		f.Fatal(problems)
	}
	f.Add("tests: |\n  id | tier | => row\n  T1 | gold | R3\n", false)
	f.Add("# given: {tier: gold}\nid,invoice.total,=> route\nT1,5,auto\n", true)
	f.Fuzz(func(t *testing.T, text string, csv bool) {
		file := map[bool]string{true: "a.tests.csv", false: "a.tests.yaml"}[csv]
		tests, _ := ReadTests(file, []byte(text), table)
		for i := range tests {
			table.RunTest(&tests[i])
		}
		_, _ = table.AddTests(file, []byte(text), tests)
	})
}

// FuzzAnalyze analyses tables with any cells.
func FuzzAnalyze(f *testing.F) {
	f.Add("<= 1000", "gold, missing", "urgent", true)
	f.Add("(1..5], not(7)", "not(startsWith g)", "${tier ?? \"x\"}", false)
	f.Fuzz(func(t *testing.T, first, second, third string, unique bool) {
		for _, cell := range []string{first, second, third} {
			if len(cell) > 200 || strings.ContainsAny(cell, "|\n\r") {
				return
			}
		}
		text := strings.Replace(approvalForTests, "  R3 | - | - | - | cfo |\n", "  R3 | "+first+" | "+second+" | "+third+" | cfo |\n", 1)
		if unique {
			text = strings.Replace(text, "hit: first", "hit: unique", 1)
		}
		table, problems := ParseTable("rules/approval.yaml", []byte(text), nil)
		if problems.Err() != nil {
			return
		}
		a := table.Analyze(200_000)
		for _, f := range kinds(a, FindingGap) {
			if f.Proven {
				require.Equal(t, resultNone, resultOf(table, f.Example.Value))
			}
		}
		require.True(t, Diff(table, table.withRows(table.rows), 200_000).Same || len(a.Unchecked) > 0)
	})
}

// TestPolicies proves and tests tables of every hit policy, with dates.
func TestPolicies(t *testing.T) {
	t.Parallel()
	const text = `rules: 1
table: discount
effective: {from: 2026-01-01, to: 2026-12-31, by: day}
facts: {day: {type: date, required: true}, amount: {type: number, required: true}, tier: {enum: [gold, silver], required: true}}
hit: HIT
inputs: [amount, tier]
outputs: [{name: rate, type: integer, values: [9, 5, 2], required: true}]
rows: |
  id | amount | tier   | rate | from       | to
  R1 | > 100  | -      | 2    |            |
  R2 | -      | gold   | 5    |            |
  R3 | > 50   | gold   | 9    | 2026-06-01 |
  R4 | <= 100 | silver | 2    |            | 2026-08-31
`
	for _, hit := range HitPolicies {
		table, problems := ParseTable("rules/discount.yaml", []byte(strings.Replace(text, "HIT", string(hit), 1)), nil)
		require.NoError(t, problems.Err(), "%s", hit)
		a := table.Analyze(0)
		require.Empty(t, kinds(a, FindingFails), "%s", hit)
		require.Empty(t, a.Unchecked, "%s", hit)
		if table.gapsMatter() {
			gaps := kinds(a, FindingGap)
			require.Len(t, gaps, 1, "%s", hit)
			require.True(t, gaps[0].Proven)
			require.Contains(t, gaps[0].Message, "amount: <= 100 | tier: silver")
		}
		never := kinds(a, FindingNever)
		if hit == First || hit == Unique || hit == Any {
			require.Len(t, never, 1)
			require.Equal(t, "R3", never[0].Rows[0])
		} else {
			require.Empty(t, never, "%s", hit)
		}
		if hit == Unique || hit == Any {
			require.NotEmpty(t, kinds(a, FindingOverlap), "%s", hit)
		} else {
			require.Empty(t, kinds(a, FindingOverlap), "%s", hit)
		}
		made := table.Generate(nil, 0)
		require.NotEmpty(t, made, "%s", hit)
		text, err := table.AddTests("a.tests.yaml", nil, made)
		require.NoError(t, err)
		text, _, err = table.ConfirmTests("a.tests.yaml", text, nil)
		require.NoError(t, err)
		tests, problems := ReadTests("a.tests.yaml", text, table)
		require.NoError(t, problems.Err(), string(text))
		for i := range tests {
			result := table.RunTest(&tests[i])
			require.True(t, result.OK, "%s: %+v\n%s", hit, result, text)
		}
		require.GreaterOrEqual(t, table.Mutate(tests, 0).Score(), 90, "%s: %+v", hit, table.Mutate(tests, 0).Survived)
		require.True(t, Diff(table, table.withRows(table.rows), 0).Same, "%s", hit)
	}
}
