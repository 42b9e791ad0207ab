package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/casetest"
	"crosswalk/source"
	"crosswalk/usecases"
	"crosswalk/workspace"
)

func testCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "test [DIR|FILE…|TABLE…]",
		Short: "Run the tests of use cases and rule tables: no system is called, time is skipped",
		Long: `Runs the tests that stand beside the use cases of a workspace, in usecases/NAME.tests.yaml: what comes in, what systems
and people answer, and what must come of it. The cases run through the real interpreter; a call that a test has no
answer for fails the test and is never sent. Without a folder it takes the workspace here, and outside of one the
catalogue. With files it runs the tests of those files only. The tests beside rule tables are run too, and those of some
tables alone if they are named; crosswalk rules test says more of them. The exit code is 1 if a test fails or a file is wrong.

--record makes a test of a case that has ended, with everything replaced that says who it was about, and writes it
beside the use case. It reads the record of a running crosswalk or of a data directory, and changes nothing there.`,
		Example: `  crosswalk test
  crosswalk test acme --cover
  crosswalk test acme --run 'callback/.*late' --junit report.xml
  crosswalk test acme/usecases/callback.tests.yaml
  crosswalk test warranty
  crosswalk test acme --record CW-7K2M9QXR`,
		RunE: test,
	}
	c.Flags().String("run", "", "run only tests whose use-case/name matches this pattern")
	c.Flags().Bool("cover", false, "list what no test reaches, with file and line")
	c.Flags().String("junit", "", "write a JUnit report into this file")
	c.Flags().Int("parallel", 0, "how many tests run at once (default: one for each processor)")
	c.Flags().Int("continue-every", 0, "let each case go on in a new Temporal run after so many steps, as very long ones do")
	c.Flags().String("record", "", "make a test of this case, by its id or reference")
	c.Flags().String("data", "", "data directory that knows the case (default: .crosswalk in the workspace, or of the demo)")
	c.Flags().String("database", "", "PostgreSQL that knows the case, instead of a data directory")
	jsonFlag(c)
	return c
}

func test(c *cobra.Command, args []string) error {
	if id, _ := c.Flags().GetString("record"); id != "" {
		return recordTest(c, args, id)
	}
	begun := time.Now()
	suitGarbage()
	options := casetest.Options{}
	if pattern, _ := c.Flags().GetString("run"); pattern != "" {
		var err error
		if options.Run, err = regexp.Compile(pattern); err != nil {
			return usageError("--run: %s", err)
		}
	}
	options.Parallel, _ = c.Flags().GetInt("parallel")
	if options.ContinueEvery, _ = c.Flags().GetInt("continue-every"); options.ContinueEvery < 0 {
		return usageError("--continue-every: expected a number of steps from 1 on")
	}
	ofTables := slices.ContainsFunc(args, namesTable)
	if ofTables && slices.ContainsFunc(args, func(arg string) bool { return !namesTable(arg) }) {
		return usageError("name rule tables, or files of tests of use cases, or one folder")
	}
	tables, inTables, err := testTables(c, args, options.Run)
	if err != nil {
		return err
	}
	var files []*casetest.File
	var problems source.Problems
	if !ofTables {
		files, problems, err = testFiles(args)
	}
	if err != nil && (len(tables) == 0 || !errors.Is(err, errNoTests)) {
		return err
	}
	if problems.Err() == nil {
		problems = inTables // else they are among them
	}
	if problems.Err() != nil {
		if wantsJSON(c) {
			return errors.Join(printJSON(c, map[string]any{"ok": false, "problems": problems}), contentError(nil))
		}
		printProblems(c.OutOrStdout(), problems)
		return contentError(fmt.Errorf("%d error(s): no test was run", len(problems.Errors())))
	}
	start := time.Since(begun)
	report, err := casetest.Run(c.Context(), files, options)
	if err != nil {
		return systemError(err)
	}
	return printReport(c, report, tables, start)
}

