package robots

import (
	"context"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"

	"crosswalk/contracts"
)

// put is a field that the robot has filled in, as we know it ourselves: what a document remembers goes with it.
type put struct {
	filledField
	address string   // of its document
	led     bool     // the robot has clicked, pressed a key or opened an address since: that may have led on
	own     bool     // its document went away as it, or the field after it, was put in
	lost    error    // what the next document holds instead
	paths   []string // of the files that were given to it
}

// goneBy is a request that left a document which held what the robot had put in.
type goneBy struct {
	request
	query url.Values
}

const mostGoneBy = 100 // of a document

// goes notes what a document that holds something sends on. The caller holds the mutex.
func (t *tab) goes(frameID string, r request) {
	f := t.frames[frameID]
	if f == nil || !f.holding {
		return
	}
	of := document{f.id, f.generation}
	if target, err := url.Parse(r.address); err == nil && len(t.gone[of]) < mostGoneBy {
		t.gone[of] = append(t.gone[of], goneBy{r, target.Query()})
	}
}

// there says whether a document is still what its frame holds.
func (t *tab) there(d document) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	f := t.frames[d.frame]
	return f != nil && f.generation == d.generation
}

// puts notes a field that is about to be filled in. What was put into it before counts no more.
func (u *run) puts(ctx context.Context, f frame, field filledField) error {
	if u.program.write == nil || u.login {
		return nil
	}
	if err := u.carry(ctx); err != nil {
		return err
	}
	field.document, field.Acts = document{f.id, f.generation}, u.tab.acts.Load()
	u.filledIn = slices.DeleteFunc(u.filledIn, func(before put) bool {
		choice := field.Kind == "radio" && before.Kind == "radio" && before.Name == field.Name && before.Form == field.Form
		again := string(before.Spot) == string(field.Spot)
		return (before.frame == f.id || before.lost != nil) && (again || choice)
	})
	for i := range u.filledIn {
		if u.filledIn[i].document == field.document {
			u.filledIn[i].led = false // it did not lead away
		}
	}
	u.filledIn = append(u.filledIn, put{filledField: field, address: f.url})
	if u.names == nil {
		u.names = map[string]bool{}
	}
	u.names[field.Name] = true
	return nil
}

// ownDoing marks what went away in the very step that has put something in: it may be sent by that, as a list is whose choice
// sends its form.
func (u *run) ownDoing() {
	for i := range u.filledIn {
		if p := &u.filledIn[i]; p.lost == nil && !u.tab.there(p.document) {
			p.own = true
		}
	}
}

// leads is called before the robot itself may lead on to another page: what the page has lost until then is lost.
func (u *run) leads(ctx context.Context) error {
	if len(u.filledIn) == 0 {
		return nil
	}
	if err := u.stillHeld(ctx); err != nil {
		return err
	}
	for i := range u.filledIn {
		u.filledIn[i].led = true
	}
	return nil
}

// stillHeld says what the page has lost, if it did so by itself.
func (u *run) stillHeld(ctx context.Context) error {
	if err := u.carry(ctx); err != nil {
		return err
	}
	for _, p := range u.filledIn {
		if p.lost != nil {
			return p.lost
		}
	}
	return nil
}

// carry looks for what was put into documents that are not there any more. Where a page was loaded anew by itself, or has taken
// a frame away, the next document must hold the same. What the robot has led on with, or what was sent, is done with; so is what
// went away in its own step and is on the next page no more.
func (u *run) carry(ctx context.Context) error {
	var kept []put
	for _, p := range u.filledIn {
		if p.lost == nil && !u.tab.there(p.document) {
			done, err := u.carryOne(ctx, &p)
			if err != nil {
				return err
			}
			if done {
				continue
			}
		}
		kept = append(kept, p)
	}
	u.filledIn = kept
	return nil
}

func (u *run) carryOne(ctx context.Context, p *put) (done bool, err error) {
	if err := u.tab.settle(ctx); err != nil {
		return false, err
	}
	went := stays
	if p.Kind == "file" {
		went = u.tab.options.fence.departed(p.Value)
	}
	if p.Any || went == byPage || went == byScript && p.led {
		return true, nil
	}
	if p.Kind != "file" && u.handedOn(p) {
		back, err := u.comesBack(ctx, p)
		return !back, err
	}
	list, found := u.tab.allFrames(), false
	if at := slices.IndexFunc(list, func(f frame) bool { return f.id == p.frame }); at >= 0 {
		list = list[at : at+1]
	}
	for _, f := range list {
		if f.left || p.led && p.Kind != "file" && withoutFragment(f.url) != withoutFragment(p.address) {
			continue
		}
		var answer struct {
			There, Shows bool
			Field        *filledField
		}
		err := u.tab.call(ctx, f, "carry", map[string]any{"spot": p.Spot, "value": p.Value, "sends": p.Sends, "acts": u.tab.acts.Load()}, &answer)
		switch {
		case contextLost(err):
			return false, u.cannotCompare("a page was loaded anew again and again")
		case err != nil:
			return false, err
		case went == byScript && answer.Shows:
			return true, nil
		case !answer.There:
			continue
		}
		found = true
		if answer.Field == nil {
			continue
		}
		u.tab.holding(f, true)
		if p.lost == nil {
			p.lost = u.other(*answer.Field)
		}
		p.ID, p.document, p.address = answer.Field.ID, document{f.id, f.generation}, f.url
	}
	switch {
	case found:
		p.own = false
		return false, nil
	case p.Kind == "file":
		p.lost = contracts.NewError(contracts.Drift, "", "%s: the page with %s was left, and the file %q was not sent with it; nothing was sent. If the page rightly takes it over by itself, add becomes: any to the upload", u.program.write.place, p.Element, strings.ReplaceAll(p.Value, "\n", ", "))
		return false, nil
	case p.led || p.own:
		return true, nil
	}
	p.lost = contracts.NewError(contracts.Drift, "", "%s: the page with %s was loaded anew or taken away without a click of the robot, and what was put in, %q, is not there any more; nothing was sent. If the page rightly goes on by itself, add becomes: any", u.program.write.place, p.Element, p.Value)
	return false, nil
}

