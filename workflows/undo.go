package workflows

import (
	"fmt"
	"maps"
	"slices"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// undo is how the effect of one step is taken back. It is kept when the step is done, and holds all that it needs:
// neither the scope of the step nor the workflow run that did it need to be there any more.
type undo struct {
	Bundle     string                 `json:"bundle"` // the case may have gone on with another version since
	Step       string                 `json:"step"`   // the step's path in the plan
	Place      string                 `json:"place"`  // the same with the positions of loops
	Items      []int                  `json:"items,omitempty"`
	Entry      string                 `json:"entry,omitempty"`
	Generation int                    `json:"generation"`
	Top        int                    `json:"top"` // position of the top-level step
	Vars       map[string]rules.Value `json:"vars,omitempty"`
	// Doubt is what was asked of a system if nobody knows whether it did it: that is found out first.
	Doubt *doubt `json:"doubt,omitempty"`
}

// doubt is a write that may or may not have happened.
type doubt struct {
	Input rules.Value `json:"input"`
}

// canUndo keeps how a step is undone, now that it is done. A step that is done again replaces what was kept of it,
// unless what it did before is there besides.
func (r *run) canUndo(s *usecases.Step, sc *scope, result made) {
	if s.Undo == nil || result.void {
		return
	}
	one := r.undoOf(s, sc)
	r.state.Undos = append(slices.DeleteFunc(r.state.Undos, func(u undo) bool {
		if u.Doubt != nil {
			return u.Place == one.Place && u.Generation == one.Generation
		}
		return u.Place == one.Place && !result.besides
	}), one)
}

// doubt keeps how a write is undone that may or may not have happened: the case was cancelled while it was tried, or
// it failed in a way that proves nothing. The ledger or a person will know.
func (r *run) doubt(s *usecases.Step, sc *scope, in activities.CallInput, why error) {
	if f, ok := asFailure(why); ok && (f.NothingSent || f.voided) {
		return
	}
	one := r.undoOf(s, sc)
	one.Doubt = &doubt{Input: in.Input}
	r.state.Undos = append(slices.DeleteFunc(r.state.Undos, func(u undo) bool {
		return u.Doubt != nil && u.Place == one.Place && u.Generation == one.Generation
	}), one)
}

func (r *run) undoOf(s *usecases.Step, sc *scope) undo {
	place := r.place(s, sc)
	one := undo{Bundle: r.in.BundleHash, Step: s.Path, Place: place.Path, Items: slices.Clone(sc.items), Entry: sc.entry, Generation: place.Generation, Top: r.state.Position, Vars: map[string]rules.Value{}}
	for _, name := range s.Undo.Reads {
		if value, ok := sc.vars[name]; ok {
			one.Vars[name] = value
		}
	}
	return one
}

// undoable lists what would be undone now, the first to be undone first.
func (r *run) undoable() []Undoable {
	var list []Undoable
	for _, u := range slices.Backward(r.state.Undos) {
		label := u.Step
		if plan, ok := r.planOf(u); ok {
			label = plan.Step(u.Step).Label()
		}
		list = append(list, Undoable{Step: u.Place, Label: label, Doubt: u.Doubt != nil})
	}
	return list
}

// planOf is the plan of the version that did the step.
func (r *run) planOf(u undo) (*usecases.Plan, bool) {
	if u.Bundle == r.in.BundleHash {
		return r.plan, true
	}
	return r.plans.Plan(u.Bundle)
}

// undoneWith lists the operations of the versions that did what is undone, for the routes to them.
func (r *run) undoneWith() []string {
	var operations []string
	for _, u := range r.state.Undos {
		if u.Bundle == r.in.BundleHash {
			continue
		}
		plan, ok := r.plans.Plan(u.Bundle)
		if !ok {
			panic(bundleMissing(u.Bundle)) // see Run
		}
		operations = append(operations, plan.Operations...)
	}
	slices.Sort(operations)
	return slices.Compact(operations)
}

// undoing is the undo of one step while it is done, in a coroutine of its own.
type undoing struct {
	run    *run
	undo   undo
	step   *usecases.Step
	scope  *scope
	done   bool
	parked bool   // a person is asked about an error: the others go on
	given  string // the person who left it as it is
}

// undoAll takes back what the case did, in the reverse order of completion. Everything else of the case has unwound.
// An undo that fails is a person's task, and the next one goes on beside it; the case ends when all have come to an end.
func (r *run) undoAll(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return !r.mail.busy }); err != nil || len(r.state.Undos) == 0 {
		return err
	}
	r.interrupt, r.undoing = nil, true
	if more := r.undoneWith(); len(more) > 0 {
		r.reached.more, r.reached.stale = more, true
	}
	if err := r.beginUndo(ctx); err != nil || r.recorder.ended != nil {
		return err
	}
	running := 0
	for len(r.state.Undos) > 0 {
		if r.version >= versionUndo && r.grown(ctx) && (running == 0 || r.overgrown(ctx)) {
			// What is left is for a new run. Nothing that is being undone could be handed over to it.
			if err := workflow.Await(ctx, func() bool { return running == 0 }); err != nil {
				return err
			}
			return errContinue
		}
		last := len(r.state.Undos) - 1
		one := r.newUndoing(r.state.Undos[last])
		r.state.Undos = r.state.Undos[:last]
		running++
		workflow.Go(ctx, func(ctx workflow.Context) {
			one.do(ctx)
			running--
		})
		if err := workflow.Await(ctx, func() bool { return one.done || one.parked }); err != nil {
			return err
		}
	}
	return workflow.Await(ctx, func() bool { return running == 0 })
}

