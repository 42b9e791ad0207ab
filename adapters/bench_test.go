package adapters_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/rules"
)

func oneTask(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id":"1"}`)) }

// BenchmarkCall measures one request of one operation against a server on this machine.
func BenchmarkCall(b *testing.B) {
	text := "adapter: acme\ncontract: support\nconnection: {base_url: https://api.acme.example}\nauth: none\noperations:\n" + getTask
	connection := serve(b, text, oneTask, boundless{})
	call := adapters.Call{Operation: "support.get_task", Input: rules.Record(fields{"task": rules.Text("1")})}
	b.ReportAllocs()
	for b.Loop() {
		_, err := connection.Call(context.Background(), call)
		require.NoError(b, err)
	}
}

const createWithKey = `  create_task:
    safety: {idempotency_key: {header: Idempotency-Key}}
    request: {post: /tasks, json: {title: '${input.title}', text: '${input.text}'}}
    output: {id: '${answer.body.id}', number: '1', status: open}
`

// BenchmarkWrite measures one request that writes under a key.
func BenchmarkWrite(b *testing.B) {
	text := "adapter: acme\ncontract: support\nconnection: {base_url: https://api.acme.example}\nauth: none\noperations:\n" + createWithKey
	connection := serve(b, text, oneTask, boundless{})
	call := adapters.Call{Operation: "support.create_task", Key: "effect-1", Input: rules.Record(fields{"queue": rules.Text("support"), "title": rules.Text("a title"), "text": rules.Text("a text")})}
	b.ReportAllocs()
	for b.Loop() {
		_, err := connection.Call(context.Background(), call)
		require.NoError(b, err)
	}
}

// BenchmarkBareCall is what BenchmarkCall is measured by: the same request with net/http alone, its answer read.
func BenchmarkBareCall(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(oneTask))
	b.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{}}
	b.ReportAllocs()
	for b.Loop() {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+"/tasks/1", nil)
		require.NoError(b, err)
		response, err := client.Do(request)
		require.NoError(b, err)
		_, err = io.ReadAll(response.Body)
		require.NoError(b, err)
		require.NoError(b, response.Body.Close())
	}
}
