package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/store"
)

// announcement makes the call's own hook the journal that robots ask for.
type announcement func(context.Context) error

// Sending makes durable that the write may have left.
func (a announcement) Sending(ctx context.Context) error {
	if a == nil {
		return errors.New("this call has no ledger, and must not write")
	}
	return a(ctx)
}

// sharingRunner runs robots that share accounts, limits and log-ins with all processes on the store.
func sharingRunner(pool *robots.Pool, s *store.Store, data string) *robots.Runner {
	runner := robots.NewRunner(pool, robotLeases{s})
	runner.Share(robotLimits{s})
	runner.KeepLogins(robotLogins{&grants{store: s, data: data}})
	return runner
}

const (
	// leaseTime is how long a session of an account stays taken after its holder was killed.
	leaseTime = 20 * time.Second
	// leasePoll is the pause between two looks at accounts that are all taken.
	leasePoll = 500 * time.Millisecond
)

// robotLeases bound the sessions of an account among all processes on the store.
type robotLeases struct{ store *store.Store }

// RobotLeases makes robots take turns with those of the workers on a store at accounts.
func RobotLeases(s *store.Store) robots.Leases { return robotLeases{s} }

// Acquire waits for one of the most leases of a name, and prolongs it until it is released.
func (l robotLeases) Acquire(ctx context.Context, name string, most int) (robots.Lease, error) {
	holder := "robot " + rand.Text()
	for {
		for slot := range most {
			held, err := l.store.AcquireLease(ctx, fmt.Sprintf("robot %s %d", name, slot), holder, leaseTime)
			switch {
			case err == nil:
				return l.keep(held), nil
			case errors.Is(err, store.ErrLeaseHeld):
			case ctx.Err() != nil:
				return nil, context.Cause(ctx)
			default:
				return nil, &contracts.Error{Class: contracts.Unavailable, Message: "the right to the account could not be looked up", Err: err}
			}
		}
		select {
		case <-time.After(leasePoll):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (l robotLeases) keep(held store.Lease) *robotLease {
	lease := &robotLease{store: l.store, held: held, stop: make(chan struct{})}
	lease.kept.Go(func() {
		ticker := time.NewTicker(leaseTime / 4)
		defer ticker.Stop()
		for {
			select {
			case <-lease.stop:
				return
			case <-ticker.C:
				ctx, cancel := context.WithTimeout(context.Background(), leaseTime/4)
				lease.prolong(ctx)
				cancel()
			}
		}
	})
	return lease
}

// robotLease is one session of an account. The number of its fence says whether somebody else had it since.
type robotLease struct {
	store *store.Store
	held  store.Lease
	stop  chan struct{}
	kept  sync.WaitGroup
	lost  bool // only the goroutine that prolongs
}

// prolong keeps the lease. Once lost it is never taken again: another may have used the account meanwhile.
func (l *robotLease) prolong(ctx context.Context) {
	if l.lost {
		return
	}
	if err := l.store.CheckLease(ctx, l.held); errors.Is(err, store.ErrLeaseHeld) {
		l.lost = true
		return
	}
	now, err := l.store.AcquireLease(ctx, l.held.Name, l.held.Holder, leaseTime)
	l.lost = err == nil && now.Fence != l.held.Fence || errors.Is(err, store.ErrLeaseHeld)
}

// Check asks the store, right before a write leaves.
func (l *robotLease) Check(ctx context.Context) error { return l.store.CheckLease(ctx, l.held) }

// Release gives it back.
func (l *robotLease) Release() {
	close(l.stop)
	l.kept.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), leaseTime/4)
	defer cancel()
	_ = l.store.ReleaseLease(ctx, l.held) // what is not given back ends by itself
}

// robotLimits keep the state of applications for all processes on the store.
type robotLimits struct{ store *store.Store }

// Change changes the state of an application, alone.
func (l robotLimits) Change(ctx context.Context, application string, change func(*robots.Application)) error {
	return l.store.ChangeRobotApplication(ctx, application, func(known *store.RobotApplication) {
		state := robots.Application{NextAt: known.NextAt, Failures: known.Failures, StoppedUntil: known.StoppedUntil}
		change(&state)
		known.NextAt, known.Failures, known.StoppedUntil = state.NextAt, state.Failures, state.StoppedUntil
	})
}
