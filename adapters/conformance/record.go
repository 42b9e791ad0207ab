package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Recording is a call as a running system answered it.
type Recording struct {
	Call     adapters.Call
	Failed   error // what the call came to, nil if it was answered
	Seen     []*adapters.Seen
	Settings rules.Value // of the connection
	Base     string      // its address
	// Masked takes the secrets out of a text.
	Masked func(string) string
	// Personal keeps personal data as it is. Else it is replaced by what is made up.
	Personal bool
	On       time.Time
	Name     string // of the test; "": it says the operation and the day
}

// Write makes a test of what was recorded and returns the new text of the file of tests. The test is played before it is
// written: what is expected is what comes of the answers as they stand in the file.
func (r Recording) Write(ctx context.Context, adapter *adapters.Adapter, tests *Tests, before []byte) ([]byte, error) {
	if adapter.OffHTTP() {
		return nil, fmt.Errorf("only what goes by HTTP is recorded, and this goes by %s: write the test by hand (docs/protocols.md)", adapter.Speech())
	}
	if len(r.Seen) == 0 {
		return nil, errors.New("nothing went over the wire that could be recorded")
	}
	if contracts.ClassOf(r.Failed) == contracts.Drift {
		return nil, errors.New("the answer does not fit what the operation expects of it, which is no test: mend the operation and call it again")
	}
	var err error
	if r.Seen, err = settled(r.Seen); err != nil {
		return nil, err
	}
	made, head := *tests, ""
	if len(before) == 0 {
		made.Settings, made.Secrets = r.Settings, madeUpSecrets(adapter)
		head = source.SchemaLine("../schemas/" + Format().SchemaFile())
		if made.Settings.Len() > 0 {
			head += "settings: " + string(made.Settings.Plain()) + "\n"
		}
		if len(made.Secrets) > 0 {
			fields := map[string]rules.Value{}
			for name, text := range made.Secrets {
				fields[name] = rules.Text(text)
			}
			head += "secrets: " + string(rules.Record(fields).Plain()) + "\n"
		}
		before = []byte(head + "tests:\n")
	}
	if r.Name == "" {
		r.Name = freeName(tests, fmt.Sprintf("%s as it was answered on %s", adapter.ShortName(r.Call.Operation), r.On.Format(time.DateOnly)))
	}
	test, err := r.replay(ctx, adapter, &made)
	if err != nil {
		return nil, err
	}
	text := append(bytes.TrimRight(bytes.Clone(before), "\n"), "\n"+test...)
	again, problems := Parse(tests.File, text, adapter)
	if problems.Err() != nil {
		return nil, fmt.Errorf("the file of tests cannot be continued (its last part must be the list of tests):\n%w", problems.Err())
	}
	s := &suite{adapter: adapter, tests: again}
	if wrong := s.play(ctx, again.Tests[len(again.Tests)-1]); len(wrong) > 0 {
		return nil, fmt.Errorf("what was recorded does not come out the same a second time, so that it would be no test: %s", strings.Join(wrong, "; "))
	}
	return text, nil
}

// freeName is the name, with a number if a test has it already: messages and --run tell tests by their names.
func freeName(tests *Tests, name string) string {
	free := name
	for n := 2; slices.ContainsFunc(tests.Tests, func(test Test) bool { return test.Name == free }); n++ {
		free = fmt.Sprintf("%s (%d)", name, n)
	}
	return free
}

// settled leaves out what was refused because it came too early and was then asked for again: how long a test waits for it
// depends on when it is played.
func settled(seen []*adapters.Seen) ([]*adapters.Seen, error) {
	var kept []*adapters.Seen
	for i, one := range seen {
		again := func(later *adapters.Seen) bool {
			return later.Method == one.Method && later.URL == one.URL && bytes.Equal(later.Body, one.Body)
		}
		switch {
		case one.Status != http.StatusTooManyRequests:
			kept = append(kept, one)
		case !slices.ContainsFunc(seen[i+1:], again):
			return nil, errors.New("the system answered that it was asked too often, which is no test of the operation: record it again in a while")
		}
	}
	return kept, nil
}

