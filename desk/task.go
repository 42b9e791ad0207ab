package desk

import (
	"context"
	"errors"
	"net/http"

	"crosswalk/rules"
	"crosswalk/store"
)

// taskData is what the page of a task shows.
type taskData struct {
	record
	Task        store.Task
	Notes       []store.Note
	Proposal    string
	Show        []Fact
	Candidates  []Fact
	Outcomes    []string
	Form        []formField
	Operation   string
	Errors      []string // how an operation that a person carries out may end otherwise
	Problem     []Fact
	Pictures    []string
	Files       []fileView
	Acts        []string
	Corrections []correction
	Ask         robotAsk
	Answer      []Fact
	Colleagues  []colleague
	Queues      []string
	MayAct      bool
	Requested   bool // or shaped by the one who looks: somebody else must decide
}

// AnsweredOrClosed tells that nobody can answer the task any more.
func (t taskData) AnsweredOrClosed() bool { return t.Task.Closed() }

// correction is an earlier result that a person may change.
type correction struct {
	Step, Title string
	Candidates  []Fact
	Fields      []formField
}

type colleague struct{ Name, Email string }

// robotAsk is what a robot needs of a person to go on.
type robotAsk struct {
	Kind, Title string
	Candidates  []string
}

func askOf(v rules.Value) robotAsk {
	ask := robotAsk{Kind: v.Get("kind").Text(), Title: v.Get("title").Text()}
	for _, candidate := range v.Get("candidates").Items() {
		ask.Candidates = append(ask.Candidates, candidate.Get("says").Text())
	}
	return ask
}

func (d *Desk) taskPage(w http.ResponseWriter, r *http.Request, who person) error {
	data, err := d.taskData(r.Context(), r.PathValue("id"), who)
	if err != nil {
		return err
	}
	return d.render(w, http.StatusOK, "task", page{Title: data.Task.Title, Person: who, Here: "inbox", Data: data})
}

func (d *Desk) taskData(ctx context.Context, id string, who person) (taskData, error) {
	task, err := d.visibleTask(ctx, id, who)
	if err != nil {
		return taskData{}, err
	}
	payload := value(task.Payload)
	data := taskData{
		Task: task, Outcomes: textsOf(payload.Get("outcomes")), Acts: textsOf(payload.Get("acts")),
		Form: formFields(payload.Get("form")), Operation: payload.Get("operation").Text(), Errors: textsOf(payload.Get("errors")),
		Problem: Facts(without(payload.Get("problem"), "evidence")), Candidates: factsOf(payload.Get("candidates")), Answer: Facts(value(task.Answer)),
		MayAct: !task.Closed() && (task.ClaimedBy == "" || task.ClaimedBy == who.login || who.lead),
	}
	if data.Requested, err = d.Store.IsOwn(ctx, task, who.login); err != nil {
		return data, err
	}
	data.Ask = askOf(payload.Get("ask"))
	data.Proposal, data.Show = inShort(payload.Get("show"))
	for _, item := range payload.Get("correct").Items() {
		data.Corrections = append(data.Corrections, correction{Step: item.Get("step").Text(), Title: item.Get("title").Text(),
			Candidates: factsOf(item.Get("candidates")), Fields: formFields(item.Get("fields"))})
	}
	people := d.people()
	for _, user := range people.Users {
		data.Colleagues = append(data.Colleagues, colleague{user.Name, user.Email})
	}
	for _, queue := range people.Queues {
		data.Queues = append(data.Queues, queue.Name)
	}
	if data.Notes, err = d.Store.Notes(ctx, id); err != nil {
		return data, err
	}
	return data, d.taskCase(ctx, &data, payload)
}

// taskCase adds what the case knows: whoever gets a task sees all of it.
func (d *Desk) taskCase(ctx context.Context, data *taskData, payload rules.Value) error {
	found, err := d.Store.Case(ctx, data.Task.CaseID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if data.record, err = d.recordOf(ctx, found); err != nil {
		return err
	}
	types, err := d.Store.BlobTypes(ctx, found.ID)
	data.Pictures, data.Files = files(textsOf(payload.Path("problem", "evidence")), types)
	return err
}

// visibleTask finds a task that the person may see.
func (d *Desk) visibleTask(ctx context.Context, id string, who person) (store.Task, error) {
	task, err := d.Store.Task(ctx, id)
	if err != nil {
		return task, err
	}
	if !who.actor().May(&task) {
		return store.Task{}, refusal{http.StatusForbidden, notYours}
	}
	return task, nil
}
