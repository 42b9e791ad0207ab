package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

const checkOnce = "a write happens once"

// World is a system that carries writes out, as the safety of the operation says that it does: it knows repeats by their
// key, overwrites the same record, or does it again. What it did can be looked up.
type World struct {
	subject  *subject
	base     string
	mu       sync.Mutex
	done     []string                                       // each effect, by what makes it the same one
	forgets  bool                                           // it does not know keys any more
	keyless  bool                                           // a write came without its key
	stranger func(ours rules.Value, key string) rules.Value // if set, a look-up finds such a record, alone or in front of ours
	fault    func(w http.ResponseWriter, r *http.Request, perform func(), answer func())
	behind   func(w http.ResponseWriter) // answers what the operation asks once the write was carried out; nil: as its test says
}

// Effects is how many effects there were.
func (o *World) Effects() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.done)
}

// perform carries a write out.
func (o *World) perform(r *http.Request, body []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	safety, same := o.subject.op.Safety, ""
	switch safety.Kind {
	case contracts.IdempotencyKey:
		header, query := safety.KeyPlace()
		switch key := o.subject.test.Key; {
		case header != "":
			same = r.Header.Get(header)
		case query != "":
			same = r.URL.Query().Get(query)
		case strings.Contains(string(body), key):
			same = key
		}
		if same == "" {
			o.keyless = true
		}
	case contracts.NaturalKey:
		same = r.Method + " " + r.URL.String() + "\n" + string(body)
	}
	if same != "" && !o.forgets {
		for _, have := range o.done {
			if have == same {
				return
			}
		}
	}
	o.done = append(o.done, same)
}

// serve answers a request: a write is carried out, a look-up finds what was done.
func (o *World) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s := o.subject
	peer := &player{exchanges: s.test.Exchanges, used: make([]bool, len(s.test.Exchanges)), base: o.base}
	x, ok := peer.find(r, body)
	switch {
	case ok && x.same(s.target):
		answer := func() { x.Reply.write(w, o.base) }
		o.mu.Lock()
		fault := o.fault
		o.mu.Unlock()
		if fault != nil {
			fault(w, r, func() { o.perform(r, body) }, answer)
			return
		}
		o.perform(r, body)
		answer()
	case o.disturbed(w):
	case ok:
		x.Reply.write(w, o.base)
	default:
		o.lookUp(w, r)
	}
}

// disturbed says whether a request that follows the write was answered with a fault.
func (o *World) disturbed(w http.ResponseWriter) bool {
	o.mu.Lock()
	behind, done := o.behind, len(o.done) > 0
	o.mu.Unlock()
	if behind == nil || !done {
		return false
	}
	behind(w)
	return true
}

// lookUp answers as the tests of the look-up say: those in which it finds something once it was done, the others before.
func (o *World) lookUp(w http.ResponseWriter, r *http.Request) {
	done := o.Effects() > 0
	o.mu.Lock()
	stranger := o.stranger
	o.mu.Unlock()
	var best *Exchange
	var same func(string) string
	for _, test := range o.subject.tests.Tests {
		if test.Operation != o.subject.op.Safety.Lookup || (test.Error == nil) != (done || stranger != nil) {
			continue
		}
		renamed := o.renamed(test)
		for i, x := range test.Exchanges {
			if x.Expect.Method == r.Method && (best == nil && sameShape(x.Expect.URL, r.URL, false) || sameURL(renamed(x.Expect.URL), r.URL)) {
				best, same = &test.Exchanges[i], renamed
			}
		}
	}
	if best == nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	reply, key := string(best.Reply.body(o.base)), o.subject.test.Key
	if value, err := rules.FromJSON([]byte(reply)); err == nil && !done && stranger == nil && len(key) >= 2 && strings.Contains(reply, key) {
		reply = string(strange(value, key, another, false).Plain()) // the test was recorded after the write that has not been made here
	}
	reply = same(reply)
	if value, err := rules.FromJSON([]byte(reply)); err == nil && stranger != nil {
		reply = string(strange(value, key, stranger, done).Plain())
	}
	answer := best.Reply
	answer.JSON, answer.Text = rules.Missing(), reply
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	answer.write(w, o.base)
}

// renamed makes of what a test of the look-up speaks of the record that was written.
func (o *World) renamed(test Test) func(string) string {
	var pairs []string
	for _, name := range test.Input.Keys() {
		have, want := test.Input.Get(name).String(), o.subject.test.Input.Get(name).String()
		if name == "key" {
			want = o.subject.test.Key
		}
		if len(have) >= 2 && want != "" && have != want {
			pairs = append(pairs, have, want)
		}
	}
	return strings.NewReplacer(pairs...).Replace
}

