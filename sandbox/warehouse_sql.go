package sandbox

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/jeroenrinzema/psql-wire/codes"
)

// statement is a SELECT in SQLite's words, with what is known of its types.
type statement struct {
	text       string   // with ?1 for $1
	parameters []uint32 // type of each
	columns    []string // the expressions of the select list, lower case; nil if they are not understood
	tag        string   // not a SELECT: how it is acknowledged
}

// warehouseColumns are the types of the columns of all tables; a name has one type everywhere.
var warehouseColumns = map[string]uint32{
	"id": pgtype.TextOID, "name": pgtype.TextOID, "country": pgtype.TextOID, "depot": pgtype.TextOID, "sku": pgtype.TextOID,
	"category": pgtype.TextOID, "replaceable": pgtype.BoolOID, "repairable": pgtype.BoolOID, "price": pgtype.NumericOID,
	"on_hand": pgtype.Int4OID, "reserved": pgtype.Int4OID, "restock_on": pgtype.DateOID,
}

func oidOfDeclared(declared string) uint32 {
	switch strings.ToUpper(declared) {
	case "TEXT":
		return pgtype.TextOID
	case "INTEGER":
		return pgtype.Int4OID
	case "BOOLEAN":
		return pgtype.BoolOID
	case "NUMERIC":
		return pgtype.NumericOID
	case "DATE":
		return pgtype.DateOID
	}
	return 0
}

