package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// Calendars knows when people work, as the workspace says at the moment.
type Calendars interface {
	// Calendar finds a calendar by its name, the only one without a name, or nil.
	Calendar(name string) *rules.Calendar
}

// reckoned is an instant that a calendar gave, as it is recorded: a calendar may be another one when the case is
// replayed.
type reckoned struct {
	At      time.Time `json:"at"`
	Problem string    `json:"problem,omitempty"`
}

// after is the instant so much later. Plain time needs no calendar and is not recorded.
func (r *run) after(ctx workflow.Context, calendar string, from time.Time, period rules.Period) (time.Time, error) {
	if !period.NeedsCalendar() {
		return from.Add(period.Time), nil
	}
	return reckon(ctx, reckoning{calendars: r.calendars, name: calendar, from: from, period: period}.add)
}

// startOf is the first moment of a date, where the calendar is.
func (r *run) startOf(ctx workflow.Context, calendar string, date time.Time) (time.Time, error) {
	if calendar == "" {
		return date, nil
	}
	return reckon(ctx, reckoning{calendars: r.calendars, name: calendar, from: date}.start)
}

func reckon(ctx workflow.Context, compute func(workflow.Context) any) (time.Time, error) {
	var found reckoned
	if err := workflow.SideEffect(ctx, compute).Get(&found); err != nil {
		panic(err) // what was recorded cannot be read: this worker is older than the one that recorded it
	}
	if found.Problem != "" {
		return time.Time{}, failed(contracts.Internal, found.Problem)
	}
	return found.At, nil
}

// reckoning is a question to a calendar.
type reckoning struct {
	calendars Calendars
	name      string
	from      time.Time
	period    rules.Period
}

func (q reckoning) add(workflow.Context) any {
	calendar, problem := q.calendar()
	if problem != "" {
		return reckoned{Problem: problem}
	}
	at, err := calendar.Add(q.from, q.period)
	if err != nil {
		return reckoned{Problem: fmt.Sprintf("%s after %s cannot be reckoned: %s", q.period, q.from.UTC().Format(time.RFC3339), err)}
	}
	return reckoned{At: at.UTC()}
}

func (q reckoning) start(workflow.Context) any {
	calendar, problem := q.calendar()
	if problem != "" {
		return reckoned{Problem: problem}
	}
	return reckoned{At: calendar.StartOfDay(q.from).UTC()}
}

func (q reckoning) calendar() (*rules.Calendar, string) {
	if q.calendars != nil {
		if calendar := q.calendars.Calendar(q.name); calendar != nil {
			return calendar, ""
		}
	}
	if q.name == "" {
		return nil, "working time needs a calendar, and crosswalk.yaml has none or several: name one with calendar:"
	}
	return nil, fmt.Sprintf("there is no calendar %q in crosswalk.yaml any more", q.name)
}
