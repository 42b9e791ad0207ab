package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/jeroenrinzema/psql-wire/codes"
	pgerror "github.com/jeroenrinzema/psql-wire/errors"
)

// warehouse is a database that speaks PostgreSQL's wire protocol, for a user who may only read. Its SQL is what SQLite
// makes of it: SELECT and WITH, positional parameters, casts to the usual types.
type warehouse struct {
	state  *state
	faults *faults
	conns  *connections
	plans  sync.Map // what is known of a statement without types of its caller's, by its text
	kept   atomic.Int64
}

// plan is a statement with the columns of its answer.
type plan struct {
	statement
	columns wire.Columns
}

// plan reads a statement. The tables never change.
func (w *warehouse) plan(ctx context.Context, query string) (plan, error) {
	if known, ok := w.plans.Load(query); ok {
		return known.(plan), nil
	}
	s, err := readSQL(query)
	if err != nil || s.tag != "" {
		return plan{statement: s}, err
	}
	columns, err := w.describe(ctx, s)
	if err != nil {
		return plan{}, err
	}
	made := plan{s, columns}
	if w.kept.Add(1) <= mostPrepared {
		w.plans.Store(query, made)
	}
	return made, nil
}

func (c *Company) newWarehouse(address string) *server {
	return &server{name: SystemWarehouse, address: address, open: func() (func(net.Listener) error, func()) {
		w := &warehouse{state: c.state, faults: c.faults, conns: &connections{open: map[string]net.Conn{}}}
		s, err := wire.NewServer(w.parse,
			wire.Logger(slog.New(slog.DiscardHandler)), wire.Version("16.4"),
			wire.SessionAuthStrategy(wire.ClearTextPassword(login)),
			wire.GlobalParameters(wire.Parameters{"TimeZone": "UTC", "DateStyle": "ISO, MDY", "standard_conforming_strings": "on", "integer_datetimes": "on"}))
		if err != nil { // an option of ours is wrong
			return func(net.Listener) error { return err }, func() {}
		}
		serve := func(l net.Listener) error { return s.Serve(trackedListener{l, w.conns}) }
		return serve, func() { w.conns.closeAll(); _ = s.Close() }
	}}
}

func login(ctx context.Context, database, user, password string) (context.Context, bool, error) {
	return ctx, user == WarehouseLogin.User && password == WarehouseLogin.Password && (database == "warehouse" || database == ""), nil
}

// connections are those open now, by the caller's address, so that they can be cut.
type connections struct {
	mu     sync.Mutex
	open   map[string]net.Conn
	closed bool
}

type trackedListener struct {
	net.Listener
	conns *connections
}

type trackedConn struct {
	net.Conn
	conns *connections
}

func (l trackedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.conns.mu.Lock()
	defer l.conns.mu.Unlock()
	if l.conns.closed {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	l.conns.open[conn.RemoteAddr().String()] = conn
	return trackedConn{conn, l.conns}, nil
}

func (c trackedConn) Close() error {
	c.conns.mu.Lock()
	delete(c.conns.open, c.RemoteAddr().String())
	c.conns.mu.Unlock()
	return c.Conn.Close()
}

func (c *connections) cut(address net.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn := c.open[address.String()]; conn != nil {
		_ = conn.Close()
	}
}

func (c *connections) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, conn := range c.open {
		_ = conn.Close()
	}
}

func sqlError(code codes.Code, format string, args ...any) error {
	return pgerror.WithSeverity(pgerror.WithCode(fmt.Errorf(format, args...), code), pgerror.LevelError)
}

// parse prepares one statement.
func (w *warehouse) parse(ctx context.Context, q wire.Query) (wire.PreparedStatements, error) {
	p, err := w.plan(ctx, q.Query)
	if err != nil {
		return nil, err
	}
	s, columns := p.statement, p.columns
	if s.tag != "" { // begin, commit, set …: nothing to do for a reader
		tag := s.tag
		return wire.Prepared(wire.NewStatement(func(_ context.Context, out wire.DataWriter, _ []wire.Parameter) error {
			if tag == "EMPTY" {
				return out.Empty()
			}
			return out.Complete(tag)
		})), nil
	}
	s.parameters = slices.Clone(s.parameters)
	for i, oid := range q.ParameterOIDs {
		if oid != 0 && i < len(s.parameters) {
			s.parameters[i] = oid
		}
	}
	run := func(ctx context.Context, out wire.DataWriter, parameters []wire.Parameter) error {
		return w.execute(ctx, s, columns, out, parameters)
	}
	return wire.Prepared(wire.NewStatement(run, wire.WithColumns(columns), wire.WithParameters(s.parameters))), nil
}

