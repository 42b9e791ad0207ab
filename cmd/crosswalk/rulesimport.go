package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/rules"
	"crosswalk/rules/dmn"
	"crosswalk/source"
)

func rulesImportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Take a table from an Excel workbook, CSV, YAML or DMN into the workspace",
		Long: `Reads a table from a workbook (.xlsx), CSV or YAML, or all decisions of a DMN model (.dmn, .xml; DMN 1.2 to 1.5), checks it, and writes
it into the rules of the workspace here, or into a folder. Where the table is there already, the differences are shown, and it is
overwritten only with --force. What a DMN model says and a table cannot say is refused with its place; then nothing is written.`,
		Example: "  crosswalk rules import warranty.xlsx --dry-run\n  crosswalk rules import warranty.xlsx --force\n  crosswalk rules import loans.dmn --out acme/rules",
		Args:    exactly("FILE"),
		RunE:    rulesImport,
	}
	c.Flags().String("out", "", "folder to write to (default: rules of the workspace here)")
	c.Flags().String("to", "", "format: yaml, csv or xlsx (default: that of the table there, else yaml)")
	c.Flags().Bool("dry-run", false, "only say what would be written and what it changes")
	c.Flags().Bool("force", false, "overwrite tables that are there")
	_ = c.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(tableFormats, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	jsonFlag(c)
	return c
}

// importedTable is a table to write, and what that changes.
type importedTable struct {
	Table   string   `json:"table"`
	File    string   `json:"file"`
	State   string   `json:"state"`             // new, changed, same
	Changes []string `json:"changes,omitempty"` // of a table that was there

	content []byte
}

func rulesImport(c *cobra.Command, args []string) error {
	out, _ := c.Flags().GetString("out")
	to, _ := c.Flags().GetString("to")
	dry, _ := c.Flags().GetBool("dry-run")
	force, _ := c.Flags().GetBool("force")
	if to != "" && !slices.Contains(tableFormats, to) {
		return usageError("--to %s: the formats are %s", to, strings.Join(tableFormats, ", "))
	}
	if out == "" {
		dir := workspaceDir(nil)
		if dir == "" {
			return usageError("there is no workspace here: name the folder to write to with --out")
		}
		out = filepath.Join(dir, "rules")
	}
	sources, problems, err := importedSources(args[0])
	if err != nil {
		return err
	}
	if problems.Err() != nil {
		return refuseTable(c, problems)
	}
	var all []importedTable
	for _, s := range sources {
		one, found, err := prepareImport(s, out, to)
		if err != nil {
			return contentError(err)
		}
		if problems = append(problems, found...); found.Err() == nil {
			all = append(all, one)
		}
	}
	if problems.Err() != nil {
		return refuseTable(c, problems)
	}
	changed := slices.IndexFunc(all, func(t importedTable) bool { return t.State == "changed" })
	blocked := changed >= 0 && !force && !dry
	if !dry && !blocked {
		for _, one := range all {
			if one.State == "same" {
				continue
			}
			if err := replaceFile(one.File, one.content); err != nil {
				return systemError(err)
			}
		}
	}
	return sayImported(c, all, problems, dry, blocked)
}

func sayImported(c *cobra.Command, all []importedTable, problems source.Problems, dry, blocked bool) error {
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"ok": !blocked, "written": !dry && !blocked, "tables": all, "problems": append(source.Problems{}, problems...)}); err != nil {
			return err
		}
		if blocked {
			return contentError(nil)
		}
		return nil
	}
	w := c.OutOrStdout()
	printProblems(w, problems)
	for _, one := range all {
		switch {
		case one.State == "same":
			fmt.Fprintf(w, "%s is the same as %s\n", one.Table, one.File)
			continue
		case one.State == "new" && (dry || blocked):
			fmt.Fprintf(w, "%s would be written to %s\n", one.Table, one.File)
		case one.State == "changed" && (dry || blocked):
			fmt.Fprintf(w, "%s would change %s:\n", one.Table, one.File)
		default:
			fmt.Fprintf(w, "%s written to %s\n", one.Table, one.File)
		}
		for _, change := range one.Changes {
			fmt.Fprintln(w, "  "+change)
		}
	}
	if blocked {
		return contentError(errors.New("nothing was written: add --force to overwrite what is there"))
	}
	return nil
}

// importedSources reads the tables of a file.
func importedSources(file string) ([]*rules.TableSource, source.Problems, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, contentError(fmt.Errorf("the file cannot be read: %w", err))
	}
	switch extension := strings.ToLower(filepath.Ext(file)); extension {
	case ".dmn", ".xml":
		sources, problems := dmn.Read(file, content)
		return sources, problems, nil
	case ".yaml", ".yml", ".csv", ".xlsx", ".xlsm", ".xls":
		name := file
		if extension == ".xls" || extension == ".xlsm" {
			name = strings.TrimSuffix(file, filepath.Ext(file)) + ".xlsx" // what is wrong with it is said when it is opened
		}
		s, problems := readTable(name, content, besideFile(file))
		if s == nil {
			return nil, problems, nil
		}
		return []*rules.TableSource{s}, problems, nil
	default:
		return nil, nil, usageError("%s: tables are imported from .xlsx, .csv, .yaml and .dmn", file)
	}
}

