package robots

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

func serveSteps(t *testing.T) *pages {
	t.Helper()
	p := servePages(t)
	for path, file := range map[string]struct{ mediaType, body string }{
		"list.csv":    {"text/csv", "Nr;Name\n1;Müller\n"},
		"invoice.pdf": {"application/pdf", "%PDF-1.4 test"},
		"error.csv":   {"text/csv", "<html><body>Fehler</body></html>"},
	} {
		p.mux.HandleFunc("GET /files/"+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file.mediaType)
			w.Header().Set("Content-Disposition", "attachment; filename="+path)
			_, _ = w.Write([]byte(file.body))
		})
	}
	return p
}

func TestBoxesAndDoubleClicks(t *testing.T) {
	t.Parallel()
	out, err := runSteps(t, serveSteps(t), `
  - goto: /steps.html
  - check: {label: Versandfrei}
  - check: {label: Versandfrei}
  - check: {label: Post}
  - dblclick: {text: Auftrag 4711}
  - read: {from: {field: free}, as: free}
  - read: {from: {css: 'input[value=a]'}, as: post}
  - uncheck: {label: Versandfrei}
  - read: {from: {field: free}, as: unticked}
  - read: {from: {css: '#log'}, as: log}
`, `{free: '${free}', post: '${post}', unticked: '${unticked}', log: '${log}'}`)
	require.NoError(t, err)
	require.JSONEq(t, `{"free": "true", "post": "true", "unticked": "false", "log": "doppelt"}`, string(out.Plain()))

	_, err = runSteps(t, serveSteps(t), "\n  - goto: /steps.html\n  - check: {label: Stur}\n", "{}")
	require.Equal(t, contracts.Validation, contracts.ClassOf(err), "%s", err)
	require.ErrorContains(t, err, "does not stay as it was ticked")
	_, err = runSteps(t, serveSteps(t), "\n  - goto: /steps.html\n  - uncheck: {label: Bote}\n", "{}")
	require.ErrorContains(t, err, "choose another one")
	_, err = runSteps(t, serveSteps(t), "\n  - goto: /steps.html\n  - check: {button: Aktualisieren}\n", "{}")
	require.ErrorContains(t, err, "is no box to tick")
}

func TestUploadHandsAFileOver(t *testing.T) {
	t.Parallel()
	out, err := runSteps(t, serveSteps(t), `
  - goto: /steps.html
  - upload: {into: {label: Liste}, name: '../../Liste ${input.number}.csv', text: "Nr;${input.number}"}
  - expect: {text: 'Liste A-2.csv: Nr;A-2'}
  - read: {from: {css: '#sent'}, as: sent}
`, `{sent: '${sent}'}`)
	require.NoError(t, err)
	require.JSONEq(t, `{"sent": "Liste A-2.csv: Nr;A-2"}`, string(out.Plain()))
	_, err = runSteps(t, serveSteps(t), "\n  - goto: /steps.html\n  - upload: {into: {label: Versandfrei}, name: a.csv, text: x}\n", "{}")
	require.ErrorContains(t, err, "is no field for files")
}

func TestDownloadsAreCheckedAndKept(t *testing.T) {
	t.Parallel()
	p := serveSteps(t)
	result, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, plainSystem, `
  - goto: /steps.html
  - download: {click: {link: Liste laden}, type: csv, as: list}
  - download: {click: {link: Rechnung}, type: pdf, as: invoice}
  - download: {goto: /files/list.csv, type: csv, as: again}
`, `{list: '${list}', invoice: '${invoice.name}', size: '${invoice.size}', same: '${list.sha256 == again.sha256}'}`), Call{Base: p.URL})
	require.NoError(t, err)
	require.JSONEq(t, `{"list": {"name": "list.csv", "type": "text/csv", "size": 18, "sha256": "`+result.Output.Path("any", "list", "sha256").Text()+`", "text": "Nr;Name\n1;Müller\n"},
		"invoice": "invoice.pdf", "size": 13, "same": true}`, string(result.Output.Get("any").Plain()))
	kept := map[string]string{}
	for _, one := range result.Evidence {
		kept[one.Name] = one.MediaType + " " + string(one.Bytes[:min(len(one.Bytes), 8)])
	}
	require.Equal(t, "application/pdf %PDF-1.4", kept["download invoice.pdf"])

	for step, want := range map[string]string{
		"{click: {link: Fehler}, type: csv, as: x}":            "the file is no csv but text/html",
		"{click: {link: Rechnung}, type: pdf, most: 5, as: x}": "5",
		"{click: {button: Aktualisieren}, type: pdf, as: x}":   "no download began",
		"{click: {link: Liste laden}, type: pdf, as: x}":       "the file is no pdf but text/plain",
	} {
		_, err = runSteps(t, p, "\n  - goto: /steps.html\n  - download: "+step+"\n", "{}")
		require.Equal(t, contracts.Drift, contracts.ClassOf(err), step)
		require.ErrorContains(t, err, want, step)
	}
}

