package adapters

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrSignature is returned for every request whose sender is not proven, whatever the reason.
var ErrSignature = errors.New("the signature is missing or wrong")

// Webhook is how a product signs what it sends by itself.
type Webhook struct {
	Unsigned string // why the product signs nothing; its sources are known by a secret in their address. "": it signs
	Note     string // what to do in the product, for the documentation
	RSA      bool   // the secret is the product's public key, as PEM; else HMAC

	Headers  []string // that may hold a signature, in any of them
	Form     string   // formPlain, formPairs or formVersions
	Name     string   // of pairs and versions: what the signature is called
	Prefix   string   // that stands before it
	Hash     string   // sha256, sha1 or sha512
	Encoding string   // base64 or hex
	Signs    string   // what is signed, with {body}, {timestamp}, {id}, {method} and {url}

	SecretForm   string // text, base64 or hex
	SecretPrefix string // that is not part of the secret
	SecretBytes  int    // fewer are no secret

	StampHeader, StampName, StampFormat string        // where the time is, and in which form; "": there is none
	Tolerance                           time.Duration // how far it may be from ours, in either direction

	ID                         string // the header with the id of the delivery; "": none
	EchoField, EchoIs, EchoOut string // a body whose field has this value is answered with another of its fields
}

// The forms in which a header holds signatures.
const (
	formPlain    = "plain"    // the signature
	formPairs    = "pairs"    // t=…,v1=…
	formVersions = "versions" // v1,… v1,…
)

// Delivery is a request that a product sent.
type Delivery struct {
	Method string
	URL    string // as the product addressed it
	Header http.Header
	Body   []byte
}

// maxSignatures bounds how many signatures one request may offer.
const maxSignatures = 16

// Verify checks the raw body against the request's signatures with any of the secrets, so that a secret can be changed
// without losing a message. It returns the sender's id for the delivery, if there is one. The error is or wraps ErrSignature.
func (w *Webhook) Verify(d Delivery, secrets []string, now time.Time) (id string, err error) {
	offered, stamp := w.offered(d.Header)
	if len(offered) == 0 || len(offered) > maxSignatures || !w.timely(stamp, now) {
		return "", ErrSignature
	}
	if w.ID != "" {
		id = d.Header.Get(w.ID)
	}
	signed := w.signed(d, id, stamp)
	refused := ErrSignature
	for _, secret := range secrets {
		fits, err := w.fits(secret, signed, offered)
		if err != nil { // for the log: it is our secret that is of no use
			refused = fmt.Errorf("%w: %w", ErrSignature, err)
			continue
		}
		if fits {
			return id, nil
		}
	}
	return "", refused
}

// offered are the signatures that the headers hold, and the time.
func (w *Webhook) offered(header http.Header) (signatures []string, stamp string) {
	if w.StampHeader != "" {
		stamp = header.Get(w.StampHeader)
	}
	for _, name := range w.Headers {
		value := strings.TrimSpace(header.Get(name))
		switch w.Form {
		case formPairs:
			for part := range strings.SplitSeq(value, ",") {
				key, text, _ := strings.Cut(strings.TrimSpace(part), "=")
				if key == w.Name {
					signatures = append(signatures, text)
				}
				if key == w.StampName && w.StampName != "" {
					stamp = text
				}
			}
		case formVersions:
			for part := range strings.FieldsSeq(value) {
				if version, text, ok := strings.Cut(part, ","); ok && version == w.Name {
					signatures = append(signatures, text)
				}
			}
		default:
			if text, ok := strings.CutPrefix(value, w.Prefix); ok && text != "" {
				signatures = append(signatures, text)
			}
		}
	}
	return signatures, stamp
}

// timely says whether the signed time is near ours.
func (w *Webhook) timely(stamp string, now time.Time) bool {
	if w.StampFormat == "" {
		return true
	}
	sent, err := time.Parse(time.RFC3339, stamp)
	if w.StampFormat != "iso8601" {
		var count int64
		if count, err = strconv.ParseInt(stamp, 10, 64); err == nil {
			if sent = time.Unix(count, 0); w.StampFormat == "epoch_millis" {
				sent = time.UnixMilli(count)
			}
		}
	}
	return err == nil && now.Sub(sent).Abs() <= w.Tolerance
}

// signed are the bytes that were signed.
func (w *Webhook) signed(d Delivery, id, stamp string) []byte {
	before, after, whole := strings.Cut(w.Signs, "{body}")
	fill := strings.NewReplacer("{timestamp}", stamp, "{id}", id, "{method}", d.Method, "{url}", d.URL)
	bytes := []byte(fill.Replace(before))
	if whole {
		bytes = append(append(bytes, d.Body...), fill.Replace(after)...)
	}
	return bytes
}

// fits says whether one of the signatures is that of the bytes under the secret.
func (w *Webhook) fits(secret string, signed []byte, offered []string) (bool, error) {
	if secret == "" {
		return false, nil
	}
	if w.RSA {
		return w.fitsKey(secret, signed, offered)
	}
	key, err := w.key(secret)
	if err != nil {
		return false, err
	}
	mac := hmac.New(w.hash(), key)
	mac.Write(signed)
	want, fits := w.encode(mac.Sum(nil)), false
	for _, signature := range offered {
		if w.Encoding == "hex" {
			signature = strings.ToLower(signature)
		}
		fits = hmac.Equal([]byte(want), []byte(signature)) || fits
	}
	return fits, nil
}

func (w *Webhook) key(secret string) (key []byte, err error) {
	secret = strings.TrimPrefix(secret, w.SecretPrefix)
	switch w.SecretForm {
	case "base64":
		key, err = base64.StdEncoding.DecodeString(secret)
	case "hex":
		key, err = hex.DecodeString(secret)
	default:
		key = []byte(secret)
	}
	if err != nil {
		return nil, fmt.Errorf("the secret is not %s", w.SecretForm)
	}
	if len(key) < max(1, w.SecretBytes) {
		return nil, fmt.Errorf("the secret has %d bytes, %d are needed", len(key), max(1, w.SecretBytes))
	}
	return key, nil
}

func (w *Webhook) fitsKey(text string, signed []byte, offered []string) (bool, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false, errors.New("the secret is not a public key as PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok {
		return false, errors.New("the secret is not a public key of RSA")
	}
	sum := w.hash()()
	sum.Write(signed)
	kind := map[string]crypto.Hash{"sha1": crypto.SHA1, "sha512": crypto.SHA512}[w.Hash]
	if kind == 0 {
		kind = crypto.SHA256
	}
	for _, signature := range offered {
		raw, err := base64.StdEncoding.DecodeString(signature)
		if w.Encoding == "hex" {
			raw, err = hex.DecodeString(signature)
		}
		if err == nil && rsa.VerifyPKCS1v15(key, kind, sum.Sum(nil), raw) == nil {
			return true, nil
		}
	}
	return false, nil
}

func (w *Webhook) hash() func() hash.Hash {
	switch w.Hash {
	case "sha1":
		return sha1.New
	case "sha512":
		return sha512.New
	default:
		return sha256.New
	}
}

func (w *Webhook) encode(sum []byte) string {
	if w.Encoding == "hex" {
		return hex.EncodeToString(sum)
	}
	return base64.StdEncoding.EncodeToString(sum)
}
