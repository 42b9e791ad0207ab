package main

import (
	"bufio"
	"encoding/json"
	"errors"
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

// TestAnswersToALogInThatAreNone: what a browser brings back after the log-in was given up or begun anew, twice, without a code,
// with a refusal, or with a code that has run out, keeps nothing; what was kept stays.
func TestAnswersToALogInThatAreNone(t *testing.T) {
	t.Parallel()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if code := r.PostForm.Get("code"); code != "good" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error": "invalid_grant", "error_description": "the code `+code+` has run out"}`)
			return
		}
		_, _ = io.WriteString(w, `{"access_token": "access-good", "refresh_token": "refresh-good", "expires_in": 36000}`)
	}))
	t.Cleanup(tokens.Close)
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "adapters"), 0o700))
	for name, text := range map[string]string{
		"crosswalk.yaml":       "company: Acme\nnetwork: {allow: ['" + strings.TrimPrefix(tokens.URL, "http://") + "']}\nsystems:\n  support: {contract: support, drivers: [{adapter: deskly, base_url: '" + tokens.URL + "', settings: {login: '" + tokens.URL + "'}}]}\n",
		"adapters/deskly.yaml": loginAdapter,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	// begin begins a log-in: its page, and how it ended.
	begin := func(flags ...string) (url.Values, chan error) {
		root := rootCommand()
		reader, writer := io.Pipe()
		root.SetOut(writer)
		root.SetErr(io.Discard)
		root.SetArgs(append([]string{"systems", "login", "support", "--dir", dir, "--listen", "127.0.0.1:0", "--json"}, flags...))
		ended := make(chan error, 1)
		go func() { ended <- errors.Join(root.ExecuteContext(t.Context()), writer.Close()) }()
		var begun struct{ Open string }
		require.NoError(t, json.NewDecoder(reader).Decode(&begun))
		go func() { _, _ = io.Copy(io.Discard, reader) }()
		page, err := url.Parse(begun.Open)
		require.NoError(t, err)
		return page.Query(), ended
	}
	back := func(page url.Values, with url.Values) int {
		answer, err := http.Get(page.Get("redirect_uri") + "?" + with.Encode())
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	old, ended := begin("--within", "1ms")
	require.ErrorContains(t, <-ended, "the browser has not come back")
	page, ended := begin()
	for _, state := range []string{old.Get("state"), "", page.Get("state") + "x"} { // of one that was given up, and of nobody
		require.Equal(t, http.StatusBadRequest, back(page, url.Values{"state": {state}, "code": {"good"}}))
	}
	require.Equal(t, http.StatusOK, back(page, url.Values{"state": {page.Get("state")}, "code": {"good"}}))
	require.NoError(t, <-ended)
	for message, with := range map[string]url.Values{
		"invalid_grant: the code ***":  {"code": {"late"}},
		"the system sent no code":      {},
		"refused: access_denied not I": {"error": {"access_denied"}, "error_description": {"not I"}},
	} {
		page, ended := begin()
		with.Set("state", page.Get("state"))
		require.Equal(t, http.StatusBadGateway, back(page, with))
		require.ErrorContains(t, <-ended, message)
	}
	data := filepath.Join(dir, ".crosswalk")
	s, err := store.Open(t.Context(), data)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	kept, err := worker.NewGrants(s, data).Grant(t.Context(), "support/deskly")
	require.NoError(t, err)
	require.Equal(t, "access-good", kept.AccessToken)
}

// TestSystemsLogin: the command prints an address; whoever opens it and agrees comes back with a code, for which the
// command gets a grant that workers find.
func TestSystemsLogin(t *testing.T) {
	t.Parallel()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/tasks/") { // the product itself, which lets in who has logged in
			if r.Header.Get("Authorization") != "Bearer access-one" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = io.WriteString(w, `{"id": "7"}`)
			return
		}
		_ = r.ParseForm()
		_, _ = fmt.Fprintf(w, `{"access_token": "access-%s", "refresh_token": "refresh-1", "expires_in": 36000}`, r.PostForm.Get("code"))
	}))
	t.Cleanup(tokens.Close)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"crosswalk.yaml": "company: Acme\nnetwork: {allow: ['" + strings.TrimPrefix(tokens.URL, "http://") + "']}\nsystems:\n  support: {contract: support, drivers: [{adapter: deskly, base_url: '" + tokens.URL + "', settings: {login: '" + tokens.URL + "'}}]}\n" +
			"  other: {contract: support, drivers: [{person: desk}]}\n",
		"adapters/deskly.yaml": loginAdapter,
		"usecases/look.yaml":   "usecase: look\ntitle: Look\ninput: {task: {type: string, ref: support.task, required: true}}\nsteps:\n  - {id: found, call: support.get_task, with: {task: '${input.task}'}}\n  - {id: done, end: {outcome: 'found', result: {id: '${found.id}'}}}\n",
		"task.json":            `{"task": "7"}`,
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

	// What is tried by hand is tried with that log-in, and so is a dry run.
	run := func(arguments ...string) string {
		root := rootCommand()
		var out strings.Builder
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(append(arguments, "--dir", dir, "--data", data, "--json", "--input", filepath.Join(dir, "task.json")))
		require.NoError(t, root.ExecuteContext(t.Context()), out.String())
		require.NotContains(t, out.String(), "access-one")
		return out.String()
	}
	require.Contains(t, run("adapters", "try", "support", "get_task"), `"id": "7"`)
	require.Contains(t, run("run", "look", "--dry-run"), `"outcome": "found"`)
	root = rootCommand()
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	root.SetArgs([]string{"adapters", "try", "support", "get_task", "--dir", dir, "--data", t.TempDir(), "--input", filepath.Join(dir, "task.json"), "--json"})
	require.Error(t, root.ExecuteContext(t.Context()), "nobody has logged in there")
}
