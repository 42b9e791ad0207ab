package desk

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"crosswalk/store"
	"crosswalk/usecases"
)

// useCaseData is what the page of a use case shows.
type useCaseData struct {
	Name, Description string
	Picture           template.HTML
	History           []store.Published
	Case              *store.Case // whose way through the use case the picture shows; nil: no case's
}

// useCase shows a use case as it is in force.
func (d *Desk) useCase(w http.ResponseWriter, r *http.Request, who person) error {
	name := r.PathValue("name")
	hash, err := d.Store.InForceOf(r.Context(), name)
	if errors.Is(err, store.ErrNotFound) {
		return nothingHere
	}
	if err != nil {
		return err
	}
	data, title, err := d.drawn(r.Context(), hash, nil)
	if err != nil {
		return err
	}
	if data.History, err = d.Store.Publications(r.Context(), store.KindBundle, name, shownVersions); err != nil {
		return err
	}
	return d.render(w, http.StatusOK, "usecase", page{Title: title, Person: who, Here: "inforce", Data: data})
}

// caseWay shows the way that a case took through its use case, and where it is.
func (d *Desk) caseWay(w http.ResponseWriter, r *http.Request, who person) error {
	found, err := d.Store.Case(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	marks, err := d.marks(r.Context(), found)
	if err != nil {
		return err
	}
	data := useCaseData{Name: found.UseCase}
	if found.BundleHash != "" { // a case that waits for its use case to be put in force has none
		if data, _, err = d.drawn(r.Context(), found.BundleHash, marks); err != nil {
			return err
		}
	}
	data.Case = &found
	return d.render(w, http.StatusOK, "usecase", page{Title: found.Title, Person: who, Here: "cases", Data: data})
}

// drawn draws the use case of a bundle. The picture escapes every text of the use case and holds neither scripts nor
// styles, so that it may stand in a page.
func (d *Desk) drawn(ctx context.Context, hash string, marks map[string]usecases.Mark) (useCaseData, string, error) {
	stored, err := d.Store.Bundle(ctx, hash)
	if err != nil {
		return useCaseData{}, "", err
	}
	bundle, err := usecases.ParseBundle(stored.Body)
	if err != nil {
		return useCaseData{}, "", err
	}
	plan, problems := usecases.Compile(bundle)
	if err := problems.Err(); err != nil {
		return useCaseData{}, "", fmt.Errorf("desk: the use case %s: %w", stored.Name, err)
	}
	picture := plan.Picture(usecases.PictureOptions{Inside: true, Marks: marks})
	return useCaseData{Name: plan.UseCase, Description: plan.Description, Picture: template.HTML(picture)}, plan.Title, nil
}

// marks say what became of the steps of a case: those that have a result or failed, and those that a person is asked at.
func (d *Desk) marks(ctx context.Context, of store.Case) (map[string]usecases.Mark, error) {
	marks := map[string]usecases.Mark{}
	results, err := d.Store.Steps(ctx, of.ID)
	if err != nil {
		return nil, err
	}
	for _, result := range results { // a later generation comes after an earlier one
		marks[result.Path] = usecases.MarkDone
		if result.ErrorClass != "" {
			marks[result.Path] = usecases.MarkFailed
		}
	}
	tasks, err := d.Store.Tasks(ctx, store.TaskFilter{CaseID: of.ID})
	if err != nil {
		return nil, err
	}
	for _, task := range tasks {
		if !of.Ended() && (task.State == store.TaskOpen || task.State == store.TaskClaimed) {
			marks[task.StepPath] = usecases.MarkHere
		}
	}
	return marks, nil
}
