package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/rules"
	"crosswalk/workspace"
)

func robotsTryCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "try SYSTEM OPERATION | ROBOT",
		Short: "Run a robot once, step by step, and show what each step met",
		Long: `Runs the robot of a system's operation, or the one of a name or a file, in the application itself, and prints each step with its element
and time. --pictures keeps a masked picture after each step and the report of the run. --until ends after a step, by its number.
The fence is never armed: what a robot would change is stopped before it leaves, so that a write ends before its commit.
Secrets and the address are those of the system in crosswalk.yaml.`,
		Example: `  crosswalk robots try erp list_orders --input '{"customer": "4711"}'
  crosswalk robots try erp-list-orders --input order.json --until 3 --pictures /tmp/pictures`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usageError("crosswalk robots try needs SYSTEM OPERATION, or a ROBOT: see crosswalk robots try --help")
			}
			return nil
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return robotNames(c), cobra.ShellCompDirectiveDefault
		},
		RunE: tryRobot,
	}
	c.Flags().String("dir", "", "the workspace (default: the one here)")
	c.Flags().String("input", "{}", "the input as JSON, a file that holds it, or - for standard input (default: that of the canary)")
	c.Flags().String("until", "", "end after the step of this number")
	c.Flags().String("pictures", "", "folder for a picture of each step and the report")
	jsonFlag(c)
	return c
}

// robotTrial is what a robot is tried with.
type robotTrial struct {
	program *robots.Program
	call    robots.Call
	dir     string               // of the workspace
	of      *workspace.Workspace // nil: there is none
}

func tryRobot(c *cobra.Command, args []string) error {
	trial, err := robotToTry(c, args)
	if err != nil {
		return err
	}
	if trial.call.Input, err = trialInput(c, trial.program); err != nil {
		return err
	}
	if until, _ := c.Flags().GetString("until"); until != "" {
		if trial.call.Until, err = strconv.Atoi(until); err != nil || trial.call.Until < 1 {
			return usageError("--until %s: give the number of a step; crosswalk robots show prints them", until)
		}
	}
	pictures, _ := c.Flags().GetString("pictures")
	if pictures != "" {
		if err := os.MkdirAll(pictures, 0o700); err != nil {
			return systemError(err)
		}
		trial.call.Pictures = true
	}
	steps := []triedStep{}
	trial.call.Watch = func(w robots.Watched) {
		one := triedStep{Number: w.Number, Step: w.Words, Place: w.Place, Element: w.Element, Skipped: w.Skipped, Took: w.Took.Milliseconds()}
		if w.Err != nil {
			one.Class, one.Problem = string(contracts.ClassOf(w.Err)), w.Err.Error()
		}
		if w.Picture != nil && pictures != "" {
			one.Picture = picturePath(pictures, len(steps)+1, w.Words)
			_ = os.WriteFile(one.Picture, w.Picture, 0o600)
		}
		steps = append(steps, one)
		if !wantsJSON(c) {
			one.print(c)
		}
	}
	leases, forget, err := leasesHere(c, trial.dir, trial.of)
	if err != nil {
		return err
	}
	defer forget()
	pool := robots.NewPool(robots.PoolOptions{Runs: 1})
	defer pool.Close()
	result, failed := robots.NewRunner(pool, leases).Rehearse(c.Context(), trial.program, trial.call)
	report := ""
	for _, one := range result.Evidence {
		if one.Name == "report.html" && pictures != "" {
			report = filepath.Join(pictures, "report.html")
			_ = os.WriteFile(report, one.Bytes, 0o600)
		}
	}
	return sayTried(c, trial, steps, result, report, failed)
}

// triedStep is a step that was tried, for programs.
type triedStep struct {
	Number  int    `json:"number"` // 0: of the login
	Step    string `json:"step"`
	Place   string `json:"place"`
	Element string `json:"element,omitempty"`
	Skipped bool   `json:"skipped,omitempty"`
	Took    int64  `json:"took_ms"`
	Class   string `json:"class,omitempty"`
	Problem string `json:"problem,omitempty"`
	Picture string `json:"picture,omitempty"`
}

