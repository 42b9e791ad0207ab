package store

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSystemState(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	ctx := t.Context()
	state, err := s.SystemState(ctx, "crm")
	require.NoError(t, err)
	require.Equal(t, SystemState{System: "crm"}, state)

	later := c.Now().Add(time.Hour)
	require.NoError(t, s.DelaySystem(ctx, "crm", later))
	require.NoError(t, s.PauseSystem(ctx, "crm", "ann", "maintenance"))
	require.NoError(t, s.DelaySystem(ctx, "crm", later.Add(-time.Minute))) // the latest counts
	state, err = s.SystemState(ctx, "crm")
	require.NoError(t, err)
	require.True(t, state.Paused)
	require.Equal(t, "maintenance", state.Reason)
	require.Equal(t, later, state.NotBefore)
	require.NoError(t, s.ResumeSystem(ctx, "crm", "bo"))
	require.NoError(t, s.PauseSystem(ctx, "orders", "bo", ""))
	all, err := s.SystemStates(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.False(t, all[0].Paused)
	require.Equal(t, "bo", all[0].Who)
	require.Equal(t, later, all[0].NotBefore)
}

func TestSwapMeta(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	var won atomic.Int64
	parallel(20, func(i int) {
		if swapped, err := s.SwapMeta(ctx, "token", "", fmt.Sprint(i)); err == nil && swapped {
			won.Add(1)
		}
	})
	require.Equal(t, int64(1), won.Load())
	for _, step := range []struct {
		old, value string
		swapped    bool
	}{{"", "x", false}, {"wrong", "x", false}} {
		swapped, err := s.SwapMeta(ctx, "token", step.old, step.value)
		require.NoError(t, err)
		require.Equal(t, step.swapped, swapped)
	}
	value, err := s.Meta(ctx, "token")
	require.NoError(t, err)
	swapped, err := s.SwapMeta(ctx, "token", value, "next")
	require.NoError(t, err)
	require.True(t, swapped)
	require.NoError(t, s.SetMeta(ctx, "token", "last"))
	value, err = s.Meta(ctx, "token")
	require.NoError(t, err)
	require.Equal(t, "last", value)
}

func TestLeases(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	ctx := t.Context()
	first, err := s.AcquireLease(ctx, "sweeper", "a", time.Minute)
	require.NoError(t, err)
	held, err := s.AcquireLease(ctx, "sweeper", "b", time.Minute)
	require.ErrorIs(t, err, ErrLeaseHeld)
	require.Equal(t, "a", held.Holder)
	prolonged, err := s.AcquireLease(ctx, "sweeper", "a", time.Minute)
	require.NoError(t, err)
	require.Equal(t, first.Fence, prolonged.Fence)
	require.NoError(t, s.CheckLease(ctx, prolonged))

	c.Advance(2 * time.Minute)
	require.ErrorIs(t, s.CheckLease(ctx, prolonged), ErrLeaseHeld)
	second, err := s.AcquireLease(ctx, "sweeper", "b", time.Minute)
	require.NoError(t, err)
	require.Greater(t, second.Fence, first.Fence)
	require.NoError(t, s.ReleaseLease(ctx, first)) // no longer its own
	require.NoError(t, s.CheckLease(ctx, second))
	require.NoError(t, s.ReleaseLease(ctx, second))
	third, err := s.AcquireLease(ctx, "sweeper", "b", time.Minute)
	require.NoError(t, err)
	require.Greater(t, third.Fence, second.Fence)
	require.ErrorIs(t, s.CheckLease(ctx, Lease{Name: "none"}), ErrNotFound)
}

// Whoever measures by himself whether a holder gives word asks no clock.
func TestLeasesWithoutAClock(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	ctx := t.Context()
	first, err := s.TakeLease(ctx, "renewal", "a", time.Minute, Lease{})
	require.NoError(t, err)
	c.Advance(time.Hour)
	seen, err := s.TakeLease(ctx, "renewal", "b", time.Minute, Lease{})
	require.ErrorIs(t, err, ErrLeaseHeld)
	require.True(t, seen.Same(first))
	require.NoError(t, s.ProlongLease(ctx, first, time.Minute), "nobody has taken it")
	seen, err = s.TakeLease(ctx, "renewal", "b", time.Minute, seen)
	require.ErrorIs(t, err, ErrLeaseHeld, "its holder has given word")
	require.False(t, seen.Same(first))
	second, err := s.TakeLease(ctx, "renewal", "b", time.Minute, seen)
	require.NoError(t, err)
	require.Greater(t, second.Fence, first.Fence)
	require.ErrorIs(t, s.ProlongLease(ctx, first, time.Minute), ErrLeaseHeld)
	require.NoError(t, s.ReleaseLease(ctx, second))
	require.ErrorIs(t, s.ProlongLease(ctx, second, time.Minute), ErrLeaseHeld)
	_, err = s.TakeLease(ctx, "renewal", "a", time.Minute, Lease{})
	require.NoError(t, err, "what was given back is free")
}

func TestOneHolderAtATime(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	var won atomic.Int64
	parallel(30, func(i int) {
		if _, err := s.AcquireLease(t.Context(), "sweeper", fmt.Sprint(i), time.Hour); err == nil {
			won.Add(1)
		}
	})
	require.Equal(t, int64(1), won.Load())
}
