package adapters_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"crosswalk/adapters"
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
	var tests wireTests
	decoder := yaml.NewDecoder(strings.NewReader(shown["deskly.tests.yaml"]))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&tests))
	require.Len(t, tests.Tests, 3)
	for _, test := range tests.Tests {
		t.Run(test.Name, func(t *testing.T) {
			t.Parallel()
			runWireTest(t, adapter, tests, test)
		})
	}
}
