package desk

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"crosswalk/rules"
	"crosswalk/store"
)

// maxListed is the most that one call lists.
const maxListed = 1000

// limit is how many a program asked for.
func limit(r *http.Request, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && n > 0 {
		return min(n, maxListed)
	}
	return otherwise
}

func (d *Desk) apiTasks(w http.ResponseWriter, r *http.Request, who person) error {
	filter := readInboxFilter(r).tasks(who)
	filter.CaseID = r.URL.Query().Get("case")
	filter.Limit = limit(r, filter.Limit)
	tasks, err := d.Store.Tasks(r.Context(), filter)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"tasks": plainTasks(tasks)})
	return nil
}

// plainTasks turns the store's wire form into plain JSON for programs.
func plainTasks(tasks []store.Task) []store.Task {
	plain := make([]store.Task, len(tasks))
	for i, task := range tasks {
		task.Payload, task.Answer = plainJSON(task.Payload), plainJSON(task.Answer)
		plain[i] = task
	}
	return plain
}

func plainJSON(raw []byte) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	return value(raw).Plain()
}

func (d *Desk) apiTask(w http.ResponseWriter, r *http.Request, who person) error {
	task, err := d.visibleTask(r.Context(), r.PathValue("id"), who)
	if err != nil {
		return err
	}
	notes, err := d.Store.Notes(r.Context(), task.ID)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"task": plainTasks([]store.Task{task})[0], "notes": notes})
	return nil
}

// apiTaskAct is what a program sends for an act on a task.
type apiTaskAct struct {
	Version  int             `json:"version"` // 0: as the task is now
	Assignee string          `json:"assignee"`
	Queue    string          `json:"queue"`
	Text     string          `json:"text"`
	Outcome  string          `json:"outcome"` // of an answer without one
	Answer   json.RawMessage `json:"answer"`
}

func (d *Desk) apiAct(w http.ResponseWriter, r *http.Request, who person) error {
	var in apiTaskAct
	if err := readJSON(r, &in); err != nil {
		return err
	}
	task, err := d.visibleTask(r.Context(), r.PathValue("id"), who)
	if err != nil {
		return err
	}
	if in.Version == 0 {
		in.Version = task.Version
	}
	if r.PathValue("act") == "answer" {
		task, err = d.apiAnswer(r, who, task, in)
	} else {
		task, err = d.actOn(r.Context(), who, task, taskAct{Act: r.PathValue("act"), Version: in.Version, Assignee: in.Assignee, Queue: in.Queue, Text: in.Text})
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"task": plainTasks([]store.Task{task})[0]})
	return nil
}

func (d *Desk) apiAnswer(r *http.Request, who person, task store.Task, in apiTaskAct) (store.Task, error) {
	answer, err := rules.FromJSON(in.Answer)
	if err != nil || answer.Kind() != rules.KindRecord {
		return task, wrong("The answer must be an object.")
	}
	if task.Kind == store.TaskComplete && in.Outcome != "" && answer.Get("outcome").IsMissing() && answer.Get("act").IsMissing() {
		answer = answer.With("outcome", rules.Text(in.Outcome))
	}
	return d.storeAnswer(r.Context(), who, task, in.Version, answer)
}

// readJSON reads a body; none at all is as good as an empty object.
func readJSON(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return wrong("The body is not the JSON expected here: " + err.Error())
	}
	return nil
}

func (d *Desk) apiCases(w http.ResponseWriter, r *http.Request, _ person) error {
	chosen, err := readCaseFilter(r)
	if err != nil {
		return err
	}
	filter := chosen.cases(d.now())
	filter.Limit = limit(r, filter.Limit)
	found, err := d.Store.Cases(r.Context(), filter)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"cases": plainCases(found)})
	return nil
}

