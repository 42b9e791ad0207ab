package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// caseView is a case as the JSON interface gives it.
type caseView struct {
	ID           string          `json:"id"`
	UseCase      string          `json:"use_case"`
	Reference    string          `json:"reference"`
	Title        string          `json:"title"`
	State        string          `json:"state"`
	Stage        string          `json:"stage"`
	WaitingFor   string          `json:"waiting_for"`
	WaitingKind  string          `json:"waiting_kind"`
	WaitingSince time.Time       `json:"waiting_since"`
	WaitingUntil time.Time       `json:"waiting_until"`
	WaitingStep  string          `json:"waiting_step"`
	WaitingClass string          `json:"waiting_class"`
	StartedAt    time.Time       `json:"started_at"`
	EndedAt      time.Time       `json:"ended_at"`
	Outcome      string          `json:"outcome"`
	Result       json.RawMessage `json:"result"`
}

func (v caseView) ended() bool { return !v.EndedAt.IsZero() }

func casesCommand() *cobra.Command {
	c := &cobra.Command{Use: "cases", Short: "List, show and repair cases"}
	list := &cobra.Command{Use: "list", Short: "List cases, the newest first", Args: exactly(), RunE: listCases,
		Example: "  crosswalk cases list --waiting\n  crosswalk cases list --search jane@example.org --json"}
	list.Flags().Bool("waiting", false, "only those that wait for something, with what and since when")
	list.Flags().Bool("open", false, "only those that have not ended")
	list.Flags().String("search", "", "words: reference, name, e-mail, title")
	list.Flags().Int("limit", 50, "at most this many")
	show := &cobra.Command{Use: "show CASE", Short: "Show what a case found, decided and waits for", Args: exactly("CASE"), RunE: showCase,
		Example: "  crosswalk cases show CW-7K2M9QXR"}
	for _, sub := range []*cobra.Command{list, show} {
		dataFlag(sub)
		jsonFlag(sub)
		c.AddCommand(sub)
	}
	c.AddCommand(repairCommands()...)
	return c
}

func listCases(c *cobra.Command, _ []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	q := url.Values{}
	if waiting, _ := c.Flags().GetBool("waiting"); waiting {
		q.Set("waiting", "yes")
	}
	if open, _ := c.Flags().GetBool("open"); open {
		q.Set("state", "open")
	}
	search, _ := c.Flags().GetString("search")
	limit, _ := c.Flags().GetInt("limit")
	q.Set("q", search)
	q.Set("limit", fmt.Sprint(limit))
	var out struct {
		Cases []caseView `json:"cases"`
	}
	if err := r.call(c.Context(), "GET", "/api/cases?"+q.Encode(), nil, &out); err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, out)
	}
	if len(out.Cases) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "no cases")
		return nil
	}
	rows := [][]string{{"REFERENCE", "STATE", "WAITS FOR", "SINCE", "UNTIL", "USE CASE", "TITLE"}}
	for _, v := range out.Cases {
		state := v.State
		if v.Outcome != "" {
			state += ": " + v.Outcome
		}
		rows = append(rows, []string{v.Reference, state, v.WaitingFor, since(v.WaitingSince), until(v.WaitingUntil), v.UseCase, oneLine(v.Title, 60)})
	}
	table(c.OutOrStdout(), rows)
	cutOff(c, len(out.Cases), limit)
	return nil
}

// cutOff says of a list that there may be more than was asked for: whoever counts it would count wrong.
func cutOff(c *cobra.Command, listed, limit int) {
	if listed > 0 && listed >= min(limit, mostListed) {
		fmt.Fprintf(c.ErrOrStderr(), "the list ends after %d; there may be more (--limit, at most %d)\n", listed, mostListed)
	}
}

// mostListed is the most that the desk lists at once.
const mostListed = 1000

// caseDetail is a whole case as the JSON interface gives it.
type caseDetail struct {
	Case  caseView `json:"case"`
	Steps []struct {
		Title, System, Driver string
		Result                json.RawMessage
		ErrorClass            string `json:"error_class"`
	} `json:"steps"`
	Decisions []struct {
		Table, Row, Why string
		Outputs         json.RawMessage
	} `json:"decisions"`
	Tasks []struct {
		ID, Kind, Title, State string
	} `json:"tasks"`
	Waits   []waitView `json:"waits"`
	Repairs []struct {
		Act, Step, Reason, Who, State, Problem string
		AskedAt                                time.Time `json:"asked_at"`
	} `json:"repairs"`
	Temporal string     `json:"temporal"`
	RunBy    *caseView  `json:"run_by"`
	Runs     []caseView `json:"runs"`
}

