package activities

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
)

// TakeEventInput asks for an event.
type TakeEventInput struct {
	Place
	// Execution is whom to nudge when an event comes later: the case, or the part of it that waits.
	Execution string `json:"execution"`
	Event     string `json:"event"`
	Key       string `json:"key"`
	// Last says that nothing waits for the event after this look.
	Last bool `json:"last,omitempty"`
}

// TakeEventOutput is the event, if one is there.
type TakeEventOutput struct {
	Found   bool        `json:"found"`
	ID      string      `json:"id,omitempty"`
	Payload rules.Value `json:"payload"`
	At      time.Time   `json:"at,omitzero"`
}

// TakeEvent takes the oldest event that fits and that the case has not had yet. The same place always gets the same
// event. If there is none, the case is nudged when one comes.
func (a *Activities) TakeEvent(ctx context.Context, in TakeEventInput) (TakeEventOutput, error) {
	event, err := a.Store.TakeEvent(ctx, store.EventWait{CaseID: in.Case, Path: in.Path, Generation: in.Generation,
		Execution: in.Execution, Name: in.Event, Key: in.Key}, in.Last)
	if errors.Is(err, store.ErrNotFound) {
		return TakeEventOutput{}, nil
	}
	if err != nil {
		return TakeEventOutput{}, storeError(NameTakeEvent, err)
	}
	out := TakeEventOutput{Found: true, ID: event.ID, At: event.ReceivedAt}
	if len(event.Payload) > 0 {
		err = json.Unmarshal(event.Payload, &out.Payload)
	}
	return out, storeError(NameTakeEvent, err)
}
