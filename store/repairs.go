package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// The acts by which people help a case on.
const (
	ActRetry  = "retry"  // what it waits for is tried now
	ActAnswer = "answer" // a person gives a step's result
	ActSkip   = "skip"   // the case goes on without it
	ActPark   = "park"   // no more waiting for a system: a person decides about the step
	ActRedo   = "redo"   // a step and what follows it are done again
	ActCancel = "cancel" // the case ends
	ActMove   = "move"   // the case goes on with another version of its use case
)

// RepairState is how far an act on a case has come.
type RepairState string

// The states of a repair. The last two end it.
const (
	RepairAsked   RepairState = "asked"
	RepairDone    RepairState = "done"
	RepairRefused RepairState = "refused"
)

// Repair is one act of a person on a case that could not go on by itself, or not in the right way: who did it, when and
// why, what was before and what is now. What the values say belongs to the case and goes with it; the audit names the
// repair and never its values.
type Repair struct {
	ID      string    `json:"id"`
	CaseID  string    `json:"case_id"`
	Act     string    `json:"act"`
	Step    string    `json:"step,omitempty"` // its path
	Reason  string    `json:"reason,omitempty"`
	Who     string    `json:"who"`
	AskedAt time.Time `json:"asked_at"`
	// Body is what the person gave: {with} for a redo with another input, {value} for one with another result.
	Body         json.RawMessage `json:"body,omitempty"`
	Bundle       string          `json:"bundle,omitempty"`        // of a move: the version to go on with
	BundleBefore string          `json:"bundle_before,omitempty"` // of a move: the version until then
	State        RepairState     `json:"state"`
	Problem      string          `json:"problem,omitempty"` // why it was refused
	Was          json.RawMessage `json:"was,omitempty"`
	Became       json.RawMessage `json:"became,omitempty"`
	SettledAt    time.Time       `json:"settled_at,omitzero"`
	// Told says that the case is known to have taken it. Until then what is written down may be that of an attempt of which the
	// case knows nothing any more.
	Told bool `json:"-"`
}

const repairColumns = `id, case_id, act, step, reason, who, asked_at, body, bundle, bundle_before, state, problem, was, became, settled_at, told`

func (r *Repair) fields() []any {
	return []any{&r.ID, &r.CaseID, &r.Act, &r.Step, &r.Reason, &r.Who, stamp{&r.AskedAt}, document{&r.Body}, &r.Bundle, &r.BundleBefore,
		&r.State, &r.Problem, document{&r.Was}, document{&r.Became}, stamp{&r.SettledAt}, &r.Told}
}

// ErrCaseEnded says that nothing can be done about a case any more.
var ErrCaseEnded = errors.New("the case has ended")

// AskRepair stores that a person wants something done about an open case, together with the audit's note of it. The case
// is told afterwards, see UntoldRepairs.
func (s *Store) AskRepair(ctx context.Context, repair Repair) (Repair, error) {
	var asked Repair
	err := s.write(ctx, "repair of "+repair.CaseID, func(tx session) error {
		var err error
		asked, err = s.insertRepair(ctx, tx, repair, RepairAsked)
		return err
	})
	return asked, err
}

// NoteRepair stores an act that is done already, with the audit's note and a line of the case's timeline.
func (s *Store) NoteRepair(ctx context.Context, repair Repair) (Repair, error) {
	var noted Repair
	err := s.write(ctx, "repair of "+repair.CaseID, func(tx session) error {
		var err error
		if noted, err = s.insertRepair(ctx, tx, repair, RepairDone); err != nil {
			return err
		}
		return s.repairEvent(ctx, tx, noted)
	})
	return noted, err
}

func (s *Store) insertRepair(ctx context.Context, tx session, repair Repair, state RepairState) (Repair, error) {
	of, err := caseByID(ctx, tx, repair.CaseID)
	if err != nil {
		return Repair{}, err
	}
	if of.Ended() && state == RepairAsked {
		return Repair{}, ErrCaseEnded
	}
	repair.ID, repair.State, repair.AskedAt = s.NewID(), state, s.now().UTC().Truncate(time.Microsecond)
	repair.Told = state != RepairAsked
	if state != RepairAsked {
		repair.SettledAt = repair.AskedAt
	}
	if repair.Act == ActMove {
		repair.BundleBefore = of.BundleHash
	}
	if _, err := tx.insert(ctx, "repairs", repairColumns, repair.fields(), ""); err != nil {
		return Repair{}, err
	}
	return repair, s.auditRepair(ctx, tx, repair)
}

// auditRepair notes who, what and why. The values are in the repair itself, which is erased with its case.
func (s *Store) auditRepair(ctx context.Context, tx session, repair Repair) error {
	detail := map[string]string{"repair": repair.ID, "state": string(repair.State)}
	for key, value := range map[string]string{"step": repair.Step, "reason": repair.Reason, "bundle": repair.Bundle,
		"bundle_before": repair.BundleBefore, "problem": repair.Problem} {
		if value != "" {
			detail[key] = value
		}
	}
	raw, err := json.Marshal(detail)
	if err == nil {
		_, err = s.appendAudit(ctx, tx, AuditEntry{Who: repair.Who, What: "case." + repair.Act, CaseID: repair.CaseID, Detail: raw})
	}
	return err
}

func (s *Store) repairEvent(ctx context.Context, tx session, repair Repair) error {
	text := repair.Reason
	if repair.State == RepairRefused {
		text = repair.Problem
	}
	if repair.Step != "" {
		text = repair.Step + ": " + text
	}
	kind, key := "repair."+repair.Act, "repair/"+repair.ID
	if repair.State == RepairRefused {
		kind, key = "repair.refused", key+"/refused"
	}
	return s.addEvent(ctx, tx, Event{CaseID: repair.CaseID, Key: key, At: repair.SettledAt, Kind: kind, Text: text, Who: repair.Who})
}

