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
	if info.WorkflowExecution.ID != w.id && w.plans[name] != nil && len(w.test.runs[name]) > 0 {
		return w.written(ctx, name, args)
	}
	interpreter := &workflows.Interpreter{Plans: w, Routes: w, Calendars: w.test.Calendars, Watcher: w}
	return interpreter.Run(ctx, args)
}

// foreignRuns are the names of the workflows and activities of other workers that use cases run.
func foreignRuns(plans []*usecases.Plan) map[string]bool {
	names := map[string]bool{}
	for _, plan := range plans {
		plan.Walk(func(s *usecases.Step) {
			if s.Run != nil && s.Run.UseCase == "" {
				names[s.Run.Name()] = true
			}
		})
	}
	return names
}

// openCase stores a case that a step runs, as always, and notes it.
func (w *world) openCase(ctx context.Context, in activities.OpenCaseInput) (activities.OpenCaseOutput, error) {
	out, err := w.acts.OpenCase(ctx, in)
	if err != nil {
		return out, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cases[in.ID] == nil {
		w.cases[in.ID] = &played{plan: w.plans[in.UseCase], parent: in.Case, step: in.Path}
		w.ran = append(w.ran, effect{operation: in.UseCase, at: spotOf(in.Place), input: out.Input})
	}
	out.Reference = w.reference(in.ID)
	return out, nil
}

// reference is what a case that is run is called: the same each time that the test runs.
func (w *world) reference(id string) string {
	of := w.cases[id]
	return fmt.Sprintf("%s-%s", w.test.meta.Reference, of.plan.UseCase)
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
	a, problem := w.answer(w.test.runs[name], spot{}, name, in.Input)
	if problem != nil {
		w.fail(*problem)
		return nil, temporal.NewCanceledError()
	}
	if a.after > 0 {
		if err := workflow.Sleep(ctx, a.after); err != nil {
			return nil, err
		}
	}
	if a.fails != "" {
		return nil, temporal.NewCanceledError()
	}
	gives := w.evaluate(a, a.gives, map[string]rules.Value{"input": in.Input})
	return workflows.Outcome{Outcome: gives.Get("outcome").Text(), Result: gives.Get("result")}, nil
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
	a, problem := w.answer(w.test.runs[name], spot{}, name, input)
	if problem != nil {
		problem.Hint = cmp.Or(problem.Hint, fmt.Sprintf("write it under runs:, as in %s: {gives: …}", name))
		w.fail(*problem)
		return nil, classified(contracts.Internal, "the test has no answer for it")
	}
	if a.after > 0 {
		if err := sleep(a.after); err != nil {
			return nil, err
		}
	}
	switch {
	case a.fails != "":
		return nil, classified(a.fails, a.message)
	case a.gives == nil:
		return nil, nil
	}
	return json.RawMessage(w.evaluate(a, a.gives, map[string]rules.Value{"input": input}).Plain()), nil
}

// classified is an error that the step takes for one of the class, and that is not tried again.
func classified(class contracts.Class, message string) error {
	return temporal.NewNonRetryableApplicationError(message, string(class), nil)
}
