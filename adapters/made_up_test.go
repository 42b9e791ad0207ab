package adapters_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
)

// TestATextIsMadeUpForAPattern holds that a text for a field fits what the field takes.
func TestATextIsMadeUpForAPattern(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`^tok_[a-f0-9]{8}$`:         "tok_11111111",
		`^[A-Z]{2}-[0-9]{3,5}$`:     "AA-111",
		`^(live|test)_\w+$`:         "live_x",
		`^[^@\s]+@[^@\s]+\.[a-z]+$`: "x@x.x",
		`^(?i:key)-.+$`:             "KEY-x",
		`^a*b?$`:                    "",
		`^a$b$`:                     "", // nothing fits
	} {
		adapter, problems := adapters.Parse("x.yaml", []byte(`adapter: x
contract: warehouse
connection: {base_url: https://api.x.example, secrets: {token: {pattern: '`+pattern+`'}}}
auth: {bearer: '${secret.token}'}
operations:
  ping: {effect: read, request: {get: /ping}, output: {ok: true}}
`), contracts.Catalog())
		require.NoError(t, problems.Err(), pattern)
		require.Equal(t, want, adapter.Secrets[0].MadeUp(), pattern)
	}
}