// madeUpSecrets are texts in the place of the secrets.
func madeUpSecrets(adapter *adapters.Adapter) map[string]string {
	made := map[string]string{}
	for _, field := range adapter.Secrets {
		for _, text := range []string{"made-up-" + field.Name, "madeup1234567890", "sk_test_madeup1234567890", "1234567890123456", field.MadeUp()} {
			if made[field.Name] = text; field.Accepts(text) {
				break
			}
		}
	}
	return made
}

// replay plays the answers in the order in which they came, and notes what is asked for them.
func (r Recording) replay(ctx context.Context, adapter *adapters.Adapter, tests *Tests) (string, error) {
	hide := newDisguise()
	if r.Personal {
		hide = nil
	}
	op := adapter.Operation(r.Call.Operation)
	hide.learn(r.Call.Input, op.Input, false)
	hide.keep(r.Call.Key, r.Call.Input)
	replies := make([]Reply, len(r.Seen))
	for i, seen := range r.Seen {
		replies[i] = r.reply(seen)
		hide.learn(replies[i].JSON, nil, false)
	}
	for i := range replies {
		replies[i].JSON = hide.value(replies[i].JSON)
		if replies[i].JSON.IsMissing() && hide != nil && strings.TrimSpace(replies[i].Text) != "" {
			return "", errors.New("the answer is no JSON, and personal data in it is not recognised: add --keep-personal and replace it by hand")
		}
	}
	p := &repeater{replies: replies, seen: r.Seen}
	s := &suite{adapter: adapter, tests: tests}
	base, leave := s.room(p.serve)
	defer leave()
	p.base = base
	connection, err := Connect(adapter, tests, base)
	if err != nil {
		return "", fmt.Errorf("the settings and secrets of %s do not fit: %w", tests.File, err)
	}
	defer connection.Close()
	call := r.Call
	if call.Input, err = op.Input.Decode(hide.value(call.Input)); err != nil {
		return "", fmt.Errorf("the input does not fit any more after personal data was replaced (--keep-personal leaves it as it is): %w", err)
	}
	output, err := connection.Call(ctx, call)
	var failure *contracts.Error
	if err != nil && !errors.As(err, &failure) {
		return "", err
	}
	if was, is := outcome(r.Failed), outcome(err); was != is {
		return "", fmt.Errorf("the call %s, and the test that would be kept %s: what was replaced as personal data, or a secret, decides here (--keep-personal leaves personal data as it is, to be replaced by hand)", was, is)
	}
	return r.text(adapter.ShortName(call.Operation), call, p, output, failure, base), nil
}

// outcome says what a call came to.
func outcome(failed error) string {
	if failed == nil {
		return "was answered"
	}
	return "came to " + string(contracts.ClassOf(failed))
}

func (r Recording) reply(seen *adapters.Seen) Reply {
	reply := Reply{Status: seen.Status, Headers: map[string]string{}}
	for _, name := range []string{"Link", "Retry-After", "Location", "Etag"} {
		if text := seen.AnswerHeader.Get(name); text != "" {
			reply.Headers[name] = r.local(text)
		}
	}
	for name := range seen.AnswerHeader {
		if lower := strings.ToLower(name); strings.Contains(lower, "total") || strings.Contains(lower, "ratelimit") || strings.Contains(lower, "page") {
			reply.Headers[name] = r.local(seen.AnswerHeader.Get(name))
		}
	}
	body := r.local(string(seen.Answer))
	if value, err := rules.FromJSON([]byte(body)); err == nil {
		reply.JSON = value
	} else {
		reply.Text = body
		if kind := seen.AnswerHeader.Get("Content-Type"); kind != "" {
			reply.Headers["Content-Type"] = kind
		}
	}
	return reply
}

