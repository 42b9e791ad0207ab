package adapters_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/jeroenrinzema/psql-wire/codes"
	pgerror "github.com/jeroenrinzema/psql-wire/errors"
	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// database is a stand-in that speaks PostgreSQL's protocol and answers queries as the exchanges say.
type database struct {
	t         *testing.T
	mu        sync.Mutex
	exchanges []wireExchange
	used      []bool
	user      string
	password  string
}

func (d *database) serve() string {
	server, err := wire.NewServer(d.handle, wire.SessionAuthStrategy(wire.ClearTextPassword(d.login)), wire.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	require.NoError(d.t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(d.t, err)
	go func() { _ = server.Serve(listener) }()
	d.t.Cleanup(func() { _ = server.Close() })
	return "postgres://" + listener.Addr().String()
}

func (d *database) login(ctx context.Context, _, user, password string) (context.Context, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.user, d.password = user, password
	return ctx, password != "wrong", nil
}

var oids = map[string]uint32{"text": pgtype.TextOID, "int8": pgtype.Int8OID, "int4": pgtype.Int4OID, "date": pgtype.DateOID,
	"numeric": pgtype.NumericOID, "bool": pgtype.BoolOID, "timestamptz": pgtype.TimestamptzOID, "jsonb": pgtype.JSONBOID}

func (d *database) handle(_ context.Context, query wire.Query) (wire.PreparedStatements, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, x := range d.exchanges {
		if d.used[i] || !strings.Contains(query.Query, x.Expect.SQL) {
			continue
		}
		d.used[i] = true
		var columns wire.Columns
		for _, column := range x.Reply.Columns {
			name, kind, _ := strings.Cut(column, ":")
			columns = append(columns, wire.Column{Name: name, Oid: oids[kind]})
		}
		run := func(_ context.Context, w wire.DataWriter, parameters []wire.Parameter) error {
			var got []string
			for _, p := range parameters {
				got = append(got, string(p.Value()))
			}
			if fmt.Sprint(got) != fmt.Sprint(x.Expect.Params) {
				d.t.Errorf("the parameters are %q, not %q", got, x.Expect.Params)
			}
			for _, row := range x.Reply.Rows {
				if err := w.Row(row); err != nil {
					return err
				}
			}
			return w.Complete(fmt.Sprintf("SELECT %d", len(x.Reply.Rows)))
		}
		return wire.Prepared(wire.NewStatement(run, wire.WithColumns(columns), wire.WithParameters(wire.ParseParameters(query.Query)))), nil
	}
	return nil, fmt.Errorf("not expected: %s", query.Query)
}

func runDatabaseTest(t *testing.T, adapter *adapters.Adapter, tests wireTests, test wireTest) {
	peer := &database{t: t, exchanges: test.Exchanges, used: make([]bool, len(test.Exchanges))}
	connection := connect(t, adapter, tests, peer.serve())
	output, err := connection.Call(context.Background(), callOf(t, adapter, test))
	checkOutcome(t, test, string(output.Plain()), err)
	peer.mu.Lock()
	defer peer.mu.Unlock()
	for i, used := range peer.used {
		require.True(t, used, "not asked for: %s", test.Exchanges[i].Expect.SQL)
	}
	require.Equal(t, tests.Secrets["password"], peer.password)
}

// faultyDatabase answers every query with the given error.
func faultyDatabase(t *testing.T, fail func(ctx context.Context) error) *adapters.Connection {
	t.Helper()
	parse := func(ctx context.Context, _ wire.Query) (wire.PreparedStatements, error) { return nil, fail(ctx) }
	login := func(ctx context.Context, _, _, _ string) (context.Context, bool, error) { return ctx, true, nil }
	server, err := wire.NewServer(parse, wire.SessionAuthStrategy(wire.ClearTextPassword(login)), wire.Logger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	tests := loadWireTests(t, "warehouse-sql")
	return connect(t, adapters.Catalog()["warehouse-sql"], tests, "postgres://"+listener.Addr().String())
}

func TestDatabaseFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
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
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection := faultyDatabase(t, func(context.Context) error { return pgerror.WithCode(errors.New("pw-canary-3345 failed"), test.code) })
			_, err := ask(t, connection, "warehouse.check_stock", fields{"sku": rules.Text("A"), "country": rules.Text("DE")})
			failure := failureOf(t, err)
			require.Equal(t, test.class, failure.Class, failure.Message)
			require.NotContains(t, failure.Error(), "pw-canary-3345")
			require.False(t, failure.NothingSent)
		})
	}
}

func TestDatabaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	adapter, tests := adapters.Catalog()["warehouse-sql"], loadWireTests(t, "warehouse-sql")
	call := adapters.Call{Operation: "warehouse.check_stock", Input: rules.Record(fields{"sku": rules.Text("A"), "country": rules.Text("DE")})}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	_, err = connect(t, adapter, tests, "postgres://"+listener.Addr().String()).Call(context.Background(), call)
	require.Equal(t, contracts.Unavailable, failureOf(t, err).Class)
	require.True(t, failureOf(t, err).NothingSent)

	// A private address that nobody allowed is not even tried.
	port, err := rules.ParseNum("5432")
	require.NoError(t, err)
	config := adapters.Config{System: "warehouse", Secrets: secrets(tests.Secrets), Settings: tests.Settings.With("host", rules.Text("127.0.0.1")).With("port", rules.Number(port))}
	connection, err := adapter.Connect(config)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	_, err = connection.Call(context.Background(), call)
	require.Equal(t, contracts.Internal, failureOf(t, err).Class)
	require.Contains(t, failureOf(t, err).Message, "must be allowed")

	config.Settings = config.Settings.With("tls", rules.Text("off"))
	_, err = adapter.Connect(config)
	require.ErrorContains(t, err, "would not be encrypted")
}

func TestDatabaseThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	connection := faultyDatabase(t, func(context.Context) error {
		<-end
		return errors.New("too late")
	})
	t.Cleanup(func() { close(end) })
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
	defer cancel()
	_, err := connection.Call(ctx, adapters.Call{Operation: "warehouse.check_stock", Input: rules.Record(fields{"sku": rules.Text("A"), "country": rules.Text("DE")})})
	require.Equal(t, contracts.Unavailable, failureOf(t, err).Class)
}

func TestDatabaseThatRefusesThePassword(t *testing.T) {
	t.Parallel()
	peer := &database{t: t}
	tests := loadWireTests(t, "warehouse-sql")
	tests.Secrets = map[string]string{"password": "wrong"}
	_, err := ask(t, connect(t, adapters.Catalog()["warehouse-sql"], tests, peer.serve()), "warehouse.check_stock", fields{"sku": rules.Text("A"), "country": rules.Text("DE")})
	require.Equal(t, contracts.Auth, failureOf(t, err).Class)
	require.True(t, failureOf(t, err).NothingSent)
}
