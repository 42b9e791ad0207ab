package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/store"
	"crosswalk/workspace"
)

func rulesExplainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain TABLE --facts FILE|- | explain --case CASE [STEP]",
		Short: "Say which row decided and why, why no other row did, and what would have changed the result",
		Long: `Decides and says why: which row decided, for every other row each cell that does not fit, with the value that the facts have
there and what the row wants, and for every row that one cell alone kept from matching the smallest change by which it
matches, and what the table decides then.

TABLE is the name of a table of the workspace, or a file. --facts is a JSON document with the facts that the table takes.

With --case a recorded decision is explained, from the facts that it was made on and the table as it was then, whatever
has been published since. CASE is the id or the reference of a case, STEP the step that decided; without it all
decisions of the case are explained. It reads the data directory, and changes nothing there.`,
		Example: `  crosswalk rules explain warranty --facts facts.json
  echo '{"category": "phone", "months": 25}' | crosswalk rules explain rules/warranty.csv --facts -
  crosswalk rules explain --case CW-7K2M9QXR
  crosswalk rules explain --case CW-7K2M9QXR warranty --json`,
		Args: atMostOneName,
		RunE: rulesExplain,
	}
	c.Flags().String("facts", "", "file with the facts as JSON, - for standard input")
	c.Flags().String("case", "", "explain the decisions of this case, by its id or reference")
	c.Flags().String("dir", ".", "folder of the workspace")
	storeFlags(c)
	jsonFlag(c)
	return c
}

func atMostOneName(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError("%s takes one name at most, got %d: see %s --help", c.CommandPath(), len(args), c.CommandPath())
	}
	return nil
}

func rulesExplain(c *cobra.Command, args []string) error {
	id, _ := c.Flags().GetString("case")
	facts, _ := c.Flags().GetString("facts")
	switch {
	case id != "" && facts != "":
		return usageError("--case and --facts exclude each other: a case has its own facts")
	case id != "":
		return explainCase(c, id, args)
	case len(args) == 0 || facts == "":
		return usageError("name a table and its --facts, or a --case: see %s --help", c.CommandPath())
	}
	table, err := namedTable(c, args[0])
	if err != nil {
		return err
	}
	given, err := readFacts(c, facts)
	if err != nil {
		return err
	}
	e, err := table.Explain(given)
	if err != nil {
		return contentError(err)
	}
	if wantsJSON(c) {
		err = printJSON(c, e)
	} else {
		printExplanation(c.OutOrStdout(), e)
	}
	if err == nil && e.Error != "" {
		return contentError(nil) // it was said
	}
	return err
}

// namedTable finds a table by its name in the workspace, or by the path of its file.
func namedTable(c *cobra.Command, name string) (*rules.Table, error) {
	if strings.ContainsRune(name, filepath.Separator) || filepath.Ext(name) != "" {
		return tableInFile(c, name)
	}
	dir, _ := c.Flags().GetString("dir")
	dir, err := needWorkspace([]string{dir})
	if err != nil {
		return nil, err
	}
	w, problems := workspace.Load(dir)
	return tableOfWorkspace(c, w, problems, name)
}

func tableOfWorkspace(c *cobra.Command, w *workspace.Workspace, problems source.Problems, name string) (*rules.Table, error) {
	found, ok := w.RuleTable(name)
	switch {
	case !ok:
		var names []string
		for _, one := range w.RuleTables() {
			names = append(names, one.Name)
		}
		hint := source.DidYouMean(name, names)
		if hint == "" {
			hint = "there are " + strings.Join(names, ", ")
		}
		return nil, contentError(fmt.Errorf("there is no table %q in %s: %s", name, w.Dir, hint))
	case found.Rules == nil:
		printProblems(c.ErrOrStderr(), slices.DeleteFunc(problems.Errors(), func(p source.Problem) bool {
			return p.File != found.File.Name && found.File.Parts[filepath.Base(p.File)] == ""
		}))
		return nil, contentError(fmt.Errorf("the table %s has errors", name))
	}
	return found.Rules, nil
}

func tableInFile(c *cobra.Command, name string) (*rules.Table, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, contentError(fmt.Errorf("the table cannot be read: %w", err))
	}
	table, problems := parseTable(name, text, besideFile(name))
	if problems.Err() != nil {
		printProblems(c.ErrOrStderr(), problems)
		return nil, contentError(fmt.Errorf("%s has %d error(s)", name, len(problems.Errors())))
	}
	return table, nil
}

