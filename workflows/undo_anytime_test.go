package workflows_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/workflows"
)

// bookedBesides makes tickets in the items of a list and in a branch beside it, in several steps with waits between them.
const bookedBesides = `
input: {}
steps:
  - id: both
    together:
      branches:
        list:
          - id: items
            each:
              in: '${["a", "b", "c"]}'
              as: name
              steps:
                - {id: one, call: support.create_task, with: {queue: q, title: '${name}1', text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${one}', text: 'void ${one.number}'}}]}
                - {id: pause, wait: {for: 1 hour}}
                - {id: two, call: support.create_task, with: {queue: q, title: '${name}2', text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${two}', text: 'void ${two.number}'}}]}
                - {id: rest, wait: {for: 1 hour}}
                - {id: three, call: support.create_task, with: {queue: q, title: '${name}3', text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${three}', text: 'void ${three.number}'}}]}
          - set: {value: '${len(items)}'}
        beside:
          - {id: first, call: support.create_task, with: {queue: q, title: first, text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${first}', text: 'void ${first.number}'}}]}
          - {id: pause, wait: {for: 90 minutes}}
          - {id: second, call: support.create_task, with: {queue: q, title: second, text: T, reference: '${case.reference}'}, undo: [{call: support.update_task, with: {task: '${second}', text: 'void ${second.number}'}}]}
          - set: {value: '${second.number}'}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}
`

// Whenever a case is cancelled in the middle of a list and of branches, each write that happened is undone once, the last
// first, and one in doubt is a person's question that holds up no other: what the person says of it counts.
func TestCancelWithUndoInTheMiddleOfListsAndBranches(t *testing.T) {
	for _, doubtful := range []string{"", "a1", "b2", "c3", "first", "second"} {
		for _, happened := range []bool{true, false} {
			if doubtful == "" && happened {
				continue
			}
			for _, after := range []time.Duration{time.Minute, 61 * time.Minute, 91 * time.Minute, 121 * time.Minute, 5 * time.Hour} {
				t.Run(fmt.Sprintf("%s in doubt, happened %t, after %s", doubtful, happened, after), func(t *testing.T) {
					plays, sent := bookings(), false
					made := plays["support.create_task"]
					plays["support.create_task"] = func(call adapters.Call) (rules.Value, error) {
						if call.Input.Get("title").Text() == doubtful {
							return fails(contracts.Unavailable)(call)
						}
						return made(call)
					}
					h := newHarness(t, bookedBesides, plays)
					h.cancel(after, workflows.Cancel{Undo: true, By: "ann"})
					h.env.RegisterDelayedCallback(func() {
						sent = slices.ContainsFunc(h.callsOf("support.create_task"), func(call adapters.Call) bool { return call.Input.Get("title").Text() == doubtful })
					}, after)
					h.env.RegisterDelayedCallback(func() {
						if sent {
							said := `{"act": "not_done"}`
							if happened {
								said = `{"act": "done", "value": {"id": "t99", "number": "99", "status": "new"}}`
							}
							h.person(0, "confirm", said)
						}
					}, after+time.Hour)
					h.cancelled(`{}`)
					var done, undone []string
					steps, err := h.store.Steps(t.Context(), h.id)
					require.NoError(t, err)
					for _, step := range steps {
						if step.Operation == "create_task" && strings.Contains(string(step.Result), `"number"`) {
							v, err := rules.FromJSON(step.Result)
							require.NoError(t, err)
							done = append(done, v.Get("number").Text())
						}
					}
					for _, text := range h.undone() {
						undone = append(undone, strings.TrimPrefix(text, "void "))
					}
					slices.Reverse(done)
					if sent && happened { // nothing waits for the person, so that it comes behind the others
						done = append(done, "99")
					}
					require.Equal(t, done, undone, "the last first, each once")
					effects := 0
					for _, call := range h.callsOf("support.create_task") {
						if call.Input.Get("title").Text() != doubtful {
							effects++
						}
					}
					if sent && happened {
						effects++
					}
					require.Len(t, undone, effects)
				})
			}
		}
	}
}
