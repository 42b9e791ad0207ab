package adapters_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/contracts"
)

const dialectAdapter = `adapter: acme
contract: warehouse
protocol: sql
dialect: %s
connection: {settings: %s, secrets: {password: {}}}
operations:
  look:
    effect: read
    input: {sku: string, at: date-time}
    request: {sql: "select * from stock where sku = $1 and changed < $2 and note <> $1", params: ['${input.sku}', '${input.at}']}
    not_found: 'len(answer.items) == 0'
    output: {sku: '${answer.items[0].sku}', on_hand: '${number(answer.items[0].on_hand)}', price: '${text(answer.items[0].price)}', note: '${answer.items[0].note}'}
  put:
    effect: write
    safety: natural_key
    input: {sku: string, on_hand: number}
    request: {sql: "update stock set on_hand = $2 where sku = $1", params: ['${input.sku}', '${input.on_hand}']}
    not_found: 'answer.affected == 0'
    output: {affected: '${answer.affected}'}
  add:
    effect: write
    safety: {lookup: find_added}
    input: {sku: string}
    request: {sql: "insert into booked (sku, effect) values ($1, $2)", params: ['${input.sku}', '${key}']}
    output: {sku: '${input.sku}'}
  find_added:
    effect: read
    input: {key: {type: string, required: true}}
    request: {sql: "select sku, effect from booked where effect = $1", params: ['${input.key}'], where: 'item.effect == input.key'}
    one: '${answer.items}'
    output: {sku: '${item.sku}'}
  note:
    effect: write
    safety: at_most_once
    input: {sku: string}
    request: {sql: "insert into notes (sku) values ($1)", params: ['${input.sku}']}
    output: {id: '${text(answer.last_id ?? 0)}'}
  close:
    effect: write
    safety: at_most_once
    input: {sku: string}
    request: {sql: "call close_article($1)", params: ['${input.sku}']}
    output: {sku: '${input.sku}'}
  book:
    effect: write
    safety: %s
    input: {sku: string, by: number}
    request: {sql: "update stock set on_hand = on_hand + $2 where sku = $1", params: ['${input.sku}', '${input.by}']}
    not_found: 'answer.affected == 0'
    output: {affected: '${answer.affected}'}
`

const dialectTests = `settings: %s
secrets: {password: pw-canary-99}
tests:
  - name: one
    operation: look
    input: {sku: "AU'2041", at: '2026-05-04T10:11:12Z'}
    exchanges:
      - expect: {sql: 'from stock where sku = $1 and changed < $2', params: ["AU'2041", '%s']}
        reply:
          columns: ['sku:text', 'on_hand:int8', 'price:numeric', 'note:text', 'counted:date', 'changed:timestamptz', 'active:bool', 'more:jsonb']
          rows: [["AU'2041", 9, '12.50', null, '2026-05-04', '2026-05-04T10:11:12Z', true, {a: 1}]]
    output: {sku: "AU'2041", on_hand: 9, price: '12.5'}
  - name: none
    operation: look
    input: {sku: X, at: '2026-05-04T10:11:12Z'}
    exchanges:
      - expect: {sql: from stock, params: [X, '%s']}
        reply: {columns: ['sku:text'], rows: []}
    error: {class: not_found}
  - {name: set, operation: put, key: k1, input: {sku: A, on_hand: 8}, exchanges: [{expect: {sql: update stock, params: [A, '8']}}], output: {affected: 1}}
  - {name: not there, operation: put, key: k2, input: {sku: B, on_hand: 8}, exchanges: [{expect: {sql: update stock, params: [B, '8']}, reply: {affected: 0}}], error: {class: not_found}}
  - {name: added, operation: add, key: k3, input: {sku: A}, exchanges: [{expect: {sql: insert into booked, params: [A, k3]}}], output: {sku: A}}
  - {name: found, operation: find_added, input: {key: k3}, exchanges: [{expect: {sql: from booked, params: [k3]}, reply: {columns: ['sku:text', 'effect:text'], rows: [[A, k3]]}}], output: {sku: A}}
  - {name: not found, operation: find_added, input: {key: k3}, exchanges: [{expect: {sql: from booked, params: [k3]}, reply: {columns: ['sku:text', 'effect:text'], rows: []}}], error: {class: not_found}}
  - {name: noted, operation: note, key: k4, input: {sku: A}, exchanges: [{expect: {sql: insert into notes, params: [A]}, reply: {last_id: 7}}], output: {id: '%s'}}
  - {name: closed, operation: close, key: k6, input: {sku: A}, exchanges: [{expect: {sql: call close_article, params: [A]}}], output: {sku: A}}
  - {name: booked, operation: book, key: k5, input: {sku: A, by: 2}, exchanges: [{expect: {sql: on_hand + $2, params: [A, '2']}}], output: {affected: 1}}
`

