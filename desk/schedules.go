package desk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"crosswalk/store"
)

// Schedule is a schedule or poller as people and programs see it.
type Schedule struct {
	Name    string        `json:"name"`
	Kind    string        `json:"kind"` // schedule or poller
	Title   string        `json:"title"`
	When    string        `json:"when"`
	Does    string        `json:"does"`
	Paused  bool          `json:"paused"`
	Note    string        `json:"note,omitempty"` // who paused it and why
	Next    time.Time     `json:"next,omitzero"`
	Last    time.Time     `json:"last,omitzero"`
	Outcome string        `json:"outcome,omitempty"` // of the last run: running, completed, failed; "" if nobody knows it any more
	Problem string        `json:"problem,omitempty"` // why the last attempt failed
	Runs    int           `json:"runs"`
	Skipped int           `json:"skipped"` // because the run before was not over
	Cursor  string        `json:"cursor,omitempty"`
	Recent  []ScheduleRun `json:"recent"` // the newest first
}

// ScheduleRun is one run of a schedule or poller.
type ScheduleRun struct {
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome,omitempty"`
}

// ErrNoSchedule says that there is no schedule or poller of the name.
var ErrNoSchedule = errors.New("there is no such schedule or poller")

// ErrNoPoller says that what has the name reads nothing.
var ErrNoPoller = errors.New("only a poller can be rewound")

// Schedules is how the desk reaches schedules and pollers.
type Schedules interface {
	// Schedules lists them by name.
	Schedules(ctx context.Context) ([]Schedule, error)
	// ActOnSchedule pauses, resumes or triggers one, or has a poller read from the beginning; ErrNoSchedule says that there
	// is none of the name, ErrNoPoller that what has it reads nothing.
	ActOnSchedule(ctx context.Context, name, act, who, reason string) error
}

// scheduleActs are what can be done to a schedule, as the audit calls it.
var scheduleActs = []string{"schedule.pause", "schedule.resume", "schedule.trigger", "schedule.rewind"}

// shownActs is how many acts the page of schedules shows, and searchedActs how far back it looks for them.
const (
	shownActs    = 20
	searchedActs = 10_000
)

// scheduleAct is an act of a person on a schedule.
type scheduleAct struct {
	store.AuditEntry
	Schedule string `json:"schedule"`
	Reason   string `json:"reason"`
}

// Act is what was done, in a word.
func (a scheduleAct) Act() string {
	switch a.What {
	case "schedule.pause":
		return "paused"
	case "schedule.resume":
		return "resumed"
	case "schedule.rewind":
		return "reads from the beginning"
	}
	return "run by hand"
}

func (d *Desk) scheduleList(w http.ResponseWriter, r *http.Request, who person) error {
	list, err := d.Schedules.Schedules(r.Context())
	if err != nil {
		return err
	}
	entries, err := d.Store.AuditEntries(r.Context(), store.AuditFilter{What: scheduleActs, Among: searchedActs, Limit: shownActs})
	if err != nil {
		return err
	}
	acts := make([]scheduleAct, len(entries))
	for i, entry := range entries {
		if err := json.Unmarshal(entry.Detail, &acts[i]); err != nil {
			return err
		}
		acts[i].AuditEntry = entry
	}
	return d.render(w, http.StatusOK, "schedules", page{Title: "Schedules", Person: who, Here: "schedules", Data: map[string]any{"Schedules": list, "Acts": acts}})
}

func (d *Desk) schedule(w http.ResponseWriter, r *http.Request, who person) error {
	if err := d.actOnSchedule(r.Context(), who, r.PathValue("name"), r.PathValue("act"), postForm{r}.text("reason")); err != nil {
		return err
	}
	return redirect(w, r, "/schedules")
}

func (d *Desk) actOnSchedule(ctx context.Context, who person, name, act, reason string) error {
	if !slices.Contains(scheduleActs, "schedule."+act) {
		return refusal{http.StatusNotFound, "Schedules can be paused, resumed and triggered, and pollers rewound."}
	}
	err := d.Schedules.ActOnSchedule(ctx, name, act, who.login, reason)
	if errors.Is(err, ErrNoSchedule) {
		return refusal{http.StatusNotFound, "There is no schedule and no poller " + name + "."}
	}
	if errors.Is(err, ErrNoPoller) {
		return refusal{http.StatusConflict, name + " reads nothing: only a poller can be rewound."}
	}
	if err != nil {
		return err
	}
	return d.audit(ctx, who, "schedule."+act, "", map[string]any{"schedule": name, "reason": reason})
}

func (d *Desk) apiSchedules(w http.ResponseWriter, r *http.Request, _ person) error {
	list, err := d.Schedules.Schedules(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"schedules": list})
	return nil
}

func (d *Desk) apiSchedule(w http.ResponseWriter, r *http.Request, who person) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if err := d.actOnSchedule(r.Context(), who, r.PathValue("name"), r.PathValue("act"), in.Reason); err != nil {
		return err
	}
	return d.apiSchedules(w, r, who)
}
