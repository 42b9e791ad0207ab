package store

import (
	"context"
	"sync"
	"time"
)

// SystemState is what was said about a system at run time. The zero value is a system that nothing was said about.
type SystemState struct {
	System    string    `json:"system"`
	Paused    bool      `json:"paused"`
	Reason    string    `json:"reason,omitempty"`
	Who       string    `json:"who,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	NotBefore time.Time `json:"not_before,omitzero"` // the system asked everyone to wait until then
}

const systemColumns = "system, paused, reason, who, since, not_before"

func (s *SystemState) fields() []any {
	return []any{&s.System, &s.Paused, &s.Reason, &s.Who, stamp{&s.Since}, stamp{&s.NotBefore}}
}

// PauseSystem keeps all cases from calling the system until ResumeSystem.
func (s *Store) PauseSystem(ctx context.Context, system, who, reason string) error {
	return s.setPaused(ctx, SystemState{System: system, Paused: true, Who: who, Reason: reason})
}

// ResumeSystem lets cases call the system again.
func (s *Store) ResumeSystem(ctx context.Context, system, who string) error {
	return s.setPaused(ctx, SystemState{System: system, Who: who})
}

func (s *Store) setPaused(ctx context.Context, state SystemState) error {
	state.Since = s.now()
	defer s.states.forget()
	return s.write(ctx, "pause or resume "+state.System, func(tx session) error {
		_, err := tx.insert(ctx, "system_state", systemColumns, state.fields(), `ON CONFLICT (system) DO UPDATE SET
			paused = excluded.paused, reason = excluded.reason, who = excluded.who, since = excluded.since`)
		return err
	})
}

// DelaySystem is the gate that one "too many requests" closes for all cases: nobody calls the system before then.
// The latest instant counts.
func (s *Store) DelaySystem(ctx context.Context, system string, notBefore time.Time) error {
	state := SystemState{System: system, NotBefore: notBefore}
	defer s.states.forget()
	return s.write(ctx, "delay "+system, func(tx session) error {
		_, err := tx.insert(ctx, "system_state", systemColumns, state.fields(), `ON CONFLICT (system) DO UPDATE SET
			not_before = excluded.not_before WHERE excluded.not_before > system_state.not_before`)
		return err
	})
}

// freshFor is how long what was read of the systems' states is taken for true. Each call of each case asks for one.
const freshFor = 250 * time.Millisecond

// states is what was last read. A write of this process forgets it; those of others show within freshFor.
type states struct {
	mu      sync.Mutex
	known   map[string]SystemState
	read    time.Time
	changes int // so that what is read while a write goes on is not kept
}

// SystemState tells what was said about a system, other processes' words a quarter of a second late at most.
func (s *Store) SystemState(ctx context.Context, system string) (SystemState, error) {
	s.states.mu.Lock()
	known, fresh, changes := s.states.known, time.Since(s.states.read) < freshFor, s.states.changes
	s.states.mu.Unlock()
	if known == nil || !fresh {
		all, err := s.SystemStates(ctx)
		if err != nil {
			return SystemState{}, err
		}
		known = map[string]SystemState{}
		for _, one := range all {
			known[one.System] = one
		}
		s.states.keep(known, changes)
	}
	if found, ok := known[system]; ok {
		return found, nil
	}
	return SystemState{System: system}, nil
}

func (s *states) keep(known map[string]SystemState, changes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == changes {
		s.known, s.read = known, time.Now()
	}
}

func (s *states) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = nil
	s.changes++
}

// SystemStates tells what was said about all systems.
func (s *Store) SystemStates(ctx context.Context) ([]SystemState, error) {
	found, err := many[SystemState](ctx, s.read(), "SELECT "+systemColumns+" FROM system_state ORDER BY system")
	return found, wrap("states of systems", err)
}

// Meta reads a small value that the process keeps for itself; ErrNotFound if there is none.
func (s *Store) Meta(ctx context.Context, name string) (string, error) {
	var value string
	err := s.read().scalar(ctx, "SELECT value FROM meta WHERE name = ?", []any{name}, &value)
	return value, wrap("meta "+name, err)
}

// SetMeta writes a small value.
func (s *Store) SetMeta(ctx context.Context, name, value string) error {
	return s.write(ctx, "meta "+name, func(tx session) error { return setMeta(ctx, tx, name, value) })
}

// SwapMeta replaces a value only if it is still old ("" = not there), and tells whether it did.
func (s *Store) SwapMeta(ctx context.Context, name, old, value string) (swapped bool, err error) {
	err = s.write(ctx, "meta "+name, func(tx session) error {
		if old == "" {
			swapped, err = tx.insert(ctx, "meta", "name, value", []any{name, value}, "ON CONFLICT DO NOTHING")
			return err
		}
		n, err := tx.exec(ctx, "UPDATE meta SET value = ? WHERE name = ? AND value = ?", value, name, old)
		swapped = n > 0
		return err
	})
	return swapped, err
}

func setMeta(ctx context.Context, tx session, name, value string) error {
	_, err := tx.insert(ctx, "meta", "name, value", []any{name, value}, "ON CONFLICT (name) DO UPDATE SET value = excluded.value")
	return err
}
