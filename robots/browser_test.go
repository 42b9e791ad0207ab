package robots

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"
	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

// pool is shared by all tests of the package: they run side by side in one real browser.
// It has places enough: a test keeps those of its pages until it ends, and two tests that each wait for one more would
// wait for ever.
var pool = NewPool(PoolOptions{Runs: 64})

func TestMain(m *testing.M) {
	if _, err := FindChromium(Shell); err != nil {
		_, _ = os.Stderr.WriteString("the tests of robots need a real browser: " + err.Error() + " (make setup does it)\n")
		os.Exit(1)
	}
	code := m.Run()
	pool.Close()
	os.Exit(code)
}

// pages serves testdata/pages and counts the requests that reach it.
type pages struct {
	*httptest.Server
	posts atomic.Int32
	mux   *http.ServeMux
}

func servePages(t *testing.T) *pages {
	t.Helper()
	p := &pages{mux: http.NewServeMux()}
	p.mux.Handle("/", http.FileServer(http.Dir("testdata/pages")))
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			p.posts.Add(1)
		}
		p.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pages) host() string { return p.Listener.Addr().String() }

func (p *pages) fence() *fence {
	f := newFence(nil)
	f.allow(p.host(), true)
	return f
}

// openPage opens a page of the server in a tab of its own.
func openPage(t *testing.T, p *pages, name string) (context.Context, *tab) {
	t.Helper()
	return openPageIn(t, pool, p, name)
}

func openPageIn(t *testing.T, in *Pool, p *pages, name string) (context.Context, *tab) {
	t.Helper()
	return openPageInWith(t, in, p, name, tabOptions{})
}

func openPageWith(t *testing.T, p *pages, name string, options tabOptions) (context.Context, *tab) {
	t.Helper()
	return openPageInWith(t, pool, p, name, options)
}

func openPageInWith(t *testing.T, in *Pool, p *pages, name string, options tabOptions) (context.Context, *tab) {
	t.Helper()
	browser, release, err := in.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(release)
	if options.fence == nil {
		options.fence = p.fence()
	}
	if options.dialog == nil {
		options.dialog = func(dialog) bool { return false }
	}
	options.width, options.height = 1280, 900
	tb, err := browser.openTab(context.Background(), options)
	require.NoError(t, err)
	t.Cleanup(tb.close)
	ctx, cancel := context.WithTimeout(tb.ctx, time.Minute)
	t.Cleanup(cancel)
	require.NoError(t, tb.navigate(ctx, "", p.URL+"/"+name))
	return ctx, tb
}

// briefly is the context of a step that is expected to fail.
func briefly(t *testing.T, tb *tab) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(tb.ctx, 2*time.Second, errStepTime)
	t.Cleanup(cancel)
	return ctx
}

func exact(kind, text string) *spec {
	return &spec{Kind: kind, Text: &matcher{Exact: text}, words: kind + " " + text}
}

func inFrame(name string, s *spec) *spec {
	s.frame = name
	return s
}

func TestFrameset(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "frameset.html")
	_, err := tb.click(ctx, inFrame("menu", exact("link", "Suche")))
	require.NoError(t, err)
	_, err = tb.fill(ctx, inFrame("main", exact("label", "Kunde")), as("Müller & Söhne"), false, nil)
	require.NoError(t, err)
	_, err = tb.click(ctx, inFrame("main", exact("button", "Suchen")))
	require.NoError(t, err)
	text, err := tb.read(ctx, inFrame("main", &spec{Kind: "css", Value: "#query"}))
	require.NoError(t, err)
	require.Contains(t, text.Text, "custno=Müller & Söhne")

	_, err = tb.click(briefly(t, tb), inFrame("mian", exact("link", "Suche")))
	require.Equal(t, contracts.Drift, contracts.ClassOf(err))
	require.ErrorContains(t, err, `no single frame "mian"; it has "main", "menu"`)
}

func TestLabels(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "form.html")
	for label, name := range map[string]string{
		"Kunde": "custno", "Referenz": "ref", "Menge": "qty", "Preis": "price", "von": "from", "bis": "until", "Bemerkung": "note", "E-Mail": "mail", "Status": "state",
	} {
		var at found
		_, err := tb.ask(ctx, "resolve", exact("label", label), map[string]any{"want": "see"}, &at)
		require.NoError(t, err, label)
		require.Contains(t, at.Element, "name="+name, label)
	}
}

