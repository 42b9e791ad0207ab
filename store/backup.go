package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Snapshot copies the SQLite store of a data directory to a new file, also while another process works with it. Nothing
// is written to the store meanwhile: writes wait, and those that wait for over ten seconds are refused and repeated by
// whoever asked. What meanwhile does runs within that time, before the copy.
func Snapshot(ctx context.Context, directory, into string, meanwhile func() error) error {
	file, err := filepath.Abs(filepath.Join(directory, FileName)) // SQLite's addresses take the first part of another for a host
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	// The lock of a transaction that writes nothing; the copy reads beside it.
	lock, err := sql.Open("sqlite", (&Store{}).dsn(file, false))
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer lock.Close()
	tx, err := lock.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: copying %s: %w", file, err)
	}
	defer tx.Rollback()
	err = meanwhile()
	if err == nil {
		err = copySQLite(ctx, file, into)
	}
	if err != nil {
		return fmt.Errorf("store: copying %s: %w", file, err)
	}
	return nil
}

func copySQLite(ctx context.Context, file, into string) error {
	source, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: file, RawQuery: "_pragma=busy_timeout(10000)"}).String())
	if err != nil {
		return err
	}
	defer source.Close()
	if _, err := source.ExecContext(ctx, "VACUUM INTO ?", into); err != nil {
		return err
	}
	return os.Chmod(into, 0o600)
}

// LastChange is when something was last written into the store that a restored copy would lack: an entry, an answer, an
// effect, the start or end of a case. It is zero for an empty store.
func (s *Store) LastChange(ctx context.Context) (time.Time, error) {
	var last time.Time
	for _, column := range []string{"stored_at), 0) FROM entries", "answered_at), 0) FROM tasks", "intent_at), 0) FROM effects", "settled_at), 0) FROM effects",
		"started_at), 0) FROM cases", "ended_at), 0) FROM cases", "at), 0) FROM publications", "at), 0) FROM audit"} {
		var at time.Time
		err := s.read().scalar(ctx, "SELECT COALESCE(MAX("+column, nil, stamp{&at})
		if err != nil && !errors.Is(err, ErrNotFound) {
			return time.Time{}, wrap("last change", err)
		}
		if at.After(last) {
			last = at
		}
	}
	return last, nil
}
