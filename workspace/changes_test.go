package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// TestChanges loads the base and, for each part of testdata/changes.txtar, the base with the edits that it names, and
// compares the two: NAME/edit holds lines `file: old => new`, NAME/want what is said. UPDATE=1 writes what came instead.
func TestChanges(t *testing.T) {
	t.Parallel()
	const golden = "testdata/changes.txtar"
	archive, err := txtar.ParseFile(golden)
	require.NoError(t, err)
	before, problems := Load(write(t, base(t)...))
	require.Empty(t, problems.Error())
	for i := 0; i+1 < len(archive.Files); i += 2 {
		edits, want := archive.Files[i], &archive.Files[i+1]
		name, _, _ := strings.Cut(edits.Name, "/")
		require.Equal(t, name+"/want", want.Name)
		dir := write(t, base(t)...)
		for _, line := range strings.Split(strings.TrimSpace(string(edits.Data)), "\n") {
			file, rest, _ := strings.Cut(line, ": ")
			from, to, _ := strings.Cut(rest, " => ")
			edit(t, dir, file, strings.ReplaceAll(from, "⏎", "\n"), strings.ReplaceAll(to, "⏎", "\n"))
		}
		after, problems := Load(dir)
		require.NoError(t, problems.Err(), name)
		var got strings.Builder
		for _, change := range Changes(before.State(), after.State()) {
			got.WriteString(change.Subject + " | " + change.Kind + " " + change.Place + " " + change.Change + " | " + change.Text + "\n")
		}
		if os.Getenv("UPDATE") != "" {
			want.Data = []byte(got.String())
			continue
		}
		require.Equal(t, string(want.Data), got.String(), name)
	}
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(golden, txtar.Format(archive), 0o600))
	}
	require.Empty(t, Changes(before.State(), before.State()))
}

// TestUndo goes back and forth between versions: each is checked like any other, and nothing of what is open changes.
func TestUndo(t *testing.T) {
	t.Parallel()
	dir, s := write(t, base(t)...), openStore(t)
	_, _, err := ProposeUndo(t.Context(), s, dir)
	require.ErrorIs(t, err, ErrNothingBefore)
	first := publish(t, dir, s)
	_, _, err = ProposeUndo(t.Context(), s, dir)
	require.ErrorIs(t, err, ErrNothingBefore)
	_, err = s.CreateCase(t.Context(), store.NewCase{UseCase: "restock"})
	require.NoError(t, err)

	edit(t, dir, "rules/enough.yaml", "> 10", "> 20")
	edit(t, dir, "usecases/restock.yaml", "country: DE", "country: AT")
	w, problems := Load(dir)
	require.NoError(t, problems.Err())
	proposal, err := w.Propose(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, []OpenCases{{UseCase: "restock", Open: 1}}, proposal.Open)
	require.Len(t, proposal.Changes, 2)
	second, err := proposal.Publish(t.Context(), s, "ada", "more in stock")
	require.NoError(t, err)
	_, err = proposal.Publish(t.Context(), s, "bob", "the same once more")
	require.ErrorIs(t, err, store.ErrSuperseded, "what it was compared with is not in force any more")
	edit(t, dir, "rules/enough.yaml", "> 20", "> 30")
	third := publish(t, dir, s)

	undo := func(version int64, hash string) {
		proposal, problems, err := ProposeUndo(t.Context(), s, dir)
		require.NoError(t, err)
		require.Empty(t, problems.Error())
		published, err := proposal.Publish(t.Context(), s, "ada", "undo")
		require.NoError(t, err)
		require.Equal(t, version, published.Version)
		require.Equal(t, hash, published.Hashes["restock"])
	}
	undo(4, second.Hashes["restock"])
	undone, err := w.Undone(t.Context(), s)
	require.NoError(t, err)
	require.False(t, undone)
	now, problems := Load(dir)
	require.NoError(t, problems.Err())
	undone, err = now.Undone(t.Context(), s)
	require.NoError(t, err)
	require.True(t, undone, "the folder holds what was taken back")
	undo(5, first.Hashes["restock"])
	_, _, err = ProposeUndo(t.Context(), s, dir)
	require.ErrorIs(t, err, ErrNothingBefore)

	proposal, problems, err = ProposeBundle(t.Context(), s, third.Hashes["restock"], dir)
	require.NoError(t, err)
	require.Empty(t, problems.Error())
	published, err := proposal.Publish(t.Context(), s, "ada", "")
	require.NoError(t, err)
	require.Equal(t, third.Hashes, published.Hashes)
	proposal, _, err = ProposeVersion(t.Context(), s, 2, dir)
	require.NoError(t, err)
	require.Equal(t, int64(2), proposal.Restores)
}

// TestOldBundleThatFitsNoMore shows that what cannot work any more is not put in force again.
func TestOldBundleThatFitsNoMore(t *testing.T) {
	t.Parallel()
	dir, s := write(t, base(t)...), openStore(t)
	first := publish(t, dir, s)
	edit(t, dir, "usecases/restock.yaml", "stock.check_stock", "depot.check_stock")
	edit(t, dir, "crosswalk.yaml", "\n  stock:", "\n  depot:")
	publish(t, dir, s)
	_, problems, err := ProposeBundle(t.Context(), s, first.Hashes["restock"], dir)
	require.NoError(t, err)
	require.ErrorContains(t, problems.Err(), `restock calls the system "stock", which is not in crosswalk.yaml`)
	proposal, problems, err := ProposeVersion(t.Context(), s, 1, dir)
	require.NoError(t, err)
	require.Empty(t, problems.Error(), "a whole version brings its systems with it")
	require.NotEmpty(t, proposal.Changes)
	require.FileExists(t, filepath.Join(dir, "crosswalk.yaml"))
}
