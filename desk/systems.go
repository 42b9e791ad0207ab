package desk

import (
	"context"
	"net/http"
	"slices"

	"crosswalk/store"
)

// systemView is a system and what was said about it.
type systemView struct {
	Name    string            `json:"system"`
	State   store.SystemState `json:"state"`
	Waiting int               `json:"waiting"` // cases
}

func (d *Desk) systemViews(ctx context.Context) ([]systemView, error) {
	views := []systemView{}
	for _, name := range d.Systems() {
		state, err := d.Store.SystemState(ctx, name)
		if err != nil {
			return nil, err
		}
		waiting, err := d.Store.CountCases(ctx, store.CaseFilter{WaitingFor: name, Open: true})
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
	return d.render(w, http.StatusOK, "systems", page{Title: "Systems", Person: who, Here: "systems", Data: views})
}

func (d *Desk) system(w http.ResponseWriter, r *http.Request, who person) error {
	if err := d.setSystem(r.Context(), who, r.PathValue("name"), r.PathValue("act"), postForm{r}.text("reason")); err != nil {
		return err
	}
	return redirect(w, r, "/systems")
}

func (d *Desk) setSystem(ctx context.Context, who person, name, act, reason string) error {
	if !slices.Contains(d.Systems(), name) {
		return refusal{http.StatusNotFound, "There is no system " + name + "."}
	}
	var err error
	switch act {
	case "pause":
		err = d.Store.PauseSystem(ctx, name, who.login, reason)
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
