package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workflows"
	"crosswalk/workspace"
)

// timerRunner does what schedules and pollers are there for: it starts cases and tells events, each once, by the same
// ways as the intake does.
type timerRunner struct {
	store *store.Store
	cases *Cases
	acts  *activities.Activities
	find  func(name string) *workspace.Timer
	keep  func() time.Duration // how long events are kept
}

// Run runs a schedule or poller once. Repeated, it is the same run. One that the workspace does not have any more does
// nothing.
func (r *timerRunner) Run(ctx context.Context, run workflows.TimerRun) error {
	timer := r.find(run.Name)
	if timer == nil {
		return nil
	}
	defer activities.KeepAlive(ctx)()
	err := r.run(ctx, timer, run)
	if err := errors.Join(ctx.Err(), r.tell(ctx, timer.Name, err)); err != nil {
		return err
	}
	if err == nil {
		return nil
	}
	var known *contracts.Error
	if errors.As(err, &known) && !known.Class.Temporary() {
		return temporal.NewNonRetryableApplicationError(string(known.Class), string(known.Class), nil)
	}
	return fmt.Errorf("worker: %s: %s", timer.Name, contracts.ClassOf(err)) // its words may be a customer's
}

func problemName(timer string) string { return "timer-problem/" + timer }

// problemMost is how many bytes of a problem are kept.
const problemMost = 1000

// tell keeps why a run failed, for whoever lists schedules: Temporal and the log are not told what a customer wrote.
func (r *timerRunner) tell(ctx context.Context, timer string, problem error) error {
	text := ""
	if problem != nil {
		text = strings.ToValidUTF8(problem.Error()[:min(len(problem.Error()), problemMost)], "")
	}
	known, err := r.store.Meta(ctx, problemName(timer))
	if err != nil && !errors.Is(err, store.ErrNotFound) || known == text {
		return ignoreMissing(err)
	}
	return r.store.SetMeta(ctx, problemName(timer), text)
}

func (r *timerRunner) run(ctx context.Context, timer *workspace.Timer, run workflows.TimerRun) error {
	if timer.Poll != nil {
		return r.poll(ctx, timer)
	}
	if timer.WorkingDays && !timer.Calendar.WorksOn(run.At) {
		return nil
	}
	year, month, day := run.At.In(timer.Zone()).Date()
	scope := map[string]rules.Value{"schedule": rules.Record(map[string]rules.Value{
		"name": rules.Text(timer.Name), "at": rules.Instant(run.At), "date": rules.Date(year, month, day)})}
	return r.do(ctx, timer, run.ID, run.At, scope)
}

func cursorName(poller string) string { return "poller/" + poller }

func cursorOfName(poller string) string { return "poller-of/" + poller }

