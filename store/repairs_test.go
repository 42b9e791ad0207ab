package store

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRepairIsAskedForAndSettledOnce(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	ctx := t.Context()
	for _, body := range []string{"a", "b"} {
		require.NoError(t, s.PutBundle(ctx, "hash-"+body, "claim", []byte(body)))
	}
	of, err := s.CreateCase(ctx, NewCase{UseCase: "claim", BundleHash: "hash-a"})
	require.NoError(t, err)
	redo, err := s.AskRepair(ctx, Repair{CaseID: of.ID, Act: ActRedo, Step: "customer", Reason: "wrong Jane", Who: "op@x", Body: json.RawMessage(`{"with":{}}`)})
	require.NoError(t, err)
	move, err := s.AskRepair(ctx, Repair{CaseID: of.ID, Act: ActMove, Who: "op@x", Bundle: "hash-b"})
	require.NoError(t, err)
	require.Equal(t, "hash-a", move.BundleBefore)

	asked, err := s.UntoldRepairs(ctx, clock.Now(), 10)
	require.NoError(t, err)
	require.Equal(t, []Repair{redo, move}, asked)
	for _, problem := range []string{"no such step", ""} { // the second changes nothing
		require.NoError(t, s.SettleRepair(ctx, redo.ID, Settlement{Problem: problem}))
		require.NoError(t, s.RepairTold(ctx, redo.ID))
	}
	require.NoError(t, s.SettleRepair(ctx, move.ID, Settlement{Step: "customer", Was: json.RawMessage(`"a"`), Became: json.RawMessage(`"b"`)}))
	asked, err = s.UntoldRepairs(ctx, clock.Now(), 10)
	require.NoError(t, err)
	require.Len(t, asked, 1, "done, as it seems, but does the case know?")
	require.NoError(t, s.RepairTold(ctx, move.ID))
	asked, err = s.UntoldRepairs(ctx, clock.Now(), 10)
	require.NoError(t, err)
	require.Empty(t, asked)

	all, err := s.Repairs(ctx, of.ID)
	require.NoError(t, err)
	require.Equal(t, RepairRefused, all[0].State)
	require.Equal(t, "no such step", all[0].Problem)
	require.Equal(t, RepairDone, all[1].State)
	require.Equal(t, "customer", all[1].Step)
	require.JSONEq(t, `"b"`, string(all[1].Became))
	of, err = s.Case(ctx, of.ID)
	require.NoError(t, err)
	require.Equal(t, "hash-b", of.BundleHash)
	require.ErrorIs(t, s.DeleteBundle(ctx, "hash-a"), ErrInUse, "the case is replayed with it")

	events, err := s.Timeline(ctx, of.ID)
	require.NoError(t, err)
	require.Len(t, events, 2)
	require.Equal(t, "repair.refused", events[0].Kind)
	require.Equal(t, "customer: no such step", events[0].Text)
	require.Equal(t, "op@x", events[0].Who)
	acts, err := s.AuditEntries(ctx, AuditFilter{CaseID: of.ID})
	require.NoError(t, err)
	require.Len(t, acts, 4)
	require.Equal(t, "case.redo", acts[3].What)
	require.Contains(t, string(acts[3].Detail), `"reason":"wrong Jane"`)
	require.NotContains(t, string(acts[3].Detail), "with")
	_, err = s.VerifyAudit(ctx)
	require.NoError(t, err)

	noted, err := s.NoteRepair(ctx, Repair{CaseID: of.ID, Act: ActRetry, Step: "ticket", Who: "op@x"})
	require.NoError(t, err)
	require.Equal(t, RepairDone, noted.State)
	require.NoError(t, s.EndCase(ctx, of.ID, End{State: CaseDone}))
	_, err = s.AskRepair(ctx, Repair{CaseID: of.ID, Act: ActRedo, Who: "op@x"})
	require.ErrorIs(t, err, ErrCaseEnded)
	require.ErrorIs(t, s.DeleteBundle(ctx, "hash-a"), ErrInUse, "what the case did before is explained by it")
}

