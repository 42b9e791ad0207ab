package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
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

// A rejection ends the case while another branch writes: what was written is undone, what was not begun never is, and a
// write in doubt is settled by a person first.
func TestRejectionBesideAWrite(t *testing.T) {
	const besides = `
input: {}
steps:
  - id: both
    together:
      branches:
        asked:
          - {id: approval, ask: {what: approve, approvers: {all: [finance, legal]}}}
          - {when: not approval.approved, end: {outcome: '${approval.reason ?? "rejected"}', undo: true}}
          - set: {value: '${approval.by}'}
        booked:
          - {id: first, call: support.create_task, with: {queue: q, title: first, text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${first}', text: 'void ${first.number}'}}]}
          - {id: pause, wait: {for: 90 minutes}}
          - {id: second, call: support.create_task, with: {queue: q, title: second, text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${second}', text: 'void ${second.number}'}}]}
          - set: {value: '${second.number}'}
  - {end: {outcome: done}}
`
	for name, test := range map[string]struct {
		after    time.Duration
		doubtful string
		answer   string // of the person who is asked what became of it
		undone   []string
	}{
		"before the second write":               {after: time.Hour, undone: []string{"void 1"}},
		"behind both":                           {after: 2 * time.Hour, undone: []string{"void 2", "void 1"}},
		"while the first is tried, it happened": {after: time.Hour, doubtful: "first", answer: `{"act": "done", "value": {"id": "9", "number": "9", "status": "new"}}`, undone: []string{"void 9"}},
		"while the first is tried, it did not":  {after: time.Hour, doubtful: "first", answer: `{"act": "not_done"}`},
		"while the second is tried":             {after: 2 * time.Hour, doubtful: "second", answer: `{"act": "done", "value": {"id": "9", "number": "9", "status": "new"}}`, undone: []string{"void 1", "void 9"}},
	} {
		t.Run(name, func(t *testing.T) {
			plays := bookings()
			made := plays["support.create_task"]
			plays["support.create_task"] = func(call adapters.Call) (rules.Value, error) {
				if call.Input.Get("title").Text() == test.doubtful {
					return fails(contracts.Unavailable)(call)
				}
				return made(call)
			}
			h := newHarness(t, besides, plays)
			h.decides(30*time.Minute, "fay", "finance", true)
			h.decides(test.after, "len", "legal", false)
			if test.answer != "" {
				h.person(test.after+time.Hour, "confirm", test.answer)
			}
			require.Equal(t, "no", h.run(`{}`).Outcome)
			require.Equal(t, test.undone, h.undone())
			for _, task := range h.tasks() {
				require.True(t, task.Closed(), "%+v", task)
			}
		})
	}
}

// Who is asked for approval while the case moves to another version is asked anew, with what the other version shows; what
// one of them had decided of the older one does not count.
func TestMoveWhileApprovalIsAskedFor(t *testing.T) {
	const fee = "  - {id: fee, set: {value: '${5}'}}\n"
	mended := replaced(replaced(oneOfEach, "  - id: approval\n", fee+"  - id: approval\n"), "{all: [finance, legal]}}", "{all: [finance, legal]}, show: {Fee: '${fee}'}}")
	h := newHarness(t, oneOfEach, nil)
	h.knows("mended", mended)
	h.decides(time.Hour, "fay", "finance", true)
	var before []store.Task
	h.env.RegisterDelayedCallback(func() { before = h.tasks() }, 90*time.Minute)
	h.operator(2*time.Hour, store.Repair{Act: store.ActMove, Bundle: "mended"}, h.takes)
	h.env.RegisterDelayedCallback(func() {
		for _, old := range before {
			now, err := h.store.Task(t.Context(), old.ID)
			require.NoError(t, err)
			require.True(t, now.Closed())
		}
		require.Equal(t, []string{"approval", "approval"}, h.openAt())
		require.Contains(t, string(h.seat("finance").Payload), "Fee")
	}, 3*time.Hour)
	h.decides(4*time.Hour, "len", "legal", true)
	h.env.RegisterDelayedCallback(func() { require.Equal(t, []string{"approval"}, h.openAt()) }, 5*time.Hour)
	h.decides(6*time.Hour, "fay", "finance", true)
	outcome := h.run(`{}`)
	require.Equal(t, "approved", outcome.Outcome)
	require.JSONEq(t, `{"by": "fay", "votes": 2, "roles": ["finance", "legal"]}`, plain(t, outcome.Result))
}

// Working time keeps to the clock on the wall when the clocks are changed in between.
func TestDeadlinesOfApprovalsWhenTheClocksChange(t *testing.T) {
	for name, test := range map[string]struct{ begun, within, due string }{
		"into summer, a working day":   {"2026-03-27T15:00:00Z", "1 business day", "2026-03-30T14:00:00Z"},
		"into summer, working hours":   {"2026-03-27T15:00:00Z", "3 business hours", "2026-03-30T09:00:00Z"},
		"into summer, hours":           {"2026-03-28T15:00:00Z", "24 hours", "2026-03-29T15:00:00Z"},
		"into winter, a working day":   {"2026-10-23T14:00:00Z", "1 business day", "2026-10-26T15:00:00Z"},
		"into winter, working hours":   {"2026-10-23T14:00:00Z", "3 business hours", "2026-10-26T10:00:00Z"},
		"in the hour that comes twice": {"2026-10-25T00:30:00Z", "1 business hour", "2026-10-26T09:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, replaced(`
input: {}
steps:
  - {id: approval, ask: {role: lead, what: approve, within: WITHIN, on_timeout: [{role: head}]}}
  - {end: {outcome: '${approval.by}'}}
`, "WITHIN", test.within), nil)
			begun, err := time.Parse(time.RFC3339, test.begun)
			require.NoError(t, err)
			due, err := time.Parse(time.RFC3339, test.due)
			require.NoError(t, err)
			h.env.SetStartTime(begun)
			h.env.RegisterDelayedCallback(func() { require.Equal(t, test.due, h.seat("lead").DueAt.UTC().Format(time.RFC3339)) }, time.Minute)
			h.env.RegisterDelayedCallback(func() { require.Equal(t, "lead", h.seat("lead").Role) }, due.Sub(begun)-time.Minute)
			h.decides(due.Sub(begun)+time.Minute, "zoe", "head", true)
			require.Equal(t, "zoe", h.run(`{}`).Outcome)
		})
	}
}

// A holiday that is entered while approval is waited for does not move the moment that people were told; the next one who
// is asked has it.
func TestHolidayIsEnteredWhileApprovalIsWaitedFor(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: approval, ask: {role: lead, what: approve, within: 2 business days, on_timeout: [{role: head, within: 1 business day}, {role: ceo}]}}
  - {end: {outcome: '${approval.by}'}}
`, nil)
	h.env.SetStartTime(monday)
	due := func(at time.Duration, role, due string) {
		h.env.RegisterDelayedCallback(func() { require.Equal(t, due, h.seat(role).DueAt.UTC().Format(time.RFC3339)) }, at)
	}
	h.env.RegisterDelayedCallback(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.holidays = map[rules.Day]string{{Year: 2026, Month: time.March, Day: 3}: "Tuesday", {Year: 2026, Month: time.March, Day: 5}: "Thursday"}
	}, time.Hour)
	due(time.Minute, "lead", "2026-03-04T08:00:00Z")
	due(24*time.Hour, "lead", "2026-03-04T08:00:00Z")
	due(50*time.Hour+2*time.Minute, "head", "2026-03-06T08:00:00Z")
	h.decides(60*time.Hour, "hal", "head", true)
	require.Equal(t, "hal", h.run(`{}`).Outcome)
}
