// Package desk is where people work: the inbox, tasks, approvals and cases as server-rendered pages, the same acts as
// a JSON interface for programs, and the phone note.
//
// Every route is in one table with the rights that it needs; what is not in the table does not exist. Nothing that a
// customer wrote is ever rendered as HTML.
package desk

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"crosswalk/intake"
	"crosswalk/store"
	"crosswalk/workspace"
)

//go:embed ui
var ui embed.FS

// Pending is an operation that a case waits for in the engine.
type Pending struct {
	Operation string    `json:"operation"`
	Attempt   int       `json:"attempt"`
	NextTry   time.Time `json:"next_try,omitzero"`
	LastError string    `json:"last_error,omitempty"` // the class
}

// Cases is how the desk reaches running cases.
type Cases interface {
	// Deliver tells the case of an answer that is in the store.
	Deliver(ctx context.Context, task store.Task) error
	// CancelCase ends a case.
	CancelCase(ctx context.Context, caseID, who, reason string) error
	// Pending lists what the case waits for in the engine.
	Pending(ctx context.Context, caseID string) ([]Pending, error)
}

// Options are what a desk needs.
type Options struct {
	Store *store.Store
	// People gives who works here, as it is in force now.
	People func() *workspace.People
	// Systems names the systems of the workspace in force, for the page that pauses them.
	Systems func() []string
	Cases   Cases
	// Note takes in a phone note.
	Note intake.Accept
	// TemporalUI is the address of the Temporal UI, as http://127.0.0.1:8233; "" if there is none.
	TemporalUI string
	// Token opens the JSON interface to the program that started this one; "" for none.
	Token string
	// Secure says that browsers reach the desk over TLS.
	Secure bool
	// Start runs the use case for `crosswalk run`.
	Start func(ctx context.Context, useCase string, input []byte, who string) (store.Case, error)
	Log   *slog.Logger
}

// Desk serves pages and the JSON interface.
type Desk struct {
	Options
	pages *template.Template
}

// New returns the desk's handler.
func New(options Options) (http.Handler, error) {
	d := &Desk{Options: options}
	pages, err := template.New("desk").Funcs(functions).ParseFS(ui, "ui/*.html")
	if err != nil {
		return nil, err
	}
	d.pages = pages
	mux := http.NewServeMux()
	for _, r := range d.routes() {
		mux.Handle(r.pattern, d.guard(r))
	}
	return secured(http.NewCrossOriginProtection().Handler(mux)), nil
}

// right is what a route demands of the one who asks.
type right int

const (
	public right = iota // anybody: the login itself, style and script
	user                // anybody who has logged in
	lead                // those with the role support-lead or operator
)

// handler answers a request of a person; an error becomes a page or a JSON object with its status.
type handler func(w http.ResponseWriter, r *http.Request, who person) error

type route struct {
	pattern string
	right   right
	handler handler
}

func (d *Desk) routes() []route {
	return []route{
		{"GET /{$}", user, d.inbox},
		{"GET /login", public, d.loginPage},
		{"POST /login", public, d.login},
		{"POST /logout", user, d.logout},
		{"GET /ui/{file}", public, d.asset},
		{"GET /tasks/{id}", user, d.taskPage},
		{"POST /tasks/{id}/claim", user, d.claim},
		{"POST /tasks/{id}/release", user, d.release},
		{"POST /tasks/{id}/reassign", user, d.reassign},
		{"POST /tasks/{id}/note", user, d.note},
		{"POST /tasks/{id}/answer", user, d.answer},
		{"GET /cases", user, d.caseList},
		{"GET /cases/{id}", user, d.casePage},
		{"GET /cases/{id}/live", user, d.live},
		{"POST /cases/{id}/cancel", lead, d.cancelCase},
		{"GET /cases/{id}/files/{blob}", user, d.file},
		{"GET /phone", user, d.phonePage},
		{"POST /phone", user, d.phone},
		{"GET /links", user, d.linkList},
		{"POST /links/{id}/correct", user, d.correctLink},
		{"POST /links/{id}/remove", user, d.removeLink},
		{"GET /systems", user, d.systemList},
		{"POST /systems/{name}/pause", lead, d.pauseSystem},
		{"POST /systems/{name}/resume", lead, d.resumeSystem},
		{"GET /api/tasks", user, d.apiTasks},
		{"GET /api/tasks/{id}", user, d.apiTask},
		{"POST /api/tasks/{id}/{act}", user, d.apiAct},
		{"GET /api/cases", user, d.apiCases},
		{"GET /api/cases/{id}", user, d.apiCase},
		{"POST /api/cases/{id}/cancel", lead, d.apiCancel},
		{"GET /api/systems", user, d.apiSystems},
		{"POST /api/systems/{name}/{act}", lead, d.apiSystem},
		{"GET /api/links", user, d.apiLinks},
		{"POST /api/links/{id}/{act}", lead, d.apiLink},
		{"POST /api/run/{usecase}", lead, d.apiRun},
	}
}

// refusal is an error with its HTTP status and words for the person.
type refusal struct {
	status  int
	message string
}

// Error is the message.
func (r refusal) Error() string { return r.message }

// statusOf maps what went wrong to a status and to words that may be shown.
func statusOf(err error) (int, string) {
	var refused refusal
	var task *store.TaskError
	switch {
	case errors.As(err, &refused):
		return refused.status, refused.message
	case errors.As(err, &task):
		return http.StatusConflict, taskRefusal(task)
	case errors.Is(err, store.ErrNotFound):
		return http.StatusNotFound, "There is nothing at this address."
	default:
		return http.StatusInternalServerError, "Something went wrong on our side. It was noted in the log."
	}
}

func taskRefusal(e *store.TaskError) string {
	at := e.Task.AnsweredAt.Format("2 Jan 15:04")
	switch {
	case errors.Is(e.Err, store.ErrAnswered):
		return "This task was answered by " + e.Task.AnsweredBy + " at " + at + "."
	case errors.Is(e.Err, store.ErrClaimed):
		return e.Task.ClaimedBy + " is working on this task."
	case errors.Is(e.Err, store.ErrStaleVersion):
		return "This task has changed since you looked at it. Look again, then decide."
	case errors.Is(e.Err, store.ErrFourEyes):
		return "You asked for this yourself, so somebody else must decide it."
	case errors.Is(e.Err, store.ErrTaskClosed):
		return "This task is closed; its case went another way."
	default:
		return "This task is not for you: it belongs to another queue or role."
	}
}
