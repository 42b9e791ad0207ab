package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// event stores the event that a message is. Machines may send it: nothing is answered and nothing started.
func (i *Intake) event(ctx context.Context, s *workspace.Source, m Message) (Receipt, error) {
	scope := map[string]rules.Value{string(s.Kind): messageValue(m)}
	happened := store.Occurrence{Name: s.Event, Source: s.Name, DedupeKey: dedupeKey(s, m, scope), SentBy: m.TypedBy, ReceivedAt: m.ReceivedAt}
	key, err := s.Key.Eval(scope)
	if err == nil && store.EventKey(key.Text()) == "" {
		err = fmt.Errorf("it has no key")
	}
	var payload rules.Value
	if err == nil {
		payload, err = s.With.Eval(scope)
	}
	if err == nil {
		payload, err = s.Input.Decode(payload)
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: the source %s cannot use it: %s", ErrMalformed, s.Name, err)
	}
	happened.Key = key.Text()
	return i.Happened(ctx, happened, payload)
}

// Happened stores an event and tells the cases that wait for it. Its payload fits what the event tells. When it
// returns without an error, the event is on disk; cases that could not be told now are told by the sweeper.
func (i *Intake) Happened(ctx context.Context, event store.Occurrence, payload rules.Value) (Receipt, error) {
	var err error
	if event.Payload, err = json.Marshal(payload); err != nil {
		return Receipt{}, fmt.Errorf("intake: %s: %w", event.Source, err)
	}
	if i.KeepEvents != nil {
		event.KeepUntil = i.now().Add(i.KeepEvents())
	}
	stored, duplicate, err := i.Store.PutEvent(ctx, event)
	if err != nil {
		return Receipt{}, fmt.Errorf("intake: %s: %w", event.Source, err)
	}
	receipt := Receipt{EntryID: stored.ID, Outcome: Noted}
	if duplicate {
		receipt.Outcome = Duplicate
	}
	i.Log.Info("intake.event", "source", event.Source, "event", event.Name, "entry", receipt.EntryID, "outcome", receipt.Outcome)
	select {
	case i.happened <- stored:
	default: // many at once: the sweeper tells of it
	}
	return receipt, nil
}

// tellEvents tells waiting cases of events as they come.
func (i *Intake) tellEvents(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-i.happened:
			if err := i.Cases.TellEvents(ctx, event.Name, event.Key, event.StoredAt); err != nil && ctx.Err() == nil {
				i.Log.Warn("intake.event.repeated_later", "entry", event.ID, "error", err)
			}
		}
	}
}

// lookBack is how far the sweeper looks for events that a case was not told of, once it has looked at all of them.
const lookBack = 10 * time.Minute

// sweepEvents tells of what was not told, whatever the reason: a crash, many events at once, a wait that began while
// the event came.
func (i *Intake) sweepEvents(ctx context.Context) error {
	begun := i.now()
	err := i.Cases.TellEvents(ctx, "", "", i.swept)
	if err == nil {
		i.swept = begun.Add(-lookBack)
	}
	return err
}
