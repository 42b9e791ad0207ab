package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
)

// Finding is something that an adapter does not do as it should.
type Finding struct {
	Adapter   string `json:"adapter"`
	Operation string `json:"operation"`
	Check     string `json:"check"`             // what was looked at
	Fault     string `json:"fault,omitempty"`   // what the server did
	Expected  string `json:"expected"`          // what should have come of it
	Found     string `json:"found"`             // what came of it
	Change    string `json:"change"`            // in the file
	File      string `json:"file"`              // that is to be changed
	Line      int    `json:"line,omitempty"`    //
	Untested  bool   `json:"untested,omitzero"` // nothing is wrong, but the tests do not let this be looked at
}

// String is the finding as people read it.
func (f Finding) String() string {
	place, kind := f.File, "error"
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Untested {
		kind = "note"
	}
	text := fmt.Sprintf("%s: %s: %s: %s", place, kind, f.Operation, f.Check)
	if f.Fault != "" {
		text += "\n  fault:    " + f.Fault
	}
	return fmt.Sprintf("%s\n  expected: %s\n  found:    %s\n  change:   %s", text, f.Expected, f.Found, f.Change)
}

// Report is what came of a suite.
type Report struct {
	Adapter  string    `json:"adapter"`
	File     string    `json:"file"`
	Tests    int       `json:"tests"`  // that stand beside the file
	Faults   int       `json:"faults"` // that were made
	Findings []Finding `json:"findings"`
}

// Passed says that nothing is wrong.
func (r Report) Passed() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return !f.Untested })
}

// suite is one run over one adapter.
type suite struct {
	adapter *adapters.Adapter
	tests   *Tests
	only    *regexp.Regexp
	failure error
	heavy   sync.Mutex // held by what takes much memory
	mu      sync.Mutex
	report  Report
}

// atOnce is how many disturbances are made at a time: most of their time is spent waiting before a second try.
const atOnce = 32

// Run holds an adapter to its tests and disturbs its operations. Only what fits only is run: "operation/check"; nil: all.
// The error is about the machine, never about the adapter.
func Run(ctx context.Context, adapter *adapters.Adapter, tests *Tests, only *regexp.Regexp) (Report, error) {
	s := &suite{adapter: adapter, tests: tests, only: only, report: Report{Adapter: adapter.Name, File: adapter.File, Findings: []Finding{}}}
	s.playAll(ctx)
	var running sync.WaitGroup
	slots, met := make(chan struct{}, atOnce), map[string]bool{}
	for _, name := range adapter.Operations() {
		sub, ok := s.subject(ctx, name)
		if !ok {
			continue
		}
		for _, d := range sub.disturbances() {
			if !s.wants(name, d.check+" "+d.fault) {
				continue
			}
			if alike := sub.bounded(d); d.large() {
				if met[alike] {
					continue
				}
				met[alike] = true
			}
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				if d.large() {
					s.heavy.Lock()
					defer s.heavy.Unlock()
				}
				s.count()
				d.run(ctx)
			})
		}
	}
	running.Wait()
	slices.SortStableFunc(s.report.Findings, func(a, b Finding) int {
		return strings.Compare(a.Operation+"\x00"+a.Check+"\x00"+a.Fault, b.Operation+"\x00"+b.Check+"\x00"+b.Fault)
	})
	return s.report, errors.Join(s.failure, ctx.Err())
}

func (s *suite) wants(operation, check string) bool {
	return s.only == nil || s.only.MatchString(operation+"/"+check)
}

func (s *suite) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Faults++
}

