package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// EffectState is how far a write in someone else's system has come.
type EffectState string

// The states of an effect.
const (
	EffectIntent    EffectState = "intent"    // certainly not sent
	EffectSent      EffectState = "sent"      // possibly sent
	EffectConfirmed EffectState = "confirmed" // done, the result is known
	EffectUnknown   EffectState = "unknown"   // possibly done: a person must say
	EffectVoid      EffectState = "void"      // certainly not done
)

// Effect is one row of the ledger: a write in someone else's system, stored before it is attempted.
type Effect struct {
	Key         string          `json:"key"` // from the case's identity, never from an attempt's
	CaseID      string          `json:"case_id"`
	StepPath    string          `json:"step_path"`
	Generation  int             `json:"generation"`
	System      string          `json:"system"`
	Operation   string          `json:"operation"`
	Driver      string          `json:"driver"`
	Safety      string          `json:"safety"`
	RequestHash string          `json:"request_hash"`
	Request     json.RawMessage `json:"request,omitempty"`
	State       EffectState     `json:"state"`
	IntentAt    time.Time       `json:"intent_at"`
	FirstSentAt time.Time       `json:"first_sent_at,omitzero"`
	LastSentAt  time.Time       `json:"last_sent_at,omitzero"`
	SettledAt   time.Time       `json:"settled_at,omitzero"`
	Attempts    int             `json:"attempts"`
	Result      json.RawMessage `json:"result,omitempty"`
	RemoteRef   string          `json:"remote_ref,omitempty"`
	Error       string          `json:"error,omitempty"`
	ResolvedBy  string          `json:"resolved_by,omitempty"`
}

const effectColumns = `effect_key, case_id, step_path, generation, system, operation, driver, safety, request_hash, request,
	state, intent_at, first_sent_at, last_sent_at, settled_at, attempts, result, remote_ref, error, resolved_by`

func (e *Effect) fields() []any {
	return []any{&e.Key, &e.CaseID, &e.StepPath, &e.Generation, &e.System, &e.Operation, &e.Driver, &e.Safety, &e.RequestHash,
		document{&e.Request}, &e.State, stamp{&e.IntentAt}, stamp{&e.FirstSentAt}, stamp{&e.LastSentAt}, stamp{&e.SettledAt}, &e.Attempts,
		document{&e.Result}, &e.RemoteRef, &e.Error, &e.ResolvedBy}
}

// ErrConflict says that the key stands for another request. errors.As with *ConflictError gives the stored effect.
var ErrConflict = errors.New("the effect's key was used for another request")

// ConflictError carries the effect that is in the way.
type ConflictError struct{ Existing Effect }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("effect %s (%s, %s): %s", e.Existing.Key, e.Existing.Operation, e.Existing.State, ErrConflict)
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// ErrEffectState says that the effect is not in a state that allows what was asked for.
var ErrEffectState = errors.New("the effect's state does not allow this")

// BeginEffect stores the intent of a write, and before it, in the same transaction, the results of the case's local
// reads: whatever the write was decided on is then as durable as the write. It says fresh if the caller may carry
// the effect out; the returned effect is the stored one.
//
// An effect that is there already with the same request is returned as it stands, not fresh: confirmed holds the
// result; intent was certainly not sent; sent and unknown need a look before anything is sent. A void one begins
// anew, as does an intent that was never sent if the request is another. Another request for an effect that may
// have happened is a *ConflictError.
//
// If effect.State is EffectSent, intent and first sending are one commit: for callers who send at once.
func (s *Store) BeginEffect(ctx context.Context, effect Effect, reads []ReadResult) (stored Effect, fresh bool, err error) {
	err = s.write(ctx, "begin effect "+effect.Key, func(tx session) error {
		if err := s.flushReads(ctx, tx, effect.CaseID, reads); err != nil {
			return err
		}
		stored, fresh, err = s.beginEffect(ctx, tx, effect)
		return err
	})
	return stored, fresh, err
}

