package adapters

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"
	ora "github.com/sijms/go-ora/v2"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"crosswalk/rules"
)

const (
	maxDatabaseConns = 8
	rollbackTime     = 5 * time.Second
)

// databaseAddress is where a database is.
type databaseAddress struct {
	host, database, user, password string
	port                           uint16
	file                           string // of SQLite
	tls                            *tls.Config
	guard                          *egress
}

// openDatabase prepares the pool; it connects with the first call.
func (c *Connection) openDatabase(guard *egress, vars map[string]rules.Value, trust *tls.Config, instead driver.Connector) error {
	get := func(name string) string { return c.settings.Get(name).String() }
	port, _ := c.settings.Get("port").Num().Int64()
	to := databaseAddress{host: get("host"), port: uint16(port), database: get("database"), user: get("user"), password: vars["secret"].Get("password").Text(), file: get("file"), guard: guard}
	if c.adapter.dialect != dialectSQLite {
		if to.tls = databaseTLS(get("tls"), to.host, trust); to.tls == nil && !slices.Contains(guard.allow, guard.hosts[0]) {
			return FieldErrors{{"settings.tls", "the connection to " + guard.hosts[0] + " would not be encrypted", "use tls: require, or allow the host and port in the workspace"}}
		}
	} else if !filepath.IsAbs(to.file) {
		return FieldErrors{{"settings.file", "it must be the whole path of a file, from /", ""}}
	}
	open := map[string]func(databaseAddress) (database, error){
		dialectPostgres: openPostgres, dialectMySQL: openMySQL, dialectSQLite: openSQLite, dialectSQLServer: openSQLServer, dialectOracle: openOracle,
	}[c.adapter.dialect]
	if instead != nil && c.adapter.dialect != dialectPostgres {
		open = func(databaseAddress) (database, error) { return newPool(c.adapter.dialect, instead), nil }
	}
	var err error
	if c.database, err = open(to); err != nil {
		return FieldErrors{{"settings", c.redact.text(err.Error()), ""}}
	}
	c.close = c.database.close
	return nil
}

func databaseTLS(mode, host string, trust *tls.Config) *tls.Config {
	if mode == "off" {
		return nil
	}
	config := trust.Clone()
	config.ServerName = host
	return config
}

// judges read the errors of the drivers of database/sql.
var judges = map[string]func(error) (databaseFailure, bool){
	dialectMySQL: mysqlFailure, dialectSQLite: sqliteFailure, dialectSQLServer: sqlServerFailure, dialectOracle: oracleFailure,
}

// pool is a database behind a driver of database/sql.
type pool struct {
	dialect string
	db      *sql.DB
	writing *sql.DB // SQLite: the one that may write
	values  driverValues
	judge   func(error) (databaseFailure, bool)
}

func newPool(dialect string, connector driver.Connector) *pool {
	db := sql.OpenDB(connector)
	bound(db)
	return &pool{dialect: dialect, db: db, writing: db, values: driverValues{dialect}, judge: judges[dialect]}
}

func bound(db *sql.DB) {
	db.SetMaxOpenConns(maxDatabaseConns)
	db.SetConnMaxIdleTime(5 * time.Minute)
}

// openMySQL prepares a MySQL or MariaDB.
func openMySQL(to databaseAddress) (database, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.DBName = "tcp", net.JoinHostPort(to.host, fmt.Sprint(to.port)), to.database
	config.User, config.Passwd, config.TLS = to.user, to.password, to.tls
	config.DialFunc = to.guard.dial
	config.Timeout = 5 * time.Second
	config.Params = map[string]string{"time_zone": "'+00:00'", "sql_mode": "'TRADITIONAL,NO_ENGINE_SUBSTITUTION'"} // a value that does not fit is refused and not cut
	config.ClientFoundRows = true                                                                                  // an update that changes nothing found its row all the same
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return newPool(dialectMySQL, connector), nil
}

// openSQLite prepares a file. Reads have a pool that cannot write.
func openSQLite(to databaseAddress) (database, error) {
	address := func(mode, pragma string) string {
		return (&url.URL{Scheme: "file", Path: to.file, RawQuery: url.Values{"mode": {mode}, "_pragma": {"busy_timeout(5000)", "foreign_keys(1)", pragma}, "_txlock": {"immediate"}}.Encode()}).String()
	}
	reading, err := sql.Open("sqlite", address("ro", "query_only(1)"))
	if err != nil {
		return nil, err
	}
	writing, err := sql.Open("sqlite", address("rw", "query_only(0)"))
	if err != nil {
		return nil, errors.Join(err, reading.Close())
	}
	bound(reading)
	writing.SetMaxOpenConns(1)
	return &pool{dialect: dialectSQLite, db: reading, writing: writing, values: driverValues{dialectSQLite}, judge: judges[dialectSQLite]}, nil
}

// hostDialer dials through the guard, and leaves resolving to it.
type hostDialer struct {
	guard *egress
	host  string
}

// DialContext connects.
func (d hostDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d.guard.dial(ctx, network, address)
}

// HostName says that names are resolved behind the dialer.
func (d hostDialer) HostName() string { return d.host }

