package adapters_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/rules"
)

// BenchmarkCall measures one request of one operation against a server on this machine.
func BenchmarkCall(b *testing.B) {
	text := "adapter: acme\ncontract: support\nconnection: {base_url: https://api.acme.example}\nauth: none\noperations:\n" + getTask
	connection := serve(b, text, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id":"1"}`)) }, boundless{})
	call := adapters.Call{Operation: "support.get_task", Input: rules.Record(fields{"task": rules.Text("1")})}
	b.ReportAllocs()
	for b.Loop() {
		_, err := connection.Call(context.Background(), call)
		require.NoError(b, err)
	}
}
