package conformance

import (
	"path/filepath"
	"strings"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Extension is how the name of a file of tests ends: deskly.tests.yaml stands beside deskly.yaml.
const Extension = ".tests.yaml"

// TestsFile is the name of the file of tests of an adapter's file.
func TestsFile(adapter string) string {
	return strings.TrimSuffix(adapter, filepath.Ext(adapter)) + Extension
}

// Tests are what stands beside an adapter: settings and secrets for an account that does not exist, and what must go over
// the wire, what comes back, and what the operation makes of it.
type Tests struct {
	File     string
	Source   string // where the vendor describes what tests without a source of their own show, and when it was read
	Settings rules.Value
	Secrets  map[string]string
	Tests    []Test
	Webhooks []Delivery
}

// Test is one call of one operation.
type Test struct {
	Name      string
	Operation string // crm.find_customer
	Input     rules.Value
	Key       string        // of a write
	FirstSent time.Duration // how long ago a write may have left us before; 0: never
	Recorded  string        // the day on which a running system answered so; "": it is written from the vendor's documentation
	Source    string        // the vendor's page, and when it was read
	Exchanges []Exchange
	Output    rules.Value
	Error     *Expected
	Line      int
}

// Exchange is one request that is expected, and its answer.
type Exchange struct {
	Expect Request
	Reply  Reply
}

// Request is what must come over the wire.
type Request struct {
	Method  string
	URL     string // path and query, the query in any order
	Headers map[string]string
	JSON    rules.Value
	Form    map[string]string
	Text    string            // any other body, compared without the blanks around it
	SQL     string            // a part of the query
	File    string            // a file that is there before; its content is the reply
	Written string            // a file that is there afterwards, with Text in it
	Mailbox string            // of a mail that lies there before, which is the reply; or, with Holds, afterwards
	Holds   string            // the Message-ID of a mail that lies in the mailbox afterwards
	Mail    map[string]string // a mail that is sent: from, to, subject, text
	Params  []string          // of a query
}

// Reply is what the system answers.
type Reply struct {
	Status   int
	Headers  map[string]string
	JSON     rules.Value
	Text     string
	Columns  []string // of a query, each name:type
	Rows     rules.Value
	Affected *int  // how many rows a statement changed; nil: as many as it answers, and without rows one
	LastID   int64 // the automatic number of the row that it wrote; 0: none
}

// Expected is the error that a call ends with.
type Expected struct {
	Class      contracts.Class
	RetryAfter time.Duration
	Candidates rules.Value
	Message    string // a part of it
}

var replyShape = source.Record(
	source.Field{Name: "status", Is: source.Whole(), About: "The HTTP status.", Default: "200", Example: "201"},
	source.Field{Name: "headers", Is: source.Named(source.Text()), About: "Headers of the answer.", Default: "none", Example: "{Retry-After: '60'}"},
	source.Field{Name: "json", Is: source.Tree(), About: "The body, as JSON.", Default: "no body", Example: "{id: 7}"},
	source.Field{Name: "text", Is: source.Text(), About: "The body, as it is.", Example: "gone"},
	source.Field{Name: "columns", Is: source.ListOf(source.Text()), About: "Of a query: the columns, each with its type: " + strings.Join(columnTypes, " ") + ".", Example: "['sku:text']"},
	source.Field{Name: "rows", Is: source.Tree(), About: "Of a query: the rows, each a list.", Example: "[[AU-1]]"},
	source.Field{Name: "affected", Is: source.Whole(), About: "Of a statement: how many rows it changed.", Default: "as many as it answers; without columns, one", Example: "0"},
	source.Field{Name: "last_id", Is: source.Whole(), About: "Of a statement: the automatic number of the row that it wrote (MySQL, SQLite).", Default: "none", Example: "7"},
)

var expectShape = source.Record(
	source.Field{Name: "method", Is: source.Choice("GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"), About: "The HTTP method.", Example: "GET"},
	source.Field{Name: "url", Is: source.Text(), About: "Path and query; the query in any order.", Example: "/people?limit=50"},
	source.Field{Name: "headers", Is: source.Named(source.Text()), About: "Headers that must be there.", Default: "any", Example: "{Request-Key: 6F1C2A}"},
	source.Field{Name: "json", Is: source.Tree(), About: "The body, as JSON.", Default: "no body", Example: "{subject: Late}"},
	source.Field{Name: "form", Is: source.Named(source.Text()), About: "The body, as a form.", Default: "no body", Example: "{subject: Late}"},
	source.Field{Name: "text", Is: source.Text(), About: "Any other body.", Default: "no body", Example: "<a/>"},
	source.Field{Name: "sql", Is: source.Text(), About: "A part of the query.", Example: "from stock"},
	source.Field{Name: "file", Is: source.Text(), About: "Of files: a file that is there before the call; the reply's text or json is what it holds.", Example: "stock/HH.csv"},
	source.Field{Name: "written", Is: source.Text(), About: "Of files: a file that is there after the call; text is what it must hold.", Example: "orders/6F1C2A.csv"},
	source.Field{Name: "mailbox", Is: source.Text(), About: "Of mail: where a mail lies before the call; the reply's text is the mail. With holds, where it must lie after the call.", Example: "INBOX"},
	source.Field{Name: "holds", Is: source.Text(), About: "Of mail: the Message-ID of what lies in the mailbox after the call.", Example: "first@acme.example"},
	source.Field{Name: "mail", Is: source.Named(source.Text()), About: "Of mail: a mail that must be handed to the server: from, to, subject, text.", Example: "{to: jane@example.com, subject: Hello}"},
	source.Field{Name: "params", Is: source.ListOf(source.Text()), About: "The parameters of the query.", Default: "none", Example: "[AU-1]"},
)

var exchangeShape = source.Record(
	source.Field{Name: "expect", Is: expectShape, Required: true, About: "What must come over the wire.", Example: "{method: GET, url: /me}"},
	source.Field{Name: "reply", Is: replyShape, About: "What the system answers.", Default: "200 without a body", Example: "{json: {id: 1}}"},
)

var errorShape = source.Record(
	source.Field{Name: "class", Is: source.Choice(contracts.ClassNames()...), Required: true, About: "Its class.", Example: "not_found"},
	source.Field{Name: "retry_after", Is: source.Span(), About: "The wait that the system asked for.", Default: "any", Example: "60s"},
	source.Field{Name: "candidates", Is: source.Tree(), About: "Of not_unique: between what is to be chosen.", Default: "any", Example: "[{id: '1'}]"},
	source.Field{Name: "message", Is: source.Text(), About: "A part of what it says.", Default: "anything", Example: "Come back later"},
)

var testShape = source.Part("adapter_test", "One call of one operation, and what goes over the wire.",
	source.Field{Name: "name", Is: source.Text(), Required: true, About: "What is tested, in a sentence.", Example: "a locked record waits"},
	source.Field{Name: "operation", Is: source.Text(), Required: true, About: "The operation.", Example: "create_task"},
	source.Field{Name: "input", Is: source.Tree(), About: "Its input.", Default: "nothing", Example: "{title: Late}"},
	source.Field{Name: "key", Is: source.Text(), About: "Of a write: its key.", Example: "6F1C2A"},
	source.Field{Name: "first_sent", Is: source.Span(), About: "Of a write: how long ago it may have been sent before.", Default: "never", Example: "3h"},
	source.Field{Name: "recorded", Is: source.Text(), About: "The day on which a running system answered so.", Default: "it is written from the documentation", Example: "2026-11-22"},
	source.Field{Name: "source", Is: source.Text(), About: "Where the vendor says so: the page, and behind a comma its version, and the day on which somebody read it or `not compared`.", Example: "https://developers.deskly.example/tasks, 2026-11-22"},
	source.Field{Name: "exchanges", Is: source.ListOf(exchangeShape), About: "What goes over the wire, in any order.", Default: "nothing", Example: "[{expect: {method: GET, url: /me}, reply: {json: {id: 1}}}]"},
	source.Field{Name: "output", Is: source.Tree(), About: "What the operation answers. {base} is the address. Either this or error.", Example: "{id: '7'}"},
	source.Field{Name: "error", Is: errorShape, About: "The error that it ends with.", Example: "{class: not_found}"},
)

var testsShape = source.Record(
	source.Field{Name: "source", Is: source.Text(), About: "Where the vendor says so, of all tests that say nothing of their own.", Default: "each test says it", Example: "'https://developers.deskly.example/tasks, 2026-11-22'"},
	source.Field{Name: "settings", Is: source.Tree(), About: "Settings of an account that does not exist.", Default: "none", Example: "{account: acme}"},
	source.Field{Name: "secrets", Is: source.Named(source.Text()), About: "Its secrets, made up.", Default: "none", Example: "{token: t0ken-1234}"},
	source.Field{Name: "webhooks", Is: source.ListOf(deliveryShape), About: "What the product sends by itself, with its signature; an adapter that declares one needs one that is accepted.", Default: "none", Example: "[{name: an order, secret: s, at: '2026-11-22T10:00:00Z', headers: {X-Deskly-Signature: 0a1b}, body: '{}'}]"},
	source.Field{Name: "tests", Is: source.ListOf(testShape), Required: true, About: "The tests; every operation needs one that succeeds.", Example: "[{name: the connection, operation: check_connection, exchanges: [{expect: {method: GET, url: /me}}], output: {ok: true}}]"},
)

// Format describes the files of tests.
func Format() *source.Format {
	return &source.Format{Name: "adapter-tests", Title: "Tests of an adapter", Files: "adapters/NAME" + Extension, Page: "adapters.md", Root: testsShape,
		About: "What must go over the wire for an operation, what comes back, and what the operation makes of it."}
}

// Parse reads the tests of an adapter.
func Parse(file string, text []byte, adapter *adapters.Adapter) (*Tests, source.Problems) {
	doc := source.Parse(file, text)
	tests := &Tests{File: file, Secrets: map[string]string{}}
	if doc.Root != nil {
		fields := doc.Root.Fields(testsShape)
		tests.Settings, tests.Secrets = exact(fields["settings"]), texts(fields["secrets"])
		tests.Source = sourceOf(fields["source"])
		for _, node := range fields["webhooks"].List() {
			tests.Webhooks = append(tests.Webhooks, parseDelivery(node, tests.Source))
		}
		for _, node := range doc.Root.Required("tests", "write a list of tests").List() {
			test := parseTest(node, adapter)
			if test.Recorded == "" && test.Source == "" {
				test.Source = tests.Source
			}
			tests.Tests = append(tests.Tests, test)
		}
	}
	return tests, doc.Problems()
}

func parseTest(node *source.Node, adapter *adapters.Adapter) Test {
	fields := node.Fields(testShape)
	line, _ := node.Position()
	test := Test{Name: node.Required("name", "say what is tested").Text(), Input: exact(fields["input"]), Key: fields["key"].Text(), Line: line,
		FirstSent: fields["first_sent"].Duration(), Recorded: day(fields["recorded"]), Source: sourceOf(fields["source"]), Output: exact(fields["output"])}
	operation := node.Required("operation", "name the operation")
	if test.Operation = fullName(adapter, operation.Text()); test.Operation == "" && operation.Exists() {
		operation.Errorf(source.DidYouMean(operation.Text(), shortNames(adapter)), "the adapter has no operation %q", operation.Text())
	}
	if test.Input.IsMissing() {
		test.Input = rules.Record(nil)
	}
	if op := adapter.Operation(test.Operation); op != nil {
		decoded, err := op.Input.Decode(test.Input)
		if err != nil {
			fields["input"].Errorf("", "the operation does not take this: %s", err)
		}
		test.Input = decoded
		if op.Effect == contracts.Write && test.Key == "" {
			node.Errorf("give it a key, as in key: 6F1C2A", "%s writes, and a write has a key", op.Name)
		}
	}
	for _, one := range fields["exchanges"].List() {
		test.Exchanges = append(test.Exchanges, parseExchange(one))
	}
	if of := fields["error"]; of.Exists() {
		parts := of.Fields(errorShape)
		test.Error = &Expected{Class: contracts.Class(of.Required("class", "name the class").OneOf(contracts.ClassNames()...)), RetryAfter: parts["retry_after"].Duration(),
			Candidates: exact(parts["candidates"]), Message: parts["message"].Text()}
	}
	return test
}

func parseExchange(node *source.Node) Exchange {
	node.Fields(exchangeShape)
	expect, reply := node.Required("expect", "say what is expected").Fields(expectShape), map[string]*source.Node{}
	if node.Get("reply").Exists() {
		reply = node.Get("reply").Fields(replyShape)
	}
	x := Exchange{
		Expect: Request{Method: expect["method"].Text(), URL: expect["url"].Text(), Headers: texts(expect["headers"]), JSON: exact(expect["json"]), Text: expect["text"].Text(),
			SQL: expect["sql"].Text(), Params: expect["params"].Texts(), File: expect["file"].Text(), Written: expect["written"].Text(), Mailbox: expect["mailbox"].Text(),
			Holds: expect["holds"].Text(), Mail: texts(expect["mail"])},
		Reply: Reply{Status: 200, Headers: texts(reply["headers"]), JSON: exact(reply["json"]), Text: reply["text"].Text(), Columns: reply["columns"].Texts(), Rows: exact(reply["rows"])},
	}
	if expect["form"].Exists() {
		x.Expect.Form = texts(expect["form"])
	}
	if reply["affected"].Exists() {
		affected := reply["affected"].Int()
		x.Reply.Affected = &affected
	}
	if reply["last_id"].Exists() {
		x.Reply.LastID = int64(reply["last_id"].Int())
	}
	rowsFit(reply, x.Reply)
	if reply["status"].Exists() {
		x.Reply.Status = reply["status"].Int()
	}
	return x
}

// rowsFit holds the rows of a query to its columns.
func rowsFit(reply map[string]*source.Node, r Reply) {
	for i, column := range reply["columns"].List() {
		if !columnForm.MatchString(r.Columns[i]) {
			column.Errorf("write it as 'sku:text', with one of "+strings.Join(columnTypes, " "), "%q is not a column with its type", r.Columns[i])
		}
	}
	for _, row := range reply["rows"].List() {
		if n := len(row.List()); row.Kind() != source.List || n != len(r.Columns) {
			row.Errorf("write a list with a value for each of columns:, null where there is none", "a row of %d values, and there are %d columns", n, len(r.Columns))
		}
	}
}

func texts(node *source.Node) map[string]string {
	found := map[string]string{}
	for name, value := range node.Map() {
		found[name] = value.Text()
	}
	return found
}

// exact is a value as data, without any expressions; numbers keep their digits.
func exact(node *source.Node) rules.Value {
	switch node.Kind() {
	case source.Map:
		fields := map[string]rules.Value{}
		for _, key := range node.Keys() {
			fields[key] = exact(node.Get(key))
		}
		return rules.Record(fields)
	case source.List:
		items := []rules.Value{}
		for _, item := range node.List() {
			items = append(items, exact(item))
		}
		return rules.List(items...)
	case source.Scalar:
		text, _ := node.Literal()
		switch node.Tag() {
		case "!!bool":
			return rules.Bool(node.Bool())
		case "!!int", "!!float":
			if number, err := rules.ParseNum(text); err == nil {
				return rules.Number(number)
			}
		}
		return rules.Text(text)
	}
	return rules.Missing()
}

// fullName is the whole name of an operation that a test names, or "".
func fullName(adapter *adapters.Adapter, short string) string {
	if full := adapter.FullName(short); adapter.Operation(full) != nil {
		return full
	}
	for _, name := range adapter.Operations() {
		if _, last, _ := strings.Cut(name, "."); name == short || last == short {
			return name
		}
	}
	return ""
}

func shortNames(adapter *adapters.Adapter) []string {
	var names []string
	for _, name := range adapter.Operations() {
		names = append(names, adapter.ShortName(name))
	}
	return names
}
