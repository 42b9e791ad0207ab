package worker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// TestWhatTheWorkspaceWantsKeptNoLonger: a worker drops what is older than crosswalk.yaml says.
func TestWhatTheWorkspaceWantsKeptNoLonger(t *testing.T) {
	h := newHouse(t)
	h.save("crosswalk.yaml", files["crosswalk.yaml"]+"retention: {history: 1 day, record: 2 days, intake: 1 second}\n")
	h.publish()
	long, err := h.store.StoreEntry(t.Context(), store.Incoming{Entry: store.Entry{Source: "mails", Channel: "email", DedupeKey: "1", UseCase: "greet", Parsed: []byte(`{"name":"Ada"}`), ReceivedAt: time.Now().AddDate(0, 0, -3)}, Raw: []byte("hello")})
	require.NoError(t, err)
	require.NoError(t, h.store.MarkStarted(t.Context(), long.Entry.ID))
	require.NoError(t, h.store.EndCase(t.Context(), long.Entry.CaseID, store.End{State: store.CaseDone}))
	h.work()
	require.Eventually(t, func() bool {
		entry, err := h.store.Entry(t.Context(), long.Entry.ID)
		require.NoError(t, err)
		return len(entry.Parsed) == 0
	}, time.Minute, 20*time.Millisecond, "what came in goes")
	_, err = h.store.Case(t.Context(), long.Entry.CaseID)
	require.NoError(t, err, "the case ended just now")
}
