package robots

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

const testContract = `
contract: shop
operations:
  look:
    effect: read
    input: {number: {type: string, required: true}, note: {type: string}}
    output: {any: {type: object, required: true, additionalProperties: true}}
    errors: [not_found]
`

const plainSystem = `
system: test
base: http://test.example
browser: {locale: de-DE, numbers: '1.234,56', dates: dd.MM.yyyy}
limits: {step: 6s, run: 90s, per_credential: 10}
`

func lookOperation(t testing.TB) *contracts.Operation {
	t.Helper()
	contract, problems := contracts.Parse("shop.yaml", []byte(testContract))
	require.NoError(t, problems.Err())
	return contract.Operation("look")
}

func compileTest(t testing.TB, system, find, output string) *Program {
	t.Helper()
	parsed, problems := ParseSystem("test.system.yaml", []byte(system))
	require.NoError(t, problems.Err())
	text := "robot: test\noperation: shop.look\nsystem: test\nfind:\n" + find + "\noutput: {any: " + output + "}\n"
	robot, problems := Parse("test.yaml", []byte(text))
	require.NoError(t, problems.Err())
	program, problems := Compile(robot, parsed, lookOperation(t))
	require.NoError(t, problems.Err(), text)
	return program
}

// runSteps runs the steps of a robot file on the pages of testdata.
func runSteps(t *testing.T, p *pages, find, output string) (rules.Value, error) {
	t.Helper()
	result, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, plainSystem, find, output), Call{Base: p.URL, Input: rules.Record(map[string]rules.Value{"number": rules.Text("A-2")})})
	return result.Output.Get("any"), err
}

func TestTables(t *testing.T) {
	t.Parallel()
	out, err := runSteps(t, servePages(t), `
  - goto: /tables.html
  - table:
      from: {}
      columns:
        Beleg: number
        Versand: {as: sent, type: date}
        Zustellung: {as: arrived, type: date, optional: true}
        Betrag: {as: amount, type: money}
      as: rows
  - table: {from: {}, columns: {Beleg: number, Betrag: {as: amount, type: money}}, where: {number: '${input.number}'}, expect: 1.., as: some}
`, `{rows: '${rows}', some: '${len(some)}'}`)
	require.NoError(t, err)
	require.JSONEq(t, `{"some": 2, "rows": [
		{"number": "A-1", "sent": "2026-02-01", "arrived": "2026-02-03", "amount": 1234.56},
		{"number": "A-2", "sent": "2026-02-02", "amount": -5},
		{"number": "A-2", "sent": "2026-02-04", "arrived": "2026-02-05", "amount": 7},
		{"number": "A-3", "sent": "2026-02-06", "amount": 0.1}]}`, string(out.Plain()))
}

func TestLabelsOfValues(t *testing.T) {
	t.Parallel()
	out, err := runSteps(t, servePages(t), `
  - goto: /tables.html
  - read:
      labels:
        Status: status
        Grund: {as: reason, optional: true}
        Hinweis: hint
        Konto: account
        Lager: depot
        Bearbeiter: {as: clerk, match: '^Frau (.+)$'}
        Telefon: phone
        Fehlt: {as: absent, if_there: true}
  - read: {from: {row: {Pos: '2'}, column: Anzahl}, as: quantity, optional: true}
`, `{status: '${status}', reason: '${reason}', hint: '${hint}', account: '${account}', depot: '${depot}', clerk: '${clerk}', phone: '${phone}', absent: '${absent}', quantity: '${quantity}'}`)
	require.NoError(t, err)
	require.JSONEq(t, `{"status": "offen", "hint": "dringend", "account": "4711", "depot": "Nord", "clerk": "Groß", "phone": "040 123"}`, string(out.Plain()))
}

func TestReadingFailsAsDrift(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ steps, message string }{
		"empty":            {`  - read: {from: {label: Grund}, as: x}`, "it is empty"},
		"not there":        {`  - read: {from: {label: Gründe}, as: x}`, "not found"},
		"not a number":     {`  - read: {from: {label: Status}, as: x, type: number}`, `"offen" is not a number of the form 1.234,56`},
		"not a date":       {`  - read: {from: {label: Telefon}, as: x, type: date}`, "is not a date"},
		"unknown word":     {`  - read: {from: {label: Status}, as: x, values: {zu: closed}}`, `"offen" is not one of the words known here: zu`},
		"no match":         {`  - read: {from: {label: Status}, as: x, match: '^(\d+)$'}`, "does not match"},
		"twice a heading":  {`  - table: {from: {}, columns: {Artikel: a, Menge: b}, as: x}`, `the heading "Menge" is there twice`},
		"no such heading":  {`  - table: {from: {}, columns: {Beleg: a, Preis: b}, as: x}`, "headings seen: "},
		"too few rows":     {`  - table: {from: {}, columns: {Beleg: a}, where: {a: X}, expect: 1.., as: x}`, "0 fitting rows"},
		"too many rows":    {`  - table: {from: {}, columns: {Beleg: a}, where: {a: A-2}, expect: 0..1, as: x}`, "2 fitting rows"},
		"an assertion":     {"  - read: {from: {label: Status}, as: x}\n  - assert: x == \"zu\"\n    message: it is ${x}", "it is offen"},
		"an expectation":   {`  - expect: {text: Fertig}`, `none of text "Fertig"`},
		"a page unchanged": {"  - goto: /stuck.html\n  - table: {from: {}, columns: {Nr: a, Name: b}, pages: {next: {link: weiter}, max: 5}, as: x}", "shows what was there before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := runSteps(t, servePages(t), "  - goto: /tables.html\n"+c.steps, "{}")
			require.ErrorContains(t, err, c.message)
			require.Contains(t, []contracts.Class{contracts.Drift, contracts.NotFound, contracts.NotUnique}, contracts.ClassOf(err))
			require.ErrorContains(t, err, "test.yaml:")
		})
	}
}

