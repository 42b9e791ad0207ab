package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// wait keeps the case waiting for a time or an event.
func (r *run) wait(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	if s.Wait.Event != "" {
		return r.waitEvent(ctx, s, sc)
	}
	earlier, resumed := r.state.Waits[doneKey(r.place(s, sc))]
	until, err := earlier.Due, error(nil)
	if !resumed {
		until, err = r.until(ctx, s.Wait, sc)
	}
	if err != nil {
		return made{}, err
	}
	value := rules.Instant(until)
	if value.IsMissing() {
		return made{}, failed(contracts.Validation, "the instant to wait until lies outside the years 1 to 9999")
	}
	return made{value: value}, r.sleep(ctx, s, sc, until)
}

// until is the instant at which a wait for time ends.
func (r *run) until(ctx workflow.Context, w *usecases.Wait, sc *scope) (time.Time, error) {
	if w.Until == nil && w.Length == nil {
		return r.after(ctx, w.Calendar, workflow.Now(ctx), w.For)
	}
	if w.Length != nil {
		length, err := r.template(w.Length, sc)
		return workflow.Now(ctx).Add(length.Duration()), err
	}
	until, err := r.template(w.Until, sc)
	switch {
	case err != nil:
		return time.Time{}, err
	case until.Kind() == rules.KindDate:
		return r.startOf(ctx, w.Calendar, until.Time())
	case until.Kind() == rules.KindInstant:
		return until.Time(), nil
	}
	return time.Time{}, failed(contracts.Validation, fmt.Sprintf("waiting needs a date or a date-time, and this is %s", until.Kind()))
}

// sleep waits until an instant. One that is past is no wait.
func (r *run) sleep(ctx workflow.Context, s *usecases.Step, sc *scope, until time.Time) error {
	left := until.Sub(workflow.Now(ctx))
	if left <= 0 {
		return nil
	}
	waits := r.waiting.start(ctx, r, Waiting{Kind: waitTime, For: stepName(s), Step: s.ID, Label: s.Label(), Until: until, Since: r.waitedSince(s, sc), Path: r.place(s, sc).Path})
	defer r.waiting.stop(ctx, r, waits)
	r.recorder.flush(ctx, r)
	timing, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timer := workflow.NewTimerWithOptions(timing, left, workflow.TimerOptions{Summary: "wait: " + s.Label()})
	err := r.rest(ctx, sc, timer.IsReady)
	r.waitLeft(s, sc, waits, err)
	return err
}

// waitedSince says since when an earlier run of the case has waited at a step; zero if none has.
func (r *run) waitedSince(s *usecases.Step, sc *scope) time.Time {
	key := doneKey(r.place(s, sc))
	earlier := r.state.Waits[key]
	delete(r.state.Waits, key)
	return earlier.Since
}

// waitLeft keeps what a case waits for that goes on in a new run: it waits for the same instant there.
func (r *run) waitLeft(s *usecases.Step, sc *scope, waits *Waiting, err error) {
	if place := r.place(s, sc); r.stays(err, place.Path) {
		r.state.Waits[doneKey(place)] = waited{Since: waits.Since, Due: waits.Until}
	}
}

// stepName is the step as search attributes name it: no data of the case is in it.
func stepName(s *usecases.Step) string {
	if s.ID != "" {
		return s.ID
	}
	return s.Path
}

// listening is one wait for an event. Events lie in the store: a nudge says only that there may be some.
type listening struct{ nudged bool }

