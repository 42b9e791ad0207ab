package adapters

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// The databases that are spoken to.
const (
	dialectPostgres  = "postgresql"
	dialectMySQL     = "mysql" // MariaDB too
	dialectSQLite    = "sqlite"
	dialectSQLServer = "sqlserver"
	dialectOracle    = "oracle"
)

var dialects = []string{dialectPostgres, dialectMySQL, dialectSQLite, dialectSQLServer, dialectOracle}

var queryShape = source.Record(
	source.Field{Name: "name", Is: source.Text(), About: "Under requests: the name of the result.", Default: "answer", Example: "found"},
	source.Field{Name: "when", Is: source.Condition(), About: "It is made only if this holds.", Default: "it is made", Example: "input.name != missing"},
	source.Field{Name: "sql", Is: source.Text(), Required: true, About: "The statement, with $1, $2 for its parameters, whatever the database calls them.", Example: "select sku from stock where sku = $1"},
	source.Field{Name: "params", Is: source.ListOf(source.Template()), About: "The parameters.", Default: "none", Example: "['${input.sku}']"},
	source.Field{Name: "where", Is: source.Condition(), About: "Which rows are kept, each seen as item, while they are read.", Default: "all", Example: "item.active"},
)

// ledgerTable is the name of a table, perhaps with its schema.
var ledgerTable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$`)

// statement is one statement of SQL.
type statement struct {
	text      string
	params    []*rules.Template
	writes    bool
	answering bool   // it answers rows, although it writes
	ledger    string // the table in which it is noted; "" none
}

// sqlSettings makes sure that a database adapter has the settings that lead to a database.
func (p *parser) sqlSettings(node *source.Node) {
	needs, secrets := []string{"host", "port", "database", "user"}, []string{"password"}
	if p.adapter.dialect == dialectSQLite {
		needs, secrets = []string{"file"}, nil
	}
	for _, name := range needs {
		if !slices.Contains(fieldNames(p.adapter.Settings), name) {
			node.Errorf("add it under settings", "a database adapter needs the setting %q", name)
		}
	}
	for _, name := range secrets {
		if !slices.Contains(fieldNames(p.adapter.Secrets), name) {
			node.Errorf("add it under secrets", "a database adapter needs the secret %q", name)
		}
	}
}

// sqlRequest reads a statement. Data reaches it as parameters only: the text is the file's.
func (p *parser) sqlRequest(op *Operation, node *source.Node, in scope) *request {
	fields := node.Fields(queryShape)
	r := &request{when: in.condition(fields["when"])}
	r.where = in.with("item", anything).condition(fields["where"])
	text := node.Required("sql", "the query, with $1, $2 … for its parameters")
	s := &statement{text: strings.TrimRight(strings.TrimSpace(text.Text()), "; \n"), ledger: op.Safety.table}
	r.sql = s
	if strings.Contains(s.text, "${") {
		text.Errorf("write $1 in the query and the expression under params", "an expression cannot stand in a query")
	}
	p.statementKind(op, s, text)
	for _, item := range fields["params"].List() {
		s.params = append(s.params, in.given(r.when).template(item))
	}
	used := parametersOf(s.text, p.adapter.dialect)
	for i := range s.params {
		if !slices.Contains(used, i+1) {
			fields["params"].Errorf("", "the query has no $%d", i+1)
		}
	}
	for _, n := range used {
		if n > len(s.params) {
			text.Errorf("give it under params", "there is no parameter $%d", n)
		}
	}
	r.writes = s.writes
	return r
}

var (
	writingWords   = []string{"insert", "update", "delete", "merge", "replace", "call", "exec", "execute", "upsert"}
	answeringWords = regexp.MustCompile(`(?i)\b(returning|output)\b`)
)

// statementKind holds a statement to the effect of its operation. In a writing operation a select looks, and with may do
// either: it writes if it names a word that does.
func (p *parser) statementKind(op *Operation, s *statement, text *source.Node) {
	if !text.Exists() {
		return
	}
	bare := withoutTexts(s.text, p.adapter.dialect)
	if strings.Contains(bare, ";") {
		text.Errorf("write several requests", "a request is one statement")
	}
	first := strings.ToLower(firstWord(bare))
	reads := first == "select" || first == "with"
	if op.Effect == contracts.Read {
		if !reads {
			text.Errorf("", "a reading operation begins with select or with")
		}
		return
	}
	changes := func(word string) bool { return slices.Contains(writingWords, strings.ToLower(word)) }
	s.writes = changes(first) || first == "with" && slices.ContainsFunc(strings.FieldsFunc(bare, func(r rune) bool { return strings.ContainsRune(" \t\r\n(),", r) }), changes)
	s.answering = answeringWords.MatchString(bare) || first == "with" && !strings.Contains(strings.ToLower(bare), "insert")
	if !reads && !s.writes {
		text.Errorf("begin with insert, update, delete, merge, replace, call, select or with", "%q is not a statement that an adapter runs", first)
	}
}

// calls says that the statement runs a procedure, which may commit by itself.
func (s *statement) calls() bool {
	return slices.Contains([]string{"call", "exec", "execute"}, strings.ToLower(firstWord(s.text)))
}

func firstWord(text string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return ""
}

// pieces cuts a statement into what is code and what is not: texts, quoted names and comments.
func pieces(text, dialect string, visit func(piece string, code bool)) {
	start := 0
	emit := func(from, to int, code bool) {
		if to > from {
			visit(text[from:to], code)
		}
	}
	for i := 0; i < len(text); {
		end := endOfQuote(text, i, dialect)
		if end == i {
			i++
			continue
		}
		emit(start, i, true)
		emit(i, end, false)
		i, start = end, end
	}
	emit(start, len(text), true)
}

// endOfQuote returns where the text, name or comment that begins at i ends; i itself if none begins.
func endOfQuote(text string, i int, dialect string) int {
	find := func(from int, end string) int {
		if at := strings.Index(text[from:], end); at >= 0 {
			return from + at + len(end)
		}
		return len(text)
	}
	switch rest := text[i:]; {
	case strings.HasPrefix(rest, "--"):
		return find(i, "\n")
	case strings.HasPrefix(rest, "/*"):
		return find(i+2, "*/")
	case rest[0] == '[' && dialect == dialectSQLServer:
		return find(i+1, "]")
	case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
		for j := i + 1; j < len(text); j++ {
			switch {
			case text[j] == '\\' && dialect == dialectMySQL:
				j++
			case text[j] == rest[0]:
				return j + 1
			}
		}
		return len(text)
	}
	return i
}

func withoutTexts(text, dialect string) string {
	var bare strings.Builder
	pieces(text, dialect, func(piece string, code bool) {
		if !code {
			piece = " "
		}
		bare.WriteString(piece)
	})
	return bare.String()
}

var parameterMark = regexp.MustCompile(`\$([1-9][0-9]?)`)

// parametersOf returns the numbers of the parameters in a statement.
func parametersOf(text, dialect string) []int {
	_, order := native(text, dialect)
	return order
}

// native writes a statement with the database's own marks for its parameters, and says which parameter each mark is.
// With numbered marks a parameter is sent once, and the order is that of the numbers.
func native(text, dialect string) (string, []int) {
	var out strings.Builder
	var order []int
	pieces(text, dialect, func(piece string, code bool) {
		if code {
			piece = parameterMark.ReplaceAllStringFunc(piece, func(mark string) string {
				var n int
				_, _ = fmt.Sscan(mark[1:], &n)
				order = append(order, n)
				switch dialect {
				case dialectMySQL:
					return "?"
				case dialectSQLite:
					return fmt.Sprintf("?%d", n)
				case dialectSQLServer:
					return fmt.Sprintf("@p%d", n)
				case dialectOracle:
					return fmt.Sprintf(":%d", len(order))
				default:
					return mark
				}
			})
		}
		out.WriteString(piece)
	})
	return out.String(), order
}
