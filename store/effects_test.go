package store

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ticket() Effect {
	return Effect{Key: "k1", CaseID: "c1", StepPath: "task", System: "support", Operation: "support.create_task", Driver: "zendesk",
		Safety: "idempotency_key", RequestHash: "r1", Request: json.RawMessage(`{"title":"Lamp"}`)}
}

func TestEffectHappens(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	begun, fresh, err := s.BeginEffect(t.Context(), ticket(), []ReadResult{{Path: "customer", Result: json.RawMessage(`{"id":"301"}`)}})
	require.NoError(t, err)
	require.True(t, fresh)
	require.Equal(t, EffectIntent, begun.State)
	read, found, err := s.ReadResult(t.Context(), "c1", "customer")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, `{"id":"301"}`, string(read))

	sent, err := s.EffectSent(t.Context(), "k1")
	require.NoError(t, err)
	require.Equal(t, 1, sent.Attempts)
	again, err := s.EffectSent(t.Context(), "k1")
	require.NoError(t, err)
	require.Equal(t, 2, again.Attempts)
	require.Equal(t, sent.FirstSentAt, again.FirstSentAt)

	confirmed, err := s.ConfirmEffect(t.Context(), "k1", json.RawMessage(`{"id":"T1"}`), "T1")
	require.NoError(t, err)
	repeated, err := s.ConfirmEffect(t.Context(), "k1", json.RawMessage(`{"id":"T2"}`), "T2")
	require.NoError(t, err)
	require.Equal(t, confirmed, repeated)
	stored, fresh, err := s.BeginEffect(t.Context(), ticket(), nil)
	require.NoError(t, err)
	require.False(t, fresh)
	require.Equal(t, confirmed, stored)

	_, err = s.EffectSent(t.Context(), "k1")
	require.ErrorIs(t, err, ErrEffectState)
	_, err = s.VoidEffect(t.Context(), confirmed, "x")
	require.ErrorIs(t, err, ErrEffectState)
	_, err = s.MarkEffectUnknown(t.Context(), "k1", "x")
	require.ErrorIs(t, err, ErrEffectState)
	_, err = s.ConfirmEffect(t.Context(), "k2", nil, "")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestBeginEffectAgain(t *testing.T) {
	t.Parallel()
	to := func(states ...EffectState) []EffectState { return states }
	for _, test := range []struct {
		name     string
		before   []EffectState
		hash     string
		fresh    bool
		conflict bool
		state    EffectState
	}{
		{"intent, same request", nil, "r1", false, false, EffectIntent},
		{"intent, other request: nothing was sent", nil, "r2", true, false, EffectIntent},
		{"sent, same request", to(EffectSent), "r1", false, false, EffectSent},
		{"sent, other request", to(EffectSent), "r2", false, true, EffectSent},
		{"unknown, same request", to(EffectSent, EffectUnknown), "r1", false, false, EffectUnknown},
		{"unknown, other request", to(EffectSent, EffectUnknown), "r2", false, true, EffectUnknown},
		{"confirmed, same request", to(EffectSent, EffectConfirmed), "r1", false, false, EffectConfirmed},
		{"confirmed, other request", to(EffectSent, EffectConfirmed), "r2", false, true, EffectConfirmed},
		{"void, same request", to(EffectSent, EffectVoid), "r1", true, false, EffectIntent},
		{"void, other request", to(EffectSent, EffectVoid), "r2", true, false, EffectIntent},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, _ := testStore(t)
			_, _, err := s.BeginEffect(t.Context(), ticket(), nil)
			require.NoError(t, err)
			for _, state := range test.before {
				require.NoError(t, bring(t, s, state))
			}
			effect := ticket()
			effect.RequestHash = test.hash
			stored, fresh, err := s.BeginEffect(t.Context(), effect, nil)
			require.Equal(t, test.fresh, fresh)
			if test.conflict {
				require.ErrorIs(t, err, ErrConflict)
				var conflict *ConflictError
				require.ErrorAs(t, err, &conflict)
				require.Equal(t, "r1", conflict.Existing.RequestHash)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.state, stored.State)
			require.Equal(t, test.hash, stored.RequestHash)
			kept, err := s.Effect(t.Context(), "k1")
			require.NoError(t, err)
			require.Equal(t, stored, kept)
		})
	}
}

