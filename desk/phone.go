package desk

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"time"

	"crosswalk/intake"
)

func (d *Desk) phonePage(w http.ResponseWriter, _ *http.Request, who person) error {
	return d.render(w, http.StatusOK, "phone", page{Title: "Phone note", Person: who, Here: "phone", Data: intake.Message{ID: rand.Text()}})
}

// phone stores what a customer said on the telephone and goes on to the case, which fills in while the agent talks.
func (d *Desk) phone(w http.ResponseWriter, r *http.Request, who person) error {
	form := postForm{r}
	m := intake.Message{
		Channel: "phone", ReceivedAt: time.Now().UTC(), Text: form.text("text"), Product: form.text("product"),
		From: intake.Sender{Name: form.text("name"), Phone: form.text("phone"), Email: intake.NormaliseEmail(form.text("email"))},
		ID:   form.text("note"), TypedBy: who.login,
	}
	problem := ""
	switch {
	case m.Text == "":
		problem = "Write what the customer says."
	case m.From.Name == "" && m.From.Phone == "" && m.From.Email == "":
		problem = "Write a name, a telephone number or an e-mail address."
	}
	if problem != "" {
		return d.render(w, http.StatusUnprocessableEntity, "phone", page{Title: "Phone note", Person: who, Here: "phone", Problem: problem, Data: m})
	}
	receipt, err := d.Note(r.Context(), m)
	if err != nil {
		return err
	}
	if err := d.audit(r.Context(), who, "note.taken", receipt.CaseID, map[string]any{"entry": receipt.EntryID, "outcome": receipt.Outcome}); err != nil {
		return err
	}
	return redirect(w, r, "/cases/"+url.PathEscape(receipt.CaseID))
}