func (s triedStep) print(c *cobra.Command) {
	number := strconv.Itoa(s.Number)
	if s.Number == 0 {
		number = "login"
	}
	at := s.Element
	if s.Skipped {
		at = "skipped"
	}
	fmt.Fprintf(c.OutOrStdout(), "%5s  %s  %s  (%s, %d ms)\n", number, s.Step, at, s.Place, s.Took)
}

func sayTried(c *cobra.Command, trial robotTrial, steps []triedStep, result robots.Result, report string, failed error) error {
	if wantsJSON(c) {
		out := map[string]any{"ok": failed == nil, "robot": trial.program.Robot.Name, "operation": trial.program.Operation.Name, "steps": steps, "stopped": result.Stopped, "report": report}
		if failed != nil {
			out["class"], out["problem"] = contracts.ClassOf(failed), failed.Error()
		} else if !result.Stopped {
			out["output"] = plainJSON(result.Output)
		}
		if err := printJSON(c, out); err != nil {
			return err
		}
		if failed != nil {
			return systemError(nil)
		}
		return nil
	}
	w := c.OutOrStdout()
	if report != "" {
		fmt.Fprintf(w, "report: %s\n", report)
	}
	switch {
	case failed != nil:
		return systemError(failed)
	case result.Stopped && trial.call.Until > 0:
		fmt.Fprintln(w, "stopped there, as asked")
	case result.Stopped:
		fmt.Fprintln(w, "stopped before the commit: trying changes nothing")
	default:
		fmt.Fprintf(w, "answer: %s\n", result.Output.Plain())
	}
	return nil
}

// trialInput reads the input, by the operation's type; without one it is that of the canary.
func trialInput(c *cobra.Command, program *robots.Program) (rules.Value, error) {
	operation := program.Operation
	if canary := program.Canary(); canary != nil && !c.Flags().Changed("input") {
		return canary.Input, nil
	}
	text, err := readInput(c)
	if err != nil {
		return rules.Value{}, err
	}
	value, err := rules.FromJSON(text)
	if err != nil {
		return rules.Value{}, contentError(fmt.Errorf("the input is not JSON: %w", err))
	}
	value, err = operation.Input.Decode(value)
	if err != nil {
		return rules.Value{}, contentError(fmt.Errorf("the input does not fit %s: %w", operation.Name, err))
	}
	return value, nil
}

// robotToTry finds the program, with the address and secrets of its system in the workspace.
func robotToTry(c *cobra.Command, args []string) (robotTrial, error) {
	folder, err := openRobots(c)
	if err != nil {
		return robotTrial{}, err
	}
	var w *workspace.Workspace
	if folder.dir != "" {
		w, _ = workspace.Load(folder.dir)
	}
	if len(args) == 2 {
		return trialOfSystem(w, folder.dir, args[0], args[1])
	}
	read, err := folder.one(args[0])
	if err != nil {
		return robotTrial{}, err
	}
	if read.Program == nil {
		printProblems(c.ErrOrStderr(), read.Problems.Errors())
		return robotTrial{}, contentError(fmt.Errorf("%s has errors", read.Robot.File))
	}
	trial := robotTrial{program: read.Program, dir: folder.dir, of: w}
	if w != nil && w.Config != nil {
		trial.call.AllowHosts = w.Config.AllowHosts
		for _, system := range w.Config.Systems {
			for _, driver := range system.Drivers {
				if driver.Kind == workspace.ByRobot && driver.Name == read.Robot.System {
					return trial, trial.reach(driver)
				}
			}
		}
	}
	if len(read.System.Secrets) > 0 {
		return trial, contentError(fmt.Errorf("no system of crosswalk.yaml has the driver robot: %s, which would give the secrets %s", read.Robot.System, strings.Join(read.System.Secrets, ", ")))
	}
	return trial, nil
}