func (s *Store) beginEffect(ctx context.Context, tx session, effect Effect) (Effect, bool, error) {
	begun := s.begunEffect(effect, 0)
	if isNew, err := tx.insert(ctx, "effects", effectColumns, begun.fields(), "ON CONFLICT DO NOTHING"); err != nil || isNew {
		return begun, true, err
	}
	existing, err := effectByKey(ctx, tx, effect.Key)
	switch {
	case err != nil:
		return Effect{}, false, err
	case existing.State == EffectVoid:
	case existing.RequestHash == effect.RequestHash:
		return existing, false, nil
	case existing.State != EffectIntent:
		return existing, false, &ConflictError{Existing: existing}
	}
	begun = s.begunEffect(effect, existing.Attempts)
	if _, err := tx.exec(ctx, "DELETE FROM effects WHERE effect_key = ?", effect.Key); err != nil {
		return Effect{}, false, err
	}
	_, err = tx.insert(ctx, "effects", effectColumns, begun.fields(), "")
	return begun, true, err
}

// begunEffect is an effect at its beginning, after so many attempts of an earlier one that certainly did not happen.
func (s *Store) begunEffect(effect Effect, attempts int) Effect {
	begun := effect
	begun.IntentAt = s.now().UTC().Truncate(time.Microsecond)
	begun.FirstSentAt, begun.LastSentAt, begun.SettledAt, begun.Attempts = time.Time{}, time.Time{}, time.Time{}, attempts
	begun.Result, begun.RemoteRef, begun.Error, begun.ResolvedBy = nil, "", "", ""
	if effect.State == EffectSent {
		begun.FirstSentAt, begun.LastSentAt = begun.IntentAt, begun.IntentAt
		begun.Attempts++
	} else {
		begun.State = EffectIntent
	}
	return begun
}

// EffectSent is called before each further attempt, which may send or only look. It counts the attempt, whose number
// fences out earlier ones, and refuses an effect that is settled or waits for a person (ErrEffectState): nothing may then be sent.
func (s *Store) EffectSent(ctx context.Context, key string) (Effect, error) {
	now := s.now()
	return s.changeEffect(ctx, key, "sent", []EffectState{EffectIntent, EffectSent},
		`state = ?, attempts = attempts + 1, first_sent_at = CASE WHEN first_sent_at = 0 THEN ? ELSE first_sent_at END`,
		EffectSent, now)
}

// SendEffect is EffectSent for who knows the very moment in which the effect leaves: it refuses an attempt that is not
// the last one (ErrEffectState), so that of two attempts that come to this moment only one sends.
func (s *Store) SendEffect(ctx context.Context, attempt Effect) (Effect, error) {
	var changed Effect
	err := s.write(ctx, "send effect "+attempt.Key, func(tx session) error {
		current, err := effectByKey(ctx, tx, attempt.Key)
		if err != nil {
			return err
		}
		if current.Attempts != attempt.Attempts {
			return fmt.Errorf("%w: another attempt has sent it", ErrEffectState)
		}
		if current.RequestHash != attempt.RequestHash || !current.IntentAt.Equal(attempt.IntentAt) {
			return fmt.Errorf("%w: it was begun anew since", ErrEffectState)
		}
		now := s.now()
		changed, err = changeEffect(ctx, tx, attempt.Key, []EffectState{EffectIntent, EffectSent},
			`state = ?, attempts = attempts + 1, first_sent_at = CASE WHEN first_sent_at = 0 THEN ? ELSE first_sent_at END, last_sent_at = ?`, EffectSent, now, now)
		return err
	})
	return changed, err
}

// ConfirmEffect records that the effect happened, by which record it is known there, and what came back. A second
// confirmation leaves the first.
func (s *Store) ConfirmEffect(ctx context.Context, key string, result json.RawMessage, remoteRef string) (Effect, error) {
	return s.changeEffect(ctx, key, "confirm", []EffectState{EffectIntent, EffectSent, EffectUnknown},
		"state = ?, result = ?, remote_ref = ?, error = '', settled_at = ?", EffectConfirmed, result, remoteRef, s.now())
}

// VoidEffect records that the effect certainly did not happen, as far as the given attempt knows. The same key may
// then begin anew. If another attempt has sent it since, that attempt's word counts: the effect stays and is returned
// as it is.
func (s *Store) VoidEffect(ctx context.Context, attempt Effect, reason string) (Effect, error) {
	var changed Effect
	err := s.write(ctx, "void effect "+attempt.Key, func(tx session) error {
		current, err := effectByKey(ctx, tx, attempt.Key)
		if err != nil {
			return err
		}
		if changed = current; current.Attempts != attempt.Attempts {
			return nil
		}
		changed, err = changeEffect(ctx, tx, attempt.Key, []EffectState{EffectIntent, EffectSent, EffectUnknown},
			"state = ?, error = ?, settled_at = ?", EffectVoid, reason, s.now())
		return err
	})
	return changed, err
}

