package desk

import (
	"context"
	"net/http"
	"strings"

	"crosswalk/store"
)

func (d *Desk) linkList(w http.ResponseWriter, r *http.Request, who person) error {
	q := r.URL.Query()
	links, err := d.Store.Links(r.Context(), store.LinkFilter{System: q.Get("system"), ID: q.Get("id"), Limit: 200})
	if err != nil {
		return err
	}
	return d.render(w, "links", page{Title: "Links", Person: who, Here: "links", Data: links})
}

func (d *Desk) correctLink(w http.ResponseWriter, r *http.Request, who person) error {
	form := postForm{r}
	if err := d.linkCorrection(r.Context(), who, r.PathValue("id"), form.text("id"), form.text("note")); err != nil {
		return err
	}
	return redirectBack(w, r)
}

// linkCorrection says that the left record of a link is the same as another record on the right.
func (d *Desk) linkCorrection(ctx context.Context, who person, link, right, note string) error {
	if right == "" {
		return refusal{http.StatusUnprocessableEntity, "Write the id of the right record."}
	}
	old, err := d.Store.Link(ctx, link)
	if err != nil {
		return err
	}
	if old.Right.ID == right {
		return refusal{http.StatusUnprocessableEntity, "The link says so already."}
	}
	if _, err := d.Store.CorrectLink(ctx, link, who.login, note, old.Left, store.Ref{System: old.Right.System, Kind: old.Right.Kind, ID: right}); err != nil {
		return err
	}
	return d.audit(ctx, who, "link.correct", old.CaseID, map[string]any{"link": link})
}

func (d *Desk) removeLink(w http.ResponseWriter, r *http.Request, who person) error {
	if err := d.linkRemoval(r.Context(), who, r.PathValue("id"), postForm{r}.text("note")); err != nil {
		return err
	}
	return redirectBack(w, r)
}

func (d *Desk) linkRemoval(ctx context.Context, who person, link, note string) error {
	if err := d.Store.RemoveLink(ctx, link, who.login, note); err != nil {
		return err
	}
	return d.audit(ctx, who, "link.remove", "", map[string]any{"link": link})
}

// redirectBack goes to the page of ours that the form stood on.
func redirectBack(w http.ResponseWriter, r *http.Request) error {
	back := r.PostFormValue("back")
	if !strings.HasPrefix(back, "/cases/") {
		back = "/links"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}
