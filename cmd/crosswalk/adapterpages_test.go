package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAdapterPagesAreCurrent: docs/adapters is what the files of the catalogue say.
func TestAdapterPagesAreCurrent(t *testing.T) {
	t.Parallel()
	pages, err := adapterPages()
	require.NoError(t, err)
	present, err := filepath.Glob("../../docs/adapters/*.md")
	require.NoError(t, err)
	require.Len(t, present, len(pages), "run go generate ./cmd/crosswalk")
	for name, text := range pages {
		written, err := os.ReadFile(filepath.Join("../../docs/adapters", name))
		require.NoError(t, err)
		require.Equal(t, text, string(written), "%s: run go generate ./cmd/crosswalk", name)
	}
}
