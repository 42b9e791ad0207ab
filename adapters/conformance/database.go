package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/jeroenrinzema/psql-wire/codes"
	pgerror "github.com/jeroenrinzema/psql-wire/errors"

	"crosswalk/adapters"
	"crosswalk/rules"
)

// entry is how a database lets somebody in.
type entry struct {
	login func(password string) bool // nil: everybody
	deaf  bool                       // nobody listens
}

// enter connects the adapter with tables: by PostgreSQL's protocol, or for the other dialects by a driver that stands in
// the place of the vendor's.
func (s *suite) enter(t *tables, how entry) (*adapters.Connection, func(), error) {
	t.ready()
	if s.adapter.Dialect() != "postgresql" {
		instead := &standIn{tables: t, vendor: vendors[s.adapter.Dialect()], how: how, secret: s.tests.Secrets["password"]}
		connection, err := connectWith(s.adapter, s.tests, "sql://127.0.0.1:1", func(config *adapters.Config) { config.Database = instead })
		if err != nil {
			return nil, nil, err
		}
		return connection, connection.Close, nil
	}
	address, leave := "", func() {}
	var err error
	if how.deaf {
		address, leave, err = deafAddress()
		address = "postgres://" + address
	} else {
		address, leave, err = openPostgres(t, how)
	}
	if err != nil {
		s.fail(err)
		return nil, nil, err
	}
	connection, err := Connect(s.adapter, s.tests, address)
	if err != nil {
		leave()
		return nil, nil, err
	}
	return connection, func() {
		go func() { // it waits for connections that a fault may hold
			connection.Close()
			leave()
		}()
	}, nil
}

// postgres is a server that speaks PostgreSQL's protocol.
type postgres struct {
	tables   *tables
	listener *cutter
}

// cutter is a listener whose connections can be cut.
type cutter struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

// Accept keeps what it accepts.
func (c *cutter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.mu.Lock()
		c.conns = append(c.conns, conn)
		c.mu.Unlock()
	}
	return conn, err
}

// cut ends all connections without a word.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

type sittingKey struct{}

// openPostgres starts the server and returns its address.
func openPostgres(t *tables, how entry) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	p := &postgres{t, &cutter{Listener: listener}}
	login := func(ctx context.Context, _, _, password string) (context.Context, bool, error) {
		return ctx, how.login == nil || how.login(password), nil
	}
	begins := func(ctx context.Context) (context.Context, error) {
		return context.WithValue(ctx, sittingKey{}, t.sit()), nil
	}
	server, err := wire.NewServer(p.handle, wire.SessionAuthStrategy(wire.ClearTextPassword(login)), wire.SessionMiddleware(begins), wire.MessageBufferSize(1<<18), wire.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		return "", nil, errors.Join(err, listener.Close())
	}
	go func() { _ = server.Serve(p.listener) }()
	return "postgres://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

var oids = map[string]uint32{"text": pgtype.TextOID, "int8": pgtype.Int8OID, "int4": pgtype.Int4OID, "date": pgtype.DateOID,
	"numeric": pgtype.NumericOID, "bool": pgtype.BoolOID, "timestamptz": pgtype.TimestamptzOID, "jsonb": pgtype.JSONBOID}

func (p *postgres) handle(ctx context.Context, query wire.Query) (wire.PreparedStatements, error) {
	s, ok := ctx.Value(sittingKey{}).(*sitting)
	if !ok {
		return nil, errors.New("a session without a beginning")
	}
	if query.Query == "-- ping" { // of the driver's own, to a connection that was idle for a second
		return wire.Prepared(wire.NewStatement(func(_ context.Context, w wire.DataWriter, _ []wire.Parameter) error { return w.Empty() })), nil
	}
	for begins, around := range map[string]struct {
		tag string
		do  func() error
	}{
		"begin":    {"BEGIN", func() error { return nil }},
		"commit":   {"COMMIT", s.commit},
		"rollback": {"ROLLBACK", func() error { s.drop(); return nil }},
	} {
		if strings.HasPrefix(query.Query, begins) {
			return p.statement(nil, func(w wire.DataWriter, _ []string) error {
				if err := p.said(around.do()); err != nil {
					return err
				}
				return w.Complete(around.tag)
			}, query), nil
		}
	}
	h, err := s.hear(query.Query)
	if err != nil {
		return nil, err
	}
	columns := h.exchange.Reply.Columns
	return p.statement(columns, func(w wire.DataWriter, params []string) error {
		rows, affected, err := s.carryOut(h, params)
		if err := p.said(err); err != nil {
			return err
		}
		for _, row := range rows.Items() {
			cells := make([]any, row.Len())
			for i, cell := range row.Items() {
				cells[i] = cellOf(cell, columns[i])
			}
			if err := w.Row(cells); err != nil {
				return err
			}
		}
		return w.Complete(fmt.Sprintf("SELECT %d", affected))
	}, query), nil
}

// statement is one that is carried out when its parameters have come.
func (p *postgres) statement(columns []string, do func(w wire.DataWriter, params []string) error, query wire.Query) wire.PreparedStatements {
	var described wire.Columns
	for _, column := range columns {
		name, kind := columnOf(column)
		described = append(described, wire.Column{Name: name, Oid: oids[kind]})
	}
	run := func(_ context.Context, w wire.DataWriter, parameters []wire.Parameter) error {
		var params []string
		for _, parameter := range parameters {
			params = append(params, string(parameter.Value()))
		}
		return do(w, params)
	}
	return wire.Prepared(wire.NewStatement(run, wire.WithColumns(described), wire.WithParameters(wire.ParseParameters(query.Query))))
}

// said is an error as PostgreSQL says it; a connection that is lost says nothing.
func (p *postgres) said(err error) error {
	var refused refusal
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errLost):
		p.listener.cut()
	case errors.Is(err, errKnown):
		return pgerror.WithCode(err, codes.UniqueViolation)
	case errors.As(err, &refused):
		return pgerror.WithCode(refused, postgresCodes[refused.kind])
	}
	return err
}

// postgresCodes are its codes of what a database refuses.
var postgresCodes = map[string]codes.Code{
	noTable: codes.UndefinedTable, noColumn: codes.UndefinedColumn, noRight: codes.InsufficientPrivilege, noNumber: codes.InvalidTextRepresentation, isThere: codes.UniqueViolation,
	tooMany: codes.TooManyConnections, stopping: codes.AdminShutdown, deadlock: codes.DeadlockDetected, otherwise: codes.Internal,
}

func columnOf(column string) (name, kind string) {
	at := strings.LastIndex(column, ":")
	return column[:at], column[at+1:]
}

// cellOf is a cell as PostgreSQL's column wants it.
func cellOf(v rules.Value, column string) any {
	switch v.Kind() {
	case rules.KindMissing:
		return nil
	case rules.KindBool:
		return v.Bool()
	case rules.KindNumber:
		if whole, ok := v.Num().Int64(); ok && strings.Contains(column, ":int") {
			return whole
		}
	}
	return v.String()
}
