package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/worker"
	"crosswalk/workflows"
)

// booked makes three tickets, one in a branch and one in a loop, and waits. Each is undone by an update.
const booked = `
input: {}
steps:
  - id: first
    call: support.create_task
    with: {queue: q, title: first, text: T, reference: '${case.reference}'}
    undo: [{id: gone, call: support.update_task, with: {task: '${first}', text: 'first is void: ${first.number}'}}]
  - id: choice
    choose:
      - otherwise:
          - id: second
            call: support.create_task
            with: {queue: q, title: T, text: T, reference: '${case.reference}'}
            undo: [{call: support.update_task, with: {task: '${second}', text: 'second is void: ${second.number}'}}]
  - id: others
    each:
      in: '${["third"]}'
      as: name
      steps:
        - id: other
          call: support.create_task
          with: {queue: q, title: '${name}', text: T, reference: '${case.reference}'}
          undo: [{call: support.update_task, with: {task: '${other}', text: '${name} is void: ${other.number}'}}]
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted, refused]}}
  - {when: 'solve.outcome == "refused"', end: {outcome: refused, undo: true, result: {first: '${first.number}'}}}
`

// numbered gives each ticket another number.
func numbered() play {
	var made atomic.Int64
	return func(adapters.Call) (rules.Value, error) {
		n := made.Add(1)
		return rules.FromJSON(fmt.Appendf(nil, `{"id": "t%d", "number": "%d", "status": "new"}`, n, n))
	}
}

func bookings() map[string]play {
	return map[string]play{"support.create_task": numbered(), "support.update_task": gives(ticket)}
}

// undone lists what the updates said, in order.
func (h *harness) undone() []string {
	var texts []string
	for _, call := range h.callsOf("support.update_task") {
		texts = append(texts, call.Input.Get("text").Text())
	}
	return texts
}

// events lists the kinds of the case's timeline that are about undoing, with the steps' names.
func (h *harness) events() []string {
	events, err := h.store.Timeline(h.t.Context(), h.id)
	require.NoError(h.t, err)
	var kinds []string
	for _, event := range events {
		kinds = append(kinds, event.Kind+" "+event.Text+" "+event.Who)
	}
	return kinds
}

var lastFirst = []string{"third is void: 3", "second is void: 2", "first is void: 1"}

func TestCancelUndoesInReverseOrder(t *testing.T) {
	for name, cancel := range map[string]func(h *harness){
		"by a message": func(h *harness) { h.cancel(time.Hour, workflows.Cancel{Undo: true, By: "ann"}) },
		"by Temporal":  func(h *harness) { h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Hour) },
		"by a signal": func(h *harness) {
			h.env.RegisterDelayedCallback(func() { h.env.SignalWorkflow(workflows.SignalCancel, workflows.Cancel{Undo: true}) }, time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, booked, bookings())
			cancel(h)
			h.cancelled(`{}`)
			require.Equal(t, lastFirst, h.undone())
			require.Contains(t, h.events(), "undone "+h.label()+" ")
			effects, err := h.store.Effects(t.Context(), h.id)
			require.NoError(t, err)
			require.Len(t, effects, 6)
			steps, err := h.store.Steps(t.Context(), h.id)
			require.NoError(t, err)
			require.Equal(t, []string{"others[0].other.undo[0]", "choice[0].second.undo[0]", "first.undo[0]"}, pathsOf(steps)[len(steps)-3:])
		})
	}
}

