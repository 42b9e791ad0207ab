package desk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
)

// caseData is what the page of a case shows.
type caseData struct {
	Case       store.Case
	Messages   []messageView
	Steps      []stepView
	Decisions  []decisionView
	Timeline   []store.Event
	Tasks      []store.Task
	Links      []store.Link
	Effects    []store.Effect
	Pending    []Pending
	Result     []Fact
	TemporalUI string
}

// messageView is a message as it came in.
type messageView struct {
	Entry  store.Entry
	Text   string
	From   []Fact
	Fields []Fact
}

// stepView is a step's result: a fact with the system that said it.
type stepView struct {
	Step     store.StepResult
	Facts    []Fact
	Text     string
	Evidence []string
	Old      bool // a later generation took its place
}

// decisionView is one decision with the row that decided and why.
type decisionView struct {
	Decision       store.Decision
	Facts, Outputs []Fact
}

func (d *Desk) casePage(w http.ResponseWriter, r *http.Request, who person) error {
	data, err := d.caseData(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return d.render(w, "case", page{Title: data.Case.Title, Person: who, Here: "cases", Data: data})
}

func (d *Desk) caseData(ctx context.Context, id string) (caseData, error) {
	found, err := d.Store.Case(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		found, err = d.Store.CaseByReference(ctx, strings.ToUpper(id))
	}
	if err != nil {
		return caseData{}, err
	}
	data := caseData{Case: found, Result: Facts(value(found.Result))}
	if d.TemporalUI != "" {
		data.TemporalUI = d.TemporalUI + "/namespaces/crosswalk/workflows/" + found.ID
	}
	return data, d.fillCase(ctx, &data)
}

func (d *Desk) fillCase(ctx context.Context, data *caseData) error {
	id := data.Case.ID
	steps, err := d.Store.Steps(ctx, id)
	if err != nil {
		return err
	}
	data.Steps = stepViews(steps)
	decisions, err := d.Store.Decisions(ctx, id)
	if err != nil {
		return err
	}
	for _, decision := range decisions {
		data.Decisions = append(data.Decisions, decisionView{decision, Facts(value(decision.Facts)), Facts(value(decision.Outputs))})
	}
	if data.Messages, err = d.messages(ctx, id); err != nil {
		return err
	}
	if data.Timeline, err = d.Store.Timeline(ctx, id); err != nil {
		return err
	}
	if data.Tasks, err = d.Store.Tasks(ctx, store.TaskFilter{CaseID: id}); err != nil {
		return err
	}
	if data.Links, err = d.caseLinks(ctx, id, steps); err != nil {
		return err
	}
	if data.Effects, err = d.Store.Effects(ctx, id); err != nil {
		return err
	}
	if data.Case.EndedAt.IsZero() {
		if data.Pending, err = d.Cases.Pending(ctx, id); err != nil {
			d.Log.Debug("desk.case.not_described", "case", id, "error", err)
		}
	}
	return nil
}

// caseLinks are the links that the case found and those of its records that earlier cases had found.
func (d *Desk) caseLinks(ctx context.Context, id string, steps []store.StepResult) ([]store.Link, error) {
	links, err := d.Store.Links(ctx, store.LinkFilter{CaseID: id})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, link := range links {
		seen[link.ID] = true
	}
	for _, step := range steps {
		result := value(step.Result)
		system, record := result.Get("system"), result.Get("id")
		if system.Text() == "" || record.Text() == "" {
			continue
		}
		more, err := d.Store.Links(ctx, store.LinkFilter{System: system.Text(), ID: record.Text(), State: store.LinkActive, Limit: 20})
		if err != nil {
			return nil, err
		}
		for _, link := range more {
			if !seen[link.ID] {
				seen[link.ID] = true
				links = append(links, link)
			}
		}
	}
	return links, nil
}

func stepViews(steps []store.StepResult) []stepView {
	newest := map[string]int{}
	for _, step := range steps {
		newest[step.Path] = max(newest[step.Path], step.Generation)
	}
	var views []stepView
	for _, step := range steps {
		v := value(step.Result)
		view := stepView{Step: step, Old: step.Generation < newest[step.Path], Evidence: strings.Fields(strings.ReplaceAll(step.Evidence, ",", " "))}
		switch v.Kind() {
		case rules.KindRecord:
			view.Facts = Facts(v)
		case rules.KindMissing:
		default:
			single := fact("", v, 0)
			view.Text, view.Facts = single.Text, single.Items
		}
		views = append(views, view)
	}
	return views
}

func (d *Desk) messages(ctx context.Context, caseID string) ([]messageView, error) {
	entries, err := d.Store.Messages(ctx, caseID)
	if err != nil {
		return nil, err
	}
	var views []messageView
	for _, entry := range entries {
		input := value(entry.Parsed)
		views = append(views, messageView{Entry: entry, Text: input.Get("text").Text(), From: Facts(input.Get("from")),
			Fields: Facts(without(without(input, "text"), "from"))})
	}
	return views, nil
}

// file gives an attachment or a robot's picture of a case. Only pictures that a browser cannot be tricked with are
// shown; everything else is a download of no particular type.
func (d *Desk) file(w http.ResponseWriter, r *http.Request, _ person) error {
	blob, err := d.Store.Blob(r.Context(), r.PathValue("id"), r.PathValue("blob"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	switch blob.MediaType {
	case "image/png", "image/jpeg", "image/webp", "image/gif":
		h.Set("Content-Type", blob.MediaType)
		h.Set("Content-Disposition", "inline")
	default:
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", "attachment")
	}
	_, _ = w.Write(blob.Body)
	return nil
}

// live tells a page by a server-sent event that its case has changed, so that it fills in without being reloaded.
func (d *Desk) live(w http.ResponseWriter, r *http.Request, _ person) error {
	flusher, ok := w.(http.Flusher)
	if !ok {
		return refusal{http.StatusNotImplemented, "This connection cannot be kept open."}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	before := ""
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(10 * time.Minute); ; {
		mark, err := d.mark(r.Context(), r.PathValue("id"))
		if err != nil {
			return nil // the page keeps what it has, and the browser asks again
		}
		if mark != before {
			if before != "" {
				fmt.Fprintf(w, "event: changed\ndata: %s\n\n", mark)
			} else {
				fmt.Fprint(w, ": listening\n\n")
			}
			flusher.Flush()
			before = mark
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-end:
			return nil
		case <-tick.C:
		}
	}
}

// mark changes whenever something is known of the case that was not known before.
func (d *Desk) mark(ctx context.Context, id string) (string, error) {
	found, err := d.Store.Case(ctx, id)
	if err != nil {
		return "", err
	}
	steps, err := d.Store.Steps(ctx, found.ID)
	if err != nil {
		return "", err
	}
	tasks, err := d.Store.Tasks(ctx, store.TaskFilter{CaseID: found.ID})
	if err != nil {
		return "", err
	}
	versions := 0
	for _, task := range tasks {
		versions += task.Version + len(task.State)
	}
	return strings.Join([]string{string(found.State), found.Stage, found.WaitingFor, strconv.Itoa(len(steps)), strconv.Itoa(versions)}, "/"), nil
}

func (d *Desk) cancelCase(w http.ResponseWriter, r *http.Request, who person) error {
	reason := strings.TrimSpace(r.PostFormValue("reason"))
	if reason == "" {
		return refusal{http.StatusUnprocessableEntity, "Say why the case is cancelled."}
	}
	if err := d.cancel(r.Context(), who, r.PathValue("id"), reason); err != nil {
		return err
	}
	http.Redirect(w, r, "/cases/"+r.PathValue("id"), http.StatusSeeOther)
	return nil
}

func (d *Desk) cancel(ctx context.Context, who person, id, reason string) error {
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
	return caseListFilter{Text: q.Get("q"), State: q.Get("state"), UseCase: q.Get("usecase"), Waiting: q.Get("waiting"), Page: max(0, n)}
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
	return d.render(w, "cases", page{Title: "Cases", Person: who, Here: "cases", Data: data})
}
