package store

import (
	"fmt"
	"iter"
	"strings"
)

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
