package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// ErrNotFound says that no row has the id or key that was asked for.
var ErrNotFound = errors.New("not found")

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// session is a transaction or the read pool. All SQL passes through it, so that what differs between databases
// (placeholders, errors) has one place.
type session struct {
	querier
	whole bool // a statement is carried out whole, whatever becomes of the context
}

func (q session) context(ctx context.Context) context.Context {
	if q.whole {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// row is a struct whose fields, in the order of its column list, can be read from and written to the database.
type row[T any] interface {
	*T
	fields() []any
}

// write runs do in one transaction that is on disk when write returns nil. Transactions are serialised; do must
// not wait for anything outside the database.
func (s *Store) write(ctx context.Context, what string, do func(tx session) error) error {
	if err := s.commits.write(ctx, do); err != nil {
		return fmt.Errorf("store: %s: %w", what, err)
	}
	return nil
}

func (s *Store) read() session { return session{querier: s.reader} }

func (q session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(q.context(ctx), query, bind(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert writes one row; suffix is empty or an ON CONFLICT clause. It reports whether a row was written.
func (q session) insert(ctx context.Context, table, columns string, fields []any, suffix string) (bool, error) {
	marks := strings.TrimSuffix(strings.Repeat("?,", len(fields)), ",")
	n, err := q.exec(ctx, "INSERT INTO "+table+" ("+columns+") VALUES ("+marks+") "+suffix, fields...)
	return n > 0, err
}

// scalar reads one row into the given places; no row is ErrNotFound.
func (q session) scalar(ctx context.Context, query string, args []any, into ...any) error {
	rows, err := q.QueryContext(q.context(ctx), query, bind(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return errors.Join(rows.Err(), ErrNotFound)
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	return rows.Err()
}

// one reads one row; no row is ErrNotFound.
func one[T any, P row[T]](ctx context.Context, q session, query string, args ...any) (T, error) {
	var found T
	err := q.scalar(ctx, query, args, P(&found).fields()...)
	return found, err
}

// many reads all rows.
func many[T any, P row[T]](ctx context.Context, q session, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(q.context(ctx), query, bind(args)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []T
	for rows.Next() {
		var next T
		if err := rows.Scan(P(&next).fields()...); err != nil {
			return nil, err
		}
		found = append(found, next)
	}
	return found, rows.Err()
}

// bind turns the types of the API into those of the database.
func bind(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case time.Time:
			bound[i] = micros(v)
		case json.RawMessage:
			bound[i] = string(v)
		case []byte:
			bound[i] = notNull(v)
		case *[]byte:
			bound[i] = notNull(*v)
		default:
			bound[i] = arg
		}
	}
	return bound
}

// notNull keeps no bytes from becoming NULL, which no column of ours takes.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// stamp reads and writes an instant as microseconds since 1970; the zero time is 0.
type stamp struct{ at *time.Time }

func (s stamp) Value() (driver.Value, error) { return micros(*s.at), nil }

func (s stamp) Scan(from any) error {
	n, ok := from.(int64)
	if !ok {
		return fmt.Errorf("an instant is stored as %T", from)
	}
	*s.at = fromMicros(n)
	return nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// document reads and writes JSON as text, byte for byte; none is the empty text.
type document struct{ text *json.RawMessage }

func (d document) Value() (driver.Value, error) { return string(*d.text), nil }

func (d document) Scan(from any) error {
	text, err := asText(from)
	if err != nil || text == "" {
		*d.text = nil
		return err
	}
	*d.text = json.RawMessage(text)
	return nil
}

// words reads and writes a list of texts as a JSON list.
type words struct{ list *[]string }

func (w words) Value() (driver.Value, error) {
	if len(*w.list) == 0 {
		return "", nil
	}
	text, err := json.Marshal(*w.list)
	return string(text), err
}

func (w words) Scan(from any) error {
	*w.list = nil
	text, err := asText(from)
	if err != nil || text == "" {
		return err
	}
	return json.Unmarshal([]byte(text), w.list)
}

func asText(from any) (string, error) {
	switch v := from.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	return "", fmt.Errorf("text is stored as %T", from)
}

// in is "(?,?,…)" and its arguments.
func in[T any](values []T) (string, []any) {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return "(" + strings.TrimSuffix(strings.Repeat("?,", len(values)), ",") + ")", args
}

// conditions collects the parts of a WHERE clause.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(part string, args ...any) {
	c.parts = append(c.parts, part)
	c.args = append(c.args, args...)
}

// searchWords are the LIKE patterns of a text's words, for a column that was written with fold.
func searchWords(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for word := range strings.FieldsSeq(fold(text)) {
			if !yield("%" + escapeLike.Replace(word) + "%") {
				return
			}
		}
	}
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

var escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// fold is the form in which texts are searched. It is made here and not by the database, whose lower() knows only
// ASCII (SQLite) or depends on the server's locale (PostgreSQL).
func fold(parts ...string) string {
	return strings.Join(strings.Fields(strings.ToLower(strings.Join(parts, " "))), " ")
}

// page bounds a list; a limit of 0 is the default.
func page(limit, offset int) string {
	const standard, most = 100, 1000
	if limit <= 0 {
		limit = standard
	}
	return fmt.Sprintf(" LIMIT %d OFFSET %d", min(limit, most), max(offset, 0))
}

// NewID is a fresh ULID in lower case: sortable by time, safe in URLs and workflow ids.
func (s *Store) NewID() string {
	return strings.ToLower(ulid.MustNew(ulid.Timestamp(s.now()), rand.Reader).String())
}

// period reads and writes a duration as microseconds.
type period struct{ length *time.Duration }

func (p period) Value() (driver.Value, error) { return p.length.Microseconds(), nil }

func (p period) Scan(from any) error {
	n, ok := from.(int64)
	if !ok {
		return fmt.Errorf("a duration is stored as %T", from)
	}
	*p.length = time.Duration(n) * time.Microsecond
	return nil
}
