package robots

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// TestACodeFromAPerson holds that a page stays open for a one-time code: the one who gives it goes on where the robot
// stopped, and nothing is sent twice.
func TestACodeFromAPerson(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	var logins atomic.Int32
	p.mux.HandleFunc("GET /start", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<body><form action="/code"><label>Name <input name="n"></label><input type="submit" value="Weiter"></form>`))
	})
	p.mux.HandleFunc("GET /code", func(w http.ResponseWriter, _ *http.Request) {
		logins.Add(1)
		_, _ = w.Write([]byte(`<body><form action="/in"><label>Code <input name="c"></label><input type="submit" value="Anmelden"></form>`))
	})
	p.mux.HandleFunc("GET /in", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("<p>Willkommen " + r.URL.Query().Get("c")[:2] + "</p>"))
	})
	program := compileTest(t, plainSystem, `
  - goto: /start
  - fill: {into: {label: Name}, value: ada}
  - click: {button: Weiter}
  - ask: {what: code, title: Der Code aus der SMS, as: code}
  - fill: {into: {label: Code}, value: '${code}'}
  - click: {button: Anmelden}
  - expect: {text: Willkommen 48}
`, "{}")
	runner := NewRunner(pool, nil)
	call := Call{Base: p.URL, Turn: "case-1 step 1"}
	result, err := runner.Run(t.Context(), program, call)
	var asked *contracts.Error
	require.True(t, errors.As(err, &asked), "%v", err)
	require.Equal(t, contracts.Auth, asked.Class, "%s", err)
	require.Equal(t, "code", asked.Ask.Get("kind").Text())
	require.Equal(t, "Der Code aus der SMS", asked.Ask.Get("title").Text())
	var pictures []string
	for _, one := range result.Evidence {
		pictures = append(pictures, one.Name)
	}
	require.Contains(t, pictures, "asked.jpg")

	call.Help.Code = "481516"
	result, err = runner.Run(t.Context(), program, call)
	require.NoError(t, err)
	require.EqualValues(t, 1, logins.Load(), "the page was open all the time")
	for _, one := range result.Evidence {
		require.NotContains(t, string(one.Bytes), "481516", one.Name)
	}
	require.Empty(t, runner.parking.runs)

	_, err = runner.Run(t.Context(), program, Call{Base: p.URL})
	require.ErrorContains(t, err, "a person is needed", "a call that nobody can come back to does not wait")
}

// TestACandidateThatAPersonChooses holds that a page that has changed offers what may be meant, and that the choice counts
// for that step of that file alone.
func TestACandidateThatAPersonChooses(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	program := compileTest(t, plainSystem, "\n  - goto: /form.html\n  - fill: {into: {label: Kundennummer}, value: '77'}\n  - click: {button: Suchen}\n  - expect: {text: '/custno=77/'}\n", "{}")
	call := Call{Base: p.URL}
	_, err := NewRunner(pool, nil).Run(t.Context(), program, call)
	var asked *contracts.Error
	require.True(t, errors.As(err, &asked), "%v", err)
	require.Equal(t, contracts.Drift, asked.Class)
	require.Equal(t, `label "Kundennummer"`, asked.Ask.Get("expected").Text())
	target := ""
	for _, candidate := range asked.Ask.Get("candidates").Items() {
		if candidate.Get("says").Text() == "Kunde: <input name=custno>" {
			target = candidate.Get("target").Text()
		}
	}
	require.JSONEq(t, `{"label": "Kunde"}`, target)
	call.Help = Help{Step: asked.Ask.Get("step").Text(), Hash: asked.Ask.Get("hash").Text(), Target: target}
	_, err = NewRunner(pool, nil).Run(t.Context(), program, call)
	require.NoError(t, err)
	call.Help.Hash = "of another file"
	_, err = NewRunner(pool, nil).Run(t.Context(), program, call)
	require.Equal(t, contracts.Drift, contracts.ClassOf(err))
}

// TestTwinsCanBeChosen holds that of two buttons which nothing but their places tells apart each can be chosen, before anything else.
func TestTwinsCanBeChosen(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	program := compileTest(t, plainSystem, "\n  - goto: /twins.html\n  - click: {any: [{button: Suchen}, {css: 'input[type=submit]'}]}\n  - expect: {text: '/which=below/'}\n", "{}")
	call := Call{Base: p.URL}
	_, err := NewRunner(pool, nil).Run(t.Context(), program, call)
	var asked *contracts.Error
	require.True(t, errors.As(err, &asked), "%v", err)
	require.Contains(t, asked.Error(), `fits several elements: <input type=submit> "Suchen", <input type=submit> "Suchen"`)
	candidates := asked.Ask.Get("candidates").Items()
	require.GreaterOrEqual(t, len(candidates), 2)
	require.Equal(t, "Suchen <input>, number 1 of 2 on the page", candidates[0].Get("says").Text())
	require.Equal(t, "Suchen <input>, number 2 of 2 on the page", candidates[1].Get("says").Text())
	call.Help = Help{Step: asked.Ask.Get("step").Text(), Hash: asked.Ask.Get("hash").Text(), Target: candidates[1].Get("target").Text()}
	_, err = NewRunner(pool, nil).Run(t.Context(), program, call)
	require.NoError(t, err, "%s", call.Help.Target)
}

// TestAChoiceAmongTwinsIsOfWhatWasSeen holds that a choice by a place does not pass to what has come into that place, and is
// no change of the file.
func TestAChoiceAmongTwinsIsOfWhatWasSeen(t *testing.T) {
	t.Parallel()
	row := func(order string) string {
		return "<tr><td>" + order + "</td><td><form action=show.html><input type=hidden name=which value=" + order + "><button>Approve</button></form></td></tr>"
	}
	for _, one := range []struct{ name, rows, clicked string }{
		{"the same page", row("A1") + row("A2"), "A2"},
		{"a row before", row("A0") + row("A1") + row("A2"), ""},
		{"another order in its place", row("A2") + row("A3"), ""},
		{"one less", row("A2"), ""},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			p := servePages(t)
			var rows atomic.Pointer[string]
			first := row("A1") + row("A2")
			rows.Store(&first)
			p.mux.HandleFunc("/approve.html", func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, "<html><body><h1>Orders</h1><table><tbody>%s</tbody></table></body></html>", *rows.Load())
			})
			program := compileTest(t, plainSystem, "\n  - goto: /approve.html\n  - click: {button: Approve}\n  - expect: {text: '/which=A2/'}\n", "{}")
			seen := newMemory()
			runner := NewRunner(pool, nil)
			runner.Remember(seen)
			call := Call{Base: p.URL}
			_, err := runner.Run(t.Context(), program, call)
			var asked *contracts.Error
			require.ErrorAs(t, err, &asked)
			require.Contains(t, asked.Ask.Get("title").Text(), "must tell them apart with in, near, or row and column")
			candidates := asked.Ask.Get("candidates").Items()
			require.Equal(t, "Approve <button>, number 2 of 2 on the page", candidates[1].Get("says").Text())
			call.Help = Help{Step: asked.Ask.Get("step").Text(), Hash: asked.Ask.Get("hash").Text(), Target: candidates[1].Get("target").Text()}
			rows.Store(&one.rows)
			_, err = runner.Run(t.Context(), program, call)
			require.Empty(t, seen.changes)
			if one.clicked != "" {
				require.NoError(t, err)
				return
			}
			require.ErrorAs(t, err, &asked)
			require.Equal(t, contracts.Drift, asked.Class)
			require.False(t, asked.Ask.IsMissing(), "it is asked again: %v", err)
		})
	}
}

// TestAQuestionAfterTheCommitDoesNotVoidIt holds that a question says whether something was sent before it was asked.
func TestAQuestionAfterTheCommitDoesNotVoidIt(t *testing.T) {
	t.Parallel()
	o, l := serveOrders(t), &ledger{}
	program := compileOrder(t, orderSystem, strings.Replace(orderRobot, "verify:\n", "verify:\n  - ask: {what: code, as: code}\n", 1))
	call := orderCall(o, "k1", l)
	call.Turn = "case-1 step 1"
	runner := NewRunner(pool, nil)
	_, err := runner.Run(t.Context(), program, call)
	var asked *contracts.Error
	require.ErrorAs(t, err, &asked)
	require.False(t, asked.Ask.IsMissing(), "%v", err)
	require.False(t, asked.NothingSent)
	require.Equal(t, 1, l.sent)
	call.Help.Code, call.FirstSent = "481516", testInstant
	_, err = runner.Run(t.Context(), program, call)
	require.NoError(t, err)
	require.Equal(t, 1, o.count("k1"))
}

func TestParkedRuns(t *testing.T) {
	t.Parallel()
	var ended []string
	run := func(name string) *parked {
		return &parked{hash: name, cancel: func(error) { ended = append(ended, name) }}
	}
	p := parking{runs: map[string]*parked{}}
	first, second := run("first"), run("second")
	require.True(t, p.put("turn", first, time.Hour))
	require.True(t, p.put("turn", first, time.Hour))
	require.Empty(t, ended)
	require.True(t, p.put("turn", second, time.Hour))
	require.Equal(t, []string{"first"}, ended, "nobody can come back to it")
	require.Nil(t, p.take("turn", "another"))
	require.Equal(t, []string{"first", "second"}, ended)

	program := compileOrder(t, orderSystem, orderRobot)
	base := Call{Base: "http://a", Key: "k", Input: rules.Text("a")}
	for _, other := range []Call{{Base: "http://b", Key: "k", Input: rules.Text("a")}, {Base: "http://a", Key: "l", Input: rules.Text("a")}, {Base: "http://a", Key: "k", Input: rules.Text("b")}} {
		require.NotEqual(t, parkedAs(program, base), parkedAs(program, other))
	}
}

func TestQuestionsShowNoSecrets(t *testing.T) {
	t.Parallel()
	u := &run{system: &System{}, marked: []string{"481516"}}
	err := u.veiled(&contracts.Error{Class: contracts.Drift, Ask: rules.Record(map[string]rules.Value{"title": rules.Text("is 481516 it?"),
		"candidates": rules.List(rules.Record(map[string]rules.Value{"says": rules.Text("Code 481516"), "target": rules.Text("{}")}))})})
	var known *contracts.Error
	require.ErrorAs(t, err, &known)
	text, _ := json.Marshal(known.Ask)
	require.JSONEq(t, `{"title": "is *** it?", "candidates": [{"says": "Code ***", "target": "{}"}]}`, string(text))
}

// TestAChoiceIsAboutTheElementAlone holds that a form which has changed is not offered as a question of which element is meant,
// and that it is still compared after a person chose one.
func TestAChoiceIsAboutTheElementAlone(t *testing.T) {
	t.Parallel()
	o, m := serveOrders(t), newMemory()
	const usual = `<form method="post" action="/orders"><label>Reference <input name="reference"></label><label>Amount <input name="amount"></label><input type="submit" value="Save"></form>`
	renamed := strings.Replace(usual, "Amount", "Total", 1)
	const fillReference, fillAmount = "  - fill: {into: {label: Reference}, value: '${key}'}\n", "  - fill: {into: {label: Amount}, value: '${input.amount}'}\n"
	program := compileOrder(t, strings.Replace(orderSystem, "step: 15s", "step: 4s", 1), strings.Replace(orderRobot, fillReference+fillAmount, fillAmount+fillReference, 1))
	runner := NewRunner(pool, nil)
	runner.Remember(m)
	run := func(key, page string, help Help) error {
		o.behave(func(now *manners) {
			now.intercept = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/orders/new" {
					_, _ = w.Write([]byte(page))
				}
				return r.URL.Path == "/orders/new"
			}
		})
		call := orderCall(o, key, &ledger{})
		call.Help = help
		call.Input = rules.Record(map[string]rules.Value{"reference": rules.Text(key), "amount": rules.Number(rules.Int(5))})
		_, err := runner.Run(t.Context(), program, call)
		return err
	}
	for _, key := range []string{"k0", "k1"} { // what two runs with different inputs have seen is sure
		require.NoError(t, run(key, usual, Help{}))
	}

	var known *contracts.Error
	require.ErrorAs(t, run("k2", strings.Replace(usual, `action="/orders"`, `action="/other"`, 1), Help{}), &known)
	require.Contains(t, known.Message, "the address of its form")
	require.True(t, known.Ask.IsMissing(), "there is nothing to choose from")

	require.ErrorAs(t, run("k3", renamed, Help{}), &known)
	require.Equal(t, "choose", known.Ask.Get("kind").Text(), "%s", known)
	help := Help{Step: known.Ask.Get("step").Text(), Hash: known.Ask.Get("hash").Text(), Target: `{"label": "Total"}`}
	require.ErrorAs(t, run("k4", strings.Replace(renamed, `action="/orders"`, `action="/other"`, 1), help), &known)
	require.Contains(t, known.Message, help.Step)
	require.Contains(t, known.Message, "the address of its form")
	require.NoError(t, run("k5", renamed, help))
}

// TestAPanicEndsItsRunAlone holds that a mistake of ours in a run that nobody waits for is an error of that run, which is in
// doubt if the commit was under way.
func TestAPanicEndsItsRunAlone(t *testing.T) {
	t.Parallel()
	o := serveOrders(t)
	own := NewPool(PoolOptions{Runs: 1})
	t.Cleanup(own.Close)
	runner := NewRunner(own, nil)
	program := compileOrder(t, orderSystem, orderRobot)
	asking := compileOrder(t, orderSystem, strings.Replace(orderRobot, "verify:\n", "verify:\n  - ask: {what: code, as: code}\n", 1))
	for key, program := range map[string]*Program{"a": program, "b": asking} {
		for _, test := range []struct {
			at    string
			doubt bool
		}{{program.find[0].place, false}, {program.write.place, true}} {
			call := orderCall(o, key+test.at, &ledger{})
			call.Turn = "case-1 step 1"
			call.Watch = func(w Watched) {
				if w.Place == test.at {
					panic("a mistake")
				}
			}
			_, err := runner.Run(t.Context(), program, call)
			var known *contracts.Error
			require.ErrorAs(t, err, &known)
			require.Equal(t, contracts.Internal, known.Class, "%s", known)
			require.Contains(t, known.Message, "a mistake")
			require.Equal(t, test.doubt, !known.NothingSent)
		}
	}
	_, err := runner.Run(t.Context(), program, orderCall(o, "k9", &ledger{}))
	require.NoError(t, err, "browser and account are free again")
}
