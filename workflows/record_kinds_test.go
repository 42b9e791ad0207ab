package workflows_test

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// kindScenarios are cases whose steps run side by side, are undone, or run something else.
func kindScenarios() []scenario {
	lost := map[string]play{"support.create_task": gives(ticket), "crm.find_customer": fails(contracts.NotFound)}
	stubborn := bookings()
	stubborn["support.update_task"] = func(call adapters.Call) (rules.Value, error) {
		if call.Input.Get("text").Text() == "second is void: 2" {
			return fails(contracts.Validation)(call)
		}
		return gives(ticket)(call)
	}
	approved := `{"approved": true}`
	foreign := func(run, more string) string { return replaced(replaced(scored, "RUN", onMain(run)), "ON_ERROR", more) }
	return []scenario{
		{name: "together", useCase: replaced(branches, "STOP", "never"), plays: map[string]play{"support.create_task": gives(ticket), "crm.find_customer": gives(jane)}, answers: []string{approved}},
		{name: "together-first-error", useCase: replaced(branches, "STOP", "first_error"), plays: lost},
		{name: "together-never", useCase: replaced(branches, "STOP", "never"), plays: lost, answers: []string{approved}},
		{name: "undo-cancel", useCase: booked, plays: bookings(), cancel: true},
		{name: "undo-cancel-failed", useCase: booked, plays: stubborn, cancel: true, undo: true, answers: []string{`{"act": "skip"}`}},
		{name: "undo-end", useCase: booked, plays: bookings(), answers: []string{`{"outcome": "refused"}`}},
		{name: "run-case", useCase: running, runs: refund, plays: map[string]play{"support.create_task": gives(ticket)}, answers: []string{approved}},
		{name: "run-case-cancel", useCase: running, runs: refund, plays: bookings(), cancel: true, undo: true},
		{name: "run-activity", useCase: foreign(foreignActivity, "")},
		{name: "run-workflow", useCase: foreign(foreignWorkflow, "")},
		{name: "run-workflow-failed", useCase: foreign(foreignUnknown, takes("not_found"))},
	}
}

// foreignUnknown is a workflow that says that there is no such company.
const foreignUnknown = `{workflow: NobodyKnows, task_queue: main, errors: {NoSuchCompany: not_found}, input: {company: {type: string, required: true}, since: date, amount: number}, result: {score: {type: integer, required: true}, on: date}}`

func onMain(run string) string { return replaced(run, "default-test-taskqueue", workflows.QueueMain) }

// foreign is what a worker of somebody else's serves.
func foreign(worker sdk.Registry) {
	worker.RegisterActivityWithOptions(func(context.Context, scoring) (map[string]any, error) {
		return map[string]any{"score": 7}, nil
	}, activity.RegisterOptions{Name: "ScoreCompany"})
	worker.RegisterWorkflowWithOptions(func(workflow.Context, scoring) (map[string]any, error) {
		return map[string]any{"score": 7}, nil
	}, workflow.RegisterOptions{Name: "ScoreCompany"})
	worker.RegisterWorkflowWithOptions(func(workflow.Context, scoring) (map[string]any, error) {
		return nil, temporal.NewApplicationError("unknown", "NoSuchCompany")
	}, workflow.RegisterOptions{Name: "NobodyKnows"})
}

// runs puts the use case refund in force that a scenario runs, and tells the bundle what it takes.
func (h *harness) runs(refund string, b *usecases.Bundle) {
	signature, plan, other := refundOf(h.t, refund)
	b.UseCases = map[string]usecases.Signature{"refund": signature}
	h.publish(other, plan)
}
