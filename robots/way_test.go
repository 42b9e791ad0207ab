package robots

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// TestWhatIsPostedOnTheWay holds that the pages of a wizard are held to what they have ever sent, as its last request may hold
// nothing of them, and that what is another one each time stops nothing. A line more or less is posted by the same step.
func TestWhatIsPostedOnTheWay(t *testing.T) {
	t.Parallel()
	const robot = `
robot: order
operation: shop.order
system: test
prepare:
  - goto: /orders/new
  - fill: {into: {label: Reference}, value: '${input.reference}'}
  - click: {button: Next}
  - each: {of: '${map(split("x" + (input.amount > 5 ? ",y" : ""), ","), {name: #})}', as: line, do: [{fill: {into: {label: Line}, value: '${line.name}'}}, {click: {button: Add}}]}
  - fill: {into: {label: Amount}, value: '${input.amount}'}
commit:
  click: {button: Save}
  effect: {method: POST, url: '*/orders', form: {step: '3'}, times: 1}
  done: {text: '/^Order saved/'}
output: {number: '1'}
`
	program := compileOrder(t, orderSystem+"reads_by_post: ['*/orders/step*']\n", robot)
	var mutex sync.Mutex
	saved, change := 0, func(page string) string { return page }
	turn := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		beside := fmt.Sprintf(`<input type="hidden" name="token" value="8f14e45fceea167a5a36dedd4bea%04d"><input type="hidden" name="number" value="%d">`, turn*7919, 1000+turn)
		page := map[string]string{
			"/orders/new":   `<form method="post" action="/orders/step2">` + beside + `<input type="hidden" name="company" value="AB"><label>Reference <input name="reference"></label><label>Remark <input name="remark"></label><input type="submit" value="Next"></form>`,
			"/orders/step2": `<form method="post">` + beside + `<input type="hidden" name="depot" value="HH"><label>Line <input name="line"></label><input type="submit" value="Add"></form><form method="post" action="/orders"><input type="hidden" name="step" value="3"><label>Amount <input name="amount"></label><input type="submit" value="Save"></form>`,
			"/orders":       "<p>Order saved</p>",
		}[r.URL.Path]
		if r.URL.Path == "/orders" && r.Method == http.MethodPost {
			saved++
		}
		_, _ = fmt.Fprintf(w, "<html><body>%s</body></html>", change(page))
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	m := newMemory()
	run := func(memory Memory, with func(string) string) (Result, error) {
		mutex.Lock()
		turn++
		if change = with; with == nil {
			change = func(page string) string { return page }
		}
		mutex.Unlock()
		runner := NewRunner(pool, nil)
		runner.Remember(memory)
		call := orderCallAt(server.URL, fmt.Sprintf("k%d", turn), nil)
		call.Input = rules.Record(map[string]rules.Value{"reference": rules.Text(fmt.Sprintf("R-%d", turn)), "amount": rules.Number(rules.Int(int64(turn)))})
		return runner.Run(t.Context(), program, call)
	}
	for range 8 {
		result, err := run(m, nil)
		require.NoError(t, err)
		require.Empty(t, result.Warnings)
	}
	for name, c := range map[string]struct {
		change func(string) string
		says   string
	}{
		"as it was":                     {},
		"a banner and a field more":     {change: replaced(`<label>Remark`, `<p>Closed on Sunday</p><label>Colour <input name="colour"></label><label>Remark`)},
		"a remark is there already":     {change: replaced(`name="remark"`, `name="remark" value="scrap it"`), says: `its field "remark", which the robot does not fill in, holds another value than ever before ("scrap it")`},
		"a script writes one":           {change: replaced(`</form>`, `</form><script>document.forms[0].addEventListener('submit', () => { const f = document.forms[0]; if (f.elements.remark) f.elements.remark.value = 'scrap it' })</script>`), says: `its field "remark"`},
		"another company":               {change: replaced(`value="AB"`, `value="CD"`), says: `its field "company"`},
		"a hidden field more":           {change: replaced(`<label>Reference`, `<input type="hidden" name="urgent" value="yes"><label>Reference`), says: `"urgent" ("yes")`},
		"another depot behind the line": {change: replaced(`value="HH"`, `value="B"`), says: `its field "depot"`},
	} {
		before := saved
		proposed := &proposals{memory: m}
		_, err := run(proposed, c.change)
		if c.says == "" {
			require.NoError(t, err, name)
			require.Equal(t, before+1, saved, name)
			require.Empty(t, proposed.changes, name)
			continue
		}
		require.ErrorContains(t, err, c.says, name)
		require.Equal(t, contracts.Drift, contracts.ClassOf(err), name)
		require.Equal(t, before, saved, name)
		require.Len(t, proposed.changes, 1, name)
		require.True(t, strings.HasPrefix(proposed.changes[0].Words, "what was posted to /orders/"), proposed.changes[0].Words)
	}
}
