package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

const shared = `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: 'jane@example.com'}}
  - id: invoices
    call: invoicing.list_invoices
    with: {customer: '${customer}'}
    on_error:
      not_unique:
        - {id: colour, ask: {queue: q, what: choose, from: '${["red", "blue"]}'}}
        - {id: account, ask: {queue: q, what: choose, from: '${error.candidates}'}}
        - {id: found, call: invoicing.list_invoices, with: {customer: '${account}'}}
  - {end: {result: {invoices: '${invoices.invoices}'}}}
`

// What a person chose among several that fitted is a link: the next case asks neither the person nor the system.
func TestChosenCandidateIsALink(t *testing.T) {
	candidates := rules.List(plainly(`{"id": "cus_1", "name": "Jane Doe"}`), plainly(`{"id": "cus_2", "name": "Jane Doe"}`))
	h := newHarness(t, shared, map[string]play{
		"crm.find_customer": gives(jane),
		"invoicing.find_customer": func(call adapters.Call) (rules.Value, error) {
			return rules.Value{}, &contracts.Error{Class: contracts.NotUnique, Operation: call.Operation, Candidates: candidates}
		},
		"invoicing.list_invoices": gives(`{"invoices": [], "lines": []}`),
	})
	h.person(time.Hour, "choose", `{"index": 0}`)
	h.person(2*time.Hour, "choose", `{"index": 1}`)
	h.run(`{}`)
	links, err := h.store.Links(t.Context(), store.LinkFilter{})
	require.NoError(t, err)
	require.Len(t, links, 1, "the colour is none")
	link := links[0]
	require.Equal(t, store.Ref{System: "crm", Kind: "customer", ID: "301"}, link.Left)
	require.Equal(t, store.Ref{System: "invoicing", Kind: "customer", ID: "cus_2"}, link.Right)
	require.Equal(t, "ann", link.CorrectedBy)
	require.Equal(t, caseID, link.CaseID)
	require.Equal(t, store.LinkActive, link.State)
	require.Contains(t, string(link.Evidence), `"chosen_by":"ann"`)
	require.Contains(t, string(link.Evidence), `"operation":"invoicing.find_customer"`)

	h.next("second")
	h.run(`{}`)
	require.Len(t, h.callsOf("invoicing.find_customer"), 1, "nobody looks again")
	asked := h.callsOf("invoicing.list_invoices")
	require.Equal(t, "cus_2", asked[len(asked)-1].Input.Get("customer").Text())

	_, err = h.store.CorrectLink(t.Context(), link.ID, "bea", "another Jane", link.Left, store.Ref{System: "invoicing", Kind: "customer", ID: "cus_1"})
	require.NoError(t, err)
	h.next("third")
	h.run(`{}`)
	asked = h.callsOf("invoicing.list_invoices")
	require.Equal(t, "cus_1", asked[len(asked)-1].Input.Get("customer").Text())
}
