package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// made is the result of one step and where it came from.
type made struct {
	value    rules.Value
	route    activities.Route // of a call
	evidence []string
	decision *decided // of a decide
	by       string   // the person who gave it
	from     string   // the system of a stand-in's result, if that is another one than the step's
	at       time.Time
	skipped  bool
	void     bool // the step itself did nothing: it was skipped or given up, or others stood in for it
	besides  bool // what the step did in an earlier generation is still there
}

// step runs one step to its result, whatever it takes: stand-ins, people. It returns only errors that steer the case.
func (r *run) step(ctx workflow.Context, s *usecases.Step, sc *scope) (rules.Value, error) {
	if err := r.pause(ctx, sc); err != nil {
		return rules.Value{}, err
	}
	if earlier, ok := r.recall(s, sc); ok {
		sc.set(s.ID, earlier.Value)
		if earlier.Fact != nil {
			sc.facts.add(*earlier.Fact)
		}
		return earlier.Value, nil
	}
	begun := workflow.Now(ctx)
	result, err := r.settle(ctx, s, sc)
	if err != nil {
		return rules.Value{}, err
	}
	sc.set(s.ID, result.value)
	if result.skipped {
		return rules.Value{}, nil
	}
	r.canUndo(s, sc, result)
	found := r.keep(ctx, s, sc, result, begun)
	if s.Choose == nil && !r.isTop(s, sc) { // the names that a choose sets are those of its steps
		r.memory(sc)[doneKey(r.place(s, sc))] = done{Value: result.value, Fact: found}
	}
	return result.value, nil
}

// settle tries a step until it has a result.
func (r *run) settle(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	f, round := r.remembered(s, sc)
	for known := f != nil; ; known = false {
		if !known {
			round++
			result, err := r.attempt(ctx, s, sc)
			if err == nil {
				return result, nil
			}
			var ok bool
			if f, ok = asFailure(err); !ok {
				return made{}, err
			}
			r.recordFailure(ctx, s, sc, f)
		}
		result, again, err := r.recover(ctx, s, sc, f, round)
		if place := r.place(s, sc); r.stays(err, place.Path) {
			r.left(place, f, round)
		}
		if err != nil || !again {
			return result, err
		}
	}
}

// recordFailure writes an error down that a person is asked about.
func (r *run) recordFailure(ctx workflow.Context, s *usecases.Step, sc *scope, f *failure) {
	if _, ok := s.On(f.Class); (!ok || f.parked) && !f.voided {
		r.recorder.failed(r, s, sc, f, workflow.Now(ctx))
	}
}

// recover takes an error of a step: by the steps that stand in for it, or by a person.
func (r *run) recover(ctx workflow.Context, s *usecases.Step, sc *scope, f *failure, round int) (result made, again bool, err error) {
	if handler, ok := s.On(f.Class); ok && !f.parked {
		r.took(s, sc, usecases.ErrorWay(f.Class))
		result, err = r.standIn(ctx, handler, f, sc)
		return result, false, err
	}
	if f.voided {
		return made{void: true}, false, nil
	}
	if !f.parked && sc.group.takes(f) {
		sc.group.keep(r, doneKey(r.place(s, sc)), f, round)
		return made{}, false, f
	}
	return r.repair(ctx, s, sc, f, round)
}

// attempt runs a step once.
func (r *run) attempt(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	if given, ok := r.givenFor(s, sc); ok && !given.Value.IsMissing() {
		return made{value: given.Value, by: given.By, void: true}, nil
	}
	if held, err := r.holds(s.When, sc); err != nil || !held {
		if err == nil {
			r.took(s, sc, WaySkipped)
		}
		return made{skipped: true}, err
	}
	r.took(s, sc, WayTaken)
	switch {
	case s.Call != nil:
		return r.call(ctx, s, sc)
	case s.Decide != nil:
		return r.decide(ctx, s, sc)
	case s.Set != nil:
		return r.set(s, sc)
	case s.Choose != nil:
		return r.choose(ctx, s, sc)
	case s.Each != nil:
		return r.each(ctx, s, sc)
	case s.Together != nil:
		return r.together(ctx, s, sc)
	case s.Ask != nil:
		return r.ask(ctx, s, sc)
	case s.Wait != nil:
		return r.wait(ctx, s, sc)
	case s.Run != nil:
		return r.run(ctx, s, sc)
	case s.End != nil:
		return r.endStep(s, sc)
	}
	return made{}, failed("internal", "the step has no kind that this version knows")
}

