package robots

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

var testInstant = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

const orderContract = `
contract: shop
operations:
  order:
    effect: write
    input: {reference: {type: string, required: true}, amount: {type: number, required: true}}
    output: {number: {type: string, required: true}}
    errors: [validation]
`

const orderSystem = `
system: test
base: http://test.example
browser: {numbers: '1,234.56'}
limits: {step: 15s, run: 60s, per_credential: 10}
errors:
  - {seen: {css: .refused}, class: validation}
`

const orderRobot = `
robot: order
operation: shop.order
system: test
find:
  - goto: /orders?ref=${key}
  - table: {from: {}, columns: {Order: number, Reference: reference}, where: {reference: '${key}'}, as: found, expect: 0..1}
already: len(found) == 1
settle: {tries: 2, over: 300ms}
prepare:
  - goto: /orders/new
  - fill: {into: {label: Reference}, value: '${key}'}
  - fill: {into: {label: Amount}, value: '${input.amount}'}
commit:
  click: {button: Save}
  effect: {method: POST, url: /orders, form: {reference: '${key}'}, times: 1}
  done: {text: '/^Order [0-9]+ saved/'}
  read: {from: {text: '/^Order [0-9]+ saved/'}, as: saved, match: '^Order ([0-9]+) saved'}
verify:
  - run: find
  - assert: len(found) == 1
output: {number: '${saved ?? found[0]?.number ?? ""}'}
`

// orders is an application with one list and one form, which counts what it was asked to save.
type orders struct {
	*httptest.Server
	mutex sync.Mutex
	saved []string
	posts int
	manners
}

// manners are how the application behaves.
type manners struct {
	script    string                                            // of the page with the form
	save      func(w http.ResponseWriter, r *http.Request) bool // instead of saving, if it says so
	intercept func(w http.ResponseWriter, r *http.Request) bool // instead of any page, if it says so
}

// behave changes the manners. Requests come by way of another process, so that nothing else orders what they read.
func (o *orders) behave(change func(*manners)) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	change(&o.manners)
}

func (o *orders) now() manners {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.manners
}

