package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/usecases"
)

// Every timeout and retry of the interpreter stands in this file.
const (
	localLimit    = 2 * time.Second        // of the one attempt as a local activity
	apiLimit      = 30 * time.Second       // of one attempt of an API call
	robotLimit    = 5 * time.Minute        // of one attempt of a robot
	foreignLimit  = 5 * time.Minute        // of one attempt of somebody else's activity
	heartbeat     = 10 * time.Second       // a worker that died is noticed after so long
	firstWait     = 500 * time.Millisecond // before the second of the long attempts
	longestWait   = time.Minute            // between two of them
	patience      = 24 * time.Hour         // after which a system that is down becomes a person's task
	keyMargin     = time.Hour              // retries end so long before the system forgets the key
	storePatience = 365 * 24 * time.Hour   // our own store is waited for
	timerLimit    = 5 * time.Minute        // of one attempt of a schedule or poller
	pollAttempts  = 3                      // of a poller, which comes again anyway
	growth        = 2
)

// How long the history of one run becomes before the case goes on in a new one. The server suggests it at 4,096 events
// or 4 MB, and would terminate the case at 51,200 events or 50 MB.
const (
	grownEvents     = 8 << 10
	grownBytes      = 8 << 20
	overgrownEvents = 16 << 10
	overgrownBytes  = 16 << 20
)

// How many windows of a loop run side by side: those in which something is done, and all of them.
const (
	windowsAtOnce = 8
	windowsOpen   = 400
)

// withLocal is one attempt inside the workflow task: no event of its own, at most two seconds.
func withLocal(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: localLimit,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                summary,
	})
}

// withOnce is one ordinary attempt: what almost always suffices, and what tells apart a case that works from one that
// waits.
func withOnce(ctx workflow.Context, route activities.Route, s *usecases.Step) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           route.TaskQueue,
		StartToCloseTimeout: attemptLimit(route, s),
		HeartbeatTimeout:    heartbeat,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		WaitForCancellation: true,
		Summary:             s.Label(),
	})
}

// withPatience tries for long. The pause grows to a minute, and a system that names a time is tried then.
func withPatience(ctx workflow.Context, route activities.Route, s *usecases.Step) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              route.TaskQueue,
		StartToCloseTimeout:    attemptLimit(route, s),
		ScheduleToCloseTimeout: patienceFor(s),
		HeartbeatTimeout:       heartbeat,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    firstWait,
			BackoffCoefficient: growth,
			MaximumInterval:    longestWait,
			MaximumAttempts:    int32(max(s.Retry.Attempts, 0)),
		},
		WaitForCancellation: true,
		Summary:             s.Label(),
	})
}

func attemptLimit(route activities.Route, s *usecases.Step) time.Duration {
	switch {
	case s.Timeout > 0:
		return s.Timeout
	case route.TaskQueue == QueueRobots:
		return robotLimit
	}
	return apiLimit
}

// patienceFor is how long a call is tried. A key that the system forgets meanwhile is the adapter's business: it looks
// the effect up, or says that the outcome is unknown.
func patienceFor(s *usecases.Step) time.Duration {
	if s.Retry.Within > 0 {
		return s.Retry.Within
	}
	return patience
}

// withStore is for what only needs our own store, when that could not be had inside the workflow task.
func withStore(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    apiLimit,
		ScheduleToCloseTimeout: storePatience,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    firstWait,
			BackoffCoefficient: growth,
			MaximumInterval:    longestWait,
		},
	})
}

// settled are the types of errors that say something about the business: trying again would change nothing.
func settled(run *usecases.Run) []string {
	var names []string
	for _, name := range workflow.DeterministicKeys(run.Errors) {
		if !run.Errors[name].Temporary() {
			names = append(names, name)
		}
	}
	return names
}

// withCase is another use case as a case of its own.
func withCase(ctx workflow.Context, id string, s *usecases.Step) workflow.Context {
	return workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		TaskQueue:             QueueMain,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation:   true,
		TypedSearchAttributes: temporal.NewSearchAttributes(attributeUseCase.ValueSet(s.Run.UseCase)),
		StaticSummary:         s.Label(),
	})
}

// withForeignWorkflow is a workflow of somebody else's. It takes as long as it takes, unless the step says otherwise.
func withForeignWorkflow(ctx workflow.Context, id string, s *usecases.Step) workflow.Context {
	options := workflow.ChildWorkflowOptions{
		WorkflowID:               id,
		TaskQueue:                s.Run.TaskQueue,
		WorkflowRunTimeout:       s.Timeout,
		WorkflowExecutionTimeout: s.Retry.Within,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:        enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation:      true,
		StaticSummary:            s.Label(),
	}
	if s.Retry.Attempts > 1 {
		options.RetryPolicy = foreignRetry(s)
	}
	return workflow.WithChildOptions(ctx, options)
}

// withForeignActivity is an activity of somebody else's. Its id stays the same over its attempts, so that it can tell
// a repeat.
func withForeignActivity(ctx workflow.Context, id string, s *usecases.Step) workflow.Context {
	limit := s.Timeout
	if limit == 0 {
		limit = foreignLimit
	}
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:             id,
		TaskQueue:              s.Run.TaskQueue,
		StartToCloseTimeout:    limit,
		ScheduleToCloseTimeout: patienceFor(s),
		HeartbeatTimeout:       s.Run.Heartbeat,
		RetryPolicy:            foreignRetry(s),
		WaitForCancellation:    true,
		Summary:                s.Label(),
	})
}

func foreignRetry(s *usecases.Step) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:        firstWait,
		BackoffCoefficient:     growth,
		MaximumInterval:        longestWait,
		MaximumAttempts:        int32(max(s.Retry.Attempts, 0)),
		NonRetryableErrorTypes: settled(s.Run),
	}
}

// withTimer is for one run of a schedule or poller. A poller comes again by itself; a schedule is worth trying for long.
// None runs beside the run before, which is why a worker that dies with one must be noticed.
func withTimer(ctx workflow.Context) workflow.Context {
	limits := workflow.ActivityOptions{
		StartToCloseTimeout:    timerLimit,
		ScheduleToCloseTimeout: patience,
		HeartbeatTimeout:       heartbeat,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: firstWait, BackoffCoefficient: growth, MaximumInterval: longestWait},
	}
	if workflow.GetInfo(ctx).WorkflowType.Name == WorkflowPoller {
		limits.RetryPolicy.MaximumAttempts = pollAttempts
	}
	return workflow.WithActivityOptions(ctx, limits)
}
