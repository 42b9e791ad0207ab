package conformance

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// disturbance is one thing that is done to one operation.
type disturbance struct {
	check, fault string
	run          func(ctx context.Context)
}

// pick answers the requests of a test, and tells which exchange each was.
func (s *subject) pick(peer *player, tell func(Exchange)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		x, ok := peer.find(r, body)
		if !ok {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		tell(x)
		x.Reply.write(w, peer.base)
	}
}

// trial is a call of a subject while its target is disturbed.
type trial struct {
	hits   int
	output rules.Value
	err    error
	urls   []string
}

// limitOfTrial is how long a call may take that nobody cancels.
const limitOfTrial = time.Minute

// try calls the operation while the target exchange is answered by the fault. The fault may give the caller up.
func (s *subject) try(ctx context.Context, fault func(w http.ResponseWriter, r *http.Request, giveUp func())) (trial, error) {
	ctx, cancel := context.WithTimeout(ctx, limitOfTrial)
	defer cancel()
	var hits atomic.Int32
	var mu sync.Mutex
	var urls []string
	peer := &player{exchanges: s.test.Exchanges, used: make([]bool, len(s.test.Exchanges)), again: true}
	base, leave := s.room(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		urls = append(urls, r.URL.String())
		mu.Unlock()
		x, ok := peer.find(r, body)
		switch {
		case !ok:
			w.WriteHeader(http.StatusTeapot)
		case x.same(s.target):
			hits.Add(1)
			fault(w, r, cancel)
		default:
			x.Reply.write(w, peer.base)
		}
	})
	defer leave()
	peer.base = base
	connection, err := Connect(s.adapter, s.tests, base)
	if err != nil {
		return trial{}, err
	}
	defer connection.Close()
	output, err := connection.Call(ctx, s.test.call())
	mu.Lock()
	defer mu.Unlock()
	return trial{int(hits.Load()), output, err, urls}, nil
}

func (x Exchange) same(y Exchange) bool {
	return x.Expect.Method == y.Expect.Method && x.Expect.URL == y.Expect.URL && x.Expect.JSON.Equal(y.Expect.JSON) && x.Expect.Text == y.Expect.Text &&
		fmt.Sprint(x.Expect.Form) == fmt.Sprint(y.Expect.Form)
}

// doubt is the class of what may have happened: an unknown outcome for a write that can neither be repeated nor looked up.
func (s *subject) doubt(otherwise contracts.Class) contracts.Class {
	if !s.op.Knowable() {
		return contracts.OutcomeUnknown
	}
	return otherwise
}

// The answers that take much memory.
const (
	endlessBody = "an endless body"
	gzipBomb    = "a gzip bomb"
	tooManyRows = "more rows than can be kept"
	tooBigRows  = "rows that are larger than can be kept"
)

// large says whether a disturbance takes much memory: such are made one at a time.
func (d disturbance) large() bool {
	return slices.Contains([]string{endlessBody, gzipBomb, tooManyRows, tooBigRows}, d.fault)
}

// bounded tells apart the operations that a large answer may meet otherwise: the bounds are the runtime's, and what comes of
// an answer beyond them hangs on nothing else. One of each is disturbed with it.
func (s *subject) bounded(d disturbance) string {
	wire, _ := s.op.Bounds()
	return fmt.Sprint(d.fault, " ", s.op.Effect, wire, s.op.Knowable(), s.op.TakesFiles())
}

// fault is an answer and what may come of it.
type fault struct {
	check, name string
	serve       func(w http.ResponseWriter, r *http.Request, giveUp func())
	classes     []contracts.Class // one of them must come out; none: any
	succeeds    bool              // no error may come out too
	change      string
	refused     bool // the answer proves that nothing was done: it may be sent again
}

const (
	checkStatus   = "a status has its class"
	checkBody     = "an answer that cannot be used is an error"
	checkShape    = "an answer of another shape is drift"
	checkRedirect = "redirects are not followed"
	checkSecrets  = "secrets stay in"
	checkSilence  = "a caller that gives up is told so"
	checkNobody   = "nobody listens"
	checkLimited  = "the system asks to wait"
	checkNumbers  = "numbers keep their digits"
	checkPages    = "a list is complete or an error"
)

