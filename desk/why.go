package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// explainedView is why a decision came out as it did, for its place on a page.
type explainedView struct {
	workspace.DecisionExplained
	Rows     []rules.ExplainedRow // those that are worth a look
	Near     []rules.NearMiss
	More     int    // rows that are left out
	Link     string // the page with all of it
	Unknown  string // why there is no explanation
	Complete bool
}

// What a page with several decisions shows of each; a page of its own shows all of it.
const (
	explainedDecisions = 20
	explainedRows      = 25
	explainedNear      = 8
)

// explain works out why decisions came out as they did; beyond the first ones the page links to it.
func (d *Desk) explain(ctx context.Context, views []decisionView) error {
	for i := range views {
		view := &views[i]
		link := "/cases/" + url.PathEscape(view.Decision.CaseID) + "/why?" + url.Values{"step": {view.Decision.Path}, "generation": {strconv.Itoa(view.Decision.Generation)}}.Encode()
		view.Explained = &explainedView{Link: link}
		if i >= explainedDecisions {
			continue
		}
		if err := d.explainInto(ctx, view.Explained, view.Decision); err != nil {
			return err
		}
		view.Explained.shorten()
	}
	return nil
}

func (d *Desk) explainInto(ctx context.Context, into *explainedView, decision store.Decision) error {
	explained, err := d.tables.Explain(ctx, decision)
	if errors.Is(err, workspace.ErrTableGone) {
		into.Unknown = "The table as it was then is not stored any more."
		return nil
	}
	if err != nil {
		return err
	}
	into.DecisionExplained, into.Rows, into.Near = explained, explained.Explanation.Rows, explained.NearMisses
	return nil
}

// shorten keeps of a large table the rows that matched or that few cells kept from it, in their order.
func (v *explainedView) shorten() {
	if len(v.Near) > explainedNear {
		v.Near = v.Near[:explainedNear]
	}
	if len(v.Rows) <= explainedRows {
		return
	}
	misses := make([]int, len(v.Rows))
	for i, row := range v.Rows {
		if misses[i] = len(row.Misses); row.Verdict == rules.VerdictOff {
			misses[i] = rules.MaxColumns
		}
	}
	sorted := slices.Sorted(slices.Values(misses))
	most := sorted[explainedRows-1]
	room := explainedRows - slices.Index(sorted, most)
	var kept []rules.ExplainedRow
	for i, row := range v.Rows {
		if misses[i] == most {
			room--
		}
		if misses[i] < most || misses[i] == most && room >= 0 {
			kept = append(kept, row)
		}
	}
	v.More, v.Rows = len(v.Rows)-len(kept), kept
}

// casesWhy is the page of one decision of a case: every row of the table, with the reason.
func (d *Desk) casesWhy(w http.ResponseWriter, r *http.Request, who person) error {
	found, err := d.Store.Case(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	decisions, err := d.Store.Decisions(r.Context(), found.ID)
	if err != nil {
		return err
	}
	steps, err := d.Store.Steps(r.Context(), found.ID)
	if err != nil {
		return err
	}
	step, generation := r.URL.Query().Get("step"), r.URL.Query().Get("generation")
	var view *decisionView
	for _, one := range decisionViews(decisions, steps) {
		if one.Decision.Path == step && (generation == "" || generation == strconv.Itoa(one.Decision.Generation)) {
			view = &one
		}
	}
	if view == nil {
		return nothingHere
	}
	view.Explained = &explainedView{Complete: true}
	if err := d.explainInto(r.Context(), view.Explained, view.Decision); err != nil {
		return err
	}
	return d.render(w, http.StatusOK, "whypage", page{Title: "Why: " + view.Title, Person: who, Here: "cases", Data: map[string]any{"Case": found, "View": view}})
}
