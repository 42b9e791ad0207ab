package robots

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"crosswalk/rules"
)

// Print is what an element that a robot acts on is like, with its form and its page: the names of things. What may be data is
// kept only once runs with different inputs have seen it; until then, headings are kept as digests.
type Print struct {
	Frame    string   `json:"frame,omitempty"`
	Tag      string   `json:"tag"`
	Type     string   `json:"type,omitempty"`
	Name     string   `json:"name,omitempty"`
	Label    string   `json:"label,omitempty"`    // "*": any
	Action   string   `json:"action,omitempty"`   // where the form is sent, with * for parts that may be any
	Method   string   `json:"method,omitempty"`   // of the form
	Required []string `json:"required,omitempty"` // fields of the form that had to be filled in at some time
	Headings []string `json:"headings,omitempty"` // of the page, or of the table

	Input string   `json:"input,omitempty"` // digest of what the first run was given that was no canary
	Fresh []string `json:"fresh,omitempty"` // digests of the headings that it saw
	Sure  bool     `json:"sure,omitempty"`  // runs with different inputs have seen the same

	Others map[string]string `json:"others,omitempty"` // until it is sure: digests of another name, label or frame that was seen last

	Order string `json:"order,omitempty"` // of the parts of a date that is put in, as in dmy
	Takes string `json:"takes,omitempty"` // digest of what else may be put in; "*": it differs; empty: not known

	Sent *Sent `json:"sent,omitempty"` // of the request of a commit, which has nothing else

	Same map[string]Same `json:"same,omitempty"` // until it is sure: by the digest of an input, a canary's too, what runs with it saw each time

	// PageAt is when a page of this place was kept last; zero: never.
	PageAt time.Time `json:"-"`
}

