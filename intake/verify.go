package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"crosswalk/adapters"
	"crosswalk/rules"
	"crosswalk/workspace"
)

// ErrSignature is returned for every request whose sender is not proven, whatever the reason.
var ErrSignature = adapters.ErrSignature

// errNoSuchAddress hides that there is a source at all from whoever does not know its token.
var errNoSuchAddress = errors.New("there is no such address")

// minToken is how long the secret of an address is at least: shorter ones are guessed.
const minToken = 24

// verify proves the sender of a request to a source. The first result is the sender's id for the delivery, if there is one.
func verify(s *workspace.Source, secrets []string, r *http.Request, body []byte, now time.Time) (id string, err error) {
	token, webhook := r.PathValue("token"), s.Verify.Webhook
	if webhook != nil && webhook.Unsigned != "" {
		return "", verifyToken(token, secrets)
	}
	switch {
	case token != "":
		return "", errNoSuchAddress
	case s.Verify.Scheme == workspace.VerifyNone:
		return "", nil
	case webhook == nil:
		return "", fmt.Errorf("%w: the scheme %s is not known", ErrSignature, s.Verify.Scheme)
	}
	address := s.Verify.Address
	if address == "" {
		address = "https://" + r.Host
	}
	return webhook.Verify(adapters.Delivery{Method: r.Method, URL: address + r.URL.RequestURI(), Header: r.Header, Body: body}, secrets, now)
}

func verifyToken(token string, secrets []string) error {
	known := false
	for _, secret := range secrets {
		if len(secret) < minToken {
			return fmt.Errorf("%w: the secret of the address has %d characters, %d are needed", ErrSignature, len(secret), minToken)
		}
		known = subtle.ConstantTimeCompare([]byte(token), []byte(secret)) == 1 || known
	}
	if !known {
		return errNoSuchAddress
	}
	return nil
}

// echo is the answer to a message by which a product makes sure that we are there, and says whether it is one.
func echo(s *workspace.Source, body []byte) (answer map[string]string, asked bool) {
	webhook := s.Verify.Webhook
	if webhook == nil || webhook.EchoField == "" {
		return nil, false
	}
	fields, err := rules.FromJSON(body)
	if err != nil || fields.Kind() != rules.KindRecord || fields.Get(webhook.EchoField).Text() != webhook.EchoIs {
		return nil, false
	}
	return map[string]string{webhook.EchoOut: fields.Get(webhook.EchoOut).Text()}, true
}

// ChallengeResponse answers X's challenge-response check, by which it makes sure that we hold the secret.
func ChallengeResponse(secret, token string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(token))
	return "sha256=" + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
