package store

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// EventKey is a key as events and those who wait for them are matched by it: without space around it, and in one form
// of Unicode. One system writes "A-17", the next one "A-17 ", and a decomposed ü looks like any other. The
// empty one fits nothing.
func EventKey(key string) string { return indexed(strings.TrimSpace(norm.NFC.String(key))) }

// Occurrence is something that happened outside and that cases may wait for: an event, by its name and key.
type Occurrence struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Key        string          `json:"key"`
	Source     string          `json:"source"` // the intake's name in crosswalk.yaml, or "command"
	DedupeKey  string          `json:"-"`
	Payload    json.RawMessage `json:"payload,omitempty"`
	SentBy     string          `json:"sent_by,omitempty"` // the user who typed it in, if one did
	ReceivedAt time.Time       `json:"received_at"`
	StoredAt   time.Time       `json:"stored_at"`
	KeepUntil  time.Time       `json:"keep_until"`
}

const occurrenceColumns = "id, name, event_key, source, dedupe_key, payload, sent_by, received_at, stored_at, keep_until"

func (o *Occurrence) fields() []any {
	return []any{&o.ID, &o.Name, &o.Key, &o.Source, &o.DedupeKey, document{&o.Payload}, &o.SentBy, stamp{&o.ReceivedAt}, stamp{&o.StoredAt}, stamp{&o.KeepUntil}}
}

// EventWait is a step of a case that waits for an event.
type EventWait struct {
	CaseID     string
	Path       string
	Generation int
	Execution  string // who is nudged
	Name, Key  string
}

func (w *EventWait) fields() []any {
	return []any{&w.CaseID, &w.Path, &w.Generation, &w.Execution, &w.Name, &w.Key}
}

// DefaultKeep is how long an event is kept for cases that do not wait for it yet, if nothing else is said.
const DefaultKeep = 30 * 24 * time.Hour

// PutEvent stores an event, once for its source and dedupe key: what came before is returned with duplicate set. When
// PutEvent returns, the event may be acknowledged.
func (s *Store) PutEvent(ctx context.Context, event Occurrence) (stored Occurrence, duplicate bool, err error) {
	event.Key = EventKey(event.Key)
	event.ID, event.StoredAt = s.NewID(), s.now().UTC().Truncate(time.Microsecond)
	if event.ReceivedAt.IsZero() {
		event.ReceivedAt = event.StoredAt
	}
	if event.KeepUntil.IsZero() {
		event.KeepUntil = event.StoredAt.Add(DefaultKeep)
	}
	event.ReceivedAt, event.KeepUntil = event.ReceivedAt.UTC().Truncate(time.Microsecond), event.KeepUntil.UTC().Truncate(time.Microsecond)
	err = s.write(ctx, "store event", func(tx session) error {
		written, err := tx.insert(ctx, "events", occurrenceColumns, event.fields(), "ON CONFLICT (source, dedupe_key) DO NOTHING")
		stored, duplicate = event, !written
		if err == nil && duplicate {
			stored, err = one[Occurrence](ctx, tx, "SELECT "+occurrenceColumns+" FROM events WHERE source = ? AND dedupe_key = ?", event.Source, event.DedupeKey)
		}
		return err
	})
	return stored, duplicate, err
}

// TakeEvent gives a waiting step the oldest event of its name and key that its case has not had, in one transaction:
// the case has each event once. The same step in the same generation always gets the same one. ErrNotFound says that
// there is none; the step then waits for one, unless this was its last look.
func (s *Store) TakeEvent(ctx context.Context, wait EventWait, last bool) (Occurrence, error) {
	var taken Occurrence
	found := false
	wait.Key = EventKey(wait.Key)
	err := s.write(ctx, "take event "+wait.Name, func(tx session) error {
		var err error
		taken, err = takeEvent(ctx, tx, wait)
		if found = err == nil; !found && !errors.Is(err, ErrNotFound) {
			return err
		}
		switch {
		case found:
			_, err = tx.insert(ctx, "event_deliveries", "event_id, case_id, step_path, generation, delivered_at",
				[]any{taken.ID, wait.CaseID, wait.Path, wait.Generation, s.now()}, "ON CONFLICT DO NOTHING")
		case !last:
			_, err := tx.insert(ctx, "event_waits", "case_id, step_path, generation, execution, name, event_key, nudged, since",
				append(wait.fields(), false, s.now()), `ON CONFLICT (case_id, step_path) DO UPDATE SET generation = excluded.generation,
				execution = excluded.execution, name = excluded.name, event_key = excluded.event_key, nudged = excluded.nudged`)
			return err
		}
		if err == nil || last {
			_, err = tx.exec(ctx, "DELETE FROM event_waits WHERE case_id = ? AND step_path = ?", wait.CaseID, wait.Path)
		}
		return err
	})
	if err == nil && !found {
		err = wrap("event "+wait.Name, ErrNotFound)
	}
	return taken, err
}

