package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/robots"
	"crosswalk/store"
	"crosswalk/worker"
)

// endOnce ends a wait once it is said.
type endOnce struct{ end context.CancelFunc }

func (s endOnce) Write(text []byte) (int, error) {
	s.end()
	return len(text), nil
}

func TestSomebodyWhoWaitsForAnAccountIsTold(t *testing.T) {
	t.Parallel()
	kept, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer kept.Close()
	held, err := worker.RobotLeases(kept).Acquire(t.Context(), "erp", 1)
	require.NoError(t, err)
	defer held.Release()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var leases robots.Leases = tellingLeases{worker.RobotLeases(kept), endOnce{cancel}, 0}
	_, err = leases.Acquire(ctx, "erp", 1)
	require.ErrorIs(t, err, context.Canceled)
}
