package desk

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
)

// page is what every template gets.
type page struct {
	Title   string
	Person  person
	Here    string // the menu's entry
	Problem string
	Data    any
}

// functions are what templates may call beside the methods of what they show.
func (d *Desk) functions() template.FuncMap {
	return template.FuncMap{
		"when":       when,
		"ago":        ago,
		"late":       func(t time.Time) bool { return !t.IsZero() && time.Now().After(t) },
		"label":      label,
		"short":      short,
		"dict":       dict,
		"who":        d.nameOf,
		"kind":       kindName,
		"kinds":      func() []store.TaskKind { return taskKinds },
		"openStates": func() []string { return []string{"open", "waiting", "parked"} },
		"caseStates": func() []string {
			return []string{"open", "waiting", "parked", "done", "cancelled", "failed", "terminated"}
		},
		"queue": d.queueTitle,
	}
}

var taskKinds = []store.TaskKind{store.TaskComplete, store.TaskApprove, store.TaskChoose, store.TaskAnswer, store.TaskRepair, store.TaskConfirm}

// kindName is what a kind of task is called on a page.
func kindName(kind store.TaskKind) string {
	switch kind {
	case store.TaskComplete:
		return "To solve"
	case store.TaskApprove:
		return "Approval"
	case store.TaskChoose:
		return "Choice"
	case store.TaskAnswer:
		return "Question"
	case store.TaskRepair:
		return "Repair"
	case store.TaskConfirm:
		return "Unknown outcome"
	}
	return string(kind)
}

// nameOf is how a person is called; a login that nobody has any more stays as it is.
func (d *Desk) nameOf(login string) string {
	if user := d.people().User(login); user != nil {
		return user.Name
	}
	return login
}

func (d *Desk) queueTitle(name string) string {
	if queue := d.people().Queue(name); queue != nil && queue.Title != "" {
		return queue.Title
	}
	return label(name)
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2 Jan 2006 15:04:05") + " UTC"
}

// ago is a span in the largest unit that tells something: 3 days, 5 hours, 20 minutes.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	span, prefix, suffix := time.Since(t), "", " ago"
	if span < 0 {
		span, prefix, suffix = -span, "in ", ""
	}
	n, unit := int(span.Hours()/24), "day"
	switch {
	case span < 10*time.Second:
		return "now"
	case span < time.Minute:
		n, unit = int(span.Seconds()), "second"
	case span < time.Hour:
		n, unit = int(span.Minutes()), "minute"
	case span < 48*time.Hour:
		n, unit = int(span.Hours()), "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%s%d %s%s", prefix, n, unit, suffix)
}

func short(text string) string {
	if runes := []rune(text); len(runes) > 160 {
		return string(runes[:160]) + "…"
	}
	return text
}

func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// render executes a template completely before the first byte is sent, so that an error is an error page.
func (d *Desk) render(w http.ResponseWriter, status int, name string, p page) error {
	var body bytes.Buffer
	if err := d.pages.ExecuteTemplate(&body, name, p); err != nil {
		return fmt.Errorf("desk: page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
	return nil
}

func (d *Desk) help(w http.ResponseWriter, _ *http.Request, who person) error {
	return d.render(w, http.StatusOK, "help", page{Title: "Keys", Person: who, Here: "help"})
}

func (d *Desk) asset(w http.ResponseWriter, r *http.Request, _ person) error {
	name := r.PathValue("file")
	types := map[string]string{"picture.css": "text/css; charset=utf-8", "desk.css": "text/css; charset=utf-8", "desk.js": "text/javascript; charset=utf-8", "workbench.js": "text/javascript; charset=utf-8"}
	if types[name] == "" {
		return nothingHere
	}
	content := []byte(usecases.PictureStyle)
	if name != "picture.css" {
		var err error
		if content, err = fs.ReadFile(ui, "ui/"+name); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", types[name])
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(content)
	return nil
}

// value reads the wire form that the store keeps; what cannot be read is missing.
func value(raw []byte) rules.Value {
	var v rules.Value
	if len(raw) == 0 || v.UnmarshalJSON(raw) != nil {
		return rules.Missing()
	}
	return v
}

// redirect goes on after a form.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// backTo is the page of ours that a form stood on, fallback if it does not say or says anything else.
func backTo(r *http.Request, fallback string) string {
	back := r.PostFormValue("back")
	for _, prefix := range []string{"/cases/", "/tasks/"} {
		if id, ok := strings.CutPrefix(back, prefix); ok && id != "" && !strings.ContainsAny(id, "/\\?#") {
			return back
		}
	}
	return fallback
}
