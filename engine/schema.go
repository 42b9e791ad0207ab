package engine

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/blang/semver/v4"
	"go.temporal.io/server/schema"
)

// The server sets up an empty SQLite file and then neither records nor checks its version. We do:
// set up and migration are one transaction each, and a file of an unknown version is left alone.

const versionTable = `CREATE TABLE schema_version (
	version_partition      INT NOT NULL,
	db_name                VARCHAR(255) NOT NULL,
	creation_time          TIMESTAMP,
	curr_version           VARCHAR(64),
	min_compatible_version VARCHAR(64),
	PRIMARY KEY (version_partition, db_name))`

func (d *database) prepareSchema(ctx context.Context) error {
	// SQLite gives its write-ahead files the mode of the database: made here, nobody else reads them.
	created, err := os.OpenFile(d.file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := created.Close(); err != nil {
		return err
	}
	file, err := sql.Open("sqlite", "file:"+(&url.URL{Path: d.file}).EscapedPath()+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer file.Close()
	file.SetMaxOpenConns(1)
	const count = `SELECT count(*), count(*) FILTER (WHERE name = 'schema_version') FROM sqlite_master WHERE type = 'table'`
	const version = `SELECT curr_version FROM schema_version WHERE version_partition = 0 AND db_name = ?`
	found, err := d.recordedVersion(ctx, file, count, nil, version, d.name)
	if err != nil {
		return err
	}
	steps, err := d.stepsFrom(found)
	switch {
	case err != nil:
		return err
	case found == "0.0":
		return d.apply(ctx, file, d.version, []string{versionTable}, "schema.sql")
	case len(steps) > 0:
		return d.migrate(ctx, file, steps)
	}
	return nil
}

// where names the database in messages.
func (d *database) where() string { return cmp.Or(d.file, "the schema "+d.name) }

// recordedVersion is "0.0" where there are no tables. count asks for all tables and for the one of versions, version for
// the version of the schema that is recorded under a name.
func (d *database) recordedVersion(ctx context.Context, db *sql.DB, count string, of []any, version, name string) (found string, err error) {
	var tables, versioned int
	if err := db.QueryRowContext(ctx, count, of...).Scan(&tables, &versioned); err != nil {
		return "", err
	}
	switch {
	case tables == 0:
		return "0.0", nil
	case versioned == 0:
		return "", fmt.Errorf("%s holds tables of unknown origin; choose another place", d.where())
	}
	if err = db.QueryRowContext(ctx, version, name).Scan(&found); err != nil {
		return "", fmt.Errorf("%s names no version of its schema: %w", d.where(), err)
	}
	if _, err := semver.Parse(found + ".0"); err != nil {
		return "", fmt.Errorf("%s is of the unknown schema version %q", d.where(), found)
	}
	return found, nil
}

// stepsFrom are the migrations that a schema of a version needs: none if it is empty or up to date.
func (d *database) stepsFrom(found string) ([]migration, error) {
	switch has, wants := semver.MustParse(found+".0"), semver.MustParse(d.version+".0"); {
	case found == "0.0", has.EQ(wants):
		return nil, nil
	case has.GT(wants):
		return nil, fmt.Errorf("%s was written by a newer version of Temporal (schema %s, this one knows %s); use the newer program", d.where(), found, d.version)
	default:
		return d.steps(has)
	}
}

// migrate copies the file aside and brings it to the wanted version, one transaction for each step.
func (d *database) migrate(ctx context.Context, file *sql.DB, steps []migration) error {
	backup := fmt.Sprintf("%s.before-%s-%s", d.file, d.version, time.Now().UTC().Format("20060102T150405"))
	if _, err := file.ExecContext(ctx, "VACUUM INTO ?", backup); err != nil {
		return fmt.Errorf("copying %s before its migration: %w", d.file, err)
	}
	for _, step := range steps {
		if err := d.apply(ctx, file, step.CurrVersion, nil, step.files...); err != nil {
			return fmt.Errorf("migration to schema %s failed, the copy %s is untouched: %w", step.CurrVersion, backup, err)
		}
	}
	return nil
}

type migration struct {
	CurrVersion          string
	SchemaUpdateCqlFiles []string
	version              semver.Version
	files                []string
}

// steps are the server's own, after from, in order.
func (d *database) steps(from semver.Version) (steps []migration, err error) {
	manifests, err := fs.Glob(schema.Assets(), path.Join(d.schema, "versioned", "v*", "manifest.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range manifests {
		text, err := fs.ReadFile(schema.Assets(), name)
		if err != nil {
			return nil, err
		}
		var step migration
		if err := json.Unmarshal(text, &step); err != nil {
			return nil, err
		}
		if step.version, err = semver.Parse(step.CurrVersion + ".0"); err != nil {
			return nil, err
		}
		for _, file := range step.SchemaUpdateCqlFiles {
			step.files = append(step.files, path.Join("versioned", path.Base(path.Dir(name)), file))
		}
		if step.version.GT(from) {
			steps = append(steps, step)
		}
	}
	slices.SortFunc(steps, func(a, b migration) int { return a.version.Compare(b.version) })
	if len(steps) == 0 || steps[len(steps)-1].CurrVersion != d.version {
		return nil, fmt.Errorf("no way is known from schema %s to %s", strings.TrimSuffix(from.String(), ".0"), d.version)
	}
	return steps, nil
}

func (d *database) apply(ctx context.Context, file *sql.DB, version string, statements []string, scripts ...string) error {
	for _, script := range scripts {
		text, err := fs.ReadFile(schema.Assets(), path.Join(d.schema, script))
		if err != nil {
			return err
		}
		if d.postgres {
			statements = append(statements, inTransaction(string(text)))
		} else {
			statements = append(statements, lean(string(text)))
		}
	}
	tx, err := file.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if d.postgres {
		if err := d.recordPostgres(ctx, tx, version); err != nil {
			return err
		}
		return tx.Commit()
	}
	const record = `REPLACE INTO schema_version (version_partition, db_name, creation_time, curr_version, min_compatible_version) VALUES (0, ?, ?, ?, ?)`
	if _, err := tx.ExecContext(ctx, record, d.name, time.Now().UTC(), version, version); err != nil {
		return err
	}
	return tx.Commit()
}

// visibilityIndex matches an index on a column of the visibility table; the one on the order of all lists is none.
var visibilityIndex = regexp.MustCompile(`(?m)^(CREATE INDEX \w+ +ON executions_visibility \(namespace_id, )(\w+)(,.*\));$`)

// searched are the columns of the visibility table by which workflows are looked for: by the server, by Temporal's UI,
// and by Crosswalk, whose search attributes get the first columns for keywords. Where most workflows have nothing in a
// column, its index leaves them out.
var searched = map[string]string{
	"workflow_id": "", "workflow_type_name": "", "status": "",
	"TemporalNamespaceDivision": "", // every list asks for those without one
	"parent_workflow_id":        " WHERE parent_workflow_id IS NOT NULL",
	"Keyword01":                 " WHERE Keyword01 IS NOT NULL",
	"Keyword02":                 " WHERE Keyword02 IS NOT NULL",
	"Keyword03":                 " WHERE Keyword03 IS NOT NULL",
	"Keyword04":                 " WHERE Keyword04 IS NOT NULL",
	"Keyword05":                 " WHERE Keyword05 IS NOT NULL",
}

// lean leaves out the indexes of the visibility table that nobody needs. There is one for each of over fifty columns, and
// each is paid for with every start and every end of a workflow; a search by another column reads the table.
func lean(script string) string {
	return visibilityIndex.ReplaceAllStringFunc(script, func(statement string) string {
		parts := visibilityIndex.FindStringSubmatch(statement)
		where, kept := searched[parts[2]]
		if !kept {
			return ""
		}
		return parts[1] + parts[2] + parts[3] + where + ";"
	})
}
