package casetest_test

import (
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/casetest"
	"crosswalk/usecases"
)

// BenchmarkComplaints runs a hundred cases of the shipped complaint and says how long the hundred take. It needs the
// machine for itself.
func BenchmarkComplaints(b *testing.B) {
	text, err := fs.ReadFile(usecases.Catalog(), "customer-complaint.tests.yaml")
	require.NoError(b, err)
	file, problems := casetest.Parse("", "customer-complaint.tests.yaml", text, casetest.Subject{Plan: complaint(b)})
	require.Empty(b, problems.Error())
	tests := file.Tests
	for len(file.Tests) < 100 {
		file.Tests = append(file.Tests, tests[len(file.Tests)%len(tests)])
	}
	file.Tests = file.Tests[:100]
	var took time.Duration
	for b.Loop() {
		report, err := casetest.Run(b.Context(), []*casetest.File{file}, casetest.Options{})
		require.NoError(b, err)
		require.Zero(b, report.Failed())
		took += report.Took
	}
	b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms/100-cases")
}
