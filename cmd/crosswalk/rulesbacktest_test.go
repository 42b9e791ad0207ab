package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/workspace"
)

// TestBacktest changes a table in its folder and sees which recorded decisions that changes.
func TestBacktest(t *testing.T) {
	t.Parallel()
	dir, cases := decidedWorkspace(t, 20) // 4 of smoke, 8 with a number to call, 8 without
	table := filepath.Join(dir, "rules", "urgency.yaml")
	flags := []string{"--dir", dir}
	backtest := func(args ...string) (string, string, int) {
		return said(t, append(append([]string{"rules", "backtest"}, args...), flags...)...)
	}

	out, problems, code := backtest("urgency")
	require.Equal(t, 0, code, problems)
	require.Contains(t, out, "20 decisions of urgency, 2026-01-01 to 2026-01-20, against what is in force: 20 the same, 0 change")

	editFile(t, table, "U03 | -      | false       | later", "U03 | -      | false       | today")
	out, problems, code = backtest("urgency")
	require.Equal(t, exitContent, code, problems)
	require.Contains(t, out, `12 the same, 8 change`)
	require.Contains(t, out, `8: row U03 {"level":"later","reason":"first find out how to reach them"}`)
	require.Contains(t, out, `→ row U03 {"level":"today","reason":"first find out how to reach them"}`)
	require.Contains(t, out, cases[1].Reference, "what people call the case")
	require.NotContains(t, out, cases[1].ID)
	require.Contains(t, out, "… and 5 more")

	out, _, code = backtest("urgency", "--json", "--from", "2026-01-02", "--to", "2026-01-02", "--usecase", "callback", "--value", "len(text)")
	require.Equal(t, exitContent, code)
	var report workspace.BacktestReport
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Equal(t, 1, report.Decisions)
	require.Equal(t, "13", report.Groups[0].Total)
	require.Equal(t, cases[1].ID, report.Groups[0].Examples[0].Case)
	require.Equal(t, cases[1].Reference, report.Groups[0].Examples[0].Reference)
	out, _, code = backtest("urgency", "--usecase", "other")
	require.Equal(t, 0, code)
	require.Contains(t, out, "no decision of the table urgency is recorded")

	// What is in force is what a change is compared with, and what was recorded if that is asked for.
	publishFolder(t, dir)
	out, _, code = backtest("urgency")
	require.Equal(t, 0, code)
	require.Contains(t, out, "20 were made by an earlier version of the table")
	out, _, code = backtest("urgency", "--against", "recorded")
	require.Equal(t, exitContent, code)
	require.Contains(t, out, "against what was recorded: 12 the same, 8 change")

	// A file of its own with a new column that needs what was not recorded, and one without a fact that was.
	text, err := os.ReadFile(table)
	require.NoError(t, err)
	needs := filepath.Join(t.TempDir(), "needs.yaml")
	require.NoError(t, os.WriteFile(needs, text, 0o600))
	editFile(t, needs, "hit: first", "hit: first\nvalue: 1 + 1")
	editFile(t, needs, "  phone_known: {type: boolean, required: true}", "  phone_known: {type: boolean, required: true}\n  country: {type: string, required: true}")
	out, _, code = backtest(needs)
	require.Equal(t, exitContent, code)
	require.Contains(t, out, "20 cannot be evaluated any more")
	require.Contains(t, out, "20 cannot be evaluated: country: is missing")
	fewer := filepath.Join(t.TempDir(), "fewer.csv")
	require.NoError(t, os.WriteFile(fewer, []byte("# rules: 1\n# table: urgency\n# hit: unique\n# facts: {text: {type: string, required: true}}\n# inputs: [text]\n# outputs: {level: string}\nid,text,level\nA,contains tap,now\n"), 0o600))
	out, _, code = backtest(fewer, "--against", "recorded")
	require.Equal(t, exitContent, code)
	require.Contains(t, out, "0 the same, 20 change")
	require.Contains(t, out, "→ no decision: urgency: no row matches these facts")

	// A draft in the store.
	_, problems, code = said(t, "drafts", "write", "sooner", "rules/urgency.yaml", "--from", needs, "--dir", dir)
	require.Equal(t, 0, code, problems)
	_, problems, code = backtest("urgency", "--draft", "nothing")
	require.Equal(t, exitContent, code)
	require.Contains(t, problems, "there is no draft nothing")

	for problem, args := range map[string][]string{
		"--against is inforce or recorded": {"urgency", "--against", "yesterday"}, "write a day as in 2026-03-31": {"urgency", "--from", "May"},
		"--from is after --to": {"urgency", "--from", "2026-02-01", "--to", "2026-01-01"}, "expected a number, found text": {"urgency", "--value", "text"}, "needs 1 argument": {},
	} {
		_, problems, code = backtest(args...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, problems, problem)
	}
}
