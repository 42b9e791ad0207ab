package robots

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

// TestNoticesAreDoneAway holds that a notice over the page is put out of the way, also one that comes late, and that one that
// comes back for ever ends the run.
func TestNoticesAreDoneAway(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	var forever atomic.Bool
	p.mux.HandleFunc("GET /news", func(w http.ResponseWriter, r *http.Request) {
		again := "this.parentNode.remove()"
		if forever.Load() {
			again = ""
		}
		notice := `<div id="notice" style="position:fixed;inset:0;background:#fff"><button onclick="` + again + `">Verstanden</button></div>`
		if r.URL.Query().Has("late") {
			notice = "<script>addEventListener('load', () => document.body.insertAdjacentHTML('beforeend', `" + notice + "`))</script>"
		}
		_, _ = w.Write([]byte(`<body><form action="/done"><label>Name <input name="n"></label><input type="submit" value="Weiter"></form>` + notice))
	})
	p.mux.HandleFunc("GET /done", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<p>Fertig</p>")) })
	system := plainSystem + "interrupts: [{seen: {css: '#notice'}, do: [{click: {button: Verstanden}}]}]\n"
	for _, address := range []string{"/news", "/news?late=1"} {
		program := compileTest(t, system, "\n  - goto: "+address+"\n  - fill: {into: {label: Name}, value: ada}\n  - click: {button: Weiter}\n  - expect: {text: Fertig}\n", "{}")
		_, err := NewRunner(pool, nil).Run(t.Context(), program, Call{Base: p.URL})
		require.NoError(t, err, address)
	}
	forever.Store(true)
	program := compileTest(t, strings.Replace(system, "step: 6s", "step: 1s", 1), "\n  - goto: /news\n  - click: {button: Weiter}\n", "{}")
	_, err := NewRunner(pool, nil).Run(t.Context(), program, Call{Base: p.URL})
	require.Error(t, err, "it ends")
}

// TestSignsOfAPerson holds that a captcha that may stand anywhere is handed to a person, with the page kept open and the
// account free meanwhile, and that a page that somebody must look after elsewhere says so.
func TestSignsOfAPerson(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	var shown atomic.Int32
	p.mux.HandleFunc("GET /list", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("letters") == "xkcd42":
			_, _ = w.Write([]byte("<p>Liste</p>"))
		case r.URL.Query().Has("expired"):
			_, _ = w.Write([]byte("<p>Neues Kennwort noetig</p>"))
		default:
			shown.Add(1)
			_, _ = w.Write([]byte(`<body><img class="captcha" alt="letters" width=80 height=20><form action="/list"><label>Buchstaben <input name="letters"></label><input type="submit" value="Weiter"></form>`))
		}
	})
	system := plainSystem + `
human:
  - {seen: {css: img.captcha}, ask: {what: captcha, title: Die Buchstaben im Bild, as: letters}, do: [{fill: {into: {label: Buchstaben}, value: '${letters}'}}, {click: {button: Weiter}}]}
  - {seen: {text: /Neues Kennwort/}, ask: {what: login, title: Set a new password}}
`
	system = strings.Replace(system, "per_credential: 10", "per_credential: 1", 1)
	program := compileTest(t, system, "\n  - goto: /list\n  - expect: {text: Liste}\n", "{}")
	runner := NewRunner(pool, nil)
	call := Call{Base: p.URL, Turn: "case-1 step 1"}
	_, err := runner.Run(t.Context(), program, call)
	var asked *contracts.Error
	require.True(t, errors.As(err, &asked), "%v", err)
	require.Equal(t, contracts.Auth, asked.Class, "%s", err)
	require.Equal(t, "captcha", asked.Ask.Get("kind").Text())
	require.Equal(t, "Die Buchstaben im Bild", asked.Ask.Get("title").Text())

	_, err = runner.Run(t.Context(), compileTest(t, system, "\n  - goto: /list?letters=xkcd42\n  - expect: {text: Liste}\n", "{}"), Call{Base: p.URL})
	require.NoError(t, err, "the account is free while a person is waited for")

	call.Help.Code = "xkcd42"
	result, err := runner.Run(t.Context(), program, call)
	require.NoError(t, err)
	require.EqualValues(t, 1, shown.Load(), "the page was open all the time")
	for _, one := range result.Evidence {
		require.NotContains(t, string(one.Bytes), "xkcd42", one.Name)
	}

	_, err = runner.Run(t.Context(), compileTest(t, system, "\n  - goto: /list?expired=1\n  - expect: {text: Liste}\n", "{}"), Call{Base: p.URL})
	require.True(t, errors.As(err, &asked), "%v", err)
	require.Equal(t, contracts.Auth, asked.Class)
	require.Equal(t, "look", asked.Ask.Get("kind").Text())
	require.Equal(t, "Set a new password", asked.Ask.Get("title").Text())
}

// TestNobodyComesBack holds that a run that waits for a person ends when its question is.
func TestNobodyComesBack(t *testing.T) {
	t.Parallel()
	p := &parked{help: make(chan Help)}
	_, err := p.answered(t.Context(), func(context.Context) bool { return true })
	require.ErrorIs(t, err, errGivenUp)
}

