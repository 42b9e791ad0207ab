package robots

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// TestAFurtherRowIsCalledAsItsColumn holds that the first order of two lines, over the second of which no heading stands, is no
// change of the page, and that exchanged headings are.
func TestAFurtherRowIsCalledAsItsColumn(t *testing.T) {
	t.Parallel()
	o, m := serveOrders(t), newMemory()
	headings := "<td>Item</td><td>Quantity</td>"
	o.behave(func(now *manners) {
		now.intercept = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/orders/new" {
				_, _ = fmt.Fprintf(w, `<form method="post" action="/orders"><label>Reference <input name="reference"></label>
					<table><tr>%s</tr><tr><td><input name="item_1"></td><td><input name="quantity_1"></td></tr><tr><td><input name="item_2"></td><td><input name="quantity_2"></td></tr></table>
					<input type="submit" value="Save"></form>`, headings)
			}
			return r.URL.Path == "/orders/new"
		}
	})
	program := compileOrder(t, orderSystem, strings.Replace(orderRobot, "  - fill: {into: {label: Amount}, value: '${input.amount}'}\n", `  - each:
      of: '${input.amount > 1 ? ["1", "2"] : ["1"]}'
      as: line
      do:
        - fill: {into: {field: 'item_${line}'}, value: 'A-${line}'}
        - fill: {into: {field: 'quantity_${line}'}, value: '${line}'}
`, 1))
	runner := NewRunner(pool, nil)
	runner.Remember(m)
	run := func(key string, reference string, amount int64) (Result, error) {
		call := orderCall(o, key, &ledger{})
		call.Input = rules.Record(map[string]rules.Value{"reference": rules.Text(reference), "amount": rules.Number(rules.Int(amount))})
		return runner.Run(t.Context(), program, call)
	}
	for i, lines := range []int64{1, 1, 1, 2, 1, 2} {
		result, err := run(fmt.Sprintf("k%d", i), fmt.Sprintf("R%d", i), lines)
		require.NoError(t, err)
		require.Empty(t, result.Warnings)
		require.Empty(t, m.changes)
	}
	headings = "<td>Quantity</td><td>Item</td>"
	for _, lines := range []int64{1, 2} {
		before := o.posted()
		_, err := run(fmt.Sprintf("x%d", lines), "R9", lines)
		require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%v", err)
		require.Equal(t, before, o.posted())
	}
}
