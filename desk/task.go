package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"crosswalk/rules"
	"crosswalk/store"
)

// taskData is what the page of a task shows.
type taskData struct {
	Task        store.Task
	Case        store.Case
	Messages    []messageView
	Notes       []store.Note
	Show        []Fact
	Candidates  []Fact
	Outcomes    []string
	Form        []formField
	Problem     []Fact
	Evidence    []string
	Acts        []string
	Corrections []correction
	Answer      []Fact
	Colleagues  []colleague
	Queues      []string
	MayAct      bool
	Requested   bool // by the one who looks: somebody else must decide
}

// formField is one field of a form that a person fills in.
type formField struct {
	Name, Title, Type, Value string
	Required                 bool
	Enum                     []string
}

// correction is an earlier result that a person may change.
type correction struct {
	Step, Title string
	Candidates  []Fact
	Fields      []formField
}

type colleague struct{ Name, Email string }

func (d *Desk) taskPage(w http.ResponseWriter, r *http.Request, who person) error {
	data, err := d.taskData(r.Context(), r.PathValue("id"), who)
	if err != nil {
		return err
	}
	return d.render(w, "task", page{Title: data.Task.Title, Person: who, Here: "inbox", Data: data})
}

func (d *Desk) taskData(ctx context.Context, id string, who person) (taskData, error) {
	task, err := d.visibleTask(ctx, id, who)
	if err != nil {
		return taskData{}, err
	}
	payload := value(task.Payload)
	data := taskData{
		Task: task, Show: Facts(payload.Get("show")), Outcomes: textsOf(payload.Get("outcomes")), Acts: textsOf(payload.Get("acts")),
		Form: formFields(payload.Get("form")), Problem: Facts(without(payload.Get("problem"), "evidence")), Evidence: textsOf(payload.Path("problem", "evidence")),
		Answer: Facts(value(task.Answer)), MayAct: !task.Closed() && (task.ClaimedBy == "" || task.ClaimedBy == who.login || who.lead),
		Requested: task.Requester != "" && task.Requester == who.login,
	}
	for _, item := range payload.Get("candidates").Items() {
		data.Candidates = append(data.Candidates, fact("", item, 0))
	}
	for _, item := range payload.Get("correct").Items() {
		data.Corrections = append(data.Corrections, correctionOf(item))
	}
	people := d.People()
	for _, user := range people.Users {
		data.Colleagues = append(data.Colleagues, colleague{user.Name, user.Email})
	}
	for _, queue := range people.Queues {
		data.Queues = append(data.Queues, queue.Name)
	}
	if data.Case, err = d.Store.Case(ctx, task.CaseID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return data, err
	}
	if data.Notes, err = d.Store.Notes(ctx, id); err != nil {
		return data, err
	}
	data.Messages, err = d.messages(ctx, task.CaseID)
	return data, err
}

// visibleTask finds a task that the person may see; for others it is not there.
func (d *Desk) visibleTask(ctx context.Context, id string, who person) (store.Task, error) {
	task, err := d.Store.Task(ctx, id)
	if err != nil {
		return task, err
	}
	if !who.actor().May(&task) {
		return store.Task{}, refusal{http.StatusForbidden, "This task is not for you: it belongs to another queue or role."}
	}
	return task, nil
}

func without(v rules.Value, key string) rules.Value {
	if v.Kind() != rules.KindRecord {
		return v
	}
	return v.With(key, rules.Missing())
}

func textsOf(v rules.Value) []string {
	var texts []string
	for _, item := range v.Items() {
		texts = append(texts, item.String())
	}
	return texts
}

func formFields(v rules.Value) []formField {
	var fields []formField
	for _, item := range v.Items() {
		field := formField{Name: item.Get("name").Text(), Title: item.Get("title").Text(), Type: item.Get("type").Text(),
			Value: item.Get("value").String(), Required: item.Get("required").Bool(), Enum: textsOf(item.Get("enum"))}
		if field.Title == "" {
			field.Title = label(field.Name)
		}
		if item.Get("value").IsMissing() {
			field.Value = ""
		}
		fields = append(fields, field)
	}
	return fields
}

