package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"crosswalk/store"
	"crosswalk/workflows"
	"crosswalk/workspace"
)

// Timers is the door to schedules and pollers. Temporal keeps when each runs and whether it is paused.
type Timers struct {
	client client.Client
	store  *store.Store
}

// NewTimers makes the door. The client stays the caller's.
func NewTimers(c client.Client, s *store.Store) *Timers { return &Timers{client: c, store: s} }

// TimerView is a schedule or poller as people see it.
type TimerView struct {
	Name    string    `json:"name"`
	Kind    string    `json:"kind"` // schedule, poller or canary
	Title   string    `json:"title"`
	When    string    `json:"when"`
	Does    string    `json:"does"`
	Paused  bool      `json:"paused"`
	Note    string    `json:"note,omitempty"` // who paused it and why
	Next    time.Time `json:"next,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Outcome string    `json:"outcome,omitempty"` // of the last run: running, completed, failed, …
	Problem string    `json:"problem,omitempty"` // why the last attempt failed
	Runs    int       `json:"runs"`
	Skipped int       `json:"skipped"` // because the run before was not over
	Cursor  string    `json:"cursor,omitempty"`
	Recent  []RunView `json:"recent,omitempty"` // the last runs, the newest first
}

// RunView is one run of a schedule or poller.
type RunView struct {
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome,omitempty"` // running, completed or failed; "" if Temporal does not know it any more
}

// shownRuns is how many of the last runs are shown.
const shownRuns = 5

// metaTimers is where the list of what Temporal was told of is kept: its own lists lag behind.
const metaTimers = "timers"

// catchUp is how late a run may be that nobody could start in time.
const catchUp = time.Hour

func timerID(name string) string { return "crosswalk-timer-" + name }

// told is a schedule or poller that Temporal was told of.
type told struct {
	TimerView
	Gone bool `json:"gone,omitempty"` // the workspace does not have it any more, and Temporal may still
}

// known lists what Temporal was told of.
func (t *Timers) known(ctx context.Context) ([]told, error) {
	text, err := t.store.Meta(ctx, metaTimers)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	var list []told
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("worker: the list of schedules: %w", err)
	}
	return list, nil
}

func (t *Timers) remember(ctx context.Context, list []told) error {
	text, err := json.Marshal(list)
	if err == nil {
		err = t.store.SetMeta(ctx, metaTimers, string(text))
	}
	if err != nil {
		return fmt.Errorf("worker: the list of schedules: %w", err)
	}
	return nil
}

// Sync makes Temporal's schedules those of the workspace: new ones are made, changed ones changed, and what the
// workspace does not have any more goes. One that is paused stays so. It may be repeated, by several workers too.
func (t *Timers) Sync(ctx context.Context, wanted []*workspace.Timer) error {
	before, err := t.known(ctx)
	if err != nil || len(before) == 0 && len(wanted) == 0 {
		return err
	}
	var list []told
	for _, timer := range wanted {
		list = append(list, told{TimerView: TimerView{Name: timer.Name, Kind: timer.Kind(), Title: timer.Title, When: timer.Spec(), Does: does(timer)}})
	}
	gone := slices.DeleteFunc(before, func(old told) bool {
		return slices.ContainsFunc(list, func(v told) bool { return v.Name == old.Name })
	})
	for i := range gone {
		gone[i].Gone = true
	}
	// Noted first: whatever a crash leaves in Temporal is in the list.
	if err := t.remember(ctx, append(slices.Clone(list), gone...)); err != nil {
		return err
	}
	for _, timer := range wanted {
		if err := t.put(ctx, timer); err != nil {
			return fmt.Errorf("worker: the %s %s: %w", timer.Kind(), timer.Name, err)
		}
	}
	for _, old := range gone {
		if err := t.client.ScheduleClient().GetHandle(ctx, timerID(old.Name)).Delete(ctx); err != nil && !isNotFound(err) {
			return fmt.Errorf("worker: the %s %s: %w", old.Kind, old.Name, err)
		}
	}
	return t.remember(ctx, list)
}

func does(timer *workspace.Timer) string {
	if timer.Canary != nil {
		return "tries " + timer.Canary.Robot
	}
	if timer.Does.Event != "" {
		return "event " + timer.Does.Event
	}
	return "starts " + timer.Does.Starts
}

