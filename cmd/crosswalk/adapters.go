package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/source"
	"crosswalk/workspace"
)

func adaptersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "adapters",
		Short: "List, show and test the adapters of API systems, and try them out",
		Example: `  crosswalk adapters list
  crosswalk adapters test adapters/deskly.yaml
  crosswalk adapters try support get_task --input task.json`,
	}
	list := &cobra.Command{Use: "list", Short: "List the adapters of the workspace here and of the catalogue", Example: "  crosswalk adapters list --json", Args: exactly(), RunE: listAdapters}
	show := &cobra.Command{Use: "show NAME|FILE", Short: "Show what an adapter needs to connect, and what it can do", Example: "  crosswalk adapters show zendesk", Args: exactly("NAME|FILE"), RunE: showAdapter, ValidArgsFunction: completeAdapters}
	for _, sub := range []*cobra.Command{list, show} {
		jsonFlag(sub)
		sub.Flags().String("dir", "", "folder of the workspace; the one here if there is one")
		c.AddCommand(sub)
	}
	c.AddCommand(adaptersNewCommand(), adaptersTestCommand(), adaptersTryCommand())
	return c
}

// adapterFile is an adapter and where it stands.
type adapterFile struct {
	*adapters.Adapter
	Path string // of a file of one's own; "" of one of the catalogue
}

// adaptersHere finds adapters by name or file: those of a workspace, and those of the catalogue.
type adaptersHere struct {
	dir       string
	contracts map[string]*contracts.Contract
}

func adaptersOf(c *cobra.Command) adaptersHere {
	dir, _ := c.Flags().GetString("dir")
	if dir == "" {
		dir = workspaceDir(nil)
	}
	return adaptersIn(dir)
}

func adaptersIn(dir string) adaptersHere {
	here := adaptersHere{dir: dir, contracts: contracts.Catalog()}
	if dir != "" {
		if w, _ := workspace.Load(dir); w.Reach != nil && len(w.Contracts) > 0 {
			here.contracts = w.Contracts
		}
	}
	return here
}

// own are the files of the workspace, by name.
func (h adaptersHere) own() map[string]string {
	found := map[string]string{}
	if h.dir == "" {
		return found
	}
	files, _ := filepath.Glob(filepath.Join(h.dir, "adapters", "*.yaml")) // the pattern is right
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".yaml"); !strings.HasSuffix(name, ".tests") {
			found[name] = file
		}
	}
	return found
}

// names are all that there are, in alphabetical order.
func (h adaptersHere) names() []string {
	names := sortedNames(adapters.Catalog())
	for name := range h.own() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// find reads the adapter that somebody names, or the file.
func (h adaptersHere) find(named string) (adapterFile, error) {
	path := h.own()[named]
	if strings.HasSuffix(named, ".yaml") {
		path = named
	}
	if path == "" {
		if adapter := adapters.Catalog()[named]; adapter != nil {
			return adapterFile{Adapter: adapter}, nil
		}
		return adapterFile{}, contentError(fmt.Errorf("there is no adapter %q (%s)", named, source.DidYouMean(named, h.names())))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return adapterFile{}, contentError(err)
	}
	known := h.contracts
	if parent := filepath.Dir(filepath.Dir(path)); h.dir == "" && filepath.Base(filepath.Dir(path)) == "adapters" && workspaceAt(parent) {
		known = adaptersIn(parent).contracts
	}
	adapter, problems := adapters.Parse(path, text, known)
	if problems.Err() != nil {
		return adapterFile{}, contentError(fmt.Errorf("%s", problems.Errors().Error()))
	}
	return adapterFile{adapter, path}, nil
}

func workspaceAt(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "crosswalk.yaml"))
	return err == nil
}

func completeAdapters(c *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	var fitting []string
	for _, name := range adaptersOf(c).names() {
		if strings.HasPrefix(name, begun) {
			fitting = append(fitting, name)
		}
	}
	return fitting, cobra.ShellCompDirectiveDefault
}

