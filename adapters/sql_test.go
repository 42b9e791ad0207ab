package adapters_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/mariadb"
	"crosswalk/e2e/postgres"
	"crosswalk/rules"
)

// kept is a database of a test: an adapter's connection to it, and a way around that.
type kept struct {
	name       string
	db         *sql.DB
	connection *adapters.Connection
}

const stock = `
adapter: acme
contract: warehouse
protocol: sql
dialect: %s
connection: {settings: %s, secrets: {password: {}}}
operations:
  look:
    effect: read
    input: {sku: string}
    request: {sql: "select * from stock where sku = $1 and '$2' = '$2' -- not $3", params: ['${input.sku}']}
    output: {row: '${answer.items[0]}', rows: '${len(answer.items)}'}
  few:
    effect: read
    request: {sql: "select sku, on_hand from stock order by sku", where: 'item.on_hand > 9990'}
    output: {rows: '${map(answer.items, .sku)}'}
  cheat:
    effect: read
    request: {sql: "%s"}
    output: {ok: true}
  nowhere:
    effect: read
    request: {sql: "select gone from nowhere"}
    output: {ok: true}
  put:
    effect: write
    safety: natural_key
    input: {sku: string, price: number, on_hand: number, counted: date, at: date-time, note: string}
    request: {sql: "%s", params: ['${input.sku}', '${input.price}', '${input.on_hand}', '${input.counted}', '${input.at}', '${input.note}']}
    output: {affected: '${answer.affected}'}
  add:
    effect: write
    safety: at_most_once
    input: {sku: string}
    request: {sql: "insert into stock (sku) values ($1)", params: ['${input.sku}']}
    output: {affected: '${answer.affected}'}
  book:
    effect: write
    safety: {idempotency_key: {table: crosswalk_effects}}
    input: {sku: string, by: number}
    request: {sql: "update stock set on_hand = on_hand + $2 where sku = $1", params: ['${input.sku}', '${input.by}']}
    not_found: 'answer.affected == 0'
    output: {affected: '${answer.affected}'}
`

const (
	upsert       = "insert into stock (sku, price, on_hand, counted, changed, note) values ($1, $2, $3, $4, $5, $6) on conflict (sku) do update set price = excluded.price, on_hand = excluded.on_hand, counted = excluded.counted, changed = excluded.changed, note = excluded.note"
	mysqlUpsert  = "insert into stock (sku, price, on_hand, counted, changed, note) values ($1, $2, $3, $4, $5, $6) on duplicate key update price = $2, on_hand = $3, counted = $4, changed = $5, note = $6"
	effectsTable = "create table crosswalk_effects (effect_key varchar(128) primary key, request varchar(64) not null, answer text)"
	remote       = "{host: {}, port: {type: integer}, database: {}, user: {}, tls: {}}"
)

// keptDatabases are a PostgreSQL, a MariaDB and a file of SQLite, each with the same table.
func keptDatabases(t *testing.T) []kept {
	t.Helper()
	ctx := context.Background()
	var found []kept

	pg, err := postgres.Start(ctx)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pg.Stop()) })
	dsn, err := pg.Create(ctx, "stock")
	require.NoError(t, err)
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(pg.Address())
	require.NoError(t, err)
	user, password := pg.User()
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	found = append(found, keep(t, "postgresql", db, "create table stock (sku text primary key, price numeric(20,4), on_hand bigint, counted date, changed timestamptz, note text)",
		"with gone as (delete from stock returning sku) select count(*) from gone", upsert, host, number, "stock", user, password))

	maria, err := mariadb.Start(ctx)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, maria.Stop()) })
	db, err = maria.Open()
	require.NoError(t, err)
	found = append(found, keep(t, "mysql", db, "create table stock (sku varchar(200) character set utf8mb4 collate utf8mb4_bin primary key, price decimal(20,4), on_hand bigint, counted date, changed datetime(6), note text)",
		"select get_lock('x', 0) from stock for update", mysqlUpsert, maria.Host, maria.Port, mariadb.Database, mariadb.Name, mariadb.Password))

	file := filepath.Join(t.TempDir(), "stock file?.db")
	db, err = sql.Open("sqlite", "file:"+strings.ReplaceAll(file, "?", "%3f"))
	require.NoError(t, err)
	found = append(found, keep(t, "sqlite", db, "create table stock (sku text primary key, price text, on_hand integer, counted date, changed datetime, note text)", "with x as (select 1) delete from stock", upsert, file, 0, "", "", ""))
	return found
}

