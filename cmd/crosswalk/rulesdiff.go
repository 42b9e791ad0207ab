package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"crosswalk/rules"
	"crosswalk/workspace"
)

func rulesDiffCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "diff [OLD NEW | TABLE]",
		Short: "Say what a changed table decides differently, in regions of facts with examples",
		Long: `Compares two versions of a rule table by what they mean, not by their lines: the facts that are decided differently, each
with an example that both have decided, what happened to the rows, and which types changed. Rows in another order or
written in another way are no difference if the result is the same for all facts; then it says that this is proven.

With two arguments they are files. With the name of a table, the one of the workspace is compared with the one that is in
force; without arguments all tables of the workspace are.

The exit code is 0 if it is proven that nothing is decided differently, and 1 if something is, or if that could not be
proven.`,
		Example: `  crosswalk rules diff old/warranty.yaml rules/warranty.yaml
  crosswalk rules diff warranty
  crosswalk rules diff --json`,
		RunE:              rulesDiff,
		ValidArgsFunction: completeTables,
	}
	c.Flags().Int("steps", rules.DiffSteps, "how much work is done for each table at most, in steps")
	dirFlag(c)
	storeFlags(c)
	jsonFlag(c)
	return c
}

func rulesDiff(c *cobra.Command, args []string) error {
	steps, _ := c.Flags().GetInt("steps")
	if steps < 1 {
		return usageError("--steps: expected a number from 1 on")
	}
	var diffs []*rules.TableDiff
	var err error
	if len(args) == 2 {
		tables, wrong := rightTables(c, args)
		if wrong != nil {
			return wrong
		}
		diffs = []*rules.TableDiff{rules.Diff(tables[0].Rules, tables[1].Rules, steps)}
	} else if diffs, err = diffsWithForce(c, args, steps); err != nil {
		return err
	}
	same := true
	for _, d := range diffs {
		same = same && d.Same
	}
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"same": same, "tables": diffs}); err != nil {
			return err
		}
	} else {
		for _, d := range diffs {
			printDiff(c.OutOrStdout(), d)
		}
	}
	if !same {
		return contentError(nil)
	}
	return nil
}

// diffsWithForce compares the tables of a workspace with those in force.
func diffsWithForce(c *cobra.Command, args []string, steps int) ([]*rules.TableDiff, error) {
	if len(args) > 1 {
		return nil, usageError("name two files, one table, or nothing: see %s --help", c.CommandPath())
	}
	given, _ := c.Flags().GetString("dir")
	var place []string
	if given != "" {
		place = []string{given}
	}
	dir, err := needWorkspace(place)
	if err != nil {
		return nil, err
	}
	if err := c.Flags().Set("dir", dir); err != nil {
		return nil, usageError("%s", err)
	}
	tables, err := rightTables(c, args)
	if err != nil {
		return nil, err
	}
	s, err := storeOf(c, dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	version, err := s.Version(c.Context())
	if err != nil {
		return nil, systemError(err)
	}
	state, err := workspace.StateAt(c.Context(), s, version)
	if err != nil {
		return nil, systemError(err)
	}
	inForce := state.RuleTables()
	diffs := []*rules.TableDiff{}
	for _, t := range tables {
		old := inForce[t.Rules.Name]
		if old != nil {
			diffs = append(diffs, rules.Diff(old, t.Rules, steps))
		} else if len(args) == 1 {
			return nil, contentError(errors.New("no table of this name is in force: publish the workspace first, or name two files"))
		}
	}
	return diffs, nil
}

func printDiff(out io.Writer, d *rules.TableDiff) {
	for _, text := range d.Types {
		fmt.Fprintf(out, "%s: %s\n", d.Table, text)
	}
	for _, row := range d.Rows {
		fmt.Fprintf(out, "%s: %s\n", d.Table, oneLine(row.Text, 300))
	}
	for _, change := range d.Changes {
		fmt.Fprintf(out, "%s: %s\n", d.Table, oneLine(change.Text, 1000))
		if change.Example != nil {
			fmt.Fprintf(out, "    for example: %s\n", oneLine(string(change.Example.Plain()), 600))
		}
	}
	for _, text := range d.Unchecked {
		fmt.Fprintf(out, "%s: %s\n", d.Table, text)
	}
	if d.Same {
		fmt.Fprintf(out, "%s: no change in meaning: every fact is decided as before\n", d.Table)
	}
}
