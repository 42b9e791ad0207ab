package adapters

import (
	"context"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"crosswalk/contracts"
)

// exchange is one request. It is the context that the request carries through the retry layer, which knows nothing of
// idempotency itself.
type exchange struct {
	context.Context // of the call
	connection      *Connection

	replayable bool    // sending it twice does no harm
	knowable   bool    // what came of it can be found out, or does not matter
	limits     []Limit // that every attempt counts against
	writes     bool
	harmless   bool // the operation writes nothing: nobody needs the very moment in which something left
	logsIn     bool
	header     http.Header // of every attempt: the gate puts it on, and the layers above it, which would copy it, see none
	login      *login      // that signs it; nil: the connection's own headers do
	faults     bool        // a status of 500 is how the protocol answers what it refuses (SOAP)
	sent       atomic.Bool
	doubtful   atomic.Bool // an attempt may have been carried out, and another one followed
	renewed    bool        // another token was asked for after a 401
	trace      httptrace.ClientTrace
	cancel     context.CancelFunc // gives back the timer of the last attempt
}

type exchangeKey struct{}

// Value finds the exchange in the contexts that are made of it.
func (e *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return e
	}
	return e.Context.Value(key)
}

// end gives back what the last attempt holds: its answer has been read.
func (e *exchange) end() {
	if e.cancel != nil {
		e.cancel()
	}
}

// wait is how long the system wants us to wait, if it says so.
func (e *exchange) wait(response *http.Response) (time.Duration, bool) {
	return retryAfter(e.connection.adapter.waits, response.Header, time.Now())
}

func exchangeOf(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	return e
}

func limitsOf(ctx context.Context) []Limit { return exchangeOf(ctx).limits }

// newClient builds the retrying client on a transport. Retries here are for blips: two at most, short,
// and only where a repeat does no harm. Everything longer is Temporal's.
func newClient(transport http.RoundTripper) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     2,
		RetryWaitMin: 200 * time.Millisecond,
		RetryWaitMax: patience,
		CheckRetry:   checkRetry,
		Backoff:      backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// checkRetry decides whether an attempt is made again at once.
func checkRetry(ctx context.Context, response *http.Response, err error) (bool, error) {
	e := exchangeOf(ctx)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		again := !permanent(err) && (e.replayable || !e.sent.Load())
		e.note(again && e.sent.Load())
		return again, nil
	}
	if response.StatusCode == http.StatusUnauthorized && e.connection.tokens != nil {
		return e.renew(), nil
	}
	repeatable := response.StatusCode == http.StatusTooManyRequests ||
		e.replayable && slices.Contains([]int{408, 425, 500, 502, 503, 504}, response.StatusCode)
	if !repeatable || e.faults && response.StatusCode == http.StatusInternalServerError {
		return false, nil
	}
	wait, told := e.wait(response)
	if told && response.StatusCode == http.StatusTooManyRequests {
		e.connection.hold(e.Context, wait) // other calls hold still too
	}
	deadline, bounded := ctx.Deadline()
	again := wait <= patience && (!bounded || time.Until(deadline) > wait)
	e.note(again && !refused(response.StatusCode))
	return again, nil
}

// note remembers an attempt that proves nothing.
func (e *exchange) note(doubtful bool) {
	if doubtful {
		e.doubtful.Store(true)
		if around := callOf(e); around != nil && e.writes {
			around.doubtful.Store(true)
		}
	}
}

// settle takes certainty from a failure: if the first attempt of a write may have been carried out, the
// refusal of the second says nothing about it. Tried again later, with the same key, it will.
func (e *exchange) settle(failure *contracts.Error) *contracts.Error {
	if failure != nil && e.writes && e.doubtful.Load() && failure.Class != contracts.OutcomeUnknown {
		failure.Class, failure.NothingSent = contracts.Unavailable, false
	}
	return failure
}

// permanent names the failures of a connection that a second try meets again.
func permanent(err error) bool {
	var (
		ours    *contracts.Error
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	return errors.As(err, &ours) || errors.Is(err, errEgress) || errors.Is(err, errNotSent) ||
		errors.As(err, &dns) && dns.IsNotFound ||
		errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid)
}

// backoff waits as long as the system asked, or a random time that doubles, so that clients that failed
// together do not come back together.
func backoff(shortest, longest time.Duration, attempt int, response *http.Response) time.Duration {
	if response != nil && response.Request != nil {
		if wait, told := exchangeOf(response.Request.Context()).wait(response); told {
			return min(wait, longest) + rand.N(100*time.Millisecond)
		}
	}
	return rand.N(min(longest, shortest<<attempt)) + time.Millisecond
}
