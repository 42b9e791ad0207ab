package robots

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// choiceFor is the field of a choice with the place that is read, as a step may read several.
const choiceFor = "for"

// mostLabels bounds what a person is shown to choose from.
const mostLabels = 8

// offerTime is how long a page may take to say what may be meant.
const offerTime = 10 * time.Second

// chosenRead is the label that a person chose for a place that is read, if one did.
func (u *run) chosenRead(s *step, want cellRead, at *spec) (_ *spec, label string) {
	help := u.call.Help
	if help.Target == "" || help.Step != s.place || help.Hash != u.program.Hash {
		return at, ""
	}
	var choice map[string]string
	if json.Unmarshal([]byte(help.Target), &choice) != nil || len(choice) != 2 || choice[choiceFor] != want.target.shown || choice["label"] == "" {
		return at, ""
	}
	return &spec{Kind: "label", Text: &matcher{Exact: choice["label"]}, frame: at.frame, words: at.words}, choice["label"]
}

// proposeRead proposes the label that a person chose, with the page on which it was read.
func (u *run) proposeRead(ctx context.Context, s *step, want cellRead, at *spec, label string) {
	if u.known == nil {
		return
	}
	page := ""
	if f, err := u.tab.findFrame(at.frame); err == nil {
		page = u.skeleton(ctx, f, []string{label})
	}
	becomes, _ := json.Marshal(map[string]string{"label": label}) // texts only
	u.propose(Change{Kind: ChangeTarget, Place: s.place, Words: want.target.shown, Becomes: string(becomes), Reason: "a person chose it", Page: page})
}

// offerLabels adds to an error the labels of the page that may be meant by one that is read and not found: those that no other
// step reads, and whose value is of the wanted type. Once a write may have left, its result is for find or a person.
func (u *run) offerLabels(ctx context.Context, s *step, err error) error {
	var known *contracts.Error
	want := u.missed
	if want == nil || u.sent || u.armed || u.committing || !errors.As(err, &known) || known.Class != contracts.Drift || u.tab.ctx.Err() != nil || !known.Ask.IsMissing() {
		return err
	}
	at, failed := want.target.spec(u.variables)
	if failed != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), offerTime)
	defer cancel()
	var answer struct {
		Status string
		Labels []struct{ Label, Text string }
	}
	if _, failed := u.tab.askOnce(ctx, "readable", at.frame, map[string]any{"target": at, "taken": u.program.labels()}, &answer); failed != nil {
		return err
	}
	var candidates []rules.Value
	hide := hider(u.unseen())
	for _, one := range answer.Labels {
		value, failed := want.cell.value(one.Text, u.system.formats)
		if failed != nil || value.IsMissing() || len(candidates) == mostLabels || hide != nil && hide.Replace(one.Label) != one.Label {
			continue
		}
		target, _ := json.Marshal(map[string]string{"label": one.Label, choiceFor: want.target.shown}) // texts only
		candidates = append(candidates, rules.Record(map[string]rules.Value{"says": rules.Text(one.Label), "target": rules.Text(string(target))}))
	}
	if len(candidates) == 0 {
		return err
	}
	offered := *known
	offered.Ask = rules.Record(map[string]rules.Value{
		"kind": rules.Text("choose"), "title": rules.Text("Which label stands now beside the value that was read as " + want.target.shown + "?"), "step": rules.Text(s.place), "hash": rules.Text(u.program.Hash),
		"expected": rules.Text(want.target.shown), "candidates": rules.List(candidates...),
	})
	return &offered
}

// labels are those that the program names anywhere: one of them is not the new name of another.
func (p *Program) labels() (labels []string) {
	for _, at := range p.targets() {
		for _, t := range append([]*target{at.target}, at.target.any...) {
			if t.kind == "label" && t.text.template == nil && t.regex == "" {
				labels = append(labels, t.text.constant)
			}
		}
	}
	return labels
}

// renamedKey writes another label in the place of one under which a value is read, and looks whether the file still says the
// same elsewhere.
func renamedKey(file string, text []byte, key *source.Node, c Change) ([]byte, error) {
	label := c.label()
	if label == "" {
		return nil, errors.New("the change does not name one label")
	}
	if err := writable(map[string]string{"label": label}); err != nil {
		return nil, err
	}
	return rewritten(file, text, key, label, func(before, after *source.Node) bool { return onlyRenamed(before, after, key.Path(), label) })
}

// label is the one that a change gives to a target, or empty.
func (c Change) label() string {
	var becomes map[string]string
	if json.Unmarshal([]byte(c.Becomes), &becomes) != nil || len(becomes) != 1 {
		return ""
	}
	return becomes["label"]
}

// onlyRenamed says whether a document is as it was, but for one key, which has another name.
func onlyRenamed(before, after *source.Node, place, name string) bool {
	inner := func(a, b *source.Node) bool { return onlyRenamed(a, b, place, name) }
	if before.Kind() != source.Map || after.Kind() != source.Map {
		return same(before, after, inner)
	}
	was, is := before.Keys(), after.Keys()
	if len(was) != len(is) {
		return false
	}
	for i, key := range was {
		if before.Get(key).Path() == place {
			key = name
		}
		if is[i] != key || !inner(before.Get(was[i]), after.Get(key)) {
			return false
		}
	}
	return true
}