// disturbances are all that is done to the operation.
func (s subject) disturbances() []disturbance {
	switch s.adapter.Protocol {
	case "sql":
		return s.databaseDisturbances()
	case "files", "sftp", "mail":
		return s.serverDisturbances()
	}
	var all []disturbance
	for _, f := range slices.Concat(s.statusFaults(), s.bodyFaults(), s.echoFaults()) {
		all = append(all, disturbance{f.check, f.name, func(ctx context.Context) { s.meet(ctx, f) }})
	}
	all = append(all, s.limitDisturbances()...)
	all = append(all,
		disturbance{checkRedirect, "to another host", s.redirected},
		disturbance{checkNobody, "the connection is refused", s.nobody},
		disturbance{checkNumbers, "numbers beyond 2^53", s.largeNumbers},
		disturbance{checkHostile, "hostile texts in every input", s.hostile},
	)
	if s.several && s.op.Effect == contracts.Read {
		all = append(all, disturbance{checkPages, "the token expires between two requests", s.expired})
	}
	if s.several && s.op.Effect == contracts.Read && s.adapter.Renews() {
		all = append(all, disturbance{checkPages, renewalFault, s.renewed})
	}
	if s.op.Paged() {
		all = append(all, disturbance{checkPages, "every page leads on to the next", s.endless}, disturbance{checkPages, "the next page lies on another host", s.elsewhere})
	}
	if s.op.Effect == contracts.Write {
		all = append(all, s.writeDisturbances()...)
	}
	return all
}

// meet makes one fault and judges what came of it.
func (s *subject) meet(ctx context.Context, f fault) {
	got, err := s.try(ctx, f.serve)
	if err != nil {
		return
	}
	s.judge(f, got)
}

func (s *subject) judge(f fault, got trial) {
	wrong := func(expected, found, change string) {
		s.find(Finding{Operation: s.op.Name, Check: f.check, Fault: f.name, Expected: expected, Found: found, Change: change})
	}
	change := f.change
	if change == "" {
		change = "add a rule under errors: that says which class this answer has"
	}
	var failure *contracts.Error
	switch {
	case got.err == nil && !f.succeeds:
		wrong("an error of class "+classes(f.classes), "it succeeded with "+short(string(got.output.Plain())), change)
	case got.err == nil:
	case !errors.As(got.err, &failure) || !failure.Class.Known():
		wrong("an error with a class", got.err.Error(), change)
	case len(f.classes) > 0 && !slices.Contains(f.classes, failure.Class):
		wrong("an error of class "+classes(f.classes), failure.Error(), change)
	case failure.Operation == "":
		wrong("an error that names its operation", failure.Error(), change)
	case failure.NothingSent && got.hits > 0 && s.op.Effect == contracts.Write:
		wrong("an error that does not claim that nothing was sent", failure.Error(), change)
	}
	if s.op.Effect == contracts.Write && !s.op.Repeatable() && got.hits > 1 && !f.refused {
		wrong("a write that must not be repeated is sent once", fmt.Sprintf("it was sent %d times", got.hits), "the safety of the operation")
	}
	if got.err != nil {
		s.leaks(f, fmt.Sprintf("%s %v %+v %#v", got.err, got.err, got.err, got.err))
	}
	for _, address := range got.urls {
		for name, secret := range s.tests.Secrets {
			if len(secret) >= 4 && strings.Contains(address, secret) {
				wrong("no address holds a secret", "the secret "+name+" stands in an address", "send the secret in auth: or in a header: addresses are kept in logs on the way")
			}
		}
	}
}

func classes(all []contracts.Class) string {
	names := make([]string, len(all))
	for i, class := range all {
		names[i] = string(class)
	}
	return strings.Join(names, " or ")
}

// leaks looks for the secrets of the tests in a text, as they are and as they are encoded.
func (s *subject) leaks(f fault, text string) {
	for name, secret := range s.tests.Secrets {
		if len(secret) < 4 {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(text, form) {
				s.find(Finding{Operation: s.op.Name, Check: checkSecrets, Fault: f.name, Expected: "no error holds a secret", Found: "the secret " + name + " stands in the error",
					Change: "declare the value under secrets: of the connection, so that it is blotted out"})
			}
		}
	}
}

