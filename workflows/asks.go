package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// asks are the tasks that the case waits for. There may be several: of the items of a loop, of a joined message.
type asks struct {
	open  []*pending
	early []string // announced before the case had come to the task
	void  []string // nobody needs to answer them, as the case was cancelled
}

// pending is one task of a person while the case waits for it.
type pending struct {
	task    activities.Task
	waiting *Waiting
	// announced says that an answer is in the store. The answer itself is read from there.
	announced bool
	opened    bool // the store has the task
	late      bool // its time is over, and it has gone to somebody else if there is anybody
}

// listen puts up the handlers of all messages, before anything blocks.
func (r *run) listen(ctx workflow.Context) error {
	options := workflow.UpdateHandlerOptions{
		UnfinishedPolicy: workflow.HandlerUnfinishedPolicyWarnAndAbandon,
		Description:      "a person's answer to a task of this case is in the store",
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateAnswered, r.answered, options); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(ctx, QueryState, r.now); err != nil {
		return err
	}
	workflow.Go(ctx, r.listenNudges)
	workflow.Go(ctx, r.listenResting)
	if err := r.listenRepairs(ctx); err != nil {
		return err
	}
	return r.listenCancel(ctx)
}

// answered is the Update handler. It only wakes the ask: the answer is in the store.
func (r *run) answered(_ workflow.Context, in Answered) (Received, error) {
	for _, p := range r.asks.open {
		if p.task.ID == in.Task {
			p.announced = true
			return Received{Waiting: true}, nil
		}
	}
	if !slices.Contains(r.asks.early, in.Task) {
		r.asks.early = append(r.asks.early, in.Task)
	}
	return Received{}, nil
}

// now answers the query.
func (r *run) now() (State, error) {
	state := State{Stage: r.stage()}
	if r.plan != nil {
		state.Undo = r.undoable()
	}
	for _, one := range r.waiting.list {
		state.Waiting = append(state.Waiting, *one)
	}
	return state, nil
}

// question is a task, whose it is in the use case, when it is late, and what then happens.
type question struct {
	scope    *scope
	task     activities.Task
	waiting  Waiting
	within   rules.Period
	calendar string                           // of within
	escalate func(task *activities.Task) bool // gives it to somebody else; false if there is nobody
}

// await opens the task and waits for its answer, for as long as it takes. It returns only errors that steer the case.
func (r *run) await(ctx workflow.Context, q question) (activities.Answer, error) {
	earlier, resumed := r.state.Open[q.task.ID]
	if resumed {
		q.task.Due = earlier.Due
	} else if !q.within.IsZero() {
		due, err := r.after(ctx, q.calendar, workflow.Now(ctx), q.within)
		if err != nil {
			return activities.Answer{}, err
		}
		q.task.Due = due
	}
	p := &pending{task: q.task}
	r.asks.open = append(r.asks.open, p)
	defer r.asks.drop(p)
	q.waiting.Until = q.task.Due
	q.waiting.Path, q.waiting.Task = q.task.Path, q.task.ID
	if err := r.present(ctx, p, q, resumed); err != nil {
		r.waiting.stop(ctx, r, p.waiting)
		return activities.Answer{}, err
	}
	p.opened = true
	p.announced = p.announced || slices.Contains(r.asks.early, p.task.ID)
	given, err := r.awaitAnswer(ctx, p, q)
	if errors.Is(err, errContinue) {
		r.state.Open[p.task.ID] = waited{Since: p.waiting.Since, Due: p.task.Due, Late: p.late, Beside: q.scope.beside}
		return activities.Answer{}, err
	}
	if err != nil && ctx.Err() == nil {
		err = r.drop(ctx, p, err)
	} else if err != nil {
		r.asks.void = append(r.asks.void, p.task.ID)
	}
	r.waiting.stop(ctx, r, p.waiting)
	return given, err
}

// present opens the task, or takes it over from the run before.
func (r *run) present(ctx workflow.Context, p *pending, q question, resumed bool) error {
	if !resumed {
		p.waiting = r.waiting.start(ctx, r, q.waiting)
		p.announced = r.in.Continued != nil // an earlier run may have had the answer, and asked again
		return r.openTask(ctx, p)
	}
	earlier := r.state.Open[p.task.ID]
	delete(r.state.Open, p.task.ID)
	p.late, p.announced, q.waiting.Since = earlier.Late, true, earlier.Since
	if p.late && q.escalate != nil && q.escalate(&p.task) {
		q.waiting.For = addressee(p.task)
	}
	p.waiting = r.waiting.start(ctx, r, q.waiting)
	return nil
}

