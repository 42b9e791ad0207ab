package contracts

import (
	"errors"
	"fmt"
	"time"

	"crosswalk/rules"
)

// Error is the one error type of the packages that reach systems. Its message is written for people and
// holds no secret; it may hold words of the customer, so it does not belong in logs and Temporal.
type Error struct {
	Class      Class
	Operation  string        // crm.find_customer
	Message    string        // what happened, in a sentence
	Status     int           // the HTTP status, if there was one
	RetryAfter time.Duration // the wait that the system asked for
	Candidates rules.Value   // of not_unique: a list of the records that fit
	Ask        rules.Value   // what a person could give so that it goes on: a record with kind, title and candidates
	// NothingSent says that the failure proves that no request left us, so that the next driver may
	// be tried even for a write.
	NothingSent bool
	Err         error
}

// NewError makes an error of a class.
func NewError(class Class, operation, format string, args ...any) *Error {
	return &Error{Class: class, Operation: operation, Message: fmt.Sprintf(format, args...)}
}

// Error is the class, the operation and the message.
func (e *Error) Error() string {
	text := string(e.Class)
	if e.Operation != "" {
		text = e.Operation + ": " + text
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of an error, Internal for one that is not ours, and "" for nil.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	var known *Error
	if errors.As(err, &known) {
		return known.Class
	}
	return Internal
}
