package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ofVersions is the table of rates with one file for each "file: days: rate".
func ofVersions(t *testing.T, versions ...string) *Table {
	t.Helper()
	files, list := map[string]string{}, ""
	for _, one := range versions {
		parts := strings.Split(one, ": ")
		text, _, _ := strings.Cut(version(strings.ReplaceAll(parts[1], "=", ": "), ""), "rows: |")
		files[parts[0]] = text + "rows: |\n  id | Total | rate\n  R1 | <= 100 | " + parts[2] + "\n  R2 | > 100 | 0\n"
		list += "  - " + parts[0] + "\n"
	}
	text, _, _ := strings.Cut(ratesTable, "  - ")
	table, problems := ParseTable("rules/rates.yaml", []byte(text+list), reader(files))
	require.NoError(t, problems.Err())
	return table
}

func TestDiffOfVersions(t *testing.T) {
	t.Parallel()
	const first, second = "a.yaml: from=2025-01-01, to=2025-12-31, : 5", "b.yaml: from=2026-01-01, : 6"
	old := ofVersions(t, first, second)

	d := Diff(old, ofVersions(t, first, "renamed.yaml: from=2026-01-01, : 6"), 0)
	require.True(t, d.Same, "%+v", d)
	require.Empty(t, d.Changes)

	d = Diff(old, ofVersions(t, first, "b.yaml: from=2026-01-01, : 7"), 0)
	require.False(t, d.Same)
	require.Empty(t, d.Types)
	require.Empty(t, d.Unchecked)
	require.NotEmpty(t, d.Changes)
	for _, change := range d.Changes {
		require.True(t, change.Proven, change.Text)
		require.True(t, strings.HasPrefix(change.Text, "from 2026-01-01: "), change.Text)
		require.GreaterOrEqual(t, change.Example.Get("invoice").Get("date").String(), "2026-01-01", "a day of the version that changed")
		require.NotEqual(t, change.Was, change.Is)
	}

	d = Diff(old, ofVersions(t, first, "b.yaml: from=2026-01-01, to=2026-06-30, : 6", "c.yaml: from=2026-07-01, : 8"), 0)
	require.False(t, d.Same)
	require.NotEmpty(t, d.Changes)
	for _, change := range d.Changes {
		require.True(t, strings.HasPrefix(change.Text, "from 2026-07-01: "), change.Text)
	}

	d = Diff(old, ofVersions(t, "a.yaml: from=2024-01-01, to=2025-12-31, : 5", "b.yaml: from=2026-01-01, to=2026-12-31, : 6"), 0)
	require.False(t, d.Same)
	require.Empty(t, d.Changes)
	slices.Sort(d.Types)
	require.Equal(t, []string{"the days from 2024-01-01 to 2024-12-31 are new", "the days from 2027-01-01 are gone"}, d.Types)
}