// dialectReport plays the adapter above in a dialect.
func dialectReport(t *testing.T, dialect, only string, change func(adapter, tests string) (string, string)) conformance.Report {
	t.Helper()
	settings, given, at, id := remote, "{host: db.acme.example, port: 1, database: d, user: u}", "2026-05-04T10:11:12Z", "0"
	switch dialect {
	case "sqlite":
		settings, given, at, id = "{file: {}}", "{file: /nowhere/stock.db}", "2026-05-04 10:11:12", "7"
	case "mysql":
		at, id = "2026-05-04 10:11:12", "7"
	}
	adapterText, testsText := change(fmt.Sprintf(dialectAdapter, dialect, settings, "{idempotency_key: {table: crosswalk_effects}}"), fmt.Sprintf(dialectTests, given, at, at, id))
	adapter, problems := adapters.Parse("acme.yaml", []byte(adapterText), contracts.Catalog())
	require.Empty(t, problems.Error())
	tests, problems := conformance.Parse("acme.tests.yaml", []byte(testsText), adapter)
	require.Empty(t, problems.Error())
	report, err := conformance.Run(t.Context(), adapter, tests, regexp.MustCompile(only))
	require.NoError(t, err)
	return report
}

func unchanged(adapter, tests string) (string, string) { return adapter, tests }

// TestEveryDialectIsPlayed: databases of all dialects are held to their tests and disturbed, and what is wrong is found.
func TestEveryDialectIsPlayed(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"postgresql", "mysql", "sqlite", "sqlserver", "oracle"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			report := dialectReport(t, dialect, "", func(adapter, tests string) (string, string) { return adapter, tests })
			for _, finding := range report.Findings {
				t.Error(finding)
			}
			require.Equal(t, 10, report.Tests)
			require.Greater(t, report.Faults, 90)
		})
	}
}

// TestWhatIsWrongInADialectIsFound: a look-up that finds nothing of what was written, and a column that is read as what it is not.
func TestWhatIsWrongInADialectIsFound(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"postgresql", "mysql", "sqlite", "sqlserver", "oracle"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			report := dialectReport(t, dialect, "add/a write happens once", func(adapter, tests string) (string, string) {
				return adapter, strings.Replace(tests, "rows: [[A, k3]]", "rows: []", 1)
			})
			require.False(t, report.Passed())
			require.Contains(t, report.Findings[0].String(), "acme.yaml: error: warehouse.add: a write happens once")
			require.Contains(t, report.Findings[0].String(), "found:    2 effects")

			report = dialectReport(t, dialect, "look/one", func(adapter, tests string) (string, string) {
				return adapter, strings.Replace(tests, `[["AU'2041", 9,`, `[["AU'2041", 10,`, 1)
			})
			require.Contains(t, report.Findings[0].String(), "acme.tests.yaml:4: error: warehouse.look: test: one")
			require.Contains(t, report.Findings[0].Found, `"on_hand":10`)
		})
	}
}

// TestRowsThatDoNotFitTheirColumns are told with their place, and not by a crash.
func TestRowsThatDoNotFitTheirColumns(t *testing.T) {
	t.Parallel()
	adapter := adapters.Catalog()["warehouse-sql"]
	for reply, want := range map[string]string{
		"{columns: ['n:int8'], rows: [[1, 2]]}": "acme.tests.yaml:1:115: error: a row of 2 values, and there are 1 columns",
		"{columns: ['n:varchar'], rows: [[1]]}": `"n:varchar" is not a column with its type`,
		"{columns: [n], rows: [[1]]}":           `write it as 'sku:text', with one of text int4`,
		"{columns: ['n:int8'], rows: [1]}":      "expected a list, found",
		"{columns: ['n:int8'], rows: {a: 1}}":   "expected a list, found",
	} {
		text := "tests: [{name: x, operation: check_connection, exchanges: [{expect: {sql: x}, reply: " + reply + "}], output: {ok: true}}]"
		_, problems := conformance.Parse("acme.tests.yaml", []byte(text), adapter)
		require.ErrorContains(t, problems.Err(), want, reply)
	}
}

const counterAdapter = `adapter: acme
contract: files
protocol: files
connection: {settings: {directory: {required: true}}}
operations:
  count:
    effect: write
    safety: natural_key
    input: {}
    requests:
      - name: before
        read: counter.json
        answers: json
      - name: written
        write: counter.json
        json: {n: '${before.body.n + 1}'}
    output: {ok: true}
`

// TestAWriteThatAddsUpInAFileIsFound: as many files as before, and another content.
func TestAWriteThatAddsUpInAFileIsFound(t *testing.T) {
	t.Parallel()
	adapter, problems := adapters.Parse("acme.yaml", []byte(counterAdapter), contracts.Catalog())
	require.Empty(t, problems.Error())
	tests, problems := conformance.Parse("acme.tests.yaml", []byte(`settings: {directory: /srv}
tests:
  - {name: counted, operation: count, key: k, exchanges: [{expect: {file: counter.json}, reply: {json: {n: 1}}}], output: {ok: true}}
`), adapter)
	require.Empty(t, problems.Error())
	report, err := conformance.Run(t.Context(), adapter, tests, nil)
	require.NoError(t, err)
	require.Len(t, report.Findings, 1)
	require.Contains(t, report.Findings[0].String(), "acme.yaml: error: files.count: a write happens once\n  fault:    it is asked for again although it was done\n")
	require.Contains(t, report.Findings[0].Found, `exchange/counter.json held "{\"n\":2}`)
}
