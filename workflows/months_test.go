package workflows_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// versions are several published versions of a use case; a case must only ever ask for its own.
type versions map[string]*usecases.Plan

func (v versions) Plan(hash string) (*usecases.Plan, bool) {
	plan, ok := v[hash]
	return plan, ok
}

// subscription is a use case that waits forty times. Each version adds something that no case of another one knows.
func subscription(version int) string {
	var text strings.Builder
	text.WriteString("input: {}\nsteps:\n")
	for i := range 40 {
		fmt.Fprintf(&text, "  - {id: pause_%d, wait: {for: 11 days}}\n  - {id: seen_%d, call: crm.find_customer, with: {email: 'v%d'}}\n", i, i, version)
	}
	fmt.Fprintf(&text, "  - {end: {outcome: version %d, result: {facts: '${len(case.facts)}', started: '${case.started_at}'}}}\n", version)
	return text.String()
}

// A case of fourteen months with forty waits keeps the version that it began with, through all its runs, while three
// other versions are published.
func TestFourteenMonths(t *testing.T) {
	h := newHarness(t, subscription(1), map[string]play{"crm.find_customer": gives(jane)})
	published := versions{h.plan.Hash: h.plan}
	begun := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	_, err := h.store.CreateCase(t.Context(), store.NewCase{ID: caseID, UseCase: "test", BundleHash: h.plan.Hash})
	require.NoError(t, err)
	in, now, runs := workflows.StartInput{BundleHash: h.plan.Hash, Input: rules.Record(nil)}, begun, 0
	var outcome workflows.Outcome
	for again := true; again; runs++ {
		if runs > 0 && runs <= 3 {
			plan, problems := usecases.Compile(bundleOf("usecase: test\ntitle: Test\n" + subscription(runs+1)))
			require.NoError(t, problems.Err())
			published[plan.Hash] = plan
		}
		env := h.another(published, now)
		env.RegisterDelayedCallback(func() { env.SetContinueAsNewSuggested(true) }, 50*24*time.Hour)
		env.ExecuteWorkflow("test", in)
		require.True(t, env.IsWorkflowCompleted())
		var next *workflow.ContinueAsNewError
		now = env.Now()
		if again = errors.As(env.GetWorkflowError(), &next); again {
			in = workflows.StartInput{}
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
			continue
		}
		require.NoError(t, env.GetWorkflowError())
		require.NoError(t, env.GetWorkflowResult(&outcome))
	}
	require.Equal(t, "version 1", outcome.Outcome)
	require.Equal(t, "40", outcome.Result.Get("facts").String())
	require.Equal(t, begun, outcome.Result.Get("started").Time())
	require.WithinDuration(t, begun.Add(440*24*time.Hour), now, time.Hour, "no wait is longer or shorter for being continued")
	require.Greater(t, runs, 7)
	require.Len(t, h.callsOf("crm.find_customer"), 40)
}

// another is an environment for a further run of the case.
func (h *harness) another(plans workflows.Plans, now time.Time) *testsuite.TestWorkflowEnvironment {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(sdk.Options{DeadlockDetectionTimeout: time.Minute})
	env.SetStartTime(now)
	interpreter := &workflows.Interpreter{Plans: plans, Routes: h, Calendars: h}
	env.RegisterDynamicWorkflow(interpreter.Run, workflow.DynamicRegisterOptions{})
	h.acts.Register(env)
	return env
}
