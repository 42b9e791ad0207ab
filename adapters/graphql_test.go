package adapters_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

const graphqlOrders = `  list_orders:
    effect: read
    input: {email: string}
    request:
      post: /graphql.json
      graphql:
        query: 'query($email: String, $after: String) { orders(first: 2, after: $after, query: $email) { nodes { id name } pageInfo { hasNextPage endCursor } } }'
        variables: {email: '${input.email}'}
      items: '${body.data.orders.nodes}'
      paging: {kind: cursor, page_info: '${body.data.orders.pageInfo}', send: after, max_pages: 5}
    output: {names: '${map(answer.items, .name)}'}
`

const graphqlCancel = `  cancel_order:
    effect: write
    safety: at_most_once
    input: {id: {type: string, required: true}}
    request: {post: /graphql.json, graphql: {query: 'mutation($id: ID!) { cancel(id: $id) { ok } }', variables: {id: '${input.id}'}}}
    output: {ok: '${answer.body.data.cancel.ok}'}
`

func TestGraphQLPagesByPageInfo(t *testing.T) {
	t.Parallel()
	connection := clientOf(t, graphqlOrders, func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Query     string
			Variables struct{ Email, After string }
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		switch {
		case asked.Variables.Email != `"a"}){evil}`:
			_, _ = io.WriteString(w, `{"errors":[{"message":"not what was asked for"}]}`)
		case asked.Variables.After == "":
			_, _ = io.WriteString(w, `{"data":{"orders":{"nodes":[{"id":"1","name":"#1"},{"id":"2","name":"#2"}],"pageInfo":{"hasNextPage":true,"endCursor":"c2"}}}}`)
		default:
			_, _ = io.WriteString(w, `{"data":{"orders":{"nodes":[{"id":"3","name":"#3"}],"pageInfo":{"hasNextPage":false,"endCursor":"c3"}}}}`)
		}
	}, boundless{})
	found, err := ask(t, connection, "support.list_orders", fields{"email": rules.Text(`"a"}){evil}`)})
	require.NoError(t, err)
	require.Equal(t, `{"names":["#1","#2","#3"]}`, string(found.Plain()))
}

// TestGraphQLErrors come with a status of 200.
func TestGraphQLErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body        string
		read, write contracts.Class
	}{
		"throttled":                  {`{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}]}`, contracts.RateLimited, contracts.RateLimited},
		"not allowed":                {`{"errors":[{"message":"Access denied","path":["cancel"],"extensions":{"code":"ACCESS_DENIED"}}],"data":null}`, contracts.Auth, contracts.Auth},
		"a document that is refused": {`{"errors":[{"message":"Cannot query field x"}]}`, contracts.Drift, contracts.Drift},
		"an unknown failure":         {`{"errors":[{"message":"boom","path":["cancel"]}],"data":null}`, contracts.Internal, contracts.OutcomeUnknown},
		"a failure of the server":    {`{"errors":[{"message":"boom","path":["cancel"],"extensions":{"code":"INTERNAL_SERVER_ERROR"}}],"data":null}`, contracts.Unavailable, contracts.OutcomeUnknown},
		"data beside errors":         {`{"errors":[{"message":"half","path":["orders"]}],"data":{"orders":{"nodes":[]},"cancel":{"ok":true}}}`, contracts.Internal, contracts.OutcomeUnknown},
		"neither data nor errors":    {`{"extensions":{}}`, contracts.Drift, contracts.OutcomeUnknown},
		"not of GraphQL":             {`[1]`, contracts.Drift, contracts.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection := clientOf(t, graphqlOrders+graphqlCancel, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, test.body) }, boundless{})
			_, err := ask(t, connection, "support.list_orders", nil)
			require.Equal(t, test.read, failureOf(t, err).Class)
			_, err = connection.Call(t.Context(), adapters.Call{Operation: "support.cancel_order", Key: "K", Input: rules.Record(fields{"id": rules.Text("1")})})
			require.Equal(t, test.write, failureOf(t, err).Class)
		})
	}
}

func TestGraphQLIsRefused(t *testing.T) {
	t.Parallel()
	const head = "adapter: acme\ncontract: support\nconnection: {base_url: https://api.acme.example}\nauth: none\noperations:\n  x:\n    effect: read\n    output: {a: b}\n    request: "
	for request, message := range map[string]string{
		"{post: /g, graphql: {query: 'mutation { a }'}}":                                                                 "a mutation changes something, and support.x only reads",
		"{post: /g, graphql: {query: '{ a(id: \"${conn.x}\") }'}}":                                                       "an expression cannot stand in a document of GraphQL",
		"{post: /g, graphql: {query: 'subscription { a }'}}":                                                             `"subscription" is not how a document begins`,
		"{get: /g, graphql: {query: '{ a }'}}":                                                                           "a GET has no body",
		"{post: /g, json: {a: b}, graphql: {query: '{ a }'}}":                                                            "a request has one body",
		"{post: /g, graphql: {query: '{ a }'}, items: '${body.a}', paging: {kind: cursor, max_pages: 3}}":                "cursor paging needs next and send",
		"{get: /g, items: '${body.a}', paging: {kind: cursor, next: '${body.n}', send: a, in: variables, max_pages: 3}}": "the request has no variables",
	} {
		require.Contains(t, parse(head+request+"\n"), message)
	}
}
