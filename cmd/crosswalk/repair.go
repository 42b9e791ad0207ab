package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/contracts"
)

// wishView is what the JSON interface takes for a repair.
type wishView struct {
	Step   string          `json:"step,omitempty"`
	Reason string          `json:"reason,omitempty"`
	With   json.RawMessage `json:"with,omitempty"`
	Value  json.RawMessage `json:"value,omitempty"`
	Yes    bool            `json:"yes,omitempty"`
	Undo   bool            `json:"undo,omitempty"`
	DryRun bool            `json:"dry_run,omitempty"`
}

// repairView is what became of it.
type repairView struct {
	Case      string   `json:"case"`
	Reference string   `json:"reference"`
	Act       string   `json:"act"`
	Step      string   `json:"step,omitempty"`
	Done      bool     `json:"done"`
	Message   string   `json:"message"`
	Steps     []string `json:"steps,omitempty"`
	Writes    []struct {
		Step      string    `json:"step"`
		Operation string    `json:"operation"`
		State     string    `json:"state"`
		At        time.Time `json:"at,omitzero"`
		Then      string    `json:"then"`
	} `json:"writes,omitempty"`
	Undo []struct {
		Case  string `json:"case"`
		Step  string `json:"step"`
		Label string `json:"label"`
		Doubt bool   `json:"doubt,omitempty"`
	} `json:"undo,omitempty"`
	Bundle string `json:"bundle,omitempty"`
	Error  string `json:"error,omitempty"`
}

// repairCommands are the acts by which people help cases on.
func repairCommands() []*cobra.Command {
	retry := repairCommand("retry", "", "Try at once what cases wait for",
		"  crosswalk cases retry CW-7K2M9QXR\n  crosswalk cases retry --state waiting --system crm --yes")
	answer := repairCommand("answer", "VALUE", "Give the result of a step by hand",
		`  crosswalk cases answer CW-7K2M9QXR '{"order_number": "1042", "parcels": []}' --reason 'looked it up in the portal'
  crosswalk cases answer --state parked --step shipment '{"parcels": []}' --reason 'the carrier lost its records' --yes`)
	answer.Long = `Gives the result of the step that a case waits at, as JSON of the step's type; - reads it from standard input, @FILE from a
file. A step that still waits for its system is taken from it. A write counts as done. Chosen by a filter, all cases get the same result.`
	skip := repairCommand("skip", "", "Go on without the result of a step, where the use case can",
		"  crosswalk cases skip CW-7K2M9QXR --reason 'the shop has no such customer'\n  crosswalk cases skip --state parked --class not_found --reason 'known gap' --yes")
	redo := repairCommand("redo", "STEP", "Do a step and all that follows again, with other values if given", `  crosswalk cases redo CW-7K2M9QXR customer --with '{"email": "jane@example.org"}' --reason 'wrong Jane'
  crosswalk cases redo CW-7K2M9QXR warranty --value '{"covered": true}' --reason 'goodwill' --yes
  crosswalk cases redo --use-case customer-complaint --state parked stock --dry-run`)
	redo.Long = `Does a step at the top of the use case and everything after it again. What came before is not done again. Without --yes it
says which writes in other systems that touches and does nothing. A write that asks for the same again is left alone.`
	redo.Flags().String("with", "", "another input of the operation, as JSON (the whole input)")
	redo.Flags().String("value", "", "another result of the step, as JSON")
	move := repairCommand("move", "", "Have cases go on with the version of their use case in force",
		"  crosswalk cases move CW-7K2M9QXR --reason 'the mended title'\n  crosswalk cases move --use-case customer-complaint --state parked --dry-run")
	move.Long = `Has a case go on with the version of its use case that is in force, from the step that it is at. What it has done must mean
the same in both; if not, the first difference is named, and --step goes on from an earlier step, which is then done again.
Without --yes it says what that means and does nothing.`
	cancel := repairCommand("cancel", "", "End cases that are not finished, and undo what they did",
		"  crosswalk cases cancel CW-7K2M9QXR --dry-run\n  crosswalk cases cancel CW-7K2M9QXR --reason 'sent by mistake'\n  crosswalk cases cancel CW-7K2M9QXR --reason 'test' --no-undo")
	cancel.Flags().Bool("no-undo", false, "leave what was done in other systems as it is")
	for _, one := range []*cobra.Command{cancel, redo, move} {
		one.Flags().Bool("dry-run", false, "only say, for each case, what it would mean")
	}
	return []*cobra.Command{retry, answer, skip, redo, cancel, move}
}

