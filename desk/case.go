package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"crosswalk/store"
)

// caseData is what the page of a case shows.
type caseData struct {
	record
	Tasks      []store.Task
	Links      []linkView
	Effects    []store.Effect
	Waits      []Wait
	Repairs    []store.Repair
	Acts       map[string]bool // what the person may do to the case
	MayRepair  bool            // any of it
	Steps      []string        // from which it can be done again
	Inside     []string        // the same inside of the step that it is at
	Result     []Fact
	Seen       string // what was known of the case when the page was made, see mark
	TemporalUI string
	Parent     *store.Case  // the case that runs this one
	Runs       []store.Case // the cases that this one runs, or ran
}

func (d *Desk) casePage(w http.ResponseWriter, r *http.Request, who person) error {
	seen, err := d.mark(r.Context(), r.PathValue("id")) // before the rest: what comes meanwhile is told
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	data, err := d.caseData(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	data.Seen = seen
	data.Acts = d.repairActs(who)
	data.Steps, data.Inside = places(data.record, data.Case.Stage)
	for _, may := range data.Acts {
		data.MayRepair = data.MayRepair || may
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
	// A task is stored after all that led to it: read first, it never stands there without its decisions.
	if data.Tasks, err = d.Store.Tasks(ctx, store.TaskFilter{CaseID: found.ID}); err != nil {
		return data, err
	}
	if data.record, err = d.recordOf(ctx, found); err != nil {
		return data, err
	}
	if data.Links, err = d.caseLinks(ctx, data.record); err != nil {
		return data, err
	}
	if data.Effects, err = d.Store.Effects(ctx, found.ID); err != nil {
		return data, err
	}
	if data.Repairs, err = d.Store.Repairs(ctx, found.ID); err != nil {
		return data, err
	}
	if data.Runs, err = d.Store.Cases(ctx, store.CaseFilter{Parent: found.ID, Oldest: true}); err != nil {
		return data, err
	}
	if found.Parent != "" {
		parent, err := d.Store.Case(ctx, found.Parent)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return data, err
		}
		if err == nil {
			data.Parent = &parent
		}
	}
	if !found.Ended() {
		if data.Waits, err = d.Cases.Waits(ctx, found.ID); err != nil {
			d.Log.Debug("desk.case.not_described", "case", found.ID, "error", err)
		}
		if err := d.explainWaits(ctx, data.Waits); err != nil {
			return data, err
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

// caseListData is what the list of cases shows.
type caseListData struct {
	Cases  []store.Case
	Filter caseListFilter
	More   string
	Total  int
}

type caseListFilter struct {
	Text, State, UseCase, Waiting string
	System, Class, Step, Since    string        // what keeps it from going on, and for how long
	since                         time.Duration // what Since says
	Page                          int
}

func readCaseFilter(r *http.Request) (caseListFilter, error) {
	q := r.URL.Query()
	n, _ := strconv.Atoi(q.Get("page"))
	f := caseListFilter{Text: strings.TrimSpace(q.Get("q")), State: q.Get("state"), UseCase: q.Get("usecase"), Waiting: q.Get("waiting"),
		System: q.Get("system"), Class: q.Get("class"), Step: q.Get("step"), Since: strings.TrimSpace(q.Get("since")), Page: min(max(0, n), maxPage)}
	if f.Since == "" {
		return f, nil
	}
	var err error
	if f.since, err = waited(f.Since); err != nil || f.since < 0 {
		return f, wrong("since: write for how long it has waited, as in 90m, 2h or 3d.")
	}
	return f, nil
}

// waited reads a length of time; days are of 24 hours.
func waited(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err == nil && n > maxPage {
			err = strconv.ErrRange
		}
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// query is the filter as it stands in an address.
func (f caseListFilter) query() string {
	q := url.Values{}
	for name, text := range map[string]string{"q": f.Text, "state": f.State, "usecase": f.UseCase, "waiting": f.Waiting, "system": f.System, "class": f.Class, "step": f.Step, "since": f.Since} {
		if text != "" {
			q.Set(name, text)
		}
	}
	return q.Encode()
}

// standIn finds what is done in the place of a step, or to undo it: it is done again with that step.
var standIn = regexp.MustCompile(`\.(?:undo\[|on_timeout\[|on_error\.)`)

// mostInside is how many places inside of a step a page offers; any other is typed.
const mostInside = 200

// places are where the case has come to, in their order: those at the top of its use case, and those inside of the
// top-level step that it is at.
func places(r record, stage string) (top, inside []string) {
	add := func(path string) {
		if standIn.MatchString(path) {
			return
		}
		switch at, _, deeper := strings.Cut(strings.Replace(path, "[", ".", 1), "."); {
		case !deeper && !slices.Contains(top, path):
			top = append(top, path)
		case deeper && at == stage && len(inside) < mostInside && !slices.Contains(inside, path):
			inside = append(inside, path)
		}
	}
	for _, view := range append(slices.Clone(r.Found), r.Working...) {
		add(view.Step.Path)
	}
	for _, view := range r.Decisions {
		add(view.Decision.Path)
	}
	return top, inside
}

func (f caseListFilter) cases(now time.Time) store.CaseFilter {
	filter := store.CaseFilter{Text: f.Text, Waiting: f.Waiting != "", System: f.System, Class: f.Class, Step: f.Step, Limit: pageSize + 1, Offset: f.Page * pageSize}
	if f.since > 0 {
		filter.WaitsSince = now.Add(-f.since)
	}
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
	filter, err := readCaseFilter(r)
	if err != nil {
		return err
	}
	cases, err := d.Store.Cases(r.Context(), filter.cases(d.now()))
	if err != nil {
		return err
	}
	total, err := d.Store.CountCases(r.Context(), filter.cases(d.now()))
	if err != nil {
		return err
	}
	data := caseListData{Filter: filter, Total: total}
	data.Cases, data.More = nextPage(r, cases, filter.Page)
	return d.render(w, http.StatusOK, "cases", page{Title: "Cases", Person: who, Here: "cases", Data: data})
}
