package robots

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every hazard that the documentation lists names tests, and they exist.
func TestEveryHazardHasItsTest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/robots.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| hazard | test |")
	require.True(t, found)
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "../worker/*_test.go", "../activities/*_test.go", "../workflows/*_test.go", "../cmd/crosswalk/*_test.go", "../e2e/*_test.go", "../e2e/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			tests.Write(source)
		}
	}
	rows := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| ---") {
			continue
		}
		if rows++; rows == 1 {
			continue // the line below the headings
		}
		named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(line, -1)
		require.NotEmpty(t, named, line)
		for _, name := range named {
			require.True(t, strings.Contains(tests.String(), "func "+name[1]+"("), "%s is no test, in %s", name[1], line)
		}
	}
	require.Greater(t, rows, 50)
}
