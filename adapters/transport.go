package adapters

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"crosswalk/contracts"
)

// patience is the longest wait inside a call, for a free place under a limit or before a second try.
// Longer ones are handed up: the workflow waits for nothing and holds no worker.
const patience = 2 * time.Second

// newTransport builds the one HTTP transport of a connection: no proxy from the environment (a guard
// would see the proxy's address only), no unpacking without limits, dials only through the guard.
func newTransport(guard *egress, trust *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            guard.dial,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        trust.Clone(),
		TLSHandshakeTimeout:    5 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    128, // all that a connection speaks to is one system; opening one anew costs more than a request
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// gate lets every single attempt pass the system's limits and its circuit breaker, also the second and
// third that the retry layer makes.
type gate struct {
	system  string
	shared  Shared
	breaker *breaker
	next    http.RoundTripper
	timeout time.Duration // of one attempt, with its answer
	// authorize puts what holds only for a while into the headers.
	authorize func(context.Context, http.Header) error
}

// RoundTrip sends one attempt. What the gate itself refuses was certainly not sent.
func (g *gate) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	if err := takeTurn(ctx, g.shared, g.system, limitsOf(ctx)); err != nil {
		return nil, err
	}
	if err := g.authorize(ctx, exchangeOf(ctx).header); err != nil {
		return nil, err
	}
	done, wait := g.breaker.allow()
	if done == nil {
		failure := contracts.NewError(contracts.Unavailable, "", "%s failed several times in a row and is left alone for a moment", g.system)
		failure.RetryAfter, failure.NothingSent = wait, true
		return nil, failure
	}
	response, err := g.attempt(request)
	switch {
	case ctx.Err() != nil:
		done(errNotOurs)
	case err != nil:
		done(err)
	case response.StatusCode == http.StatusInternalServerError && exchangeOf(ctx).faults:
		done(nil)
	case response.StatusCode >= 500 && response.StatusCode != http.StatusNotImplemented:
		done(fmt.Errorf("status %d", response.StatusCode))
	default:
		done(nil)
	}
	return response, err
}

// attempt sends one attempt within its time. The limit of http.Client would do, but for a round tripper that it does
// not know it takes two goroutines and a timer for each request.
func (g *gate) attempt(request *http.Request) (*http.Response, error) {
	e := exchangeOf(request.Context())
	e.end()
	ctx, cancel := context.WithTimeout(request.Context(), g.timeout)
	e.cancel = cancel
	attempt := request.WithContext(ctx)
	attempt.Header = e.header
	response, err := watched(attempt, g.next)
	if e.harmless && (err == nil || !isDial(err)) {
		e.sent.Store(true)
	}
	if err == nil {
		response.Request = request // without the attempt's time: its answer is read under the call's
	}
	return response, err
}

// takeTurn waits for a place under the limits, or says how long it would have to.
func takeTurn(ctx context.Context, shared Shared, system string, limits []Limit) error {
	longest := patienceOf(ctx)
	if longest > patience && shared.Held(ctx, system).Until.After(time.Now()) {
		longest = patience // a pause is not waited for inside a call
	}
	wait, err := shared.Take(ctx, system, limits, longest)
	if err != nil {
		return unshared(system, err)
	}
	if wait > longest {
		return refusal(shared.Held(ctx, system), system, wait)
	}
	if around := callOf(ctx); around != nil {
		around.begun.Store(true)
	}
	return pause(ctx, wait)
}

// unshared is the error of a call whose limits could not be looked at in time: it is tried again.
func unshared(system string, err error) *contracts.Error {
	failure := contracts.NewError(contracts.Unavailable, "", "the limits of %s cannot be looked at: %s", system, err)
	failure.NothingSent = true
	return failure
}

// refusal is the error of a call that the connection's limits or its state hold back.
func refusal(hold Hold, system string, wait time.Duration) *contracts.Error {
	failure := contracts.NewError(contracts.RateLimited, "", "the limit for requests to %s is reached", system)
	if hold.Until.After(time.Now()) {
		failure.Message = fmt.Sprintf("%s is paused by the system until %s", system, hold.Until.UTC().Format(time.RFC3339))
		if hold.Broken {
			failure.Class, failure.Message = contracts.Unavailable, system+" failed several times in a row and is left alone for a moment"
		}
	}
	failure.RetryAfter, failure.NothingSent = wait, true
	return failure
}

func pause(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.Join(errNotSent, ctx.Err())
	}
}

// errNotSent marks a failure before anything was sent.
var errNotSent = errors.New("nothing was sent")
