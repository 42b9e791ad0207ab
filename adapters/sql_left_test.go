package adapters_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/rules"
)

// TestAReadAfterAKilledWriterOfSQLite: what a process left behind that was killed in the middle of a transaction is rolled back
// by whoever comes first, also by one who only looks: a look-up is what settles the fate of the write.
func TestAReadAfterAKilledWriterOfSQLite(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	file, left := filepath.Join(place, "stock.db"), filepath.Join(place, "left.db")
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=cache_size(1)") // so that pages reach the file before the end
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Exec("create table stock (sku text primary key, on_hand integer, note text)")
	require.NoError(t, err)
	_, err = db.Exec("with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) insert into stock select 'A-' || i, 5, hex(zeroblob(200)) from n")
	require.NoError(t, err)
	tx, err := db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("update stock set on_hand = 7, note = hex(zeroblob(210))")
	require.NoError(t, err)
	for _, ending := range []string{"", "-journal"} { // as the process left them
		text, err := os.ReadFile(file + ending)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(left+ending, text, 0o600))
	}
	require.NoError(t, tx.Rollback())

	connection, err := parsed(t, `adapter: acme
contract: warehouse
protocol: sql
dialect: sqlite
connection: {settings: {file: {}}}
operations:
  list_stock:
    request: {sql: 'select on_hand from stock where sku = $1', params: ['${input.sku}']}
    output: {depots: {each: '${answer.items}', give: {depot: Hamburg, on_hand: '${item.on_hand}', available: '${item.on_hand}'}}}
`).Connect(adapters.Config{System: "stock", Shared: boundless{}, Settings: rules.Record(fields{"file": rules.Text(left)})})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	found, err := ask(t, connection, "warehouse.list_stock", fields{"sku": rules.Text("A-1")})
	require.NoError(t, err)
	require.Equal(t, "5", found.Get("depots").Items()[0].Get("on_hand").String())
}
