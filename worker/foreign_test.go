package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/store"
)

// foreignCase runs one thing of a worker that knows nothing of us.
const foreignCase = `usecase: %s
steps:
  - id: score
    run: {%s: %s, task_queue: credit, result: {score: {type: integer, required: true}}}
    retry: {attempts: 1, within: 10 minutes}
    timeout: %s
  - {end: {result: '${score.score}'}}
`

// gives are the things that a worker may do, as workflows. What needs no workflow is done as an activity, too.
func gives(result any, err error) func(workflow.Context) (any, error) {
	return func(workflow.Context) (any, error) { return result, err }
}

var (
	encrypted    = converter.NewRawValue(&commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted")}, Data: []byte("xyz")})
	sevenAndMore = map[string]any{"score": 7, "more": map[string]any{"deep": []int{1}}}
	tooLarge     = map[string]any{"score": 7, "text": strings.Repeat("x", 30<<20)}
	bankrupt     = temporal.NewNonRetryableApplicationError("the company is bankrupt", "Bankrupt", nil)
)

// theirs is what their worker does, and to what the case comes: a result, the class and words of a repair task, or, after
// "stuck", why it does not get on.
var theirs = map[string]struct {
	do                 func(workflow.Context) (any, error)
	workflow, activity string
}{
	"More":       {gives(sevenAndMore, nil), "7", "7"},
	"WrongType":  {gives(map[string]any{"score": "seven"}, nil), "drift: score: expected a whole number", "drift: score: expected a whole number"},
	"WrongShape": {gives("seven", nil), "drift: expected a record, found a text", "drift: expected a record, found a text"},
	"Nothing":    {gives(nil, nil), "drift: Nothing gave nothing", "drift: Nothing gave nothing"},
	"Bytes":      {gives([]byte("seven"), nil), "drift: not valid JSON", "drift: not valid JSON"},
	"Encrypted":  {gives(encrypted, nil), "internal: as plain JSON (json/plain)", "internal: as plain JSON (json/plain)"},
	"Large":      {gives(tooLarge, nil), "stuck: exceeded the error limit", "internal: have its worker store it, and give an id"},
	"Refused":    {gives(nil, bankrupt), "declined: the company is bankrupt", "declined: the company is bankrupt"},
	"Complains":  {gives(nil, errors.New(strings.Repeat("long ", 1<<20))), "internal: by Temporal because what it gave was too large", ""},
	"Panics":     {func(workflow.Context) (any, error) { panic("oops") }, "stuck: oops", "internal: its worker has a mistake, and broke off: oops"},
	"Unknown":    {nil, "stuck: unable to find workflow type", "internal: unable to find activityType=Unknown"},
	"Again": {func(ctx workflow.Context) (any, error) {
		if workflow.GetInfo(ctx).ContinuedExecutionRunID == "" {
			return nil, workflow.NewContinueAsNewError(ctx, "Again")
		}
		return sevenAndMore, nil
	}, "7", ""},
	"Slow":       {sleeps, "unavailable: in the time that one attempt has (timeout)", ""},
	"Cancelled":  {sleeps, "declined: it was cancelled", ""},
	"Terminated": {sleeps, "internal: it was terminated: by a person", ""},
}

func sleeps(ctx workflow.Context) (any, error) { return sevenAndMore, workflow.Sleep(ctx, time.Hour) }

// foreign is a worker of somebody else's, with what any kit of Temporal does by itself.
func (h *house) foreign() {
	h.t.Helper()
	own, err := client.Dial(client.Options{HostPort: h.address, Namespace: "crosswalk", Logger: log.NewStructuredLogger(quiet())})
	require.NoError(h.t, err)
	h.t.Cleanup(own.Close)
	w := sdk.New(own, "credit", sdk.Options{})
	for name, one := range theirs {
		if one.do != nil {
			w.RegisterWorkflowWithOptions(one.do, workflow.RegisterOptions{Name: name})
			w.RegisterActivityWithOptions(func(context.Context) (any, error) { return one.do(nil) }, activity.RegisterOptions{Name: name})
		}
	}
	require.NoError(h.t, w.Start())
	h.t.Cleanup(w.Stop)
}

// comesTo is what a case has come to: its result, or the class and words of the repair task, or why it does not get on.
func (h *house) comesTo(of store.Case) (string, error) {
	one, err := h.store.Case(h.t.Context(), of.ID)
	if err != nil || one.Ended() {
		return string(one.Result), err
	}
	tasks, err := h.store.Tasks(h.t.Context(), store.TaskFilter{CaseID: of.ID, Open: true})
	if err != nil {
		return "", err
	}
	if len(tasks) > 0 {
		return string(tasks[0].Payload), err
	}
	return h.worker.Cases().Stuck(h.t.Context(), of.ID, "score")
}

// A worker of somebody else's can do whatever it likes: the case comes to an end that says what is to be done, or says why
// it waits.
func TestWhatAForeignWorkerMayDo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, one := range theirs {
		timeout := "10 minutes"
		if name == "Slow" {
			timeout = "1 second"
		}
		for kind, want := range map[string]string{"workflow": one.workflow, "activity": one.activity} {
			if useCase := strings.ToLower(kind + name); want != "" {
				h.save("usecases/"+useCase+".yaml", fmt.Sprintf(foreignCase, useCase, kind, name, timeout))
			}
		}
	}
	h.publish()
	h.work()
	begun := map[string]store.Case{}
	for name, one := range theirs {
		for kind, want := range map[string]string{"workflow": one.workflow, "activity": one.activity} {
			if want != "" {
				begun[kind+" "+name] = h.begin(strings.ToLower(kind+name), `{}`)
			}
		}
	}
	h.foreign() // late: what nobody listened to waits
	for of, end := range map[string]func(id string) error{
		"workflow Cancelled":  func(id string) error { return h.client.CancelWorkflow(t.Context(), id, "") },
		"workflow Terminated": func(id string) error { return h.client.TerminateWorkflow(t.Context(), id, "", "by hand") },
	} {
		require.Eventually(t, func() bool { return end(begun[of].ID+"/score") == nil }, time.Minute, 20*time.Millisecond, of)
	}
	for name, one := range theirs {
		for kind, want := range map[string]string{"workflow": one.workflow, "activity": one.activity} {
			if want == "" {
				continue
			}
			class, words, _ := strings.Cut(strings.TrimPrefix(want, "stuck: "), ": ")
			// What a case waits for it says only until it gets on: that a workflow was cancelled, say, and has not ended yet.
			require.EventuallyWithT(t, func(at *assert.CollectT) {
				came, err := h.comesTo(begun[kind+" "+name])
				require.NoError(at, err)
				require.Contains(at, came, class)
				require.Contains(at, came, words)
			}, time.Minute, 20*time.Millisecond, "%s %s", kind, name)
		}
	}
}

