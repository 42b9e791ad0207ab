package adapters_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// subject is one operation of one adapter with a call that succeeds, to be disturbed.
type subject struct {
	adapter *adapters.Adapter
	tests   wireTests
	test    wireTest
	target  int // the exchange that is disturbed: the write of a write, else the first
	write   bool
	keyed   bool // the write may be repeated
	lookup  bool // what came of the write can be looked up
}

// subjects takes the first successful test of every HTTP operation in the catalogue.
func subjects(t *testing.T) map[string]subject {
	t.Helper()
	found := map[string]subject{}
	for name, adapter := range adapters.Catalog() {
		if adapter.Protocol != "http" {
			continue
		}
		tests := loadWireTests(t, name)
		for _, test := range tests.Tests {
			full := fullName(adapter, test.Operation)
			if _, have := found[name+"/"+full]; have || len(test.Exchanges) == 0 || test.FirstSent != "" {
				continue
			}
			if test.Error != nil && full != "support.find_update" { // which is tested by what it does not find
				continue
			}
			op := adapter.Operation(full)
			s := subject{adapter: adapter, tests: tests, test: test, write: op.Effect == contracts.Write}
			s.keyed = op.Safety.Kind == contracts.IdempotencyKey || op.Safety.Kind == contracts.NaturalKey
			s.lookup = op.Safety.Lookup != ""
			if s.write {
				s.target = slices.IndexFunc(test.Exchanges, func(x wireExchange) bool { return x.Expect.Method != http.MethodGet })
			}
			found[name+"/"+full] = s
		}
		for _, operation := range adapter.Operations() {
			require.Contains(t, found, name+"/"+operation)
		}
	}
	return found
}

// run calls the operation while the target exchange is answered by the fault.
func (s subject) run(t *testing.T, ctx context.Context, fault http.HandlerFunc) (hits int, output rules.Value, err error) {
	t.Helper()
	var count atomic.Int32
	target := s.test.Exchanges[s.target].Expect
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == target.Method && sameURL(target.URL, r.URL) {
			count.Add(1)
			fault(w, r)
			return
		}
		for _, x := range s.test.Exchanges {
			if r.Method == x.Expect.Method && sameURL(x.Expect.URL, r.URL) {
				write(w, x.Reply)
				return
			}
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(server.Close)
	connection := connect(t, s.adapter, s.tests, server.URL)
	output, err = connection.Call(ctx, callOf(t, s.adapter, s.test))
	return int(count.Load()), output, err
}

func failureOf(t *testing.T, err error) *contracts.Error {
	t.Helper()
	var failure *contracts.Error
	require.ErrorAs(t, err, &failure)
	require.True(t, failure.Class.Known())
	require.NotEmpty(t, failure.Operation)
	return failure
}

// each runs a test for every operation of the catalogue.
func each(t *testing.T, f func(t *testing.T, s subject)) {
	t.Helper()
	for name, s := range subjects(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, s)
		})
	}
}

// doubt is the class of what may have happened: an unknown outcome for a write that can neither be repeated nor looked
// up.
func (s subject) doubt(otherwise contracts.Class) contracts.Class {
	if s.write && !s.keyed && !s.lookup {
		return contracts.OutcomeUnknown
	}
	return otherwise
}

var statusClasses = map[int]contracts.Class{
	300: contracts.Drift, 301: contracts.Drift, 302: contracts.Drift, 303: contracts.Drift, 304: contracts.Drift, 307: contracts.Drift, 308: contracts.Drift,
	400: contracts.Validation, 401: contracts.Auth, 402: contracts.Declined, 403: contracts.Auth, 404: contracts.NotFound, 405: contracts.Drift,
	406: contracts.Drift, 407: contracts.Auth, 408: contracts.Unavailable, 409: contracts.Conflict, 410: contracts.NotFound, 411: contracts.Drift,
	412: contracts.Conflict, 413: contracts.Validation, 414: contracts.Validation, 415: contracts.Drift, 418: contracts.Drift, 422: contracts.Validation,
	423: contracts.Conflict, 425: contracts.Unavailable, 429: contracts.RateLimited, 451: contracts.Drift,
	500: contracts.Unavailable, 501: contracts.Unavailable, 502: contracts.Unavailable, 503: contracts.Unavailable, 504: contracts.Unavailable, 520: contracts.Unavailable, 599: contracts.Unavailable,
}

