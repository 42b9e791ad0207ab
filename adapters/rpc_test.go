package adapters_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// ledger is an adapter for a system of our own: procedures, tagged values, and a session.
const ledger = `adapter: ledger
contract: support
protocol: json_rpc
rpc:
  path: /rpc
  version: none
  values:
    tag: __class__
    types:
      Decimal: {kind: number, in: decimal}
      date: {kind: date, in: [year, month, day]}
      datetime: {kind: instant, in: [year, month, day, hour, minute, second, microsecond]}
      bytes: {kind: text, in: base64}
connection:
  base_url: https://ledger.example.com
  settings: {user: {required: true}}
  secrets: {password: {required: true}}
auth:
  session:
    login: {call: log.in, params: ['${conn.user}', {password: '${secret.password}'}]}
    token: '${body.result[0]}'
    apply: {header: {name: Authorization, value: 'Session ${token}'}}
errors:
  - {when: 'body.error[0] == "Busy"', class: unavailable, nothing_done: true}
message: '${text(body.error[1])}'
operations:
  echo:
    effect: read
    input: {value: any, on: date, at: date-time, amount: number}
    request: {call: echo, params: ['${input.value}', null, '${input.on}', {at: '${input.at}', amount: '${input.amount}'}]}
    output: {got: '${answer.body.result}'}
  list:
    effect: read
    request:
      call: list
      params: ['${page.offset}', 2]
      items: '${body.result}'
      paging: {kind: offset, size: 2, max_pages: 5}
    output: {all: '${answer.items}'}
  book:
    effect: write
    safety: at_most_once
    request: {call: book, params: ['${key}']}
    output: {id: '${text(answer.body.result)}'}
`

// office is the system: it counts what it was asked, and answers as the test says.
type office struct {
	mu       sync.Mutex
	calls    map[string]int
	session  int // the number of the open session
	logIn    func(w http.ResponseWriter) bool
	answer   func(method string, params []json.RawMessage) string
	accepted func(number int) bool
}

