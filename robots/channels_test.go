package robots

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// channels are ways to the network that a page has beside its requests. Each says in the page how it ended.
const channels = `<p id="ended"></p><a id="pinged" ping="/api/ping" href="#there">Weiter</a>
<link rel="prefetch" href="/api/change/by=prefetch"><img src="/missing-on-purpose">
<script>
function ended(name) { document.getElementById('ended').textContent += name + ' '; }
try {
  const transport = new WebTransport('https://127.0.0.1:%d/');
  transport.ready.then(() => ended('transport-open'), () => ended('transport'));
  transport.closed.catch(() => {});
} catch (problem) { ended('transport'); }
const dedicated = new Worker('/dedicated.js');
dedicated.onmessage = () => ended('dedicated');
dedicated.onerror = () => ended('dedicated');
try {
  const shared = new SharedWorker('/shared.js');
  shared.port.onmessage = () => ended('shared');
  shared.onerror = () => ended('shared');
  shared.port.start();
} catch (problem) { ended('shared'); }
const nested = new Worker(URL.createObjectURL(new Blob(["fetch('" + location.origin + "/api/blob', {method: 'POST', body: 'x'}).then(() => postMessage(1), () => postMessage(0))"])));
nested.onmessage = () => ended('blob');
nested.onerror = () => ended('blob');
document.getElementById('pinged').click();
const frame = document.createElement('iframe');
frame.srcdoc = "<script>fetch('" + location.origin + "/api/frame', {method: 'POST', body: 'x'}).then(() => parent.ended('frame'), () => parent.ended('frame'))<\/script>";
document.body.append(frame);
</script>`

// ahead asks for pages before anybody goes there. Without encryption the proxy sees that no page was allowed to; over TLS
// Chromium has no way to hold these requests, as docs/robots.md says.
const ahead = `<script type="speculationrules">{"prefetch": [{"urls": ["/api/change/by=speculation"], "eagerness": "immediate"}], "prerender": [{"urls": ["/api/change/by=prerender"], "eagerness": "immediate"}]}</script>`

// TestNoOtherWayOut opens what a page can send by beside plain requests: nothing of it reaches the application or anybody else.
func TestNoOtherWayOut(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(*testing.T) (*pages, *Pool){"plain": servedPlain, "over TLS": servedOverTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, in := serve(t)
			early := ""
			if name == "plain" {
				early = ahead
			}
			datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { _ = datagrams.Close() })
			var heard, changed atomic.Int32
			go func() {
				for buffer := make([]byte, 2048); ; heard.Add(1) {
					if _, _, err := datagrams.ReadFrom(buffer); err != nil {
						return
					}
				}
			}()
			p.mux.HandleFunc("GET /api/change/", func(http.ResponseWriter, *http.Request) { changed.Add(1) })
			for path, answer := range map[string]string{"/dedicated.js": "postMessage(s)", "/shared.js": "for (const port of ports) port.postMessage(s)"} {
				p.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/javascript")
					_, _ = io.WriteString(w, "const ports = []; let s = -1; self.onconnect = (e) => { ports.push(e.ports[0]); if (s >= 0) "+answer+"; };\n"+
						"fetch('/api/worker', {method: 'POST', body: 'x'}).then((r) => r.status, () => 0).then((status) => { s = status; "+answer+"; });")
				})
			}
			p.mux.HandleFunc("GET /channels", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Header().Set("Content-Security-Policy-Report-Only", "img-src 'none'; report-uri /api/report")
				_, _ = fmt.Fprintf(w, "<!DOCTYPE html><html><body>"+channels+early+"</body></html>", datagrams.LocalAddr().(*net.UDPAddr).Port)
			})
			fence := p.fence() // of an application that changes things by GET too
			fence.getWrite, fence.byGet = true, []requestRule{{method: "GET", url: "/channels"}, {method: "GET", url: "/*.js"}}
			ctx, tb := openPageInWith(t, in, p, "channels", tabOptions{fence: fence})
			ended := &spec{Kind: "css", Value: "#ended", words: "what has ended"}
			said := ""
			require.Eventually(t, func() bool {
				at, err := tb.read(ctx, ended)
				said = at.Text
				return err == nil && strings.Contains(said, "transport") && strings.Contains(said, "frame")
			}, time.Minute, 20*time.Millisecond)
			stoppedSoon(t, fence, "/api/report", "/api/ping", "/api/frame", "a worker of the page was not started", "a shared worker of the page was not started", "/by=prefetch")
			tb.close()
			require.NotContains(t, said, "transport-open")
			require.Zero(t, heard.Load(), "packets of a WebTransport")
			require.Zero(t, p.posts.Load())
			require.Zero(t, changed.Load(), "addresses asked for ahead of time")
		})
	}
}

func servedPlain(t *testing.T) (*pages, *Pool) { return servePages(t), pool }
