package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
)

// Tests may stand in a workbook of their own beside the table, on the sheet tests.
func TestTestsInAWorkbook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table := "rules: 1\ntable: route\nfacts: {amount: {type: number, required: true}}\nhit: first\ninputs: [amount]\noutputs: {to: {type: string, required: true}}\nrows: |\n  id | amount | to\n  R1 | <= 10 | auto\n  R2 | - | manager\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "route.yaml"), []byte(table), 0o600))
	book := excelize.NewFile()
	_, err := book.NewSheet("tests")
	require.NoError(t, err)
	for at, row := range [][]any{{"id", "amount", "=> to"}, {"T1", "10", "auto"}, {"T2", "11", "auto"}} {
		for column, text := range row {
			cell, err := excelize.CoordinatesToCellName(column+1, at+1)
			require.NoError(t, err)
			require.NoError(t, book.SetCellStr("tests", cell, text.(string)))
		}
	}
	require.NoError(t, book.SaveAs(filepath.Join(dir, "route.tests.xlsx")))
	chosen, problems, err := tableFromFile(filepath.Join(dir, "route.yaml"))
	require.NoError(t, err)
	require.NoError(t, problems.Err())
	all, problems, err := readTableTests(chosen)
	require.NoError(t, err)
	require.NoError(t, problems.Err())
	require.Len(t, all, 1)
	all[0].run()
	require.Len(t, all[0].Results, 2)
	require.True(t, all[0].Results[0].OK)
	require.False(t, all[0].Results[1].OK)
	require.Equal(t, []string{"to: expected auto, found manager"}, all[0].Results[1].Failures)
}
