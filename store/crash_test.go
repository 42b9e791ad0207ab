package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// crashDirectory makes this test binary a process that writes until it is killed: into a directory, or the database of
// an address.
const crashDirectory = "CROSSWALK_STORE_CRASH_DIRECTORY"

func TestMain(m *testing.M) {
	if where := os.Getenv(crashDirectory); where != "" {
		writeUntilKilled(where)
	}
	code := m.Run()
	if err := shared.start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code = max(code, m.Run())
	if err := shared.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// writeUntilKilled acknowledges on standard output what it has stored.
func writeUntilKilled(where string) {
	s, err := openAt(context.Background(), where)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	parallel(8, func(i int) {
		for n := 0; ; n++ {
			key := fmt.Sprintf("%d-%d-%d", os.Getpid(), i, n)
			stored, err := s.StoreEntry(context.Background(), mail(key))
			if err == nil {
				effect := Effect{Key: key, CaseID: stored.Entry.CaseID, RequestHash: key, State: EffectSent}
				_, _, err = s.BeginEffect(context.Background(), effect, []ReadResult{{Path: key, Result: []byte(`{}`)}})
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(key)
		}
	})
}

func openAt(ctx context.Context, where string) (*Store, error) {
	if strings.HasPrefix(where, "postgres:") {
		return OpenPostgres(ctx, where)
	}
	return Open(ctx, where)
}

func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	where := t.TempDir()
	if shared.server != nil {
		where = newDatabase(t)
	}
	var acknowledged []string
	for _, lines := range []int{1, 40, 150} {
		acknowledged = append(acknowledged, runAndKill(t, where, lines)...)
	}
	s, err := openAt(t.Context(), where)
	require.NoError(t, err)
	defer s.Close()
	if !s.postgres {
		var check string
		require.NoError(t, s.read().scalar(t.Context(), "PRAGMA integrity_check", nil, &check))
		require.Equal(t, "ok", check)
	}
	for _, key := range acknowledged {
		stored, err := s.StoreEntry(t.Context(), mail(key))
		require.NoError(t, err)
		require.True(t, stored.Duplicate, key)
		_, err = s.Case(t.Context(), stored.Entry.CaseID)
		require.NoError(t, err)
		effect, err := s.Effect(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, stored.Entry.CaseID, effect.CaseID)
		_, found, err := s.ReadResult(t.Context(), effect.CaseID, key)
		require.NoError(t, err)
		require.True(t, found)
	}
	// What was not acknowledged is there whole or not at all.
	var entries, cases, raws int
	for table, n := range map[string]*int{"entries": &entries, "cases": &cases, "entry_raw": &raws} {
		require.NoError(t, s.read().scalar(t.Context(), "SELECT COUNT(*) FROM "+table, nil, n))
	}
	require.GreaterOrEqual(t, entries, len(acknowledged))
	require.Equal(t, entries, cases)
	require.Equal(t, entries, raws)
}

// runAndKill lets a process write, kills it after so many acknowledgements, and returns all that it gave.
func runAndKill(t *testing.T, where string, lines int) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), crashDirectory+"="+where)
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	var keys []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		keys = append(keys, scanner.Text())
		if len(keys) == lines {
			require.NoError(t, command.Process.Kill())
		}
	}
	require.Error(t, command.Wait())
	require.Empty(t, complaint.String())
	require.GreaterOrEqual(t, len(keys), lines)
	return keys
}