func TestUntilEnds(t *testing.T) {
	t.Parallel()
	_, err := runSteps(t, serveSteps(t), "\n  - goto: /steps.html\n  - until: {seen: {text: Fertig}, do: [{click: {button: Aktualisieren}}], max: 5}\n  - expect: {text: Fertig}\n", "{}")
	require.NoError(t, err)
	_, err = runSteps(t, serveSteps(t), "\n  - goto: /steps.html\n  - until: {seen: {text: Fertig}, do: [{click: {button: Aktualisieren}}], max: 2}\n", "{}")
	require.Equal(t, contracts.Drift, contracts.ClassOf(err))
	require.ErrorContains(t, err, "is not seen after 2 repetitions")
}

func TestWrappedRowsAreOneRecord(t *testing.T) {
	t.Parallel()
	out, err := runSteps(t, serveSteps(t), `
  - goto: /steps.html
  - table: {from: {wrapped: Pos}, columns: {Pos: {as: pos, type: number}, Artikel: article, Menge: {as: quantity, type: number}}, as: rows}
`, `{rows: '${rows}'}`)
	require.NoError(t, err)
	require.JSONEq(t, `{"rows": [{"pos": 1, "article": "Schraube M4 verzinkt", "quantity": 5}, {"pos": 2, "article": "Mutter", "quantity": 7}]}`, string(out.Plain()))
}

func TestWindowsOfTheApplication(t *testing.T) {
	t.Parallel()
	p := serveSteps(t)
	for name, opens := range map[string]string{"picker": "{button: Suchfenster}", "popup": "{link: Kunde wählen}", `'*/window.html'`: "{link: Kunde wählen}"} {
		out, err := runSteps(t, p, `
  - goto: /steps.html
  - click: `+opens+`
  - expect: {window: `+name+`, text: Kunden}
  - click: {window: `+name+`, button: Müller}
  - expect: {text: 'Gewählt: Müller'}
  - read: {from: {css: '#chosen'}, as: chosen}
`, `{chosen: '${chosen}'}`)
		require.NoError(t, err, name)
		require.JSONEq(t, `{"chosen": "Müller"}`, string(out.Plain()))
	}
	require.Zero(t, p.posts.Load(), "what a window posts is stopped as well")
	_, err := runSteps(t, p, "\n  - goto: /steps.html\n  - click: {window: popup, button: Müller}\n", "{}")
	require.ErrorContains(t, err, `no window "popup" is open`)
}

func TestFramesByTheirPlace(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "frameset.html")
	_, err := tb.click(ctx, inFrame("[0]", exact("link", "Suche")))
	require.NoError(t, err)
	_, err = tb.fill(ctx, inFrame("[1]", exact("label", "Kunde")), as("Müller"), false, nil)
	require.NoError(t, err)
	_, err = tb.click(briefly(t, tb), inFrame("[7]", exact("link", "Suche")))
	require.ErrorContains(t, err, `no single frame "[7]"`)
}

// TestACursorThatIsPutElsewhere: at its load event, which comes late, the page puts the cursor into another field, where
// the rest of what is being typed would go.
func TestACursorThatIsPutElsewhere(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	var served atomic.Bool
	p.mux.HandleFunc("GET /late.png", func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(300 * time.Millisecond)
		served.Store(true)
		w.WriteHeader(http.StatusNotFound)
	})
	p.mux.HandleFunc("GET /late.html", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<body onload="document.forms[0].user.focus()"><form><label>Name <input name="user"></label><label>Password <input name="password"></label></form><img src="/late.png"></body>`))
	})
	ctx, tb := openPage(t, p, "late.html")
	_, err := tb.fill(ctx, exact("label", "Password"), as("for-robots"), true, nil)
	require.NoError(t, err)
	require.True(t, served.Load(), "it was typed before the page was complete")
	at, err := tb.read(ctx, exact("label", "Name"))
	require.NoError(t, err)
	require.Empty(t, at.Text)
}
