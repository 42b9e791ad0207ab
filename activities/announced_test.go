package activities_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

// announcing makes the bench's drivers tell when a write leaves.
func announcing(b *bench) {
	plain := b.acts.Reach
	b.acts.Reach = func() *activities.Reach {
		reach := plain()
		for _, system := range reach.Systems {
			for i := range system.Drivers {
				for name, service := range system.Drivers[i].Serves {
					service.Announces, service.Safety = true, contracts.Lookup
					system.Drivers[i].Serves[name] = service
				}
			}
		}
		return reach
	}
}

const announcedTask = `{"queue": "q", "title": "t", "facts": [], "proposal": "p"}`

func (b *bench) effect(in activities.CallInput) store.Effect {
	effect, err := b.store.Effect(b.t.Context(), activities.EffectKey(in.Place))
	require.NoError(b.t, err)
	return effect
}

func TestUntilItIsAnnouncedNothingWasSent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	announcing(b)
	in := b.input("1", "support", "create_task", announcedTask)
	b.play = fails(contracts.Error{Class: contracts.Unavailable, NothingSent: false}) // as after a crash: no word about what was sent
	_, failure := b.ordinary(in)
	require.Equal(t, contracts.Unavailable, failure.Class)
	require.Equal(t, store.EffectIntent, b.effect(in).State)

	var seen []store.EffectState
	b.play = func(call adapters.Call) (rules.Value, error) {
		require.True(t, call.FirstSent.IsZero(), "it was certainly not sent")
		seen = append(seen, b.effect(in).State)
		require.NoError(t, call.Sending(t.Context()))
		seen = append(seen, b.effect(in).State)
		return rules.Value{}, &contracts.Error{Class: contracts.Unavailable}
	}
	_, failure = b.ordinary(in)
	require.Equal(t, contracts.Unavailable, failure.Class)
	require.Equal(t, []store.EffectState{store.EffectIntent, store.EffectSent}, seen)

	b.play = func(call adapters.Call) (rules.Value, error) {
		require.False(t, call.FirstSent.IsZero(), "it may have been sent")
		return rules.Value{}, contracts.NewError(contracts.OutcomeUnknown, "", "nobody knows")
	}
	_, failure = b.ordinary(in)
	require.Equal(t, contracts.OutcomeUnknown, failure.Class)
	require.Equal(t, store.EffectUnknown, b.effect(in).State)
}

func TestOfTwoAttemptsOnlyOneSends(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	announcing(b)
	in := b.input("1", "support", "create_task", announcedTask)
	var late func(context.Context) error
	b.play = func(call adapters.Call) (rules.Value, error) {
		late = call.Sending // this attempt hangs, and is given up
		return rules.Value{}, &contracts.Error{Class: contracts.Unavailable}
	}
	b.ordinary(in)
	b.play = func(call adapters.Call) (rules.Value, error) {
		require.NoError(t, call.Sending(t.Context()))
		require.ErrorIs(t, late(t.Context()), store.ErrEffectState)
		return rules.Value{}, contracts.NewError(contracts.Validation, "", "the page says no")
	}
	_, failure := b.ordinary(in)
	require.Equal(t, contracts.Validation, failure.Class)
	require.Equal(t, store.EffectVoid, b.effect(in).State, "it was sent, and refused")
	require.True(t, errors.Is(late(t.Context()), store.ErrEffectState))
}

// TestAFurtherSendingIsTold: an attempt that begins knows when the one before it has really sent.
func TestAFurtherSendingIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := b.input("1", "support", "create_task", announcedTask)
	var calls []adapters.Call
	b.play = func(call adapters.Call) (rules.Value, error) {
		calls = append(calls, call)
		if len(calls) == 3 {
			require.NoError(t, call.Sending(t.Context()))
		}
		return rules.Value{}, &contracts.Error{Class: contracts.Unavailable}
	}
	for range 4 {
		b.ordinary(in)
	}
	require.Len(t, calls, 4)
	require.True(t, calls[0].FirstSent.IsZero() && calls[0].LastSent.IsZero())
	require.False(t, calls[1].FirstSent.IsZero())
	for _, call := range calls[1:3] {
		require.Equal(t, calls[1].FirstSent, call.FirstSent)
		require.Equal(t, calls[1].FirstSent, call.LastSent, "none was sent since")
	}
	require.Equal(t, calls[1].FirstSent, calls[3].FirstSent)
	require.True(t, calls[3].LastSent.After(calls[3].FirstSent))
	effect := b.effect(in)
	require.Equal(t, effect.LastSentAt, calls[3].LastSent)
}
