package desk

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"crosswalk/rules"
	"crosswalk/store"
)

func (d *Desk) apiTasks(w http.ResponseWriter, r *http.Request, who person) error {
	filter := readInboxFilter(r).tasks(who)
	filter.CaseID = r.URL.Query().Get("case")
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && limit > 0 && limit <= 1000 {
		filter.Limit = limit
	}
	tasks, err := d.Store.Tasks(r.Context(), filter)
	if err != nil {
		return err
	}
	if tasks == nil {
		tasks = []store.Task{}
	}
	for i := range tasks {
		plainTask(&tasks[i])
	}
	writeJSON(w, http.StatusOK, map[string]any{"tasks": tasks})
	return nil
}

// plainTask turns the store's wire form into plain JSON for programs.
func plainTask(task *store.Task) {
	task.Payload, task.Answer = plainJSON(task.Payload), plainJSON(task.Answer)
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
	plainTask(&task)
	writeJSON(w, http.StatusOK, map[string]any{"task": task, "notes": notes})
	return nil
}

// apiTaskAct is what a program sends for an act on a task.
type apiTaskAct struct {
	Version  int             `json:"version"` // 0: as the task is now
	Assignee string          `json:"assignee"`
	Queue    string          `json:"queue"`
	Text     string          `json:"text"`
	Outcome  string          `json:"outcome"`
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
	if task, err = d.apiActOn(r, who, task, in); err != nil {
		return err
	}
	plainTask(&task)
	writeJSON(w, http.StatusOK, map[string]any{"task": task})
	return nil
}

func (d *Desk) apiActOn(r *http.Request, who person, task store.Task, in apiTaskAct) (store.Task, error) {
	ctx, act := r.Context(), r.PathValue("act")
	switch act {
	case "claim":
		return d.Store.ClaimTask(ctx, task.ID, in.Version, who.actor())
	case "release":
		return d.Store.ReleaseTask(ctx, task.ID, in.Version, who.actor())
	case "reassign":
		if err := d.checkAssignee(in.Assignee, in.Queue); err != nil {
			return task, err
		}
		return d.Store.ReassignTask(ctx, task.ID, in.Version, who.actor(), in.Assignee, in.Queue)
	case "note":
		_, err := d.Store.AddNote(ctx, task.ID, who.login, in.Text)
		return task, err
	case "answer":
		answer, err := rules.FromJSON(in.Answer)
		if err != nil || answer.Kind() != rules.KindRecord {
			return task, refusal{http.StatusUnprocessableEntity, "answer must be an object"}
		}
		if err := d.storeAnswer(ctx, who, task, in.Version, in.Outcome, answer); err != nil {
			return task, err
		}
		return d.Store.Task(ctx, task.ID)
	default:
		return task, refusal{http.StatusNotFound, "A task can be claimed, released, reassigned, noted on and answered."}
	}
}

func readJSON(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && err != io.EOF {
		return refusal{http.StatusUnprocessableEntity, "The body is not the JSON expected here: " + err.Error()}
	}
	return nil
}

func (d *Desk) apiCases(w http.ResponseWriter, r *http.Request, _ person) error {
	filter := readCaseFilter(r).cases()
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && limit > 0 && limit <= 1000 {
		filter.Limit = limit
	}
	cases, err := d.Store.Cases(r.Context(), filter)
	if err != nil {
		return err
	}
	if cases == nil {
		cases = []store.Case{}
	}
	for i := range cases {
		cases[i].Result = plainJSON(cases[i].Result)
	}
	writeJSON(w, http.StatusOK, map[string]any{"cases": cases})
	return nil
}

func (d *Desk) apiCase(w http.ResponseWriter, r *http.Request, _ person) error {
	data, err := d.caseData(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	data.Case.Result = plainJSON(data.Case.Result)
	for i := range data.Tasks {
		plainTask(&data.Tasks[i])
	}
	steps, decisions, messages := []store.StepResult{}, []store.Decision{}, []store.Entry{}
	for _, view := range data.Steps {
		view.Step.Result = plainJSON(view.Step.Result)
		steps = append(steps, view.Step)
	}
	for _, view := range data.Decisions {
		view.Decision.Facts, view.Decision.Outputs = plainJSON(view.Decision.Facts), plainJSON(view.Decision.Outputs)
		decisions = append(decisions, view.Decision)
	}
	for _, view := range data.Messages {
		view.Entry.Parsed = plainJSON(view.Entry.Parsed)
		messages = append(messages, view.Entry)
	}
	writeJSON(w, http.StatusOK, map[string]any{"case": data.Case, "messages": messages, "steps": steps, "decisions": decisions,
		"timeline": data.Timeline, "tasks": data.Tasks, "links": data.Links, "pending": data.Pending, "temporal": data.TemporalUI})
	return nil
}

func (d *Desk) apiCancel(w http.ResponseWriter, r *http.Request, who person) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if err := d.cancel(r.Context(), who, r.PathValue("id"), in.Reason); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"cancelled": r.PathValue("id")})
	return nil
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
	links, err := d.Store.Links(r.Context(), store.LinkFilter{System: q.Get("system"), ID: q.Get("id"), CaseID: q.Get("case"), Limit: 500})
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
	var err error
	switch r.PathValue("act") {
	case "correct":
		err = d.linkCorrection(r.Context(), who, r.PathValue("id"), in.ID, in.Note)
	case "remove":
		err = d.linkRemoval(r.Context(), who, r.PathValue("id"), in.Note)
	default:
		err = refusal{http.StatusNotFound, "A link can be corrected and removed."}
	}
	if err != nil {
		return err
	}
	return d.apiLinks(w, r, who)
}

func (d *Desk) apiRun(w http.ResponseWriter, r *http.Request, who person) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return refusal{http.StatusRequestEntityTooLarge, "The input is too large."}
	}
	started, err := d.Start(r.Context(), r.PathValue("usecase"), body, who.login)
	if err != nil {
		return refusal{http.StatusUnprocessableEntity, err.Error()}
	}
	writeJSON(w, http.StatusAccepted, map[string]any{"case": started})
	return nil
}