func takeEvent(ctx context.Context, tx session, wait EventWait) (Occurrence, error) {
	had, err := one[Occurrence](ctx, tx, "SELECT "+occurrenceColumns+` FROM events WHERE id IN
		(SELECT event_id FROM event_deliveries WHERE case_id = ? AND step_path = ? AND generation = ?)`, wait.CaseID, wait.Path, wait.Generation)
	if !errors.Is(err, ErrNotFound) {
		return had, err
	}
	return one[Occurrence](ctx, tx, "SELECT "+occurrenceColumns+` FROM events e WHERE name = ? AND event_key = ? AND NOT EXISTS
		(SELECT 1 FROM event_deliveries d WHERE d.event_id = e.id AND d.case_id = ?) ORDER BY stored_at, id LIMIT 1`, wait.Name, wait.Key, wait.CaseID)
}

// DueNudges lists waiting steps for which an event has come since an instant and which were not told yet; only those
// that wait for one name and key, if a name is given.
func (s *Store) DueNudges(ctx context.Context, name, key string, since time.Time, limit int) ([]EventWait, error) {
	var c conditions
	c.add("w.nudged = ?", false)
	if name != "" {
		c.add("w.name = ? AND w.event_key = ?", name, key)
	}
	c.add(`EXISTS (SELECT 1 FROM events e WHERE e.name = w.name AND e.event_key = w.event_key AND e.stored_at >= ? AND NOT EXISTS
		(SELECT 1 FROM event_deliveries d WHERE d.event_id = e.id AND d.case_id = w.case_id))`, since)
	found, err := many[EventWait](ctx, s.read(), "SELECT w.case_id, w.step_path, w.generation, w.execution, w.name, w.event_key FROM event_waits w"+
		c.where()+" ORDER BY w.since, w.case_id, w.step_path"+page(limit, 0), c.args...)
	return found, wrap("nudges", err)
}

// MarkNudged records that a waiting step has been told; it looks once, and is told again only when it waits anew.
func (s *Store) MarkNudged(ctx context.Context, wait EventWait) error {
	return s.write(ctx, "nudged "+wait.CaseID, func(tx session) error {
		_, err := tx.exec(ctx, "UPDATE event_waits SET nudged = ? WHERE case_id = ? AND step_path = ? AND generation = ?", true, wait.CaseID, wait.Path, wait.Generation)
		return err
	})
}

// DropEventWaits forgets what an execution that has ended waited for.
func (s *Store) DropEventWaits(ctx context.Context, execution string) error {
	return s.write(ctx, "waits of "+execution, func(tx session) error {
		_, err := tx.exec(ctx, "DELETE FROM event_waits WHERE execution = ?", execution)
		return err
	})
}

// EventView is an event with who has had it and how many wait for one like it.
type EventView struct {
	Occurrence
	Cases   []string `json:"cases"`   // that have had it
	Waiting int      `json:"waiting"` // steps that wait for an event of this name and key
}

// EventFilter chooses events; the zero value chooses all.
type EventFilter struct {
	Name, Key     string
	CaseID        string // that has had it
	Limit, Offset int
}

// Events lists events that were not emptied, newest first.
func (s *Store) Events(ctx context.Context, filter EventFilter) ([]EventView, error) {
	var c conditions
	c.add("keep_until > 0")
	if filter.Name != "" {
		c.add("name = ?", filter.Name)
	}
	if filter.Key != "" {
		c.add("event_key = ?", EventKey(filter.Key))
	}
	if filter.CaseID != "" {
		c.add("id IN (SELECT event_id FROM event_deliveries WHERE case_id = ?)", filter.CaseID)
	}
	found, err := many[Occurrence](ctx, s.read(), "SELECT "+occurrenceColumns+" FROM events"+c.where()+" ORDER BY stored_at DESC, id DESC"+page(filter.Limit, filter.Offset), c.args...)
	if err != nil {
		return nil, wrap("events", err)
	}
	views := make([]EventView, len(found))
	for i, event := range found {
		had, err := many[textRow](ctx, s.read(), "SELECT case_id FROM event_deliveries WHERE event_id = ? ORDER BY delivered_at, case_id", event.ID)
		if err != nil {
			return nil, wrap("events", err)
		}
		views[i] = EventView{Occurrence: event, Cases: texts(had)}
		if err := s.read().scalar(ctx, "SELECT COUNT(*) FROM event_waits WHERE name = ? AND event_key = ?", []any{event.Name, event.Key}, &views[i].Waiting); err != nil {
			return nil, wrap("events", err)
		}
	}
	return views, nil
}

// PruneEvents empties events whose time is over, but those that a case which still runs has had: it may look again. Their
// rows stay, so that one that comes again is the same one: a poller may read it for years. Without a key it fits nothing.
func (s *Store) PruneEvents(ctx context.Context) error {
	return s.write(ctx, "prune events", func(tx session) error {
		_, err := tx.exec(ctx, `UPDATE events SET event_key = '', payload = '', sent_by = '', keep_until = 0 WHERE keep_until > 0 AND keep_until < ? AND NOT EXISTS
			(SELECT 1 FROM event_deliveries d JOIN cases c ON c.id = d.case_id WHERE d.event_id = events.id AND c.ended_at = 0)`, s.now())
		return err
	})
}