func TestSignsAreChecked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"interrupts: [{do: [{click: {button: OK}}]}]":                                                                          "say what shows that it is there",
		"interrupts: [{seen: {text: a}, do: [{ask: {what: code, as: c}}]}]":                                                    "write it under human:",
		"human: [{seen: {text: a}, ask: {what: captcha, as: c}}]":                                                              "as and do belong together",
		"human: [{seen: {text: a}, ask: {what: captcha}, do: [{click: {button: OK}}]}]":                                        "as and do belong together",
		"human: [{seen: {text: a}, ask: {what: password}}]":                                                                    "known: code, login, captcha",
		"human: [{seen: {text: a}, ask: {what: code, as: c, within: 2h}, do: [{fill: {into: {label: Code}, value: '${c}'}}]}]": "at most 1h",
		"human: [{seen: {text: a}, ask: {what: code, as: c}, do: [{fill: {into: {label: Code}, value: '${letters}'}}]}]":       "letters",
	} {
		_, problems := ParseSystem("test.system.yaml", []byte(plainSystem+text+"\n"))
		require.Error(t, problems.Err(), text)
		require.Contains(t, problems.Err().Error()+problems[0].Hint, want, text)
	}
}

// TestAPersonAtTheStartOfAKeptLogin holds that a captcha on the first page of a run that has its login from before is handed
// over as any other.
func TestAPersonAtTheStartOfAKeptLogin(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	var asks atomic.Bool
	p.mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<body><form action="/start"><label>Kennwort <input name="k"></label><input type="submit" value="Anmelden"></form>`))
	})
	p.mux.HandleFunc("GET /start", func(w http.ResponseWriter, r *http.Request) {
		if asks.Load() && r.URL.Query().Get("letters") != "xkcd42" {
			_, _ = w.Write([]byte(`<body><img class="captcha" alt="letters" width=80 height=20><form action="/start"><label>Buchstaben <input name="letters"></label><input type="submit" value="Weiter"></form>`))
			return
		}
		_, _ = w.Write([]byte(`<body><a href="/login">Abmelden</a>`))
	})
	system := plainSystem + `
session:
  secrets: [password]
  start: /start
  alive: {link: Abmelden}
  login: [{goto: /login}, {fill: {into: {label: Kennwort}, value: '${secret.password}'}}, {click: {button: Anmelden}}]
human:
  - {seen: {css: img.captcha}, ask: {what: captcha, as: letters}, do: [{fill: {into: {label: Buchstaben}, value: '${letters}'}}, {click: {button: Weiter}}]}
`
	program := compileTest(t, system, "\n  - expect: {link: Abmelden}\n", "{}")
	runner := NewRunner(pool, nil)
	call := Call{Base: p.URL, Turn: "case-1 step 1", Secrets: map[string]contracts.Secret{"password": contracts.NewSecret("hunter-2009")}}
	_, err := runner.Run(t.Context(), program, call)
	require.NoError(t, err)
	asks.Store(true)
	_, err = runner.Run(t.Context(), program, call)
	var asked *contracts.Error
	require.ErrorAs(t, err, &asked)
	require.Equal(t, "captcha", asked.Ask.Get("kind").Text(), "%s", err)
	call.Help.Code = "xkcd42"
	_, err = runner.Run(t.Context(), program, call)
	require.NoError(t, err)
}

// TestAStepThatTookEffectIsNotRepeated holds that what was clicked is not clicked again because a notice came with a box that
// ends the step.
func TestAStepThatTookEffectIsNotRepeated(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	var lines atomic.Int32
	p.mux.HandleFunc("GET /line", func(http.ResponseWriter, *http.Request) { lines.Add(1) })
	p.mux.HandleFunc("GET /lines", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<body><button id="add">Zeile</button><script>
			document.getElementById('add').onclick = () => {
				const request = new XMLHttpRequest()
				request.open('GET', '/line', false)
				request.send()
				document.body.insertAdjacentHTML('beforeend', '<div id="notice"><button onclick="this.parentNode.remove()">Verstanden</button></div>')
				if (!window.warned && (window.warned = true)) confirm('Lager leer')
			}</script>`))
	})
	system := plainSystem + "interrupts: [{seen: {css: '#notice'}, do: [{click: {button: Verstanden}}]}]\n"
	program := compileTest(t, system, "\n  - goto: /lines\n  - click: {button: Zeile}\n", "{}")
	_, err := NewRunner(pool, nil).Run(t.Context(), program, Call{Base: p.URL})
	require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%v", err)
	require.ErrorContains(t, err, "Lager leer")
	require.EqualValues(t, 1, lines.Load())
}

// TestANoticeOfTheCommitThatIsGone holds that nothing is done about a notice that was seen during the commit and is gone by itself.
func TestANoticeOfTheCommitThatIsGone(t *testing.T) {
	t.Parallel()
	o := serveOrders(t)
	o.behave(func(m *manners) {
		m.save = func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = fmt.Fprintf(w, `<p>Order %d saved</p><div id="toast"><button>Weg</button></div>`, o.keep(r))
			return true
		}
	})
	robot := orderRobot[:strings.Index(orderRobot, "find:\n")] + orderRobot[strings.Index(orderRobot, "prepare:\n"):]
	robot = strings.Replace(robot, "  - run: find\n  - assert: len(found) == 1\n", "  - goto: /orders\n  - expect: {text: k1}\n", 1)
	robot = strings.Replace(robot, `${saved ?? found[0]?.number ?? ""}`, `${saved}`, 1)
	system := strings.Replace(orderSystem, "step: 15s", "step: 5s", 1) + "interrupts: [{seen: {css: '#toast'}, do: [{click: {button: Weg}}]}]\n"
	result, err := NewRunner(pool, nil).Run(t.Context(), compileOrder(t, system, robot), orderCall(o, "k1", &ledger{}))
	require.NoError(t, err)
	require.Equal(t, "1", result.Output.Get("number").Text())
	require.Equal(t, 1, o.count("k1"))
}