func TestFillReadsBack(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "form.html")
	for label, value := range map[string]string{"Kunde": "O'Brien \"x\"", "Menge": "12.5", "Preis": "1.234,56", "von": "2026-01-31", "Bemerkung": "zwei\nZeilen"} {
		_, err := tb.fill(ctx, exact("label", label), as(value), false, nil)
		require.NoError(t, err, label)
	}
	_, err := tb.fill(ctx, exact("label", "Referenz"), as("1234567"), false, nil)
	require.Equal(t, contracts.Validation, contracts.ClassOf(err))
	require.ErrorContains(t, err, `holds "12345" instead of "1234567"`)
	_, err = tb.fill(ctx, exact("label", "Menge"), as("1.234,56"), false, nil)
	require.Equal(t, contracts.Validation, contracts.ClassOf(err))
	_, err = tb.fill(briefly(t, tb), exact("label", "Gesperrt"), as("new"), false, nil)
	require.ErrorContains(t, err, "read-only")
	_, err = tb.fill(briefly(t, tb), exact("label", "Aus"), as("new"), false, nil)
	require.ErrorContains(t, err, "disabled")
}

func TestSelectIsExact(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "form.html")
	_, err := tb.choose(ctx, exact("label", "Status"), "Open", nil)
	require.NoError(t, err)
	at, err := tb.read(ctx, exact("label", "Status"))
	require.NoError(t, err)
	require.Equal(t, "Open", at.Text)
	_, err = tb.choose(briefly(t, tb), exact("label", "Status"), "Offen", nil)
	require.Equal(t, contracts.Drift, contracts.ClassOf(err))
	require.ErrorContains(t, err, `the option "Offen"; options: Re-Open, Open, Closed`)
}

func TestSelectWaitsForOptionsThatAScriptLoads(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "options.html")
	_, err := tb.choose(ctx, exact("label", "Group"), "Pumps", nil)
	require.NoError(t, err)
	_, err = tb.choose(ctx, exact("label", "Article"), "Pump, large", nil)
	require.NoError(t, err)
	at, err := tb.read(ctx, exact("label", "Article"))
	require.NoError(t, err)
	require.Equal(t, "Pump, large", at.Text)
}

func TestTwoFitIsDrift(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "ambiguous.html")
	_, err := tb.fill(briefly(t, tb), exact("label", "Ort"), as("Kiel"), false, nil)
	require.Equal(t, contracts.Drift, contracts.ClassOf(err))
	require.ErrorContains(t, err, "2 places fit")
	near := exact("label", "Ort")
	near.Near = exact("text", "Lieferadresse")
	element, err := tb.fill(ctx, near, as("Kiel"), false, nil)
	require.NoError(t, err)
	require.Contains(t, element, "ship_city")
}

func TestAlternativesVote(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "ambiguous.html")
	split := &spec{Any: []*spec{exact("button", "Save"), {Kind: "css", Value: "#f > button:nth-of-type(1)"}}, words: "Save"}
	_, err := tb.click(briefly(t, tb), split)
	require.Equal(t, contracts.Drift, contracts.ClassOf(err))
	require.ErrorContains(t, err, "disagree")
	agreed := &spec{Any: []*spec{exact("button", "Save"), {Kind: "css", Value: "[name=save]"}, exact("button", "Sichern")}, words: "Save"}
	_, err = tb.click(ctx, agreed)
	require.NoError(t, err)
}

func TestCoveredIsNotClicked(t *testing.T) {
	t.Parallel()
	_, tb := openPage(t, servePages(t), "covered.html")
	_, err := tb.click(briefly(t, tb), exact("button", "Weiter"))
	require.Equal(t, contracts.Drift, contracts.ClassOf(err))
	require.ErrorContains(t, err, "covered by <div>")
}

func TestDialogsDoNotHang(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 4)
	ctx, tb := openPageWith(t, servePages(t), "dialogs.html", tabOptions{dialog: func(d dialog) bool {
		seen <- d.text
		return strings.HasPrefix(d.text, "Wirklich")
	}})
	_, err := tb.click(ctx, exact("link", "Alarm"))
	require.NoError(t, err)
	require.Equal(t, "Kein Zugriff", <-seen)
	_, err = tb.click(ctx, exact("link", "Frage"))
	require.NoError(t, err)
	ok, err := tb.sees(ctx, exact("text", "gezeigt"), false)
	require.NoError(t, err)
	require.True(t, ok)
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	browser, err := NewBrowser(t.Context(), Options{})
	require.NoError(t, err)
	profile := browser.process.profile
	p := servePages(t)
	for range 3 {
		tb, err := browser.openTab(t.Context(), tabOptions{width: 800, height: 600, fence: p.fence(), dialog: func(dialog) bool { return false }})
		require.NoError(t, err)
		require.NoError(t, tb.navigate(t.Context(), "", p.URL+"/form.html"))
		tb.close()
	}
	require.Eventually(t, func() bool {
		contexts, err := proto.TargetGetBrowserContexts{}.Call(browser.on(t.Context(), ""))
		return err == nil && len(contexts.BrowserContextIDs) == 0
	}, time.Minute, 20*time.Millisecond)
	browser.Close()
	require.NoDirExists(t, profile)
}