func (t *robotTrial) reach(driver *workspace.Driver) error {
	secrets, err := driver.ResolveSecrets()
	if err != nil {
		return contentError(err)
	}
	t.call.Secrets, t.call.Base = secrets, driver.BaseURL
	return nil
}

func trialOfSystem(w *workspace.Workspace, dir, name, operation string) (robotTrial, error) {
	if w == nil {
		return robotTrial{}, usageError("there is no workspace here: name it with --dir, or name a ROBOT")
	}
	system := w.Config.System(name)
	if system == nil {
		return robotTrial{}, usageError("%s has no system %q", filepath.Join(dir, "crosswalk.yaml"), name)
	}
	var known []string
	for _, driver := range system.Drivers {
		app := w.Robots[driver.Name]
		if driver.Kind != workspace.ByRobot || app == nil || system.Contract == nil {
			continue
		}
		if program := app.Programs[system.Contract.Name+"."+strings.TrimPrefix(operation, system.Contract.Name+".")]; program != nil {
			trial := robotTrial{program: program, call: robots.Call{AllowHosts: w.Config.AllowHosts}, dir: dir, of: w}
			return trial, trial.reach(driver)
		}
		if app.Broken[system.Contract.Name+"."+strings.TrimPrefix(operation, system.Contract.Name+".")] {
			return robotTrial{}, contentError(fmt.Errorf("the robot of %s.%s has errors: crosswalk check %s names them", name, operation, dir))
		}
		for of := range app.Programs {
			known = append(known, of)
		}
	}
	slices.Sort(known)
	return robotTrial{}, usageError("no robot of the system %s carries out %q; those that it has carry out %s", name, operation, cmp.Or(strings.Join(known, ", "), "nothing"))
}

func robotsTestCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "test [ROBOT]",
		Short: "Check robots: everything that is wrong or risky in their files; with --live, also what their pages show now",
		Long: `Checks one robot, or all of the workspace here: names, types, expressions, places that break with the next release.
With --live the steps are done once in the application, up to the commit and with the fence never armed, with the input of --input or else of its canary.`,
		Example: "  crosswalk robots test\n  crosswalk robots test acme/robots/list-orders.yaml\n  crosswalk robots test list-orders --live --input order.json",
		Args:    atMostOne,
		RunE:    testRobots,
	}
	c.Flags().String("dir", "", "the workspace (default: the one here)")
	c.Flags().Bool("live", false, "do the steps once, with the fence never armed")
	c.Flags().String("input", "{}", "with --live: the input as JSON, a file that holds it, or - for standard input (default: that of the canary)")
	c.Flags().String("until", "", "with --live: end after the step of this number")
	c.Flags().String("pictures", "", "with --live: folder for pictures and the report")
	jsonFlag(c)
	return c
}

func testRobots(c *cobra.Command, args []string) error {
	folder, err := openRobots(c)
	if err != nil {
		return err
	}
	all := folder.all()
	if len(args) == 1 {
		one, err := folder.one(args[0])
		if err != nil {
			return err
		}
		all = []*robotFile{one}
	}
	if live, _ := c.Flags().GetBool("live"); live {
		if len(args) != 1 {
			return usageError("--live needs a ROBOT")
		}
		return tryRobot(c, args)
	}
	began, failed, views := time.Now(), 0, []robotView{}
	for _, r := range all {
		views = append(views, r.view(false))
		if r.Program == nil {
			failed++
		}
		if !wantsJSON(c) {
			printProblems(c.OutOrStdout(), r.Problems)
		}
	}
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"ok": failed == 0, "robots": views}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(c.OutOrStdout(), "%d robot(s) checked in %s, %d with errors\n", len(all), time.Since(began).Round(time.Millisecond), failed)
	}
	if failed > 0 {
		return contentError(nil)
	}
	return nil
}
