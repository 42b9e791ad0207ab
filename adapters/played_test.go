package adapters_test

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/contracts"
	"crosswalk/rules"
)

const toolsAdapter = `adapter: tools
contract: support
protocol: sql
dialect: sqlite
connection: {settings: {file: {required: true}}}
operations:
  find_tool:
    effect: read
    input: {number: {type: string, required: true}}
    output_type: {name: {type: string, required: true}}
    request: {sql: 'select BEZ from TOOL where TNR = $1', params: ['${input.number}']}
    one: '${answer.items}'
    output: {name: '${item.BEZ}'}
`

// Somebody who tries an operation of a database sees its statement, its parameters and its rows. It is not
// recorded, which is said.
func TestADatabaseIsTried(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tools.db")
	db, err := sql.Open("sqlite", "file:"+file)
	require.NoError(t, err)
	_, err = db.Exec("create table TOOL (TNR text primary key, BEZ text); insert into TOOL values ('T-1', 'Drill')")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	adapter, problems := adapters.Parse("tools.yaml", []byte(toolsAdapter), contracts.Catalog())
	require.Empty(t, problems.Error())
	connection, err := adapter.Connect(adapters.Config{System: "tools", Settings: rules.Record(fields{"file": rules.Text(file)})})
	require.NoError(t, err)
	t.Cleanup(connection.Close)

	var seen []*adapters.Seen
	ctx := adapters.Watch(t.Context(), func(one *adapters.Seen, done bool) { seen = append(seen, one) })
	call := adapters.Call{Operation: "support.find_tool", Input: rules.Record(fields{"number": rules.Text("T-1")})}
	output, err := connection.Call(ctx, call)
	require.NoError(t, err)
	require.Equal(t, "Drill", output.Get("name").Text())
	require.Len(t, seen, 1)
	require.Equal(t, adapters.Statement, seen[0].Method)
	require.Contains(t, seen[0].URL, "select BEZ from TOOL where TNR = $1")
	require.Equal(t, `["T-1"]`, string(seen[0].Body))
	require.Equal(t, `{"items":[{"BEZ":"Drill"}]}`, string(seen[0].Answer))

	_, err = conformance.Recording{Call: call, Seen: seen, On: time.Now(), Masked: connection.Masked}.Write(t.Context(), adapter, &conformance.Tests{File: "tools.tests.yaml"}, nil)
	require.ErrorContains(t, err, "only what goes by HTTP is recorded, and this goes by sql sqlite")
}

// A recording leaves out what came too early and was asked for again, and a call that ended so is not recorded: a test
// would wait as long as the answer said on that day.
func TestARecordingDoesNotWait(t *testing.T) {
	t.Parallel()
	adapter, problems := adapters.Parse("acme.yaml", []byte(toolsOverHTTP), contracts.Catalog())
	require.Empty(t, problems.Error())
	early := &adapters.Seen{Method: "GET", URL: "https://tools.acme.example/tools?number=T-1", Status: 429, AnswerHeader: http.Header{"Retry-After": {"1"}}, Answer: []byte(`{"message": "too early"}`)}
	found := &adapters.Seen{Method: "GET", URL: early.URL, Status: 200, AnswerHeader: http.Header{"Content-Type": {"application/json"}}, Answer: []byte(`{"tools": [{"name": "Drill"}]}`)}
	record := func(seen ...*adapters.Seen) (string, error) {
		text, err := conformance.Recording{Call: adapters.Call{Operation: "support.find_tool", Input: rules.Record(fields{"number": rules.Text("T-1")})}, Seen: seen,
			Settings: rules.Record(nil), Base: "https://tools.acme.example", Masked: func(text string) string { return text }, Personal: true, On: time.Now(),
		}.Write(t.Context(), adapter, &conformance.Tests{File: "acme.tests.yaml"}, nil)
		return string(text), err
	}
	text, err := record(early, found)
	require.NoError(t, err)
	require.NotContains(t, text, "429")
	require.Equal(t, 1, strings.Count(text, "expect:"))
	_, err = record(early)
	require.ErrorContains(t, err, "record it again in a while")
}

const toolsOverHTTP = `adapter: acme
contract: support
connection: {base_url: https://tools.acme.example}
auth: none
operations:
  find_tool:
    effect: read
    input: {number: {type: string, required: true}}
    output_type: {name: {type: string, required: true}}
    request: {get: /tools, query: {number: '${input.number}'}, items: '${body.tools}'}
    one: '${answer.items}'
    output: {name: '${item.name}'}
`
