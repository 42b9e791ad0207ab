package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
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

// session is a transaction or the read pool. All SQL passes through it, so that what differs between databases
// (placeholders, errors) has one place.
type session struct {
	querier
	whole bool // a statement is carried out whole, whatever becomes of the context
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

// write runs do in one transaction that is on disk when write returns nil. Transactions are serialised; do must
// not wait for anything outside the database.
func (s *Store) write(ctx context.Context, what string, do func(tx session) error) error {
	if err := s.commits.write(ctx, do); err != nil {
		return fmt.Errorf("store: %s: %w", what, err)
	}
	return nil
}

func (s *Store) read() session { return session{querier: s.reader} }

func (q session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(q.context(ctx), query, bind(args)...)
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

// scalar reads one row into the given places; no row is ErrNotFound.
func (q session) scalar(ctx context.Context, query string, args []any, into ...any) error {
	rows, err := q.QueryContext(q.context(ctx), query, bind(args)...)
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
	rows, err := q.QueryContext(q.context(ctx), query, bind(args)...)
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
