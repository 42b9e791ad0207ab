package robots

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

// as types a text as it is.
func as(text string) func(bool) string { return func(bool) string { return text } }

// TestTypedAsTheApplicationWrites holds that a number and a day are typed as the application writes them, for 1234.5 in a field
// that takes 1.234,56 books ten times as much; that fields which the browser keeps in one form get that; and that texts stay.
func TestTypedAsTheApplicationWrites(t *testing.T) {
	t.Parallel()
	o := serveOrders(t)
	var mutex sync.Mutex
	var came url.Values
	o.behave(func(now *manners) {
		now.intercept = func(w http.ResponseWriter, r *http.Request) bool {
			switch r.URL.Path {
			case "/orders/new":
				_, _ = fmt.Fprint(w, `<h1>New order</h1><form method="post" action="/orders"><label>Reference <input name="reference"></label><br>Amount <input name="amount"><br>Count <input type="number" step="0.1" name="count"><br>`+
					`Day <input name="day"><br>Until <input type="date" name="until"><br>Note <input name="note"><br><input type="submit" value="Save"></form>`)
				return true
			case "/orders":
				if r.Method == http.MethodPost {
					_ = r.ParseForm()
					mutex.Lock()
					came = r.PostForm
					mutex.Unlock()
				}
			}
			return false
		}
	})
	robot := strings.Replace(orderRobot, `  - fill: {into: {label: Amount}, value: '${input.amount}'}
`, `  - fill: {into: {label: Amount}, value: '${input.amount}'}
  - fill: {into: {label: Count}, value: '${input.amount}'}
  - fill: {into: {label: Day}, value: '${date("2026-03-05")}'}
  - fill: {into: {label: Until}, value: '${date("2026-03-05")}'}
  - fill: {into: {label: Note}, value: 'x ${input.amount} of 2026-03-05'}
`, 1)
	program := compileOrder(t, strings.Replace(orderSystem, "{numbers: '1,234.56'}", "{numbers: '1.234,56', dates: [dd.MM.yyyy, d.M.yy]}", 1), robot)
	call := orderCall(o, "k1", &ledger{})
	amount, err := rules.ParseNum("1234.5")
	require.NoError(t, err)
	call.Input = rules.Record(map[string]rules.Value{"reference": rules.Text("R"), "amount": rules.Number(amount)})
	_, err = NewRunner(pool, nil).Run(t.Context(), program, call)
	require.NoError(t, err)
	mutex.Lock()
	defer mutex.Unlock()
	require.Equal(t, url.Values{"reference": {"k1"}, "amount": {"1234,5"}, "count": {"1234.5"}, "day": {"05.03.2026"}, "until": {"2026-03-05"}, "note": {"x 1234.5 of 2026-03-05"}}, came)
}
