package adapters

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"crosswalk/rules"
)

// tokenError is what a token server answered instead of a token.
type tokenError struct {
	Code    string
	text    string
	settled bool // asking again changes nothing
	wait    time.Duration
}

// Error is the server's code and words.
func (e *tokenError) Error() string { return strings.TrimSuffix(e.Code+": "+e.text, ": ") }

// ask gets a new grant: with the old one's refresh token, or with what we have. With an error it returns what came all the
// same: the old refresh token may be worth nothing any more.
func (t *tokens) ask(ctx context.Context, old Grant) (Grant, error) {
	form := url.Values{}
	switch t.oauth.grant {
	case grantCode:
		if old.RefreshToken == "" {
			return Grant{}, &tokenError{Code: "invalid_grant", text: "the token has run out, and the system gave none to renew it with", settled: true}
		}
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", old.RefreshToken)
	case grantCredentials:
		form.Set("grant_type", "client_credentials")
	case grantJWT:
		signed, err := t.signed(time.Now())
		if err != nil {
			return Grant{}, &tokenError{Code: "the assertion cannot be made", text: err.Error(), settled: true}
		}
		form.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
		form.Set("assertion", signed)
	}
	if len(t.oauth.scopes) > 0 && t.oauth.grant != grantCode {
		form.Set("scope", strings.Join(t.oauth.scopes, " "))
	}
	grant, err := t.exchange(ctx, form)
	if grant.AccessToken != "" && grant.RefreshToken == "" {
		grant.RefreshToken = old.RefreshToken // it is not rotated
	}
	if err != nil && grant.AccessToken != "" && old.Base != "" {
		grant.Base, err = old.Base, nil // where requests went until now
	}
	return grant, err
}

// exchange makes one request for a token.
func (t *tokens) exchange(ctx context.Context, form url.Values) (Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	client, secret, err := t.identity()
	if err != nil {
		return Grant{}, &tokenError{Code: "the request for a token cannot be made", text: err.Error(), settled: true}
	}
	if client != "" && !t.oauth.basic {
		form.Set("client_id", client)
		if secret != "" {
			form.Set("client_secret", secret)
		}
	}
	more, err := t.oauth.token.eval(t.vars)
	if err != nil {
		return Grant{}, &tokenError{Code: "the request for a token cannot be made", text: err.Error(), settled: true}
	}
	for _, p := range flatten(more) {
		form.Set(p.name, p.value)
	}
	for _, name := range []string{"refresh_token", "assertion", "code", "code_verifier"} { // a server may repeat them in its refusal
		t.hide(form.Get(name))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.token.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return Grant{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" && t.oauth.basic {
		request.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
		t.hide(strings.TrimPrefix(request.Header.Get("Authorization"), "Basic "))
	}
	asked := time.Now()
	body, err := t.answer(request)
	if err != nil {
		return Grant{}, err
	}
	grant, err := t.grantOf(body, asked)
	if err != nil || t.oauth.base == nil {
		return grant, err
	}
	grant.Base, err = t.baseOf(ctx, grant, body)
	return grant, err // the grant holds, also if nobody says where requests go
}

// identity is the client's name and secret.
func (t *tokens) identity() (client, secret string, err error) {
	for template, into := range map[*rules.Template]*string{t.oauth.client: &client, t.oauth.secret: &secret} {
		if template == nil {
			continue
		}
		value, err := template.Eval(t.vars)
		if err != nil {
			return "", "", err
		}
		*into = value.String()
	}
	return client, secret, nil
}

// answer sends a request to the token server and reads what came.
func (t *tokens) answer(request *http.Request) (rules.Value, error) {
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "crosswalk")
	response, err := t.client.Do(request)
	if err != nil {
		return rules.Value{}, err
	}
	defer response.Body.Close()
	raw, err := readBody(response, maxErrorBody, maxErrorBody)
	if err != nil {
		return rules.Value{}, err
	}
	body, _, parseErr := parseBody(answerJSON, plainTable, raw)
	code := body.Get("error")
	switch {
	case response.StatusCode >= 200 && response.StatusCode < 300 && parseErr == nil && (code.IsMissing() || code.String() == ""):
		return body, nil
	case response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusRequestTimeout:
		wait, _ := retryAfter([]waitRule{{header: "Retry-After", format: waitRetryAfter}}, response.Header, time.Now())
		return rules.Value{}, &tokenError{Code: fmt.Sprintf("it answered %d", response.StatusCode), wait: wait}
	case code.Kind() == rules.KindText && code.Text() != "":
		return rules.Value{}, &tokenError{Code: code.Text(), text: body.Get("error_description").String(), settled: true}
	case response.StatusCode >= 200 && response.StatusCode < 300:
		return rules.Value{}, &tokenError{Code: "its answer cannot be read"} // a page of maintenance
	default:
		return rules.Value{}, &tokenError{Code: fmt.Sprintf("it answered %d", response.StatusCode), settled: true}
	}
}

