package robots

import (
	"context"
	"fmt"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// sign is what a page may show at any time beside its business: something to put out of the way (interrupts), or
// something that only a person can pass (human).
type sign struct {
	seen *target
	do   []step // of human: the first asks the person
	// title and what are those of a human sign without steps: a person looks after it elsewhere.
	what, title string
	human       bool
	place       string
}

// mostSigns bounds how often one step is kept up by signs: a notice that comes back for ever is a changed page.
const mostSigns = 3

var interruptShape = source.Record(
	source.Field{Name: "seen", Is: targetShape, Required: true, About: "What shows that it is there.", Example: "{css: '#notice'}"},
	source.Field{Name: "do", Is: stepsShape, Required: true, About: "The steps that put it out of the way.", Example: "[{click: {button: Verstanden}}]"},
)

var humanShape = source.Record(
	source.Field{Name: "seen", Is: targetShape, Required: true, About: "What shows that a person is needed.", Example: "{css: 'img.captcha'}"},
	source.Field{Name: "ask", Is: humanAskShape, Required: true, About: "What the person is asked.", Example: "{what: captcha, title: The letters in the picture, as: letters}"},
	source.Field{Name: "do", Is: stepsShape, About: "What is done with what the person gave; then the robot goes on where it was.", Default: "the person looks after it elsewhere, and the robot begins anew", Example: "[{fill: {into: {label: Letters}, value: '${letters}'}}, {click: {button: Go on}}]"},
)

var humanAskShape = source.Record(
	source.Field{Name: "what", Is: source.Choice("code", "login", "captcha"), Required: true, About: "What a person must do: give a one-time code, or look after a login or a captcha.", Example: "captcha"},
	source.Field{Name: "title", Is: source.Text(), About: "What is asked, in a person's words.", Default: "by what", Example: "The letters in the picture"},
	source.Field{Name: "as", Is: source.Matching("name", nameForm.String()), About: "With do: the name under which its steps know what was given.", Example: "letters"},
	source.Field{Name: "within", Is: source.Span(), About: "With do: how long the page is kept open for the answer, at most 1h.", Default: "15m", Example: "30m"},
)

// parseSigns reads interrupts and human.
func (s *System) parseSigns(interrupts, human *source.Node) {
	for _, n := range interrupts.List() {
		c := &compiler{system: s, env: rules.NewEnvironment(nil), places: s.places}
		fields := n.Fields(interruptShape)
		one := sign{seen: c.telling(n.Required("seen", "say what shows that it is there")), place: placeOf(n)}
		one.do = c.steps(n.Required("do", "give the steps that put it out of the way, as in [{click: {button: OK}}]"))
		if asks(one.do) {
			fields["do"].Errorf("write it under human:", "an interrupt is put out of the way without a person")
		}
		s.signs = append(s.signs, one)
	}
	for _, n := range human.List() {
		c := &compiler{system: s, env: rules.NewEnvironment(nil), places: s.places}
		fields := n.Fields(humanShape)
		one := sign{seen: c.telling(n.Required("seen", "say what shows that a person is needed")), human: true, place: placeOf(n)}
		ask := n.Required("ask", "say what the person is asked, as in {what: captcha, title: The letters in the picture, as: letters}")
		asked := ask.Fields(humanAskShape)
		one.what = ask.Required("what", "say what a person must do").OneOf("code", "login", "captcha")
		one.title = either(asked["title"].Text(), one.what)
		if asked["as"].Exists() != fields["do"].Exists() {
			n.Errorf("write both, or neither if the person looks after it elsewhere", "as and do belong together: the steps of do use what the person gives")
		}
		if fields["do"].Exists() {
			first := step{kind: "ask", place: one.place}
			c.compileAsk(&first, ask)
			one.do = append([]step{first}, c.steps(fields["do"])...)
		}
		s.signs = append(s.signs, one)
	}
}

func placeOf(n *source.Node) string {
	line, _ := n.Position()
	return fmt.Sprintf("%s:%d", n.File(), line)
}

// asksByItself says whether the application may show a page at any time that a person goes on from.
func (s *System) asksByItself() bool {
	for _, one := range s.signs {
		if one.human && len(one.do) > 0 {
			return true
		}
	}
	return false
}

// passSigns puts out of the way what the pages show beside their business, and says whether there was anything. It looks
// after a step that failed because the page is not as expected, and if a page that has just come showed something: that
// may be gone by itself meanwhile.
func (u *run) passSigns(ctx context.Context, failed error) (passed bool, err error) {
	shown := u.shown
	u.shown = false
	if !shown && failed == nil || len(u.system.signs) == 0 || u.passing || u.committing || ctx.Err() != nil || failed != nil && contracts.ClassOf(failed) != contracts.Drift {
		return false, nil
	}
	one := u.lookForSigns(ctx)
	if one == nil {
		return false, nil
	}
	if len(one.do) == 0 {
		question := &contracts.Error{Class: contracts.Auth, Message: fmt.Sprintf("%s: a person is needed: %s", one.place, one.title),
			Ask: rules.Record(map[string]rules.Value{"kind": rules.Text("look"), "title": rules.Text(one.title), "step": rules.Text(one.place)})}
		u.journal.step("ask", one.place, "", time.Now(), question)
		return true, question
	}
	u.passing, u.depth = true, u.depth+1
	defer func() { u.passing, u.shown, u.depth = false, false, u.depth-1 }()
	return true, u.steps(ctx, one.do)
}

// lookForSigns looks at all pages for the first sign.
func (u *run) lookForSigns(ctx context.Context) *sign {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	targets := make([]*target, len(u.system.signs))
	for i := range u.system.signs {
		targets[i] = u.system.signs[i].seen
	}
	for _, f := range u.tab.allFrames() {
		if f.left {
			continue
		}
		seen, err := u.tab.seenIn(ctx, f, targets)
		for i := range seen {
			if err == nil && seen[i] {
				return &u.system.signs[i]
			}
		}
	}
	return nil
}
