package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"crosswalk/contracts"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// refund is a use case that others run.
const refund = `
title: 'Refund for ${input.name}'
input: {name: {type: string, required: true}, amount: number}
steps:
  - id: ticket
    call: support.create_task
    with: {queue: q, title: '${input.name}', text: '${text(input.amount ?? 0)}', reference: '${case.reference}'}
    undo: [{call: support.update_task, with: {task: '${ticket}', text: 'void ${ticket.number}'}}]
  - {id: approval, ask: {queue: q, what: approve}}
  - {when: not approval.approved, end: {outcome: refused}}
  - {end: {outcome: paid, result: {ticket: '${ticket.number}'}}}
`

// running is a case that runs refund.
const running = `
input: {}
steps:
  - {id: refund, run: refund, with: {name: Jane, amount: 12.50}}
  - {end: {outcome: '${refund.outcome}', result: {ticket: '${refund.result?.ticket}', reference: '${refund.reference}', facts: '${map(case.facts, .system)}'}}}
`

// newRunHarness is a harness in whose store the use case refund is in force, as it is given.
func newRunHarness(t *testing.T, useCase, refund string, plays map[string]play) *harness {
	t.Helper()
	b := bundleOf("usecase: test\ntitle: Test\n" + useCase)
	signature, plan, other := refundOf(t, refund)
	b.UseCases = map[string]usecases.Signature{"refund": signature}
	h := newHarnessOf(t, b, plays)
	h.publish(other, plan)
	return h
}

// refundOf is the use case refund as it is published.
func refundOf(t *testing.T, refund string) (usecases.Signature, *usecases.Plan, usecases.Bundle) {
	t.Helper()
	other := bundleOf("usecase: refund\n" + refund)
	other.UseCase.Name = "refund.yaml"
	plan, problems := usecases.Compile(other)
	require.NoError(t, problems.Err(), "%s", problems.Error())
	return plan.Signature(), plan, other
}

// publish puts a use case in force that cases run.
func (h *harness) publish(b usecases.Bundle, plan *usecases.Plan) {
	h.t.Helper()
	require.NoError(h.t, h.store.PutBundle(h.t.Context(), b.Hash(), plan.UseCase, b.Canonical()))
	_, err := h.store.Publish(h.t.Context(), store.Publication{Bundles: map[string]string{plan.UseCase: b.Hash()}, Who: "test"})
	require.NoError(h.t, err)
	h.others = map[string]*usecases.Plan{b.Hash(): plan}
}

// child is the case that the case has run.
func (h *harness) child() store.Case {
	h.t.Helper()
	found, err := h.store.Cases(context.Background(), store.CaseFilter{Parent: h.id})
	require.NoError(h.t, err)
	require.NotEmpty(h.t, found)
	return found[0]
}

func TestRunAnotherUseCase(t *testing.T) {
	for approved, want := range map[string]string{"true": "paid", "false": "refused"} {
		t.Run(want, func(t *testing.T) {
			h := newRunHarness(t, running, refund, map[string]play{"support.create_task": gives(ticket)})
			h.env.RegisterDelayedCallback(func() {
				stored, err := h.store.Case(t.Context(), h.id)
				require.NoError(t, err)
				require.Equal(t, []string{"case", "refund"}, []string{stored.WaitingKind, stored.WaitingFor})
				require.Equal(t, []string{"refund", h.id, "refund", "Refund for Jane"}, []string{h.child().UseCase, h.child().Parent, h.child().ParentStep, h.child().Title})
			}, time.Minute)
			h.person(time.Hour, "approve", `{"approved": `+approved+`}`)
			outcome := h.run(`{}`)
			require.Equal(t, want, outcome.Outcome)
			require.Equal(t, h.child().Reference, outcome.Result.Get("reference").Text())
			require.Equal(t, "refund", outcome.Result.Get("facts").At(0).Text())
			require.Equal(t, want == "paid", outcome.Result.Get("ticket").Text() == "77")
			require.Equal(t, store.CaseDone, h.child().State)
		})
	}
}