// describe finds the names and types of the columns without running the statement to its end.
func (w *warehouse) describe(ctx context.Context, s statement) (wire.Columns, error) {
	rows, err := w.state.read.query(ctx, "SELECT * FROM ("+s.text+") LIMIT 0", make([]any, len(s.parameters))...)
	if err != nil {
		return nil, sqliteError(err)
	}
	defer rows.Close()
	kinds, err := rows.ColumnTypes()
	if err != nil {
		return nil, sqliteError(err)
	}
	var columns wire.Columns
	for i, kind := range kinds {
		oid := oidOfDeclared(kind.DatabaseTypeName())
		if oid == 0 {
			oid = s.guess(i)
		}
		columns = append(columns, wire.Column{Name: columnName(kind.Name()), Oid: oid, Width: oidWidth[oid]})
	}
	return columns, rows.Err()
}

func sqliteError(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "no such table"):
		return sqlError(codes.UndefinedTable, "relation does not exist: %s", text)
	case strings.Contains(text, "no such column"):
		return sqlError(codes.UndefinedColumn, "column does not exist: %s", text)
	case strings.Contains(text, "no such function"):
		return sqlError(codes.UndefinedFunction, "function does not exist: %s", text)
	}
	return sqlError(codes.Syntax, "%s", text)
}

func (w *warehouse) execute(ctx context.Context, s statement, columns wire.Columns, out wire.DataWriter, parameters []wire.Parameter) error {
	w.faults.requests.add(SystemWarehouse, "SELECT /")
	fault, faulty := w.faults.take(ctx, SystemWarehouse, "SELECT "+s.text)
	if faulty {
		w.faults.hook(fault, "before", SystemWarehouse, s.text)
		switch fault.Kind {
		case FaultRateLimited:
			return sqlError(codes.TooManyConnections, "too many connections for role %q", WarehouseLogin.User)
		case FaultWrongContent:
			return sqlError(codes.Internal, "could not read block 7 in file \"base/16384/2619\"")
		case FaultSlow, FaultExecutedLate:
			pause(ctx, fault.For)
		}
	}
	rows, err := w.rows(ctx, s, columns, parameters)
	if err != nil {
		return err
	}
	if faulty {
		w.faults.hook(fault, "after", SystemWarehouse, s.text)
		if fault.Kind == FaultAnswerLost || fault.Kind == FaultExecutedLate {
			w.conns.cut(wire.RemoteAddress(ctx))
			return errors.New("the connection was cut")
		}
	}
	if err := wire.WriteRows(out, rows); err != nil {
		return err
	}
	return out.Complete(fmt.Sprintf("SELECT %d", len(rows)))
}

func (w *warehouse) rows(ctx context.Context, s statement, columns wire.Columns, parameters []wire.Parameter) ([][]any, error) {
	args := make([]any, len(s.parameters))
	for i, p := range parameters {
		if i >= len(args) {
			return nil, sqlError(codes.ProtocolViolation, "bind message supplies %d parameters, but prepared statement requires %d", len(parameters), len(args))
		}
		value, err := argument(p, s.parameters[i])
		if err != nil {
			return nil, sqlError(codes.InvalidTextRepresentation, "invalid parameter $%d: %v", i+1, err)
		}
		args[i] = value
	}
	rows, err := w.state.read.query(ctx, s.text, args...)
	if err != nil {
		return nil, sqliteError(err)
	}
	defer rows.Close()
	var all [][]any
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, sqliteError(err)
		}
		for i, c := range columns {
			if values[i], err = cell(values[i], c.Oid); err != nil {
				return nil, sqlError(codes.Internal, "column %s: %v", c.Name, err)
			}
		}
		all = append(all, values)
	}
	return all, rows.Err()
}

var oidWidth = map[uint32]int16{pgtype.Int4OID: 4, pgtype.Int8OID: 8, pgtype.BoolOID: 1, pgtype.DateOID: 4, pgtype.TextOID: -1, pgtype.NumericOID: -1}
