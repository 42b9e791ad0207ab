package worker_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"crosswalk/engine"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/worker"
	"crosswalk/workflows"
	"crosswalk/workspace"
)

// house is a whole installation on an engine in memory: a workspace in a folder, a store, a worker.
type house struct {
	t       *testing.T
	dir     string
	address string
	store   *store.Store
	client  client.Client
	worker  *worker.Worker
}

var files = map[string]string{
	"crosswalk.yaml": `
company: Test
systems:
  people: {contract: people, drivers: [{desk: people}]}
  support: {contract: support, drivers: [{person: front-desk}]}
people: {roles: roles.yaml}
`,
	"roles.yaml": `
queues:
  front-desk: {title: Front desk, roles: [agent]}
users:
  - {name: Ada, email: ada@example.com, password: 'env:NONE', roles: [agent], languages: [en], skills: [phones]}
  - {name: Ben, email: ben@example.com, password: 'env:NONE', roles: [agent], languages: [de], absent: [{from: 2026-01-01, to: 2999-12-31}]}
`,
	"usecases/assign.yaml": `
usecase: assign
title: 'Assign ${input.text}'
input: {text: {type: string, required: true, personal: true}}
steps:
  - {id: agents, call: people.list_agents, with: {queue: front-desk, skill: phones, on: '${date_of(case.started_at)}'}}
  - {id: first, set: {value: '${first(agents.agents)}'}}
  - {id: solve, ask: {queue: front-desk, who: '${first?.email}', what: complete, outcomes: [solved]}}
  - {end: {outcome: '${solve.outcome}', result: {agent: '${first?.name}', people: '${len(agents.agents)}'}}}
`,
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	for name, text := range files {
		path := filepath.Join(h.dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	started, err := engine.Start(t.Context(), engine.Options{NoUI: true, SearchAttributes: worker.SearchAttributes(), Logger: quiet()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = started.Stop(context.Background()) })
	h.address = started.FrontendAddress()
	h.store, err = store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.store.Close()) })
	h.client, err = worker.Dial(t.Context(), worker.Dialing{Address: started.FrontendAddress(), Store: h.store, Logger: quiet()})
	require.NoError(t, err)
	t.Cleanup(h.client.Close)
	return h
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (h *house) publish() {
	loaded, problems := workspace.Load(h.dir)
	require.NoError(h.t, problems.Err(), "%s", problems.Error())
	_, err := loaded.Publish(h.t.Context(), h.store, "test", "")
	require.NoError(h.t, err)
}

func (h *house) work() {
	started, err := worker.Start(h.t.Context(), worker.Config{Store: h.store, Client: h.client, Base: h.dir, Logger: quiet(), Poll: 50 * time.Millisecond, Look: 200 * time.Millisecond})
	require.NoError(h.t, err)
	h.worker = started
	h.t.Cleanup(started.Stop)
}

func (h *house) begin(useCase, input string) store.Case {
	made, err := h.store.CreateCase(h.t.Context(), store.NewCase{UseCase: useCase})
	require.NoError(h.t, err)
	value, err := rules.FromJSON([]byte(input))
	require.NoError(h.t, err)
	require.NoError(h.t, worker.NewCases(h.client, h.store, quiet()).Start(h.t.Context(), made, value, workflows.CaseMeta{Channel: "test"}))
	return made
}

func (h *house) task(caseID string) store.Task {
	var found []store.Task
	require.Eventually(h.t, func() bool {
		var err error
		found, err = h.store.Tasks(h.t.Context(), store.TaskFilter{CaseID: caseID, Open: true})
		return err == nil && len(found) == 1
	}, time.Minute, 10*time.Millisecond)
	return found[0]
}

func (h *house) answer(task store.Task, answer string) {
	answered, err := h.store.Answer(h.t.Context(), task.ID, task.Version, store.Actor{User: "ada@example.com", All: true}, "done", json.RawMessage(answer))
	require.NoError(h.t, err)
	require.NoError(h.t, h.worker.Cases().Deliver(h.t.Context(), answered))
}

func (h *house) result(of store.Case) workflows.Outcome {
	var outcome workflows.Outcome
	require.NoError(h.t, h.client.GetWorkflow(h.t.Context(), of.ID, "").Get(h.t.Context(), &outcome))
	return outcome
}

