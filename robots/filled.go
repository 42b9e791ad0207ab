package robots

import (
	"context"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"crosswalk/contracts"
)

// filledField is a field that the robot has filled in, as it is when the commit comes.
type filledField struct {
	ID      int      `json:"id"` // in its document
	Element string   `json:"element"`
	Name    string   `json:"name"`
	Value   string   `json:"value"` // what was put in
	Held    string   `json:"held"`
	Initial string   `json:"initial"` // what it held when the page came
	Sends   string   `json:"sends"`   // what the form sends of it
	Acts    int64    `json:"acts"`    // how many clicks and keys there had been
	Form    int      `json:"form"`    // of the document; -1: none
	Twins   []string `json:"twins"`   // what fields of the same name hold that nobody sees
	Kind    string   `json:"kind"`    // the type of the field
	List    bool     `json:"list"`    // it is a list to select from
	Others  []string `json:"others"`  // what the form sends under the name of a box beside it
	Box     bool     `json:"box"`     // it is a box or a choice to tick; its values are true and false
	Charset string   `json:"charset"` // of what the form sends
	Any     bool     `json:"any"`     // the page may make something else of it
	Spot    spot     `json:"spot"`    // by which it is known again
	Anew    bool     `json:"anew"`    // the page has drawn it anew since
	Taken   bool     `json:"taken"`   // and shows elsewhere what was put in
	Gone    bool     `json:"gone"`    // the page has taken it away, though nothing was clicked
	Must    bool     `json:"must"`    // of a field for files: a form was to send it when the file was chosen
	document
}

// document is what a frame held at some time.
type document struct {
	frame      string
	generation int
}

// mayBecomeAny has the page remember that it may make something else of what was filled in just now.
func (t *tab) mayBecomeAny(ctx context.Context, target *spec) error {
	f, err := t.findFrame(target.frame)
	if err != nil {
		return err
	}
	if err := t.call(ctx, f, "becomes", nil, nil); !contextLost(err) {
		return err
	}
	return nil
}

// forgetFilled has the pages forget what was put in so far: to log in and to look is not to prepare.
func (u *run) forgetFilled(ctx context.Context) error {
	for _, f := range u.tab.allFrames() {
		if f.left {
			continue
		}
		if err := u.tab.call(ctx, f, "forget", nil, nil); err != nil && !contextLost(err) {
			return err
		}
		u.tab.holding(f, false)
	}
	u.filledIn, u.names = nil, nil
	return nil
}

// counted is how many clicks and keys there have been, which a page remembers with what is filled in; nil if nothing is sent.
func (t *tab) counted() any {
	if !t.options.writes {
		return nil
	}
	return t.acts.Load()
}

// holding notes whether the document of a frame holds what the robot has put in.
func (t *tab) holding(f frame, holds bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if known := t.frames[f.id]; known != nil && known.generation == f.generation {
		known.holding = holds
	}
}

