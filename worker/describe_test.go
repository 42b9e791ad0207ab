package worker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/workflows"
)

// A workflow of somebody else's would be asked what it waits for, as the windows of a loop are: nobody there could say it.
func TestAForeignWorkflowIsNoPartOfTheCase(t *testing.T) {
	h := newHouse(t)
	h.save("usecases/score.yaml", "usecase: score\nsteps:\n  - {id: score, run: {workflow: Score, task_queue: credit}}\n")
	h.publish()
	h.work()
	waits := h.begin("score", `{}`)
	require.Eventually(t, func() bool {
		found, err := h.client.DescribeWorkflowExecution(t.Context(), waits.ID, "")
		require.NoError(t, err)
		return len(found.PendingChildren) == 1 && found.PendingChildren[0].RunId != ""
	}, time.Minute, 10*time.Millisecond)
	described, err := h.worker.Cases().Describe(t.Context(), waits.ID)
	require.NoError(t, err)
	require.Empty(t, described.Windows)
	for queue, listens := range map[string]bool{"credit": false, workflows.QueueMain: true} {
		heard, err := h.worker.Cases().Heard(t.Context(), queue)
		require.NoError(t, err)
		require.Equal(t, listens, heard, queue)
	}
}
