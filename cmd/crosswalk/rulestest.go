package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/casetest"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/workspace"
)

func rulesTestCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "test [TABLE|FILE…|DIR]",
		Short: "Run the tests beside rule tables: rows and boundaries that they reach, and the mistakes that they would notice",
		Long: `Runs the tests that stand beside the tables, in rules/NAME.tests.yaml or .csv, or in the table's own file, and says how many
rows they reach, how many sides of the boundaries of cells, and with --mutations how many small mistakes they notice: the
table is changed in one place after the other, and each change that makes a difference must fail a test.

--generate proposes tests for what none reaches, with what the table says today, and writes them beside the table as not
confirmed. They count when a person stands for what they expect: with --confirm and their ids, or by taking the word false
out of the column confirmed.

Without arguments it takes the tables of the workspace here, and outside of one the catalogue. The exit code is 1 if a test
fails, or less is reached than is demanded.`,
		Example: `  crosswalk rules test
  crosswalk rules test warranty --cover
  crosswalk rules test acme --mutations --threshold 90
  crosswalk rules test urgency --generate
  crosswalk rules test urgency --confirm G01,G02`,
		RunE:              rulesTest,
		ValidArgsFunction: completeTables,
	}
	c.Flags().Bool("cover", false, "list rows and boundaries that no test reaches")
	c.Flags().Bool("mutations", false, "change the table in one place after the other, and list what no test notices")
	c.Flags().Int("threshold", 0, "the share of such changes, in percent, that tests must notice, and every row be reached; implies --mutations")
	c.Flags().Bool("generate", false, "propose tests for what none reaches, and write them beside the table")
	c.Flags().StringSlice("confirm", nil, "say of these proposed tests that their expected values are right; all for all of them")
	c.Flags().String("junit", "", "write a JUnit report into this file")
	dirFlag(c)
	jsonFlag(c)
	return c
}

// tableTests is the tests of one table, and what came of them.
type tableTests struct {
	Table       string             `json:"table"`
	Results     []rules.TestResult `json:"tests"`
	Unconfirmed []string           `json:"unconfirmed"` // ids of tests that nobody has confirmed: they are not run
	Coverage    *rules.Coverage    `json:"coverage"`
	Mutations   *rules.Mutations   `json:"mutations,omitempty"`
	Score       *int               `json:"score,omitempty"`
	Generated   []string           `json:"generated,omitempty"` // ids
	Written     string             `json:"written,omitempty"`   // the file that they were written into

	chosen chosenTable
	tests  []rules.TableTest
}

// untested says that nobody has written or proposed a test.
func (t *tableTests) untested() bool {
	return len(t.Results) == 0 && len(t.Unconfirmed) == 0 && len(t.Generated) == 0
}

// failed counts the tests that failed.
func (t *tableTests) failed() int {
	n := 0
	for _, r := range t.Results {
		if !r.OK {
			n++
		}
	}
	return n
}

// readTableTests reads the tests of tables.
func readTableTests(tables []chosenTable) ([]*tableTests, source.Problems, error) {
	var all []*tableTests
	var problems source.Problems
	for _, t := range tables {
		before := len(problems)
		one := &tableTests{Table: cmp.Or(t.Rules.Name, t.Name), Results: []rules.TestResult{}, Unconfirmed: []string{}, chosen: t}
		own, wrong := t.Rules.OwnTests()
		problems = append(problems, wrong...)
		one.tests = own
		for i := range one.tests {
			t.show(&one.tests[i].Place)
		}
		for i := range problems[before:] {
			if p := &problems[before+i]; t.root != "" {
				p.File = filepath.Join(t.root, p.File)
			}
		}
		names, err := workspace.TableTestFiles(t.folder, t.Name, t.Rules)
		if err != nil {
			return nil, nil, contentError(fmt.Errorf("%s: %w", t.File, err))
		}
		for _, name := range names {
			tests, wrong, err := workspace.ReadTableTests(t.folder, name, t.beside(name), t.Rules)
			if err != nil {
				return nil, nil, contentError(err)
			}
			problems = append(problems, wrong...)
			one.tests = append(one.tests, tests...)
		}
		ids := map[string]bool{}
		for _, test := range one.tests {
			if ids[test.ID] {
				problems = append(problems, source.Problem{File: test.Place.File, Line: test.Place.Line, Column: test.Place.Column, Severity: source.SeverityError,
					Message: fmt.Sprintf("another file of tests of %s has a test %s", t.Name, test.ID), Hint: "choose another id"})
			}
			ids[test.ID] = true
		}
		all = append(all, one)
	}
	return all, problems, nil
}

