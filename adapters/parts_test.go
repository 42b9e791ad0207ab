package adapters

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// closedFolder lets files in that it neither lists nor lets anybody remove.
type closedFolder struct{ localRoot }

func (closedFolder) list(string) ([]fs.FileInfo, error) { return nil, errors.New("permission denied") }

// TestPartsOfARepeat: a repeat removes its own parts, and nothing else; where it may not look, it writes all the same.
func TestPartsOfARepeat(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	root, err := os.OpenRoot(directory)
	require.NoError(t, err)
	defer root.Close()
	open, repeated := localRoot{root: root}, &inCall{Context: t.Context(), repeated: true}
	const name, key = "a[*]?.txt", "K-1"
	for _, other := range []string{".a.txt.part", ".a[*]?.txt.part", ".a[*]?.txt.0123456789ab.ABCDEFGH.part", "a[*]?.txt.part"} {
		require.NoError(t, os.WriteFile(filepath.Join(directory, other), nil, 0o600))
	}
	names := func() (found []string) {
		entries, err := os.ReadDir(directory)
		require.NoError(t, err)
		for _, entry := range entries {
			found = append(found, entry.Name())
		}
		return found
	}
	before := names()
	require.NoError(t, writeWhole(t.Context(), left{open}, name, key, nil))
	require.Len(t, names(), len(before)+1, "the process was killed before the part had its name")
	require.NoError(t, writeWhole(repeated, closedFolder{open}, name, key, []byte("one")))
	require.NoError(t, writeWhole(repeated, open, name, key, []byte("two")))
	require.ElementsMatch(t, append(before, name), names())
	text, err := os.ReadFile(filepath.Join(directory, name))
	require.NoError(t, err)
	require.Equal(t, "two", string(text))
}

// left is a folder whose writer is killed while it writes.
type left struct{ localRoot }

func (l left) write(_, part string, content []byte) error {
	return l.root.WriteFile(part, content, 0o600)
}
