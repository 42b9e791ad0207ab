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
	for _, hash := range []string{"b1", "b2", "b3", "b4"} {
		require.NoError(t, s.PutBundle(ctx, hash, "complaint", []byte(hash)))
	}
	for _, hash := range []string{"b1", "b2"} {
		_, err := s.PutInForce(ctx, "complaint", hash, "ann", "")
		require.NoError(t, err)
	}
	_, err := s.CreateCase(ctx, NewCase{ID: "case", UseCase: "complaint", BundleHash: "b3"})
	require.NoError(t, err)
	require.ErrorIs(t, s.DeleteBundle(ctx, "b1"), ErrInUse, "an undo needs it")
	require.ErrorIs(t, s.DeleteBundle(ctx, "b2"), ErrInUse, "it is in force")
	require.ErrorIs(t, s.DeleteBundle(ctx, "b3"), ErrInUse, "a case runs with it")
	require.NoError(t, s.EndCase(ctx, "case", End{State: CaseDone}))
	require.ErrorIs(t, s.DeleteBundle(ctx, "b3"), ErrInUse, "the record of a case is explained by it")
	require.NoError(t, s.DeleteBundle(ctx, "b4"))
	require.ErrorIs(t, s.DeleteBundle(ctx, "b4"), ErrNotFound)
}

// TestOfTwoPublicationsOneWins shows that who publishes what he checked against something that is not in force any
// more is told so, and changes nothing.
func TestOfTwoPublicationsOneWins(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	for _, hash := range []string{"b1", "b2", "b3", "b4", "b5"} {
		require.NoError(t, s.PutBundle(ctx, hash, "complaint", []byte(hash)))
	}
	version, err := s.PutInForce(ctx, "complaint", "b1", "ann", "")
	require.NoError(t, err)
	errs := make([]error, 4)
	parallel(len(errs), func(i int) {
		_, errs[i] = s.Publish(ctx, Publication{Bundles: map[string]string{"complaint": []string{"b2", "b3", "b4", "b5"}[i]}, Checked: true, After: version})
	})
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, ErrSuperseded)
	}
	require.Equal(t, 1, won)
	current, err := s.Version(ctx)
	require.NoError(t, err)
	require.Equal(t, version+1, current)
}

func TestWhatWasInForceAtAVersion(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	for _, hash := range []string{"c1", "c2", "lead"} {
		name := "complaint"
		if hash == "lead" {
			name = "lead"
		}
		require.NoError(t, s.PutBundle(ctx, hash, name, []byte(hash)))
	}
	require.NoError(t, s.PutReach(ctx, "r1", []byte("reach")))
	for _, p := range []Publication{
		{Bundles: map[string]string{"complaint": "c1"}, Reach: "r1", Who: "ann", Note: "begin"},
		{Bundles: map[string]string{"complaint": "c2", "lead": "lead"}, Who: "bo"},
		{Bundles: map[string]string{"complaint": "c1", "lead": ""}, Who: "ann", Note: "undo", Restores: 1},
	} {
		_, err := s.Publish(ctx, p)
		require.NoError(t, err)
	}
	at := func(version int64) map[string]string {
		all, err := s.InForceAt(ctx, version)
		require.NoError(t, err)
		hashes := map[string]string{}
		for _, p := range all {
			hashes[p.Kind+"/"+p.Name] = p.Hash
		}
		return hashes
	}
	require.Empty(t, at(0))
	require.Equal(t, map[string]string{"bundle/complaint": "c1", "reach/": "r1"}, at(1))
	require.Equal(t, map[string]string{"bundle/complaint": "c2", "bundle/lead": "lead", "reach/": "r1"}, at(2))
	require.Equal(t, at(1), at(3))
	releases, err := s.Releases(ctx, 2)
	require.NoError(t, err)
	require.Len(t, releases, 2)
	require.Equal(t, Release{Version: 3, Who: "ann", Note: "undo", At: releases[0].At, Restores: 1}, releases[0])
	require.False(t, releases[0].At.Before(releases[1].At))
	release, err := s.Release(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, "begin", release.Note)
	_, err = s.Release(ctx, 9)
	require.ErrorIs(t, err, ErrNotFound)
	changed, err := s.PublishedBy(ctx, 3)
	require.NoError(t, err)
	require.Len(t, changed, 2)
	found, err := s.FindDefinitions(ctx, "c")
	require.NoError(t, err)
	require.Len(t, found, 2)
	found, err = s.FindDefinitions(ctx, "%")
	require.NoError(t, err)
	require.Empty(t, found)
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