func isWorkbook(name string) bool { return strings.EqualFold(path.Ext(name), ".xlsx") }

// beside is how a file beside the table is shown.
func (t chosenTable) beside(name string) string { return filepath.Join(filepath.Dir(t.File), name) }

// run runs the tests that count.
func (t *tableTests) run() {
	for i := range t.tests {
		if !t.tests[i].Confirmed {
			t.Unconfirmed = append(t.Unconfirmed, t.tests[i].ID)
			continue
		}
		t.Results = append(t.Results, t.chosen.Rules.RunTest(&t.tests[i]))
	}
	t.Coverage = t.chosen.Rules.Cover(t.tests, 0)
	for i := range t.Coverage.Rows {
		t.chosen.show(&t.Coverage.Rows[i].Place)
	}
	for i := range t.Coverage.Boundaries {
		t.chosen.show(&t.Coverage.Boundaries[i].Place)
	}
}

func rulesTest(c *cobra.Command, args []string) error {
	tables, err := rightTables(c, args)
	if err != nil {
		return err
	}
	if ids, _ := c.Flags().GetStringSlice("confirm"); len(ids) > 0 {
		return confirmTests(c, tables, ids)
	}
	all, problems, err := readTableTests(tables)
	if err != nil {
		return err
	}
	if problems.Err() != nil {
		if wantsJSON(c) {
			return errors.Join(printJSON(c, map[string]any{"ok": false, "problems": problems}), contentError(nil))
		}
		printProblems(c.OutOrStdout(), problems)
		return contentError(fmt.Errorf("%d error(s): no test was run", len(problems.Errors())))
	}
	threshold, _ := c.Flags().GetInt("threshold")
	mutations, _ := c.Flags().GetBool("mutations")
	generate, _ := c.Flags().GetBool("generate")
	var wrong []string
	failed, run := 0, 0
	for _, t := range all {
		t.run()
		if generate {
			if err := t.generate(); err != nil {
				return err
			}
		}
		if mutations || threshold > 0 {
			t.Mutations = t.chosen.Rules.Mutate(t.tests, 0)
			for i := range t.Mutations.Survived {
				t.chosen.show(&t.Mutations.Survived[i].Place)
			}
			score := t.Mutations.Score()
			t.Score = &score
		}
		failed, run = failed+t.failed(), run+len(t.Results)
		if threshold > 0 {
			wrong = append(wrong, t.below(threshold)...)
		}
	}
	if name, _ := c.Flags().GetString("junit"); name != "" {
		if err := writeJUnit(name, &casetest.Report{}, suitesOf(all)...); err != nil {
			return systemError(err)
		}
	}
	if wantsJSON(c) {
		err = printJSON(c, map[string]any{"ok": failed == 0 && len(wrong) == 0, "tables": all})
	} else {
		cover, _ := c.Flags().GetBool("cover")
		printTableTests(c.OutOrStdout(), all, cover)
	}
	switch {
	case err != nil:
		return err
	case failed > 0:
		wrong = append([]string{fmt.Sprintf("%d of %d tests failed", failed, run)}, wrong...)
	}
	if len(wrong) == 0 {
		return nil
	}
	if wantsJSON(c) {
		return contentError(nil)
	}
	return contentError(errors.New(strings.Join(wrong, "; ")))
}

// below says what a table lacks of what is demanded.
func (t *tableTests) below(threshold int) []string {
	var wrong []string
	if rows, all, _, _ := t.Coverage.Count(); rows < all {
		wrong = append(wrong, fmt.Sprintf("%s: tests reach %d of %d rows", t.Table, rows, all))
	}
	if *t.Score < threshold {
		wrong = append(wrong, fmt.Sprintf("%s: tests notice %d %% of the changes, and %d are demanded", t.Table, *t.Score, threshold))
	}
	return wrong
}

