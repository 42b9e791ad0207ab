package store

import (
	"context"
	"errors"
	"time"
)

// ConnectionHold says that nobody uses a connection before an instant. One that is over still says when that was.
type ConnectionHold struct {
	Connection string    `json:"connection"` // crm/hubspot: system and adapter
	Until      time.Time `json:"until"`
	Broken     bool      `json:"broken,omitempty"` // it failed several times in a row; else the system asked for quiet
	Changed    time.Time `json:"changed"`
}

const holdColumns = "connection, until, broken, changed"

func (h *ConnectionHold) fields() []any {
	return []any{&h.Connection, stamp{&h.Until}, &h.Broken, stamp{&h.Changed}}
}

// Several says whether other processes may use the store at the same time.
func (s *Store) Several() bool { return s.postgres }

// ConnectionHolds returns all holds, those that are over too.
func (s *Store) ConnectionHolds(ctx context.Context) ([]ConnectionHold, error) {
	found, err := many[ConnectionHold](ctx, s.read(), "SELECT "+holdColumns+" FROM connection_holds ORDER BY connection")
	return found, wrap("holds of connections", err)
}

// ChangeHold replaces the hold of a connection by what change makes of it, alone among all processes. change may be
// called again.
func (s *Store) ChangeHold(ctx context.Context, connection string, change func(ConnectionHold) ConnectionHold) error {
	return s.write(ctx, "hold of "+connection, func(tx session) error {
		old, err := one[ConnectionHold](ctx, tx, "SELECT "+holdColumns+" FROM connection_holds WHERE connection = ?", connection)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		hold := change(old)
		if hold.Until.Equal(old.Until) && hold.Broken == old.Broken {
			return nil
		}
		hold.Connection, hold.Changed = connection, s.now()
		_, err = tx.insert(ctx, "connection_holds", holdColumns, hold.fields(), `ON CONFLICT (connection) DO UPDATE SET
			until = excluded.until, broken = excluded.broken, changed = excluded.changed`)
		return err
	})
}

// ChangeLimit replaces what is written of a limit of a connection (empty: nothing yet) by what change makes of it, alone
// among all processes. change may be called again.
func (s *Store) ChangeLimit(ctx context.Context, connection, name string, change func(string) (string, error)) error {
	return s.write(ctx, "limit of "+connection, func(tx session) error {
		var old string
		err := tx.scalar(ctx, "SELECT state FROM connection_limits WHERE connection = ? AND name = ?", []any{connection, name}, &old)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		state, err := change(old)
		if err != nil || state == old {
			return err
		}
		_, err = tx.insert(ctx, "connection_limits", "connection, name, state", []any{connection, name, state}, "ON CONFLICT (connection, name) DO UPDATE SET state = excluded.state")
		return err
	})
}
