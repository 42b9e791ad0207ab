package conformance

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// room is a server of one disturbance: what comes too late for it reaches nobody else.
func (s *suite) room(serve http.HandlerFunc) (base string, leave func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.fail(fmt.Errorf("conformance: no server can be started: %w", err))
		return "http://127.0.0.1:1", func() {}
	}
	server := &http.Server{Handler: serve, ReadHeaderTimeout: time.Minute, MaxHeaderBytes: 1 << 20, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }
}

// fail keeps what is wrong with this machine.
func (s *suite) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		s.failure = err
	}
}

// boundless is shared state without any limits: how hard a system may be used is not what is looked at.
type boundless struct{ adapters.Shared }

// Pause forgets the wait: the next call is another disturbance.
func (boundless) Pause(context.Context, string, time.Time) error { return nil }

// Take lets everybody in.
func (boundless) Take(context.Context, string, []adapters.Limit, time.Duration) (time.Duration, error) {
	return 0, nil
}

// oauthToken is the token of adapters that get theirs by OAuth2: requests carry it as if it had been given.
const oauthToken = "t0ken-of-oauth2"

// Connect joins an adapter with a server that plays its system, with the settings and secrets of its tests.
func Connect(adapter *adapters.Adapter, tests *Tests, server string) (*adapters.Connection, error) {
	return connectWith(adapter, tests, server, func(*adapters.Config) {})
}

// connectWith is Connect with something that is otherwise.
func connectWith(adapter *adapters.Adapter, tests *Tests, server string, alter func(*adapters.Config)) (*adapters.Connection, error) {
	address, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	config := adapters.Config{System: "test", Settings: tests.Settings, Secrets: map[string]contracts.Secret{}, AllowHosts: []string{address.Host}, Shared: boundless{adapters.NewMemory()}, Grants: adapters.GivenGrant(oauthToken)}
	if config.Settings.IsMissing() {
		config.Settings = rules.Record(nil)
	}
	for name, text := range tests.Secrets {
		config.Secrets[name] = contracts.NewSecret(text)
	}
	if adapter.OffHTTP() && adapter.Protocol != "sql" {
		return connectServer(adapter, config, address)
	}
	if adapter.Dialect() == "postgresql" {
		port, err := rules.ParseNum(address.Port())
		if err != nil {
			return nil, err
		}
		config.Settings = config.Settings.With("host", rules.Text(address.Hostname())).With("tls", rules.Text("off")).With("port", rules.Number(port))
	} else if !adapter.OffHTTP() {
		config.BaseURL = server
	}
	alter(&config)
	return adapter.Connect(config)
}

// call is the call of a test.
func (t Test) call() adapters.Call {
	call := adapters.Call{Operation: t.Operation, Input: t.Input, Key: t.Key}
	if t.FirstSent > 0 {
		call.FirstSent = time.Now().Add(-t.FirstSent)
	}
	return call
}
