package workflows

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// UnmarshalJSON reads what the run before has written, over an empty state.
func (c *continued) UnmarshalJSON(text []byte) error {
	type plain continued
	c.State = newState()
	return json.Unmarshal(text, (*plain)(c))
}

// continued is what a case that goes on in a new run begins with, beside its input.
type continued struct {
	State     state     `json:"state"`
	Started   time.Time `json:"started"`
	Latest    time.Time `json:"latest"`
	Title     string    `json:"title"`
	Shown     string    `json:"shown,omitempty"`  // what the search attributes say
	Seq       int       `json:"seq"`              // of the recorder
	Nudged    bool      `json:"nudged,omitempty"` // further messages have come
	Cancelled *Cancel   `json:"cancelled,omitempty"`
	Ended     bool      `json:"ended,omitempty"`   // the use case is done, and messages or undos are left
	Undoing   bool      `json:"undoing,omitempty"` // what it did is being undone
	End       Outcome   `json:"end"`
}

// done is a step inside the top-level step that the case is at, or inside a message: a continued run does not do it again.
type done struct {
	Value rules.Value `json:"value"`
	Fact  *fact       `json:"fact,omitempty"`
	// Window is the result of a part of a loop; nil: it is a step.
	Window *windowResult `json:"window,omitempty"`
}

// waited is a task, an instant or an event that the case waited for when it was continued.
type waited struct {
	Since  time.Time `json:"since"`
	Due    time.Time `json:"due,omitzero"`   // when the wait ends, or is late
	Late   bool      `json:"late,omitempty"` // its time is over: nobody is left to give it to, or what stands in for the event is done
	Path   string    `json:"path,omitempty"` // of a task: where it is asked
	Beside bool      `json:"beside,omitempty"`
	// Escalated is how often the task went to somebody else; Reminded how often its people were reminded, and Reminders
	// when they will be.
	Escalated int         `json:"escalated,omitempty"`
	Reminded  int         `json:"reminded,omitempty"`
	Reminders []time.Time `json:"reminders,omitempty"`
}

// trouble is an error of a step whose stand-in, or whose person, the case waited for when it was continued.
type trouble struct {
	Failure   activities.Failure `json:"failure"`
	Operation string             `json:"operation,omitempty"`
	Round     int                `json:"round"`
	Parked    bool               `json:"parked,omitempty"` // an operator gave it to a person
	Branch    string             `json:"branch,omitempty"` // of a together
	Results   *rules.Value       `json:"results,omitempty"`
}

func troubleOf(f *failure, round int) trouble {
	one := trouble{Failure: f.Failure, Operation: f.operation, Round: round, Parked: f.parked, Branch: f.branch}
	if !f.results.IsMissing() {
		one.Results = &f.results
	}
	return one
}

// grown says that the history of this run is so long that the case should go on in a new one.
func (r *run) grown(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetContinueAsNewSuggested() || info.GetCurrentHistoryLength() >= grownEvents || info.GetCurrentHistorySize() >= grownBytes
}

// overgrown says that nothing new may begin in this run.
func (r *run) overgrown(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetCurrentHistoryLength() >= overgrownEvents || info.GetCurrentHistorySize() >= overgrownBytes
}

// mayContinue says whether a new run can take over right now: everything in the case rests. Nothing runs in a system,
// in the store or in another workflow whose answer the new run would not get.
func (r *run) mayContinue(ctx workflow.Context) bool {
	return r.moving == 0 && r.interrupt == nil && !r.mail.closed && r.grown(ctx) && workflow.AllHandlersFinished(ctx)
}

// rest waits until something is ready, or the coroutine must unwind. What waits in it can be left at any moment and
// come to again by a new run, because it asks only for what is kept elsewhere: a task, an instant, an event.
func (r *run) rest(ctx workflow.Context, sc *scope, ready func() bool) error {
	r.moving--
	err := workflow.Await(ctx, func() bool { return ready() || r.stopped(sc) != nil || r.mayContinue(ctx) })
	r.moving++
	if err != nil {
		return err
	}
	if err := r.stopped(sc); err != nil || ready() {
		return err
	}
	return r.stop(errContinue)
}

// pause stands before every step: the place where a case that works without ever waiting goes on in a new run. As long
// as others work, it goes on beside them; when the history is much too long, it waits for them.
func (r *run) pause(ctx workflow.Context, sc *scope) error {
	if err := r.stopped(sc); err != nil || r.mail.closed || !r.grown(ctx) {
		return err
	}
	if r.moving > 1 && !r.overgrown(ctx) {
		return nil
	}
	return r.rest(ctx, sc, func() bool { return false })
}

// fork works through items side by side, each in a coroutine of its own, and returns when all have come to their end.
func (r *run) fork(ctx workflow.Context, items []*item) error {
	works := make([]func(workflow.Context), len(items))
	for i, one := range items {
		works[i] = one.do
	}
	return r.beside(ctx, works)
}

