package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/rules"
	"crosswalk/rules/spreadsheet"
	"crosswalk/source"
	"crosswalk/workspace"
)

// chosenTable is a rule table that a command is about.
type chosenTable struct {
	Name  string
	File  string // as it is shown
	Rules *rules.Table
	// folder holds the files beside the table; in is its path, "" for the catalogue, which cannot be written.
	folder fs.FS
	in     string
	root   string // of the workspace, from which the table's own places are named
}

// show names the file of a place as it is seen from here.
func (t chosenTable) show(p *rules.Place) {
	if t.root != "" && p.File != "" {
		p.File = filepath.Join(t.root, p.File)
	}
}

// tableExtensions are those of files that hold tables.
var tableExtensions = []string{".yaml", ".csv", ".xlsx", ".dmn"}

// dirFlag adds --dir, the workspace in which names of tables are looked up.
func dirFlag(c *cobra.Command) {
	c.Flags().String("dir", "", "folder of the workspace in which tables are looked up by name (default: the one here)")
}

// chooseTables finds the tables that the arguments name: names of tables, files of tables, or one folder of a
// workspace. Without arguments they are those of the workspace here, and outside of one those of the catalogue. Their
// files are named as they are seen from here.
func chooseTables(c *cobra.Command, args []string) ([]chosenTable, source.Problems, error) {
	dir, _ := c.Flags().GetString("dir")
	if len(args) == 1 {
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
			dir, args = args[0], nil
		}
	}
	if dir == "" {
		dir = workspaceDir(nil)
	}
	var all []chosenTable
	var problems source.Problems
	var names []string
	for _, arg := range args {
		if !namesFile(arg) {
			names = append(names, arg)
			continue
		}
		found, wrong, err := tableFromFile(arg)
		if err != nil {
			return nil, nil, err
		}
		all, problems = append(all, found...), append(problems, wrong...)
	}
	if len(args) > 0 && len(names) == 0 {
		return all, problems, nil
	}
	var known []chosenTable
	var wrong source.Problems
	var err error
	if dir == "" {
		known, wrong, err = catalogueTables()
	} else {
		known, wrong, err = workspaceTables(dir)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(names) == 0 {
		return known, wrong, nil
	}
	for _, name := range names {
		at := slices.IndexFunc(known, func(t chosenTable) bool { return t.Name == name })
		if at < 0 {
			return nil, nil, unknownTable(name, known)
		}
		all = append(all, known[at])
	}
	// What is wrong with other tables does not keep these from being looked at.
	wrong = slices.DeleteFunc(wrong, func(p source.Problem) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(path.Base(p.File), name+".") })
	})
	return all, append(problems, wrong...), nil
}

func unknownTable(name string, known []chosenTable) error {
	var names []string
	for _, t := range known {
		names = append(names, t.Name)
	}
	hint := source.DidYouMean(name, names)
	if hint == "" {
		hint = "there are " + strings.Join(names, ", ")
	}
	return contentError(fmt.Errorf("there is no table %q: %s", name, hint))
}

// namesFile tells the path of a file from the name of a table.
func namesFile(arg string) bool {
	return strings.ContainsRune(arg, filepath.Separator) || slices.Contains(tableExtensions, strings.ToLower(filepath.Ext(arg)))
}

func tableFromFile(name string) ([]chosenTable, source.Problems, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, contentError(fmt.Errorf("the table cannot be read: %w", err))
	}
	dir := filepath.Dir(name)
	one := chosenTable{Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), File: name, folder: os.DirFS(dir), in: dir}
	text, problems := spreadsheet.Text(name, text)
	if text == nil {
		return nil, problems, nil
	}
	beside := spreadsheet.Beside(dir, func(part string) ([]byte, error) { return fs.ReadFile(one.folder, part) }, func(found source.Problems) { problems = append(problems, found...) })
	var found source.Problems
	one.Rules, found = rules.ParseTable(name, text, beside)
	return []chosenTable{one}, append(problems, found...), nil
}

// workspaceTables are the tables of a workspace, with those of the catalogue that its use cases decide with.
func workspaceTables(dir string) ([]chosenTable, source.Problems, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil, contentError(fmt.Errorf("there is no folder %s", dir))
	}
	w, found := workspace.Load(dir)
	var all []chosenTable
	var problems source.Problems
	for _, t := range w.RuleTables() {
		one := chosenTable{Name: t.Name, File: filepath.Join(dir, t.File.Name), Rules: t.Rules, folder: os.DirFS(filepath.Join(dir, "rules")), in: filepath.Join(dir, "rules"), root: dir}
		if strings.HasPrefix(t.File.Name, "rules/catalog/") {
			one.File, one.folder, one.in, one.root = t.File.Name, rules.CatalogTests(), "", ""
		}
		all = append(all, one)
	}
	for _, p := range found {
		if strings.HasPrefix(p.File, "rules/") {
			p.File = filepath.Join(dir, p.File)
			problems = append(problems, p)
		}
	}
	return all, problems, nil
}

// catalogueTables are the tables that come with the program.
func catalogueTables() ([]chosenTable, source.Problems, error) {
	names, err := fs.Glob(rules.Catalog(), "*.yaml")
	if err != nil {
		return nil, nil, systemError(err)
	}
	var all []chosenTable
	var problems source.Problems
	for _, name := range names {
		text, err := fs.ReadFile(rules.Catalog(), name)
		if err != nil {
			return nil, nil, systemError(err)
		}
		one := chosenTable{Name: strings.TrimSuffix(name, ".yaml"), File: "rules/catalog/" + name, folder: rules.CatalogTests()}
		var wrong source.Problems
		one.Rules, wrong = rules.ParseTable(one.File, text, nil)
		problems = append(problems, wrong...)
		all = append(all, one)
	}
	return all, problems, nil
}

// rightTables are the chosen tables, if none of them has errors. What is wrong is printed.
func rightTables(c *cobra.Command, args []string) ([]chosenTable, error) {
	tables, problems, err := chooseTables(c, args)
	if err != nil {
		return nil, err
	}
	if n := len(problems.Errors()); n > 0 {
		if wantsJSON(c) {
			if err := printJSON(c, map[string]any{"ok": false, "problems": problems.Errors()}); err != nil {
				return nil, err
			}
			return nil, contentError(nil)
		}
		printProblems(c.OutOrStdout(), problems.Errors())
		return nil, contentError(fmt.Errorf("%d error(s) in the tables", n))
	}
	if len(tables) == 0 {
		return nil, contentError(fmt.Errorf("there are no rule tables here: write rules/NAME.yaml, see docs/rule-tables.md"))
	}
	return tables, nil
}
