package casetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// workflow runs what Temporal would run: the case, a part of it, a case that it runs, or somebody else's workflow. That
// one gives what the test says, and so does a use case that the test says something about; any other runs as in earnest.
func (w *world) workflow(ctx workflow.Context, args converter.EncodedValues) (any, error) {
	info := workflow.GetInfo(ctx)
	name := info.WorkflowType.Name
	if w.plans[name] == nil && w.foreign[name] {
		gives, err := w.somebodyElse(name, args, func(after time.Duration) error { return workflow.Sleep(ctx, after) })
		return gives, err
	}
	if info.WorkflowExecution.ID != w.id && w.run[name] && (w.past != nil || w.plans[name] == nil || len(w.test.runs[name]) > 0) {
		return w.written(ctx, name, args)
	}
	interpreter := &workflows.Interpreter{Plans: w, Routes: w, Calendars: w.test.Calendars, Watcher: w}
	return interpreter.Run(ctx, args)
}

// ranBy are the names of what use cases run: workflows and activities of other workers, and use cases.
func ranBy(plans []*usecases.Plan) (foreign, useCases map[string]bool) {
	foreign, useCases = map[string]bool{}, map[string]bool{}
	for _, plan := range plans {
		plan.Walk(func(s *usecases.Step) {
			switch {
			case s.Run == nil:
			case s.Run.UseCase == "":
				foreign[s.Run.Name()] = true
			default:
				useCases[s.Run.UseCase] = true
			}
		})
	}
	return foreign, useCases
}

// openCase stores a case that a step runs, as always, and notes it.
func (w *world) openCase(ctx context.Context, in activities.OpenCaseInput) (activities.OpenCaseOutput, error) {
	out, plan := activities.OpenCaseOutput{Bundle: in.UseCase, Input: in.Input}, w.plans[in.UseCase]
	if plan != nil { // else it is written what comes of it
		var err error
		if out, err = w.acts.OpenCase(ctx, in); err != nil {
			return out, err
		}
	}
	out.Reference = w.reference(in.UseCase)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.opened[in.ID] {
		return out, nil
	}
	w.opened[in.ID] = true
	w.ran = append(w.ran, effect{operation: in.UseCase, at: spotOf(in.Place), input: out.Input})
	if plan != nil {
		w.cases[in.ID] = &played{plan: plan, parent: in.Case, step: in.Path}
	}
	return out, nil
}

// reference is what a case that is run is called: the same each time that the test runs.
func (w *world) reference(useCase string) string { return w.test.meta.Reference + "-" + useCase }

// outcome is what the test, or the case that is played again, says of something that is run, and how long that takes.
func (w *world) outcome(name string, input rules.Value) (made reply, after time.Duration, problem *Failure) {
	if w.past != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		made, after, known := w.past.ranReply(name)
		if !known {
			return made, 0, &Failure{File: w.test.File, Line: 1, Column: 1, Message: fmt.Sprintf("the record does not tell what came of %s", name)}
		}
		if w.run[name] && made.fails == "" {
			made.value = made.value.With("reference", rules.Missing())
		}
		w.ranCalls = append(w.ranCalls, called{name: name, input: input, reply: made, after: after})
		return made, after, nil
	}
	a, problem := w.answer(w.test.runs[name], spot{}, name, input)
	if problem != nil {
		problem.Hint = cmp.Or(problem.Hint, fmt.Sprintf("write it under runs:, as in %s: {gives: …}", name))
		return made, 0, problem
	}
	made = reply{fails: a.fails, message: a.message}
	if a.gives != nil {
		made.value = w.evaluate(a, a.gives, map[string]rules.Value{"input": input})
	}
	return made, a.after, nil
}

// remind notes that the people of a task were reminded of it.
func (w *world) remind(_ context.Context, in activities.RemindInput) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reminded[in.Task] = max(w.reminded[in.Task], in.Number)
	return nil
}

// written is what comes of a case that is not run, because the test says what comes of it.
func (w *world) written(ctx workflow.Context, name string, args converter.EncodedValues) (any, error) {
	var in workflows.StartInput
	if err := args.Get(&in); err != nil {
		return nil, err
	}
	made, after, problem := w.outcome(name, in.Input)
	if problem != nil {
		w.fail(*problem)
		return nil, temporal.NewCanceledError()
	}
	if after > 0 {
		if err := workflow.Sleep(ctx, after); err != nil {
			return nil, err
		}
	}
	if made.fails != "" {
		return nil, temporal.NewCanceledError()
	}
	return workflows.Outcome{Outcome: made.value.Get("outcome").Text(), Result: made.value.Get("result")}, nil
}

// somebodyElse answers for a workflow or an activity of somebody else's worker. One that the test says nothing about
// fails it.
func (w *world) somebodyElse(name string, args converter.EncodedValues, sleep func(time.Duration) error) (json.RawMessage, error) {
	input := rules.Record(nil)
	if args.HasValues() {
		var text json.RawMessage
		err := args.Get(&text)
		if err == nil {
			input, err = rules.FromJSON(text)
		}
		if err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	w.ran = append(w.ran, effect{operation: name, input: input})
	w.mu.Unlock()
	made, after, problem := w.outcome(name, input)
	if problem != nil {
		w.fail(*problem)
		return nil, classified(contracts.Internal, "the test has no answer for it")
	}
	if after > 0 {
		if err := sleep(after); err != nil {
			return nil, err
		}
	}
	switch {
	case made.fails != "":
		return nil, classified(made.fails, made.message)
	case made.value.IsMissing():
		return nil, nil
	}
	return json.RawMessage(made.value.Plain()), nil
}

// classified is an error that the step takes for one of the class, and that is not tried again.
func classified(class contracts.Class, message string) error {
	return temporal.NewNonRetryableApplicationError(message, string(class), nil)
}
