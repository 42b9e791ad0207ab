package adapters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// maxRows bounds the answer of a query.
const maxRows = rules.MaxItems

// database is a pool of connections to one database: PostgreSQL's own driver, or one of the standard library's kind.
type database interface {
	// read runs a statement in a transaction that only reads, and calls visit for each row.
	read(ctx context.Context, text string, params []rules.Value, visit func(row rules.Value) error) error
	// begin begins a transaction that writes.
	begin(ctx context.Context) (transaction, error)
	// failure is what an error of the driver means.
	failure(err error) databaseFailure
	close()
}

// transaction is one that writes.
type transaction interface {
	run(ctx context.Context, s *statement, params []rules.Value, visit func(row rules.Value) error) (written, error)
	commit(ctx context.Context) error
	rollback()
}

// written is what a statement changed.
type written struct {
	affected int64
	lastID   rules.Value // of an automatic number, where the database tells it
}

// databaseFailure is an error of a driver in our words.
type databaseFailure struct {
	class   contracts.Class
	message string
	refused bool // the database itself answered: what it was asked for is not done
	unsent  bool // no connection came about
	unique  bool // a unique key has this value already
}

// query runs a statement. Its result has items, one record for each row, and of a write affected and last_id.
func (c *Connection) query(ctx context.Context, e *exchange, op *Operation, r *request, vars map[string]rules.Value) (rules.Value, error) {
	var params []rules.Value
	for i, param := range r.sql.params {
		value, err := param.Eval(vars)
		if err != nil {
			return rules.Value{}, unexpected(op, r, fmt.Errorf("params[%d]: %w", i, err))
		}
		params = append(params, value)
	}
	var answer rules.Value
	began := time.Now()
	err := c.attempt(ctx, e, op, func(ctx context.Context) (failure *contracts.Error) {
		rows := collection{where: r.where}
		visit := func(row rules.Value) error { return rows.add(op, rules.List(row), vars, true) }
		if !r.sql.writes {
			err := c.database.read(ctx, r.sql.text, params, visit)
			answer = rules.Record(map[string]rules.Value{"items": rules.List(rows.items...)})
			return c.databaseError(err, e, doubtNone)
		}
		answer, failure = c.change(ctx, e, r.sql, params, &rows, visit, vars["key"].Text(), func(answer rules.Value) bool { return op.refuses(r, vars, answer) })
		return failure
	})
	watchedStatement(ctx, r.sql, params, answer, time.Since(began), err == nil)
	return answer, err
}

// watchedStatement tells of a statement where somebody looks on: its text in place of the address, its parameters and its
// rows as JSON.
func watchedStatement(ctx context.Context, s *statement, params []rules.Value, answer rules.Value, took time.Duration, answered bool) {
	tell, _ := ctx.Value(watcherKey{}).(func(*Seen, bool))
	if tell == nil {
		return
	}
	seen := &Seen{Writes: s.writes, Method: Statement, URL: strings.TrimSpace(s.text), Took: took}
	if len(params) > 0 {
		seen.Body = rules.List(params...).Plain()
	}
	if answered {
		seen.Answer = answer.Plain()
	}
	tell(seen, true)
}

// attempt makes one try under the limits and the circuit breaker, for what is not HTTP.
func (c *Connection) attempt(ctx context.Context, e *exchange, op *Operation, try func(context.Context) *contracts.Error) error {
	if err := takeTurn(ctx, c.shared, c.system, e.limits); err != nil {
		return err
	}
	done, wait := c.breaker.allow()
	if done == nil {
		failure := contracts.NewError(contracts.Unavailable, "", "%s failed several times in a row and is left alone for a moment", c.system)
		failure.RetryAfter, failure.NothingSent = wait, true
		return failure
	}
	limited, cancel := context.WithTimeout(ctx, op.timeout)
	defer cancel()
	failure := try(limited)
	switch {
	case ctx.Err() != nil:
		done(errNotOurs)
	case failure != nil && (failure.Class == contracts.Unavailable || failure.Class == contracts.OutcomeUnknown):
		done(failure)
	default:
		done(nil)
	}
	if failure == nil {
		return nil
	}
	return failure
}

// doubt is how much an error of a write leaves open.
type doubt int

const (
	doubtNone   doubt = iota // a read, or a transaction that the database rolls back when the connection ends
	doubtLost                // only if the database did not answer
	doubtCommit              // if it did not answer, even where the driver claims that nothing was sent: pgx claims so of a commit whose answer was lost
	doubtAlways              // even if it answered
)

// change runs a writing statement in a transaction. Until that is committed nothing has happened, so that an error before
// is one that left no trace; only a connection that is lost in the commit leaves a doubt, which a ledger settles.
func (c *Connection) change(ctx context.Context, e *exchange, s *statement, params []rules.Value, rows *collection, visit func(rules.Value) error, key string, refused func(answer rules.Value) bool) (rules.Value, *contracts.Error) {
	tx, err := c.database.begin(ctx)
	if err != nil {
		return rules.Value{}, c.databaseError(err, e, doubtNone)
	}
	defer tx.rollback()
	open := doubtNone
	if c.adapter.dialect == dialectMySQL {
		open = doubtLost // a table of an engine without transactions keeps what was done
	}
	if s.calls() {
		open = doubtAlways
	}
	if s.ledger != "" {
		open = doubtNone // the next try reads there what became of it
		if answer, found, failure := c.noted(ctx, e, tx, s, params, key); found || failure != nil {
			return answer, failure
		}
	}
	result, err := tx.run(ctx, s, params, visit)
	if err != nil {
		return rules.Value{}, c.databaseError(err, e, open)
	}
	answer := rules.Record(map[string]rules.Value{"items": rules.List(rows.items...), "affected": rules.Number(rules.Int(result.affected)), "last_id": result.lastID})
	if s.ledger != "" {
		if !s.calls() && refused(answer) {
			return answer, nil // and nothing is kept
		}
		if failure := c.note(ctx, e, tx, s, key, answer); failure != nil {
			return rules.Value{}, failure
		}
	}
	if err := tx.commit(ctx); err != nil {
		open = max(open, doubtCommit)
		return rules.Value{}, c.databaseError(err, e, open)
	}
	return answer, nil
}