// waitView is one thing that a case waits for.
type waitView struct {
	Kind      string    `json:"kind"`
	For       string    `json:"for"`
	Step      string    `json:"step"`
	Operation string    `json:"operation"`
	Class     string    `json:"class"`
	Task      string    `json:"task"`
	Since     time.Time `json:"since"`
	Until     time.Time `json:"until"`
	Attempt   int       `json:"attempt"`
	Trying    bool      `json:"trying"`
	NextTry   time.Time `json:"next_try"`
	Held      []string  `json:"held"`
}

// String is a line for people: for what, where, since when, how often it was tried and when it is tried again.
func (w waitView) String() string {
	text := "waits for " + w.For
	if w.Kind == "system" && w.Operation != "" {
		text = "waits for " + w.Operation
	}
	if w.Step != "" {
		text += " at " + w.Step
	}
	if !w.Since.IsZero() {
		text += " since " + w.Since.Format(time.RFC3339)
	}
	switch {
	case w.Trying:
		text += fmt.Sprintf("; try %d is under way", w.Attempt)
	case !w.NextTry.IsZero():
		text += fmt.Sprintf("; try %d at %s", w.Attempt, w.NextTry.Format(time.RFC3339))
	}
	if w.Class != "" {
		text += "; " + w.Class
	}
	if !w.Until.IsZero() {
		text += "; at most until " + w.Until.Format(time.RFC3339)
	}
	if w.Task != "" {
		text += "; task " + w.Task
	}
	for _, why := range w.Held {
		text += "; " + why
	}
	return text
}

func showCase(c *cobra.Command, args []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := r.call(c.Context(), "GET", "/api/cases/"+url.PathEscape(args[0]), nil, &raw); err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, raw)
	}
	var d caseDetail
	if err := json.Unmarshal(raw, &d); err != nil {
		return systemError(err)
	}
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s  %s\n%s, %s %s\n", d.Case.Reference, oneLine(d.Case.Title, 90), d.Case.UseCase, d.Case.State, d.Case.Outcome)
	for _, w := range d.Waits {
		fmt.Fprintln(out, w)
	}
	if len(d.Waits) == 0 && d.Case.WaitingFor != "" {
		fmt.Fprintf(out, "waits for %s since %s (%s)\n", d.Case.WaitingFor, d.Case.WaitingSince.Format(time.RFC3339), d.Case.Stage)
	}
	if d.RunBy != nil {
		fmt.Fprintf(out, "run by %s  %s\n", d.RunBy.Reference, d.RunBy.UseCase)
	}
	for _, one := range d.Runs {
		fmt.Fprintf(out, "runs %s  %s, %s %s\n", one.Reference, one.UseCase, one.State, one.Outcome)
	}
	rows := [][]string{{"", "", ""}}
	for _, s := range d.Steps {
		result := string(s.Result)
		if s.ErrorClass != "" {
			result = s.ErrorClass
		}
		rows = append(rows, []string{oneLine(s.Title, 40), strings.TrimSpace(s.System + " " + s.Driver), oneLine(result, 100)})
	}
	for _, s := range d.Decisions {
		rows = append(rows, []string{s.Table, "row " + s.Row, oneLine(string(s.Outputs), 100)})
	}
	for _, t := range d.Tasks {
		rows = append(rows, []string{"task " + t.ID, t.Kind + ", " + t.State, oneLine(t.Title, 80)})
	}
	for _, repair := range d.Repairs {
		rows = append(rows, []string{strings.TrimSpace(repair.Act + " " + repair.Step), repair.State + ", by " + repair.Who + " " + repair.AskedAt.Format(time.RFC3339),
			oneLine(strings.TrimSpace(repair.Reason+" "+repair.Problem), 100)})
	}
	table(out, rows)
	if d.Temporal != "" {
		fmt.Fprintln(out, d.Temporal)
	}
	return nil
}