func (t *Timers) put(ctx context.Context, timer *workspace.Timer) error {
	id := timerID(timer.Name)
	spec := client.ScheduleSpec{TimeZoneName: timer.Zone().String()}
	if timer.Cron != "" {
		spec.CronExpressions = []string{timer.Cron}
	} else {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: timer.Every}}
	}
	action := &client.ScheduleWorkflowAction{ID: id, Workflow: workflows.WorkflowSchedule, TaskQueue: workflows.QueueMain,
		Args: []any{workflows.TimerInput{Name: timer.Name}}}
	window := catchUp
	if timer.Poll != nil {
		action.Workflow, window = workflows.WorkflowPoller, max(timer.Every, 10*time.Second)
	}
	if timer.Canary != nil {
		action.Workflow, window = workflows.WorkflowCanary, max(timer.Every, 10*time.Second)
	}
	// A canary runs at once when it is new: what the pages are like is known from the publication on.
	_, err := t.client.ScheduleClient().Create(ctx, client.ScheduleOptions{ID: id, Spec: spec, Action: action, TriggerImmediately: timer.Canary != nil,
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: window})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return t.client.ScheduleClient().GetHandle(ctx, id).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(found client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			changed := found.Description.Schedule
			changed.Spec, changed.Action = &spec, action
			changed.Policy = &client.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: window}
			return &client.ScheduleUpdate{Schedule: &changed}, nil
		},
	})
}

// List lists schedules and pollers by name.
func (t *Timers) List(ctx context.Context) ([]TimerView, error) {
	known, err := t.known(ctx)
	if err != nil {
		return nil, err
	}
	list := []TimerView{}
	for _, one := range known {
		if one.Gone {
			continue
		}
		if err := t.describe(ctx, &one.TimerView); err != nil && !isNotFound(err) {
			return nil, fmt.Errorf("worker: the %s %s: %w", one.Kind, one.Name, err)
		}
		list = append(list, one.TimerView)
	}
	return list, nil
}

func (t *Timers) describe(ctx context.Context, view *TimerView) error {
	found, err := t.client.ScheduleClient().GetHandle(ctx, timerID(view.Name)).Describe(ctx)
	if err != nil {
		return err
	}
	view.Paused, view.Note = found.Schedule.State.Paused, found.Schedule.State.Note
	view.Runs, view.Skipped = found.Info.NumActions, found.Info.NumActionsSkippedOverlap
	if len(found.Info.NextActionTimes) > 0 && !view.Paused {
		view.Next = found.Info.NextActionTimes[0].UTC()
	}
	for _, action := range slices.Backward(found.Info.RecentActions) {
		run := RunView{At: action.ActualTime.UTC()}
		if started := action.StartWorkflowResult; started != nil {
			run.Outcome = t.outcome(ctx, started.WorkflowID)
		}
		if view.Recent = append(view.Recent, run); len(view.Recent) == shownRuns {
			break
		}
	}
	if len(view.Recent) > 0 {
		view.Last, view.Outcome = view.Recent[0].At, view.Recent[0].Outcome
	}
	if view.Problem, err = t.store.Meta(ctx, problemName(view.Name)); ignoreMissing(err) != nil || view.Kind != "poller" {
		return ignoreMissing(err)
	}
	view.Cursor, err = t.store.Meta(ctx, cursorName(view.Name))
	return ignoreMissing(err)
}

// outcome is how a run ended; "" if Temporal does not know it any more.
func (t *Timers) outcome(ctx context.Context, id string) string {
	described, err := t.client.DescribeWorkflow(ctx, id, "")
	if err != nil {
		return ""
	}
	switch described.Status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return "running"
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return "completed"
	}
	return "failed"
}

// ErrNoTimer says that there is no schedule or poller of the name.
var ErrNoTimer = errors.New("there is no such schedule or poller")

// ErrNoPoller says that what has the name reads nothing.
var ErrNoPoller = errors.New("only a poller can be rewound")

// Act pauses, resumes or triggers a schedule or poller, or has a poller read from the beginning.
func (t *Timers) Act(ctx context.Context, name, act, who, reason string) error {
	list, err := t.known(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(v told) bool { return v.Name == name && !v.Gone })
	if at < 0 {
		return fmt.Errorf("%w: %s", ErrNoTimer, name)
	}
	handle := t.client.ScheduleClient().GetHandle(ctx, timerID(name))
	note := who
	if reason != "" {
		note += ": " + reason
	}
	switch act {
	case "pause":
		err = handle.Pause(ctx, client.SchedulePauseOptions{Note: note})
	case "resume":
		err = handle.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
	case "trigger":
		if list[at].Kind == "canary" {
			if err := t.store.SetMeta(ctx, metaByHand(name), "asked"); err != nil {
				return fmt.Errorf("worker: %s %s: %w", act, name, err)
			}
		}
		// Not skipped: what a person asked for must not be lost because the run before is not known to be over yet.
		err = handle.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE})
	case "rewind":
		if list[at].Kind != "poller" {
			return fmt.Errorf("%w: %s", ErrNoPoller, name)
		}
		err = errors.Join(t.store.SetMeta(ctx, cursorName(name), ""), t.store.SetMeta(ctx, asideName(name), ""))
	default:
		return fmt.Errorf("%w: %q", errNoAct, act)
	}
	if err != nil {
		return fmt.Errorf("worker: %s %s: %w", act, name, err)
	}
	return nil
}

var errNoAct = errors.New("schedules can be paused, resumed and triggered, and pollers rewound")
