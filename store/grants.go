package store

import (
	"context"
	"errors"
	"time"
)

// ErrGrantChanged says that the grant is of another version meanwhile.
var ErrGrantChanged = errors.New("the grant was changed by another")

// SealedGrant is what a system gave us so that we may use it, encrypted by the caller.
type SealedGrant struct {
	Connection string
	Version    int64 // grows with every change
	Sealed     []byte
	Previous   []byte    // the one before
	Begun      time.Time // a renewal was sent then, and no answer to it is stored
	Problem    string    // why it is of no use any more
	Changed    time.Time
}

const grantColumns = "connection, version, sealed, previous, begun, problem, changed"

func (g *SealedGrant) fields() []any {
	return []any{&g.Connection, &g.Version, &g.Sealed, &g.Previous, stamp{&g.Begun}, &g.Problem, stamp{&g.Changed}}
}

// Grant returns the grant of a connection, or ErrNotFound.
func (s *Store) Grant(ctx context.Context, connection string) (SealedGrant, error) {
	found, err := one[SealedGrant](ctx, s.read(), "SELECT "+grantColumns+" FROM grants WHERE connection = ?", connection)
	return found, wrap("grant of "+connection, err)
}

// ChangeGrant replaces the grant of that version (0: there is none) by what change makes of it. One of another version
// is ErrGrantChanged.
func (s *Store) ChangeGrant(ctx context.Context, connection string, version int64, change func(*SealedGrant)) error {
	return s.write(ctx, "grant of "+connection, func(tx session) error {
		grant, err := one[SealedGrant](ctx, tx, "SELECT "+grantColumns+" FROM grants WHERE connection = ?", connection)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if grant.Version != version {
			return ErrGrantChanged
		}
		change(&grant)
		grant.Connection, grant.Version, grant.Changed = connection, version+1, s.now()
		_, err = tx.insert(ctx, "grants", grantColumns, grant.fields(), `ON CONFLICT (connection) DO UPDATE SET version = excluded.version,
			sealed = excluded.sealed, previous = excluded.previous, begun = excluded.begun, problem = excluded.problem, changed = excluded.changed`)
		return err
	})
}