// took tells who looks at the case which way a step takes.
func (r *run) took(s *usecases.Step, sc *scope, way string) {
	if r.watcher != nil {
		r.watcher.Took(r.place(s, sc), s, way)
	}
}

// sequence runs steps one after the other. Its value is that of the last one.
func (r *run) sequence(ctx workflow.Context, steps []*usecases.Step, sc *scope) (rules.Value, error) {
	var last rules.Value
	for _, s := range steps {
		value, err := r.step(ctx, s, sc)
		if err != nil {
			return rules.Value{}, err
		}
		last = value
	}
	return last, nil
}

// standIn runs the steps that take the place of a failed one. They see the error. What they find out is told under the
// name of the step that they stand in for, with the system that it came from.
func (r *run) standIn(ctx workflow.Context, handler usecases.Handler, f *failure, sc *scope) (made, error) {
	inner := sc.inner()
	inner.facts = &facts{outer: sc.facts}
	inner.unlinked, inner.candidates = f.Unlinked, f.Candidates
	inner.vars["error"] = rules.Record(map[string]rules.Value{
		"class": rules.Text(string(f.Class)), "message": rules.Text(f.Message), "operation": optional(f.operation), "candidates": f.Candidates,
		"branch": optional(f.branch), "results": f.results, // of a together
	})
	value, err := r.sequence(ctx, handler.Steps, inner)
	result := made{value: value, void: true, from: value.Get("system").Text()}
	if n := len(inner.facts.list); n > 0 && result.from == "" {
		result.from = inner.facts.list[n-1].System
	}
	return result, err
}

// keep remembers what a step gave: in the facts of the case and in its record.
//
// The time of a fact is that at which the answer came, and not the clock of the workflow: that stands elsewhere when a
// crash makes a workflow task be done again, and a write that tells the facts must then ask for the same.
func (r *run) keep(ctx workflow.Context, s *usecases.Step, sc *scope, result made, begun time.Time) *fact {
	if result.at.After(r.latest) {
		r.latest = result.at
	}
	title := r.stepTitle(s, sc)
	var found *fact
	if isFact(s) && !result.value.IsMissing() {
		found = &fact{
			Step: s.ID, Top: r.state.Position, Title: title, System: sourceOf(s, result), Operation: operationOf(s), At: r.latest, Value: result.value,
		}
		sc.facts.add(*found)
	}
	r.recorder.made(r, s, sc, title, result, begun, workflow.Now(ctx))
	return found
}

// stepTitle is for people and the store, never for Temporal: it may hold words of a customer.
func (r *run) stepTitle(s *usecases.Step, sc *scope) string {
	title, err := r.text(s.Title, sc)
	if err != nil || title == "" {
		return s.Label()
	}
	return title
}

// sourceOf names the system that a result came from: one of the workspace's, "rules" or "people".
func sourceOf(s *usecases.Step, result made) string {
	switch {
	case result.from != "":
		return result.from
	case result.by != "" || s.Ask != nil:
		return "people"
	case s.Call != nil:
		return s.Call.System
	case s.Decide != nil:
		return "rules"
	case s.Wait != nil && s.Wait.Event != "":
		return fromEvents
	case s.Run != nil:
		return s.Run.UseCase + s.Run.TaskQueue
	}
	return ""
}

func operationOf(s *usecases.Step) string {
	switch {
	case s.Call != nil:
		return s.Call.Operation.Short
	case s.Decide != nil:
		return s.Decide.Table
	case s.Ask != nil:
		return string(s.Ask.What)
	case s.Wait != nil:
		return s.Wait.Event
	case s.Run != nil:
		return s.Run.Name()
	}
	return ""
}
