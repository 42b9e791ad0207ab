package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDrafts(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	_, err := s.Draft(ctx, "longer-warranty")
	require.ErrorIs(t, err, ErrNotFound)
	put := func(path, body, base string) {
		require.NoError(t, s.PutDraftFile(ctx, DraftFile{Draft: "longer-warranty", Path: path, Body: []byte(body), Base: []byte(base), Present: true, Who: "ann"}))
	}
	put("rules/warranty.yaml", "24", "12")
	put("rules/warranty.yaml", "36", "24")
	put("usecases/new.yaml", "usecase: new", "")
	files, err := s.Draft(ctx, "longer-warranty")
	require.NoError(t, err)
	require.Len(t, files, 2)
	require.Equal(t, "36", string(files[0].Body))
	require.Equal(t, "12", string(files[0].Base), "what the draft began with")
	all, err := s.Drafts(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Empty(t, all[0].Body)
	require.NoError(t, s.DiscardDraft(ctx, "longer-warranty", "usecases/new.yaml"))
	require.ErrorIs(t, s.DiscardDraft(ctx, "longer-warranty", "usecases/new.yaml"), ErrNotFound)
	require.NoError(t, s.DiscardDraft(ctx, "longer-warranty", ""))
	_, err = s.Draft(ctx, "longer-warranty")
	require.ErrorIs(t, err, ErrNotFound)
}
