package adapters_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// TestHalfOfACharacter: an emoji that somebody cut in two stops no case and is counted; but nothing that was replaced is
// written back.
func TestHalfOfACharacter(t *testing.T) {
	t.Parallel()
	var sent []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			body, _ := io.ReadAll(r.Body)
			sent = append(sent, string(body))
		}
		_, _ = io.WriteString(w, `{"id": "1", "note": "thanks \ud83d", "name": "Jane \ud83d\ude00", "tags": ["\udc00"]}`)
	}))
	t.Cleanup(server.Close)
	adapter := parsed(t, `adapter: acme
contract: support
connection: {base_url: https://api.acme.example}
auth: none
operations:
  look: {effect: read, request: {get: /note}, output: {note: '${answer.body.note}', name: '${answer.body.name}'}}
  close:
    effect: write
    safety: natural_key
    requests: [{name: had, get: /note}, {name: done, put: /note, json: {name: '${had.body.name}', closed: true}}]
    output: {ok: true}
  rewrite:
    effect: write
    safety: natural_key
    requests: [{name: had, get: /note}, {name: done, put: /note, json: {note: '${had.body.note}', closed: true}}]
    output: {ok: true}
  search:
    effect: write
    safety: natural_key
    requests: [{name: had, get: /note}, {name: done, put: /note, query: {note: '${had.body.note}'}, form: {note: '${had.body.note}'}}]
    output: {ok: true}
`)
	var counted []string
	connection, err := adapter.Connect(adapters.Config{System: "support", BaseURL: server.URL, AllowHosts: []string{strings.TrimPrefix(server.URL, "http://")}, Shared: boundless{},
		Unfit: func(operation, place, why string) { counted = append(counted, operation+" "+place+": "+why) }})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	found, err := ask(t, connection, "support.look", nil)
	require.NoError(t, err)
	require.Equal(t, "thanks \uFFFD", found.Get("note").Text())
	require.Equal(t, "Jane 😀", found.Get("name").Text())
	require.Equal(t, []string{"support.look text: 2 character(s) of which the system gave only half were replaced by U+FFFD"}, counted)
	write := func(operation string) error {
		_, err := connection.Call(t.Context(), adapters.Call{Operation: operation, Key: "K-1", Input: rules.Record(nil)})
		return err
	}
	require.NoError(t, write("support.close"), "what was whole may be written")
	require.Equal(t, []string{`{"closed":true,"name":"Jane 😀"}`}, sent)
	for _, operation := range []string{"support.rewrite", "support.search"} {
		err = write(operation)
		require.ErrorContains(t, err, "the record holds half of a character, which cannot be written back as it is")
		require.Equal(t, contracts.Validation, failureOf(t, err).Class)
		require.True(t, failureOf(t, err).NothingSent)
	}
	require.Len(t, sent, 1)
}
