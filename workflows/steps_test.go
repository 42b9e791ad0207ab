package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

func TestCallAndSet(t *testing.T) {
	h := newHarness(t, `
input: {email: {type: string, required: true}}
steps:
  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}}
  - {id: greeting, set: {value: 'Dear ${customer.name} of ${customer.system}'}}
  - {end: {outcome: greeted, result: {text: '${greeting}', count: '${len(case.facts)}'}}}
`, map[string]play{"crm.find_customer": gives(jane)})
	outcome := h.run(`{"email": "jane@example.com"}`)
	require.Equal(t, "greeted", outcome.Outcome)
	require.JSONEq(t, `{"text": "Dear Jane Doe of crm", "count": 1}`, plain(t, outcome.Result))

	stored, err := h.store.Case(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, "greeted", stored.Outcome)
	steps, err := h.store.Steps(t.Context(), caseID)
	require.NoError(t, err)
	require.Len(t, steps, 2)
	require.Equal(t, "adapter:crm", steps[0].Driver)
}

func TestOnErrorStandsIn(t *testing.T) {
	h := newHarness(t, `
input: {email: {type: string, required: true}}
steps:
  - id: customer
    call: crm.find_customer
    with: {email: '${input.email}'}
    on_error:
      not_found: [{id: other, call: support.find_customer, with: {email: '${input.email}'}}]
  - {end: {result: {name: '${customer.name}', system: '${customer.system}', facts: '${map(case.facts, .step + " of " + (.system ?? ""))}'}}}
`, map[string]play{"crm.find_customer": fails(contracts.NotFound), "support.find_customer": gives(john)})
	outcome := h.run(`{"email": "jane@example.com"}`)
	require.JSONEq(t, `{"name": "John Doe", "system": "support", "facts": ["customer of support"]}`, plain(t, outcome.Result))
}

func TestChoose(t *testing.T) {
	for input, want := range map[string]string{`{"n": 1}`: "one", `{"n": 2}`: "two", `{"n": 3}`: "many"} {
		t.Run(want, func(t *testing.T) {
			h := newHarness(t, `
input: {n: {type: number, required: true}}
steps:
  - id: word
    choose:
      - {when: input.n == 1, steps: [{id: one, set: {value: one}}]}
      - {when: input.n == 2, steps: [{id: two, set: {value: two}}]}
      - {otherwise: [{id: many, set: {value: many}}]}
  - {end: {outcome: '${word}'}}
`, nil)
			require.Equal(t, want, h.run(input).Outcome)
		})
	}
}

func TestEach(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: doubled
    each: {in: '${[1, 2, 3]}', as: n, steps: [{id: one, set: {value: '${n * 2}'}}]}
  - {end: {result: {list: '${doubled}'}}}
`, nil)
	require.JSONEq(t, `{"list": [2, 4, 6]}`, plain(t, h.run(`{}`).Result))
}

func TestEndInsideEachStopsTheOthers(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: items
    each:
      in: '${[1, 2, 3]}'
      as: n
      steps:
        - {when: n == 2, end: {outcome: found, result: {n: '${n}'}}}
        - {id: asked, ask: {queue: q, what: approve}}
`, nil)
	outcome := h.run(`{}`)
	require.Equal(t, "found", outcome.Outcome)
	for _, task := range h.tasks() {
		require.True(t, task.Closed())
	}
}

func TestWhenSkips(t *testing.T) {
	h := newHarness(t, `
input: {email: string}
steps:
  - {id: customer, when: input.email != missing, call: crm.find_customer, with: {email: '${input.email}'}}
  - {end: {outcome: '${customer == missing ? "unknown" : "known"}'}}
`, nil)
	require.Equal(t, "unknown", h.run(`{}`).Outcome)
	require.Empty(t, h.called())
}

const decides = `
input: {pieces: {type: number, required: true}}
steps:
  - {id: size, decide: sizes, with: {pieces: '${input.pieces}'}}
  - {end: {outcome: '${size.size}'}}
`

func TestDecide(t *testing.T) {
	h := newHarness(t, decides, nil)
	require.Equal(t, "large", h.run(`{"pieces": 12}`).Outcome)
	decisions, err := h.store.Decisions(t.Context(), caseID)
	require.NoError(t, err)
	require.Len(t, decisions, 1)
	require.Equal(t, "S2", decisions[0].Row)
	require.Equal(t, "a pallet", decisions[0].Why)
	require.JSONEq(t, `{"pieces": 12}`, string(decisions[0].Facts))
}

func TestTableThatSaysNothingParksTheCase(t *testing.T) {
	h := newHarness(t, decides, nil)
	h.person(time.Hour, "repair", `{"act": "answer", "value": {"size": "huge"}}`)
	h.person(2*time.Hour, "repair", `{"act": "answer", "value": {"size": "large"}}`)
	require.Equal(t, "large", h.run(`{"pieces": 1000}`).Outcome)
	decisions, err := h.store.Decisions(t.Context(), caseID)
	require.NoError(t, err)
	require.NotEmpty(t, decisions[0].Error)
}
