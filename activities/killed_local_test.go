package activities_test

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// localKinds are the ways of writing on this machine.
var localKinds = []string{"sqlite", "noted-sqlite", "once-sqlite", "files", "table-files", "move-files", "once-files"}

// localWrite is a write into a file of SQLite or into a directory.
func localWrite(kind, system, database, directory string) servedWrite {
	w := servedWrite{System: system, Adapter: "acme", Operation: "warehouse.reserve_stock", Input: json.RawMessage(`{"sku": "` + system + `", "quantity": 2}`), Settings: map[string]any{"file": database}}
	way, _, special := strings.Cut(kind, "-")
	if !special {
		way = ""
	}
	if strings.HasSuffix(kind, "files") {
		w.Operation, w.Settings = "files.write_file", map[string]any{"directory": directory}
		w.Input = json.RawMessage(`{"path": "orders/` + system + `.txt", "text": "` + strings.Repeat("all of it ", wholeTimes) + `"}`)
		w.lay(way, "files", "{directory: {}}")
		return w
	}
	const settings = "{file: {}}"
	w.File = map[string]string{"": fmt.Sprintf(reserving, "sqlite", settings, underKeys), "once": fmt.Sprintf(reserving, "sqlite", settings, "at_most_once"), "noted": fmt.Sprintf(noting, "sqlite", settings)}[way]
	return w
}

// TestAWorkerIsKilledAmongWritesOnThisMachine kills a process that is in the middle of writes into a file of SQLite and into a
// directory, has some before it and has done some without having written it down. The next worker goes on from the ledger: each
// is carried out once or its outcome is unknown, every file is whole, and no half one is left.
func TestAWorkerIsKilledAmongWritesOnThisMachine(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	orders, inbox := filepath.Join(place, "orders"), filepath.Join(place, "inbox")
	require.NoError(t, os.Mkdir(orders, 0o755))
	require.NoError(t, os.Mkdir(inbox, 0o755))
	file := filepath.Join(place, "stock.db")
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(60000)")
	require.NoError(t, err)
	defer db.Close()
	for _, text := range []string{stockTable, effectsTable, notedTable} {
		_, err := db.Exec(text)
		require.NoError(t, err)
	}
	held, free, next := servedWorker{}, servedWorker{}, servedWorker{}
	for _, kind := range localKinds {
		for n := range 14 {
			at := map[int]moment{0: before, 1: before, 2: after, 3: after}[n]
			system := fmt.Sprintf("%s-%d-%s", kind, n, at)
			if strings.HasSuffix(kind, "sqlite") {
				_, err := db.Exec("insert into stock values (?, 'Hamburg', 100, 0)", system)
				require.NoError(t, err)
			}
			if kind == "move-files" {
				require.NoError(t, os.WriteFile(filepath.Join(inbox, system+".txt"), []byte(strings.Repeat("all of it ", wholeTimes)), 0o600))
			}
			w := localWrite(kind, system, file, place)
			next[system] = w
			if w.Held = at; at != "" {
				held[system] = w
			} else {
				free[system] = w
			}
		}
	}
	dir := t.TempDir()
	prepare(t, dir)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledServedProcess$", "-test.timeout=10m")
	child.Env = append(os.Environ(), servedEnv+"="+dir)
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	said, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	tell := json.NewEncoder(stdin)
	require.NoError(t, tell.Encode(held))
	lines, waits := bufio.NewScanner(said), 0
	for waits < len(held) && lines.Scan() {
		if strings.HasPrefix(lines.Text(), "held ") {
			waits++
		}
	}
	require.Equal(t, len(held), waits, "all that are held wait")
	require.NoError(t, tell.Encode(free))
	require.Eventually(t, func() bool {
		written, err := filepath.Glob(filepath.Join(orders, "*-.txt"))
		return err == nil && len(written) >= 4
	}, 5*time.Minute, time.Millisecond, "some files are written")
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	parts, err := filepath.Glob(filepath.Join(orders, ".*.part"))
	require.NoError(t, err)
	t.Logf("%d parts of files were left by the killed process", len(parts))

	opened, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	defer opened.Close()
	next.finish(t, next.activities(t, opened), opened, func(t *testing.T) map[string]int {
		t.Helper()
		found := wholeFiles(t, orders)
		countStock(t, db, found)
		return found
	})
	noParts(t, orders)
}
