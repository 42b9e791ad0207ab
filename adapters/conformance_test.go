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

// TestASourceSaysWhatIsKnown: the page, and the day on which it was read or its version only where somebody knows them.
func TestASourceSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	adapter := adapters.Catalog()["stripe"]
	for source, want := range map[string][]string{
		"https://docs.stripe.com/api":                            {conformance.Documented, "https://docs.stripe.com/api", ""},
		"https://docs.stripe.com/api, 2026-11-22":                {conformance.Documented, "https://docs.stripe.com/api", "2026-11-22"},
		"https://docs.stripe.com/api, version 2026-08-26.dahlia": {conformance.Documented, "https://docs.stripe.com/api", "version 2026-08-26.dahlia"},
		"https://docs.stripe.com/api, 2026-11-31":                nil,
		"https://docs.stripe.com/api, some day":                  nil,
		"somewhere":                                              nil,
		"https://docs.stripe.com/api, 2026-11-22, version 3":     nil,
	} {
		text := "tests: [{name: the connection, operation: check_connection, source: '" + source + "', output: {ok: true}}]"
		tests, problems := conformance.Parse("stripe.tests.yaml", []byte(text), adapter)
		if want == nil {
			require.ErrorContains(t, problems.Err(), "stripe.tests.yaml:1:", source)
			continue
		}
		require.NoError(t, problems.Err(), source)
		kind, page, on := tests.Tests[0].Evidence()
		require.Equal(t, want, []string{kind, page, on})
	}
}
