package casetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// Recording is a test that was made of a case.
type Recording struct {
	UseCase string
	Text    []byte // of a file of tests that passes
	Hash    string // of the bundle that the case ran with
}

// Record makes a test of a case that has ended, with everything replaced that says whom it was about, and runs it.
func Record(ctx context.Context, s *store.Store, of store.Case, calendars workflows.Calendars) (*Recording, error) {
	definition, err := s.Bundle(ctx, of.BundleHash)
	if err != nil {
		return nil, fmt.Errorf("casetest: %w", err)
	}
	bundle, err := usecases.ParseBundle(definition.Body)
	if err != nil {
		return nil, fmt.Errorf("casetest: %w", err)
	}
	plan, problems := usecases.Compile(bundle)
	if problems.Err() != nil {
		return nil, refused("its use case is not right any more: %s", problems)
	}
	p, err := recall(ctx, s, of, plan)
	if err != nil {
		return nil, err
	}
	r := newReplacer(bundle, of.Reference)
	p.replace(r)
	dir, err := os.MkdirTemp("", "crosswalk-record-*")
	if err != nil {
		return nil, fmt.Errorf("casetest: %w", err)
	}
	kept := &stores{dir: dir}
	made, err := p.test(ctx, r, calendars, kept)
	return made, errors.Join(err, kept.close())
}

// test makes a test of the case, after what is personal was replaced, and runs it.
func (p *past) test(ctx context.Context, r *replacer, calendars workflows.Calendars, kept *stores) (*Recording, error) {
	w, seen, err := p.again(ctx, calendars, kept)
	if err != nil {
		return nil, err
	}
	if different := p.differences(seen); len(different) > 0 {
		return nil, refused("with the personal words replaced it goes another way: %s. Write the test by hand", strings.Join(different, "; "))
	}
	text, err := p.write(r, w, seen)
	if err != nil {
		return nil, err
	}
	file, problems := Parse("", p.plan.UseCase+Extension, text, Subject{Plan: p.plan, Calendars: calendars})
	if problems.Err() != nil {
		return nil, refused("what was written cannot be read:\n%s", problems)
	}
	result, err := run(ctx, file.Tests[0], "test-1", kept, 0)
	if err != nil {
		return nil, fmt.Errorf("casetest: %w", err)
	}
	if !result.OK {
		return nil, refused("what was written does not pass:\n%s", listed(result.Failures))
	}
	return &Recording{UseCase: p.plan.UseCase, Text: text, Hash: p.of.BundleHash}, nil
}

