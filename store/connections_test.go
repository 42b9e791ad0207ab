package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHoldsOfConnections(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	until := clock.Now().Add(time.Minute)
	require.NoError(t, s.ChangeHold(t.Context(), "crm/hubspot", func(h ConnectionHold) ConnectionHold {
		require.Zero(t, h)
		return ConnectionHold{Until: until}
	}))
	require.NoError(t, s.ChangeHold(t.Context(), "crm/hubspot", func(h ConnectionHold) ConnectionHold {
		require.True(t, until.Equal(h.Until))
		h.Broken = true
		return h
	}))
	require.NoError(t, s.ChangeHold(t.Context(), "a/b", func(h ConnectionHold) ConnectionHold { return h }))
	holds, err := s.ConnectionHolds(t.Context())
	require.NoError(t, err)
	require.Len(t, holds, 1, "what is nothing is not written")
	require.Equal(t, "crm/hubspot", holds[0].Connection)
	require.True(t, holds[0].Broken)
}

func TestLimitsAreChangedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	var mu sync.Mutex
	var problems []error
	parallel(20, func(i int) {
		err := s.ChangeLimit(t.Context(), "crm/hubspot", "100/1m", func(old string) (string, error) {
			return fmt.Sprintf("%sx", old), nil
		})
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, err)
	})
	for _, err := range problems {
		require.NoError(t, err)
	}
	require.NoError(t, s.ChangeLimit(t.Context(), "crm/hubspot", "100/1m", func(old string) (string, error) {
		require.Len(t, old, 20)
		return old, nil
	}))
	require.ErrorContains(t, s.ChangeLimit(t.Context(), "crm/hubspot", "100/1m", func(string) (string, error) { return "", fmt.Errorf("no") }), "no")
}
