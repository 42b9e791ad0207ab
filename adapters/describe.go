package adapters

import (
	"fmt"
	"strings"
	"time"
)

// Limits are how hard the system may be used, as the file says it.
func (a *Adapter) Limits() []Limit { return a.limits }

// Address is where the system is, with its settings in braces; "" for protocols that have none.
func (a *Adapter) Address() string { return a.baseURL }

// Auth says in a few words how the system knows us.
func (a *Adapter) Auth() string {
	switch a.auth.kind {
	case "", authNone:
		return "nothing"
	case authBearer:
		return "a bearer token"
	case authBasic:
		return "name and password (Basic)"
	case authHeader:
		return "the header " + a.auth.name
	case authOAuth:
		return "tokens (OAuth2)"
	case authLogin:
		return "a login, whose session is kept"
	}
	return a.auth.kind
}

// String says the limit in words.
func (l Limit) String() string {
	var parts []string
	if l.Requests > 0 {
		per := map[time.Duration]string{time.Second: "a second", time.Minute: "a minute", time.Hour: "an hour"}[l.Per]
		if per == "" {
			per = l.Per.String()
		}
		parts = append(parts, fmt.Sprintf("%d %s in %s", l.Requests, plural(l.Requests, "request"), per))
	}
	if l.Concurrency > 0 {
		parts = append(parts, fmt.Sprintf("%d at once", l.Concurrency))
	}
	if l.Cost != nil {
		parts = append(parts, fmt.Sprintf("by what requests cost: with less than %d left, or less than the last one cost, all wait until it has come back", l.Cost.reserve))
	}
	text := strings.Join(parts, ", ")
	if len(l.Operations) > 0 {
		text += ", for " + strings.Join(l.Operations, ", ")
	}
	return text
}

// Pattern is what a value of the field must look like; "" if anything will do.
func (f Field) Pattern() string {
	if f.pattern.Regexp == nil {
		return ""
	}
	return f.pattern.String()
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
