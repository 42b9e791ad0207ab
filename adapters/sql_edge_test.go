package adapters_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/postgres"
	"crosswalk/rules"
)

// cut stands between an adapter and a database, and ends the connection when the client says the word: before the
// database hears it, or after, so that its answer is lost.
type cut struct {
	address string
	word    atomic.Pointer[string]
	after   atomic.Bool
}

func cutBetween(t *testing.T, server string) *cut {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cut{address: listener.Addr().String()}
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go c.serve(client, server)
		}
	}()
	return c
}

func (c *cut) serve(client net.Conn, server string) {
	defer client.Close()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer upstream.Close()
	silent, answered := make(chan struct{}), make(chan struct{}, 1)
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := upstream.Read(buffer)
			select {
			case <-silent:
				answered <- struct{}{}
				return
			default:
			}
			if _, failed := client.Write(buffer[:n]); failed != nil || err != nil {
				_ = client.Close()
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		word := c.word.Load()
		if word != nil && bytes.Contains(bytes.ToLower(buffer[:n]), []byte(*word)) {
			if close(silent); c.after.Load() {
				_, _ = upstream.Write(buffer[:n])
				<-answered // the database has done it
			}
			return
		}
		if _, failed := upstream.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

// TestAConnectionThatIsLostInAWrite: before the commit nothing has happened; in it, only a ledger can tell.
func TestAConnectionThatIsLostInAWrite(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server, err := postgres.Start(ctx)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	dsn, err := server.Create(ctx, "stock")
	require.NoError(t, err)
	between := cutBetween(t, server.Address())
	host, port, err := net.SplitHostPort(between.address)
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	user, password := server.User()
	k := keep(t, "postgresql", openPGX(t, dsn), "create table stock (sku text primary key, price numeric, on_hand bigint, counted date, changed timestamptz, note text)", "select 1", upsert, host, number, "stock", user, password)
	_, err = k.db.Exec("insert into stock (sku, on_hand) values ('L', 10)")
	require.NoError(t, err)
	count := func(where string) (n int) {
		require.NoError(t, k.db.QueryRow("select count(*) from stock where "+where).Scan(&n))
		return n
	}
	lose := func(word string, after bool) { between.after.Store(after); between.word.Store(&word) }

	lose("insert into stock", true)
	_, err = k.write(t, "add", "1", fields{"sku": rules.Text("a")})
	require.Equal(t, contracts.Unavailable, failureOf(t, err).Class)
	require.True(t, failureOf(t, err).NothingSent, "the transaction was never committed")
	require.Zero(t, count("sku = 'a'"))

	lose("commit", true)
	_, err = k.write(t, "add", "2", fields{"sku": rules.Text("b")})
	require.Equal(t, contracts.OutcomeUnknown, failureOf(t, err).Class)

	book := fields{"sku": rules.Text("L"), "by": rules.Number(rules.Int(5))}
	_, err = k.write(t, "book", "3", book)
	require.Equal(t, contracts.Unavailable, failureOf(t, err).Class)
	require.False(t, failureOf(t, err).NothingSent)
	between.word.Store(nil)
	answer, err := k.write(t, "book", "3", book)
	require.NoError(t, err)
	require.Equal(t, `{"affected":1}`, string(answer.Plain()))
	require.Equal(t, 1, count("sku = 'L' and on_hand = 15"), "once")
}

// TestSQLServerAndOracleAtTheEdge: no such server runs here. What can be seen without one: who is spoken to, in which
// protocol, over which address, and what becomes of a server that hangs up or is not there.
func TestSQLServerAndOracleAtTheEdge(t *testing.T) {
	t.Parallel()
	for dialect, first := range map[string]func([]byte) bool{
		"sqlserver": func(b []byte) bool { return b[0] == 0x12 },               // a packet of TDS: PRELOGIN
		"oracle":    func(b []byte) bool { return len(b) > 4 && b[4] == 0x01 }, // a packet of TNS: CONNECT
	} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			heard := make(chan []byte, 100)
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					buffer := make([]byte, 4096)
					n, _ := conn.Read(buffer)
					heard <- buffer[:n]
					_ = conn.Close()
				}
			}()
			port := listener.Addr().(*net.TCPAddr).Port
			adapter, problems := adapters.Parse("acme.yaml", []byte(fmt.Sprintf(stock, dialect, remote, "select 1", "merge into stock using x on 1 = 1")), contracts.Catalog())
			if dialect == "sqlserver" || dialect == "oracle" { // put has parameters that this merge does not use
				require.Contains(t, problems.Error(), "the query has no $1")
			}
			adapter, problems = adapters.Parse("acme.yaml", []byte(fmt.Sprintf(stock, dialect, remote, "select 1", "update stock set price = $2, on_hand = $3, counted = $4, changed = $5, note = $6 where sku = $1")), contracts.Catalog())
			require.Empty(t, problems.Error())
			config := adapters.Config{System: "stock", Shared: boundless{}, Secrets: secrets(map[string]string{"password": "pw-canary-77"}),
				Settings: rules.Record(fields{"host": rules.Text("127.0.0.1"), "port": rules.Number(rules.Int(int64(port))), "database": rules.Text("d"), "user": rules.Text("u"), "tls": rules.Text("off")})}
			_, err = adapter.Connect(config)
			require.ErrorContains(t, err, "would not be encrypted")
			config.AllowHosts = []string{fmt.Sprintf("127.0.0.1:%d", port)}
			connection, err := adapter.Connect(config)
			require.NoError(t, err)
			t.Cleanup(connection.Close)
			_, err = ask(t, connection, "warehouse.look", fields{"sku": rules.Text("x")})
			failure := failureOf(t, err)
			require.Equal(t, contracts.Unavailable, failure.Class, failure.Message)
			require.NotContains(t, failure.Message, "canary")
			require.True(t, first(<-heard))
			require.NoError(t, listener.Close())
			_, err = connection.Call(context.Background(), adapters.Call{Operation: "warehouse.add", Key: "k", Input: rules.Record(fields{"sku": rules.Text("x")})})
			require.Equal(t, contracts.Unavailable, failureOf(t, err).Class)
			require.True(t, failureOf(t, err).NothingSent, "nothing was sent to a server that is not there")

			config.Settings, config.AllowHosts = config.Settings.With("tls", rules.Text("require")), nil
			connection, err = adapter.Connect(config)
			require.NoError(t, err)
			t.Cleanup(connection.Close)
			_, err = ask(t, connection, "warehouse.look", fields{"sku": rules.Text("x")})
			require.Contains(t, failureOf(t, err).Message, "must be allowed by host and port")
		})
	}
}
