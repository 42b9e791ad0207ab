package adapters

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// After openAfter failures in a row a system is left alone for openFor, and then tried with one request, and another one
// each probeFor that it does not answer. The time is short because waiting cases go on by themselves as soon as the
// system is back.
const (
	openAfter = 10
	openFor   = 10 * time.Second
	probeFor  = 2 * time.Second
	// boardTime is how long the board may take.
	boardTime = 5 * time.Second
)

// breaker keeps a connection from hammering a system that is down, for all processes that share it. Only failures of
// the system count, never a refusal (4xx), and never a caller that gave up.
type breaker struct {
	shared     Shared
	connection string
	failures   atomic.Int64 // in a row
	told       func(error)
}

func newBreaker(shared Shared, connection string) *breaker {
	b := &breaker{shared: shared, connection: connection}
	b.told = func(err error) { b.outcome(err, false) }
	return b
}

// errNotOurs is reported to the breaker when a request ended for a reason that says nothing about the system.
var errNotOurs = errors.New("the caller gave up")

// allow returns the function to report the outcome to, or how long the system will still be left alone.
func (b *breaker) allow() (done func(error), wait time.Duration) {
	ctx, now := context.Background(), time.Now()
	hold := b.shared.Held(ctx, b.connection)
	if !hold.Broken {
		return b.told, 0
	}
	if hold.Until.After(now) || !b.claim(ctx, now) {
		return nil, max(time.Second, hold.Until.Sub(now))
	}
	return func(err error) { b.outcome(err, true) }, 0
}

// claim takes the right to try whether the system is back.
func (b *breaker) claim(ctx context.Context, now time.Time) (ours bool) {
	err := b.change(ctx, func(hold Hold) Hold {
		if ours = hold.Broken && !hold.Until.After(now); ours {
			hold.Until = now.Add(probeFor)
		}
		return hold
	})
	return err == nil && ours
}

func (b *breaker) change(ctx context.Context, change func(Hold) Hold) error {
	ctx, cancel := context.WithTimeout(ctx, boardTime)
	defer cancel()
	return b.shared.ChangeHold(ctx, b.connection, change)
}

// outcome takes note of what became of a request. A board that cannot be told leaves the others to find out themselves.
func (b *breaker) outcome(err error, probe bool) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, errEgress), errors.Is(err, errNotOurs):
	case err == nil:
		if b.failures.Load() != 0 {
			b.failures.Store(0)
		}
		if probe {
			_ = b.change(context.Background(), func(Hold) Hold { return Hold{Until: time.Now()} })
		}
	default:
		if failed := b.failures.Add(1); probe || failed%openAfter == 0 {
			_ = b.change(context.Background(), func(hold Hold) Hold {
				until := time.Now().Add(openFor)
				if hold.Until.After(until) {
					until = hold.Until
				}
				return Hold{Until: until, Broken: true}
			})
		}
	}
}