// keep makes the table and connects.
func keep(t *testing.T, dialect string, db *sql.DB, table, cheat, upsert, host string, port int, database, user, password string) kept {
	t.Helper()
	for _, text := range []string{table, effectsTable} {
		_, err := db.Exec(text)
		require.NoError(t, err, dialect)
	}
	return connected(t, dialect, db, cheat, upsert, host, port, database, user, password)
}

// connected connects to a database that has the tables.
func connected(t *testing.T, dialect string, db *sql.DB, cheat, upsert, host string, port int, database, user, password string) kept {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	settings, given := remote, fields{"host": rules.Text(host), "port": rules.Number(rules.Int(int64(port))), "database": rules.Text(database), "user": rules.Text(user), "tls": rules.Text("off")}
	if port == 0 {
		settings, given = "{file: {}}", fields{"file": rules.Text(host)}
	}
	adapter, problems := adapters.Parse("acme.yaml", []byte(fmt.Sprintf(stock, dialect, settings, cheat, upsert)), contracts.Catalog())
	require.Empty(t, problems.Error())
	config := adapters.Config{System: "stock", Settings: rules.Record(given), AllowHosts: []string{net.JoinHostPort(host, strconv.Itoa(port))}, Shared: boundless{}}
	if password != "" {
		config.Secrets = secrets(map[string]string{"password": password})
	}
	connection, err := adapter.Connect(config)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return kept{name: dialect, db: db, connection: connection}
}

// openPGX opens a database around the adapter.
func openPGX(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	return db
}

func (k kept) write(t *testing.T, operation, key string, input fields) (rules.Value, error) {
	t.Helper()
	return k.connection.Call(context.Background(), adapters.Call{Operation: "warehouse." + operation, Key: key, Input: rules.Record(input)})
}

func number(t *testing.T, text string) rules.Value {
	t.Helper()
	n, err := rules.ParseNum(text)
	require.NoError(t, err)
	return rules.Number(n)
}

// TestRealDatabases reads and writes a PostgreSQL, a MariaDB and a SQLite.
func TestRealDatabases(t *testing.T) {
	t.Parallel()
	for _, k := range keptDatabases(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Run("values come back as they went", k.testValues)
			t.Run("hostile texts are data", k.testHostile)
			t.Run("errors have their class", k.testErrors)
			t.Run("a ledger makes a write happen once", k.testLedger)
			t.Run("rows are kept while they are read", k.testWhere)
		})
	}
}

func (k kept) testValues(t *testing.T) {
	at, err := rules.TypeOf(rules.KindInstant).Decode(rules.Text("2026-05-04T10:11:12.123456Z"))
	require.NoError(t, err)
	day, err := rules.ParseDate("2026-05-04")
	require.NoError(t, err)
	put := fields{"sku": rules.Text("A-1"), "price": number(t, "12345678901234.5678"), "on_hand": number(t, "9007199254740993"), "counted": day, "at": at, "note": rules.Text("größer 名")}
	for range 2 { // an upsert may be sent again
		_, err = k.write(t, "put", "k1", put)
		require.NoError(t, err)
	}
	found, err := ask(t, k.connection, "warehouse.look", fields{"sku": rules.Text("A-1")})
	require.NoError(t, err)
	row := found.Get("row")
	require.Equal(t, `1`, found.Get("rows").String())
	require.Equal(t, "12345678901234.5678", row.Get("price").String())
	require.Equal(t, "9007199254740993", row.Get("on_hand").String())
	require.Equal(t, rules.KindDate, row.Get("counted").Kind())
	require.True(t, row.Get("counted").Equal(day))
	require.True(t, row.Get("changed").Equal(at), row.Get("changed").String())
	require.Equal(t, "größer 名", row.Get("note").Text())

	put = fields{"sku": rules.Text("A-2")}
	_, err = k.write(t, "put", "k2", put)
	require.NoError(t, err)
	found, err = ask(t, k.connection, "warehouse.look", fields{"sku": rules.Text("A-2")})
	require.NoError(t, err)
	require.Equal(t, []string{"sku"}, found.Get("row").Keys(), "NULL is missing")
}

