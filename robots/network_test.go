package robots

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

// stoppedSoon waits until the fence has stopped something of each kind.
func stoppedSoon(t *testing.T, f *fence, words ...string) {
	t.Helper()
	for _, word := range words {
		require.Eventually(t, func() bool { return strings.Contains(strings.Join(f.blocked(), "\n"), word) }, time.Minute, 20*time.Millisecond, "%s in %v", word, f.blocked())
	}
}

func (p *pages) page(path, body string) {
	p.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><body>"+body+"</body></html>")
	})
}

func TestNoWebSocketIsOpened(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	var opened atomic.Int32
	p.mux.HandleFunc("GET /socket", func(http.ResponseWriter, *http.Request) { opened.Add(1) })
	p.page("/sockets", `<p id="plain">…</p><p id="encrypted">…</p><script>
for (const [id, scheme] of [['plain', 'ws'], ['encrypted', 'wss']]) {
  const socket = new WebSocket(scheme + '://' + location.host + '/socket');
  socket.onopen = () => { document.getElementById(id).textContent = 'open'; socket.send('change'); };
  socket.onclose = () => { if (document.getElementById(id).textContent !== 'open') document.getElementById(id).textContent = 'closed'; };
}</script>`)
	ctx, tb := openPage(t, p, "sockets")
	for _, id := range []string{"#plain", "#encrypted"} {
		closed := &spec{Kind: "css", Value: id, words: id, Has: nil}
		require.Eventually(t, func() bool {
			at, err := tb.read(ctx, closed)
			return err == nil && at.Text == "closed"
		}, time.Minute, 20*time.Millisecond, id)
	}
	require.Zero(t, opened.Load())
	stoppedSoon(t, tb.options.fence, "it is not encrypted, as WebSockets are", "it is for a WebSocket")
}