func (o *office) count(method string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls[method]
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	var call struct {
		ID     int
		Method string
		Params []json.RawMessage
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields() // exactly these three members
	if err := decoder.Decode(&call); err != nil || r.URL.Path != "/rpc" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls[call.Method]++
	w.Header().Set("Content-Type", "application/json")
	if call.Method == "log.in" {
		if o.logIn != nil && !o.logIn(w) {
			return
		}
		o.session++
		fmt.Fprintf(w, `{"id":1,"result":["token-%d"]}`, o.session)
		return
	}
	number := 0
	_, _ = fmt.Sscanf(r.Header.Get("Authorization"), "Session token-%d", &number)
	if o.accepted != nil && !o.accepted(number) || number != o.session {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, _ = io.WriteString(w, o.answer(call.Method, call.Params))
}

func connectOffice(t *testing.T, o *office) *adapters.Connection {
	t.Helper()
	return connectOfficeTo(t, o, ledger)
}

func connectOfficeTo(t *testing.T, o *office, text string) *adapters.Connection {
	t.Helper()
	o.calls = map[string]int{}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	adapter, problems := adapters.Parse("ledger.yaml", []byte(text), contracts.Catalog())
	require.NoError(t, problems.Err())
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	connection, err := adapter.Connect(adapters.Config{
		System: "books", BaseURL: server.URL, AllowHosts: []string{address.Host}, Shared: boundless{},
		Settings: rules.Record(map[string]rules.Value{"user": rules.Text("clerk")}),
		Secrets:  map[string]contracts.Secret{"password": contracts.NewSecret("s3cret-word")},
	})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

func askOffice(connection *adapters.Connection, operation string, input map[string]rules.Value) (rules.Value, error) {
	return connection.Call(context.Background(), adapters.Call{Operation: "support." + operation, Input: rules.Record(input), Key: "K1"})
}

func TestCallsCarryTaggedValuesAndPlaces(t *testing.T) {
	t.Parallel()
	var got string
	o := &office{answer: func(_ string, params []json.RawMessage) string {
		text, _ := json.Marshal(params)
		got = string(text)
		return `{"id":1,"result":{"price":{"__class__":"Decimal","decimal":"9.990"},"days":[{"__class__":"date","year":2026,"month":3,"day":1}],
			"at":{"__class__":"datetime","year":2026,"month":3,"day":1,"hour":7,"minute":8,"second":9,"microsecond":10},"file":{"__class__":"bytes","base64":"QQ=="}}}`
	}}
	amount, err := rules.ParseNum("12.50")
	require.NoError(t, err)
	value, err := askOffice(connectOffice(t, o), "echo", map[string]rules.Value{
		"on": rules.Date(2026, 3, 1), "at": rules.Instant(time.Date(2026, 3, 1, 7, 8, 9, 10_000, time.UTC)), "amount": rules.Number(amount),
	})
	require.NoError(t, err)
	require.JSONEq(t, `[null,null,{"__class__":"date","year":2026,"month":3,"day":1},{"at":{"__class__":"datetime","year":2026,"month":3,"day":1,"hour":7,"minute":8,"second":9,"microsecond":10},
		"amount":{"__class__":"Decimal","decimal":"12.5"}}]`, got)
	require.Equal(t, rules.KindNumber, value.Path("got", "price").Kind())
	require.Equal(t, "2026-03-01", value.Path("got", "days").At(0).String())
	require.Equal(t, "2026-03-01T07:08:09.00001Z", value.Path("got", "at").String())
	require.Equal(t, "QQ==", value.Path("got", "file").Text())
}

func TestAnswersOfProceduresHaveTheirClass(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		answer  string
		class   contracts.Class
		message string
	}{
		"a refusal":            {`{"id":1,"error":["UserError","too late"]}`, contracts.Validation, `too late`},
		"a rule of the file":   {`{"id":1,"error":["Busy","later"]}`, contracts.Unavailable, "later"},
		"no such procedure":    {`{"id":1,"error":{"code":-32601,"message":"?"}}`, contracts.Drift, ""},
		"a failure inside":     {`{"id":1,"error":{"code":-32603,"message":"?"}}`, contracts.Unavailable, ""},
		"another call's":       {`{"id":2,"result":1}`, contracts.Drift, "another call"},
		"no envelope":          {`[1]`, contracts.Drift, "no envelope"},
		"an unknown type":      {`{"id":1,"result":{"__class__":"complex","re":1}}`, contracts.Drift, `"complex"`},
		"no such day":          {`{"id":1,"result":{"__class__":"date","year":2026,"month":2,"day":30}}`, contracts.Drift, "no such day"},
		"a number that is not": {`{"id":1,"result":{"__class__":"Decimal","decimal":"NaN"}}`, contracts.Drift, "Decimal"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := askOffice(connectOffice(t, &office{answer: func(string, []json.RawMessage) string { return c.answer }}), "echo", nil)
			require.Equal(t, c.class, failureOf(t, err).Class, err)
			require.Contains(t, err.Error(), c.message)
		})
	}
}

func TestProceduresArePaged(t *testing.T) {
	t.Parallel()
	o := &office{answer: func(_ string, params []json.RawMessage) string {
		return map[string]string{"0": `{"id":1,"result":[1,2]}`, "2": `{"id":1,"result":[3]}`}[string(params[0])]
	}}
	value, err := askOffice(connectOffice(t, o), "list", nil)
	require.NoError(t, err)
	require.Equal(t, `{"all":[1,2,3]}`, string(value.Plain()))
}

// TestOneLogInServesAll lets many calls begin at once, and the session end in between: each time one of them logs in.
func TestOneLogInServesAll(t *testing.T) {
	t.Parallel()
	o := &office{answer: func(string, []json.RawMessage) string { return `{"id":1,"result":1}` }}
	connection := connectOffice(t, o)
	for round := 1; round <= 3; round++ {
		var failed atomic.Int32
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := askOffice(connection, "echo", nil); err != nil {
					failed.Add(1)
				}
			})
		}
		group.Wait()
		require.Zero(t, failed.Load())
		require.Equal(t, round, o.count("log.in"))
		o.mu.Lock()
		ended := o.session
		o.accepted = func(number int) bool { return number > ended }
		o.mu.Unlock()
	}
}

