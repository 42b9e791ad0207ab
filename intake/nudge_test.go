package intake

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// A case that gets very many messages is told a few times, and each message is among what it is told of.
func TestManyMessagesAreFewNudges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	const messages = 1500 // more than wait for their handing over at most
	first := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <one@x>", "", "The kettle is broken.")
	s.sweep(t)
	for n := range messages {
		receipt := s.takeMail(t, "ann@example.org", "From: ann@example.org", fmt.Sprintf("Message-ID: <m%d@x>", n), "In-Reply-To: <one@x>", "", "Hello?")
		require.Equal(t, first.CaseID, receipt.CaseID)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	begun := time.Now()
	go func() { defer close(done); s.Run(ctx) }()
	s.later(time.Hour)
	require.Eventually(t, func() bool {
		left, err := s.Store.WaitingMessages(t.Context(), first.CaseID, 1)
		require.NoError(t, err)
		return len(left) == 0
	}, 10*time.Minute, 10*time.Millisecond)
	most := int(time.Since(begun)/nudgeEvery) + 2
	cancel()
	<-done
	require.GreaterOrEqual(t, len(s.cases.nudged), 2, "no nudge tells of more than a thousand")
	require.LessOrEqual(t, len(s.cases.nudged), most)
	entries, err := s.Store.Messages(t.Context(), first.CaseID)
	require.NoError(t, err)
	require.Len(t, entries, messages+1)
	for _, entry := range entries {
		require.Equal(t, entry.Kind == store.KindNew, entry.State == store.EntryStarted)
		require.NotEqual(t, store.EntryStored, entry.State)
	}
}

// What could not be told stays with the sweeper, and who comes while another is about to tell leaves it to that one.
func TestNudgesThatFail(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <one@x>", "", "The kettle is broken.")
	s.sweep(t)
	second := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <two@x>", "In-Reply-To: <one@x>", "", "Hello?")
	s.cases.fail = 1
	require.Error(t, s.nudge(t.Context(), first.CaseID))
	entry, err := s.Store.Entry(t.Context(), second.EntryID)
	require.NoError(t, err)
	require.Equal(t, store.EntryStored, entry.State)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.nudges.begin(first.CaseID, time.Now().Add(time.Hour))
	require.True(t, errors.Is(s.nudge(ended, first.CaseID), context.Canceled), "it waits for its turn no longer than it may")
	require.NoError(t, s.nudge(t.Context(), first.CaseID))
	entry, err = s.Store.Entry(t.Context(), second.EntryID)
	require.NoError(t, err)
	require.Equal(t, store.EntryJoined, entry.State)
	_, mine := s.nudges.turn("other", time.Now())
	require.True(t, mine)
	_, mine = s.nudges.turn("other", time.Now())
	require.False(t, mine)
	require.NoError(t, s.nudge(t.Context(), "other"))
	require.NotContains(t, s.cases.nudged, "other")
}
