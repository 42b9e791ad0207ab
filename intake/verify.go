package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// ErrSignature is returned for every request whose sender is not proven, whatever the reason.
var ErrSignature = errors.New("the signature is missing or wrong")

// tolerance is how far a signed time may be from ours, in either direction.
const tolerance = 5 * time.Minute

// Scheme is how a source proves that it sent a request.
type Scheme string

// The schemes that sources may declare.
const (
	StandardWebhooks Scheme = "standard-webhooks" // standardwebhooks.com
	XAccountActivity Scheme = "x"                 // X Account Activity: x-twitter-webhooks-signature and the CRC challenge
	ZendeskWebhook   Scheme = "zendesk"           // X-Zendesk-Webhook-Signature over timestamp and body
	Unsigned         Scheme = "none"              // declared insecure by the workspace
)

// Verify checks the raw body against the request's signature headers with any of the secrets, so that a secret can
// be changed without losing a message. The second result is the sender's id for the delivery, if the scheme has one.
func Verify(scheme Scheme, secrets []string, header http.Header, body []byte, now time.Time) (id string, err error) {
	if scheme == Unsigned {
		return "", nil
	}
	refused := ErrSignature
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		id, err := verifyOne(scheme, secret, header, body, now)
		if err == nil {
			return id, nil
		}
		if !errors.Is(err, ErrSignature) { // for the log: it is our secret that is of no use
			refused = fmt.Errorf("%w: %w", ErrSignature, err)
		}
	}
	return "", refused
}

func verifyOne(scheme Scheme, secret string, header http.Header, body []byte, now time.Time) (string, error) {
	switch scheme {
	case StandardWebhooks:
		return verifyStandard(secret, header, body, now)
	case XAccountActivity:
		want := "sha256=" + base64.StdEncoding.EncodeToString(mac(secret, body))
		if !hmac.Equal([]byte(want), []byte(header.Get("X-Twitter-Webhooks-Signature"))) {
			return "", ErrSignature
		}
		return "", nil
	case ZendeskWebhook:
		stamp := header.Get("X-Zendesk-Webhook-Signature-Timestamp")
		want := base64.StdEncoding.EncodeToString(mac(secret, []byte(stamp), body))
		if !hmac.Equal([]byte(want), []byte(header.Get("X-Zendesk-Webhook-Signature"))) {
			return "", ErrSignature
		}
		sent, err := time.Parse(time.RFC3339, stamp)
		if err != nil || now.Sub(sent).Abs() > tolerance {
			return "", ErrSignature
		}
		return header.Get("X-Zendesk-Webhook-Invocation-Id"), nil
	default:
		return "", ErrSignature
	}
}

// minSecretBytes is what the standard demands of a secret. A shorter one, above all an empty one, is no secret.
const minSecretBytes = 24

func verifyStandard(secret string, header http.Header, body []byte, now time.Time) (string, error) {
	webhook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return "", fmt.Errorf("the secret is not base64: %w", err)
	}
	if key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")); len(key) < minSecretBytes {
		return "", fmt.Errorf("the secret has %d bytes, %d are needed", len(key), minSecretBytes)
	}
	// The time is part of what is signed; whether it is near ours is for our own clock to say.
	sent, err := strconv.ParseInt(header.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil || now.Sub(time.Unix(sent, 0)).Abs() > tolerance {
		return "", ErrSignature
	}
	if err := webhook.VerifyIgnoringTimestamp(body, header); err != nil {
		return "", ErrSignature
	}
	return header.Get(standardwebhooks.HeaderWebhookID), nil
}

func mac(secret string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// ChallengeResponse answers X's challenge-response check, by which it makes sure that we hold the secret.
func ChallengeResponse(secret, token string) string {
	return "sha256=" + base64.StdEncoding.EncodeToString(mac(secret, []byte(token)))
}
