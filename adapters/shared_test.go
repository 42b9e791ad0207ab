package adapters

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

// wall is a board in memory, on which several processes leave word.
type wall struct {
	mu     sync.Mutex
	holds  map[string]Hold
	limits map[string]string
	asked  int
}

func newWall() *wall { return &wall{holds: map[string]Hold{}, limits: map[string]string{}} }

func (w *wall) Holds(context.Context) (map[string]Hold, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.holds), nil
}

func (w *wall) ChangeHold(_ context.Context, connection string, change func(Hold) Hold) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holds[connection] = change(w.holds[connection])
	return nil
}

func (w *wall) ChangeLimit(_ context.Context, connection, limit string, change func(string) (string, error)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	text, err := change(w.limits[connection+limit])
	w.limits[connection+limit] = text
	return err
}

// Two processes with a hundred waiting calls each keep one rate, each gets its part, and the board is asked seldom.
func TestProcessesShareARate(t *testing.T) {
	t.Parallel()
	limit := Limit{Requests: 100, Per: time.Second}
	board := newWall()
	var mu sync.Mutex
	var at []time.Time
	served := map[int]int{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	begin := time.Now()
	for process := range 2 {
		shared := NewShared(board, true)
		for i := range 100 {
			running.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					wait, err := shared.Take(&inCall{Context: ctx, turn: fmt.Sprint(i, n)}, "crm/acme", []Limit{limit}, patience)
					for err == nil && wait > patience && pause(ctx, wait) == nil {
						wait, err = shared.Take(&inCall{Context: ctx, turn: fmt.Sprint(i, n)}, "crm/acme", []Limit{limit}, patience)
					}
					if err != nil || pause(ctx, wait) != nil {
						return
					}
					mu.Lock()
					at = append(at, time.Now())
					served[process]++
					if len(at) == 400 {
						cancel()
					}
					mu.Unlock()
				}
			})
		}
	}
	running.Wait()
	took := at[399].Sub(begin)
	require.GreaterOrEqual(t, took, 3*time.Second, "400 at 100 a second, 25 of them at once")
	require.Greater(t, served[0], 100)
	require.Greater(t, served[1], 100)
	require.Less(t, board.asked, 250, "the board was asked for blocks")
}

func TestAPauseIsEverybodysAndNobodyElses(t *testing.T) {
	t.Parallel()
	board, now := newWall(), time.Now()
	process := func() *sharing {
		return &sharing{board: board, several: true, connections: map[string]*connectionState{}, now: func() time.Time { return now }}
	}
	one, other := process(), process()
	ctx := t.Context()
	require.NoError(t, one.Pause(ctx, "crm/acme", now.Add(time.Minute)))
	require.NoError(t, one.Pause(ctx, "crm/acme", now.Add(time.Second)), "the latest counts")
	for i, shared := range []Shared{one, other} {
		for turn := range 3 {
			wait, err := shared.Take(&inCall{Context: ctx, turn: fmt.Sprint("case ", i, turn)}, "crm/acme", nil, patience)
			require.NoError(t, err)
			require.InDelta(t, 60+0.09*float64(turn), wait.Seconds(), 1)
		}
		wait, err := shared.Take(ctx, "crm/other", nil, patience)
		require.NoError(t, err)
		require.Zero(t, wait)
	}
}

// What has waited comes one after the other, from all processes together, and ever faster.
func TestADrainIsNoBurst(t *testing.T) {
	t.Parallel()
	board := newWall()
	now := time.Now()
	clock := func() time.Time { return now }
	var all []*sharing
	for range 2 {
		all = append(all, &sharing{board: board, several: true, connections: map[string]*connectionState{}, now: clock})
	}
	lifted := now.Add(time.Minute)
	require.NoError(t, all[0].Pause(t.Context(), "crm/acme", lifted))
	now = lifted
	var due []time.Time
	for i := range 60 {
		wait, err := all[i%2].Take(t.Context(), "crm/acme", nil, time.Hour)
		require.NoError(t, err)
		due = append(due, now.Add(wait))
	}
	slices.SortFunc(due, time.Time.Compare)
	for i := 1; i < len(due); i++ {
		require.GreaterOrEqual(t, due[i].Sub(due[i-1]), drainSpacing(due[i].Sub(lifted)), "%d", i)
	}
	require.Less(t, due[59].Sub(lifted), 8*time.Second)
	now = lifted.Add(drainFor)
	for range 3 {
		wait, err := all[1].Take(t.Context(), "crm/acme", nil, time.Hour)
		require.NoError(t, err)
		require.Zero(t, wait)
	}
}

