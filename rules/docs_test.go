package rules

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/source"
)

// TestDocumentation runs every example of docs/expressions.md and finds functions that have none.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../docs/expressions.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```([a-z ]+)\n(.*?)```").FindAllStringSubmatch(string(content), -1)
	var types *Type
	var facts Value
	var examples []string
	for _, block := range blocks {
		switch block[1] {
		case "yaml types":
			doc := source.Parse("docs/expressions.md", []byte(block[2]))
			types = ParseFields(doc.Root)
			require.NoError(t, doc.Problems().Err())
		case "json facts":
			facts, err = Decode(types, []byte(block[2]))
			require.NoError(t, err)
		case "expr":
			examples = append(examples, strings.Split(strings.TrimSpace(block[2]), "\n")...)
		}
	}
	variables := map[string]Value{}
	for i, key := range facts.Keys() {
		variables[key] = facts.Items()[i]
	}
	for _, example := range examples {
		text, want, ok := strings.Cut(example, " => ")
		require.True(t, ok, example)
		x, err := Compile(text, NewEnvironment(types), Options{})
		require.NoError(t, err, text)
		v, err := x.Eval(variables)
		require.NoError(t, err, text)
		require.Equal(t, want, string(v.Plain()), text)
	}
	for _, name := range FunctionNames() {
		shown := slices.ContainsFunc(examples, func(example string) bool { return regexp.MustCompile(`\b` + name + `\(`).MatchString(example) })
		require.True(t, shown, "docs/expressions.md has no example of %s", name)
	}
}

// TestTableDocumentation parses the tables of docs/rule-tables.md.
func TestTableDocumentation(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../docs/rule-tables.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```(yaml|csv) table\n(.*?)```").FindAllStringSubmatch(string(content), -1)
	require.Len(t, blocks, 4)
	for _, block := range blocks {
		table, problems := ParseTable("rules/example."+block[1], []byte(block[2]), nil)
		require.NoError(t, problems.Err())
		require.NotEmpty(t, table.Rows())
	}
	files := reader(map[string]string{
		"rates.2026.yaml": blocks[2][2],
		"risk.yaml":       riskTable, "approver.yaml": strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(whoTable, "who-approves", "approver"), "Risk: decisions.risk", "Risk: points"), "decisions: {required: true, properties: {risk: {type: number, required: true}}}", "points: {type: number, required: true}")})
	combined := regexp.MustCompile("(?s)```yaml\n(rules: 1.*?)```").FindAllStringSubmatch(string(content), -1)
	require.Len(t, combined, 2)
	for _, block := range combined {
		text := strings.Replace(block[1], "  - rates.2025.yaml\n", "", 1) // its rows are those of 2026
		_, problems := ParseTable("rules/example.yaml", []byte(text), files)
		require.NoError(t, problems.Err())
	}
}
