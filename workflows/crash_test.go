package workflows_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/engine"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/worker"
	"crosswalk/workflows"
)

// crashing makes the workflow task fail when the n-th local activity is about to begin: what was done in the task so far
// is in no history, and Temporal has it done again. As after a crash, nothing that was in the activities' memory is
// left.
type crashing struct {
	interceptor.WorkerInterceptorBase
	h     *harness
	at    int32
	begun atomic.Int32
}

// InterceptWorkflow stands between the workflow and the SDK.
func (c *crashing) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &crashingInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, c}
}

type crashingInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	c *crashing
}

// Init puts the interceptor of what the workflow asks for in its place.
func (i *crashingInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&crashingOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}, i.c})
}

type crashingOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	c *crashing
}

// ExecuteLocalActivity breaks off at the n-th.
func (o *crashingOutbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	if o.c.begun.Add(1) == o.c.at {
		o.c.h.acts.Forget()
		panic("bundle test: the workflow task is broken off here")
	}
	return o.Next.ExecuteLocalActivity(ctx, name, args...)
}

// A workflow task that breaks off at any point is done again: each write happens once, and what was decided before
// it comes out the same even if the systems say something else by then.
func TestBrokenOffTaskDoesNothingTwice(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	started, err := engine.Start(t.Context(), engine.Options{NoUI: true, SearchAttributes: worker.SearchAttributes(), Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { _ = started.Stop(context.Background()) })
	c, err := worker.Dial(t.Context(), worker.Dialing{Address: started.FrontendAddress(), Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	for at := int32(2); at <= 5; at++ {
		t.Run(fmt.Sprintf("before call %d", at), func(t *testing.T) { breakOff(t, c, at) })
	}
	for at := int32(2); at <= 8; at++ {
		t.Run(fmt.Sprintf("undoing, before call %d", at), func(t *testing.T) { breakOffUndo(t, c, at) })
	}
}

const undoesTwoWrites = `
input: {}
steps:
  - id: first
    call: support.create_task
    with: {queue: q, title: first, text: T, reference: '${case.reference}'}
    undo: [{call: support.update_task, with: {task: '${first}', text: first}}]
  - id: both
    together:
      branches:
        second:
          - id: made
            call: support.create_task
            with: {queue: q, title: second, text: T, reference: '${case.reference}'}
            undo: [{call: support.update_task, with: {task: '${made}', text: second}}, {call: support.update_task, with: {task: '${made}', text: and more}}]
        found: [{call: crm.find_customer, with: {email: x}}]
  - {end: {undo: true}}
`

// Nothing is undone twice, and everything once, wherever the workflow task breaks off.
func breakOffUndo(t *testing.T, c client.Client, at int32) {
	plays := bookings()
	plays["crm.find_customer"] = gives(jane)
	h, _ := breakOffIn(t, c, fmt.Sprintf("undo-%d", at), undoesTwoWrites, at, plays)
	require.Len(t, h.callsOf("support.create_task"), 2)
	require.Equal(t, []string{"second", "and more", "first"}, h.undone())
	effects, err := h.store.Effects(t.Context(), h.id)
	require.NoError(t, err)
	require.Len(t, effects, 5)
	events, err := h.store.Timeline(t.Context(), h.id)
	require.NoError(t, err)
	var kinds []string
	for _, event := range events {
		kinds = append(kinds, event.Kind)
	}
	require.Equal(t, []string{"undoing", "undone", "undone"}, kinds)
}

const twoWrites = `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: x}}
  - {id: ticket, call: support.create_task, with: {queue: q, title: '${customer.name}', text: '${readable(case.facts)}', reference: '${case.reference}'}}
  - {id: again, call: crm.find_customer, with: {email: y}}
  - {id: more, call: support.update_task, with: {task: '${ticket}', text: '${customer.name} and ${again.name}: ${readable(case.facts)}'}}
  - {id: last, call: crm.find_customer, with: {email: z}}
  - {end: {result: {first: '${customer.name}', ticket: '${ticket.number}', last: '${last.name}'}}}
`

func breakOff(t *testing.T, c client.Client, at int32) {
	var found atomic.Int32
	changing := func(adapters.Call) (rules.Value, error) { // another customer at each look
		n := found.Add(1)
		return rules.FromJSON(fmt.Appendf(nil, `{"id": "%d", "name": "Customer %d"}`, n, n))
	}
	h, outcome := breakOffIn(t, c, fmt.Sprintf("test-%d", at), twoWrites, at, map[string]play{
		"crm.find_customer": changing, "support.create_task": gives(ticket), "support.update_task": gives(ticket),
	})
	require.Len(t, h.callsOf("support.create_task"), 1)
	require.Len(t, h.callsOf("support.update_task"), 1)
	effects, err := h.store.Effects(t.Context(), h.id)
	require.NoError(t, err)
	require.Len(t, effects, 2)
	for _, effect := range effects {
		require.Equal(t, store.EffectConfirmed, effect.State)
	}
	require.Equal(t, outcome.Result.Get("first").Text(), h.callsOf("support.create_task")[0].Input.Get("title").Text(), "the case does not contradict its ticket")
	require.Empty(t, h.tasks(), "nobody is asked")
}

// breakOffIn runs a case to its end whose workflow task breaks off before a local activity.
func breakOffIn(t *testing.T, c client.Client, id, useCase string, at int32, plays map[string]play) (*harness, workflows.Outcome) {
	t.Helper()
	opened, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	plan, problems := usecases.Compile(bundleOf("usecase: test\ntitle: Test\n" + useCase))
	require.NoError(t, problems.Err(), "%s", problems.Error())
	h := &harness{t: t, store: opened, plan: plan, plays: plays, id: id}
	h.reach = h.reached()
	h.acts = &activities.Activities{Store: opened, Reach: func() *activities.Reach { return h.reach }, Contracts: h, UseCases: h}
	running := work(t, c, workflows.Interpreter{Plans: h, Routes: h}, h.acts, &crashing{h: h, at: at})
	defer running.Stop()
	made, err := opened.CreateCase(t.Context(), store.NewCase{ID: id, UseCase: "test", BundleHash: plan.Hash})
	require.NoError(t, err)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.QueueMain}, "test",
		workflows.StartInput{BundleHash: plan.Hash, Input: rules.Record(nil), Case: workflows.CaseMeta{Reference: made.Reference}})
	require.NoError(t, err)
	var outcome workflows.Outcome
	require.NoError(t, run.Get(t.Context(), &outcome))
	return h, outcome
}
