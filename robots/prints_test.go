package robots

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// memory is what pages were like, for the tests.
type memory struct {
	mutex   sync.Mutex
	prints  map[string]Print
	pages   map[string][]string
	changes []Change
}

func newMemory() *memory { return &memory{prints: map[string]Print{}, pages: map[string][]string{}} }

func (m *memory) Prints(_ context.Context, of Version) (map[string]Print, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := map[string]Print{}
	for place, print := range m.prints {
		if hash, place, _ := strings.Cut(place, " "); hash == of.Hash {
			found[place] = print
		}
	}
	return found, nil
}

func (m *memory) Learn(_ context.Context, of Version, seen []Seen) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, one := range seen {
		key := of.Hash + " " + one.Place
		m.prints[key] = one.Print
		if one.Page != "" {
			m.pages[one.Place] = append(m.pages[one.Place], one.Page)
		}
	}
	return nil
}

func (m *memory) Propose(_ context.Context, change Change) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.changes = append(m.changes, change)
	return nil
}

// TestAChangedPageStopsAWrite holds that a form which is not as it was is never sent, and that what does not change its
// meaning only warns.
func TestAChangedPageStopsAWrite(t *testing.T) {
	t.Parallel()
	o, m := serveOrders(t), newMemory()
	form := func(inner string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/orders/new" {
				_, _ = fmt.Fprint(w, inner)
			}
			return r.URL.Path == "/orders/new"
		}
	}
	const usual = `<h1>New order</h1><form method="post" action="/orders"><label>Reference <input name="reference"></label><label>Amount <input name="amount"></label><input type="submit" value="Save"></form>`
	o.behave(func(now *manners) { now.intercept = form(usual) })
	program := compileOrder(t, orderSystem, orderRobot)
	runner := NewRunner(pool, nil)
	runner.Remember(m)
	run := func(key string) (Result, error) {
		return runner.Run(t.Context(), program, orderCall(o, key, &ledger{}))
	}
	for i, key := range []string{"k1", "k2", "k3"} {
		call := orderCall(o, key, &ledger{})
		call.Input = rules.Record(map[string]rules.Value{"reference": rules.Text("R"), "amount": rules.Number(rules.Int(int64(max(i, 1))))})
		result, err := runner.Run(t.Context(), program, call)
		require.NoError(t, err)
		require.Empty(t, result.Warnings)
	}
	require.NotEmpty(t, m.prints)
	require.NotEmpty(t, m.pages)
	for what, page := range map[string]string{
		`the field "vat" must be filled in now`: strings.Replace(usual, "<input type=", `<label>VAT <input name="vat" required></label><input type=`, 1),
		`the address of its form is "/other"`:   strings.Replace(usual, `action="/orders"`, `action="/other"`, 1),
		`the heading "New order" is missing`:    strings.Replace(usual, "<h1>New order</h1>", "<h1>Delete orders</h1>", 1),
		`the element is "input password"`:       strings.Replace(usual, `name="amount"`, `name="amount" type="password"`, 1),
	} {
		before := o.posted()
		o.behave(func(now *manners) { now.intercept = form(page) })
		_, err := run("k " + what)
		require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%v", err)
		require.ErrorContains(t, err, what)
		require.Equal(t, before, o.posted(), "nothing was sent")
	}
	m.changes = nil
	o.behave(func(now *manners) { now.intercept = form(strings.Replace(usual, `name="amount"`, `name="sum"`, 1)) })
	result, err := run("k9")
	require.NoError(t, err)
	require.Len(t, result.Warnings, 1)
	require.Contains(t, result.Warnings[0], "its name is … instead of …", "a warning shows no texts of a page")
	require.Len(t, m.changes, 1)
	require.Equal(t, ChangePage, m.changes[0].Kind)
	require.Contains(t, m.changes[0].Words, `its name is "sum" instead of "amount"`)
	steps := slices.IndexFunc(result.Evidence, func(e Evidence) bool { return e.Name == "steps.json" })
	require.Contains(t, string(result.Evidence[steps].Bytes), `its name is \"sum\" instead of \"amount\"`)
}

// TestWarningsShowNoTextsOfPages holds that what a page may show of people is only in what is proposed and in the report.
func TestWarningsShowNoTextsOfPages(t *testing.T) {
	t.Parallel()
	for shown, warned := range map[string]string{
		`its label is "Ada Brown" instead of "Customer"`:                             "its label is … instead of …",
		`the heading "Ada \"Bee\" Brown" is missing`:                                 "the heading … is missing",
		`there is ["Ada Brown" "Orders: \\"] now; its frame is "" instead of "main"`: "there is [… …] now; its frame is … instead of …",
	} {
		require.Equal(t, warned, withoutTexts(shown))
	}
}

