package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// QueueRepair is where people look after cases that something keeps from going on.
const QueueRepair = "repair"

// repair asks a person about an error that nothing in the use case takes: try again, give the result by hand, go on
// without it, or cancel the case.
func (r *run) repair(ctx workflow.Context, s *usecases.Step, sc *scope, f *failure, round int) (result made, again bool, err error) {
	acts := []string{activities.ActRetry, activities.ActAnswer}
	if sc.undoing != nil {
		acts = []string{activities.ActRetry, activities.ActDone, activities.ActSkip}
		sc.undoing.parked = true
	} else if s.Type == nil || s.Type.Optional {
		acts = append(acts, activities.ActSkip)
	}
	q := r.trouble(s, sc, activities.KindRepair, acts, s.Type, f, round)
	for tries := 0; ; tries++ {
		q.task.ID = activities.TaskID(q.task.Place, fmt.Sprintf("%s/%d", activities.KindRepair, round), tries)
		given, err := r.await(ctx, q)
		if err != nil {
			return made{}, false, err
		}
		result, again, problem, err := r.repaired(ctx, s, sc, given, acts)
		if err != nil || problem == "" {
			return result, again, err
		}
		q.refused(problem)
	}
}

func (r *run) repaired(ctx workflow.Context, s *usecases.Step, sc *scope, given activities.Answer, acts []string) (result made, again bool, problem string, err error) {
	switch act := given.Act(); {
	case act == activities.ActRetry:
		return made{}, true, "", nil
	case sc.undoing != nil:
		return r.repairedUndo(ctx, s, sc, given)
	case act == activities.ActCancel:
		return made{}, false, "", r.stop(errCancel)
	case act == activities.ActRedo:
		problem, err = r.askRedo(ctx, given)
		return made{}, false, problem, err
	case act == activities.ActSkip && slices.Contains(acts, act):
		return made{by: given.By, void: true}, false, "", nil
	case act == activities.ActAnswer:
		value, err := r.typed(s, given.Value.Get("value"))
		if err != nil {
			return made{}, false, text(err), nil
		}
		return made{value: value, by: given.By}, false, "", r.doneByHand(ctx, s, sc, given, value)
	default:
		return made{}, false, fmt.Sprintf("%q is no way to repair this step", act), nil
	}
}

// repairedUndo is what a person says of a step of an undo that has failed: that it was done by hand, with its result
// if later steps of the undo need it, or that the effect stays as it is.
func (r *run) repairedUndo(ctx workflow.Context, s *usecases.Step, sc *scope, given activities.Answer) (result made, again bool, problem string, err error) {
	switch act := given.Act(); act {
	case activities.ActSkip:
		return made{}, false, "", sc.undoing.giveUp(given.By)
	case activities.ActDone:
		var value rules.Value
		if typed := given.Value.Get("value"); typed.Len() > 0 {
			if value, err = r.typed(s, typed); err != nil {
				return made{}, false, text(err), nil
			}
		}
		return made{value: value, by: given.By}, false, "", r.doneByHand(ctx, s, sc, given, value)
	default:
		return made{}, false, fmt.Sprintf("the case is being undone: %q is no way to repair that", act), nil
	}
}

// typed reads a result that a person typed, by the type of the step.
func (r *run) typed(s *usecases.Step, value rules.Value) (rules.Value, error) {
	if s.Call != nil {
		value = activities.Stamp(s.Call.Operation.Output, s.Call.System, value)
	}
	return unform(s.Type, value)
}

// doneByHand tells the ledger that a person did what a write was to do, and remembers it for a redo.
func (r *run) doneByHand(ctx workflow.Context, s *usecases.Step, sc *scope, given activities.Answer, value rules.Value) error {
	if s.Call == nil || s.Call.Operation.Effect != contracts.Write {
		return nil
	}
	place := r.place(s, sc)
	r.state.Writes[place.Path] = written{Result: value, Operation: s.Call.Operation.Name}
	return r.store(ctx, activities.NameSettleEffect, activities.SettleInput{Place: place, Happened: true, Result: value, By: given.By}, nil)
}

// byHand has an operation carried out by the people who stand in for a system.
func (r *run) byHand(ctx workflow.Context, s *usecases.Step, sc *scope, operation *contracts.Operation, in activities.CallInput) (made, error) {
	q := question{scope: sc, task: r.task(in.Place, activities.KindAnswer)}
	q.task.Title, q.task.Queue = operation.Title, in.Route.Person
	q.waiting = Waiting{Kind: waitPerson, For: in.Route.Person, Step: s.ID, Label: s.Label()}
	q.task.Payload = rules.Record(map[string]rules.Value{
		"show": in.Input, "operation": rules.Text(in.Route.Name()), "form": form(operation.Output), "errors": texts(classes(operation)), "correct": r.corrections(),
	})
	for round := 1; ; round++ {
		q.task.ID = activities.TaskID(in.Place, "by-hand", round)
		given, err := r.await(ctx, q)
		if err != nil {
			return made{}, err
		}
		value, problem, err := r.takeByHand(ctx, operation, in, given)
		if err != nil || problem == "" {
			return made{value: value, route: in.Route, by: given.By, at: given.At}, err
		}
		q.refused(problem)
	}
}

