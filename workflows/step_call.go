package workflows

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// call asks a system for something.
func (r *run) call(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	input, err := r.template(s.Call.With, sc)
	if err != nil {
		return made{}, err
	}
	operation, place := s.Call.Operation, r.place(s, sc)
	if given, ok := r.givenFor(s, sc); ok && !given.With.IsMissing() {
		input = given.With
	}
	asked, again := "", false
	if operation.Effect == contracts.Write {
		var earlier written
		asked = input.Hash()
		earlier, again = r.state.Writes[place.Path]
		if again = again && (earlier.Operation == "" || earlier.Operation == operation.Name); again {
			if earlier.Input == asked {
				return made{value: earlier.Result}, nil // what is asked for is there already
			}
			operation, input = redone(operation, input, earlier)
		}
	}
	in := activities.CallInput{Place: place, Bundle: r.bundle(sc), Input: input, Reads: s.Call.Reads}
	result, err := r.reach(ctx, s, sc, operation, in)
	updates := again && operation != s.Call.Operation
	switch {
	case operation.Effect != contracts.Write:
	case err == nil:
		// Kept for the case that the step is redone.
		r.state.Writes[place.Path] = written{Input: asked, Result: result.value, Operation: s.Call.Operation.Name}
		result.besides = again && !updates
	case s.Undo != nil && !updates:
		r.doubt(s, sc, in, err)
	}
	return result, err
}

// redone turns a create that is confirmed into the update of the record that it made. An operation that names no
// update is simply called again.
func redone(operation *contracts.Operation, input rules.Value, earlier written) (*contracts.Operation, rules.Value) {
	if operation.Redo == nil || earlier.Result.IsMissing() {
		return operation, input
	}
	update := operation.Redo.Operation
	fields := map[string]rules.Value{}
	for _, field := range update.Input.Fields {
		fields[field.Name] = input.Get(field.Name)
	}
	for _, mapping := range operation.Redo.With {
		fields[mapping.Input] = earlier.Result.Get(mapping.Field)
	}
	return update, rules.Record(fields)
}

// reach gets an answer by whatever driver gives one: the first that is on; the next if that cannot be reached; and
// then, for long, the first again.
func (r *run) reach(ctx workflow.Context, s *usecases.Step, sc *scope, operation *contracts.Operation, in activities.CallInput) (made, error) {
	var tried []string
	for {
		in.Route = r.route(ctx, s.Call.System, operation.Short, tried)
		if in.Route.Person != "" {
			return r.byHand(ctx, s, sc, operation, in)
		}
		out, err := r.send(ctx, s, operation, in)
		if f, ok := asFailure(err); ok {
			if mayFallThrough(operation, in.Route, f) {
				tried = append(tried, in.Route.Driver)
				continue
			}
			if f.Class.Temporary() {
				if len(tried) > 0 {
					in.Route = r.route(ctx, s.Call.System, operation.Short, nil)
				}
				out, err = r.persist(ctx, s, sc, operation, in, f)
			}
			if f, ok := asFailure(err); ok && f.Rerouted {
				tried = nil
				r.reached.stale = true
				continue
			}
		}
		return r.called(ctx, s, sc, operation, in, out, err)
	}
}

// called finishes a call: an outcome that nobody can know becomes a person's task.
func (r *run) called(ctx workflow.Context, s *usecases.Step, sc *scope, operation *contracts.Operation, in activities.CallInput, out activities.CallOutput, err error) (made, error) {
	f, ok := asFailure(err)
	if ok {
		f.operation = in.Route.Name()
	}
	if !ok {
		return made{value: out.Value, route: in.Route, evidence: out.Evidence, at: out.At}, err
	}
	if f.Class != contracts.OutcomeUnknown {
		return made{}, f
	}
	settled, again, err := r.confirm(ctx, s, sc, operation, in, f)
	if err != nil || !again {
		return settled, err
	}
	return r.reach(ctx, s, sc, operation, in)
}

