package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// Connections that a process holds at most: for writing and for reading.
const postgresConnections = 16

// OpenPostgres opens the store in a PostgreSQL database, which many processes may share. dsn is a postgres:// address.
// The schema is brought up to date. Migrations only add, so that processes of the release before go on beside it.
func OpenPostgres(ctx context.Context, dsn string, options ...Option) (*Store, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("store: the address of the database is not postgres://user:password@host:port/name") // err may hold the password
	}
	s := &Store{now: time.Now, postgres: true}
	for _, option := range options {
		option(s)
	}
	if err := s.openPostgres(ctx, config); err != nil {
		return nil, fmt.Errorf("store: database %s at %s:%d: %w", config.Database, config.Host, config.Port, errors.Join(err, s.Close()))
	}
	return s, nil
}

func (s *Store) openPostgres(ctx context.Context, config *pgx.ConnConfig) error {
	s.writer = connect(config, map[string]string{
		"default_transaction_isolation": "serializable",
		// A scan of a whole small table would conflict with every other write to it.
		"enable_seqscan":     "off",
		"synchronous_commit": "on",
	})
	if err := assertDurable(ctx, s.writer); err != nil {
		return err
	}
	if err := migratePostgres(ctx, s.writer); err != nil {
		return err
	}
	s.reader = connect(config, map[string]string{"default_transaction_read_only": "on"})
	s.reads, s.commits = s.reader, serializable{s.writer}
	return nil
}

func connect(config *pgx.ConnConfig, parameters map[string]string) *sql.DB {
	config = config.Copy()
	config.RuntimeParams["application_name"] = "crosswalk"
	for name, value := range parameters {
		config.RuntimeParams[name] = value
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

// assertDurable refuses a server that forgets what it has acknowledged.
func assertDurable(ctx context.Context, db *sql.DB) error {
	for _, name := range []string{"fsync", "synchronous_commit"} {
		var got string
		if err := db.QueryRowContext(ctx, "SHOW "+name).Scan(&got); err != nil {
			return fmt.Errorf("read back %s: %w", name, err)
		}
		if got == "off" {
			return fmt.Errorf("the server's setting %s is off: what is stored would not be safe", name)
		}
	}
	return nil
}

// migrationLock keeps processes that start together from migrating together. The number is only ours.
const migrationLock = 7_362_041_190_023

func migratePostgres(ctx context.Context, db *sql.DB) error {
	lock, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = migrate(ctx, goose.DialectPostgres, db, postgresMigrations{files}, true)
	}
	_, unlocked := lock.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationLock))
	return errors.Join(err, unlocked)
}

// serializable runs each write in a transaction of its own, side by side with those of this and other processes. What
// the server could not fit into a serial order left no trace, and is done again.
type serializable struct{ db *sql.DB }

const (
	// longestWrite bounds what a write takes when the database hangs.
	longestWrite = 30 * time.Second
	// longestPause bounds the wait before a write is repeated.
	longestPause = 100 * time.Millisecond
)

// write repeats do, which must therefore leave nothing behind outside of the transaction but what it sets anew.
func (s serializable) write(ctx context.Context, do func(tx session) error) error {
	for pause := time.Millisecond; ; pause = min(2*pause, longestPause) {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.once(ctx, do)
		if !mustRepeat(err) {
			return err
		}
		wait := time.NewTimer(rand.N(pause))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}

// once is not interrupted in the middle: a commit that is cancelled under way may or may not have happened.
func (s serializable) once(ctx context.Context, do func(tx session) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestWrite)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := do(session{querier: tx, postgres: true, whole: true}); err != nil {
		return err
	}
	return tx.Commit()
}

func (s serializable) close() {}

// mustRepeat tells whether the server undid a transaction because of others that ran beside it.
func mustRepeat(err error) bool {
	const serializationFailure, deadlock = "40001", "40P01"
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == serializationFailure || refused.Code == deadlock)
}
