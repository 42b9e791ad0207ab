package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/rules"
	"crosswalk/rules/spreadsheet"
	"crosswalk/source"
)

// tableFormats are those in which a table can be written.
var tableFormats = []string{"yaml", "csv", "xlsx"}

func rulesExportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "export TABLE",
		Short: "Write a rule table as Excel workbook, CSV or YAML",
		Long: `Writes a table of the workspace, of the catalogue or of a file in another format. Nothing is lost: importing what was
exported gives the same table. A workbook has lists to choose values from, its columns are formatted as text so that the
program changes nothing, and the fields above the rows are locked against mistakes. A file that is there is overwritten only with --force.`,
		Example: "  crosswalk rules export warranty --to xlsx\n  crosswalk rules export rules/warranty.xlsx --to yaml --out -",
		Args:    exactly("TABLE"),
		RunE:    rulesExport,
	}
	c.Flags().String("to", "xlsx", "format: xlsx, csv or yaml")
	c.Flags().String("out", "", "file to write, or - for the output (default: the table's name here)")
	c.Flags().String("dir", "", "folder of the workspace in which the table is looked up by name (default: the one here)")
	c.Flags().Bool("force", false, "overwrite a file that is there")
	_ = c.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(tableFormats, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	jsonFlag(c)
	return c
}

func rulesExport(c *cobra.Command, args []string) error {
	to, _ := c.Flags().GetString("to")
	out, _ := c.Flags().GetString("out")
	force, _ := c.Flags().GetBool("force")
	if !slices.Contains(tableFormats, to) {
		return usageError("--to %s: the formats are %s", to, strings.Join(tableFormats, ", "))
	}
	s, err := writtenTable(c, args[0])
	if err != nil {
		return err
	}
	table, problems := rules.CompileTable(s)
	switch {
	case table == nil:
		return refuseTable(c, problems)
	case len(s.Parts) > 0 && to != "yaml":
		return contentError(fmt.Errorf("%s is made of several tables: export them one by one", table.Name))
	}
	content := s.YAML()
	if len(s.Parts) == 0 {
		if content, err = writeTable(s, to); err != nil {
			return contentError(err)
		}
	}
	if out == "-" {
		_, err := c.OutOrStdout().Write(content)
		return err
	}
	if out == "" {
		out = table.Name + "." + to
	}
	before, err := os.ReadFile(out)
	switch {
	case err == nil && bytes.Equal(before, content):
	case err == nil && !force:
		return contentError(fmt.Errorf("%s is there already: add --force to overwrite it, or name another file with --out", out))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return contentError(err)
	default:
		if err := replaceFile(out, content); err != nil {
			return systemError(err)
		}
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"ok": true, "table": table.Name, "file": out})
	}
	fmt.Fprintf(c.OutOrStdout(), "%s written to %s\n", table.Name, out)
	return nil
}

// writeTable writes a table in a format, and reads it again to be sure that nothing is lost.
func writeTable(s *rules.TableSource, to string) ([]byte, error) {
	var content []byte
	var err error
	switch to {
	case "xlsx":
		content, err = spreadsheet.Write(s)
	case "csv":
		content, err = s.CSV()
	default:
		content = s.YAML()
	}
	if err != nil {
		return nil, err
	}
	before, _ := rules.CompileTable(s)
	after, problems := parseTable("table."+to, content, nil)
	if after == nil {
		return nil, fmt.Errorf("the table cannot be written as %s: %w", to, problems.Err())
	}
	if lost := tableDifferences(before, after); len(lost) > 0 {
		return nil, fmt.Errorf("the table cannot be written as %s without a change: %s", to, strings.Join(lost, "; "))
	}
	return content, nil
}

// readTable reads a table's file of any format.
func readTable(file string, content []byte, beside rules.TableReader) (*rules.TableSource, source.Problems) {
	text, problems := spreadsheet.Text(file, content)
	if text == nil {
		return nil, problems
	}
	s, found := rules.ReadTable(file, text, spreadsheet.Beside(filepath.ToSlash(filepath.Dir(file)), func(name string) ([]byte, error) {
		if beside == nil {
			return nil, fs.ErrNotExist
		}
		return beside(name)
	}, func(more source.Problems) { problems = append(problems, more...) }))
	if problems = append(problems, found...); problems.Err() != nil {
		return nil, problems
	}
	return s, problems
}

func parseTable(file string, content []byte, beside rules.TableReader) (*rules.Table, source.Problems) {
	s, problems := readTable(file, content, beside)
	if s == nil {
		return nil, problems
	}
	table, found := rules.CompileTable(s)
	return table, append(problems, found...).Sorted()
}

// besideFile reads files in the folder of another one.
func besideFile(file string) rules.TableReader {
	return func(name string) ([]byte, error) { return fs.ReadFile(os.DirFS(filepath.Dir(file)), name) }
}

// writtenTable finds a table by its file or its name, in the workspace or the catalogue.
func writtenTable(c *cobra.Command, name string) (*rules.TableSource, error) {
	if slices.Contains([]string{".yaml", ".csv", ".xlsx"}, strings.ToLower(filepath.Ext(name))) {
		return tableOfFile(c, name)
	}
	dir, _ := c.Flags().GetString("dir")
	if dir == "" {
		dir = workspaceDir(nil)
	}
	if dir != "" {
		for _, format := range tableFormats {
			file := filepath.Join(dir, "rules", name+"."+format)
			if _, err := os.Stat(file); err == nil {
				return tableOfFile(c, file)
			}
		}
	}
	content, err := fs.ReadFile(rules.Catalog(), name+".yaml")
	if err != nil {
		known, _ := fs.Glob(rules.Catalog(), "*.yaml")
		for i := range known {
			known[i] = strings.TrimSuffix(known[i], ".yaml")
		}
		hint := source.DidYouMean(name, known)
		if hint == "" {
			hint = "name a table of the workspace, of the catalogue, or a file"
		}
		return nil, contentError(fmt.Errorf("there is no table %q: %s", name, hint))
	}
	s, problems := readTable("rules/catalog/"+name+".yaml", content, nil)
	if s == nil {
		return nil, refuseTable(c, problems)
	}
	return s, nil
}

func tableOfFile(c *cobra.Command, file string) (*rules.TableSource, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, contentError(fmt.Errorf("the table cannot be read: %w", err))
	}
	s, problems := readTable(file, content, besideFile(file))
	if s == nil {
		return nil, refuseTable(c, problems)
	}
	return s, nil
}

// refuseTable prints what is wrong with a table.
func refuseTable(c *cobra.Command, problems source.Problems) error {
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"ok": false, "problems": problems}); err != nil {
			return err
		}
		return contentError(nil)
	}
	printProblems(c.OutOrStdout(), problems)
	return contentError(fmt.Errorf("%d error(s)", len(problems.Errors())))
}

// replaceFile writes a file as a whole or not at all.
func replaceFile(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is gone if all went well
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
