package robots

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-rod/rod/lib/proto"
	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// TestMarksOfLabels holds that a mark which says that a field must or may be filled in is no part of its label, for who looks for
// the field and for who compares it, and that a unit is.
func TestMarksOfLabels(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{"by its label": "{label: Amount}", "by its name": "{field: amount}", "by its marked label": "{label: 'Amount (optional) *'}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, m := serveOrders(t), newMemory()
			show := func(label string) {
				o.behave(func(now *manners) {
					now.intercept = func(w http.ResponseWriter, r *http.Request) bool {
						if r.URL.Path == "/orders/new" {
							_, _ = fmt.Fprintf(w, `<h1>New order</h1><form method="post" action="/orders"><label>Reference <input name="reference"></label><br>%s <input name="amount"><br><input type="submit" value="Save"></form>`, label)
						}
						return r.URL.Path == "/orders/new"
					}
				})
			}
			program := compileOrder(t, strings.Replace(orderSystem, "step: 15s, run: 60s", "step: 3s, run: 1m", 1), strings.Replace(orderRobot, "{label: Amount}", target, 1))
			runner := NewRunner(pool, nil)
			runner.Remember(m)
			run := func(key string, amount int64) (Result, error) {
				call := orderCall(o, key, &ledger{})
				call.Input = rules.Record(map[string]rules.Value{"reference": rules.Text("R"), "amount": rules.Number(rules.Int(amount))})
				return runner.Run(t.Context(), program, call)
			}
			for i, label := range []string{"Amount", "Amount", "Amount", "Amount *", "* Amount:", "Amount (optional)", "Amount (Pflichtfeld):", "Amount [required] *", "Amount (*)"} {
				show(label)
				result, err := run(fmt.Sprintf("k%d", i), int64(i+1))
				require.NoError(t, err, label)
				require.Empty(t, result.Warnings, label)
				require.Empty(t, m.changes, label)
			}
			for i, label := range []string{"Amount (kg)", "Amount (EUR) *", "Amount (optional, in dozens)", "Amount per 100"} {
				show(label)
				before := o.posted()
				_, err := run(fmt.Sprintf("w%d", i), 7)
				require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%s: %v", label, err)
				require.Equal(t, before, o.posted(), label)
			}
		})
	}
}

// TestBareLabels holds that pages and prints take the same for a mark.
// TestMarksOfAListsLabel holds the same of the label of a list, which is kept only where the robot's file has it: it may hold
// the list's options.
func TestMarksOfAListsLabel(t *testing.T) {
	t.Parallel()
	o, m := serveOrders(t), newMemory()
	mark := ""
	o.behave(func(now *manners) {
		now.intercept = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/orders/new" {
				_, _ = fmt.Fprintf(w, `<h1>New order</h1><form method="post" action="/orders"><table><tr><td>Depot%s</td><td><select name="amount"><option value="1">Hamburg<option value="2">Berlin</select></td></tr><tr><td>Reference%s</td><td><input name="reference"></td></tr></table><input type="submit" value="Save"></form>`, mark, mark)
			}
			return r.URL.Path == "/orders/new"
		}
	})
	program := compileOrder(t, strings.Replace(orderSystem, "step: 15s, run: 60s", "step: 3s, run: 1m", 1), strings.Replace(orderRobot, "fill: {into: {label: Amount}, value: '${input.amount}'}", "select: {into: {label: Depot}, value: Berlin}", 1))
	runner := NewRunner(pool, nil)
	runner.Remember(m)
	for i, now := range []string{"", "", "", "", " *", ":", " (optional)", ""} {
		mark = now
		call := orderCall(o, fmt.Sprintf("k%d", i), &ledger{})
		call.Input = rules.Record(map[string]rules.Value{"reference": rules.Text("R"), "amount": rules.Number(rules.Int(int64(i + 1)))})
		result, err := runner.Run(t.Context(), program, call)
		require.NoError(t, err, now)
		require.Empty(t, result.Warnings, now)
	}
	require.Equal(t, 8, o.posted())
}

func TestBareLabels(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	ctx, tb := openPage(t, p, "empty.html")
	_, err := tb.read(ctx, exact("text", "leer"))
	require.NoError(t, err)
	for label, bare := range map[string]string{
		"Amount": "Amount", "Amount *:": "Amount", "**Amount": "Amount", "Betrag (Pflichtfeld)": "Betrag", "Montant (facultatif) :": "Montant", "Código [opcional]": "Código", "Amount (OPTIONAL)": "Amount",
		"Amount (kg)": "Amount (kg)", "Amount (optional": "Amount (optional", "optional": "optional", "(optional)": "", "*": "", "Optional amount": "Optional amount", "Amount (required by law)": "Amount (required by law)",
	} {
		require.Equal(t, bare, bareLabel(label), label)
		quoted, err := json.Marshal(label)
		require.NoError(t, err)
		body := `document.body.innerHTML = '<label id=one></label><input>'; document.getElementById('one').textContent = ` + string(quoted) + `; document.getElementById('one').append(document.querySelector('input'))`
		_, err = proto.RuntimeEvaluate{Expression: body}.Call(tb.on(ctx, tb.page))
		require.NoError(t, err)
		if bare == "" {
			continue
		}
		var answer struct{ Count int }
		_, err = tb.askOnce(ctx, "see", "", map[string]any{"target": exact("label", bare)}, &answer)
		require.NoError(t, err, label)
		require.Equal(t, 1, answer.Count, label)
	}
}
