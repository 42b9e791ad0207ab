package intake

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/store"
)

// returned is what another program tells about goods.
func returned(order, condition, parcel string) Message {
	fields := map[string]rules.Value{}
	put(fields, "order", order)
	put(fields, "condition", condition)
	put(fields, "parcel", parcel)
	return Message{Channel: "webhook", Fields: rules.Record(fields)}
}

func TestEventsAreKeptAndTold(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.take(t, "returns", returned("1042", "good", "p1"))
	require.Equal(t, Noted, first.Outcome)
	require.Empty(t, first.CaseID)
	again := s.take(t, "returns", returned("1042", "good", "p1"))
	require.Equal(t, Duplicate, again.Outcome)
	require.Equal(t, first.EntryID, again.EntryID)
	s.sweep(t)
	require.Empty(t, s.cases.nudged, "nobody waits")
	require.Empty(t, s.cases.started, "an event starts nothing")

	// It came early: the case takes it when it comes to its wait, and waits for the next.
	wait := store.EventWait{CaseID: "c1", Path: "back", Generation: 1, Execution: "c1", Name: "goods-returned", Key: "1042"}
	taken, err := s.Store.TakeEvent(t.Context(), wait, false)
	require.NoError(t, err)
	require.Equal(t, first.EntryID, taken.ID)
	wait.Path = "again"
	_, err = s.Store.TakeEvent(t.Context(), wait, false)
	require.ErrorIs(t, err, store.ErrNotFound, "a case has each event once")

	s.later(time.Hour)
	s.take(t, "returns", returned("1043", "good", "p2"))
	s.take(t, "returns", returned("1042", "damaged", "p3"))
	s.sweep(t)
	s.sweep(t)
	require.Equal(t, []string{"c1"}, s.cases.nudged, "who waits is told once")

	// Also of what came by mail; nobody is answered.
	mail := s.take(t, "returns_by_mail", Message{Channel: "email", ID: "x@y", Subject: "1042", Automatic: "bulk", From: Sender{Email: "ann@example.org"}})
	require.Equal(t, Noted, mail.Outcome)

	// A case that has ended waits for nothing.
	s.cases.ended["c1"] = true
	require.NoError(t, s.Store.DropEventWaits(t.Context(), "c1"))
	events, err := s.Store.Events(t.Context(), store.EventFilter{Name: "goods-returned", Key: "1042"})
	require.NoError(t, err)
	require.Len(t, events, 3)
	require.Equal(t, []string{"c1"}, events[2].Cases)
	require.Zero(t, events[0].Waiting)

	s.later(31 * 24 * time.Hour)
	require.NoError(t, s.Store.PruneEvents(t.Context()))
	events, err = s.Store.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	require.Empty(t, events)
	old := s.take(t, "returns", returned("1042", "good", "p1"))
	require.Equal(t, Duplicate, old.Outcome, "it is known when it comes again, as a message is")
	wait.Path, wait.CaseID = "back", "c2"
	_, err = s.Store.TakeEvent(t.Context(), wait, false)
	require.ErrorIs(t, err, store.ErrNotFound, "its time is over")
}

func TestEventThatCannotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, m := range []Message{returned("1042", "eaten", "p"), returned("", "good", "p"), returned("1042", "", "p")} {
		_, err := s.Take(t.Context(), s.source(t, "returns"), m)
		require.ErrorIs(t, err, ErrMalformed)
	}
}
