package casetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// together is how long after the first of them the tasks of a panel are all open: while activities run, the clock of a test
// goes on by itself, and on a busy machine the second is opened only milliseconds later.
const together = 100 * time.Millisecond

// openTask opens a task and lets whom the test names answer it.
func (w *world) openTask(ctx context.Context, in activities.OpenTaskInput) error {
	if err := w.acts.OpenTask(ctx, in); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over() {
		return nil
	}
	w.noteTask(in.Task)
	if w.given[in.Task.ID] {
		return nil
	}
	if w.asked = append(w.asked, in.Task); len(w.asked) == 1 {
		w.later(together, w.assign)
	}
	return nil
}

// assign gives the tasks that were opened in one moment to those who answer them, in the order of the seats of a panel:
// their activities end in any order.
func (w *world) assign() {
	if !w.gate.TryLock() { // a task is being opened, or something else that may open one
		w.mu.Lock()
		defer w.mu.Unlock()
		w.later(together, w.assign)
		return
	}
	w.gate.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.asked, func(a, b activities.Task) int { return bySeat(a.Path, a.Title, b.Path, b.Title) })
	for _, task := range w.asked {
		if w.given[task.ID] || w.over() {
			continue
		}
		if p := w.whoAnswers(task); p != nil {
			w.answered[p]++
			w.given[task.ID] = true
			w.later(p.after, func() { w.give(p, task.ID) })
		}
	}
	w.asked = nil
}

// bySeat orders tasks by place, and those of a panel by their numbers, which are in their titles.
func bySeat(path, title, otherPath, otherTitle string) int {
	return cmp.Or(strings.Compare(path, otherPath), len(title)-len(otherTitle), strings.Compare(title, otherTitle))
}

// whoAnswers is the first who takes a task; in a case that is played again, of several who were asked at the same place
// the one of its role before the others.
func (w *world) whoAnswers(task activities.Task) *person {
	step := w.steps[spotOf(task.Place)]
	if w.past == nil {
		for _, p := range w.test.people {
			if w.answered[p] < p.times && p.takes(task, step) {
				return p
			}
		}
		return nil
	}
	var found *person
	for _, p := range w.past.people {
		if w.answered[p] >= p.times || p.path != task.Path || p.task != task.Kind {
			continue
		}
		if p.role == task.Role {
			return p
		}
		if found == nil {
			found = p
		}
	}
	return found
}

// noteTask keeps a task as people see it last.
func (w *world) noteTask(task activities.Task) {
	for i := range w.tasks {
		if w.tasks[i].ID == task.ID {
			w.tasks[i] = task
			return
		}
	}
	w.tasks = append(w.tasks, task)
}

func (p *person) takes(task activities.Task, step *usecases.Step) bool {
	if p.task != "" && p.task != task.Kind || p.queue != "" && p.queue != task.Queue || p.role != "" && p.role != task.Role {
		return false
	}
	if p.task == "" && p.step != nil && p.step.Ask != nil && task.Kind != string(p.step.Ask.What) {
		return false // a repair of the step is not what it asks
	}
	return p.step == nil || p.step == step
}

// give stores an answer and tells the case, as the desk does.
func (w *world) give(p *person, id string) {
	ctx := context.Background()
	task, err := w.store.Task(ctx, id)
	if err != nil || task.Closed() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.answered[p]-- // the case took the task back: the answer is for another one
		return
	}
	value := p.gives
	if p.choose != nil {
		index, problem := p.index(task)
		if problem != nil {
			w.fail(*problem)
			return
		}
		value = value.With("index", rules.Number(rules.Int(int64(index))))
	}
	answer, err := json.Marshal(value)
	var by string
	if err == nil {
		by, err = w.user(p, task)
	}
	if err == nil {
		task, err = w.store.Answer(ctx, id, task.Version, store.Actor{User: by, All: true}, "test", answer)
	}
	if err != nil {
		w.fail(failureAt(p.at, "the task %q does not take this answer: %s", task.Title, err))
		return
	}
	update := workflows.Answered{Task: task.ID, Version: task.Version}
	if err := w.update(taskWorkflow(task), workflows.UpdateAnswered, update.ID(), updated{world: w, at: p.at}, update); err != nil {
		w.fail(failureAt(p.at, "the case refused the answer: %s", err))
	}
}

// taskWorkflow is the execution that waits for a task: the case, or the part of it that a long list was cut into.
func taskWorkflow(task store.Task) string { return cmp.Or(task.Workflow, task.CaseID) }

// update tells a case, or one that it runs.
func (w *world) update(execution, name, id string, heard updated, in any) error {
	if execution == w.id {
		w.env.UpdateWorkflow(name, id, heard, in)
		return nil
	}
	return w.env.UpdateWorkflowByID(execution, name, id, heard, in)
}

// nudge tells a case, or a part of one, that there is something for it. One that has ended needs nothing.
func (w *world) nudge(execution string) {
	if execution == w.id {
		w.env.SignalWorkflow(workflows.SignalNudge, nil)
		return
	}
	_ = w.env.SignalWorkflowByID(execution, workflows.SignalNudge, nil)
}

// user is who answers. Those that the test does not name are different people where several decide, and where one of them
// shaped what is decided.
func (w *world) user(p *person, task store.Task) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, at := p.name(task), spot{task.CaseID, task.StepPath}
	if w.seats[at] == nil {
		w.seats[at] = map[string]bool{}
	}
	for n := 2; p.by == ""; n++ {
		own, err := w.store.IsOwn(context.Background(), task, name)
		if err != nil {
			return "", err
		}
		if !own && !w.seats[at][name] {
			break
		}
		name = fmt.Sprintf("%s-%d", p.name(task), n)
	}
	w.seats[at][name] = true
	return name, nil
}

// name is who answers: the role or queue of the task, if the test names nobody.
func (p *person) name(task store.Task) string {
	switch {
	case p.by != "":
		return p.by
	case task.Role != "":
		return task.Role
	case task.Queue != "":
		return task.Queue
	}
	return "somebody"
}

// index finds the one item that the test chooses.
func (p *person) index(task store.Task) (int, *Failure) {
	var payload rules.Value
	if err := json.Unmarshal(task.Payload, &payload); err != nil {
		f := failureAt(p.at, "the task cannot be read: %s", err)
		return 0, &f
	}
	candidates := payload.Get("candidates")
	if step := p.gives.Get("step").Text(); step != "" {
		for _, offered := range payload.Get("correct").Items() {
			if offered.Get("step").Text() == step {
				candidates = offered.Get("candidates")
			}
		}
	}
	found := -1
	for i, item := range candidates.Items() {
		if !p.choose.holds(item, nil) {
			continue
		}
		if found >= 0 {
			f := failureAt(p.choose.at, "several items of the task fit: %s", shown(candidates))
			return 0, &f
		}
		found = i
	}
	if found < 0 {
		f := failureAt(p.choose.at, "no item of the task fits: %s", shown(candidates))
		return 0, &f
	}
	return found, nil
}

// updated hears whether the case took an answer.
type updated struct {
	world *world
	at    *source.Node
}

// Accept is called when the case takes the answer.
func (u updated) Accept() {}

// Reject is called when it does not.
func (u updated) Reject(err error) {
	u.world.fail(failureAt(u.at, "the case refused the answer: %s", err))
}

// Complete is called when the case has handled it.
func (u updated) Complete(_ any, err error) {
	if err != nil {
		u.Reject(err)
	}
}