func listed(failures []Failure) string {
	lines := make([]string, len(failures))
	for i, f := range failures {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// replace replaces what is personal in everything that the case is played again with.
func (p *past) replace(r *replacer) {
	prose := &rules.Type{Kind: rules.KindText, Personal: true}
	r.see(p.input, p.plan.Input, false, true)
	for _, s := range p.steps {
		if s.Kind == "call" || s.Kind == "run" {
			r.see(s.value, typeOf(p.plan, s.Path), false, true)
		}
	}
	for _, path := range sortedKeys(p.choices) {
		r.see(p.choices[path], candidateType(p.plan, path), false, true)
	}
	for _, m := range p.messages {
		r.see(m.parsed.Get("from"), prose, true, false)
	}
	for _, e := range p.events {
		r.see(e.payload, p.plan.Events[e.name], false, true)
	}
	for i := range p.links {
		for _, ref := range []*store.Ref{&p.links[i].Left, &p.links[i].Right} {
			if slices.ContainsFunc(p.steps, func(s pastStep) bool {
				return mentions(s.value, p.links[i].Left) || mentions(s.value, p.links[i].Right)
			}) {
				r.id(ref.ID)
			}
		}
	}
	p.rewrite(r)
}

func (p *past) rewrite(r *replacer) {
	p.input = r.value(p.input, p.plan.Input, false)
	for i := range p.steps {
		s := &p.steps[i]
		s.value = r.value(s.value, typeOf(p.plan, s.Path), false)
	}
	for _, path := range sortedKeys(p.choices) {
		p.choices[path] = r.value(p.choices[path], candidateType(p.plan, path), false)
	}
	for _, m := range p.messages {
		m.parsed = rules.Record(map[string]rules.Value{"text": rules.Text(r.prose(m.parsed.Get("text").Text())), "from": r.value(m.parsed.Get("from"), nil, true)})
	}
	people := map[string]string{}
	for _, person := range p.people {
		person.by = colleague(people, person.by)
		for _, key := range []string{"note", "reason"} {
			if text := person.gives.Get(key).Text(); text != "" {
				person.gives = person.gives.With(key, rules.Text(r.prose(text)))
			}
		}
		for _, key := range []string{"value", "with"} {
			person.gives = person.gives.With(key, r.value(person.gives.Get(key), typeOf(p.plan, person.path), false))
		}
	}
	p.meta.StartedBy = colleague(people, p.meta.StartedBy)
	if p.cancel != nil {
		p.cancel.by = colleague(people, p.cancel.by)
	}
	for _, e := range p.events {
		e.payload = r.value(e.payload, p.plan.Events[e.name], false)
		e.key = r.value(rules.Text(e.key), nil, false).Text()
	}
	for i := range p.links {
		for _, ref := range []*store.Ref{&p.links[i].Left, &p.links[i].Right} {
			if id := r.ids[ref.ID]; id != "" {
				ref.ID = id
			}
		}
	}
}

// prose replaces a text that a person wrote, however short it is.
func (r *replacer) prose(text string) string {
	made := r.text(text, true)
	if isProse(text) {
		return made
	}
	return r.wordsIn(made, true)
}

// colleague makes up who somebody of the company is: the same everywhere, and nobody else.
func colleague(people map[string]string, name string) string {
	if name == "" {
		return ""
	}
	if people[name] == "" {
		people[name] = fmt.Sprintf("colleague-%d", len(people)+1)
	}
	return people[name]
}

// typeOf is the type of what the step at a place gives: a call, what its system answers.
func typeOf(plan *usecases.Plan, place string) *rules.Type {
	switch s := stepOf(plan, place); {
	case s == nil:
		return nil
	case s.Call != nil:
		return s.Call.Operation.Output
	default:
		return s.Type
	}
}

// candidateType is the type of the list that a person chose from.
func candidateType(plan *usecases.Plan, place string) *rules.Type {
	s := stepOf(plan, place)
	if s == nil || s.Ask == nil || s.Ask.From == nil {
		return nil
	}
	return s.Ask.From.Type()
}

// again plays the case with what was replaced.
func (p *past) again(ctx context.Context, calendars workflows.Calendars, kept *stores) (w *world, found *seen, err error) {
	t := &Test{Name: "recorded", File: "the record", Line: 1, at: p.of.StartedAt, meta: p.meta, input: p.input, messages: p.messages, events: p.events, cancel: p.cancel, Subject: Subject{Plan: p.plan, Calendars: calendars}}
	t.meta.Reference = testReference
	w = newWorld(t, "test-1")
	w.past = p
	if w.store, err = kept.empty(ctx, w.now); err != nil {
		return nil, nil, fmt.Errorf("casetest: %w", err)
	}
	end, err := w.execute()
	w.leave()
	if err != nil {
		return nil, nil, refused("it cannot be played again: %s", err)
	}
	if len(w.failures) > 0 {
		return nil, nil, refused("%s", w.failures[0].Message)
	}
	found, err = w.look(end)
	return w, found, err
}

// differences says in what the case that was played again is another one.
func (p *past) differences(found *seen) []string {
	var list []string
	rows := map[string]string{}
	for _, d := range found.decisions {
		rows[fmt.Sprint(d.Path, d.Generation)] = d.Row
	}
	for _, d := range p.decisions {
		if now := rows[fmt.Sprint(d.Path, d.Generation)]; now != d.Row {
			list = append(list, fmt.Sprintf("in %s the row %s of %s decided, and now %s", d.Path, d.Row, d.Table, orNone(now)))
		}
	}
	for _, s := range p.steps {
		if _, known := found.steps[spot{found.id, s.Path}]; !known && !strings.HasPrefix(s.Path, "joined[") {
			list = append(list, fmt.Sprintf("the step %s is not taken", s.Path))
		}
	}
	if found.end.stuck || found.end.outcome.Outcome != p.of.Outcome && p.of.Outcome != "" {
		list = append(list, fmt.Sprintf("it ended with %q, and now with %q", p.of.Outcome, found.end.outcome.Outcome))
	}
	return list
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
