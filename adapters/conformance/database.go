package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/jeroenrinzema/psql-wire/codes"
	pgerror "github.com/jeroenrinzema/psql-wire/errors"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// database plays a database that speaks PostgreSQL's protocol and answers queries as the exchanges say.
type database struct {
	exchanges []Exchange
	again     bool
	fault     func(ctx context.Context) error // in place of the answer to the first exchange
	login     func(password string) bool
	mu        sync.Mutex
	used      []bool
	problems  []string
	listener  *cutter
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

// open starts the database and returns its address.
func (d *database) open() (address string, stop func(), err error) {
	login := func(ctx context.Context, _, _, password string) (context.Context, bool, error) {
		return ctx, d.login == nil || d.login(password), nil
	}
	server, err := wire.NewServer(d.handle, wire.SessionAuthStrategy(wire.ClearTextPassword(login)), wire.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	d.used, d.listener = make([]bool, len(d.exchanges)), &cutter{Listener: listener}
	go func() { _ = server.Serve(d.listener) }()
	return "postgres://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

var oids = map[string]uint32{"text": pgtype.TextOID, "int8": pgtype.Int8OID, "int4": pgtype.Int4OID, "date": pgtype.DateOID,
	"numeric": pgtype.NumericOID, "bool": pgtype.BoolOID, "timestamptz": pgtype.TimestamptzOID, "jsonb": pgtype.JSONBOID}

func (d *database) handle(ctx context.Context, query wire.Query) (wire.PreparedStatements, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, x := range d.exchanges {
		if d.used[i] && !d.again || !strings.Contains(query.Query, x.Expect.SQL) {
			continue
		}
		d.used[i] = true
		if d.fault != nil && i == 0 {
			return nil, d.fault(ctx)
		}
		var columns wire.Columns
		for _, column := range x.Reply.Columns {
			name, kind, _ := strings.Cut(column, ":")
			columns = append(columns, wire.Column{Name: name, Oid: oids[kind]})
		}
		run := func(_ context.Context, w wire.DataWriter, parameters []wire.Parameter) error {
			return d.rows(x, w, parameters)
		}
		return wire.Prepared(wire.NewStatement(run, wire.WithColumns(columns), wire.WithParameters(wire.ParseParameters(query.Query)))), nil
	}
	if query.Query == "-- ping" { // of the driver's own, to a connection that was idle for a second
		return wire.Prepared(wire.NewStatement(func(_ context.Context, w wire.DataWriter, _ []wire.Parameter) error { return w.Empty() })), nil
	}
	if tag := aroundWrites(query.Query); tag != "" {
		return wire.Prepared(wire.NewStatement(func(_ context.Context, w wire.DataWriter, _ []wire.Parameter) error { return w.Complete(tag) }, wire.WithParameters(wire.ParseParameters(query.Query)))), nil
	}
	d.problems = append(d.problems, "not expected: "+query.Query)
	return nil, fmt.Errorf("not expected: %s", query.Query)
}

// aroundWrites is what a database says to what stands around a write: its transaction, and the key that is noted in it.
func aroundWrites(query string) string {
	for begins, tag := range map[string]string{"begin": "BEGIN", "commit": "COMMIT", "rollback": "ROLLBACK"} {
		if strings.HasPrefix(query, begins) {
			return tag
		}
	}
	switch {
	case strings.HasPrefix(query, "insert into ") && strings.Contains(query, "(effect_key, request) values"):
		return "INSERT 0 1"
	case strings.HasPrefix(query, "update ") && strings.HasSuffix(query, "set answer = $1 where effect_key = $2"):
		return "UPDATE 1"
	}
	return ""
}

func (d *database) rows(x Exchange, w wire.DataWriter, parameters []wire.Parameter) error {
	var got []string
	for _, p := range parameters {
		got = append(got, string(p.Value()))
	}
	if fmt.Sprint(got) != fmt.Sprint(x.Expect.Params) && !d.again {
		d.mu.Lock()
		d.problems = append(d.problems, fmt.Sprintf("the parameters are %q, not %q", got, x.Expect.Params))
		d.mu.Unlock()
	}
	for _, row := range x.Reply.Rows.Items() {
		cells := make([]any, row.Len())
		for i, cell := range row.Items() {
			cells[i] = cellOf(cell, x.Reply.Columns[i])
		}
		if err := w.Row(cells); err != nil {
			return err
		}
	}
	return w.Complete(fmt.Sprintf("SELECT %d", x.Reply.Rows.Len()))
}

// cellOf is a cell as its column wants it.
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

// playDatabase runs one test of a database adapter.
func (s *suite) playDatabase(ctx context.Context, test Test) []string {
	var password string
	peer := &database{exchanges: test.Exchanges, login: func(given string) bool { password = given; return true }}
	address, stop, err := peer.open()
	if err != nil {
		return []string{err.Error()}
	}
	defer stop()
	connection, err := Connect(s.adapter, s.tests, address)
	if err != nil {
		return []string{"the adapter cannot be connected with the settings and secrets of the tests: " + err.Error()}
	}
	defer connection.Close()
	output, err := connection.Call(ctx, test.call())
	problems := test.outcome(string(output.Plain()), err)
	peer.mu.Lock()
	defer peer.mu.Unlock()
	for i, used := range peer.used {
		if !used {
			problems = append(problems, "not asked for: "+test.Exchanges[i].Expect.SQL)
		}
	}
	if password != s.tests.Secrets["password"] {
		problems = append(problems, "the database got another password than the secret")
	}
	return append(slices.Clone(peer.problems), problems...)
}

// databaseFaults are the errors of a database and their classes.
var databaseFaults = map[string]struct {
	code  codes.Code
	class contracts.Class
}{
	"no such table":        {codes.UndefinedTable, contracts.Drift},
	"no such column":       {codes.UndefinedColumn, contracts.Drift},
	"no right":             {codes.InsufficientPrivilege, contracts.Auth},
	"not a number":         {codes.InvalidTextRepresentation, contracts.Validation},
	"too many connections": {codes.TooManyConnections, contracts.Unavailable},
	"shutting down":        {codes.AdminShutdown, contracts.Unavailable},
	"deadlock":             {codes.DeadlockDetected, contracts.Unavailable},
	"something else":       {codes.Internal, contracts.Internal},
}

// databaseDisturbances are what is done to a query: each kind of error, and connections that are cut.
func (s subject) databaseDisturbances() []disturbance {
	var all []disturbance
	add := func(name string, classes []contracts.Class, fault func(d *database) func(context.Context) error) {
		all = append(all, disturbance{checkStatus, name, func(ctx context.Context) {
			s.meetDatabase(ctx, fault, nil, func(f trial) { s.judgeFault(checkStatus, name, classes, f) })
		}})
	}
	for name, of := range databaseFaults {
		add(name, []contracts.Class{of.class}, func(*database) func(context.Context) error {
			return func(context.Context) error {
				return pgerror.WithCode(errors.New("failed for "+s.tests.Secrets["password"]), of.code)
			}
		})
	}
	add("the connection is cut in the middle of the query", []contracts.Class{contracts.Unavailable}, func(d *database) func(context.Context) error {
		return func(context.Context) error {
			d.listener.cut()
			return errors.New("cut")
		}
	})
	silent := "no answer"
	all = append(all, disturbance{checkSilence, silent, func(ctx context.Context) {
		limited, giveUp := context.WithCancel(ctx)
		defer giveUp()
		end := make(chan struct{})
		defer close(end)
		s.meetDatabase(limited, func(*database) func(context.Context) error {
			return func(context.Context) error {
				giveUp()
				<-end
				return errors.New("too late")
			}
		}, nil, func(f trial) { s.judgeFault(checkSilence, silent, []contracts.Class{contracts.Unavailable}, f) })
	}})
	refused := "the password is refused"
	all = append(all, disturbance{checkStatus, refused, func(ctx context.Context) {
		s.meetDatabase(ctx, nil, func(string) bool { return false }, func(f trial) { s.judgeFault(checkStatus, refused, []contracts.Class{contracts.Auth}, f) })
	}})
	return append(all, disturbance{checkNobody, "the connection is refused", s.nobody}, disturbance{checkHostile, "hostile texts in every input", s.hostileDatabase})
}

func (s *subject) judgeFault(check, name string, classes []contracts.Class, got trial) {
	s.judge(fault{check: check, name: name, classes: classes}, got)
}

func (s *subject) meetDatabase(ctx context.Context, fault func(d *database) func(context.Context) error, login func(string) bool, judge func(trial)) {
	ctx, cancel := context.WithTimeout(ctx, limitOfTrial)
	defer cancel()
	peer := &database{exchanges: s.test.Exchanges, again: true, login: login}
	if fault != nil {
		peer.fault = fault(peer)
	}
	address, stop, err := peer.open()
	if err != nil {
		return
	}
	defer func() { go stop() }() // it waits for connections that a fault may hold
	connection, err := Connect(s.adapter, s.tests, address)
	if err != nil {
		return
	}
	defer connection.Close()
	output, err := connection.Call(ctx, s.test.call())
	judge(trial{output: output, err: err})
}

// hostileDatabase puts hostile texts into every input: they come as parameters, and the query stays the file's.
func (s *subject) hostileDatabase(ctx context.Context) {
	peer := &database{exchanges: s.test.Exchanges, again: true}
	address, stop, err := peer.open()
	if err != nil {
		return
	}
	defer stop()
	connection, err := Connect(s.adapter, s.tests, address)
	if err != nil {
		return
	}
	defer connection.Close()
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, field := range s.op.Input.Fields {
		for _, text := range hostileTexts {
			changed, different := spoil(field.Type, s.test.Input.Get(field.Name), text)
			if !different {
				break
			}
			call := s.test.call()
			if call.Input, err = s.op.Input.Decode(call.Input.With(field.Name, changed)); err == nil {
				_, _ = connection.Call(limited, call)
			}
		}
	}
	peer.mu.Lock()
	defer peer.mu.Unlock()
	for _, problem := range peer.problems {
		s.find(Finding{Operation: s.op.Name, Check: checkHostile, Expected: "the same query, with the text as a parameter", Found: short(problem), Change: "put the input under params:"})
		break
	}
}
