package worker

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// Description is what a case does right now, as Temporal sees it.
type Description struct {
	RunID   string
	Running bool
	Started time.Time
	Ended   time.Time
	Pending []Operation
	Windows []string // the executions of the windows of its loops that run now, by workflow id
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
	// A window's type is that of its case, a slash, and the loop's path. The others are cases that this one runs, and
	// workflows of somebody else: those can be asked nothing.
	useCase, _, _ := strings.Cut(info.Type.GetName(), "/")
	for _, child := range found.PendingChildren {
		if strings.HasPrefix(child.WorkflowId, caseID+"/") && strings.HasPrefix(child.WorkflowTypeName, useCase+"/") {
			d.Windows = append(d.Windows, child.WorkflowId)
		}
	}
	return d, nil
}

// Heard says whether a worker listens on a task queue, or has done so in the last minutes.
func (c *Cases) Heard(ctx context.Context, queue string) (bool, error) {
	for _, kind := range []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY} {
		found, err := c.client.DescribeTaskQueue(ctx, queue, kind)
		if err != nil || len(found.GetPollers()) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// Stuck says why a workflow of somebody else's that a step of a case runs does not get on: it has not ended though the case
// does not want it any more, or its worker does not know it or has a mistake. "" says that nothing is wrong with it.
func (c *Cases) Stuck(ctx context.Context, caseID, step string) (string, error) {
	found, err := c.client.DescribeWorkflowExecution(ctx, caseID, "")
	if err != nil {
		return "", c.ended(ctx, caseID, err)
	}
	path := caseID + "/" + step
	for _, child := range found.PendingChildren {
		if child.WorkflowId != path && !strings.HasPrefix(child.WorkflowId, path+"~") {
			continue
		}
		theirs, err := c.client.DescribeWorkflowExecution(ctx, child.WorkflowId, child.RunId)
		if err == nil && theirs.WorkflowExtendedInfo.GetCancelRequested() {
			return "its end is waited for: terminate the workflow " + child.WorkflowId + " in Temporal if it does not let itself be cancelled", nil
		}
		if err != nil || theirs.PendingWorkflowTask.GetAttempt() < 2 {
			return "", err
		}
		why, err := c.lastFailure(ctx, child.WorkflowId, child.RunId)
		return "its worker fails at it, and tries again and again: " + cmp.Or(why, "it does not answer"), err
	}
	return "", nil
}

// lastFailure is why a worker failed at a workflow the last time that Temporal wrote down.
func (c *Cases) lastFailure(ctx context.Context, workflowID, runID string) (string, error) {
	found, err := c.client.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Execution: &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: runID}, MaximumPageSize: 10})
	for _, event := range found.GetHistory().GetEvents() {
		if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			return failed.GetFailure().GetMessage(), nil
		}
	}
	return "", err
}

// maxParts bounds how many executions of a case are looked at: a loop over 10,000 items has hundreds.
const maxParts = 20

// part is an execution that works on a case: the case's own, or that of a window of one of its loops.
type part struct {
	id string
	Description
}

// parts lists the executions that work on a case now, its own first and at most maxParts of them. A case that has ended
// has none.
func (c *Cases) parts(ctx context.Context, caseID string) ([]part, error) {
	described, err := c.Describe(ctx, caseID)
	if err != nil || !described.Running {
		return nil, err
	}
	found := []part{{caseID, described}}
	for i := 0; i < len(found); i++ {
		for _, id := range found[i].Windows {
			if len(found) == maxParts {
				return found, nil
			}
			switch window, err := c.Describe(ctx, id); {
			case errors.Is(err, ErrEnded) || isNotFound(err) || err == nil && !window.Running: // meanwhile
			case err != nil:
				return nil, err
			default:
				found = append(found, part{id, window})
			}
		}
	}
	return found, nil
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
