package adapters_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/contracts"
)

var example = regexp.MustCompile("(?s)<!-- example: ([a-z.]+) -->\n```yaml\n(.*?)```")

// TestTheExampleOfTheDocumentation runs the adapter that docs/adapters.md shows.
func TestTheExampleOfTheDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/adapters.md")
	require.NoError(t, err)
	shown := map[string]string{}
	for _, match := range example.FindAllStringSubmatch(string(page), -1) {
		shown[match[1]] = match[2]
	}
	adapter, problems := adapters.Parse("deskly.yaml", []byte(shown["deskly.yaml"]), contracts.Catalog())
	require.Empty(t, problems.Error())
	tests, problems := conformance.Parse("deskly.tests.yaml", []byte(shown["deskly.tests.yaml"]), adapter)
	require.NoError(t, problems.Err())
	require.Len(t, tests.Tests, 3)
	report, err := conformance.Run(t.Context(), adapter, tests, regexp.MustCompile("^[^/]*/[^/]*$"))
	require.NoError(t, err)
	for _, finding := range report.Findings {
		if strings.HasPrefix(finding.Check, "test:") {
			t.Error(finding)
		}
	}
}