func correctionOf(v rules.Value) correction {
	c := correction{Step: v.Get("step").Text(), Title: v.Get("title").Text(), Fields: formFields(v.Get("fields"))}
	for _, item := range v.Get("candidates").Items() {
		c.Candidates = append(c.Candidates, fact("", item, 0))
	}
	return c
}

func (d *Desk) claim(w http.ResponseWriter, r *http.Request, who person) error {
	return d.act(w, r, who, "claim", func(id string, version int) (store.Task, error) {
		return d.Store.ClaimTask(r.Context(), id, version, who.actor())
	})
}

func (d *Desk) release(w http.ResponseWriter, r *http.Request, who person) error {
	return d.act(w, r, who, "release", func(id string, version int) (store.Task, error) {
		return d.Store.ReleaseTask(r.Context(), id, version, who.actor())
	})
}

func (d *Desk) reassign(w http.ResponseWriter, r *http.Request, who person) error {
	assignee, queue := strings.ToLower(r.PostFormValue("assignee")), r.PostFormValue("queue")
	if err := d.checkAssignee(assignee, queue); err != nil {
		return err
	}
	return d.act(w, r, who, "reassign", func(id string, version int) (store.Task, error) {
		return d.Store.ReassignTask(r.Context(), id, version, who.actor(), assignee, queue)
	})
}

func (d *Desk) checkAssignee(assignee, queue string) error {
	people := d.People()
	if assignee != "" && people.User(assignee) == nil {
		return refusal{http.StatusUnprocessableEntity, "There is nobody with the address " + assignee + "."}
	}
	if queue != "" && people.Queue(queue) == nil {
		return refusal{http.StatusUnprocessableEntity, "There is no queue " + queue + "."}
	}
	return nil
}

func (d *Desk) note(w http.ResponseWriter, r *http.Request, who person) error {
	text := strings.TrimSpace(r.PostFormValue("text"))
	if text == "" {
		return refusal{http.StatusUnprocessableEntity, "The note is empty."}
	}
	if _, err := d.visibleTask(r.Context(), r.PathValue("id"), who); err != nil {
		return err
	}
	if _, err := d.Store.AddNote(r.Context(), r.PathValue("id"), who.login, text); err != nil {
		return err
	}
	return d.back(w, r)
}

// act runs one act on a task at the version that the page showed, and notes it in the audit.
func (d *Desk) act(w http.ResponseWriter, r *http.Request, who person, what string, do func(id string, version int) (store.Task, error)) error {
	version, err := strconv.Atoi(r.PostFormValue("version"))
	if err != nil {
		return refusal{http.StatusUnprocessableEntity, "The page is out of date. Open the task again."}
	}
	task, err := do(r.PathValue("id"), version)
	if err != nil {
		return err
	}
	if err := d.audit(r.Context(), who, "task."+what, task.CaseID, map[string]any{"task": task.ID, "version": version, "outcome": task.Outcome}); err != nil {
		return err
	}
	return d.back(w, r)
}

func (d *Desk) back(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/tasks/"+r.PathValue("id"), http.StatusSeeOther)
	return nil
}

func (d *Desk) audit(ctx context.Context, who person, what, caseID string, detail map[string]any) error {
	raw, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = d.Store.Audit(ctx, store.AuditEntry{Who: who.login, What: what, CaseID: caseID, Detail: raw})
	return err
}

// answer stores what the person decided, then tells the case. If telling fails, the sweeper repeats it: the answer is
// safe once it is stored.
func (d *Desk) answer(w http.ResponseWriter, r *http.Request, who person) error {
	task, err := d.visibleTask(r.Context(), r.PathValue("id"), who)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(r.PostFormValue("version"))
	if err != nil {
		return refusal{http.StatusUnprocessableEntity, "The page is out of date. Open the task again."}
	}
	answer, outcome, err := answerOf(r, task)
	if err != nil {
		return err
	}
	if err := d.storeAnswer(r.Context(), who, task, version, outcome, answer); err != nil {
		return err
	}
	http.Redirect(w, r, "/cases/"+task.CaseID, http.StatusSeeOther)
	return nil
}