func bring(t *testing.T, s *Store, to EffectState) (err error) {
	switch to {
	case EffectSent:
		_, err = s.EffectSent(t.Context(), "k1")
	case EffectUnknown:
		_, err = s.MarkEffectUnknown(t.Context(), "k1", "no answer")
	case EffectConfirmed:
		_, err = s.ConfirmEffect(t.Context(), "k1", json.RawMessage(`{}`), "T1")
	case EffectVoid:
		var effect Effect
		effect, err = s.Effect(t.Context(), "k1")
		require.NoError(t, err)
		_, err = s.VoidEffect(t.Context(), effect, "refused")
	}
	return err
}

func TestOneOfManyBeginsTheEffect(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	var fresh atomic.Int64
	errs := make([]error, 50)
	parallel(len(errs), func(i int) {
		effect := ticket()
		effect.State = EffectSent
		_, first, err := s.BeginEffect(t.Context(), effect, []ReadResult{{Path: "stock", Result: json.RawMessage(fmt.Sprint(i))}})
		errs[i] = err
		if first {
			fresh.Add(1)
		}
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, int64(1), fresh.Load())
	stored, err := s.Effect(t.Context(), "k1")
	require.NoError(t, err)
	require.Equal(t, EffectSent, stored.State)
	require.Equal(t, 1, stored.Attempts)
	require.Equal(t, stored.IntentAt, stored.FirstSentAt)
}

func TestAnOlderAttemptDoesNotVoid(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	effect := ticket()
	effect.State = EffectSent
	older, _, err := s.BeginEffect(t.Context(), effect, nil)
	require.NoError(t, err)
	newer, err := s.EffectSent(t.Context(), "k1")
	require.NoError(t, err)
	kept, err := s.VoidEffect(t.Context(), older, "connection refused")
	require.NoError(t, err)
	require.Equal(t, newer, kept)
	void, err := s.VoidEffect(t.Context(), newer, "connection refused")
	require.NoError(t, err)
	require.Equal(t, EffectVoid, void.State)
	begun, fresh, err := s.BeginEffect(t.Context(), effect, nil)
	require.NoError(t, err)
	require.True(t, fresh)
	require.Equal(t, 3, begun.Attempts) // the number goes on: earlier attempts stay fenced out
}

func TestWhatWaitsForAPersonIsNotSent(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	_, _, err := s.BeginEffect(t.Context(), ticket(), nil)
	require.NoError(t, err)
	require.NoError(t, bring(t, s, EffectSent))
	require.NoError(t, bring(t, s, EffectUnknown))
	require.ErrorIs(t, bring(t, s, EffectSent), ErrEffectState)
	confirmed, err := s.ConfirmEffect(t.Context(), "k1", nil, "T1") // the answer came after all
	require.NoError(t, err)
	require.Equal(t, EffectConfirmed, confirmed.State)
}

func TestAPersonResolvesTheUnknown(t *testing.T) {
	t.Parallel()
	for _, happened := range []bool{true, false} {
		s, _ := testStore(t)
		_, _, err := s.BeginEffect(t.Context(), ticket(), nil)
		require.NoError(t, err)
		_, err = s.ResolveUnknown(t.Context(), "k1", "ann", Resolution{Happened: happened})
		require.ErrorIs(t, err, ErrEffectState)
		require.NoError(t, bring(t, s, EffectSent))
		require.NoError(t, bring(t, s, EffectUnknown))
		waiting, err := s.EffectsIn(t.Context(), EffectUnknown, 0)
		require.NoError(t, err)
		require.Len(t, waiting, 1)
		require.Equal(t, "no answer", waiting[0].Error)

		settled, err := s.ResolveUnknown(t.Context(), "k1", "ann", Resolution{Happened: happened, RemoteRef: "T9", Note: "looked it up"})
		require.NoError(t, err)
		require.Equal(t, map[bool]EffectState{true: EffectConfirmed, false: EffectVoid}[happened], settled.State)
		require.Equal(t, "ann", settled.ResolvedBy)
		acts, err := s.AuditEntries(t.Context(), AuditFilter{CaseID: "c1"})
		require.NoError(t, err)
		require.Len(t, acts, 1)
		require.Equal(t, "ann", acts[0].Who)
		of, err := s.Effects(t.Context(), "c1")
		require.NoError(t, err)
		require.Equal(t, []Effect{settled}, of)
	}
}

func TestReadResultsKeepTheFirstAnswer(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	_, err := s.CreateCase(t.Context(), NewCase{ID: "c1", UseCase: "complaint"})
	require.NoError(t, err)
	_, found, err := s.ReadResult(t.Context(), "c1", "stock")
	require.NoError(t, err)
	require.False(t, found)
	for _, result := range []string{`{"free":1}`, `{"free":0}`} {
		require.NoError(t, s.FlushReads(t.Context(), "c1", []ReadResult{{Path: "stock", Result: json.RawMessage(result)}}))
	}
	result, found, err := s.ReadResult(t.Context(), "c1", "stock")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, `{"free":1}`, string(result))
	_, found, err = s.ReadResult(t.Context(), "c1", "stock~2")
	require.NoError(t, err)
	require.False(t, found)
}

