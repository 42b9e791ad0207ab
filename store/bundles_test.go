package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	version, err := s.Version(ctx)
	require.NoError(t, err)
	require.Zero(t, version)
	_, err = s.InForceOf(ctx, "complaint")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = s.Reach(ctx)
	require.ErrorIs(t, err, ErrNotFound)

	for range 2 {
		require.NoError(t, s.PutBundle(ctx, "b1", "complaint", []byte("one")))
	}
	require.ErrorContains(t, s.PutBundle(ctx, "b1", "complaint", []byte("two")), "other content")
	require.Error(t, s.PutBundle(ctx, "", "complaint", nil))
	require.NoError(t, s.PutBundle(ctx, "b2", "complaint", []byte("two")))
	require.NoError(t, s.PutBundle(ctx, "l1", "lead", []byte("lead")))
	require.NoError(t, s.PutReach(ctx, "r1", []byte("reach")))

	for _, step := range []struct {
		publication Publication
		version     int64
		inForce     map[string]string
	}{
		{Publication{Bundles: map[string]string{"complaint": "b1", "lead": "l1"}, Reach: "r1", Who: "ann"}, 1, map[string]string{"complaint": "b1", "lead": "l1"}},
		{Publication{Bundles: map[string]string{"complaint": "b1", "lead": "l1"}, Reach: "r1", Who: "bo"}, 1, map[string]string{"complaint": "b1", "lead": "l1"}},
		{Publication{Bundles: map[string]string{"complaint": "b2"}, Who: "bo"}, 2, map[string]string{"complaint": "b2", "lead": "l1"}},
		{Publication{Bundles: map[string]string{"complaint": "b1"}, Who: "ann", Note: "undo"}, 3, map[string]string{"complaint": "b1", "lead": "l1"}},
		{Publication{Bundles: map[string]string{"lead": ""}, Who: "ann"}, 4, map[string]string{"complaint": "b1"}},
	} {
		got, err := s.Publish(ctx, step.publication)
		require.NoError(t, err)
		require.Equal(t, step.version, got)
		version, err = s.Version(ctx)
		require.NoError(t, err)
		require.Equal(t, step.version, version)
		all, err := s.InForce(ctx)
		require.NoError(t, err)
		inForce := map[string]string{}
		for _, p := range all {
			inForce[p.Name] = p.Hash
		}
		require.Equal(t, step.inForce, inForce)
	}
	for _, wrong := range []Publication{
		{Bundles: map[string]string{"complaint": "nothing"}}, {Bundles: map[string]string{"complaint": "l1"}}, {Reach: "b1"},
		{Bundles: map[string]string{"complaint": "b2", "lead": "nothing"}}, // all or none
	} {
		_, err = s.Publish(ctx, wrong)
		require.Error(t, err)
	}
	hash, err := s.InForceOf(ctx, "complaint")
	require.NoError(t, err)
	require.Equal(t, "b1", hash)
	history, err := s.Publications(ctx, KindBundle, "complaint", 0)
	require.NoError(t, err)
	require.Len(t, history, 3)
	require.Equal(t, "undo", history[0].Note)
	reach, err := s.Reach(ctx)
	require.NoError(t, err)
	require.Equal(t, "reach", string(reach.Body))
	byHash, err := s.ReachByHash(ctx, "r1")
	require.NoError(t, err)
	require.Equal(t, reach, byHash)
	_, err = s.Bundle(ctx, "r1")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestABundleInUseStays(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	for _, hash := range []string{"b1", "b2"} {
		require.NoError(t, s.PutBundle(ctx, hash, "complaint", []byte(hash)))
		_, err := s.PutInForce(ctx, "complaint", hash, "ann", "")
		require.NoError(t, err)
		_, err = s.CreateCase(ctx, NewCase{ID: "case-" + hash, UseCase: "complaint"})
		require.NoError(t, err)
	}
	require.ErrorIs(t, s.DeleteBundle(ctx, "b1"), ErrInUse) // by an open case
	for _, id := range []string{"case-b1", "case-b2"} {
		require.NoError(t, s.EndCase(ctx, id, End{State: CaseDone}))
	}
	require.NoError(t, s.DeleteBundle(ctx, "b1"))
	require.ErrorIs(t, s.DeleteBundle(ctx, "b2"), ErrInUse) // in force
	require.ErrorIs(t, s.DeleteBundle(ctx, "b1"), ErrNotFound)
}

func TestPublishingAtOnceGivesEachItsVersion(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	versions := make([]int64, len(names))
	parallel(len(names), func(i int) {
		if s.PutBundle(ctx, "hash-"+names[i], names[i], []byte(names[i])) == nil {
			versions[i], _ = s.PutInForce(ctx, names[i], "hash-"+names[i], "ann", "")
		}
	})
	require.ElementsMatch(t, []int64{1, 2, 3, 4, 5, 6, 7, 8}, versions)
}
