package sandbox

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"crosswalk/freeport"
)

// server keeps one system on one address. Stopping it closes the listener and every connection, so that callers are
// refused; starting it again takes the same port.
type server struct {
	name string
	open func() (serve func(net.Listener) error, closeAll func()) // what runs between a start and a stop

	mu       sync.Mutex
	address  string
	listener net.Listener // nil while stopped
	closeAll func()
	done     chan struct{}
}

func (s *server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	l, err := listen(s.address)
	if err != nil {
		return fmt.Errorf("sandbox: system %s: %w", s.name, err)
	}
	serve, closeAll := s.open()
	done := make(chan struct{})
	s.address, s.listener, s.closeAll, s.done = l.Addr().String(), l, closeAll, done
	go func() {
		defer close(done)
		_ = serve(l) // it ends with the listener, and only so
	}()
	return nil
}

// listen opens an address. For port 0 it is one that is still free when the system starts again.
func listen(address string) (net.Listener, error) {
	if host, port, err := net.SplitHostPort(address); err == nil && port == "0" {
		return freeport.Listen(host)
	}
	return net.Listen("tcp", address)
}

func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return
	}
	_ = s.listener.Close()
	s.closeAll()
	<-s.done
	s.listener = nil
}

func (s *server) up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener != nil
}

func httpServer(name, address string, h http.Handler) *server {
	return &server{name: name, address: address, open: func() (func(net.Listener) error, func()) {
		hs := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		return hs.Serve, func() { _ = hs.Close() }
	}}
}

// addressFor is where a system listens: where it did in an earlier run, if only a free port is asked for and that one
// still is, so that a restart of the sandbox looks to its callers like a short outage.
func addressFor(earlier, wanted string) string {
	if wanted == "" {
		wanted = "127.0.0.1:0"
	}
	if _, port, err := net.SplitHostPort(wanted); err != nil || port != "0" || earlier == "" {
		return wanted
	}
	l, err := net.Listen("tcp", earlier)
	if err != nil {
		return wanted
	}
	_ = l.Close()
	return earlier
}
