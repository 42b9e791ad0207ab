package sandbox

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the caller
	"github.com/stretchr/testify/require"
)

func (c *Company) dsn(user, password string) string {
	return strings.Replace(c.Addresses()[SystemWarehouse].URL, "postgres://", "postgres://"+user+":"+password+"@", 1)
}

func (c *Company) database(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", c.dsn(WarehouseLogin.User, WarehouseLogin.Password))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.PingContext(t.Context()))
	return db
}

const stockQuery = `
	-- what can be sent where
	SELECT s.sku, s.depot, s.on_hand - s.reserved AS free, s.restock_on, a.replaceable, a.price
	FROM stock s JOIN ships_to t ON t.depot = s.depot JOIN articles a ON a.sku = s.sku
	WHERE s.sku = $1 AND t.country = $2 AND s.on_hand >= $3 ORDER BY s.depot`

func TestWarehouseAnswersABoundQuery(t *testing.T) {
	t.Parallel()
	c := start(t)
	db := c.database(t)
	for range 2 { // the second time from the statement cache
		rows, err := db.QueryContext(t.Context(), stockQuery, "AU-2041", "DE", 1)
		require.NoError(t, err)
		defer rows.Close()
		n := 0
		for rows.Next() {
			var sku, depot, price string
			var free int
			var restock sql.NullTime
			var replaceable bool
			require.NoError(t, rows.Scan(&sku, &depot, &free, &restock, &replaceable, &price))
			require.Equal(t, "AU-2041", sku)
			require.Positive(t, free)
			require.False(t, restock.Valid)
			require.True(t, replaceable)
			require.Equal(t, "429.00", price)
			n++
		}
		require.NoError(t, rows.Err())
		require.Equal(t, 2, n, "Hamburg and Venlo ship to Germany")
	}
}

func TestWarehouseTypes(t *testing.T) {
	t.Parallel()
	c := start(t)
	require.NoError(t, c.ChangeStock(t.Context(), StockChange{SKU: "AU-2041", Depot: "HAM", OnHand: ptr(5), Reserved: ptr(5), RestockOn: ptr("2026-12-24")}))
	conn, err := pgx.Connect(t.Context(), c.dsn(WarehouseLogin.User, WarehouseLogin.Password))
	require.NoError(t, err)
	defer conn.Close(context.Background())
	var total int64
	var day time.Time
	var some bool
	var name, least string
	row := conn.QueryRow(t.Context(), `SELECT sum(on_hand - reserved), min(restock_on), count(*) > 0, 'x' || max(depot), coalesce(min(depot), '-')
		FROM stock WHERE sku = $1::text AND depot IN ($2, $3)`, "AU-2041", "HAM", "XXX")
	require.NoError(t, row.Scan(&total, &day, &some, &name, &least))
	require.Zero(t, total)
	require.Equal(t, "2026-12-24", day.Format(time.DateOnly))
	require.True(t, some)
	require.Equal(t, "xHAM", name)
	require.Equal(t, "HAM", least)

	var n int
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM stock WHERE restock_on <= $1 AND sku = $2`, day, "AU-2041").Scan(&n))
	require.Equal(t, 1, n)
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM stock WHERE sku = $1`, pgx.QueryExecModeSimpleProtocol, "AU-2041").Scan(&n))
	require.Equal(t, 3, n)
	require.ErrorIs(t, conn.QueryRow(t.Context(), `SELECT name FROM articles WHERE sku = $1`, "x' OR '1'='1").Scan(&name), pgx.ErrNoRows)
	require.NoError(t, conn.QueryRow(t.Context(), `WITH a AS (SELECT sku FROM articles WHERE replaceable AND name ILIKE $1) SELECT count(*) FROM a LIMIT $2`, "AURORA%", 5).Scan(&n))
	require.Equal(t, 2, n)
}

func ptr[T any](v T) *T { return &v }

func TestWarehouseIsForReaders(t *testing.T) {
	t.Parallel()
	c := start(t)
	db := c.database(t)
	for statement, code := range map[string]string{
		`INSERT INTO stock VALUES ('a', 'b', 1, 1, NULL)`:    "42501",
		`UPDATE stock SET on_hand = 0`:                       "42501",
		`DROP TABLE stock`:                                   "42501",
		`WITH x AS (DELETE FROM stock RETURNING 1) SELECT 1`: "42501",
		`SELECT * FROM tickets`:                              "42P01",
		`SELECT * FROM sqlite_master`:                        "42P01",
		`SELECT * FROM nowhere`:                              "42P01",
		`SELECT colour FROM stock`:                           "42703",
		`SELECT FROM WHERE`:                                  "42601",
		`SELECT 1; SELECT 2`:                                 "42601",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, statement)
		require.Equal(t, code, pg.Code, statement)
	}
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err)
	var n int
	require.NoError(t, tx.QueryRowContext(t.Context(), `SELECT count(*) FROM depots`).Scan(&n))
	require.Equal(t, 3, n)
	require.NoError(t, tx.Commit())

	wrong, err := sql.Open("pgx", c.dsn("crosswalk_read", "guess"))
	require.NoError(t, err)
	defer wrong.Close()
	var pg *pgconn.PgError
	require.ErrorAs(t, wrong.PingContext(t.Context()), &pg)
	require.Equal(t, "28P01", pg.Code)
}

func TestWarehouseFaults(t *testing.T) {
	t.Parallel()
	c := start(t)
	db := c.database(t)
	count := func() error {
		var n int
		return db.QueryRowContext(t.Context(), `SELECT count(*) FROM stock`).Scan(&n)
	}
	require.NoError(t, count())
	c.order(t, SystemWarehouse, `{"fault":"rate-limited","times":1}`)
	var pg *pgconn.PgError
	require.ErrorAs(t, count(), &pg)
	require.Equal(t, "53300", pg.Code)
	c.order(t, SystemWarehouse, `{"fault":"answer-lost","times":1}`)
	require.Error(t, count())
	require.NoError(t, count())
	require.NoError(t, c.StopSystem(t.Context(), SystemWarehouse))
	require.Error(t, count())
	require.NoError(t, c.StartSystem(t.Context(), SystemWarehouse))
	require.NoError(t, count())
}