// repairCommand is an act on the cases that are named, or on those that the filter finds. What it takes stands behind them.
func repairCommand(act, takes, short, example string) *cobra.Command {
	c := &cobra.Command{Use: strings.TrimSpace(act + " [CASE…] " + takes), Short: short, Example: example, RunE: func(c *cobra.Command, args []string) error {
		if takes == "" {
			return runRepair(c, act, args, "")
		}
		if len(args) == 0 {
			return usageError("%s needs %s: see %s --help", c.CommandPath(), takes, c.CommandPath())
		}
		return runRepair(c, act, args[:len(args)-1], args[len(args)-1])
	}}
	c.Flags().String("reason", "", "why; kept with who and when")
	dataFlag(c)
	jsonFlag(c)
	if act != "cancel" {
		c.Flags().String("step", "", "only at this step")
	}
	c.Flags().String("state", "", "instead of cases: all that are waiting, parked or open")
	c.Flags().String("use-case", "", "all of this use case")
	c.Flags().String("system", "", "all that this system keeps from going on")
	c.Flags().String("class", "", "all with an error of this class, as in unavailable or drift")
	c.Flags().String("since", "", "all that have waited for so long, as in 2h or 3d")
	c.Flags().Int("limit", 1000, "at most this many")
	c.Flags().Bool("yes", false, "do it; without it, what would be done is listed where that is more than one case or repeats writes")
	return c
}

// runRepair does one act on every case that is named or found.
func runRepair(c *cobra.Command, act string, named []string, given string) error {
	filter := repairFilter(c)
	if (len(named) > 0) == (len(filter) > 0) {
		return usageError("name cases, or choose them with --state, --use-case, --system, --class, --since")
	}
	yes, _ := c.Flags().GetBool("yes")
	dryRun, _ := c.Flags().GetBool("dry-run")
	if err := needsReason(c, act != "retry" && !dryRun && (yes || len(named) > 0)); err != nil {
		return err
	}
	wish, err := readWish(c, act, given)
	if err != nil {
		return err
	}
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	cases := make([]caseView, len(named))
	for i, name := range named {
		cases[i] = caseView{ID: name, Reference: name}
	}
	if len(named) == 0 {
		if cases, err = findCases(c, r, filter); err != nil {
			return err
		}
		if !yes && !dryRun || len(cases) == 0 && !wantsJSON(c) {
			return listWouldBe(c, act, cases)
		}
		limit, _ := c.Flags().GetInt("limit")
		defer cutOff(c, len(cases), limit)
	}
	return repairAll(c, r, act, cases, wish, filter)
}

// readWish is what is to be done about each case.
func readWish(c *cobra.Command, act, given string) (wishView, error) {
	wish := wishView{Undo: act == "cancel"}
	wish.Yes, _ = c.Flags().GetBool("yes")
	wish.DryRun, _ = c.Flags().GetBool("dry-run")
	wish.Reason, _ = c.Flags().GetString("reason")
	if keep, err := c.Flags().GetBool("no-undo"); err == nil && keep {
		wish.Undo = false
	}
	texts := map[string]*json.RawMessage{}
	switch act {
	case "redo":
		wish.Step = given
		texts["with"], texts["value"] = &wish.With, &wish.Value
	case "cancel":
	default:
		wish.Step, _ = c.Flags().GetString("step")
	}
	if act == "answer" {
		var err error
		wish.Value, err = jsonArgument(c, given)
		return wish, err
	}
	for flag, into := range texts {
		if text, _ := c.Flags().GetString(flag); text != "" {
			var err error
			if *into, err = jsonArgument(c, text); err != nil {
				return wish, err
			}
		}
	}
	return wish, nil
}

