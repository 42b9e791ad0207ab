package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/store"
)

func TestTogether(t *testing.T) {
	h := newHarness(t, `
input: {email: {type: string, required: true}}
steps:
  - id: about
    together:
      branches:
        customer: [{id: found, call: crm.find_customer, with: {email: '${input.email}'}}, {set: {value: '${found.name}'}}]
        asked:    [{id: seen, ask: {queue: q, what: approve}}, {set: {value: '${seen.approved}'}}]
        skipped:  [{when: 'input.email == "nobody"', set: {value: 1}}]
  - {end: {result: {name: '${about.customer}', approved: '${about.asked}', skipped: '${about.skipped ?? 0}', facts: '${map(case.facts, .step)}'}}}
`, map[string]play{"crm.find_customer": gives(jane)})
	h.person(time.Hour, "approve", `{"approved": true}`)
	require.JSONEq(t, `{"name": "Jane Doe", "approved": true, "skipped": 0, "facts": ["found", "seen"]}`, plain(t, h.run(`{"email": "x"}`).Result))
	steps, err := h.store.Steps(t.Context(), h.id)
	require.NoError(t, err)
	var paths []string
	for _, step := range steps {
		paths = append(paths, step.Path)
	}
	require.Equal(t, []string{"about.customer.found", "about.customer.set[1]", "about.asked.seen", "about.asked.set[1]", "about"}, paths)
}

// branches fail in two of three ways; the third waits for a person.
const branches = `
input: {}
steps:
  - id: all
    together:
      stop: STOP
      branches:
        good: [{id: one, call: support.create_task, with: {queue: q, title: T, text: T, reference: '${case.reference}'}}]
        slow: [{id: two, ask: {queue: q, what: approve}}]
        bad:  [{id: three, each: {in: '${[1, 2]}', as: n, steps: [{call: crm.find_customer, with: {email: x}}]}}]
    on_error:
      not_found: [{id: what, set: {branch: '${error.branch}', good: '${error.results.good?.number}', slow: '${error.results.slow?.approved}'}}]
  - {end: {outcome: '${all.branch ?? "none"}', result: '${all}'}}
`

func TestTogetherStopsAtTheFirstError(t *testing.T) {
	h := newHarness(t, replaced(branches, "STOP", "first_error"), map[string]play{"support.create_task": gives(ticket), "crm.find_customer": fails(contracts.NotFound)})
	outcome := h.run(`{}`)
	require.Equal(t, "bad", outcome.Outcome)
	require.JSONEq(t, `{"branch": "bad", "good": "77"}`, plain(t, outcome.Result))
	tasks := h.tasks()
	require.Len(t, tasks, 1)
	require.Equal(t, store.TaskSuperseded, tasks[0].State, "who is asked in vain is not asked any more")
}

func TestTogetherGoesOnToTheEnd(t *testing.T) {
	h := newHarness(t, replaced(branches, "STOP", "never"), map[string]play{"support.create_task": gives(ticket), "crm.find_customer": fails(contracts.NotFound)})
	h.person(time.Hour, "approve", `{"approved": true}`)
	require.JSONEq(t, `{"branch": "bad", "good": "77", "slow": true}`, plain(t, h.run(`{}`).Result))
}

func TestErrorThatATogetherDoesNotTakeParksItsBranchAlone(t *testing.T) {
	h := newHarness(t, replaced(branches, "STOP", "first_error"), map[string]play{
		"support.create_task": gives(ticket), "crm.find_customer": then(fails(contracts.Validation), gives(jane)),
	})
	h.person(time.Hour, "approve", `{"approved": true}`)
	h.person(2*time.Hour, "repair", `{"act": "retry"}`)
	require.Equal(t, "none", h.run(`{}`).Outcome)
}

func TestEndInABranchEndsTheCase(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: both
    together:
      branches:
        ends: [{end: {outcome: enough}}]
        asks: [{ask: {queue: q, what: approve}}]
`, nil)
	require.Equal(t, "enough", h.run(`{}`).Outcome)
	for _, task := range h.tasks() {
		require.True(t, task.Closed())
	}
}

func TestOuterTogetherTakesWhatTheInnerDoesNot(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: outer
    together:
      branches:
        a:
          - id: inner
            together:
              stop: never
              branches:
                fails: [{call: crm.find_customer, with: {email: x}}]
                asks:  [{ask: {queue: q, what: approve}}]
            on_error: {conflict: []}
        b: [{ask: {queue: q, what: approve}}]
    on_error: {not_found: [{set: {value: '${error.branch}'}}]}
  - {end: {result: '${outer}'}}
`, map[string]play{"crm.find_customer": fails(contracts.NotFound)})
	require.JSONEq(t, `"a"`, plain(t, h.run(`{}`).Result))
}

func TestRedoOverATogether(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: 'jane@example.com'}, correct: {}}
  - id: both
    together:
      branches:
        a: [{id: made, call: support.create_task, with: {queue: q, title: '${customer.name}', text: T, reference: '${case.reference}'}}]
        b: [{id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}]
  - {end: {result: {name: '${customer.name}', number: '${both.a.number}', outcome: '${both.b.outcome}'}}}
`, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	h.person(time.Hour, "complete", `{"act": "redo", "step": "customer", "with": {"email": "john@example.com"}}`)
	h.person(2*time.Hour, "complete", `{"outcome": "accepted"}`)
	require.JSONEq(t, `{"name": "John Doe", "number": "77", "outcome": "accepted"}`, plain(t, h.run(`{}`).Result))
	require.Equal(t, []string{"crm.find_customer", "support.create_task", "crm.find_customer", "support.update_task"}, h.called())
}
