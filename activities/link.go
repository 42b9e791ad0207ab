package activities

import (
	"context"
	"encoding/json"
	"time"

	"crosswalk/store"
)

// LinkInput says that a person chose the counterpart of a record among several that fitted.
type LinkInput struct {
	Case string    `json:"case"`
	Task string    `json:"task"` // where the person chose
	Of   Unlinked  `json:"of"`
	ID   string    `json:"id"` // of the record in the system that was asked
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

// Link stores the person's word as a link with its evidence, so that no later case asks again. It can be corrected
// like every other link.
func (a *Activities) Link(ctx context.Context, in LinkInput) error {
	evidence, err := json.Marshal(map[string]any{"operation": in.Of.Find, "chosen_by": in.By, "chosen_at": in.At, "task": in.Task})
	if err != nil {
		return storeError(NameLink, err)
	}
	_, err = a.Store.LinkByHand(ctx, store.Link{
		Left: store.Ref{System: in.Of.System, Kind: in.Of.Kind, ID: in.Of.ID}, Right: store.Ref{System: in.Of.To, Kind: in.Of.Kind, ID: in.ID},
		CaseID: in.Case, Evidence: evidence,
	}, in.By)
	return storeError(NameLink, err)
}