func TestCancelReachesTheCaseThatIsRun(t *testing.T) {
	for name, undo := range map[string]bool{"undo": true, "keep": false} {
		t.Run(name, func(t *testing.T) {
			h := newRunHarness(t, running, refund, map[string]play{"support.create_task": gives(ticket), "support.update_task": gives(ticket)})
			h.cancel(time.Hour, workflows.Cancel{Undo: undo, By: "ann"})
			h.cancelled(`{}`)
			require.Equal(t, store.CaseCancelled, h.child().State)
			require.Equal(t, undo, len(h.undone()) == 1)
		})
	}
}

func TestCaseThatIsCancelledDeclines(t *testing.T) {
	h := newRunHarness(t, `
input: {}
steps:
  - {id: refund, run: refund, with: {name: Jane}, on_error: {declined: [{set: {outcome: '${error.message}', reference: none}}]}}
  - {end: {result: '${refund.outcome}'}}
`, refund, map[string]play{"support.create_task": gives(ticket)})
	h.env.RegisterDelayedCallback(func() {
		require.NoError(t, h.env.SignalWorkflowByID(h.child().ID, workflows.SignalCancel, workflows.Cancel{}))
	}, time.Hour)
	require.JSONEq(t, `"the case `+"CW"+`"`, plain(t, h.run(`{}`).Result)[:12]+`"`)
}

func TestCaseIsNotRunTwice(t *testing.T) {
	h := newRunHarness(t, `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: 'jane@example.com'}, correct: {}}
  - {id: refund, run: refund, with: {name: '${customer.tier ?? "gold"}'}}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}
`, refund, map[string]play{"support.create_task": gives(ticket), "crm.find_customer": byEmail})
	h.person(time.Hour, "approve", `{"approved": true}`)
	h.person(2*time.Hour, "complete", `{"act": "redo", "step": "customer", "with": {"email": "jane@example.com", "name": "other"}}`)
	h.person(3*time.Hour, "complete", `{"outcome": "accepted"}`)
	h.run(`{}`)
	require.Len(t, h.callsOf("support.create_task"), 1, "the same input is the same case")
}

// scored is a case that has a worker of somebody else's find out something.
const scored = `
input: {}
steps:
  - id: score
    run: RUN
    with: {company: 'ACME', since: '${date("2026-01-31")}', amount: 12.50}
    ON_ERROR
  - {end: {result: '${score}'}}
`

const (
	foreignActivity = `{activity: ScoreCompany, task_queue: default-test-taskqueue, errors: {NoSuchCompany: not_found}, heartbeat: 10s, input: {company: {type: string, required: true}, since: date, amount: number}, result: {score: {type: integer, required: true}, on: date}}`
	foreignWorkflow = `{workflow: ScoreCompany, task_queue: default-test-taskqueue, errors: {NoSuchCompany: not_found}, input: {company: {type: string, required: true}, since: date, amount: number}, result: {score: {type: integer, required: true}, on: date}}`
)

// scoring is how a worker in any language sees what it is given.
type scoring struct {
	Company string      `json:"company"`
	Since   string      `json:"since"`
	Amount  json.Number `json:"amount"`
}

func foreignErrors() map[string]error {
	return map[string]error{
		"":          nil,
		"not_found": temporal.NewApplicationError("unknown", "NoSuchCompany"),
		"conflict":  temporal.NewNonRetryableApplicationError("twice", "ConflictError", nil),
		"declined":  temporal.NewNonRetryableApplicationError("no", "Bankrupt", nil),
		"internal":  temporal.NewApplicationError("oops", "Whatever"),
	}
}

func TestRunAForeignActivity(t *testing.T) {
	for class, fault := range foreignErrors() {
		t.Run(class, func(t *testing.T) {
			h := newHarness(t, replaced(replaced(scored, "RUN", foreignActivity), "ON_ERROR", takes(class)+"\n    retry: {attempts: 2}"), nil)
			h.env.RegisterActivityWithOptions(func(ctx context.Context, in scoring) (map[string]any, error) {
				require.Equal(t, scoring{"ACME", "2026-01-31", "12.5"}, in)
				require.NotEmpty(t, activity.GetInfo(ctx).ActivityID)
				return map[string]any{"score": 7, "on": "2026-02-01", "more": "is not looked at"}, fault
			}, activity.RegisterOptions{Name: "ScoreCompany"})
			h.expectScore(class)
		})
	}
}

