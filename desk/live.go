package desk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"crosswalk/store"
)

// How an open page is kept up to date.
const (
	liveEvery   = 400 * time.Millisecond
	liveLongest = 10 * time.Minute // then the browser asks again
	rightsEvery = 5                // looks between two checks that the login still holds
)

// live tells a page by a server-sent event that its case has changed since it was made, or since the browser was told last,
// so that it fills in without being reloaded. It ends with the login.
func (d *Desk) live(w http.ResponseWriter, r *http.Request, who person) error {
	before, err := d.mark(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if seen := cmp.Or(r.Header.Get("Last-Event-ID"), r.FormValue("seen")); seen != "" {
		before = seen
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // a server that sets one means pages, not this
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "retry: 2000\n: listening\n\n")
	if err := control.Flush(); err != nil {
		return nil // the connection cannot be kept open: the page is complete without
	}
	tick := time.NewTicker(d.look)
	defer tick.Stop()
	end := time.After(liveLongest)
	for looks := 0; ; looks++ {
		if looks > 0 {
			select {
			case <-r.Context().Done():
				return nil
			case <-d.Stopping:
				return nil
			case <-end:
				return nil
			case <-tick.C:
			}
		}
		if looks > 0 && looks%rightsEvery == 0 && !d.stillIn(r, who) {
			return nil
		}
		now, err := d.mark(r.Context(), r.PathValue("id"))
		if err != nil {
			return nil // the page keeps what it has, and the browser asks again
		}
		if now != before {
			before = now
			fmt.Fprintf(w, "event: changed\nid: %s\ndata: %s\n\n", now, now)
			if control.Flush() != nil {
				return nil
			}
		}
	}
}

// mark changes whenever something is known of the case that was not known before.
func (d *Desk) mark(ctx context.Context, id string) (string, error) {
	found, err := d.Store.Case(ctx, id)
	if err != nil {
		return "", err
	}
	steps, err := d.Store.Steps(ctx, found.ID)
	if err != nil {
		return "", err
	}
	messages, err := d.Store.Messages(ctx, found.ID)
	if err != nil {
		return "", err
	}
	tasks, err := d.Store.Tasks(ctx, store.TaskFilter{CaseID: found.ID})
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q %d\n", found.State, found.Stage, found.WaitingFor, len(messages))
	for _, step := range steps {
		fmt.Fprintf(sum, "%q %d %d %d\n", step.Path, step.Generation, step.Ordinal, step.FinishedAt.UnixNano())
	}
	for _, task := range tasks {
		fmt.Fprintf(sum, "%q %d\n", task.State, task.Version)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}