func TestReadResultsOutliveTheEndOfTheirCase(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	for _, id := range []string{"ended", "open"} {
		_, err := s.CreateCase(t.Context(), NewCase{ID: id, UseCase: "complaint"})
		require.NoError(t, err)
		require.NoError(t, s.FlushReads(t.Context(), id, []ReadResult{{Path: "stock", Result: json.RawMessage(`{}`)}}))
	}
	kept := func(id string) bool {
		_, found, err := s.ReadResult(t.Context(), id, "stock")
		require.NoError(t, err)
		return found
	}
	ended := c.Now()
	require.NoError(t, s.EndCase(t.Context(), "ended", End{State: CaseDone, At: ended}))
	dropped, err := s.DropReads(t.Context(), ended)
	require.NoError(t, err)
	require.Zero(t, dropped)
	require.True(t, kept("ended"))
	dropped, err = s.DropReads(t.Context(), ended.Add(time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 1, dropped)
	require.False(t, kept("ended"))
	require.True(t, kept("open"))
}

// TestWhoWasOvertakenDoesNotSend holds that an attempt sends only what it began itself, and only if nobody has since.
func TestWhoWasOvertakenDoesNotSend(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	first, _, err := s.BeginEffect(t.Context(), ticket(), nil)
	require.NoError(t, err)
	for name, change := range map[string]func(*Effect){
		"of another request":  func(e *Effect) { e.RequestHash = "other" },
		"of an earlier begin": func(e *Effect) { e.IntentAt = e.IntentAt.Add(-time.Second) },
		"of another attempt":  func(e *Effect) { e.Attempts++ },
	} {
		attempt := first
		change(&attempt)
		_, err := s.SendEffect(t.Context(), attempt)
		require.ErrorIs(t, err, ErrEffectState, name)
	}
	sent, err := s.SendEffect(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, EffectSent, sent.State)
}

// TestTheLastSendingIsKept: an attempt that only looks is none.
func TestTheLastSendingIsKept(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	begun := ticket()
	begun.State = EffectSent
	first, _, err := s.BeginEffect(t.Context(), begun, nil)
	require.NoError(t, err)
	require.Equal(t, first.FirstSentAt, first.LastSentAt)
	clock.Advance(time.Hour)
	looking, err := s.EffectSent(t.Context(), first.Key)
	require.NoError(t, err)
	require.Equal(t, first.FirstSentAt, looking.LastSentAt)
	again, err := s.SendEffect(t.Context(), looking)
	require.NoError(t, err)
	require.Equal(t, first.FirstSentAt, again.FirstSentAt)
	require.Greater(t, again.LastSentAt.Sub(first.FirstSentAt), 59*time.Minute)
	stored, err := s.Effect(t.Context(), first.Key)
	require.NoError(t, err)
	require.Equal(t, again.LastSentAt, stored.LastSentAt)
}