// TestAWriteIsMadeInTheNewSession: the refusal of the old one proves that it was not carried out.
func TestAWriteIsMadeInTheNewSession(t *testing.T) {
	t.Parallel()
	o := &office{answer: func(string, []json.RawMessage) string { return `{"id":1,"result":77}` }, accepted: func(number int) bool { return number > 1 }}
	value, err := askOffice(connectOffice(t, o), "book", nil)
	require.NoError(t, err)
	require.Equal(t, "77", value.Get("id").Text())
	require.Equal(t, 2, o.count("book"))
	require.Equal(t, 2, o.count("log.in"))
}

// TestALogInThatIsRefusedIsNotRepeated: many systems lock an account, or everybody out, when somebody goes on trying.
func TestALogInThatIsRefusedIsNotRepeated(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status int
		header string
		class  contracts.Class
		least  time.Duration
	}{
		"a wrong password": {http.StatusUnauthorized, "", contracts.Auth, 20 * time.Second},
		"a throttle":       {http.StatusTooManyRequests, "", contracts.RateLimited, 20 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &office{logIn: func(w http.ResponseWriter) bool { w.WriteHeader(c.status); return false }}
			connection := connectOffice(t, o)
			_, err := askOffice(connection, "echo", nil)
			require.Equal(t, c.class, failureOf(t, err).Class, err)
			asked := o.count("log.in")
			require.LessOrEqual(t, asked, 3) // a 429 is tried again at once, as any is
			for range 5 {
				_, err := askOffice(connection, "book", nil)
				failure := failureOf(t, err)
				require.Equal(t, c.class, failure.Class)
				require.True(t, failure.NothingSent)
				require.Greater(t, failure.RetryAfter, c.least)
				require.NotContains(t, err.Error(), "s3cret-word")
			}
			require.Equal(t, asked, o.count("log.in"))
			require.Zero(t, o.count("book"))
		})
	}
}

// TestASessionThatIsNeverAccepted ends with an error instead of one log-in after the other.
func TestASessionThatIsNeverAccepted(t *testing.T) {
	t.Parallel()
	o := &office{accepted: func(int) bool { return false }}
	connection := connectOffice(t, o)
	for range 5 {
		_, err := askOffice(connection, "book", nil)
		require.Equal(t, contracts.Auth, failureOf(t, err).Class)
	}
	require.Equal(t, 2, o.count("log.in"))
	require.Equal(t, 2, o.count("book"))
}

func TestTheSessionStaysIn(t *testing.T) {
	t.Parallel()
	o := &office{answer: func(string, []json.RawMessage) string {
		return `{"id":1,"error":["Odd","you said Session token-1 and s3cret-word"]}`
	}}
	_, err := askOffice(connectOffice(t, o), "echo", nil)
	require.NotContains(t, err.Error(), "token-1")
	require.NotContains(t, err.Error(), "s3cret-word")
}

func TestProceduresAreCheckedWhenLoaded(t *testing.T) {
	t.Parallel()
	cases := map[string][2]string{
		"a procedure without a name":  {"request: {call: book, params: ['${key}']}", "request: {params: ['${key}']}"},
		"a secret outside of log-in":  {"params: ['${key}']", "params: ['${secret.password}']"},
		"a date in two members":       {"in: [year, month, day]}", "in: [year, month]}"},
		"two writes":                  {"request: {call: book, params: ['${key}']}", "requests: [{name: a, call: x}, {name: answer, call: y}]"},
		"paging by address":           {"{kind: offset, size: 2, max_pages: 5}", "{kind: next_url, next: '${body.next}', max_pages: 5}"},
		"a session that logs in late": {"token: '${body.result[0]}'", "token: '${secret.password}'"},
		"a log-in in pages":           {"login: {call: log.in,", "login: {call: log.in, each: '${[1]}',"},
		"rpc without its protocol":    {"protocol: json_rpc\n", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, ledger, c[0])
			_, problems := adapters.Parse("ledger.yaml", []byte(strings.Replace(ledger, c[0], c[1], 1)), contracts.Catalog())
			require.Error(t, problems.Err())
		})
	}
}