// local is a text without secrets and without the address of the system.
func (r Recording) local(text string) string {
	text = r.Masked(text)
	if r.Base != "" {
		text = strings.ReplaceAll(text, strings.TrimSuffix(r.Base, "/"), "{base}")
	}
	return text
}

// repeater answers as it was answered, and notes what it is asked.
type repeater struct {
	base    string
	seen    []*adapters.Seen
	replies []Reply
	mu      sync.Mutex
	used    []int // which reply, in the order of the requests
	asked   []Request
}

func (p *repeater) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.next(r)
	if i < 0 {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	request := Request{Method: r.Method, URL: r.URL.String()}
	kind := r.Header.Get("Content-Type")
	switch value, err := rules.FromJSON(body); {
	case len(body) == 0:
	case err == nil && strings.Contains(kind, "json"):
		request.JSON = value
	case strings.Contains(kind, "form"):
		values, _ := url.ParseQuery(string(body))
		request.Form = map[string]string{}
		for name := range values {
			request.Form[name] = values.Get(name)
		}
	default:
		request.Text = string(body)
	}
	p.used, p.asked = append(p.used, i), append(p.asked, request)
	p.replies[i].write(w, p.base)
}

// next is the first answer that was not given yet to a request of this method and path; else the first of all.
func (p *repeater) next(r *http.Request) int {
	first := -1
	for i, seen := range p.seen {
		if slices.Contains(p.used, i) {
			continue
		}
		if first < 0 {
			first = i
		}
		if was, err := url.Parse(seen.URL); err == nil && seen.Method == r.Method && strings.HasSuffix(was.Path, r.URL.Path) {
			return i
		}
	}
	return first
}

// text is the test as it is written into the file. Values are written as JSON, which is YAML.
func (r Recording) text(short string, call adapters.Call, p *repeater, output rules.Value, failure *contracts.Error, base string) string {
	var b strings.Builder
	quoted := func(text string) string { return string(rules.Text(text).Plain()) }
	fmt.Fprintf(&b, "  - name: %s\n    operation: %s\n    recorded: %s\n", quoted(r.Name), short, r.On.Format(time.DateOnly))
	if call.Key != "" {
		fmt.Fprintf(&b, "    key: %s\n", quoted(call.Key))
	}
	fmt.Fprintf(&b, "    input: %s\n    exchanges:\n", call.Input.Plain())
	for i, request := range p.asked {
		fmt.Fprintf(&b, "      - expect:\n          method: %s\n          url: %s\n", request.Method, quoted(request.URL))
		switch {
		case !request.JSON.IsMissing():
			fmt.Fprintf(&b, "          json: %s\n", request.JSON.Plain())
		case request.Form != nil:
			fmt.Fprintf(&b, "          form: %s\n", plainOf(request.Form))
		case request.Text != "":
			fmt.Fprintf(&b, "          text: %s\n", quoted(request.Text))
		}
		reply := p.replies[p.used[i]]
		fmt.Fprintf(&b, "        reply:\n          status: %d\n", reply.Status)
		if len(reply.Headers) > 0 {
			fmt.Fprintf(&b, "          headers: %s\n", plainOf(reply.Headers))
		}
		if !reply.JSON.IsMissing() {
			fmt.Fprintf(&b, "          json: %s\n", reply.JSON.Plain())
		} else if reply.Text != "" {
			fmt.Fprintf(&b, "          text: %s\n", quoted(reply.Text))
		}
	}
	if failure == nil {
		fmt.Fprintf(&b, "    output: %s\n", strings.ReplaceAll(string(output.Plain()), base, "{base}"))
		return b.String()
	}
	fmt.Fprintf(&b, "    error: {class: %s", failure.Class)
	if failure.Candidates.Len() > 0 {
		fmt.Fprintf(&b, ", candidates: %s", failure.Candidates.Plain())
	}
	b.WriteString("}\n")
	return b.String()
}

func plainOf(texts map[string]string) []byte {
	fields := map[string]rules.Value{}
	for name, text := range texts {
		fields[name] = rules.Text(text)
	}
	return rules.Record(fields).Plain()
}
