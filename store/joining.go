package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Candidate is an open case that an entry may join.
type Candidate struct {
	Case   Case
	Thread bool            // found by a thread key, not only by a contact key
	Parsed json.RawMessage // of the entry that began the case; nil if none did
	Last   time.Time       // when the last message of the case was received; zero if there was none
}

// JoinByThread joins the newest case of the thread, or the only open case of the contact.
func JoinByThread(open []Candidate) string {
	for _, candidate := range open {
		if candidate.Thread {
			return candidate.Case.ID
		}
	}
	if len(open) == 1 {
		return open[0].Case.ID
	}
	return ""
}

func chooseCase(ctx context.Context, tx session, incoming Incoming) (Case, error) {
	open, err := candidates(ctx, tx, incoming.Entry)
	if err != nil || len(open) == 0 {
		return Case{}, err
	}
	choose := incoming.Join
	if choose == nil {
		choose = JoinByThread
	}
	chosen := choose(open)
	for _, candidate := range open {
		if candidate.Case.ID == chosen {
			return candidate.Case, nil
		}
	}
	if chosen != "" {
		return Case{}, errors.New("the chosen case " + chosen + " is not among the open ones")
	}
	return Case{}, nil
}

// candidates are the open cases of the entry's use case that share a key with it: those of the thread first.
func candidates(ctx context.Context, tx session, entry Entry) ([]Candidate, error) {
	threads, err := openCasesBy(ctx, tx, "thread", entry.ThreadKeys)
	if err != nil {
		return nil, err
	}
	contacts, err := openCasesBy(ctx, tx, "contact", entry.ContactKeys)
	if err != nil {
		return nil, err
	}
	var open []Candidate
	seen := map[string]bool{}
	for i, found := range append(threads, contacts...) {
		if seen[found.ID] || entry.UseCase != "" && found.UseCase != entry.UseCase {
			continue
		}
		seen[found.ID] = true
		parsed, err := firstParsed(ctx, tx, found.ID)
		if err != nil {
			return nil, err
		}
		candidate := Candidate{Case: found, Thread: i < len(threads), Parsed: parsed}
		if err := tx.scalar(ctx, "SELECT COALESCE(MAX(received_at), 0) FROM entries WHERE case_id = ?", []any{found.ID}, stamp{&candidate.Last}); err != nil {
			return nil, err
		}
		open = append(open, candidate)
	}
	return open, nil
}

func firstParsed(ctx context.Context, tx session, caseID string) (json.RawMessage, error) {
	var parsed json.RawMessage
	err := tx.scalar(ctx, "SELECT parsed FROM entries WHERE case_id = ? AND kind = ? ORDER BY received_at, stored_at, id LIMIT 1",
		[]any{caseID, KindNew}, document{&parsed})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return parsed, err
}
