package store

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLoginsEnd(t *testing.T) {
	t.Parallel()
	const idle, longest = 30 * time.Minute, 2 * time.Hour
	minutes := func(list ...int) (waits []time.Duration) {
		for _, m := range list {
			waits = append(waits, time.Duration(m)*time.Minute)
		}
		return waits
	}
	for name, test := range map[string]struct {
		uses []time.Duration // the wait before each use; only the last one's result counts
		end  func(s *Store) error
		good bool
	}{
		"in use":         {uses: minutes(29, 29, 29), good: true},
		"idle":           {uses: minutes(29, 31)},
		"too old":        {uses: minutes(29, 29, 29, 29, 29)},
		"revoked":        {uses: minutes(1), end: func(s *Store) error { return s.RevokeLogin(t.Context(), "hash") }},
		"user revoked":   {uses: minutes(1), end: func(s *Store) error { return s.RevokeUser(t.Context(), "ann") }},
		"new password":   {uses: minutes(1), end: func(s *Store) error { return s.SetCredential(t.Context(), "ann", "argon") }},
		"another's":      {uses: minutes(1), end: func(s *Store) error { return s.RevokeUser(t.Context(), "bo") }, good: true},
		"pruning spares": {uses: minutes(1), end: func(s *Store) error { return s.PruneLogins(t.Context()) }, good: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := testStore(t)
			made, err := s.CreateLogin(t.Context(), "hash", "ann", "firefox", idle, longest)
			require.NoError(t, err)
			if test.end != nil {
				require.NoError(t, test.end(s))
			}
			var login Login
			for _, wait := range test.uses {
				c.Advance(wait)
				login, err = s.UseLogin(t.Context(), "hash")
			}
			if !test.good {
				require.ErrorIs(t, err, ErrNotFound)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "ann", login.User)
			require.True(t, login.LastUsedAt.After(made.LastUsedAt))
			listed, err := s.LoginsOf(t.Context(), "ann")
			require.NoError(t, err)
			require.Equal(t, []Login{login}, listed)
		})
	}
}

func TestPruneLogins(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	_, err := s.CreateLogin(t.Context(), "idle", "ann", "", time.Minute, time.Hour)
	require.NoError(t, err)
	_, err = s.CreateLogin(t.Context(), "good", "ann", "", time.Hour, time.Hour)
	require.NoError(t, err)
	c.Advance(2 * time.Minute)
	require.NoError(t, s.PruneLogins(t.Context()))
	listed, err := s.LoginsOf(t.Context(), "ann")
	require.NoError(t, err)
	require.Len(t, listed, 1)
	require.Equal(t, "good", listed[0].TokenHash)
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	_, err := s.Credential(t.Context(), "ann")
	require.ErrorIs(t, err, ErrNotFound)
	for _, hash := range []string{"argon2id$1", "argon2id$2"} {
		require.NoError(t, s.SetCredential(t.Context(), "ann", hash))
		stored, err := s.Credential(t.Context(), "ann")
		require.NoError(t, err)
		require.Equal(t, hash, stored)
	}
}

func TestAttemptsAreCounted(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	ctx := t.Context()
	var mu sync.Mutex
	var counts []int
	parallel(10, func(int) {
		n, _ := s.CountAttempt(ctx, "login:ann", time.Hour)
		mu.Lock()
		defer mu.Unlock()
		counts = append(counts, n)
	})
	require.ElementsMatch(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, counts)
	n, err := s.Attempts(ctx, "login:ann", time.Hour)
	require.NoError(t, err)
	require.Equal(t, 10, n)

	c.Advance(time.Hour + time.Second)
	n, err = s.Attempts(ctx, "login:ann", time.Hour)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = s.CountAttempt(ctx, "login:ann", time.Hour) // a new window
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, s.ClearAttempts(ctx, "login:ann"))
	require.NoError(t, s.PruneAttempts(ctx, time.Hour))
	n, err = s.Attempts(ctx, "login:ann", time.Hour)
	require.NoError(t, err)
	require.Zero(t, n)
}
