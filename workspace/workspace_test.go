package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/source"
)

// write puts the files of an archive into a new folder.
func write(t *testing.T, files ...txtar.File) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, f.Data, 0o600))
	}
	return dir
}

// base is a workspace that is right, on which the wrong ones of testdata/problems.txtar stand.
func base(t *testing.T) []txtar.File {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/base.txtar")
	require.NoError(t, err)
	return archive.Files
}

func TestBaseIsRight(t *testing.T) {
	t.Parallel()
	w, problems := Load(write(t, base(t)...))
	require.Empty(t, problems.Error())
	require.Len(t, w.UseCases, 1)
}

// TestProblems loads the base with one file of testdata/problems.txtar put over it: NAME/path, followed by
// NAME/want with every line that is expected. UPDATE=1 writes what came instead.
func TestProblems(t *testing.T) {
	t.Parallel()
	const golden = "testdata/problems.txtar"
	archive, err := txtar.ParseFile(golden)
	require.NoError(t, err)
	for i := 0; i+1 < len(archive.Files); i += 2 {
		input, want := archive.Files[i], &archive.Files[i+1]
		name, path, _ := strings.Cut(input.Name, "/")
		require.Equal(t, name+"/want", want.Name)
		_, problems := Load(write(t, append(base(t), txtar.File{Name: path, Data: input.Data})...))
		if os.Getenv("UPDATE") != "" {
			want.Data = []byte(problems.Error() + "\n")
			continue
		}
		require.Equal(t, string(want.Data), problems.Error()+"\n", name)
	}
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(golden, txtar.Format(archive), 0o600))
	}
}

func TestNoWorkspace(t *testing.T) {
	t.Parallel()
	_, problems := Load(filepath.Join(t.TempDir(), "nowhere"))
	require.Len(t, problems, 1)
	require.Equal(t, "there is no such folder", problems[0].Message)
	_, problems = Load(t.TempDir())
	require.Equal(t, `crosswalk.yaml: error: the file is missing (crosswalk init DIR makes a new workspace)`, problems.Errors()[0].Error())
	require.Equal(t, source.SeverityError, problems[0].Severity)
}
