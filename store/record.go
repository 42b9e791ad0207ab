package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// StepResult is what a step of a case came to.
type StepResult struct {
	CaseID       string          `json:"case_id"`
	Path         string          `json:"path"`
	Generation   int             `json:"generation"`
	Ordinal      int             `json:"ordinal"` // the order in which steps finished
	Kind         string          `json:"kind"`
	Title        string          `json:"title"`
	System       string          `json:"system,omitempty"`
	Operation    string          `json:"operation,omitempty"`
	Driver       string          `json:"driver,omitempty"`
	DriverHash   string          `json:"driver_hash,omitempty"`
	StartedAt    time.Time       `json:"started_at"`
	FinishedAt   time.Time       `json:"finished_at,omitzero"`
	Result       json.RawMessage `json:"result,omitempty"`
	ErrorClass   string          `json:"error_class,omitempty"`
	ErrorMessage string          `json:"error_message,omitempty"`
	Evidence     string          `json:"evidence,omitempty"` // ids of blobs of the case, with spaces between
}

const stepColumns = `case_id, step_path, generation, ordinal, kind, title, system, operation, driver, driver_hash, started_at,
	finished_at, result, error_class, error_message, evidence`

func (r *StepResult) fields() []any {
	return []any{&r.CaseID, &r.Path, &r.Generation, &r.Ordinal, &r.Kind, &r.Title, &r.System, &r.Operation, &r.Driver, &r.DriverHash,
		stamp{&r.StartedAt}, stamp{&r.FinishedAt}, document{&r.Result}, &r.ErrorClass, &r.ErrorMessage, &r.Evidence}
}

// Decision is what a rule table said, and on which facts.
type Decision struct {
	CaseID     string          `json:"case_id"`
	Path       string          `json:"path"`
	Generation int             `json:"generation"`
	At         time.Time       `json:"at"`
	Table      string          `json:"table"`
	TableHash  string          `json:"table_hash"`
	Row        string          `json:"row"`
	Why        string          `json:"why,omitempty"`
	Facts      json.RawMessage `json:"facts,omitempty"`
	FactsHash  string          `json:"facts_hash,omitempty"`
	Outputs    json.RawMessage `json:"outputs,omitempty"`
	Error      string          `json:"error,omitempty"`
	// Details are {rows, version, parts} of decisions of which one row of one table is not all there is to say.
	Details json.RawMessage `json:"details,omitempty"`
}

const decisionColumns = `case_id, step_path, generation, decided_at, table_name, table_hash, rule_row, why, facts, facts_hash, outputs, error, details`

func (d *Decision) fields() []any {
	return []any{&d.CaseID, &d.Path, &d.Generation, stamp{&d.At}, &d.Table, &d.TableHash, &d.Row, &d.Why, document{&d.Facts},
		&d.FactsHash, document{&d.Outputs}, &d.Error, document{&d.Details}}
}

// Event is one line of a case's timeline. Text holds no customer text.
type Event struct {
	CaseID string    `json:"case_id"`
	Key    string    `json:"key"` // unique in the case; given by whoever may repeat itself, else by the store
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	Text   string    `json:"text"`
	Who    string    `json:"who,omitempty"`
}

const eventColumns = "case_id, event_key, at, kind, body, who"

func (e *Event) fields() []any {
	return []any{&e.CaseID, &e.Key, stamp{&e.At}, &e.Kind, &e.Text, &e.Who}
}

// Record is a batch that a case writes when it parks or ends: one transaction. CaseID in its parts may be empty.
type Record struct {
	CaseID    string
	Steps     []StepResult
	Decisions []Decision
	Events    []Event
	// Contacts are further addresses and handles under which the case's customer is known, see AddContactKeys.
	Contacts []string
	Progress *Progress
	End      *End
}

// WriteRecord stores a batch. It may be written again: a step's result replaces the one of the same path and
// generation unless that finished later; decisions and events stay as first written. Of a case that is done or was
// cancelled nothing is written, and the error is ErrCaseEnded: a workflow task that was lost after it wrote the end is
// carried out again, perhaps another way.
func (s *Store) WriteRecord(ctx context.Context, record Record) error {
	return s.write(ctx, "record of "+record.CaseID, func(tx session) error {
		if err := notEnded(ctx, tx, record.CaseID); err != nil {
			return err
		}
		if err := writeSteps(ctx, tx, record); err != nil {
			return err
		}
		for _, decision := range record.Decisions {
			decision.CaseID = record.CaseID
			if _, err := tx.insert(ctx, "decisions", decisionColumns, decision.fields(), "ON CONFLICT DO NOTHING"); err != nil {
				return err
			}
		}
		for _, event := range record.Events {
			event.CaseID = record.CaseID
			if err := s.addEvent(ctx, tx, event); err != nil {
				return err
			}
		}
		if record.Progress != nil {
			if err := setProgress(ctx, tx, record.CaseID, *record.Progress); err != nil {
				return err
			}
		}
		if record.End != nil {
			if err := s.endCase(ctx, tx, record.CaseID, *record.End); err != nil {
				return err
			}
		}
		if len(record.Contacts) == 0 {
			return nil
		}
		return addKeys(ctx, tx, record.CaseID, record.Contacts, nil)
	})
}

