package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/rules"
)

// TestHazardL2NoDeadlock: an expression that would never end, evaluated in a workflow under the SDK's own detector of
// deadlocks, stops at its limit and the workflow goes on.
func TestHazardL2NoDeadlock(t *testing.T) {
	t.Parallel()
	types := rules.RecordType(rules.Field{Name: "many", Type: rules.ListOf(&rules.Type{Kind: rules.KindNumber}), Required: true})
	many := make([]rules.Value, 5000)
	for i := range many {
		many[i] = rules.Number(rules.Int(int64(i)))
	}
	facts := map[string]rules.Value{"many": rules.List(many...)}
	for _, expression := range []string{
		`all(many, all(many, all(many, true)))`,
		`len(map(many, map(many, map(many, #))))`,
		`sum(many, sum(many, # * 1.0000001))`,
		`unique(concat(many, many)) == sortBy(concat(many, many), text(#)) and all(many, # in many)`,
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
			env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 5 * time.Second}) // as the worker sets it
			env.ExecuteWorkflow(func(workflow.Context) (string, error) {
				x, err := rules.Compile(expression, rules.NewEnvironment(types), rules.Options{})
				if err != nil {
					return "", err
				}
				_, err = x.Eval(facts)
				if err == nil {
					return "it has ended", nil
				}
				return err.Error(), nil
			})
			require.NoError(t, env.GetWorkflowError())
			var said string
			require.NoError(t, env.GetWorkflowResult(&said))
			require.Contains(t, said, "too much")
		})
	}
}