// comesBack says whether the document that has come for one that was sent still holds a field as it was put in, as a form does
// that posts itself to add a line. It is sent once more with the next request, and is held to that again, whatever a script of
// that document has made of it since.
func (u *run) comesBack(ctx context.Context, p *put) (bool, error) {
	for _, f := range u.tab.allFrames() {
		if f.left || f.id != p.frame {
			continue
		}
		for _, look := range []bool{true, false} {
			var answer struct{ Field *filledField }
			err := u.tab.call(ctx, f, "carry", map[string]any{"spot": p.Spot, "value": p.Value, "sends": p.Sends, "acts": u.tab.acts.Load(), "look": look}, &answer)
			switch {
			case contextLost(err):
				return false, nil // it was not to stay
			case err != nil:
				return false, err
			case answer.Field == nil:
				return false, nil
			}
			came := *answer.Field
			came.Held = came.Initial
			if look && u.other(*answer.Field) != nil && u.other(came) != nil {
				if altered := u.altered(p, came); altered != "" {
					p.lost = contracts.NewError(contracts.Drift, "", "%s: the page has sent %q as %s and holds it now, and not what was put in, %q; the commit was not sent. If the page rightly makes this of it, add becomes: any", u.program.write.place, altered, p.Element, p.Value)
				}
				return p.lost != nil, nil
			}
			if !look {
				p.ID, p.document, p.address = answer.Field.ID, document{f.id, f.generation}, f.url
			}
		}
		u.tab.holding(f, true)
		return true, nil
	}
	return false, nil
}

// altered is what a document has sent of a field in place of what was put in, if the next one came with that.
func (u *run) altered(p *put, came filledField) string {
	u.tab.mutex.Lock()
	requests := slices.Clone(u.tab.gone[p.document])
	u.tab.mutex.Unlock()
	for _, r := range requests {
		form, _ := (&armed{filled: []filledField{p.filledField}}).decoded(r.request, r.query)
		values := form.form[p.Name]
		if p.Box || !r.document || slices.ContainsFunc(values, func(value string) bool { return u.system.formats.sends(p.filledField, value) }) {
			continue
		}
		for _, value := range values {
			if value != "" && (value == came.Sends || value == came.Held) {
				return value
			}
		}
	}
	return ""
}

// takeUp is called after each step: what a form has sent and the next page holds again is looked after from then on, and not
// only once something else is put in.
func (u *run) takeUp(ctx context.Context) error {
	for i := range u.filledIn {
		p := &u.filledIn[i]
		if u.committing || p.lost != nil || p.Any || p.Kind == "file" || u.tab.there(p.document) || !u.handedOn(p) {
			continue
		}
		if _, err := u.comesBack(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func withoutFragment(address string) string {
	address, _, _ = strings.Cut(address, "#")
	return address
}

// sentOn says whether a document that is still there has sent a value on.
func (u *run) sentOn(of document, field filledField) bool {
	field.document = of
	return u.handedOn(&put{filledField: field, led: true})
}

// handedOn says whether the document has sent a value on before it went away: by a form, in an address, or, after a click, by
// a script.
func (u *run) handedOn(p *put) bool {
	u.tab.mutex.Lock()
	requests := slices.Clone(u.tab.gone[p.document])
	u.tab.mutex.Unlock()
	return slices.ContainsFunc(requests, func(r goneBy) bool {
		if !r.document && !p.led || r.method == "GET" && withoutFragment(r.address) == withoutFragment(p.address) {
			return false
		}
		form, query := (&armed{filled: []filledField{p.filledField}}).decoded(r.request, r.query)
		if r.unread || p.led && r.document && r.method != "GET" && (p.Name == "" || form.form.Has(p.Name)) {
			return true // whatever the page has made of it
		}
		if p.Box && p.Value == "false" {
			return len(form.form)+len(query) > 0 && !slices.Contains(append(slices.Clone(form.form[p.Name]), query[p.Name]...), p.Sends)
		}
		for _, values := range []url.Values{form.form, query} {
			for name, all := range values {
				for _, value := range all {
					if name == p.Name && u.system.formats.sends(p.filledField, value) || value != "" && (value == p.Sends || value == p.Value) {
						return true
					}
				}
			}
		}
		target, err := url.Parse(r.address)
		return err == nil && p.Sends != "" && slices.Contains(strings.Split(target.Path, "/"), html.UnescapeString(p.Sends))
	})
}

// spot tells a field apart from the others of its document, in the page's own words.
type spot = json.RawMessage