// A case that lost what it was told is told again, and may come to something else: that holds then.
func TestRepairThatComesToSomethingElse(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	for _, body := range []string{"a", "b"} {
		require.NoError(t, s.PutBundle(ctx, "hash-"+body, "claim", []byte(body)))
	}
	of, err := s.CreateCase(ctx, NewCase{UseCase: "claim", BundleHash: "hash-a"})
	require.NoError(t, err)
	move, err := s.AskRepair(ctx, Repair{CaseID: of.ID, Act: ActMove, Who: "op@x", Bundle: "hash-b"})
	require.NoError(t, err)
	for _, step := range []struct{ problem, bundle string }{{"", "hash-b"}, {"", "hash-b"}, {"too late", "hash-a"}, {"", "hash-b"}} {
		require.NoError(t, s.SettleRepair(ctx, move.ID, Settlement{Problem: step.problem}))
		of, err = s.Case(ctx, of.ID)
		require.NoError(t, err)
		require.Equal(t, step.bundle, of.BundleHash)
	}
	require.NoError(t, s.RepairTold(ctx, move.ID))
	require.NoError(t, s.SettleRepair(ctx, move.ID, Settlement{Problem: "never"}))
	of, err = s.Case(ctx, of.ID)
	require.NoError(t, err)
	require.Equal(t, "hash-b", of.BundleHash)
	acts, err := s.AuditEntries(ctx, AuditFilter{CaseID: of.ID})
	require.NoError(t, err)
	require.Len(t, acts, 4, "asked, done, refused, done")
}

func TestCasesAreFoundByWhatKeepsThem(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	ctx := t.Context()
	of, err := s.CreateCase(ctx, NewCase{UseCase: "claim", BundleHash: "h"})
	require.NoError(t, err)
	require.NoError(t, s.SetProgress(ctx, of.ID, Progress{Seq: 1, State: CaseParked, WaitingFor: "repair", WaitingKind: "repair", WaitingSince: clock.Now(),
		WaitingStep: "ticket", WaitingSystem: "support", WaitingClass: "auth"}))
	for want, filters := range map[int][]CaseFilter{
		1: {{System: "support"}, {Class: "auth"}, {Step: "ticket", States: []CaseState{CaseParked}}, {WaitsSince: clock.Now()}},
		0: {{System: "crm"}, {Class: "drift"}, {Step: "t"}, {WaitsSince: clock.Now().Add(-time.Hour)}},
	} {
		for _, filter := range filters {
			found, err := s.Cases(ctx, filter)
			require.NoError(t, err)
			require.Len(t, found, want, "%+v", filter)
		}
	}
	require.NoError(t, s.EndCase(ctx, of.ID, End{State: CaseDone}))
	found, err := s.Cases(ctx, CaseFilter{System: "support"})
	require.NoError(t, err)
	require.Empty(t, found)
}

// Cases that cannot be told do not keep the others from being told: each look chooses others, and all that one case is to be
// told, in its order.
func TestUntoldRepairsOfManyCasesGetTheirTurn(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	ctx := t.Context()
	const cases = 4
	for range cases {
		of, err := s.CreateCase(ctx, NewCase{UseCase: "claim", BundleHash: "hash-a"})
		require.NoError(t, err)
		for _, step := range []string{"a", "b"} {
			_, err := s.AskRepair(ctx, Repair{CaseID: of.ID, Act: ActRedo, Step: step, Who: "op@x"})
			require.NoError(t, err)
		}
	}
	seen := map[string]bool{}
	for range 1000 {
		chosen, err := s.UntoldRepairs(ctx, clock.Now(), 1)
		require.NoError(t, err)
		require.Len(t, chosen, 2)
		require.Equal(t, chosen[0].CaseID, chosen[1].CaseID)
		seen[chosen[0].CaseID] = true
		if len(seen) == cases {
			return
		}
	}
	t.Fatalf("only %d of %d cases had their turn", len(seen), cases)
}

// TestACancellationThatCameTooLate: Temporal takes the word of a case whose last answer is on its way. Whichever is written
// first, nobody is told that a case was cancelled which came to its end.
func TestACancellationThatCameTooLate(t *testing.T) {
	t.Parallel()
	for _, settledFirst := range []bool{true, false} {
		for _, state := range []CaseState{CaseDone, CaseCancelled} {
			s, _ := testStore(t)
			made, err := s.CreateCase(t.Context(), NewCase{UseCase: "u"})
			require.NoError(t, err)
			asked, err := s.AskRepair(t.Context(), Repair{CaseID: made.ID, Act: ActCancel, Who: "op"})
			require.NoError(t, err)
			acts := []func() error{
				func() error { return s.SettleRepair(t.Context(), asked.ID, Settlement{}) },
				func() error { return s.EndCase(t.Context(), made.ID, End{State: state, Outcome: "solved"}) },
			}
			if !settledFirst {
				slices.Reverse(acts)
			}
			for _, act := range append(acts, acts[0]) {
				require.NoError(t, act())
			}
			found, err := s.Repair(t.Context(), asked.ID)
			require.NoError(t, err)
			want, problem, kind := RepairRefused, cancelledTooLate, "repair.refused"
			if state == CaseCancelled {
				want, problem, kind = RepairDone, "", "repair.cancel"
			}
			require.Equal(t, want, found.State)
			require.Equal(t, problem, found.Problem)
			timeline, err := s.Timeline(t.Context(), made.ID)
			require.NoError(t, err)
			require.Equal(t, kind, timeline[len(timeline)-1].Kind)
		}
	}
}
