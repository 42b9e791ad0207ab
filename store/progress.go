package store

import (
	"context"
	"encoding/json"
	"time"
)

// Progress is how a case reports where it stands. Seq grows within the case: what arrives late changes nothing.
type Progress struct {
	Seq           int64
	State         CaseState // open, waiting or parked
	Stage         string
	Title         string // empty leaves it
	WaitingFor    string
	WaitingKind   string
	WaitingSince  time.Time
	WaitingStep   string
	WaitingSystem string
	WaitingClass  string
	WaitingUntil  time.Time // when it is over by itself, or late; zero if never
	Keywords      string    // further words to find the case by, such as the customer's name; empty adds none
}

// SetProgress updates stage and waiting of an open case. After the end of the case, or after a newer report, it
// changes nothing and is no error.
func (s *Store) SetProgress(ctx context.Context, caseID string, progress Progress) error {
	return s.write(ctx, "progress of "+caseID, func(tx session) error {
		return setProgress(ctx, tx, caseID, progress)
	})
}

// End is how a case ends.
type End struct {
	State   CaseState // done, cancelled or failed
	Outcome string
	Stage   string
	Title   string // empty leaves it; a case that never waited says it here for the first time
	Result  json.RawMessage
	At      time.Time
}

// EndCase ends a case, once: later calls change nothing. Tasks that are still open are cancelled.
func (s *Store) EndCase(ctx context.Context, caseID string, end End) error {
	return s.write(ctx, "end "+caseID, func(tx session) error { return s.endCase(ctx, tx, caseID, end) })
}

func setProgress(ctx context.Context, tx session, caseID string, p Progress) error {
	n, err := tx.exec(ctx, `UPDATE cases SET state = ?, stage = ?, waiting_for = ?, waiting_kind = ?, waiting_since = ?, waiting_until = ?, progress = ?,
		waiting_step = ?, waiting_system = ?, waiting_class = ?, title = CASE WHEN ? = '' THEN title ELSE ? END WHERE id = ? AND ended_at = 0 AND progress <= ?`,
		p.State, p.Stage, p.WaitingFor, p.WaitingKind, p.WaitingSince, p.WaitingUntil, p.Seq, p.WaitingStep, p.WaitingSystem, p.WaitingClass, p.Title, p.Title, caseID, p.Seq)
	if err != nil || n == 0 {
		return err
	}
	return addSearch(ctx, tx, caseID, p.Title+" "+p.Keywords)
}

func (s *Store) endCase(ctx context.Context, tx session, caseID string, end End) error {
	if end.At.IsZero() {
		end.At = s.now()
	}
	n, err := tx.exec(ctx, `UPDATE cases SET state = ?, outcome = ?, result = ?, ended_at = ?,
		stage = CASE WHEN ? = '' THEN stage ELSE ? END, waiting_for = '', waiting_kind = '', waiting_since = 0, waiting_until = 0,
		waiting_step = '', waiting_system = '', waiting_class = '', title = CASE WHEN ? = '' THEN title ELSE ? END
		WHERE id = ? AND ended_at = 0`, end.State, end.Outcome, end.Result, end.At, end.Stage, end.Stage, end.Title, end.Title, caseID)
	if err != nil || n == 0 {
		return err
	}
	if err := addSearch(ctx, tx, caseID, end.Title); err != nil {
		return err
	}
	if err := cancelTasks(ctx, tx, caseID); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, "DELETE FROM event_waits WHERE case_id = ?", caseID); err != nil {
		return err
	}
	if end.State == CaseCancelled {
		return nil
	}
	return s.cameTooLate(ctx, tx, caseID)
}
