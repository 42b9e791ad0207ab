package worker

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
)

// Description is what a case does right now, as Temporal sees it.
type Description struct {
	RunID   string
	Running bool
	Started time.Time
	Ended   time.Time
	Pending []Operation
}

// Operation is a call that a case waits for.
type Operation struct {
	ID       string // of Temporal's activity
	Name     string // crm.find_customer
	Attempt  int
	Running  bool      // an attempt is under way
	NextTry  time.Time // zero while an attempt is under way
	Deadline time.Time // when it is given up and a person is asked
	Class    string    // of the last failure; empty if there was none
}

// Describe looks at a case. One that has ended is described too, as long as Temporal keeps it.
func (c *Cases) Describe(ctx context.Context, caseID string) (Description, error) {
	found, err := c.client.DescribeWorkflowExecution(ctx, caseID, "")
	if err != nil {
		return Description{}, c.ended(ctx, caseID, err)
	}
	info := found.WorkflowExecutionInfo
	d := Description{
		RunID:   info.Execution.GetRunId(),
		Running: info.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		Started: info.StartTime.AsTime(),
	}
	if info.CloseTime != nil {
		d.Ended = info.CloseTime.AsTime()
	}
	for _, pending := range found.PendingActivities {
		d.Pending = append(d.Pending, operationOf(pending))
	}
	return d, nil
}

func operationOf(pending *workflowpb.PendingActivityInfo) Operation {
	op := Operation{
		ID: pending.ActivityId, Name: pending.ActivityType.GetName(), Attempt: int(pending.Attempt),
		Running: pending.State != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED,
	}
	if !op.Running && pending.Attempt > 1 && pending.ScheduledTime != nil {
		op.NextTry = pending.ScheduledTime.AsTime()
	}
	if pending.ExpirationTime != nil {
		op.Deadline = pending.ExpirationTime.AsTime()
	}
	op.Class = pending.LastFailure.GetApplicationFailureInfo().GetType()
	return op
}
