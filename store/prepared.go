package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
)

// mostPrepared bounds the statements that are kept. Those of lists with filters come in many forms.
const mostPrepared = 300

// prepared is a database, or a connection, whose statements are parsed once: on SQLite parsing a statement costs
// more than carrying it out.
type prepared struct {
	of interface {
		querier
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	mu    sync.Mutex
	known map[string]*sql.Stmt
}

// statement is nil where there are too many.
func (p *prepared) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.known[query]; s != nil || len(p.known) >= mostPrepared {
		return s, nil
	}
	s, err := p.of.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if p.known == nil {
		p.known = map[string]*sql.Stmt{}
	}
	p.known[query] = s
	return s, nil
}

// ExecContext carries out a statement.
func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.statement(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return p.of.ExecContext(ctx, query, args...)
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext asks.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.statement(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return p.of.QueryContext(ctx, query, args...)
	}
	return s.QueryContext(ctx, args...)
}

// writing is the one connection that writes to SQLite, and the transaction on it. It serves one goroutine.
type writing struct {
	*prepared
	db         *sql.DB
	connection *sql.Conn // nil: to be opened
}

// begin takes the write lock at once: a transaction that reads first can never find, at its first write, that it read
// something stale.
func (w *writing) begin() (transaction, error) {
	ctx := context.Background()
	if w.connection == nil {
		connection, err := w.db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		w.connection, w.prepared = connection, &prepared{of: connection}
	}
	if _, err := w.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// Commit ends the transaction. What cannot be committed is undone.
func (w *writing) Commit() error {
	_, err := w.ExecContext(context.Background(), "COMMIT")
	if err != nil {
		err = errors.Join(err, w.Rollback())
	}
	return err
}

// Rollback undoes the transaction, with its connection: after a failure nobody can say in which state that is.
func (w *writing) Rollback() error { return w.close() }

// close gives the connection up; what was not committed is undone by that.
func (w *writing) close() error {
	if w.connection == nil {
		return nil
	}
	connection := w.connection
	w.connection = nil
	_ = connection.Raw(func(any) error { return driver.ErrBadConn }) // not back into the pool
	return ignoreClosed(connection.Close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) {
		return nil
	}
	return err
}
