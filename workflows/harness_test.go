package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// harness runs one case on the SDK's test environment, with the real activities on a real store; only the systems are
// played by functions of the test.
type harness struct {
	t     *testing.T
	id    string
	env   *testsuite.TestWorkflowEnvironment
	store *store.Store
	plan  *usecases.Plan
	acts  *activities.Activities
	reach *activities.Reach

	mu    sync.Mutex
	calls []adapters.Call
	plays map[string]play
	// missing is how often the plan is not in memory yet.
	missing int
	// holidays are entered in the calendar while the case runs.
	holidays map[rules.Day]string
	// others are plans beside that of the case, by their hashes.
	others map[string]*usecases.Plan
}

// play answers an operation. Errors are *contracts.Error.
type play func(call adapters.Call) (rules.Value, error)

const bundle = "the-bundle"

// newHarness checks a use case against the catalogue's contracts. Plays are given by operation (crm.find_customer).
func newHarness(t *testing.T, useCase string, plays map[string]play) *harness {
	t.Helper()
	return newHarnessOf(t, bundleOf("usecase: test\ntitle: Test\n"+useCase), plays)
}

func newHarnessOf(t *testing.T, bundle usecases.Bundle, plays map[string]play) *harness {
	t.Helper()
	t.Parallel()
	opened, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	h := &harness{t: t, store: opened, plays: plays}
	plan, problems := usecases.Compile(bundle)
	require.NoError(t, problems.Err(), "%s", problems.Error())
	h.plan = plan
	h.reach = h.reached()
	h.acts = &activities.Activities{Store: opened, Reach: func() *activities.Reach { return h.reach }, Contracts: h, UseCases: h, Log: slog.New(slog.DiscardHandler)}
	h.next(caseID)
	return h
}

// next prepares a case on the same store and systems.
func (h *harness) next(id string) {
	h.id = id
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	h.env = suite.NewTestWorkflowEnvironment()
	h.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: id, TaskQueue: workflows.QueueMain})
	h.env.SetTestTimeout(time.Minute)
	h.env.SetWorkerOptions(sdk.Options{DeadlockDetectionTimeout: time.Minute}) // the machine may be busy with other tests
	interpreter := &workflows.Interpreter{Plans: h, Routes: h, Calendars: h}
	h.env.RegisterDynamicWorkflow(interpreter.Run, workflow.DynamicRegisterOptions{})
	h.acts.Register(h.env)
}

// bundleOf is a bundle as it is published. The use case may call all systems of the catalogue and use the table sizes.
func bundleOf(useCase string) usecases.Bundle {
	b := usecases.Bundle{
		Language: 1, UseCase: usecases.File{Name: "test.yaml", Text: useCase}, Tables: map[string]usecases.File{"sizes": {Name: "sizes.yaml", Text: sizes}},
		Contracts: map[string]usecases.File{}, Systems: map[string]string{},
	}
	for name, contract := range contracts.Catalog() {
		b.Contracts[name] = usecases.File{Name: contract.File, Text: string(contract.Text)}
		b.Systems[name] = name
	}
	return b
}

const sizes = `
rules: 1
table: sizes
title: How large it is
facts: {pieces: {type: number, title: Pieces}}
hit: unique
no_match: error
inputs: [{name: Pieces, fact: pieces}]
outputs: [{name: size, type: string, required: true, values: [small, large]}]
rows: |
  id | Pieces   | size  | why
  S1 | [1..10]  | small | a box
  S2 | [11..99] | large | a pallet
`

// reached serves every system of the catalogue by one driver that plays.
func (h *harness) reached() *activities.Reach {
	reach := &activities.Reach{Systems: map[string]*activities.System{}}
	for name, contract := range contracts.Catalog() {
		serves := map[string]activities.Service{}
		for short, operation := range contract.Operations {
			serves[short] = activities.Service{Local: true}
			if operation.Effect == contracts.Write {
				serves[short] = activities.Service{Local: true, Safety: contracts.IdempotencyKey}
			}
		}
		reach.Systems[name] = &activities.System{Name: name, Contract: name, Drivers: []activities.Driver{
			{Name: "adapter:" + name, Serves: serves, Executor: h},
		}}
	}
	return reach
}

// Execute plays a system.
func (h *harness) Execute(_ context.Context, call adapters.Call) (activities.Result, error) {
	h.mu.Lock()
	h.calls = append(h.calls, call)
	played := h.plays[call.Operation]
	h.mu.Unlock()
	if played == nil {
		return activities.Result{}, contracts.NewError(contracts.Internal, call.Operation, "the test does not play it")
	}
	value, err := played(call)
	return activities.Result{Value: value}, err
}

// Plan is the interpreter's view of bundles.
func (h *harness) Plan(hash string) (*usecases.Plan, bool) {
	if other, ok := h.others[hash]; ok {
		return other, true
	}
	if h.missing > 0 {
		h.missing--
		return nil, false
	}
	return h.plan, true
}

// Routes is the interpreter's view of reach.
func (h *harness) Routes(system, operation string) []activities.Route {
	return h.reach.Routes(system, operation)
}

