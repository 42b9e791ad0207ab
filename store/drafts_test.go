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
		require.NoError(t, s.PutDraftFile(ctx, DraftFile{Draft: "longer-warranty", Path: path, Body: []byte(body), Base: []byte(base), Present: true, Who: "ann"}, false))
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

// Several people work on one draft, and one saves it while another writes: nobody's work is lost without a word.
func TestDraftOfSeveralPeople(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	put := func(who, path, body string, over bool) error {
		return s.PutDraftFile(ctx, DraftFile{Draft: "d", Path: path, Body: []byte(body), Base: []byte("old"), Present: true, Who: who}, over)
	}
	require.NoError(t, put("ann", "a.yaml", "of ann", false))
	require.NoError(t, put("bob", "b.yaml", "of bob", false))
	err := put("bob", "a.yaml", "of bob", false)
	require.ErrorIs(t, err, ErrElses)
	require.ErrorContains(t, err, "ann, in a.yaml")
	files, err := s.Draft(ctx, "d")
	require.NoError(t, err)
	require.Equal(t, "of ann", string(files[0].Body))
	require.NoError(t, put("bob", "b.yaml", "later, of bob", false))

	more, err := s.EndDraft(ctx, files)
	require.NoError(t, err)
	require.True(t, more, "bob has written since it was read")
	left, err := s.Draft(ctx, "d")
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "later, of bob", string(left[0].Body))
	require.Equal(t, "of bob", string(left[0].Base), "which is in the workspace now")
	more, err = s.EndDraft(ctx, left)
	require.NoError(t, err)
	require.False(t, more)
	require.NoError(t, put("ann", "a.yaml", "of ann", false))
	require.NoError(t, put("bob", "a.yaml", "of bob", true))
}
