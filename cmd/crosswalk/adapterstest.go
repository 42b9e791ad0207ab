package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
)

func adaptersTestCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "test [NAME|FILE…]",
		Short: "Run the tests beside adapters, and disturb every operation",
		Long: `Plays the tests that stand beside an adapter (deskly.tests.yaml beside deskly.yaml), and then disturbs every operation by
itself, against a server of its own: every status, all forms of a 429, answers that are cut off, endless, of another shape or
hostile, redirects, tokens that run out within a list, lists without an end, secrets that are said back, hostile input, and for
every write the answer that is lost after the work was done. Nothing reaches the real system.

What it finds says which operation, which fault, what was expected, what happened, and what to change in the file. The exit code
is 1 if something is wrong. A note says what the tests do not let it look at; it is no error.

Without a name it takes the adapters of the workspace here, and outside of one the catalogue.`,
		Example: `  crosswalk adapters test
  crosswalk adapters test adapters/deskly.yaml
  crosswalk adapters test deskly --run 'create_task/a write happens once'`,
		RunE:              testAdapters,
		ValidArgsFunction: completeAdapters,
	}
	c.Flags().String("run", "", "only what fits this pattern, as in OPERATION/CHECK")
	c.Flags().String("dir", "", "folder of the workspace; the one here if there is one")
	jsonFlag(c)
	return c
}

func testAdapters(c *cobra.Command, args []string) error {
	pattern, _ := c.Flags().GetString("run")
	only, err := regexp.Compile(pattern)
	if err != nil {
		return usageError("--run: %s", err)
	}
	if pattern == "" {
		only = nil
	}
	here := adaptersOf(c)
	if len(args) == 0 {
		if args = sortedNames(here.own()); here.dir == "" {
			args = sortedNames(adapters.Catalog())
		}
		if len(args) == 0 {
			return contentError(errors.New("there are no adapters in this workspace: name one of the catalogue, see crosswalk adapters list"))
		}
	}
	reports, wrong, ran := []conformance.Report{}, 0, 0
	for _, name := range args {
		report, err := testAdapter(c, here, name, only)
		if err != nil {
			return err
		}
		ran += report.Tests + report.Faults
		if !report.Passed() {
			wrong++
		}
		if reports = append(reports, report); !wantsJSON(c) {
			printConformance(c, report)
		}
	}
	if only != nil && ran == 0 && wrong == 0 {
		return usageError("--run: nothing fits %q: it is a pattern for OPERATION/CHECK, such as 'create_task/a write happens once'", pattern)
	}
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"ok": wrong == 0, "adapters": reports}); err != nil {
			return err
		}
	}
	switch {
	case wrong == 0:
		return nil
	case wantsJSON(c):
		return contentError(nil)
	}
	return contentError(fmt.Errorf("%d of %d adapter(s) do not do as they should", wrong, len(args)))
}

func testAdapter(c *cobra.Command, here adaptersHere, name string, only *regexp.Regexp) (conformance.Report, error) {
	adapter, err := here.find(name)
	if err != nil {
		return conformance.Report{}, err
	}
	tests, err := testsOf(adapter)
	if err != nil {
		return conformance.Report{}, err
	}
	report, err := conformance.Run(c.Context(), adapter.Adapter, tests, only)
	if err != nil {
		return report, systemError(err)
	}
	return report, nil
}

// testsOf reads the tests beside an adapter; a file that is not there is one without tests.
func testsOf(adapter adapterFile) (*conformance.Tests, error) {
	file := conformance.TestsFile(adapter.Path)
	var text []byte
	var err error
	if adapter.Path == "" {
		file, text, err = adapters.CatalogTests(adapter.Name)
	} else {
		text, err = os.ReadFile(file)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &conformance.Tests{File: file}, nil
	}
	if err != nil {
		return nil, contentError(err)
	}
	tests, problems := conformance.Parse(file, text, adapter.Adapter)
	if problems.Err() != nil {
		return nil, contentError(errors.New(problems.Errors().Error()))
	}
	return tests, nil
}

func printConformance(c *cobra.Command, report conformance.Report) {
	out := c.OutOrStdout()
	for _, finding := range report.Findings {
		fmt.Fprintln(out, finding)
	}
	word := "passes"
	if !report.Passed() {
		word = "FAILS"
	}
	fmt.Fprintf(out, "%s %s: %d test(s), %d disturbance(s)\n", report.Adapter, word, report.Tests, report.Faults)
}