// Settlement is what became of a repair.
type Settlement struct {
	Problem string // why it was refused; empty if it was done
	Step    string // the step that it was about, if that was not named before
	Was     json.RawMessage
	Became  json.RawMessage
}

// SettleRepair notes what became of a repair that was asked for: in the repair, in the audit, in the timeline and, for a
// move, in the case itself. Once the case is known to have taken it (RepairTold) nothing changes any more. Until then a
// case that is told again, because it lost the first time with its process, may come to something else.
func (s *Store) SettleRepair(ctx context.Context, id string, settlement Settlement) error {
	return s.write(ctx, "settle repair "+id, func(tx session) error {
		repair, err := one[Repair](ctx, tx, "SELECT "+repairColumns+" FROM repairs WHERE id = ?", id)
		if err == nil && repair.Act == ActCancel && settlement.Problem == "" {
			settlement.Problem, err = endedOtherwise(ctx, tx, repair.CaseID)
		}
		before := repair.State
		if err != nil || before != RepairAsked && (repair.Told || (before == RepairDone) == (settlement.Problem == "")) {
			return err
		}
		return s.settle(ctx, tx, repair, settlement)
	})
}

func (s *Store) settle(ctx context.Context, tx session, repair Repair, settlement Settlement) error {
	before := repair.State
	repair.State, repair.Problem, repair.Was, repair.Became = RepairDone, settlement.Problem, settlement.Was, settlement.Became
	if settlement.Problem != "" {
		repair.State = RepairRefused
	}
	if repair.Step == "" {
		repair.Step = settlement.Step
	}
	repair.SettledAt = s.now().UTC().Truncate(time.Microsecond)
	if _, err := tx.exec(ctx, "UPDATE repairs SET state = ?, step = ?, problem = ?, was = ?, became = ?, settled_at = ? WHERE id = ?",
		repair.State, repair.Step, repair.Problem, document{&repair.Was}, document{&repair.Became}, stamp{&repair.SettledAt}, repair.ID); err != nil {
		return err
	}
	if repair.Act == ActMove && (repair.State == RepairDone || before == RepairDone) {
		bundle := repair.Bundle
		if repair.State == RepairRefused {
			bundle = repair.BundleBefore
		}
		if _, err := tx.exec(ctx, "UPDATE cases SET bundle_hash = ? WHERE id = ?", bundle, repair.CaseID); err != nil {
			return err
		}
	}
	if err := s.auditRepair(ctx, tx, repair); err != nil {
		return err
	}
	return s.repairEvent(ctx, tx, repair)
}

// cancelledTooLate is why a cancellation that Temporal had taken came to nothing.
const cancelledTooLate = "the case came to its end before it could be cancelled"

func endedOtherwise(ctx context.Context, tx session, caseID string) (problem string, err error) {
	if _, err := tx.exec(ctx, "UPDATE cases SET id = id WHERE id = ?", caseID); err != nil { // whoever ends it now does so before or after this
		return "", err
	}
	of, err := caseByID(ctx, tx, caseID)
	if err == nil && of.Ended() && of.State != CaseCancelled {
		problem = cancelledTooLate
	}
	return problem, err
}

// cameTooLate takes back what was noted of cancellations of a case that has ended otherwise: Temporal takes the word at any
// time, and the last answer may be ahead of it.
func (s *Store) cameTooLate(ctx context.Context, tx session, caseID string) error {
	taken, err := many[Repair](ctx, tx, "SELECT "+repairColumns+" FROM repairs WHERE case_id = ? AND act = ? AND state = ?", caseID, ActCancel, RepairDone)
	for _, repair := range taken {
		if err == nil {
			err = s.settle(ctx, tx, repair, Settlement{Problem: cancelledTooLate})
		}
	}
	return err
}

// Repair finds a repair by its id.
func (s *Store) Repair(ctx context.Context, id string) (Repair, error) {
	found, err := one[Repair](ctx, s.read(), "SELECT "+repairColumns+" FROM repairs WHERE id = ?", id)
	return found, wrap("repair "+id, err)
}

// Repairs lists what was done about a case, the oldest first.
func (s *Store) Repairs(ctx context.Context, caseID string) ([]Repair, error) {
	found, err := many[Repair](ctx, s.read(), "SELECT "+repairColumns+" FROM repairs WHERE case_id = ? ORDER BY asked_at, id", caseID)
	return found, wrap("repairs of "+caseID, err)
}

// RepairTold notes that the case is known to have taken a repair, and that what is written down of it holds.
func (s *Store) RepairTold(ctx context.Context, id string) error {
	return s.write(ctx, "repair "+id, func(tx session) error {
		_, err := tx.exec(ctx, "UPDATE repairs SET told = ? WHERE id = ?", true, id)
		return err
	})
}

// UntoldRepairs lists repairs of which the case may not have been told, or may have lost what it was told, the oldest
// first: all of as many cases as the limit says. Where there are more, others are chosen each time, so that cases that cannot
// be told do not keep the rest from it.
func (s *Store) UntoldRepairs(ctx context.Context, before time.Time, cases int) ([]Repair, error) {
	const untold = "(told = ? OR state = ?) AND asked_at <= ?"
	found, err := many[Repair](ctx, s.read(), "SELECT "+repairColumns+" FROM repairs WHERE "+untold+
		" AND case_id IN (SELECT case_id FROM repairs WHERE "+untold+" GROUP BY case_id ORDER BY RANDOM()"+page(cases, 0)+") ORDER BY asked_at, id",
		false, RepairAsked, before, false, RepairAsked, before)
	return found, wrap("untold repairs", err)
}
