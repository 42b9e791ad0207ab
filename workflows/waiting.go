package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
)

// The kinds of waiting.
const (
	waitPerson = "person" // a task that belongs to the use case
	waitRepair = "repair" // a task because something went wrong
	waitSystem = "system"
	waitTime   = "time"
	waitItems  = "items" // the windows of a long loop
	waitEvent  = "event"
	waitCase   = "case" // another case that this one runs
)

// Waiting says what a case waits for. It holds names of ours and no data of a customer.
type Waiting struct {
	Kind  string          `json:"kind"`  // person, repair, system, time, event, case
	For   string          `json:"for"`   // queue or role; the name of the system, step, event or use case; a foreign worker's task queue
	Step  string          `json:"step"`  // id of the step
	Label string          `json:"label"` // the step's constant name
	Class contracts.Class `json:"class,omitempty"`
	Since time.Time       `json:"since"`
	Until time.Time       `json:"until,omitzero"` // when the wait ends by itself, or is late
	// Path is the step's place in the case, System and Operation what a call is about, Task what a person has.
	Path      string `json:"path,omitempty"`
	System    string `json:"system,omitempty"`
	Operation string `json:"operation,omitempty"`
	Task      string `json:"task,omitempty"`

	parked   bool // an operator has ended the waiting
	answered bool // the system has answered after all
	progress string
}

var (
	attributeUseCase    = temporal.NewSearchAttributeKeyKeyword(AttributeUseCase)
	attributeStage      = temporal.NewSearchAttributeKeyKeyword(AttributeStage)
	attributeWaitingFor = temporal.NewSearchAttributeKeyKeyword(AttributeWaitingFor)
)

// waiting is everything that the case waits for at the moment, the oldest first.
type waiting struct {
	list  []*Waiting
	shown string
}

// start adds a wait and shows it.
func (w *waiting) start(ctx workflow.Context, r *run, one Waiting) *Waiting {
	if one.Since.IsZero() {
		one.Since = workflow.Now(ctx)
	}
	w.list = append(w.list, &one)
	w.show(ctx, r)
	return &one
}

// mention adds a wait for whoever asks the case, and writes nothing: the case is about to do something else, and what it
// has begun must come to its end first. What it gives takes the wait away.
func (w *waiting) mention(one Waiting) (done func()) {
	w.list = append(w.list, &one)
	return func() { w.list = slices.DeleteFunc(w.list, one.is) }
}

// stop takes a wait away and shows what is left. A case that is being cancelled has no use for it.
func (w *waiting) stop(ctx workflow.Context, r *run, one *Waiting) {
	if errors.Is(r.interrupt, errContinue) {
		return // the next run waits for the same
	}
	w.list = slices.DeleteFunc(w.list, one.is)
	r.reached.stale = true
	if ctx.Err() == nil {
		w.show(ctx, r)
		r.recorder.flush(ctx, r)
	}
}

func (w *Waiting) is(other *Waiting) bool { return w == other }

// clear ends all waiting, when the case ends.
func (w *waiting) clear(ctx workflow.Context, r *run) {
	w.list = nil
	w.show(ctx, r)
}

// show tells Temporal. The search attributes cost an event, so they are written only when what they say has changed.
func (w *waiting) show(ctx workflow.Context, r *run) {
	workflow.SetCurrentDetails(ctx, w.details(r))
	now := w.forWhat()
	if now == w.shown || r.in.Window != nil { // a search for cases finds no windows
		return
	}
	updates := []temporal.SearchAttributeUpdate{attributeStage.ValueSet(r.stage()), attributeWaitingFor.ValueUnset()}
	if now != "" {
		updates[1] = attributeWaitingFor.ValueSet(now)
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		r.log.Error("search attributes not written", "error", err)
		return
	}
	w.shown = now
}

// forWhat names the oldest wait, people before all others: a person is what somebody can do something about.
func (w *waiting) forWhat() string {
	first := w.first()
	if first == nil {
		return ""
	}
	return first.Kind + ":" + first.For
}

func (w *waiting) first() *Waiting {
	for _, one := range w.list {
		if one.Kind == waitPerson || one.Kind == waitRepair {
			return one
		}
	}
	if len(w.list) > 0 {
		return w.list[0]
	}
	return nil
}

// details is what the Temporal UI shows of the case right now.
func (w *waiting) details(r *run) string {
	var text strings.Builder
	if r.in.Continued != nil { // the summary of the first run is not that of the others
		text.WriteString(fmt.Sprintf("%s %s\n\n", r.plan.Title, r.in.Case.Reference))
	}
	text.WriteString(fmt.Sprintf("**Stage:** %s\n\n", r.stage()))
	for _, one := range w.list {
		text.WriteString(fmt.Sprintf("- waits for %s **%s** in step `%s` since %s", one.Kind, one.For, one.Step, one.Since.UTC().Format(time.RFC3339)))
		if !one.Until.IsZero() {
			text.WriteString(fmt.Sprintf(" until %s", one.Until.UTC().Format(time.RFC3339)))
		}
		if one.progress != "" {
			text.WriteString(": " + one.progress)
		}
		if one.Class != "" {
			text.WriteString(fmt.Sprintf(" (%s)", one.Class))
		}
		text.WriteString("\n")
	}
	if r.deskURL != "" {
		text.WriteString(fmt.Sprintf("\n[Open in the desk](%s/cases/%s)\n", r.deskURL, r.id))
	}
	return text.String()
}

// stageUndo is the stage of a case that undoes what it did.
const stageUndo = "undo"

// stage is the top-level step that the case is at.
func (r *run) stage() string {
	if r.undoing {
		return stageUndo
	}
	if r.plan == nil || r.state.Position >= len(r.plan.Steps) {
		return ""
	}
	s := r.plan.Steps[r.state.Position]
	if s.ID != "" {
		return s.ID
	}
	return s.Path
}

// progress is the same for the store.
func (w *waiting) progress(r *run) activities.Progress {
	p := activities.Progress{State: activities.CaseOpen, Stage: r.stage(), Title: r.title}
	first := w.first()
	if first == nil {
		return p
	}
	p.WaitingKind, p.WaitingFor, p.WaitingSince, p.WaitingUntil = first.Kind, first.For, first.Since, first.Until
	p.WaitingStep, p.WaitingSystem, p.WaitingClass = first.Path, first.System, first.Class
	p.State = activities.CaseWaiting
	if first.Kind == waitRepair {
		p.State = activities.CaseParked
	}
	return p
}
