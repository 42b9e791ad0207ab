package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

const (
	// breath is how long before its limit an attempt stops sending, so that nothing leaves after it was given up.
	breath = time.Second
	// beat is the pause between two signs of life of an ordinary attempt.
	beat = 3 * time.Second
)

// Call carries out an operation of a system: the one dynamic activity, local and ordinary.
func (a *Activities) Call(ctx context.Context, args converter.EncodedValues) (CallOutput, error) {
	info := activity.GetInfo(ctx)
	if name := info.ActivityType.Name; !info.IsLocalActivity && !strings.Contains(name, ".") {
		// No operation but an activity of a newer release, whose workers are on the same queue: one of them takes it.
		return CallOutput{}, temporalError(name, Failure{Class: contracts.Unavailable, Message: "this worker is of a release that does not know " + name, NothingSent: true, RetryAfter: time.Second})
	}
	var in CallInput
	if err := args.Get(&in); err != nil {
		return CallOutput{}, temporalError("", Failure{Class: contracts.Internal, Message: err.Error()})
	}
	call := &call{Activities: a, in: in, local: info.IsLocalActivity, attempt: info.Attempt}
	early := breath
	if call.local {
		early = breath / 10
	} else {
		defer KeepAlive(ctx)()
	}
	limited, cancel := context.WithDeadline(ctx, info.Deadline.Add(-early))
	defer cancel()
	began := time.Now()
	out, failure, err := call.run(limited)
	call.tell(failure, err, time.Since(began))
	switch {
	case err != nil:
		return CallOutput{}, storeError(in.Route.Name(), err)
	case failure != nil:
		failure.Slow = call.local && failure.Class == contracts.Unavailable && limited.Err() != nil
		return CallOutput{}, temporalError(in.Route.Name(), *failure)
	}
	return out, nil
}

// tell counts the attempt.
func (c *call) tell(failure *Failure, err error, took time.Duration) {
	class := ""
	switch {
	case err != nil:
		class = "store"
	case failure != nil:
		class = string(failure.Class)
	}
	route := c.in.Route
	c.Telemetry.Call(route.System, route.Name(), class, int(c.attempt), took)
	if class != "" && c.Log != nil {
		c.Log.Info("call.failed", "case", c.in.Case, "step", c.in.Path, "system", route.System, "operation", route.Name(), "class", class, "attempt", c.attempt)
	}
}

// settled counts what became of a write.
func (c *call) settled(state store.EffectState) {
	route := c.in.Route
	c.Telemetry.Effect(route.System, route.Name(), string(state))
	if c.Log != nil {
		c.Log.Info("effect."+string(state), "case", c.in.Case, "step", c.in.Path, "system", route.System, "operation", route.Name())
	}
}

// KeepAlive beats until it is stopped, so that a worker that dies is noticed at once and a cancelled case's call ends.
func KeepAlive(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() { close(done) }
}

// call is one attempt of a call. Its methods return what the attempt came to, and an error only if our own store failed.
type call struct {
	*Activities
	in      CallInput
	local   bool
	attempt int32

	contract  *contracts.Contract
	operation *contracts.Operation
	driver    *Driver
	sending   func(context.Context) error // of a write: makes durable that it may have left
}

func (c *call) run(ctx context.Context) (CallOutput, *Failure, error) {
	if failure := c.prepare(); failure != nil {
		return CallOutput{}, failure, nil
	}
	state, err := c.Store.SystemState(ctx, c.in.Route.System)
	if err != nil {
		return CallOutput{}, nil, err
	}
	if state.Paused {
		return CallOutput{}, &Failure{Class: contracts.Unavailable, Message: "an operator has paused " + c.in.Route.System, NothingSent: true, Paused: true}, nil
	}
	if c.operation.Effect == contracts.Write {
		return c.write(ctx)
	}
	return c.read(ctx)
}

// prepare finds what the call needs: the pinned contract, and the driver as it is now.
func (c *call) prepare() *Failure {
	route := c.in.Route
	contract, err := c.Contracts.Contract(c.in.Bundle, route.System)
	if err != nil {
		return &Failure{Class: contracts.Internal, Message: err.Error(), NothingSent: true}
	}
	c.contract, c.operation = contract, contract.Operation(c.in.Operation())
	if c.operation == nil {
		return &Failure{Class: contracts.Internal, Message: fmt.Sprintf("the contract %s has no operation %s", contract.Name, c.in.Operation()), NothingSent: true}
	}
	return c.way()
}

