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

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/source"
)

func robotsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "robots",
		Short: "List, import, test and try the robots that work in web applications without an interface",
		Example: `  crosswalk robots import order-list.json --out acme
  crosswalk robots list
  crosswalk robots test order-list
  crosswalk robots try erp list_orders --input '{"customer": "4711"}' --pictures /tmp/pictures`,
	}
	list := &cobra.Command{Use: "list", Short: "List robots of the workspace here and of the catalogue, with the operations that they carry out", Args: exactly(), RunE: listRobots,
		Example: "  crosswalk robots list\n  crosswalk robots list --dir acme --json"}
	show := &cobra.Command{Use: "show ROBOT", Short: "Show what a robot takes, does and answers, and what is wrong with it; ROBOT is a name or a file", Args: exactly("ROBOT"), RunE: showRobot,
		Example: "  crosswalk robots show versanddesk-get-shipment"}
	dataFlag(list)
	for _, sub := range []*cobra.Command{list, show} {
		sub.Flags().String("dir", "", "the workspace (default: the one here)")
		jsonFlag(sub)
	}
	c.AddCommand(list, show, robotsImportCommand(), robotsTryCommand(), robotsTestCommand(), robotsCanaryCommand(), robotsChangesCommand())
	return c
}

// robotFile is a robot with its application and its operation.
type robotFile struct {
	Robot     *robots.Robot
	System    *robots.System
	Operation *contracts.Operation
	Program   *robots.Program // nil if there are errors
	Problems  source.Problems
	Shipped   bool
}

// robotFolder is the files of robots of a workspace over those of the catalogue.
type robotFolder struct {
	dir       string
	contracts map[string]*contracts.Contract
	problems  source.Problems
}

func openRobots(c *cobra.Command) (*robotFolder, error) {
	dir, _ := c.Flags().GetString("dir")
	if dir == "" {
		dir = workspaceDir(nil)
	}
	if dir != "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, usageError("there is no folder %s", dir)
		}
	}
	return newRobotFolder(dir), nil
}

func newRobotFolder(dir string) *robotFolder {
	f := &robotFolder{dir: dir, contracts: contracts.Catalog()}
	if dir == "" {
		return f
	}
	names, _ := filepath.Glob(filepath.Join(dir, "contracts", "*.yaml")) // the pattern is well formed
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		contract, problems := contracts.Parse(name, text)
		f.problems = append(f.problems, problems...)
		if contract != nil {
			f.contracts[contract.Name] = contract
		}
	}
	return f
}

func (f *robotFolder) operation(name string) *contracts.Operation {
	contract, short, _ := strings.Cut(name, ".")
	return f.contracts[contract].Operation(short)
}

// system finds a system file: of the workspace, else of the catalogue.
func (f *robotFolder) system(name string, beside string) (*robots.System, source.Problems) {
	for _, dir := range []string{beside, filepath.Join(f.dir, "robots")} {
		file := filepath.Join(dir, name+".system.yaml")
		if text, err := os.ReadFile(file); err == nil {
			return robots.ParseSystem(file, text)
		}
	}
	if text, err := fs.ReadFile(robots.Files(), name+".system.yaml"); err == nil {
		return robots.ParseSystem("robots/catalog/"+name+".system.yaml", text)
	}
	return nil, nil
}

// read reads one robot with everything that belongs to it.
func (f *robotFolder) read(file string, text []byte) *robotFile {
	robot, problems := robots.Parse(file, text)
	r := &robotFile{Robot: robot, Problems: problems}
	if problems.Err() != nil {
		return r
	}
	doc := source.Parse(file, text)
	system, inSystem := f.system(robot.System, filepath.Dir(file))
	r.System, r.Operation = system, f.operation(robot.Operation)
	switch {
	case system == nil:
		doc.Root.Get("system").Errorf("write robots/"+robot.System+".system.yaml", "there is no application %q", robot.System)
	case r.Operation == nil:
		contract, short, _ := strings.Cut(robot.Operation, ".")
		var known []string
		if f.contracts[contract] != nil {
			known = f.contracts[contract].OperationNames()
		}
		doc.Root.Get("operation").Errorf(source.DidYouMean(short, known), "there is no operation %q", robot.Operation)
	}
	r.Problems = append(append(problems, inSystem...), doc.Problems()...)
	if r.Problems.Err() == nil {
		program, found := robots.Compile(robot, system, r.Operation)
		if r.Problems = append(r.Problems, found...); found.Err() == nil {
			r.Program = program
		}
	}
	return r
}

