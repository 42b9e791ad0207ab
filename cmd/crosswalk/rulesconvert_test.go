package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSpreadsheetDocumentation holds docs/spreadsheets.md to what testdata/script/spreadsheets.txt runs.
func TestSpreadsheetDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/spreadsheets.md")
	require.NoError(t, err)
	script, err := os.ReadFile("testdata/script/spreadsheets.txt")
	require.NoError(t, err)
	count := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			require.Contains(t, string(script), "exec "+line)
			count++
		}
	}
	require.Positive(t, count)
}
