package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The workflows that Temporal's schedules start. Their names have a dot, so that no use case has the same.
const (
	WorkflowSchedule = "crosswalk.schedule"
	WorkflowPoller   = "crosswalk.poller"
	// ActivityTimer does what a schedule or poller is there for, once.
	ActivityTimer = "run_timer"
)

// TimerInput names a schedule or poller of the workspace.
type TimerInput struct {
	Name string `json:"name"`
}

// TimerRun is one run of a schedule or poller.
type TimerRun struct {
	Name string    `json:"name"`
	ID   string    `json:"id"` // of the run: repeated, it is the same
	At   time.Time `json:"at"` // when it was to be
}

// attributeScheduledAt is set by Temporal on whatever a schedule starts.
var attributeScheduledAt = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// Timer does once what a schedule or poller is there for. What the workspace says is read when it runs.
func Timer(ctx workflow.Context, in TimerInput) error {
	info := workflow.GetInfo(ctx)
	// The workflow's id names the second in which it was to run, and a run that a person triggers may fall into the same
	// second: the id of the run tells them apart.
	run := TimerRun{Name: in.Name, ID: info.FirstRunID, At: info.WorkflowStartTime.UTC()}
	if at, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(attributeScheduledAt); ok {
		run.At = at.UTC()
	}
	return workflow.ExecuteActivity(withTimer(ctx), ActivityTimer, run).Get(ctx, nil)
}
