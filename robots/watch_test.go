package robots

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

// TestWhoWatchesSeesWhatWasDone holds that a step which did nothing is told as such and not with the element of the one before,
// and that a condition which does not hold is told with what it has read.
func TestWhoWatchesSeesWhatWasDone(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("GET /watched", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `<body><button onclick="1">Show</button><table><tr><th>No</th></tr><tr><td>7</td></tr></table>`)
	})
	program := compileTest(t, plainSystem, `
  - goto: /watched
  - click: {button: Show}
  - {when: input.number == "8", click: {button: Show}}
  - {table: {from: {}, columns: {No: no}, as: rows}}
  - assert: len(rows) == 0 && input.number == "8"
`, "{}")
	var seen []Watched
	_, err := NewRunner(pool, nil).Run(t.Context(), program, Call{Base: p.URL, Input: rules.Record(map[string]rules.Value{"number": rules.Text("7")}), Watch: func(w Watched) { seen = append(seen, w) }})
	require.ErrorContains(t, err, `test.yaml:10: the page contradicts len(rows) == 0 && input.number == "8" (input.number: 7, rows: [{"no":"7"}])`)
	require.Len(t, seen, 5)
	require.Contains(t, seen[1].Element, "button")
	for i, skipped := range []bool{false, false, true, false, false} {
		require.Equal(t, skipped, seen[i].Skipped, i)
	}
	require.Empty(t, seen[2].Element)
}
