// Package store keeps everything that must outlive a process and is not Temporal's: what came in, the cases and
// their record, the ledger of effects, the definitions in force, links, tasks and their answers, and the audit.
//
// It knows none of our other packages: values of the rules reach it as JSON, ids and enums as text. All instants
// are UTC. Every write is one transaction that is on disk (fsync) when the method returns.
//
// The database is SQLite in the data directory (Open) or a PostgreSQL that several processes share (OpenPostgres).
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

// FileName is the name of the database inside the data directory.
const FileName = "crosswalk.db"

const (
	readers = 8
	// volatileReaders are those of a store that is thrown away: each costs a look at the whole schema.
	volatileReaders = 2
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the one door to the database. It is safe for concurrent use.
type Store struct {
	writer   *sql.DB
	reader   *sql.DB
	reads    querier // the reader
	commits  commits
	postgres bool
	volatile bool // nothing is forced to the disk
	now      func() time.Time
	states   states
}

// commits is how writes become durable: together in one transaction (SQLite) or side by side (PostgreSQL).
type commits interface {
	write(ctx context.Context, do func(tx session) error) error
	close()
}

// Option changes how a store is opened.
type Option func(*Store)

// WithClock sets the clock that stamps rows, for tests that must not wait.
func WithClock(now func() time.Time) Option {
	return func(s *Store) { s.now = now }
}

// Volatile gives up durability for speed: what a crash leaves is worth nothing. It is for stores that are thrown away.
func Volatile() Option {
	return func(s *Store) { s.volatile = true }
}

// Open opens the store in the data directory, which is Crosswalk's own: it is created if need be and made
// readable by its owner only. The schema is brought up to date, and the settings that durability rests on are read
// back, because SQLite ignores what it does not understand.
func Open(ctx context.Context, directory string, options ...Option) (*Store, error) {
	path, err := prepareFile(directory)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{now: time.Now}
	for _, option := range options {
		option(s)
	}
	if err := s.open(ctx, path); err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, errors.Join(err, s.Close()))
	}
	return s, nil
}

// Close ends all connections after the write in progress; later ones get ErrClosed. Nothing is lost by not calling it.
func (s *Store) Close() error {
	if s.commits != nil {
		s.commits.close()
	}
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Ping tells whether the database answers, for health checks.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.reader.PingContext(ctx); err != nil {
		return fmt.Errorf("store: ping: %w", err)
	}
	return nil
}

func (s *Store) open(ctx context.Context, path string) error {
	var err error
	if s.writer, err = sql.Open("sqlite", s.dsn(path, false)); err != nil {
		return err
	}
	// One writer: SQLite has one anyway, and a queue in front of it beats retries against its lock.
	s.writer.SetMaxOpenConns(1)
	if err := s.prepareSchema(ctx); err != nil {
		return err
	}
	if s.reader, err = sql.Open("sqlite", s.dsn(path, true)); err != nil {
		return err
	}
	side := readers
	if s.volatile {
		side = volatileReaders
	}
	s.reader.SetMaxOpenConns(side)
	s.reader.SetMaxIdleConns(side)
	if err := s.assertPragmas(ctx, s.reader); err != nil {
		return err
	}
	s.reads = &prepared{of: s.reader}
	writing := &writing{db: s.writer}
	s.commits = newCommitter(writing.begin, writing.close)
	return nil
}

// prepareSchema checks the settings of the writer and brings the schema up to date.
func (s *Store) prepareSchema(ctx context.Context) error {
	if err := s.assertPragmas(ctx, s.writer); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return migrate(ctx, goose.DialectSQLite3, s.writer, files, false)
}

func prepareFile(directory string) (string, error) {
	absolute, err := filepath.Abs(directory)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(absolute, 0o700); err != nil {
		return "", err
	}
	if err := os.Chmod(absolute, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(absolute, FileName)
	// SQLite gives its -wal and -shm files the mode of the main file, so it must exist with ours first.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	return path, errors.Join(file.Chmod(0o600), file.Close())
}

type pragma struct{ name, set, want string }

// pragmas is what every connection must have; the values are those that SQLite reports back.
func (s *Store) pragmas() []pragma {
	synchronous := pragma{"synchronous", "FULL", "2"}
	if s.volatile {
		synchronous = pragma{"synchronous", "OFF", "0"}
	}
	return []pragma{
		{"busy_timeout", "10000", "10000"},
		{"journal_mode", "WAL", "wal"},
		synchronous,
		{"foreign_keys", "ON", "1"},
	}
}

func (s *Store) dsn(path string, readOnly bool) string {
	query := url.Values{}
	for _, p := range s.pragmas() {
		query.Add("_pragma", p.name+"("+p.set+")")
	}
	if readOnly {
		query.Add("_pragma", "query_only(1)")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

func (s *Store) assertPragmas(ctx context.Context, db *sql.DB) error {
	for _, p := range s.pragmas() {
		var got string
		if err := db.QueryRowContext(ctx, "PRAGMA "+p.name).Scan(&got); err != nil {
			return fmt.Errorf("read back %s: %w", p.name, err)
		}
		if !strings.EqualFold(got, p.want) {
			return fmt.Errorf("the setting %s is %q, want %q: what is stored would not be safe", p.name, got, p.want)
		}
	}
	return nil
}

// migrate brings the schema up to date. Data of a newer release is refused, except where processes of several releases
// share it while they are replaced one by one: newerIsFine.
func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, files fs.FS, newerIsFine bool) error {
	provider, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if current > target && !newerIsFine {
		return fmt.Errorf("the data has schema version %d, this release knows only %d: start the newer release", current, target)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return nil
}