// lookupTested says whether the tests let the look-up be played.
func (s *subject) lookupTested() bool {
	if s.op.Safety.Lookup == "" {
		return true
	}
	found, nothing := false, false
	for _, test := range s.tests.Tests {
		if test.Operation == s.op.Safety.Lookup && len(test.Exchanges) > 0 {
			found, nothing = found || test.Error == nil, nothing || test.Error != nil && test.Error.Class == contracts.NotFound
		}
	}
	if found && nothing {
		return true
	}
	missing := "a test in which it finds the record"
	if found {
		missing = "a test that ends with not_found"
	}
	s.find(Finding{Operation: s.op.Name, Check: checkOnce, Expected: "tests of the look-up " + s.op.Safety.Lookup + ": one that finds the record and one that finds nothing", Found: "there is no " + strings.TrimPrefix(missing, "a "),
		File: s.tests.File, Line: s.test.Line, Change: "add " + missing + ": whether the write happens once hangs on it"})
	return false
}

// writeDisturbances lose answers after the work was done, and let requests be carried out after the caller gave up.
func (s subject) writeDisturbances() []disturbance {
	var all []disturbance
	add := func(name string, fault func(w http.ResponseWriter, r *http.Request, perform, answer, giveUp func())) {
		all = append(all, disturbance{checkOnce, name, func(ctx context.Context) { s.once(ctx, name, fault, nil, 0) }})
	}
	add("the answer is lost after the work was done", func(w http.ResponseWriter, _ *http.Request, perform, _, _ func()) {
		perform()
		reset(w)
	})
	add("the answer is cut off after the work was done", func(w http.ResponseWriter, _ *http.Request, perform, _, _ func()) {
		perform()
		w.Header().Set("Content-Length", "100000")
		_, _ = io.WriteString(w, `{"a":`)
	})
	add("the request is carried out after the caller gave up", func(_ http.ResponseWriter, r *http.Request, perform, _, giveUp func()) {
		giveUp()
		<-r.Context().Done()
		perform()
	})
	add("the connection breaks before anything was done", func(w http.ResponseWriter, _ *http.Request, _, _, _ func()) { reset(w) })
	for _, status := range []int{408, 500, 502, 503, 504} {
		add(fmt.Sprintf("the work is done and the answer is status %d", status), func(w http.ResponseWriter, _ *http.Request, perform, _, _ func()) {
			perform()
			w.WriteHeader(status)
		})
	}
	add("the work is done and the answer is a web page", func(w http.ResponseWriter, _ *http.Request, perform, _, _ func()) {
		perform()
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>")
	})
	behind := func(name string, fault func(w http.ResponseWriter)) {
		name = "the write is carried out, and what follows it " + name
		all = append(all, disturbance{checkOnce, name, func(ctx context.Context) {
			s.once(ctx, name, func(_ http.ResponseWriter, _ *http.Request, perform, answer, _ func()) { perform(); answer() }, fault, 0)
		}})
	}
	for _, status := range []int{404, 422, 429, 503} {
		behind(fmt.Sprintf("is answered with status %d", status), func(w http.ResponseWriter) { w.WriteHeader(status) })
	}
	behind("loses its connection", reset)
	if ttl := s.op.Safety.TTL; ttl > 0 {
		name := "the answer is lost, and the key is forgotten when it is tried again"
		all = append(all, disturbance{checkOnce, name, func(ctx context.Context) {
			s.once(ctx, name, func(w http.ResponseWriter, _ *http.Request, perform, _, _ func()) {
				perform()
				reset(w)
			}, nil, ttl+time.Hour)
		}})
	}
	return append(all, s.strangerDisturbances()...)
}

// once makes one fault during a write and goes on as the ledger of effects does: what is certain ends, what may have
// happened is tried again with the time of the first try. In the end there is one effect, or the outcome is said to be unknown.
func (s *subject) once(ctx context.Context, name string, fault func(w http.ResponseWriter, r *http.Request, perform, answer, giveUp func()), behind func(http.ResponseWriter), later time.Duration) {
	if !s.lookupTested() {
		return
	}
	world := &World{subject: s, behind: behind}
	base, leave := s.room(world.serve)
	defer leave()
	world.base = base
	limited, giveUp := context.WithTimeout(ctx, limitOfTrial)
	defer giveUp()
	var carried sync.WaitGroup
	carried.Add(1)
	var first sync.Once
	world.fault = func(w http.ResponseWriter, r *http.Request, perform, answer func()) {
		defer first.Do(carried.Done)
		fault(w, r, perform, answer, giveUp)
	}
	connection, err := Connect(s.adapter, s.tests, base)
	if err != nil {
		return
	}
	defer connection.Close()
	call := s.test.call()
	output, err := connection.Call(limited, call)
	if world.reached(err) {
		carried.Wait()
	}
	before := world.Effects()
	world.mu.Lock()
	world.fault, world.behind, world.forgets = nil, nil, later > 0
	world.mu.Unlock()
	output, err = s.goOn(call, s.longAgo().Add(-later), output, err, func(call adapters.Call) (rules.Value, error) { return connection.Call(ctx, call) })
	s.settled(name, world.keyless, before, world.Effects(), output.Plain(), err)
}

