package adapters_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

func TestConnectRefuses(t *testing.T) {
	t.Parallel()
	good := func() adapters.Config {
		return adapters.Config{System: "support", Secrets: secrets(map[string]string{"api_token": "tok-123456"}),
			Settings: rules.Record(fields{"subdomain": rules.Text("acme"), "email": rules.Text("a@b.example")})}
	}
	zendesk := adapters.Catalog()["zendesk"]
	_, err := zendesk.Connect(good())
	require.NoError(t, err)
	for message, change := range map[string]func(*adapters.Config){
		`settings.subdomain: subdomain does not fit`: func(c *adapters.Config) {
			c.Settings = c.Settings.With("subdomain", rules.Text("evil.example/"))
		},
		`settings.subdomain: is missing`:                              func(c *adapters.Config) { c.Settings = c.Settings.With("subdomain", rules.Missing()) },
		`settings.subdoman: the adapter zendesk has no such setting`:  func(c *adapters.Config) { c.Settings = c.Settings.With("subdoman", rules.Text("x")) },
		`secrets.api_token: is missing`:                               func(c *adapters.Config) { c.Secrets = nil },
		`secrets.token: the adapter zendesk has no such secret`:       func(c *adapters.Config) { c.Secrets["token"] = contracts.NewSecret("x") },
		`base_url: http://127.0.0.1:1234 is not encrypted`:            func(c *adapters.Config) { c.BaseURL = "http://127.0.0.1:1234" },
		`base_url: the address may hold a host, a port and a path`:    func(c *adapters.Config) { c.BaseURL = "https://user:pw@x.example" },
		`base_url: "ftp://x.example" is not an address`:               func(c *adapters.Config) { c.BaseURL = "ftp://x.example" },
		`base_url: "https://exa mple.com" is not an address`:          func(c *adapters.Config) { c.BaseURL = "https://exa mple.com" },
		`base_url: the address may hold a host, a port and a path, `:  func(c *adapters.Config) { c.BaseURL = "https://x.example/?a=b" },
		`base_url: the address may hold a host, a port and a path, a`: func(c *adapters.Config) { c.BaseURL = "https://x.example/../admin" },
	} {
		config := good()
		change(&config)
		_, err := zendesk.Connect(config)
		require.ErrorContains(t, err, message)
		require.NotContains(t, err.Error(), "tok-123456")
		var problems adapters.FieldErrors
		require.ErrorAs(t, err, &problems)
	}
}

func TestPrivateAddressesNeedLeave(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	config := adapters.Config{System: "support", BaseURL: server.URL, Secrets: secrets(map[string]string{"api_token": "tok-123456"}),
		Settings: rules.Record(fields{"subdomain": rules.Text("acme"), "email": rules.Text("a@b.example")})}
	connection, err := adapters.Catalog()["zendesk"].Connect(config)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	failure := failureOf(t, err)
	require.Equal(t, contracts.Internal, failure.Class)
	require.True(t, failure.NothingSent)
	require.Contains(t, failure.Message, "must be allowed by host and port")
}

// clientOf makes a connection of a small adapter to a server.
func clientOf(t *testing.T, operations string, handler http.HandlerFunc, shared adapters.Shared) *adapters.Connection {
	t.Helper()
	return serve(t, `adapter: acme
contract: support
connection: {base_url: https://api.acme.example}
auth: none
wait: [{header: Retry-After, format: retry_after}]
operations:
`+operations, handler, shared)
}

