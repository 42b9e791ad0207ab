package store

import (
	"bytes"
	"context"
	"database/sql/driver"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// There is one text of each query and migration, in the SQL that both databases know. What differs is here:
//
//	                   SQLite         PostgreSQL
//	placeholders       ?              $1, $2, …
//	column types       any name       INTEGER → BIGINT, BLOB → BYTEA
//	order of texts     bytes          the server's locale → bytes (COLLATE "C")
//	texts              any bytes      UTF-8 without NUL: others become U+FFFD
//
// Whatever is written in a transaction of write sees and leaves a serial order: on SQLite because there is one writer,
// on PostgreSQL because transactions are SERIALIZABLE and repeated when the server finds that they were not.

// numbered puts $1, $2, … in the place of each ? outside of quotes.
func numbered(query string) string {
	var b strings.Builder
	n, quote := 0, rune(0)
	for _, c := range query {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '?':
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// columnType is the type of a column, after its name and before its constraints.
var columnType = regexp.MustCompile(`\b(\w+\s+)(INTEGER|BLOB|TEXT)\b`)

// postgresMigrations are the migrations as PostgreSQL wants them.
type postgresMigrations struct{ fs.FS }

// Open reads one migration.
func (m postgresMigrations) Open(name string) (fs.File, error) {
	file, err := m.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	defer file.Close()
	text, err := fs.ReadFile(m.FS, name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	return &textFile{Reader: bytes.NewReader([]byte(postgresTypes(string(text)))), info: info}, err
}

func postgresTypes(migration string) string {
	return columnType.ReplaceAllStringFunc(migration, func(column string) string {
		parts := columnType.FindStringSubmatch(column)
		return parts[1] + map[string]string{"INTEGER": "BIGINT", "BLOB": "BYTEA", "TEXT": `TEXT COLLATE "C"`}[parts[2]]
	})
}

// textFile is a file whose content has been changed on the way.
type textFile struct {
	*bytes.Reader
	info fs.FileInfo
}

// Stat describes the file that it was.
func (f *textFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// Close is nothing: the text is in memory.
func (f *textFile) Close() error { return nil }

// postgresValues are the arguments as PostgreSQL takes them.
func postgresValues(args []any) ([]any, error) {
	for i, arg := range args {
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, err
		}
		if text, ok := value.(string); ok {
			value = storable(text)
		}
		args[i] = value
	}
	return args, nil
}

// storable is a text that PostgreSQL takes. Such texts come in mails.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// prepare makes a query and its arguments ready for the session's database.
func (q session) prepare(ctx context.Context, query string, args []any) (context.Context, string, []any, error) {
	bound := bind(args)
	if !q.postgres {
		return q.context(ctx), query, bound, nil
	}
	values, err := postgresValues(bound)
	return q.context(ctx), numbered(query), values, err
}
