package casetest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/casetest"
	"crosswalk/workspace"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestDocumentation runs the tests of the reference, and reads its other examples as parts of a test of the complaint.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/testing.md")
	require.NoError(t, err)
	blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 4)
	dir := t.TempDir()
	_, err = workspace.Init(dir)
	require.NoError(t, err)
	w, problems := workspace.Load(dir)
	require.NoError(t, problems.Err())
	report := runText(t, casetest.Subject{Plan: w.UseCase("callback").Plan}, blocks[0][1])
	require.Zero(t, report.Failed(), failures(report))
	require.Len(t, report.Results, 2)
	for _, block := range blocks[1:] {
		part := "    " + strings.ReplaceAll(strings.TrimRight(block[1], "\n"), "\n", "\n    ") + "\n"
		head := "usecase: customer-complaint\ntests:\n  - name: an example\n    input: {channel: email, from: {}, text: x, received_at: '2026-03-01T10:00:00Z'}\n"
		_, problems := casetest.Parse("", "customer-complaint.tests.yaml", []byte(head+part), casetest.Subject{Plan: complaint(t)})
		require.Empty(t, problems.Error(), part)
	}
}
