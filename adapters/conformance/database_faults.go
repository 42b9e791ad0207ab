package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// playDatabase runs one test of a database adapter.
func (s *suite) playDatabase(ctx context.Context, test Test) []string {
	var password string
	t := &tables{adapter: s.adapter, exchanges: test.Exchanges}
	connection, leave, err := s.enter(t, entry{login: func(given string) bool { password = given; return true }})
	if err != nil {
		return []string{"the adapter cannot be connected with the settings and secrets of the tests: " + err.Error()}
	}
	defer leave()
	output, err := connection.Call(ctx, test.call())
	problems := append(t.unexpected(), test.outcome(string(output.Plain()), err)...)
	if len(test.Exchanges) > 0 && password != s.tests.Secrets["password"] {
		problems = append(problems, "the database got another password than the secret")
	}
	return problems
}

// databaseDisturbances are what is done to a statement: each kind of error, connections that are lost or silent, and rows
// that are not what the file thinks.
func (s subject) databaseDisturbances() []disturbance {
	var all []disturbance
	add := func(f fault, trouble func(giveUp func(), end <-chan struct{}) error) {
		all = append(all, disturbance{f.check, f.name, func(ctx context.Context) { s.meetDatabase(ctx, f, entry{}, trouble) }})
	}
	unavailable := []contracts.Class{contracts.Unavailable, s.doubt(contracts.Unavailable)} // of a procedure nobody knows
	for kind, class := range refusals {
		if s.adapter.Dialect() == "sqlite" && sqliteKinds[kind] == "" && kind != deadlock {
			continue
		}
		add(fault{check: checkStatus, name: kind, classes: []contracts.Class{class, s.doubt(class)}}, func(func(), <-chan struct{}) error {
			return refusal{kind, "failed for " + s.tests.Secrets["password"]}
		})
	}
	add(fault{check: checkStatus, name: "the connection is cut in the middle of the query", classes: unavailable}, func(func(), <-chan struct{}) error { return errLost })
	add(fault{check: checkSilence, name: "no answer", classes: unavailable}, func(giveUp func(), end <-chan struct{}) error {
		giveUp()
		<-end
		return errLost
	})
	if s.adapter.Dialect() != "sqlite" {
		for name, how := range map[string]entry{noEntry: {login: func(string) bool { return false }}, "the connection is refused": {deaf: true}} {
			f := fault{check: checkStatus, name: name, classes: []contracts.Class{contracts.Auth}}
			if how.deaf {
				f.check, f.classes = checkNobody, []contracts.Class{contracts.Unavailable}
			}
			all = append(all, disturbance{f.check, f.name, func(ctx context.Context) { s.meetDatabase(ctx, f, how, nil) }})
		}
	}
	all = append(all, disturbance{checkHostile, "hostile texts in every input", s.hostileDatabase})
	all = append(all, s.rowDisturbances()...)
	if s.op.Effect == contracts.Write {
		all = append(all, s.databaseWriteDisturbances()...)
	}
	return all
}

// meetDatabase makes one fault in the first statement of the test.
func (s *subject) meetDatabase(ctx context.Context, f fault, how entry, trouble func(giveUp func(), end <-chan struct{}) error) {
	ctx, giveUp := context.WithTimeout(ctx, limitOfTrial)
	defer giveUp()
	end := make(chan struct{})
	t := &tables{adapter: s.adapter, exchanges: s.test.Exchanges, again: true}
	if trouble != nil {
		t.trouble = func(at moment, h heard) error {
			if at == atStatement && h.exchange.Expect.SQL == s.test.Exchanges[0].Expect.SQL {
				return trouble(giveUp, end)
			}
			return nil
		}
	}
	connection, leave, err := s.enter(t, how)
	if err != nil {
		return // every test has said so
	}
	defer leave()
	defer close(end)
	output, err := connection.Call(ctx, s.test.call())
	got := trial{output: output, err: err}
	s.judge(f, got)
	var failure *contracts.Error
	if how.deaf && errors.As(err, &failure) && !failure.NothingSent {
		s.find(Finding{Operation: s.op.Name, Check: f.check, Fault: f.name, Expected: "that nothing was sent", Found: failure.Error(), Change: "nothing: this is a fault of the runtime, report it"})
	}
}