// A workflow task that wrote the end of the case and was lost is carried out again, and what came in meanwhile is ahead of
// the answer that ended the case.
func TestWhatComesInWhileTheEndIsLostTakesNoOtherWay(t *testing.T) {
	for name, comes := range map[string]func(h *harness){
		"a cancellation with undo":    func(h *harness) { h.cancel(time.Hour, workflows.Cancel{Undo: true, By: "ann"}) },
		"a cancellation without undo": func(h *harness) { h.cancel(time.Hour, workflows.Cancel{By: "ann"}) },
		"Temporal's cancellation":     func(h *harness) { h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Hour) },
		"a redo that was asked for before": func(h *harness) {
			repairs, err := h.store.Repairs(h.t.Context(), h.id)
			require.NoError(h.t, err)
			h.env.RegisterDelayedCallback(func() {
				h.env.UpdateWorkflow(workflows.UpdateRepair, repairs[0].ID, &replied{h: h, do: h.refuses("the case has ended")}, workflows.Repair{ID: repairs[0].ID})
			}, time.Hour)
			h.cancel(2*time.Hour, workflows.Cancel{Undo: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, booked, bookings())
			h.env.RegisterDelayedCallback(func() {
				_, err := h.store.AskRepair(t.Context(), store.Repair{CaseID: h.id, Act: store.ActRedo, Step: "first", Who: "op"})
				require.NoError(t, err)
			}, time.Minute)
			h.person(time.Hour, "complete", `{"outcome": "accepted"}`)
			first := h.run(`{}`)
			before, err := h.store.Case(t.Context(), h.id)
			require.NoError(t, err)
			told := h.events()

			h.next(h.id)
			comes(h)
			h.start(`{}`)
			require.NoError(t, h.env.GetWorkflowError())
			var again workflows.Outcome
			require.NoError(t, h.env.GetWorkflowResult(&again))
			require.Equal(t, plain(t, first.Result), plain(t, again.Result))
			require.Equal(t, first.Outcome, again.Outcome)
			require.Empty(t, h.undone())
			after, err := h.store.Case(t.Context(), h.id)
			require.NoError(t, err)
			require.Equal(t, before, after)
			require.Subset(t, append(told, "repair.refused first: the case has ended op"), h.events())
		})
	}
}

func (h *harness) label() string { return h.plan.Steps[0].Label() }

func pathsOf(steps []store.StepResult) []string {
	var paths []string
	for _, step := range steps {
		paths = append(paths, step.Path)
	}
	return paths
}

func TestCancelWithoutUndoLeavesEverything(t *testing.T) {
	h := newHarness(t, booked, bookings())
	h.cancel(time.Hour, workflows.Cancel{})
	h.cancelled(`{}`)
	require.Empty(t, h.undone())
}

func TestStateAndReplyTellWhatIsUndone(t *testing.T) {
	h := newHarness(t, booked, bookings())
	want := []workflows.Undoable{{Step: "others[0].other", Label: h.label()}, {Step: "choice[0].second", Label: h.label()}, {Step: "first", Label: h.label()}}
	h.env.RegisterDelayedCallback(func() {
		value, err := h.env.QueryWorkflow(workflows.QueryState)
		require.NoError(t, err)
		var state workflows.State
		require.NoError(t, value.Get(&state))
		require.Equal(t, want, state.Undo)
	}, time.Minute)
	h.cancel(time.Hour, workflows.Cancel{Undo: true})
	h.cancelled(`{}`)
}

func TestEndUndoes(t *testing.T) {
	h := newHarness(t, booked, bookings())
	h.person(time.Hour, "complete", `{"outcome": "refused"}`)
	outcome := h.run(`{}`)
	require.Equal(t, "refused", outcome.Outcome)
	require.JSONEq(t, `{"first": "1"}`, plain(t, outcome.Result))
	require.Equal(t, lastFirst, h.undone())
}

func TestCaseThatEndsWellUndoesNothing(t *testing.T) {
	h := newHarness(t, booked, bookings())
	h.person(time.Hour, "complete", `{"outcome": "accepted"}`)
	h.run(`{}`)
	require.Empty(t, h.undone())
}

