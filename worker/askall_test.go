package worker

import (
	"context"
	"errors"
	"fmt"
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
	err := askAll(t.Context(), make([]int, 200), func(int) error {
		asked.Add(1)
		return fmt.Errorf("worker: case x: %w", silent)
	})
	require.EqualValues(t, askedAtOnce, asked.Load(), "all of them at once, and nobody else")
	require.ErrorContains(t, err, "none of 32 cases said anything in time; 168 more are asked in the next round")
}

// Where some say something, all are asked, whatever the others come to.
func TestRoundAsksAllWhereSomebodyAnswers(t *testing.T) {
	t.Parallel()
	all := make([]int, 100)
	for i := range all {
		all[i] = i
	}
	var asked, told atomic.Int32
	refused := errors.New("refused")
	err := askAll(t.Context(), all, func(int) error {
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
	require.NoError(t, askAll(over, make([]int, 200), func(int) error { asked.Add(1); cancel(); return nil }))
	require.EqualValues(t, askedAtOnce, asked.Load())
}
