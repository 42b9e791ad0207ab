package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

func rulesBacktestCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "backtest TABLE",
		Short: "Run a changed table over recorded decisions, and list those that change",
		Long: `Decides recorded decisions again with a changed table and lists those that come out otherwise, grouped by what they were and
what they become, with how many they are, what they are worth, and examples.

TABLE is the name of a table of the workspace as its files are now, or the path of a file; --draft takes the workspace as
a draft in the store wants it. It is compared with the table in force: a decision that an earlier version made is made
again by that one too, so that only the change shows. --against recorded compares with what was decided at the time.

--value is a number of the facts, or a formula over them, that is added up for each group; a table may name its own with
value:. Decisions whose facts the changed table cannot take, because a new column needs what was not recorded, are listed
by themselves. Of a step that was done again the last decision counts.

The exit code is 0 if nothing changes, and 1 if a decision changes or cannot be evaluated any more.`,
		Example: `  crosswalk rules backtest warranty
  crosswalk rules backtest approval-routing --from 2026-01-01 --to 2026-03-31 --value invoice.total
  crosswalk rules backtest drafts/warranty.csv --against recorded --json
  crosswalk rules backtest warranty --draft longer-warranty`,
		Args: exactly("TABLE"),
		RunE: rulesBacktest,
	}
	c.Flags().String("dir", ".", "folder of the workspace")
	c.Flags().String("draft", "", "take the workspace as this draft wants it")
	c.Flags().String("from", "", "only decisions of this day (YYYY-MM-DD) or moment, or later")
	c.Flags().String("to", "", "only decisions until the end of this day, or before this moment")
	c.Flags().String("usecase", "", "only decisions in cases of this use case")
	c.Flags().String("value", "", "a number of the facts to add up, as in invoice.total")
	c.Flags().String("against", "inforce", "compare with what is in force, or with what was recorded: inforce or recorded")
	c.Flags().Int("examples", 3, "how many cases are named of each group")
	storeFlags(c)
	jsonFlag(c)
	return c
}

func rulesBacktest(c *cobra.Command, args []string) error {
	against, _ := c.Flags().GetString("against")
	if against != "inforce" && against != "recorded" {
		return usageError("--against is inforce or recorded, not %q", against)
	}
	b := workspace.Backtest{}
	b.Examples, _ = c.Flags().GetInt("examples")
	b.Filter.UseCase, _ = c.Flags().GetString("usecase")
	var err error
	if b.Filter.Since, b.Filter.Until, err = period(c); err != nil {
		return err
	}
	s, err := openRecord(c)
	if err != nil {
		return err
	}
	defer s.Close()
	if b.Table, err = changedTable(c, s, args[0]); err != nil {
		return err
	}
	if b.Value, err = valueOf(c, b.Table); err != nil {
		return err
	}
	if against == "inforce" {
		if b.InForce, err = workspace.TableInForce(c.Context(), s, b.Table.Name, b.Filter.UseCase); err != nil {
			return systemError(err)
		}
	}
	shown := time.Now()
	b.Progress = func(done, of int) {
		if time.Since(shown) > 2*time.Second {
			shown = time.Now()
			fmt.Fprintf(c.ErrOrStderr(), "%d of %d decisions\n", done, of)
		}
	}
	report, err := b.Run(c.Context(), s)
	if err != nil {
		return systemError(err)
	}
	if wantsJSON(c) {
		err = printJSON(c, report)
	} else {
		printBacktest(c.OutOrStdout(), report)
	}
	if err == nil && report.Flipped+report.Failed > 0 {
		return contentError(nil) // it was said
	}
	return err
}

// changedTable is the table as its file is now, or as a draft wants it.
func changedTable(c *cobra.Command, s *store.Store, name string) (*rules.Table, error) {
	draft, _ := c.Flags().GetString("draft")
	if draft == "" {
		return namedTable(c, name)
	}
	files, err := s.Draft(c.Context(), draft)
	if errors.Is(err, store.ErrNotFound) {
		return nil, contentError(fmt.Errorf("there is no draft %s: see crosswalk drafts list", draft))
	}
	if err != nil {
		return nil, systemError(err)
	}
	dir, _ := c.Flags().GetString("dir")
	w, problems := workspace.LoadDraft(dir, workspace.DraftOf(files))
	return tableOfWorkspace(c, w, problems, name)
}

