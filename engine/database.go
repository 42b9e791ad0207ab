package engine

import (
	"context"
	"crypto/rand"
	stdsql "database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

// durable is what a commit must mean: it has been synced to the disk when it returns. The names go
// to the server without an underscore; with one, its DSN builder would make a pragma of an unknown
// name of them, and SQLite ignores those silently.
var durable = map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000"}

// database is one SQLite file of the server, or one schema of a PostgreSQL database.
type database struct {
	name     string // of the schema, in its version table
	schema   string // directory among the server's schemas
	version  string // that this server wants
	kind     sqlplugin.DbKind
	file     string // of SQLite
	postgres bool
	server   *config.SQL
}

// databases are the two: lists and searches must not wait for, nor hold up, the histories.
type databases struct {
	main, visibility database
	lock             *stdsql.DB // of PostgreSQL: the connection that holds the database for this engine
}

func openDatabases(ctx context.Context, options Options) (*databases, error) {
	if options.Database != "" {
		return openPostgres(ctx, options)
	}
	all := &databases{
		main:       database{name: "temporal", schema: "sqlite/v3/temporal", version: sqliteschema.Version, kind: sqlplugin.DbKindMain},
		visibility: database{name: "visibility", schema: "sqlite/v3/visibility", version: sqliteschema.VisibilityVersion, kind: sqlplugin.DbKindVisibility},
	}
	for _, one := range []*database{&all.main, &all.visibility} {
		if err := one.open(ctx, options.Directory); err != nil {
			return nil, fmt.Errorf("engine: database %s: %w", one.name, err)
		}
	}
	if err := prepareNamespace(ctx, all.main.server, options); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return all, nil
}

func (d *database) open(ctx context.Context, directory string) error {
	d.server = &config.SQL{PluginName: sqliteplugin.PluginName, ConnectAttributes: map[string]string{}}
	if directory == "" {
		// The server sets up the schema of a database in memory by itself.
		d.server.DatabaseName = d.name + rand.Text()
		d.server.ConnectAttributes["mode"], d.server.ConnectAttributes["cache"] = "memory", "shared"
		return nil
	}
	absolute, err := filepath.Abs(directory)
	if err != nil {
		return err
	}
	d.file = filepath.Join(absolute, d.name+".db")
	if err := d.prepareSchema(ctx); err != nil {
		return err
	}
	d.server.DatabaseName = (&url.URL{Path: d.file}).EscapedPath()
	d.server.ConnectAttributes["mode"] = "rwc"
	for name, value := range durable {
		d.server.ConnectAttributes[name] = value
	}
	return d.assertDurable()
}

// assertDurable asks the connection that the server itself is going to use: its SQLite plugin keeps
// one pool of one connection for each DSN of the process. The plugin's interface runs statements and
// reads versions, nothing else, so the answer travels through the version table.
func (d *database) assertDurable() error {
	const question = `REPLACE INTO schema_version (version_partition, db_name, creation_time, curr_version, min_compatible_version)
		SELECT 0, 'pragmas', ?, journal_mode || ' ' || synchronous, '' FROM pragma_journal_mode, pragma_synchronous`
	db, err := d.admin()
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Exec(question, time.Now().UTC()); err != nil {
		return fmt.Errorf("asking for its pragmas: %w", err)
	}
	answer, err := db.ReadSchemaVersion("pragmas")
	if err != nil {
		return fmt.Errorf("asking for its pragmas: %w", err)
	}
	if wanted := durable["journal_mode"] + " " + durable["synchronous"]; answer != wanted {
		return fmt.Errorf("journal mode and synchronous are %q, must be %q: what it commits could be lost", answer, wanted)
	}
	return nil
}

func (d *database) admin() (sqlplugin.AdminDB, error) {
	return sql.NewSQLAdminDB(d.kind, d.server, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
}

// shards is how many parts of the histories are written side by side.
func (all *databases) shards() int32 {
	if all.main.postgres {
		return postgresShards
	}
	return historyShards
}

// checkpoint moves what the write-ahead files hold into the databases, so that a copy of a stopped
// engine's directory is small and a restart has nothing to read back.
func (all *databases) checkpoint() error {
	for _, one := range []database{all.main, all.visibility} {
		if one.file == "" {
			continue
		}
		db, err := one.admin()
		if err != nil {
			return fmt.Errorf("engine: %w", err)
		}
		err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		if closing := db.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return fmt.Errorf("engine: checkpoint of %s: %w", one.name, err)
		}
	}
	return nil
}