// longAgo is when a write was sent that is tried again now: before what may come late has come, a repeat waits.
func (s *subject) longAgo() time.Time {
	if s.op.Safety.Late > 0 {
		return time.Now().Add(-time.Hour)
	}
	return time.Now()
}

// goOn tries a write again as the ledger of effects does: what is certain ends, what may have happened is tried again with the
// time of the first try.
func (s *subject) goOn(call adapters.Call, sent time.Time, output rules.Value, err error, again func(adapters.Call) (rules.Value, error)) (rules.Value, error) {
	for range 3 {
		switch {
		case Undecided(err):
			call.FirstSent = sent
		case !call.FirstSent.IsZero() || !Repeated(err):
			return output, err
		}
		output, err = again(call)
	}
	return output, err
}

// reached says whether a failure lets it be that the request arrived.
func (o *World) reached(err error) bool {
	var failure *contracts.Error
	return !errors.As(err, &failure) || !failure.NothingSent
}

// Undecided says whether a write that failed so may have been carried out, as the ledger of effects decides it.
func Undecided(err error) bool {
	var failure *contracts.Error
	if !errors.As(err, &failure) {
		return err != nil
	}
	switch failure.Class {
	case contracts.Unavailable, contracts.Drift, contracts.Internal:
		return !failure.NothingSent
	}
	return false
}

// Repeated says whether a write that certainly was not carried out is begun anew.
func Repeated(err error) bool {
	class := contracts.ClassOf(err)
	return class == contracts.Unavailable || class == contracts.RateLimited
}

func (s *subject) settled(name string, keyless bool, before, effects int, output []byte, err error) {
	unknown := contracts.ClassOf(err) == contracts.OutcomeUnknown
	f := Finding{Operation: s.op.Name, Check: checkOnce, Fault: name, Change: "the safety of the operation: idempotency_key if the system knows repeats, else a look-up that sees what was written at once, else at_most_once"}
	switch {
	case keyless:
		f.Expected, f.Found, f.Change = "the key in every request that writes", "a request without it", "send ${key} where safety: says that the system looks for it"
	case effects > 1:
		f.Expected, f.Found = "exactly one effect", fmt.Sprintf("%d effects", effects)
	case unknown:
		return
	case err != nil && effects > 0:
		f.Expected, f.Found = "the result of what was done, or an unknown outcome", "it was done, and the call says: "+err.Error()
	case err != nil && before == 0 && effects == 0 && !s.op.Repeatable() && s.op.Safety.Lookup == "":
		return
	case err != nil:
		f.Expected, f.Found = "exactly one effect", "none, and the call says: "+err.Error()
	case effects == 0:
		f.Expected, f.Found = "exactly one effect", "none, and the call says that it succeeded with "+short(string(output))
	default:
		return
	}
	s.find(f)
}

// Write is a writing operation against a system that carries it out, for those who disturb the caller and not the answer.
type Write struct {
	Operation string
	Test      Test
	Base      string // the address of the system

	world *World
	leave func()
	suite *suite
}

// Writes starts a system for every writing operation of an adapter that its tests let be disturbed.
func Writes(ctx context.Context, adapter *adapters.Adapter, tests *Tests) []*Write {
	var all []*Write
	for _, name := range adapter.Operations() {
		if adapter.OffHTTP() || adapter.Operation(name).Effect != contracts.Write {
			continue
		}
		s := &suite{adapter: adapter, tests: tests}
		sub, ok := s.subject(ctx, name)
		if !ok || !sub.lookupTested() {
			continue
		}
		w := &Write{Operation: name, Test: sub.test, world: &World{subject: &sub}, suite: s}
		w.Base, w.leave = s.room(w.world.serve)
		w.world.base = w.Base
		all = append(all, w)
	}
	return all
}

// Close stops the system.
func (w *Write) Close() { w.leave() }

// Connect joins the adapter with the system.
func (w *Write) Connect() (*adapters.Connection, error) {
	return Connect(w.suite.adapter, w.suite.tests, w.Base)
}

// Hold has the system keep every writing request that comes until its caller is gone: it is carried out before it is told
// that it came, or after the caller has gone, or never.
func (w *Write) Hold(before, after bool, came func()) {
	w.world.mu.Lock()
	defer w.world.mu.Unlock()
	w.world.fault = func(_ http.ResponseWriter, r *http.Request, perform, _ func()) {
		if before {
			perform()
		}
		came()
		<-r.Context().Done()
		if after {
			perform()
		}
	}
}

// Heal has the system answer again.
func (w *Write) Heal() {
	w.world.mu.Lock()
	defer w.world.mu.Unlock()
	w.world.fault = nil
}

// Effects is how many effects there were.
func (w *Write) Effects() int { return w.world.Effects() }
