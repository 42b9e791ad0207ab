package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// foreignMost is how much can be given to somebody else's worker: what is larger would lie in our store, where it
// cannot read it.
const foreignMost = 100 << 10

// run has another use case, or somebody else's worker, do something. What it did with the same input before a redo
// counts: it is not done a second time.
func (r *run) run(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	input, err := r.template(s.Run.With, sc)
	if err != nil {
		return made{}, err
	}
	place, asked := r.place(s, sc), input.Hash()
	earlier, again := r.state.Writes[place.Path]
	if again && earlier.Input == asked {
		return made{value: earlier.Result}, nil
	}
	r.state.Rounds[doneKey(place)]++
	var value rules.Value
	if s.Run.UseCase != "" {
		value, err = r.runCase(ctx, s, sc, place, input)
	} else {
		value, err = r.runForeign(ctx, s, sc, place, input)
	}
	if err != nil {
		return made{}, err
	}
	r.state.Writes[place.Path] = written{Input: asked, Result: value}
	return made{value: value, besides: again}, nil
}

// runCase has another use case become a case of its own, with the bundle that is in force now, and waits for its end.
func (r *run) runCase(ctx workflow.Context, s *usecases.Step, sc *scope, place activities.Place, input rules.Value) (rules.Value, error) {
	id := activities.CaseID(place, s.Run.UseCase, r.state.Rounds[doneKey(place)])
	var opened activities.OpenCaseOutput
	ask := activities.OpenCaseInput{Place: place, ID: id, UseCase: s.Run.UseCase, Input: input, Language: r.in.Case.Language}
	if err := r.store(ctx, activities.NameOpenCase, ask, &opened); err != nil {
		return rules.Value{}, err
	}
	// The other case ends by itself, even if this one is cancelled: it is asked to, and may have to undo what it did.
	apart, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	child := workflow.ExecuteChildWorkflow(withCase(apart, id, s), s.Run.UseCase, StartInput{
		BundleHash: opened.Bundle, Input: opened.Input,
		Case: CaseMeta{Reference: opened.Reference, Language: r.in.Case.Language, Channel: r.in.Case.Channel, StartedBy: r.in.Case.StartedBy, Parent: r.id},
	})
	why := r.awaitOther(ctx, s, sc, child, Waiting{Kind: waitCase, For: s.Run.UseCase})
	if why != nil {
		// A case that nobody waits for any more undoes what it did, unless all of it is to stay.
		message := Cancel{Undo: r.cancelled == nil || r.cancelled.Undo, By: r.undoneBy()}
		if err := child.SignalChildWorkflow(apart, SignalCancel, message).Get(apart, nil); err != nil {
			r.log.Warn("a case that is to be cancelled has ended", "case", id)
		}
	}
	var outcome Outcome
	switch err := child.Get(apart, &outcome); {
	case err != nil && why != nil:
		return rules.Value{}, why
	case temporal.IsCanceledError(err):
		return rules.Value{}, failed(contracts.Declined, fmt.Sprintf("the case %s was cancelled", opened.Reference))
	case err != nil:
		return rules.Value{}, foreignFailure(err, nil)
	}
	return caseResult(s.Run, outcome, opened.Reference)
}

// caseResult is what the step gives: the case may have been run by a later version of the use case.
func caseResult(run *usecases.Run, outcome Outcome, reference string) (rules.Value, error) {
	fields := map[string]rules.Value{"outcome": rules.Text(outcome.Outcome), "reference": rules.Text(reference)}
	if run.Result != nil && run.Result.Kind != rules.KindMissing {
		result, err := run.Result.Decode(outcome.Result)
		if err != nil {
			return rules.Value{}, failed(contracts.Drift, fmt.Sprintf("the case %s ended with something that this use case does not know: %s", reference, err))
		}
		fields["result"] = result
	}
	return rules.Record(fields), nil
}

