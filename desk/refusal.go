package desk

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"crosswalk/store"
)

// refusal is an error with its HTTP status and words for the person.
type refusal struct {
	status  int
	message string
}

// Error is the message.
func (r refusal) Error() string { return r.message }

// wrong refuses what a person filled in.
func wrong(message string) error { return refusal{http.StatusUnprocessableEntity, message} }

var nothingHere = refusal{http.StatusNotFound, "There is nothing at this address."}

// statusOf maps what went wrong to a status and to words that may be shown.
func statusOf(err error) (int, string) {
	var refused refusal
	var task *store.TaskError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &refused):
		return refused.status, refused.message
	case errors.As(err, &task):
		return taskRefusal(task)
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, "That is too much at once."
	case errors.Is(err, store.ErrNotFound):
		return nothingHere.status, nothingHere.message
	default:
		return http.StatusInternalServerError, "Something went wrong on our side. It was noted in the log."
	}
}

func taskRefusal(e *store.TaskError) (int, string) {
	at := e.Task.AnsweredAt.Format("2 Jan 15:04") + " UTC"
	switch {
	case errors.Is(e.Err, store.ErrAnswered):
		return http.StatusConflict, "This task was answered by " + e.Task.AnsweredBy + " at " + at + "."
	case errors.Is(e.Err, store.ErrClaimed):
		return http.StatusConflict, e.Task.ClaimedBy + " is working on this task."
	case errors.Is(e.Err, store.ErrStaleVersion):
		return http.StatusConflict, "This task has changed since you looked at it. Look again, then decide."
	case errors.Is(e.Err, store.ErrFourEyes):
		return http.StatusForbidden, "You asked for this or shaped it yourself, so somebody else must decide it."
	case errors.Is(e.Err, store.ErrSeatTaken):
		return http.StatusForbidden, "You have decided one part of this approval already. Somebody else must decide this one."
	case errors.Is(e.Err, store.ErrTaskClosed):
		return http.StatusConflict, "This task is closed; its case went another way."
	default:
		return http.StatusForbidden, notYours
	}
}

const notYours = "This task is not for you: it belongs to another queue or role."

// fail answers with the error's status: as JSON to programs, as a page to people.
func (d *Desk) fail(w http.ResponseWriter, r *http.Request, who person, err error) {
	if r.Context().Err() != nil {
		return // whoever asked has gone
	}
	status, message := statusOf(err)
	if status >= http.StatusInternalServerError {
		d.Log.Error("desk.request.failed", "method", r.Method, "route", r.Pattern, "error", err)
	}
	if isAPI(r) {
		writeJSON(w, status, map[string]string{"error": message})
		return
	}
	if err := d.render(w, status, "refused", page{Title: http.StatusText(status), Person: who, Data: message}); err != nil {
		d.Log.Error("desk.page.failed", "error", err)
		http.Error(w, message, status)
	}
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// known answers for what the mux has no route for in the desk's own words; the mux still says which status it is and
// which methods there are.
func (d *Desk) known(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		unrouted, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := verdict{header: http.Header{}}
		unrouted.ServeHTTP(&said, r)
		switch said.status {
		case http.StatusMethodNotAllowed:
			w.Header().Set("Allow", said.header.Get("Allow"))
			d.fail(w, r, person{}, refusal{said.status, "This cannot be done at this address."})
		case http.StatusNotFound:
			d.fail(w, r, person{}, nothingHere)
		default:
			mux.ServeHTTP(w, r) // a redirect to the clean form of the address
		}
	})
}

// verdict keeps what a handler says and shows it to nobody.
type verdict struct {
	header http.Header
	status int
}

// Header is what the handler sets.
func (v *verdict) Header() http.Header { return v.header }

func (v *verdict) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader notes the status.
func (v *verdict) WriteHeader(status int) { v.status = status }
