package desk

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"crosswalk/store"
)

// driftView is a field of a system's answers that is not as it was, with the use cases that it is for.
type driftView struct {
	store.AnswerField
	// Readers are the use cases in force that call the operation and read a field that is made of this one; Callers those
	// that only call it.
	Readers []string `json:"readers"`
	Callers []string `json:"callers"`
}

// driftViews are the fields that are not as they were, of one system or ("") of all.
func (d *Desk) driftViews(ctx context.Context, system string) ([]driftView, error) {
	changed, err := d.Store.ChangedFields(ctx, system)
	if err != nil {
		return nil, err
	}
	views := []driftView{}
	if len(changed) == 0 {
		return views, nil
	}
	inForce, err := d.Store.InForce(ctx)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, published := range inForce {
		bundle, err := d.Store.Bundle(ctx, published.Hash)
		if err != nil {
			return nil, err
		}
		texts[published.Name] = string(bundle.Body)
	}
	for _, field := range changed {
		views = append(views, readersOf(field, texts))
	}
	return views, nil
}

// readersOf finds the use cases that call the operation, and whether they name a field that is made of the one that changed.
func readersOf(field store.AnswerField, texts map[string]string) driftView {
	view := driftView{AnswerField: field, Readers: []string{}, Callers: []string{}}
	_, short, _ := strings.Cut(field.Operation, ".")
	call := regexp.MustCompile(`\bcall: *['"]?` + regexp.QuoteMeta(field.System+"."+short) + `\b`)
	names := strings.Fields(field.Feeds)
	if at := strings.LastIndexByte(field.Field, '.'); len(names) == 0 {
		names = []string{strings.TrimRight(field.Field[at+1:], "[]")}
	}
	for name, text := range texts {
		if !call.MatchString(text) {
			continue
		}
		reads := slices.ContainsFunc(names, func(n string) bool {
			return n != "" && regexp.MustCompile(`[.]`+regexp.QuoteMeta(n)+`\b`).MatchString(text)
		})
		if reads {
			view.Readers = append(view.Readers, name)
		} else {
			view.Callers = append(view.Callers, name)
		}
	}
	slices.Sort(view.Readers)
	slices.Sort(view.Callers)
	return view
}

func (d *Desk) apiDrift(w http.ResponseWriter, r *http.Request, _ person) error {
	views, err := d.driftViews(r.Context(), r.URL.Query().Get("system"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"drift": views})
	return nil
}