// needsReason refuses an act that nobody could answer for later.
func needsReason(c *cobra.Command, needed bool) error {
	if reason, _ := c.Flags().GetString("reason"); needed && strings.TrimSpace(reason) == "" {
		return usageError("say why with --reason")
	}
	return nil
}

func repairFilter(c *cobra.Command) url.Values {
	q := url.Values{}
	for flag, name := range map[string]string{"state": "state", "use-case": "usecase", "system": "system", "class": "class", "since": "since"} {
		if text, _ := c.Flags().GetString(flag); text != "" {
			q.Set(name, text)
		}
	}
	if len(q) > 0 && q.Get("state") == "" {
		q.Set("state", "open")
	}
	return q
}

func findCases(c *cobra.Command, r running, q url.Values) ([]caseView, error) {
	switch q.Get("state") {
	case "open", "waiting", "parked":
	default:
		return nil, usageError("--state is open, waiting or parked: what has ended is not repaired")
	}
	if class := contracts.Class(q.Get("class")); class != "" && !class.Known() {
		return nil, usageError("there is no class of errors %q (known: %s)", class, strings.Join(contracts.ClassNames(), " "))
	}
	limit, _ := c.Flags().GetInt("limit")
	if step, err := c.Flags().GetString("step"); err == nil && step != "" {
		q.Set("step", step)
	}
	var out struct {
		Cases []caseView `json:"cases"`
	}
	err := r.call(c.Context(), "GET", fmt.Sprintf("/api/cases?%s&limit=%d", q.Encode(), limit), nil, &out)
	return out.Cases, err
}

// listWouldBe says what --yes would do.
func listWouldBe(c *cobra.Command, act string, cases []caseView) error {
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"act": act, "cases": cases, "done": false})
	}
	if len(cases) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "no case fits; nothing was done")
		return nil
	}
	rows := [][]string{{"REFERENCE", "STATE", "WAITS FOR", "STEP", "ERROR", "SINCE", "TITLE"}}
	for _, v := range cases {
		rows = append(rows, []string{v.Reference, v.State, v.WaitingFor, v.WaitingStep, v.WaitingClass, since(v.WaitingSince), oneLine(v.Title, 50)})
	}
	table(c.OutOrStdout(), rows)
	fmt.Fprintf(c.OutOrStdout(), "%d cases; nothing was done: add --yes to %s them", len(cases), act)
	if c.Flags().Lookup("dry-run") != nil {
		fmt.Fprint(c.OutOrStdout(), ", or --dry-run to see what that means for each")
	}
	fmt.Fprintln(c.OutOrStdout())
	limit, _ := c.Flags().GetInt("limit")
	cutOff(c, len(cases), limit)
	return nil
}

// repairedAtOnce is how many cases are told at once: each takes its time, and hardly any of it here.
const repairedAtOnce = 8

// repairAll does one act on all cases, some at once, and prints what became of each as soon as it is known. Those that a
// filter chose are left alone if it does not fit them any more when their turn comes. Ended in the middle, it says how far
// it came.
func repairAll(c *cobra.Command, r running, act string, cases []caseView, wish wishView, filter url.Values) error {
	all := make([]*repairView, len(cases))
	var mu sync.Mutex
	var group sync.WaitGroup
	var first error // of the only case
	next, said, failed := 0, 0, 0
	for range min(repairedAtOnce, len(cases)) {
		group.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			for next < len(cases) && c.Context().Err() == nil {
				i := next
				next++
				mu.Unlock()
				done, err := repairOne(c, r, act, cases[i], wish, filter)
				mu.Lock()
				if err != nil {
					failed++
					first = err
				}
				said++
				if all[i] = &done; !wantsJSON(c) && (err == nil || len(cases) > 1) {
					printRepair(c, done, said, len(cases))
				}
			}
		})
	}
	group.Wait()
	all = slices.DeleteFunc(all, func(one *repairView) bool { return one == nil })
	left := len(cases) - said
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"repairs": append([]*repairView{}, all...), "left": left}); err != nil {
			return err
		}
	}
	switch {
	case left > 0:
		return systemError(fmt.Errorf("ended after %d of %d cases; the other %d were left alone, and the same command goes on with them", said, len(cases), left))
	case failed > 0 && len(cases) == 1 && !wantsJSON(c):
		return first
	case failed > 0:
		return contentError(fmt.Errorf("%d of %d cases were not repaired", failed, len(cases)))
	}
	return nil
}

