package store_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// The data directory is `.crosswalk` here, unless somebody says otherwise.
func TestSnapshotOfADirectoryHere(t *testing.T) {
	t.Chdir(t.TempDir())
	made, err := store.Open(t.Context(), "data")
	require.NoError(t, err)
	defer func() { require.NoError(t, made.Close()) }()
	require.NoError(t, store.Snapshot(t.Context(), "data", "copy.db", func() error { return nil }))
	require.FileExists(t, "copy.db")
	require.ErrorContains(t, store.Snapshot(t.Context(), "nowhere", "copy.db", nil), filepath.Join("nowhere", store.FileName))
}
