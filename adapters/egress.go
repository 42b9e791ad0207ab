package adapters

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// egress decides which addresses a connection may dial: only its own hosts, whatever a next link, a
// redirect or a name server says; and private or local addresses only where the workspace allows that
// host and port by name.
type egress struct {
	hosts []string               // the connection's own host:port
	allow []string               // host:port that may be private
	moved atomic.Pointer[string] // the host:port that the system has sent us to
}

// also lets the connection reach a further host and port, in place of the last one.
func (e *egress) also(address string) { e.moved.Store(&address) }

func (e *egress) ours(address string) bool {
	moved := e.moved.Load()
	return slices.Contains(e.hosts, address) || moved != nil && *moved == address
}

// errEgress marks a dial that was refused here, before anything left this machine.
var errEgress = errors.New("not an address that this connection may reach")

// reserved are the ranges that do not lie on the public internet but that netip's own predicates do not name.
var reserved = func() []netip.Prefix {
	texts := []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "192.88.99.0/24", "240.0.0.0/4", "::/96", "2001:10::/28", "2001:20::/28", "3fff::/20", "5f00::/16", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "2001:db8::/32", "100::/64", "fec0::/10"}
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}()

// public says whether an address lies on the public internet.
func public(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if !address.IsValid() || address.IsLoopback() || address.IsPrivate() || address.IsLinkLocalUnicast() ||
		address.IsMulticast() || address.IsUnspecified() || address.IsInterfaceLocalMulticast() {
		return false
	}
	return !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(address) })
}

// dial connects to host:port. The address is judged after the name was resolved, on the socket that is
// about to connect, so that a name server that answers differently the second time changes nothing.
func (e *egress) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !e.ours(strings.ToLower(address)) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, errEgress)}
	}
	dialer := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	if !slices.Contains(e.allow, strings.ToLower(address)) {
		dialer.ControlContext = refusePrivate
	}
	return dialer.DialContext(ctx, network, address)
}

func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !public(at.Addr()) {
		return fmt.Errorf("%s is private: %w (the workspace must allow this host and port by name)", address, errEgress)
	}
	return nil
}

// hostPort is a URL's host with the port written out, in lower case: the form that all lists here hold.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), port)
}
