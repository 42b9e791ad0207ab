package main

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// What cannot be written here, as on a full disk, says nothing against the backup; what cannot be read of it does.
func TestAFileThatCannotBeUnpackedIsNotDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = full.Close() })
	var unwritten *notWritten
	err = writeInto(full, strings.NewReader("content"))
	require.ErrorAs(t, err, &unwritten)
	require.ErrorContains(t, err, "no space left on device")

	broken := errors.New("unexpected EOF")
	err = writeFile(filepath.Join(dir, "store.db"), iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
	require.False(t, errors.As(err, &unwritten), err)

	err = writeFile(filepath.Join(dir, "store.db"), strings.NewReader("content"))
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorAs(t, err, &unwritten)
}

// A backup of a newer release is refused before anything is put in its place, and what is there stays as it is.
func TestABackupOfANewerReleaseIsNotRestored(t *testing.T) {
	t.Parallel()
	newer, data, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "newer.tar.gz")
	for _, dir := range []string{newer, data} {
		s, err := store.Open(t.Context(), dir)
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
	db, err := sql.Open("sqlite", filepath.Join(newer, store.FileName))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	made := manifest{Format: manifestFormat, Version: "newer", CreatedAt: time.Now(), Files: map[string]string{}}
	require.NoError(t, os.Mkdir(filepath.Join(newer, "temporal"), 0o700))
	for _, name := range backupFiles() {
		if name != store.FileName {
			require.NoError(t, os.WriteFile(filepath.Join(newer, name), []byte(name), 0o600))
		}
		made.Files[name], err = fileHash(filepath.Join(newer, name))
		require.NoError(t, err)
	}
	require.NoError(t, pack(newer, file, made))
	before, err := fileHash(filepath.Join(data, store.FileName))
	require.NoError(t, err)

	root := rootCommand()
	root.SetArgs([]string{"restore", file, "--data", data, "--discard-newer"})
	err = root.ExecuteContext(t.Context())
	require.ErrorContains(t, err, "nothing was restored: ")
	require.ErrorContains(t, err, "the data has schema version 99999, this release knows only")
	var failed failure
	require.ErrorAs(t, err, &failed)
	require.Equal(t, exitContent, failed.code)
	after, err := fileHash(filepath.Join(data, store.FileName))
	require.NoError(t, err)
	require.Equal(t, before, after)
	left, err := filepath.Glob(filepath.Join(data, "*restor*"))
	require.NoError(t, err)
	hidden, err := filepath.Glob(filepath.Join(data, ".restore-*"))
	require.NoError(t, err)
	require.Empty(t, append(left, hidden...))
}
