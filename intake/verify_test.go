package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func hexOf(t *testing.T, base string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(base)
	require.NoError(t, err)
	return hex.EncodeToString(raw)
}

// TestProductsSignAsTheirAdapterSays: the scheme of a source is the name of an adapter.
func TestProductsSignAsTheirAdapterSays(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	stamp := fmt.Sprint(s.now().Unix())
	body := `{"id":"evt_1","type":"invoice.payment_failed"}`
	good := hexOf(t, sign([]byte(secretStripe), stamp, ".", body))
	taken := s.send(t, "POST", "/hooks/payments", headers("Stripe-Signature", "t="+stamp+",v1="+good), body)
	require.Equal(t, 202, taken.status, taken.body)
	for name, header := range map[string]string{
		"no signature":                "t=" + stamp,
		"another time":                "t=" + fmt.Sprint(s.now().Unix()-1) + ",v1=" + good,
		"too old":                     "t=" + fmt.Sprint(s.now().Add(-time.Hour).Unix()) + ",v1=" + hexOf(t, sign([]byte(secretStripe), fmt.Sprint(s.now().Add(-time.Hour).Unix()), ".", body)),
		"empty":                       "",
		"the form of another product": "v1," + good,
	} {
		require.Equal(t, 401, s.send(t, "POST", "/hooks/payments", headers("Stripe-Signature", header), body).status, name)
	}
	require.Equal(t, 401, s.send(t, "POST", "/hooks/payments", headers("Stripe-Signature", "t="+stamp+",v1="+good), body+" ").status)
	require.Equal(t, 404, s.send(t, "POST", "/hooks/payments/"+secretToken, headers("Stripe-Signature", "t="+stamp+",v1="+good), body).status, "a signed source has no token")

	list := `[{"eventId":1},{"eventId":2}]`
	millis := fmt.Sprint(s.now().UnixMilli())
	signature := sign([]byte(secretStripe), "POST", "https://hooks.acme.example/hooks/contacts", list, millis)
	taken = s.send(t, "POST", "/hooks/contacts", headers("X-HubSpot-Signature-v3", signature, "X-HubSpot-Request-Timestamp", millis), list)
	require.Equal(t, 202, taken.status, taken.body)
}

// TestAWebhookMayBeAForm: Mailchimp posts a form, and signs it as it came.
func TestAWebhookMayBeAForm(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	stamp := fmt.Sprint(s.now().Unix())
	post := func(body string) sent {
		signature := "t=" + stamp + ",v1=" + hexOf(t, sign([]byte(secretStripe), stamp, ".", body))
		return s.send(t, "POST", "/hooks/leavers", headers("X-Mailchimp-Signature", signature, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), body)
	}
	body := "type=unsubscribe&fired_at=2026-03-26+21%3A40%3A57&data%5Breason%5D=manual&data[email]=ann%40example.org&data%5Bmerges%5D%5BFNAME%5D=Ann"
	taken := post(body)
	require.Equal(t, 202, taken.status, taken.body)
	input := s.input(t, taken.EntryID)
	require.Equal(t, "manual", input.Get("text").Text())
	require.Equal(t, "ann@example.org", input.Get("from").Get("email").Text())
	require.Equal(t, "Ann", input.Get("from").Get("name").Text())
	require.Equal(t, Duplicate, post(body).Outcome, "a form without an id is known by what it says")
	require.Equal(t, Started, post(body+"&data%5Bid%5D=8a25ff1d98").Outcome)

	fields, err := fieldsOfForm("a%5B%5D=1&a%5B%5D=2&b=3&b=4&c=5&d%5Be%5D%5B%5D=6&f=&bad=%FF")
	require.NoError(t, err)
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	require.JSONEq(t, `{"a":["1","2"],"b":["3","4"],"c":"5","d":{"e":["6"]},"f":"","bad":"\ufffd"}`, string(text))
	for name, body := range map[string]string{
		"half an escape":       "a=%4",
		"a text with fields":   "a=1&a[b]=2",
		"fields and a list":    "a[b]=1&a[]=2",
		"far too deep":         "a" + strings.Repeat("[b]", 11) + "=1",
		"a form that is JSON?": `{"a":%}`,
	} {
		require.Equal(t, 400, post(body).status, name)
	}
}

// TestASignedQuestionIsAnswered: Slack asks whether we are there; nothing is stored for it.
func TestASignedQuestionIsAnswered(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	stamp := fmt.Sprint(s.now().Unix())
	body := `{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}`
	mac := hmac.New(sha256.New, []byte(secretStripe))
	_, _ = mac.Write([]byte("v0:" + stamp + ":" + body))
	answer := s.send(t, "POST", "/hooks/chat", headers("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)), "X-Slack-Request-Timestamp", stamp), body)
	require.Equal(t, 200, answer.status)
	require.JSONEq(t, `{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}`, answer.body)
	require.Equal(t, 401, s.send(t, "POST", "/hooks/chat", headers("X-Slack-Request-Timestamp", stamp), body).status, "not for strangers")
}

// TestUnsignedSendersHaveATokenInTheirAddress: without it there is no such address.
func TestUnsignedSendersHaveATokenInTheirAddress(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	body := `{"text":"the lamp is broken"}`
	for _, path := range []string{"/hooks/cases", "/hooks/cases/", "/hooks/cases/wrong", "/hooks/cases/" + secretToken[:25], "/hooks/cases/" + secretToken + "x"} {
		require.Equal(t, 404, s.send(t, "POST", path, nil, body).status, path)
	}
	require.Equal(t, 202, s.send(t, "POST", "/hooks/cases/"+secretToken, nil, body).status)
	require.Equal(t, 202, s.send(t, "POST", "/hooks/cases/"+secretToken+"-the-one-before", nil, body).status, "while the secret is changed")
	require.ErrorIs(t, verifyToken("short", []string{"short"}), ErrSignature)
}