func (d *Desk) apiCase(w http.ResponseWriter, r *http.Request, _ person) error {
	data, err := d.caseData(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	steps, err := d.Store.Steps(r.Context(), data.Case.ID)
	if err != nil {
		return err
	}
	events, err := d.Store.Timeline(r.Context(), data.Case.ID)
	if err != nil {
		return err
	}
	data.Case.Result = plainJSON(data.Case.Result)
	for i := range steps {
		steps[i].Result = plainJSON(steps[i].Result)
	}
	decisions, messages, links := []store.Decision{}, []store.Entry{}, []store.Link{}
	for _, view := range data.Decisions {
		view.Decision.Facts, view.Decision.Outputs = plainJSON(view.Decision.Facts), plainJSON(view.Decision.Outputs)
		decisions = append(decisions, view.Decision)
	}
	for _, view := range data.Messages {
		view.Entry.Parsed = plainJSON(view.Entry.Parsed)
		messages = append(messages, view.Entry)
	}
	for _, view := range data.Links {
		links = append(links, view.Link)
	}
	effects := data.Effects
	for i := range effects {
		effects[i].Request, effects[i].Result = plainJSON(effects[i].Request), plainJSON(effects[i].Result)
	}
	writeJSON(w, http.StatusOK, map[string]any{"case": data.Case, "messages": messages, "steps": steps, "decisions": decisions, "effects": effects,
		"timeline": events, "tasks": plainTasks(data.Tasks), "links": links, "pending": pendingOf(data.Waits), "waits": data.Waits, "repairs": plainRepairs(data.Repairs), "temporal": data.TemporalUI,
		"run_by": data.Parent, "runs": plainCases(data.Runs)})
	return nil
}

// plainCases are cases whose results other programs can read.
func plainCases(found []store.Case) []store.Case {
	cases := make([]store.Case, len(found))
	for i, one := range found {
		one.Result = plainJSON(one.Result)
		cases[i] = one
	}
	return cases
}

// pendingOf are the operations among what a case waits for.
func pendingOf(waits []Wait) []Pending {
	var pending []Pending
	for _, wait := range waits {
		if wait.Attempt > 0 {
			pending = append(pending, Pending{Operation: wait.Operation, Attempt: wait.Attempt, NextTry: wait.NextTry, LastError: wait.Class})
		}
	}
	return pending
}

func plainRepairs(repairs []store.Repair) []store.Repair {
	plain := make([]store.Repair, len(repairs))
	for i, one := range repairs {
		one.Body, one.Was, one.Became = plainJSON(one.Body), plainJSON(one.Was), plainJSON(one.Became)
		plain[i] = one
	}
	return plain
}

func (d *Desk) apiSystems(w http.ResponseWriter, r *http.Request, _ person) error {
	views, err := d.systemViews(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"systems": views})
	return nil
}

func (d *Desk) apiSystem(w http.ResponseWriter, r *http.Request, who person) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if err := d.setSystem(r.Context(), who, r.PathValue("name"), r.PathValue("act"), in.Reason); err != nil {
		return err
	}
	return d.apiSystems(w, r, who)
}

func (d *Desk) apiLinks(w http.ResponseWriter, r *http.Request, _ person) error {
	q := r.URL.Query()
	links, err := d.Store.Links(r.Context(), store.LinkFilter{System: q.Get("system"), ID: q.Get("id"), CaseID: q.Get("case"), Limit: limit(r, 500)})
	if err != nil {
		return err
	}
	if links == nil {
		links = []store.Link{}
	}
	writeJSON(w, http.StatusOK, map[string]any{"links": links})
	return nil
}

func (d *Desk) apiLink(w http.ResponseWriter, r *http.Request, who person) error {
	var in struct {
		ID   string `json:"id"`
		Note string `json:"note"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if err := d.changeLink(r.Context(), who, r.PathValue("id"), r.PathValue("act"), in.ID, in.Note); err != nil {
		return err
	}
	return d.apiLinks(w, r, who)
}

func (d *Desk) apiRun(w http.ResponseWriter, r *http.Request, who person) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	started, err := d.Start(r.Context(), r.PathValue("usecase"), body, who.login)
	if err != nil {
		return wrong(err.Error())
	}
	started.Result = plainJSON(started.Result)
	writeJSON(w, http.StatusAccepted, map[string]any{"case": started})
	return nil
}
