package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

// numbers is an input that lists the numbers from 1 on.
func numbers(t *testing.T, count int) string {
	t.Helper()
	list := make([]int, count)
	for i := range list {
		list[i] = i + 1
	}
	text, err := json.Marshal(map[string]any{"numbers": list, "factor": 2})
	require.NoError(t, err)
	return string(text)
}

const doubles = `
input: {numbers: {type: array, items: {type: number}, required: true}, factor: {type: number, required: true}}
steps:
  - id: doubled
    each: {in: '${input.numbers}', as: n, steps: [{id: one, set: {value: '${n % 10 == 0 ? missing : n * input.factor}'}}]}
  - {end: {result: {count: '${len(doubled)}', sum: '${sum(doubled)}', first: '${doubled[0]}', last: '${doubled[-1]}'}}}
`

// Twenty thousand items, in windows: in the order of the list, and without those that gave nothing.
func TestLongLoop(t *testing.T) {
	for _, count := range []int{51, 20_000} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			h := newHouse(t, 0, doubles, numbers(t, count), nil)
			begun := time.Now()
			result := h.outcome().Result
			t.Logf("%d items in %s, %d events", count, time.Since(begun).Round(time.Millisecond), len(h.runs()[0]))
			sum, left := 0, 0
			for n := 1; n <= count; n++ {
				if n%10 != 0 {
					sum, left = sum+2*n, left+1
				}
			}
			last := count
			if last%10 == 0 {
				last--
			}
			require.JSONEq(t, fmt.Sprintf(`{"count": %d, "sum": %d, "first": 2, "last": %d}`, left, sum, 2*last), plain(t, result))
			steps, err := h.store.Steps(t.Context(), h.id)
			require.NoError(t, err)
			require.Len(t, steps, count+1, "each item is in the record of the case")
		})
	}
}

const visits = `
input: {numbers: {type: array, items: {type: number}, required: true}, factor: {type: number}}
steps:
  - {id: ticket, call: support.create_task, with: {queue: q, title: T, text: T, reference: '${case.reference}'}}
  - id: names
    each:
      in: '${input.numbers}'
      as: n
      steps:
        - {id: found, call: crm.find_customer, with: {email: '${readable(n)}'}}
        - {id: told, call: support.update_task, with: {task: '${ticket}', text: '${found.name} ${n}'}}
        - {id: name, set: {value: '${found.name}'}}
  - {end: {outcome: '${join(names, ",")}', result: {facts: '${len(case.facts)}'}}}
`

func customer(call adapters.Call) (rules.Value, error) {
	n := call.Input.Get("email").Text()
	return rules.FromJSON(fmt.Appendf(nil, `{"id": "%s", "name": "C%s"}`, n, n))
}

// Windows call systems, their effects are the case's, and a worker that goes away in between loses and doubles nothing.
func TestWindowsCallSystems(t *testing.T) {
	const count = 230
	h := newHouse(t, 0, visits, numbers(t, count), map[string]play{"crm.find_customer": customer, "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	require.Eventually(t, func() bool { return len(h.callsOf("support.update_task")) > 60 }, time.Minute, time.Millisecond)
	h.restart()
	outcome := h.outcome()
	var names []string
	for n := 1; n <= count; n++ {
		names = append(names, fmt.Sprintf("C%d", n))
	}
	require.Equal(t, strings.Join(names, ","), outcome.Outcome)
	require.Equal(t, fmt.Sprint(count), outcome.Result.Get("facts").String())
	require.Len(t, h.callsOf("support.update_task"), count)
	effects, err := h.store.Effects(t.Context(), h.id)
	require.NoError(t, err)
	require.Len(t, effects, count+1)
	h.replays()
}

const failing = `
input: {numbers: {type: array, items: {type: number}, required: true}, factor: {type: number}}
steps:
  - id: names
    each:
      in: '${input.numbers}'
      as: n
      steps:
        - {id: found, call: crm.find_customer, with: {email: '${readable(n)}'}}
        - {id: name, set: {value: '${found.name}'}}
  - {end: {result: {count: '${len(names)}'}}}
`

// An error in an item is a person's task that names the item; the other windows go on meanwhile, however many wait.
func TestErrorsInWindows(t *testing.T) {
	const count = 700
	h := newHouse(t, 0, failing, numbers(t, count), map[string]play{"crm.find_customer": func(call adapters.Call) (rules.Value, error) {
		if strings.HasSuffix(call.Input.Get("email").Text(), "7") {
			return rules.Value{}, contracts.NewError(contracts.Validation, call.Operation, "as ordered")
		}
		return customer(call)
	}})
	tasks := h.open("repair", 70)
	require.Contains(t, tasks[0].StepPath, "names[")
	for _, task := range tasks {
		h.reply(task, `{"act": "answer", "value": {"id": "9", "name": "Typed"}}`)
	}
	require.JSONEq(t, fmt.Sprintf(`{"count": %d}`, count), plain(t, h.outcome().Result))
}

// The end of the case inside an item stops all windows, and so does a cancellation.
func TestWindowsStop(t *testing.T) {
	asks := `
input: {numbers: {type: array, items: {type: number}, required: true}, factor: {type: number}}
steps:
  - id: seen
    each:
      in: '${input.numbers}'
      as: n
      steps:
        - {id: asked, ask: {queue: q, what: approve, show: {N: '${n}'}}}
        - {when: not asked.approved, end: {outcome: refused, result: {n: '${n}'}}}
`
	tests := []struct {
		name string
		stop func(h *house, tasks []store.Task)
		want string
	}{
		{"end", func(h *house, tasks []store.Task) { h.reply(tasks[0], `{"approved": false}`) }, "refused"},
		{"cancel", func(h *house, _ []store.Task) {
			require.NoError(h.t, h.client.CancelWorkflow(h.t.Context(), h.id, ""))
		}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t, 0, asks, numbers(t, 120), nil)
			test.stop(h, h.open("approve", 120))
			if test.want == "" {
				require.Error(t, h.client.GetWorkflow(t.Context(), h.id, "").Get(t.Context(), nil))
			} else {
				require.Equal(t, test.want, h.outcome().Outcome)
			}
			h.open("approve", 0)
			for _, first := range []int{0, 50, 100} {
				id := fmt.Sprintf("%s/seen[%d-%d]", h.id, first, min(first+49, 119))
				described, err := h.client.DescribeWorkflowExecution(context.Background(), id, "")
				require.NoError(t, err)
				require.NotEqual(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, described.WorkflowExecutionInfo.Status)
			}
		})
	}
}
