package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/worker"
)

const loginAdapter = `adapter: deskly
contract: support
connection:
  base_url: https://api.deskly.example
  settings: {login: {required: true, format: origin}}
auth: {oauth2: {grant: authorization_code, authorize_url: '{login}/authorize', token_url: '{login}/token', client_id: us}}
operations:
  get_task: {request: {get: '/tasks/${input.task}'}, output: {id: '${answer.body.id}', number: '1', status: open}}
`

// TestSystemsLogin: the command prints an address; whoever opens it and agrees comes back with a code, for which the
// command gets a grant that workers find.
func TestSystemsLogin(t *testing.T) {
	t.Parallel()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		_, _ = fmt.Fprintf(w, `{"access_token": "access-%s", "refresh_token": "refresh-1", "expires_in": 60}`, r.PostForm.Get("code"))
	}))
	t.Cleanup(tokens.Close)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"crosswalk.yaml": "company: Acme\nnetwork: {allow: ['" + strings.TrimPrefix(tokens.URL, "http://") + "']}\nsystems:\n  support: {contract: support, drivers: [{adapter: deskly, settings: {login: '" + tokens.URL + "'}}]}\n" +
			"  other: {contract: support, drivers: [{person: desk}]}\n",
		"adapters/deskly.yaml": loginAdapter,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for system, message := range map[string]string{"other": "none of its adapters says", "crm": `no system "crm"`} {
		root := rootCommand()
		root.SetArgs([]string{"systems", "login", system, "--dir", dir})
		root.SetErr(io.Discard)
		require.ErrorContains(t, root.ExecuteContext(t.Context()), message)
	}
	root := rootCommand()
	root.SetArgs([]string{"systems", "login", "support", "--dir", dir, "--listen", "0.0.0.0:0"})
	root.SetErr(io.Discard)
	require.ErrorContains(t, root.ExecuteContext(t.Context()), "--listen is an address on this machine")

	root = rootCommand()
	reader, writer := io.Pipe()
	root.SetOut(writer)
	root.SetArgs([]string{"systems", "login", "support", "--dir", dir, "--listen", "127.0.0.1:0"})
	ended := make(chan error, 1)
	go func() {
		ended <- root.ExecuteContext(t.Context())
		_ = writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	var page *url.URL
	for page == nil && lines.Scan() {
		if strings.HasPrefix(lines.Text(), tokens.URL) {
			var err error
			page, err = url.Parse(lines.Text())
			require.NoError(t, err)
		}
	}
	require.NotNil(t, page)
	back := func(state, code string) int {
		answer, err := http.Get(page.Query().Get("redirect_uri") + "?" + url.Values{"state": {state}, "code": {code}}.Encode())
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	require.Equal(t, http.StatusBadRequest, back("of somebody else", "stolen"))
	require.Equal(t, http.StatusOK, back(page.Query().Get("state"), "one"))
	said, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.NoError(t, <-ended)
	require.Contains(t, string(said), "logged in to support")
	require.NotContains(t, string(said), "access-one")

	data := filepath.Join(dir, ".crosswalk")
	s, err := store.Open(t.Context(), data)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	kept, err := worker.NewGrants(s, data).Grant(t.Context(), "support/deskly")
	require.NoError(t, err)
	require.Equal(t, "access-one", kept.AccessToken)
	raw, err := s.Grant(t.Context(), "support/deskly")
	require.NoError(t, err)
	require.False(t, strings.Contains(string(raw.Sealed), "access-one") || json.Valid(raw.Sealed))
}
