package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/workspace"
)

// completionPatience is how long somebody who presses Tab waits.
const completionPatience = time.Second

// completeArguments gives every command whose first argument is a case, a task, a system, a use case or a table the
// names of those that there are. Where nothing runs, nothing is offered and nothing is said.
func completeArguments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		completeArguments(sub)
	}
	_, arguments, _ := strings.Cut(c.Use, " ")
	first, _, _ := strings.Cut(strings.TrimLeft(arguments, "["), " ")
	names := map[string]func(*cobra.Command) []string{
		"CASE": caseNames, "TASK": taskNames, "SYSTEM": systemNames, "TABLE": tableNames, "ROBOT": robotNames,
	}[strings.TrimRight(first, "]….")]
	if names == nil || c.ValidArgsFunction != nil {
		return
	}
	several := strings.Contains(first, "…")
	c.ValidArgsFunction = func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 && !several {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var fitting []string
		for _, name := range names(c) {
			if strings.HasPrefix(name, begun) {
				fitting = append(fitting, name)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp
	}
}

// ask asks what runs here; whatever keeps it from answering is nothing to offer.
func ask(c *cobra.Command, path string, into any) bool {
	r, err := findRunning(c)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
	defer cancel()
	return r.call(ctx, "GET", path, nil, into) == nil
}

// described is a name with what the shell shows beside it.
func described(name, about string) string { return name + "\t" + oneLine(about, 60) }

func caseNames(c *cobra.Command) (names []string) {
	var out struct {
		Cases []caseView `json:"cases"`
	}
	if ask(c, "/api/cases?state=open&limit=100", &out) {
		for _, v := range out.Cases {
			names = append(names, described(v.Reference, v.Title))
		}
	}
	return names
}

func taskNames(c *cobra.Command) (names []string) {
	var out struct {
		Tasks []taskView `json:"tasks"`
	}
	if ask(c, "/api/tasks?limit=100", &out) {
		for _, t := range out.Tasks {
			names = append(names, described(t.ID, t.Title))
		}
	}
	return names
}

func systemNames(c *cobra.Command) (names []string) {
	var out struct {
		Systems []struct {
			System string `json:"system"`
		} `json:"systems"`
	}
	if ask(c, "/api/systems", &out) {
		for _, s := range out.Systems {
			names = append(names, s.System)
		}
	}
	return names
}

// tableNames are the rule tables of the workspace here.
func tableNames(*cobra.Command) []string {
	dir := workspaceDir(nil)
	if dir == "" {
		return nil
	}
	w, _ := workspace.Load(dir)
	return w.TableNames()
}