// statuses are all that an HTTP server may say.
var statuses = []int{204, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 417, 418, 421, 422, 423, 424, 425, 426,
	428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 521, 522, 523, 524, 525, 526, 529, 530, 599}

// errorBodies are what stands in errors: nothing, what vendors write, and what proxies write.
var errorBodies = []struct{ kind, text string }{
	{"", ""},
	{"application/json", `{"error":{"code":"failed","message":"It failed"},"errors":[{"message":"It failed"}],"message":"It failed","title":"failed"}`},
	{"application/problem+json", `{"type":"about:blank","title":"failed","detail":"It failed"}`},
	{"text/html", `<html><body><h1>It failed</h1></body></html>`},
	{"application/json", `["It failed"]`},
}

func (s *subject) statusFaults() []fault {
	var all []fault
	for _, status := range statuses {
		for _, body := range errorBodies {
			usual := slices.Contains([]int{400, 401, 404, 409, 422, 429, 500, 503}, status)
			if body.text != "" && !usual || status < 300 && body.text != "" || s.op.Empty(status) {
				continue
			}
			f := fault{check: checkStatus, refused: status == http.StatusTooManyRequests || status == http.StatusUnauthorized, name: fmt.Sprintf("status %d with %s", status, named(body.kind, "no body")), serve: func(w http.ResponseWriter, _ *http.Request, _ func()) {
				if body.kind != "" {
					w.Header().Set("Content-Type", body.kind)
				}
				if status/100 == 3 {
					w.Header().Set("Location", "/elsewhere")
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body.text)
			}}
			if status < 300 { // an answer without a body may be all that an operation needs
				f.succeeds, f.classes = true, []contracts.Class{contracts.Drift, contracts.NotFound, contracts.OutcomeUnknown}
			} else {
				f.classes = s.declared(status, body.kind, body.text)
			}
			all = append(all, f)
		}
	}
	return all
}

