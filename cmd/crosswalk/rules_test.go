package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// decidedWorkspace is a new workspace in force, with cases that its table urgency decided.
func decidedWorkspace(t *testing.T, cases int) (dir string, made []store.Case) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "acme")
	_, err := workspace.Init(dir)
	require.NoError(t, err)
	publishFolder(t, dir)
	s, err := store.Open(t.Context(), filepath.Join(dir, ".crosswalk"))
	require.NoError(t, err)
	defer s.Close()
	w, _ := workspace.Load(dir)
	table, _ := w.RuleTable("urgency")
	for i := range cases {
		known := i%2 == 0
		text := "the tap drips"
		if i%5 == 4 {
			text = "there is smoke"
		}
		facts, err := json.Marshal(map[string]any{"text": text, "phone_known": known})
		require.NoError(t, err)
		decision, err := table.Rules.Decide(plainFacts(t, facts))
		require.NoError(t, err)
		outputs, err := json.Marshal(decision.Outputs)
		require.NoError(t, err)
		one, err := s.CreateCase(t.Context(), store.NewCase{UseCase: "callback"})
		require.NoError(t, err)
		require.NoError(t, s.WriteRecord(t.Context(), store.Record{CaseID: one.ID, Decisions: []store.Decision{{Path: "urgency", Generation: 1, At: time.Date(2026, 1, 1+i, 12, 0, 0, 0, time.UTC),
			Table: "urgency", TableHash: decision.Hash, Row: decision.Row, Why: decision.Why, Facts: facts, FactsHash: decision.FactsHash, Outputs: outputs}}}))
		made = append(made, one)
	}
	return dir, made
}

func plainFacts(t *testing.T, text []byte) rules.Value {
	t.Helper()
	v, err := rules.FromJSON(text)
	require.NoError(t, err)
	return v
}

func publishFolder(t *testing.T, dir string) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(dir, ".crosswalk"))
	require.NoError(t, err)
	defer s.Close()
	w, problems := workspace.Load(dir)
	require.NoError(t, problems.Err())
	_, err = w.Publish(t.Context(), s, "ada", "")
	require.NoError(t, err)
}

func editFile(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), from)
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o600))
}

// said runs a command line and returns what it prints and its exit code.
func said(t *testing.T, args ...string) (out, problems string, code int) {
	t.Helper()
	root := rootCommand()
	var stdout, stderr bytes.Buffer
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil {
		code = exitUsage
		if known, ok := err.(failure); ok {
			code = known.code
		}
		stderr.WriteString(err.Error())
	}
	return stdout.String(), stderr.String(), code
}

// TestExplainACase explains a decision of a case by the table as it was, after it was changed and published anew.
func TestExplainACase(t *testing.T) {
	t.Parallel()
	dir, cases := decidedWorkspace(t, 5)
	editFile(t, filepath.Join(dir, "rules", "urgency.yaml"), "U03 | -      | false       | later", "U03 | -      | false       | today")
	editFile(t, filepath.Join(dir, "rules", "urgency.yaml"), "U02 ", "V02 ")
	publishFolder(t, dir)

	out, problems, code := said(t, "rules", "explain", "--case", cases[1].Reference, "--dir", dir)
	require.Equal(t, 0, code, problems)
	require.Contains(t, out, "urgency, decided at ")
	require.Contains(t, out, "Row U03 decided: level: later, reason: first find out how to reach them")
	require.Contains(t, out, "U02          Phone known is false, the row wants true")
	require.Contains(t, out, "row U02 matches, and row U02 decides: level: today")
	require.NotContains(t, out, "note:")

	out, _, code = said(t, "rules", "explain", "--case", cases[4].ID, "urgency", "--dir", dir, "--json")
	require.Equal(t, 0, code)
	var document struct {
		Decisions []struct {
			Step, Hash string
			Decided    []string
			Rows       []struct{ Row, Verdict string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &document))
	require.Equal(t, []string{"U01"}, document.Decisions[0].Decided)
	require.Len(t, document.Decisions[0].Rows, 3)

	_, problems, code = said(t, "rules", "explain", "--case", cases[0].ID, "stock", "--dir", dir)
	require.Equal(t, exitContent, code)
	require.Contains(t, problems, `no decision of the step "stock": there are urgency`)
}
