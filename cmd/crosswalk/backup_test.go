package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
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
