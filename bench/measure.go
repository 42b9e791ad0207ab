package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"crosswalk/rules"
	"crosswalk/sandbox"
	"crosswalk/store"
	"crosswalk/workflows"
)

var variants = []variant{interpreter, handWritten, perStep, empty}

// variant is one way to run the same plan.
type variant struct {
	name  string
	begin func(ctx context.Context, h *house, of store.Case, input rules.Value) (client.WorkflowRun, error)
	tasks bool // it makes tickets
}

var (
	interpreter = variant{"the use case, interpreted", beginInterpreted, true}
	handWritten = variant{"the same plan by hand in Go", beginHand(handName, false), true}
	perStep     = variant{"one ordinary activity per step, by hand", beginHand(handName, true), true}
	empty       = variant{"an empty workflow", beginHand(nothingName, false), false}
)

func beginInterpreted(ctx context.Context, h *house, of store.Case, input rules.Value) (client.WorkflowRun, error) {
	in := workflows.StartInput{BundleHash: h.bundle, Input: input, Case: workflows.CaseMeta{Reference: of.Reference, Channel: "web", Language: "en"}}
	return h.client.ExecuteWorkflow(ctx, options(of), useCase, in)
}

func beginHand(name string, ordinary bool) func(context.Context, *house, store.Case, rules.Value) (client.WorkflowRun, error) {
	return func(ctx context.Context, h *house, of store.Case, input rules.Value) (client.WorkflowRun, error) {
		in := handInput{Bundle: h.bundle, Reference: of.Reference, Input: input, Ordinary: ordinary}
		return h.client.ExecuteWorkflow(ctx, options(of), name, in)
	}
}

// options are those with which the product starts a case.
func options(of store.Case) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: of.ID, TaskQueue: workflows.QueueMain, StaticSummary: "Complaint " + of.Reference,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword(workflows.AttributeUseCase).ValueSet(useCase))}
}

// bench is a house, a company, and what came out so far.
type bench struct {
	house      *house
	company    *company
	withRobot  string // the configuration in which a robot reads the fulfilment portal
	inputs     []rules.Value
	mu         sync.Mutex
	results    map[int]string // of each complaint: every variant must come to the same
	mismatches []string
	histories  map[string]history
}

// history is how large the history of one case is.
type history struct{ events, bytes int }

// open starts everything. What it returns is to be closed even if it failed.
func open(ctx context.Context, dir string) (b *bench, err error) {
	b = &bench{}
	if b.company, err = startCompany(ctx, dir); err != nil {
		return b, err
	}
	if b.withRobot, err = furnish(dir, b.company.fulfilment); err != nil {
		return b, err
	}
	if b.house, err = openHouse(ctx, dir); err != nil {
		return b, err
	}
	complaints, err := b.company.complaints()
	if err != nil {
		return b, err
	}
	return b, b.prepare(complaints)
}

func (b *bench) close() {
	if b.house != nil {
		_ = b.house.close() // its files are thrown away
	}
	b.company.stop()
}

func (b *bench) prepare(complaints []sandbox.Complaint) error {
	b.results, b.histories = map[int]string{}, map[string]history{}
	for _, m := range complaints {
		b.inputs = append(b.inputs, rules.Record(fields{"channel": word("web"), "from": rules.Record(fields{"email": word(m.From.Email)}),
			"text": word(m.Text), "received_at": rules.Instant(m.ReceivedAt)}))
	}
	if len(b.inputs) == 0 {
		return errors.New("the company has no complaint to measure with")
	}
	return nil
}

// batch runs so many cases of a variant, so many at once, and returns how long that took and each case's own time.
// The cases are stored before: the intake does that, and it is the same for all.
func (b *bench) batch(ctx context.Context, v variant, n, atOnce int) (time.Duration, []time.Duration, error) {
	cases := make([]store.Case, n)
	for i := range cases {
		var err error
		if cases[i], err = b.house.store.CreateCase(ctx, store.NewCase{UseCase: useCase, BundleHash: b.house.bundle, Language: "en"}); err != nil {
			return 0, nil, err
		}
	}
	before, err := b.tickets()
	if err != nil {
		return 0, nil, err
	}
	took, problems := make([]time.Duration, n), make([]error, n)
	slots, group, begun := make(chan struct{}, atOnce), sync.WaitGroup{}, time.Now()
	for i := range cases {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			problems[i] = b.one(ctx, v, cases[i], i%len(b.inputs))
			took[i] = time.Since(start)
		})
	}
	group.Wait()
	all := time.Since(begun)
	after, err := b.tickets()
	if v.tasks && after-before != n {
		err = errors.Join(err, fmt.Errorf("%s: %d cases made %d tickets", v.name, n, after-before))
	}
	slices.Sort(took)
	return all, took, errors.Join(append(problems, err)...)
}

func (b *bench) one(ctx context.Context, v variant, of store.Case, input int) error {
	run, err := v.begin(ctx, b.house, of, b.inputs[input])
	if err != nil {
		return err
	}
	var outcome workflows.Outcome
	if err := run.Get(ctx, &outcome); err != nil {
		return fmt.Errorf("%s: %w", v.name, err)
	}
	if v.tasks {
		b.compare(v, input, outcome)
	}
	return b.weigh(ctx, v, of.ID)
}

// weigh looks at the history of the first case of a variant.
func (b *bench) weigh(ctx context.Context, v variant, id string) error {
	b.mu.Lock()
	_, known := b.histories[v.name]
	b.histories[v.name] = b.histories[v.name]
	b.mu.Unlock()
	if known {
		return nil
	}
	var size history
	events := b.house.client.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return err
		}
		size.events++
		size.bytes += event.Size()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.histories[v.name] = size
	return nil
}

// compare holds what a case came to against what the others made of the same complaint.
func (b *bench) compare(v variant, input int, outcome workflows.Outcome) {
	came := fmt.Sprintf("%s: invoice %s, order %s, free %s", outcome.Outcome, outcome.Result.Get("invoice"), outcome.Result.Get("order"), outcome.Result.Get("free"))
	b.mu.Lock()
	defer b.mu.Unlock()
	if first, ok := b.results[input]; ok && first != came {
		b.mismatches = append(b.mismatches, fmt.Sprintf("%s: %s, before: %s", v.name, came, first))
		return
	}
	b.results[input] = came
}

func (b *bench) tickets() (int, error) {
	var counters sandbox.Counters
	err := b.company.ask("/counters", nil, &counters)
	return counters.Total, err
}
