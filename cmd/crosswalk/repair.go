package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
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
	retry := repairCommand("retry", "Try at once what cases wait for",
		"  crosswalk cases retry CW-7K2M9QXR\n  crosswalk cases retry --state waiting --system crm --yes")
	answer := &cobra.Command{Use: "answer CASE VALUE", Short: "Give the result of a step by hand", Args: exactly("CASE", "VALUE"), RunE: runAnswer,
		Long: `Gives the result of the step that a case waits at, as JSON of the step's type; - reads it from standard input, @FILE from a
file. A step that still waits for its system is taken from it. A write counts as done.`,
		Example: `  crosswalk cases answer CW-7K2M9QXR '{"order_number": "1042", "parcels": []}' --reason 'looked it up in the portal'`}
	skip := repairCommand("skip", "Go on without the result of a step, where the use case can",
		"  crosswalk cases skip CW-7K2M9QXR --reason 'the shop has no such customer'\n  crosswalk cases skip --state parked --class not_found --reason 'known gap' --yes")
	redo := &cobra.Command{Use: "redo CASE STEP", Short: "Do a step and all that follows again, with other values if given", Args: exactly("CASE", "STEP"), RunE: runRedo,
		Long: `Does a step at the top of the use case and everything after it again. What came before is not done again. Without --yes it
says which writes in other systems that touches and does nothing. A write that asks for the same again is left alone.`,
		Example: `  crosswalk cases redo CW-7K2M9QXR customer --with '{"email": "jane@example.org"}' --reason 'wrong Jane'
  crosswalk cases redo CW-7K2M9QXR warranty --value '{"covered": true}' --reason 'goodwill' --yes`}
	redo.Flags().String("with", "", "another input of the operation, as JSON (the whole input)")
	redo.Flags().String("value", "", "another result of the step, as JSON")
	move := repairCommand("move", "Have cases go on with the version of their use case in force",
		"  crosswalk cases move CW-7K2M9QXR --reason 'the mended title'\n  crosswalk cases move --use-case customer-complaint --state parked --reason 'mended' --yes")
	move.Long = `Has a case go on with the version of its use case that is in force, from the step that it is at. What it has done must mean
the same in both; if not, the first difference is named, and --step goes on from an earlier step, which is then done again.
Without --yes it says what that means and does nothing.`
	cancel := repairCommand("cancel", "End cases that are not finished, and undo what they did",
		"  crosswalk cases cancel CW-7K2M9QXR --dry-run\n  crosswalk cases cancel CW-7K2M9QXR --reason 'sent by mistake'\n  crosswalk cases cancel CW-7K2M9QXR --reason 'test' --no-undo")
	cancel.Flags().Bool("no-undo", false, "leave what was done in other systems as it is")
	cancel.Flags().Bool("dry-run", false, "only say what would be undone")
	for _, one := range []*cobra.Command{answer, redo} {
		repairFlags(one)
	}
	answer.Flags().String("step", "", "the step, if the case waits at several")
	redo.Flags().Bool("yes", false, "do it")
	return []*cobra.Command{retry, answer, skip, redo, cancel, move}
}

func repairFlags(c *cobra.Command) {
	c.Flags().String("reason", "", "why; kept with who and when")
	dataFlag(c)
	jsonFlag(c)
}

// repairCommand is an act on the cases that are named, or on those that the filter finds.
func repairCommand(act, short, example string) *cobra.Command {
	c := &cobra.Command{Use: act + " [CASE…]", Short: short, Example: example, RunE: func(c *cobra.Command, args []string) error { return runRepair(c, act, args) }}
	repairFlags(c)
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
func runRepair(c *cobra.Command, act string, named []string) error {
	filter := repairFilter(c)
	if (len(named) > 0) == (len(filter) > 0) {
		return usageError("name cases, or choose them with --state, --use-case, --system, --class, --since")
	}
	yes, _ := c.Flags().GetBool("yes")
	dryRun, _ := c.Flags().GetBool("dry-run")
	if err := needsReason(c, act != "retry" && !dryRun && (yes || len(named) > 0)); err != nil {
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
	wish := wishView{Yes: yes, Undo: act == "cancel", DryRun: dryRun}
	wish.Reason, _ = c.Flags().GetString("reason")
	if act != "cancel" {
		wish.Step, _ = c.Flags().GetString("step")
	} else if keep, _ := c.Flags().GetBool("no-undo"); keep {
		wish.Undo = false
	}
	return repairAll(c, r, act, cases, wish)
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
	q.Set("limit", fmt.Sprint(limit))
	if step, err := c.Flags().GetString("step"); err == nil && step != "" {
		q.Set("step", step)
	}
	var out struct {
		Cases []caseView `json:"cases"`
	}
	err := r.call(c.Context(), "GET", "/api/cases?"+q.Encode(), nil, &out)
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
	fmt.Fprintf(c.OutOrStdout(), "%d cases; nothing was done: add --yes to %s them\n", len(cases), act)
	limit, _ := c.Flags().GetInt("limit")
	cutOff(c, len(cases), limit)
	return nil
}

// repairAll goes through the cases one after the other and prints what became of each as soon as it is known.
func repairAll(c *cobra.Command, r running, act string, cases []caseView, wish wishView) error {
	var all []repairView
	failed := 0
	for i, one := range cases {
		var out struct {
			Repair repairView `json:"repair"`
		}
		err := r.call(c.Context(), "POST", "/api/cases/"+url.PathEscape(one.ID)+"/repair/"+act, wish, &out)
		if c.Context().Err() != nil {
			return systemError(c.Context().Err())
		}
		done := out.Repair
		if err != nil {
			if len(cases) == 1 && !wantsJSON(c) {
				return err
			}
			failed++
			done = repairView{Case: one.ID, Reference: one.Reference, Act: act, Error: err.Error()}
		}
		all = append(all, done)
		if !wantsJSON(c) {
			printRepair(c, done, i+1, len(cases))
		}
	}
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"repairs": all}); err != nil {
			return err
		}
	}
	if failed > 0 {
		return contentError(fmt.Errorf("%d of %d cases were not repaired", failed, len(cases)))
	}
	return nil
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

func runAnswer(c *cobra.Command, args []string) error {
	if err := needsReason(c, true); err != nil {
		return err
	}
	value, err := jsonArgument(c, args[1])
	if err != nil {
		return err
	}
	wish := wishView{Value: value}
	wish.Reason, _ = c.Flags().GetString("reason")
	wish.Step, _ = c.Flags().GetString("step")
	return repairOne(c, args[0], "answer", wish)
}

func runRedo(c *cobra.Command, args []string) error {
	if err := needsReason(c, true); err != nil {
		return err
	}
	wish := wishView{Step: args[1]}
	wish.Reason, _ = c.Flags().GetString("reason")
	wish.Yes, _ = c.Flags().GetBool("yes")
	for flag, into := range map[string]*json.RawMessage{"with": &wish.With, "value": &wish.Value} {
		text, _ := c.Flags().GetString(flag)
		if text == "" {
			continue
		}
		var err error
		if *into, err = jsonArgument(c, text); err != nil {
			return err
		}
	}
	return repairOne(c, args[0], "redo", wish)
}

func repairOne(c *cobra.Command, name, act string, wish wishView) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	return repairAll(c, r, act, []caseView{{ID: name, Reference: name}}, wish)
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
