// Command adapters measures what the runtime of the adapters costs, against servers on this machine: a call against the
// same request with net/http alone, the memory that a million rows take, and how well a connection keeps its rate
// when many cases wait for it. It fails if one of them misses its goal. Run it with `make benchadapters`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
)

func main() {
	only := flag.String("only", "", "measure only this: call, rows or limiter")
	rounds := flag.Int("rounds", 1001, "rounds of calls, in which the runtime and net/http alone take turns")
	calls := flag.Int("calls", 96, "calls of each in a round")
	rate := flag.Int("rate", 50, "requests in a second that the limiter allows")
	waiting := flag.Int("waiting", 200, "cases that wait for it")
	processes := flag.Int("processes", 1, "connections with a shared state of their own, on a PostgreSQL that is started")
	lasts := flag.Duration("lasts", 20*time.Second, "how long the limiter is watched")
	flag.Parse()
	ctx := context.Background()
	parts := []struct {
		name string
		run  func() error
	}{
		{"call", func() error { return measureCalls(ctx, *rounds, *calls) }},
		{"rows", func() error { return measureRows(ctx) }},
		{"limiter", func() error { return measureLimiter(ctx, *rate, *waiting, *processes, *lasts) }},
	}
	var failures []error
	known := false
	for _, part := range parts {
		if *only == "" || *only == part.name {
			known = true
			failures = append(failures, part.run())
		}
	}
	if !known {
		failures = append(failures, fmt.Errorf("there is no part %q: call, rows, limiter", *only))
	}
	if err := errors.Join(failures...); err != nil {
		fmt.Fprintln(os.Stderr, "adapters:", err)
		os.Exit(1)
	}
}

// serve answers on a port of this machine until close is called.
func serve(handler http.Handler) (address string, close func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }() // it ends with Close
	return listener.Addr().String(), server.Close, nil
}

// connect opens a connection of an adapter to a server on this machine.
func connect(text, address string, shared adapters.Shared) (*adapters.Connection, error) {
	parsed, problems := adapters.Parse("measured.yaml", []byte(text), contracts.Catalog())
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return parsed.Connect(adapters.Config{System: "support", BaseURL: "http://" + address, AllowHosts: []string{address}, Shared: shared})
}

func verdict(ok bool) string {
	if ok {
		return "reached"
	}
	return "MISSED"
}
