package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// ReadResult is what a local read of a case returned, kept so that a repeated workflow task gets the same answer.
type ReadResult struct {
	Path   string          `json:"path"` // step path with its generation
	Result json.RawMessage `json:"result"`
}

// ReadResult finds the stored result of a local read. It never writes.
func (s *Store) ReadResult(ctx context.Context, caseID, path string) (result json.RawMessage, found bool, err error) {
	err = s.read().scalar(ctx, "SELECT result FROM read_results WHERE case_id = ? AND step_path = ?", []any{caseID, path}, document{&result})
	if errors.Is(err, ErrNotFound) {
		return nil, false, nil
	}
	return result, err == nil, wrap("read result", err)
}

// HasReadResults says whether any result of a local read of the case is stored.
func (s *Store) HasReadResults(ctx context.Context, caseID string) (bool, error) {
	var one int
	err := s.read().scalar(ctx, "SELECT 1 FROM read_results WHERE case_id = ? LIMIT 1", []any{caseID}, &one)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, wrap("read results", err)
}

// DropReads deletes the stored reads of some cases that ended before an instant, and returns of how many; 0: none is left.
// They outlive the end of their case by as long as a workflow task that was lost may be carried out again.
func (s *Store) DropReads(ctx context.Context, endedBefore time.Time) (dropped int64, err error) {
	const over = "SELECT c.id FROM (SELECT DISTINCT case_id FROM read_results) r JOIN cases c ON c.id = r.case_id WHERE c.ended_at > 0 AND c.ended_at < ?"
	return s.dropSome(ctx, "drop reads", over, "c.id", "c.ended_at", []any{endedBefore}, func(tx session, set string, ids []any) error {
		_, err := tx.exec(ctx, "DELETE FROM read_results WHERE case_id IN "+set, ids...)
		return err
	})
}

// Alone says whether nobody but this process works cases with the store.
func (s *Store) Alone() bool { return !s.postgres }

// FlushReads stores results of local reads by themselves; BeginEffect does so together with an intent. The first
// result of a path stays.
func (s *Store) FlushReads(ctx context.Context, caseID string, reads []ReadResult) error {
	if len(reads) == 0 {
		return nil
	}
	return s.write(ctx, "flush reads", func(tx session) error { return s.flushReads(ctx, tx, caseID, reads) })
}

func (s *Store) flushReads(ctx context.Context, tx session, caseID string, reads []ReadResult) error {
	rows, now := make([][]any, len(reads)), s.now()
	for i, read := range reads {
		rows[i] = []any{caseID, read.Path, read.Result, now}
	}
	return tx.insertAll(ctx, "read_results", "case_id, step_path, result, stored_at", rows, "ON CONFLICT DO NOTHING")
}