// valueOf compiles what is added up; nil if nothing says what.
func valueOf(c *cobra.Command, table *rules.Table) (*rules.Expression, error) {
	text, _ := c.Flags().GetString("value")
	if text == "" {
		return table.Value, nil
	}
	x, err := rules.Compile(text, rules.NewEnvironment(table.Facts), rules.Options{})
	if err != nil {
		return nil, usageError("--value %s: %s", text, err)
	}
	if x.Type().Kind != rules.KindNumber {
		return nil, usageError("--value %s: expected a number, found %s", text, x.Type())
	}
	return x, nil
}

// period reads --from and --to; a day of --to belongs to it.
func period(c *cobra.Command) (from, to time.Time, err error) {
	read := func(flag string, days int) (time.Time, error) {
		text, _ := c.Flags().GetString(flag)
		if text == "" {
			return time.Time{}, nil
		}
		if day, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
			return day.AddDate(0, 0, days), nil
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return at, usageError("--%s: write a day as in 2026-03-31, or a moment as in 2026-03-31T12:00:00Z, not %q", flag, text)
		}
		return at, nil
	}
	if from, err = read("from", 0); err == nil {
		to, err = read("to", 1)
	}
	if err == nil && !from.IsZero() && !to.IsZero() && !from.Before(to) {
		err = usageError("--from is after --to")
	}
	return from, to, err
}

func printBacktest(out io.Writer, r *workspace.BacktestReport) {
	if r.Decisions == 0 {
		fmt.Fprintf(out, "no decision of the table %s is recorded in this period\n", r.Table)
		return
	}
	fmt.Fprintf(out, "%d decisions of %s, %.10s to %.10s, against what %s: %d the same, %d change", r.Decisions, r.Table, r.Period[0], r.Period[1],
		map[string]string{"in force": "is in force", "recorded": "was recorded"}[r.Against], r.Same, r.Flipped)
	if r.Failed > 0 {
		fmt.Fprintf(out, ", %d cannot be evaluated any more", r.Failed)
	}
	fmt.Fprintln(out)
	if r.Earlier > 0 {
		fmt.Fprintf(out, "%d were made by an earlier version of the table, and were decided again by the one in force to compare\n", r.Earlier)
	}
	for _, group := range r.Groups {
		fmt.Fprintf(out, "\n%d: %s\n   → %s\n", group.Count, resultLine(group.From), resultLine(group.To))
		if group.Various {
			fmt.Fprintln(out, "   with outputs of many kinds; these are those of one")
		}
		if group.Total != "" {
			fmt.Fprintf(out, "   %s: %s", r.Value, group.Total)
			if group.Unvalued > 0 {
				fmt.Fprintf(out, " (%d without)", group.Unvalued)
			}
			fmt.Fprintln(out)
		}
		printExamples(out, group.Examples, group.Count)
	}
	for _, failed := range r.Failures {
		fmt.Fprintf(out, "\n%d cannot be evaluated: %s\n", failed.Count, oneLine(failed.Reason, 500))
		printExamples(out, failed.Examples, failed.Count)
	}
}

func printExamples(out io.Writer, examples []workspace.Example, count int) {
	for _, one := range examples {
		line := fmt.Sprintf("   %s %s %s", one.At.Local().Format(time.DateTime), cmp.Or(one.Reference, one.Case), one.Step)
		if one.Value != "" {
			line += " " + one.Value
		}
		fmt.Fprintln(out, oneLine(line, 300))
	}
	if count > len(examples) && len(examples) > 0 {
		fmt.Fprintf(out, "   … and %d more\n", count-len(examples))
	}
}

func resultLine(r workspace.TableResult) string {
	if r.Error != "" {
		return "no decision: " + oneLine(strings.TrimPrefix(r.Error, "table "), 300)
	}
	return "row " + r.Row + " " + oneLine(r.Outputs.String(), 300)
}
