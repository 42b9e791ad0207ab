package desk

import (
	"context"
	"net/http"
)

// Schedules is how the desk reaches schedules and pollers.
type Schedules interface {
	// Timers lists them, each as it is shown as JSON.
	Timers(ctx context.Context) (any, error)
	// ActOnTimer pauses, resumes or triggers one; an error that is the asker's own is a refusal.
	ActOnTimer(ctx context.Context, name, act, who, reason string) error
}

func (d *Desk) apiSchedules(w http.ResponseWriter, r *http.Request, _ person) error {
	list, err := d.Schedules.Timers(r.Context())
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
	name, act := r.PathValue("name"), r.PathValue("act")
	if act != "pause" && act != "resume" && act != "trigger" {
		return refusal{http.StatusNotFound, "Schedules can be paused, resumed and triggered."}
	}
	if err := d.Schedules.ActOnTimer(r.Context(), name, act, who.login, in.Reason); err != nil {
		return wrong(err.Error())
	}
	if err := d.audit(r.Context(), who, "schedule."+act, "", map[string]any{"schedule": name, "reason": in.Reason}); err != nil {
		return err
	}
	return d.apiSchedules(w, r, who)
}