// filled looks, right before the commit, whether the fields hold what was put in. What is still there is what the request has
// to hold. It also says in which documents it has looked.
func (u *run) filled(ctx context.Context) (all []filledField, looked map[document]bool, err error) {
	step, cancel := context.WithTimeoutCause(ctx, u.system.stepTime, errStepTime)
	defer cancel()
	if err := u.stillHeld(step); err != nil {
		return nil, nil, err
	}
	acts := u.tab.acts.Load()
	looked = map[document]bool{}
	for _, f := range u.tab.allFrames() {
		if f.left {
			continue
		}
		var answer struct{ Fields []filledField }
		switch err := u.tab.call(step, f, "filled", map[string]any{"acts": acts}, &answer); {
		case contextLost(err) && f.holding:
			return nil, nil, u.cannotCompare("a frame was left by the page while its fields were compared")
		case contextLost(err):
			continue // it is another document by now, and nothing was put into it
		case err != nil && ctx.Err() == nil && step.Err() != nil:
			return nil, nil, contracts.NewError(contracts.Unavailable, "", "%s: the page did not answer within %s when its fields were compared; nothing was sent", u.program.write.place, u.system.stepTime)
		case err != nil:
			return nil, nil, err
		}
		of := document{f.id, f.generation}
		looked[of] = true
		taken := slices.ContainsFunc(answer.Fields, func(field filledField) bool { return field.Taken || field.Anew && u.sentOn(of, field) })
		for _, field := range answer.Fields {
			if field.Kind == "file" {
				carries, err := u.fileHeld(field)
				if err != nil {
					return nil, nil, err
				}
				if field.document = of; carries {
					all = append(all, field)
				}
				continue
			}
			if field.Gone {
				if !field.Any {
					return nil, nil, u.cannotCompare("the page has taken " + field.Element + " away")
				}
				continue
			}
			again := field.Held == field.Initial || field.List && field.Sends == ""
			switch {
			case again && !field.Box && acts > field.Acts && !u.system.formats.same(field.Value, field.Held, shown) && (!field.Anew || taken):
				continue // a line was added, say, and the field is as it was for the next one
			case field.List && again && (field.Name == "" || field.Form < 0):
				continue // a menu of things to do, and no value
			}
			if err := u.other(field); err != nil {
				return nil, nil, err
			}
			field.document = of
			all = append(all, field)
		}
	}
	return all, looked, nil
}

func (u *run) cannotCompare(why string) error {
	return contracts.NewError(contracts.Drift, "", "%s: %s, and what was put in cannot be compared; nothing was sent", u.program.write.place, why)
}

// intends has the request of a commit hold what the commit itself is about to put into the element that was found: a page may
// send it as soon as it is there.
func (u *run) intends(ctx context.Context, f frame, value string) error {
	var field filledField
	if err := u.tab.call(ctx, f, "intended", map[string]any{"value": value, "acts": u.tab.acts.Load()}, &field); err != nil {
		return err
	}
	field.document = document{f.id, f.generation}
	u.tab.options.fence.expect(field)
	return nil
}

// typed compares all fields again after the commit itself has typed, and says whether its request is still waited for. One that
// has come by then was compared at the fence.
func (u *run) typed(ctx context.Context) (waits bool, err error) {
	filled, looked, err := u.filled(ctx)
	before, waits := u.tab.options.fence.awaited()
	switch {
	case !waits:
		return false, nil
	case err != nil:
		return true, err
	}
	for _, field := range before {
		if !looked[field.document] {
			return true, u.cannotCompare("the page with " + field.Element + " was left while the commit typed")
		}
	}
	u.tab.options.fence.expect(filled...)
	return true, nil
}

// other says that a field certainly holds another value than was put in, or that its form sends another one too.
func (u *run) other(field filledField) error {
	place, as := u.program.write.place, shown
	if field.Kind == "file" {
		if field.Any || field.Held == field.Value {
			return nil
		}
		return u.fileLost(field)
	}
	if field.Box && !field.Any && field.Value != field.Held {
		return contracts.NewError(contracts.Drift, "", "%s: %s is not as it was ticked any more; nothing was sent. If the page rightly changes it, as for the next line, write {into: …, becomes: any}", place, field.Element)
	}
	switch field.Kind {
	case "number", "range":
		as = plainOnly
	case "hidden":
		as = sent
	}
	if !field.Any && !u.system.formats.same(field.Value, field.Held, as) && (field.List || !wordsFor(field.Value, field.Held)) {
		return contracts.NewError(contracts.Drift, "", "%s: %s holds %q and not what was put in, %q; nothing was sent. If the page rightly makes this of it, add becomes: any to the fill, or put it in as the page writes it", place, field.Element, field.Held, field.Value)
	}
	for _, twin := range field.Twins {
		if !u.system.formats.sends(field, twin) {
			return contracts.NewError(contracts.Drift, "", "%s: the form sends %q as %s too, in a field that nobody sees; nothing was sent", place, twin, field.Element)
		}
	}
	return nil
}

