package worker_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"crosswalk/store"
	"crosswalk/worker"
)

// notReady answers as Temporal does while the last workflow task of a case has failed, so many times.
type notReady struct {
	client.Client
	left atomic.Int32
}

func (n *notReady) refuse() error {
	if n.left.Add(-1) < 0 {
		return nil
	}
	return serviceerror.NewWorkflowNotReady("Unable to perform workflow execution update due to Workflow Task in failed state.")
}

func (n *notReady) UpdateWorkflow(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	if err := n.refuse(); err != nil {
		return nil, err
	}
	return n.Client.UpdateWorkflow(ctx, options)
}

func (n *notReady) QueryWorkflow(ctx context.Context, workflow, run, kind string, args ...any) (converter.EncodedValue, error) {
	if err := n.refuse(); err != nil {
		return nil, err
	}
	return n.Client.QueryWorkflow(ctx, workflow, run, kind, args...)
}

// A case whose workflow task failed takes nothing until the next one: it is asked again, and neither the person who
// answers nor the operator who repairs sees anything of it.
func TestCaseThatIsNotReadyIsAskedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish()
	h.work()
	made := h.begin("assign", `{"text": "x"}`)
	task := h.task(made.ID)
	slow := &notReady{Client: h.client}
	cases := worker.NewCases(slow, h.store, quiet())

	slow.left.Store(2)
	_, err := cases.WouldUndo(t.Context(), made)
	require.NoError(t, err)

	slow.left.Store(2)
	asked, err := h.store.AskRepair(t.Context(), store.Repair{CaseID: made.ID, Act: store.ActRetry, Step: "nowhere", Who: "op"})
	require.NoError(t, err)
	reply, err := cases.Repair(t.Context(), asked)
	require.NoError(t, err)
	require.NotEmpty(t, reply.Problem)

	slow.left.Store(2)
	answered, err := h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: "ada@example.com", All: true}, "done", json.RawMessage(`{"outcome": "solved"}`))
	require.NoError(t, err)
	require.NoError(t, cases.Deliver(t.Context(), answered))
	require.Equal(t, "solved", h.result(made).Outcome)
	require.Negative(t, slow.left.Load())

	// Somebody who has no time to wait is told why.
	slow.left.Store(1 << 20)
	brief, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = cases.WouldUndo(brief, made)
	require.ErrorContains(t, err, "Workflow Task in failed state")
}

// A sweeper asks many cases in turn: those that are not ready are asked once, and wait for its next round.
func TestSweepersDoNotWaitForACaseThatIsNotReady(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish()
	h.work()
	made := h.begin("assign", `{"text": "x"}`)
	task := h.task(made.ID)
	slow := &notReady{Client: h.client}
	cases := worker.NewCases(slow, h.store, quiet())
	asked, err := h.store.AskRepair(t.Context(), store.Repair{CaseID: made.ID, Act: store.ActRetry, Step: "nowhere", Who: "op"})
	require.NoError(t, err)
	answered, err := h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: "ada@example.com", All: true}, "done", json.RawMessage(`{"outcome": "solved"}`))
	require.NoError(t, err)
	soon := time.Now().Add(time.Hour)

	slow.left.Store(2)
	require.ErrorContains(t, cases.RepeatRepairs(t.Context(), soon), "Workflow Task in failed state")
	require.ErrorContains(t, cases.Redeliver(t.Context(), []store.Task{answered}), "Workflow Task in failed state")
	require.Zero(t, slow.left.Load(), "each was asked once")
	undelivered, err := h.store.UndeliveredAnswers(t.Context(), soon, 10)
	require.NoError(t, err)
	require.Len(t, undelivered, 1)

	require.NoError(t, cases.RepeatRepairs(t.Context(), soon))
	settled, err := h.store.Repair(t.Context(), asked.ID)
	require.NoError(t, err)
	require.NotEqual(t, store.RepairAsked, settled.State)
	require.NoError(t, cases.Redeliver(t.Context(), []store.Task{answered}))
	require.Equal(t, "solved", h.result(made).Outcome)
}
