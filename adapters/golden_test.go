package adapters_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// wireTests are the tests beside an adapter: what must go over the wire, what comes back, and what the
// operation makes of it.
type wireTests struct {
	Settings exact
	Secrets  map[string]string
	Tests    []wireTest
}

type wireTest struct {
	Name      string
	Operation string
	Input     exact
	Key       string
	FirstSent string `yaml:"first_sent"` // how long ago
	Exchanges []wireExchange
	Output    exact
	Error     *wireError
}

type wireExchange struct {
	Expect struct {
		Method  string
		URL     string // path and query, the query in any order
		Headers map[string]string
		JSON    exact
		Form    map[string]string
		SQL     string   // a part of the query
		Params  []string // of a query
	}
	Reply wireReply
}

type wireReply struct {
	Status  int
	Headers map[string]string
	JSON    exact
	Text    string
	Columns []string // of a query, each name:type
	Rows    [][]any
}

type wireError struct {
	Class      string
	RetryAfter string `yaml:"retry_after"`
	Candidates exact
	Message    string // a part of it
}

func loadWireTests(t *testing.T, name string) wireTests {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("catalog", name+".tests.yaml"))
	require.NoError(t, err, "an adapter needs tests beside it")
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	var tests wireTests
	require.NoError(t, decoder.Decode(&tests))
	return tests
}

// exact is YAML read without any loss: numbers keep their digits.
type exact struct{ rules.Value }

// UnmarshalYAML reads a node.
func (e *exact) UnmarshalYAML(node *yaml.Node) (err error) {
	e.Value, err = exactValue(node)
	return err
}

func exactValue(node *yaml.Node) (rules.Value, error) {
	switch node.Kind {
	case yaml.AliasNode:
		return exactValue(node.Alias)
	case yaml.SequenceNode:
		items := []rules.Value{}
		for _, item := range node.Content {
			value, err := exactValue(item)
			if err != nil {
				return rules.Value{}, err
			}
			items = append(items, value)
		}
		return rules.List(items...), nil
	case yaml.MappingNode:
		fields := map[string]rules.Value{}
		for i := 0; i < len(node.Content); i += 2 {
			value, err := exactValue(node.Content[i+1])
			if err != nil {
				return rules.Value{}, err
			}
			fields[node.Content[i].Value] = value
		}
		return rules.Record(fields), nil
	}
	switch node.Tag {
	case "!!null":
		return rules.Missing(), nil
	case "!!bool":
		return rules.Bool(node.Value == "true"), nil
	case "!!int", "!!float":
		number, err := rules.ParseNum(node.Value)
		return rules.Number(number), err
	default:
		return rules.Text(node.Value), nil
	}
}

func secrets(values map[string]string) map[string]contracts.Secret {
	wrapped := map[string]contracts.Secret{}
	for name, text := range values {
		wrapped[name] = contracts.NewSecret(text)
	}
	return wrapped
}

// system is a stand-in that answers as the exchanges say and records what it got.
type system struct {
	t         *testing.T
	mu        sync.Mutex
	exchanges []wireExchange
	used      []bool
}

func (s *system) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, x := range s.exchanges {
		if !s.used[i] && x.Expect.Method == r.Method && sameURL(x.Expect.URL, r.URL) {
			s.used[i] = true
			s.check(x, r, body)
			write(w, x.Reply)
			return
		}
	}
	s.t.Errorf("not expected: %s %s %s", r.Method, r.URL, body)
	w.WriteHeader(http.StatusTeapot)
}

func sameURL(want string, got *url.URL) bool {
	expected, err := url.Parse(want)
	return err == nil && expected.EscapedPath() == got.EscapedPath() && expected.Query().Encode() == got.Query().Encode()
}

func (s *system) check(x wireExchange, r *http.Request, body []byte) {
	for name, want := range x.Expect.Headers {
		if got := r.Header.Get(name); got != want {
			s.t.Errorf("header %s is %q, not %q", name, got, want)
		}
	}
	switch {
	case !x.Expect.JSON.IsMissing():
		if got, err := rules.FromJSON(body); err != nil || !got.Equal(x.Expect.JSON.Value) {
			s.t.Errorf("the body is\n%s\nnot\n%s", body, x.Expect.JSON.Plain())
		}
	case x.Expect.Form != nil:
		want := url.Values{}
		for name, text := range x.Expect.Form {
			want.Set(name, text)
		}
		got, err := url.ParseQuery(string(body))
		if err != nil || got.Encode() != want.Encode() {
			s.t.Errorf("the form is %s, not %s", body, want.Encode())
		}
	case len(body) > 0:
		s.t.Errorf("nothing was expected in the body, found %s", body)
	}
}

