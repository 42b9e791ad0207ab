package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	postgresschema "go.temporal.io/server/schema/postgresql/v12"
)

// postgresConnections bounds the connections of each of the two schemas.
const postgresConnections = 40

// engineLock is the advisory lock of the engine that works on a database: two would take each other's shards.
const engineLock = 7_362_041_190_024

// openPostgres opens the two schemas of one PostgreSQL database, "temporal" and "visibility", and makes them if need be.
func openPostgres(ctx context.Context, options Options) (all *databases, err error) {
	address, err := pgx.ParseConfig(options.Database)
	if err != nil {
		return nil, errors.New("engine: the address of the database is not postgres://user:password@host:port/name") // err may hold the password
	}
	all = &databases{
		main:       database{name: "temporal", schema: "postgresql/v12/temporal", version: postgresschema.Version, kind: sqlplugin.DbKindMain, postgres: true},
		visibility: database{name: "visibility", schema: "postgresql/v12/visibility", version: postgresschema.VisibilityVersion, kind: sqlplugin.DbKindVisibility, postgres: true},
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("engine: database %s at %s: %w", address.Database, address.Host, err), all.release())
		}
	}()
	all.lock = stdlib.OpenDB(*address)
	all.lock.SetMaxOpenConns(1)
	all.lock.SetMaxIdleConns(1)
	var free bool
	if err := all.lock.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", int64(engineLock)).Scan(&free); err != nil {
		return all, err
	}
	if !free {
		return all, errors.New("another engine works on it; stop that one first")
	}
	for _, one := range []*database{&all.main, &all.visibility} {
		if one.server, err = one.serverSettings(options.Database, address); err != nil {
			return all, err
		}
		if err := one.preparePostgres(ctx, address); err != nil {
			return all, fmt.Errorf("schema %s: %w", one.name, err)
		}
	}
	return all, prepareNamespace(ctx, all.main.server, options)
}

// release gives back the lock of the database, if it is one with a lock.
func (all *databases) release() error {
	if all == nil || all.lock == nil {
		return nil
	}
	// The server frees the lock some time after the connection is closed: an engine that starts at once would be refused.
	// If this fails, the connection is lost, and the lock with it.
	_, _ = all.lock.Exec("SELECT pg_advisory_unlock_all()")
	return all.lock.Close()
}

// searchPath is where the tables of a schema are, and the functions of extensions.
func (d *database) searchPath() string { return d.name + ",public" }

// serverSettings are the address as the Temporal server takes it.
func (d *database) serverSettings(dsn string, address *pgx.ConnConfig) (*config.SQL, error) {
	attributes := map[string]string{}
	if parsed, err := url.Parse(dsn); err == nil {
		for name, values := range parsed.Query() {
			attributes[name] = values[len(values)-1]
		}
	}
	if strings.HasPrefix(address.Host, "/") {
		return nil, errors.New("the engine reaches a database by host and port, not by a socket's folder")
	}
	attributes["search_path"] = d.searchPath()
	return &config.SQL{
		PluginName: postgresql.PluginNamePGX, ConnectProtocol: "tcp", ConnectAddr: net.JoinHostPort(address.Host, strconv.Itoa(int(address.Port))),
		User: url.PathEscape(address.User), Password: address.Password, DatabaseName: address.Database, ConnectAttributes: attributes,
		MaxConns: postgresConnections, MaxIdleConns: postgresConnections,
	}, nil
}

// preparePostgres makes the schema, or brings it up to date.
func (d *database) preparePostgres(ctx context.Context, address *pgx.ConnConfig) error {
	address = address.Copy()
	address.RuntimeParams["search_path"] = d.searchPath()
	db := stdlib.OpenDB(*address)
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+d.name); err != nil {
		return err
	}
	const count = `SELECT count(*), count(*) FILTER (WHERE table_name = 'schema_version') FROM information_schema.tables WHERE table_schema = $1`
	const version = `SELECT curr_version FROM schema_version WHERE version_partition = 0 AND db_name = $1`
	found, err := d.recordedVersion(ctx, db, count, []any{d.name}, version, address.Database)
	if err != nil {
		return err
	}
	steps, err := d.stepsFrom(found)
	switch {
	case err != nil:
		return err
	case found == "0.0":
		return d.apply(ctx, db, d.version, []string{versionTable}, "schema.sql")
	}
	for _, step := range steps {
		if err := d.apply(ctx, db, step.CurrVersion, nil, step.files...); err != nil {
			return fmt.Errorf("migration to schema %s: %w", step.CurrVersion, err)
		}
	}
	return nil
}

// inTransaction lets a script run in a transaction: nobody else uses the tables, so that an index need not be made
// beside their work.
func inTransaction(script string) string { return strings.ReplaceAll(script, " CONCURRENTLY", "") }

// recordPostgres notes the version of a schema, as the server looks for it: under the name of the database.
func (d *database) recordPostgres(ctx context.Context, tx *sql.Tx, version string) error {
	const record = `INSERT INTO schema_version (version_partition, db_name, creation_time, curr_version, min_compatible_version) VALUES (0, $1, now(), $2, $2)
		ON CONFLICT (version_partition, db_name) DO UPDATE SET creation_time = excluded.creation_time, curr_version = excluded.curr_version, min_compatible_version = excluded.min_compatible_version`
	_, err := tx.ExecContext(ctx, record, d.server.DatabaseName, version)
	return err
}
