package intake

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// yamlExample is an example of the documentation.
var yamlExample = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestExamplesOfTheDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/intake.md")
	require.NoError(t, err)
	head, _, _ := strings.Cut(testConfig, "intake:\n")
	config := head + "intake:\n"
	examples := yamlExample.FindAllStringSubmatch(string(text), -1)
	for _, example := range examples {
		for line := range strings.Lines(example[1]) {
			if strings.TrimSpace(line) != "" {
				line = "  " + line
			}
			config += line
		}
	}
	require.Len(t, loadSources(t, config), len(examples))
	require.Len(t, examples, 9)
}