func TestEveryStatusHasItsClass(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s subject) {
		type outcome struct {
			hits int
			err  error
		}
		var mu sync.Mutex
		outcomes := map[int]outcome{}
		var group sync.WaitGroup
		for status := range statusClasses { // at once, because most of the time is spent waiting before a second try
			group.Go(func() {
				hits, _, err := s.run(t, context.Background(), func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Location", "/elsewhere")
					w.WriteHeader(status)
				})
				mu.Lock()
				defer mu.Unlock()
				outcomes[status] = outcome{hits, err}
			})
		}
		group.Wait()
		for status, class := range statusClasses {
			if status == 409 && (s.adapter.Name == "stripe" || s.test.Operation == "update_task") {
				class = contracts.Unavailable // its own rule
			}
			if status < 400 || status >= 500 || status == 408 {
				class = s.doubt(class)
			}
			failure := failureOf(t, outcomes[status].err)
			require.Equal(t, class, failure.Class, "status %d: %s", status, failure)
			require.Equal(t, status, failure.Status)
			require.False(t, failure.NothingSent)
			most := 1
			if status == 429 || !(s.write && !s.keyed) && slices.Contains([]int{408, 425, 500, 502, 503, 504}, status) {
				most = 3
			}
			require.Equal(t, most, outcomes[status].hits, "status %d", status)
		}
	})
}

func bomb() []byte {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range 64 {
		_, _ = z.Write(blank)
	}
	_ = z.Close()
	return packed.Bytes()
}

func TestAnswersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	packed := bomb()
	faults := map[string]struct {
		class contracts.Class
		serve http.HandlerFunc
	}{
		"cut off": {contracts.Unavailable, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"a":`)
		}},
		"connection reset": {contracts.Unavailable, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}},
		"half of the JSON": {contracts.Drift, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"a":`) }},
		"a name twice":     {contracts.Drift, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"a":1,"a":2}`) }},
		"a page": {contracts.Unavailable, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, `<html>Down for maintenance</html>`)
		}},
		"too much": {contracts.Drift, func(w http.ResponseWriter, _ *http.Request) {
			blank := bytes.Repeat([]byte(" "), 1<<20)
			for range 6 {
				_, _ = w.Write(blank)
			}
		}},
		"a gzip bomb": {contracts.Drift, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed)
		}},
		"nested too deep": {contracts.Drift, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("[", 100_000)) }},
		"unknown compression": {contracts.Unavailable, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, "x")
		}},
	}
	each(t, func(t *testing.T, s subject) {
		for name, fault := range faults {
			hits, _, err := s.run(t, context.Background(), fault.serve)
			failure := failureOf(t, err)
			require.Equal(t, s.doubt(fault.class), failure.Class, "%s: %s", name, failure)
			if s.write && !s.keyed {
				require.Equal(t, 1, hits, name)
			}
		}
	})
}

// TestAnswersOfAnotherShape only asks that nothing but the declared classes comes out.
func TestAnswersOfAnotherShape(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s subject) {
		for _, body := range []string{``, `{}`, `[]`, `[[]]`, `"x"`, `7`, `null`, `{"data":7,"results":{},"users":"x","ticket":[],"tickets":true}`} {
			_, _, err := s.run(t, context.Background(), func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, body)
			})
			if err == nil {
				continue
			}
			allowed := []contracts.Class{s.doubt(contracts.Drift), contracts.NotFound}
			require.Contains(t, allowed, failureOf(t, err).Class, "%s: %s", body, err)
		}
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s subject) {
		var elsewhere atomic.Int32
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		t.Cleanup(other.Close)
		for _, status := range []int{301, 302, 303, 307, 308} {
			_, _, err := s.run(t, context.Background(), func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
			require.Equal(t, s.doubt(contracts.Drift), failureOf(t, err).Class)
		}
		require.Zero(t, elsewhere.Load())
	})
}

// TestSecretsStayIn lets the system echo everything that it got.
func TestSecretsStayIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s subject) {
		for _, status := range []int{400, 401, 422, 500} {
			_, _, err := s.run(t, context.Background(), func(w http.ResponseWriter, r *http.Request) {
				echo := rules.Text(fmt.Sprint(r.Header, r.URL))
				w.WriteHeader(status)
				body := rules.Record(map[string]rules.Value{"message": echo, "description": echo, "error": rules.Record(map[string]rules.Value{"message": echo, "title": echo})})
				_, _ = w.Write(body.Plain())
			})
			text := fmt.Sprintf("%s %v %+v %#v", err, err, err, err)
			for _, secret := range s.tests.Secrets {
				require.NotContains(t, text, secret)
				require.NotContains(t, text, base64.StdEncoding.EncodeToString([]byte(secret)))
				require.NotContains(t, text, url.QueryEscape(secret))
			}
			require.NotContains(t, text, "YUBi")
		}
	})
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s subject) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		connection := connect(t, s.adapter, s.tests, "http://"+listener.Addr().String())
		_, err = connection.Call(context.Background(), callOf(t, s.adapter, s.test))
		failure := failureOf(t, err)
		require.Equal(t, contracts.Unavailable, failure.Class)
		require.True(t, failure.NothingSent)
	})
}

func TestNoAnswerInTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s subject) {
		ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
		defer cancel()
		hits, _, err := s.run(t, ctx, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // the server notices a caller that left only once it has read
			<-r.Context().Done()
		})
		failure := failureOf(t, err)
		require.Equal(t, s.doubt(contracts.Unavailable), failure.Class)
		require.False(t, failure.NothingSent)
		require.Equal(t, 1, hits)
	})
}

var hostile = []string{`"`, `'`, "a\r\nX-Injected: 1", "..", ".", "../..", "a/b?c=d#e", `\`, "${input}", "{{7*7}}", "%2e%2e%2f", "名前 é ñ ß", "\u202e\u0000\ufeff", "'; drop table x; --", strings.Repeat("x", 5000), " "}

