package desk

import (
	"context"
	"errors"
	"net/http"

	"crosswalk/store"
)

// robotsView is what is known of robots: how their canaries ended, and what is proposed about their files.
type robotsView struct {
	Canaries []store.RobotCanary `json:"canaries"`
	Changes  []store.RobotChange `json:"changes"`
}

func (d *Desk) robotsView(ctx context.Context, all bool) (robotsView, error) {
	canaries, err := d.Store.RobotCanaries(ctx)
	if err != nil {
		return robotsView{}, err
	}
	changes, err := d.Store.RobotChanges(ctx, all)
	return robotsView{Canaries: append([]store.RobotCanary{}, canaries...), Changes: append([]store.RobotChange{}, changes...)}, err
}

// robotList shows how canaries ended, and what is proposed about robots.
func (d *Desk) robotList(w http.ResponseWriter, r *http.Request, who person) error {
	view, err := d.robotsView(r.Context(), false)
	if err != nil {
		return err
	}
	return d.render(w, http.StatusOK, "robots", page{Title: "Robots", Person: who, Here: "systems", Data: view})
}

func (d *Desk) apiRobots(w http.ResponseWriter, r *http.Request, _ person) error {
	view, err := d.robotsView(r.Context(), r.URL.Query().Has("all"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, view)
	return nil
}

// apiCanaryReport gives the report of a canary, as a file: it shows a page of another application.
func (d *Desk) apiCanaryReport(w http.ResponseWriter, r *http.Request, _ person) error {
	report, err := d.Store.RobotCanaryReport(r.Context(), r.PathValue("system"), r.PathValue("operation"), r.PathValue("report"))
	if errors.Is(err, store.ErrNotFound) {
		return refusal{http.StatusNotFound, "There is no such report any more."}
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="report.html"`)
	_, _ = w.Write(report)
	return nil
}

// apiRobotChange shows a proposed change, with the pages of past runs that it is to be looked at on.
func (d *Desk) apiRobotChange(w http.ResponseWriter, r *http.Request, _ person) error {
	change, err := d.Store.RobotChange(r.Context(), r.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) {
		return refusal{http.StatusNotFound, "There is no such change: crosswalk robots changes list shows them."}
	}
	if err != nil {
		return err
	}
	pages, err := d.Store.RobotPages(r.Context(), change.RobotVersion, change.Place)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"change": change, "found_on": change.Page, "pages": append([]string{}, pages...)})
	return nil
}

// apiDecideRobotChange accepts or rejects it. What becomes of the file is the business of whoever asks.
func (d *Desk) apiDecideRobotChange(w http.ResponseWriter, r *http.Request, who person) error {
	var in struct {
		Note string `json:"note"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	state := map[string]string{"accept": store.ChangeAccepted, "reject": store.ChangeRejected}[r.PathValue("act")]
	if state == "" {
		return refusal{http.StatusNotFound, "Changes can be accepted and rejected."}
	}
	decided, err := d.Store.DecideRobotChange(r.Context(), r.PathValue("id"), state, who.login, in.Note)
	if errors.Is(err, store.ErrNotFound) {
		return refusal{http.StatusNotFound, "There is no such change: crosswalk robots changes list shows them."}
	}
	if err != nil {
		return err
	}
	if decided.State != state || decided.DecidedBy != who.login { // the same again is the same person finishing it
		return refusal{http.StatusConflict, "It was " + decided.State + " by " + decided.DecidedBy + " already."}
	}
	if err := d.audit(r.Context(), who, "robot."+r.PathValue("act"), decided.CaseID, map[string]any{"change": decided.ID, "robot": decided.Robot, "note": in.Note}); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"change": decided})
	return nil
}