// refuses says that the operation will make an error of what its last request answered, as when too few were free: such an
// answer is not what a later try with the same key must hear.
func (op *Operation) refuses(r *request, vars map[string]rules.Value, answer rules.Value) bool {
	if r != op.requests[len(op.requests)-1] || r.each != nil {
		return false
	}
	after := with(vars, r.name, answer)
	for _, v := range op.verdicts {
		holds, err := condition(v.when, after)
		if err != nil || holds {
			return err == nil
		}
	}
	return false
}

// noted writes the effect's key into the ledger, or finds it there with what was answered then.
func (c *Connection) noted(ctx context.Context, e *exchange, tx transaction, s *statement, params []rules.Value, key string) (rules.Value, bool, *contracts.Error) {
	request := fingerprintOf(s, params)
	insert := &statement{text: "insert into " + s.ledger + " (effect_key, request) values ($1, $2)", writes: true}
	_, err := tx.run(ctx, insert, []rules.Value{rules.Text(key), rules.Text(request)}, nil)
	if err == nil {
		return rules.Value{}, false, nil
	}
	if !c.database.failure(err).unique {
		return rules.Value{}, false, c.databaseError(err, e, doubtNone)
	}
	tx.rollback()
	var answer rules.Value
	err = c.database.read(ctx, "select request, answer from "+s.ledger+" where effect_key = $1", []rules.Value{rules.Text(key)}, func(row rules.Value) error {
		if column(row, "request").Text() != request {
			return contracts.NewError(contracts.Conflict, "", "the key has asked for something else before")
		}
		if text := column(row, "answer").Text(); text != "" {
			return json.Unmarshal([]byte(text), &answer)
		}
		return nil
	})
	if err == nil && answer.IsMissing() {
		err = contracts.NewError(contracts.Unavailable, "", "%s: an earlier attempt of this write is not over yet", c.system)
	}
	if err != nil {
		return rules.Value{}, false, c.databaseError(err, e, doubtNone)
	}
	return answer, true, nil
}

// column is a field of a row; some databases write the names of columns in capitals.
func column(row rules.Value, name string) rules.Value {
	if value := row.Get(name); !value.IsMissing() {
		return value
	}
	return row.Get(strings.ToUpper(name))
}

// note keeps the answer in the ledger, for whoever asks again.
func (c *Connection) note(ctx context.Context, e *exchange, tx transaction, s *statement, key string, answer rules.Value) *contracts.Error {
	text, err := json.Marshal(answer)
	if err != nil {
		return &contracts.Error{Class: contracts.Internal, Message: err.Error(), NothingSent: true}
	}
	update := &statement{text: "update " + s.ledger + " set answer = $1 where effect_key = $2", writes: true}
	if _, err := tx.run(ctx, update, []rules.Value{rules.Text(string(text)), rules.Text(key)}, nil); err != nil {
		return c.databaseError(err, e, doubtNone)
	}
	return nil
}

func fingerprintOf(s *statement, params []rules.Value) string {
	sum := sha256.Sum256([]byte(s.text + "\x00" + rules.List(params...).Hash()))
	return hex.EncodeToString(sum[:])
}

// databaseError turns what the driver says into an error; nil if there is none.
func (c *Connection) databaseError(err error, e *exchange, open doubt) *contracts.Error {
	if err == nil {
		return nil
	}
	var known *contracts.Error
	if errors.As(err, &known) {
		return known
	}
	found := c.database.failure(err)
	switch {
	case found.class != "":
	case errors.Is(err, errEgress):
		found = databaseFailure{class: contracts.Internal, message: explain(err), unsent: true}
	case errors.Is(err, errCell):
		found = databaseFailure{class: contracts.Drift, message: err.Error(), refused: true}
	case found.unsent, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		found.class, found.message = contracts.Unavailable, explain(err)
	default:
		found.class, found.message = contracts.Unavailable, "the connection broke"
	}
	failure := &contracts.Error{Class: found.class, Message: c.system + ": " + found.message, NothingSent: found.unsent}
	if !e.writes {
		return failure
	}
	lost := !found.refused && (!found.unsent || open == doubtCommit)
	if open == doubtAlways || open != doubtNone && lost {
		failure.NothingSent = false
		if !e.knowable {
			failure.Class = contracts.OutcomeUnknown
		}
		return failure
	}
	failure.NothingSent = true // the transaction was not committed
	return failure
}

// errCell marks a value of a row that cannot be read as what its column says.
var errCell = errors.New("a value that does not fit its column")

var timestamps = []string{"2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", time.RFC3339Nano, "2006-01-02T15:04:05.999999999"}

func timestamp(text string) (rules.Value, error) {
	for _, layout := range timestamps {
		if at, err := time.Parse(layout, text); err == nil {
			return rules.Instant(at), nil
		}
	}
	return rules.Value{}, fmt.Errorf("%q is not a time", text)
}
