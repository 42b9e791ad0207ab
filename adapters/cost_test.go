package adapters_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// A system that counts what requests cost says what is left, in a good answer or in one that refuses.
func TestCosts(t *testing.T) {
	t.Parallel()
	const file = `adapter: acme
contract: support
connection: {base_url: https://api.acme.example}
auth: none
limits: {cost: {available: '${body.cost.left}', restore: '${body.cost.rate}', request: '${body.cost.asked}', used: '${body.cost.used}', reserve: 100}}
errors: [{when: 'body.error == "THROTTLED"', class: rate_limited}]
operations:
` + getTask
	for answer, want := range map[string]struct {
		class contracts.Class
		wait  float64
	}{
		`{"id": "1", "cost": {"left": 900, "rate": 50, "asked": 12}}`: {"", 0},
		`{"id": "1", "cost": {"left": 100, "rate": 50}}`:              {"", 0},
		`{"id": "1"}`: {"", 0},
		`{"id": "1", "cost": {"left": "much", "rate": 0}}`:                                  {"", 0},
		`{"id": "1", "cost": {"left": 400, "rate": 50, "asked": 500, "used": 400}}`:         {"", 0},
		`{"id": "1", "cost": {"left": 250, "rate": 5, "asked": 500, "used": 400}}`:          {"", 30},
		`{"id": "1", "cost": {"left": 0, "rate": 5, "asked": 500}}`:                         {"", 20},
		`{"error": "THROTTLED", "cost": {"left": 60, "rate": 10, "asked": 460}}`:            {contracts.RateLimited, 40},
		`{"error": "THROTTLED", "cost": {"left": 60.5, "rate": 0.0001, "asked": 46000000}}`: {contracts.RateLimited, adapters.MaxWait.Seconds()},
	} {
		hits := 0
		connection := serve(t, file, func(w http.ResponseWriter, _ *http.Request) {
			hits++
			_, _ = w.Write([]byte(answer))
		}, adapters.NewMemory())
		_, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
		if want.class == "" {
			require.NoError(t, err, answer)
		} else {
			require.InDelta(t, want.wait, failureOf(t, err).RetryAfter.Seconds(), 1, answer)
		}
		_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
		if want.wait == 0 {
			require.NoError(t, err, answer)
			continue
		}
		require.Equal(t, contracts.RateLimited, failureOf(t, err).Class)
		require.Equal(t, 1, hits, "all wait")
	}
}

// TestShopifysCosts: the status of Shopify's bucket is in every answer. What a query cost and what is left hold back the
// next one, of any operation.
func TestShopifysCosts(t *testing.T) {
	t.Parallel()
	shopify, tests := adapters.Catalog()["shopify"], loadTests(t, "shopify")
	for status, waits := range map[string]bool{
		`{"requestedQueryCost": 752, "actualQueryCost": 12, "throttleStatus": {"maximumAvailable": 2000, "currentlyAvailable": 1988, "restoreRate": 100}}`: false,
		`{"requestedQueryCost": 752, "actualQueryCost": 640, "throttleStatus": {"maximumAvailable": 1000, "currentlyAvailable": 360, "restoreRate": 0.5}}`: true,
		`{"requestedQueryCost": 12, "actualQueryCost": 12, "throttleStatus": {"maximumAvailable": 1000, "currentlyAvailable": 20, "restoreRate": 0.5}}`:    true,
	} {
		hits := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			hits++
			_, _ = w.Write([]byte(`{"data": {"shop": {"name": "Acme"}}, "extensions": {"cost": ` + status + `}}`))
		}))
		t.Cleanup(server.Close)
		address, err := url.Parse(server.URL)
		require.NoError(t, err)
		connection, err := shopify.Connect(adapters.Config{System: "shop", Settings: tests.Settings, Secrets: secrets(tests.Secrets), BaseURL: server.URL, AllowHosts: []string{address.Host}, Shared: adapters.NewMemory()})
		require.NoError(t, err)
		t.Cleanup(connection.Close)
		_, err = ask(t, connection, shopify.Check, fields{})
		require.NoError(t, err, status)
		_, err = ask(t, connection, shopify.Check, fields{})
		if !waits {
			require.NoError(t, err, status)
			continue
		}
		require.Equal(t, contracts.RateLimited, failureOf(t, err).Class, status)
		require.True(t, failureOf(t, err).NothingSent)
		require.Equal(t, 1, hits, status)
	}
}
