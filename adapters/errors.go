package adapters

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// failureRule turns an answer into an error class. Rules are asked in order, the first that holds
// decides; they see the status, the headers and the body, also of a 200.
type failureRule struct {
	when    *rules.Expression
	class   contracts.Class
	nothing bool // nothing_done: the system says that it did not carry the request out
}

// statusClass is the class of a status that no rule of the adapter names.
func statusClass(status int) contracts.Class {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong:
		return contracts.Validation
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return contracts.Auth
	case http.StatusPaymentRequired:
		return contracts.Declined
	case http.StatusNotFound, http.StatusGone:
		return contracts.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusLocked:
		return contracts.Conflict
	case http.StatusTooManyRequests:
		return contracts.RateLimited
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return contracts.Unavailable
	}
	switch {
	case status >= 500:
		return contracts.Unavailable
	case status >= 200 && status < 300:
		return ""
	default:
		// A redirect, a method or format that is no longer accepted: the interface is not what the file says.
		return contracts.Drift
	}
}

// refused says that a status proves that the request was not carried out. A failure of the server (5xx),
// a time-out (408) and everything odd prove nothing.
func refused(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout
}

// transportError turns a failure without an answer into an error. A write that may have been sent and
// whose outcome nothing can tell ends as an unknown one; where a look-up can tell, the next try begins with that.
func transportError(e *exchange, err error, message string) *contracts.Error {
	var known *contracts.Error
	if errors.As(err, &known) {
		if e.sent.Load() { // an earlier attempt went out before this one was held back
			known.NothingSent = false
		}
		return known
	}
	failure := &contracts.Error{Class: contracts.Unavailable, Message: message, NothingSent: !e.sent.Load()}
	if !e.knowable && !failure.NothingSent {
		failure.Class = contracts.OutcomeUnknown
	}
	if errors.Is(err, errEgress) {
		failure.Class = contracts.Internal
	}
	return failure
}

// explain says in our own words what went wrong on the way: the library's texts hold the whole URL.
func explain(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errEgress):
		return "the address is not one that this connection may reach; a private one must be allowed by host and port in the workspace"
	case errors.Is(err, context.Canceled):
		return "the call was cancelled"
	case errors.As(err, &dns):
		return "the host's name cannot be resolved"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &untrusted):
		return "the system's certificate is not one that is trusted here (tls.ca of the driver may name an authority of your own)"
	case isDial(err):
		return "the system does not accept connections"
	default:
		return "the connection broke"
	}
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// retryAfter reads the wait from the headers that the adapter names.
func retryAfter(waits []waitRule, header http.Header, now time.Time) (time.Duration, bool) {
	for _, rule := range waits {
		for _, value := range header.Values(rule.header) {
			if wait, ok := parseWait(value, rule.format, now); ok {
				return wait, true
			}
		}
	}
	return 0, false
}