// decoded is a request with its form as the page's own characters: a form is sent as the document is written, and not
// everything that is sent is UTF-8.
func (a *armed) decoded(r request, query url.Values) (request, url.Values) {
	name := ""
	for _, field := range a.filled {
		if name == "" {
			name, _, _ = strings.Cut(strings.TrimSpace(strings.ReplaceAll(field.Charset, ",", " ")), " ")
		}
	}
	encoding, err := htmlindex.Get(name)
	if err != nil || encoding == unicode.UTF8 {
		return r, query
	}
	clear := func(values url.Values) url.Values {
		valid := true
		for name, all := range values {
			valid = valid && utf8.ValidString(name) && !slices.ContainsFunc(all, func(value string) bool { return !utf8.ValidString(value) })
		}
		if values == nil || valid && !r.document {
			return values // a script sends UTF-8 wherever it stands
		}
		text := func(bytes string) string {
			decoded, err := encoding.NewDecoder().String(bytes)
			if err != nil {
				return bytes
			}
			return decoded
		}
		made := url.Values{}
		for name, all := range values {
			for _, value := range all {
				made[text(name)] = append(made[text(name)], text(value))
			}
		}
		return made
	}
	r.form = clear(r.form)
	return r, clear(query)
}

// holdsOther names the first field that a request does not hold as the page did, and says what it holds. Of a request that
// holds none of a form's fields by their names nothing can be said: the page's own script has made it. Where two forms have
// a field of one name, it is enough if it holds what one of them does.
func (a *armed) holdsOther(r request, query url.Values) (name, values string) {
	if b := a.clicked; b != nil && a.rule.form[b.Name] == nil {
		all := append(slices.Clone(r.form[b.Name]), query[b.Name]...)
		if !slices.Contains(all, b.Value) && slices.ContainsFunc(all, func(value string) bool { return slices.Contains(b.Others, value) }) {
			return b.Name, fmt.Sprintf("%q, which another button sends, and the one that was clicked sends %q (if that is right, declare the field in the effect's form)", all, b.Value)
		}
	}
	has := func(name string) bool { return r.form.Has(name) || r.method == "GET" && query.Has(name) }
	type formOf struct {
		document
		number int
	}
	present := map[formOf]bool{}
	for _, field := range a.filled {
		form := formOf{field.document, field.Form}
		present[form] = present[form] || has(field.Name)
	}
	fits := map[string]map[formOf]bool{}
	for _, field := range a.filled {
		form := formOf{field.document, field.Form}
		if field.Kind == "file" || field.Name == "" || field.Form < 0 || !present[form] || !has(field.Name) && (!r.document || r.method == "GET") {
			continue // a script or a link sends what it wants, and only a form that is posted all of its fields
		}
		if field.Box {
			if all := append(slices.Clone(r.form[field.Name]), query[field.Name]...); !field.ticked(all, r.document) {
				return field.Name, fmt.Sprintf("%q, and %s was %s", all, field.Element, map[string]string{"true": "ticked", "false": "not ticked"}[field.Value])
			}
			continue
		}
		if fits[field.Name] == nil {
			fits[field.Name] = map[formOf]bool{}
		}
		before, known := fits[field.Name][form]
		fits[field.Name][form] = (before || !known) && slices.ContainsFunc(append(slices.Clone(r.form[field.Name]), query[field.Name]...), func(value string) bool { return a.formats.sends(field, value) })
	}
	for _, field := range a.filled {
		if forms := fits[field.Name]; len(forms) > 0 && !slices.Contains(slices.Collect(maps.Values(forms)), true) {
			return field.Name, fmt.Sprintf("%q and not %q", append(slices.Clone(r.form[field.Name]), query[field.Name]...), field.Sends)
		}
	}
	return "", ""
}

// sends says whether a request holds of a field what the field does, or what was put in.
func (f formats) sends(field filledField, value string) bool {
	unescaped := html.UnescapeString(value) // what the document's characters do not have is sent as &#8364;
	return f.same(field.Sends, value, sent) || f.same(field.Sends, unescaped, sent) || !field.List && f.same(field.Value, unescaped, sent)
}