// answerWith is the test with other rows in its first statement that answers any.
func (s *subject) answerWith(change func(r *Reply)) ([]Exchange, bool) {
	exchanges := slices.Clone(s.test.Exchanges)
	for i := range exchanges {
		if len(exchanges[i].Reply.Columns) > 0 && exchanges[i].Reply.Rows.Len() > 0 {
			change(&exchanges[i].Reply)
			return exchanges, true
		}
	}
	return nil, false
}

// manyRows are more than an operation may keep.
const manyRows = 100_001

// rowDisturbances are rows that are too many, too big, of another type, and numbers that no float holds.
func (s subject) rowDisturbances() []disturbance {
	var all []disturbance
	add := func(f fault, change func(r *Reply), judge func(got trial)) {
		exchanges, ok := s.answerWith(change)
		if !ok {
			return
		}
		all = append(all, disturbance{f.check, f.name, func(ctx context.Context) {
			t := &tables{adapter: s.adapter, exchanges: exchanges, again: true}
			connection, leave, err := s.enter(t, entry{})
			if err != nil {
				return
			}
			defer leave()
			limited, cancel := context.WithTimeout(ctx, limitOfTrial)
			defer cancel()
			output, err := connection.Call(limited, s.test.call())
			got := trial{output: output, err: err}
			if s.judge(f, got); judge != nil {
				judge(got)
			}
		}})
	}
	add(fault{check: checkBody, name: tooManyRows, succeeds: true}, func(r *Reply) {
		r.Rows = rules.List(slices.Repeat(r.Rows.Items()[:1], manyRows)...)
	}, nil)
	add(fault{check: checkBody, name: tooBigRows, succeeds: true}, func(r *Reply) {
		cells := slices.Clone(r.Rows.Items()[0].Items())
		for i, column := range r.Columns {
			if strings.HasSuffix(column, ":text") {
				cells[i] = rules.Text(strings.Repeat("x", 4<<20))
				break
			}
		}
		r.Rows = rules.List(slices.Repeat([]rules.Value{rules.List(cells...)}, 17)...)
	}, nil)
	for _, kind := range []string{"text", "bool", "int8"} {
		value := map[string]rules.Value{"text": rules.Text("x"), "bool": rules.Bool(true), "int8": rules.Number(rules.Int(7))}[kind]
		add(fault{check: checkShape, name: "all columns hold " + string(value.Plain()), succeeds: true, classes: []contracts.Class{s.doubt(contracts.Drift), contracts.Drift, contracts.NotFound, contracts.NotUnique, contracts.Declined, contracts.Conflict, contracts.Validation},
			change: "write expressions so that a column of another kind is an error when it is read, or nothing"}, func(r *Reply) {
			cells := make([]rules.Value, len(r.Columns))
			columns := make([]string, len(r.Columns))
			for i, column := range r.Columns {
				name, _ := columnOf(column)
				columns[i], cells[i] = name+":"+kind, value
			}
			r.Columns, r.Rows = columns, rules.List(rules.List(cells...))
		}, nil)
	}
	const large, rounded = "9007199254740993", "9007199254740992"
	add(fault{check: checkNumbers, name: "all whole numbers are " + large, succeeds: true}, func(r *Reply) {
		number, err := rules.ParseNum(large)
		if err != nil {
			return
		}
		rows, columns := slices.Clone(r.Rows.Items()), slices.Clone(r.Columns)
		for i, column := range columns {
			columns[i] = strings.Replace(column, ":int4", ":int8", 1)
		}
		for i, row := range rows {
			cells := slices.Clone(row.Items())
			for j, cell := range cells {
				if _, whole := wholeOf(cell); whole {
					cells[j] = rules.Number(number)
				}
			}
			rows[i] = rules.List(cells...)
		}
		r.Rows, r.Columns = rules.List(rows...), columns
	}, func(got trial) {
		if output := string(got.output.Plain()); strings.Contains(output, rounded) || strings.Contains(output, "9.007199254740") {
			s.find(Finding{Operation: s.op.Name, Check: checkNumbers, Expected: "the digits as they came", Found: short(output), Change: "text(…) makes a number a text without loss"})
		}
	})
	return all
}

