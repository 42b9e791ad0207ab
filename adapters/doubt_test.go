package adapters_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// counter is an adapter whose system says no with 200.
const counter = `adapter: acme
contract: support
connection: {base_url: https://acme.example}
auth: none
operations:
  book:
    effect: write
    safety: {%s}
    input: {title: {type: string, required: true}}
    output_type: {id: {type: string, required: true}}
    request: {post: /bookings, json: {title: '${input.title}'}}
    fail: [{when: 'answer.body.problem == "a request with this key is at work"', class: conflict, message: a request with this key is at work}]
    output: {id: '${text(answer.body.id)}'}
  find:
    effect: read
    input: {key: {type: string, required: true}}
    output_type: {id: {type: string, required: true}}
    request: {get: /bookings, items: '${filter(body.bookings, .external == input.key)}'}
    not_found: 'len(answer.items) == 0'
    output: {id: '${text(answer.items[0].id)}'}
`

// TestARefusalDoesNotProveThatNothingWasSentBefore: "a request with this key is at work" is said of what was sent last.
func TestARefusalDoesNotProveThatNothingWasSentBefore(t *testing.T) {
	t.Parallel()
	const key, key2 = "idempotency_key: {header: Key, ttl: 24h}", "idempotency_key: {header: Key, ttl: 24h}, lookup: find"
	for _, test := range []struct {
		name, safety, found string
		first               int // the status of the first attempt
		again               bool
		want                contracts.Class // "": it was found
		sent                bool            // it may have been
	}{
		{"refused", key, "", 200, false, contracts.Conflict, false},
		{"refused after an attempt that proves nothing", key, "", 502, false, contracts.Unavailable, true},
		{"refused when sent again", key, "", 200, true, contracts.OutcomeUnknown, true},
		{"refused when sent again, and there", key2, `{"id": 7, "external": "K"}`, 200, true, "", true},
		{"refused when sent again, and not there", key2, "", 200, true, contracts.Conflict, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			adapter, problems := adapters.Parse("acme.yaml", []byte(fmt.Sprintf(counter, test.safety)), contracts.Catalog())
			require.Empty(t, problems.Error())
			var posted atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case r.Method == http.MethodGet:
					_, _ = io.WriteString(w, `{"bookings": [`+test.found+`]}`)
				case posted.Add(1) == 1 && test.first != 200:
					w.WriteHeader(test.first)
				default:
					_, _ = io.WriteString(w, `{"problem": "a request with this key is at work"}`)
				}
			}))
			t.Cleanup(server.Close)
			connection, err := adapter.Connect(adapters.Config{System: "acme", BaseURL: server.URL, AllowHosts: []string{strings.TrimPrefix(server.URL, "http://")}, Settings: rules.Record(nil), Shared: boundless{}})
			require.NoError(t, err)
			t.Cleanup(connection.Close)
			call := adapters.Call{Operation: "support.book", Key: "K", Input: rules.Record(fields{"title": rules.Text("Late")})}
			if test.again {
				call.FirstSent = time.Now().Add(-time.Minute)
			}
			value, err := connection.Call(t.Context(), call)
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, "7", value.Get("id").Text())
				return
			}
			failure := failureOf(t, err)
			require.Equal(t, test.want, failure.Class, failure.Message)
			require.Contains(t, failure.Message, "a request with this key is at work")
			if test.sent {
				require.False(t, failure.NothingSent)
			}
		})
	}
}

// TestALookUpIsToldWhenTheWriteWasFirstSent: a long list need be read only from then on.
func TestALookUpIsToldWhenTheWriteWasFirstSent(t *testing.T) {
	t.Parallel()
	text := fmt.Sprintf(counter, "lookup: find, with: {key: '${key}', since: '${first_sent}'}")
	text = strings.Replace(text, "input: {key:", "input: {since: {type: date-time, required: true}, key:", 1)
	text = strings.Replace(text, "{get: /bookings,", "{get: /bookings, query: {since: '${epoch(input.since)}'},", 1)
	adapter, problems := adapters.Parse("acme.yaml", []byte(text), contracts.Catalog())
	require.Empty(t, problems.Error())
	asked := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"bookings": [{"id": 7, "external": "K"}]}`)
	}))
	t.Cleanup(server.Close)
	connection, err := adapter.Connect(adapters.Config{System: "acme", BaseURL: server.URL, AllowHosts: []string{strings.TrimPrefix(server.URL, "http://")}, Settings: rules.Record(nil), Shared: boundless{}})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	_, err = connection.Call(t.Context(), adapters.Call{Operation: "support.book", Key: "K", Input: rules.Record(fields{"title": rules.Text("Late")}),
		FirstSent: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), LastSent: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	require.Equal(t, "/bookings?since=1767312000", <-asked)
}