// ticked says whether what is sent under the name of a box says of it what was ticked. Scripts have words of their own for it;
// of a choice they send which one it is, and nothing else.
func (f filledField) ticked(sent []string, document bool) bool {
	if f.Any && f.Value != f.Held {
		made := f
		if made.Value = f.Held; made.ticked(sent, document) {
			return true
		}
	}
	own := func(value string) bool { return html.UnescapeString(value) == f.Sends }
	yes := func(value string) bool {
		return slices.Contains([]string{"true", "1", "on", "yes", "y"}, strings.ToLower(value))
	}
	switch {
	case f.Kind == "radio" && f.Value == "true":
		return slices.ContainsFunc(sent, own) && !slices.ContainsFunc(sent, func(value string) bool { return value != "" && !own(value) })
	case f.Value == "true":
		return slices.ContainsFunc(sent, func(value string) bool { return own(value) || !document && yes(value) })
	}
	return !slices.ContainsFunc(sent, func(value string) bool {
		return value == f.Sends || yes(value) && !slices.Contains(f.Others, value)
	})
}

// byGet says whether a page that is opened is the form of the commit, sent by GET.
func (a *armed) byGet(r request, query url.Values) bool {
	if !r.document || a.taken || a.rule.method == "GET" || r.method != "GET" && r.method != "HEAD" {
		return false
	}
	declared := len(a.rule.form) > 0
	for name, values := range a.rule.form {
		declared = declared && slices.Equal(query[name], values)
	}
	return declared || slices.ContainsFunc(a.filled, func(field filledField) bool {
		return field.Name != "" && field.Sends != "" && !field.Box && slices.Contains(query[field.Name], field.Sends)
	})
}

// landed says where a click went that did not land on its element.
func (t *tab) landed(ctx context.Context, f frame, at found) error {
	var answer struct{ Strayed string }
	if err := t.call(ctx, f, "landed", nil, &answer); err != nil && !contextLost(err) {
		return err
	}
	if answer.Strayed != "" {
		return contracts.NewError(contracts.Drift, "", "the page put %s in the place of %s when it was about to be clicked; the click was stopped", answer.Strayed, at.Element)
	}
	return nil
}

// unitIn finds what a label says of the unit: a currency, per cent, in brackets what a number is of, or what it is for.
var unitIn = regexp.MustCompile(`\p{Sc}|[%‰]|\b[A-Z]{3}\b|[(\[][^)\]]*[)\]]|\b(?i:je|pro|per|each) .*`)

// otherUnit says whether a value may mean something else under the label that a field has now.
func otherUnit(known, now Print) bool {
	return !slices.Equal(unitIn.FindAllString(bareLabel(known.Label), -1), unitIn.FindAllString(bareLabel(now.Label), -1))
}

// grown adds to what makes acting at a place another thing what only a write must not pass over: the element of the commit is
// called otherwise, or another field is called now as this one was.
func (u *run) grown(ctx context.Context, f frame, known, now Print, grave []string) []string {
	differs := func(before, after string) string {
		if before == after || before == anything || after == anything || wasVeiled(before, after) {
			return ""
		}
		return before
	}
	name, label := differs(known.Name, now.Name), differs(known.Label, now.Label)
	if sameLabel(known.Label, now.Label) {
		label = ""
	}
	switch {
	case known.Sure && known.Label != "" && known.Label != anything && now.Label == anything: // "Price per 100"
		return append(grave, fmt.Sprintf("it was %s, and what it is called now holds digits, or what the robot was given", said(known)))
	case name == "" && label == "":
		return grave
	case u.committing:
		return append(grave, fmt.Sprintf("what is to send it was %s, and is %s", said(known), said(now)))
	case label != "" && otherUnit(known, now):
		grave = append(grave, fmt.Sprintf("it was %s and is %s, which may be of another unit", said(known), said(now)))
	}
	var answer struct{ Element string }
	if u.tab.call(ctx, f, "elsewhere", map[string]string{"name": name, "label": label}, &answer) == nil && answer.Element != "" {
		grave = append(grave, fmt.Sprintf("it was %s and is %s, and another is called so now: %s", said(known), said(now), answer.Element))
	}
	return grave
}

func said(p Print) string { return fmt.Sprintf("%q (%s)", p.Label, p.Name) }
