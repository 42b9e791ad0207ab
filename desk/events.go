package desk

import (
	"encoding/json"
	"net/http"

	"crosswalk/store"
)

// SentEvent is an event that somebody sends by hand.
type SentEvent struct {
	Name string          `json:"name"`
	Key  string          `json:"key"`
	ID   string          `json:"id"` // the same id twice is one event; "" for none
	Data json.RawMessage `json:"data"`
}

func (d *Desk) apiEvents(w http.ResponseWriter, r *http.Request, _ person) error {
	q := r.URL.Query()
	events, err := d.Store.Events(r.Context(), store.EventFilter{Name: q.Get("name"), Key: q.Get("key"), CaseID: q.Get("case"), Limit: limit(r, pageSize)})
	if err != nil {
		return err
	}
	for i := range events {
		events[i].Payload = plainJSON(events[i].Payload)
	}
	if events == nil {
		events = []store.EventView{}
	}
	writeJSON(w, http.StatusOK, map[string]any{"events": events})
	return nil
}

func (d *Desk) apiEvent(w http.ResponseWriter, r *http.Request, who person) error {
	var in SentEvent
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if store.EventKey(in.Key) == "" {
		return wrong("An event needs a key.")
	}
	receipt, err := d.Event(r.Context(), in, who.login)
	if err != nil {
		return wrong(err.Error())
	}
	if err := d.audit(r.Context(), who, "event.send", "", map[string]any{"event": in.Name, "entry": receipt.EntryID, "outcome": receipt.Outcome}); err != nil {
		return err
	}
	writeJSON(w, http.StatusAccepted, receipt)
	return nil
}