// TestHostileInput puts hostile texts into every input: whatever is sent goes to the same places, as data.
func TestHostileInput(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s subject) {
		var mu sync.Mutex
		var problems []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			for segment := range strings.SplitSeq(r.URL.EscapedPath(), "/") {
				if plain, err := url.PathUnescape(segment); err != nil || plain == ".." || plain == "." {
					problems = append(problems, "path "+r.URL.EscapedPath())
				}
			}
			if !slices.ContainsFunc(s.test.Exchanges, func(x wireExchange) bool { return sameShape(x.Expect.URL, r.URL) && x.Expect.Method == r.Method }) && !s.mayAsk(r) {
				problems = append(problems, "not one of the adapter's requests: "+r.Method+" "+r.URL.String())
			}
			if r.Header.Get("X-Injected") != "" {
				problems = append(problems, "header injected")
			}
			_, _ = io.WriteString(w, `{}`)
		}))
		t.Cleanup(server.Close)
		connection := connect(t, s.adapter, s.tests, server.URL)
		for _, field := range s.adapter.Operation(fullName(s.adapter, s.test.Operation)).Input.Fields {
			for _, text := range hostile {
				call := callOf(t, s.adapter, s.test)
				switch {
				case field.Type.Kind == rules.KindText && len(field.Type.Enum) == 0:
					call.Input = call.Input.With(field.Name, rules.Text(text))
				case field.Type.Kind == rules.KindList:
					call.Input = call.Input.With(field.Name, rules.List(rules.Text(text)))
				}
				_, err := connection.Call(context.Background(), call)
				if err != nil {
					require.NotEqual(t, contracts.Internal, failureOf(t, err).Class, "%s=%q: %s", field.Name, text, err)
				}
			}
		}
		require.Empty(t, problems)
	})
}

// mayAsk knows the adapter's requests that this subject's own exchanges do not show: those of its other tests.
func (s subject) mayAsk(r *http.Request) bool {
	for _, test := range s.tests.Tests {
		for _, x := range test.Exchanges {
			if test.Operation == s.test.Operation && x.Expect.Method == r.Method && sameShape(x.Expect.URL, r.URL) {
				return true
			}
		}
	}
	return false
}

// sameShape says that two paths have as many segments and the same fixed words in front.
func sameShape(want string, got *url.URL) bool {
	expected, err := url.Parse(want)
	if err != nil {
		return false
	}
	a, b := strings.Split(expected.EscapedPath(), "/"), strings.Split(got.EscapedPath(), "/")
	return len(a) == len(b) && slices.Equal(a[:3], b[:3])
}
