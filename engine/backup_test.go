package engine_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/engine"
)

// The data directory is `.crosswalk` here, unless somebody says otherwise.
func TestSnapshotOfADirectoryHere(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("data", 0o700))
	db, err := sql.Open("sqlite", "file:"+filepath.Join("data", "temporal.db"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "CREATE TABLE x (y TEXT)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.NoError(t, engine.Snapshot(t.Context(), "data", "temporal.db", "copy.db"))
	require.FileExists(t, "copy.db")
}