// Calendar is the interpreter's view of calendars: an office in Berlin, which is also the only one.
func (h *harness) Calendar(name string) *rules.Calendar {
	if name != "office" && name != "" {
		return nil
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(h.t, err)
	h.mu.Lock()
	c := &rules.Calendar{Zone: zone, Holidays: maps.Clone(h.holidays)}
	h.mu.Unlock()
	for day := time.Monday; day <= time.Friday; day++ {
		c.Hours[day] = []rules.Hours{{From: 9 * 60, To: 17 * 60}}
	}
	return c
}

// Contract is the activities' view of bundles.
func (h *harness) Contract(_, system string) (*contracts.Contract, error) {
	if contract := contracts.Catalog()[system]; contract != nil {
		return contract, nil
	}
	return nil, fmt.Errorf("no system %s", system)
}

// Input is the activities' view of use cases.
func (h *harness) Input(_ context.Context, hash string) (*rules.Type, error) {
	plan, _ := h.Plan(hash)
	return plan.Input, nil
}

const caseID = "default-test-workflow-id"

// run executes the case to its end.
func (h *harness) run(input string) workflows.Outcome {
	h.t.Helper()
	h.start(input)
	if err := h.env.GetWorkflowError(); err != nil {
		for _, task := range h.tasks() {
			h.t.Logf("task %s %s at %s: %s", task.Kind, task.State, task.StepPath, task.Payload)
		}
		require.NoError(h.t, err)
	}
	var outcome workflows.Outcome
	require.NoError(h.t, h.env.GetWorkflowResult(&outcome))
	return outcome
}

func (h *harness) start(input string) {
	h.t.Helper()
	_, err := h.store.CreateCase(h.t.Context(), store.NewCase{ID: h.id, UseCase: "test", BundleHash: bundle})
	require.NoError(h.t, err)
	value, err := rules.Decode(h.plan.Input, []byte(input))
	require.NoError(h.t, err)
	h.env.ExecuteWorkflow(h.plan.UseCase, workflows.StartInput{BundleHash: bundle, Input: value, Case: workflows.CaseMeta{Reference: "CW-TEST", Language: "en", Channel: "email"}})
	require.True(h.t, h.env.IsWorkflowCompleted(), "the case still waits: %+v", h.tasks())
}

// person answers the next open task of a kind after a while: the store holds the answer before the case is told.
func (h *harness) person(after time.Duration, kind, answer string) {
	h.env.RegisterDelayedCallback(func() {
		task := h.task(kind)
		answered, err := h.store.Answer(h.t.Context(), task.ID, task.Version, store.Actor{User: "ann", All: true}, "done", json.RawMessage(answer))
		require.NoError(h.t, err)
		h.deliver(answered)
	}, after)
}

func (h *harness) deliver(task store.Task) {
	update := workflows.Answered{Task: task.ID, Version: task.Version}
	if task.CaseID != h.id && task.CaseID != "" { // of a case that the case runs
		require.NoError(h.t, h.env.UpdateWorkflowByID(task.CaseID, workflows.UpdateAnswered, update.ID(), &testsuite.TestUpdateCallback{
			OnReject: func(err error) { require.NoError(h.t, err) }, OnAccept: func() {}, OnComplete: func(any, error) {},
		}, update))
		return
	}
	h.env.UpdateWorkflowNoRejection(workflows.UpdateAnswered, update.ID(), h.t, update)
}

func (h *harness) task(kind string) store.Task {
	for _, task := range h.tasks() {
		if string(task.Kind) == kind && !task.Closed() {
			return task
		}
	}
	require.FailNow(h.t, "no open task of kind "+kind, "%+v", h.tasks())
	return store.Task{}
}

// tasks are those of the case and of the cases that it runs.
func (h *harness) tasks() []store.Task {
	tasks, err := h.store.Tasks(context.Background(), store.TaskFilter{CaseID: h.id})
	require.NoError(h.t, err)
	run, err := h.store.Cases(context.Background(), store.CaseFilter{Parent: h.id})
	require.NoError(h.t, err)
	for _, one := range run {
		more, err := h.store.Tasks(context.Background(), store.TaskFilter{CaseID: one.ID})
		require.NoError(h.t, err)
		tasks = append(tasks, more...)
	}
	return tasks
}

// called lists the operations that were carried out, in order.
func (h *harness) called() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, len(h.calls))
	for i, call := range h.calls {
		names[i] = call.Operation
	}
	return names
}

func (h *harness) callsOf(operation string) []adapters.Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.calls), func(c adapters.Call) bool { return c.Operation != operation })
}

// gives always gives the same.
func gives(plain string) play {
	value, err := rules.FromJSON([]byte(plain))
	if err != nil {
		panic(err)
	}
	return func(adapters.Call) (rules.Value, error) { return value, nil }
}

// plainly is a value as a system gives it.
func plainly(text string) rules.Value {
	value, err := gives(text)(adapters.Call{})
	if err != nil {
		panic(err)
	}
	return value
}

// fails always fails in the same way.
func fails(class contracts.Class) play {
	return func(call adapters.Call) (rules.Value, error) {
		return rules.Value{}, contracts.NewError(class, call.Operation, "as ordered")
	}
}

// then plays one after the other; the last one for ever.
func then(plays ...play) play {
	var mu sync.Mutex
	next := 0
	return func(call adapters.Call) (rules.Value, error) {
		mu.Lock()
		played := plays[min(next, len(plays)-1)]
		next++
		mu.Unlock()
		return played(call)
	}
}

func plain(t *testing.T, v rules.Value) string {
	t.Helper()
	return strings.TrimSpace(string(v.Plain()))
}

const (
	jane   = `{"id": "301", "name": "Jane Doe", "email": "jane@example.com", "tier": "gold"}`
	john   = `{"id": "302", "name": "John Doe", "email": "john@example.com"}`
	ticket = `{"id": "t7", "number": "77", "status": "new", "url": "https://support.example/77"}`
)

// replaced is a use case with a word of it replaced.
func replaced(text, old, by string) string { return strings.Replace(text, old, by, 1) }

func lines(text string) []string { return strings.Split(text, "\n") }