func TestStepsAndBlocks(t *testing.T) {
	t.Parallel()
	out, err := runSteps(t, servePages(t), `
  - goto: /frameset.html
  - click: {frame: menu, link: Suche}
  - when: input.note == missing
    do:
      - fill: {into: {frame: main, label: Kunde}, value: 'Nr. ${input.number}'}
      - select: {into: {frame: main, label: Status}, value: Closed}
  - seen: {frame: main, text: Bemerkung}
    fill: {into: {frame: main, label: Bemerkung}, value: gesehen}
  - seen: {frame: main, text: Niemals}
    fail: not_found
  - key: {press: Enter, on: {frame: main, label: Kunde}}
  - read: {from: {frame: main, css: '#query'}, as: query}
  - each: {of: '${[1, 2]}', as: item, do: [{read: {from: {frame: main, css: '#query'}, as: again, match: '^(\w+)='}}], into: list}
`, `{query: '${query}', list: '${list}'}`)
	require.NoError(t, err)
	require.Contains(t, out.Get("query").Text(), "custno=Nr. A-2")
	require.Contains(t, out.Get("query").Text(), "state=c&note=gesehen")
	require.JSONEq(t, `[{"again": "custno"}, {"again": "custno"}]`, string(out.Get("list").Plain()))
}

func TestErrorsOfTheApplication(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("GET /status/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		_, _ = fmt.Sscan(r.PathValue("code"), &code)
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(`<h1 class="error">Mandant gesperrt</h1><a href="#" onclick="alert('Keine Berechtigung'); return false">Weiter</a>`))
	})
	system := plainSystem + `
errors:
  - {seen: {css: h1.error}, when: response.status == 418, class: conflict}
  - {when: response.status == 420, class: validation, message: no}
  - {dialog: /Berechtigung/, class: auth}
`
	for code, class := range map[int]contracts.Class{418: contracts.Conflict, 420: contracts.Validation, 503: contracts.Unavailable, 404: contracts.Drift} {
		_, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, system, fmt.Sprintf("  - goto: /status/%d", code), "{}"), Call{Base: p.URL})
		require.Equal(t, class, contracts.ClassOf(err), "%d: %v", code, err)
		require.Equal(t, class == contracts.Conflict, strings.Contains(err.Error(), "Mandant gesperrt"))
	}
	_, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, system, "  - goto: /status/200\n  - click: {link: Weiter}", "{}"), Call{Base: p.URL})
	require.Equal(t, contracts.Auth, contracts.ClassOf(err))
	_, err = NewRunner(pool, nil).Run(t.Context(), compileTest(t, plainSystem, "  - goto: /status/200\n  - click: {link: Weiter}", "{}"), Call{Base: p.URL})
	require.Equal(t, contracts.Drift, contracts.ClassOf(err))
	require.ErrorContains(t, err, "Keine Berechtigung")
}

func TestCancelStopsARun(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := make(chan time.Time, 1)
	p.mux.HandleFunc("GET /wait", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case began <- time.Now():
		default:
		}
		cancel()
		<-r.Context().Done()
	})
	slow := strings.Replace(plainSystem, "step: 6s", "step: 80s", 1)
	_, err := NewRunner(pool, nil).Run(ctx, compileTest(t, slow, "  - goto: /wait", "{}"), Call{Base: p.URL})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(<-began), 40*time.Second, "it takes at most 15 seconds on a machine that has time")
}

func TestRunHasADeadline(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("GET /wait", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for limits, message := range map[string]string{"step: 1s": "did not answer within 1s", "run: 1s, step: 30s": "did not finish within 1s"} {
		system := strings.Replace(plainSystem, "limits: {step: 6s, run: 90s, ", "limits: {"+limits+", ", 1)
		result, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, system, "  - goto: /wait", "{}"), Call{Base: p.URL})
		require.Equal(t, contracts.Unavailable, contracts.ClassOf(err), "%v", err)
		require.ErrorContains(t, err, message)
		var evidence []string
		for _, e := range result.Evidence {
			evidence = append(evidence, e.Name)
		}
		if strings.HasPrefix(limits, "step") {
			require.Contains(t, evidence, "failure.jpg", "what is still awaited hinders no picture of what is there")
		}
	}
}
