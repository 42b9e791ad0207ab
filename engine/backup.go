package engine

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// Files are the databases that an engine keeps in its directory.
func Files() []string { return []string{"temporal.db", "visibility.db"} }

// Snapshot copies one of an engine's SQLite files to a new file, also while the engine works with it: the copy is the
// state of one moment.
func Snapshot(ctx context.Context, directory, name, into string) error {
	file, err := filepath.Abs(filepath.Join(directory, name)) // SQLite's addresses take the first part of another for a host
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: file, RawQuery: "_pragma=busy_timeout(10000)"}).String())
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", into); err != nil {
		return fmt.Errorf("engine: copying %s: %w", file, err)
	}
	return os.Chmod(into, 0o600)
}

// Hold takes an engine's directory as a running engine does, and returns what gives it back. It fails if one runs.
func Hold(directory string) (release func() error, err error) {
	lock, err := lockDirectory(directory)
	if err != nil {
		return nil, err
	}
	return lock.release, nil
}
