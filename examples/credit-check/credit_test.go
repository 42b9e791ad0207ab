package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/worker"

	"crosswalk/engine"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/worker"
	"crosswalk/workflows"
	"crosswalk/workspace"
)

// house is Crosswalk with this example's workspace, and beside it this example's worker, on a connection of its own.
type house struct {
	t     *testing.T
	store *store.Store
	cases *worker.Cases
}

func newHouse(t *testing.T) *house {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	started, err := engine.Start(t.Context(), engine.Options{NoUI: true, SearchAttributes: worker.SearchAttributes(), Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { _ = started.Stop(context.Background()) })
	h := &house{t: t}
	h.store, err = store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.store.Close()) })
	loaded, problems := workspace.Load("workspace")
	require.Empty(t, problems.Error())
	_, err = loaded.Publish(t.Context(), h.store, "test", "")
	require.NoError(t, err)
	ours, err := worker.Start(t.Context(), worker.Config{Store: h.store, Temporal: worker.Dialing{Address: started.FrontendAddress(), Store: h.store, Logger: quiet}, NoRobots: true, Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(ours.Stop)
	h.cases = ours.Cases()

	plain, err := client.Dial(client.Options{HostPort: started.FrontendAddress(), Namespace: worker.DefaultNamespace, Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(plain.Close)
	theirs := sdk.New(plain, queue, sdk.Options{})
	register(theirs)
	require.NoError(t, theirs.Start())
	t.Cleanup(theirs.Stop)
	return h
}

func (h *house) begin(company string, amount string) store.Case {
	h.t.Helper()
	made, err := h.store.CreateCase(h.t.Context(), store.NewCase{UseCase: "new-customer"})
	require.NoError(h.t, err)
	input, err := rules.FromJSON([]byte(`{"company": "` + company + `", "amount": ` + amount + `}`))
	require.NoError(h.t, err)
	require.NoError(h.t, h.cases.Start(h.t.Context(), made, input, workflows.CaseMeta{Channel: "test"}))
	return made
}

// until waits until the case is as wanted.
func (h *house) until(id string, wanted func(store.Case) bool) store.Case {
	h.t.Helper()
	var found store.Case
	require.Eventually(h.t, func() bool {
		var err error
		found, err = h.store.Case(h.t.Context(), id)
		return err == nil && wanted(found)
	}, time.Minute, 20*time.Millisecond)
	return found
}

func (h *house) end(id string) store.Case {
	h.t.Helper()
	return h.until(id, func(c store.Case) bool { return c.Ended() })
}

func TestNewCustomer(t *testing.T) {
	h := newHouse(t)
	made := h.begin("kettles", "4900.50")
	h.until(made.ID, func(c store.Case) bool { return c.WaitingKind == "case" && c.WaitingFor == "open-account" })
	run, err := h.store.Cases(t.Context(), store.CaseFilter{Parent: made.ID})
	require.NoError(t, err)
	require.Len(t, run, 1)
	require.Equal(t, "account", run[0].ParentStep)
	h.until(run[0].ID, func(c store.Case) bool { return c.Title == "Account for Acme Kettles Ltd" && c.WaitingKind == "person" })
	var tasks []store.Task
	require.Eventually(t, func() bool {
		tasks, err = h.store.Tasks(t.Context(), store.TaskFilter{CaseID: run[0].ID, Open: true})
		return err == nil && len(tasks) == 1
	}, time.Minute, 20*time.Millisecond)
	answered, err := h.store.Answer(t.Context(), tasks[0].ID, tasks[0].Version, store.Actor{User: "ada", All: true}, "answered", json.RawMessage(`{"value": {"number": "A-77"}}`))
	require.NoError(t, err)
	require.NoError(t, h.cases.Deliver(t.Context(), answered))

	ended := h.end(made.ID)
	require.Equal(t, "opened", ended.Outcome)
	require.JSONEq(t, `{"score": 84, "account": "A-77"}`, string(ended.Result))
}

func TestYoungCompanyIsRefused(t *testing.T) {
	h := newHouse(t)
	refused, unknown := h.begin("brook", "100"), h.begin("nobody", "100")
	require.Equal(t, "refused", h.end(refused.ID).Outcome)
	require.Equal(t, "unknown_company", h.end(unknown.ID).Outcome)
}
