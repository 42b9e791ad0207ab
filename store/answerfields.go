package store

import (
	"context"
	"time"
)

// AnswerField is what is known of one field of an operation's answers, or how often it was not as known. It holds paths and
// types, and never a value.
type AnswerField struct {
	System    string    `json:"system"`
	Driver    string    `json:"driver"`
	Operation string    `json:"operation"`
	Field     string    `json:"field"` // its path; empty: the answer as a whole
	What      string    `json:"what"`  // known, new, missing, retyped
	Kinds     string    `json:"kinds"`
	Always    bool      `json:"always"`
	Feeds     string    `json:"feeds"` // the fields of the output that are made of it
	Counted   int64     `json:"counted"`
	FirstAt   time.Time `json:"first_at"`
	LastAt    time.Time `json:"last_at"`
}

// What an answer's field is found to be.
const (
	FieldKnown   = "known"
	FieldNew     = "new"
	FieldMissing = "missing"
	FieldRetyped = "retyped"
)

const answerFieldColumns = "system, driver, operation, field, what, kinds, always, feeds, counted, first_at, last_at"

func (f *AnswerField) fields() []any {
	return []any{&f.System, &f.Driver, &f.Operation, &f.Field, &f.What, &f.Kinds, &f.Always, &f.Feeds, &f.Counted, stamp{&f.FirstAt}, stamp{&f.LastAt}}
}

// AddAnswerFields counts what was found. Counts of a field are added to those that are there.
func (s *Store) AddAnswerFields(ctx context.Context, found []AnswerField) error {
	if len(found) == 0 {
		return nil
	}
	now := s.now()
	return s.write(ctx, "count fields of answers", func(tx session) error {
		for _, f := range found {
			f.FirstAt, f.LastAt = now, now
			_, err := tx.insert(ctx, "answer_fields", answerFieldColumns, f.fields(), `ON CONFLICT (system, driver, operation, field, what) DO UPDATE SET
				kinds = excluded.kinds, always = excluded.always, feeds = excluded.feeds, counted = answer_fields.counted + excluded.counted, last_at = excluded.last_at`)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// AnswerFields is everything that is known of an operation's answers by one driver.
func (s *Store) AnswerFields(ctx context.Context, system, driver, operation string) ([]AnswerField, error) {
	found, err := many[AnswerField](ctx, s.read(), "SELECT "+answerFieldColumns+" FROM answer_fields WHERE system = ? AND driver = ? AND operation = ? ORDER BY field, what", system, driver, operation)
	return found, wrap("fields of answers", err)
}

// ChangedFields are the fields that were not as known, of one system or ("") of all.
func (s *Store) ChangedFields(ctx context.Context, system string) ([]AnswerField, error) {
	found, err := many[AnswerField](ctx, s.read(), "SELECT "+answerFieldColumns+` FROM answer_fields WHERE what <> 'known' AND (? = '' OR system = ?)
		ORDER BY system, operation, driver, field, what`, system, system)
	return found, wrap("changed fields of answers", err)
}

// LearnAnew forgets what is known of a system's answers: what comes from now on is what is known.
func (s *Store) LearnAnew(ctx context.Context, system string) error {
	return s.write(ctx, "learn "+system+" anew", func(tx session) error {
		_, err := tx.exec(ctx, "DELETE FROM answer_fields WHERE system = ?", system)
		return err
	})
}
