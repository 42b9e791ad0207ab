package recording

import (
	"slices"
	"strconv"
	"strings"
)

// Seen is what a look at the pages of a recording has shown.
type Seen struct {
	// Steps by their number in the recording.
	Steps map[int]StepSeen
	// Tables of the last page, the largest first.
	Tables []Table
	// Labels of the last page, beside which values stand.
	Labels []Label
	Logout *Target // what only somebody who is logged in sees
	// LogoutFrame is the frame that it is in.
	LogoutFrame string
	Posts       []Search // what the steps posted, and the fence has stopped
	Problem     string   // why the look ended early
}

// StepSeen is what was found for one step.
type StepSeen struct {
	Frame    string // the name of the frame that was given by its place
	Type     string // of a field: password, checkbox, select
	Silent   []Target
	Several  []Target
	FormPost string   // the address to which the form of the element is sent
	Sends    Sends    // what the element adds to its form
	Names    []Target // of a field: as a person and the application know it
	Column   string   // of a field in a row of a list: the heading over it
}

// Sends is what an element that is clicked adds to its form; empty: nothing that tells it apart from others.
type Sends struct{ Field, Value string }

// Search is a form that is posted on the way and only searches.
type Search struct {
	Address string
	Sends   // what tells it apart from what else is sent to this address
}

// Table is a list on a page.
type Table struct {
	Frame    string
	Headings []string
	Rows     [][]string // samples, in the order of the headings
	Count    int
}

// Label is one beside which a page shows a value.
type Label struct{ Frame, Text string }

// named calls a button one that was recorded by its text, and gives a field that was recorded by its place only, in the page or in the name that a framework built of it, the names
// that the page has for it.
func (s *Seen) named(a *Action) {
	known := slices.ContainsFunc(a.Targets, func(t Target) bool {
		return t.Kind == "label" || t.Kind == "role" || t.Kind == "field" && !strings.ContainsAny(t.Text, builtNames)
	})
	if a.Kind == "click" && slices.Contains([]string{"submit", "button", "reset"}, s.step(a.Step).Type) {
		for i := range a.Targets {
			if a.Targets[i].Kind == "text" { // what an input shows is no text of the page
				a.Targets[i].Kind = "button"
			}
		}
	}
	if a.column = s.step(a.Step).Column; a.column != "" {
		a.Warnings = append(a.Warnings, "this field is one of a list, under "+strconv.Quote(a.column)+", and is named by its place: with other rows, name it by row and column")
	}
	ticked := a.Kind == "click" && slices.Contains([]string{"checkbox", "radio"}, s.step(a.Step).Type)
	if (a.Kind == "fill" || a.Kind == "select" || ticked) && !known {
		names := slices.DeleteFunc(slices.Clone(s.step(a.Step).Names), func(t Target) bool { return slices.Contains(a.Targets, t) })
		a.Targets = slices.Concat(names, a.Targets)
	}
}

// builtNames part the places in names as ctl00$Main$Order and form:j_idt45:order.
const builtNames = "$:"

func (s *Seen) step(number int) StepSeen {
	if s == nil {
		return StepSeen{}
	}
	return s.Steps[number]
}

func (s *Seen) password(number int) bool { return s.step(number).Type == "password" }

// frame is the name of a frame, in place of its position.
func (s *Seen) frame(a Action) string { return either(s.step(a.Step).Frame, a.Frame) }

// Voices are the targets of a step that may vote: without those that fitted nothing, or several elements.
func (s *Seen) Voices(a Action) (voices, left []Target) {
	seen := s.step(a.Step)
	for _, t := range a.Targets {
		if slices.Contains(seen.Silent, t) || slices.Contains(seen.Several, t) {
			left = append(left, t)
			continue
		}
		voices = append(voices, t)
	}
	if len(voices) == 0 {
		return a.Targets, nil
	}
	return voices, left
}

// literals replaces what was typed, where it stands in the names of later elements, by the inputs.
func (p *Plan) literals() {
	for _, list := range [][]Action{p.Login, p.Steps, p.After} {
		for i := range list {
			p.replaceIn(&list[i])
		}
	}
	if p.Commit != nil {
		p.replaceIn(p.Commit)
	}
	for _, secret := range p.Secrets { // never in a name or a title
		if len(secret.value) >= 4 && containsSecret(p.Title, secret.value) {
			p.Title = "Recorded in " + p.System
		}
	}
}

func (p *Plan) replaceIn(a *Action) {
	var kept []Target
	for _, t := range a.Targets {
		if slices.ContainsFunc(p.Secrets, func(s Input) bool { return len(s.value) >= 4 && containsSecret(t.Text+t.Name, s.value) }) {
			continue // a page that shows a secret is not named by it
		}
		drop := false
		for _, input := range p.Inputs {
			if len([]rune(input.value)) < 3 || !strings.Contains(t.Text+"\n"+t.Name, input.value) {
				continue
			}
			if t.Kind == "css" || t.Kind == "xpath" || t.Pattern {
				drop = true
				continue
			}
			t.Text = replaceValue(t.Text, input)
			t.Name = replaceValue(t.Name, input)
		}
		if !drop {
			kept = append(kept, t)
		}
	}
	byInput := func(t Target) bool { return strings.Contains(t.Text+t.Name, openMark) }
	byPlace := func(t Target) bool { return t.Kind == "css" || t.Kind == "xpath" }
	if slices.ContainsFunc(kept, byInput) && slices.ContainsFunc(kept, byPlace) { // one of a list: for another input it stands elsewhere
		kept = slices.DeleteFunc(kept, byPlace)
		a.Warnings = append(a.Warnings, "named by what is given alone: its place in the page is another one for another input")
	}
	if len(kept) < len(a.Targets) && len(kept) == 0 {
		a.Warnings = append(a.Warnings, "every name of this element holds what was typed: name it in another way")
		if len(p.Secrets) > 0 {
			kept = []Target{{Kind: "text", Text: "?"}}
		} else {
			kept = a.Targets
		}
	}
	a.Targets = kept
}

// The marks stand for an expression until the text is written.
const openMark, closeMark = "\x01", "\x02"

func replaceValue(text string, input Input) string {
	return strings.ReplaceAll(text, input.value, openMark+"input."+input.Name+closeMark)
}

// containsSecret looks for a secret in a text, also as addresses write it.
func containsSecret(text, secret string) bool {
	return strings.Contains(text, secret) || strings.Contains(text, escapeQuery(secret)) || strings.Contains(text, escapePath(secret))
}
