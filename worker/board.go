package worker

import (
	"context"

	"crosswalk/adapters"
	"crosswalk/store"
)

// board is the store as connections leave word on it for those of other processes.
type board struct{ store *store.Store }

// NewShared is what all connections of this process know together, and those of other processes on the same store.
func NewShared(s *store.Store) adapters.Shared { return adapters.NewShared(board{s}, s.Several()) }

// Holds reads the holds of all connections.
func (b board) Holds(ctx context.Context) (map[string]adapters.Hold, error) {
	all, err := b.store.ConnectionHolds(ctx)
	if err != nil {
		return nil, err
	}
	holds := make(map[string]adapters.Hold, len(all))
	for _, one := range all {
		holds[one.Connection] = adapters.Hold{Until: one.Until, Broken: one.Broken}
	}
	return holds, nil
}

// ChangeHold changes one.
func (b board) ChangeHold(ctx context.Context, connection string, change func(adapters.Hold) adapters.Hold) error {
	return b.store.ChangeHold(ctx, connection, func(old store.ConnectionHold) store.ConnectionHold {
		hold := change(adapters.Hold{Until: old.Until, Broken: old.Broken})
		return store.ConnectionHold{Until: hold.Until, Broken: hold.Broken}
	})
}

// ChangeLimit changes what is written of a limit.
func (b board) ChangeLimit(ctx context.Context, connection, limit string, change func(string) (string, error)) error {
	return b.store.ChangeLimit(ctx, connection, limit, change)
}
