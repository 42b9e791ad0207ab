package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// waitOf is the wait that every form of a 429 asks for.
const waitOf = 2 * time.Minute

// waitForms are the texts that ask for the wait in a format.
func waitForms(format string, now time.Time) []string {
	at := now.Add(waitOf).UTC()
	switch format {
	case "retry_after":
		return []string{"120", "120.0", at.Format(http.TimeFormat), at.Format(time.RFC850), at.Format(time.ANSIC)}
	case "seconds":
		return []string{"120", "120.5"}
	case "millis":
		return []string{"120000"}
	case "epoch":
		return []string{strconv.FormatInt(at.Unix(), 10)}
	case "epoch_millis":
		return []string{strconv.FormatInt(at.UnixMilli(), 10)}
	case "iso8601":
		return []string{at.Format(time.RFC3339), at.Format(time.RFC3339Nano)}
	}
	return nil
}

// limitDisturbances are all forms in which a system asks to wait.
func (s subject) limitDisturbances() []disturbance {
	var all []disturbance
	classes := s.declared(http.StatusTooManyRequests, "", "")
	add := func(name, header string, text func() string, waits bool) {
		all = append(all, disturbance{checkLimited, name, func(ctx context.Context) {
			f := fault{check: checkLimited, name: name, refused: true, classes: classes, succeeds: s.op.Empty(http.StatusTooManyRequests)}
			f.serve = func(w http.ResponseWriter, _ *http.Request, _ func()) {
				if header != "" {
					w.Header().Set(header, text())
				}
				w.WriteHeader(http.StatusTooManyRequests)
			}
			got, err := s.try(ctx, f.serve)
			if err != nil {
				return
			}
			s.judge(f, got)
			var failure *contracts.Error
			if waits && errors.As(got.err, &failure) && (failure.Class == contracts.RateLimited || failure.Class == contracts.Unavailable) {
				s.waited(f, failure, got.hits)
			}
		}})
	}
	add("429 without a word", "", nil, false)
	for _, wait := range s.adapter.Waits() {
		for i := range waitForms(wait.Format, time.Now()) {
			form := func() string { return waitForms(wait.Format, time.Now())[i] }
			add(fmt.Sprintf("429 with %s: %s", wait.Header, form()), wait.Header, form, true)
		}
		for _, nonsense := range []string{"", "soon", "-5", "99999999999999999999", "NaN"} {
			add(fmt.Sprintf("429 with %s: %q", wait.Header, nonsense), wait.Header, func() string { return nonsense }, false)
		}
	}
	return all
}

// waited looks whether the wait that the system asked for was understood, and kept.
func (s *subject) waited(f fault, failure *contracts.Error, hits int) {
	const slack = time.Minute // a slow machine; a wait in a wrong unit is off by far more
	switch {
	case failure.RetryAfter < waitOf-slack || failure.RetryAfter > waitOf+slack:
		s.find(Finding{Operation: s.op.Name, Check: f.check, Fault: f.name, Expected: "a wait of " + waitOf.String(), Found: "a wait of " + failure.RetryAfter.String(),
			Change: "the format under wait: says in which unit the header comes"})
	case hits > 1:
		s.find(Finding{Operation: s.op.Name, Check: f.check, Fault: f.name, Expected: "nothing is sent before the wait is over", Found: fmt.Sprintf("it was sent %d times", hits),
			Change: "name the header under wait:"})
	}
}

// redirected sends the caller to another host, and to the same without encryption.
func (s *subject) redirected(ctx context.Context) {
	var elsewhere atomic.Int32
	other, leave := s.room(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	defer leave()
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := fault{check: checkRedirect, name: fmt.Sprintf("status %d to another host", status), classes: s.declared(status, "", "")}
		f.serve = func(w http.ResponseWriter, r *http.Request, _ func()) { http.Redirect(w, r, other+"/stolen", status) }
		s.meet(ctx, f)
	}
	if n := elsewhere.Load(); n > 0 {
		s.find(Finding{Operation: s.op.Name, Check: checkRedirect, Expected: "no request reaches another place", Found: fmt.Sprintf("%d requests did", n), Change: "nothing: this is a fault of the runtime, report it"})
	}
}

// nobody calls a host on which nobody listens.
func (s *subject) nobody(ctx context.Context) {
	address, leave, err := deafAddress()
	if err != nil {
		return
	}
	defer leave()
	connection, err := Connect(s.adapter, s.tests, "http://"+address)
	if err != nil {
		return
	}
	defer connection.Close()
	_, err = connection.Call(ctx, s.test.call())
	var failure *contracts.Error
	if !errors.As(err, &failure) || failure.Class != contracts.Unavailable || !failure.NothingSent {
		s.find(Finding{Operation: s.op.Name, Check: checkNobody, Expected: "unavailable, and that nothing was sent", Found: fmt.Sprint(err), Change: "nothing: this is a fault of the runtime, report it"})
	}
}

