package workflows

import (
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// run is one case while its workflow runs. Its coroutines are the use case itself, the items of a loop, and the pump
// of joined messages; Temporal runs one of them at a time, so nothing here is locked.
type run struct {
	in        StartInput
	id        string // of the case
	execution string // the workflow id: that of the case, or of a window
	version   int    // of the interpreter that the case began with
	reached   reached
	deskURL   string
	log       log.Logger
	watcher   Watcher
	plans     Plans
	plan      *usecases.Plan
	started   time.Time
	latest    time.Time // when the newest answer came
	title     string

	state   state
	top     *scope
	asks    asks
	mail    mailbox
	waiting waiting
	// listening are the waits for events at the moment.
	listening []*listening
	calendars Calendars
	recorder  recorder

	// interrupt is why everybody unwinds: errRedo, errEnd, errCancel or errContinue; nil while the case goes its way.
	interrupt error
	resting   map[string]bool // the windows in which everything waits, by workflow id
	moving    int             // how many coroutines of the use case do not rest, see rest
	ended     bool            // the steps are done; messages may be left
	cancelled *Cancel         // who cancelled the case by a message, and how; nil: nobody
	halt      func()          // cancels whatever the case does
	undoing   bool            // what the case did is being undone; nothing else goes on
	redo      redo
	end       Outcome
}

// state is what a case knows beside its input. A continued run begins with it, see continue.go: all of it goes through
// JSON, so it holds plain types and rules.Value, and steps by their paths.
type state struct {
	Position    int                    // the top-level step that is being done
	Generations []int                  // of each top-level step, from 1
	Results     map[string]rules.Value // by the name that expressions use
	Facts       *facts
	Writes      map[string]written // confirmed writes by step path, for the redo
	Given       map[string]given   // what a person gave for a step that is redone, by its id; inside of others by its place
	Again       map[string]int     // how often a step inside of others was redone without these, by its place
	Doubts      int                // how often a person was asked whether a write happened
	Messages    handled
	Done        map[string]done    // what is done inside the top-level step that the case is at, by doneKey
	Beside      map[string]done    // the same of the message that is being worked through
	Open        map[string]waited  // the tasks that a continued case waited for, by their ids
	Waits       map[string]waited  // the instants and events that it waited for, by doneKey
	Troubles    map[string]trouble // the errors that people or stand-ins of a continued case were at
	Rounds      map[string]int     // how often each run step has run something, by doneKey
	Undos       []undo             // how what was done is undone, in the order of completion
	UndoAtEnd   bool               // the end that was reached says to undo
	Repairs     []string           // of operators that the case has taken, the latest
}

// newState is the state of a case that knows nothing yet. A run that continues one of an older version finds the maps
// that the older one did not know, too.
func newState() state {
	return state{
		Results: map[string]rules.Value{}, Facts: &facts{}, Writes: map[string]written{}, Given: map[string]given{},
		Done: map[string]done{}, Beside: map[string]done{}, Open: map[string]waited{}, Waits: map[string]waited{}, Troubles: map[string]trouble{},
		Rounds: map[string]int{}, Again: map[string]int{},
	}
}

func newRun(ctx workflow.Context, i *Interpreter, in StartInput) *run {
	info := workflow.GetInfo(ctx)
	id := info.WorkflowExecution.ID
	if in.Window != nil {
		id = in.Window.Case
	}
	return &run{
		in:        in,
		id:        id,
		execution: info.WorkflowExecution.ID,
		resting:   map[string]bool{},
		reached:   reached{routes: i.Routes},
		deskURL:   i.DeskURL,
		log:       workflow.GetLogger(ctx),
		watcher:   i.Watcher,
		plans:     i.Plans,
		started:   info.WorkflowStartTime.UTC(),
		latest:    info.WorkflowStartTime.UTC(),
		calendars: i.Calendars,
		state:     newState(),
		moving:    1,
	}
}

// begin prepares the case once its plan is known.
func (r *run) begin(ctx workflow.Context, plan *usecases.Plan) {
	r.plan = plan
	r.version = r.look(ctx)
	r.state.Generations = slices.Repeat([]int{1}, len(plan.Steps))
	if r.in.Continued != nil {
		r.resume(ctx, r.in.Continued)
	} else if r.in.Window != nil {
		r.beginWindow(r.in.Window)
	}
	r.recorder.begin(r)
	r.top = &scope{vars: r.state.Results, generation: 1, facts: r.state.Facts}
	if w := r.in.Window; w != nil {
		r.top.items, r.top.entry, r.top.beside, r.top.generation = w.Items, w.Entry, w.Beside, w.Generation
		return
	}
	r.state.Results["input"] = r.in.Input
	if r.in.Continued == nil {
		r.title = r.caseTitle()
	}
	r.startPump(ctx)
}

// caseTitle never stops a case: a title that cannot be made is the use case's own.
func (r *run) caseTitle() string {
	if r.in.Case.Title != "" {
		return r.in.Case.Title
	}
	title, err := r.text(r.plan.CaseTitle, r.top)
	if err != nil || title == "" {
		return r.plan.Title
	}
	return title
}

// steps runs the use case from its position to its end, as often as a redo sends it back.
func (r *run) steps(ctx workflow.Context) error {
	for {
		var err error
		if !r.ended {
			err = r.forward(ctx)
		}
		if err == nil || errors.Is(err, errEnd) {
			if r.cancelled != nil {
				return errCancel // it came while the last step ended
			}
			if err = r.interrupt; !errors.Is(err, errRedo) {
				r.interrupt, r.ended = nil, true // whom the end stopped has unwound
				err = r.settleMessages(ctx)
			}
		}
		if !errors.Is(err, errRedo) {
			return err
		}
		if err := r.closeRedone(ctx, r.redo.inside); err != nil {
			return err
		}
		r.goBack(ctx)
	}
}

// forward runs the top-level steps that are left. The result of the last one is that of the use case.
func (r *run) forward(ctx workflow.Context) error {
	for r.state.Position < len(r.plan.Steps) {
		r.top.generation = r.state.Generations[r.state.Position]
		value, err := r.step(ctx, r.plan.Steps[r.state.Position], r.top)
		if err != nil {
			return err
		}
		if err := r.closeLeft(ctx); err != nil {
			return err
		}
		clear(r.state.Done)
		r.state.Position++
		r.end = Outcome{Outcome: outcomeDone, Result: value}
	}
	return nil
}

const (
	outcomeDone      = "done"
	outcomeCancelled = "cancelled"
)

// stopped says why the coroutine of the scope must unwind, or nil. A redo is the business of the use case itself:
// what goes on beside it goes on.
func (r *run) stopped(sc *scope) error {
	if r.interrupt != nil && (!sc.beside || !errors.Is(r.interrupt, errRedo)) {
		return r.interrupt
	}
	if sc.group.unwinding() {
		return errUnwind
	}
	return nil
}

// stop makes the coroutines of the case unwind to the top level. The first reason counts.
func (r *run) stop(why error) error {
	if r.interrupt == nil {
		r.interrupt = why
	}
	return r.interrupt
}

// finish writes the end of the case into the store and turns it into the workflow's. It runs also when the case was
// cancelled, on a context of its own.
func (r *run) finish(ctx workflow.Context, err error) (Outcome, error) {
	clean, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	r.mail.closed = true
	cancelled := temporal.IsCanceledError(err) || errors.Is(err, errCancel)
	if cancelled {
		r.end = Outcome{Outcome: outcomeCancelled}
	} else if err != nil && !errors.Is(err, errEnd) {
		return Outcome{}, err
	}
	if r.undoWanted(cancelled) {
		err := r.undoAll(clean)
		if errors.Is(err, errContinue) {
			return Outcome{}, r.continueAsNew(ctx)
		}
		if err != nil {
			return Outcome{}, err
		}
	}
	r.waiting.clear(clean, r)
	r.recorder.end(clean, r, cancelled)
	if err := workflow.Await(clean, func() bool { return workflow.AllHandlersFinished(clean) }); err != nil {
		return Outcome{}, err
	}
	if before := r.recorder.ended; before != nil {
		cancelled, r.end = before.State == activities.CaseCancelled, Outcome{Outcome: before.Outcome, Result: before.Result}
	}
	if cancelled {
		return Outcome{}, temporal.NewCanceledError()
	}
	return r.end, nil
}

// undoWanted says whether what the case did is undone before it ends. A cancellation that does not say, because it is
// Temporal's own or a person gave up a repair, undoes: that is what the use case says of being cancelled.
func (r *run) undoWanted(cancelled bool) bool {
	if cancelled && r.cancelled != nil {
		return r.cancelled.Undo
	}
	return cancelled || r.state.UndoAtEnd
}

// written is a write that is known to have happened.
type written struct {
	Input  string      `json:"input"` // hash of what the use case asked for
	Result rules.Value `json:"result"`
	// Operation is what was asked for: another version of the use case may ask for something else at this place.
	Operation string `json:"operation,omitempty"`
}

// given is what a person gave for a step that is redone.
type given struct {
	Value rules.Value `json:"value"` // its result; missing if it is called again
	With  rules.Value `json:"with"`  // another input
	By    string      `json:"by"`
}

// task is a task of this case, without what makes it particular.
func (r *run) task(place activities.Place, kind string) activities.Task {
	task := activities.Task{Place: place, Kind: kind, Language: r.in.Case.Language}
	if r.in.Window != nil {
		task.Workflow = r.execution
	}
	return task
}