// awaitAnswer waits until the store holds an answer or the case takes another way. When the task's time is over, it
// goes to somebody else, once.
func (r *run) awaitAnswer(ctx workflow.Context, p *pending, q question) (activities.Answer, error) {
	timing, cancel := workflow.WithCancel(ctx)
	defer cancel()
	due := r.due(timing, p)
	for {
		late := func() bool { return due != nil && due.IsReady() }
		err := r.rest(ctx, q.scope, func() bool { return p.announced || late() })
		if err == nil && late() {
			due, err = nil, r.late(ctx, p, q)
		}
		if err != nil {
			return activities.Answer{}, err
		}
		if !p.announced {
			continue
		}
		if given, ok, err := r.readAnswer(ctx, p); ok || err != nil {
			return given, err
		}
	}
}

// due is the timer of a task that must be done in time. It is taken back with its context, so that an answered task
// leaves nothing that wakes the case.
func (r *run) due(ctx workflow.Context, p *pending) workflow.Future {
	if p.task.Due.IsZero() || p.late {
		return nil
	}
	return workflow.NewTimerWithOptions(ctx, p.task.Due.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: "due: " + p.waiting.Label})
}

// readAnswer reads the answer that was announced. An announcement without one is none.
func (r *run) readAnswer(ctx workflow.Context, p *pending) (activities.Answer, bool, error) {
	p.announced = false
	var out activities.ReadAnswerOutput
	err := r.store(ctx, activities.NameReadAnswer, activities.ReadAnswerInput{Task: p.task.ID}, &out)
	if err != nil || !out.Answered {
		return activities.Answer{}, false, err
	}
	r.note(p.task, out.Answer)
	r.recorder.event("answer/"+p.task.ID, "answered", p.waiting.Label, out.Answer.By, out.Answer.At)
	return out.Answer, true, nil
}

// late gives the task to whom the use case names. Without anybody to name it is only overdue.
func (r *run) late(ctx workflow.Context, p *pending, q question) error {
	p.late = true
	r.recorder.event("late/"+p.task.ID, "overdue", p.waiting.Label, "", workflow.Now(ctx))
	if q.escalate == nil || !q.escalate(&p.task) {
		return nil
	}
	p.waiting.For = addressee(p.task)
	r.waiting.show(ctx, r)
	return r.openTask(ctx, p)
}

// openTask stores the task together with what the case has found so far: who takes the task sees all of it.
func (r *run) openTask(ctx workflow.Context, p *pending) error {
	in := activities.OpenTaskInput{Task: p.task, Record: r.recorder.take(r)}
	return r.store(ctx, activities.NameOpenTask, in, nil)
}

// drop takes a task back that nobody needs to answer any more.
func (r *run) drop(ctx workflow.Context, p *pending, why error) error {
	if err := r.store(ctx, activities.NameCloseTask, activities.CloseTaskInput{Task: p.task.ID}, nil); err != nil {
		return err
	}
	return why
}

// note remembers who last shaped the case: nobody approves what he has shaped himself.
func (r *run) note(task activities.Task, given activities.Answer) {
	if task.Kind != string(usecases.Approve) || given.Act() == activities.ActRedo {
		r.state.Shaper = given.By
	}
}

// requester is who may not approve: the person who last shaped the case, or who started it.
func (r *run) requester() string {
	if r.state.Shaper != "" {
		return r.state.Shaper
	}
	return r.in.Case.StartedBy
}

func (a *asks) drop(p *pending) {
	a.open = slices.DeleteFunc(a.open, func(one *pending) bool { return one == p })
}

// opened is the task by which a person decides about a step whose system was waited for; "" if there is none yet.
func (a *asks) opened(waits *Waiting) string {
	for _, p := range a.open {
		if p.opened && p.task.Kind == activities.KindRepair && p.task.Path == waits.Path {
			return p.task.ID
		}
	}
	return ""
}

// addressee names who should act, without naming a person.
func addressee(task activities.Task) string {
	switch {
	case task.Role != "":
		return task.Role
	case task.Queue != "":
		return task.Queue
	}
	return "anybody"
}

// refused asks again, with what was wrong with the answer.
func (q *question) refused(problem string) {
	q.task.Payload = q.task.Payload.With("problem", rules.Record(map[string]rules.Value{
		"class": rules.Text(string(contracts.Validation)), "message": rules.Text(problem), "step": rules.Text(q.waiting.Label),
	}))
}
