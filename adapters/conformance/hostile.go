package conformance

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

const checkHostile = "hostile input stays data"

// hostileTexts are what people and machines write to break out of where a text belongs.
var hostileTexts = []string{`"`, `'`, "a\r\nX-Injected: 1", "..", ".", "../..", "a/b?c=d#e", `\`, "${input}", "{{7*7}}", "%2e%2e%2f", "名前 é ñ ß", "\u202e\u0000\ufeff",
	"'; drop table x; --", "]]></x><injected/>", "*)(uid=*))(|(uid=*", strings.Repeat("x", 5000), " "}

// spoiledCall is the test's call with a hostile text in one field of its input.
type spoiledCall struct {
	field, text string
	call        adapters.Call
}

// spoiled puts each hostile text into each field of the test's input, as far as the contract lets it in.
func (s *subject) spoiled() (calls []spoiledCall) {
	for _, field := range s.op.Input.Fields {
		for _, text := range hostileTexts {
			changed, different := spoil(field.Type, s.test.Input.Get(field.Name), text)
			if !different {
				break
			}
			call := s.test.call()
			input, err := s.op.Input.Decode(call.Input.With(field.Name, changed))
			if err != nil {
				continue
			}
			call.Input = input
			calls = append(calls, spoiledCall{field.Name, text, call})
		}
	}
	return calls
}

// hostile puts hostile texts into every input, one after the other: whatever is sent goes to the same places, as data.
func (s *subject) hostile(ctx context.Context) {
	var mu sync.Mutex
	var problems []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if text := fmt.Sprintf(format, args...); !slices.Contains(problems, text) && len(problems) < 5 {
			problems = append(problems, text)
		}
	}
	peer := &player{exchanges: s.test.Exchanges, used: make([]bool, len(s.test.Exchanges)), again: true}
	base, leave := s.room(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil { // the caller gave up on a busy machine: half of a body is no finding
			return
		}
		s.inspect(r, body, note)
		if x, ok := peer.find(r, body); ok { // a login, say, that no input changes
			x.Reply.write(w, peer.base)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{}`)
	})
	defer leave()
	peer.base = base
	connection, err := Connect(s.adapter, s.tests, base)
	if err != nil {
		return
	}
	defer connection.Close()
	for _, put := range s.spoiled() {
		var failure *contracts.Error
		if _, err := connection.Call(ctx, put.call); err != nil && (!errors.As(err, &failure) || failure.Class == contracts.Internal) {
			note("%s = %q ends with %s", put.field, short(put.text), err)
		}
	}
	for _, problem := range problems {
		s.find(Finding{Operation: s.op.Name, Check: checkHostile, Expected: "the same requests, with the text as data in them", Found: problem,
			Change: "put the input under query:, json:, form: or params:, or between two slashes of the path; quote it for a query language with its function"})
	}
}

// inspect looks for what broke out of its place.
func (s *subject) inspect(r *http.Request, body []byte, note func(string, ...any)) {
	for segment := range strings.SplitSeq(r.URL.EscapedPath(), "/") {
		if plain, err := url.PathUnescape(segment); err != nil || plain == ".." || plain == "." {
			note("a path that leads elsewhere: %s", short(r.URL.EscapedPath()))
		}
	}
	if r.Header.Get("X-Injected") != "" {
		note("a header was injected")
	}
	known := slices.ContainsFunc(s.tests.Tests, func(t Test) bool {
		return slices.ContainsFunc(t.Exchanges, func(x Exchange) bool {
			return x.Expect.Method == r.Method && sameShape(x.Expect.URL, r.URL, s.op.Deep())
		})
	})
	if !known {
		note("a request that is none of the adapter's: %s %s", r.Method, short(r.URL.String()))
	}
	switch kind := r.Header.Get("Content-Type"); {
	case len(body) == 0:
	case strings.Contains(kind, "json"):
		if _, err := rules.FromJSON(body); err != nil {
			note("a body that is no JSON: %s", short(string(body)))
		}
	case strings.Contains(kind, "xml"):
		if err := readXML(body); err != nil {
			note("a body that is no XML any more (%s): %s", err, short(string(body)))
		}
	case strings.Contains(kind, "form"):
		if _, err := url.ParseQuery(string(body)); err != nil {
			note("a body that is no form: %s", short(string(body)))
		}
	}
}

func readXML(body []byte) error {
	decoder := xml.NewDecoder(strings.NewReader(string(body)))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "injected" {
			return errors.New("an element was injected")
		}
	}
}

// sameShape says that two paths have as many segments and begin with the same one; where an input may be a path of its own,
// that they begin with the same two.
func sameShape(want string, got *url.URL, deep bool) bool {
	expected, err := url.Parse(want)
	if err != nil {
		return false
	}
	a, b := strings.Split(expected.EscapedPath(), "/"), strings.Split(got.EscapedPath(), "/")
	if deep {
		return len(a) > 2 && len(b) > 2 && a[1] == b[1] && a[2] == b[2]
	}
	return len(a) == len(b) && (len(a) < 3 || a[1] == b[1])
}

// spoil puts a text into every place of a value that takes any text; different says whether there was one.
func spoil(t *rules.Type, v rules.Value, text string) (changed rules.Value, different bool) {
	switch {
	case t == nil:
		return v, false
	case t.Kind == rules.KindText && len(t.Enum) == 0 && t.Format == "":
		return rules.Text(text), true
	case t.Kind == rules.KindList:
		item := rules.Missing()
		if v.Len() > 0 {
			item = v.Items()[0]
		}
		if item, different = spoil(t.Items, item, text); different {
			return rules.List(item), true
		}
	case t.Kind == rules.KindRecord && v.Kind() == rules.KindRecord:
		for _, field := range t.Fields {
			if inner, ok := spoil(field.Type, v.Get(field.Name), text); ok {
				v, different = v.With(field.Name, inner), true
			}
		}
	}
	return v, different
}
