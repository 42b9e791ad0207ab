package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/robots"
	"crosswalk/store"
)

// twoProcesses opens one store twice, as two processes do.
func twoProcesses(t *testing.T) (a, b *store.Store) {
	t.Helper()
	dir := t.TempDir()
	for _, one := range []**store.Store{&a, &b} {
		opened, err := store.Open(t.Context(), dir)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, opened.Close()) })
		*one = opened
	}
	return a, b
}

func TestLeasesBoundAnAccountAmongProcesses(t *testing.T) {
	t.Parallel()
	a, b := twoProcesses(t)
	first, err := robotLeases{a}.Acquire(t.Context(), "erp account", 1)
	require.NoError(t, err)
	require.NoError(t, first.Check(t.Context()))
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = robotLeases{b}.Acquire(short, "erp account", 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	other, err := robotLeases{b}.Acquire(t.Context(), "erp account", 2)
	require.NoError(t, err, "two sessions are allowed")
	other.Release()
	first.Release()
	next, err := robotLeases{b}.Acquire(t.Context(), "erp account", 1)
	require.NoError(t, err)
	require.ErrorIs(t, first.Check(t.Context()), store.ErrLeaseHeld, "the fence keeps out who had it before")
	next.Release()
}

func TestLimitsCountAmongProcesses(t *testing.T) {
	t.Parallel()
	a, b := twoProcesses(t)
	fail := func(known *robots.Application) { known.Failures++ }
	require.NoError(t, robotLimits{a}.Change(t.Context(), "erp", fail))
	require.NoError(t, robotLimits{b}.Change(t.Context(), "erp", fail))
	require.NoError(t, robotLimits{a}.Change(t.Context(), "erp", func(known *robots.Application) { require.Equal(t, 2, known.Failures) }))
}

func TestACanaryIsAskedForOnce(t *testing.T) {
	t.Parallel()
	a, b := twoProcesses(t)
	require.NoError(t, a.SetMeta(t.Context(), metaByHand("canary-erp-look"), "asked"))
	for _, want := range []bool{true, false} {
		asked, err := (&canaryRunner{store: b}).askedFor(t.Context(), "canary-erp-look")
		require.NoError(t, err)
		require.Equal(t, want, asked)
	}
	asked, err := (&canaryRunner{store: b}).askedFor(t.Context(), "canary-erp-other")
	require.NoError(t, err)
	require.False(t, asked)
}
