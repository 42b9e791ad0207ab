package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func noEnd() error { return nil }

// fakeTransaction fails where it is told to.
type fakeTransaction struct {
	commits  *atomic.Int64
	fail     map[string]error // by statement, or "COMMIT"
	rollback int
}

func (f *fakeTransaction) ExecContext(_ context.Context, query string, _ ...any) (sql.Result, error) {
	return nil, f.fail[query]
}

func (f *fakeTransaction) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errors.ErrUnsupported
}

func (f *fakeTransaction) Commit() error {
	f.commits.Add(1)
	return f.fail["COMMIT"]
}

func (f *fakeTransaction) Rollback() error {
	f.rollback++
	return nil
}

func TestWritesThatWaitShareACommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var commits atomic.Int64
		c := newCommitter(func() (transaction, error) { return &fakeTransaction{commits: &commits}, nil }, noEnd)
		defer c.close()
		hold := make(chan struct{})
		const n = 30
		errs := make(chan error, n+1)
		go func() { errs <- c.write(t.Context(), func(session) error { <-hold; return nil }) }()
		synctest.Wait()
		for range n {
			go func() { errs <- c.write(t.Context(), func(session) error { return nil }) }()
		}
		synctest.Wait()
		close(hold)
		for range n + 1 {
			require.NoError(t, <-errs)
		}
		require.Equal(t, int64(1), commits.Load())
	})
}

func TestAFailedCommitFailsAllOfIt(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	var commits atomic.Int64
	c := newCommitter(func() (transaction, error) {
		return &fakeTransaction{commits: &commits, fail: map[string]error{"COMMIT": broken}}, nil
	}, noEnd)
	require.ErrorIs(t, c.write(t.Context(), func(session) error { return nil }), broken)
	c.close()
	for _, where := range []string{"ROLLBACK", "BEGIN IMMEDIATE", "SAVEPOINT job", "ROLLBACK TO SAVEPOINT job", "RELEASE SAVEPOINT job"} {
		tx := &fakeTransaction{commits: &commits, fail: map[string]error{where: broken}}
		refused := func(session) error { return errors.New("refused") }
		require.ErrorIs(t, apart(tx, []*job{{ctx: t.Context(), do: refused}}), broken, where)
	}
	c = newCommitter(func() (transaction, error) { return nil, broken }, noEnd)
	require.ErrorIs(t, c.write(t.Context(), func(session) error { return nil }), broken)
	c.close()
	require.ErrorIs(t, c.write(t.Context(), func(session) error { return nil }), ErrClosed)
}

func TestAFailedWriteDoesNotTouchItsNeighbours(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	refused := errors.New("refused")
	errs := make([]error, 60)
	parallel(len(errs), func(i int) {
		defer func() {
			if i%3 == 2 {
				errs[i] = fmt.Errorf("panic: %v", recover())
			}
		}()
		errs[i] = s.write(t.Context(), "test", func(tx session) error {
			if err := setMeta(t.Context(), tx, fmt.Sprint(i), "x"); err != nil {
				return err
			}
			switch i % 3 {
			case 1:
				return refused
			case 2:
				panic("hand-made")
			}
			return nil
		})
	})
	for i, err := range errs {
		_, missing := s.Meta(t.Context(), fmt.Sprint(i))
		switch i % 3 {
		case 0:
			require.NoError(t, err)
			require.NoError(t, missing)
		case 1:
			require.ErrorIs(t, err, refused)
			require.ErrorIs(t, missing, ErrNotFound)
		case 2:
			require.ErrorContains(t, err, "hand-made")
			require.ErrorIs(t, missing, ErrNotFound)
		}
	}
}

func TestCancellingOneWriteKeepsTheOthers(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	errs := make([]error, 40)
	parallel(len(errs), func(i int) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		errs[i] = s.write(ctx, "test", func(tx session) error {
			if i%2 == 0 {
				cancel() // in the middle of its turn: it is carried out whole
			}
			return setMeta(ctx, tx, fmt.Sprint(i), "x")
		})
	})
	for i, err := range errs {
		require.NoError(t, err)
		_, err := s.Meta(t.Context(), fmt.Sprint(i))
		require.NoError(t, err)
	}
}
