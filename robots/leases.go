package robots

import (
	"context"
	"sync"
)

// Leases bound how many sessions of one credential work at the same time: many old applications end one session when
// another begins.
type Leases interface {
	// Acquire waits for one of the most leases of a name.
	Acquire(ctx context.Context, name string, most int) (Lease, error)
}

// Lease is the right to use an account.
type Lease interface {
	// Check is nil as long as the lease holds; it is asked right before a write leaves.
	Check(ctx context.Context) error
	// Release gives it back; it is called once.
	Release()
}

// NewLeases makes leases that hold within this process.
func NewLeases() Leases { return &localLeases{slots: map[string]chan struct{}{}} }

type localLeases struct {
	mutex sync.Mutex
	slots map[string]chan struct{}
}

func (l *localLeases) Acquire(ctx context.Context, name string, most int) (Lease, error) {
	l.mutex.Lock()
	slots := l.slots[name]
	if slots == nil || cap(slots) != most {
		slots = make(chan struct{}, most)
		l.slots[name] = slots
	}
	l.mutex.Unlock()
	select {
	case slots <- struct{}{}:
		return localLease{slots}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

type localLease struct{ slots chan struct{} }

func (l localLease) Check(context.Context) error { return nil }
func (l localLease) Release()                    { <-l.slots }
