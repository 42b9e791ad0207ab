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

// queueRepair is where people look after cases that something keeps from going on.
const queueRepair = "repair"

// repair asks a person about an error that nothing in the use case takes: try again, give the result by hand, go on
// without it, or cancel the case.
func (r *run) repair(ctx workflow.Context, s *usecases.Step, sc *scope, f *failure, round int) (made, bool, error) {
	actions := []string{activities.ActionRetry, activities.ActionAnswer}
	if s.Type == nil || s.Type.Optional {
		actions = append(actions, activities.ActionSkip)
	}
	q := r.trouble(s, sc, activities.KindRepair, append(actions, activities.ActionCancel), f)
	q.task.Form = form(s.Type)
	for tries := 0; ; tries++ {
		q.task.ID = activities.TaskID(q.task.Place, fmt.Sprintf("%s/%d", activities.KindRepair, round), tries)
		given, err := r.await(ctx, q)
		if err != nil {
			return made{}, false, err
		}
		result, again, problem, err := r.repaired(ctx, s, given, actions)
		if err != nil || problem == "" {
			return result, again, err
		}
		q.task.Payload = merge(q.task.Payload, record(map[string]rules.Value{"problem": rules.Text(problem)}))
	}
}

func (r *run) repaired(ctx workflow.Context, s *usecases.Step, given activities.Answer, actions []string) (result made, again bool, problem string, err error) {
	switch given.Action {
	case activities.ActionRetry:
		return made{}, true, "", nil
	case activities.ActionCancel:
		return made{}, false, "", r.stop(errCancel)
	case activities.ActionRedo:
		problem, err = r.askRedo(ctx, given)
		return made{}, false, problem, err
	case activities.ActionSkip:
		if !slices.Contains(actions, activities.ActionSkip) {
			return made{}, false, "later steps need this result", nil
		}
		return made{by: given.By}, false, "", nil
	case activities.ActionAnswer:
		value, err := byHandOf(s, given.Value)
		return made{value: value, by: given.By}, false, text(err), nil
	}
	return made{}, false, fmt.Sprintf("%q is no way to repair this", given.Action), nil
}

// byHandOf reads a result that a person typed, by the type of the step.
func byHandOf(s *usecases.Step, value rules.Value) (rules.Value, error) {
	if s.Type == nil {
		return value, nil
	}
	if s.Call != nil {
		value = activities.Stamp(s.Call.Operation.Output, s.Call.System, value)
	}
	return s.Type.Decode(value)
}

// byHand has an operation carried out by the people who stand in for a system.
func (r *run) byHand(ctx workflow.Context, s *usecases.Step, sc *scope, operation *contracts.Operation, in activities.CallInput) (made, error) {
	q := question{scope: sc, task: r.task(in.Place, activities.KindAnswer, 1), within: s.Timeout}
	q.task.Title, q.task.Queue, q.task.Form = operation.Title, in.Route.Person, form(operation.Output)
	q.waiting = Waiting{Kind: waitPerson, For: in.Route.Person, Step: s.ID, Label: s.Label()}
	q.task.Payload = record(map[string]rules.Value{
		"operation": rules.Text(in.Route.Name()), "input": in.Input, "errors": texts(classes(operation)), "corrections": r.corrections(),
	})
	for round := 1; ; round++ {
		q.task.ID = activities.TaskID(in.Place, "by-hand", round)
		given, err := r.await(ctx, q)
		if err != nil {
			return made{}, err
		}
		var problem string
		switch given.Action {
		case activities.ActionRedo:
			if problem, err = r.askRedo(ctx, given); err != nil {
				return made{}, err
			}
		case activities.ActionFail:
			if class := contracts.Class(given.Outcome); slices.Contains(operation.Errors, class) {
				return made{}, failed(class, given.Note)
			}
			problem = "the operation cannot end like this"
		default:
			value, err := operation.Output.Decode(activities.Stamp(operation.Output, in.Route.System, given.Value))
			if err == nil {
				return made{value: value, route: in.Route, by: given.By}, nil
			}
			problem = err.Error()
		}
		q.task.Payload = merge(q.task.Payload, record(map[string]rules.Value{"problem": rules.Text(problem)}))
	}
}

// confirm asks a person whether a write happened that nobody can tell anything about. Again says that it did not, and
// that it shall be sent.
func (r *run) confirm(ctx workflow.Context, s *usecases.Step, sc *scope, operation *contracts.Operation, in activities.CallInput, f *failure) (result made, again bool, err error) {
	q := r.trouble(s, sc, activities.KindConfirm, []string{activities.ActionDone, activities.ActionNotDone, activities.ActionVoid}, f)
	q.task.Form = form(operation.Output)
	q.task.Payload = merge(q.task.Payload, record(map[string]rules.Value{"input": in.Input, "corrections": rules.Value{}}))
	for {
		r.state.Doubts++
		q.task.ID = activities.TaskID(in.Place, activities.KindConfirm, r.state.Doubts)
		given, err := r.await(ctx, q)
		if err != nil {
			return made{}, false, err
		}
		settle := activities.SettleInput{Place: in.Place, By: given.By, Note: given.Note}
		problem := ""
		switch given.Action {
		case activities.ActionDone:
			value, err := operation.Output.Decode(activities.Stamp(operation.Output, in.Route.System, given.Value))
			if problem = text(err); problem == "" {
				settle.Happened, settle.Result = true, value
				return made{value: value, route: in.Route, by: given.By}, false, r.store(ctx, activities.NameSettleEffect, settle, nil)
			}
		case activities.ActionNotDone:
			return made{}, true, r.store(ctx, activities.NameSettleEffect, settle, nil)
		case activities.ActionVoid:
			if err := r.store(ctx, activities.NameSettleEffect, settle, nil); err != nil {
				return made{}, false, err
			}
			f.voided = true
			return made{}, false, f
		default:
			problem = fmt.Sprintf("say whether it was done: %q does not", given.Action)
		}
		q.task.Payload = merge(q.task.Payload, record(map[string]rules.Value{"problem": rules.Text(problem)}))
	}
}

// trouble is a task about an error: what was tried, what came, what can be done.
func (r *run) trouble(s *usecases.Step, sc *scope, kind string, actions []string, f *failure) question {
	q := question{scope: sc, task: r.task(r.place(s, sc), kind, 1)}
	q.task.Queue, q.task.Title = queueRepair, s.Label()
	q.waiting = Waiting{Kind: waitRepair, For: queueRepair, Step: s.ID, Label: s.Label(), Class: f.Class}
	q.task.Payload = record(map[string]rules.Value{
		"step": rules.Text(s.ID), "kind": rules.Text(s.Kind()), "class": rules.Text(string(f.Class)), "message": optional(f.Message),
		"operation": optional(operationName(s)), "candidates": f.Candidates, "evidence": texts(f.Evidence),
		"actions": texts(actions), "corrections": r.corrections(),
	})
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
