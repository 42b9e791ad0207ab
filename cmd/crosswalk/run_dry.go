package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/casetest"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
	"crosswalk/worker"
	"crosswalk/workspace"
)

// dryRun plays a case through with the systems' own answers to what only reads. It takes the folder and not what is in
// force: the question is what a case would do before anything is published.
func dryRun(c *cobra.Command, name string, input []byte) error {
	dir, _ := c.Flags().GetString("dir")
	dir, err := needWorkspace([]string{dir})
	if err != nil {
		return err
	}
	w, problems := workspace.Load(dir)
	if problems.Err() != nil {
		printProblems(c.ErrOrStderr(), problems.Errors())
		return contentError(fmt.Errorf("%s has %d error(s)", dir, len(problems.Errors())))
	}
	useCase, err := planOf(w, name)
	if err != nil {
		return err
	}
	if !json.Valid(input) {
		return contentError(fmt.Errorf("the input is not JSON"))
	}
	var answers []byte
	from, _ := c.Flags().GetString("answers")
	if from != "" {
		if answers, err = os.ReadFile(from); err != nil {
			return usageError("%s", err)
		}
	} else {
		from = "input"
	}
	plans := map[string]*usecases.Plan{}
	for _, other := range w.UseCases {
		plans[other.Name] = other.Plan
	}
	kept, data, forget, err := keptHere(c, dir, w)
	if err != nil {
		return err
	}
	defer forget()
	reads := worker.NewReads(w.Reach, kept, data, slog.New(slog.DiscardHandler))
	defer reads.Close()
	of := casetest.Subject{Plan: useCase.Plan, Runs: plans, Calendars: w.Config}
	ahead, found, err := casetest.LookAhead(c.Context(), of, input, from, answers, reads)
	if err != nil {
		return systemError(err)
	}
	if ahead == nil {
		printProblems(c.ErrOrStderr(), found)
		return contentError(fmt.Errorf("the input or the answers do not fit %s", name))
	}
	if wantsJSON(c) {
		return printJSON(c, ahead)
	}
	printAhead(c, ahead)
	return nil
}

// shownItems is how many calls of one step in a loop are printed; a list may have ten thousand items.
const shownItems = 20

func printAhead(c *cobra.Command, a *casetest.Ahead) {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s, dry run: nothing was sent\nsteps: %s\n", a.UseCase, strings.Join(counted(a.Steps), ", "))
	shown, writes := map[string]int{}, 0
	var more []string
	for _, call := range a.Calls {
		word := "read "
		if call.Effect == contracts.Write {
			word = "WOULD WRITE"
			writes++
		}
		of := fmt.Sprintf("%s %s in %s", word, call.Operation, loops.ReplaceAllString(call.Step, "[]."))
		if shown[of]++; shown[of] > shownItems {
			more = append(more, of)
			continue
		}
		by := call.Driver
		if call.Safety != "" {
			by += ", safe by " + string(call.Safety)
		}
		fmt.Fprintf(out, "%s %s (%s)\n  with %s\n", word, call.Operation, by, shownValue(call.Input))
		if call.Failed != "" {
			fmt.Fprintf(out, "  failed: %s\n", oneLine(call.Failed, 200))
		}
		if call.Effect == contracts.Write && call.Assumed {
			fmt.Fprintf(out, "  its answer is not known; the case goes on with %s\n", shownValue(call.Answer))
		}
	}
	for _, of := range counted(more) {
		fmt.Fprintf(out, "not shown here, but with --json: %s\n", of)
	}
	fmt.Fprintf(out, "writes that were not sent: %d\n", writes)
	for _, ask := range a.Asks {
		answered := "not answered"
		if ask.Answered {
			answered = "answered by the file of answers"
		}
		fmt.Fprintf(out, "would ask %s: %s (%s), %s\n", ask.For, oneLine(ask.Title, 90), ask.Kind, answered)
	}
	if len(a.Waits) > 0 {
		fmt.Fprintf(out, "waits that were skipped: %s\n", strings.Join(a.Waits, ", "))
	}
	if a.Ends {
		fmt.Fprintf(out, "ends: %s %s\n", a.Outcome, shownValue(a.Result))
		return
	}
	for _, stop := range a.Stops {
		fmt.Fprintf(out, "stops: %s\n", oneLine(stop, 300))
	}
}

// loops are the positions of items in the path of a step.
var loops = regexp.MustCompile(`\[\d+\]\.`)

// counted lists each name once, without positions, in the order in which they first came, and says how often.
func counted(names []string) []string {
	times := map[string]int{}
	var list []string
	for _, name := range names {
		name = loops.ReplaceAllString(name, "[].")
		if times[name]++; times[name] == 1 {
			list = append(list, name)
		}
	}
	for i, name := range list {
		if times[name] > 1 {
			list[i] = fmt.Sprintf("%s (%d times)", name, times[name])
		}
	}
	return list
}

func shownValue(v rules.Value) string {
	if v.IsMissing() {
		return ""
	}
	return string(v.Plain())
}