// MarkEffectUnknown records that nobody can tell whether the effect happened.
func (s *Store) MarkEffectUnknown(ctx context.Context, key, reason string) (Effect, error) {
	return s.changeEffect(ctx, key, "unknown", []EffectState{EffectIntent, EffectSent},
		"state = ?, error = ?", EffectUnknown, reason)
}

// Resolution is what a person found out about an effect whose outcome was unknown.
type Resolution struct {
	Happened  bool
	Result    json.RawMessage
	RemoteRef string
	Note      string
}

// ResolveUnknown settles an unknown effect by a person's word, and writes that into the audit.
func (s *Store) ResolveUnknown(ctx context.Context, key, who string, resolution Resolution) (Effect, error) {
	state := EffectVoid
	if resolution.Happened {
		state = EffectConfirmed
	}
	var settled Effect
	err := s.write(ctx, "resolve effect "+key, func(tx session) error {
		var err error
		settled, err = changeEffect(ctx, tx, key, []EffectState{EffectUnknown},
			"state = ?, result = ?, remote_ref = ?, settled_at = ?, resolved_by = ?", state, resolution.Result, resolution.RemoteRef, s.now(), who)
		if err != nil {
			return err
		}
		detail, err := json.Marshal(map[string]any{"effect": key, "operation": settled.Operation, "happened": resolution.Happened, "note": resolution.Note})
		if err != nil {
			return err
		}
		_, err = s.appendAudit(ctx, tx, AuditEntry{Who: who, What: "effect resolved", CaseID: settled.CaseID, Detail: detail})
		return err
	})
	return settled, err
}

// Effect finds an effect by its key.
func (s *Store) Effect(ctx context.Context, key string) (Effect, error) {
	found, err := effectByKey(ctx, s.read(), key)
	return found, wrap("effect "+key, err)
}

// Effects lists the effects of a case in the order of their intents.
func (s *Store) Effects(ctx context.Context, caseID string) ([]Effect, error) {
	found, err := many[Effect](ctx, s.read(), "SELECT "+effectColumns+" FROM effects WHERE case_id = ? ORDER BY intent_at, effect_key", caseID)
	return found, wrap("effects of "+caseID, err)
}

// EffectsIn lists effects in a state, oldest first: unknown ones for people, sent ones to look after.
func (s *Store) EffectsIn(ctx context.Context, state EffectState, limit int) ([]Effect, error) {
	found, err := many[Effect](ctx, s.read(), "SELECT "+effectColumns+" FROM effects WHERE state = ? ORDER BY intent_at, effect_key"+page(limit, 0), state)
	return found, wrap("effects", err)
}

func effectByKey(ctx context.Context, q session, key string) (Effect, error) {
	return one[Effect](ctx, q, "SELECT "+effectColumns+" FROM effects WHERE effect_key = ?", key)
}

func (s *Store) changeEffect(ctx context.Context, key, what string, from []EffectState, set string, args ...any) (Effect, error) {
	var changed Effect
	err := s.write(ctx, what+" effect "+key, func(tx session) error {
		var err error
		changed, err = changeEffect(ctx, tx, key, from, set, args...)
		return err
	})
	return changed, err
}

// changeEffect sets columns if the effect is in one of the states. If it is already in the state asked for and that
// settles it, it is returned unchanged: the caller repeats itself.
func changeEffect(ctx context.Context, tx session, key string, from []EffectState, set string, args ...any) (Effect, error) {
	states, stateArgs := in(from)
	n, err := tx.exec(ctx, "UPDATE effects SET "+set+" WHERE effect_key = ? AND state IN "+states, append(append(args, key), stateArgs...)...)
	if err != nil {
		return Effect{}, err
	}
	found, err := effectByKey(ctx, tx, key)
	if err != nil || n > 0 {
		return found, err
	}
	if to := args[0].(EffectState); found.State == to && to != EffectSent {
		return found, nil
	}
	return found, fmt.Errorf("%w: it is %s", ErrEffectState, found.State)
}
