package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/workflows"
)

// cancel asks the case to end, as the desk does.
func (h *harness) cancel(after time.Duration, in workflows.Cancel) {
	h.env.RegisterDelayedCallback(func() {
		h.env.UpdateWorkflowNoRejection(workflows.UpdateCancel, "cancel", h.t, in)
	}, after)
}

// cancelled runs the case and expects that it is cancelled.
func (h *harness) cancelled(input string) store.Case {
	h.t.Helper()
	h.start(input)
	require.ErrorContains(h.t, h.env.GetWorkflowError(), "canceled")
	stored, err := h.store.Case(h.t.Context(), h.id)
	require.NoError(h.t, err)
	require.Equal(h.t, store.CaseCancelled, stored.State)
	for _, task := range h.tasks() {
		require.True(h.t, task.Closed(), "%s", task.StepPath)
	}
	return stored
}

func TestCancelByMessage(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: items
    each: {in: '${[1, 2]}', as: n, steps: [{id: asked, ask: {queue: q, what: approve}}]}
`, nil)
	h.cancel(time.Hour, workflows.Cancel{By: "ann"})
	h.cancelled(`{}`)
}