// cursor is with what the next call goes on, "" with nothing: it is the first, or the last one was another call.
func (r *timerRunner) cursor(ctx context.Context, timer *workspace.Timer) (string, error) {
	of, err := r.store.Meta(ctx, cursorOfName(timer.Name))
	if err == nil && of != timer.Poll.CursorOf {
		return "", nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	cursor, err := r.store.Meta(ctx, cursorName(timer.Name))
	return cursor, ignoreMissing(err)
}

// moveOn keeps the cursor, unless it was taken back while the call was under way. It is written before what it is one
// of: after a crash between the two all is read again, and not from where something else was.
func (r *timerRunner) moveOn(ctx context.Context, timer *workspace.Timer, from, to string) error {
	moved, err := true, error(nil)
	if from == "" {
		err = r.store.SetMeta(ctx, cursorName(timer.Name), to)
	} else {
		moved, err = r.store.SwapMeta(ctx, cursorName(timer.Name), from, to)
	}
	if err != nil || !moved {
		return err
	}
	of, err := r.store.Meta(ctx, cursorOfName(timer.Name))
	if err == nil && of == timer.Poll.CursorOf {
		return nil
	}
	return errors.Join(ignoreMissing(err), r.store.SetMeta(ctx, cursorOfName(timer.Name), timer.Poll.CursorOf))
}

func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// poll reads what is new and does something with each item that did not come before. The cursor moves on when all of
// them are done or put aside: what a crash leaves is read again, and found to be the same.
func (r *timerRunner) poll(ctx context.Context, timer *workspace.Timer) error {
	cursor, err := r.cursor(ctx, timer)
	if err != nil {
		return err
	}
	scope := map[string]rules.Value{}
	if cursor != "" {
		scope["cursor"] = rules.Text(cursor)
	}
	input, err := timer.Poll.With.Eval(scope)
	if err != nil {
		return mistake(err)
	}
	result, err := r.acts.Look(ctx, timer.Poll.System, timer.Poll.Operation, input)
	if err != nil {
		return err
	}
	scope["result"] = result
	items, err := timer.Poll.Items.Eval(scope)
	if err != nil {
		return mistake(err)
	}
	kept, err := r.putAside(ctx, timer)
	if err != nil {
		return err
	}
	var left []aside
	var errs []error
	held := false // something may go well the next time
	use := func(scope map[string]rules.Value) (usable bool) {
		err := r.item(ctx, timer, scope)
		errs, held = append(errs, err), held || err != nil && !refused(err)
		return err == nil
	}
	for _, one := range kept {
		if !use(one.Scope) {
			left = append(left, one)
		}
	}
	next := cursor
	for _, item := range items.Items() {
		scope["item"] = item
		moved, err := r.next(timer, scope)
		if moved != "" {
			next = moved
		}
		errs = append(errs, err)
		if !use(scope) && timer.Poll.Cursor != nil {
			left = setAside(left, timer, scope)
		}
	}
	problem := errors.Join(errs...)
	if held {
		return problem
	}
	if fits, err := r.keepAside(ctx, timer, left); err != nil || !fits || next == cursor {
		return errors.Join(problem, err)
	}
	return errors.Join(problem, r.moveOn(ctx, timer, cursor, next))
}

// next is where the call after this item goes on, "" if it does not say so.
func (r *timerRunner) next(timer *workspace.Timer, scope map[string]rules.Value) (string, error) {
	if timer.Poll.Cursor == nil {
		return "", nil
	}
	moved, err := timer.Poll.Cursor.Eval(scope)
	return moved.Text(), mistake(err)
}

// item does something with one item.
func (r *timerRunner) item(ctx context.Context, timer *workspace.Timer, scope map[string]rules.Value) error {
	id, err := timer.Poll.ID.Eval(scope)
	if err == nil && id.Text() == "" {
		err = errors.New("an item without an id")
	}
	if err != nil {
		return mistake(err)
	}
	if err := r.do(ctx, timer, id.Text(), time.Time{}, scope); err != nil {
		return fmt.Errorf("%s: %w", id.Text(), err)
	}
	return nil
}

// do starts the case or tells the event, once for the id.
func (r *timerRunner) do(ctx context.Context, timer *workspace.Timer, id string, at time.Time, scope map[string]rules.Value) error {
	value, err := timer.Does.With.Eval(scope)
	if err == nil {
		value, err = timer.Does.Input.Decode(value)
	}
	if err != nil {
		return mistake(err)
	}
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	source := timer.Kind() + "/" + timer.Name
	if timer.Does.Event == "" {
		stored, err := r.store.StoreEntry(ctx, store.Incoming{Join: func([]store.Candidate) string { return "" },
			Entry: store.Entry{Source: source, Channel: timer.Kind(), DedupeKey: id, UseCase: timer.Does.Starts, Parsed: content, ReceivedAt: at}})
		if err != nil || stored.Entry.State != store.EntryStored && stored.Entry.State != store.EntryFailed {
			return err
		}
		return r.cases.StartCase(ctx, stored.Entry)
	}
	key, err := timer.Does.Key.Eval(scope)
	if err != nil || store.EventKey(key.Text()) == "" {
		return mistake(errors.Join(err, errors.New("an event without a key")))
	}
	event, _, err := r.store.PutEvent(ctx, store.Occurrence{Name: timer.Does.Event, Key: key.Text(), Source: source, DedupeKey: id,
		Payload: content, ReceivedAt: at, KeepUntil: time.Now().Add(r.keep())})
	if err != nil {
		return err
	}
	return r.cases.TellEvents(ctx, event.Name, event.Key, event.StoredAt)
}

// mistake is an error of what the workspace says, or of what a system answered: trying again changes nothing.
func mistake(err error) error {
	if err == nil {
		return nil
	}
	return contracts.NewError(contracts.Validation, "", "%s", err)
}