func TestFailedUndoIsAPersonsTaskWhileTheOthersGoOn(t *testing.T) {
	for answer, want := range map[string]struct {
		event string
		calls int
	}{
		`{"act": "retry"}`: {"undone LABEL ", 4},
		`{"act": "done"}`:  {"undone LABEL ", 3},
		`{"act": "skip"}`:  {"not_undone LABEL ann", 3},
		`{"act": "cancel"}` + "\n{\"act\": \"skip\"}": {"not_undone LABEL ann", 3},
	} {
		t.Run(answer, func(t *testing.T) {
			plays := bookings()
			failed := false
			plays["support.update_task"] = func(call adapters.Call) (rules.Value, error) {
				if call.Input.Get("text").Text() == "third is void: 3" && !failed {
					failed = true
					return fails(contracts.Validation)(call)
				}
				return gives(ticket)(call)
			}
			h := newHarness(t, booked, plays)
			h.cancel(time.Hour, workflows.Cancel{Undo: true})
			h.env.RegisterDelayedCallback(func() {
				require.Equal(t, lastFirst, h.undone(), "the others go on")
				stored, err := h.store.Case(t.Context(), h.id)
				require.NoError(t, err)
				require.Equal(t, store.CaseParked, stored.State)
				require.Equal(t, "undo", stored.Stage)
				require.NotContains(t, string(h.task("repair").Payload), `"cancel"`)
			}, 2*time.Hour)
			for i, one := range lines(answer) {
				h.person(time.Duration(3+i)*time.Hour, "repair", one)
			}
			h.cancelled(`{}`)
			require.Len(t, h.undone(), want.calls)
			require.Contains(t, h.events(), replaced(want.event, "LABEL", h.label()))
		})
	}
}