// printTableTests says how the tests ended, and what they reach.
func printTableTests(out io.Writer, all []*tableTests, cover bool) {
	for _, t := range all {
		if t.untested() {
			// What no test reaches is the whole table, and every change of it goes unnoticed: naming each says nothing.
			fmt.Fprintf(out, "%s: there are no tests beside this table; --generate proposes some\n", t.Table)
			continue
		}
		for _, r := range t.Results {
			if !r.OK {
				fmt.Fprintln(out, strings.TrimSpace(fmt.Sprintf("FAIL %s: %s %s", t.Table, r.ID, oneLine(r.Note, 200))))
			}
			for _, failure := range r.Failures {
				fmt.Fprintf(out, "  %s: %s\n", r.Place, oneLine(failure, 400))
			}
		}
		rows, allRows, sides, allSides := t.Coverage.Count()
		if cover {
			for _, r := range t.Coverage.Rows {
				if r.Tests == 0 {
					fmt.Fprintf(out, "%s: no test reaches: row %s of %s\n", r.Place, r.Row, t.Table)
				}
			}
			for _, b := range t.Coverage.Boundaries {
				if b.Tests == 0 {
					fmt.Fprintf(out, "%s: no test is at this boundary of row %s: %s: %s\n", b.Place, b.Row, b.Column, oneLine(b.Value, 120))
				}
			}
		}
		if t.Mutations != nil {
			for _, m := range t.Mutations.Survived {
				fmt.Fprintf(out, "%s: no test notices: row %s: %s\n", m.Place, m.Row, oneLine(m.What, 200))
				if m.Example != nil {
					fmt.Fprintf(out, "    one with these facts would: %s\n", oneLine(string(m.Example.Plain()), 400))
				}
			}
			if t.Mutations.Unchecked != "" {
				fmt.Fprintf(out, "%s: %s\n", t.Table, t.Mutations.Unchecked)
			}
		}
		if len(t.Generated) > 0 {
			fmt.Fprintf(out, "%s: %d tests are proposed in %s; look at what they expect, then: crosswalk rules test %s --confirm %s\n", t.Table, len(t.Generated), t.Written, t.Table, strings.Join(t.Generated, ","))
		} else if len(t.Unconfirmed) > 0 {
			fmt.Fprintf(out, "%s: not confirmed, so not counted: %s\n", t.Table, strings.Join(t.Unconfirmed, ", "))
		}
		if t.Coverage.Unchecked != "" {
			fmt.Fprintf(out, "%s: %s\n", t.Table, t.Coverage.Unchecked)
		}
		line := fmt.Sprintf("%s: %d of %d tests passed; reached: %d of %d rows, %d of %d sides of boundaries", t.Table, len(t.Results)-t.failed(), len(t.Results), rows, allRows, sides, allSides)
		if t.Score != nil {
			line += fmt.Sprintf("; noticed: %d of %d changes (%d %%)", t.Mutations.Killed, t.Mutations.Killed+len(t.Mutations.Survived), *t.Score)
		}
		fmt.Fprintln(out, line)
	}
}

// generate writes proposed tests beside the table.
func (t *tableTests) generate() error {
	made := t.chosen.Rules.Generate(t.tests, 0)
	if len(made) == 0 {
		return nil
	}
	if t.chosen.in == "" {
		return contentError(fmt.Errorf("%s belongs to the catalogue, which cannot be written: copy the table into a workspace", t.Table))
	}
	names, err := workspace.TableTestFiles(t.chosen.folder, t.chosen.Name, t.chosen.Rules)
	if err != nil {
		return contentError(fmt.Errorf("%s: %w", t.chosen.File, err))
	}
	names = slices.DeleteFunc(names, isWorkbook)
	name := t.Table + rules.TestExtension + ".yaml"
	if len(names) > 0 && !slices.Contains(names, name) {
		name = names[0]
	}
	target := filepath.Join(t.chosen.in, name)
	text, err := os.ReadFile(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return systemError(err)
	}
	changed, err := t.chosen.Rules.AddTests(target, text, made)
	if err != nil {
		return contentError(err)
	}
	if err := replaceFile(target, changed); err != nil {
		return systemError(err)
	}
	t.Written = t.chosen.beside(name)
	for _, test := range made {
		t.Generated = append(t.Generated, test.ID)
	}
	return nil
}

