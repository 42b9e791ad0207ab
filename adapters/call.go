package adapters

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// Call is one use of an operation.
type Call struct {
	Operation string      // crm.find_customer
	Input     rules.Value // a record, checked by the contract
	Key       string      // of a write: the same for every attempt of the same effect
	// FirstSent is when a write with this key may have left us before; zero: never. What is then done
	// depends on the operation's safety.
	FirstSent time.Time
	// LastSent is when it may have left us last; zero: as FirstSent.
	LastSent time.Time
	// Turn names the call whenever it is tried again, so that one that was told to come later keeps its turn among those
	// that wait for the connection. Empty: it has none.
	Turn string
	// Sending makes durable that a write may have left, right before it does; an error forbids it. The first sending of an
	// adapter counts without it; a further one of what may come late is told, as what follows is counted from there.
	Sending func(context.Context) error
	// Reads are the places of the answer that the caller reads, as rules.Reads writes them; nil: all of it. What does not
	// look as declared elsewhere is left out.
	Reads []string
	// Case and Path say whose call it is, for drivers that ask people. Adapters do not use them.
	Case, Path string
}

// verdict is an outcome that can only be seen from the results.
type verdict struct {
	when       *rules.Expression
	class      contracts.Class
	message    string
	candidates *tree
}

// Call carries out an operation and returns the contract's answer. The error is a *contracts.Error.
func (c *Connection) Call(ctx context.Context, call Call) (rules.Value, error) {
	op := c.adapter.operations[call.Operation]
	if op == nil {
		return rules.Value{}, &contracts.Error{Class: contracts.Internal, Operation: call.Operation, Message: "the adapter " + c.adapter.Name + " does not offer it", NothingSent: true}
	}
	ctx = &inCall{Context: ctx, turn: call.Turn}
	value, err := rules.Value{}, c.ready(ctx)
	if err == nil {
		value, err = c.call(ctx, op, call)
	}
	if err == nil {
		return value, nil
	}
	failure := c.failureOf(ctx, op, err)
	if failure.Operation == "" {
		failure.Operation = op.Name
	}
	// A cause may hold an address with its query, or a header: what is to be said is in the message.
	failure.Message, failure.Err = c.redact.text(failure.Message), nil
	return rules.Value{}, failure
}

func (c *Connection) failureOf(ctx context.Context, op *Operation, err error) *contracts.Error {
	var failure *contracts.Error
	if errors.As(err, &failure) {
		return failure
	}
	failure = &contracts.Error{Class: contracts.Internal, Message: err.Error()}
	if ctx.Err() != nil { // a call that was given up says nothing about the system; what a write came to, the next try looks up
		failure.Class, failure.Message = contracts.Unavailable, c.system+": the call was given up before it was done"
		if !op.knowable() {
			failure.Class = contracts.OutcomeUnknown
		}
	}
	return failure
}

func (c *Connection) call(ctx context.Context, op *Operation, call Call) (rules.Value, error) {
	if op.Effect == contracts.Write && call.Key == "" {
		return rules.Value{}, &contracts.Error{Class: contracts.Internal, Message: "a write was called without a key", NothingSent: true}
	}
	vars := map[string]rules.Value{"conn": c.settings, "base": c.baseText(), "input": call.Input, "key": rules.Text(call.Key)}
	if op.Effect == contracts.Write && !call.FirstSent.IsZero() {
		if found, settled, err := c.settle(ctx, op, call, vars); settled || err != nil {
			return found, err
		}
		if op.Safety.Late > 0 && call.Sending != nil {
			if err := call.Sending(ctx); err != nil {
				return rules.Value{}, &contracts.Error{Class: contracts.Unavailable, Message: "it could not be kept that it is sent again: " + err.Error()}
			}
		}
	}
	wrote, around := false, callOf(ctx)
	if op.Effect == contracts.Write {
		around.repeated = !call.FirstSent.IsZero()
	}
	for _, r := range op.requests {
		result, err := c.run(ctx, op, r, vars)
		if err != nil {
			failure := c.failureOf(ctx, op, err)
			switch {
			case wrote:
				failure = c.behindWrite(op, failure)
			case op.Effect == contracts.Write && (!r.writes || failure.NothingSent): // what was sent this time says nothing of what may have been sent before
				found, err := c.refusedAfter(ctx, op, call, vars, around.doubtful.Load(), failure)
				if err == nil {
					return found, nil
				}
				failure = c.failureOf(ctx, op, err)
			}
			if !failure.NothingSent && failure.Class != contracts.RateLimited { // every sending may be carried out late, and not the first one alone
				failure.RetryAfter = max(failure.RetryAfter, op.Safety.Late)
			}
			return rules.Value{}, failure
		}
		wrote = wrote || r.writes && !result.Equal(nothing)
		vars[r.name] = result
	}
	value, err := c.answer(op, vars, call.Reads)
	if err != nil && op.Effect == contracts.Write {
		return c.refusedAfter(ctx, op, call, vars, around.doubtful.Load(), err)
	}
	return value, err
}

