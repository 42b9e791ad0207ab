package desk

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
)

// page is what every template gets.
type page struct {
	Title   string
	Person  person
	Here    string // the menu's entry
	Problem string
	Data    any
}

// Name is how the person is shown.
func (p person) Name() string { return p.name }

// Login tells whether somebody has logged in, and who.
func (p person) Login() string { return p.login }

// Lead tells whether the person may stop systems and cases.
func (p person) Lead() bool { return p.lead }

// functions are what templates may call beside the methods of what they show.
var functions = template.FuncMap{
	"when":  when,
	"ago":   ago,
	"late":  func(t time.Time) bool { return !t.IsZero() && time.Now().After(t) },
	"label": label,
	"text":  func(v rules.Value) string { return v.String() },
	"facts": Facts,
	"short": short,
	"dict":  dict,
	"kinds": func() []store.TaskKind {
		return []store.TaskKind{store.TaskComplete, store.TaskApprove, store.TaskChoose, store.TaskAnswer, store.TaskRepair, store.TaskConfirm}
	},
	"caseStates": func() []string { return []string{"open", "waiting", "parked", "done", "cancelled", "failed"} },
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2 Jan 2006 15:04:05") + " UTC"
}

// ago is a span in the largest unit that tells something: 3 days, 5 hours, 20 minutes.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	span, suffix := time.Since(t), " ago"
	prefix := ""
	if span < 0 {
		span, prefix, suffix = -span, "in ", ""
	}
	unit := func(n int, name string) string {
		if n != 1 {
			name += "s"
		}
		return fmt.Sprintf("%s%d %s%s", prefix, n, name, suffix)
	}
	switch {
	case span < time.Minute:
		return unit(int(span.Seconds()), "second")
	case span < time.Hour:
		return unit(int(span.Minutes()), "minute")
	case span < 48*time.Hour:
		return unit(int(span.Hours()), "hour")
	default:
		return unit(int(span.Hours()/24), "day")
	}
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
func (d *Desk) render(w http.ResponseWriter, name string, p page) error {
	var body bytes.Buffer
	if err := d.pages.ExecuteTemplate(&body, name, p); err != nil {
		return fmt.Errorf("desk: page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes())
	return nil
}

func (d *Desk) asset(w http.ResponseWriter, r *http.Request, _ person) error {
	name := r.PathValue("file")
	types := map[string]string{"desk.css": "text/css; charset=utf-8", "desk.js": "text/javascript; charset=utf-8"}
	if types[name] == "" {
		return refusal{http.StatusNotFound, "There is nothing at this address."}
	}
	content, err := fs.ReadFile(ui, "ui/"+name)
	if err != nil {
		return err
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
