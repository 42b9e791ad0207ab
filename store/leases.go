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

// TakeLease takes a lease that nobody has or that was given back, or the one that the caller found to be abandoned, if it is
// still as he saw it. No clock is asked, as those of two machines differ: that it has run out is for the caller to
// find out by the time in which its holder does not prolong it. If another has it, it returns that lease and ErrLeaseHeld.
func (s *Store) TakeLease(ctx context.Context, name, holder string, ttl time.Duration, abandoned Lease) (Lease, error) {
	var lease Lease
	err := s.write(ctx, "lease "+name, func(tx session) error {
		var err error
		lease, err = leaseByName(ctx, tx, name)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil && !lease.Until.IsZero() && !lease.Same(abandoned) {
			return ErrLeaseHeld
		}
		lease = Lease{Name: name, Holder: holder, Fence: lease.Fence + 1, Until: s.now().UTC().Truncate(time.Microsecond).Add(ttl)}
		_, err = tx.insert(ctx, "leases", "name, holder, fence, until", lease.fields(), `ON CONFLICT (name) DO UPDATE SET
			holder = excluded.holder, fence = excluded.fence, until = excluded.until`)
		return err
	})
	return lease, err
}

// ProlongLease prolongs a lease that is still the caller's, also if it has run out and nobody has taken it. If another has
// it, or it was given back, the error is ErrLeaseHeld.
func (s *Store) ProlongLease(ctx context.Context, lease Lease, ttl time.Duration) error {
	return s.write(ctx, "lease "+lease.Name, func(tx session) error {
		n, err := tx.exec(ctx, "UPDATE leases SET until = ? WHERE name = ? AND holder = ? AND fence = ? AND until <> 0",
			s.now().UTC().Truncate(time.Microsecond).Add(ttl), lease.Name, lease.Holder, lease.Fence)
		if err == nil && n == 0 {
			return ErrLeaseHeld
		}
		return err
	})
}

// Same says whether nobody has taken or prolonged the lease between two looks at it.
func (l Lease) Same(other Lease) bool {
	return l.Name == other.Name && l.Holder == other.Holder && l.Fence == other.Fence && l.Until.Equal(other.Until)
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
