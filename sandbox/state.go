package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver of the state file
)

// state is the memory of the sandbox: one SQLite file. Every change is in it before it is answered, because tests kill
// the sandbox too. It is not waited for until the disk has it: the systems that are played here stand elsewhere, and do
// not use up the disk that Crosswalk's own commits wait for. A machine that loses power may so lose the last changes.
type state struct {
	write *writer
	read  *statements

	connection *sql.Conn // the writer's
	pools      []*sql.DB
}

const schema = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY AUTOINCREMENT, system TEXT NOT NULL, fault TEXT NOT NULL, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, external_id TEXT, status TEXT NOT NULL, updated INTEGER NOT NULL, ticket TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS tickets_external ON tickets (external_id);
CREATE TABLE IF NOT EXISTS comments (id INTEGER PRIMARY KEY AUTOINCREMENT, ticket INTEGER NOT NULL, comment TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS comments_ticket ON comments (ticket);
CREATE TABLE IF NOT EXISTS audits (id INTEGER PRIMARY KEY AUTOINCREMENT, ticket INTEGER NOT NULL, audit TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS audits_ticket ON audits (ticket);
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, user TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS idempotency (key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, location TEXT NOT NULL, answer TEXT NOT NULL, executed INTEGER NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS webhooks (id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, body TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mails (id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL, recipients TEXT NOT NULL, received INTEGER NOT NULL, raw BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS shop_orders (id INTEGER PRIMARY KEY AUTOINCREMENT, shown TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shop_changes (id INTEGER PRIMARY KEY, shown TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS credit_notes (id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS invoicing_keys (key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, answer TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS depots (id TEXT PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ships_to (depot TEXT NOT NULL, country TEXT NOT NULL, PRIMARY KEY (depot, country));
CREATE TABLE IF NOT EXISTS articles (sku TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, replaceable BOOLEAN NOT NULL, repairable BOOLEAN NOT NULL, price NUMERIC NOT NULL);
CREATE TABLE IF NOT EXISTS stock (sku TEXT NOT NULL, depot TEXT NOT NULL, on_hand INTEGER NOT NULL, reserved INTEGER NOT NULL, restock_on DATE, PRIMARY KEY (sku, depot));
`

// tables of the warehouse: what a caller of its database may see.
var warehouseTables = []string{"depots", "ships_to", "articles", "stock"}

func openState(ctx context.Context, directory string) (*state, error) {
	file := filepath.Join(directory, "sandbox.db")
	open := func(connections int, pragmas ...string) (*sql.DB, error) {
		q := url.Values{"_pragma": append([]string{"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)"}, pragmas...)}
		db, err := sql.Open("sqlite", "file:"+file+"?"+q.Encode())
		if err == nil {
			db.SetMaxOpenConns(connections)
		}
		return db, err
	}
	write, err := open(1)
	if err != nil {
		return nil, fmt.Errorf("sandbox: state: %w", err)
	}
	if _, err := write.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: state: %w", err), write.Close())
	}
	connection, err := write.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: state: %w", err), write.Close())
	}
	read, err := open(4, "query_only(1)")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: state: %w", err), connection.Close(), write.Close())
	}
	read.SetMaxIdleConns(4)
	return &state{write: &writer{statements: statements{of: connection}}, read: &statements{of: read}, connection: connection, pools: []*sql.DB{read, write}}, nil
}

func (s *state) close() error {
	s.write.mu.Lock()
	defer s.write.mu.Unlock()
	return errors.Join(s.connection.Close(), s.pools[0].Close(), s.pools[1].Close())
}

func (s *state) get(ctx context.Context, key string) (string, error) {
	var value string
	err := s.read.row(ctx, `SELECT value FROM meta WHERE key = ?`, []any{key}, &value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func (s *state) set(ctx context.Context, key, value string) error {
	_, err := s.write.write(ctx, `INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}

// fillWarehouse writes the stock of the world, unless the warehouse has some already.
func (s *state) fillWarehouse(ctx context.Context, w *World) error {
	return s.write.within(ctx, func(tx *statements) error {
		var n int
		if err := tx.row(ctx, `SELECT count(*) FROM depots`, nil, &n); err != nil || n > 0 {
			return err
		}
		for _, d := range w.Depots {
			if _, err := tx.exec(ctx, `INSERT INTO depots VALUES (?, ?, ?)`, d.ID, d.Name, d.Country); err != nil {
				return err
			}
			for _, country := range d.ShipsTo {
				if _, err := tx.exec(ctx, `INSERT INTO ships_to VALUES (?, ?)`, d.ID, country); err != nil {
					return err
				}
			}
		}
		for _, a := range w.Articles {
			r := remedies[a.Category]
			if _, err := tx.exec(ctx, `INSERT INTO articles VALUES (?, ?, ?, ?, ?, ?)`,
				a.SKU, a.WarehouseName, a.Category, r == remedyReplace, r == remedyRepair, euros(a.Price)); err != nil {
				return err
			}
		}
		for _, st := range w.Stock {
			if err := putStock(ctx, tx, st); err != nil {
				return err
			}
		}
		return nil
	})
}

func putStock(ctx context.Context, tx *statements, s Stock) error {
	var restock any
	if !s.RestockOn.IsZero() {
		restock = s.RestockOn.Format("2006-01-02")
	}
	_, err := tx.exec(ctx, `INSERT INTO stock VALUES (?, ?, ?, ?, ?) ON CONFLICT (sku, depot) DO UPDATE SET
		on_hand = excluded.on_hand, reserved = excluded.reserved, restock_on = excluded.restock_on`, s.SKU, s.Depot, s.OnHand, s.Reserved, restock)
	return err
}

// euros writes cents as a decimal.
func euros(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}