func confirmTests(c *cobra.Command, tables []chosenTable, ids []string) error {
	if slices.Contains(ids, "all") {
		ids = nil
	}
	confirmed := map[string][]string{}
	for _, t := range tables {
		names, err := workspace.TableTestFiles(t.folder, t.Name, t.Rules)
		if err != nil {
			return contentError(fmt.Errorf("%s: %w", t.File, err))
		}
		for _, name := range names {
			if t.in == "" || isWorkbook(name) { // in a workbook a person confirms in the column confirmed
				continue
			}
			target := filepath.Join(t.in, name)
			text, err := os.ReadFile(target)
			if err != nil {
				return systemError(err)
			}
			changed, done, err := t.Rules.ConfirmTests(target, text, ids)
			if err != nil {
				return contentError(err)
			}
			if len(done) == 0 {
				continue
			}
			if err := replaceFile(target, changed); err != nil {
				return systemError(err)
			}
			confirmed[t.Name] = append(confirmed[t.Name], done...)
		}
	}
	if len(confirmed) == 0 {
		return contentError(errors.New("no such test waits for being confirmed: see crosswalk rules test"))
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"confirmed": confirmed})
	}
	for _, t := range tables {
		if len(confirmed[t.Name]) > 0 {
			fmt.Fprintf(c.OutOrStdout(), "%s: confirmed %s\n", t.Name, strings.Join(confirmed[t.Name], ", "))
		}
	}
	return nil
}

// suitesOf are the tests of tables as a JUnit report has them.
func suitesOf(all []*tableTests) []casetest.Suite {
	var suites []casetest.Suite
	for _, t := range all {
		suite := casetest.Suite{Name: "rules/" + t.Table}
		for _, r := range t.Results {
			suite.Tests = append(suite.Tests, casetest.SuiteTest{Name: r.ID, File: r.Place.File + r.Place.Cell, Line: r.Place.Line, Failures: r.Failures})
		}
		suites = append(suites, suite)
	}
	return suites
}

// namesTable tells a table, by its name or its file, from a folder and from a file of tests.
func namesTable(arg string) bool {
	if info, err := os.Stat(arg); err == nil && info.IsDir() {
		return false
	}
	extension := filepath.Ext(arg)
	switch {
	case !namesFile(arg):
		return true
	case strings.HasSuffix(strings.TrimSuffix(arg, extension), rules.TestExtension):
		return false
	default:
		return extension != ".yaml" || filepath.Base(filepath.Dir(arg)) == "rules"
	}
}

// testTables runs the tests of tables for `crosswalk test`: those of a folder or of the tables that were named, and no
// others if files of tests of use cases were. wanted chooses tests by table/id.
func testTables(c *cobra.Command, args []string, wanted *regexp.Regexp) ([]*tableTests, source.Problems, error) {
	for _, arg := range args {
		if info, err := os.Stat(arg); !namesTable(arg) && (err != nil || !info.IsDir()) {
			return nil, nil, nil
		}
	}
	tables, problems, err := chooseTables(c, args)
	if err != nil || problems.Err() != nil {
		return nil, problems.Errors(), err
	}
	all, problems, err := readTableTests(tables)
	if err != nil || problems.Err() != nil {
		return nil, problems.Errors(), err
	}
	var run []*tableTests
	for _, t := range all {
		if wanted != nil {
			t.tests = slices.DeleteFunc(t.tests, func(test rules.TableTest) bool { return !wanted.MatchString(t.Table + "/" + test.ID) })
		}
		if len(t.tests) > 0 {
			t.run()
			run = append(run, t)
		}
	}
	return run, nil, nil
}
