package adapters

import (
	"context"
	"sync/atomic"
)

// inCall is the context of one call, and what all its requests know together.
type inCall struct {
	context.Context
	turn     string      // names it among those that wait for the connection: the same whenever it is tried again
	repeated bool        // its write may have been sent before
	mended   atomic.Bool // an answer held half of a character
	// doubtful says that an attempt of a request that writes may have been carried out although another one followed.
	doubtful atomic.Bool
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