// beginUndo takes back what the case waited for and says that it is being undone; a run that goes on with it has
// nothing to begin.
func (r *run) beginUndo(ctx workflow.Context) error {
	if r.in.Continued != nil && r.in.Continued.Undoing {
		return nil
	}
	if err := r.withdraw(ctx); err != nil {
		return err
	}
	r.recorder.event("undo", "undoing", "", r.undoneBy(), workflow.Now(ctx))
	r.waiting.show(ctx, r)
	r.recorder.flush(ctx, r)
	return nil
}

// withdraw takes back the tasks that the case waited for: it may be long until it has ended.
func (r *run) withdraw(ctx workflow.Context) error {
	for _, id := range append(r.asks.void, workflow.DeterministicKeys(r.state.Open)...) {
		if err := r.store(ctx, activities.NameCloseTask, activities.CloseTaskInput{Task: id}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) newUndoing(u undo) *undoing {
	plan, ok := r.planOf(u)
	if !ok {
		panic(bundleMissing(u.Bundle)) // see Run
	}
	one := &undoing{run: r, undo: u, step: plan.Step(u.Step)}
	vars := maps.Clone(u.Vars)
	if vars == nil {
		vars = map[string]rules.Value{}
	}
	vars["input"] = r.in.Input
	one.scope = &scope{vars: vars, items: slices.Clone(u.Items), entry: u.Entry, generation: u.Generation, facts: &facts{outer: r.top.facts}, group: &group{}, undoing: one}
	return one
}

func (r *run) undoneBy() string {
	if r.cancelled != nil {
		return r.cancelled.By
	}
	return ""
}

// do undoes one step, however long that takes. What is told of it names the step that it undoes.
func (u *undoing) do(ctx workflow.Context) {
	r := u.run
	happened, err := u.settleDoubt(ctx)
	if err == nil && happened {
		r.took(u.step, u.scope, usecases.UndoWay)
		_, err = r.sequence(ctx, u.step.Undo.Steps, u.scope)
	}
	u.done = true
	if !happened && err == nil {
		return // there was nothing to undo
	}
	kind := "undone"
	if err != nil {
		kind = "not_undone"
	}
	r.recorder.event(fmt.Sprintf("undo/%s/%d", u.undo.Place, u.undo.Generation), kind, u.step.Label(), u.given, workflow.Now(ctx))
	if err != nil && !steers(err) {
		r.log.Error("a step was not undone", "class", string(classOf(err)))
	}
}

// giveUp leaves the effect as it is: a person has said so.
func (u *undoing) giveUp(by string) error {
	u.given, u.scope.group.stopped = by, true
	return errUnwind
}

// settleDoubt finds out whether a write that was broken off has happened: from the ledger, or from a person.
func (u *undoing) settleDoubt(ctx workflow.Context) (happened bool, err error) {
	if u.undo.Doubt == nil {
		return true, nil
	}
	r, s := u.run, u.step
	place := activities.Place{Case: r.id, Path: u.undo.Place, Generation: u.undo.Generation}
	var known activities.ReadEffectOutput
	if err := r.store(ctx, activities.NameReadEffect, activities.ReadEffectInput{Place: place}, &known); err != nil {
		return false, err
	}
	if known.Certain {
		u.scope.set(s.ID, known.Result)
		return known.Happened, nil
	}
	operation := s.Call.Operation
	in := activities.CallInput{Place: place, Bundle: u.undo.Bundle, Input: u.undo.Doubt.Input, Route: activities.Route{System: s.Call.System, Operation: operation.Short}}
	result, again, err := r.confirm(ctx, s, u.scope, operation, in, failed("outcome_unknown", "it was being done when the case was cancelled"))
	if f, ok := asFailure(err); ok && f.voided {
		return false, nil
	}
	if err != nil || again {
		return false, err // that it did not happen is what a cancelled case wants
	}
	u.scope.set(s.ID, result.value)
	return true, nil
}
