package adapters

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// maxRows bounds the answer of a query.
const maxRows = rules.MaxItems

// sqlSettings makes sure that a database adapter has the settings that lead to a database.
func (p *parser) sqlSettings(node *source.Node) {
	names := fieldNames(p.adapter.Settings)
	for _, name := range []string{"host", "port", "database", "user"} {
		if !slices.Contains(names, name) {
			node.Errorf("add it under settings", "a database adapter needs the setting %q", name)
		}
	}
	if !slices.Contains(fieldNames(p.adapter.Secrets), "password") {
		node.Errorf("add it under secrets", "a database adapter needs the secret %q", "password")
	}
}

// sqlRequest reads a query. Data reaches it as parameters only: the text is the file's.
func (p *parser) sqlRequest(op *Operation, node *source.Node, in scope) *request {
	fields := node.Fields(queryShape)
	r := &request{when: in.condition(fields["when"])}
	text := node.Required("sql", "the query, with $1, $2 … for its parameters")
	r.sql = strings.TrimSpace(text.Text())
	if strings.Contains(r.sql, "${") {
		text.Errorf("write $1 in the query and the expression under params", "an expression cannot stand in a query")
	}
	if op.Effect == contracts.Write {
		node.Errorf("", "writing to a database is not available yet")
	}
	if first := strings.ToLower(firstWord(r.sql)); text.Exists() && first != "select" && first != "with" {
		text.Errorf("", "a reading operation begins with select or with")
	}
	for _, item := range fields["params"].List() {
		r.params = append(r.params, in.given(r.when).template(item))
	}
	for i := range len(r.params) {
		if !strings.Contains(r.sql, fmt.Sprintf("$%d", i+1)) {
			fields["params"].Errorf("", "the query has no $%d", i+1)
		}
	}
	return r
}

func firstWord(text string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return ""
}

// openDatabase prepares the pool; it connects with the first call.
func (c *Connection) openDatabase(guard *egress, vars map[string]rules.Value) error {
	get := func(name string) string { return c.settings.Get(name).String() }
	config, err := pgxpool.ParseConfig("host=localhost sslmode=disable")
	if err != nil {
		return FieldErrors{{"settings", "the database cannot be configured", ""}}
	}
	// Everything is set here: pgx would take what is not from the environment of this process.
	to := &config.ConnConfig.Config
	port, _ := c.settings.Get("port").Num().Int64()
	to.Host, to.Port, to.Database, to.User = get("host"), uint16(port), get("database"), get("user")
	to.Password = vars["secret"].Get("password").Text()
	to.TLSConfig, to.Fallbacks, to.SSLNegotiation = databaseTLS(get("tls"), to.Host), nil, ""
	if to.TLSConfig == nil && !slices.Contains(guard.allow, guard.hosts[0]) {
		return FieldErrors{{"settings.tls", "the connection to " + guard.hosts[0] + " would not be encrypted", "use tls: require, or allow the host and port in the workspace"}}
	}
	to.RuntimeParams = map[string]string{"application_name": "crosswalk", "default_transaction_read_only": "on"}
	to.ConnectTimeout = 5 * time.Second
	to.DialFunc = guard.dial
	to.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // the guard resolves
	to.ValidateConnect, to.AfterConnect, to.OAuthTokenProvider = nil, nil, nil
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // one round trip, and no state that a pooler in between would lose
	config.MaxConns, config.MinConns, config.MaxConnIdleTime = 8, 0, 5*time.Minute
	c.database, err = pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return FieldErrors{{"settings", c.redact.text(err.Error()), ""}}
	}
	c.close = c.database.Close
	return nil
}

