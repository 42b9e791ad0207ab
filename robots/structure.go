package robots

import (
	"context"
	"encoding/json"
	"slices"

	"crosswalk/contracts"
)

// Structure is what a page is made of: what robots find their way by, without the data on it.
type Structure struct {
	Frame    string           `json:"frame,omitempty"`
	Title    string           `json:"title,omitempty"`
	Path     string           `json:"path"`
	Headings []string         `json:"headings,omitempty"`
	Forms    []FormStructure  `json:"forms,omitempty"`
	Links    []string         `json:"links,omitempty"`
	Tables   []TableStructure `json:"tables,omitempty"`
	Labels   []string         `json:"-"` // beside which a value stands; only for somebody who looks at the page now
	Logout   *struct {
		Kind string `json:"kind"`
		Text string `json:"text"`
	} `json:"-"`
}

// FormStructure is a form without what is in it.
type FormStructure struct {
	Action  string           `json:"action"`
	Method  string           `json:"method"`
	Fields  []FieldStructure `json:"fields"`
	Buttons []string         `json:"buttons"`
}

// FieldStructure is a field of a form.
type FieldStructure struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Label    string `json:"label,omitempty"`
	Required bool   `json:"required,omitempty"`
}

// TableStructure is a list of a page. Rows are samples, only for somebody who looks at the page now.
type TableStructure struct {
	Headings []string   `json:"headings"`
	Count    int        `json:"-"`
	Rows     [][]string `json:"-"`
}

// structure asks every frame what it is made of. A frame that does not answer is left out.
func (t *tab) structure(ctx context.Context, samples bool) []Structure {
	var all []Structure
	for _, f := range t.allFrames() {
		if f.left {
			continue
		}
		var raw json.RawMessage
		if t.call(ctx, f, "survey", map[string]any{"samples": samples}, &raw) != nil {
			continue
		}
		var s struct {
			Status string
			Structure
			Tables []struct {
				Headings []string
				Count    int
				Rows     [][]string
			} `json:"tables"` // in place of those of Structure, which have no samples
			Labels []string
			Logout *struct {
				Kind string `json:"kind"`
				Text string `json:"text"`
			}
		}
		if json.Unmarshal(raw, &s) != nil || s.Status != "found" {
			continue
		}
		one := s.Structure
		one.Frame, one.Labels = t.nameOf(f), s.Labels
		for _, table := range s.Tables {
			one.Tables = append(one.Tables, TableStructure{Headings: table.Headings, Count: table.Count, Rows: table.Rows})
		}
		one.Logout = s.Logout
		if len(one.Headings)+len(one.Forms)+len(one.Links)+len(one.Tables) > 0 || f.parent == "" {
			all = append(all, one)
		}
	}
	return all
}

// nameOf is how a robot file names a frame, as the frame is now: its name comes with its first document, which what
// was asked of the frame may have waited for.
func (t *tab) nameOf(f frame) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if now := t.frames[f.id]; now != nil {
		f = *now
	}
	if f.parent == "" {
		return ""
	}
	name := t.namePath(&f)
	for _, other := range t.frames {
		if other.id != f.id && t.namePath(other) == name {
			name = ""
		}
	}
	if name != "" {
		return name
	}
	place := ""
	for at := &f; at != nil && at.parent != ""; at = t.frames[at.parent] {
		siblings := t.children(at.parent)
		slices.SortFunc(siblings, func(a, b string) int { return t.frames[a].born - t.frames[b].born })
		place = "/[" + itoa(slices.Index(siblings, at.id)) + "]" + place
	}
	return place[1:]
}

// Name is a target of one kind and a text.
type Name struct{ Kind, Text string }

// Voice is what one alternative of a target means on the page now.
type Voice struct {
	Count  int    // how many elements
	Type   string // of a field
	Post   string // the address to which its form is posted
	Names  []Name // of a field: by which it alone is found
	Column string // of a field in a row of a list: the heading over it
	Sends  Sends
}

// Sends is what an element that is clicked adds to its form; empty: nothing that tells it apart from others.
type Sends struct{ Field, Value string }

// voices asks a page what each alternative of a target means.
func (t *tab) voices(ctx context.Context, target *spec, want string) (frameName string, voices []Voice, err error) {
	f, err := t.waitFrame(ctx, target.frame)
	if err != nil {
		return "", nil, err
	}
	targets := []*spec{target}
	if len(target.Any) > 0 {
		targets = target.Any
	}
	var answer struct {
		Status string
		Voices []Voice
	}
	if err := t.call(ctx, f, "voices", map[string]any{"targets": targets, "want": want}, &answer); err != nil {
		return "", nil, err
	}
	if answer.Status != "found" {
		return "", nil, contracts.NewError(contracts.Unavailable, "", "the page is still loading")
	}
	return t.nameOf(f), answer.Voices, nil
}
