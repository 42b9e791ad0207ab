package adapters_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
)

// TestTheCatalogueConforms holds every adapter of the catalogue to its tests and disturbs all of its operations. What it
// says is what `crosswalk adapters test` says.
func TestTheCatalogueConforms(t *testing.T) {
	t.Parallel()
	for name, adapter := range adapters.Catalog() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := conformance.Run(t.Context(), adapter, loadTests(t, name), nil)
			require.NoError(t, err)
			for _, finding := range report.Findings {
				if finding.Untested {
					t.Log(finding)
				} else {
					t.Error(finding)
				}
			}
			t.Logf("%d tests, %d faults", report.Tests, report.Faults)
		})
	}
}
