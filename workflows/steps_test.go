package workflows_test

import (
	"testing"

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
  - {end: {result: {name: '${customer.name}', system: '${customer.system}'}}}
`, map[string]play{"crm.find_customer": fails(contracts.NotFound), "support.find_customer": gives(john)})
	outcome := h.run(`{"email": "jane@example.com"}`)
	require.JSONEq(t, `{"name": "John Doe", "system": "support"}`, plain(t, outcome.Result))
}
