package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// ErrNotFound says that no row has the id or key that was asked for.
var ErrNotFound = errors.New("not found")

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// session is a transaction or the read pool. All SQL passes through it and is written once, for SQLite and PostgreSQL:
// ? as placeholders, ON CONFLICT, no functions or clauses that only one of them has (rowid, json_…, INSERT OR, PRAGMA,
// RETURNING with an alias). dialect.go adapts the rest, and every test of this package runs over both.
type session struct {
	querier
	postgres bool
	whole    bool // a statement is carried out whole, whatever becomes of the context
}

func (q session) context(ctx context.Context) context.Context {
	if q.whole {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// row is a struct whose fields, in the order of its column list, can be read from and written to the database.
type row[T any] interface {
	*T
	fields() []any
}

// write runs do in one transaction that is on disk when write returns nil. Transactions are serialised, also with those
// of other processes: do may decide by what it reads. It must not wait for anything outside the database, and it may be
// run again: it sets what it returns anew each time.
func (s *Store) write(ctx context.Context, what string, do func(tx session) error) error {
	if err := s.commits.write(ctx, do); err != nil {
		return fmt.Errorf("store: %s: %w", what, err)
	}
	return nil
}

func (s *Store) read() session { return session{querier: s.reads, postgres: s.postgres} }

func (q session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, query, args, err := q.prepare(ctx, query, args)
	if err != nil {
		return 0, err
	}
	result, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert writes one row; suffix is empty or an ON CONFLICT clause. It reports whether a row was written.
func (q session) insert(ctx context.Context, table, columns string, fields []any, suffix string) (bool, error) {
	marks := strings.TrimSuffix(strings.Repeat("?,", len(fields)), ",")
	n, err := q.exec(ctx, "INSERT INTO "+table+" ("+columns+") VALUES ("+marks+") "+suffix, fields...)
	return n > 0, err
}

// insertsAtOnce is how many rows one statement writes: a statement for each costs more than the rows.
const insertsAtOnce = 8

// insertAll writes rows of one table. No two of them may have the same key.
func (q session) insertAll(ctx context.Context, table, columns string, rows [][]any, suffix string) error {
	for some := range slices.Chunk(rows, insertsAtOnce) {
		marks := "(" + strings.TrimSuffix(strings.Repeat("?,", len(some[0])), ",") + ")"
		all := strings.TrimSuffix(strings.Repeat(marks+",", len(some)), ",")
		if _, err := q.exec(ctx, "INSERT INTO "+table+" ("+columns+") VALUES "+all+" "+suffix, slices.Concat(some...)...); err != nil {
			return err
		}
	}
	return nil
}

// scalar reads one row into the given places; no row is ErrNotFound.
func (q session) scalar(ctx context.Context, query string, args []any, into ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !q.postgres {
		ctx = context.WithoutCancel(ctx) // it takes microseconds; watching for an end of ctx takes more
	}
	ctx, query, args, err := q.prepare(ctx, query, args)
	if err != nil {
		return err
	}
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err // a failure to look is not an absence
		}
		return ErrNotFound
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	return rows.Err()
}

// one reads one row; no row is ErrNotFound.
func one[T any, P row[T]](ctx context.Context, q session, query string, args ...any) (T, error) {
	var found T
	err := q.scalar(ctx, query, args, P(&found).fields()...)
	return found, err
}

// many reads all rows.
func many[T any, P row[T]](ctx context.Context, q session, query string, args ...any) ([]T, error) {
	ctx, query, args, err := q.prepare(ctx, query, args)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []T
	for rows.Next() {
		var next T
		if err := rows.Scan(P(&next).fields()...); err != nil {
			return nil, err
		}
		found = append(found, next)
	}
	return found, rows.Err()
}

// bind turns the types of the API into those of the database.
func bind(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case time.Time:
			bound[i] = micros(v)
		case json.RawMessage:
			bound[i] = string(v)
		case []byte:
			bound[i] = notNull(v)
		case *[]byte:
			bound[i] = notNull(*v)
		default:
			bound[i] = arg
		}
	}
	return bound
}

// NewID is a fresh ULID in lower case: sortable by time, safe in URLs and workflow ids.
func (s *Store) NewID() string {
	return strings.ToLower(ulid.MustNew(ulid.Timestamp(s.now()), rand.Reader).String())
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store: %s: %w", what, err)
}
