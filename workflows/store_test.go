package workflows_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/store"
)

// lockedOut counts attempts and refuses those inside the workflow task, and the first ordinary ones, as a store does that
// cannot be had for a while.
type lockedOut struct{ local, ordinary atomic.Int32 }

func (l *lockedOut) refuse(ctx context.Context, ordinary int32) error {
	refused := temporal.NewApplicationErrorWithOptions("store: unavailable", string(contracts.Unavailable),
		temporal.ApplicationErrorOptions{Details: []any{activities.Failure{Class: contracts.Unavailable, NothingSent: true}}})
	if activity.GetInfo(ctx).IsLocalActivity {
		l.local.Add(1)
		return refused
	}
	if l.ordinary.Add(1) <= ordinary {
		return refused
	}
	return nil
}

// What needs only our own store is done inside the workflow task, and when the store cannot be had there, by an
// ordinary activity that is tried until it can: the case waits, and nothing is lost or there twice.
func TestStoreThatCannotBeHadIsWaitedFor(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: asked, ask: {queue: q, what: answer, form: {amount: {type: number, required: true}}}}
  - {end: {outcome: paid, result: {amount: '${asked.amount}'}}}
`, nil)
	var tasks, answers, records lockedOut
	h.env.OnActivity(activities.NameOpenTask, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.OpenTaskInput) error {
		if err := tasks.refuse(ctx, 3); err != nil {
			return err
		}
		return h.acts.OpenTask(ctx, in)
	})
	h.env.OnActivity(activities.NameReadAnswer, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.ReadAnswerInput) (activities.ReadAnswerOutput, error) {
		if err := answers.refuse(ctx, 0); err != nil {
			return activities.ReadAnswerOutput{}, err
		}
		return h.acts.ReadAnswer(ctx, in)
	})
	h.env.OnActivity(activities.NameRecord, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.Record) (*activities.End, error) {
		if err := records.refuse(ctx, 1); err != nil {
			return nil, err
		}
		return h.acts.Record(ctx, in)
	})
	h.person(time.Hour, "answer", `{"value": {"amount": 12}}`)
	outcome := h.run(`{}`)
	require.JSONEq(t, `{"amount": 12}`, plain(t, outcome.Result))

	require.EqualValues(t, 1, tasks.local.Load(), "one attempt inside the workflow task")
	require.EqualValues(t, 4, tasks.ordinary.Load())
	require.EqualValues(t, 1, answers.ordinary.Load())
	require.Len(t, h.tasks(), 1)
	require.Positive(t, records.local.Load())
	found, err := h.store.Case(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, store.CaseDone, found.State)
	require.Equal(t, "paid", found.Outcome)
	steps, err := h.store.Steps(t.Context(), caseID)
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.True(t, json.Valid(steps[0].Result))
}

// A fault that waiting does not mend is not waited for.
func TestFaultOfTheStoreIsNotWaitedFor(t *testing.T) {
	h := newHarness(t, "input: {}\nsteps:\n  - {id: asked, ask: {queue: q, what: complete}}\n  - {end: {}}\n", nil)
	var ordinary atomic.Int32
	h.env.OnActivity(activities.NameOpenTask, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.OpenTaskInput) error {
		if !activity.GetInfo(ctx).IsLocalActivity {
			ordinary.Add(1)
		}
		if in.Task.Kind == "repair" {
			return h.acts.OpenTask(ctx, in)
		}
		return temporal.NewApplicationErrorWithOptions("store: internal", string(contracts.Internal),
			temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{activities.Failure{Class: contracts.Internal}}})
	})
	h.person(time.Hour, "repair", `{"act": "cancel"}`)
	h.start(`{}`)
	require.Zero(t, ordinary.Load())
}
