package robots

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
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
}

// proxyReason carries why the proxy answered instead of the application.
const proxyReason = "X-Crosswalk-Unreachable"

func startProxy(f *fence) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the robot's way to the network: %w", err)
	}
	p := &proxy{fence: f, listener: listener}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	p.forward = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.Out.Host = r.In.Host },
		Transport:      &http.Transport{Proxy: nil, DialContext: p.dial, DisableCompression: true, MaxIdleConnsPerHost: 6},
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
	_ = p.server.Close()
	p.forward.Transport.(*http.Transport).CloseIdleConnections()
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
	if reason := p.fence.refuses(r.Method, r.URL.String()); reason != "" {
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
	there, err := p.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		refuse(w, err)
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse(w, err)
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(there, buffered); ended <- struct{}{} }()
	go func() { _, _ = io.Copy(here, there); ended <- struct{}{} }()
	<-ended
}

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
