package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// A store that was emptied is one that was just made: nothing of what was in it is found, and the same can be stored again.
func TestClear(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), t.TempDir(), Volatile())
	require.NoError(t, err)
	defer s.Close()
	rows := func() map[string]int {
		tables, err := many[textRow](context.Background(), s.read(), "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'")
		require.NoError(t, err)
		require.Greater(t, len(tables), 30)
		counts := map[string]int{}
		for _, table := range texts(tables) {
			var n int
			require.NoError(t, s.read().scalar(t.Context(), "SELECT COUNT(*) FROM "+table, nil, &n))
			if n > 0 {
				counts[table] = n
			}
		}
		return counts
	}
	blank := rows()
	for range 2 {
		require.NoError(t, s.PutBundle(t.Context(), "h1", "complaint", []byte("{}")))
		version, err := s.Publish(t.Context(), Publication{Bundles: map[string]string{"complaint": "h1"}, Who: "ada"})
		require.NoError(t, err)
		require.EqualValues(t, 1, version)
		_, err = s.StoreEntry(t.Context(), Incoming{Entry: Entry{Source: "test", Channel: "web", DedupeKey: "d1", UseCase: "complaint", Parsed: []byte("{}"),
			ContactKeys: []string{"email:a@b.c"}, ThreadKeys: []string{"x"}}})
		require.NoError(t, err)
		require.NoError(t, s.PauseSystem(t.Context(), "crm", "ada", "why"))
		state, err := s.SystemState(t.Context(), "crm")
		require.NoError(t, err)
		require.True(t, state.Paused)
		require.Greater(t, len(rows()), 5)

		require.NoError(t, s.Clear(t.Context()))
		require.Equal(t, blank, rows())
		state, err = s.SystemState(t.Context(), "crm")
		require.NoError(t, err)
		require.False(t, state.Paused, "nor is anything remembered of it")
	}
	kept, err := Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer kept.Close()
	require.ErrorContains(t, kept.Clear(t.Context()), "only a volatile store")
}