func write(w http.ResponseWriter, reply wireReply) {
	for name, text := range reply.Headers {
		w.Header().Set(name, text)
	}
	var body []byte
	if !reply.JSON.IsMissing() {
		w.Header().Set("Content-Type", "application/json")
		body = reply.JSON.Plain()
	}
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(append(body, reply.Text...))
}

// boundless is shared state without any limits, for tests that are about something else.
type boundless struct{}

func (boundless) Pause(context.Context, string, time.Time) error { return nil }

func (boundless) Take(context.Context, string, []adapters.Limit, time.Duration) (time.Duration, error) {
	return 0, nil
}

// connect joins an adapter with a server of the test.
func connect(t *testing.T, adapter *adapters.Adapter, tests wireTests, server string) *adapters.Connection {
	t.Helper()
	address, err := url.Parse(server)
	require.NoError(t, err)
	config := adapters.Config{
		System: "test", Settings: tests.Settings.Value, Secrets: secrets(tests.Secrets),
		AllowHosts: []string{address.Host}, Shared: boundless{},
	}
	if adapter.Protocol == "sql" {
		settings := config.Settings.With("host", rules.Text(address.Hostname())).With("tls", rules.Text("off"))
		port, err := rules.ParseNum(address.Port())
		require.NoError(t, err)
		config.Settings = settings.With("port", rules.Number(port))
	} else {
		config.BaseURL = server
	}
	connection, err := adapter.Connect(config)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

func fullName(adapter *adapters.Adapter, short string) string { return adapter.FullName(short) }

func callOf(t *testing.T, adapter *adapters.Adapter, test wireTest) adapters.Call {
	t.Helper()
	call := adapters.Call{Operation: fullName(adapter, test.Operation), Key: test.Key}
	op := adapter.Operation(call.Operation)
	require.NotNil(t, op, "no operation %s", call.Operation)
	input := test.Input.Value
	if input.IsMissing() {
		input = rules.Record(nil)
	}
	input, err := op.Input.Decode(input)
	require.NoError(t, err)
	call.Input = input
	if test.FirstSent != "" {
		ago, err := time.ParseDuration(test.FirstSent)
		require.NoError(t, err)
		call.FirstSent = time.Now().Add(-ago)
	}
	return call
}

// TestCatalogOnTheWire runs the tests beside every adapter of the catalogue.
func TestCatalogOnTheWire(t *testing.T) {
	t.Parallel()
	for name, adapter := range adapters.Catalog() {
		tests := loadWireTests(t, name)
		tested := map[string]bool{}
		for _, test := range tests.Tests {
			tested[fullName(adapter, test.Operation)] = true
			t.Run(name+"/"+test.Name, func(t *testing.T) {
				t.Parallel()
				runWireTest(t, adapter, tests, test)
			})
		}
		for _, operation := range adapter.Operations() {
			require.True(t, tested[operation], "%s has no test for %s", name, operation)
		}
	}
}

func runWireTest(t *testing.T, adapter *adapters.Adapter, tests wireTests, test wireTest) {
	if adapter.Protocol == "sql" {
		runDatabaseTest(t, adapter, tests, test)
		return
	}
	peer := &system{t: t, exchanges: test.Exchanges, used: make([]bool, len(test.Exchanges))}
	server := httptest.NewServer(peer)
	t.Cleanup(server.Close)
	connection := connect(t, adapter, tests, server.URL)
	output, err := connection.Call(context.Background(), callOf(t, adapter, test))
	checkOutcome(t, test, strings.ReplaceAll(string(output.Plain()), server.URL, "{base}"), err)
	for i, used := range peer.used {
		require.True(t, used, "not asked for: %s %s", test.Exchanges[i].Expect.Method, test.Exchanges[i].Expect.URL)
	}
}

func checkOutcome(t *testing.T, test wireTest, output string, err error) {
	t.Helper()
	if test.Error == nil {
		require.NoError(t, err)
		require.Equal(t, string(test.Output.Plain()), output)
		return
	}
	var failure *contracts.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, test.Error.Class, string(failure.Class), failure.Error())
	require.Contains(t, failure.Message, test.Error.Message)
	if test.Error.RetryAfter != "" {
		want, err := time.ParseDuration(test.Error.RetryAfter)
		require.NoError(t, err)
		require.Equal(t, want, failure.RetryAfter.Round(time.Second))
	}
	if !test.Error.Candidates.IsMissing() {
		require.Equal(t, string(test.Error.Candidates.Plain()), string(failure.Candidates.Plain()))
	}
}
