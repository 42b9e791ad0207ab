package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const (
	// WorkflowCanary tries a robot. Its name has a dot, so that no use case has the same.
	WorkflowCanary = "crosswalk.canary"
	// ActivityCanary does it, on the queue of the robots.
	ActivityCanary = "run_canary"
)

// canaryLimit is the longest time of one attempt, with the wait for a browser and the account.
const canaryLimit = 10 * time.Minute

// Canary tries a robot once. It comes again by itself, so that only a worker that died is made up for.
func Canary(ctx workflow.Context, in TimerInput) error {
	limited := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: QueueRobots, StartToCloseTimeout: canaryLimit, ScheduleToCloseTimeout: 3 * canaryLimit, HeartbeatTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: firstWait, BackoffCoefficient: growth, MaximumInterval: longestWait, MaximumAttempts: pollAttempts},
	})
	return workflow.ExecuteActivity(limited, ActivityCanary, in).Get(ctx, nil)
}