func (h *house) history(of store.Case) []*history.HistoryEvent {
	var events []*history.HistoryEvent
	found := h.client.GetWorkflowHistory(h.t.Context(), of.ID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for found.HasNext() {
		event, err := found.Next()
		require.NoError(h.t, err)
		events = append(events, event)
	}
	return events
}

// A case on a real engine: the use case's name is the workflow's, an operation is a local activity of its own name, a
// person answers through the store, and nothing of the customer is in clear outside the payloads.
func TestCaseOnARealEngine(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish()
	h.work()
	made := h.begin("assign", `{"text": "secret words"}`)
	task := h.task(made.ID)
	require.Equal(t, "ada@example.com", task.Assignee)

	described, err := h.worker.Cases().Describe(t.Context(), made.ID)
	require.NoError(t, err)
	require.True(t, described.Running)
	h.answer(task, `{"outcome": "solved"}`)
	outcome := h.result(made)
	require.Equal(t, "solved", outcome.Outcome)
	require.JSONEq(t, `{"agent": "Ada", "people": 2}`, string(outcome.Result.Plain()))

	var localActivities []string
	for _, event := range h.history(made) {
		if marker := event.GetMarkerRecordedEventAttributes(); marker.GetMarkerName() == "LocalActivity" {
			var data struct{ ActivityType string }
			require.NoError(t, json.Unmarshal(marker.Details["data"].Payloads[0].Data, &data))
			localActivities = append(localActivities, data.ActivityType)
		}
		require.Nil(t, event.GetActivityTaskScheduledEventAttributes(), "nothing here needs an ordinary activity")
	}
	require.Equal(t, "people.list_agents", localActivities[0])
	require.Contains(t, localActivities, "open_task")

	require.ErrorIs(t, h.worker.Cases().Nudge(t.Context(), made.ID), worker.ErrEnded)
	require.NoError(t, worker.NewCases(h.client, h.store, quiet()).Start(t.Context(), made, rules.Record(map[string]rules.Value{"text": rules.Text("again")}), workflows.CaseMeta{}))
}

// A bundle that comes into force after the worker has started, and whose case comes first, fails workflow tasks until
// it is loaded, and never the case.
func TestBundleThatIsNotInMemoryIsLoaded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	started, err := worker.Start(t.Context(), worker.Config{Store: h.store, Client: h.client, Base: h.dir, Logger: quiet(), Poll: time.Hour})
	require.NoError(t, err)
	t.Cleanup(started.Stop)
	h.worker = started
	h.publish()
	made := h.begin("assign", `{"text": "x"}`)
	// The reach is not known yet, so that the case waits for a driver; the poll would bring it.
	failed := func() bool {
		for _, event := range h.history(made) {
			if event.GetWorkflowTaskFailedEventAttributes() != nil {
				return true
			}
		}
		return false
	}
	require.Eventually(t, failed, time.Minute, 20*time.Millisecond)
	require.NoError(t, started.Refresh(t.Context()))
	h.answer(h.task(made.ID), `{"outcome": "solved"}`)
	require.Equal(t, "solved", h.result(made).Outcome)
}

// On a cluster that somebody else runs, the search attributes are registered once and then known.
func TestSearchAttributesOnAnExistingCluster(t *testing.T) {
	t.Parallel()
	started, err := engine.Start(t.Context(), engine.Options{NoUI: true, Logger: quiet()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = started.Stop(context.Background()) })
	c, err := worker.Dial(t.Context(), worker.Dialing{Address: started.FrontendAddress(), Logger: quiet()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	for range 2 {
		require.NoError(t, worker.RegisterSearchAttributes(t.Context(), c, worker.DefaultNamespace))
	}
	known, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: worker.DefaultNamespace})
	require.NoError(t, err)
	for name, kind := range worker.SearchAttributes() {
		require.Equal(t, kind, known.CustomAttributes[name])
	}
}

// A case that was stored but not started has not ended.
func TestCaseThatIsNotStartedHasNotEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish()
	made, err := h.store.CreateCase(t.Context(), store.NewCase{UseCase: "assign"})
	require.NoError(t, err)
	cases := worker.NewCases(h.client, h.store, quiet())
	err = cases.Nudge(t.Context(), made.ID)
	require.Error(t, err)
	require.NotErrorIs(t, err, worker.ErrEnded)

	err = cases.Start(t.Context(), made, rules.Record(map[string]rules.Value{"wrong": rules.Text("x")}), workflows.CaseMeta{})
	require.ErrorIs(t, err, worker.ErrInput)
}

// An entry of the intake starts its case once; one whose content does not fit is put aside with the reason.
func TestStartCaseOfAnEntry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish()
	cases := worker.NewCases(h.client, h.store, quiet())
	stored1 := func(key, parsed string) store.Entry {
		stored, err := h.store.StoreEntry(t.Context(), store.Incoming{Entry: store.Entry{Source: "s", Channel: "web", DedupeKey: key, UseCase: "assign", Parsed: json.RawMessage(parsed)}})
		require.NoError(t, err)
		return stored.Entry
	}
	good := stored1("1", `{"text": "x"}`)
	for range 2 {
		require.NoError(t, cases.StartCase(t.Context(), good))
	}
	described, err := cases.Describe(t.Context(), good.CaseID)
	require.NoError(t, err)
	require.True(t, described.Running)
	entry, err := h.store.Entry(t.Context(), good.ID)
	require.NoError(t, err)
	require.Equal(t, store.EntryStarted, entry.State)

	bad := stored1("2", `{"texts": "x"}`)
	require.ErrorIs(t, cases.StartCase(t.Context(), bad), worker.ErrInput)
	entry, err = h.store.Entry(t.Context(), bad.ID)
	require.NoError(t, err)
	require.Equal(t, store.EntryFailed, entry.State)
	require.NotEmpty(t, entry.Reason)

	require.NoError(t, cases.CancelCase(t.Context(), good.CaseID, "ann", true))
}
