package casetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/store"
	"crosswalk/workflows"
)

const (
	// horizon is how long a case may take in its own time. One that has not ended by then waits for ever.
	horizon = 5 * 365 * 24 * time.Hour
	// patience is how long the machine may take for one step of a case.
	patience = time.Minute
)

// Failure is one way in which a case is not what its test says.
type Failure struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String is file:line:column: message (hint).
func (f Failure) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	return text
}

func failureAt(n *source.Node, format string, args ...any) Failure {
	line, column := n.Position()
	return Failure{File: n.File(), Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}

// Result is what became of one test.
type Result struct {
	UseCase  string        `json:"use_case"`
	Name     string        `json:"name"`
	File     string        `json:"file"`
	Line     int           `json:"line"`
	OK       bool          `json:"ok"`
	Failures []Failure     `json:"failures,omitempty"`
	Path     []string      `json:"path"` // the steps that were taken, in order
	Took     time.Duration `json:"-"`

	ways map[way]int
	rows map[row]int
}

// Options of a run.
type Options struct {
	// Run chooses tests by a pattern on "use-case/name"; nil: all.
	Run *regexp.Regexp
	// Parallel is how many run at once; 0: one for each processor.
	Parallel int
	// ContinueEvery has each case go on in a new run whenever it has done so many steps more, as very long ones do; 0: never.
	ContinueEvery int
}

// Run runs the tests of the files, in the order of the files. Told to stop, it returns at once: a case under way is left
// to itself, as nothing but its process waits for it.
func Run(ctx context.Context, files []*File, options Options) (*Report, error) {
	var tests []*Test
	for _, file := range files {
		for _, t := range file.Tests {
			if options.Run == nil || options.Run.MatchString(t.Plan.UseCase+"/"+t.Name) {
				tests = append(tests, t)
			}
		}
	}
	begun := time.Now()
	results := make([]Result, len(tests))
	dir, err := os.MkdirTemp("", "crosswalk-test-*")
	if err != nil {
		return nil, fmt.Errorf("casetest: %w", err)
	}
	defer os.RemoveAll(dir)
	parallel := options.Parallel
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	var next, finished atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, min(parallel, len(tests)))
	for i := range errs {
		group.Go(func() {
			kept := &stores{dir: filepath.Join(dir, strconv.Itoa(i))}
			defer func() { errs[i] = errors.Join(errs[i], kept.close()) }()
			for ctx.Err() == nil && errs[i] == nil {
				n := int(next.Add(1)) - 1
				if n >= len(tests) {
					break
				}
				results[n], errs[i] = run(ctx, tests[n], fmt.Sprintf("test-%d", n+1), kept, options.ContinueEvery)
				if errs[i] == nil {
					finished.Add(1)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	if n := int(finished.Load()); n < len(tests) && ctx.Err() != nil {
		return nil, fmt.Errorf("casetest: stopped after %d of %d tests: %w", n, len(tests), ctx.Err())
	}
	<-done
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("casetest: %w", err)
	}
	return newReport(files, results, time.Since(begun)), nil
}

// run runs one test in a store that is empty: what one case finds out, such as a link, is nothing to another.
func run(ctx context.Context, t *Test, id string, kept *stores, every int) (result Result, err error) {
	begun := time.Now()
	w := newWorld(t, id)
	w.every = every
	if w.store, err = kept.empty(ctx, w.now); err != nil {
		return result, err
	}
	result = Result{UseCase: t.Plan.UseCase, Name: t.Name, File: t.File, Line: t.Line}
	ended, err := w.execute()
	w.leave()
	if err != nil {
		w.fail(Failure{File: t.File, Line: t.Line, Column: 1, Message: err.Error()})
	}
	if len(w.failures) == 0 {
		seen, err := w.look(ended)
		if err == nil {
			w.failures, result.rows = seen.check(), seen.rows()
		} else {
			w.fail(Failure{File: t.File, Line: t.Line, Column: 1, Message: err.Error()})
		}
	}
	for _, step := range w.took {
		result.Path = append(result.Path, w.name(step.at))
	}
	result.Failures, result.OK, result.ways = w.failures, len(w.failures) == 0, w.ways
	result.Took = time.Since(begun)
	return result, nil
}

// now is the time of the case.
func (w *world) now() time.Time {
	if w.env == nil {
		return w.test.at
	}
	return w.env.Now()
}

// over says that the case is not waited for any more. What it runs is then told to end, which is nothing that it did.
func (w *world) over() bool { return w.now().Sub(w.test.at) >= horizon }

// ending is how the execution of a case ended.
type ending struct {
	outcome workflows.Outcome
	stuck   bool // it waits and nothing comes any more
}

// execute runs the case to its end, or until nothing can happen any more.
func (w *world) execute() (end ending, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("the case did not come to an end: %v", caught)
		}
	}()
	w.acts = &activities.Activities{
		Store: w.store, Reach: func() *activities.Reach { return w.reach }, Contracts: w, UseCases: w, Log: slog.New(slog.DiscardHandler), Now: w.now,
	}
	w.prepare(w.test.at)
	if err := w.begin(); err != nil {
		return end, err
	}
	for in := (workflows.StartInput{BundleHash: w.test.Plan.UseCase, Input: w.test.input, Case: w.test.meta}); ; {
		w.env.ExecuteWorkflow(w.test.Plan.UseCase, in)
		next, again, err := w.continued()
		if err != nil || !again {
			return w.ending()
		}
		in = next
		w.gate.Lock() // an activity of the run that ended may still be at work
		w.prepare(w.env.Now())
		for _, one := range w.due {
			if !one.done {
				w.arrange(one)
			}
		}
		w.gate.Unlock()
	}
}

// prepare makes the environment for a run of the case.
func (w *world) prepare(start time.Time) {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	w.env, w.fresh = suite.NewTestWorkflowEnvironment(), 0
	w.env.SetStartTime(start)
	w.env.SetTestTimeout(patience)
	w.env.SetWorkflowRunTimeout(horizon - start.Sub(w.test.at))
	w.env.SetDetachedChildWait(false) // what a case that still waits has run is of no interest any more
	w.env.SetWorkerOptions(sdk.Options{DeadlockDetectionTimeout: patience})
	w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: w.id, TaskQueue: workflows.QueueMain})
	w.acts.Register(registry{TestWorkflowEnvironment: w.env, world: w})
	w.env.RegisterDynamicWorkflow(w.workflow, workflow.DynamicRegisterOptions{})
	// A part of a long list tells the case when everything in it waits. The environment knows children alone by themselves.
	w.env.OnSignalExternalWorkflow(mock.Anything, w.id, mock.Anything, workflows.SignalResting, mock.Anything).Maybe().Return(
		func(_, _, _, name string, arg any) error {
			w.env.SignalWorkflow(name, arg)
			return nil
		})
}

