package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/workflows"
)

// waitsThere is a case that waits in its third step.
const waitsThere = `
input: {email: {type: string, required: true}}
events: {paid: {amount: {type: number, required: true}}}
steps:
  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}}
  - {id: ticket, call: support.create_task, with: {queue: q, title: '${customer.name}', text: T, reference: T}, undo: [{call: support.update_task, with: {task: '${ticket}', text: undone}}]}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}
  - {end: {outcome: moved}}
`

const (
	customerStep = "  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}}\n"
	solveStep    = "  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}\n"
	extraStep    = "  - {id: extra, call: support.find_customer, with: {email: '${input.email}'}}\n"
)

// A case that waits goes on with another version where what it has done is the same there, and is told why not elsewhere.
func TestMoveWhereThePlanHasChangedAround(t *testing.T) {
	tests := []struct {
		name, old, by string
		refused       string // why; "" if it is moved
		open          string // the place of the task that is open afterwards; "" if the case has ended
		called        []string
	}{
		{name: "a step is inserted before the one that it is at", old: solveStep, by: extraStep + solveStep, open: "solve", called: []string{"support.find_customer"}},
		{name: "a step is inserted after it", old: solveStep, by: solveStep + extraStep, open: "solve", called: []string{"support.find_customer"}},
		{name: "a step is inserted before one that is done", old: customerStep, by: extraStep + customerStep, refused: "has done the step customer where the other version has the step extra"},
		{name: "a step that is done is renamed", old: "{id: customer,", by: "{id: client,", refused: "has done the step customer where the other version has the step client"},
		{name: "a step that is done is removed", old: customerStep, by: "", refused: "has done the step customer where the other version has the step ticket"},
		{name: "a step that is done asks for something else", old: "text: T", by: "text: other", refused: "the step ticket, which the case has done, means something else"},
		{name: "a step that is done is of another kind", old: customerStep, by: "  - {id: customer, set: {value: '${{name: \"x\"}}'}}\n", refused: "the step customer, which the case has done, means something else"},
		{name: "a step that is done lies in a branch now", old: customerStep, by: "  - {id: way, choose: [{otherwise: [{id: customer, call: crm.find_customer, with: {email: '${input.email}'}}]}]}\n", refused: "where the other version has the step way"},
		{name: "only titles are others", old: "{id: customer,", by: "{id: customer, title: Customer,", open: "solve"},
		{name: "the step that it is at is renamed", old: "{id: solve,", by: "{id: decide,", open: "decide"},
		{name: "the step that it is at is removed", old: solveStep, by: ""},
		{name: "the step that it is at lies in a branch now", old: solveStep, by: "  - {id: way, choose: [{otherwise: [{id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}]}]}\n", open: "way[0].solve"},
		{name: "the step that it is at lies in a loop now", old: solveStep, by: "  - {id: all, each: {in: '${[1]}', as: n, steps: [{id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}]}}\n", open: "all[0].solve"},
		{name: "the step that it is at is of another kind", old: solveStep, by: "  - {id: solve, wait: {for: 2 hours}}\n"},
		{name: "there is nothing after what it has done", old: solveStep + "  - {end: {outcome: moved}}\n", by: "", refused: "no step after those that the case has done"},
		{name: "the input has to hold more", old: "input: {", by: "input: {name: {type: string, required: true}, ", refused: "the input of the case is not what the other version takes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, waitsThere, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.find_customer": gives(`{"id": "u1", "name": "Jane"}`)})
			useCase := waitsThere
			if strings.Contains(test.by, "client") || test.refused != "" && (test.by == "" && test.old == customerStep || strings.Contains(test.by, "choose")) {
				useCase = replaced(useCase, "title: '${customer.name}'", "title: T")
			}
			require.Contains(t, useCase, test.old)
			h.knows("mended", replaced(useCase, test.old, test.by))
			reply := h.takes
			if test.refused != "" {
				reply = h.refuses(test.refused)
			}
			var before store.Task
			h.env.RegisterDelayedCallback(func() { before = h.task("complete") }, 30*time.Minute)
			h.operator(time.Hour, store.Repair{Act: store.ActMove, Bundle: "mended"}, reply)
			h.env.RegisterDelayedCallback(func() {
				now, err := h.store.Task(t.Context(), before.ID)
				require.NoError(t, err)
				if test.refused != "" {
					require.Equal(t, before, now, "who has the task keeps it")
				} else {
					require.Equal(t, store.TaskSuperseded, now.State)
					require.Equal(t, test.open, strings.Join(h.openAt(), " "))
				}
			}, 61*time.Minute)
			if test.refused != "" || test.open != "" {
				h.person(2*time.Hour, "complete", `{"outcome": "accepted"}`)
			}
			require.Equal(t, "moved", h.run(`{"email": "jane@example.com"}`).Outcome)
			require.Equal(t, append([]string{"crm.find_customer", "support.create_task"}, test.called...), h.called())
		})
	}
}

