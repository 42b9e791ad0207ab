package worker_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"crosswalk/store"
)

const large = 30 << 20

// Payloads far above all limits of Temporal travel as input, as the result of a call, as an update and its reply, and
// as the result of a case, and belong to the case that they were sent for.
func TestLargePayloads(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made, err := h.store.CreateCase(t.Context(), store.NewCase{ID: "large", UseCase: "large"})
	require.NoError(t, err)
	running := sdk.New(h.client, "large", sdk.Options{DeadlockDetectionTimeout: time.Minute})
	running.RegisterWorkflowWithOptions(largeWorkflow, workflow.RegisterOptions{Name: "large"})
	running.RegisterActivityWithOptions(more, activity.RegisterOptions{Name: "more"})
	require.NoError(t, running.Start())
	defer running.Stop()
	run, err := h.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: made.ID, TaskQueue: "large", WorkflowTaskTimeout: time.Minute}, "large", strings.Repeat("a", large))
	require.NoError(t, err)
	handle, err := h.client.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: made.ID, UpdateName: "add", Args: []any{strings.Repeat("u", large)}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	var updated string
	require.NoError(t, handle.Get(t.Context(), &updated))
	require.Len(t, updated, large)
	var result map[string]int
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, map[string]int{"input": large, "activity": large + 1, "update": large, "small": manySmall * small}, result)

	events := h.history(made)
	require.Less(t, proto.Size(&history.History{Events: events}), 200_000, "no event holds what is large")
	replayer, err := sdk.NewWorkflowReplayerWithOptions(sdk.WorkflowReplayerOptions{})
	require.NoError(t, err)
	replayer.RegisterWorkflowWithOptions(largeWorkflow, workflow.RegisterOptions{Name: "large"})
	quietly := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	require.Error(t, replayer.ReplayWorkflowHistory(quietly, &history.History{Events: events}), "without the store nothing can be read")

	// While the case is open nothing is dropped, nor when it has just ended; later all of it is.
	dropped, err := h.store.DropPayloads(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, dropped)
	require.NoError(t, h.store.EndCase(t.Context(), made.ID, store.End{State: store.CaseDone}))
	dropped, err = h.store.DropPayloads(t.Context(), time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Zero(t, dropped)
	dropped, err = h.store.DropPayloads(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.NotZero(t, dropped)
	files, err := h.store.BlobTypes(t.Context(), made.ID)
	require.NoError(t, err)
	require.Empty(t, files)
}

const (
	small     = 100 << 10 // each is below the threshold, all of them together far above what Temporal takes at once
	manySmall = 60
)

func largeWorkflow(ctx workflow.Context, input string) (map[string]int, error) {
	sizes := map[string]int{"input": len(input)}
	err := workflow.SetUpdateHandler(ctx, "add", func(_ workflow.Context, text string) (string, error) {
		sizes["update"] = len(text)
		return text, nil
	})
	if err != nil {
		return nil, err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var text string
	if err := workflow.ExecuteActivity(ctx, "more", input).Get(ctx, &text); err != nil {
		return nil, err
	}
	sizes["activity"] = len(text)
	for range manySmall {
		var some string
		if err := workflow.SideEffect(ctx, func(workflow.Context) any { return strings.Repeat("s", small) }).Get(&some); err != nil {
			return nil, err
		}
		sizes["small"] += len(some)
	}
	return sizes, workflow.Await(ctx, func() bool { return sizes["update"] > 0 })
}

func more(_ context.Context, text string) (string, error) { return text + "!", nil }
