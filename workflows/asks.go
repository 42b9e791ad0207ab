package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

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
	late      bool // its time is over, and there is nobody left to give it to
	escalated int  // how often it went to somebody else, or would have
	reminded  int  // how often its people were reminded
	reminders []time.Time
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
	if err := workflow.SetQueryHandler(ctx, QueryRedo, r.wouldRefuse); err != nil {
		return err
	}
	workflow.Go(ctx, r.listenSignals)
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
	calendar string         // of working time
	remind   []rules.Period // when whoever has it is reminded, counted from the beginning
	// escalations are who gets it when it is late, one after the other.
	escalations []usecases.Escalation
	// settled says that the answer is not needed any more; nil: it always is.
	settled func() bool
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
	if r.stays(err, p.task.Path) {
		r.state.Open[p.task.ID] = waited{Since: p.waiting.Since, Due: p.task.Due, Late: p.late, Path: p.task.Path, Beside: q.scope.beside,
			Escalated: p.escalated, Reminded: p.reminded, Reminders: p.reminders}
		r.waiting.stop(ctx, r, p.waiting)
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
		p.announced = r.recalls() // it may have been answered before, and asked again
		if err := r.planReminders(ctx, p, q); err != nil {
			return err
		}
		return r.openTask(ctx, p)
	}
	earlier := r.state.Open[p.task.ID]
	delete(r.state.Open, p.task.ID)
	p.late, p.announced, q.waiting.Since = earlier.Late, true, earlier.Since
	p.escalated, p.reminded, p.reminders = earlier.Escalated, earlier.Reminded, earlier.Reminders
	for _, next := range q.escalations[:min(p.escalated, len(q.escalations))] {
		if r.escalate(&p.task, next.To, q.scope) {
			q.waiting.For = addressee(p.task)
		}
	}
	p.waiting = r.waiting.start(ctx, r, q.waiting)
	if r.version >= versionUndo && r.recorder.told && !errors.Is(r.interrupt, errContinue) {
		r.recorder.flush(ctx, r) // this run has written down something else than what the run before had
	}
	return nil
}

// planReminders finds out when people are reminded of a task.
func (r *run) planReminders(ctx workflow.Context, p *pending, q question) error {
	for _, period := range q.remind {
		at, err := r.after(ctx, q.calendar, p.waiting.Since, period)
		if err != nil {
			return err
		}
		p.reminders = append(p.reminders, at)
	}
	slices.SortFunc(p.reminders, time.Time.Compare)
	return nil
}

// errSettled says that others have decided meanwhile.
var errSettled = errors.New("settled")

// awaitAnswer waits until the store holds an answer or the case takes another way. When the task's time is over, it
// goes to somebody else.
func (r *run) awaitAnswer(ctx workflow.Context, p *pending, q question) (activities.Answer, error) {
	timing, cancel := workflow.WithCancel(ctx)
	defer cancel()
	c := clock{timing: timing}
	c.wind(p)
	settled := func() bool { return q.settled != nil && q.settled() }
	for {
		err := r.rest(ctx, q.scope, func() bool { return p.announced || c.late() || c.reminds() || settled() })
		switch {
		case err == nil && settled():
			err = errSettled
		case err == nil:
			err = r.ring(ctx, p, q, &c)
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

// clock are the timers of a task. They are taken back with their context, so that an answered task leaves nothing that
// wakes the case.
type clock struct {
	timing        workflow.Context
	due, reminder workflow.Future // nil: there is none
}

func (c *clock) late() bool    { return c.due != nil && c.due.IsReady() }
func (c *clock) reminds() bool { return c.reminder != nil && c.reminder.IsReady() }

// wind sets the timers that are lacking.
func (c *clock) wind(p *pending) {
	if c.due == nil && !p.task.Due.IsZero() && !p.late {
		c.due = c.timer(p, p.task.Due, "due: ")
	}
	if c.reminder == nil && len(p.reminders) > 0 {
		c.reminder = c.timer(p, p.reminders[0], "remind: ")
	}
}

func (c *clock) timer(p *pending, at time.Time, what string) workflow.Future {
	return workflow.NewTimerWithOptions(c.timing, at.Sub(workflow.Now(c.timing)), workflow.TimerOptions{Summary: what + p.waiting.Label})
}

// ring does what the time has come for.
func (r *run) ring(ctx workflow.Context, p *pending, q question, c *clock) error {
	if c.reminds() {
		c.reminder, p.reminders = nil, p.reminders[1:]
		p.reminded++
		r.recorder.event(fmt.Sprintf("reminded/%s/%d", p.task.ID, p.reminded), "reminded", p.waiting.Label, "", workflow.Now(ctx))
		if err := r.store(ctx, activities.NameRemind, activities.RemindInput{Task: p.task.ID, Number: p.reminded}, nil); err != nil {
			return err
		}
	}
	if c.late() {
		c.due = nil
		if err := r.late(ctx, p, q); err != nil {
			return err
		}
	}
	c.wind(p)
	return nil
}

// readAnswer reads the answer that was announced. An announcement without one is none.
func (r *run) readAnswer(ctx workflow.Context, p *pending) (activities.Answer, bool, error) {
	p.announced = false
	var out activities.ReadAnswerOutput
	err := r.store(ctx, activities.NameReadAnswer, activities.ReadAnswerInput{Task: p.task.ID}, &out)
	if err != nil || !out.Answered {
		return activities.Answer{}, false, err
	}
	r.recorder.event("answer/"+p.task.ID, "answered", p.waiting.Label, out.Answer.By, out.Answer.At)
	return out.Answer, true, nil
}

// late gives the task to whom the use case names next. Without anybody to name it is only overdue.
func (r *run) late(ctx workflow.Context, p *pending, q question) error {
	key := "late/" + p.task.ID
	if p.escalated > 0 {
		key = fmt.Sprintf("%s/%d", key, p.escalated+1)
	}
	r.recorder.event(key, "overdue", p.waiting.Label, "", workflow.Now(ctx))
	p.late = true
	if p.escalated >= len(q.escalations) {
		return nil
	}
	next := q.escalations[p.escalated]
	p.escalated++
	if !r.escalate(&p.task, next.To, q.scope) {
		return nil
	}
	if !next.Within.IsZero() {
		due, err := r.after(ctx, q.calendar, workflow.Now(ctx), next.Within)
		if err != nil {
			return err
		}
		p.task.Due, p.waiting.Until, p.late = due, due, false
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