func (k kept) testHostile(t *testing.T) {
	for i, text := range []string{"'; drop table stock; --", `\'; x`, "?", "$1", ":1 @p1", "`\"", "名\u202e", strings.Repeat("x", 180)} {
		_, err := k.write(t, "add", fmt.Sprint("h", i), fields{"sku": rules.Text(text)})
		require.NoError(t, err, text)
		found, err := ask(t, k.connection, "warehouse.look", fields{"sku": rules.Text(text)})
		require.NoError(t, err, text)
		require.Equal(t, text, found.Path("row", "sku").Text())
	}
}

func (k kept) testErrors(t *testing.T) {
	_, err := k.write(t, "add", "e1", fields{"sku": rules.Text("twice")})
	require.NoError(t, err)
	_, err = k.write(t, "add", "e2", fields{"sku": rules.Text("twice")})
	failure := failureOf(t, err)
	require.Equal(t, contracts.Conflict, failure.Class, failure.Message)
	require.True(t, failure.NothingSent, "the transaction was rolled back")
	_, err = ask(t, k.connection, "warehouse.nowhere", nil)
	require.Equal(t, contracts.Drift, failureOf(t, err).Class, err)
	_, err = ask(t, k.connection, "warehouse.cheat", nil)
	require.Error(t, err, "a read that writes")
	var left int
	require.NoError(t, k.db.QueryRow("select count(*) from stock").Scan(&left))
	require.Positive(t, left)
}

func (k kept) testLedger(t *testing.T) {
	_, err := k.db.Exec("insert into stock (sku, on_hand) values ('L-1', 10)")
	require.NoError(t, err)
	book := fields{"sku": rules.Text("L-1"), "by": number(t, "5")}
	var group sync.WaitGroup
	answers := make([]rules.Value, 4)
	failures := make([]error, 4)
	for i := range answers { // at once, as two workers would after one was taken for dead
		group.Go(func() { answers[i], failures[i] = k.write(t, "book", "once", book) })
	}
	group.Wait()
	for i := range answers {
		if failures[i] != nil { // the other one is not over, or had to give way: it may be tried again
			require.Equal(t, contracts.Unavailable, contracts.ClassOf(failures[i]), failures[i])
		}
	}
	answer, err := k.write(t, "book", "once", book)
	require.NoError(t, err)
	require.Equal(t, `{"affected":1}`, string(answer.Plain()))
	var onHand int
	require.NoError(t, k.db.QueryRow("select on_hand from stock where sku = 'L-1'").Scan(&onHand))
	require.Equal(t, 15, onHand)
	_, err = k.write(t, "book", "once", fields{"sku": rules.Text("L-1"), "by": number(t, "6")})
	require.Equal(t, contracts.Conflict, failureOf(t, err).Class, "another request with the same key")
	_, err = k.write(t, "book", "none", fields{"sku": rules.Text("L-0"), "by": number(t, "6")})
	require.Equal(t, contracts.NotFound, failureOf(t, err).Class)
	_, err = k.db.Exec("insert into stock (sku, on_hand) values ('L-0', 1)")
	require.NoError(t, err)
	answer, err = k.write(t, "book", "none", fields{"sku": rules.Text("L-0"), "by": number(t, "6")})
	require.NoError(t, err, "what the operation itself refused is not what its key is answered for ever")
	require.Equal(t, `{"affected":1}`, string(answer.Plain()))
}

func (k kept) testWhere(t *testing.T) {
	tx, err := k.db.Begin()
	require.NoError(t, err)
	for i := range 10_000 {
		_, err := tx.Exec(fmt.Sprintf("insert into stock (sku, on_hand) values ('n%05d', %d)", i, i))
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
	_, err = k.db.Exec("delete from stock where on_hand > 10000 or on_hand is null")
	require.NoError(t, err)
	found, err := ask(t, k.connection, "warehouse.few", nil)
	require.NoError(t, err)
	require.Equal(t, 9, found.Get("rows").Len())
}