// mayFallThrough says whether the next driver may be tried: for a write only if it is proved that nothing was sent.
// A system that an operator paused is paused by every road.
func mayFallThrough(operation *contracts.Operation, route activities.Route, f *failure) bool {
	if route.Last || f.Paused || f.Rerouted || !route.PassesOn(f.Class) {
		return false
	}
	return operation.Effect == contracts.Read || f.NothingSent
}

// send makes the first attempt. That of a write that can be undone is waited for even if the case is cancelled: only
// its end tells whether there is something to undo.
func (r *run) send(ctx workflow.Context, s *usecases.Step, operation *contracts.Operation, in activities.CallInput) (activities.CallOutput, error) {
	if s.Undo == nil || operation.Effect != contracts.Write || ctx.Err() != nil {
		return r.once(ctx, s, in)
	}
	whole, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	return r.once(whole, s, in)
}

// once makes the first attempt: a local one if the route allows it, else an ordinary one.
func (r *run) once(ctx workflow.Context, s *usecases.Step, in activities.CallInput) (activities.CallOutput, error) {
	if in.Route.Driver == "" {
		return activities.CallOutput{}, failed(contracts.Unavailable, in.Route.Reason)
	}
	if in.Route.Local {
		out, err := answer(ctx, workflow.ExecuteLocalActivity(withLocal(ctx, s.Label()), in.Route.Name(), in))
		if f, ok := asFailure(err); !ok || !f.transient && !f.Slow {
			return out, err
		}
		// It took longer than a workflow task may: the same activity goes on as an ordinary one.
	}
	return answer(ctx, workflow.ExecuteActivity(withOnce(ctx, in.Route, s), in.Route.Name(), in))
}

// persist tries for long and shows that the case waits, for what, and since when.
func (r *run) persist(ctx workflow.Context, s *usecases.Step, sc *scope, operation *contracts.Operation, in activities.CallInput, why *failure) (activities.CallOutput, error) {
	waits := r.waiting.start(ctx, r, Waiting{Kind: waitSystem, For: in.Route.System, Step: s.ID, Label: s.Label(), Class: why.Class,
		Path: in.Path, Operation: in.Route.Name(), System: in.Route.System})
	defer r.waiting.stop(ctx, r, waits)
	r.recorder.flush(ctx, r)
	trying, cancel := workflow.WithCancel(ctx)
	defer cancel()
	future := workflow.ExecuteActivity(withPatience(trying, in.Route, s), in.Route.Name(), in)
	if operation.Effect == contracts.Read {
		return r.awaitRead(ctx, sc, waits, future, why)
	}
	return r.awaitWrite(ctx, waits, future, why, cancel)
}

// awaitRead waits for the answer of a read, which may be dropped when the case takes another way.
func (r *run) awaitRead(ctx workflow.Context, sc *scope, waits *Waiting, future workflow.Future, why *failure) (activities.CallOutput, error) {
	if err := workflow.Await(ctx, func() bool { return future.IsReady() || waits.parked || r.stopped(sc) != nil }); err != nil {
		return activities.CallOutput{}, err
	}
	if err := r.stopped(sc); err != nil && !future.IsReady() {
		return activities.CallOutput{}, err
	}
	if !future.IsReady() {
		return activities.CallOutput{}, why.given()
	}
	waits.answered = true
	return answer(ctx, future)
}

// awaitWrite waits for the answer of a write, whatever way the case takes: only its end tells what happened. A write
// that is given to a person is called back first.
func (r *run) awaitWrite(ctx workflow.Context, waits *Waiting, future workflow.Future, why *failure, cancel func()) (activities.CallOutput, error) {
	err := workflow.Await(ctx, func() bool { return future.IsReady() || waits.parked })
	called := err == nil && !future.IsReady()
	if called {
		cancel()
	}
	out, err := answer(ctx, future)
	if called && temporal.IsCanceledError(err) && ctx.Err() == nil {
		return out, why.given()
	}
	waits.answered = true
	return out, err
}

func answer(ctx workflow.Context, future workflow.Future) (activities.CallOutput, error) {
	var out activities.CallOutput
	err := activityFailure(future.Get(ctx, &out))
	return out, err
}

var _ converter.EncodedValues = activities.CallInput{}
