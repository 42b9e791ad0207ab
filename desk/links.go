package desk

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"crosswalk/store"
)

// linkView is a link with its evidence in words.
type linkView struct {
	store.Link
	Found string
}

func linkViews(links []store.Link) []linkView {
	var views []linkView
	for _, link := range links {
		views = append(views, linkView{link, evidence(link)})
	}
	return views
}

// evidence says how a link was found.
func evidence(link store.Link) string {
	if link.CorrectedBy != "" && link.State == store.LinkActive {
		return "set by a person"
	}
	v := value(link.Evidence)
	switch agree, asked := textsOf(v.Get("agree")), textsOf(v.Get("asked_by")); {
	case len(agree) > 0:
		return "same " + strings.Join(agree, ", ")
	case len(asked) > 0:
		return "found by " + strings.Join(asked, ", ")
	}
	return short(string(v.Plain()))
}

type linkListData struct {
	Links      []linkView
	System, ID string
}

func (d *Desk) linkList(w http.ResponseWriter, r *http.Request, who person) error {
	q := r.URL.Query()
	data := linkListData{System: strings.TrimSpace(q.Get("system")), ID: strings.TrimSpace(q.Get("id"))}
	links, err := d.Store.Links(r.Context(), store.LinkFilter{System: data.System, ID: data.ID, Limit: 200})
	if err != nil {
		return err
	}
	data.Links = linkViews(links)
	return d.render(w, http.StatusOK, "links", page{Title: "Links", Person: who, Here: "links", Data: data})
}

func (d *Desk) link(w http.ResponseWriter, r *http.Request, who person) error {
	form := postForm{r}
	if err := d.changeLink(r.Context(), who, r.PathValue("id"), r.PathValue("act"), form.text("id"), form.text("note")); err != nil {
		return err
	}
	return redirect(w, r, backTo(r, "/links"))
}

// changeLink is a person's word about a link: the record on its left is the same as another one on the right, or as none.
func (d *Desk) changeLink(ctx context.Context, who person, id, act, right, note string) error {
	old, err := d.Store.Link(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case act != "correct" && act != "remove":
		return refusal{http.StatusNotFound, "A link can be corrected and removed."}
	case old.State != store.LinkActive:
		return refusal{http.StatusConflict, "This link does not hold any more."}
	case act == "remove":
		err = d.Store.RemoveLink(ctx, id, who.login, note)
	case right == "":
		return wrong("Write the id of the right record.")
	case old.Right.ID == right:
		return wrong("The link says so already.")
	default:
		_, err = d.Store.CorrectLink(ctx, id, who.login, note, old.Left, store.Ref{System: old.Right.System, Kind: old.Right.Kind, ID: right})
	}
	if err != nil {
		return err
	}
	return d.audit(ctx, who, "link."+act, old.CaseID, map[string]any{"link": id})
}

// CasePath is the address of a link's case.
func (l linkView) CasePath() string {
	if l.CaseID == "" {
		return ""
	}
	return "/cases/" + url.PathEscape(l.CaseID)
}
