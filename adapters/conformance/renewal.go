package conformance

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
)

const renewalFault = "the token is refused on the second page, and another one is given"

// What the token server gives when a token is refused in the middle of a list, and where.
const (
	renewedToken = "t0ken-that-was-renewed"
	firstRefresh = "refresh-of-before"
	nextRefresh  = "refresh-of-afterwards"
	tokenPath    = "/.token-server"
)

// renewal is a system whose credentials run out once, between the first request and the second.
type renewal struct {
	subject  *subject
	peer     *player
	mu       sync.Mutex
	logins   map[string]bool // the requests that open a session
	asked    int             // requests that are no log-in
	refused  bool
	renewals int
	served   []string // what was answered, in order
	wrong    string
}

// renewed lets the credentials run out within a list: there is one renewal, the list goes on where it was, and nothing of it
// is missing or there twice.
func (s *subject) renewed(ctx context.Context) {
	calm, quiet, err := s.underRenewal(ctx, false)
	if err != nil || len(quiet.served) < 2 {
		return // its test says so, or nothing lies between two requests
	}
	found, disturbed, err := s.underRenewal(ctx, true)
	f := Finding{Operation: s.op.Name, Check: checkPages, Fault: renewalFault, Change: "say under auth: how a refused token or session shows (session: on:), and leave that answer out of errors: and empty:"}
	switch {
	case err != nil:
		f.Expected, f.Found = "one renewal, and the whole list", "it failed: "+err.Error()
	case disturbed.wrong != "":
		f.Expected, f.Found = "the credentials as they hold", disturbed.wrong
	case !disturbed.refused:
		return
	case disturbed.renewals != quiet.renewals+1:
		f.Expected, f.Found = "one renewal", fmt.Sprintf("%d", disturbed.renewals-quiet.renewals)
	case len(disturbed.served) != len(quiet.served):
		f.Expected, f.Found = fmt.Sprintf("the %d requests that it takes otherwise", len(quiet.served)), fmt.Sprintf("%d were answered", len(disturbed.served))
	case calm != found:
		f.Expected, f.Found = short(calm), short(found)
	default:
		return
	}
	s.find(f)
}

func (s *subject) underRenewal(ctx context.Context, runsOut bool) (output string, n *renewal, err error) {
	n = &renewal{subject: s, peer: &player{exchanges: s.test.Exchanges, used: make([]bool, len(s.test.Exchanges)), again: true}, logins: map[string]bool{}, refused: !runsOut}
	base, leave := s.room(n.serve)
	defer leave()
	n.peer.base = base
	grants := adapters.NewMemoryGrants()
	old := adapters.Grant{AccessToken: oauthToken, RefreshToken: firstRefresh, Obtained: time.Now().Add(-time.Hour), Base: base, From: base, For: base}
	if err := grants.Keep(ctx, adapters.ConnectionName("test", s.adapter.Name), 0, old); err != nil {
		return "", n, err
	}
	connection, err := connectWith(s.adapter, s.tests, base, func(config *adapters.Config) {
		config.Grants, config.TokenURL = grants, base+tokenPath
		for name := range config.Secrets { // whoever signs an assertion needs a key that is one
			if name == "private_key" {
				config.Secrets[name] = contracts.NewSecret(keyOfTests())
			}
		}
	})
	if err != nil {
		return "", n, err
	}
	defer connection.Close()
	limited, cancel := context.WithTimeout(ctx, limitOfTrial)
	defer cancel()
	watched := adapters.Watch(limited, func(seen *adapters.Seen, done bool) {
		if seen.LogsIn && !done {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.logins[seen.Method+string(seen.Body)] = true
		}
	})
	value, err := connection.Call(watched, s.test.call())
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.ReplaceAll(string(value.Plain()), base, "{base}"), n, err
}

func (n *renewal) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.URL.Path == tokenPath {
		n.give(w, r, string(body))
		return
	}
	logsIn := n.logins[r.Method+string(body)]
	if logsIn {
		n.renewals++
	} else if n.asked++; n.asked == 2 && !n.refused {
		n.refused = true
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	for name, values := range r.Header { // the tests know the token of before
		for i, text := range values {
			if n.refused && n.renewals > 0 && n.subject.adapter.TakesGrants() && strings.Contains(text, oauthToken) {
				n.wrong = "the token that was refused came once more, in " + name
			}
			values[i] = strings.ReplaceAll(text, renewedToken, oauthToken)
		}
	}
	x, ok := n.peer.find(r, body)
	if !ok {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if !logsIn {
		n.served = append(n.served, r.Method+" "+r.URL.String()+" "+string(body))
	}
	x.Reply.write(w, n.peer.base)
}

// give answers as the server of tokens: a refresh token is taken once.
func (n *renewal) give(w http.ResponseWriter, r *http.Request, form string) {
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodGet { // it is asked where requests go, and does not say that they go elsewhere
		_, _ = io.WriteString(w, "{}")
		return
	}
	n.renewals++
	if strings.Contains(form, "grant_type=refresh_token") && (n.renewals > 1 || !strings.Contains(form, firstRefresh)) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": renewedToken, "refresh_token": nextRefresh, "expires_in": 3600, "token_type": "Bearer"})
}

// keyOfTests is a key that signs assertions.
var keyOfTests = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
})