// TestALostAlternativeIsProposed holds that a vote which lost a voice goes on with a warning and says what to change, and that
// the change is looked at on the pages of earlier runs.
func TestALostAlternativeIsProposed(t *testing.T) {
	t.Parallel()
	p, m := servePages(t), newMemory()
	label := "Customer"
	p.mux.HandleFunc("GET /who", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<body><form action="/who"><label>` + label + ` <input name="custno"></label> <label>Secret <input name="other" value="do not keep"></label><button>Go</button></form><p>Bill Gates</p>`))
	})
	const find = "\n  - goto: /who\n  # the customer\n  - fill: {into: {any: [{label: Customer}, {field: custno}]}, value: '77'} # by number\n"
	program := compileTest(t, plainSystem, find, "{}")
	runner := NewRunner(pool, nil)
	runner.Remember(m)
	call := Call{Base: p.URL, Case: "case-1"}
	_, err := runner.Run(t.Context(), program, call)
	require.NoError(t, err)
	label = "Client"
	result, err := runner.Run(t.Context(), program, call)
	require.NoError(t, err)
	require.Contains(t, strings.Join(result.Warnings, "\n"), `label "Customer" found nothing`)
	var change Change
	for _, one := range m.changes {
		if one.Kind == ChangeAlternative {
			change = one
		}
	}
	require.JSONEq(t, `{"index": 0, "with": {"label": "Client"}}`, change.Becomes)
	require.Equal(t, "case-1", change.Case)
	for _, pages := range append([][]string{{change.Page}}, m.pages[change.Place]) {
		for _, page := range pages {
			require.NotContains(t, page, "do not keep")
			require.NotContains(t, page, "Gates")
		}
	}
	edited, err := program.Edit(change)
	require.NoError(t, err)
	require.Equal(t, strings.Replace(string(program.Robot.Text), "{any: [{label: Customer}, {field: custno}]}", "{any: [{label: Client}, {field: custno}]}", 1), string(edited))
	after := compileTest(t, plainSystem, strings.Replace(find, "label: Customer", "label: Client", 1), "{}")
	checked := runner.Check(t.Context(), program, after, change, append([]string{change.Page}, m.pages[change.Place]...))
	require.Empty(t, checked.Unknown)
	require.False(t, checked.Contradicts())
	require.Equal(t, checked.Pages, checked.Fits, "%s", checked)
	wrong := compileTest(t, plainSystem, strings.Replace(find, "{any: [{label: Customer}, {field: custno}]}", "{label: Secret}", 1), "{}")
	require.True(t, runner.Check(t.Context(), program, wrong, change, []string{change.Page}).Contradicts())
}

// TestCanary holds that a canary does what prepares a write and never sends it.
func TestCanary(t *testing.T) {
	t.Parallel()
	o, m := serveOrders(t), newMemory()
	program := compileOrder(t, orderSystem, orderRobot+"canary: {every: 1h, input: {reference: canary, amount: 1}}\n")
	require.Equal(t, "1h0m0s", program.Canary().Every.String())
	runner := NewRunner(pool, nil)
	runner.Remember(m)
	result, err := runner.Try(t.Context(), program, Call{Base: o.URL})
	require.NoError(t, err)
	require.True(t, result.Stopped)
	require.Zero(t, o.posted())
	require.NotEmpty(t, m.prints, "what it saw is known from then on")
	o.behave(func(now *manners) {
		now.intercept = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/orders/new" {
				_, _ = fmt.Fprint(w, `<form method="post" action="/orders"><label>Number <input name="r"></label></form>`)
			}
			return r.URL.Path == "/orders/new"
		}
	})
	program.System.stepTime = 8 * time.Second
	_, err = runner.Try(t.Context(), program, Call{Base: o.URL})
	require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%v", err)
}

func TestCanariesAreChecked(t *testing.T) {
	t.Parallel()
	system, problems := ParseSystem("test.system.yaml", []byte(plainSystem))
	require.NoError(t, problems.Err())
	for text, want := range map[string]string{
		"canary: {every: 1s, input: {number: a}}":             "is more than an application should bear",
		"canary: {every: 1h}":                                 "shop.look cannot be tried without input",
		"canary: {input: {number: 7, nota: x}}":               "nota",
		"canary: {input: {number: '7'}, run: [find, commit]}": "commit",
	} {
		robot, problems := Parse("test.yaml", []byte("robot: test\noperation: shop.look\nsystem: test\nfind: [{goto: /}]\noutput: {any: {}}\n"+text+"\n"))
		require.NoError(t, problems.Err())
		_, problems = Compile(robot, system, lookOperation(t))
		require.Error(t, problems.Err(), text)
		require.Contains(t, problems.Error(), want)
	}
}