func named(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// declared is the class that the file gives to an answer. A write whose fate it does not prove is in doubt; one that was
// tried again after such an answer stays unavailable.
func (s *subject) declared(status int, kind, body string) []contracts.Class {
	connection, err := Connect(s.adapter, s.tests, "http://127.0.0.1:1")
	if err != nil {
		return nil
	}
	defer connection.Close()
	value, parseErr := rules.FromJSON([]byte(body))
	if parseErr != nil {
		value = rules.Text(body)
	}
	if body == "" {
		value = rules.Missing()
	}
	answer := rules.Record(map[string]rules.Value{"status": rules.Number(rules.Int(int64(status))), "headers": rules.Record(map[string]rules.Value{"content_type": rules.Text(kind)}), "body": value})
	class, nothingDone := connection.Judge(s.op, answer)
	if class == "" {
		return nil
	}
	allowed := []contracts.Class{class}
	if !nothingDone {
		allowed = []contracts.Class{s.doubt(class)}
		if s.op.Effect == contracts.Write && s.op.Knowable() {
			allowed = append(allowed, contracts.Unavailable)
		}
	}
	return allowed
}

func (s *subject) bodyFaults() []fault {
	html := "the message should be the system's own: nothing is to be changed in the file"
	raw := func(text string) func(http.ResponseWriter, *http.Request, func()) {
		return func(w http.ResponseWriter, _ *http.Request, _ func()) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, text)
		}
	}
	drift, unavailable := []contracts.Class{s.doubt(contracts.Drift)}, []contracts.Class{s.doubt(contracts.Unavailable)}
	either := slices.Concat(drift, unavailable) // it is too large, or on a busy machine it took too long
	reply := string(s.target.Reply.body(""))
	all := []fault{
		{checkBody, "the body is cut off", func(w http.ResponseWriter, _ *http.Request, _ func()) {
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, reply)
		}, unavailable, false, html, false},
		{checkBody, "the connection is reset", func(w http.ResponseWriter, _ *http.Request, _ func()) { reset(w) }, unavailable, false, html, false},
		{checkBody, "half of the JSON", raw(`{"a":`), drift, false, html, false},
		{checkBody, "a name twice", raw(`{"a":1,"a":2}`), drift, false, html, false},
		{checkBody, "a web page with status 200", func(w http.ResponseWriter, _ *http.Request, _ func()) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, `<html>Down for maintenance</html>`)
		}, unavailable, false, html, false},
		{checkBody, endlessBody, func(w http.ResponseWriter, _ *http.Request, _ func()) {
			blank := bytes.Repeat([]byte(" "), 1<<20)
			for range 200 {
				if _, err := w.Write(blank); err != nil {
					return
				}
			}
		}, either, false, html, false},
		{checkBody, gzipBomb, func(w http.ResponseWriter, _ *http.Request, _ func()) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb())
		}, either, false, html, false},
		{checkBody, "nested too deep", raw(strings.Repeat("[", 100_000)), drift, false, html, false},
		{checkBody, "a compression that nobody asked for", func(w http.ResponseWriter, _ *http.Request, _ func()) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, "x")
		}, unavailable, false, html, false},
		{checkSilence, "no answer", func(_ http.ResponseWriter, r *http.Request, giveUp func()) {
			giveUp()
			<-r.Context().Done()
		}, unavailable, false, html, false},
		{checkSilence, "an answer that comes letter by letter", func(w http.ResponseWriter, r *http.Request, giveUp func()) {
			_, _ = io.WriteString(w, `{"a`)
			_ = http.NewResponseController(w).Flush()
			giveUp()
			<-r.Context().Done()
		}, unavailable, false, html, false},
	}
	for _, kind := range []string{"text/plain", "application/octet-stream", "application/json; charset=utf-16"} {
		all = append(all, fault{checkBody, "the content type is " + kind, func(w http.ResponseWriter, _ *http.Request, _ func()) {
			wrong := s.target.Reply
			wrong.Headers = map[string]string{}
			for name, text := range s.target.Reply.Headers {
				wrong.Headers[name] = text
			}
			wrong.Headers["Content-Type"] = kind
			wrong.write(w, "")
		}, []contracts.Class{contracts.Drift, contracts.NotFound, contracts.NotUnique, contracts.OutcomeUnknown, contracts.Unavailable}, true, html, false})
	}
	for _, body := range []string{``, `{}`, `[]`, `[[]]`, `"x"`, `7`, `null`, `{"data":7,"results":{},"users":"x","items":true,"value":"x","result":[]}`} {
		all = append(all, fault{checkShape, "the body is " + named(body, "empty"), raw(body), []contracts.Class{s.doubt(contracts.Drift), contracts.NotFound}, true,
			"write expressions so that a field that is not there is missing (?. and ??), or declare the answer as an error under errors:", false})
	}
	if s.op.TakesFiles() { // whatever stands in a file is no error
		all = slices.DeleteFunc(all, func(f fault) bool {
			return slices.Contains([]string{"half of the JSON", "a name twice", "nested too deep"}, f.name)
		})
	}
	return all
}

// reset ends the connection without a word.
func reset(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

var bomb = sync.OnceValue(func() []byte {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range 64 {
		_, _ = z.Write(blank)
	}
	_ = z.Close()
	return packed.Bytes()
})

// echoFaults let the system say again everything that it was told.
func (s *subject) echoFaults() []fault {
	var all []fault
	for _, status := range []int{200, 400, 401, 422, 500} {
		all = append(all, fault{checkSecrets, fmt.Sprintf("status %d that repeats the request with its headers", status), func(w http.ResponseWriter, r *http.Request, _ func()) {
			echo := rules.Text(fmt.Sprint(r.Header, r.URL))
			inner := rules.Record(map[string]rules.Value{"message": echo, "title": echo, "description": echo, "code": echo})
			body := rules.Record(map[string]rules.Value{"message": echo, "description": echo, "detail": echo, "error": inner, "errors": rules.List(inner), "fault": inner})
			for name, values := range r.Header {
				w.Header().Set("X-Echo-"+name, strings.Join(values, " "))
			}
			w.WriteHeader(status)
			_, _ = w.Write(body.Plain())
		}, nil, true, "", status == http.StatusUnauthorized})
	}
	return all
}
