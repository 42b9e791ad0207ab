package store

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock is a hand-wound clock that also ticks by a microsecond at each look, so that no two rows are of one instant.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

func (c *clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// testStore is a new store, in SQLite or in PostgreSQL: TestMain runs all tests over both.
func testStore(t *testing.T) (*Store, *clock) {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	s, err := openTest(t, WithClock(c.Now))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, c
}

func openTest(t testing.TB, options ...Option) (*Store, error) {
	if shared.server == nil {
		return Open(t.Context(), t.TempDir(), options...)
	}
	return OpenPostgres(t.Context(), newDatabase(t), options...)
}

// parallel runs do n times at once and waits.
func parallel(n int, do func(i int)) {
	var started, done sync.WaitGroup
	started.Add(1)
	for i := range n {
		done.Go(func() {
			started.Wait()
			do(i)
		})
	}
	started.Done()
	done.Wait()
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "new", "data")
	s, err := Open(t.Context(), directory)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.SetMeta(t.Context(), "a", "b"))

	info, err := os.Stat(directory)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	for _, name := range []string{FileName, FileName + "-wal", FileName + "-shm"} {
		info, err := os.Stat(filepath.Join(directory, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}

func TestOpenTightensAnExistingDirectory(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	require.NoError(t, os.Chmod(directory, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(directory, FileName), nil, 0o644))
	s, err := Open(t.Context(), directory)
	require.NoError(t, err)
	defer s.Close()
	for path, want := range map[string]os.FileMode{directory: 0o700, filepath.Join(directory, FileName): 0o600} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm())
	}
}

func TestEveryConnectionIsDurable(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer s.Close()
	for name, db := range map[string]*sql.DB{"writer": s.writer, "reader": s.reader} {
		require.NoError(t, s.assertPragmas(t.Context(), db), name)
	}
	var connections []*sql.Conn
	for range readers {
		conn, err := s.reader.Conn(t.Context())
		require.NoError(t, err)
		connections = append(connections, conn)
		var synchronous int
		require.NoError(t, conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&synchronous))
		require.Equal(t, 2, synchronous)
		_, err = conn.ExecContext(t.Context(), "DELETE FROM cases")
		require.ErrorContains(t, err, "readonly")
	}
	for _, conn := range connections {
		require.NoError(t, conn.Close())
	}
}

func TestAWrongSettingIsNoticed(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"_pragma=journal_mode(DELETE)", "_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)",
		"_pragma=_journal_mode(WAL)", ""} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "x.db")+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(ON)&"+query)
		require.NoError(t, err)
		require.ErrorContains(t, (&Store{}).assertPragmas(t.Context(), db), "would not be safe", query)
		require.NoError(t, db.Close())
	}
}

func TestMigrateFromEmptyAndAgain(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	for range 2 {
		s, err := Open(t.Context(), directory)
		require.NoError(t, err)
		require.NoError(t, s.Ping(t.Context()))
		var ok string
		require.NoError(t, s.read().scalar(t.Context(), "PRAGMA integrity_check", nil, &ok))
		require.Equal(t, "ok", ok)
		require.NoError(t, s.Close())
	}
}

func TestDataOfANewerReleaseIsRefused(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	s, err := Open(t.Context(), directory)
	require.NoError(t, err)
	_, err = s.writer.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = Open(t.Context(), directory)
	require.ErrorContains(t, err, "start the newer release")
}

func TestWhatIsCommittedSurvives(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	first, err := Open(t.Context(), directory)
	require.NoError(t, err)
	stored, err := first.StoreEntry(t.Context(), mail("m1"))
	require.NoError(t, err)

	// A second process opens the files as the first left them when it was killed: without Close.
	second, err := Open(t.Context(), directory)
	require.NoError(t, err)
	defer second.Close()
	found, err := second.Entry(t.Context(), stored.Entry.ID)
	require.NoError(t, err)
	require.Equal(t, stored.Entry, found)
	require.NoError(t, first.Close())
}

func TestAFailedTransactionLeavesNothing(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	err := s.write(t.Context(), "test", func(tx session) error {
		require.NoError(t, setMeta(t.Context(), tx, "a", "b"))
		return context.Canceled
	})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Meta(t.Context(), "a")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestACancelledContextDoesNotBlockTheWriter(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.SetMeta(cancelled, "a", "b"), context.Canceled)
	require.NoError(t, s.SetMeta(t.Context(), "a", "c"))
}

// brokenRows is a database that fails while it reads.
type brokenRows struct{ querier }

func (b brokenRows) QueryContext(ctx context.Context, _ string, _ ...any) (*sql.Rows, error) {
	return b.querier.QueryContext(ctx, "SELECT abs(-9223372036854775808)") // integer overflow, at the first row
}

func TestAFailureToLookIsNotAnAbsence(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer s.Close()
	var n int
	err = session{querier: brokenRows{s.reader}}.scalar(t.Context(), "", nil, &n)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNotFound)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = s.ReadResult(cancelled, "c1", "stock")
	require.ErrorIs(t, err, context.Canceled)
}