func TestUndoInBranchesAndTogether(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: both
    together:
      branches:
        a: [{id: made, call: support.create_task, with: {queue: q, title: a, text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${made}', text: 'void ${made.number}'}}]}]
        b: [{call: crm.find_customer, with: {email: x}}]
    on_error:
      not_found:
        - {when: 'error.branch == "b"', end: {outcome: 'no customer', undo: true}}
        - set: {a: '${missing}', b: '${missing}'}
`, map[string]play{"support.create_task": numbered(), "support.update_task": gives(ticket), "crm.find_customer": fails(contracts.NotFound)})
	require.Equal(t, "no customer", h.run(`{}`).Outcome)
	require.Equal(t, []string{"void 1"}, h.undone())
}

func TestRedoReplacesWhatIsUndone(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: 'jane@example.com'}, correct: {}}
  - id: made
    call: support.create_task
    with: {queue: q, title: '${customer.name}', text: T, reference: '${case.reference}'}
    undo: [{call: support.update_task, with: {task: '${made}', text: 'void for ${customer.name}'}}]
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}
`, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	h.person(time.Hour, "complete", `{"act": "redo", "step": "customer", "with": {"email": "john@example.com"}}`)
	h.cancel(2*time.Hour, workflows.Cancel{Undo: true})
	h.cancelled(`{}`)
	require.Equal(t, []string{"T", "void for John Doe"}, h.undone())
}

func TestOnlyWhatWasDoneIsUndone(t *testing.T) {
	for answer, want := range map[string][]string{
		`{"act": "skip"}`: nil,
		`{"act": "answer", "value": {"id": "9", "number": "9", "status": "new"}}`: {"void 9"},
	} {
		t.Run(answer, func(t *testing.T) {
			h := newHarness(t, `
input: {}
steps:
  - id: made
    when: 'len(case.facts) == 0'
    call: support.create_task
    with: {queue: q, title: T, text: T, reference: '${case.reference}'}
    undo: [{call: support.update_task, with: {task: '${made}', text: 'void ${made.number}'}}]
  - {id: other, when: 'len(case.facts) == 7', call: support.create_task, with: {queue: q, title: T, text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${other}', text: wrong}}]}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}
`, map[string]play{"support.create_task": fails(contracts.Validation), "support.update_task": gives(ticket)})
			h.person(time.Hour, "repair", answer)
			h.cancel(2*time.Hour, workflows.Cancel{Undo: true})
			h.cancelled(`{}`)
			require.Equal(t, want, h.undone())
		})
	}
}

// A write that the system does not answer when the case is cancelled may have happened: the ledger or a person says so.
func TestBrokenOffWriteIsSettledBeforeItIsUndone(t *testing.T) {
	for answer, want := range map[string][]string{
		`{"act": "done", "value": {"id": "8", "number": "8", "status": "new"}}`: {"void 8"},
		`{"act": "not_done"}`: nil,
		`{"act": "void"}`:     nil,
	} {
		t.Run(answer, func(t *testing.T) {
			h := newHarness(t, `
input: {}
steps:
  - id: made
    call: support.create_task
    with: {queue: q, title: T, text: T, reference: '${case.reference}'}
    undo: [{call: support.update_task, with: {task: '${made}', text: 'void ${made.number}'}}]
`, map[string]play{"support.create_task": fails(contracts.Unavailable), "support.update_task": gives(ticket)})
			h.cancel(time.Hour, workflows.Cancel{Undo: true})
			h.person(2*time.Hour, "confirm", answer)
			h.cancelled(`{}`)
			require.Equal(t, want, h.undone())
		})
	}
}

func TestReadEffect(t *testing.T) {
	h := newHarness(t, booked, nil)
	place := activities.Place{Case: h.id, Path: "first", Generation: 1}
	known, err := h.acts.ReadEffect(context.Background(), activities.ReadEffectInput{Place: place})
	require.NoError(t, err)
	require.Equal(t, activities.ReadEffectOutput{Certain: true}, known, "what was never begun has not happened")
}

// undoesMuch does something for each of forty items, all of which can be undone.
const undoesMuch = `
input: {numbers: {type: array, items: {type: number}, required: true}, factor: {type: number}}
steps:
  - id: items
    each:
      in: '${input.numbers}'
      as: n
      in_order: true
      steps:
        - {id: told, call: support.create_task, with: {queue: q, title: '${readable(n)}', text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${told}', text: 'void ${n}'}}]}
  - {id: seen, ask: {queue: q, what: approve}}
  - {when: not seen.approved, end: {outcome: refused, undo: true, result: {items: '${len(items)}'}}}
`

// atSecond plays a system that answers at the second attempt, which is no local one: each call is a workflow task of its own.
func atSecond() play {
	var mu sync.Mutex
	tried := map[string]bool{}
	return func(call adapters.Call) (rules.Value, error) {
		mu.Lock()
		defer mu.Unlock()
		if !tried[call.Key] {
			tried[call.Key] = true
			return fails(contracts.Unavailable)(call)
		}
		return gives(ticket)(call)
	}
}

// An undo that is long goes on in new runs like everything else, when the case is cancelled and when it ends so.
func TestLongUndoContinues(t *testing.T) {
	const count = 40
	for _, way := range []string{"cancelled", "refused"} {
		t.Run(way, func(t *testing.T) {
			h := newHouse(t, 60, undoesMuch, numbers(t, count), map[string]play{"support.create_task": gives(ticket), "support.update_task": atSecond()})
			task := h.open("approve", 1)[0]
			before := len(h.runs())
			if way == "cancelled" {
				require.NoError(t, h.client.SignalWorkflow(t.Context(), h.id, "", workflows.SignalCancel, workflows.Cancel{Undo: true, By: "ann"}))
				require.Error(t, h.client.GetWorkflow(t.Context(), h.id, "").Get(t.Context(), nil))
			} else {
				answered, err := h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: "ann", All: true}, "no", json.RawMessage(`{"approved": false}`))
				require.NoError(t, err)
				require.NoError(t, worker.NewCases(h.client, h.store, nil).Deliver(t.Context(), answered))
				require.Equal(t, fmt.Sprint(count), h.outcome().Result.Get("items").String())
			}
			require.Greater(t, len(h.runs()), before+1, "it has gone on in new runs while it was undone")
			var want, got []string
			for n := count; n > 0; n-- {
				want = append(want, fmt.Sprintf("void %d", n))
			}
			for _, call := range h.callsOf("support.update_task") {
				got = append(got, call.Input.Get("text").Text())
			}
			require.Equal(t, want, slices.Compact(got))
			stored, err := h.store.Case(t.Context(), h.id)
			require.NoError(t, err)
			require.True(t, stored.Ended())
			h.replays()
		})
	}
}