// all are the robots of the workspace, and those of the catalogue that it has none of the same name of.
func (f *robotFolder) all() []*robotFile {
	var found []*robotFile
	seen := map[string]bool{}
	if f.dir != "" {
		names, _ := filepath.Glob(filepath.Join(f.dir, "robots", "*.yaml"))
		for _, name := range names {
			if text, err := os.ReadFile(name); err == nil && !strings.HasSuffix(name, ".system.yaml") {
				seen[filepath.Base(name)] = true
				found = append(found, f.read(name, text))
			}
		}
	}
	names, _ := fs.Glob(robots.Files(), "*.yaml")
	for _, name := range names {
		if text, err := fs.ReadFile(robots.Files(), name); err == nil && !strings.HasSuffix(name, ".system.yaml") && !seen[path.Base(name)] {
			r := f.read("robots/catalog/"+name, text)
			r.Shipped = true
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *robotFile) int { return strings.Compare(a.Robot.Name, b.Robot.Name) })
	return found
}

// one finds a robot by its name or its file.
func (f *robotFolder) one(name string) (*robotFile, error) {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, usageError("%s cannot be read: %s", name, err)
		}
		if dir := filepath.Dir(filepath.Dir(name)); f.dir == "" && filepath.Base(filepath.Dir(name)) == "robots" {
			f = newRobotFolder(dir)
		}
		return f.read(name, text), nil
	}
	var names []string
	for _, r := range f.all() {
		if r.Robot.Name == name || r.Robot.Name == "" && filepath.Base(r.Robot.File) == name+".yaml" { // a file that says no name cannot be read
			return r, nil
		}
		names = append(names, r.Robot.Name)
	}
	hint := source.DidYouMean(name, names)
	if hint == "" {
		hint = "crosswalk robots list shows them"
	}
	return nil, usageError("there is no robot %q: %s", name, hint)
}

// robotView is a robot for programs.
type robotView struct {
	Robot     string          `json:"robot"`
	Title     string          `json:"title,omitempty"`
	Operation string          `json:"operation"`
	Effect    string          `json:"effect,omitempty"`
	System    string          `json:"system"`
	Address   string          `json:"address,omitempty"`
	Secrets   []string        `json:"secrets,omitempty"`
	File      string          `json:"file"`
	Shipped   bool            `json:"shipped"`
	OK        bool            `json:"ok"`
	Problems  source.Problems `json:"problems"`
	Steps     []string        `json:"steps,omitempty"`
	Canary    string          `json:"canary,omitempty"` // how the last one ended: ok, warnings or the class of its error
}

func (r *robotFile) view(steps bool) robotView {
	v := robotView{Robot: r.Robot.Name, Title: r.Robot.Title, Operation: r.Robot.Operation, System: r.Robot.System, File: r.Robot.File, Shipped: r.Shipped,
		OK: r.Program != nil, Problems: append(source.Problems{}, r.Problems...)}
	if r.Operation != nil {
		v.Effect = string(r.Operation.Effect)
	}
	if r.System != nil {
		v.Address, v.Secrets = r.System.Base, r.System.Secrets
	}
	if steps && r.Program != nil {
		v.Steps = r.Program.Outline()
	}
	return v
}

func listRobots(c *cobra.Command, _ []string) error {
	f, err := openRobots(c)
	if err != nil {
		return err
	}
	views := []robotView{}
	rows := [][]string{{"ROBOT", "OPERATION", "APPLICATION", "STATE", "CANARY", "FILE"}}
	var tried robotsOut
	if r, err := findRunning(c); err == nil {
		tried, _ = r.robots(c.Context(), "") // what is not running has tried nothing
	}
	for _, r := range f.all() {
		v := r.view(false)
		v.Canary = canaryState(tried.Canaries, v.Robot)
		views = append(views, v)
		state := "ok"
		if !v.OK {
			state = fmt.Sprintf("%d error(s)", len(r.Problems.Errors()))
		}
		rows = append(rows, []string{v.Robot, v.Operation, v.System, state, v.Canary, v.File})
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"robots": views})
	}
	table(c.OutOrStdout(), rows)
	return nil
}

func showRobot(c *cobra.Command, args []string) error {
	f, err := openRobots(c)
	if err != nil {
		return err
	}
	r, err := f.one(args[0])
	if err != nil {
		return err
	}
	v := r.view(true)
	if wantsJSON(c) {
		return printJSON(c, v)
	}
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%s: %s\n  carries out %s (%s) in %s, %s\n  file %s\n", v.Robot, v.Title, v.Operation, v.Effect, v.System, v.Address, v.File)
	if len(v.Secrets) > 0 {
		fmt.Fprintf(w, "  needs the secrets %s\n", strings.Join(v.Secrets, ", "))
	}
	for i, step := range v.Steps {
		fmt.Fprintf(w, "%4d  %s\n", i+1, step)
	}
	printProblems(w, r.Problems)
	return nil
}

// robotNames are offered when somebody presses Tab.
func robotNames(*cobra.Command) (names []string) {
	for _, r := range newRobotFolder(workspaceDir(nil)).all() {
		names = append(names, described(r.Robot.Name, r.Robot.Operation))
	}
	return names
}