// hostileDatabase puts hostile texts into every input: they come as parameters, and the query stays the file's.
func (s *subject) hostileDatabase(ctx context.Context) {
	t := &tables{adapter: s.adapter, exchanges: s.test.Exchanges, again: true}
	connection, leave, err := s.enter(t, entry{})
	if err != nil {
		return
	}
	defer leave()
	limited, cancel := context.WithTimeout(ctx, limitOfTrial)
	defer cancel()
	for _, put := range s.spoiled() {
		_, _ = connection.Call(limited, put.call)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, problem := range t.problems {
		s.find(Finding{Operation: s.op.Name, Check: checkHostile, Expected: "the same query, with the text as a parameter", Found: short(problem), Change: "put the input under params:"})
		break
	}
}

// databaseWriteDisturbances lose a statement, a commit and their answers, and let them be carried out after nobody waits any
// more, as for a worker that was killed.
func (s subject) databaseWriteDisturbances() []disturbance {
	var all []disturbance
	add := func(name string, w *writeTrouble) {
		all = append(all, disturbance{checkOnce, name, func(ctx context.Context) { s.onceInTables(ctx, name, w) }})
	}
	for at, when := range map[moment]string{atStatement: "before the statement", atWritten: "after the statement", atCommit: "before the commit", atCommitted: "after the commit"} {
		if s.adapter.Dialect() != "sqlite" { // a file has no connection
			add("the connection is lost "+when, &writeTrouble{at: at})
		}
		add("the caller gives up or is killed, and the database falls silent "+when, &writeTrouble{at: at, silent: true})
	}
	add("the write is committed after the caller gave up or was killed", &writeTrouble{at: atCommit, silent: true, late: true})
	return all
}

// writeTrouble is what goes wrong once in a write.
type writeTrouble struct {
	at           moment
	silent, late bool // nobody waits any longer; and it is carried out all the same

	giveUp func()
	end    chan struct{} // closed when all is over
	came   chan struct{} // closed when it went wrong, and what is carried out was
	met    atomic.Bool
}

// strike is called at each moment of a write.
func (w *writeTrouble) strike(now moment, h heard) error {
	if now == atStatement && !h.Writes {
		return nil
	}
	if w.late && w.met.Load() && now == atCommitted {
		select {
		case <-w.came: // of a later attempt
			return nil
		default:
		}
		close(w.came)
		<-w.end
		return errLost
	}
	if now != w.at || !w.met.CompareAndSwap(false, true) {
		return nil
	}
	switch {
	case w.late:
		w.giveUp()
		return nil
	case w.silent:
		close(w.came)
		w.giveUp()
		<-w.end
	default:
		close(w.came)
	}
	return errLost
}

// onceInTables makes one fault during a write, and goes on as the ledger of effects does, each time with the connection of
// another worker.
func (s *subject) onceInTables(ctx context.Context, name string, w *writeTrouble) {
	if !s.lookupTested() {
		return
	}
	limited, giveUp := context.WithTimeout(ctx, limitOfTrial)
	defer giveUp()
	w.giveUp, w.end, w.came = giveUp, make(chan struct{}), make(chan struct{})
	t := &tables{adapter: s.adapter, exchanges: s.test.Exchanges, again: true, behind: s.lookedUp, natural: s.op.Safety.Kind == contracts.NaturalKey, trouble: w.strike,
		apart: s.adapter.Dialect() == "mysql" && s.op.Safety.Kind != contracts.IdempotencyKey} // it may keep what was not committed
	defer close(w.end)
	attempt := func(ctx context.Context, call adapters.Call) (rules.Value, error) {
		connection, leave, err := s.enter(t, entry{})
		if err != nil {
			return rules.Value{}, err
		}
		defer leave()
		return connection.Call(ctx, call)
	}
	output, err := attempt(limited, s.test.call())
	if w.met.Load() {
		<-w.came
	}
	before := t.effects()
	output, err = s.goOn(s.test.call(), s.longAgo(), output, err, func(call adapters.Call) (rules.Value, error) { return attempt(ctx, call) })
	s.settled(name, false, before, t.effects(), output.Plain(), err)
}