// behindWrite is a failure of a request that follows the one that wrote. Whatever it says is about that request, and
// the write was carried out: nobody may take it for undone.
func (c *Connection) behindWrite(op *Operation, failure *contracts.Error) *contracts.Error {
	behind := *failure
	behind.NothingSent, behind.Message = false, "it was written, and what follows failed: "+failure.Message
	switch failure.Class {
	case contracts.Unavailable, contracts.RateLimited, contracts.Auth:
		behind.Class = contracts.Unavailable
	default:
		behind.Class = contracts.Drift
	}
	if !op.knowable() {
		behind.Class = contracts.OutcomeUnknown
	}
	return &behind
}

// settle decides what becomes of a write that may have happened before: whether it can simply be sent
// again, must be looked up first, or has to be put before a person.
func (c *Connection) settle(ctx context.Context, op *Operation, call Call, vars map[string]rules.Value) (found rules.Value, settled bool, err error) {
	const margin = time.Minute // clocks differ
	switch op.Safety.Kind {
	case contracts.NaturalKey:
		return rules.Value{}, false, nil
	case contracts.IdempotencyKey:
		if op.Safety.TTL == 0 || time.Since(call.FirstSent) < op.Safety.TTL-margin {
			return rules.Value{}, false, nil
		}
	}
	if op.Safety.Lookup == "" {
		return rules.Value{}, true, contracts.NewError(contracts.OutcomeUnknown, "", "it was sent at %s and may have been carried out; nothing can tell", call.FirstSent.UTC().Format(time.RFC3339))
	}
	return c.lookUp(ctx, op, call, vars)
}

// lookUp finds out whether a write happened that may have been sent; unsettled, it certainly did not.
func (c *Connection) lookUp(ctx context.Context, op *Operation, call Call, vars map[string]rules.Value) (found rules.Value, settled bool, err error) {
	lookup := c.adapter.operations[op.Safety.Lookup]
	input, err := lookupInput(op, lookup, call, vars)
	if err != nil {
		return rules.Value{}, true, &contracts.Error{Class: contracts.Internal, Message: "look-up: " + err.Error()}
	}
	value, err := c.call(ctx, lookup, Call{Operation: lookup.Name, Input: input, Reads: call.Reads})
	switch {
	case contracts.ClassOf(err) == contracts.NotFound:
		if left := op.Safety.Late + op.timeout - time.Since(latest(call.FirstSent, call.LastSent)); op.Safety.Late > 0 && left > 0 {
			doubt := contracts.NewError(contracts.Unavailable, "", "it was sent a moment ago and is not there yet; it may still come, and is not sent again before")
			doubt.RetryAfter = left
			return rules.Value{}, true, doubt
		}
		return rules.Value{}, false, nil
	case err != nil:
		return rules.Value{}, true, notFoundOut(err)
	}
	value, err = c.fit(op, op.Output, value, call.Reads)
	return value, true, err
}

