package casetest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/casetest"
	"crosswalk/usecases"
	"crosswalk/workspace"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestDocumentation runs the tests of the reference, and reads its other examples as parts of a test of the complaint.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/testing.md")
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = workspace.Init(dir)
	require.NoError(t, err)
	subjects, ran := map[string]casetest.Subject{}, 0
	for _, dir := range []string{dir, "../examples/credit-check/workspace"} {
		w, problems := workspace.Load(dir)
		require.NoError(t, problems.Err())
		plans := map[string]*usecases.Plan{}
		for _, useCase := range w.UseCases {
			plans[useCase.Name] = useCase.Plan
			subjects[useCase.Name] = casetest.Subject{Plan: useCase.Plan, Runs: plans, Calendars: w.Config}
		}
	}
	for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		useCase := regexp.MustCompile(`^usecase: (.*)`).FindStringSubmatch(block[1])
		switch {
		case useCase != nil && strings.Contains(block[1], "\nsteps:"):
			subjects[useCase[1]] = casetest.Subject{Plan: bundleOf(t, useCase[1]+".yaml", block[1])}
		case useCase != nil:
			require.Contains(t, subjects, useCase[1])
			report := runText(t, subjects[useCase[1]], block[1])
			require.Zero(t, report.Failed(), failures(report))
			ran += len(report.Results)
		default:
			part := "    " + strings.ReplaceAll(strings.TrimRight(block[1], "\n"), "\n", "\n    ") + "\n"
			head := "usecase: customer-complaint\ntests:\n  - name: an example\n    input: {channel: email, from: {}, text: x, received_at: '2026-03-01T10:00:00Z'}\n"
			_, problems := casetest.Parse("", "customer-complaint.tests.yaml", []byte(head+part), casetest.Subject{Plan: complaint(t)})
			require.Empty(t, problems.Error(), part)
		}
	}
	require.Equal(t, 9, ran)
}
