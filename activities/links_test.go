package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

const crmJane = `{"customer": {"id": "301", "system": "crm", "name": "Jane", "email": "jane@example.com"}}`

// invoices asks for the invoices of a customer that the CRM found.
func (b *bench) invoices(path string) (string, *activities.Failure) {
	b.sent = nil
	_, failure := b.local(b.input(path, "invoicing", "list_invoices", crmJane))
	for _, call := range b.sent {
		if call.Operation == "invoicing.list_invoices" {
			return call.Input.Get("customer").Text(), failure
		}
	}
	return "", failure
}

func accounts(found func(adapters.Call) (rules.Value, error)) func(adapters.Call) (rules.Value, error) {
	return func(call adapters.Call) (rules.Value, error) {
		if call.Operation == "invoicing.find_customer" {
			return found(call)
		}
		return gives(`{"invoices": [], "lines": []}`)(call)
	}
}

func TestLinkIsFoundStoredAndReused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play = accounts(gives(`{"id": "cus_9", "name": "J. Doe", "email": "Jane@example.com"}`))
	asked, failure := b.invoices("a")
	require.Nil(t, failure)
	require.Equal(t, "cus_9", asked)
	require.Equal(t, "jane@example.com", b.sent[0].Input.Get("email").Text())

	asked, failure = b.invoices("b")
	require.Nil(t, failure)
	require.Equal(t, "cus_9", asked)
	require.Len(t, b.sent, 1, "the link answers")
}

func TestCorrectedLinkIsFollowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play = accounts(gives(`{"id": "cus_9", "email": "jane@example.com"}`))
	_, failure := b.invoices("a")
	require.Nil(t, failure)
	links, err := b.store.Links(t.Context(), store.LinkFilter{})
	require.NoError(t, err)
	_, err = b.store.CorrectLink(t.Context(), links[0].ID, "ann", "namesake", store.Ref{System: "crm", Kind: "customer", ID: "301"},
		store.Ref{System: "invoicing", Kind: "customer", ID: "cus_10"})
	require.NoError(t, err)
	asked, failure := b.invoices("b")
	require.Nil(t, failure)
	require.Equal(t, "cus_10", asked)
}

func TestRemovedLinkIsNotFoundAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play = accounts(gives(`{"id": "cus_9", "email": "jane@example.com"}`))
	_, failure := b.invoices("a")
	require.Nil(t, failure)
	links, err := b.store.Links(t.Context(), store.LinkFilter{})
	require.NoError(t, err)
	require.NoError(t, b.store.RemoveLink(t.Context(), links[0].ID, "ann", "another person"))
	_, failure = b.invoices("b")
	require.Equal(t, contracts.NotFound, failure.Class)
}

func TestSeveralCandidatesAreForAPerson(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	candidates, err := rules.FromJSON([]byte(`[{"id": "cus_9"}, {"id": "cus_10"}]`))
	require.NoError(t, err)
	b.play = accounts(fails(contracts.Error{Class: contracts.NotUnique, Candidates: candidates}))
	_, failure := b.invoices("a")
	require.Equal(t, contracts.NotUnique, failure.Class)
	require.Equal(t, 2, failure.Candidates.Len())
	require.Equal(t, "invoicing", failure.Candidates.At(0).Get("system").Text())
}

func TestIDOfTheSameSystemNeedsNoLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play = gives(ticket)
	_, failure := b.local(b.input("t", "support", "update_task", `{"task": {"id": "7", "system": "support", "number": "77"}, "text": "X"}`))
	require.Nil(t, failure)
	require.Equal(t, "7", b.sent[0].Input.Get("task").Text())
}