func (s *suite) find(f Finding) {
	f.Adapter = s.adapter.Name
	if f.File == "" {
		f.File = s.adapter.File
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.report.Findings { // one fault of many kinds that come to the same is told once
		if have.Operation == f.Operation && have.Check == f.Check && have.Found == f.Found && have.Expected == f.Expected {
			return
		}
	}
	s.report.Findings = append(s.report.Findings, f)
}

// playAll runs the tests beside the file, and looks whether every operation has one.
func (s *suite) playAll(ctx context.Context) {
	tested := map[string]bool{}
	for _, test := range s.tests.Tests {
		tested[test.Operation] = true
		if !s.wants(test.Operation, test.Name) {
			continue
		}
		s.report.Tests++
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		for _, problem := range s.play(limited, test) {
			s.find(Finding{Operation: test.Operation, Check: "test: " + test.Name, Expected: "what the test says", Found: problem, File: s.tests.File, Line: test.Line,
				Change: "the operation in " + s.adapter.File + ", or the test if it is the one that is wrong"})
		}
		cancel()
	}
	if s.wants("webhooks", "signature") {
		for name, problem := range deliver(s.adapter, s.tests.Webhooks) {
			s.find(Finding{Operation: "webhooks", Check: "signature: " + name, Expected: "what the product sends is accepted, and nothing else", Found: problem, File: s.tests.File,
				Change: "webhooks: in " + s.adapter.File + ", or the example if it is the one that is wrong"})
		}
	}
	for _, name := range s.adapter.Operations() {
		if !tested[name] {
			s.find(Finding{Operation: name, Check: "a test", Expected: "every operation has a test", Found: "there is none for " + name, File: s.tests.File,
				Change: "write one, or have one written: crosswalk adapters try SYSTEM " + name + " --record"})
		}
	}
}

// subject is one operation with a call that succeeds, to be disturbed.
type subject struct {
	*suite
	op      *adapters.Operation
	test    Test
	target  Exchange // the exchange that is disturbed: the write of a write, else the first
	several bool     // the undisturbed call makes more than one request
}

// subject finds a test of the operation that can be disturbed.
func (s *suite) subject(ctx context.Context, name string) (subject, bool) {
	sub := subject{suite: s, op: s.adapter.Operation(name)}
	found := false
	for _, test := range s.tests.Tests {
		if test.Operation != name || len(test.Exchanges) == 0 || test.FirstSent > 0 || test.Error != nil && test.Error.Class != contracts.NotFound {
			continue
		}
		better := !found || sub.test.Error != nil && test.Error == nil || sub.test.Error == nil == (test.Error == nil) && len(test.Exchanges) > len(sub.test.Exchanges)
		if better {
			sub.test, found = test, true
		}
	}
	if !found {
		s.find(Finding{Operation: name, Check: "a test to disturb", Expected: "a test in which the operation succeeds", Found: "there is none, so that it was not disturbed", File: s.tests.File,
			Change: "add one with its exchanges", Untested: true})
		return sub, false
	}
	if s.adapter.OffHTTP() {
		return sub, true
	}
	return sub, sub.learn(ctx)
}

// learn makes the call undisturbed, to see which request is the one that matters.
func (s *subject) learn(ctx context.Context) bool {
	peer := &player{exchanges: s.test.Exchanges, used: make([]bool, len(s.test.Exchanges))}
	var mu sync.Mutex
	var writing, logsIn, chosen bool
	requests := 0
	serve := s.pick(peer, func(x Exchange) {
		mu.Lock()
		defer mu.Unlock()
		if logsIn { // what the operation does begins with the next one
			return
		}
		if requests++; !chosen && (writing || s.op.Effect == contracts.Read) {
			s.target, chosen = x, true
		}
	})
	base, leave := s.room(serve)
	defer leave()
	peer.base = base
	connection, err := Connect(s.adapter, s.tests, base)
	if err != nil {
		return false // every test has said so
	}
	defer connection.Close()
	watched := adapters.Watch(ctx, func(seen *adapters.Seen, done bool) {
		mu.Lock()
		defer mu.Unlock()
		writing, logsIn = seen.Writes && !done, seen.LogsIn && !done
	})
	_, _ = connection.Call(watched, s.test.call())
	mu.Lock()
	defer mu.Unlock()
	s.several = requests > 1
	return chosen
}
