package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/workspace"
)

func completed(t *testing.T, args ...string) string {
	t.Helper()
	root := rootCommand()
	var out, problems bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&problems)
	root.SetArgs(append([]string{"__complete"}, args...))
	require.NoError(t, root.ExecuteContext(t.Context()))
	return out.String()
}

// completes waits until something is offered: whoever presses Tab waits a second, which a slow machine may not keep to.
func completes(t *testing.T, args ...string) string {
	t.Helper()
	offered := ""
	require.Eventually(t, func() bool {
		offered = completed(t, args...)
		return offered != ":4\n"
	}, time.Minute, 10*time.Millisecond)
	return offered
}

func TestCompletionAsksWhatRuns(t *testing.T) {
	answers := map[string]string{
		"/api/cases": `{"cases": [{"reference": "CW-AAAA", "title": "Broken lamp"}, {"reference": "CX-1", "title": "other"}]}`,
		"/api/tasks": `{"tasks": [{"id": "t1", "title": "Approve"}]}`, "/api/systems": `{"systems": [{"system": "crm"}, {"system": "support"}]}`,
	}
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(answers[r.URL.Path])) }))
	defer desk.Close()
	data := t.TempDir()
	raw, err := json.Marshal(running{PID: os.Getpid(), URL: desk.URL})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(data, upFile), raw, 0o600))

	require.Equal(t, "CW-AAAA\tBroken lamp\n:4\n", completes(t, "cases", "show", "--data", data, "CW"))
	require.Contains(t, completes(t, "cases", "retry", "--data", data, "CW-AAAA", ""), "CX-1\tother\n", "several cases may be named")
	require.Equal(t, "t1\tApprove\n:4\n", completes(t, "tasks", "claim", "--data", data, ""))
	require.Equal(t, "crm\nsupport\n:4\n", completes(t, "systems", "pause", "--data", data, ""))
	require.Equal(t, ":4\n", completed(t, "systems", "pause", "--data", data, "crm", ""))
	require.Equal(t, ":4\n", completed(t, "cases", "show", "--data", t.TempDir(), ""), "nothing runs, and nothing is said")
}

func TestCompletionKnowsTheTablesOfTheWorkspaceHere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	_, err := workspace.Init(dir)
	require.NoError(t, err)
	t.Chdir(dir)
	require.Equal(t, "urgency\n:4\n", completed(t, "rules", "explain", ""))
}