func databaseTLS(mode, host string) *tls.Config {
	if mode == "off" {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
}

// query runs a query. Its result has items: one record for each row.
func (c *Connection) query(ctx context.Context, e *exchange, op *Operation, r *request, vars map[string]rules.Value) (rules.Value, error) {
	arguments := []any{pgx.QueryResultFormats{pgx.TextFormatCode}}
	for i, param := range r.params {
		value, err := param.Eval(vars)
		if err != nil {
			return rules.Value{}, unexpected(op, r, fmt.Errorf("params[%d]: %w", i, err))
		}
		arguments = append(arguments, argument(value))
	}
	if err := takeTurn(ctx, c.shared, c.system, e.limits); err != nil {
		return rules.Value{}, err
	}
	done, wait := c.breaker.allow()
	if done == nil {
		failure := contracts.NewError(contracts.Unavailable, "", "%s failed several times in a row and is left alone for a moment", c.system)
		failure.RetryAfter, failure.NothingSent = wait, true
		return rules.Value{}, failure
	}
	limited, cancel := context.WithTimeout(ctx, op.timeout)
	defer cancel()
	items, err := c.rows(limited, op, r.sql, arguments)
	failure := c.databaseError(err)
	switch {
	case ctx.Err() != nil:
		done(errNotOurs)
	case failure != nil && failure.Class == contracts.Unavailable:
		done(err)
	default:
		done(nil)
	}
	if failure != nil {
		return rules.Value{}, failure
	}
	return rules.Record(map[string]rules.Value{"items": rules.List(items...)}), nil
}

// argument is a value as a parameter: as text, which the database reads by the type that it wants.
func argument(value rules.Value) any {
	if value.IsMissing() {
		return nil
	}
	return value.String()
}

func (c *Connection) rows(ctx context.Context, op *Operation, text string, arguments []any) ([]rules.Value, error) {
	rows, err := c.database.Query(ctx, text, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var items []rules.Value
	var size int64
	_, most := op.bounds()
	for rows.Next() {
		fields := map[string]rules.Value{}
		for i, column := range rows.FieldDescriptions() {
			raw := rows.RawValues()[i]
			size += int64(len(raw))
			if fields[column.Name], err = cell(column.DataTypeOID, raw); err != nil {
				return nil, fmt.Errorf("column %s: %w", column.Name, err)
			}
		}
		if items = append(items, rules.Record(fields)); len(items) > maxRows || size > most {
			return nil, errTooLarge
		}
	}
	return items, rows.Err()
}

// cell reads one value in the database's text form.
func cell(oid uint32, raw []byte) (rules.Value, error) {
	if raw == nil {
		return rules.Missing(), nil
	}
	text := string(raw)
	switch oid {
	case pgtype.BoolOID:
		return rules.Bool(text == "t" || text == "true"), nil
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID, pgtype.Float4OID, pgtype.Float8OID:
		number, err := rules.ParseNum(text)
		return rules.Number(number), err
	case pgtype.DateOID:
		return rules.ParseDate(text)
	case pgtype.TimestamptzOID, pgtype.TimestampOID:
		return timestamp(text)
	case pgtype.JSONOID, pgtype.JSONBOID:
		return rules.FromJSON(raw)
	case pgtype.TextArrayOID, pgtype.VarcharArrayOID:
		return textArray(raw)
	default:
		return rules.Text(text), nil
	}
}

func textArray(raw []byte) (rules.Value, error) {
	var texts []string
	if err := pgtype.NewMap().Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, raw, &texts); err != nil {
		return rules.Value{}, err
	}
	items := make([]rules.Value, len(texts))
	for i, text := range texts {
		items[i] = rules.Text(text)
	}
	return rules.List(items...), nil
}

func timestamp(text string) (rules.Value, error) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return rules.Instant(at), nil
		}
	}
	return rules.Value{}, fmt.Errorf("%q is not a time", text)
}

// databaseError turns what the driver says into an error; nil if there is none.
func (c *Connection) databaseError(err error) *contracts.Error {
	if err == nil {
		return nil
	}
	var known *contracts.Error
	if errors.As(err, &known) {
		return known
	}
	var server *pgconn.PgError
	var network net.Error
	var connect *pgconn.ConnectError
	unsent := errors.As(err, &connect)
	switch {
	case errors.As(err, &server):
		class, what := databaseClass(server.Code)
		return &contracts.Error{Class: class, Message: fmt.Sprintf("%s: %s (%s, %s)", c.system, what, server.Code, server.Message), NothingSent: unsent}
	case errors.Is(err, errEgress):
		return &contracts.Error{Class: contracts.Internal, Message: c.system + ": " + explain(err), NothingSent: true}
	case errors.Is(err, errTooLarge):
		return &contracts.Error{Class: contracts.Internal, Message: c.system + ": " + err.Error()}
	case unsent || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || pgconn.SafeToRetry(err):
		return &contracts.Error{Class: contracts.Unavailable, Message: c.system + ": " + explain(err), NothingSent: unsent}
	case strings.HasPrefix(err.Error(), "column "):
		return &contracts.Error{Class: contracts.Drift, Message: c.system + ": " + err.Error()}
	default:
		return &contracts.Error{Class: contracts.Unavailable, Message: c.system + ": the connection broke"}
	}
}

// databaseClass reads the SQLSTATE.
func databaseClass(code string) (contracts.Class, string) {
	switch code[:min(2, len(code))] {
	case "28":
		return contracts.Auth, "the database does not accept the user or the password"
	case "42", "3D", "3F":
		if code == "42501" {
			return contracts.Auth, "the user lacks a right"
		}
		return contracts.Drift, "the database does not have the tables or columns that the adapter reads"
	case "22", "23":
		return contracts.Validation, "the database refused a value"
	case "08", "40", "53", "55", "57", "58":
		return contracts.Unavailable, "the database cannot answer now"
	default:
		return contracts.Internal, "the database refused the query"
	}
}
