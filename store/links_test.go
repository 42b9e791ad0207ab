package store

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	contact  = Ref{"crm", "customer", "301"}
	customer = Ref{"invoicing", "customer", "cus_9"}
	other    = Ref{"invoicing", "customer", "cus_10"}
	buyer    = Ref{"orders", "customer", "7"}
)

func TestLinksAreFoundFromBothSides(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	put, err := s.PutLink(ctx, Link{Left: customer, Right: contact, Evidence: json.RawMessage(`{"email":1}`), Confidence: 0.8, CaseID: "c1"})
	require.NoError(t, err)
	require.Equal(t, contact, put.Left) // sorted
	again, err := s.PutLink(ctx, Link{Left: contact, Right: customer, Evidence: json.RawMessage(`{"phone":1}`), Confidence: 0.9, CaseID: "c2"})
	require.NoError(t, err)
	require.Equal(t, put.ID, again.ID)
	require.Equal(t, "c1", again.CaseID)
	_, err = s.PutLink(ctx, Link{Left: contact, Right: buyer, Confidence: 0.5})
	require.NoError(t, err)

	for _, test := range []struct {
		of     Ref
		system string
		want   []Ref
	}{
		{contact, "", []Ref{customer, buyer}}, {contact, "invoicing", []Ref{customer}}, {customer, "", []Ref{contact}},
		{customer, "crm", []Ref{contact}}, {customer, "orders", nil}, {other, "", nil},
	} {
		links, err := s.LinksOf(ctx, test.of, test.system)
		require.NoError(t, err)
		var found []Ref
		for _, link := range links {
			found = append(found, link.Other(test.of))
		}
		require.Equal(t, test.want, found)
	}
	stored, err := s.Link(ctx, put.ID)
	require.NoError(t, err)
	require.Equal(t, again, stored)
	require.InDelta(t, 0.9, stored.Confidence, 0)
	for want, filter := range map[int]LinkFilter{2: {System: "crm", Kind: "customer"}, 1: {CaseID: "c1", State: LinkActive}, 0: {ID: "none"}} {
		links, err := s.Links(ctx, filter)
		require.NoError(t, err)
		require.Len(t, links, want)
	}
}

func TestACorrectionOutlivesWhatIsFound(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	wrong, err := s.PutLink(ctx, Link{Left: contact, Right: customer, Confidence: 1})
	require.NoError(t, err)
	right, err := s.CorrectLink(ctx, wrong.ID, "ann", "a namesake", contact, other)
	require.NoError(t, err)
	require.Equal(t, LinkActive, right.State)
	require.Equal(t, "ann", right.CorrectedBy)

	found, err := s.PutLink(ctx, Link{Left: contact, Right: customer, Confidence: 1}) // found once more
	require.NoError(t, err)
	require.Equal(t, LinkCorrected, found.State)
	require.Equal(t, right.ID, found.ReplacedBy)
	links, err := s.LinksOf(ctx, contact, "invoicing")
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, other, links[0].Other(contact))
	confirmed, err := s.PutLink(ctx, Link{Left: contact, Right: other, Confidence: 0.1}) // a person's word is not weakened
	require.NoError(t, err)
	require.InDelta(t, 1, confirmed.Confidence, 0)

	// The person changes his mind: the first link is active again, and history tells.
	back, err := s.CorrectLink(ctx, right.ID, "bo", "it was right", contact, customer)
	require.NoError(t, err)
	require.Equal(t, wrong.ID, back.ID)
	require.NoError(t, s.RemoveLink(ctx, back.ID, "bo", "neither"))
	links, err = s.LinksOf(ctx, contact, "")
	require.NoError(t, err)
	require.Empty(t, links)
	links, err = s.Links(ctx, LinkFilter{System: "invoicing"})
	require.NoError(t, err)
	require.Len(t, links, 2)

	byHand, err := s.LinkByHand(ctx, Link{Left: contact, Right: buyer, Note: "told by phone"}, "ann")
	require.NoError(t, err)
	require.Equal(t, LinkActive, byHand.State)
	for _, wrongCall := range []struct{ keep, right Ref }{{other, customer}, {contact, buyer}} {
		_, err = s.CorrectLink(ctx, byHand.ID, "ann", "", wrongCall.keep, wrongCall.right)
		require.Error(t, err)
	}
	_, err = s.CorrectLink(ctx, "none", "ann", "", contact, other)
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorIs(t, s.RemoveLink(ctx, "none", "ann", ""), ErrNotFound)
}
