package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// player plays the system of one test: it answers as the exchanges say, and notes what it did not expect.
type player struct {
	exchanges []Exchange
	base      string
	again     bool // an exchange may come more than once
	mu        sync.Mutex
	used      []bool
	problems  []string
}

// serve answers a request as the test says.
func (p *player) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if x, ok := p.find(r, body); ok {
		x.Reply.write(w, p.base)
		return
	}
	w.WriteHeader(http.StatusTeapot)
}

// find finds the exchange of a request: the first that is not used, and of those for the same place the one whose body is
// right.
func (p *player) find(r *http.Request, body []byte) (Exchange, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var wrong []string
	for i, x := range p.exchanges {
		if p.used[i] && !p.again || x.Expect.Method != r.Method || !sameURL(x.Expect.URL, r.URL) {
			continue
		}
		if problems := x.Expect.check(r, body); len(problems) > 0 {
			wrong = append(wrong, problems...)
			continue
		}
		p.used[i] = true
		return x, true
	}
	if len(wrong) == 0 {
		wrong = []string{fmt.Sprintf("not expected: %s %s %s", r.Method, r.URL, short(string(body)))}
	}
	p.problems = append(p.problems, wrong...)
	return Exchange{}, false
}

// sameURL compares path and query, the query in any order.
func sameURL(want string, got *url.URL) bool {
	expected, err := url.Parse(want)
	return err == nil && expected.EscapedPath() == got.EscapedPath() && expected.Query().Encode() == got.Query().Encode()
}

// check says what of a request is not as expected.
func (q Request) check(r *http.Request, body []byte) (problems []string) {
	for name, want := range q.Headers {
		if got := r.Header.Get(name); got != want {
			problems = append(problems, fmt.Sprintf("the header %s is %q, not %q", name, got, want))
		}
	}
	switch {
	case !q.JSON.IsMissing():
		if got, err := rules.FromJSON(body); err != nil || !got.Equal(q.JSON) {
			problems = append(problems, fmt.Sprintf("the body of %s %s is %s, not %s", r.Method, r.URL, short(string(body)), short(string(q.JSON.Plain()))))
		}
	case q.Form != nil:
		want := url.Values{}
		for name, text := range q.Form {
			want.Set(name, text)
		}
		if got, err := url.ParseQuery(string(body)); err != nil || got.Encode() != want.Encode() {
			problems = append(problems, fmt.Sprintf("the form of %s %s is %s, not %s", r.Method, r.URL, short(string(body)), want.Encode()))
		}
	case q.Text != "":
		if strings.Join(strings.Fields(q.Text), " ") != strings.Join(strings.Fields(string(body)), " ") {
			problems = append(problems, fmt.Sprintf("the body of %s %s is %s, not %s", r.Method, r.URL, short(string(body)), short(q.Text)))
		}
	case len(body) > 0:
		problems = append(problems, fmt.Sprintf("%s %s has a body, and the test expects none: %s", r.Method, r.URL, short(string(body))))
	}
	return problems
}

// write answers. {base} in a reply is the address of the system.
func (r Reply) write(w http.ResponseWriter, base string) {
	for name, text := range r.Headers {
		w.Header().Set(name, strings.ReplaceAll(text, "{base}", base))
	}
	body := r.body(base)
	if !r.JSON.IsMissing() && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write(body)
}

func (r Reply) body(base string) []byte {
	text := r.Text
	if !r.JSON.IsMissing() {
		text = string(r.JSON.Plain())
	}
	return []byte(strings.ReplaceAll(text, "{base}", base))
}

// short is a text for a finding.
func short(text string) string {
	const most = 600
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// Play runs one test against a server that plays the system, and returns what is not as it says.
func (s *suite) play(ctx context.Context, test Test) []string {
	switch s.adapter.Protocol {
	case "sql":
		return s.playDatabase(ctx, test)
	case "files", "sftp", "mail":
		return s.playServer(ctx, test)
	}
	peer := &player{exchanges: test.Exchanges, used: make([]bool, len(test.Exchanges))}
	base, leave := s.room(peer.serve)
	defer leave()
	peer.base = base
	connection, err := Connect(s.adapter, s.tests, base)
	if err != nil {
		return []string{"the adapter cannot be connected with the settings and secrets of the tests: " + err.Error()}
	}
	defer connection.Close()
	output, err := connection.Call(ctx, test.call())
	problems := test.outcome(strings.ReplaceAll(string(output.Plain()), base, "{base}"), err)
	for i, used := range peer.used {
		if !used {
			problems = append(problems, fmt.Sprintf("not asked for: %s %s", test.Exchanges[i].Expect.Method, test.Exchanges[i].Expect.URL))
		}
	}
	return append(peer.problems, problems...)
}

// outcome compares what came of a call with what the test says.
func (t Test) outcome(output string, err error) (problems []string) {
	if t.Error == nil {
		switch {
		case err != nil:
			return []string{"it failed: " + err.Error()}
		case string(t.Output.Plain()) != output:
			return []string{fmt.Sprintf("the answer is\n    %s\n  not\n    %s", short(output), short(string(t.Output.Plain())))}
		}
		return nil
	}
	var failure *contracts.Error
	switch {
	case err == nil:
		return []string{fmt.Sprintf("it should have failed with %s, and answered %s", t.Error.Class, short(output))}
	case !errors.As(err, &failure):
		return []string{"it failed with an error of no class: " + err.Error()}
	}
	if failure.Class != t.Error.Class {
		problems = append(problems, fmt.Sprintf("the class is %s, not %s: %s", failure.Class, t.Error.Class, failure))
	}
	if !strings.Contains(failure.Message, t.Error.Message) {
		problems = append(problems, fmt.Sprintf("the message is %q, and does not hold %q", failure.Message, t.Error.Message))
	}
	if t.Error.RetryAfter > 0 && t.Error.RetryAfter != failure.RetryAfter.Round(time.Second) {
		problems = append(problems, fmt.Sprintf("the wait is %s, not %s", failure.RetryAfter, t.Error.RetryAfter))
	}
	if want := t.Error.Candidates; !want.IsMissing() && string(want.Plain()) != string(failure.Candidates.Plain()) {
		problems = append(problems, fmt.Sprintf("the candidates are %s, not %s", short(string(failure.Candidates.Plain())), short(string(want.Plain()))))
	}
	return problems
}