// TestASessionInACookie is the common way of web applications, over plain HTTP.
func TestASessionInACookie(t *testing.T) {
	t.Parallel()
	const desk = `adapter: desk
contract: support
connection: {base_url: https://desk.example.com, settings: {user: {required: true}}, secrets: {password: {required: true}}}
auth:
  session:
    login: {post: /login, form: {user: '${conn.user}', password: '${secret.password}'}}
    token: '${cookie(headers.set_cookie, "sid")}'
    apply: {header: {name: Cookie, value: 'sid=${token}'}}
operations:
  get_task: {request: {get: '/tasks/${input.task}'}, output: {id: '${text(answer.body.id)}', number: '1', status: open}}
`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/login" && r.FormValue("password") == "s3cret-word":
			http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "abc123", Path: "/", HttpOnly: true})
		case r.Header.Get("Cookie") == "sid=abc123":
			_, _ = io.WriteString(w, `{"id":7}`)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	adapter, problems := adapters.Parse("desk.yaml", []byte(desk), contracts.Catalog())
	require.NoError(t, problems.Err())
	connection, err := adapter.Connect(adapters.Config{
		System: "desk", BaseURL: server.URL, AllowHosts: []string{strings.TrimPrefix(server.URL, "http://")}, Shared: boundless{},
		Settings: rules.Record(map[string]rules.Value{"user": rules.Text("clerk")}),
		Secrets:  map[string]contracts.Secret{"password": contracts.NewSecret("s3cret-word")},
	})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	value, err := connection.Call(context.Background(), adapters.Call{Operation: "support.get_task", Input: rules.Record(map[string]rules.Value{"task": rules.Text("7")})})
	require.NoError(t, err)
	require.Equal(t, "7", value.Get("id").Text())
}

// TestAWriteThatMayStillComeIsNotSentAgain: a look-up that finds nothing proves nothing as long as the request may be carried out late.
func TestAWriteThatMayStillComeIsNotSentAgain(t *testing.T) {
	t.Parallel()
	o := &office{answer: func(method string, _ []json.RawMessage) string {
		if method == "find" {
			return `{"id":1,"result":[]}`
		}
		return `{"id":1,"result":77}`
	}}
	text := strings.Replace(ledger, "safety: at_most_once", "safety: {lookup: find, late: 1m}", 1) +
		"  find: {effect: read, input: {key: string}, request: {call: find, items: '${body.result}'}, one: '${answer.items}', output: {id: '${text(item)}'}}\n"
	connection := connectOfficeTo(t, o, text)
	call := adapters.Call{Operation: "support.book", Input: rules.Record(nil), Key: "K1", FirstSent: time.Now().Add(-time.Second)}
	_, err := connection.Call(context.Background(), call)
	require.Equal(t, contracts.Unavailable, failureOf(t, err).Class)
	require.Greater(t, failureOf(t, err).RetryAfter, 30*time.Second)
	require.Zero(t, o.count("book"))
	call.FirstSent, call.LastSent = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Second)
	_, err = connection.Call(context.Background(), call)
	require.Equal(t, contracts.Unavailable, failureOf(t, err).Class, "it was sent again a second ago")
	require.Zero(t, o.count("book"))

	told := 0
	call.LastSent = time.Now().Add(-2 * time.Minute)
	call.Sending = func(context.Context) error { return errors.New("the store is away") }
	_, err = connection.Call(context.Background(), call)
	require.ErrorContains(t, err, "it could not be kept that it is sent again: the store is away")
	require.Zero(t, o.count("book"))
	call.Sending = func(context.Context) error {
		require.Zero(t, o.count("book"), "told before it is sent")
		told++
		return nil
	}
	_, err = connection.Call(context.Background(), call)
	require.NoError(t, err)
	require.Equal(t, 1, o.count("book"))
	require.Equal(t, 1, told)
	call.Sending = nil

	found := o.answer
	o.answer = func(method string, params []json.RawMessage) string {
		if method == "find" {
			return found(method, params)
		}
		return "a page of maintenance"
	}
	_, err = connection.Call(context.Background(), call)
	require.GreaterOrEqual(t, failureOf(t, err).RetryAfter, time.Minute, "what was sent last may come late too")
	require.Equal(t, 2, o.count("book"))
}
