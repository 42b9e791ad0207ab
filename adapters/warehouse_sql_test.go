package adapters_test

import (
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/postgres"
	"crosswalk/rules"
)

// warehouseTables are those that the adapter warehouse-sql is written for, with two depots that have three and nine pieces.
const warehouseTables = `
	create table articles (sku text primary key);
	create table depots (id text primary key, name text not null);
	create table ships_to (depot text, country text);
	create table stock (sku text, depot text, on_hand int not null, reserved int not null default 0, restock_on date, primary key (sku, depot));
	create table crosswalk_reservations (id text primary key, sku text not null, depot text not null, quantity numeric not null, order_number text, released boolean not null default false);
	insert into articles values ('KE-17');
	insert into depots values ('d1', 'Hamburg'), ('d2', 'Leipzig');
	insert into ships_to values ('d1', 'DE'), ('d2', 'DE');
	insert into stock values ('KE-17', 'd1', 3, 0), ('KE-17', 'd2', 9, 0)`

// TestTheWarehouseInPostgreSQL reserves, releases and counts stock in a real database.
func TestTheWarehouseInPostgreSQL(t *testing.T) {
	t.Parallel()
	server, err := postgres.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	dsn, err := server.Create(t.Context(), "warehouse")
	require.NoError(t, err)
	db := openPGX(t, dsn)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Exec(warehouseTables)
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(server.Address())
	require.NoError(t, err)
	at, err := strconv.ParseInt(port, 10, 64)
	require.NoError(t, err)
	user, password := server.User()
	connection, err := adapters.Catalog()["warehouse-sql"].Connect(adapters.Config{
		System: "warehouse", AllowHosts: []string{server.Address()}, Shared: boundless{}, Secrets: secrets(map[string]string{"password": password}),
		Settings: rules.Record(fields{"host": rules.Text(host), "port": rules.Number(rules.Int(at)), "database": rules.Text("warehouse"), "user": rules.Text(user), "tls": rules.Text("off")}),
	})
	require.NoError(t, err)
	t.Cleanup(connection.Close)

	call := func(operation, key string, input fields) (string, error) {
		answer, err := connection.Call(t.Context(), adapters.Call{Operation: operation, Key: key, Input: rules.Record(input)})
		if err != nil {
			return "", err
		}
		return string(answer.Plain()), nil
	}
	pieces := func(n int64, depot string) fields {
		input := fields{"sku": rules.Text("KE-17"), "quantity": rules.Number(rules.Int(n)), "order_number": rules.Text("10427")}
		if depot != "" {
			input["depot"] = rules.Text(depot)
		}
		return input
	}
	says := func(want, operation, key string, input fields) {
		t.Helper()
		answer, err := call(operation, key, input)
		require.NoError(t, err)
		require.JSONEq(t, want, answer)
	}
	refuses := func(class contracts.Class, operation, key string, input fields) {
		t.Helper()
		_, err := call(operation, key, input)
		require.Equal(t, class, failureOf(t, err).Class)
	}
	article := fields{"sku": rules.Text("KE-17")}

	says(`{"id": "k1", "sku": "KE-17", "quantity": 4, "depot": "Leipzig"}`, "warehouse.reserve_stock", "k1", pieces(4, ""))
	says(`{"id": "k2", "sku": "KE-17", "quantity": 2, "depot": "Hamburg"}`, "warehouse.reserve_stock", "k2", pieces(2, "Hamburg"))
	refuses(contracts.Declined, "warehouse.reserve_stock", "k3", pieces(2, "Hamburg"))
	refuses(contracts.Declined, "warehouse.reserve_stock", "k4", pieces(6, ""))
	for _, n := range []int64{0, -5} {
		refuses(contracts.Validation, "warehouse.reserve_stock", "k4", pieces(n, ""))
	}
	refuses(contracts.NotFound, "warehouse.reserve_stock", "k4", pieces(1, "Bonn"))
	refuses(contracts.NotFound, "warehouse.reserve_stock", "k4", fields{"sku": rules.Text("KE-99"), "quantity": rules.Number(rules.Int(1))})
	refuses(contracts.Conflict, "warehouse.reserve_stock", "k1", pieces(4, "")) // one that comes late, after its repeat was looked up
	says(`{"id": "k1", "sku": "KE-17", "quantity": 4, "depot": "Leipzig"}`, "warehouse.find_reservation", "", fields{"key": rules.Text("k1")})
	refuses(contracts.NotFound, "warehouse.find_reservation", "", fields{"key": rules.Text("k3")})
	says(`{"depots": [{"depot": "Hamburg", "on_hand": 3, "available": 1}, {"depot": "Leipzig", "on_hand": 9, "available": 5}]}`, "warehouse.list_stock", "", article)

	for range 2 { // a release that is repeated frees nothing more
		says(`{"id": "k1", "sku": "KE-17", "quantity": 4, "depot": "Leipzig"}`, "warehouse.release_stock", "k5", fields{"reservation": rules.Text("k1")})
	}
	refuses(contracts.NotFound, "warehouse.release_stock", "k6", fields{"reservation": rules.Text("k3")})
	count := fields{"sku": rules.Text("KE-17"), "depot": rules.Text("Leipzig"), "on_hand": rules.Number(rules.Int(8))}
	says(`{"sku": "KE-17", "depot": "Leipzig", "on_hand": 8}`, "warehouse.set_stock", "k7", count)
	refuses(contracts.NotFound, "warehouse.set_stock", "k8", fields{"sku": rules.Text("KE-17"), "depot": rules.Text("Bonn"), "on_hand": rules.Number(rules.Int(8))})
	says(`{"depots": [{"depot": "Hamburg", "on_hand": 3, "available": 1}, {"depot": "Leipzig", "on_hand": 8, "available": 8}]}`, "warehouse.list_stock", "", article)

	refuses(contracts.Validation, "warehouse.set_stock", "k9", fields{"sku": rules.Text("KE-17"), "depot": rules.Text("Leipzig"), "on_hand": rules.Number(rules.Int(-1))})

	// A reservation is found and released when its depot is gone, and one whose pieces somebody else freed leaves no debt.
	_, err = db.Exec(`insert into crosswalk_reservations values ('k10', 'KE-17', 'd9', 2, null), ('k11', 'KE-17', 'd2', 7, null)`)
	require.NoError(t, err)
	says(`{"id": "k10", "sku": "KE-17", "quantity": 2}`, "warehouse.find_reservation", "", fields{"key": rules.Text("k10")})
	says(`{"id": "k10", "sku": "KE-17", "quantity": 2}`, "warehouse.release_stock", "k12", fields{"reservation": rules.Text("k10")})
	says(`{"id": "k11", "sku": "KE-17", "quantity": 7, "depot": "Leipzig"}`, "warehouse.release_stock", "k13", fields{"reservation": rules.Text("k11")})
	says(`{"depots": [{"depot": "Hamburg", "on_hand": 3, "available": 1}, {"depot": "Leipzig", "on_hand": 8, "available": 8}]}`, "warehouse.list_stock", "", article)

	// Of ten who want three pieces at once, two get them: no piece is promised twice.
	var group sync.WaitGroup
	won := make(chan bool, 10)
	for n := range 10 {
		group.Go(func() {
			_, err := call("warehouse.reserve_stock", "many-"+strconv.Itoa(n), pieces(3, "Leipzig"))
			won <- err == nil
		})
	}
	group.Wait()
	close(won)
	winners := 0
	for w := range won {
		if w {
			winners++
		}
	}
	require.Equal(t, 2, winners)
	says(`{"depots": [{"depot": "Hamburg", "on_hand": 3, "available": 1}, {"depot": "Leipzig", "on_hand": 8, "available": 2}]}`, "warehouse.list_stock", "", article)
}