func TestRunAForeignWorkflow(t *testing.T) {
	for class, fault := range foreignErrors() {
		t.Run(class, func(t *testing.T) {
			h := newHarness(t, replaced(replaced(scored, "RUN", foreignWorkflow), "ON_ERROR", takes(class)), nil)
			h.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in scoring) (map[string]any, error) {
				require.Equal(t, scoring{"ACME", "2026-01-31", "12.5"}, in)
				if err := workflow.Sleep(ctx, time.Hour); err != nil {
					return nil, err
				}
				return map[string]any{"score": 7, "on": "2026-02-01"}, fault
			}, workflow.RegisterOptions{Name: "ScoreCompany"})
			h.expectScore(class)
		})
	}
}

// takes is an on_error for a class.
func takes(class string) string {
	if class == "" {
		return ""
	}
	return "on_error: {" + class + ": [{set: {score: 0}}]}"
}

func (h *harness) expectScore(class string) {
	h.t.Helper()
	want := `{"score": 7, "on": "2026-02-01"}`
	if class != "" {
		want = `{"score": 0}`
	}
	require.JSONEq(h.t, want, plain(h.t, h.run(`{}`).Result), class)
}

func TestForeignErrorParksTheCase(t *testing.T) {
	h := newHarness(t, replaced(replaced(scored, "RUN", foreignActivity), "ON_ERROR", "retry: {attempts: 1}"), nil)
	tries := 0
	h.env.RegisterActivityWithOptions(func(context.Context, scoring) (map[string]any, error) {
		if tries++; tries == 1 {
			return nil, errors.New("broken")
		}
		return map[string]any{"score": "seven"}, nil
	}, activity.RegisterOptions{Name: "ScoreCompany"})
	h.env.RegisterDelayedCallback(func() { require.Contains(t, string(h.task("repair").Payload), string(contracts.Internal)) }, time.Minute)
	h.person(time.Hour, "repair", `{"act": "retry"}`)
	h.env.RegisterDelayedCallback(func() { require.Contains(t, string(h.task("repair").Payload), string(contracts.Drift)) }, 90*time.Minute)
	h.person(2*time.Hour, "repair", `{"act": "answer", "value": {"score": 3}}`)
	require.JSONEq(t, `{"score": 3}`, plain(t, h.run(`{}`).Result))
	require.Equal(t, 2, tries)
}

// A worker of somebody else's is no system that a step could be taken from: an operator is told so, and does not wait for its end.
func TestAForeignWorkflowIsNotParked(t *testing.T) {
	h := newHarness(t, replaced(replaced(scored, "RUN", foreignWorkflow), "ON_ERROR", ""), nil)
	h.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in scoring) (map[string]any, error) {
		return map[string]any{"score": 7}, workflow.Sleep(ctx, 3*time.Hour)
	}, workflow.RegisterOptions{Name: "ScoreCompany"})
	told := false
	h.operator(time.Hour, store.Repair{Act: store.ActPark}, func(reply workflows.Repaired) {
		told = true
		require.Contains(t, reply.Problem, "does not wait for a system")
	})
	h.env.RegisterDelayedCallback(func() { require.True(t, told) }, 2*time.Hour)
	h.run(`{}`)
}

func TestCancelReachesAForeignWorkflow(t *testing.T) {
	h := newHarness(t, replaced(replaced(scored, "RUN", foreignWorkflow), "ON_ERROR", "undo: [{call: crm.find_customer, with: {email: x}}]"), map[string]play{"crm.find_customer": gives(jane)})
	told := false
	h.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ scoring) (map[string]any, error) {
		err := workflow.Sleep(ctx, 100*time.Hour)
		told = temporal.IsCanceledError(err)
		return nil, err
	}, workflow.RegisterOptions{Name: "ScoreCompany"})
	h.cancel(time.Hour, workflows.Cancel{Undo: true})
	h.cancelled(`{}`)
	require.True(t, told)
	require.Empty(t, h.called(), "what did not end is not undone")
}