func repairOne(c *cobra.Command, r running, act string, one caseView, wish wishView, filter url.Values) (repairView, error) {
	var out struct {
		Repair repairView `json:"repair"`
	}
	filter = stillFits(act, one, filter)
	query := ""
	if len(filter) > 0 {
		query = "?" + filter.Encode()
	}
	if (act == "skip" || act == "answer") && len(filter) > 0 {
		wish.Step = filter.Get("step") // and not another one that waits for a person too
	}
	err := r.call(c.Context(), "POST", "/api/cases/"+url.PathEscape(one.ID)+"/repair/"+act+query, wish, &out)
	switch {
	case err == nil:
		return out.Repair, nil
	case c.Context().Err() != nil:
		err = systemError(errors.New("the command was ended while this was asked: cases show says what became of it"))
	}
	return repairView{Case: one.ID, Reference: one.Reference, Act: act, Error: err.Error()}, err
}

// stillFits is what a case that was chosen must still be like. What gives a step a result, or leaves it out, means the step
// at which the case was found.
func stillFits(act string, one caseView, filter url.Values) url.Values {
	if len(filter) == 0 {
		return nil
	}
	q := maps.Clone(filter)
	if (act == "skip" || act == "answer") && one.WaitingStep != "" {
		q.Set("step", one.WaitingStep)
	}
	return q
}

func printRepair(c *cobra.Command, done repairView, number, of int) {
	out, counted := c.OutOrStdout(), ""
	if of > 1 {
		counted = fmt.Sprintf("%d/%d ", number, of)
	}
	if done.Error != "" {
		fmt.Fprintf(out, "%s%s: not done: %s\n", counted, done.Reference, oneLine(done.Error, 200))
		return
	}
	fmt.Fprintf(out, "%s%s: %s\n", counted, done.Reference, done.Message)
	for i, undo := range done.Undo {
		doubt := ""
		if undo.Doubt {
			doubt = ": nobody knows yet whether it was done; that is found out first"
		}
		fmt.Fprintf(out, "  %d. %s at %s of %s%s\n", i+1, undo.Label, undo.Step, undo.Case, doubt)
	}
	if done.Done || done.Act == "cancel" {
		return
	}
	fmt.Fprintf(out, "  from %s on: %s\n", done.Step, strings.Join(done.Steps, ", "))
	for _, write := range done.Writes {
		fmt.Fprintf(out, "  %s at %s (%s): %s\n", write.Operation, write.Step, write.State, write.Then)
	}
	if len(done.Writes) == 0 {
		fmt.Fprintln(out, "  no write in another system is touched")
	}
	fmt.Fprintln(out, "  add --yes to do it")
}

// jsonArgument is JSON as it stands on the command line, in a file (@FILE) or on standard input (-).
func jsonArgument(c *cobra.Command, text string) (json.RawMessage, error) {
	raw, err := []byte(text), error(nil)
	if file, ok := strings.CutPrefix(text, "@"); ok {
		raw, err = os.ReadFile(file)
	} else if text == "-" {
		raw, err = io.ReadAll(c.InOrStdin())
	}
	if err != nil {
		return nil, usageError("%s", err)
	}
	if !json.Valid(raw) {
		return nil, usageError("this is not JSON: %s", oneLine(string(raw), 80))
	}
	return raw, nil
}