func readFacts(c *cobra.Command, name string) (rules.Value, error) {
	text, err := []byte(nil), error(nil)
	if name == "-" {
		text, err = io.ReadAll(io.LimitReader(c.InOrStdin(), source.MaxBytes+1))
	} else {
		text, err = os.ReadFile(name)
	}
	if err == nil && len(text) > source.MaxBytes {
		err = fmt.Errorf("more than %d bytes", source.MaxBytes)
	}
	var facts rules.Value
	if err == nil {
		facts, err = rules.FromJSON(text)
	}
	if err != nil {
		return facts, contentError(fmt.Errorf("the facts cannot be read: %w", err))
	}
	return facts, nil
}

func printExplanation(out io.Writer, e *rules.Explanation) {
	fmt.Fprintln(out, oneLine(e.Text, 2000))
	if e.Why != "" {
		fmt.Fprintln(out, "why: "+oneLine(e.Why, 500))
	}
	if e.Version != "" {
		fmt.Fprintln(out, "in force on that day: "+oneLine(e.Version, 200))
	}
	if len(e.Rows) > 0 {
		fmt.Fprintln(out, "\nthe rows:")
	}
	for _, row := range e.Rows {
		fmt.Fprintf(out, "  %-12s %s\n", oneLine(row.Row, 64), oneLine(row.Text, 2000))
	}
	if len(e.NearMisses) > 0 {
		fmt.Fprintln(out, "\none value away:")
	}
	for _, near := range e.NearMisses {
		fmt.Fprintln(out, "  "+oneLine(near.Text, 2000))
	}
	if e.Omitted > 0 {
		fmt.Fprintf(out, "  … and %d more\n", e.Omitted)
	}
	for _, part := range e.Parts { // of a chain
		fmt.Fprintf(out, "\n%s\n", part.Table)
		printExplanation(out, part)
	}
}

// openRecord opens the store that knows what was decided: that of the workspace in --dir or here, or --data, or --database.
func openRecord(c *cobra.Command) (*store.Store, error) {
	dir, _ := c.Flags().GetString("dir")
	data, err := dataOf(c, dir)
	if err != nil {
		return nil, systemError(err)
	}
	s, err := openStore(c.Context(), databaseOf(c), data)
	if err != nil {
		return nil, systemError(err)
	}
	return s, nil
}

func explainCase(c *cobra.Command, id string, args []string) error {
	s, err := openRecord(c)
	if err != nil {
		return err
	}
	defer s.Close()
	of, err := findCase(c.Context(), s, id)
	if errors.Is(err, store.ErrNotFound) {
		return contentError(fmt.Errorf("there is no case %s: see crosswalk cases list", id))
	}
	if err != nil {
		return systemError(err)
	}
	decisions, err := s.Decisions(c.Context(), of.ID)
	if err != nil {
		return systemError(err)
	}
	wanted, err := chosenDecisions(of, decisions, args)
	if err != nil {
		return err
	}
	tables := workspace.NewDecidedTables(s)
	explained := []workspace.DecisionExplained{}
	for _, decision := range wanted {
		one, err := tables.Explain(c.Context(), decision)
		if errors.Is(err, workspace.ErrTableGone) {
			return contentError(fmt.Errorf("the step %s: %w", decision.Path, err))
		}
		if err != nil {
			return systemError(err)
		}
		explained = append(explained, one)
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"case": of.ID, "reference": of.Reference, "decisions": explained})
	}
	for i, one := range explained {
		if i > 0 {
			fmt.Fprintln(c.OutOrStdout())
		}
		fmt.Fprintf(c.OutOrStdout(), "%s, decided at %s by the table %s as it was then (%.12s)\n", one.Step, one.At.Local().Format("2006-01-02 15:04:05"), one.Table, one.Hash)
		if one.Recorded != "" {
			fmt.Fprintf(c.OutOrStdout(), "note: what was recorded is another result, as the program has changed since: %s\n", oneLine(one.Recorded, 500))
		}
		printExplanation(c.OutOrStdout(), one.Explanation)
	}
	return nil
}

// chosenDecisions are those of a step, or of a table, or all; of a step that was done again the last one.
func chosenDecisions(of store.Case, decisions []store.Decision, args []string) ([]store.Decision, error) {
	newest := map[string]int{}
	for _, decision := range decisions {
		newest[decision.Path] = max(newest[decision.Path], decision.Generation)
	}
	var wanted []store.Decision
	var steps []string
	for _, decision := range decisions {
		if decision.Generation < newest[decision.Path] {
			continue
		}
		steps = append(steps, decision.Path)
		if len(args) == 0 || args[0] == decision.Path || args[0] == decision.Table {
			wanted = append(wanted, decision)
		}
	}
	switch {
	case len(steps) == 0:
		return nil, contentError(fmt.Errorf("the case %s has no recorded decision yet: it is recorded when the case waits or ends", of.Reference))
	case len(wanted) == 0:
		return nil, contentError(fmt.Errorf("the case %s has no decision of the step %q: there are %s", of.Reference, args[0], strings.Join(steps, ", ")))
	}
	return wanted, nil
}
