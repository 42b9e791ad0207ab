package adapters

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// minSecret is the shortest value that is searched for in texts: shorter ones would blot out ordinary words.
const minSecret = 4

// redactor blots out the connection's secrets, as they are and in the encodings in which requests and
// error texts carry them.
type redactor struct {
	replacer atomic.Pointer[strings.Replacer]
	mu       sync.Mutex
	fixed    []string
	learned  []string // the latest of what was given to us, such as tokens
}

// maxLearned is how many of them are remembered: a token that was replaced so often is not accepted any more.
const maxLearned = 16

// learn adds what must not show up either.
func (r *redactor) learn(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, secret := range secrets {
		if secret != "" { // once each, so that what is shown often pushes nothing out
			r.learned = append(slices.DeleteFunc(r.learned, func(known string) bool { return known == secret }), secret)
		}
	}
	r.learned = r.learned[max(0, len(r.learned)-maxLearned):]
	r.replacer.Store(replacerOf(slices.Concat(r.fixed, r.learned)))
}

func newRedactor(secrets ...string) *redactor {
	r := &redactor{fixed: secrets}
	r.learn()
	return r
}

func replacerOf(secrets []string) *strings.Replacer {
	var forms []string
	for _, secret := range secrets {
		if len(secret) < minSecret {
			continue
		}
		forms = append(forms, secret, url.QueryEscape(secret), url.PathEscape(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret)),
			hex.EncodeToString([]byte(secret)), lowerPercent(url.QueryEscape(secret)), quoted(secret), html.EscapeString(secret),
			base64.URLEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)))
	}
	// The longest first, so that a secret that is part of another does not leave the rest of it standing.
	sort.Slice(forms, func(i, j int) bool { return len(forms[i]) > len(forms[j]) })
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form, "***")
	}
	return strings.NewReplacer(pairs...)
}

// lowerPercent writes escapes as %2f, as some systems do.
func lowerPercent(escaped string) string {
	parts := strings.Split(escaped, "%")
	for i := 1; i < len(parts); i++ {
		if len(parts[i]) >= 2 {
			parts[i] = strings.ToLower(parts[i][:2]) + parts[i][2:]
		}
	}
	return strings.Join(parts, "%")
}

// quoted is the secret as it stands in a JSON text.
func quoted(secret string) string {
	text := strconv.Quote(secret)
	return text[1 : len(text)-1]
}

// blot replaces the secrets in a text.
func (r *redactor) blot(s string) string { return r.replacer.Load().Replace(s) }

// text returns one line of at most 400 bytes without any secret.
func (r *redactor) text(s string) string {
	s = strings.Join(strings.Fields(r.blot(s)), " ")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

// maxMessage bounds what of a system's own words gets into an error.
const maxMessage = 400
