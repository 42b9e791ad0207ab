package adapters

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// Seen is one attempt of a request as somebody who looks on sees it. It holds secrets: [Connection.Masked] takes them out
// of what is shown.
type Seen struct {
	Writes bool // it is the request that changes something
	LogsIn bool // it is the request that opens a session
	Method string
	URL    string
	Header http.Header
	Body   []byte
	// Of the answer; Status is 0 before it has come, and if none came.
	Status       int
	AnswerHeader http.Header
	Answer       []byte
	Err          error
	Took         time.Duration
}

// Statement is the method of what was seen of a database: it has no status and no headers.
const Statement = "SQL"

// maxSeen bounds what is kept of an answer for those who look on.
const maxSeen = 4 << 20

type watcherKey struct{}

// Watch has every attempt of a request told: once before it is sent, and once when its answer has been read.
func Watch(ctx context.Context, tell func(seen *Seen, done bool)) context.Context {
	return context.WithValue(ctx, watcherKey{}, tell)
}

// watched sends an attempt, and tells of it where somebody looks on.
func watched(request *http.Request, next http.RoundTripper) (*http.Response, error) {
	tell, _ := request.Context().Value(watcherKey{}).(func(*Seen, bool))
	if tell == nil {
		return next.RoundTrip(request)
	}
	seen := &Seen{Method: request.Method, URL: request.URL.String(), Header: request.Header.Clone()}
	if e := exchangeOf(request.Context()); e != nil {
		seen.Writes, seen.LogsIn = e.writes, e.logsIn
	}
	if request.Body != nil {
		seen.Body, _ = io.ReadAll(request.Body)
		_ = request.Body.Close()
		request.Body = io.NopCloser(bytes.NewReader(seen.Body))
	}
	tell(seen, false)
	began := time.Now()
	response, err := next.RoundTrip(request)
	seen.Took, seen.Err = time.Since(began), err
	if err != nil {
		tell(seen, true)
		return response, err
	}
	seen.Status, seen.AnswerHeader = response.StatusCode, response.Header
	response.Body = &seenBody{ReadCloser: response.Body, seen: seen, told: func() { tell(seen, true) }}
	return response, nil
}

// seenBody keeps what is read of an answer, and tells when it is closed.
type seenBody struct {
	io.ReadCloser
	seen *Seen
	told func()
}

// Read reads, and keeps it.
func (b *seenBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if len(b.seen.Answer)+n <= maxSeen {
		b.seen.Answer = append(b.seen.Answer, p[:n]...)
	}
	return n, err
}

// Close tells that the answer is there.
func (b *seenBody) Close() error {
	if b.told != nil {
		b.told()
		b.told = nil
	}
	return b.ReadCloser.Close()
}

// Masked is a text without the connection's secrets.
func (c *Connection) Masked(text string) string { return c.redact.blot(text) }

// Judge says which class an answer to an operation has by the rules of the file and by its status ("": none, it is no
// error), and whether it proves that a write was not carried out.
func (c *Connection) Judge(op *Operation, answer rules.Value) (class contracts.Class, nothingDone bool) {
	status, _ := answer.Get("status").Num().Int64()
	vars := resultVars(map[string]rules.Value{"conn": c.settings, "base": c.baseText()}, answer)
	if c.session != nil && c.adapter.auth.ended(vars) {
		return contracts.Auth, true
	}
	return c.adapter.classify(op, said{}, int(status), vars)
}

// classify asks the error rules, first the operation's, then the adapter's, and at last the status itself.
// A rule that cannot be evaluated does not hold: it asks for something that the answer does not have. What the protocol
// itself says in the body comes after the rules.
func (a *Adapter) classify(op *Operation, said said, status int, vars map[string]rules.Value) (class contracts.Class, nothingDone bool) {
	for _, rule := range slices.Concat(op.failures, a.failures) {
		if holds, err := condition(rule.when, vars); err == nil && holds {
			return rule.class, refused(status) || rule.nothing || status < 300
		}
	}
	if class = statusClass(status); said.class != "" && (class == "" || said.decides) {
		return said.class, said.nothing
	}
	return class, refused(status)
}

// Empty says whether a status means to a request of the operation that nothing is there.
func (op *Operation) Empty(status int) bool { return emptyFor(op.requests, status) }

func emptyFor(requests []*request, status int) bool {
	return slices.ContainsFunc(requests, func(r *request) bool {
		return slices.Contains(r.empty, status) || emptyFor(r.firstOf, status)
	})
}

// Paged says whether the operation follows pages.
func (op *Operation) Paged() bool { return pagedOf(op.requests) }

func pagedOf(requests []*request) bool {
	return slices.ContainsFunc(requests, func(r *request) bool { return r.paging != nil || pagedOf(r.firstOf) })
}

// Repeatable says whether the operation may be sent twice without harm, and Knowable whether what became of a write can at
// least be looked up.
func (op *Operation) Repeatable() bool { return op.replayable() }

// Knowable says whether what came of an attempt without an answer can be found out.
func (op *Operation) Knowable() bool { return op.knowable() }

// KeyPlace says where the key of a write is sent: in which header, or in which parameter; neither: in the body.
func (s Safety) KeyPlace() (header, query string) { return s.header, s.query }

// Wait is a header in which the system says how long to wait, and its format.
type Wait struct{ Header, Format string }

// Waits are the headers in which the system says how long to wait.
func (a *Adapter) Waits() []Wait {
	waits := make([]Wait, len(a.waits))
	for i, rule := range a.waits {
		waits[i] = Wait{rule.header, rule.format}
	}
	return waits
}

// Accepts says whether a text can be the value of the field.
func (f Field) Accepts(text string) bool {
	return f.pattern.Regexp == nil || f.pattern.MatchString(text)
}

// Base is the address of the system; "" of a database.
func (c *Connection) Base() string { return c.baseText().Text() }

// Feeds names the fields whose expressions in the file read a field of an answer, by its last name.
func (a *Adapter) Feeds(name string) []string {
	var fed []string
	word, err := regexp.Compile(`[.?\[]` + regexp.QuoteMeta(name) + `\b`)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(a.Text)) {
		for _, at := range word.FindAllStringIndex(line, -1) {
			before := line[:at[0]]
			if i := strings.LastIndex(before, ": "); i >= 0 {
				fields := strings.FieldsFunc(before[:i], func(r rune) bool { return strings.ContainsRune(" {,-", r) })
				if len(fields) > 0 && !slices.Contains(fed, fields[len(fields)-1]) {
					fed = append(fed, fields[len(fields)-1])
				}
			}
		}
	}
	return fed
}
