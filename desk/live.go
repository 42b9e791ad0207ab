package desk

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"crosswalk/store"
)

// How an open page is kept up to date.
const (
	liveEvery   = 400 * time.Millisecond
	liveLongest = 10 * time.Minute // then the browser asks again
	rightsEvery = 5                // looks between two checks that the login still holds
)

// live tells a page by a server-sent event that its case has changed, so that it fills in without being reloaded. It
// ends with the login.
func (d *Desk) live(w http.ResponseWriter, r *http.Request, who person) error {
	before, err := d.mark(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
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
	for looks := 1; ; looks++ {
		select {
		case <-r.Context().Done():
			return nil
		case <-d.Stopping:
			return nil
		case <-end:
			return nil
		case <-tick.C:
		}
		if looks%rightsEvery == 0 && !d.stillIn(r, who) {
			return nil
		}
		now, err := d.mark(r.Context(), r.PathValue("id"))
		if err != nil {
			return nil // the page keeps what it has, and the browser asks again
		}
		if now != before {
			before = now
			fmt.Fprintf(w, "event: changed\ndata: %s\n\n", now)
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
	states := make([]string, 0, len(tasks)+6)
	states = append(states, string(found.State), found.Stage, found.WaitingFor, strconv.Itoa(len(steps)), strconv.Itoa(len(messages)))
	for _, task := range tasks {
		states = append(states, string(task.State)+strconv.Itoa(task.Version))
	}
	return strings.Join(states, "/"), nil
}