// beside does several things side by side, each in a coroutine of its own, and returns when all have come to their end.
// Whatever starts coroutines of the use case does it here: a case continues only when all of them rest.
func (r *run) beside(ctx workflow.Context, works []func(workflow.Context)) error {
	left := len(works)
	if left == 0 {
		return nil
	}
	r.moving += left - 1 // who waits for others does not move itself
	for _, work := range works {
		workflow.Go(ctx, func(ctx workflow.Context) {
			work(ctx)
			if left--; left > 0 {
				r.moving-- // the last one hands its movement to who waits
			}
		})
	}
	// Not even a cancelled case goes on before all have unwound: what they were doing is then recorded.
	clean, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	return workflow.Await(clean, func() bool { return left == 0 })
}

// continueAsNew ends this run of the case and begins the next one with what the case knows.
func (r *run) continueAsNew(ctx workflow.Context) error {
	clean, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	r.recorder.handOver(clean, r)
	if err := workflow.Await(clean, func() bool { return workflow.AllHandlersFinished(clean) }); err != nil {
		return err
	}
	r.drain(clean)
	if ctx.Err() != nil && r.cancelled == nil {
		r.cancelled = &Cancel{Undo: true} // Temporal's own cancellation does not reach the next run
	}
	in := r.in
	in.Continued = &continued{
		State: r.state, Started: r.started, Latest: r.latest, Title: r.title, Shown: r.waiting.shown, Seq: r.recorder.seq,
		Nudged: r.mail.nudged, Cancelled: r.cancelled, Ended: r.ended, Undoing: r.undoing,
	}
	switch {
	case r.in.Window != nil: // it knows only what it was given, and what is in state.Done
		return workflow.NewContinueAsNewError(clean, workflow.GetInfo(ctx).WorkflowType.Name, in)
	case r.ended:
		in.Continued.End = r.end
	case r.undoing: // no step is come to again
	case r.state.Position < len(r.plan.Steps):
		// The step that the case is at is come to again: what is known of its inside is in state.Done.
		for _, name := range namesOf(r.plan.Steps[r.state.Position]) {
			delete(r.state.Results, name)
		}
		r.state.Facts.from(r.state.Position)
	}
	delete(r.state.Results, "input") // the new run has it from its start
	delete(r.state.Results, "case")
	return workflow.NewContinueAsNewError(clean, workflow.GetInfo(ctx).WorkflowType.Name, in)
}

// resume takes over from the run before.
func (r *run) resume(ctx workflow.Context, from *continued) {
	r.state = from.State
	r.started, r.latest, r.title = from.Started, from.Latest, from.Title
	r.waiting.shown, r.recorder.seq = from.Shown, from.Seq
	r.mail.nudged = r.mail.nudged || from.Nudged
	r.ended, r.end = from.Ended, from.End
	workflow.SetCurrentDetails(ctx, r.waiting.details(r))
	if from.Cancelled != nil {
		r.cancel(*from.Cancelled)
	}
}

// isTop says whether a step is the one of the use case itself that the case is at.
func (r *run) isTop(s *usecases.Step, sc *scope) bool {
	return sc == r.top && r.state.Position < len(r.plan.Steps) && r.plan.Steps[r.state.Position] == s
}

// doneKey names a step of one generation.
func doneKey(place activities.Place) string {
	return fmt.Sprintf("%s~%d", place.Path, place.Generation)
}

// memory is where the done steps inside the top-level step, or inside the message, are kept.
func (r *run) memory(sc *scope) map[string]done {
	if sc.beside {
		return r.state.Beside
	}
	return r.state.Done
}

// recalls says whether steps may be come to again that are done: because of a new run, or of a redo inside of others.
func (r *run) recalls() bool { return r.in.Continued != nil || len(r.state.Again) > 0 }

// recall gives the result of a step that is done.
func (r *run) recall(s *usecases.Step, sc *scope) (done, bool) {
	if !r.recalls() || r.isTop(s, sc) {
		return done{}, false
	}
	found, ok := r.memory(sc)[doneKey(r.place(s, sc))]
	return found, ok
}

// closeLeft takes back the tasks that the case waited for in the run before and that nobody needs any more: its way
// has led elsewhere this time.
func (r *run) closeLeft(ctx workflow.Context) error {
	for _, id := range sorted(r.state.Open) {
		if r.state.Open[id].Beside {
			continue
		}
		if err := r.store(ctx, activities.NameCloseTask, activities.CloseTaskInput{Task: id}, nil); err != nil {
			return err
		}
		delete(r.state.Open, id)
	}
	return nil
}

// sorted are the keys of a map in an order of their own: workflow code must not follow that of the map.
func sorted[V any](all map[string]V) []string {
	if len(all) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(all))
}

// left keeps an error that somebody was asked about when the case was continued.
func (r *run) left(place activities.Place, f *failure, round int) {
	r.state.Troubles[doneKey(place)] = troubleOf(f, round)
}

// remembered is the error that a step had in the run before, once.
func (r *run) remembered(s *usecases.Step, sc *scope) (*failure, int) {
	if len(r.state.Troubles) == 0 {
		return nil, 0
	}
	key := doneKey(r.place(s, sc))
	found, ok := r.state.Troubles[key]
	if !ok {
		return nil, 0
	}
	delete(r.state.Troubles, key)
	f := &failure{Failure: found.Failure, operation: found.Operation, parked: found.Parked, branch: found.Branch}
	if found.Results != nil {
		f.results = *found.Results
	}
	return f, found.Round
}
