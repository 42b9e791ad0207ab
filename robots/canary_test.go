package robots

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// TestARefusedCanaryIsNotTriedAgain holds that canaries do not lock an account: after a refused login the next one waits for
// another secret, a login that goes well, or somebody who asks for it.
func TestARefusedCanaryIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	var logins atomic.Int32
	var accepts atomic.Bool
	p.mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<body><form action="/in"><label>Kennwort <input name="k"></label><input type="submit" value="Anmelden"></form>`))
	})
	p.mux.HandleFunc("GET /in", func(w http.ResponseWriter, r *http.Request) {
		logins.Add(1)
		if !accepts.Load() {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		_, _ = w.Write([]byte(`<body><a href="/login">Abmelden</a>`))
	})
	program := compileTest(t, plainSystem+`
session:
  secrets: [password]
  start: /login
  alive: {link: Abmelden}
  login: [{goto: /login}, {fill: {into: {label: Kennwort}, value: '${secret.password}'}}, {click: {button: Anmelden}}]
`, "\n  - expect: {link: Abmelden}\n", "{}")
	program.canary = &Canary{Input: rules.Record(nil)}
	runner := NewRunner(pool, nil)
	call := func(password string) Call {
		return Call{Base: p.URL, Secrets: map[string]contracts.Secret{"password": contracts.NewSecret(password)}}
	}
	try := func(call Call, class contracts.Class, count int) error {
		t.Helper()
		_, err := runner.Try(t.Context(), program, call)
		require.Equal(t, class, contracts.ClassOf(err), "%v", err)
		require.EqualValues(t, count, logins.Load())
		return err
	}
	_ = try(call("old"), contracts.Auth, 1)
	require.ErrorContains(t, try(call("old"), contracts.Auth, 1), "could not log in")
	byHand := call("old")
	byHand.ByHand = true
	_ = try(byHand, contracts.Auth, 2)
	_ = try(call("new"), contracts.Auth, 3)
	_ = try(call("new"), contracts.Auth, 3)
	accepts.Store(true)
	_, err := runner.Run(t.Context(), program, call("new"))
	require.NoError(t, err)
	_ = try(call("old"), contracts.Auth, 4)
	_ = try(call("new"), "", 5)
}

func TestARobotSaysWhyNothingTriesIt(t *testing.T) {
	t.Parallel()
	compile := func(canary string) (*Program, source.Problems) {
		robot, problems := Parse("look.yaml", []byte("robot: look\noperation: shop.look\nsystem: test\nfind:\n  - goto: /form.html\noutput: {any: {}}\n"+canary))
		require.NoError(t, problems.Err())
		system, problems := ParseSystem("test.system.yaml", []byte(plainSystem))
		require.NoError(t, problems.Err())
		return Compile(robot, system, lookOperation(t))
	}
	for canary, says := range map[string]bool{"": false, "canary: {none: each look-up is billed}\n": true, "canary: {every: 1h, input: {number: '1'}}\n": true} {
		program, problems := compile(canary)
		require.NoError(t, problems.Err())
		require.Equal(t, says, program.SaysCanary())
		require.Equal(t, canary == "canary: {every: 1h, input: {number: '1'}}\n", program.Canary() != nil)
	}
	_, problems := compile("canary: {none: each look-up is billed, every: 1h}\n")
	require.ErrorContains(t, problems.Err(), "what is not tried has no every")
	_, problems = compile("canary: {none: ''}\n")
	require.ErrorContains(t, problems.Err(), "say why it is not tried")
}
