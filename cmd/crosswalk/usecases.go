package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/usecases"
	"crosswalk/workspace"
)

func useCasesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "usecases",
		Short:   "List, show and draw the use cases of a workspace",
		Example: "  crosswalk usecases list\n  crosswalk usecases draw customer-complaint -o complaint.svg",
	}
	list := &cobra.Command{Use: "list", Short: "List the use cases", Example: "  crosswalk usecases list --json", Args: exactly(), RunE: useCasesList}
	show := &cobra.Command{Use: "show USECASE", Short: "Show what a use case takes, does and gives", Example: "  crosswalk usecases show customer-complaint", Args: exactly("USECASE"), RunE: useCasesShow, ValidArgsFunction: completeUseCases}
	draw := &cobra.Command{
		Use:   "draw USECASE",
		Short: "Draw a use case as an SVG",
		Long: `Draws a use case: boxes for steps from top to bottom, diamonds where a way is chosen, frames around loops, dashed frames
for what stands in for a step that failed. The picture follows the reader's light or dark colours and tells the steps as text too.`,
		Example:           "  crosswalk usecases draw customer-complaint -o complaint.svg",
		Args:              exactly("USECASE"),
		RunE:              useCasesDraw,
		ValidArgsFunction: completeUseCases,
	}
	draw.Flags().StringP("output", "o", "", "file to write instead of standard output")
	for _, sub := range []*cobra.Command{list, show, draw} {
		sub.Flags().String("dir", ".", "folder of the workspace")
		if sub != draw {
			jsonFlag(sub)
		}
		c.AddCommand(sub)
	}
	return c
}

// loadFor loads the workspace of --dir. What is wrong elsewhere in it does not keep a use case that is right from being
// shown.
func loadFor(c *cobra.Command) (*workspace.Workspace, error) {
	dir, _ := c.Flags().GetString("dir")
	dir, err := needWorkspace([]string{dir})
	if err != nil {
		return nil, err
	}
	w, problems := workspace.Load(dir)
	printProblems(c.ErrOrStderr(), problems.Errors())
	return w, nil
}

// planOf finds a use case of the workspace that can be run.
func planOf(w *workspace.Workspace, name string) (*workspace.UseCase, error) {
	useCase := w.UseCase(name)
	switch {
	case useCase == nil:
		return nil, contentError(fmt.Errorf("there is no use case %q: see crosswalk usecases list", name))
	case useCase.Plan == nil:
		return nil, contentError(fmt.Errorf("the use case %s has errors", name))
	}
	return useCase, nil
}

// useCaseLine is a use case as lists show it.
type useCaseLine struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	File    string   `json:"file"`
	Steps   int      `json:"steps"`
	Systems []string `json:"systems"`
	Tables  []string `json:"tables"`
	Writes  []string `json:"writes"`
	OK      bool     `json:"ok"`
	Hash    string   `json:"hash,omitempty"`
}

func lineOf(u *workspace.UseCase) useCaseLine {
	line := useCaseLine{Name: u.Name, Title: u.Title, File: u.File, Systems: append([]string{}, u.Systems...), Tables: append([]string{}, u.Tables...), Writes: []string{}, OK: u.Plan != nil, Hash: u.Hash}
	if u.Plan != nil {
		outline := u.Bundle.Outline()
		line.Steps, line.Writes = len(outline), append(line.Writes, usecases.Writes(outline)...)
	}
	return line
}

func useCasesList(c *cobra.Command, _ []string) error {
	w, err := loadFor(c)
	if err != nil {
		return err
	}
	lines := []useCaseLine{}
	rows := [][]string{{"USE CASE", "TITLE", "STEPS", "SYSTEMS", "FILE"}}
	for _, useCase := range w.UseCases {
		line := lineOf(useCase)
		lines = append(lines, line)
		steps := strconv.Itoa(line.Steps)
		if !line.OK {
			steps = "has errors"
		}
		rows = append(rows, []string{line.Name, oneLine(line.Title, 40), steps, strings.Join(line.Systems, " "), line.File})
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"use_cases": lines})
	}
	table(c.OutOrStdout(), rows)
	return nil
}

func useCasesShow(c *cobra.Command, args []string) error {
	w, err := loadFor(c)
	if err != nil {
		return err
	}
	useCase, err := planOf(w, args[0])
	if err != nil {
		return err
	}
	type step struct {
		Path string `json:"path"`
		Kind string `json:"kind"`
		Does string `json:"does"`
		Line int    `json:"line"`
	}
	steps := []step{}
	useCase.Plan.Walk(func(s *usecases.Step) { steps = append(steps, step{s.Path, s.Kind(), s.InWords(), s.Line}) })
	line := lineOf(useCase)
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"use_case": line, "input": useCase.Plan.Input.String(), "result": useCase.Plan.Result.String(), "steps": steps})
	}
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s: %s\n%s\n\ninput   %s\nresult  %s\nwrites  %s\ntables  %s\n\n", line.Name, line.Title, line.File,
		useCase.Plan.Input, useCase.Plan.Result, strings.Join(line.Writes, ", "), strings.Join(line.Tables, ", "))
	rows := [][]string{{"STEP", "DOES", "LINE"}}
	for _, s := range steps {
		rows = append(rows, []string{s.Path, s.Does, strconv.Itoa(s.Line)})
	}
	table(out, rows)
	return nil
}

func useCasesDraw(c *cobra.Command, args []string) error {
	w, err := loadFor(c)
	if err != nil {
		return err
	}
	useCase, err := planOf(w, args[0])
	if err != nil {
		return err
	}
	picture := useCase.Plan.Picture(usecases.PictureOptions{})
	name, _ := c.Flags().GetString("output")
	if name == "" {
		_, err = c.OutOrStdout().Write(picture)
		return err
	}
	if err := os.WriteFile(name, picture, 0o644); err != nil {
		return usageError("%s", errors.Unwrap(err))
	}
	return nil
}

// completeUseCases completes the names of the use cases of the workspace here.
func completeUseCases(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	dir := "."
	if flag := c.Flags().Lookup("dir"); flag != nil {
		dir = flag.Value.String()
	}
	w, _ := workspace.Load(dir)
	var names []string
	for _, useCase := range w.UseCases {
		if strings.HasPrefix(useCase.Name, begun) {
			names = append(names, useCase.Name+"\t"+useCase.Title)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
