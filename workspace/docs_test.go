package workspace

import (
	"os"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// TestDocumentation puts the examples of the reference together into a workspace, which must be right.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/workspace.md")
	require.NoError(t, err)
	holidays := regexp.MustCompile("(?s)```csv\n(.*?)```").FindSubmatch(text)
	require.NotNil(t, holidays)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	require.Len(t, blocks, 3)
	w, problems := Load(write(t,
		txtar.File{Name: "crosswalk.yaml", Data: blocks[0][1]},
		txtar.File{Name: "holidays.csv", Data: holidays[1]},
		txtar.File{Name: "roles.yaml", Data: blocks[1][1]},
		txtar.File{Name: "contracts/returns.yaml", Data: blocks[2][1]},
		txtar.File{Name: "usecases/question.yaml", Data: []byte("usecase: question\ninput: {text: {type: string, required: true}, email: string}\n" +
			"steps:\n  - {id: answer, ask: {queue: front-desk, what: complete, show: {Question: '${input.text}', From: '${input.email}'}}}\n")},
	))
	require.Empty(t, problems.Error())
	require.Contains(t, w.Contracts, "returns")
	require.Len(t, w.Config.Intake, 6)
}
