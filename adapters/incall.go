package adapters

import (
	"context"
	"sync/atomic"
	"time"
)

// inCall is the context of one call, and what all its requests know together.
type inCall struct {
	context.Context
	turn     string      // names it among those that wait for the connection: the same whenever it is tried again
	begun    atomic.Bool // one of its requests had its turn
	repeated bool        // its write may have been sent before
	mended   atomic.Bool // an answer held half of a character
	// doubtful says that an attempt of a request that writes may have been carried out although another one followed.
	doubtful atomic.Bool
}

// patienceOf is how long a request waits for its turn. One behind the first of its call waits as long as the call may
// take: handed up, the call would begin again with its first request, and where many wait it would never get further.
func patienceOf(ctx context.Context) time.Duration {
	longest := patience
	if around := callOf(ctx); around != nil && around.begun.Load() {
		longest = time.Minute
	}
	if deadline, ok := ctx.Deadline(); ok {
		longest = min(longest, time.Until(deadline)/2)
	}
	return longest
}

type callKey struct{}

// Value finds the call in the contexts that are made of it.
func (c *inCall) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// callOf is the call that a context belongs to; nil: none.
func callOf(ctx context.Context) *inCall {
	c, _ := ctx.Value(callKey{}).(*inCall)
	return c
}