var plainNumber = regexp.MustCompile(`([:\[,])(\d{1,15})([,\]}])`)

// largeNumbers makes all whole numbers of the answer too large for a float.
func (s *subject) largeNumbers(ctx context.Context) {
	const large, rounded = "9007199254740993", "9007199254740992"
	reply := s.target.Reply
	if reply.JSON.IsMissing() {
		return
	}
	text := plainNumber.ReplaceAllString(string(reply.JSON.Plain()), "${1}"+large+"${3}")
	f := fault{check: checkNumbers, name: "all whole numbers are " + large, succeeds: true, change: "text(…) makes a number a text without loss"}
	f.serve = func(w http.ResponseWriter, _ *http.Request, _ func()) {
		changed := reply
		changed.JSON, changed.Text, changed.Headers = rules.Missing(), text, map[string]string{"Content-Type": "application/json"}
		for name, value := range reply.Headers {
			changed.Headers[name] = value
		}
		changed.write(w, "")
	}
	got, err := s.try(ctx, f.serve)
	if err != nil {
		return
	}
	s.judge(f, got)
	if output := string(got.output.Plain()); strings.Contains(output, rounded) || strings.Contains(output, "9.007199254740") {
		s.find(Finding{Operation: s.op.Name, Check: checkNumbers, Fault: f.name, Expected: "the digits as they came", Found: short(output), Change: f.change})
	}
}

// expired answers all but the first request with 401: a token that ran out in the middle of a list.
func (s *subject) expired(ctx context.Context) {
	var requests atomic.Int32
	peer := &player{exchanges: s.test.Exchanges, used: make([]bool, len(s.test.Exchanges)), again: true}
	base, leave := s.room(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if requests.Add(1) > 1 {
			w.WriteHeader(http.StatusUnauthorized)
		} else if x, ok := peer.find(r, body); ok {
			x.Reply.write(w, peer.base)
		}
	})
	defer leave()
	peer.base = base
	connection, err := Connect(s.adapter, s.tests, base)
	if err != nil {
		return
	}
	defer connection.Close()
	output, err := connection.Call(ctx, s.test.call())
	if err == nil && requests.Load() > 1 && !s.op.Empty(http.StatusUnauthorized) {
		s.find(Finding{Operation: s.op.Name, Check: checkPages, Fault: "every request after the first is answered with 401", Expected: "an error: half of a list is none", Found: "it succeeded with " + short(string(output.Plain())),
			Change: "leave 401 out of empty: and of the rules under errors:"})
	}
}

// mostPages is far more than any list in a test has.
const mostPages = 2000

// endless answers every request of the list with its first page.
func (s *subject) endless(ctx context.Context) {
	f := fault{check: checkPages, name: "every page is the first one again", succeeds: true}
	got, err := s.try(ctx, func(w http.ResponseWriter, r *http.Request, giveUp func()) {
		s.target.Reply.write(w, "http://"+r.Host+r.URL.Path)
	})
	if err != nil {
		return
	}
	s.judge(f, got)
	if len(got.urls) > mostPages {
		s.find(Finding{Operation: s.op.Name, Check: checkPages, Fault: f.name, Expected: "an end", Found: fmt.Sprintf("%d requests", len(got.urls)), Change: "a smaller max_pages under paging:"})
	}
	if !s.several {
		s.find(Finding{Operation: s.op.Name, Check: checkPages, Expected: "a test with two pages", Found: "its test ends with the first page", File: s.tests.File, Line: s.test.Line, Untested: true,
			Change: "add the exchange of a second page"})
	}
}

// elsewhere lets every address in the answer lead to another host.
func (s *subject) elsewhere(ctx context.Context) {
	var stolen atomic.Int32
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return
	}
	other := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) })}
	go func() { _ = other.Serve(listener) }()
	defer other.Close()
	f := fault{check: checkPages, name: "the next page lies on another host", succeeds: true}
	f.serve = func(w http.ResponseWriter, _ *http.Request, _ func()) {
		s.target.Reply.write(w, "http://"+listener.Addr().String())
	}
	if got, err := s.try(ctx, f.serve); err == nil {
		s.judge(f, got)
	}
	if n := stolen.Load(); n > 0 {
		s.find(Finding{Operation: s.op.Name, Check: checkPages, Fault: f.name, Expected: "nothing reaches another host", Found: fmt.Sprintf("%d requests did", n), Change: "nothing: this is a fault of the runtime, report it"})
	}
}

// deafAddress is an address that nobody listens on, and nobody else can take until it is left: its socket is bound only.
func deafAddress() (address string, leave func(), err error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "", nil, err
	}
	leave = func() { _ = syscall.Close(socket) }
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		leave()
		return "", nil, err
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		leave()
		return "", nil, err
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port), leave, nil
}
