package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/e2e/postgres"
)

// shared is the PostgreSQL of the second run of all tests; in the first there is none.
var shared testServer

type testServer struct {
	server *postgres.Server
	made   atomic.Int64
}

const database = "tests"

func (s *testServer) start() error {
	server, err := postgres.Start(context.Background())
	if err != nil {
		return err
	}
	if _, err := server.Create(context.Background(), database); err != nil {
		return errors.Join(err, server.Stop())
	}
	s.server = server
	return nil
}

// newDatabase is the address of an empty schema: faster made than a database, and as separate.
func newDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", shared.made.Add(1))
	db, err := sql.Open("pgx", shared.server.DSN(database))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+name)
	require.NoError(t, err)
	return shared.server.DSN(database) + "&search_path=" + name
}

func TestQueriesAndMigrationsOfPostgres(t *testing.T) {
	t.Parallel()
	require.Equal(t, `SELECT '?', "a?" FROM t WHERE a = $1 AND b IN ($2,$3) AND c LIKE $4 ESCAPE '\'`,
		numbered(`SELECT '?', "a?" FROM t WHERE a = ? AND b IN (?,?) AND c LIKE ? ESCAPE '\'`))
	require.Equal(t, `CREATE TABLE t (a TEXT COLLATE "C" NOT NULL, b BIGINT, c BYTEA, d BIGINT, e BOOLEAN);
ALTER TABLE t ADD COLUMN f TEXT COLLATE "C" NOT NULL DEFAULT '';`,
		postgresTypes("CREATE TABLE t (a TEXT NOT NULL, b INTEGER, c BLOB, d BIGINT, e BOOLEAN);\nALTER TABLE t ADD COLUMN f TEXT NOT NULL DEFAULT '';"))
}

// TestMigrationsOnlyAdd is what lets processes of two releases share a database.
func TestMigrationsOnlyAdd(t *testing.T) {
	t.Parallel()
	files, err := migrations.ReadDir("migrations")
	require.NoError(t, err)
	for _, file := range files {
		text, err := migrations.ReadFile("migrations/" + file.Name())
		require.NoError(t, err)
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		for statement := range strings.SplitSeq(uncommented(up), ";") {
			words := strings.Fields(strings.ToUpper(statement))
			if len(words) == 0 {
				continue
			}
			adds := words[0] == "CREATE" || words[0] == "ALTER" && words[3] == "ADD" && strings.Contains(strings.Join(words, " "), " DEFAULT ")
			require.True(t, adds, "%s: %s: a migration creates, or adds columns with a default: the release before goes on working beside it", file.Name(), statement)
		}
	}
}

func uncommented(sql string) string {
	var kept []string
	for line := range strings.Lines(sql) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestWhatOnlyPostgresRefusesIsStored(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	incoming := mail("m1")
	incoming.Title = "a\x00b\xffc"
	stored, err := s.StoreEntry(t.Context(), incoming)
	require.NoError(t, err)
	again, err := s.StoreEntry(t.Context(), incoming)
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	found, err := s.Case(t.Context(), stored.Entry.CaseID)
	require.NoError(t, err)
	require.Contains(t, []string{"a\x00b\xffc", "a\uFFFDb\uFFFDc"}, found.Title)
}

// TestProcessesShareADatabase: two stores on one database act as two processes do.
func TestProcessesShareADatabase(t *testing.T) {
	t.Parallel()
	if shared.server == nil {
		return // SQLite belongs to one process
	}
	dsn := newDatabase(t)
	var stores [3]*Store
	for i := range stores {
		var err error
		stores[i], err = OpenPostgres(t.Context(), dsn)
		require.NoError(t, err)
		defer stores[i].Close()
	}
	const each = 40
	fresh, duplicates, leases := make([]atomic.Int64, each), make([]atomic.Int64, each), make([]atomic.Int64, each)
	parallel(len(stores)*each, func(n int) {
		s, i := stores[n%len(stores)], n/len(stores)
		stored, err := s.StoreEntry(t.Context(), mail(fmt.Sprint("m", i)))
		if err != nil {
			t.Error(err)
			return
		}
		if stored.Duplicate {
			duplicates[i].Add(1)
		}
		if _, isFresh, err := s.BeginEffect(t.Context(), Effect{Key: fmt.Sprint("e", i), CaseID: stored.Entry.CaseID, RequestHash: "h"}, nil); err != nil {
			t.Error(err)
		} else if isFresh {
			fresh[i].Add(1)
		}
		if _, err := s.AcquireLease(t.Context(), fmt.Sprint("l", i), fmt.Sprint(n), time.Hour); err == nil {
			leases[i].Add(1)
		} else if !errors.Is(err, ErrLeaseHeld) {
			t.Error(err)
		}
		if _, err := s.Audit(t.Context(), AuditEntry{Who: "x", What: "y"}); err != nil {
			t.Error(err)
		}
	})
	for i := range each {
		require.EqualValues(t, len(stores)-1, duplicates[i].Load(), i)
		require.EqualValues(t, 1, fresh[i].Load(), i)
		require.EqualValues(t, 1, leases[i].Load(), i)
	}
	n, err := stores[0].VerifyAudit(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, len(stores)*each, n)
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	if shared.server == nil {
		return // SQLite belongs to one process
	}
	dsn := newDatabase(t)
	parallel(6, func(int) {
		s, err := OpenPostgres(t.Context(), dsn)
		if err != nil {
			t.Error(err)
			return
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
	require.NoError(t, err)
	newer, err := OpenPostgres(t.Context(), dsn)
	require.NoError(t, err, "the release before starts beside the newer one")
	require.NoError(t, newer.Close())
}

func TestAnAddressThatIsNoneDoesNotShowItsPassword(t *testing.T) {
	t.Parallel()
	_, err := OpenPostgres(t.Context(), "postgres://me:hunter2@host:port/x")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	_, err = OpenPostgres(t.Context(), "postgres://me:hunter2@127.0.0.1:1/x?connect_timeout=1")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}
