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
	"crosswalk/workflows"
)

// byEmail finds a customer by what it is asked for.
func byEmail(call adapters.Call) (rules.Value, error) {
	record := jane
	if call.Input.Get("email").Text() != "jane@example.com" {
		record = john
	}
	return gives(record)(call)
}

const corrected = `
input: {email: {type: string, required: true}}
steps:
  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}, correct: {}}
  - {id: ticket, call: support.create_task, with: {queue: q, title: '${customer.name}', text: '${readable(case.facts)}', reference: '${case.reference}'}}
  - {id: solve, ask: {queue: q, what: complete, task: '${ticket}', outcomes: [accepted]}}
  - {end: {outcome: '${solve.outcome}', result: {name: '${customer.name}', ticket: '${ticket.number}'}}}
`

func TestRedoUpdatesTheTicketInsteadOfMakingAnother(t *testing.T) {
	h := newHarness(t, corrected, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	h.person(time.Hour, "complete", `{"act": "redo", "step": "customer", "with": {"email": "john@example.com"}}`)
	h.person(2*time.Hour, "complete", `{"outcome": "accepted"}`)
	outcome := h.run(`{"email": "jane@example.com"}`)
	require.JSONEq(t, `{"name": "John Doe", "ticket": "77"}`, plain(t, outcome.Result))
	require.Equal(t, []string{"crm.find_customer", "support.create_task", "crm.find_customer", "support.update_task"}, h.called())
	update := h.callsOf("support.update_task")[0]
	require.Equal(t, "t7", update.Input.Get("task").Text())
	require.Equal(t, "John Doe", update.Input.Get("title").Text())
	require.NotContains(t, update.Input.Get("text").Text(), "Jane")
	require.NotEqual(t, h.callsOf("support.create_task")[0].Key, update.Key)

	tasks := h.tasks()
	require.Len(t, tasks, 2)
	require.Equal(t, "support", tasks[0].External.System)
	require.Equal(t, "t7", tasks[0].External.ID)
}

func TestRedoReplacesTheWholeInput(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: a@example.com, name: A}, correct: {}}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted], show: {Name: '${customer.name}'}}}
`, map[string]play{"crm.find_customer": gives(jane)})
	h.person(time.Hour, "complete", `{"act": "redo", "step": "customer", "with": {"nickname": "B"}}`)
	h.person(2*time.Hour, "complete", `{"act": "redo", "step": "customer", "with": {"name": "B"}}`)
	h.person(3*time.Hour, "complete", `{"outcome": "accepted"}`)
	h.run(`{}`)
	calls := h.callsOf("crm.find_customer")
	require.Len(t, calls, 2)
	require.JSONEq(t, `{"name": "B"}`, plain(t, calls[1].Input))
}

func TestRedoWithAnotherOfTheCandidates(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: lines, set: {value: '${["a", "b", "c"]}'}}
  - {id: purchase, set: {value: '${lines[0]}'}, correct: {from: '${lines}'}}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}
  - {end: {result: {purchase: '${purchase}'}}}
`, nil)
	h.env.RegisterDelayedCallback(func() {
		var payload rules.Value
		require.NoError(t, json.Unmarshal(h.task("complete").Payload, &payload))
		require.Equal(t, "purchase", payload.Get("correct").At(0).Get("step").Text())
		require.Equal(t, 3, payload.Get("correct").At(0).Get("candidates").Len())
	}, time.Minute)
	h.person(time.Hour, "complete", `{"act": "redo", "step": "nothing", "index": 1}`)
	h.person(90*time.Minute, "complete", `{"act": "redo", "step": "purchase", "index": 3}`)
	h.person(2*time.Hour, "complete", `{"act": "redo", "step": "purchase", "index": 2}`)
	h.person(3*time.Hour, "complete", `{"outcome": "accepted"}`)
	require.JSONEq(t, `{"purchase": "c"}`, plain(t, h.run(`{}`).Result))
}

const joins = `
input: {}
steps:
  - {id: ticket, call: support.create_task, with: {queue: q, title: T, text: T, reference: '${case.reference}'}}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}
  - {end: {outcome: '${solve.outcome}'}}
joined:
  - {id: more, call: support.update_task, with: {task: '${ticket}', text: 'Further: ${message.text}'}}
`

// join stores a message that joins the case, as the intake does.
func (h *harness) join(text string) {
	parsed, err := json.Marshal(map[string]any{"text": text, "from": map[string]any{"email": "jane@example.com"}})
	require.NoError(h.t, err)
	stored, err := h.store.StoreEntry(h.t.Context(), store.Incoming{
		Entry: store.Entry{Source: "mail", Channel: "email", DedupeKey: text, UseCase: "test", Parsed: parsed, ContactKeys: []string{"email:jane@example.com"}},
	})
	require.NoError(h.t, err)
	require.True(h.t, stored.Joined)
}

