package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"crosswalk/store"
)

// caseData is what the page of a case shows.
type caseData struct {
	record
	Tasks      []store.Task
	Links      []linkView
	Effects    []store.Effect
	Pending    []Pending
	Result     []Fact
	TemporalUI string
}

func (d *Desk) casePage(w http.ResponseWriter, r *http.Request, who person) error {
	data, err := d.caseData(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return d.render(w, http.StatusOK, "case", page{Title: data.Case.Title, Person: who, Here: "cases", Data: data})
}

// caseData finds a case by its id or by the reference that the customer was given.
func (d *Desk) caseData(ctx context.Context, id string) (caseData, error) {
	found, err := d.Store.Case(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		found, err = d.Store.CaseByReference(ctx, id)
	}
	if err != nil {
		return caseData{}, err
	}
	data := caseData{Result: Facts(value(found.Result))}
	if d.TemporalUI != "" {
		data.TemporalUI = d.TemporalUI + "/namespaces/crosswalk/workflows/" + url.PathEscape(found.ID)
	}
	if data.record, err = d.recordOf(ctx, found); err != nil {
		return data, err
	}
	if data.Tasks, err = d.Store.Tasks(ctx, store.TaskFilter{CaseID: found.ID}); err != nil {
		return data, err
	}
	if data.Links, err = d.caseLinks(ctx, data.record); err != nil {
		return data, err
	}
	if data.Effects, err = d.Store.Effects(ctx, found.ID); err != nil {
		return data, err
	}
	if !found.Ended() {
		if data.Pending, err = d.Cases.Pending(ctx, found.ID); err != nil {
			d.Log.Debug("desk.case.not_described", "case", found.ID, "error", err)
		}
	}
	return data, nil
}

// caseLinks are the links that the case found and those of its records that earlier cases had found.
func (d *Desk) caseLinks(ctx context.Context, r record) ([]linkView, error) {
	links, err := d.Store.Links(ctx, store.LinkFilter{CaseID: r.Case.ID})
	if err != nil {
		return nil, err
	}
	for _, ref := range systemsOf(r.Found) {
		more, err := d.Store.Links(ctx, store.LinkFilter{System: ref.System, ID: ref.ID, State: store.LinkActive, Limit: 20})
		if err != nil {
			return nil, err
		}
		for _, link := range more {
			if !slices.ContainsFunc(links, func(known store.Link) bool { return known.ID == link.ID }) {
				links = append(links, link)
			}
		}
	}
	return linkViews(links), nil
}

func (d *Desk) cancelCase(w http.ResponseWriter, r *http.Request, who person) error {
	reason := postForm{r}.text("reason")
	if reason == "" {
		return wrong("Say why the case is cancelled.")
	}
	if err := d.cancel(r.Context(), who, r.PathValue("id"), reason); err != nil {
		return err
	}
	return redirect(w, r, "/cases/"+url.PathEscape(r.PathValue("id")))
}

func (d *Desk) cancel(ctx context.Context, who person, id, reason string) error {
	found, err := d.Store.Case(ctx, id)
	if err != nil {
		return err
	}
	if found.Ended() {
		return refusal{http.StatusConflict, "The case has ended already."}
	}
	if err := d.Cases.CancelCase(ctx, id, who.login, reason); err != nil {
		return err
	}
	return d.audit(ctx, who, "case.cancel", id, map[string]any{})
}

// caseListData is what the list of cases shows.
type caseListData struct {
	Cases  []store.Case
	Filter caseListFilter
	More   string
	Total  int
}

type caseListFilter struct {
	Text, State, UseCase, Waiting string
	Page                          int
}

func readCaseFilter(r *http.Request) caseListFilter {
	q := r.URL.Query()
	n, _ := strconv.Atoi(q.Get("page"))
	return caseListFilter{Text: strings.TrimSpace(q.Get("q")), State: q.Get("state"), UseCase: q.Get("usecase"), Waiting: q.Get("waiting"), Page: min(max(0, n), maxPage)}
}

func (f caseListFilter) cases() store.CaseFilter {
	filter := store.CaseFilter{Text: f.Text, Waiting: f.Waiting != "", Limit: pageSize + 1, Offset: f.Page * pageSize}
	if f.UseCase != "" {
		filter.UseCases = []string{f.UseCase}
	}
	switch f.State {
	case "":
	case "open":
		filter.Open = true
	default:
		filter.States = []store.CaseState{store.CaseState(f.State)}
	}
	return filter
}

func (d *Desk) caseList(w http.ResponseWriter, r *http.Request, who person) error {
	filter := readCaseFilter(r)
	cases, err := d.Store.Cases(r.Context(), filter.cases())
	if err != nil {
		return err
	}
	total, err := d.Store.CountCases(r.Context(), filter.cases())
	if err != nil {
		return err
	}
	data := caseListData{Filter: filter, Total: total}
	data.Cases, data.More = nextPage(r, cases, filter.Page)
	return d.render(w, http.StatusOK, "cases", page{Title: "Cases", Person: who, Here: "cases", Data: data})
}