// suitGarbage lets garbage lie for longer, unless the environment says otherwise: the command ends soon, holds little,
// and would spend a sixth of its time on collecting.
func suitGarbage() {
	const percent = 400
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// printReport says what came of the tests. The start is what it took to read and check everything before.
func printReport(c *cobra.Command, report *casetest.Report, tables []*tableTests, start time.Duration) error {
	if name, _ := c.Flags().GetString("junit"); name != "" {
		if err := writeJUnit(name, report, suitesOf(tables)...); err != nil {
			return systemError(err)
		}
	}
	failed, run := report.Failed(), len(report.Results)
	for _, t := range tables {
		failed, run = failed+t.failed(), run+len(t.Results)
	}
	if wantsJSON(c) {
		document := report.JSON()
		document["ok"], document["tables"] = failed == 0, append([]*tableTests{}, tables...)
		if err := printJSON(c, document); err != nil {
			return err
		}
	} else {
		missed, _ := c.Flags().GetBool("cover")
		report.Text(c.OutOrStdout(), missed)
		if n := len(report.Results); n > 0 {
			fmt.Fprintf(c.OutOrStdout(), "%d tests in %s, after a start of %s\n", n, report.Took.Round(time.Millisecond), start.Round(time.Millisecond))
		}
		printTableTests(c.OutOrStdout(), tables, missed)
	}
	switch {
	case run == 0:
		return contentError(errors.New("there is no such test"))
	case failed > 0 && wantsJSON(c):
		return contentError(nil)
	case failed > 0:
		return contentError(fmt.Errorf("%d of %d tests failed", failed, run))
	}
	return nil
}

func writeJUnit(name string, report *casetest.Report, more ...casetest.Suite) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(report.JUnit(file, more...), file.Close())
}

// testFiles reads the tests of a workspace, of some files of one, or of the catalogue.
func testFiles(args []string) ([]*casetest.File, source.Problems, error) {
	if len(args) == 0 && workspaceDir(nil) == "" {
		return catalogueTests()
	}
	if len(args) == 1 {
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
			return workspaceTests(args[0], nil)
		}
	}
	if len(args) == 0 {
		return workspaceTests(".", nil)
	}
	dir := ""
	for _, name := range args {
		of := filepath.Dir(filepath.Dir(name))
		switch info, err := os.Stat(name); {
		case err != nil:
			return nil, nil, contentError(fmt.Errorf("there is no file %s", name))
		case info.IsDir() || !strings.HasSuffix(name, casetest.Extension):
			return nil, nil, usageError("%s is no file of tests: name one folder, or files that end with %s", name, casetest.Extension)
		case dir != "" && dir != of:
			return nil, nil, usageError("%s belongs to another workspace than %s", name, args[0])
		}
		dir = of
	}
	return workspaceTests(dir, args)
}

var errNoTests = errors.New("has no tests")

// workspaceTests reads the tests of a workspace. Its problems are those of the whole workspace: tests of what cannot be
// put in force show nothing.
func workspaceTests(dir string, only []string) ([]*casetest.File, source.Problems, error) {
	w, problems := workspace.Load(dir)
	files, problems := readTests(w, dir, problems, func(name string) bool {
		return len(only) == 0 || slices.ContainsFunc(only, func(one string) bool { return filepath.Clean(one) == filepath.Join(dir, name) })
	})
	if problems.Err() == nil && len(files) == 0 {
		return nil, nil, contentError(fmt.Errorf("%s %w: write usecases/NAME%s beside a use case, or rules/NAME%s beside a table", dir, errNoTests, casetest.Extension, casetest.Extension))
	}
	return files, problems, nil
}

// readTests reads the files of tests of a workspace. The problems, with those of the workspace itself, name files as
// they are seen from outside of it.
func readTests(w *workspace.Workspace, dir string, problems source.Problems, wanted func(name string) bool) ([]*casetest.File, source.Problems) {
	problems = problems.Errors()
	for i := range problems {
		problems[i].File = filepath.Join(dir, problems[i].File)
	}
	plans := map[string]*usecases.Plan{}
	for _, useCase := range w.UseCases {
		if useCase.Plan != nil {
			plans[useCase.Name] = useCase.Plan
		}
	}
	var files []*casetest.File
	for _, useCase := range w.UseCases {
		if useCase.Plan == nil {
			continue
		}
		for _, f := range useCase.Tests {
			if !wanted(f.Name) {
				continue
			}
			file, found := casetest.Parse(dir, f.Name, []byte(f.Text), casetest.Subject{Plan: useCase.Plan, Runs: plans, Calendars: w.Config})
			problems = append(problems, found...)
			if file != nil {
				files = append(files, file)
			}
		}
	}
	return files, problems
}

// catalogueTests reads the tests of everything that is shipped, as the workspace of the demo company uses it.
func catalogueTests() ([]*casetest.File, source.Problems, error) {
	dir, err := os.MkdirTemp("", "crosswalk-test-*")
	if err != nil {
		return nil, nil, systemError(err)
	}
	defer os.RemoveAll(dir)
	if err := writeDemo(dir, sampleAddresses(), false); err != nil {
		return nil, nil, systemError(err)
	}
	w, problems := workspace.Load(dir)
	files, problems := readTests(w, "catalogue", problems, func(string) bool { return true })
	return files, problems, nil
}