func TestJoinedMessages(t *testing.T) {
	h := newHarness(t, joins, map[string]play{"support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	h.env.RegisterDelayedCallback(func() {
		require.NoError(t, h.store.AddContactKeys(t.Context(), caseID, []string{"email:jane@example.com"}))
		h.join("one")
		h.join("two")
		for range 3 {
			h.env.SignalWorkflow(workflows.SignalNudge, nil)
		}
	}, time.Minute)
	h.env.RegisterDelayedCallback(func() {
		h.join("three")
		h.env.SignalWorkflow(workflows.SignalNudge, nil)
	}, time.Hour)
	h.person(2*time.Hour, "complete", `{"outcome": "accepted"}`)
	h.run(`{}`)
	var texts []string
	for _, call := range h.callsOf("support.update_task") {
		texts = append(texts, call.Input.Get("text").Text())
	}
	require.Equal(t, []string{"Further: one", "Further: two", "Further: three"}, texts)
	effects, err := h.store.Effects(t.Context(), caseID)
	require.NoError(t, err)
	require.Len(t, effects, 4)
}

func TestMessageIsTakenBeforeTheCaseEnds(t *testing.T) {
	h := newHarness(t, joins, map[string]play{"support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	h.env.RegisterDelayedCallback(func() {
		require.NoError(t, h.store.AddContactKeys(t.Context(), caseID, []string{"email:jane@example.com"}))
		h.join("late")
		task := h.task("complete")
		answered, err := h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: "ann", All: true}, "accepted", json.RawMessage(`{"outcome": "accepted"}`))
		require.NoError(t, err)
		h.deliver(answered)
		h.env.SignalWorkflow(workflows.SignalNudge, nil)
	}, time.Hour)
	h.run(`{}`)
	require.Len(t, h.callsOf("support.update_task"), 1)
}

func TestTroubleWithAMessageStandsBesideTheCase(t *testing.T) {
	h := newHarness(t, joins, map[string]play{"support.create_task": gives(ticket), "support.update_task": then(fails(contracts.Validation), gives(ticket))})
	h.env.RegisterDelayedCallback(func() {
		require.NoError(t, h.store.AddContactKeys(t.Context(), caseID, []string{"email:jane@example.com"}))
		h.join("hello")
		h.env.SignalWorkflow(workflows.SignalNudge, nil)
	}, time.Minute)
	h.person(time.Hour, "complete", `{"outcome": "accepted"}`)
	h.person(2*time.Hour, "repair", `{"act": "retry"}`)
	h.run(`{}`)
	require.Len(t, h.callsOf("support.update_task"), 2)
	for _, task := range h.tasks() {
		require.Equal(t, store.TaskAnswered, task.State)
	}
}

func TestEachAsksSideBySide(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: checked
    each: {in: '${["a", "b"]}', as: item, steps: [{id: seen, ask: {queue: q, what: approve, show: {Item: '${item}'}}}, {id: kept, set: {value: '${seen.approved ? item : missing}'}}]}
  - {end: {result: {checked: '${checked}'}}}
`, nil)
	h.env.RegisterDelayedCallback(func() { require.Len(t, h.tasks(), 2) }, time.Minute)
	h.person(time.Hour, "approve", `{"approved": true}`)
	h.person(2*time.Hour, "approve", `{"approved": true}`)
	require.JSONEq(t, `{"checked": ["a", "b"]}`, plain(t, h.run(`{}`).Result))
}

// Whether a write was carried out is settled first: doing what came before it again could do it twice.
func TestNothingIsRedoneOverAWriteInDoubt(t *testing.T) {
	h := newHarness(t, corrected, map[string]play{"crm.find_customer": byEmail, "support.create_task": fails(contracts.OutcomeUnknown)})
	h.person(time.Hour, "confirm", `{"act": "redo", "step": "customer", "with": {"email": "john@example.com"}}`)
	h.env.RegisterDelayedCallback(func() {
		require.Contains(t, string(h.task("confirm").Payload), "the write at ticket may have been carried out")
	}, 90*time.Minute)
	h.person(2*time.Hour, "confirm", `{"act": "done", "value": `+ticket+`}`)
	h.person(3*time.Hour, "complete", `{"outcome": "accepted"}`)
	outcome := h.run(`{"email": "jane@example.com"}`)
	require.JSONEq(t, `{"name": "Jane Doe", "ticket": "77"}`, plain(t, outcome.Result))
	require.Equal(t, []string{"crm.find_customer", "support.create_task"}, h.called())
}
