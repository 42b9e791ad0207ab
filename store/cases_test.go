package store

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCreateCaseIsOnePerID(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	made := make([]Case, 20)
	parallel(len(made), func(i int) {
		made[i], _ = s.CreateCase(t.Context(), NewCase{ID: "lead-1", UseCase: "lead", Title: "A lead"})
	})
	for _, c := range made {
		require.NotEmpty(t, c.Reference)
		require.Equal(t, made[0].Reference, c.Reference)
	}
	other, err := s.CreateCase(t.Context(), NewCase{UseCase: "lead"})
	require.NoError(t, err)
	require.NotEqual(t, "lead-1", other.ID)
	require.NotEqual(t, made[0].Reference, other.Reference)
}

// A case that waits for the items of a long loop is parked as long as one of them waits for a person's repair, and not
// for any other task.
func TestCaseIsParkedByAnItem(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	_, err := s.CreateCase(t.Context(), NewCase{ID: "long", UseCase: "lead"})
	require.NoError(t, err)
	require.NoError(t, s.SetProgress(t.Context(), "long", Progress{Seq: 1, State: CaseWaiting, Stage: "all", WaitingFor: "all", WaitingKind: "items", WaitingSince: clock.Now()}))
	is := func(state CaseState) {
		t.Helper()
		found, err := s.Case(t.Context(), "long")
		require.NoError(t, err)
		require.Equal(t, state, found.State)
		for _, one := range []CaseState{CaseWaiting, CaseParked} {
			n, err := s.CountCases(t.Context(), CaseFilter{States: []CaseState{one}})
			require.NoError(t, err)
			require.Equal(t, one == state, n == 1, one)
		}
		n, err := s.CountCases(t.Context(), CaseFilter{States: []CaseState{CaseWaiting, CaseParked}})
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	is(CaseWaiting)
	_, err = s.OpenTask(t.Context(), Task{ID: "person", CaseID: "long", StepPath: "all[1].solve", Generation: 1, Kind: TaskComplete, Queue: "q"})
	require.NoError(t, err)
	is(CaseWaiting)
	broken, err := s.OpenTask(t.Context(), Task{ID: "broken", CaseID: "long", StepPath: "all[2].share", Generation: 1, Kind: TaskRepair, Queue: "q"})
	require.NoError(t, err)
	is(CaseParked)
	_, err = s.Answer(t.Context(), broken.ID, broken.Version, Actor{User: "op", All: true}, "skip", json.RawMessage(`{"act": "skip"}`))
	require.NoError(t, err)
	is(CaseWaiting)
	_, err = s.OpenTask(t.Context(), Task{ID: "doubt", CaseID: "long", StepPath: "all[3].told", Generation: 1, Kind: TaskConfirm, Queue: "q"})
	require.NoError(t, err)
	is(CaseParked)
}

func TestCasesAreFound(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	for _, begin := range []NewCase{
		{ID: "one", UseCase: "complaint", Title: "Kaputte Lampe, 100% Ärger", ContactKeys: []string{"anna@example.com", "+491701"}},
		{ID: "two", UseCase: "complaint", Title: "Broken_lamp", ContactKeys: []string{"bo@example.com"}},
		{ID: "three", UseCase: "lead", Title: "Lamp for the office", ThreadKeys: []string{"mail:x"}},
	} {
		_, err := s.CreateCase(t.Context(), begin)
		require.NoError(t, err)
		c.Advance(time.Hour)
	}
	require.NoError(t, s.SetProgress(t.Context(), "two", Progress{Seq: 1, State: CaseWaiting, Stage: "stock", WaitingFor: "warehouse", WaitingKind: "system", WaitingSince: c.Now(), Keywords: "Bo Ødegård"}))
	require.NoError(t, s.EndCase(t.Context(), "three", End{State: CaseDone, Outcome: "sold"}))
	start := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

	for name, test := range map[string]struct {
		filter CaseFilter
		want   []string
	}{
		"all, newest first":    {CaseFilter{}, []string{"three", "two", "one"}},
		"oldest first":         {CaseFilter{Oldest: true}, []string{"one", "two", "three"}},
		"page":                 {CaseFilter{Limit: 1, Offset: 1}, []string{"two"}},
		"state":                {CaseFilter{States: []CaseState{CaseDone, CaseWaiting}}, []string{"three", "two"}},
		"open":                 {CaseFilter{Open: true}, []string{"two", "one"}},
		"waiting":              {CaseFilter{Waiting: true}, []string{"two"}},
		"use case":             {CaseFilter{UseCases: []string{"lead"}}, []string{"three"}},
		"contact":              {CaseFilter{Contact: "+491701"}, []string{"one"}},
		"since":                {CaseFilter{Since: start}, []string{"three", "two"}},
		"until":                {CaseFilter{Until: start}, []string{"one"}},
		"words in any order":   {CaseFilter{Text: "lampe kaputte"}, []string{"one"}},
		"other scripts' case":  {CaseFilter{Text: "ÄRGER"}, []string{"one"}},
		"a keyword":            {CaseFilter{Text: "ødegård"}, []string{"two"}},
		"part of an address":   {CaseFilter{Text: "@example.com"}, []string{"two", "one"}},
		"percent is a letter":  {CaseFilter{Text: "100%"}, []string{"one"}},
		"underscore is, too":   {CaseFilter{Text: "n_l"}, []string{"two"}},
		"quotes are no SQL":    {CaseFilter{Text: "' OR 1=1 --"}, nil},
		"a word that has none": {CaseFilter{Text: "lamp nowhere"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := s.Cases(t.Context(), test.filter)
			require.NoError(t, err)
			var ids []string
			for _, c := range found {
				ids = append(ids, c.ID)
			}
			require.Equal(t, test.want, ids)
			if test.filter.Limit == 0 {
				n, err := s.CountCases(t.Context(), test.filter)
				require.NoError(t, err)
				require.Equal(t, len(test.want), n)
			}
		})
	}

	open, err := s.OpenCasesByContact(t.Context(), []string{"bo@example.com", "unknown"})
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.NoError(t, s.AddContactKeys(t.Context(), "one", []string{"bo@example.com", "", "bo@example.com"}))
	keys, err := s.ContactKeys(t.Context(), "one")
	require.NoError(t, err)
	require.Equal(t, []string{"+491701", "anna@example.com", "bo@example.com"}, keys)
	none, err := s.OpenCasesByContact(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = s.Case(t.Context(), "four")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestAReplyToOurMailJoins(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	first, err := s.StoreEntry(t.Context(), mail("a"))
	require.NoError(t, err)
	require.NoError(t, s.AddThreadKeys(t.Context(), first.Entry.CaseID, []string{"mail:ack-1"}))
	reply := mail("b")
	reply.ThreadKeys = []string{"mail:b", "mail:ack-1"}
	second, err := s.StoreEntry(t.Context(), reply)
	require.NoError(t, err)
	require.Equal(t, first.Entry.CaseID, second.Entry.CaseID)
}

func TestProgressInOrder(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	_, err := s.CreateCase(t.Context(), NewCase{ID: "one", UseCase: "complaint", Title: "first"})
	require.NoError(t, err)
	since := c.Now()
	waiting := Progress{Seq: 5, State: CaseWaiting, Stage: "stock", WaitingFor: "warehouse", WaitingKind: "system", WaitingSince: since}
	for _, progress := range []Progress{
		{Seq: 1, State: CaseOpen, Stage: "customer", Title: "second"},
		waiting,
		{Seq: 4, State: CaseOpen, Stage: "invoices", Title: "late"},
	} {
		require.NoError(t, s.SetProgress(t.Context(), "one", progress))
	}
	found, err := s.Case(t.Context(), "one")
	require.NoError(t, err)
	require.Equal(t, "second", found.Title)
	require.Equal(t, CaseWaiting, found.State)
	require.Equal(t, "stock", found.Stage)
	require.Equal(t, since, found.WaitingSince)

	require.NoError(t, s.EndCase(t.Context(), "one", End{State: CaseDone, Outcome: "replaced", Result: json.RawMessage(`{"n":1.10}`), At: since.Add(time.Hour)}))
	require.NoError(t, s.EndCase(t.Context(), "one", End{State: CaseFailed}))
	waiting.Seq = 9
	require.NoError(t, s.SetProgress(t.Context(), "one", waiting))
	ended, err := s.Case(t.Context(), "one")
	require.NoError(t, err)
	require.True(t, ended.Ended())
	require.Equal(t, CaseDone, ended.State)
	require.Equal(t, "replaced", ended.Outcome)
	require.Empty(t, ended.WaitingFor)
	require.Equal(t, since.Add(time.Hour), ended.EndedAt)
	require.Equal(t, `{"n":1.10}`, string(ended.Result)) // byte for byte
}
