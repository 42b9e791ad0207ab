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

// TestEveryExampleSaysWhatItRestsOn: recorded from a running system on a day, or taken from the vendor's page.
func TestEveryExampleSaysWhatItRestsOn(t *testing.T) {
	t.Parallel()
	for name := range adapters.Catalog() {
		for _, test := range loadTests(t, name).Tests {
			kind, page, on := test.Evidence()
			require.NotEmpty(t, kind, "%s: %s: write recorded: DAY, or source: 'https://PAGE'", name, test.Name)
			require.False(t, kind == conformance.Recorded && on == "", name)
			require.Equal(t, kind == conformance.Documented, page != "", name)
		}
	}
}
