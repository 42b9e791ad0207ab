package activities_test

import (
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

// TestAWorkerIsKilledAmongWritesOnThisMachine kills a process that is in the middle of writes into a file of SQLite and into a
// directory. The next worker goes on from the ledger: each is carried out once, every file is whole, and no half one is left.
func TestAWorkerIsKilledAmongWritesOnThisMachine(t *testing.T) {
	t.Parallel()
	const writes = 30 // of each kind
	place := t.TempDir()
	orders := filepath.Join(place, "orders")
	require.NoError(t, os.Mkdir(orders, 0o755))
	file := filepath.Join(place, "stock.db")
	db, err := sql.Open("sqlite", "file:"+file)
	require.NoError(t, err)
	defer db.Close()
	for _, text := range []string{stockTable, effectsTable} {
		_, err := db.Exec(text)
		require.NoError(t, err)
	}
	worker := servedWorker{}
	for n := range writes {
		article, name := fmt.Sprintf("article-%d", n), fmt.Sprintf("file-%d", n)
		_, err := db.Exec("insert into stock values (?, 'Hamburg', 100, 0)", article)
		require.NoError(t, err)
		worker[article] = servedWrite{System: article, Adapter: "acme", File: fmt.Sprintf(reserving, "sqlite", "{file: {}}"), Operation: "warehouse.reserve_stock",
			Input: json.RawMessage(`{"sku": "` + article + `", "quantity": 2}`), Settings: map[string]any{"file": file}}
		worker[name] = servedWrite{System: name, Adapter: "generic-files", Operation: "files.write_file",
			Input: json.RawMessage(`{"path": "orders/` + name + `.txt", "text": "` + strings.Repeat("all of it ", 40_000) + `"}`), Settings: map[string]any{"directory": place}}
	}
	dir := t.TempDir()
	prepare(t, dir)
	told, err := json.Marshal(worker)
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledServedProcess$", "-test.timeout=10m")
	child.Env = append(os.Environ(), servedEnv+"="+dir)
	child.Stdin, child.Stderr = strings.NewReader(string(told)), os.Stderr
	require.NoError(t, child.Start())
	require.Eventually(t, func() bool {
		there, err := filepath.Glob(filepath.Join(orders, "file-*.txt"))
		return err == nil && len(there) >= writes/4
	}, 5*time.Minute, time.Millisecond, "some files are written")
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	parts, err := filepath.Glob(filepath.Join(orders, ".*.part"))
	require.NoError(t, err)
	t.Logf("%d parts of files were left by the killed process", len(parts))

	opened, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	defer opened.Close()
	worker.finish(t, worker.activities(t, opened), opened)
	var once int
	require.NoError(t, db.QueryRow("select count(*) from stock where reserved = 2").Scan(&once))
	require.Equal(t, writes, once, "every reservation was made once")
	for n := range writes {
		info, err := os.Stat(filepath.Join(orders, fmt.Sprintf("file-%d.txt", n)))
		require.NoError(t, err)
		require.EqualValues(t, 400_000, info.Size(), "it is whole")
	}
	noParts(t, orders)
}