// grantOf reads a token's answer.
func (t *tokens) grantOf(body rules.Value, asked time.Time) (Grant, error) {
	grant := Grant{AccessToken: body.Get("access_token").Text(), RefreshToken: body.Get("refresh_token").Text(), Obtained: asked.UTC().Truncate(time.Microsecond), From: t.from, For: t.base}
	if grant.AccessToken == "" {
		return grant, &tokenError{Code: "its answer holds no access_token", settled: true}
	}
	lifetime := t.oauth.lifetime
	if said, ok := delta(body.Get("expires_in").String(), time.Second); ok && said > 0 {
		lifetime = said
	}
	if lifetime > 0 {
		grant.Expires = grant.Obtained.Add(lifetime)
	}
	return grant, nil
}

// baseOf is the origin that the system names for requests. Only one that the adapter expects gets our token.
func (t *tokens) baseOf(ctx context.Context, grant Grant, body rules.Value) (string, error) {
	if t.about != nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.about.String(), nil)
		if err != nil {
			return "", err
		}
		request.Header.Set("Authorization", "Bearer "+grant.AccessToken)
		if body, err = t.answer(request); err != nil {
			return "", err
		}
	}
	value, err := t.oauth.base.from.Eval(map[string]rules.Value{"body": body})
	if err != nil {
		return "", &tokenError{Code: "its answer does not say where requests go", text: err.Error(), settled: true}
	}
	text := strings.TrimSuffix(value.String(), "/")
	if !t.oauth.base.pattern.MatchString(text) {
		return "", &tokenError{Code: "its answer sends requests to an address that the adapter does not expect", settled: true}
	}
	return text, nil
}

// signed is an assertion, signed with RS256.
func (t *tokens) signed(now time.Time) (string, error) {
	claims := map[string]any{"iat": now.Unix(), "exp": now.Add(t.oauth.assertion.lifetime).Unix(), "jti": rand.Text()}
	if len(t.oauth.scopes) > 0 { // DocuSign and Google want them here, others in the form
		claims["scope"] = strings.Join(t.oauth.scopes, " ")
	}
	var key string
	for name, template := range map[string]*rules.Template{"iss": t.oauth.assertion.issuer, "sub": t.oauth.assertion.subject, "aud": t.oauth.assertion.audience, "": t.oauth.assertion.key} {
		if template == nil {
			continue
		}
		value, err := template.Eval(t.vars)
		switch {
		case err != nil:
			return "", err
		case name == "":
			key = value.String()
		case !value.IsMissing():
			claims[name] = value.String()
		}
	}
	private, err := rsaKey(key)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// rsaKey reads a private key. What is wrong with it is said without its text.
func rsaKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n"))) // an environment variable may hold it in one line
	if block == nil {
		return nil, errors.New("the key is not PEM, as in -----BEGIN PRIVATE KEY-----")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the key cannot be read: it must be a private RSA key without a password")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is not an RSA key")
	}
	return key, nil
}