// way finds the driver. A call that has failed before goes back for a new route when its driver is another one now:
// a repaired robot or a new API serves cases that wait. Without any driver the case waits for one.
func (c *call) way() *Failure {
	route, reach := c.in.Route, c.Reach()
	c.driver = reach.driver(route.System, route.Driver)
	if c.driver != nil {
		// An operator who has it tried at once sets the attempts back, so that a first one may be late too.
		serves := c.driver.Serves[route.Operation]
		if serves.Hash == route.DriverHash || c.attempt <= 1 && serves.Safety == route.Safety {
			return nil
		}
	}
	now := reach.Routes(route.System, route.Operation)[0]
	failure := &Failure{Class: contracts.Unavailable, Message: "the way to " + route.System + " has changed", NothingSent: true, Rerouted: true}
	if now.Driver == "" {
		failure.Message, failure.Rerouted = now.Reason, false
	}
	return failure
}

// read asks. A local read that a crashed workflow task had made durable is answered from the store.
func (c *call) read(ctx context.Context) (CallOutput, *Failure, error) {
	if c.local {
		stored, found, err := c.storedRead(ctx, c.in.Place)
		if err != nil {
			return CallOutput{}, nil, err
		}
		if found && (stored.Output != nil || stored.Failure != nil) {
			return out(stored.Output), stored.Failure, nil
		}
	}
	output, failure, err := c.execute(ctx, "", time.Time{}, time.Time{})
	if err == nil && failure == nil {
		output, failure = c.checked(output)
	}
	if err == nil && c.local && (failure == nil || !failure.Class.Temporary()) {
		answer := storedRead{Failure: failure}
		if failure == nil {
			answer.Output = &output
		}
		err = c.reads.add(c.in.Place, answer, c.now())
	}
	return output, failure, err
}

func out(stored *CallOutput) CallOutput {
	if stored == nil {
		return CallOutput{}
	}
	return *stored
}

// execute resolves ids of other systems, lets the driver do the work, and reads the answer by the pinned contract.
func (c *call) execute(ctx context.Context, key string, firstSent, lastSent time.Time) (CallOutput, *Failure, error) {
	input, failure, err := c.resolve(ctx)
	if failure != nil || err != nil {
		return CallOutput{}, failure, err
	}
	result, failed := c.driver.Executor.Execute(ctx, adapters.Call{Operation: c.operation.Name, Input: input, Key: key, FirstSent: firstSent, LastSent: lastSent, Reads: c.in.Reads, Turn: c.in.turn(), Sending: c.sending, Case: c.in.Case, Path: c.in.Path})
	evidence, err := c.keep(ctx, result.Evidence)
	if err != nil {
		return CallOutput{}, nil, err
	}
	if failed != nil {
		f := failureOf(failed)
		f.Candidates, f.Evidence, f.At = Stamp(rules.ListOf(c.operation.Output), c.in.Route.System, f.Candidates), evidence, c.now()
		return CallOutput{}, &f, nil
	}
	return CallOutput{Value: Stamp(c.operation.Output, c.in.Route.System, result.Value), At: c.now(), Evidence: evidence}, nil, nil
}

func (c *call) keep(ctx context.Context, evidence []Evidence) ([]string, error) {
	var ids []string
	for _, one := range evidence {
		var id string
		var err error
		if one.Keep > 0 {
			id, err = c.Store.PutBlobUntil(ctx, c.in.Case, one.MediaType, one.Body, c.now().Add(one.Keep))
		} else {
			id, err = c.Store.PutBlob(ctx, c.in.Case, one.MediaType, one.Body)
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// checked reads an answer by the contract that the case was started with.
func (c *call) checked(output CallOutput) (CallOutput, *Failure) {
	value, _, err := c.operation.Output.DecodeFor(output.Value, c.in.Reads)
	if err != nil {
		return CallOutput{}, &Failure{Class: contracts.Drift, Message: "the answer does not fit the contract: " + err.Error(), Evidence: output.Evidence, At: output.At}
	}
	output.Value = value
	return output, nil
}
