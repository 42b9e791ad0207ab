// Package freeport finds ports to listen on that stay ours between two runs. What the operating system gives for port 0
// lies in the range from which it also serves every connection that goes out: as soon as nobody listens there, any
// program of the machine may get that number for a minute. The ports from here lie below that range (32768 on Linux,
// 49152 on macOS and Windows), where a number is only taken by who asks for it.
package freeport

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

const first, ports = 10240, 20000

// ahead is how many ports lie between where a process begins to look and where the next one does. Who was given a port
// may listen on it only seconds later, and nobody else sees it taken before: programs that start at the same time look in
// different places.
const ahead = 64

// given counts the ports that this process has looked at.
var given atomic.Int64

// Listen listens on a free port of a host, which is an IP address. No port is given twice, as long as there are others.
func Listen(host string) (net.Listener, error) {
	var err error
	for range 200 {
		port := first + (os.Getpid()*ahead+int(given.Add(1)))%ports
		var listener net.Listener
		if listener, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			return listener, nil
		}
	}
	return nil, fmt.Errorf("no free port of %s was found between %d and %d: %w", host, first, first+ports, err)
}

// Port is a port of the host that nobody listens on, for a server that opens its port itself.
func Port(host string) (int, error) {
	listener, err := Listen(host)
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// Address is host:port of such a port.
func Address(host string) (string, error) {
	port, err := Port(host)
	return net.JoinHostPort(host, strconv.Itoa(port)), err
}

// Lasting says whether a port is one that no connection of another program will be given.
func Lasting(port int) bool { return port < first+ports }
