package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrLeaseHeld says that another holder has the lease.
var ErrLeaseHeld = errors.New("the lease is held by another")

// Lease is the right to do something alone until an instant. Fence grows with each change of holder: whoever acts on
// a lease can show its number, and an older one is refused.
type Lease struct {
	Name   string
	Holder string
	Fence  int64
	Until  time.Time
}

func (l *Lease) fields() []any { return []any{&l.Name, &l.Holder, &l.Fence, stamp{&l.Until}} }

// AcquireLease takes a free or expired lease, or prolongs the holder's own. If another has it, it returns that lease
// and ErrLeaseHeld.
func (s *Store) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (Lease, error) {
	var lease Lease
	err := s.write(ctx, "lease "+name, func(tx session) error {
		var err error
		lease, err = leaseByName(ctx, tx, name)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		now := s.now().UTC().Truncate(time.Microsecond)
		live := lease.Until.After(now)
		if live && lease.Holder != holder {
			return ErrLeaseHeld
		}
		if !live || lease.Holder != holder {
			lease.Fence++
		}
		lease.Name, lease.Holder, lease.Until = name, holder, now.Add(ttl)
		_, err = tx.insert(ctx, "leases", "name, holder, fence, until", lease.fields(), `ON CONFLICT (name) DO UPDATE SET
			holder = excluded.holder, fence = excluded.fence, until = excluded.until`)
		return err
	})
	return lease, err
}

// ReleaseLease gives a lease back. One that is no longer the caller's is left alone.
func (s *Store) ReleaseLease(ctx context.Context, lease Lease) error {
	return s.write(ctx, "release "+lease.Name, func(tx session) error {
		_, err := tx.exec(ctx, "UPDATE leases SET until = 0 WHERE name = ? AND holder = ? AND fence = ?", lease.Name, lease.Holder, lease.Fence)
		return err
	})
}

// CheckLease is nil as long as the lease is the caller's; it is asked right before the act that the lease protects.
func (s *Store) CheckLease(ctx context.Context, lease Lease) error {
	current, err := leaseByName(ctx, s.read(), lease.Name)
	if err != nil {
		return wrap("lease "+lease.Name, err)
	}
	if current.Fence != lease.Fence || current.Holder != lease.Holder || !current.Until.After(s.now()) {
		return fmt.Errorf("store: lease %s: %w", lease.Name, ErrLeaseHeld)
	}
	return nil
}

func leaseByName(ctx context.Context, q session, name string) (Lease, error) {
	return one[Lease](ctx, q, "SELECT name, holder, fence, until FROM leases WHERE name = ?", name)
}