// A case that is cancelled cancels what it runs, and waits for its end. What no worker takes does not end by itself, and the
// case says so until somebody terminates it.
func TestCancelOfWhatNobodyWorksOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, kind := range []string{"activity", "workflow"} {
		h.save("usecases/"+kind+".yaml", fmt.Sprintf(foreignCase, kind, kind, "Slow", "10 minutes"))
	}
	h.publish()
	h.work()
	for _, kind := range []string{"activity", "workflow"} {
		made := h.begin(kind, `{}`)
		until := func(what string, holds func(store.Case) bool) {
			t.Helper()
			require.Eventually(t, func() bool {
				one, err := h.store.Case(t.Context(), made.ID)
				require.NoError(t, err)
				return holds(one)
			}, time.Minute, 20*time.Millisecond, "%s: %s", kind, what)
		}
		until("it waits", func(one store.Case) bool { return one.WaitingFor == "credit" })
		require.NoError(t, h.worker.Cases().CancelCase(t.Context(), made.ID, "ann", true))
		if kind == "workflow" {
			until("it says what to do", func(store.Case) bool {
				waits, err := h.worker.Cases().Waits(t.Context(), made.ID)
				require.NoError(t, err)
				if len(waits) != 1 || waits[0].For != "credit" {
					return false
				}
				why, err := h.worker.Cases().Stuck(t.Context(), made.ID, waits[0].Step)
				require.NoError(t, err)
				return strings.Contains(why, "terminate the workflow "+made.ID+"/score")
			})
			require.NoError(t, h.client.TerminateWorkflow(t.Context(), made.ID+"/score", "", "nobody works on it"))
		}
		until("it has ended", func(one store.Case) bool { return one.State == store.CaseCancelled })
	}
}
