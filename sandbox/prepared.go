package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// mostPrepared bounds what is kept: the warehouse's statements come from its callers.
const mostPrepared = 200

// statements are those of a database or a connection, each parsed once: parsing one costs more than carrying it out.
type statements struct {
	of interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	mu    sync.Mutex
	known map[string]*sql.Stmt
}

func (s *statements) prepare(ctx context.Context, query string) (stmt *sql.Stmt, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt = s.known[query]; stmt != nil {
		return stmt, func() {}, nil
	}
	if stmt, err = s.of.PrepareContext(ctx, query); err != nil {
		return nil, nil, err
	}
	if len(s.known) >= mostPrepared {
		return stmt, func() { _ = stmt.Close() }, nil // once its rows are closed
	}
	if s.known == nil {
		s.known = map[string]*sql.Stmt{}
	}
	s.known[query] = stmt
	return stmt, func() {}, nil
}

func (s *statements) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, done, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	defer done()
	return stmt.ExecContext(ctx, args...)
}

func (s *statements) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, done, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	defer done()
	return stmt.QueryContext(ctx, args...)
}

// row reads one row into the given places; no row is sql.ErrNoRows.
func (s *statements) row(ctx context.Context, query string, args []any, into ...any) error {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err // a failure to look is not an absence
		}
		return sql.ErrNoRows
	}
	return rows.Scan(into...)
}

// writer is the one connection that writes, for one caller at a time.
type writer struct {
	mu sync.Mutex
	statements
}

// write carries out one statement.
func (w *writer) write(ctx context.Context, query string, args ...any) (sql.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.exec(context.WithoutCancel(ctx), query, args...)
}

// within runs f in one transaction. What it begins it ends, whoever still waits.
func (w *writer) within(ctx context.Context, f func(tx *statements) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	if _, err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f(&w.statements)
	if err == nil {
		_, err = w.exec(ctx, "COMMIT")
	}
	if err != nil {
		_, back := w.exec(ctx, "ROLLBACK")
		return errors.Join(err, back)
	}
	return nil
}