// A broken connection is broken for all processes; one request tries whether it is back.
func TestABreakerIsShared(t *testing.T) {
	t.Parallel()
	board := newWall()
	one, other := newBreaker(NewShared(board, true), "crm/acme"), newBreaker(NewShared(board, true), "crm/acme")
	for range openAfter {
		done, _ := one.allow()
		require.NotNil(t, done)
		done(errNotOurs)
		done(errors.New("down"))
	}
	for _, b := range []*breaker{one, other} {
		done, wait := b.allow()
		require.Nil(t, done)
		require.Positive(t, wait)
		require.LessOrEqual(t, wait, openFor)
	}
	require.Equal(t, contracts.Unavailable, refusal(other.shared.Held(t.Context(), "crm/acme"), "crm", time.Second).Class)
	past := func() {
		require.NoError(t, board.ChangeHold(t.Context(), "crm/acme", func(h Hold) Hold { h.Until = time.Now().Add(-time.Millisecond); return h }))
		one, other = newBreaker(NewShared(board, true), "crm/acme"), newBreaker(NewShared(board, true), "crm/acme")
	}
	past()
	probe, _ := one.allow()
	require.NotNil(t, probe)
	held, _ := other.allow()
	require.Nil(t, held, "one tries")
	probe(errors.New("still down"))
	held, _ = one.allow()
	require.Nil(t, held)
	past()
	probe, _ = other.allow()
	probe(nil)
	done, _ := other.allow()
	require.NotNil(t, done)
	require.False(t, board.holds["crm/acme"].Broken)
}

// No more are under way at once than the limit says, in all processes together.
func TestPlacesOfTwoProcesses(t *testing.T) {
	t.Parallel()
	for _, many := range []int{1, 3} {
		placesOfTwo(t, many)
	}
}

func placesOfTwo(t *testing.T, many int) {
	t.Helper()
	limit, board := Limit{Concurrency: many}, newWall()
	var mu sync.Mutex
	under, served := 0, map[int]int{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for process := range 2 {
		shared := NewShared(board, true)
		for range 5 {
			running.Go(func() {
				for ctx.Err() == nil {
					leave, err := shared.Enter(ctx, "crm/acme", limit, patience)
					if err != nil || leave == nil {
						continue
					}
					mu.Lock()
					under++
					most := under
					served[process]++
					if served[0] > 20 && served[1] > 20 {
						cancel()
					}
					mu.Unlock()
					if most > many {
						t.Errorf("%d at once, %d are allowed", most, many)
						cancel()
					}
					_ = pause(ctx, time.Millisecond)
					mu.Lock()
					under--
					mu.Unlock()
					leave()
				}
			})
		}
	}
	running.Wait()
}

// deaf is a board that cannot be reached.
type deaf struct{ Board }

func (deaf) Holds(context.Context) (map[string]Hold, error) { return nil, context.DeadlineExceeded }

func (deaf) ChangeLimit(context.Context, string, string, func(string) (string, error)) error {
	return context.DeadlineExceeded
}

// A call of several requests gets further however many wait: behind them each time, it would begin again for ever.
func TestACallThatHasBegunIsNotSentToTheEnd(t *testing.T) {
	t.Parallel()
	shared := NewShared(nil, false)
	limits := []Limit{{Requests: 5, Per: time.Second}}
	begun := &inCall{Context: t.Context(), turn: "begun"}
	require.NoError(t, takeTurn(begun, shared, "crm", limits))
	held := 0
	for i := range 100 {
		wait, err := shared.Take(&inCall{Context: t.Context(), turn: fmt.Sprint(i)}, "crm", limits, patience)
		require.NoError(t, err)
		if wait > patience {
			held++
		}
	}
	require.Greater(t, held, 50, "they were told to come again")
	require.NoError(t, takeTurn(begun, shared, "crm", limits))
	require.Equal(t, contracts.RateLimited, contracts.ClassOf(takeTurn(&inCall{Context: t.Context(), turn: "new"}, shared, "crm", limits)))
}

// Limits that cannot be looked at are no reason to ask a person: the call is tried again.
func TestABoardThatCannotBeReached(t *testing.T) {
	t.Parallel()
	shared := NewShared(deaf{}, true)
	c := &Connection{system: "crm", shared: shared, limits: []Limit{{Concurrency: 1}}}
	_, err := c.enter(t.Context(), "find_customer")
	require.Equal(t, contracts.Unavailable, contracts.ClassOf(err))
	require.Equal(t, contracts.Unavailable, contracts.ClassOf(takeTurn(t.Context(), shared, "crm", []Limit{{Requests: 1, Per: time.Second}})))
}