func (r *run) takeByHand(ctx workflow.Context, operation *contracts.Operation, in activities.CallInput, given activities.Answer) (value rules.Value, problem string, err error) {
	switch given.Act() {
	case activities.ActRedo:
		problem, err = r.askRedo(ctx, given)
		return rules.Value{}, problem, err
	case activities.ActFail:
		class := contracts.Class(given.Value.Get("class").Text())
		if !slices.Contains(operation.Errors, class) {
			return rules.Value{}, "the operation cannot end like this", nil
		}
		return rules.Value{}, "", failed(class, given.Value.Get("reason").Text())
	}
	value, err = unform(operation.Output, activities.Stamp(operation.Output, in.Route.System, given.Value.Get("value")))
	return value, text(err), nil
}

// confirm asks a person whether a write happened that nobody can tell anything about. Again says that it did not, and
// that it shall be sent.
func (r *run) confirm(ctx workflow.Context, s *usecases.Step, sc *scope, operation *contracts.Operation, in activities.CallInput, f *failure) (result made, again bool, err error) {
	r.state.Doubts++
	if sc.undoing != nil {
		sc.undoing.parked = true
	}
	q := r.trouble(s, sc, activities.KindConfirm, []string{activities.ActDone, activities.ActNotDone, activities.ActVoid}, operation.Output, f, r.state.Doubts)
	q.task.Payload = q.task.Payload.With("show", in.Input)
	for tries := 0; ; tries++ {
		q.task.ID = activities.TaskID(in.Place, fmt.Sprintf("%s/%d", activities.KindConfirm, r.state.Doubts), tries)
		given, err := r.await(ctx, q)
		if r.stays(err, q.task.Path) {
			r.state.Doubts-- // who comes to the step again has the same doubt
		}
		if err != nil {
			return made{}, false, err
		}
		result, again, problem, err := r.confirmed(ctx, operation, in, f, given)
		if err != nil || problem == "" {
			return result, again, err
		}
		q.refused(problem)
	}
}

func (r *run) confirmed(ctx workflow.Context, operation *contracts.Operation, in activities.CallInput, f *failure, given activities.Answer) (result made, again bool, problem string, err error) {
	settle := activities.SettleInput{Place: in.Place, By: given.By, Note: given.Value.Get("reason").Text()}
	switch act := given.Act(); act {
	case activities.ActDone:
		value, err := unform(operation.Output, activities.Stamp(operation.Output, in.Route.System, given.Value.Get("value")))
		if err != nil {
			return made{}, false, text(err), nil
		}
		settle.Happened, settle.Result = true, value
		return made{value: value, route: in.Route, by: given.By, at: given.At}, false, "", r.store(ctx, activities.NameSettleEffect, settle, nil)
	case activities.ActNotDone:
		return made{}, true, "", r.store(ctx, activities.NameSettleEffect, settle, nil)
	case activities.ActVoid:
		if err := r.store(ctx, activities.NameSettleEffect, settle, nil); err != nil {
			return made{}, false, "", err
		}
		f.voided = true
		return made{}, false, "", f
	case activities.ActCancel:
		if r.undoing {
			return made{}, false, "the case is cancelled already: say whether it was done", nil
		}
		return made{}, false, "", r.stop(errCancel)
	case activities.ActRedo:
		problem, err = r.askRedo(ctx, given)
		return made{}, false, problem, err
	default:
		return made{}, false, fmt.Sprintf("say whether it was done: %q does not", act), nil
	}
}

// trouble is a task about an error: what was tried, what came, what can be done.
func (r *run) trouble(s *usecases.Step, sc *scope, kind string, acts []string, wanted *rules.Type, f *failure, attempts int) question {
	q := question{scope: sc, task: r.task(r.place(s, sc), kind)}
	q.task.Queue, q.task.Title = QueueRepair, s.Label()
	q.waiting = Waiting{Kind: waitRepair, For: QueueRepair, Step: s.ID, Label: s.Label(), Class: f.Class}
	system := ""
	if s.Call != nil {
		system = s.Call.System
	}
	q.waiting.System, q.waiting.Operation = system, operationName(s)
	if sc.undoing == nil {
		acts = append(slices.Clone(acts), activities.ActCancel)
	}
	q.task.Payload = rules.Record(map[string]rules.Value{
		"problem": rules.Record(map[string]rules.Value{
			"class": rules.Text(string(f.Class)), "message": rules.Text(f.Message), "step": rules.Text(r.stepTitle(s, sc)),
			"operation": optional(operationName(s)), "system": optional(system), "evidence": texts(f.Evidence),
			"attempts": rules.Number(rules.Int(int64(attempts))),
		}),
		"form": form(wanted), "acts": texts(acts), "correct": r.corrections(),
	})
	if f.Ask != nil {
		q.task.Payload = q.task.Payload.With("ask", *f.Ask)
	}
	return q
}

func operationName(s *usecases.Step) string {
	if s.Call == nil {
		return operationOf(s)
	}
	return s.Call.System + "." + s.Call.Operation.Short
}

func classes(operation *contracts.Operation) []string {
	names := make([]string, len(operation.Errors))
	for i, class := range operation.Errors {
		names[i] = string(class)
	}
	return names
}