// waitEvent takes an event that is there already, or waits for one. What stands in for one that does not come in time
// is the use case's business.
func (r *run) waitEvent(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	w := s.Wait
	key, err := r.text(w.Key, sc)
	if err != nil {
		return made{}, err
	}
	if key == "" {
		return made{}, failed(contracts.Validation, "the key of the event "+w.Event+" is empty, and an empty key would fit nothing")
	}
	place := r.place(s, sc)
	if r.state.Waits[doneKey(place)].Late {
		delete(r.state.Waits, doneKey(place))
		return r.overdue(ctx, s, sc, place)
	}
	waits := &listening{}
	r.listening = append(r.listening, waits)
	defer func() {
		r.listening = slices.DeleteFunc(r.listening, func(one *listening) bool { return one == waits })
	}()
	ask := activities.TakeEventInput{Place: place, Execution: workflow.GetInfo(ctx).WorkflowExecution.ID, Event: w.Event, Key: key}
	taken, err := r.takeEvent(ctx, ask)
	if err == nil && !taken.Found {
		taken, err = r.awaitEvent(ctx, s, sc, waits, ask)
	}
	if err != nil {
		return made{}, err
	}
	if !taken.Found {
		r.recorder.event(eventKey("late", place), "overdue", s.Label(), "", workflow.Now(ctx))
		if len(w.OnTimeout) > 0 {
			r.took(s, sc, usecases.TimeoutWay)
		}
		return r.overdue(ctx, s, sc, place)
	}
	r.recorder.event("event/"+taken.ID, "event", w.Event, "", workflow.Now(ctx))
	payload, err := w.Payload.Decode(taken.Payload)
	if err != nil {
		return made{}, failed(contracts.Validation, "the event "+w.Event+" does not tell what this case was made for: "+err.Error())
	}
	return made{value: payload, at: taken.At, from: fromEvents}, nil
}

// overdue does what the use case does without the event. A case that unwinds there comes to it again, and not to the wait:
// what was done because nothing came would be followed by what is done when something comes.
func (r *run) overdue(ctx workflow.Context, s *usecases.Step, sc *scope, place activities.Place) (made, error) {
	value, err := r.sequence(ctx, s.Wait.OnTimeout, sc.inner())
	if r.version >= versionLate && r.stays(err, place.Path) {
		r.state.Waits[doneKey(place)] = waited{Late: true}
	}
	return made{value: value}, err
}

// fromEvents is the source of what an event told.
const fromEvents = "events"

func eventKey(kind string, place activities.Place) string {
	return fmt.Sprintf("%s/%s/%d", kind, place.Path, place.Generation)
}

// awaitEvent waits until the store has an event, or until the time is over.
func (r *run) awaitEvent(ctx workflow.Context, s *usecases.Step, sc *scope, heard *listening, ask activities.TakeEventInput) (activities.TakeEventOutput, error) {
	waits := Waiting{Kind: waitEvent, For: s.Wait.Event, Step: s.ID, Label: s.Label(), Path: r.place(s, sc).Path}
	timing, cancel := workflow.WithCancel(ctx)
	defer cancel()
	var timer workflow.Future
	if !s.Wait.Within.IsZero() {
		until, err := r.state.Waits[doneKey(r.place(s, sc))].Due, error(nil)
		if until.IsZero() {
			until, err = r.after(ctx, s.Wait.Calendar, workflow.Now(ctx), s.Wait.Within)
		}
		if err != nil {
			return activities.TakeEventOutput{}, err
		}
		waits.Until = until
		timer = workflow.NewTimerWithOptions(timing, until.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: "until: " + s.Label()})
	}
	waits.Since = r.waitedSince(s, sc)
	shown := r.waiting.start(ctx, r, waits)
	defer r.waiting.stop(ctx, r, shown)
	r.recorder.flush(ctx, r)
	for {
		late := func() bool { return timer != nil && timer.IsReady() }
		err := r.rest(ctx, sc, func() bool { return heard.nudged || late() })
		r.waitLeft(s, sc, shown, err)
		if err != nil {
			return activities.TakeEventOutput{}, err
		}
		ask.Last, heard.nudged = late(), false
		taken, err := r.takeEvent(ctx, ask)
		if err != nil || taken.Found || ask.Last {
			return taken, err
		}
	}
}

func (r *run) takeEvent(ctx workflow.Context, in activities.TakeEventInput) (out activities.TakeEventOutput, err error) {
	err = r.store(ctx, activities.NameTakeEvent, in, &out)
	return out, err
}
