package adapters

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Login is one log-in of a person at a system: the address to open, and what to do with what comes back.
type Login struct {
	Address  string // for the person's browser
	tokens   *tokens
	redact   *redactor
	redirect string
	state    string
	verifier string
}

// CanLogin says whether a person logs in at the system for the adapter.
func (a *Adapter) CanLogin() bool { return a.auth.oauth != nil && a.auth.oauth.grant == grantCode }

// TakesGrants says whether the system gives the adapter tokens by OAuth2, in whichever way.
func (a *Adapter) TakesGrants() bool { return a.auth.oauth != nil }

// Renews says whether the adapter gets itself new credentials when those that it has are refused: tokens of OAuth2, or a
// session.
func (a *Adapter) Renews() bool { return a.auth.oauth != nil || a.auth.session != nil }

// Login begins a log-in. redirect is where the system sends the browser afterwards.
func (c *Connection) Login(redirect string) (*Login, error) {
	if !c.adapter.CanLogin() {
		return nil, fmt.Errorf("nobody logs in at %s: the adapter %s does not say auth: {oauth2: {grant: authorization_code}}", c.system, c.adapter.Name)
	}
	t := c.tokens
	login := &Login{tokens: t, redact: c.redact, redirect: redirect, state: rand.Text()}
	client, _, err := t.identity()
	if err != nil {
		return nil, err
	}
	query := t.page.Query()
	query.Set("response_type", "code")
	query.Set("client_id", client)
	query.Set("redirect_uri", redirect)
	query.Set("state", login.state)
	if len(t.oauth.scopes) > 0 {
		query.Set("scope", strings.Join(t.oauth.scopes, " "))
	}
	if t.oauth.pkce {
		login.verifier = rand.Text() + rand.Text()
		sum := sha256.Sum256([]byte(login.verifier))
		query.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
		query.Set("code_challenge_method", "S256")
	}
	more, err := t.oauth.authorize.eval(t.vars)
	if err != nil {
		return nil, err
	}
	for _, p := range flatten(more) {
		query.Set(p.name, p.value)
	}
	page := *t.page
	page.RawQuery = query.Encode()
	login.Address = page.String()
	return login, nil
}

// Ours says whether a browser came back from this log-in.
func (l *Login) Ours(query url.Values) bool {
	return subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(l.state)) == 1
}

// Finish takes the query with which the browser came back, gets the grant and keeps it.
func (l *Login) Finish(ctx context.Context, query url.Values) error {
	switch {
	case !l.Ours(query):
		return errors.New("this is not the answer to the log-in that was begun: begin again")
	case query.Get("error") != "":
		return errors.New(l.redact.text("the system refused: " + query.Get("error") + " " + query.Get("error_description")))
	case query.Get("code") == "":
		return errors.New("the system sent no code")
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {query.Get("code")}, "redirect_uri": {l.redirect}}
	if l.verifier != "" {
		form.Set("code_verifier", l.verifier)
	}
	grant, err := l.tokens.exchange(ctx, form)
	if err != nil {
		return errors.New(l.redact.text(l.tokens.failure(err).Message))
	}
	// A renewal that is under way in another process has lost against a person who logs in.
	for {
		kept, err := l.tokens.grants.Grant(ctx, l.tokens.connection)
		if err != nil && !errors.Is(err, ErrNoGrant) {
			return err
		}
		if err = l.tokens.grants.Keep(ctx, l.tokens.connection, kept.Version, grant); !errors.Is(err, ErrGrantChanged) {
			return err
		}
	}
}