// An event that came before the move is not waited for again, and one that comes afterwards is taken.
func TestMoveWhileAnEventIsWaitedFor(t *testing.T) {
	const waits = "  - {id: solve, wait: {event: paid, key: '${input.email}'}}\n"
	h := newHarness(t, replaced(waitsThere, solveStep, waits), map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.find_customer": gives(`{"id": "u1", "name": "Jane"}`)})
	h.knows("mended", replaced(waitsThere, solveStep, waits+extraStep))
	h.operator(time.Hour, store.Repair{Act: store.ActMove, Bundle: "mended"}, h.takes)
	h.env.RegisterDelayedCallback(func() {
		h.happens("paid", "jane@example.com", "1", `{"amount": 5}`)
		h.env.SignalWorkflow(workflows.SignalNudge, nil)
	}, 2*time.Hour)
	require.Equal(t, "moved", h.run(`{"email": "jane@example.com"}`).Outcome)
	require.Equal(t, []string{"crm.find_customer", "support.create_task", "support.find_customer"}, h.called())
}

// What the older version did is undone as that version says.
func TestMovedCaseIsUndoneAsItWasDone(t *testing.T) {
	h := newHarness(t, waitsThere, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	h.knows("mended", replaced(waitsThere, solveStep+"  - {end: {outcome: moved}}\n", solveStep+"  - {end: {outcome: moved, undo: true}}\n"))
	h.operator(time.Hour, store.Repair{Act: store.ActMove, Bundle: "mended"}, h.takes)
	h.person(2*time.Hour, "complete", `{"outcome": "accepted"}`)
	require.Equal(t, "moved", h.run(`{"email": "jane@example.com"}`).Outcome)
	require.Equal(t, "undone", h.callsOf("support.update_task")[0].Input.Get("text").Text())
}

// A case whose version took no messages takes them when it was moved to one that does, and ends.
func TestMovedCaseTakesMessages(t *testing.T) {
	const mute = "input: {}\nsteps:\n  - {id: ticket, call: support.create_task, with: {queue: q, title: T, text: T, reference: '${case.reference}'}}\n" +
		"  - {id: solve, ask: {queue: q, what: complete, task: '${ticket}', outcomes: [accepted]}}\n  - {end: {outcome: '${solve.outcome}'}}\n"
	h := newHarness(t, mute, map[string]play{"support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	h.knows("mended", joins)
	h.operator(time.Hour, store.Repair{Act: store.ActMove, Bundle: "mended"}, h.takes)
	h.env.RegisterDelayedCallback(func() {
		require.NoError(t, h.store.AddContactKeys(t.Context(), caseID, []string{"email:jane@example.com"}))
		h.join("hello")
		h.env.SignalWorkflow(workflows.SignalNudge, nil)
	}, 2*time.Hour)
	h.person(3*time.Hour, "complete", `{"outcome": "accepted"}`)
	h.run(`{}`)
	require.Len(t, h.callsOf("support.update_task"), 1)
}