// runForeign has somebody else's worker carry out a workflow or an activity. It is given one argument of plain JSON,
// and gives plain JSON back.
func (r *run) runForeign(ctx workflow.Context, s *usecases.Step, sc *scope, place activities.Place, input rules.Value) (rules.Value, error) {
	plain := workflow.WithDataConverter(ctx, converter.GetDefaultDataConverter())
	// A cancellation is passed on, and its end is waited for: only that tells what was done.
	doing, cancel := workflow.WithCancel(plain)
	defer cancel()
	var args []any
	if s.Run.With != nil {
		text := input.Plain()
		if len(text) > foreignMost {
			return rules.Value{}, failed(contracts.Validation, fmt.Sprintf("%s is given %d bytes; at most %d can be read there", s.Run.Name(), len(text), foreignMost))
		}
		args = append(args, json.RawMessage(text))
	}
	var future workflow.Future
	if s.Run.Workflow != "" {
		future = workflow.ExecuteChildWorkflow(withForeignWorkflow(doing, r.foreignID(place), s), s.Run.Workflow, args...)
	} else {
		id := activities.CaseID(place, "run", r.state.Rounds[doneKey(place)])
		future = workflow.ExecuteActivity(withForeignActivity(doing, id, s), s.Run.Activity, args...)
	}
	why := r.awaitOther(ctx, s, sc, future, Waiting{Kind: waitSystem, For: s.Run.TaskQueue})
	if why != nil {
		cancel()
		defer r.waiting.mention(r.waitsForOther(s, sc, Waiting{Kind: waitSystem, For: s.Run.TaskQueue}))()
	}
	whole, done := workflow.NewDisconnectedContext(plain)
	defer done()
	if s.Run.Result == nil {
		return rules.Value{}, foreignEnd(future.Get(whole, nil), why, s.Run)
	}
	var answer json.RawMessage
	if err := foreignEnd(future.Get(whole, &answer), why, s.Run); err != nil {
		return rules.Value{}, err
	}
	return foreignResult(s.Run, answer)
}

// foreignID names a workflow of somebody else's by the step that runs it, for whoever looks for it.
func (r *run) foreignID(place activities.Place) string {
	id := r.id + "/" + place.Path
	if round := r.state.Rounds[doneKey(place)]; place.Generation > 1 || round > 1 {
		id = fmt.Sprintf("%s~%d.%d", id, place.Generation, round)
	}
	return id
}

// foreignEnd is why a run ended without a result, if it did. What has done its work in spite of being cancelled has
// done it.
func foreignEnd(err, why error, run *usecases.Run) error {
	switch {
	case err == nil:
		return nil
	case why != nil:
		return why
	}
	return foreignFailure(err, run.Errors)
}

// foreignResult reads plain JSON by the declared type. Fields that the type does not name are not looked at.
func foreignResult(run *usecases.Run, answer json.RawMessage) (rules.Value, error) {
	if len(answer) == 0 {
		return rules.Value{}, failed(contracts.Drift, run.Name()+" gave nothing, where its declared result was expected")
	}
	value, err := rules.FromJSON(answer)
	if err == nil {
		value, err = run.Result.Decode(declared(run.Result, value))
	}
	if err != nil {
		return rules.Value{}, failed(contracts.Drift, fmt.Sprintf("%s gave something else than its declared result: %s", run.Name(), err))
	}
	return value, nil
}

// declared leaves out the fields that a closed record type does not name.
func declared(t *rules.Type, v rules.Value) rules.Value {
	switch {
	case v.Kind() == rules.KindList && t.Items != nil:
		items := make([]rules.Value, v.Len())
		for i, item := range v.Items() {
			items[i] = declared(t.Items, item)
		}
		return rules.List(items...)
	case v.Kind() == rules.KindRecord && !t.Open && len(t.Fields) > 0:
		fields := map[string]rules.Value{}
		for _, field := range t.Fields {
			fields[field.Name] = declared(field.Type, v.Get(field.Name))
		}
		return rules.Record(fields)
	}
	return v
}

