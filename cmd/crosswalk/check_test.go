package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/workspace"
)

// heard is what a command printed so far.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes in what is printed.
func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) has(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(h.text.String(), text)
}

func TestCheckWatches(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "acme")
	_, err := workspace.Init(dir)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	out, root, done := &heard{}, rootCommand(), make(chan error, 1)
	root.SetArgs([]string{"check", dir, "--watch"})
	root.SetOut(out)
	root.SetErr(out)
	go func() { done <- root.ExecuteContext(ctx) }()
	require.Eventually(t, func() bool { return out.has("is right") }, time.Minute, 10*time.Millisecond)
	// Saved until it is seen: the watch may begin a little after the first check.
	wrong := filepath.Join(dir, "usecases", "wrong.yaml")
	require.Eventually(t, func() bool {
		require.NoError(t, os.WriteFile(wrong, []byte("usecase: wrong\nstepps: []\n"), 0o600))
		return out.has(`unknown field "stepps"`) && out.has("error(s)")
	}, time.Minute, time.Second)
	cancel()
	require.NoError(t, <-done)
}