// Same is what runs with one input have seen, each of them. They are compared with one another once they are a day apart: what
// differs from day to day is data too.
type Same struct {
	Headings []string  `json:"headings,omitempty"` // digests
	Action   string    `json:"action,omitempty"`   // digest of the form's address; empty: it differed
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

const (
	sameAfter = 24 * time.Hour
	mostSame  = 3 // inputs of a place
)

// settled says whether what runs with one input saw says something of the next one.
func (s Same) settled() bool { return s.Last.Sub(s.First) >= sameAfter }

// sameAs are the prints of runs with one input, with one more.
func (p Print) sameAs(now Print, asked string, at time.Time) map[string]Same {
	before, is := p.Same[asked]
	if p.Sure || asked == "" || !is && len(p.Same) >= mostSame {
		return p.Same
	}
	one := Same{Headings: digests(undatedAll(now.Headings)), Action: digest(now.Action), First: at, Last: at}
	if is {
		one.First, one.Headings = before.First, common(before.Headings, one.Headings)
		if before.Action != one.Action {
			one.Action = ""
		}
	}
	all := maps.Clone(p.Same)
	if all == nil {
		all = map[string]Same{}
	}
	all[asked] = one
	return all
}

// againstSame compares with runs of the same input, of which texts are not known.
func (p Print) againstSame(now Print, asked string) (grave []string) {
	one, is := p.Same[asked]
	if p.Sure || !is || !one.settled() {
		return nil
	}
	if one.Action != "" && one.Action != digest(now.Action) {
		grave = append(grave, fmt.Sprintf("the address of its form is %q, which it never was with this input", now.Action))
	}
	for _, field := range now.Required {
		if !slices.Contains(p.Required, field) {
			grave = append(grave, fmt.Sprintf("the field %q must be filled in now", field))
		}
	}
	there := digests(append(undatedAll(now.Headings), now.Headings...)) // earlier releases kept them with their dates
	if len(common(one.Headings, there)) < len(one.Headings) {
		grave = append(grave, fmt.Sprintf("a heading is missing that was always there with this input; there is %q now", now.Headings))
	}
	return grave
}

// anything stands for what is not the same each time.
const anything = "*"

// against compares what a place was like with what it is like now: what changes the meaning of acting there, and what does
// not. What may be data counts only once it is sure that it is none.
func (p Print) against(now Print, asked string) (grave, light []string) {
	differs := func(list *[]string, what, before, after string) {
		if before != after && before != anything && after != anything {
			*list = append(*list, fmt.Sprintf("%s is %q instead of %q", what, after, before))
		}
	}
	differs(&grave, "the element", strings.TrimSpace(p.Tag+" "+p.Type), strings.TrimSpace(now.Tag+" "+now.Type))
	differs(&grave, "the method of its form", p.Method, now.Method)
	if p.Order != "" && now.Order != "" {
		differs(&grave, "the order of the parts of a date", p.Order, now.Order)
	}
	if p.Sure {
		if p.Takes != "" && now.Takes != "" && p.Takes != now.Takes && p.Takes != anything {
			grave = append(grave, "its pattern, its input mode or the unit in its placeholder is another one")
		}
		if !fitsPath(p.Action, now.Action) {
			differs(&grave, "the address of its form", p.Action, now.Action)
		}
		for _, field := range now.Required {
			if !slices.Contains(p.Required, field) {
				grave = append(grave, fmt.Sprintf("the field %q must be filled in now", field))
			}
		}
		there := undatedAll(now.Headings)
		for _, heading := range p.Headings {
			if !slices.Contains(there, undated(heading)) {
				grave = append(grave, fmt.Sprintf("the heading %q is missing", heading))
			}
		}
	}
	grave = append(grave, p.againstSame(now, asked)...)
	differs(&light, "its name", p.Name, now.Name)
	if !wasVeiled(p.Label, now.Label) && !sameLabel(p.Label, now.Label) {
		differs(&light, "its label", p.Label, now.Label)
	}
	differs(&light, "its frame", p.Frame, now.Frame)
	return grave, light
}

// renamed says what of a place is called otherwise, by digests of what it is called now. A number or a date that is another one
// is data, and so is what was another one before too: then it is called otherwise each time. Else it is no data until
// somebody says so.
func (p Print) renamed(now Print) map[string]string {
	others := map[string]string{}
	for what, texts := range map[string][2]string{"name": {p.Name, now.Name}, "label": {p.Label, now.Label}, "frame": {p.Frame, now.Frame}} {
		before, after := texts[0], texts[1]
		if before == anything || after == anything || before == unsaid || after == unsaid || undated(before) == undated(after) || what == "label" && sameLabel(before, after) {
			continue
		}
		if known := p.Others[what]; known == "" || known == digest(after) {
			others[what] = digest(after)
		}
	}
	return others
}

// both is what a place is like that was seen twice.
func (p Print) both(now Print) Print {
	if sameLabel(p.Label, now.Label) {
		now.Label = p.Label
	}
	for from, to := range map[*string]string{&p.Frame: now.Frame, &p.Name: now.Name, &p.Label: now.Label} {
		if *from != to {
			*from = anything
		}
	}
	p.Order = either(p.Order, now.Order)
	if p.Takes == "" || now.Takes != "" && p.Takes != now.Takes {
		if p.Takes != "" {
			now.Takes = anything
		}
		p.Takes = now.Takes
	}
	p.Action = mergedPath(p.Action, now.Action)
	p.Headings = common(p.Headings, now.Headings)
	for _, field := range now.Required {
		if !slices.Contains(p.Required, field) {
			p.Required = append(slices.Clone(p.Required), field)
		}
	}
	return p
}

// learned is what is known of a place once a run has seen it that was given an input; empty: it says nothing about what is
// data. A place of which nothing is known has no tag.
func (p Print) learned(now Print, input, asked string, at time.Time) Print {
	if now.Sent != nil {
		return Print{Tag: now.Tag, Sent: p.Sent.learned(now.Sent, asked, at)}
	}
	others := p.renamed(now)
	if p.Tag != "" && !p.Sure && len(others) > 0 {
		for what, other := range p.Others {
			if others[what] == "" {
				others[what] = other
			}
		}
		p.Others = others
		return p // it is noticed, and not learned
	}
	same := p.sameAs(now, asked, at)
	seen := undatedAll(now.Headings)
	if p.Tag == "" {
		p = now
		p.Headings = nil
	} else {
		headings := p.Headings
		p = p.both(now)
		p.Headings = headings
	}
	switch {
	case input == "":
	case p.Sure:
		p.Headings = common(undatedAll(p.Headings), seen)
	case p.Input == "":
		p.Input, p.Headings, p.Fresh = input, nil, digests(seen)
	case p.Input == input:
		p.Fresh = common(p.Fresh, digests(seen))
	default:
		p.Headings = slices.DeleteFunc(slices.Clone(seen), func(heading string) bool { return !slices.Contains(p.Fresh, digest(heading)) })
		p.Fresh, p.Sure = nil, true
	}
	if p.Same = same; p.Sure {
		p.Same, p.Others = nil, nil // what is known for all inputs is known for each
	}
	return p
}

// veiled is a print without what must not be seen.
func (p Print) veiled(hide *strings.Replacer) Print {
	if hide == nil {
		return p
	}
	shows := func(text string) bool { return hide.Replace(text) != text }
	for _, text := range []*string{&p.Frame, &p.Name, &p.Label, &p.Action} {
		if shows(*text) {
			*text = anything
		}
	}
	p.Headings, p.Required = slices.DeleteFunc(slices.Clone(p.Headings), shows), slices.DeleteFunc(slices.Clone(p.Required), shows)
	return p
}

// nameable leaves out of a print what may be data: what the robot was given or has read, and texts of links and the like that
// its files do not name.
func (u *run) nameable(p Print) Print {
	p.Headings = u.withoutData(p.Headings)
	field := slices.Contains([]string{"input", "textarea", "button"}, p.Tag) // the label of a list may hold its options
	if p.Label != "" && (len(u.withoutData([]string{p.Label})) == 0 || !field && !slices.ContainsFunc(u.program.names(), func(name string) bool { return sameLabel(name, p.Label) })) {
		p.Label = anything
	}
	return p
}

// input tells apart what runs were given. A canary is always given the same, so that it says nothing.
func (u *run) input() string {
	if u.call.canary {
		return ""
	}
	return u.asked()
}

// asked is what a run was given, a canary too.
func (u *run) asked() string {
	text, _ := json.Marshal(u.call.Input) // a value
	return digest(string(text))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

func digests(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = digest(text)
	}
	return all
}

// data are the texts that the robot was given or has read.
func (u *run) data() []string {
	data := []string{}
	for _, value := range u.variables {
		data = textsIn(data, value)
	}
	return data
}

// withoutData leaves out headings that hold what the robot was given or has read.
func (u *run) withoutData(headings []string) []string {
	data := u.data()
	return slices.DeleteFunc(slices.Clone(headings), func(heading string) bool {
		return strings.Contains(heading, unsaid) || slices.ContainsFunc(data, func(text string) bool { return strings.Contains(heading, text) })
	})
}

// textsIn are the texts of a value that are long enough to tell one thing from another.
func textsIn(found []string, v rules.Value) []string {
	switch v.Kind() {
	case rules.KindText:
		if text := strings.TrimSpace(v.Text()); len(text) >= 3 {
			found = append(found, text)
		}
	case rules.KindList:
		for _, item := range v.Items() {
			found = textsIn(found, item)
		}
	case rules.KindRecord:
		for _, key := range v.Keys() {
			found = textsIn(found, v.Get(key))
		}
	}
	return found
}

// common are the texts that both lists have.
func common(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(text string) bool { return !slices.Contains(b, text) })
}