// openSQLServer prepares a Microsoft SQL Server.
func openSQLServer(to databaseAddress) (database, error) {
	config := msdsn.Config{Host: to.host, Port: uint64(to.port), Database: to.database, User: to.user, Password: to.password,
		Encryption: msdsn.EncryptionDisabled, DisableRetry: true, Protocols: []string{"tcp"}, AppName: "crosswalk", DialTimeout: 5 * time.Second,
		Parameters: map[string]string{}, ProtocolParameters: map[string]any{}, Encoding: msdsn.EncodeParameters{Timezone: time.UTC}}
	if to.tls != nil {
		config.Encryption, config.TLSConfig = msdsn.EncryptionRequired, to.tls
		config.TLSConfig.DynamicRecordSizingDisabled = true // the server wants one packet in one segment
	}
	connector := mssql.NewConnectorConfig(config)
	connector.Dialer = hostDialer{to.guard, to.host}
	connector.SessionInitSQL = "set xact_abort on"
	return newPool(dialectSQLServer, connector), nil
}

// openOracle prepares an Oracle database; the setting database is the name of its service.
func openOracle(to databaseAddress) (database, error) {
	options := map[string]string{"CONNECTION TIMEOUT": "5"}
	if to.tls != nil {
		options["SSL"], options["SSL VERIFY"] = "enable", "true"
	}
	connector, ok := ora.NewConnector(ora.BuildUrl(to.host, int(to.port), to.database, to.user, to.password, options)).(*ora.OracleConnector)
	if !ok {
		return nil, errors.New("the driver for Oracle is not the one that was built against")
	}
	connector.Dialer(hostDialer{to.guard, to.host})
	if to.tls != nil {
		connector.WithTLSConfig(to.tls)
	}
	return newPool(dialectOracle, connector), nil
}

func (p *pool) close() {
	_ = p.db.Close()
	if p.writing != p.db {
		_ = p.writing.Close()
	}
}

// read runs a statement in a transaction that cannot write, or, where a database knows none such, is rolled back. Before
// SQLite reads a file in which a killed process left half a transaction, that must be rolled back, by somebody who may write.
func (p *pool) read(ctx context.Context, text string, params []rules.Value, visit func(rules.Value) error) error {
	err := p.readOnce(ctx, text, params, visit)
	if !halfWritten(err) {
		return err
	}
	tx, failed := p.writing.BeginTx(ctx, nil)
	if failed != nil {
		return failed
	}
	if failed := tx.Rollback(); failed != nil {
		return failed
	}
	return p.readOnce(ctx, text, params, visit)
}

func (p *pool) readOnce(ctx context.Context, text string, params []rules.Value, visit func(rules.Value) error) error {
	tx, err := p.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: p.dialect == dialectMySQL || p.dialect == dialectSQLite})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if p.dialect == dialectOracle {
		if _, err := tx.ExecContext(ctx, "SET TRANSACTION READ ONLY"); err != nil {
			return err
		}
	}
	text, order := native(text, p.dialect)
	arguments, err := p.values.arguments(params, order)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, text, arguments...)
	if err != nil {
		return err
	}
	return p.values.rows(rows, visit)
}

func (p *pool) begin(ctx context.Context) (transaction, error) {
	tx, err := p.writing.BeginTx(ctx, nil)
	if err != nil {
		return nil, unsentError{err}
	}
	return poolTransaction{p, tx}, nil
}

// unsentError marks what failed before any statement went out.
type unsentError struct{ error }

// Unwrap returns the failure itself.
func (e unsentError) Unwrap() error { return e.error }

type poolTransaction struct {
	pool *pool
	tx   *sql.Tx
}

func (t poolTransaction) run(ctx context.Context, s *statement, params []rules.Value, visit func(rules.Value) error) (written, error) {
	text, order := native(s.text, t.pool.dialect)
	arguments, err := t.pool.values.arguments(params, order)
	if err != nil {
		return written{}, err
	}
	if s.answering {
		count := int64(0)
		rows, err := t.tx.QueryContext(ctx, text, arguments...)
		if err != nil {
			return written{}, err
		}
		err = t.pool.values.rows(rows, func(row rules.Value) error {
			count++
			return visit(row)
		})
		return written{affected: count}, err
	}
	result, err := t.tx.ExecContext(ctx, text, arguments...)
	if err != nil {
		return written{}, err
	}
	done := written{}
	done.affected, _ = result.RowsAffected() // a driver that cannot tell says 0
	if t.pool.dialect == dialectMySQL || t.pool.dialect == dialectSQLite {
		if id, err := result.LastInsertId(); err == nil && id != 0 {
			done.lastID = rules.Number(rules.Int(id))
		}
	}
	return done, nil
}

// commit ends the transaction. The standard library's commit knows no end of waiting: a database that falls silent in it would
// hold whoever called for as long as its connection stands.
func (t poolTransaction) commit(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- t.tx.Commit() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t poolTransaction) rollback() { _ = t.tx.Rollback() }

func (p *pool) failure(err error) databaseFailure {
	found, known := p.judge(err)
	var unsent unsentError
	found.unsent = errors.As(err, &unsent) || isDial(err)
	if !known && errors.Is(err, driver.ErrBadConn) {
		found.unsent = true // by its contract a driver says so only if nothing was sent
	}
	return found
}
