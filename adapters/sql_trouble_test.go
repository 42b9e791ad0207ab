package adapters_test

import (
	"database/sql"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/e2e/mariadb"
	"crosswalk/e2e/postgres"
	"crosswalk/rules"
)

const plainTable = "create table stock (sku varchar(200) primary key, price decimal(20,4), on_hand bigint, counted date, changed timestamp, note varchar(200))"

// TestTroubleOfADatabase: what a server says while it is shut down, is locked, or gives way to somebody else is for now,
// and nothing of the transaction has happened.
func TestTroubleOfADatabase(t *testing.T) {
	t.Parallel()
	pg, err := postgres.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pg.Stop()) })
	dsn, err := pg.Create(t.Context(), "stock")
	require.NoError(t, err)
	maria, err := mariadb.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, maria.Stop()) })
	other, err := maria.Open()
	require.NoError(t, err)
	_, err = other.Exec("set global innodb_lock_wait_timeout = 5")
	require.NoError(t, err)
	db := openPGX(t, dsn)
	_, err = db.Exec("alter database stock set lock_timeout = '5s'")
	require.NoError(t, err)
	host, port := addressOf(t, pg)
	user, password := pg.User()
	for _, c := range []struct {
		kept
		waiting, kill string
		yields        string // has the other one of a deadlock go on
	}{
		{keep(t, "postgresql", db, plainTable, "select 1", upsert, host, port, "stock", user, password),
			"select pid from pg_stat_activity where wait_event_type = 'Lock'", "select pg_terminate_backend($1)", "set local deadlock_timeout = '1min'"},
		{keep(t, "mysql", other, plainTable, "select 1", mysqlUpsert, maria.Host, maria.Port, mariadb.Database, mariadb.Name, mariadb.Password),
			"select id from information_schema.processlist where info like 'update stock%'", "kill ?",
			"insert into stock (sku) values ('1'), ('2'), ('3'), ('4'), ('5'), ('6'), ('7'), ('8'), ('9')"}, // who has done more
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.db.Exec("insert into stock (sku, on_hand) values ('A', 10)")
			require.NoError(t, err)
			book := func(key string) error {
				_, err := c.write(t, "book", key, fields{"sku": rules.Text("A"), "by": rules.Number(rules.Int(5))})
				return err
			}
			// whileHeld books what somebody else holds.
			whileHeld := func(key string, meanwhile func(holds *sql.Tx, waits int64)) {
				t.Helper()
				holds, err := c.db.Begin()
				require.NoError(t, err)
				_, err = holds.Exec("update stock set on_hand = on_hand + 1 where sku = 'A'")
				require.NoError(t, err)
				ended := make(chan error, 1)
				go func() { ended <- book(key) }()
				var waits int64
				require.Eventually(t, func() bool { return c.db.QueryRow(c.waiting).Scan(&waits) == nil }, time.Minute, 10*time.Millisecond)
				meanwhile(holds, waits)
				failure := failureOf(t, <-ended)
				require.Equal(t, contracts.Unavailable, failure.Class, failure.Message)
				require.True(t, failure.NothingSent, failure.Message)
				t.Log(failure.Message)
				require.NoError(t, holds.Rollback())
				require.NoError(t, book(key), "tried again, it is done")
			}
			whileHeld("shut down", func(_ *sql.Tx, waits int64) {
				_, err := c.db.Exec(c.kill, waits)
				require.NoError(t, err)
			})
			whileHeld("deadlock", func(holds *sql.Tx, _ int64) {
				for _, statement := range []string{c.yields, "insert into crosswalk_effects (effect_key, request) values ('deadlock', 'x')"} {
					_, err := holds.Exec(statement)
					require.NoError(t, err)
				}
			})
			whileHeld("locked for too long", func(*sql.Tx, int64) {})
			var onHand int
			require.NoError(t, c.db.QueryRow("select on_hand from stock where sku = 'A'").Scan(&onHand))
			require.Equal(t, 25, onHand)
		})
	}
}

// TestAStandbyTakesNoWrites: after a failover the address may lead to a server that only reads, for some seconds or until
// somebody moves it.
func TestAStandbyTakesNoWrites(t *testing.T) {
	t.Parallel()
	pg, err := postgres.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pg.Stop()) })
	dsn, err := pg.Create(t.Context(), "stock")
	require.NoError(t, err)
	host, port := addressOf(t, pg)
	user, password := pg.User()
	cheat := "with gone as (delete from stock returning sku) select count(*) from gone"
	before := keep(t, "postgresql", openPGX(t, dsn), plainTable, cheat, upsert, host, port, "stock", user, password)
	_, err = before.db.Exec("insert into stock (sku, on_hand) values ('A', 10)")
	require.NoError(t, err)
	_, err = ask(t, before.connection, "warehouse.cheat", nil)
	require.Equal(t, contracts.Internal, failureOf(t, err).Class, "a read that writes is a mistake of the adapter")

	require.NoError(t, pg.BecomeStandby(t.Context()))
	host, port = addressOf(t, pg)
	k := connected(t, "postgresql", openPGX(t, pg.DSN("stock")), cheat, upsert, host, port, "stock", user, password)
	found, err := ask(t, k.connection, "warehouse.look", fields{"sku": rules.Text("A")})
	require.NoError(t, err)
	require.Equal(t, "1", found.Get("rows").String())
	_, err = k.write(t, "add", "1", fields{"sku": rules.Text("B")})
	failure := failureOf(t, err)
	require.Equal(t, contracts.Unavailable, failure.Class, failure.Message)
	require.True(t, failure.NothingSent)
	require.ErrorContains(t, err, "takes no writes now")
}

func addressOf(t *testing.T, server *postgres.Server) (host string, port int) {
	t.Helper()
	host, text, err := net.SplitHostPort(server.Address())
	require.NoError(t, err)
	port, err = strconv.Atoi(text)
	require.NoError(t, err)
	return host, port
}
