package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWriteRecordTwice(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	_, err := s.CreateCase(t.Context(), NewCase{ID: "one", UseCase: "complaint"})
	require.NoError(t, err)
	at := c.Now()
	record := Record{
		CaseID: "one",
		Steps: []StepResult{
			{Path: "customer", Ordinal: 1, Kind: "call", Title: "Customer", System: "crm", Operation: "crm.find_customer", Driver: "hubspot", DriverHash: "d1",
				StartedAt: at, FinishedAt: at.Add(time.Second), Result: json.RawMessage(`{"id":"301"}`), Evidence: "blob"},
			{Path: "invoices", Ordinal: 2, Kind: "call", StartedAt: at, FinishedAt: at.Add(2 * time.Second), ErrorClass: "unavailable", ErrorMessage: "down"},
		},
		Decisions: []Decision{{Path: "warranty", At: at, Table: "warranty", TableHash: "t1", Row: "lamps", Why: "24 months",
			Facts: json.RawMessage(`{"category":"lamp"}`), FactsHash: "f1", Outputs: json.RawMessage(`{"covered":true}`)}},
		Events:   []Event{{Key: "w1", At: at, Kind: "step", Text: "Customer found", Who: ""}},
		Progress: &Progress{Seq: 3, State: CaseParked, Stage: "invoices", WaitingFor: "invoicing"},
	}
	for range 2 {
		require.NoError(t, s.WriteRecord(t.Context(), record))
	}
	steps, err := s.Steps(t.Context(), "one")
	require.NoError(t, err)
	require.Len(t, steps, 2)
	want := record.Steps[0]
	want.CaseID = "one"
	require.Equal(t, want, steps[0])
	decisions, err := s.Decisions(t.Context(), "one")
	require.NoError(t, err)
	require.Len(t, decisions, 1)
	require.Equal(t, "24 months", decisions[0].Why)
	found, err := s.Case(t.Context(), "one")
	require.NoError(t, err)
	require.Equal(t, CaseParked, found.State)

	// The step succeeds later; a late repetition of the failure does not undo that; a redo is kept beside it.
	later := Record{CaseID: "one", Steps: []StepResult{
		{Path: "invoices", Ordinal: 2, Kind: "call", StartedAt: at, FinishedAt: at.Add(time.Hour), Result: json.RawMessage(`[]`)},
		{Path: "invoices", Generation: 2, Ordinal: 3, Kind: "call", FinishedAt: at.Add(time.Hour)},
	}, Events: []Event{{Key: "w2", At: at.Add(time.Hour), Kind: "end", Text: "Done"}}}
	require.NoError(t, s.WriteRecord(t.Context(), later))
	require.NoError(t, s.WriteRecord(t.Context(), record))
	require.NoError(t, s.WriteRecord(t.Context(), Record{CaseID: "one", End: &End{State: CaseDone, Outcome: "replaced"}}))
	otherwise := Record{CaseID: "one", End: &End{State: CaseCancelled}, Events: []Event{{Key: "w3", At: at, Kind: "undoing"}}}
	require.ErrorIs(t, s.WriteRecord(t.Context(), otherwise), ErrCaseEnded)
	require.NoError(t, s.AddEvent(t.Context(), Event{CaseID: "one", At: at.Add(time.Minute), Kind: "note", Text: "Called back", Who: "ann"}))
	steps, err = s.Steps(t.Context(), "one")
	require.NoError(t, err)
	require.Len(t, steps, 3)
	require.Equal(t, "[]", string(steps[1].Result))
	require.Empty(t, steps[1].ErrorClass)
	timeline, err := s.Timeline(t.Context(), "one")
	require.NoError(t, err)
	var texts []string
	for _, event := range timeline {
		texts = append(texts, event.Text)
	}
	require.Equal(t, []string{"Customer found", "Called back", "Done"}, texts)
	found, err = s.Case(t.Context(), "one")
	require.NoError(t, err)
	require.Equal(t, CaseDone, found.State)

	require.Equal(t, decisions, each(t, s, DecisionFilter{Table: "warranty", Since: at, UseCase: "complaint"}))
	require.Empty(t, each(t, s, DecisionFilter{Table: "warranty", Since: at.Add(time.Second)}))
	require.Empty(t, each(t, s, DecisionFilter{Table: "warranty", Until: at}))
	require.Empty(t, each(t, s, DecisionFilter{Table: "warranty", UseCase: "return"}))
}

func each(t *testing.T, s *Store, filter DecisionFilter) []Decision {
	t.Helper()
	var all []Decision
	require.NoError(t, s.EachDecision(t.Context(), filter, func(d Decision) error { all = append(all, d); return nil }))
	count, err := s.CountDecisions(t.Context(), filter)
	require.NoError(t, err)
	require.Len(t, all, count)
	return all
}

// TestEachDecision reads more decisions than are held at a time, several of one instant, and each once.
func TestEachDecision(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	at := c.Now()
	_, err := s.CreateCase(t.Context(), NewCase{ID: "many", UseCase: "complaint"})
	require.NoError(t, err)
	record := Record{CaseID: "many"}
	want := map[string]bool{}
	for i := range 3*decisionsAtATime/2 + 7 {
		path := fmt.Sprintf("lines[%d].check", i)
		want[path] = true
		record.Decisions = append(record.Decisions, Decision{Path: path, Generation: 1, At: at.Add(time.Duration(i/400) * time.Second), Table: "check", Row: "R1", Facts: json.RawMessage(`{}`)})
	}
	record.Decisions = append(record.Decisions, Decision{Path: "lines[3].check", Generation: 2, At: at.Add(time.Hour), Table: "check", Row: "R2", Facts: json.RawMessage(`{}`)},
		Decision{Path: "other", Generation: 1, At: at, Table: "other", Row: "R1", Facts: json.RawMessage(`{}`)})
	require.NoError(t, s.WriteRecord(t.Context(), record))
	all := each(t, s, DecisionFilter{Table: "check"})
	require.Len(t, all, len(want))
	for _, d := range all {
		require.True(t, want[d.Path], d.Path)
		delete(want, d.Path)
		require.Equal(t, d.Path == "lines[3].check", d.Row == "R2", "of a step that was done again, the last decision")
	}
	stopped := errors.New("enough")
	require.ErrorIs(t, s.EachDecision(t.Context(), DecisionFilter{Table: "check"}, func(Decision) error { return stopped }), stopped)
}
