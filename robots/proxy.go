package robots

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// proxy is the only way out of a run's browser context. The fence sees what pages request; workers, sockets
// and whatever a later Chromium invents pass through here too, and the address that is really connected to is
// checked here, after the name was resolved.
type proxy struct {
	fence    *fence
	listener net.Listener
	server   *http.Server
	forward  *httputil.ReverseProxy
	kept     *http.Transport // for what only reads
	once     *http.Transport // for what may write: it repeats nothing, because it uses no connection twice

	mutex   sync.Mutex
	tunnels map[net.Conn]bool
	closed  bool
}

// proxyReason carries why the proxy answered instead of the application.
const proxyReason = "X-Crosswalk-Unreachable"

func startProxy(f *fence) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the robot's way to the network: %w", err)
	}
	p := &proxy{fence: f, listener: listener, tunnels: map[net.Conn]bool{}}
	p.kept = &http.Transport{Proxy: nil, DialContext: p.dial, DisableCompression: true, MaxIdleConnsPerHost: 6}
	p.once = &http.Transport{Proxy: nil, DialContext: p.dial, DisableCompression: true, DisableKeepAlives: true}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	p.forward = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.Out.Host = r.In.Host },
		Transport:      p,
		ModifyResponse: func(r *http.Response) error { r.Header.Del(proxyReason); return nil },
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, err error) { refuse(w, err) },
		ErrorLog:       quiet,
		FlushInterval:  -1,
	}
	p.server = &http.Server{Handler: p, ErrorLog: quiet, ReadHeaderTimeout: 30 * time.Second}
	go func() { _ = p.server.Serve(listener) }() // it ends with close
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) close() {
	p.mutex.Lock()
	p.closed = true
	p.mutex.Unlock()
	_ = p.server.Close()
	p.closeTunnels()
	p.kept.CloseIdleConnections()
}

// RoundTrip forwards a request. A transport repeats by itself what it takes for harmless if a connection breaks that was
// used before: here that may be a write, also as a GET.
func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && !p.fence.getWrite {
		return p.kept.RoundTrip(r)
	}
	return p.once.RoundTrip(r)
}

func refuse(w http.ResponseWriter, err error) {
	w.Header().Set(proxyReason, err.Error())
	http.Error(w, err.Error(), http.StatusBadGateway)
}

// ServeHTTP forwards what the fence lets pass: plain requests as such, everything else as a tunnel.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		p.tunnel(w, r)
		return
	}
	if reason := p.fence.forwards(r.Method, r.URL.String()); reason != "" {
		p.fence.note(fmt.Sprintf("%s %s was stopped: %s", r.Method, withoutQuery(r.URL.String()), reason))
		refuse(w, errors.New(reason))
		return
	}
	p.forward.ServeHTTP(w, r)
}

func (p *proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	if !p.fence.allows(r.Host) {
		p.fence.note(fmt.Sprintf("a connection to %s was stopped", r.Host))
		refuse(w, errors.New("the host is not in the allowed ones"))
		return
	}
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse(w, err)
		return
	}
	defer here.Close()
	if !p.keep(here, true) {
		return
	}
	defer p.keep(here, false)
	there, err := p.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		_, _ = fmt.Fprintf(here, "HTTP/1.1 502 Bad Gateway\r\n%s: %s\r\nContent-Length: 0\r\n\r\n", proxyReason, strings.ReplaceAll(err.Error(), "\n", " "))
		return
	}
	defer there.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	greeting, reason := readGreeting(here, buffered.Reader)
	if reason != "" {
		p.fence.note(fmt.Sprintf("a connection to %s was stopped: %s", r.Host, reason))
		return
	}
	if _, err := there.Write(greeting); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(there, buffered); ended <- struct{}{} }()
	go func() { _, _ = io.Copy(here, there); ended <- struct{}{} }()
	<-ended
}

// keep remembers the tunnels that are open; none is opened any more once the proxy is closed.
func (p *proxy) keep(tunnel net.Conn, open bool) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !open {
		delete(p.tunnels, tunnel)
		return true
	}
	if !p.closed {
		p.tunnels[tunnel] = true
	}
	return !p.closed
}

// closeTunnels ends all encrypted connections; what the page asks for next takes new ones.
func (p *proxy) closeTunnels() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for tunnel := range p.tunnels {
		_ = tunnel.Close()
	}
}

// readGreeting reads what a tunnel begins with, and says why it must not be opened, or "". Browsers offer HTTP/2 in
// the greeting of every page and script, and never in that of a WebSocket, through which anything could be changed; a
// WebSocket without encryption has no such greeting at all.
func readGreeting(here net.Conn, from io.Reader) (greeting []byte, reason string) {
	recorded := &recordedConn{Conn: here, from: from}
	var offered []string
	err := tls.Server(recorded, &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		offered = hello.SupportedProtos
		return nil, errGreetingRead
	}}).Handshake()
	switch {
	case !errors.Is(err, errGreetingRead):
		return nil, "it is not encrypted, as WebSockets are"
	case !slices.Contains(offered, "h2"):
		return nil, "it is for a WebSocket, which counts as a write"
	}
	return recorded.read, ""
}

var errGreetingRead = errors.New("the greeting was read")

// recordedConn keeps what is read and swallows what is written.
type recordedConn struct {
	net.Conn
	from io.Reader
	read []byte
}

func (c *recordedConn) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.read = append(c.read, b[:n]...)
	return n, err
}

func (c *recordedConn) Write(b []byte) (int, error) { return len(b), nil }

// dial connects to an allowed host. A name that only the system file allows must not lead to this machine or
// into the private network.
func (p *proxy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if p.fence.trusts(address) {
		return dialer.DialContext(ctx, network, address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	resolved, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	for _, ip := range resolved {
		if privateAddress(ip) {
			return nil, fmt.Errorf("%s is an address of a private network; only crosswalk.yaml may allow it", host)
		}
	}
	return dialer.DialContext(ctx, network, netip.AddrPortFrom(resolved[0], portNumber(port)).String())
}

func portNumber(port string) uint16 {
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		return 0
	}
	return uint16(number)
}
