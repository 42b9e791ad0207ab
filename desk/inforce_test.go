package desk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/workspace"
)

// publish puts a new workspace in force, or one that is there already.
func (s *scene) publish(dir, note string) {
	s.t.Helper()
	if _, err := os.Stat(dir); err != nil {
		_, err := workspace.Init(dir)
		require.NoError(s.t, err)
	}
	w, problems := workspace.Load(dir)
	require.NoError(s.t, problems.Err())
	_, err := w.Publish(s.t.Context(), s.Store, boss, note)
	require.NoError(s.t, err)
}

func TestInForce(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	_, page := s.as(agent).get("/inforce")
	require.Contains(t, page, "Nothing is in force yet")
	dir := filepath.Join(t.TempDir(), "workspace")
	s.publish(dir, "begin")
	rules := filepath.Join(dir, "rules", "urgency.yaml")
	text, err := os.ReadFile(rules)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(rules, []byte(strings.ReplaceAll(string(text), "we said that", "<b>we</b> said that")), 0o600))
	s.publish(dir, "<i>kinder</i>")

	_, page = s.as(agent).get("/inforce")
	require.Contains(t, page, "Call back")
	require.Contains(t, page, `<a href="/inforce/2">2</a>`)
	require.Contains(t, page, "Dan Lead")
	require.Contains(t, page, "&lt;i&gt;kinder&lt;/i&gt;")
	_, page = s.as(agent).get("/inforce/2")
	require.Contains(t, page, "table urgency")
	require.Contains(t, page, "row U02: reason is")
	require.Contains(t, page, "&lt;b&gt;we&lt;/b&gt;")
	_, page = s.as(agent).get("/inforce/1")
	require.Contains(t, page, "new, with 3 steps, writes nothing")
	for _, nowhere := range []string{"/inforce/3", "/inforce/x"} {
		status, _ := s.probe(agent, "GET", nowhere)
		require.Equal(t, 404, status)
	}
}