var (
	sqlToken    = regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|(?s:/\*.*?\*/)|\$\d+|::\s*[A-Za-z_]+(?:\(\d+(?:,\s*\d+)?\))?|[A-Za-z_][A-Za-z0-9_]*|<=|>=|<>|!=|\|\||[^\s]`)
	sqlWord     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	sqlHidden   = regexp.MustCompile(`^(sqlite_\w*|pragma_\w*|meta|faults|tickets|comments|audits|users|idempotency|webhooks|mails|load_extension)$`)
	sqlSilent   = map[string]string{"begin": "BEGIN", "start": "BEGIN", "commit": "COMMIT", "end": "COMMIT", "rollback": "ROLLBACK", "abort": "ROLLBACK", "set": "SET", "reset": "RESET", "discard": "DISCARD ALL", "deallocate": "DEALLOCATE"}
	sqlOperator = []string{"=", "<", ">", "<=", ">=", "<>", "!=", "like", "ilike", "in", "("}
	sqlReplaced = map[string]string{"ilike": "LIKE", "greatest": "max", "least": "min"}
)

// readSQL translates a statement, and refuses everything but reading.
func readSQL(query string) (statement, error) {
	var words []string
	for _, token := range sqlToken.FindAllString(query, -1) {
		if !strings.HasPrefix(token, "--") && !strings.HasPrefix(token, "/*") {
			words = append(words, token)
		}
	}
	for len(words) > 0 && words[len(words)-1] == ";" {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		return statement{tag: "EMPTY"}, nil
	}
	verb := strings.ToLower(words[0])
	if tag := sqlSilent[verb]; tag != "" {
		return statement{tag: tag}, nil
	}
	if verb != "select" && verb != "with" {
		return statement{}, sqlError(codes.InsufficientPrivilege, "permission denied: %s is not for a user who may only read", strings.ToUpper(verb))
	}
	return translate(words)
}

func translate(words []string) (statement, error) {
	s := statement{columns: selectList(words)}
	var out []string
	for i, token := range words {
		lower := strings.ToLower(token)
		switch {
		case token == ";":
			return s, sqlError(codes.Syntax, "cannot insert multiple commands into a prepared statement")
		case slices.Contains([]string{"insert", "update", "delete", "drop", "alter", "attach", "pragma", "create"}, lower):
			return s, sqlError(codes.InsufficientPrivilege, "permission denied: %s is not for a user who may only read", strings.ToUpper(token))
		case sqlHidden.MatchString(lower):
			return s, sqlError(codes.UndefinedTable, "relation %q does not exist", token)
		case lower == "any":
			return s, sqlError(codes.FeatureNotSupported, "arrays are not supported")
		case token[0] == '$' && len(token) > 1:
			n, err := strconv.Atoi(token[1:])
			if err != nil || n < 1 || n > 100 {
				return s, sqlError(codes.UndefinedParameter, "there is no parameter %s", token)
			}
			s.parameter(n, words, i)
			out = append(out, "?"+strconv.Itoa(n))
		case strings.HasPrefix(token, "::"):
			// SQLite compares by value, so that a cast in PostgreSQL's own notation can be left out
		case sqlReplaced[lower] != "":
			out = append(out, sqlReplaced[lower])
		default:
			out = append(out, token)
		}
	}
	s.text = strings.Join(out, " ")
	s.text = strings.ReplaceAll(s.text, " . ", ".")
	return s, nil
}

// parameter notes the type of $n: that of the cast behind it, or of the column that it is compared with, or text.
func (s *statement) parameter(n int, words []string, at int) {
	for len(s.parameters) < n {
		s.parameters = append(s.parameters, pgtype.TextOID)
	}
	if at+1 < len(words) && strings.HasPrefix(words[at+1], "::") {
		s.parameters[n-1] = oidOfName(strings.TrimSpace(words[at+1][2:]))
		return
	}
	if at > 0 && slices.Contains([]string{"limit", "offset"}, strings.ToLower(words[at-1])) {
		s.parameters[n-1] = pgtype.Int8OID
		return
	}
	for i := at - 1; i >= 0 && i > at-30; i-- {
		lower := strings.ToLower(words[i])
		if oid := warehouseColumns[lower]; oid != 0 {
			s.parameters[n-1] = oid
			return
		}
		if !slices.Contains(sqlOperator, lower) && lower != "," && lower != "not" && lower[0] != '$' {
			return
		}
	}
}

func oidOfName(name string) uint32 {
	name, _, _ = strings.Cut(strings.ToLower(name), "(")
	switch name {
	case "int", "int4", "integer", "smallint", "int2":
		return pgtype.Int4OID
	case "bigint", "int8":
		return pgtype.Int8OID
	case "bool", "boolean":
		return pgtype.BoolOID
	case "date":
		return pgtype.DateOID
	case "numeric", "decimal":
		return pgtype.NumericOID
	}
	return pgtype.TextOID
}

// selectList cuts the outer select list into expressions.
func selectList(words []string) []string {
	var list []string
	depth, part := 0, []string{}
	for i, token := range words { // past the common table expressions
		depth += strings.Count(token, "(") - strings.Count(token, ")")
		if depth == 0 && strings.EqualFold(token, "select") {
			words = words[i+1:]
			break
		}
	}
	depth = 0
	for _, token := range words {
		lower := strings.ToLower(token)
		switch {
		case token == "(":
			depth++
		case token == ")":
			depth--
		case depth == 0 && lower == "from":
			return append(list, strings.Join(part, " "))
		case depth == 0 && token == ",":
			list, part = append(list, strings.Join(part, " ")), []string{}
			continue
		case depth == 0 && token == "*":
			return nil
		}
		part = append(part, lower)
	}
	return append(list, strings.Join(part, " "))
}

// guess finds the type of a computed column as PostgreSQL would.
func (s statement) guess(i int) uint32 {
	if i >= len(s.columns) {
		return pgtype.TextOID
	}
	e, _, _ := strings.Cut(s.columns[i], " as ")
	words := strings.Fields(e)
	within := func(words []string, list ...string) bool {
		return slices.ContainsFunc(list, func(w string) bool { return slices.Contains(words, w) })
	}
	outer, last := outside(words), words[len(words)-1]
	switch {
	case strings.HasPrefix(last, "::"):
		return oidOfName(last[2:])
	case words[0] == "case":
		return s.guessCase(words)
	case within(outer, "=", "<", ">", "<=", ">=", "<>", "!=", "exists", "is", "and", "or", "not", "true", "false", "like", "in", "between"):
		return pgtype.BoolOID
	case within(outer, "||"), within(words[:1], "string_agg", "lower", "upper"):
		return pgtype.TextOID
	case words[0] == "count":
		return pgtype.Int8OID
	case within(words, "price"):
		return pgtype.NumericOID
	case within(words, "sum", "count"):
		return pgtype.Int8OID
	}
	for _, word := range words {
		if oid := warehouseColumns[word]; oid != 0 {
			return oid
		}
		if _, err := strconv.Atoi(word); err == nil {
			return pgtype.Int4OID
		}
	}
	return pgtype.TextOID
}

// outside is what of an expression stands outside of parentheses.
func outside(words []string) []string {
	var out []string
	depth := 0
	for _, w := range words {
		switch {
		case w == "(":
			depth++
		case w == ")":
			depth--
		case depth == 0:
			out = append(out, w)
		}
	}
	return out
}

// guessCase takes the type of what follows the first "then".
func (s statement) guessCase(words []string) uint32 {
	at := slices.Index(words, "then")
	if at < 0 || at+1 >= len(words) {
		return pgtype.TextOID
	}
	return statement{columns: []string{words[at+1]}}.guess(0)
}

// columnName is the name that PostgreSQL gives to a column that has none of its own.
func columnName(name string) string {
	if sqlWord.MatchString(name) {
		return name
	}
	words := strings.Fields(name)
	if len(words) > 1 && sqlWord.MatchString(words[0]) && words[1] == "(" && words[len(words)-1] == ")" && len(outside(words)) == 1 {
		return strings.ToLower(words[0])
	}
	return "?column?"
}

// argument is a bound parameter as SQLite keeps such a value.
func argument(p wire.Parameter, oid uint32) (any, error) {
	if p.Value() == nil {
		return nil, nil
	}
	value, err := p.Scan(oid)
	if err != nil {
		return nil, err
	}
	switch v := value.(type) {
	case time.Time:
		return v.Format(time.DateOnly), nil
	case pgtype.Numeric:
		f, err := v.Float64Value()
		return f.Float64, err
	case int16, int32, int64, string, bool, float64, nil:
		return v, nil
	}
	return fmt.Sprint(value), nil
}

// cell is a value of SQLite as a value of a type of PostgreSQL.
func cell(value any, oid uint32) (any, error) {
	if value == nil {
		return nil, nil
	}
	switch oid {
	case pgtype.BoolOID:
		switch v := value.(type) {
		case int64:
			return v != 0, nil
		case bool:
			return v, nil
		}
	case pgtype.DateOID:
		switch v := value.(type) {
		case time.Time:
			return v, nil
		case string:
			return time.Parse(time.DateOnly, v)
		}
	case pgtype.NumericOID:
		var n pgtype.Numeric
		text := fmt.Sprint(value)
		if f, ok := value.(float64); ok {
			text = strconv.FormatFloat(f, 'f', 2, 64)
		} else if i, ok := value.(int64); ok {
			text = fmt.Sprintf("%d.00", i)
		}
		return n, n.Scan(text)
	case pgtype.Int4OID, pgtype.Int8OID:
		switch v := value.(type) {
		case int64:
			return v, nil
		case float64:
			return int64(v), nil
		case bool:
			if v {
				return int64(1), nil
			}
			return int64(0), nil
		}
	case pgtype.TextOID:
		if b, ok := value.([]byte); ok {
			return string(b), nil
		}
		return fmt.Sprint(value), nil
	}
	return nil, fmt.Errorf("%T cannot be a value of type %d", value, oid)
}