func serveOrders(t testing.TB) *orders {
	t.Helper()
	o := &orders{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/new", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<form method="post" action="/orders"><label>Reference <input name="reference"></label><label>Amount <input name="amount"></label>
			<input type="submit" value="Save"></form><script>%s</script>`, o.now().script)
	})
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, _ *http.Request) {
		o.mutex.Lock()
		defer o.mutex.Unlock()
		fmt.Fprint(w, `<table><tr><th>Order</th><th>Reference</th></tr>`)
		for i, reference := range o.saved {
			fmt.Fprintf(w, `<tr><td>%d</td><td>%s</td></tr>`, i+1, html.EscapeString(reference))
		}
		fmt.Fprint(w, `</table>`)
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		o.mutex.Lock()
		o.posts++
		o.mutex.Unlock()
		if save := o.now().save; save != nil && save(w, r) {
			return
		}
		fmt.Fprintf(w, `<p>Order %d saved</p>`, o.keep(r))
	})
	mux.HandleFunc("POST /{other}", func(http.ResponseWriter, *http.Request) {
		o.mutex.Lock()
		o.posts += 1000
		o.mutex.Unlock()
	})
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if intercept := o.now().intercept; intercept != nil && intercept(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { o.CloseClientConnections(); o.Close() })
	return o
}

func (o *orders) keep(r *http.Request) int {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.saved = append(o.saved, r.FormValue("reference"))
	return len(o.saved)
}

// count is how many orders there are of a reference.
func (o *orders) count(reference string) int {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	n := 0
	for _, one := range o.saved {
		if one == reference {
			n++
		}
	}
	return n
}

func (o *orders) posted() int {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.posts
}

// ledger is a Journal of the test.
type ledger struct {
	mutex sync.Mutex
	sent  int
	fail  error
}

func (l *ledger) Sending(context.Context) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.fail == nil {
		l.sent++
	}
	return l.fail
}

func compileOrder(t testing.TB, system, text string) *Program {
	t.Helper()
	contract, problems := contracts.Parse("shop.yaml", []byte(orderContract))
	require.NoError(t, problems.Err())
	parsed, problems := ParseSystem("test.system.yaml", []byte(system))
	require.NoError(t, problems.Err())
	robot, problems := Parse("order.yaml", []byte(text))
	require.NoError(t, problems.Err())
	program, problems := Compile(robot, parsed, contract.Operation("order"))
	require.NoError(t, problems.Err())
	return program
}

func orderCall(o *orders, key string, journal Journal) Call { return orderCallAt(o.URL, key, journal) }

func orderCallAt(base, key string, journal Journal) Call {
	return Call{Base: base, Key: key, Journal: journal, Input: rules.Record(map[string]rules.Value{"reference": rules.Text("R"), "amount": rules.Number(rules.Int(5))})}
}

func TestWriteIsDoneOnce(t *testing.T) {
	t.Parallel()
	o, l, runner := serveOrders(t), &ledger{}, NewRunner(pool, nil)
	program := compileOrder(t, orderSystem, orderRobot)
	require.Equal(t, contracts.Lookup, program.Safety())
	first, err := runner.Run(t.Context(), program, orderCall(o, "k1", l))
	require.NoError(t, err)
	require.Equal(t, "1", first.Output.Get("number").Text())
	again, err := runner.Run(t.Context(), program, orderCall(o, "k1", l))
	require.NoError(t, err)
	require.True(t, first.Output.Equal(again.Output), "it is found, and not done again")
	require.Equal(t, []string{"k1"}, o.saved)
	require.Equal(t, 1, l.sent)
}

func TestIntentIsStoredBeforeTheRequestLeaves(t *testing.T) {
	t.Parallel()
	o, l := serveOrders(t), &ledger{fail: errors.New("the disk is full")}
	_, err := NewRunner(pool, nil).Run(t.Context(), compileOrder(t, orderSystem, orderRobot), orderCall(o, "k1", l))
	require.Equal(t, contracts.Unavailable, contracts.ClassOf(err))
	var known *contracts.Error
	require.ErrorAs(t, err, &known)
	require.True(t, known.NothingSent)
	require.Zero(t, o.posted())
}

func TestOnlyTheDeclaredRequestLeaves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script  string
		robot   func(string) string
		orders  int
		class   contracts.Class
		message string
	}{
		"a double click posts twice":    {script: `document.forms[0].onsubmit = function () { fetch('/orders', {method: 'POST', body: new URLSearchParams(new FormData(this))}); fetch('/orders', {method: 'POST', body: new URLSearchParams(new FormData(this))}) }`, orders: 1},
		"the page posts elsewhere too":  {script: `document.forms[0].onsubmit = function () { fetch('/other', {method: 'POST'}); navigator.sendBeacon('/other', 'x'); fetch('/other', {method: 'DELETE', keepalive: true}) }`, orders: 1},
		"the form leads elsewhere":      {script: `document.forms[0].action = '/other'`, class: contracts.Drift, message: "was stopped"},
		"the form holds something else": {script: `document.forms[0].onsubmit = function () { this.reference.value = 'another' }`, class: contracts.Drift, message: "was stopped"},
		"a step before the commit posts": {robot: func(s string) string {
			return strings.Replace(s, "commit:\n", "  - click: {button: Save}\ncommit:\n", 1)
		}, class: contracts.Drift, message: "was stopped"},
		"the application says no":           {script: `document.forms[0].amount.name = 'none'`, class: contracts.Validation, message: "no amount"},
		"the page does not send it at all":  {script: `document.forms[0].onsubmit = function () { return false }`, class: contracts.Drift},
		"it looks done, but was never sent": {script: `document.forms[0].onsubmit = function () { document.body.innerHTML = '<p>Order 7 saved</p>'; return false }`, class: contracts.Drift, message: "never sent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, l := serveOrders(t), &ledger{}
			o.behave(func(m *manners) {
				m.script = c.script
				m.save = func(w http.ResponseWriter, r *http.Request) bool {
					if r.FormValue("amount") == "" {
						fmt.Fprint(w, `<p class="refused">no amount</p>`)
						return true
					}
					return false
				}
			})
			text := orderRobot
			if c.robot != nil {
				text = c.robot(text)
			}
			_, err := NewRunner(pool, nil).Run(t.Context(), compileOrder(t, orderSystem, text), orderCall(o, "k1", l))
			require.Equal(t, c.class, contracts.ClassOf(err), "%v", err)
			if c.message != "" {
				require.ErrorContains(t, err, c.message)
			}
			require.Equal(t, c.orders, o.count("k1"))
			require.Len(t, o.saved, c.orders)
			require.LessOrEqual(t, o.posted(), 1)
			require.Equal(t, o.posted(), l.sent)
		})
	}
}

func TestDoubtIsSettledByFind(t *testing.T) {
	t.Parallel()
	lost := func(w http.ResponseWriter) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = connection.Close()
		}
	}
	for name, c := range map[string]struct {
		save  func(o *orders) func(http.ResponseWriter, *http.Request) bool
		robot func(string) string
		quick bool // gives up early
		class contracts.Class
		count int
	}{
		"saved and the answer lost": {save: func(o *orders) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool { o.keep(r); lost(w); return true }
		}, count: 1},
		"not saved and the answer lost": {save: func(*orders) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool { lost(w); return true }
		}, class: contracts.OutcomeUnknown},
		"saved and an error shown": {save: func(o *orders) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool { o.keep(r); http.Error(w, "oops", 500); return true }
		}, count: 1},
		"saved and no answer ever": {save: func(o *orders) func(http.ResponseWriter, *http.Request) bool {
			return func(_ http.ResponseWriter, r *http.Request) bool { o.keep(r); <-r.Context().Done(); return true }
		}, quick: true, count: 1},
		"sent on to be posted again": {save: func(o *orders) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				o.keep(r)
				http.Redirect(w, r, "/orders", http.StatusTemporaryRedirect)
				return true
			}
		}, count: 1},
		"lost, and no way to look": {save: func(*orders) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool { lost(w); return true }
		}, robot: withoutFind, class: contracts.OutcomeUnknown},
		"done, but not what was asked for": {save: func(*orders) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "<p>Order 9 saved</p>"); return true }
		}, class: contracts.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, l := serveOrders(t), &ledger{}
			o.behave(func(m *manners) { m.save = c.save(o) })
			text, system := orderRobot, orderSystem
			if c.robot != nil {
				text = c.robot(text)
			}
			if c.quick {
				system = strings.Replace(system, "step: 15s", "step: 8s", 1)
			}
			result, err := NewRunner(pool, nil).Run(t.Context(), compileOrder(t, system, text), orderCall(o, "k1", l))
			require.Equal(t, c.class, contracts.ClassOf(err), "%v", err)
			require.Equal(t, 1, o.posted())
			require.Equal(t, c.count, o.count("k1"))
			if c.class == "" {
				require.Equal(t, "1", result.Output.Get("number").Text())
				return
			}
			var known *contracts.Error
			require.ErrorAs(t, err, &known)
			require.False(t, known.NothingSent)
		})
	}
}

// answer is what the output of orderRobot is made of.
const answer = `${saved ?? found[0]?.number ?? ""}`

// withoutFind is a robot that cannot look.
func withoutFind(text string) string {
	start, end := strings.Index(text, "find:\n"), strings.Index(text, "prepare:\n")
	text = text[:start] + text[end:]
	start, end = strings.Index(text, "verify:\n"), strings.Index(text, "output:")
	return strings.Replace(text[:start]+text[end:], answer, "${saved}", 1)
}

func TestSecondAttemptOnlyLooks(t *testing.T) {
	t.Parallel()
	o, l := serveOrders(t), &ledger{}
	program := compileOrder(t, orderSystem, orderRobot)
	call := orderCall(o, "k1", l)
	call.FirstSent = testInstant
	_, err := NewRunner(pool, nil).Run(t.Context(), program, call)
	require.Equal(t, contracts.OutcomeUnknown, contracts.ClassOf(err), "%v", err)
	o.saved = []string{"k1"}
	result, err := NewRunner(pool, nil).Run(t.Context(), program, call)
	require.NoError(t, err)
	require.Equal(t, "1", result.Output.Get("number").Text())
	o.saved = []string{"k1", "k1"}
	_, err = NewRunner(pool, nil).Run(t.Context(), program, call)
	require.Equal(t, contracts.OutcomeUnknown, contracts.ClassOf(err), "%v", err)
	require.Zero(t, o.posted())
	require.Zero(t, l.sent)
	blind := compileOrder(t, orderSystem, withoutFind(orderRobot))
	require.Equal(t, contracts.AtMostOnce, blind.Safety())
	_, err = NewRunner(pool, nil).Run(t.Context(), blind, call)
	require.Equal(t, contracts.OutcomeUnknown, contracts.ClassOf(err), "%v", err)
	o.Close()
	_, err = NewRunner(pool, nil).Run(t.Context(), program, call)
	require.Equal(t, contracts.Unavailable, contracts.ClassOf(err), "looked for later: %v", err)
	var known *contracts.Error
	require.ErrorAs(t, err, &known)
	require.False(t, known.NothingSent)
}

func TestWriteFilesAreChecked(t *testing.T) {
	t.Parallel()
	contract, problems := contracts.Parse("shop.yaml", []byte(orderContract))
	require.NoError(t, problems.Err())
	system, problems := ParseSystem("test.system.yaml", []byte(orderSystem))
	require.NoError(t, problems.Err())
	for name, c := range map[string]struct{ old, new, message string }{
		"no effect":          {"  effect: {method: POST, url: /orders, form: {reference: '${key}'}, times: 1}\n", "", `"effect" is missing`},
		"no done":            {"  done: {text: '/^Order [0-9]+ saved/'}\n", "", `"done" is missing`},
		"twice":              {"times: 1", "times: 2", "a commit sends its request once"},
		"any request":        {"url: /orders", "url: '*'", "stands for every request"},
		"no already":         {"already: len(found) == 1\n", "", "already is missing"},
		"two steps":          {"  click: {button: Save}\n", "  click: {button: Save}\n  key: Enter\n", "a commit is one"},
		"a jump":             {"prepare:\n", "prepare:\n  - {skip_to: verify, when: len(found) == 1}\n", "there are no jumps"},
		"find in prepare":    {"prepare:\n", "prepare:\n  - run: find\n", "find cannot be run here"},
		"what may be absent": {answer, "${saved}", "missing"},
		"a long settle":      {"over: 300ms", "over: 10m", "write at most 2m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(orderRobot, c.old, c.new, 1)
			require.NotEqual(t, orderRobot, text)
			robot, _ := Parse("order.yaml", []byte(text))
			_, problems := Compile(robot, system, contract.Operation("order"))
			var all []string
			for _, p := range problems {
				all = append(all, p.Message+" "+p.Hint)
			}
			require.True(t, slices.ContainsFunc(all, func(p string) bool { return strings.Contains(p, c.message) }), "%q", all)
		})
	}
}

// TestWhatIsThereBeforeProvesNothing holds that a commit is not taken for accepted by what the page shows before it, where nothing
// else proves it.
func TestWhatIsThereBeforeProvesNothing(t *testing.T) {
	t.Parallel()
	const proved = "  read: {from: {text: '/^Order [0-9]+ saved/'}, as: saved, match: '^Order ([0-9]+) saved'}\n"
	bare := strings.NewReplacer("done: {text: '/^Order [0-9]+ saved/'}", "done: {text: '/^Orders? /'}", proved, "", "${saved}", "1").Replace(withoutFind(orderRobot))
	require.NotContains(t, bare, "saved")
	for name, c := range map[string]struct{ robot, says string }{
		"nothing else proves it": {bare, "is on the page before it is sent"},
		"a value is read":        {strings.Replace(bare, "output:", proved+"output:", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := serveOrders(t)
			o.behave(func(now *manners) {
				now.script = "document.body.insertAdjacentHTML('afterbegin', '<p>Orders of today</p>')"
			})
			call := orderCall(o, "k1", &ledger{})
			call.Rehearsal = c.says != ""
			_, err := NewRunner(pool, nil).Run(t.Context(), compileOrder(t, orderSystem, c.robot), call)
			if c.says == "" {
				require.NoError(t, err)
				require.Equal(t, 1, o.posted())
				return
			}
			require.ErrorContains(t, err, c.says)
			require.Equal(t, contracts.Drift, contracts.ClassOf(err))
			require.Zero(t, o.posted())
		})
	}
}