func notEnded(ctx context.Context, tx session, caseID string) error {
	var state CaseState
	err := tx.scalar(ctx, "SELECT state FROM cases WHERE id = ?", []any{caseID}, &state)
	if err == nil && (state == CaseDone || state == CaseCancelled) {
		return ErrCaseEnded
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// writeSteps writes a step that is there twice, with its error and its result, one after the other.
func writeSteps(ctx context.Context, tx session, record Record) error {
	type place struct {
		path       string
		generation int
	}
	var rows [][]any
	seen := map[place]bool{}
	for _, step := range record.Steps {
		if at := (place{step.Path, step.Generation}); seen[at] {
			if err := putSteps(ctx, tx, rows); err != nil {
				return err
			}
			rows = nil
			clear(seen)
		}
		seen[place{step.Path, step.Generation}] = true
		step.CaseID = record.CaseID
		rows = append(rows, step.fields())
	}
	return putSteps(ctx, tx, rows)
}

func putSteps(ctx context.Context, tx session, rows [][]any) error {
	return tx.insertAll(ctx, "step_results", stepColumns, rows, `ON CONFLICT (case_id, step_path, generation) DO UPDATE SET
			ordinal = excluded.ordinal, kind = excluded.kind, title = excluded.title, system = excluded.system,
			operation = excluded.operation, driver = excluded.driver, driver_hash = excluded.driver_hash,
			started_at = excluded.started_at, finished_at = excluded.finished_at, result = excluded.result,
			error_class = excluded.error_class, error_message = excluded.error_message, evidence = excluded.evidence
			WHERE excluded.finished_at >= step_results.finished_at`)
}

// AddEvent adds one line to a case's timeline. With a key it is added once.
func (s *Store) AddEvent(ctx context.Context, event Event) error {
	return s.write(ctx, "event of "+event.CaseID, func(tx session) error { return s.addEvent(ctx, tx, event) })
}

func (s *Store) addEvent(ctx context.Context, tx session, event Event) error {
	if event.At.IsZero() {
		event.At = s.now()
	}
	if event.Key == "" {
		event.Key = s.NewID()
	}
	_, err := tx.insert(ctx, "timeline", eventColumns, event.fields(), "ON CONFLICT DO NOTHING")
	return err
}

// Steps lists the step results of a case in the order in which they finished, all generations.
func (s *Store) Steps(ctx context.Context, caseID string) ([]StepResult, error) {
	found, err := many[StepResult](ctx, s.read(), "SELECT "+stepColumns+" FROM step_results WHERE case_id = ? ORDER BY ordinal, finished_at, step_path, generation", caseID)
	return found, wrap("steps of "+caseID, err)
}

// Decisions lists the decisions of a case in the order in which they were made.
func (s *Store) Decisions(ctx context.Context, caseID string) ([]Decision, error) {
	found, err := many[Decision](ctx, s.read(), "SELECT "+decisionColumns+" FROM decisions WHERE case_id = ? ORDER BY decided_at, step_path, generation", caseID)
	return found, wrap("decisions of "+caseID, err)
}

// DecisionFilter chooses recorded decisions of one table.
type DecisionFilter struct {
	Table   string
	UseCase string    // of the case; empty: any
	Since   time.Time // decided then or later
	Until   time.Time // decided before
}

func (f DecisionFilter) conditions() conditions {
	var c conditions
	c.add("table_name = ?", f.Table)
	if !f.Since.IsZero() {
		c.add("decided_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		c.add("decided_at < ?", f.Until)
	}
	if f.UseCase != "" {
		c.add("case_id IN (SELECT id FROM cases WHERE use_case = ?)", f.UseCase)
	}
	// Of a step that was done again only what it came to last counts.
	c.add("NOT EXISTS (SELECT 1 FROM decisions n WHERE n.case_id = decisions.case_id AND n.step_path = decisions.step_path AND n.generation > decisions.generation)")
	return c
}

// decisionsAtATime is how many decisions EachDecision holds in memory.
const decisionsAtATime = 500

// EachDecision gives recorded decisions of a table to do, oldest first, of each step the last one. However many there are,
// few are held in memory, and nothing in the database is held while do works. It ends with the first error of do.
func (s *Store) EachDecision(ctx context.Context, filter DecisionFilter, do func(Decision) error) error {
	var last *Decision
	for {
		c := filter.conditions()
		if last != nil {
			c.add("decided_at >= ?", last.At)
			c.add("(decided_at, case_id, step_path, generation) > (?, ?, ?, ?)", last.At, last.CaseID, last.Path, last.Generation)
		}
		found, err := many[Decision](ctx, s.read(), "SELECT "+decisionColumns+" FROM decisions"+c.where()+" ORDER BY decided_at, case_id, step_path, generation"+page(decisionsAtATime, 0), c.args...)
		if err != nil {
			return wrap("decisions of table "+filter.Table, err)
		}
		for _, decision := range found {
			if err := do(decision); err != nil {
				return err
			}
		}
		if len(found) < decisionsAtATime {
			return nil
		}
		last = &found[len(found)-1]
	}
}

// CountDecisions counts what EachDecision would give.
func (s *Store) CountDecisions(ctx context.Context, filter DecisionFilter) (int, error) {
	var n int
	c := filter.conditions()
	err := s.read().scalar(ctx, "SELECT COUNT(*) FROM decisions"+c.where(), c.args, &n)
	return n, wrap("count decisions of table "+filter.Table, err)
}

// Timeline lists the events of a case in the order of time.
func (s *Store) Timeline(ctx context.Context, caseID string) ([]Event, error) {
	found, err := many[Event](ctx, s.read(), "SELECT "+eventColumns+" FROM timeline WHERE case_id = ? ORDER BY at, event_key", caseID)
	return found, wrap("timeline of "+caseID, err)
}
