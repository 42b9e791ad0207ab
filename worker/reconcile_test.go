package worker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"crosswalk/store"
	"crosswalk/worker"
)

// until waits for a case to be in a state.
func (h *house) until(caseID string, state store.CaseState) store.Case {
	h.t.Helper()
	var found store.Case
	require.Eventually(h.t, func() bool {
		var err error
		found, err = h.store.Case(h.t.Context(), caseID)
		return err == nil && found.State == state
	}, time.Minute, 20*time.Millisecond, "%s", caseID)
	return found
}

// A case that is ended by hand in the Temporal UI cannot say so. It is found, closed with a line in its timeline, and
// what it asked people for is withdrawn.
func TestCaseThatIsTerminatedInTemporalIsClosed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish()
	h.work()
	terminated, cancelled, running := h.begin("assign", `{"text": "x"}`), h.begin("assign", `{"text": "y"}`), h.begin("assign", `{"text": "z"}`)
	task := h.task(terminated.ID)
	h.task(cancelled.ID)
	h.task(running.ID)
	require.NoError(t, h.client.TerminateWorkflow(t.Context(), terminated.ID, "", "by hand"))
	require.NoError(t, h.client.CancelWorkflow(t.Context(), cancelled.ID, ""))

	found := h.until(terminated.ID, store.CaseTerminated)
	require.Equal(t, "terminated", found.Outcome)
	require.Empty(t, found.WaitingFor)
	task, err := h.store.Task(t.Context(), task.ID)
	require.NoError(t, err)
	require.Equal(t, store.TaskCancelled, task.State)
	events, err := h.store.Timeline(t.Context(), terminated.ID)
	require.NoError(t, err)
	require.Contains(t, events[len(events)-1].Text, "Ended by hand in Temporal")
	h.until(cancelled.ID, store.CaseCancelled)

	closed, err := h.worker.Cases().CloseEnded(t.Context(), time.Now())
	require.NoError(t, err)
	require.Zero(t, closed)
	h.answer(h.task(running.ID), `{"outcome": "solved"}`)
	require.Equal(t, "solved", h.result(running).Outcome)
}

// The store and Temporal may have been restored from copies of different age: what ended while the store looked away
// ends in it as it did there; what Temporal never heard of is still to be started.
func TestStoreThatIsBehindTemporalCatchesUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish()
	h.work()
	deleted, waiting := h.begin("assign", `{"text": "x"}`), h.begin("assign", `{"text": "y"}`)
	h.task(deleted.ID)
	h.task(waiting.ID)
	unstarted, err := h.store.CreateCase(t.Context(), store.NewCase{UseCase: "assign"})
	require.NoError(t, err)
	_, err = h.client.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: worker.DefaultNamespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: deleted.ID}})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := h.worker.Cases().CloseEnded(t.Context(), time.Now())
		require.NoError(t, err)
		found, err := h.store.Case(t.Context(), deleted.ID)
		return err == nil && found.State == store.CaseTerminated
	}, time.Minute, 50*time.Millisecond)
	for _, id := range []string{unstarted.ID, waiting.ID} {
		found, err := h.store.Case(t.Context(), id)
		require.NoError(t, err)
		require.False(t, found.Ended())
	}
	h.answer(h.task(waiting.ID), `{"outcome": "solved"}`)
	h.result(waiting)
	older, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, older.Close()) })
	_, err = older.CreateCase(t.Context(), store.NewCase{ID: waiting.ID, UseCase: "assign", BundleHash: waiting.BundleHash})
	require.NoError(t, err)
	_, err = worker.NewCases(h.client, older, quiet()).CloseEnded(t.Context(), time.Now())
	require.NoError(t, err)
	found, err := older.Case(t.Context(), waiting.ID)
	require.NoError(t, err)
	require.Equal(t, store.CaseDone, found.State)
	require.Equal(t, "solved", found.Outcome)
	require.NotEmpty(t, found.Result)
	closed, err := h.worker.Cases().CloseEnded(t.Context(), time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Zero(t, closed, "a case that is young is left alone")
}

// A case that another one was to run and that was never begun ends with that one: nobody else would begin it.
func TestCaseThatWasToBeRunEndsWithTheOneThatRunsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish()
	h.work()
	parent, other := h.begin("assign", `{"text": "x"}`), h.begin("assign", `{"text": "y"}`)
	h.task(parent.ID)
	h.task(other.ID)
	child, err := h.store.CreateCase(t.Context(), store.NewCase{UseCase: "assign", Parent: parent.ID, ParentStep: "x"})
	require.NoError(t, err)
	waits, err := h.store.CreateCase(t.Context(), store.NewCase{UseCase: "assign", Parent: other.ID, ParentStep: "x"})
	require.NoError(t, err)
	require.NoError(t, h.client.TerminateWorkflow(t.Context(), parent.ID, "", "by hand"))
	h.until(child.ID, store.CaseTerminated)
	events, err := h.store.Timeline(t.Context(), child.ID)
	require.NoError(t, err)
	require.Contains(t, events[len(events)-1].Text, "ended before it began")
	_, err = h.worker.Cases().CloseEnded(t.Context(), time.Now())
	require.NoError(t, err)
	left := h.stored(waits.ID)
	require.False(t, left.Ended(), "the case that runs it may still begin it")
}
