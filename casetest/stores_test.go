package casetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// The store of a case is that of the next one: what the case before it still has at work is waited for, and begins nothing.
func TestStoreGoesFromCaseToCase(t *testing.T) {
	t.Parallel()
	kept := &stores{dir: t.TempDir()}
	defer func() { require.NoError(t, kept.close()) }()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	first, err := kept.empty(t.Context(), func() time.Time { return at })
	require.NoError(t, err)
	w := &world{}
	begun, goOn := make(chan struct{}), make(chan struct{})
	activity := w.guarded(func(ctx context.Context, id string) (string, error) {
		if id == "slow" {
			close(begun)
			<-goOn
		}
		_, err := first.CreateCase(ctx, store.NewCase{ID: id, UseCase: "x", BundleHash: "h"})
		return id, err
	}).(func(context.Context, string) (string, error))
	slow := make(chan error)
	go func() { _, err := activity(t.Context(), "slow"); slow <- err }()
	<-begun
	left := make(chan struct{})
	go func() { w.leave(); close(left) }()
	close(goOn)
	require.NoError(t, <-slow)
	<-left
	made, err := first.Case(t.Context(), "slow")
	require.NoError(t, err, "who was at work came to an end first")
	require.Equal(t, at, made.StartedAt)

	later := at.AddDate(1, 0, 0)
	second, err := kept.empty(t.Context(), func() time.Time { return later })
	require.NoError(t, err)
	_, err = activity(t.Context(), "late")
	require.ErrorIs(t, err, errLeft)
	all, err := second.Cases(t.Context(), store.CaseFilter{})
	require.NoError(t, err)
	require.Empty(t, all)
	made, err = second.CreateCase(t.Context(), store.NewCase{ID: "c2", UseCase: "x", BundleHash: "h"})
	require.NoError(t, err)
	require.Equal(t, later, made.StartedAt)
}