func TestNothingLeavesAtTheEndOfAPage(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/last", `<a href="popup.html">Weiter</a><script>
addEventListener('pagehide', () => {
  navigator.sendBeacon('/api/beacon', 'x');
  fetch('/api/keepalive', { method: 'POST', keepalive: true, body: 'x' });
});</script>`)
	ctx, tb := openPage(t, p, "last")
	_, err := tb.click(ctx, exact("link", "Weiter"))
	require.NoError(t, err)
	stoppedSoon(t, tb.options.fence, "/api/beacon", "/api/keepalive")
	require.NoError(t, tb.navigate(ctx, "", p.URL+"/last"))
	tb.close() // the page ends with the run, when nobody decides about its requests any more
	_, again := openPage(t, p, "popup.html")
	again.close()
	require.Zero(t, p.posts.Load())
}

// A page of this machine counts as secure, so that service workers are possible.
func TestNoServiceWorkerStarts(t *testing.T) {
	t.Parallel()
	noServiceWorkerStarts(t, servePages(t), pool)
}

// TestNoServiceWorkerStartsOverTLS does the same over HTTPS, in a browser that takes the server's certificate for a good one:
// service workers are not started on pages whose certificate is not trusted anyhow.
func TestNoServiceWorkerStartsOverTLS(t *testing.T) {
	t.Parallel()
	p, own := servedOverTLS(t)
	noServiceWorkerStarts(t, p, own)
}

// servedOverTLS serves pages over HTTPS, for a browser of their own that takes the certificate for a good one.
func servedOverTLS(t *testing.T) (*pages, *Pool) {
	t.Helper()
	p := servePages(t)
	plain := p.Config.Handler
	secure := httptest.NewTLSServer(plain)
	t.Cleanup(secure.Close)
	p.Server = secure
	key := sha256.Sum256(secure.Certificate().RawSubjectPublicKeyInfo)
	chromium, err := FindChromium(Shell)
	require.NoError(t, err)
	script, err := filepath.Abs("testdata/trusting-browser.sh")
	require.NoError(t, err)
	folder := t.TempDir()
	trusting := filepath.Join(folder, "chromium-headless-shell")
	require.NoError(t, os.Symlink(script, trusting))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "program"), []byte(chromium), 0o600))
	flag := "--ignore-certificate-errors-spki-list=" + base64.StdEncoding.EncodeToString(key[:])
	require.NoError(t, os.WriteFile(filepath.Join(folder, "flag"), []byte(flag), 0o600))
	own := NewPool(PoolOptions{Runs: 1, Browser: Options{Program: trusting}})
	t.Cleanup(own.Close)
	return p, own
}

func noServiceWorkerStarts(t *testing.T, p *pages, in *Pool) {
	t.Helper()
	p.mux.HandleFunc("GET /service.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, "fetch('/api/service', {method: 'POST', body: 'x'}); addEventListener('fetch', (e) => e.respondWith(new Response('<h1>von einem Service Worker</h1>', {headers: {'Content-Type': 'text/html'}})));")
	})
	p.page("/service", `<h1 id="secure"></h1><script>
document.getElementById('secure').textContent = String(isSecureContext && 'serviceWorker' in navigator);
navigator.serviceWorker.register('/service.js').then((r) => { document.body.dataset.state = 'registered'; });
navigator.serviceWorker.ready.then(() => { document.body.dataset.state = 'ready'; });</script>`)
	ctx, tb := openPageIn(t, in, p, "service")
	at, err := tb.read(ctx, &spec{Kind: "css", Value: "#secure", words: "whether workers are possible"})
	require.NoError(t, err)
	require.Equal(t, "true", at.Text, "else this proves nothing")
	for range 3 {
		require.NoError(t, tb.navigate(ctx, "", p.URL+"/popup.html"))
		at, err = tb.read(ctx, &spec{Kind: "css", Value: "h1", words: "the heading"})
		require.NoError(t, err)
		require.Equal(t, "Fenster", at.Text, "the page comes from the application")
	}
	require.NoError(t, tb.navigate(ctx, "", p.URL+"/service"))
	ready, err := tb.sees(ctx, &spec{Kind: "css", Value: "body[data-state=ready]", words: "a worker at work"}, false)
	require.NoError(t, err)
	require.False(t, ready)
	require.Zero(t, p.posts.Load())
}

// A transport repeats by itself what it takes for harmless if the connection breaks. Where a GET may write, that must not be.
func TestTheProxyRepeatsNothing(t *testing.T) {
	t.Parallel()
	for method, mayWrite := range map[string]bool{http.MethodGet: true, http.MethodPost: false} {
		var writes atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/write" {
				return
			}
			writes.Add(1)
			if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = connection.Close() // without a word
			}
		}))
		t.Cleanup(server.Close)
		address, err := url.Parse(server.URL)
		require.NoError(t, err)
		fence := newFence(nil)
		fence.getWrite = mayWrite
		fence.allow(address.Host, true)
		way, err := startProxy(fence)
		require.NoError(t, err)
		t.Cleanup(way.close)
		through := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: way.address()})}
		t.Cleanup(through.CloseIdleConnections)
		client := &http.Client{Transport: through}
		ask := func(method, path string) int {
			fence.permit(request{method: method, address: server.URL + path})
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			require.NoError(t, err)
			response, err := client.Do(r)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			return response.StatusCode
		}
		require.Equal(t, http.StatusOK, ask(http.MethodGet, "/"), "a connection that is there to be used again")
		require.Equal(t, http.StatusBadGateway, ask(method, "/write"))
		require.EqualValues(t, 1, writes.Load(), method)
		require.Equal(t, http.StatusBadGateway, func() int {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/write", nil)
			require.NoError(t, err)
			response, err := client.Do(r)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			return response.StatusCode
		}(), "a permit serves once")
		require.EqualValues(t, 1, writes.Load(), method)
	}
}

// While a login runs, posts pass. A page from before must not use that.
func TestAnOldPageSendsNothingDuringALogin(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	var logins, old atomic.Int32
	p.page("/{$}", `<form action="/login" method="post">Name: <input name="user"> <input type="submit" value="Anmelden"></form>`)
	p.mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		logins.Add(1)
		http.Redirect(w, r, "/home", http.StatusSeeOther)
	})
	p.mux.HandleFunc("POST /old", func(w http.ResponseWriter, _ *http.Request) { old.Add(1); w.WriteHeader(http.StatusNoContent) })
	p.page("/home", `<p>Willkommen</p>`)
	p.mux.HandleFunc("GET /work", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if logins.Load() > 1 {
			_, _ = io.WriteString(w, "<h1>Arbeit</h1>")
			return
		}
		_, _ = io.WriteString(w, `<p>Sitzung abgelaufen</p><script>
setInterval(() => fetch('/old', { method: 'POST', body: 'x' }).catch(() => {}), 25);
window.open('/other');</script>`)
	})
	p.page("/other", `<script>setInterval(() => fetch('/old', { method: 'POST', body: 'x' }).catch(() => {}), 25);</script>`)
	system := strings.Replace(plainSystem, "step: 6s", "step: 20s", 1) + `
session:
  secrets: [user]
  alive: {text: Willkommen}
  lost: {text: Sitzung abgelaufen}
  login:
    - goto: /
    - fill: {into: {label: Name}, value: '${secret.user}'}
    - click: {button: Anmelden}
`
	program := compileTest(t, system, "  - goto: /work\n  - read: {from: {css: h1}, as: heading}", "{heading: '${heading}'}")
	result, err := NewRunner(pool, nil).Run(context.Background(), program, Call{Base: p.URL, Secrets: map[string]contracts.Secret{"user": contracts.NewSecret("robot-4711")}})
	require.NoError(t, err)
	require.JSONEq(t, `{"heading": "Arbeit"}`, string(result.Output.Get("any").Plain()))
	require.EqualValues(t, 2, logins.Load(), "it has logged in again while the old page was there")
	require.Zero(t, old.Load())
}

// It has the machine to itself: beside other browsers it would take much longer to fill its memory.
func TestAPageThatEatsMemoryEndsAlone(t *testing.T) {
	p := servePages(t)
	p.page("/greedy", `<h1>Liste</h1><script>
const kept = [];
function eat() { for (let i = 0; i < 200; i++) kept.push(new Array(10000).fill(kept.length + 0.5)); setTimeout(eat, 0); }
setTimeout(eat, 0);</script>`)
	own := NewPool(PoolOptions{Runs: 2})
	t.Cleanup(own.Close)
	patient := func(limits string) string {
		return strings.Replace(plainSystem, "step: 6s, run: 90s", limits, 1)
	}
	_, err := NewRunner(own, nil).Run(t.Context(), compileTest(t, patient("step: 3m, run: 4m"), "  - goto: /greedy\n  - expect: {text: Niemals}", "{}"), Call{Base: p.URL})
	require.Equal(t, contracts.Unavailable, contracts.ClassOf(err), "%v", err)
	require.ErrorIs(t, err, errTabCrashed)
	_, err = NewRunner(own, nil).Run(t.Context(), compileTest(t, patient("step: 20s, run: 90s"), "  - goto: /popup.html\n  - expect: {text: Fenster}", "{}"), Call{Base: p.URL})
	require.NoError(t, err, "others can go on")
}
