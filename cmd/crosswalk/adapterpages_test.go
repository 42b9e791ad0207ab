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

// TestPagesOfOthersStay: a folder with pages that were not generated is left as it is.
func TestPagesOfOthersStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, writeAdapterPages(dir))
	require.NoError(t, writeAdapterPages(dir), "what was generated is written again")
	mine := filepath.Join(dir, "README.md")
	require.NoError(t, os.WriteFile(mine, []byte("# Mine\n"), 0o600))
	require.NoError(t, os.Remove(filepath.Join(dir, "zendesk.md")))
	require.ErrorContains(t, writeAdapterPages(dir), "holds pages that were not generated (README.md); name another folder")
	text, err := os.ReadFile(mine)
	require.NoError(t, err)
	require.Equal(t, "# Mine\n", string(text))
	require.NoFileExists(t, filepath.Join(dir, "zendesk.md"), "nothing was written")
}