// begin stores the case, and what happens while it runs.
func (w *world) begin() error {
	ctx := context.Background()
	if len(w.plans) > 1 {
		publication := store.Publication{Bundles: map[string]string{}, Who: "test"}
		for _, name := range sortedKeys(w.plans) {
			if err := w.store.PutBundle(ctx, name, name, []byte("{}")); err != nil {
				return err
			}
			publication.Bundles[name] = name
		}
		if _, err := w.store.Publish(ctx, publication); err != nil {
			return err
		}
	}
	if _, err := w.store.CreateCase(ctx, store.NewCase{ID: w.id, UseCase: w.test.Plan.UseCase, BundleHash: w.test.Plan.UseCase,
		Language: w.test.meta.Language, ThreadKeys: []string{w.id}}); err != nil {
		return err
	}
	for _, m := range w.test.messages {
		w.later(m.after, func() { w.join(m) })
	}
	for i, e := range w.test.events {
		w.later(e.after, func() { w.happen(i, e) })
	}
	if c := w.test.cancel; c != nil {
		w.later(c.after, func() { w.env.SignalWorkflow(workflows.SignalCancel, workflows.Cancel{Undo: c.undo, By: c.by}) })
	}
	return nil
}

// continued is what the case goes on with in a new run, if it does.
func (w *world) continued() (in workflows.StartInput, again bool, err error) {
	var next *workflow.ContinueAsNewError
	if !errors.As(w.env.GetWorkflowError(), &next) {
		return in, false, nil
	}
	return in, true, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in)
}