// prepareImport checks one table and compares it with what is there.
func prepareImport(s *rules.TableSource, out, to string) (importedTable, source.Problems, error) {
	table, problems := rules.CompileTable(s)
	if table == nil {
		return importedTable{}, problems, nil
	}
	one := importedTable{Table: table.Name, State: "new"}
	var before *rules.Table
	for _, format := range tableFormats {
		file := filepath.Join(out, table.Name+"."+format)
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		switch {
		case err != nil:
			return one, nil, err
		case to != "" && to != format:
			return one, nil, fmt.Errorf("%s is the table %s already: leave out --to, or remove that file first", file, table.Name)
		}
		to, one.State = format, "changed"
		before, _ = parseTable(file, content, besideFile(file))
	}
	if to == "" || len(s.Parts) > 0 {
		to = "yaml"
	}
	one.File = filepath.Join(out, table.Name+"."+to)
	var err error
	if len(s.Parts) > 0 {
		one.content = s.YAML()
	} else if one.content, err = writeTable(s, to); err != nil {
		return one, nil, err
	}
	if one.State == "changed" {
		one.Changes = []string{"the file there has errors"}
		if before != nil {
			if one.Changes = tableDifferences(before, table); len(one.Changes) == 0 {
				one.State = "same"
			}
		}
	}
	return one, problems, nil
}

// tableDifferences says in words what makes one table differ from another.
func tableDifferences(before, after *rules.Table) []string {
	var found []string
	head := func(t *rules.Table) map[string]string {
		return rules.TableHead("head.yaml", []byte(headOf(t.Source())))
	}
	was, is := head(before), head(after)
	for _, place := range slices.Sorted(maps.Keys(is)) {
		if old, there := was[place]; !there {
			found = append(found, fmt.Sprintf("%s added: %s", strings.TrimPrefix(place, "."), is[place]))
		} else if old != is[place] {
			found = append(found, fmt.Sprintf("%s is %s, it was %s", strings.TrimPrefix(place, "."), is[place], old))
		}
	}
	for _, place := range slices.Sorted(maps.Keys(was)) {
		if _, there := is[place]; !there {
			found = append(found, fmt.Sprintf("%s removed: %s", strings.TrimPrefix(place, "."), was[place]))
		}
	}
	found = append(found, rowDifferences("row", before.Written(), after.Written())...)
	if tests := func(t *rules.Table) string {
		if t.Source().Tests == nil {
			return ""
		}
		return t.Source().Tests.Block()
	}; tests(before) != tests(after) {
		found = append(found, "the tests differ")
	}
	return found
}

// headOf is the head of a table as YAML, without rows and tests.
func headOf(s *rules.TableSource) string {
	var b strings.Builder
	for _, line := range s.Head {
		b.WriteString(line.Text + "\n")
	}
	return b.String()
}

func rowDifferences(what string, before, after []rules.WrittenRow) []string {
	var found []string
	was := map[string]rules.WrittenRow{}
	var order []string
	for _, row := range before {
		was[row.ID] = row
		if slices.ContainsFunc(after, func(other rules.WrittenRow) bool { return other.ID == row.ID }) {
			order = append(order, row.ID)
		}
	}
	var kept []string
	for _, row := range after {
		old, there := was[row.ID]
		if !there {
			found = append(found, fmt.Sprintf("%s %s added", what, row.ID))
			continue
		}
		kept = append(kept, row.ID)
		delete(was, row.ID)
		text := map[string]string{}
		for _, cell := range old.Cells {
			text[cell.Column] = cell.Text
		}
		for _, cell := range row.Cells {
			if text[cell.Column] != cell.Text {
				found = append(found, fmt.Sprintf("%s %s, %s: %q, it was %q", what, row.ID, cell.Column, cell.Text, text[cell.Column]))
			}
			delete(text, cell.Column)
		}
		for _, column := range slices.Sorted(maps.Keys(text)) {
			if text[column] != "" {
				found = append(found, fmt.Sprintf("%s %s, %s: removed, it was %q", what, row.ID, column, text[column]))
			}
		}
	}
	for _, row := range before {
		if _, gone := was[row.ID]; gone {
			found = append(found, fmt.Sprintf("%s %s removed", what, row.ID))
		}
	}
	if !slices.Equal(order, kept) {
		found = append(found, "the order of the rows is another")
	}
	return found
}
