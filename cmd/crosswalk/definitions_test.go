package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/workspace"
)

// TestAnotherProcessSeesWhatIsPublished publishes through one connection to the store and looks through another, as
// separate processes do: within seconds all of it is there, the use case with its input and the source that starts it.
func TestAnotherProcessSeesWhatIsPublished(t *testing.T) {
	t.Parallel()
	dir, data := filepath.Join(t.TempDir(), "acme"), t.TempDir()
	_, err := workspace.Init(dir)
	require.NoError(t, err)
	open := func() *store.Store {
		s, err := store.Open(t.Context(), data)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}
	publisher, other := open(), newDefinitions(open(), dir, slog.New(slog.DiscardHandler))
	publish := func() {
		w, problems := workspace.Load(dir)
		require.NoError(t, problems.Err())
		_, err := w.Publish(t.Context(), publisher, "ada", "")
		require.NoError(t, err)
	}
	publish()
	require.NoError(t, other.refresh(t.Context()))
	require.NotNil(t, other.Input("callback"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { other.watch(ctx); close(ended) }()

	for file, edits := range map[string][2]string{
		"usecases/callback.yaml": {"  received_at: {type: date-time, required: true}", "  received_at: {type: date-time, required: true}\n  urgent: {type: boolean, required: true}"},
		"crosswalk.yaml":         {"text: '${note.text}',", "text: '${note.text}', urgent: true,"},
	} {
		path := filepath.Join(dir, filepath.FromSlash(file))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(text), edits[0])
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), edits[0], edits[1], 1)), 0o600))
	}
	publish()
	require.Eventually(t, func() bool { return other.Input("callback").Member("urgent") != nil }, time.Minute, 20*time.Millisecond)
	require.Contains(t, other.Sources()[0].With.Reads(), "note.text", "the source switched with it")
	require.NotNil(t, other.Sources()[0].Input.Member("urgent"))
	cancel()
	<-ended
}
