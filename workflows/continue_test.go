package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdk "go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/proto"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/engine"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/worker"
	"crosswalk/workflows"
)

// house is a real engine whose server suggests a new run very early, so that what else takes thousands of events is
// seen at some dozens.
type house struct {
	*harness
	client  client.Client
	running sdk.Worker
	id      string
}

// newHouse begins a case on an engine of its own.
func newHouse(t *testing.T, continueAfter int, useCase, input string, plays map[string]play, interceptors ...interceptor.WorkerInterceptor) *house {
	t.Helper()
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	started, err := engine.Start(t.Context(), engine.Options{NoUI: true, SearchAttributes: worker.SearchAttributes(), ContinueAfter: continueAfter, Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { _ = started.Stop(context.Background()) })
	opened, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	c, err := worker.Dial(t.Context(), worker.Dialing{Address: started.FrontendAddress(), Store: opened, Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	plan, problems := usecases.Compile(bundleOf("usecase: test\ntitle: Test\n" + useCase))
	require.NoError(t, problems.Err(), "%s", problems.Error())
	h := &house{harness: &harness{t: t, store: opened, plays: plays, plan: plan}, client: c}
	h.reach = h.reached()
	h.acts = &activities.Activities{Store: opened, Reach: func() *activities.Reach { return h.reach }, Contracts: h}
	for _, one := range interceptors {
		if breaks, ok := one.(*crashing); ok {
			breaks.h = h.harness
		}
	}
	h.running = work(t, c, workflows.Interpreter{Plans: h, Routes: h, DeskURL: "http://desk.example"}, h.acts, interceptors...)
	t.Cleanup(func() { h.running.Stop() })

	made, err := opened.CreateCase(t.Context(), store.NewCase{UseCase: plan.UseCase, BundleHash: plan.Hash, ContactKeys: []string{"email:jane@example.com"}})
	require.NoError(t, err)
	h.id = made.ID
	value, err := rules.Decode(plan.Input, []byte(input))
	require.NoError(t, err)
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: made.ID, TaskQueue: workflows.QueueMain}, plan.UseCase,
		workflows.StartInput{BundleHash: plan.Hash, Input: value, Case: workflows.CaseMeta{Reference: made.Reference, Language: "en", Channel: "email"}})
	require.NoError(t, err)
	return h
}

// outcome waits for the end of the case.
func (h *house) outcome() workflows.Outcome {
	h.t.Helper()
	var outcome workflows.Outcome
	require.NoError(h.t, h.client.GetWorkflow(h.t.Context(), h.id, "").Get(h.t.Context(), &outcome))
	return outcome
}

// open waits until the case has open tasks of a kind, and lists them.
func (h *house) open(kind string, count int) []store.Task {
	h.t.Helper()
	var open []store.Task
	require.Eventually(h.t, func() bool {
		found, err := h.store.Tasks(h.t.Context(), store.TaskFilter{CaseID: h.id, Open: true, Kinds: []store.TaskKind{store.TaskKind(kind)}, Limit: 1000})
		require.NoError(h.t, err)
		open = found
		return len(open) == count
	}, time.Minute, 20*time.Millisecond, "open tasks of kind %s", kind)
	return open
}

// reply answers a task as the desk does.
func (h *house) reply(task store.Task, answer string) {
	h.t.Helper()
	answered, err := h.store.Answer(h.t.Context(), task.ID, task.Version, store.Actor{User: "ann", All: true}, "done", json.RawMessage(answer))
	require.NoError(h.t, err)
	// A case that changes its run just then may read the answer, and end, before it can say that it was told.
	if err := worker.NewCases(h.client, h.store, nil).Deliver(h.t.Context(), answered); !errors.Is(err, worker.ErrEnded) {
		require.NoError(h.t, err)
	}
}

// write lets messages join the case, each with a nudge.
func (h *house) write(from, to int) {
	h.t.Helper()
	for i := from; i < to; i++ {
		h.join(fmt.Sprintf("message %d", i))
		require.NoError(h.t, h.client.SignalWorkflow(h.t.Context(), h.id, "", workflows.SignalNudge, nil))
	}
}

// runs lists the histories of all runs of the case, the first one first.
func (h *house) runs() [][]*history.HistoryEvent {
	h.t.Helper()
	return chainOf(h.t, h.client, h.id)
}

const corresponds = `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: jane@example.com}}
  - {id: ticket, call: support.create_task, with: {queue: q, title: '${customer.name}', text: T, reference: '${case.reference}'}}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted], within: 30 days}}
  - {id: last, call: support.update_task, with: {task: '${ticket}', text: '${customer.name}: ${readable(case.facts)}'}}
  - {end: {outcome: '${solve.outcome}', result: {facts: '${len(case.facts)}', started: '${case.started_at}'}}}
joined:
  - {id: more, call: support.update_task, with: {task: '${ticket}', text: '${message.text}'}}
`

// A case that waits for a person, while messages come for ever, goes on in one new run after the other: each message is
// worked through once, and whoever waits for it notices nothing.
func TestContinuesWhileItWaits(t *testing.T) {
	const messages = 120
	h := newHouse(t, 60, corresponds, `{}`, map[string]play{"crm.find_customer": gives(jane), "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	task := h.open("complete", 1)[0]
	h.write(0, messages)
	require.Eventually(t, func() bool { return len(h.callsOf("support.update_task")) == messages }, time.Minute, 20*time.Millisecond)
	before, err := h.client.DescribeWorkflowExecution(t.Context(), h.id, "")
	require.NoError(t, err)
	require.Equal(t, task, h.open("complete", 1)[0], "the task of the first run is that of all others")
	stored, err := h.store.Case(t.Context(), h.id)
	require.NoError(t, err)
	require.Equal(t, store.CaseWaiting, stored.State)
	require.Equal(t, "q", stored.WaitingFor)
	require.WithinDuration(t, task.CreatedAt, stored.WaitingSince, time.Second)
	require.Contains(t, before.WorkflowExecutionInfo.SearchAttributes.IndexedFields, workflows.AttributeWaitingFor)

	h.reply(task, `{"outcome": "accepted"}`)
	outcome := h.outcome()
	require.Equal(t, "accepted", outcome.Outcome)
	runs := h.runs()
	require.Greater(t, len(runs), 2)
	for _, events := range runs {
		require.Less(t, len(events), 400, "messages that come in while a run ends are still taken in it, some at a time")
	}
	require.Equal(t, "2", outcome.Result.Get("facts").String())
	require.Equal(t, runs[0][0].EventTime.AsTime().UTC(), outcome.Result.Get("started").Time())
	seen := map[string]bool{}
	for _, call := range h.callsOf("support.update_task") {
		text := call.Input.Get("text").Text()
		require.False(t, seen[text], text)
		seen[text] = true
	}
	effects, err := h.store.Effects(t.Context(), h.id)
	require.NoError(t, err)
	require.Len(t, effects, messages+2)
	require.Len(t, h.callsOf("crm.find_customer"), 1)
	steps, err := h.store.Steps(t.Context(), h.id)
	require.NoError(t, err)
	require.Len(t, steps, messages+4)
}

// replays shows that every run of the case comes out the same when its history is worked through again.
func (h *house) replays() {
	h.t.Helper()
	for _, events := range h.runs() {
		text, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(&history.History{Events: events})
		require.NoError(h.t, err)
		require.NoError(h.t, replayWith(h.t, h.store, recording{History: text}, h.plan))
	}
}

// restart stops the worker and starts another one, which knows of the case only what its history says.
func (h *house) restart() {
	h.running.Stop()
	h.acts.Forget()
	h.running = work(h.t, h.client, workflows.Interpreter{Plans: h, Routes: h}, h.acts)
}

const besides = `
joined:
  - {id: looked_up, call: orders.get_order, with: {number: '${message.text}'}, on_error: {not_found: []}}
`

// Wherever in a use case somebody waits for a person, a new run comes to the same place without doing anything twice.
func TestContinuesInsideSteps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		useCase string
		kind    string // of the tasks
		open    int
		answers []string
		outcome string
		calls   map[string]int // how often operations are carried out
	}{
		{"items of a loop", `
input: {}
steps:
  - id: checked
    each:
      in: '${[1, 2, 3]}'
      as: n
      steps:
        - {id: found, call: crm.find_customer, with: {email: '${readable(n)}'}}
        - {id: seen, ask: {queue: q, what: approve, show: {Item: '${found.name}'}}}
        - {id: kept, set: {value: '${seen.approved ? found.name : missing}'}}
  - {end: {outcome: '${join(checked, ",")} ${len(case.facts)}'}}
`, "approve", 3, []string{`{"approved": true}`, `{"approved": true}`, `{"approved": true}`}, "Jane Doe,Jane Doe,Jane Doe 6", map[string]int{"crm.find_customer": 3}},
		{"stand-in for a failed step, in a branch", `
input: {}
steps:
  - id: way
    choose:
      - when: len(case.facts) == 0
        steps:
          - {id: other, call: invoicing.find_customer, with: {emails: [x]}}
          - {id: customer, call: crm.find_customer, with: {email: x}, on_error: {not_found: [{id: named, ask: {queue: q, what: choose, from: '${["a", "b"]}'}}, {id: made, set: {value: {id: '1', name: '${named}', system: crm}}}]}}
  - {end: {outcome: '${way?.name ?? ""} ${len(case.facts)}'}}
`, "choose", 1, []string{`{"index": 1}`}, "b 2", map[string]int{"crm.find_customer": 1, "invoicing.find_customer": 1}},
		{"repair", `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: x}}
  - {end: {outcome: '${customer.name}'}}
`, "repair", 1, []string{`{"act": "answer", "value": {"id": "9", "name": "Typed"}}`}, "Typed", map[string]int{"crm.find_customer": 1}},
		{"unknown outcome", `
input: {}
steps:
  - {id: ticket, call: support.create_task, with: {queue: q, title: T, text: T, reference: R}}
  - {end: {outcome: '${ticket.number}'}}
`, "confirm", 1, []string{`{"act": "done", "value": {"id": "7", "number": "77", "status": "new"}}`}, "77", map[string]int{"support.create_task": 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			find := fails(contracts.NotFound)
			if test.kind == "approve" {
				find = gives(jane)
			}
			h := newHouse(t, 60, test.useCase+besides, `{}`, map[string]play{
				"crm.find_customer": find, "invoicing.find_customer": gives(`{"id": "cus_9"}`),
				"support.create_task": fails(contracts.OutcomeUnknown), "orders.get_order": fails(contracts.NotFound),
			})
			tasks := h.open(test.kind, test.open)
			const messages = 60
			h.write(0, messages/2)
			require.Eventually(t, func() bool { return len(h.callsOf("orders.get_order")) == messages/2 }, time.Minute, 20*time.Millisecond)
			h.restart()
			h.write(messages/2, messages)
			require.Eventually(t, func() bool { return len(h.callsOf("orders.get_order")) == messages }, time.Minute, 20*time.Millisecond)
			require.Equal(t, tasks, h.open(test.kind, test.open), "the tasks of the first run are those of all others")
			require.Greater(t, len(h.runs()), 1)
			for i, answer := range test.answers {
				h.reply(tasks[i], answer)
			}
			require.Equal(t, test.outcome, h.outcome().Outcome)
			for operation, times := range test.calls {
				require.Len(t, h.callsOf(operation), times, operation)
			}
			all, err := h.store.Tasks(t.Context(), store.TaskFilter{CaseID: h.id})
			require.NoError(t, err)
			require.Len(t, all, test.open, "nobody was asked twice")
			h.replays()
		})
	}
}

// A step that a continued case has done can still be corrected, and what follows is done again.
func TestRedoAfterContinuing(t *testing.T) {
	h := newHouse(t, 60, corrected+besides, `{"email": "jane@example.com"}`, map[string]play{
		"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket), "orders.get_order": fails(contracts.NotFound),
	})
	task := h.open("complete", 1)[0]
	h.write(0, 40)
	require.Eventually(t, func() bool { return len(h.runs()) > 1 }, time.Minute, 20*time.Millisecond)
	h.reply(task, `{"act": "redo", "step": "customer", "with": {"email": "john@example.com"}}`)
	h.reply(h.open("complete", 1)[0], `{"outcome": "accepted"}`)
	h.outcome()
	require.Len(t, h.callsOf("support.create_task"), 1)
	require.Len(t, h.callsOf("crm.find_customer"), 2)
	h.replays()
}

// A continued case is cancelled like any other.
func TestCancelAfterContinuing(t *testing.T) {
	h := newHouse(t, 60, corresponds, `{}`, map[string]play{"crm.find_customer": gives(jane), "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	h.open("complete", 1)
	h.write(0, 40)
	require.Eventually(t, func() bool { return len(h.runs()) > 1 }, time.Minute, 20*time.Millisecond)
	require.NoError(t, h.client.CancelWorkflow(t.Context(), h.id, ""))
	require.Error(t, h.client.GetWorkflow(t.Context(), h.id, "").Get(t.Context(), nil))
	h.open("complete", 0)
	stored, err := h.store.Case(t.Context(), h.id)
	require.NoError(t, err)
	require.Equal(t, store.CaseCancelled, stored.State)
}

// A worker that goes away at any moment around the change from one run to the next loses nothing and doubles nothing.
func TestBrokenOffWhileContinuing(t *testing.T) {
	t.Parallel()
	for _, at := range []int32{30, 41, 42, 43, 44, 45} {
		t.Run(fmt.Sprintf("before store call %d", at), func(t *testing.T) {
			const messages = 40
			breaks := &crashing{at: at}
			h := newHouse(t, 60, corresponds, `{}`, map[string]play{
				"crm.find_customer": gives(jane), "support.create_task": gives(ticket), "support.update_task": gives(ticket),
			}, breaks)
			task := h.open("complete", 1)[0]
			h.write(0, messages)
			require.Eventually(t, func() bool {
				// All messages may have been read in one workflow task: the next one is that of a further nudge.
				require.NoError(t, h.client.SignalWorkflow(t.Context(), h.id, "", workflows.SignalNudge, nil))
				return breaks.begun.Load() > at && len(h.callsOf("support.update_task")) == messages && len(h.runs()) > 1
			}, time.Minute, 50*time.Millisecond)
			h.reply(task, `{"outcome": "accepted"}`)
			require.Equal(t, "accepted", h.outcome().Outcome)
			require.Len(t, h.callsOf("support.update_task"), messages+1)
			effects, err := h.store.Effects(t.Context(), h.id)
			require.NoError(t, err)
			require.Len(t, effects, messages+2)
			h.replays()
		})
	}
}

// Thousands of messages to one case are worked through once each, some at a time, in runs that stay short. As the intake
// does it, the case is told of what has come in the meantime a few times a second.
func TestManyMessages(t *testing.T) {
	messages := 1000
	if given, err := strconv.Atoi(os.Getenv("CROSSWALK_MESSAGES")); err == nil {
		messages = given // to measure more
	}
	h := newHouse(t, 200, corresponds, `{}`, map[string]play{"crm.find_customer": gives(jane), "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	task := h.open("complete", 1)[0]
	for i := range messages {
		h.join(fmt.Sprintf("message %d", i))
	}
	begun := time.Now()
	require.Eventually(t, func() bool {
		require.NoError(t, h.client.SignalWorkflow(t.Context(), h.id, "", workflows.SignalNudge, nil))
		return len(h.callsOf("support.update_task")) == messages
	}, 10*time.Minute, 100*time.Millisecond)
	took := time.Since(begun)
	h.reply(task, `{"outcome": "accepted"}`)
	require.Equal(t, "accepted", h.outcome().Outcome)
	require.Len(t, h.callsOf("support.update_task"), messages+1)
	runs := h.runs()
	events, longest := 0, 0
	for _, run := range runs {
		events, longest = events+len(run), max(longest, len(run))
	}
	t.Logf("%d messages in %s: %d runs, %d events, the longest run %d", messages, took.Round(time.Millisecond), len(runs), events, longest)
	require.Less(t, longest, 16_384, "from there on nothing new is begun in a run")
}

// An answer of a system and an input of thirty megabytes go through a whole case, its tasks and its record.
func TestLargeValues(t *testing.T) {
	const articles = 12_000
	line := fmt.Sprintf(`{"article": "%s"}`, strings.Repeat("a", 2500))
	large := `[` + strings.TrimSuffix(strings.Repeat(line+",", articles), ",") + `]`
	h := newHouse(t, 0, `
input: {lines: {type: array, items: {type: object, properties: {article: string}}, required: true}}
steps:
  - {id: customer, call: crm.find_customer, with: {email: x}}
  - {id: all, set: {value: '${input.lines}'}}
  - {id: seen, ask: {queue: q, what: approve}}
  - {end: {result: {count: '${len(all)}', lines: '${all}'}}}
`, `{"lines": `+large+`}`, map[string]play{"crm.find_customer": gives(jane)})
	h.reply(h.open("approve", 1)[0], `{"approved": true}`)
	result := h.outcome().Result
	require.Equal(t, fmt.Sprint(articles), result.Get("count").String())
	require.Greater(t, len(plain(t, result)), 30_000_000)
	size := 0
	for _, event := range h.runs()[0] {
		size += proto.Size(event)
	}
	require.Less(t, size, 2<<20, "the history holds claims, and not what they stand for")
	h.replays()
}

// An answer of a system that is larger than Temporal takes goes to the steps after it, and is there when its history is worked
// through again.
func TestLargeAnswer(t *testing.T) {
	const count = 2000
	line := fmt.Sprintf(`"%s@example.com"`, strings.Repeat("a", 2500))
	h := newHouse(t, 0, `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: x}}
  - {id: seen, ask: {queue: q, what: approve}}
  - {id: accounts, call: invoicing.find_customer, with: {emails: '${customer.emails}'}}
  - {end: {outcome: '${accounts.id}'}}
`, `{}`, map[string]play{"crm.find_customer": gives(`{"id": "301", "name": "Jane", "emails": [` + strings.TrimSuffix(strings.Repeat(line+",", count), ",") + `]}`),
		"invoicing.find_customer": gives(`{"id": "cus_9"}`)})
	task := h.open("approve", 1)[0]
	h.reply(task, `{"approved": true}`)
	require.Equal(t, "cus_9", h.outcome().Outcome)
	require.Equal(t, count, h.callsOf("invoicing.find_customer")[0].Input.Get("emails").Len())
	h.replays()
}
