package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/rules"
)

func rulesAnalyzeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "analyze [TABLE|FILE…|DIR]",
		Short: "Prove what a rule table leaves open: gaps, overlaps, rows that never decide, inputs that never matter",
		Long: `Looks through all facts that a table can be asked with, not only those of tests, and reports

  gaps                      facts that no row handles
  overlaps                  facts that two rows match, where only one may
  rows that never decide    because of one other row, or of several together
  inputs that never matter  columns and facts that never change the result
  cells that fail           facts for which a cell cannot be evaluated

each with facts for which it is so, tried with the table itself, and for gaps with a row that would close it. What is
only possible, and what could not be analysed or not fully checked, is said too. A finding that is meant to be is
accepted in the table, with the reason: see docs/rule-proofs.md.

Without arguments it takes the tables of the workspace here, and outside of one the catalogue. The exit code is 1 if there
is a finding that is proven and not accepted.`,
		Example: `  crosswalk rules analyze
  crosswalk rules analyze warranty urgency
  crosswalk rules analyze acme --json
  crosswalk rules analyze rules/warranty.csv`,
		RunE:              rulesAnalyze,
		ValidArgsFunction: completeTables,
	}
	c.Flags().Int("steps", rules.AnalyzeSteps, "how much work is done for each table at most, in steps")
	c.Flags().Bool("all", false, "also list what is accepted")
	dirFlag(c)
	jsonFlag(c)
	return c
}

// completeTables completes the names of the tables of the workspace here, or of the catalogue.
func completeTables(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	tables, _, err := chooseTables(c, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, t := range tables {
		names = append(names, t.Name)
	}
	return names, cobra.ShellCompDirectiveDefault
}

func rulesAnalyze(c *cobra.Command, args []string) error {
	steps, _ := c.Flags().GetInt("steps")
	if steps < 1 {
		return usageError("--steps: expected a number from 1 on")
	}
	tables, err := rightTables(c, args)
	if err != nil {
		return err
	}
	analyses := []*rules.Analysis{}
	open := 0
	for _, t := range tables {
		for _, part := range t.Rules.Parts() {
			a := part.Analyze(steps)
			a.File = t.File
			for i := range a.Findings {
				t.show(&a.Findings[i].Place)
			}
			for i := range a.Unclear {
				t.show(&a.Unclear[i].Place)
			}
			analyses = append(analyses, a)
			for _, f := range a.Unexplained() {
				if f.Proven {
					open++
				}
			}
		}
	}
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"ok": open == 0, "tables": analyses}); err != nil {
			return err
		}
		if open > 0 {
			return contentError(nil)
		}
		return nil
	}
	all, _ := c.Flags().GetBool("all")
	for _, a := range analyses {
		printAnalysis(c.OutOrStdout(), a, all)
	}
	if open > 0 {
		return contentError(fmt.Errorf("%d finding(s) that nobody has accepted", open))
	}
	return nil
}

// printAnalysis says what was found out about a table.
func printAnalysis(out io.Writer, a *rules.Analysis, all bool) {
	possible, accepted := 0, 0
	for _, f := range a.Findings {
		switch {
		case f.Accepted != "":
			if accepted++; !all {
				continue
			}
		case !f.Proven:
			possible++
		}
		printFinding(out, f)
	}
	for _, u := range a.Unclear {
		what := u.Column
		if u.Row != "" {
			what = "row " + u.Row + ", " + u.Column
		}
		fmt.Fprintf(out, "%s: not analysable: %s: %s (%s)\n", u.Place, what, oneLine(u.Text, 120), u.Why)
	}
	for _, text := range a.Unchecked {
		fmt.Fprintf(out, "%s: %s\n", a.File, text)
	}
	proven := len(a.Findings) - possible - accepted
	said := []string{fmt.Sprintf("%d rows", a.Rows)}
	switch {
	case len(a.Findings) == 0 && len(a.Unchecked) == 0 && len(a.Unclear) == 0:
		said = append(said, "no findings")
	case proven == 0:
		said = append(said, "no proven findings")
	default:
		said = append(said, fmt.Sprintf("%d finding(s)", proven))
	}
	for _, count := range []struct {
		n    int
		what string
	}{{possible, "possible"}, {accepted, "accepted"}, {len(a.Unclear), "not analysable"}, {len(a.Unchecked), "not fully checked"}} {
		if count.n > 0 {
			said = append(said, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	if a.Ordered > 0 {
		said = append(said, fmt.Sprintf("for %d pairs of rows their order decides", a.Ordered))
	}
	fmt.Fprintf(out, "%s: %s\n", a.Table, strings.Join(said, ", "))
}

func printFinding(out io.Writer, f rules.Finding) {
	kind := strings.ReplaceAll(f.Kind, "_", " ")
	switch {
	case f.Accepted != "":
		kind = "accepted " + kind
	case !f.Proven:
		kind = "possible " + kind
	}
	fmt.Fprintf(out, "%s: %s: %s\n", f.Place, kind, oneLine(f.Message, 600))
	if f.Example != nil {
		fmt.Fprintf(out, "    for example: %s\n", oneLine(string(f.Example.Plain()), 600))
	}
	if f.Conflict {
		fmt.Fprintf(out, "    %s decides %s; %s decides %s\n", f.Rows[0], oneLine(f.Results[0], 200), f.Rows[1], oneLine(f.Results[1], 200))
	}
	if f.Accepted != "" {
		fmt.Fprintf(out, "    accepted: %s\n", oneLine(f.Accepted, 300))
	} else if f.Hint != "" {
		fmt.Fprintf(out, "    %s\n", oneLine(f.Hint, 600))
	}
}
