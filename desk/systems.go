package desk

import (
	"context"
	"net/http"
	"strings"

	"crosswalk/store"
)

// systemView is a system and what was said about it.
type systemView struct {
	Name    string            `json:"system"`
	State   store.SystemState `json:"state"`
	Waiting int               `json:"waiting"` // cases
}

func (d *Desk) systemViews(ctx context.Context) ([]systemView, error) {
	var views []systemView
	for _, name := range d.Systems() {
		state, err := d.Store.SystemState(ctx, name)
		if err != nil {
			return nil, err
		}
		waiting, err := d.Store.CountCases(ctx, store.CaseFilter{WaitingFor: name})
		if err != nil {
			return nil, err
		}
		views = append(views, systemView{name, state, waiting})
	}
	return views, nil
}

func (d *Desk) systemList(w http.ResponseWriter, r *http.Request, who person) error {
	views, err := d.systemViews(r.Context())
	if err != nil {
		return err
	}
	return d.render(w, "systems", page{Title: "Systems", Person: who, Here: "systems", Data: views})
}

func (d *Desk) pauseSystem(w http.ResponseWriter, r *http.Request, who person) error {
	return d.thenSystems(w, r, d.setSystem(r.Context(), who, r.PathValue("name"), "pause", r.PostFormValue("reason")))
}

func (d *Desk) resumeSystem(w http.ResponseWriter, r *http.Request, who person) error {
	return d.thenSystems(w, r, d.setSystem(r.Context(), who, r.PathValue("name"), "resume", ""))
}

func (d *Desk) thenSystems(w http.ResponseWriter, r *http.Request, err error) error {
	if err == nil {
		http.Redirect(w, r, "/systems", http.StatusSeeOther)
	}
	return err
}

func (d *Desk) setSystem(ctx context.Context, who person, name, act, reason string) error {
	known := false
	for _, system := range d.Systems() {
		known = known || system == name
	}
	if !known {
		return refusal{http.StatusNotFound, "There is no system " + name + "."}
	}
	var err error
	switch act {
	case "pause":
		err = d.Store.PauseSystem(ctx, name, who.login, strings.TrimSpace(reason))
	case "resume":
		err = d.Store.ResumeSystem(ctx, name, who.login)
	default:
		return refusal{http.StatusNotFound, "A system can be paused and resumed."}
	}
	if err != nil {
		return err
	}
	return d.audit(ctx, who, "system."+act, "", map[string]any{"system": name})
}
