package conformance

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// tables play a database as far as a test goes, whatever protocol or driver leads to it: a statement is answered as the
// exchanges say, what a transaction writes is there once it is committed, and a key is noted once.
type tables struct {
	adapter   *adapters.Adapter
	exchanges []Exchange
	again     bool                           // an exchange may come more than once, with other parameters
	behind    func(done bool) []Exchange     // how a look-up is answered once something was written, and before
	natural   bool                           // the same write again changes nothing
	apart     bool                           // without transactions: what is written is there at once
	trouble   func(at moment, h heard) error // what goes wrong; nil: nothing does

	mu       sync.Mutex
	used     []bool
	problems []string
	done     []string             // what was written, by what makes it the same
	keys     map[string][2]string // request and answer of each key that was noted
}

// moment is when something goes wrong.
type moment int

const (
	atStatement moment = iota // before a statement is carried out
	atWritten                 // after a statement that writes was carried out
	atCommit                  // before the transaction is committed
	atCommitted               // after it
)

// errLost is a connection that is lost: nothing more is said over it.
var errLost = errors.New("the connection is lost")

// errKnown is a key that is noted already.
var errKnown = errors.New("duplicate key")

// sitting is one connection to the tables.
type sitting struct {
	*tables
	wrote  bool
	writes []string // that are not committed
	keys   map[string][2]string
}

// heard is a statement that came, and what answers it.
type heard struct {
	adapters.Spoken
	exchange Exchange
	ledger   byte // of the table of keys: i inserts, u updates, s selects; 0: it is the file's own
}

// hear finds the exchange of a statement.
func (t *tables) hear(native string) (heard, error) {
	h := heard{Spoken: t.adapter.Spoken(native)}
	switch {
	case strings.HasPrefix(native, "insert into ") && strings.Contains(native, "(effect_key, request) values"):
		h.ledger = 'i'
	case strings.HasPrefix(native, "update ") && strings.Contains(native, "set answer =") && strings.Contains(native, "where effect_key ="):
		h.ledger = 'u'
	case strings.HasPrefix(native, "select request, answer from ") && strings.Contains(native, "where effect_key ="):
		h.ledger, h.exchange.Reply.Columns = 's', []string{"request:text", "answer:text"}
	}
	if h.ledger != 0 {
		return h, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, x := range t.exchanges {
		if t.used[i] && !t.again || !strings.Contains(h.Text, x.Expect.SQL) {
			continue
		}
		t.used[i], h.exchange = true, x
		return h, nil
	}
	if t.behind != nil {
		for _, x := range t.behind(len(t.done) > 0) {
			if strings.Contains(h.Text, x.Expect.SQL) {
				h.exchange = x
				return h, nil
			}
		}
	}
	t.problems = append(t.problems, "not expected: "+h.Text)
	return h, fmt.Errorf("not expected: %s", h.Text)
}

// carryOut answers a statement with its rows and how many it changed.
func (s *sitting) carryOut(h heard, given []string) (rows rules.Value, affected int64, err error) {
	params := given
	if h.Marks != nil && len(h.Marks) == len(given) {
		params = make([]string, slices.Max(append(h.Marks, 0)))
		for i, n := range h.Marks {
			params[n-1] = given[i]
		}
	}
	if h.ledger != 0 {
		return s.ledgered(h.ledger, params)
	}
	if !s.again && fmt.Sprint(params) != fmt.Sprint(h.exchange.Expect.Params) {
		s.note(fmt.Sprintf("the parameters are %q, not %q", params, h.exchange.Expect.Params))
	}
	if err := s.goesWrong(atStatement, h); err != nil {
		return rules.Value{}, 0, err
	}
	rows, affected = h.exchange.Reply.Rows, h.exchange.Reply.affected()
	if !h.Writes {
		return rows, affected, nil
	}
	s.wrote = true
	s.writes = append(s.writes, h.Text+"\x00"+strings.Join(params, "\x00"))
	if s.apart || h.Procedure {
		s.keep()
	}
	return rows, affected, s.goesWrong(atWritten, h)
}

func (s *sitting) goesWrong(at moment, h heard) error {
	if s.trouble == nil {
		return nil
	}
	return s.trouble(at, h)
}

func (t *tables) note(problem string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problems = append(t.problems, problem)
}

// ledgered is what the table of keys says.
func (s *sitting) ledgered(what byte, params []string) (rules.Value, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch what {
	case 'i':
		if _, known := s.tables.keys[params[0]]; known {
			return rules.Value{}, 0, errKnown
		}
		s.keys[params[0]] = [2]string{params[1]}
	case 'u':
		s.keys[params[1]] = [2]string{s.keys[params[1]][0], params[0]}
	default:
		noted, known := s.tables.keys[params[0]]
		if !known {
			return rules.List(), 0, nil
		}
		return rules.List(rules.List(rules.Text(noted[0]), rules.Text(noted[1]))), 1, nil
	}
	return rules.List(), 1, nil
}

// commit makes what was written stay.
func (s *sitting) commit() error {
	if !s.wrote {
		return nil
	}
	if err := s.goesWrong(atCommit, heard{}); err != nil {
		s.drop()
		return err
	}
	s.keep()
	return s.goesWrong(atCommitted, heard{})
}

func (s *sitting) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, write := range s.writes {
		if !s.natural || !slices.Contains(s.done, write) {
			s.done = append(s.done, write)
		}
	}
	for key, noted := range s.keys {
		s.tables.keys[key] = noted
	}
	s.drop()
}

// drop forgets what was not committed.
func (s *sitting) drop() { s.writes, s.keys = nil, map[string][2]string{} }

// sit opens a connection.
func (t *tables) sit() *sitting { return &sitting{tables: t, keys: map[string][2]string{}} }

// ready makes the tables ready to be asked.
func (t *tables) ready() {
	if t.keys == nil {
		t.used, t.keys = make([]bool, len(t.exchanges)), map[string][2]string{}
	}
}

// effects is how much was written.
func (t *tables) effects() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.done)
}

// affected is how many rows a statement says that it changed: those that it answers; without any, one.
func (r Reply) affected() int64 {
	switch {
	case r.Affected != nil:
		return int64(*r.Affected)
	case len(r.Columns) > 0:
		return int64(r.Rows.Len())
	}
	return 1
}

// columnTypes are the types of columns in a reply.
var columnTypes = []string{"text", "int4", "int8", "numeric", "bool", "date", "timestamptz", "jsonb"}

var columnForm = regexp.MustCompile(`^[^:]+:(` + strings.Join(columnTypes, "|") + `)$`)

// problems are what came otherwise than the test says.
func (t *tables) unexpected() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	problems := slices.Clone(t.problems)
	for i, used := range t.used {
		if !used {
			problems = append(problems, "not asked for: "+t.exchanges[i].Expect.SQL)
		}
	}
	return problems
}

// lookedUp are the exchanges with which the tests of the look-up of a write answer, once it was done and before.
func (s *subject) lookedUp(done bool) []Exchange {
	var all []Exchange
	for _, test := range s.tests.Tests {
		if s.op.Safety.Lookup != "" && test.Operation == s.op.Safety.Lookup && (test.Error == nil) == done && (test.Error == nil || test.Error.Class == contracts.NotFound) {
			all = append(all, test.Exchanges...)
		}
	}
	return all
}