func serve(t testing.TB, text string, handler http.HandlerFunc, shared adapters.Shared) *adapters.Connection {
	t.Helper()
	adapter, problems := adapters.Parse("acme.yaml", []byte(text), contracts.Catalog())
	require.Empty(t, problems.Error())
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	connection, err := adapter.Connect(adapters.Config{System: "support", BaseURL: server.URL, AllowHosts: []string{strings.TrimPrefix(server.URL, "http://")}, Shared: shared})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

const getTask = "  get_task: {request: {get: '/tasks/${input.task}'}, output: {id: '${answer.body.id}', number: '1', status: open}}\n"

func TestARateLimitHoldsEverybodyBack(t *testing.T) {
	t.Parallel()
	hits := 0
	shared := adapters.NewMemory()
	connection := clientOf(t, getTask, func(w http.ResponseWriter, _ *http.Request) {
		hits++
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
	}, shared)
	for range 2 {
		_, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
		failure := failureOf(t, err)
		require.Equal(t, contracts.RateLimited, failure.Class)
		require.InDelta(t, 30, failure.RetryAfter.Seconds(), 1)
	}
	require.Equal(t, 1, hits, "the second call was not sent")
	wait, err := shared.Take(context.Background(), "another system", nil, 0)
	require.NoError(t, err)
	require.Zero(t, wait)
}

// An operation reads as much as it says that an answer may have, and no more.
func TestTheLimitOfAnAnswer(t *testing.T) {
	t.Parallel()
	for limit, message := range map[string]string{
		"": "larger than an adapter reads (4 MB for support.get_task; answer_limit", "answer_limit: 6 MB, ": "(6 MB for", "answer_limit: 9 MB, ": "",
	} {
		operations := strings.Replace(getTask, "request:", limit+"request:", 1)
		require.Equal(t, limit != "", operations != getTask)
		connection := clientOf(t, operations, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"id": "1", "more": "` + strings.Repeat("x", 8<<20) + `"}`))
		}, nil)
		_, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
		if message == "" {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, contracts.Drift, failureOf(t, err).Class)
		require.ErrorContains(t, err, message)
	}
}

func TestAShortWaitIsWaitedFor(t *testing.T) {
	t.Parallel()
	hits := 0
	connection := clientOf(t, getTask, func(w http.ResponseWriter, _ *http.Request) {
		if hits++; hits == 1 {
			w.Header().Set("Retry-After", "0.3")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = w.Write([]byte(`{"id":"1"}`))
	}, nil)
	_, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.NoError(t, err)
	require.Equal(t, 2, hits)
}

func TestTheBreakerLeavesASystemAlone(t *testing.T) {
	t.Parallel()
	hits := 0
	connection := clientOf(t, getTask, func(w http.ResponseWriter, _ *http.Request) {
		hits++
		w.WriteHeader(http.StatusBadGateway)
	}, nil)
	var last *contracts.Error
	for range 6 {
		_, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
		last = failureOf(t, err)
		require.Equal(t, contracts.Unavailable, last.Class)
	}
	require.Equal(t, 10, hits)
	require.True(t, last.NothingSent)
	require.Greater(t, last.RetryAfter, time.Duration(0))
}

func TestNextPagesStayOnTheHost(t *testing.T) {
	t.Parallel()
	operations := `  get_task:
    request: {get: /tasks, items: '${body.items}', paging: {kind: next_url, next: '${next_link(headers.link) ?? body.next}', max_pages: 3}}
    output: {id: '${text(len(answer.items))}', number: '1', status: open}
`
	for next, message := range map[string]string{
		"https://evil.example/tasks?page=2": "lies on another host",
		"//evil.example/tasks":              "lies on another host",
		"http://user@evil.example/":         "lies on another host",
		"/tasks?page=loop":                  "same page twice",
	} {
		connection := clientOf(t, operations, func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(rules.Record(fields{"items": rules.List(rules.Text(r.URL.String())), "next": rules.Text(next)}).Plain())
		}, nil)
		_, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
		require.Equal(t, contracts.Drift, failureOf(t, err).Class)
		require.ErrorContains(t, err, message)
	}
	page := 0
	connection := clientOf(t, operations, func(w http.ResponseWriter, r *http.Request) {
		if page++; page < 3 {
			w.Header().Set("Link", `<`+"/tasks?page="+strings.Repeat("x", page)+`>; rel="next", </tasks>; rel="first"`)
		}
		_, _ = w.Write(rules.Record(fields{"items": rules.List(rules.Text(r.URL.String()))}).Plain())
	}, nil)
	got, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.NoError(t, err)
	require.Equal(t, "3", got.Get("id").Text())
}

func TestAtMostOnceIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	hits := 0
	connection := clientOf(t, `  create_task:
    safety: at_most_once
    request: {post: /tasks, json: {title: '${input.title}'}}
    output: {id: '${text(answer.body.id)}', number: '1', status: open}
`, func(w http.ResponseWriter, _ *http.Request) {
		hits++
		_, _ = w.Write([]byte(`{"id":1}`))
	}, nil)
	call := adapters.Call{Operation: "support.create_task", Key: "K", Input: rules.Record(fields{"title": rules.Text("t")})}
	_, err := connection.Call(context.Background(), call)
	require.NoError(t, err)
	call.FirstSent = time.Now()
	_, err = connection.Call(context.Background(), call)
	require.Equal(t, contracts.OutcomeUnknown, failureOf(t, err).Class)
	require.Equal(t, 1, hits)
	require.Equal(t, contracts.AtMostOnce, connection.Safety("support.create_task").Kind)
}

// TestASecondRefusalProvesNothing: the first try may have been carried out, whatever the second is told.
func TestASecondRefusalProvesNothing(t *testing.T) {
	t.Parallel()
	for _, first := range []int{0, http.StatusBadGateway} {
		hits := 0
		connection := clientOf(t, `  create_task:
    safety: {idempotency_key: {header: Idempotency-Key}}
    request: {post: /tasks, json: {title: '${input.title}'}}
    output: {id: '${text(answer.body.id)}', number: '1', status: open}
`, func(w http.ResponseWriter, _ *http.Request) {
			hits++
			switch {
			case hits > 1:
				w.WriteHeader(http.StatusUnprocessableEntity)
			case first > 0:
				w.WriteHeader(first)
			default:
				conn, _, _ := w.(http.Hijacker).Hijack()
				_ = conn.Close()
			}
		}, nil)
		call := adapters.Call{Operation: "support.create_task", Key: "K", Input: rules.Record(fields{"title": rules.Text("t")})}
		_, err := connection.Call(context.Background(), call)
		require.Equal(t, contracts.Unavailable, failureOf(t, err).Class)
		require.Equal(t, 2, hits)
		_, err = connection.Call(context.Background(), call)
		require.Equal(t, contracts.Validation, failureOf(t, err).Class)
	}
}
