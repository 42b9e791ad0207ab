package usecases

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	nameLine  = regexp.MustCompile(`usecase: (\S+)`)
)

// TestDocumentation runs every example of the reference through the checker. A list of steps is put into a
// use case around it, with a customer if it does not find one itself.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/usecases.md")
	require.NoError(t, err)
	blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(blocks), 10)
	for _, block := range blocks {
		example := block[1]
		if strings.HasPrefix(example, "- ") {
			head := "usecase: example\ninput: {email: string, product: string, text: {type: string, required: true}, count: {type: number, required: true}, on: date,\n" +
				"  lines: {type: array, items: {type: object, properties: {sku: {type: string, required: true}}}}}\nsteps:\n"
			if !strings.Contains(example, "id: customer\n") {
				head += "  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}}\n  - {id: seen, set: {value: '${customer.name}'}}\n"
			}
			example = head + "  " + strings.ReplaceAll(strings.TrimRight(example, "\n"), "\n", "\n  ") + "\n"
		}
		name := nameLine.FindStringSubmatch(example)
		require.NotNil(t, name, example)
		_, problems := Check(name[1]+".yaml", []byte(example), testEnvironment())
		require.Empty(t, problems.Error(), example)
	}
}
