package adapters_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/contracts"
)

// loadTests reads the tests beside an adapter of the catalogue.
func loadTests(t *testing.T, name string) *conformance.Tests {
	t.Helper()
	file, text, err := adapters.CatalogTests(name)
	require.NoError(t, err, "an adapter needs tests beside it")
	tests, problems := conformance.Parse(file, text, adapters.Catalog()[name])
	require.NoError(t, problems.Err())
	return tests
}

func secrets(values map[string]string) map[string]contracts.Secret {
	wrapped := map[string]contracts.Secret{}
	for name, text := range values {
		wrapped[name] = contracts.NewSecret(text)
	}
	return wrapped
}

// boundless is shared state without any limits, for tests that are about something else.
type boundless struct{}

func (boundless) Pause(context.Context, string, time.Time) error { return nil }

func (boundless) Enter(context.Context, string, adapters.Limit, time.Duration) (func(), error) {
	return func() {}, nil
}

func (boundless) Held(context.Context, string) adapters.Hold { return adapters.Hold{} }

func (boundless) ChangeHold(context.Context, string, func(adapters.Hold) adapters.Hold) error {
	return nil
}

func (boundless) Take(context.Context, string, []adapters.Limit, time.Duration) (time.Duration, error) {
	return 0, nil
}

// connect joins an adapter with a server of the test.
func connect(t *testing.T, adapter *adapters.Adapter, tests *conformance.Tests, server string) *adapters.Connection {
	t.Helper()
	connection, err := conformance.Connect(adapter, tests, server)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

func failureOf(t *testing.T, err error) *contracts.Error {
	t.Helper()
	var failure *contracts.Error
	require.ErrorAs(t, err, &failure)
	require.True(t, failure.Class.Known())
	require.NotEmpty(t, failure.Operation)
	return failure
}
