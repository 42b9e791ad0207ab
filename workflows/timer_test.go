package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"crosswalk/workflows"
)

// A schedule rests for as long as a run of it is not known to be over: until the limit of the run, if nothing else tells
// that its worker has died.
func TestARunThatDiedIsNoticed(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{workflows.WorkflowSchedule, workflows.WorkflowPoller} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
			env.RegisterWorkflowWithOptions(workflows.Timer, workflow.RegisterOptions{Name: kind})
			env.RegisterActivityWithOptions(func(context.Context, workflows.TimerRun) error { return nil }, activity.RegisterOptions{Name: workflows.ActivityTimer})
			var silence time.Duration
			env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
				silence = info.HeartbeatTimeout
			})
			env.ExecuteWorkflow(kind, workflows.TimerInput{Name: "nightly"})
			require.NoError(t, env.GetWorkflowError())
			require.Positive(t, silence)
			require.LessOrEqual(t, silence, time.Minute)
		})
	}
}
