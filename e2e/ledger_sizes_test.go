package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// inOneRun reads and books one number after the other. Each page has 100 KB, so that the history holds 4 MB, where
// Temporal suggests a new run, at about the fortieth.
const inOneRun = `title: Numbers
input: {numbers: {type: array, items: {type: integer}, required: true}}
steps:
  - id: booked
    each:
      in: '${input.numbers}'
      as: n
      in_order: true
      steps:
        - {id: page, call: ledger.read_page, with: {n: '${n}', size: 100000}}
        - {id: row, call: ledger.book, with: {what: 'run ${page.id}'}}
        - {when: n % 8 == 0, id: moment, wait: {for: 10ms}}
        - {id: kept, set: {value: '${row.text}'}}
  - {end: {result: {booked: '${len(booked)}'}}}
`

const inWindows = `title: Numbers
input: {numbers: {type: array, items: {type: integer}, required: true}}
steps:
  - id: booked
    each:
      in: '${input.numbers}'
      as: n
      steps:
        - {id: page, call: ledger.read_page, with: {n: '${n}', size: 10}}
        - {id: row, call: ledger.book, with: {what: 'window ${page.id}'}}
        - {id: kept, set: {value: '${row.text}'}}
  - {end: {result: {booked: '${len(booked)}'}}}
`

const inOrder = `title: Numbers
input: {numbers: {type: array, items: {type: integer}, required: true}}
steps:
  - id: booked
    each: {in: '${input.numbers}', as: n, in_order: true, steps: [{id: row, call: ledger.book, with: {what: '${text(n)}'}}]}
  - {end: {result: {booked: '${len(booked)}'}}}
`

const largeAnswer = `title: Everything
input: {}
steps:
  - {id: all, call: ledger.read_all}
  - {id: seen, ask: {queue: desk, what: approve}}
  - {id: last, set: {value: '${all.rows[-1]}'}}
  - {id: row, call: ledger.book, with: {what: 'dump ${last?.id ?? ""}'}}
  - {end: {result: {rows: '${len(all.rows)}', last: '${last?.id}', row: '${row.text}'}}}
`

// TestKilledWhileItIsLarge: the program is killed while a case goes on in new runs, while a long loop works in windows,
// and while thirty megabytes of a system's answer lie in a case that waits. Each effect happens once.
func TestKilledWhileItIsLarge(t *testing.T) {
	t.Parallel()
	w, l := newLedgerWorld(t, "", map[string]string{"in-one-run": inOneRun, "in-windows": inWindows, "in-order": inOrder, "large-answer": largeAnswer})

	large := w.begun("large-answer", map[string]any{})
	_, task := w.awaitTask(large, "approve")

	l.killAt(w, 6, 38, 42)
	id := w.begun("in-one-run", countTo(48))
	require.JSONEq(t, `{"booked": 48}`, string(w.ledgerEnds(id).Case.Result))
	l.once(t, 48)
	require.Greater(t, w.runsOf(id), 1, "it never went on in a new run")

	l.killAt(w, 48+10, 48+70, 48+125)
	id = w.begun("in-windows", countTo(130))
	require.JSONEq(t, `{"booked": 130}`, string(w.ledgerEnds(id).Case.Result))
	l.once(t, 48+130)

	l.killAt(w, 48+130+60)
	id = w.begun("in-order", countTo(120))
	require.JSONEq(t, `{"booked": 120}`, string(w.ledgerEnds(id).Case.Result))
	l.once(t, 48+130+120)
	want := make([]string, 120)
	for i := range want {
		want[i] = strconv.Itoa(i + 1)
	}
	require.Equal(t, want, l.bookings()[48+130:], "one after the other, over windows and a kill")

	require.Equal(t, http.StatusOK, w.login("ann@x.example").answers(task.ID, `{"approved": true}`))
	require.JSONEq(t, `{"rows": 12000, "last": "11999", "row": "booked"}`, string(w.ledgerEnds(large).Case.Result))
	l.once(t, 48+130+120+1)
	require.True(t, slices.Contains(l.bookings(), "dump 11999"))
	info, err := os.Stat(filepath.Join(w.dir, ".crosswalk", "crosswalk.db"))
	require.NoError(t, err)
	require.Greater(t, info.Size(), int64(30_000_000), "what is large lies in the store")
}

// runsOf counts the runs of a case.
func (w *world) runsOf(id string) int {
	w.t.Helper()
	var r struct{ Temporal string }
	readJSON(w.t, filepath.Join(w.dir, ".crosswalk", "up.json"), &r)
	c, err := client.Dial(client.Options{HostPort: r.Temporal, Namespace: "crosswalk"})
	require.NoError(w.t, err)
	defer c.Close()
	described, err := c.DescribeWorkflowExecution(w.t.Context(), id, "")
	require.NoError(w.t, err)
	runs := 1
	for run := described.WorkflowExecutionInfo.FirstRunId; run != described.WorkflowExecutionInfo.Execution.RunId; runs++ {
		found := c.GetWorkflowHistory(w.t.Context(), id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
		event, err := found.Next()
		require.NoError(w.t, err)
		run = event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		require.NotEmpty(w.t, run)
	}
	return runs
}
