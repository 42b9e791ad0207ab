// Package desk is where people work: the inbox, tasks, approvals and cases as server-rendered pages, the same acts as
// a JSON interface for programs, and the phone note.
//
// Every route is in one table with the rights that it needs; what is not in the table does not exist. Nothing that a
// customer wrote is ever rendered as HTML.
package desk

import (
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"crosswalk/intake"
	"crosswalk/store"
	"crosswalk/telemetry"
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
	// WouldUndo lists what would be undone if the case were cancelled now, the first to be undone first.
	WouldUndo(ctx context.Context, of store.Case) ([]Undo, error)
	// Waits lists what the case waits for.
	Waits(ctx context.Context, caseID string) ([]Wait, error)
	// TryNow has calls of an operation that wait for their next attempt tried at once, and says how many there were.
	TryNow(ctx context.Context, caseID, operation string) (int, error)
	// Preview says what it would mean to have a case do its steps again from one on.
	Preview(ctx context.Context, of store.Case, step string, move bool) (Preview, error)
	// Repair tells the case of a repair that is in the store. It says why the case did not take it, or by which task
	// a person goes on.
	Repair(ctx context.Context, repair store.Repair) (problem, task string, err error)
}

// Wait is one thing that a case waits for.
type Wait struct {
	Kind      string    `json:"kind"` // person, repair, system, time, event
	For       string    `json:"for"`
	Step      string    `json:"step,omitempty"` // its path
	Label     string    `json:"label,omitempty"`
	System    string    `json:"system,omitempty"`
	Operation string    `json:"operation,omitempty"`
	Class     string    `json:"class,omitempty"` // of the error that made it wait
	Task      string    `json:"task,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	Attempt   int       `json:"attempt,omitempty"`
	Trying    bool      `json:"trying,omitempty"`
	NextTry   time.Time `json:"next_try,omitzero"`
	// Held says why nobody calls the system now, if that is so.
	Held []string `json:"held,omitempty"`
}

// Undo is a step of a case, or of one that it runs, that would be undone if the case were cancelled.
type Undo struct {
	Case  string `json:"case"` // its reference
	Step  string `json:"step"` // its path
	Label string `json:"label"`
	Doubt bool   `json:"doubt,omitempty"` // nobody knows yet whether it has an effect: that is found out first
}

// Preview says what a redo or a move would do.
type Preview struct {
	Problem string // why it cannot be done
	Step    string
	Steps   []string
	Writes  []Rewrite
	Bundle  string
}

// Rewrite is a write that happened, or may have, and what becomes of it when its step is done again.
type Rewrite struct {
	Step      string    `json:"step"`
	Operation string    `json:"operation"`
	State     string    `json:"state"`
	At        time.Time `json:"at,omitzero"`
	Then      string    `json:"then"`
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
	// Stopping is closed when the program is to end, so that open pages do not hold it up; nil: they end by themselves.
	Stopping <-chan struct{}
	// Start runs the use case for `crosswalk run`.
	Start func(ctx context.Context, useCase string, input []byte, who string) (store.Case, error)
	// Event takes in an event for `crosswalk events send`.
	Event func(ctx context.Context, event SentEvent, who string) (intake.Receipt, error)
	// Schedules reaches schedules and pollers.
	Schedules Schedules
	// Folder is the folder of the workspace beside which the desk runs, where the workbench saves; "" elsewhere.
	Folder string
	Log    *slog.Logger
	// Telemetry counts answers; nil: nothing is counted.
	Telemetry *telemetry.Telemetry
}

// Desk serves pages and the JSON interface.
type Desk struct {
	Options
	pages  *template.Template
	checks chan struct{} // as many passwords are checked at a time as it has room: each takes memory
	now    func() time.Time
	look   time.Duration // how often an open page is looked after
	tables *workspace.DecidedTables
}

// New returns the desk's handler.
func New(options Options) (http.Handler, error) {
	d, err := newDesk(options)
	if err != nil {
		return nil, err
	}
	return d.handler(), nil
}

func newDesk(options Options) (*Desk, error) {
	d := &Desk{Options: options, checks: make(chan struct{}, passwordChecks), now: time.Now, look: liveEvery, tables: workspace.NewDecidedTables(options.Store)}
	pages, err := template.New("desk").Funcs(d.functions()).ParseFS(ui, "ui/*.html")
	d.pages = pages
	return d, err
}

func (d *Desk) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range d.routes() {
		mux.Handle(r.method+" "+r.path, d.guard(r))
	}
	return d.secured(http.NewCrossOriginProtection().Handler(d.known(mux)))
}

// right is what a route demands of the one who asks.
type right int

const (
	public   right = iota // anybody: the login itself, style and script
	user                  // anybody who has logged in
	lead                  // those with the role support-lead or operator
	analyst               // those with the role analyst or operator
	repairer              // those whom the file of roles lets do one thing or another to cases
)

// handler answers a request of a person; an error becomes a page or a JSON object with its status.
type handler func(w http.ResponseWriter, r *http.Request, who person) error

type route struct {
	method, path string
	right        right
	handler      handler
}

func (d *Desk) routes() []route {
	return []route{
		{"GET", "/{$}", user, d.inbox},
		{"GET", "/login", public, d.loginPage},
		{"POST", "/login", public, d.login},
		{"POST", "/logout", user, d.logout},
		{"GET", "/ui/{file}", public, d.asset},
		{"GET", "/tasks/{id}", user, d.taskPage},
		{"POST", "/tasks/{id}/answer", user, d.answer},
		{"POST", "/tasks/{id}/{act}", user, d.act},
		{"GET", "/cases", user, d.caseList},
		{"GET", "/cases/{id}", user, d.casePage},
		{"GET", "/cases/{id}/live", user, d.live},
		{"GET", "/cases/{id}/way", user, d.caseWay},
		{"GET", "/cases/{id}/why", user, d.casesWhy},
		{"POST", "/cases/{id}/repair/{act}", repairer, d.repairCase},
		{"GET", "/repair", repairer, d.bulkPage},
		{"POST", "/repair", repairer, d.bulk},
		{"GET", "/cases/{id}/files/{blob}", user, d.file},
		{"GET", "/phone", user, d.phonePage},
		{"POST", "/phone", user, d.phone},
		{"GET", "/links", user, d.linkList},
		{"POST", "/links/{id}/{act}", user, d.link},
		{"GET", "/systems", user, d.systemList},
		{"POST", "/systems/{name}/{act}", lead, d.system},
		{"GET", "/schedules", user, d.scheduleList},
		{"POST", "/schedules/{name}/{act}", lead, d.schedule},
		{"GET", "/robots", user, d.robotList},
		{"GET", "/inforce", user, d.inForce},
		{"GET", "/inforce/{version}", user, d.version},
		{"GET", "/usecases/{name}", user, d.useCase},
		{"GET", "/rules", analyst, d.workbenchList},
		{"GET", "/rules/{table}", analyst, d.workbench},
		{"GET", "/help", user, d.help},
		{"GET", "/api/rules/{table}", analyst, d.apiTable},
		{"POST", "/api/rules/{table}/check", analyst, d.apiTableCheck},
		{"POST", "/api/rules/{table}/try", analyst, d.apiTableTry},
		{"POST", "/api/rules/{table}/backtest", analyst, d.apiTableBacktest},
		{"POST", "/api/rules/{table}/tests", analyst, d.apiTableTests},
		{"POST", "/api/rules/{table}/draft", analyst, d.apiTableDraft},
		{"POST", "/api/rules/{table}/save", analyst, d.apiTableSave},
		{"POST", "/api/rules/{table}/discard", analyst, d.apiTableDiscard},
		{"POST", "/api/rules/{table}/upload", analyst, d.apiTableUpload},
		{"POST", "/api/rules/{table}/download/{format}", analyst, d.apiTableDownload},
		{"GET", "/api/tasks", user, d.apiTasks},
		{"GET", "/api/tasks/{id}", user, d.apiTask},
		{"POST", "/api/tasks/{id}/{act}", user, d.apiAct},
		{"GET", "/api/cases", user, d.apiCases},
		{"GET", "/api/cases/{id}", user, d.apiCase},
		{"POST", "/api/cases/{id}/repair/{act}", repairer, d.apiRepair},
		{"GET", "/api/systems", user, d.apiSystems},
		{"GET", "/api/systems/drift", user, d.apiDrift},
		{"POST", "/api/systems/{name}/{act}", lead, d.apiSystem},
		{"GET", "/api/links", user, d.apiLinks},
		{"POST", "/api/links/{id}/{act}", user, d.apiLink},
		{"POST", "/api/run/{usecase}", lead, d.apiRun},
		{"GET", "/api/events", lead, d.apiEvents},
		{"POST", "/api/events", lead, d.apiEvent},
		{"GET", "/api/robots", user, d.apiRobots},
		{"GET", "/api/robots/canaries/{system}/{operation}/{report}", user, d.apiCanaryReport},
		{"GET", "/api/robots/changes/{id}", analyst, d.apiRobotChange},
		{"POST", "/api/robots/changes/{id}/{act}", analyst, d.apiDecideRobotChange},
		{"GET", "/api/schedules", lead, d.apiSchedules},
		{"POST", "/api/schedules/{name}/{act}", lead, d.apiSchedule},
	}
}

// people is who works here; nobody if the workspace does not say.
func (d *Desk) people() *workspace.People {
	if people := d.People(); people != nil {
		return people
	}
	return &workspace.People{}
}
