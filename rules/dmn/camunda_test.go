package dmn

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

// TestCamundaNames is a model as Camunda's Modeler writes it: a table reads what another decided by the name of its
// output, or by the id of the decision, and nothing has a variable.
func TestCamundaNames(t *testing.T) {
	t.Parallel()
	sources := read(t, "dinner.dmn")
	require.Len(t, sources, 3)
	for facts, want := range map[string]string{
		`{"temperature": 5, "day": "2026-01-02", "guestCount": 8}`:   `{"dish":"Roastbeef","price":100}`,
		`{"temperature": 5, "day": "2026-01-02", "guestCount": 9}`:   `{"dish":"Stew"}`,
		`{"temperature": 20, "day": "2026-07-01", "guestCount": 20}`: `{"dish":"Steak","price":20}`,
	} {
		require.Equal(t, want, decide(t, sources, facts), facts)
	}
	chain, problems := rules.CompileTable(sources[2])
	require.NoError(t, problems.Err())
	_, asked := chain.Facts.Field("season")
	require.False(t, asked, "it is decided by the model")

	content, err := os.ReadFile("testdata/dinner.dmn")
	require.NoError(t, err)
	changed := func(change ...string) []byte {
		return []byte(strings.NewReplacer(change...).Replace(string(content)))
	}
	for name, model := range map[string][]byte{
		"by its id":              changed("<text>season</text>", "<text>Decision_season</text>"),
		"named as a function":    changed("<text>season</text>", "<text>date</text>", `name="season"`, `name="date"`),
		"one of several outputs": changed(`<output id="Output_s1"`, `<output id="Output_s0" name="sure" typeRef="boolean"/><output id="Output_s1"`, `<outputEntry id="LiteralExpression_s`, `<outputEntry><text>true</text></outputEntry><outputEntry id="LiteralExpression_s`),
	} {
		sources, problems := Read("dinner.dmn", model)
		require.NoError(t, problems.Err(), name)
		require.Equal(t, `{"dish":"Roastbeef","price":100}`, decide(t, sources, `{"temperature": 5, "day": "2026-01-02", "guestCount": 8}`), name)
	}

	// What the model declares itself goes before.
	declared := changed(`<inputData id="InputData_guests" name="Guest count" />`, `<inputData id="InputData_guests" name="season" />`)
	sources, problems = Read("dinner.dmn", declared)
	require.NoError(t, problems.Err())
	require.Equal(t, `{"dish":"Steak","price":20}`, decide(t, sources, `{"temperature": 5, "day": "2026-01-02", "guestCount": 8, "season": "Summer"}`))
}