// notFoundOut is a look-up that did not find out what became of a write. What the system says of the look-up is not said of the
// write: several records that fit are a question for a person and no refusal, as is a list that is too long to be looked through; a shop that is closed for the moment opens
// again; and a look-up that is not understood is mended in the file. After these it is looked up again.
func notFoundOut(err error) error {
	var failure *contracts.Error
	if !errors.As(err, &failure) {
		return err
	}
	doubt := *failure
	doubt.NothingSent, doubt.Message = false, "it may have been carried out, and looking it up failed: "+failure.Message
	switch {
	case failure.Class == contracts.NotUnique, errors.Is(err, errTooLong):
		doubt.Class, doubt.Candidates = contracts.OutcomeUnknown, rules.Missing()
	case failure.Class == contracts.Conflict, failure.Class == contracts.Declined:
		doubt.Class = contracts.Unavailable
	case failure.Class == contracts.Validation:
		doubt.Class = contracts.Drift
	}
	return &doubt
}

func latest(one, other time.Time) time.Time {
	if other.After(one) {
		return other
	}
	return one
}

func lookupInput(op, lookup *Operation, call Call, vars map[string]rules.Value) (rules.Value, error) {
	if op.Safety.with != nil {
		vars = maps.Clone(vars)
		vars["first_sent"] = rules.Instant(call.FirstSent)
		return op.Safety.with.eval(vars)
	}
	fields := map[string]rules.Value{}
	for _, field := range lookup.Input.Fields {
		fields[field.Name] = call.Input.Get(field.Name)
		if field.Name == "key" {
			fields[field.Name] = vars["key"]
		}
	}
	return rules.Record(fields), nil
}

// run makes a request of an operation, as often as it says, and returns its result.
func (c *Connection) run(ctx context.Context, op *Operation, r *request, vars map[string]rules.Value) (rules.Value, error) {
	holds, err := condition(r.when, vars)
	switch {
	case err != nil:
		return rules.Value{}, unexpected(op, r, err)
	case !holds:
		return nothing, nil
	case len(r.firstOf) > 0:
		return c.runFirst(ctx, op, r.firstOf, vars)
	case r.each != nil:
		return c.runEach(ctx, op, r, vars)
	default:
		return c.runPages(ctx, op, r, vars)
	}
}

// nothing is the result of a request that was not made.
var nothing = rules.Record(map[string]rules.Value{"items": rules.List()})

func (c *Connection) runFirst(ctx context.Context, op *Operation, alternatives []*request, vars map[string]rules.Value) (rules.Value, error) {
	result := nothing
	for _, alternative := range alternatives {
		tried, err := c.run(ctx, op, alternative, vars)
		if err != nil {
			return rules.Value{}, err
		}
		if tried.Get("items").Len() > 0 {
			return tried, nil
		}
		if !tried.Get("status").IsMissing() {
			result = tried
		}
	}
	return result, nil
}

// eachAtOnce is how many requests of one each run at the same time.
const eachAtOnce = 4

// runEach makes a request for each item of a list. The result holds the items of all, and under answers
// each answer with the items that it was made for.
func (c *Connection) runEach(ctx context.Context, op *Operation, r *request, vars map[string]rules.Value) (rules.Value, error) {
	var all []map[string]rules.Value
	err := iterate(r.each, vars, func(inner map[string]rules.Value) error {
		all = append(all, inner)
		return nil
	})
	if err != nil {
		return rules.Value{}, unexpected(op, r, err)
	}
	if len(all) > maxEach {
		return rules.Value{}, contracts.NewError(contracts.Internal, "", "%s: %d requests for one call are more than the %d allowed", r.name, len(all), maxEach)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers, failures := make([]rules.Value, len(all)), make([]error, len(all))
	var running sync.WaitGroup
	slots := make(chan struct{}, eachAtOnce)
	for i, inner := range all {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			answers[i], failures[i] = c.runPages(ctx, op, r, inner)
			if failures[i] != nil {
				cancel()
			}
			for _, l := range r.each {
				answers[i] = answers[i].With(l.name, inner[l.name])
			}
		})
	}
	running.Wait()
	if err := firstFailure(failures); err != nil {
		return rules.Value{}, err
	}
	items := []rules.Value{}
	for _, answer := range answers {
		items = append(items, answer.Get("items").Items()...)
	}
	return rules.Record(map[string]rules.Value{"answers": rules.List(answers...), "items": rules.List(items...)}), nil
}

