package adapters

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// postgres is a PostgreSQL. Values cross the wire as text: each side reads them by the type that it wants, without loss.
type postgres struct{ pool *pgxpool.Pool }

// openPostgres prepares the pool; it connects with the first call.
func openPostgres(to databaseAddress) (database, error) {
	config, err := pgxpool.ParseConfig("host=localhost sslmode=disable")
	if err != nil {
		return nil, err
	}
	// Everything is set here: pgx would take what is not from the environment of this process.
	server := &config.ConnConfig.Config
	server.Host, server.Port, server.Database, server.User, server.Password = to.host, to.port, to.database, to.user, to.password
	server.TLSConfig, server.Fallbacks, server.SSLNegotiation = to.tls, nil, ""
	server.RuntimeParams = map[string]string{"application_name": "crosswalk", "default_transaction_read_only": "on"}
	server.ConnectTimeout = 15 * time.Second
	server.DialFunc = to.guard.dial
	server.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // the guard resolves
	server.ValidateConnect, server.AfterConnect, server.OAuthTokenProvider = nil, nil, nil
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // one round trip, and no state that a pooler in between would lose
	config.MaxConns, config.MinConns, config.MaxConnIdleTime = maxDatabaseConns, 0, 5*time.Minute
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	return &postgres{pool}, err
}

func (p *postgres) close() { p.pool.Close() }

func (p *postgres) read(ctx context.Context, text string, params []rules.Value, visit func(rules.Value) error) error {
	rows, err := p.pool.Query(ctx, text, postgresArguments(params)...)
	if err != nil {
		return err
	}
	return postgresRows(rows, visit)
}

func (p *postgres) begin(ctx context.Context) (transaction, error) {
	for {
		tx, err := p.pool.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadWrite})
		if err == nil {
			return postgresTransaction{tx}, nil
		}
		var connect *pgconn.ConnectError
		if err = takesNoWrites(err, "0A000"); errors.Is(err, errStandby) { // it refuses even to begin
			return nil, err
		}
		if errors.As(err, &connect) || !pgconn.SafeToRetry(err) || ctx.Err() != nil {
			return nil, err
		}
		// A connection of the pool had died, and is now out of it.
	}
}

type postgresTransaction struct{ tx pgx.Tx }

func (t postgresTransaction) run(ctx context.Context, s *statement, params []rules.Value, visit func(rules.Value) error) (written, error) {
	rows, err := t.tx.Query(ctx, s.text, postgresArguments(params)...)
	if err == nil {
		err = postgresRows(rows, visit)
	}
	if err != nil {
		return written{}, takesNoWrites(err, "25006")
	}
	return written{affected: rows.CommandTag().RowsAffected()}, nil
}

// errStandby marks what a server refused a transaction that asked to write. In one that only reads, the same code says
// that a statement is not what its operation claims.
var errStandby = errors.New("the server takes no writes")

func takesNoWrites(err error, code string) error {
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == code {
		return fmt.Errorf("%w: %w", errStandby, err)
	}
	return err
}

func (t postgresTransaction) commit(ctx context.Context) error { return t.tx.Commit(ctx) }

func (t postgresTransaction) rollback() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	_ = t.tx.Rollback(ctx) // a transaction that is over has nothing to roll back, and a lost connection does it by itself
}

func postgresArguments(params []rules.Value) []any {
	arguments := []any{pgx.QueryResultFormats{pgx.TextFormatCode}}
	for _, value := range params {
		if value.IsMissing() {
			arguments = append(arguments, nil)
			continue
		}
		arguments = append(arguments, plainArgument(value))
	}
	return arguments
}

func postgresRows(rows pgx.Rows, visit func(rules.Value) error) error {
	defer rows.Close()
	for rows.Next() {
		fields := map[string]rules.Value{}
		for i, column := range rows.FieldDescriptions() {
			value, err := postgresCell(column.DataTypeOID, rows.RawValues()[i])
			if err != nil {
				return fmt.Errorf("column %s: %w: %w", column.Name, errCell, err)
			}
			fields[column.Name] = value
		}
		if visit == nil {
			continue
		}
		if err := visit(rules.Record(fields)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// postgresCell reads one value in the database's text form.
func postgresCell(oid uint32, raw []byte) (rules.Value, error) {
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

func (p *postgres) failure(err error) databaseFailure {
	var server *pgconn.PgError
	var network net.Error
	var connect *pgconn.ConnectError
	unsent := errors.As(err, &connect)
	switch {
	case errors.As(err, &server):
		class, what := postgresClass(server.Code)
		if errors.Is(err, errStandby) {
			class, what = contracts.Unavailable, "this server takes no writes now: it is a standby, or was told to only read"
		}
		return databaseFailure{class: class, message: fmt.Sprintf("%s (%s, %s)", what, server.Code, server.Message), refused: true, unsent: unsent, unique: server.Code == "23505"}
	case errors.Is(err, errEgress):
		return databaseFailure{}
	case unsent || errors.As(err, &network) || pgconn.SafeToRetry(err):
		return databaseFailure{class: contracts.Unavailable, message: explain(err), unsent: unsent || pgconn.SafeToRetry(err)}
	}
	return databaseFailure{}
}

// postgresClass reads the SQLSTATE.
func postgresClass(code string) (contracts.Class, string) {
	switch {
	case code == "42501":
		return contracts.Auth, "the user lacks a right"
	case code == "23505" || code == "23P01":
		return contracts.Conflict, "the database has such a record already"
	case code == "25006":
		return contracts.Internal, "the statement would change something, and only reads are allowed here"
	}
	switch code[:min(2, len(code))] {
	case "28":
		return contracts.Auth, "the database does not accept the user or the password"
	case "42", "3D", "3F":
		return contracts.Drift, noSuchTable
	case "22", "23":
		return contracts.Validation, "the database refused a value"
	case "08", "40", "53", "55", "57", "58":
		return contracts.Unavailable, "the database cannot answer now"
	default:
		return contracts.Internal, "the database refused the query"
	}
}
