package workspace

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/rules/spreadsheet"
	"crosswalk/source"
)

const deciding = `usecase: small
input: {n: {type: number, required: true}}
steps:
  - {id: made, decide: size, with: {n: '${input.n}'}}
`

const sizeTable = `rules: 1
table: size
hit: first
facts: {n: {type: number, required: true}}
inputs: [n]
outputs: {big: {type: boolean, required: true}}
rows: |
  id | n    | big
  A  | > 10 | true
  B  | -    | false
`

func loadTables(t *testing.T, files map[string][]byte) (*Workspace, source.Problems) {
	t.Helper()
	dir := t.TempDir()
	files["crosswalk.yaml"], files["usecases/small.yaml"] = []byte("{}\n"), []byte(deciding)
	for name, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return Load(dir)
}

func workbook(t *testing.T, text string) []byte {
	t.Helper()
	s, problems := rules.ReadTable("rules/size.yaml", []byte(text), nil)
	require.NoError(t, problems.Err())
	out, err := spreadsheet.Write(s)
	require.NoError(t, err)
	return out
}

// TestWorkbookTable is a table in a workbook: it is checked, and the bundle holds its text, so that the plan can be made
// again without the workbook.
func TestWorkbookTable(t *testing.T) {
	t.Parallel()
	content := workbook(t, sizeTable)
	w, problems := loadTables(t, map[string][]byte{"rules/size.xlsx": content, "rules/~$size.xlsx": []byte("Excel has it open")})
	require.NoError(t, problems.Err())
	bundle := w.UseCase("small").Bundle
	require.True(t, strings.HasPrefix(bundle.Tables["size"].Text, "{"))
	require.Contains(t, bundle.Tables["size"].Text, `"cell":"[size]!B6"`)
	state, problems := w.State().Workspace(w.Dir)
	require.NoError(t, problems.Err())
	require.Equal(t, w.UseCase("small").Hash, state.UseCase("small").Hash)

	// What only the workbook's bytes say does not matter.
	again, problems := loadTables(t, map[string][]byte{"rules/size.xlsx": bytes.Clone(content)})
	require.NoError(t, problems.Err())
	require.Equal(t, w.UseCase("small").Hash, again.UseCase("small").Hash)

	changed, problems := loadTables(t, map[string][]byte{"rules/size.xlsx": workbook(t, strings.Replace(sizeTable, "> 10", "> 20", 1))})
	require.NoError(t, problems.Err())
	changes := Changes(w.State(), changed.State())
	require.Len(t, changes, 1)
	require.Contains(t, changes[0].Text, `> 20`)
}

func TestWorkbookErrors(t *testing.T) {
	t.Parallel()
	_, problems := loadTables(t, map[string][]byte{"rules/size.xlsx": workbook(t, sizeTable)[:100]})
	require.ErrorContains(t, problems.Err(), "rules/size.xlsx: error: the workbook is damaged")
	_, problems = loadTables(t, map[string][]byte{"rules/size.xlsx": workbook(t, sizeTable), "rules/size.yaml": []byte(sizeTable)})
	require.ErrorContains(t, problems.Err(), "rules/size.xlsx: error: rules/size.yaml is the table size already (keep one of the two files)")
}

// TestWorkbookRows is a YAML table whose rows stand on a sheet.
func TestWorkbookRows(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(sizeTable, "rows:")
	w, problems := loadTables(t, map[string][]byte{"rules/size.yaml": []byte(head + "rows: prices.xlsx#size\n"), "rules/prices.xlsx": workbook(t, sizeTable)})
	require.NoError(t, problems.Err())
	require.Contains(t, w.UseCase("small").Bundle.Tables["size"].Parts, "prices.xlsx#size")
	_, problems = w.State().Workspace(w.Dir)
	require.NoError(t, problems.Err())
	_, problems = loadTables(t, map[string][]byte{"rules/size.yaml": []byte(head + "rows: prices.xlsx\n"), "rules/prices.xlsx": workbook(t, sizeTable)})
	require.ErrorContains(t, problems.Err(), `rules/size.yaml:7:7: error: which sheet of "prices.xlsx" holds the rows? (write rows: prices.xlsx#Sheet)`)
}