func (d *Desk) storeAnswer(ctx context.Context, who person, task store.Task, version int, outcome string, answer rules.Value) error {
	raw, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	answered, err := d.Store.Answer(ctx, task.ID, version, who.actor(), outcome, raw)
	if err != nil {
		return err
	}
	if err := d.audit(ctx, who, "task.answer", task.CaseID, map[string]any{"task": task.ID, "version": version, "outcome": outcome}); err != nil {
		return err
	}
	if err := d.Cases.Deliver(ctx, answered); err != nil {
		d.Log.Warn("desk.answer.not_delivered", "task", task.ID, "case", task.CaseID, "error", err)
	}
	return nil
}

// answerOf reads the answer from the form, checked against what the task offers.
func answerOf(r *http.Request, task store.Task) (rules.Value, string, error) {
	payload := value(task.Payload)
	form := postForm{r}
	if act := form.text("act"); act == "redo" {
		return redoAnswer(form, payload)
	}
	switch task.Kind {
	case store.TaskComplete:
		outcome := form.text("outcome")
		if outcomes := textsOf(payload.Get("outcomes")); len(outcomes) > 0 && !slices.Contains(outcomes, outcome) {
			return rules.Missing(), "", refusal{http.StatusUnprocessableEntity, "Choose how it ended."}
		}
		if outcome == "changed" && form.text("note") == "" {
			return rules.Missing(), "", refusal{http.StatusUnprocessableEntity, "Say what you changed and why."}
		}
		return rules.Record(map[string]rules.Value{"outcome": rules.Text(outcome), "note": form.value("note")}), outcome, nil
	case store.TaskApprove:
		return approveAnswer(form)
	case store.TaskChoose:
		index, err := form.index("choice", payload.Get("candidates").Len())
		return rules.Record(map[string]rules.Value{"index": rules.Number(rules.Int(int64(index)))}), "chosen", err
	case store.TaskAnswer:
		record, err := form.record("field.", formFields(payload.Get("form")))
		return rules.Record(map[string]rules.Value{"value": record}), "answered", err
	default:
		return actAnswer(form, payload)
	}
}

func approveAnswer(form postForm) (rules.Value, string, error) {
	decision := form.text("decision")
	switch {
	case decision != "approve" && decision != "reject":
		return rules.Missing(), "", refusal{http.StatusUnprocessableEntity, "Approve or reject."}
	case decision == "reject" && form.text("reason") == "":
		return rules.Missing(), "", refusal{http.StatusUnprocessableEntity, "Say why you reject it: the agent needs the reason."}
	}
	outcome := map[string]string{"approve": "approved", "reject": "rejected"}[decision]
	return rules.Record(map[string]rules.Value{"approved": rules.Bool(decision == "approve"), "reason": form.value("reason")}), outcome, nil
}

// actAnswer is the answer to a repair task or an unknown outcome.
func actAnswer(form postForm, payload rules.Value) (rules.Value, string, error) {
	act := form.text("act")
	if !slices.Contains(textsOf(payload.Get("acts")), act) {
		return rules.Missing(), "", refusal{http.StatusUnprocessableEntity, "Choose what is to be done."}
	}
	answer := map[string]rules.Value{"act": rules.Text(act), "reason": form.value("reason")}
	if act == "answer" || act == "done" {
		record, err := form.record("field.", formFields(payload.Get("form")))
		if err != nil {
			return rules.Missing(), "", err
		}
		answer["value"] = record
	}
	return rules.Record(answer), act, nil
}

func redoAnswer(form postForm, payload rules.Value) (rules.Value, string, error) {
	step := form.text("step")
	for _, item := range payload.Get("correct").Items() {
		if item.Get("step").Text() != step {
			continue
		}
		answer := map[string]rules.Value{"act": rules.Text("redo"), "step": rules.Text(step), "reason": form.value("reason")}
		if candidates := item.Get("candidates"); candidates.Len() > 0 {
			index, err := form.index("choice", candidates.Len())
			if err != nil {
				return rules.Missing(), "", err
			}
			answer["index"] = rules.Number(rules.Int(int64(index)))
		} else {
			with, err := form.record("field.", formFields(item.Get("fields")))
			if err != nil {
				return rules.Missing(), "", err
			}
			answer["with"] = with
		}
		return rules.Record(answer), "corrected", nil
	}
	return rules.Missing(), "", refusal{http.StatusUnprocessableEntity, fmt.Sprintf("The step %q cannot be corrected here.", step)}
}