// names are the texts by which the robot's files name things, as far as they are the same for all inputs.
func (p *Program) names() []string {
	names := []string{}
	for _, target := range p.mask {
		names = target.names(names)
	}
	for i := range p.System.signs {
		names = p.System.signs[i].seen.names(stepNames(names, p.System.signs[i].do))
	}
	if session := p.System.session; session != nil {
		names = session.form.names(session.lost.names(session.alive.names(stepNames(names, session.login))))
	}
	names = stepNames(names, p.find)
	if w := p.write; w != nil {
		for _, steps := range [][]step{w.prepare, w.act, w.read, w.verify} {
			names = stepNames(names, steps)
		}
		names = w.done.names(names)
	}
	return names
}

func stepNames(names []string, steps []step) []string {
	for i := range steps {
		s := &steps[i]
		names = stepNames(s.seen.names(s.target.names(names)), s.do)
		for _, cell := range s.cells {
			names = cell.target.names(names)
		}
		if s.further != nil && s.further.starts != nil {
			names = s.further.starts.target.names(names)
		}
		if t := s.table; t != nil {
			names = t.next.names(append(names, t.headers...))
			if t.open != nil {
				names = stepNames(t.open.back.names(names), t.open.do)
			}
		}
	}
	return names
}

func (t *target) names(names []string) []string {
	if t == nil {
		return names
	}
	for _, text := range []words{t.text, t.column} {
		if text.template == nil && text.constant != "" {
			names = append(names, text.constant)
		}
	}
	for _, key := range t.row {
		names = append(names, key.header)
	}
	for _, inner := range append([]*target{t.in, t.near, t.has}, t.any...) {
		names = inner.names(names)
	}
	return names
}
