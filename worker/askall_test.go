package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// With no worker at all each ask takes until its time is over. A round of a sweeper must not take so long for each.
func TestRoundEndsWhereNobodySaysAnything(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	silent := client.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded)
	err := askAll(t.Context(), numbers(200), strconv.Itoa, func(int) error {
		asked.Add(1)
		return fmt.Errorf("worker: case x: %w", silent)
	})
	require.EqualValues(t, askedAtOnce, asked.Load(), "all of them at once, and nobody else")
	require.ErrorContains(t, err, "none of 32 cases said anything in time; 168 more are asked in the next round")
}

// Where some say something, all are asked, whatever the others come to.
func TestRoundAsksAllWhereSomebodyAnswers(t *testing.T) {
	t.Parallel()
	all := numbers(100)
	var asked, told atomic.Int32
	refused := errors.New("refused")
	err := askAll(t.Context(), all, strconv.Itoa, func(int) error {
		switch asked.Add(1) % 3 {
		case 0:
			return context.DeadlineExceeded
		case 1:
			return refused
		}
		told.Add(1)
		return nil
	})
	require.ErrorIs(t, err, refused)
	require.EqualValues(t, 100, asked.Load())
	require.EqualValues(t, 33, told.Load())
	require.Equal(t, 99, all[99], "the caller's list is left alone")
}

func TestRoundEndsWithItsContext(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	var asked atomic.Int32
	require.NoError(t, askAll(over, numbers(200), strconv.Itoa, func(int) error { asked.Add(1); cancel(); return nil }))
	require.EqualValues(t, askedAtOnce, asked.Load())
}

// What one case is asked keeps its order, and nothing overtakes what it has not heard; the other cases are asked all the same.
func TestRoundKeepsTheOrderOfACase(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	heard := map[string][]int{}
	caseOf := func(n int) string { return strconv.Itoa(n % 10) }
	err := askAll(t.Context(), numbers(100), caseOf, func(n int) error {
		mu.Lock()
		defer mu.Unlock()
		heard[caseOf(n)] = append(heard[caseOf(n)], n)
		switch n {
		case 43:
			return context.DeadlineExceeded
		case 54:
			return errors.New("refused")
		}
		return nil
	})
	require.ErrorContains(t, err, "refused")
	require.Equal(t, []int{3, 13, 23, 33, 43}, heard["3"], "it said nothing, and is asked again in the next round")
	require.Equal(t, []int{4, 14, 24, 34, 44, 54, 64, 74, 84, 94}, heard["4"])
	require.Len(t, heard, 10)
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
