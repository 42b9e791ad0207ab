package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/source"
	"crosswalk/workspace"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check [DIR]",
		Short: "Load and type-check a workspace, or the catalogue outside of one; all errors at once",
		Long: `Loads every file of a workspace and checks use cases, rules, adapters, robots and crosswalk.yaml together. Nothing is
called and nothing is changed. Without a folder it takes the workspace here, and outside of one the catalogue.
The exit code is 1 if there is an error.`,
		Example: "  crosswalk check\n  crosswalk check acme --json\n  crosswalk check acme --watch",
		Args:    atMostOne,
		RunE:    check,
	}
	c.Flags().Bool("watch", false, "check again after every save, until Ctrl-C")
	jsonFlag(c)
	return c
}

// workspaceDir is the folder given, or the one here if it is a workspace, or "".
func workspaceDir(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	if _, err := os.Stat("crosswalk.yaml"); err == nil {
		return "."
	}
	return ""
}

func check(c *cobra.Command, args []string) error {
	dir := workspaceDir(args)
	watching, _ := c.Flags().GetBool("watch")
	if watching && dir == "" {
		return usageError("--watch needs a workspace: name its folder")
	}
	if !watching {
		return checkOnce(c, dir)
	}
	watcher, err := workspace.NewWatcher(dir)
	if err != nil {
		return systemError(err)
	}
	sayChecked(c, checkOnce(c, dir))
	watcher.Run(c.Context(), func(workspace.Result) {
		if !wantsJSON(c) {
			fmt.Fprintf(c.OutOrStdout(), "\n%s\n", time.Now().Format(time.TimeOnly))
		}
		sayChecked(c, checkOnce(c, dir))
	})
	if err := watcher.Close(); err != nil {
		return systemError(err)
	}
	return nil
}

// sayChecked tells of what is wrong and goes on.
func sayChecked(c *cobra.Command, err error) {
	if err != nil && err.Error() != "" {
		fmt.Fprintln(c.ErrOrStderr(), err)
	}
}

// checkOnce checks a workspace, or without one the catalogue, and prints what it finds.
func checkOnce(c *cobra.Command, dir string) error {
	var problems source.Problems
	var notes []string
	what := "the catalogue"
	if dir == "" {
		problems = checkCatalogue()
	} else {
		w, found := workspace.Load(dir)
		notes, what = w.Notes, dir
		for i := range found {
			found[i].File = filepath.Join(dir, found[i].File)
		}
		_, inTests := readTests(w, dir, nil, func(string) bool { return true })
		problems = append(found, inTests...)
	}
	if problems == nil {
		problems = source.Problems{}
	}
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"ok": problems.Err() == nil, "problems": problems}); err != nil {
			return err
		}
	} else {
		printProblems(c.OutOrStdout(), problems)
		for _, note := range notes {
			fmt.Fprintln(c.OutOrStdout(), "note: "+note)
		}
	}
	if n := len(problems.Errors()); n > 0 {
		if wantsJSON(c) {
			return contentError(nil)
		}
		return contentError(fmt.Errorf("%s has %d error(s)", what, n))
	}
	if !wantsJSON(c) {
		fmt.Fprintf(c.OutOrStdout(), "%s is right\n", what)
	}
	return nil
}

func printProblems(w io.Writer, problems source.Problems) {
	for _, problem := range problems {
		fmt.Fprintln(w, problem.Error())
	}
}

func userName() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	return "operator"
}

func initCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "init DIR",
		Short:   "Make a new workspace: a small use case that works, with its rules",
		Example: "  crosswalk init acme && crosswalk check acme && crosswalk up --dir acme",
		Args:    exactly("DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			written, err := workspace.Init(args[0])
			if errors.Is(err, workspace.ErrNotEmpty) {
				return contentError(err)
			}
			if err != nil {
				return systemError(err)
			}
			schemas, err := writeSchemas(filepath.Join(args[0], schemaFolder))
			if err != nil {
				return systemError(err)
			}
			for _, name := range schemas {
				written = append(written, schemaFolder+"/"+name)
			}
			if wantsJSON(c) {
				return printJSON(c, map[string]any{"folder": args[0], "files": written})
			}
			for _, name := range written {
				fmt.Fprintln(c.OutOrStdout(), filepath.Join(args[0], name))
			}
			fmt.Fprintf(c.OutOrStdout(), "Next: crosswalk check %s, then crosswalk up --dir %s\n", args[0], args[0])
			return nil
		},
	}
	jsonFlag(c)
	return c
}
