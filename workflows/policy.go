package workflows

import (
	"time"

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
	heartbeat     = 10 * time.Second       // a worker that died is noticed after so long
	firstWait     = 500 * time.Millisecond // before the second of the long attempts
	longestWait   = time.Minute            // between two of them
	patience      = 24 * time.Hour         // after which a system that is down becomes a person's task
	keyMargin     = time.Hour              // retries end so long before the system forgets the key
	storePatience = 365 * 24 * time.Hour   // our own store is waited for
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
