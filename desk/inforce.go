package desk

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workspace"
)

// useCaseView is a use case in force.
type useCaseView struct {
	store.Published
	Title string
	Open  int // cases
	Older int // open cases that began with an earlier bundle
}

// versionView is one entry of the history.
type versionView struct {
	store.Release
	InForce  bool
	UseCases []string
	Gone     []string // use cases that were taken out of force
	Systems  bool     // how systems are reached changed
}

// inForceData is what the page of what is in force shows.
type inForceData struct {
	UseCases []useCaseView
	Versions []versionView
	More     bool
	Drafts   []store.DraftFile
}

// shownVersions is how much of the history one page shows.
const shownVersions = 50

func (d *Desk) inForce(w http.ResponseWriter, r *http.Request, who person) error {
	var data inForceData
	published, err := d.Store.InForce(r.Context())
	if err != nil {
		return err
	}
	for _, one := range published {
		view, err := d.useCaseView(r.Context(), one)
		if err != nil {
			return err
		}
		data.UseCases = append(data.UseCases, view)
	}
	if data.Versions, data.More, err = d.versions(r.Context()); err != nil {
		return err
	}
	if data.Drafts, err = d.Store.Drafts(r.Context()); err != nil {
		return err
	}
	return d.render(w, http.StatusOK, "inforce", page{Title: "What is in force", Person: who, Here: "inforce", Data: data})
}

func (d *Desk) useCaseView(ctx context.Context, one store.Published) (useCaseView, error) {
	view := useCaseView{Published: one, Title: one.Name}
	stored, err := d.Store.Bundle(ctx, one.Hash)
	if err != nil {
		return view, err
	}
	if bundle, err := usecases.ParseBundle(stored.Body); err == nil {
		if definition, _ := usecases.Parse(bundle.UseCase.Name, []byte(bundle.UseCase.Text)); definition != nil {
			view.Title = definition.Title
		}
	}
	if view.Open, err = d.Store.CountCases(ctx, store.CaseFilter{UseCases: []string{one.Name}, Open: true}); err != nil {
		return view, err
	}
	same, err := d.Store.CountCases(ctx, store.CaseFilter{UseCases: []string{one.Name}, Bundle: one.Hash, Open: true})
	view.Older = view.Open - same
	return view, err
}

func (d *Desk) versions(ctx context.Context) (views []versionView, more bool, err error) {
	releases, err := d.Store.Releases(ctx, shownVersions+1)
	if err != nil {
		return nil, false, err
	}
	if more = len(releases) > shownVersions; more {
		releases = releases[:shownVersions]
	}
	for i, release := range releases {
		view, err := d.versionView(ctx, release)
		if err != nil {
			return nil, false, err
		}
		view.InForce = i == 0
		views = append(views, view)
	}
	return views, more, nil
}

func (d *Desk) versionView(ctx context.Context, release store.Release) (versionView, error) {
	view := versionView{Release: release}
	changed, err := d.Store.PublishedBy(ctx, release.Version)
	for _, part := range changed {
		switch {
		case part.Kind != store.KindBundle:
			view.Systems = true
		case part.Hash == "":
			view.Gone = append(view.Gone, part.Name)
		default:
			view.UseCases = append(view.UseCases, part.Name)
		}
	}
	return view, err
}

// versionData is what the page of one version shows: what it changed, in words.
type versionData struct {
	versionView
	Before  int64
	Changes []changeGroup
}

// changeGroup is what changed of one thing.
type changeGroup struct {
	Subject string
	Changes []workspace.Change
}

func (d *Desk) version(w http.ResponseWriter, r *http.Request, who person) error {
	number, err := strconv.ParseInt(r.PathValue("version"), 10, 64)
	if err != nil {
		return nothingHere
	}
	release, err := d.Store.Release(r.Context(), number)
	if errors.Is(err, store.ErrNotFound) {
		return nothingHere
	}
	if err != nil {
		return err
	}
	data := versionData{Before: number - 1}
	if data.versionView, err = d.versionView(r.Context(), release); err != nil {
		return err
	}
	current, err := d.Store.Version(r.Context())
	if err != nil {
		return err
	}
	data.InForce = current == number
	before, err := workspace.StateAt(r.Context(), d.Store, number-1)
	if err != nil {
		return err
	}
	after, err := workspace.StateAt(r.Context(), d.Store, number)
	if err != nil {
		return err
	}
	data.Changes = bySubject(workspace.Changes(before, after))
	return d.render(w, http.StatusOK, "version", page{Title: "Version " + strconv.FormatInt(number, 10), Person: who, Here: "inforce", Data: data})
}

func bySubject(changes []workspace.Change) []changeGroup {
	var groups []changeGroup
	for _, change := range changes {
		if len(groups) == 0 || groups[len(groups)-1].Subject != change.Subject {
			groups = append(groups, changeGroup{Subject: change.Subject})
		}
		last := &groups[len(groups)-1]
		last.Changes = append(last.Changes, change)
	}
	return groups
}
