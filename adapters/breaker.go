package adapters

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// After openAfter failures in a row a system is left alone for openFor, and then tried with one request.
// The time is short because waiting cases go on by themselves as soon as the system is back.
const (
	openAfter = 10
	openFor   = 10 * time.Second
)

// breaker keeps a connection from hammering a system that is down. Only failures of the system count,
// never a refusal (4xx), and never a caller that gave up.
type breaker struct {
	inner  *gobreaker.TwoStepCircuitBreaker[struct{}]
	opened atomic.Int64 // when it opened, in nanoseconds
}

func newBreaker(name string) *breaker {
	b := &breaker{}
	b.inner = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        name,
		MaxRequests: 1,
		Timeout:     openFor,
		ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= openAfter },
		IsExcluded: func(err error) bool {
			return errors.Is(err, context.Canceled) || errors.Is(err, errEgress) || errors.Is(err, errNotOurs)
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.opened.Store(time.Now().UnixNano())
			}
		},
	})
	return b
}

// errNotOurs is reported to the breaker when a request ended for a reason that says nothing about the system.
var errNotOurs = errors.New("the caller gave up")

// allow returns the function to report the outcome to, or how long the system will still be left alone.
func (b *breaker) allow() (done func(error), wait time.Duration) {
	done, err := b.inner.Allow()
	if err == nil {
		return done, 0
	}
	return nil, max(time.Second, time.Until(time.Unix(0, b.opened.Load()).Add(openFor)))
}
