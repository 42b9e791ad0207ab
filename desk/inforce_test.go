package desk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
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

	_, page = s.as(agent).get("/usecases/callback")
	require.Contains(t, page, `<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img"`)
	require.Contains(t, page, "decides with urgency")
	require.Contains(t, page, `<a href="/inforce/2">Version 2</a>`)
	require.NotContains(t, page, "<style")
	_, style := s.as("").get("/ui/picture.css")
	require.Contains(t, style, "prefers-color-scheme")
}

// TestWay shows where in its use case a case is.
func TestWay(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	s.publish(filepath.Join(t.TempDir(), "workspace"), "begin")
	of, err := s.Store.CreateCase(t.Context(), store.NewCase{UseCase: "callback"})
	require.NoError(t, err)
	require.NoError(t, s.Store.WriteRecord(t.Context(), store.Record{CaseID: of.ID, Steps: []store.StepResult{{Path: "urgency", Generation: 1, Ordinal: 1, Kind: "decide", Title: "Urgency"}}}))
	_, err = s.Store.OpenTask(t.Context(), store.Task{ID: of.ID + "-task", CaseID: of.ID, StepPath: "callback", Kind: store.TaskComplete, Queue: "front-desk", Title: "Call back"})
	require.NoError(t, err)
	_, page := s.as(agent).get("/cases/" + of.ID + "/way")
	require.Contains(t, page, `class="box decide done"`)
	require.Contains(t, page, `class="box ask here"`)
	_, page = s.as(agent).get("/cases/" + of.ID)
	require.Contains(t, page, "/cases/"+of.ID+"/way")
}