// adapterLine is an adapter as lists show it.
type adapterLine struct {
	Name       string   `json:"name"`
	Title      string   `json:"title"`
	Contracts  []string `json:"contracts"`
	Protocol   string   `json:"protocol"`
	Operations int      `json:"operations"`
	File       string   `json:"file,omitempty"` // of one's own
	Broken     string   `json:"broken,omitempty"`
}

func listAdapters(c *cobra.Command, _ []string) error {
	here := adaptersOf(c)
	lines := []adapterLine{}
	rows := [][]string{{"ADAPTER", "TITLE", "CONTRACTS", "PROTOCOL", "OPERATIONS", "FROM"}}
	for _, name := range here.names() {
		line := adapterLine{Name: name, Contracts: []string{}, File: here.own()[name]}
		from := "catalogue"
		if line.File != "" {
			from = line.File
		}
		adapter, err := here.find(name)
		if err != nil {
			line.Broken = err.Error()
			rows = append(rows, []string{name, "has errors: crosswalk check", "", "", "", from})
		} else {
			line.Title, line.Contracts, line.Protocol, line.Operations = adapter.Title, adapter.Contracts, adapter.Protocol, len(adapter.Operations())
			rows = append(rows, []string{name, oneLine(line.Title, 40), strings.Join(line.Contracts, " "), line.Protocol, fmt.Sprint(line.Operations), from})
		}
		lines = append(lines, line)
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"adapters": lines})
	}
	table(c.OutOrStdout(), rows)
	return nil
}

// operationLine is an operation as it is shown.
type operationLine struct {
	Name   string `json:"name"`
	Title  string `json:"title,omitempty"`
	Effect string `json:"effect"`
	Safety string `json:"safety,omitempty"`
}

// fieldLine is a setting or a secret as it is shown.
type fieldLine struct {
	Name        string `json:"name"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Required    bool   `json:"required"`
}

func fieldLines(fields []adapters.Field) []fieldLine {
	lines := []fieldLine{}
	for _, f := range fields {
		lines = append(lines, fieldLine{f.Name, f.Title, f.Description, f.Required})
	}
	return lines
}

func showAdapter(c *cobra.Command, args []string) error {
	a, err := adaptersOf(c).find(args[0])
	if err != nil {
		return err
	}
	operations := []operationLine{}
	for _, name := range a.Operations() {
		op := a.Operation(name)
		operations = append(operations, operationLine{name, op.Title, string(op.Effect), string(op.Safety.Kind)})
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"name": a.Name, "title": a.Title, "contracts": a.Contracts, "protocol": a.Protocol, "file": a.Path, "check": a.Check,
			"settings": fieldLines(a.Settings), "secrets": fieldLines(a.Secrets), "operations": operations})
	}
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s (%s), for the contract %s\n", a.Title, a.Name, strings.Join(a.Contracts, ", "))
	for _, group := range []struct {
		name   string
		fields []adapters.Field
	}{{"SETTING", a.Settings}, {"SECRET", a.Secrets}} {
		rows := [][]string{{group.name, "", "WHAT IT IS"}}
		for _, f := range group.fields {
			must := ""
			if f.Required {
				must = "required"
			}
			rows = append(rows, []string{f.Name, must, strings.TrimSpace(f.Title + " " + f.Description)})
		}
		if len(group.fields) > 0 {
			fmt.Fprintln(out)
			table(out, rows)
		}
	}
	rows := [][]string{{"OPERATION", "EFFECT", "WHAT IT DOES"}}
	for _, op := range operations {
		effect := op.Effect
		if op.Safety != "" {
			effect += ", safe by " + op.Safety
		}
		rows = append(rows, []string{op.Name, effect, op.Title})
	}
	fmt.Fprintln(out)
	table(out, rows)
	return nil
}
