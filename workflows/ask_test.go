package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/store"
	"crosswalk/workflows"
)

func TestAskKinds(t *testing.T) {
	tests := []struct{ name, ask, kind, answer, result string }{
		{"complete", `{queue: q, what: complete, outcomes: [accepted, changed]}`, "complete", `{"outcome": "changed", "note": "did it"}`,
			`{"outcome": "changed", "note": "did it", "by": "ann", "in_system": false}`},
		{"approve", `{role: lead, what: approve}`, "approve", `{"approved": false, "reason": "too dear"}`,
			`{"approved": false, "reason": "too dear", "by": "ann"}`},
		{"choose", `{queue: q, what: choose, from: '${["a", "b", "c"]}'}`, "choose", `{"index": 1}`, `"b"`},
		{"answer", `{queue: q, what: answer, form: {amount: {type: number, required: true}, on: date}}`, "answer", `{"value": {"amount": 12.5, "on": "2026-03-01"}}`,
			`{"amount": 12.5, "on": "2026-03-01"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, `
input: {}
steps:
  - {id: asked, title: Please, ask: `+test.ask+`}
  - {end: {result: {given: '${asked}'}}}
`, nil)
			h.person(time.Hour, test.kind, test.answer)
			given := h.run(`{}`).Result.Get("given")
			var fields any
			require.NoError(t, json.Unmarshal(given.Plain(), &fields))
			if record, ok := fields.(map[string]any); ok {
				delete(record, "at")
			}
			got, err := json.Marshal(fields)
			require.NoError(t, err)
			require.JSONEq(t, test.result, string(got))
		})
	}
}

func TestAnswerThatDoesNotFitIsAskedForAgain(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: asked, ask: {queue: q, what: choose, from: '${["a", "b"]}'}}
  - {end: {result: {given: '${asked}'}}}
`, nil)
	h.person(time.Hour, "choose", `{"index": 7}`)
	h.person(2*time.Hour, "choose", `{"index": 0}`)
	require.JSONEq(t, `{"given": "a"}`, plain(t, h.run(`{}`).Result))
	require.Len(t, h.tasks(), 2)
}

func TestAskEscalates(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: asked, ask: {queue: q, what: approve, within: 2 days, on_timeout: {role: boss}}}
`, nil)
	h.env.RegisterDelayedCallback(func() {
		require.Equal(t, "q", h.task("approve").Queue)
		require.Empty(t, h.task("approve").Role)
	}, time.Hour)
	h.person(49*time.Hour, "approve", `{"approved": true}`)
	h.run(`{}`)
	require.Equal(t, "boss", h.tasks()[0].Role)
}

func TestWhoActedMayNotApprove(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: picked, ask: {queue: q, what: choose, from: '${["a", "b"]}'}}
  - {id: approval, ask: {role: lead, what: approve, show: {Picked: '${picked}'}}}
`, nil)
	h.person(time.Hour, "choose", `{"index": 0}`)
	h.env.RegisterDelayedCallback(func() {
		task := h.task("approve")
		_, err := h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: "ann", All: true}, "approved", json.RawMessage(`{"approved": true}`))
		require.ErrorIs(t, err, store.ErrFourEyes)
		answered, err := h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: "bob", All: true}, "approved", json.RawMessage(`{"approved": true}`))
		require.NoError(t, err)
		h.deliver(answered)
	}, 2*time.Hour)
	h.run(`{}`)
}

func TestAnnouncementWithoutAnswerIsIgnored(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: asked, ask: {queue: q, what: approve}}
  - {end: {result: {approved: '${asked.approved}'}}}
`, nil)
	h.env.RegisterDelayedCallback(func() { h.deliver(store.Task{ID: h.task("approve").ID, Version: 0}) }, time.Minute)
	h.env.RegisterDelayedCallback(func() { h.deliver(store.Task{ID: "nobody-knows-it", Version: 1}) }, time.Minute)
	h.person(time.Hour, "approve", `{"approved": true}`)
	require.JSONEq(t, `{"approved": true}`, plain(t, h.run(`{}`).Result))
}

func TestRepair(t *testing.T) {
	useCase := `
input: {name: string}
steps:
  - {id: customer, call: crm.find_customer, with: {name: 'x'}, when: 'input.name == missing'}
  - {end: {result: {name: '${customer?.name ?? "nobody"}'}}}
`
	tests := []struct {
		name, answer, result string
		calls                int
	}{
		{"retry", `{"act": "retry"}`, `{"name": "Jane Doe"}`, 2},
		{"by hand", `{"act": "answer", "value": {"id": "9", "name": "Typed"}}`, `{"name": "Typed"}`, 1},
		{"skip", `{"act": "skip"}`, `{"name": "nobody"}`, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, useCase, map[string]play{"crm.find_customer": then(fails(contracts.Drift), gives(jane))})
			h.person(time.Hour, "repair", test.answer)
			require.JSONEq(t, test.result, plain(t, h.run(`{}`).Result))
			require.Len(t, h.called(), test.calls)
		})
	}
}

func TestRepairCancels(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: 'x'}}
  - {end: {result: {name: '${customer.name}'}}}
`, map[string]play{"crm.find_customer": fails(contracts.Validation)})
	h.env.RegisterDelayedCallback(func() {
		stored, err := h.store.Case(t.Context(), caseID)
		require.NoError(t, err)
		require.Equal(t, store.CaseParked, stored.State)
		require.Equal(t, "repair", stored.WaitingKind)
	}, time.Minute)
	h.person(time.Hour, "repair", `{"act": "skip"}`) // not possible: the end needs the customer
	h.person(2*time.Hour, "repair", `{"act": "cancel"}`)
	h.start(`{}`)
	require.ErrorContains(t, h.env.GetWorkflowError(), "canceled")
	stored, err := h.store.Case(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, store.CaseCancelled, stored.State)
}

func TestCancelClosesTasks(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: asked, ask: {queue: q, what: approve}}
`, nil)
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Hour)
	h.start(`{}`)
	require.ErrorContains(t, h.env.GetWorkflowError(), "canceled")
	require.True(t, h.tasks()[0].Closed())
}

func TestStateSaysWhatACaseWaitsFor(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: asked, ask: {queue: complaints, what: approve}}
`, nil)
	h.env.RegisterDelayedCallback(func() {
		value, err := h.env.QueryWorkflow(workflows.QueryState)
		require.NoError(t, err)
		var state workflows.State
		require.NoError(t, value.Get(&state))
		require.Equal(t, "asked", state.Stage)
		require.Equal(t, "complaints", state.Waiting[0].For)
	}, time.Hour)
	h.person(2*time.Hour, "approve", `{"approved": true}`)
	h.run(`{}`)
}