// firstFailure prefers the failure that made the others be cancelled.
func firstFailure(failures []error) error {
	var first error
	for _, err := range failures {
		if err != nil && (first == nil || strings.Contains(first.Error(), "cancelled")) {
			first = err
		}
	}
	return first
}

// answer makes the operation's answer of the results.
func (c *Connection) answer(op *Operation, vars map[string]rules.Value, reads []string) (rules.Value, error) {
	for _, v := range op.verdicts {
		holds, err := condition(v.when, vars)
		if err != nil {
			return rules.Value{}, drift(op, err)
		}
		if !holds {
			continue
		}
		failure := contracts.NewError(v.class, "", "%s", v.message)
		if v.candidates != nil {
			if failure.Candidates, err = c.decode(op, rules.ListOf(op.Output), v.candidates, vars, nil); err != nil {
				return rules.Value{}, err
			}
		}
		return rules.Value{}, failure
	}
	if op.one != nil {
		return c.only(op, vars, reads)
	}
	return c.decode(op, op.Output, op.output, vars, reads)
}

// only is the answer of an operation that looks for one record: records that come out alike are one.
func (c *Connection) only(op *Operation, vars map[string]rules.Value, reads []string) (rules.Value, error) {
	list, err := op.one.Eval(vars)
	if err != nil {
		return rules.Value{}, drift(op, err)
	}
	var found []rules.Value
	for _, item := range list.Items() {
		value, err := c.decode(op, op.Output, op.output, with(vars, "item", item), reads)
		if err != nil {
			return rules.Value{}, err
		}
		if !containsValue(found, value) {
			found = append(found, value)
		}
	}
	switch len(found) {
	case 0:
		return rules.Value{}, contracts.NewError(contracts.NotFound, "", "there is no such record")
	case 1:
		return found[0], nil
	}
	failure := contracts.NewError(contracts.NotUnique, "", "%d records fit", len(found))
	failure.Candidates = rules.List(found...)
	return rules.Value{}, failure
}

func containsValue(list []rules.Value, value rules.Value) bool {
	for _, other := range list {
		if other.Equal(value) {
			return true
		}
	}
	return false
}

// drift says that an answer does not look as the adapter expects. After a write that can neither be
// repeated nor looked up it is an unknown outcome, so that nobody tries it again.
func drift(op *Operation, err error) *contracts.Error {
	class := contracts.Drift
	if !op.knowable() {
		class = contracts.OutcomeUnknown
	}
	return contracts.NewError(class, "", "the answer does not look as expected: %s", err)
}

// unexpected is an expression that failed before a request was made: over the input, or over what an
// earlier request answered.
func unexpected(op *Operation, r *request, err error) *contracts.Error {
	class := contracts.Validation
	if r != op.requests[0] && !r.writes {
		class = contracts.Drift
	}
	sent := slices.ContainsFunc(op.requests[:max(0, slices.Index(op.requests, r))], func(before *request) bool { return before.writes })
	if sent {
		return drift(op, err) // of what the write answered
	}
	return &contracts.Error{Class: class, Message: "the request cannot be made: " + err.Error(), NothingSent: true}
}

// replayable says whether the operation's write may be sent twice.
func (op *Operation) replayable() bool {
	return op.Effect == contracts.Read || op.Safety.Kind == contracts.IdempotencyKey || op.Safety.Kind == contracts.NaturalKey
}

// knowable says whether a write of which no answer came can simply be repeated, or be looked up by the next try.
func (op *Operation) knowable() bool {
	return op.replayable() || op.Safety.Lookup != ""
}
