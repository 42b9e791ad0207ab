package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"crosswalk/contracts"
	"crosswalk/store"
)

// longestWait bounds what a system may ask for: a mistyped Retry-After must not stop a case for years.
const longestWait = time.Hour

// temporalError is the one place where errors become Temporal's. The type is the class, the message names class and
// operation alone, and everything else travels in the details, through the data converter.
func temporalError(operation string, f Failure) error {
	message := string(f.Class)
	if operation != "" {
		message = operation + ": " + message
	}
	return temporal.NewApplicationErrorWithOptions(message, string(f.Class), temporal.ApplicationErrorOptions{
		NonRetryable:   !f.Class.Temporary() || f.Rerouted,
		NextRetryDelay: min(f.RetryAfter, longestWait),
		Category:       temporal.ApplicationErrorCategoryBenign,
		Details:        []any{f},
	})
}

// failureOf reads an error of a leaf. What is not one of ours is a fault of this program.
func failureOf(err error) Failure {
	var known *contracts.Error
	if errors.As(err, &known) {
		f := Failure{Class: known.Class, Message: known.Message, Status: known.Status, Candidates: known.Candidates,
			RetryAfter: known.RetryAfter, NothingSent: known.NothingSent}
		if !known.Ask.IsMissing() {
			f.Ask = &known.Ask
		}
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Failure{Class: contracts.Unavailable, Message: "no answer in time"}
	}
	return Failure{Class: contracts.Internal, Message: err.Error()}
}

// storeError is an error of our own store: it is waited for, unless the store says that what was asked makes no sense.
func storeError(name string, err error) error {
	if err == nil {
		return nil
	}
	f := Failure{Class: contracts.Unavailable, Message: err.Error(), NothingSent: true}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrEffectState) {
		f.Class = contracts.Internal
	}
	return temporalError(name, f)
}
