package adapters_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

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
	tests := loadTests(t, "warehouse-sql")
	return connect(t, adapters.Catalog()["warehouse-sql"], tests, "postgres://"+listener.Addr().String())
}

func TestDatabaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	adapter, tests := adapters.Catalog()["warehouse-sql"], loadTests(t, "warehouse-sql")
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
	login := func(ctx context.Context, _, _, _ string) (context.Context, bool, error) { return ctx, false, nil }
	server, err := wire.NewServer(func(context.Context, wire.Query) (wire.PreparedStatements, error) {
		return nil, errors.New("nobody is let in")
	},
		wire.SessionAuthStrategy(wire.ClearTextPassword(login)), wire.Logger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	_, err = ask(t, connect(t, adapters.Catalog()["warehouse-sql"], loadTests(t, "warehouse-sql"), "postgres://"+listener.Addr().String()), "warehouse.check_stock", fields{"sku": rules.Text("A"), "country": rules.Text("DE")})
	require.Equal(t, contracts.Auth, failureOf(t, err).Class)
	require.True(t, failureOf(t, err).NothingSent)
}
