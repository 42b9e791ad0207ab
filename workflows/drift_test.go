package workflows_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

const driftAdapter = `adapter: desk
contract: support
connection: {base_url: https://api.desk.example}
auth: none
operations:
  find_customer:
    request: {get: /users, query: {email: '${input.email}'}}
    output: {id: '${answer.body.id}', name: '${answer.body.name}', language: "${field({'D': 'de', 'E': 'en'}, answer.body.speaks)}", phones: '${answer.body.phones}', emails: '${map(answer.body.mails ?? [], .address)}'}
  create_task:
    safety: {idempotency_key: {header: Idempotency-Key}}
    request: {post: /tasks, json: {title: '${input.title}'}}
    output: {id: '${answer.body.id}', number: '${answer.body.number}', status: "${field({'o': 'open', 's': 'solved'}, answer.body.state)}"}
`

// driftingDesk is a system whose answers are given, reached by a real adapter. It says which places did not look as declared.
func driftingDesk(t *testing.T, body string) (plays map[string]play, unfit func() []string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	t.Cleanup(server.Close)
	adapter, problems := adapters.Parse("desk.yaml", []byte(driftAdapter), contracts.Catalog())
	require.NoError(t, problems.Err())
	host := strings.TrimPrefix(server.URL, "http://")
	var mu sync.Mutex
	var found []string
	connection, err := adapter.Connect(adapters.Config{System: "support", BaseURL: server.URL, AllowHosts: []string{host}, Unfit: func(operation, place, why string) {
		mu.Lock()
		defer mu.Unlock()
		found = append(found, operation+" "+place+" "+why)
	}})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	call := func(call adapters.Call) (rules.Value, error) { return connection.Call(context.Background(), call) }
	return map[string]play{"support.find_customer": call, "support.create_task": call}, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return found
	}
}

func TestDriftStopsOnlyACaseThatReadsTheField(t *testing.T) {
	reads := func(expression string) string {
		return "steps:\n  - {id: ticket, call: support.find_customer, with: {email: jane@example.com}}\n  - {id: out, set: {read: '" + expression + "'}}\n  - {end: {result: {read: '${out.read}'}}}\n"
	}
	writes := func(expression string) string {
		return "steps:\n  - {id: ticket, call: support.create_task, with: {queue: support, title: a, text: b, reference: r}}\n  - {id: out, set: {read: '" + expression + "'}}\n  - {end: {result: {read: '${out.read}'}}}\n"
	}
	tests := []struct {
		name, useCase, answer, result string // without a result the case stops
		unfit                         string
	}{
		{"missing and not read", reads("${ticket.language}"), `{"id": "u1", "speaks": "D"}`, `{"read": "de"}`, "support.find_customer name is missing"},
		{"missing and read", reads("${ticket.name}"), `{"id": "u1", "speaks": "D"}`, "", "support.find_customer name is missing"},
		{"retyped and not read", reads("${ticket.name}"), `{"id": "u1", "name": "Jane", "speaks": "D", "phones": ["1", 2]}`, `{"read": "Jane"}`, "support.find_customer phones[1] expected"},
		{"retyped and read", reads("${ticket.phones?.[0] ?? \"none\"}"), `{"id": "u1", "name": "Jane", "speaks": "D", "phones": ["1", 2]}`, "", "support.find_customer phones[1] expected"},
		{"what cannot be made and nobody reads", reads("${ticket.name}"), `{"id": "u1", "name": "Jane", "speaks": "D", "mails": "a@b.example"}`, `{"read": "Jane"}`, "support.find_customer emails"},
		{"missing where all is read", reads("${readable(ticket)}"), `{"id": "u1", "speaks": "D"}`, "", "support.find_customer name is missing"},
		{"new", reads("${ticket.name}"), `{"id": "u1", "name": "Jane", "speaks": "D", "colour": "blue"}`, `{"read": "Jane"}`, ""},
		{"missing in the answer to a write", writes("${ticket.number}"), `{"id": "t1", "number": "7"}`, `{"read": "7"}`, "support.create_task status"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plays, unfit := driftingDesk(t, test.answer)
			h := newHarness(t, test.useCase, plays)
			if test.result == "" {
				h.person(time.Hour, "repair", `{"act": "cancel"}`)
				h.start(`{}`)
				require.Contains(t, string(h.tasks()[0].Payload), `"class":"drift"`)
			} else {
				require.JSONEq(t, test.result, plain(t, h.run(`{}`).Result))
			}
			if test.unfit == "" {
				require.Empty(t, unfit())
				return
			}
			require.NotEmpty(t, unfit())
			require.Contains(t, unfit()[0], test.unfit)
		})
	}
}
