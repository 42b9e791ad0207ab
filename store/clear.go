package store

import (
	"context"
	"errors"
)

// Clear empties a volatile store, as if it had just been made: that costs a fraction of opening another one. Nobody else
// may be using it.
func (s *Store) Clear(ctx context.Context) error {
	if !s.volatile || s.postgres {
		return errors.New("store: only a volatile store is ever emptied")
	}
	defer s.states.forget()
	return s.write(ctx, "clear", func(tx session) error {
		tables, err := many[textRow](ctx, tx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'")
		if err != nil {
			return err
		}
		// In any order: what refers to rows of another table goes with them. Turning that off for the while would have
		// SQLite parse all statements anew.
		for _, table := range texts(tables) {
			if _, err := tx.exec(ctx, "DELETE FROM "+table); err != nil {
				return err
			}
		}
		return nil
	})
}
