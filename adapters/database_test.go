package adapters_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
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
