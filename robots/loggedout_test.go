package robots

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

const loginForm = `<body><form method="post" action="/in"><table><tr><td>User</td><td><input name="u"></td></tr><tr><td>Password</td><td><input type="password" name="p"></td></tr></table><input type="submit" value="Log in"></form>`

// TestALoginFormInPlaceOfAPage holds that an application which ends a session by showing the form of its login, and says so in no
// words that the system file knows, is logged in to again: its fields are nothing to choose from for a step. A form beside
// what only somebody who is logged in sees ends nothing.
func TestALoginFormInPlaceOfAPage(t *testing.T) {
	t.Parallel()
	const system = plainSystem + "session: {secrets: [user, password], start: /start, alive: {link: Log out}, login: [{goto: /login}, {fill: {into: {label: User}, value: '${secret.user}'}}, {fill: {into: {label: Password}, value: '${secret.password}'}}, {click: {button: Log in}}]}\n"
	for _, alive := range []bool{false, true} {
		p := servePages(t)
		var logins, looks atomic.Int32
		p.mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(loginForm)) })
		p.mux.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
			logins.Add(1)
			http.Redirect(w, r, "/start", http.StatusSeeOther)
		})
		p.mux.HandleFunc("GET /start", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`<a href="/">Log out</a>`)) })
		p.mux.HandleFunc("GET /find", func(w http.ResponseWriter, _ *http.Request) {
			switch {
			case looks.Add(1) > 1:
				_, _ = w.Write([]byte(`<a href="/">Log out</a><table><tr><td>Order</td><td><input name="o"></td></tr></table>`))
			case alive:
				_, _ = w.Write([]byte(`<a href="/">Log out</a>` + loginForm))
			default:
				_, _ = w.Write([]byte(loginForm))
			}
		})
		program := compileTest(t, system, "\n  - goto: /find\n  - fill: {into: {any: [{label: Order}, {css: td input}]}, value: A-1}\n", "{}")
		call := Call{Base: p.URL, Secrets: map[string]contracts.Secret{"user": contracts.NewSecret("robot-one"), "password": contracts.NewSecret("geheim-one")}, Input: rules.Record(nil)}
		_, err := NewRunner(pool, nil).Run(t.Context(), program, call)
		if alive {
			require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%v", err)
			require.EqualValues(t, 1, logins.Load())
			continue
		}
		require.NoError(t, err)
		require.EqualValues(t, 2, logins.Load())
	}
}
