package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// TestDraft shows that a draft is checked and compared without being in force, and becomes files only when it is saved.
func TestDraft(t *testing.T) {
	t.Parallel()
	dir, s := write(t, base(t)...), openStore(t)
	publish(t, dir, s)
	rows, err := ReadFile(dir, "rules/enough.yaml")
	require.NoError(t, err)
	useCase, err := ReadFile(dir, "usecases/restock.yaml")
	require.NoError(t, err)
	for _, file := range []store.DraftFile{
		{Path: "rules/enough.yaml", Body: []byte(strings.ReplaceAll(string(rows), "> 10", "> 20")), Base: rows, Present: true},
		{Path: "usecases/restock.yaml", Base: useCase},
		{Path: "usecases/refill.yaml", Body: []byte(strings.ReplaceAll(string(useCase), "usecase: restock", "usecase: refill")), Present: true},
	} {
		file.Draft = "refill"
		require.NoError(t, s.PutDraftFile(t.Context(), file, false))
	}
	stored, err := s.Draft(t.Context(), "refill")
	require.NoError(t, err)
	_, problems := LoadDraft(dir, DraftOf(stored))
	require.ErrorContains(t, problems.Err(), `there is no use case "restock"`, "the sources start it still")

	config, err := ReadFile(dir, "crosswalk.yaml")
	require.NoError(t, err)
	require.NoError(t, s.PutDraftFile(t.Context(), store.DraftFile{Draft: "refill", Path: "crosswalk.yaml", Present: true, Base: config,
		Body: []byte(strings.ReplaceAll(string(config), "starts: restock", "starts: refill"))}, false))
	stored, err = s.Draft(t.Context(), "refill")
	require.NoError(t, err)
	w, problems := LoadDraft(dir, DraftOf(stored))
	require.Empty(t, problems.Error())
	proposal, err := w.Propose(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, "use case refill", proposal.Changes[0].Subject)
	unchanged, problems := Load(dir)
	require.Empty(t, problems.Error())
	require.NotNil(t, unchanged.UseCase("restock"), "the folder is as it was")

	edit(t, dir, "rules/enough.yaml", "> 10", "> 11")
	require.ErrorIs(t, SaveDraft(dir, stored, false), ErrChanged)
	require.NoFileExists(t, filepath.Join(dir, "usecases/refill.yaml"), "all or nothing")
	edit(t, dir, "rules/enough.yaml", "> 11", "> 10")
	require.NoError(t, SaveDraft(dir, stored, false))
	require.NoFileExists(t, filepath.Join(dir, "usecases/restock.yaml"))
	saved, problems := Load(dir)
	require.Empty(t, problems.Error())
	require.Equal(t, w.UseCase("refill").Hash, saved.UseCase("refill").Hash)
	entries, err := os.ReadDir(filepath.Join(dir, "rules"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside the files")

	for _, wrong := range []string{"../x.yaml", "/etc/passwd", ".crosswalk/up.json", "rules//x.yaml", "."} {
		_, err := ReadFile(dir, wrong)
		require.ErrorContains(t, err, "is not the path of a file in a workspace", wrong)
	}
}

// Of several who save at once what began with the same file, one does, and the others are told.
func TestDraftsSavedAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "rules"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules/x.yaml"), []byte("old"), 0o600))
	errs := make([]error, 16)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			errs[i] = SaveDraft(dir, []store.DraftFile{{Draft: "d", Path: "rules/x.yaml", Base: []byte("old"), Body: []byte{'a' + byte(i)}, Present: true}}, false)
		})
	}
	group.Wait()
	var saved []int
	for i, err := range errs {
		if err == nil {
			saved = append(saved, i)
		} else {
			require.ErrorIs(t, err, ErrChanged)
		}
	}
	require.Len(t, saved, 1)
	text, err := os.ReadFile(filepath.Join(dir, "rules/x.yaml"))
	require.NoError(t, err)
	require.Equal(t, string([]byte{'a' + byte(saved[0])}), string(text))
}
