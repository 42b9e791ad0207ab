package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// decides lets somebody decide the open approval of a role after a while.
func (h *harness) decides(after time.Duration, who, role string, approved bool) {
	h.env.RegisterDelayedCallback(func() {
		task := h.seat(role)
		answer := `{"approved": true}`
		if !approved {
			answer = `{"approved": false, "reason": "no"}`
		}
		answered, err := h.store.Answer(h.t.Context(), task.ID, task.Version, store.Actor{User: who, Roles: []string{role}}, "decided", json.RawMessage(answer))
		require.NoError(h.t, err)
		h.deliver(answered)
	}, after)
}

func (h *harness) seat(role string) store.Task {
	for _, task := range h.tasks() {
		if task.Role == role && !task.Closed() {
			return task
		}
	}
	require.FailNow(h.t, "no open task for "+role, "%+v", h.tasks())
	return store.Task{}
}

const oneOfEach = `
input: {}
steps:
  - id: approval
    title: Please
    ask: {what: approve, approvers: {all: [finance, legal]}}
  - {end: {outcome: '${approval.approved ? "approved" : approval.reason ?? "rejected"}', result: {by: '${approval.by}', votes: '${len(approval.votes)}', roles: '${map(approval.votes, .role)}'}}}
`

func TestAllOfSeveralRolesApprove(t *testing.T) {
	h := newHarness(t, oneOfEach, nil)
	h.decides(2*time.Hour, "fay", "finance", true)
	h.decides(time.Hour, "len", "legal", true)
	outcome := h.run(`{}`)
	require.Equal(t, "approved", outcome.Outcome)
	require.JSONEq(t, `{"by": "fay", "votes": 2, "roles": ["finance", "legal"]}`, plain(t, outcome.Result))
}

func TestOneRejectionDecides(t *testing.T) {
	h := newHarness(t, oneOfEach, nil)
	h.decides(time.Hour, "len", "legal", false)
	outcome := h.run(`{}`)
	require.Equal(t, "no", outcome.Outcome)
	require.JSONEq(t, `{"by": "len", "votes": 1, "roles": ["legal"]}`, plain(t, outcome.Result))
	for _, task := range h.tasks() {
		require.True(t, task.Closed())
		require.Equal(t, task.Role == "finance", task.State == store.TaskSuperseded)
	}
}

func TestNobodyTakesTwoSeats(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: approval
    ask: {what: approve, approvers: {role: lead, count: 2}, show: {Why: because}}
  - {end: {outcome: '${approval.approved ? "approved" : "rejected"}'}}
`, nil)
	h.decides(time.Hour, "ann", "lead", true)
	h.env.RegisterDelayedCallback(func() {
		task := h.seat("lead")
		_, err := h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: "ann", All: true}, "approved", json.RawMessage(`{"approved": true}`))
		require.ErrorIs(t, err, store.ErrSeatTaken)
		_, err = h.store.ClaimTask(t.Context(), task.ID, task.Version, store.Actor{User: "ann", All: true})
		require.ErrorIs(t, err, store.ErrSeatTaken)
	}, 2*time.Hour)
	h.decides(3*time.Hour, "bob", "lead", true)
	require.Equal(t, "approved", h.run(`{}`).Outcome)
}

// Each item of a loop has its own panel: who approved one may approve another.
func TestPanelsInALoop(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: approved
    each: {in: '${["a", "b"]}', as: item, steps: [{id: seen, ask: {what: approve, approvers: {all: [finance, legal]}, show: {Item: '${item}'}}}, {id: kept, set: {value: '${seen.approved ? item : missing}'}}]}
  - {end: {result: {approved: '${approved}'}}}
`, nil)
	for i := range 2 {
		h.decides(time.Duration(2*i+1)*time.Hour, "fay", "finance", true)
		h.decides(time.Duration(2*i+2)*time.Hour, "len", "legal", true)
	}
	require.JSONEq(t, `{"approved": ["a", "b"]}`, plain(t, h.run(`{}`).Result))
}

func TestPanelIsCancelled(t *testing.T) {
	h := newHarness(t, oneOfEach, nil)
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Hour)
	h.start(`{}`)
	require.ErrorContains(t, h.env.GetWorkflowError(), "canceled")
	for _, task := range h.tasks() {
		require.Equal(t, store.TaskCancelled, task.State)
	}
}

func TestWorkingTimeRemindersAndEscalation(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: approval
    ask:
      role: lead
      what: approve
      within: 1 business day
      remind: [4 business hours, 6 business hours]
      on_timeout: [{role: head, within: 2 business hours}, {role: ceo}]
  - {end: {outcome: '${approval.by}'}}
`, nil)
	h.env.SetStartTime(monday) // 7:00 in Berlin, two hours before work
	look := func(at time.Duration, reminded int, role, due string) {
		h.env.RegisterDelayedCallback(func() {
			task := h.seat(role)
			require.Equal(t, due, task.DueAt.UTC().Format(time.RFC3339), "%s", h.env.Now())
			found, err := h.store.Reminders(t.Context(), time.Time{}, 10)
			require.NoError(t, err)
			require.Len(t, found, reminded)
			require.Equal(t, role, h.state().Waiting[0].For)
			require.Equal(t, due, h.state().Waiting[0].Until.Format(time.RFC3339))
		}, at)
	}
	look(time.Hour, 0, "lead", "2026-03-03T08:00:00Z")
	look(6*time.Hour+time.Minute, 1, "lead", "2026-03-03T08:00:00Z")
	look(8*time.Hour+time.Minute, 2, "lead", "2026-03-03T08:00:00Z")
	look(26*time.Hour+time.Minute, 2, "head", "2026-03-03T10:00:00Z")
	look(28*time.Hour+time.Minute, 2, "ceo", "2026-03-03T10:00:00Z")
	h.decides(30*time.Hour, "zoe", "ceo", true)
	require.Equal(t, "zoe", h.run(`{}`).Outcome)
	timeline, err := h.store.Timeline(t.Context(), caseID)
	require.NoError(t, err)
	var kinds []string
	for _, event := range timeline {
		kinds = append(kinds, event.Kind)
	}
	require.Equal(t, []string{"reminded", "reminded", "overdue", "overdue", "answered"}, kinds)
}