// awaitOther waits until something else has ended, and shows that. Why says that the case takes another way: then what
// was begun must be told so.
func (r *run) awaitOther(ctx workflow.Context, s *usecases.Step, sc *scope, other workflow.Future, shown Waiting) (why error) {
	waits := r.waiting.start(ctx, r, r.waitsForOther(s, sc, shown))
	defer r.waiting.stop(ctx, r, waits)
	r.recorder.flush(ctx, r)
	if why = workflow.Await(ctx, func() bool { return other.IsReady() || r.stopped(sc) != nil }); why == nil {
		why = r.stopped(sc)
	}
	if other.IsReady() {
		why = nil
	}
	return why
}

func (r *run) waitsForOther(s *usecases.Step, sc *scope, shown Waiting) Waiting {
	shown.Step, shown.Label, shown.Path = s.ID, s.Label(), r.place(s, sc).Path
	return shown
}

// foreignFailure turns an error of somebody else's workflow or activity into one of ours: by the classes that the step
// gives to types of errors, by a type that is named like a class, or else by what can be known.
func foreignFailure(err error, classes map[string]contracts.Class) error {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		f := failed(contracts.Internal, saidBy(application))
		if class, ok := classes[application.Type()]; ok {
			f.Class = class
		} else if class := classNamed(application.Type()); class.Known() {
			f.Class = class
		} else if application.NonRetryable() {
			f.Class = contracts.Declined
		}
		return f
	}
	var timeout *temporal.TimeoutError
	var terminated *temporal.TerminatedError
	var panicked *temporal.PanicError
	var twice *temporal.ChildWorkflowExecutionAlreadyStartedError
	switch {
	case errors.As(err, &timeout):
		return failed(contracts.Unavailable, late(timeout.TimeoutType()))
	case temporal.IsCanceledError(err):
		return failed(contracts.Declined, "it was cancelled")
	case errors.As(err, &terminated):
		return failed(contracts.Internal, "it was terminated: by a person, or by Temporal because what it gave was too large for it")
	case errors.As(err, &panicked):
		return failed(contracts.Internal, "its worker has a mistake, and broke off: "+panicked.Error())
	case errors.As(err, &twice):
		return failed(contracts.Conflict, "a workflow with its id is there already")
	case errors.Is(err, converter.ErrEncodingIsNotSupported), errors.Is(err, converter.ErrUnableToDecode):
		return failed(contracts.Internal, "its worker must give its result as plain JSON (json/plain), neither encrypted nor compressed: "+err.Error())
	}
	return failed(contracts.Internal, err.Error())
}

// late says which time limit has ended a run.
func late(limit enumspb.TimeoutType) string {
	switch limit {
	case enumspb.TIMEOUT_TYPE_START_TO_CLOSE:
		return "it did not end in the time that one attempt has (timeout)"
	case enumspb.TIMEOUT_TYPE_HEARTBEAT:
		return "its worker gave no sign of life in time (heartbeat)"
	}
	return "it did not end in the time that all attempts have (retry: within)"
}

// tooLarge marks the message of Temporal's kits for what is too large to be sent.
const tooLarge = "[TMPRL1103]"

// saidBy is the message of somebody else's error. That of a kit says what it found, but not what can be done.
func saidBy(application *temporal.ApplicationError) string {
	if strings.Contains(application.Message(), tooLarge) {
		return "its result is too large for Temporal (2 MB): have its worker store it, and give an id"
	}
	return application.Message()
}

// classNamed finds the class that a type of errors is named after: NotFound and NotFoundError are not_found.
func classNamed(name string) contracts.Class {
	var snake strings.Builder
	for i, letter := range strings.TrimSuffix(name, "Error") {
		if unicode.IsUpper(letter) && i > 0 {
			snake.WriteByte('_')
		}
		snake.WriteRune(unicode.ToLower(letter))
	}
	return contracts.Class(snake.String())
}
