package adapters_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// TestPlacesOfAPath: a path that a file takes apart fills several places, each escaped; what would leave the folder is
// refused, and what a system answers fills one place only.
func TestPlacesOfAPath(t *testing.T) {
	t.Parallel()
	const file = `adapter: acme
contract: files
connection: {base_url: https://api.acme.example}
auth: none
operations:
  read_file:
    request: {get: '/files/${segments(input.path)}', answers: text}
    output: {text: '${answer.body}'}
  list_files:
    requests:
      - {name: where, propfind: '/files/${segments(input.folder)}', headers: {Depth: '1'}}
      - {name: found, get: '/lists/${where.body.places}'}
    output: {files: []}
`
	var asked []string
	answer := "hello"
	connection := serve(t, file, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.EscapedPath())
		_, _ = w.Write([]byte(answer))
	}, adapters.NewMemory())
	for path, want := range map[string]string{
		"march.csv":                "GET /files/march.csv",
		"/reports/2026/März 1.csv": "GET /files/reports/2026/M%C3%A4rz%201.csv",
		"a?b#c/%2e%2e/d":           "GET /files/a%3Fb%23c/%252e%252e/d",
	} {
		asked = nil
		got, err := ask(t, connection, "files.read_file", fields{"path": rules.Text(path)})
		require.NoError(t, err, path)
		require.Equal(t, "hello", got.Get("text").Text())
		require.Equal(t, []string{want}, asked)
	}
	asked = nil
	for _, path := range []string{"../secret", "a/../../b", "a//b", "./a", "a/."} {
		_, err := ask(t, connection, "files.read_file", fields{"path": rules.Text(path)})
		require.Equal(t, contracts.Validation, failureOf(t, err).Class, path)
	}
	require.Empty(t, asked, "nothing was sent")
	answer = `{"places": ["other", "place"]}`
	_, err := ask(t, connection, "files.list_files", fields{"folder": rules.Text("/")})
	require.Error(t, err)
	require.Equal(t, []string{"PROPFIND /files/"}, asked)
}