func (w *world) ending() (end ending, err error) {
	err = w.env.GetWorkflowError()
	var timeout *temporal.TimeoutError
	switch {
	case err == nil:
		return end, w.env.GetWorkflowResult(&end.outcome)
	case temporal.IsCanceledError(err):
		end.outcome.Outcome = "cancelled"
		return end, nil
	case errors.As(err, &timeout):
		end.stuck = true
		return end, nil
	}
	return end, fmt.Errorf("the case failed: %w", err)
}

// join stores a further message for the case and tells it, as the intake does.
func (w *world) join(m *message) {
	parsed, err := json.Marshal(m.parsed)
	if err == nil {
		_, err = w.store.StoreEntry(context.Background(), store.Incoming{Entry: store.Entry{
			Source: "test", Channel: m.channel, DedupeKey: w.store.NewID(), UseCase: w.test.Plan.UseCase, Parsed: parsed,
			ThreadKeys: []string{w.id}, ReceivedAt: w.env.Now(),
		}, OnlyJoin: true})
	}
	if err != nil {
		w.fail(Failure{File: w.test.File, Line: w.test.Line, Column: 1, Message: "the message could not be stored: " + err.Error()})
		return
	}
	w.env.SignalWorkflow(workflows.SignalNudge, nil)
}

// happen stores an event and tells the case, as the intake does.
func (w *world) happen(index int, e *event) {
	payload, err := json.Marshal(e.payload)
	if err == nil {
		_, _, err = w.store.PutEvent(context.Background(), store.Occurrence{Name: e.name, Key: e.key, Source: "test", DedupeKey: fmt.Sprint(index), Payload: payload, ReceivedAt: w.env.Now()})
	}
	var waits []store.EventWait
	if err == nil {
		waits, err = w.store.DueNudges(context.Background(), e.name, e.key, time.Time{}, MaxTests)
	}
	if err != nil {
		w.fail(Failure{File: w.test.File, Line: w.test.Line, Column: 1, Message: "the event could not be stored: " + err.Error()})
		return
	}
	for _, wait := range waits {
		w.nudge(wait.Execution)
	}
}

// seen is everything that a case has come to.
type seen struct {
	*world
	end       ending
	stored    store.Case
	results   map[spot]rules.Value // of the last time that each step was done
	decisions []decision
}

// decision is one of the case, or of one that it runs.
type decision struct {
	caseID string
	store.Decision
}

// row is a row of a table of a use case.
type row struct{ useCase, table, id string }

// look reads what the case has written down.
func (w *world) look(end ending) (*seen, error) {
	ctx := context.Background()
	s := &seen{world: w, end: end, results: map[spot]rules.Value{}}
	var err error
	if s.stored, err = w.store.Case(ctx, w.id); err != nil {
		return nil, err
	}
	for _, id := range sortedKeys(w.cases) {
		if err := s.read(ctx, id); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// read reads what a case has written down.
func (s *seen) read(ctx context.Context, id string) error {
	steps, err := s.store.Steps(ctx, id)
	if err != nil {
		return err
	}
	for _, step := range steps {
		var value rules.Value
		if len(step.Result) > 0 {
			if err := json.Unmarshal(step.Result, &value); err != nil {
				return err
			}
		}
		s.results[spot{id, step.Path}] = value
	}
	made, err := s.store.Decisions(ctx, id)
	for _, one := range made {
		s.decisions = append(s.decisions, decision{id, one})
	}
	return err
}

// rows are the rows of tables that decided.
func (s *seen) rows() map[row]int {
	reached := map[row]int{}
	for _, d := range s.decisions {
		made := rules.Decision{Table: d.Table, Row: d.Row}
		if json.Unmarshal(d.Details, &made.DecisionDetails) != nil {
			made.DecisionDetails = rules.DecisionDetails{} // there are none
		}
		for _, place := range made.Deciders() {
			reached[row{s.cases[d.caseID].plan.UseCase, tableKey(place), place.ID}]++
		}
	}
	return reached
}

// tableKey is a table in the count of what tests reach; the versions of one are counted apart.
func tableKey(of rules.RowPlace) string { return of.Table + " " + of.Version }
