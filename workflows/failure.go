package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// failure is an error of a step: something that on_error or a person can take.
type failure struct {
	activities.Failure
	operation string
	// transient says that the attempt ended for a reason that says nothing about the outcome: a time limit, a
	// worker that went away.
	transient bool
	// voided says that a person gave the step up, so that nobody is asked a second time.
	voided bool
	// parked says that an operator ended the waiting, so that a person decides and not the use case.
	parked bool
	// branch and results are those of a together: where it failed first, and what the other branches gave.
	branch  string
	results rules.Value
}

// given is the failure of a call that was waited for until an operator gave it to a person.
func (f *failure) given() *failure {
	parked := *f
	parked.parked = true
	return &parked
}

// Error is the class alone: the message may hold words of a customer.
func (f *failure) Error() string { return string(f.Class) }

func failed(class contracts.Class, message string) *failure {
	return &failure{Failure: activities.Failure{Class: class, Message: message}}
}

// asFailure tells errors of steps from those that steer the case.
func asFailure(err error) (*failure, bool) {
	if err == nil { // nearly always: looking for it takes memory
		return nil, false
	}
	var f *failure
	ok := errors.As(err, &f)
	return f, ok
}

// activityFailure reads the error of an activity. Cancellation stays what it is.
func activityFailure(err error) error {
	if err == nil || temporal.IsCanceledError(err) {
		return err
	}
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		f := &failure{}
		if application.HasDetails() {
			if application.Details(&f.Failure) == nil && f.Class.Known() {
				return f
			}
		}
		if class := contracts.Class(application.Type()); class.Known() {
			return failed(class, "")
		}
		return failed(contracts.Internal, "")
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		f := failed(contracts.Unavailable, "no answer in time")
		f.transient = true
		return f
	}
	return failed(contracts.Internal, "")
}

// The errors that steer a case. None of them reaches Temporal as a failure.
var (
	// errRedo unwinds to the top level, where steps are done again.
	errRedo = errors.New("redo")
	// errEnd unwinds to the top level, where the case ends.
	errEnd = errors.New("end")
	// errCancel unwinds to the top level, where the case is cancelled because a person said so.
	errCancel = errors.New("cancel")
	// errContinue unwinds to the top level, where the case goes on in a new run.
	errContinue = errors.New("continue")
	// errUnwind unwinds to the together whose other branch has failed, or out of an undo that a person gave up.
	errUnwind = errors.New("unwind")
)

func steers(err error) bool {
	return errors.Is(err, errRedo) || errors.Is(err, errEnd) || errors.Is(err, errCancel) || errors.Is(err, errContinue) || errors.Is(err, errUnwind) || temporal.IsCanceledError(err)
}
