package robots

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

func (u *run) steps(ctx context.Context, steps []step) error {
	u.depth++
	defer func() { u.depth-- }()
	for i := range steps {
		do := u.step
		if u.depth == 1 {
			do = u.watched
		}
		if err := do(ctx, &steps[i]); err != nil {
			return err
		}
	}
	return nil
}

// step runs one step with its own deadline and looks afterwards at what has arrived.
func (u *run) step(ctx context.Context, s *step) error {
	runs, err := u.applies(ctx, s)
	if err != nil || !runs {
		return err
	}
	u.place.Store(&s.place)
	u.acting = s.place
	switch s.kind { // these have steps of their own, each with its deadline
	case "do":
		return u.steps(ctx, s.do)
	case "each":
		return u.each(ctx, s)
	case "table":
		return u.table(ctx, s)
	case "until":
		return u.until(ctx, s)
	case "ask":
		return u.askPerson(ctx, s)
	case "run":
		return u.steps(ctx, u.program.find)
	}
	limit := u.system.stepTime
	if s.within > 0 {
		limit = s.within
	}
	err = u.timed(ctx, s.kind, s.place, limit, func(ctx context.Context) (string, error) { return u.act(ctx, s) })
	if err != nil {
		return u.offer(ctx, s, err)
	}
	return u.takeUp(ctx)
}

// timed runs part of a step. What the pages show beside their business is put out of the way after it; a step that it kept
// from doing anything is done again.
func (u *run) timed(ctx context.Context, kind, place string, limit time.Duration, work func(context.Context) (string, error)) error {
	acting := u.acting
	for tries := 0; ; tries++ {
		u.acting = acting // what put a sign away was at another place
		again, err := u.tried(ctx, kind, place, limit, work)
		if err != nil && !again {
			u.shown = false
			return err
		}
		passed, failed := u.passSigns(ctx, err)
		switch {
		case failed != nil:
			return failed
		case !passed || err == nil || tries >= mostSigns:
			return err
		}
	}
}

// tried runs part of a step within a time, notes it, and inspects what it has brought. That it may be done again is said
// only if it did nothing to the page, and if nothing but what the page lacks was found to be wrong.
func (u *run) tried(ctx context.Context, kind, place string, limit time.Duration, work func(context.Context) (string, error)) (again bool, err error) {
	u.shown = false
	u.tab.acted.Store(false)
	stepCtx, cancel := context.WithTimeoutCause(ctx, limit, errStepTime)
	defer cancel()
	began := time.Now()
	element, err := work(stepCtx)
	again = err != nil && !u.tab.acted.Load()
	if err == nil {
		err = u.inspect(stepCtx, false)
	}
	if err == nil {
		u.noteRenewed(stepCtx, kind)
	}
	u.journal.step(kind, place, element, began, err)
	if err == nil || errors.Is(err, errSessionLost) {
		return false, err
	}
	if fault := u.journal.takeFault(); fault != nil {
		again, err = false, fault // a box of the page explains more than what it made fail
	}
	if errors.Is(err, errStepTime) && ctx.Err() == nil {
		err = contracts.NewError(contracts.Unavailable, "", "the page did not answer within %s", limit)
	}
	if better := u.explain(ctx, err); errors.Is(better, errSessionLost) {
		return false, better
	} else if !errors.Is(better, err) {
		again, err = false, better
	}
	var known *contracts.Error
	if errors.As(err, &known) && !strings.HasPrefix(known.Message, place) {
		placed := *known
		placed.Message = place + ": " + known.Message
		if errors.As(err, &byRule{}) {
			return false, byRule{&placed}
		}
		return again, &placed
	}
	return again, err
}

func (u *run) applies(ctx context.Context, s *step) (bool, error) {
	if s.when != nil {
		holds, err := s.when.Eval(u.variables)
		if err != nil {
			return false, u.wrong(s, err)
		}
		if !holds.Bool() {
			return false, nil
		}
	}
	if s.seen == nil {
		return true, nil
	}
	wanted, err := s.seen.spec(u.variables)
	if err != nil {
		return false, u.wrong(s, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, u.system.stepTime, errStepTime)
	defer cancel()
	return u.tab.sees(ctx, wanted, false)
}

func (u *run) wrong(s *step, err error) error {
	return contracts.NewError(contracts.Internal, "", "%s: %s", s.place, err)
}

func (u *run) act(ctx context.Context, s *step) (string, error) {
	at, err := s.target.spec(u.variables)
	if err != nil {
		return "", u.wrong(s, err)
	}
	at = u.chosen(s, at)
	switch s.kind {
	case "goto":
		return "", u.open(ctx, s)
	case "click":
		return u.tab.click(ctx, at)
	case "dblclick":
		return u.tab.dblclick(ctx, at)
	case "check", "uncheck":
		return u.tick(ctx, s, at)
	case "upload":
		return u.upload(ctx, s, at)
	case "download":
		return u.download(ctx, s)
	case "fill", "select":
		return u.fill(ctx, s, at)
	case "key":
		return "", u.tab.key(ctx, at, s.key)
	case "expect":
		_, err := u.tab.until(ctx, at)
		return "", err
	case "read":
		return "", u.read(ctx, s)
	case "assert":
		holds, err := s.assert.Eval(u.variables)
		if err != nil {
			return "", u.wrong(s, err)
		}
		if holds.Bool() {
			return "", nil
		}
		return "", u.failure(s, "the page contradicts "+s.assert.Text()+u.shownOf(s.assert))
	case "fail":
		return "", u.failure(s, string(s.class))
	}
	return "", contracts.NewError(contracts.Internal, "", "%s: unknown step %q", s.place, s.kind)
}

// shownOf are the values that a condition has read, as " (found: [], input.number: 7)".
func (u *run) shownOf(condition *rules.Expression) string {
	shown, hide := []string{}, hider(u.unseen()) // before it is cut: half of a secret would not be known as one
	for _, path := range condition.Reads() {
		path, _, _ = strings.Cut(path, "[")
		value, parts := rules.Record(u.variables), strings.Split(path, ".")
		for _, part := range parts {
			value = value.Get(part)
		}
		text := either(value.String(), "nothing")
		if hide != nil {
			text = hide.Replace(text)
		}
		if one := path + ": " + cut(text, mostShown); !slices.Contains(shown, one) && len(shown) < 5 {
			shown = append(shown, one)
		}
	}
	if len(shown) == 0 {
		return ""
	}
	return " (" + strings.Join(shown, ", ") + ")"
}

// mostShown is how many characters of a value a message shows.
const mostShown = 80

func (u *run) failure(s *step, otherwise string) error {
	message, err := s.message.eval(u.variables)
	if err != nil {
		return u.wrong(s, err)
	}
	return contracts.NewError(s.class, "", "%s", either(message, otherwise))
}

func (u *run) open(ctx context.Context, s *step) error {
	path, err := s.url.eval(u.variables)
	if err != nil {
		return u.wrong(s, err)
	}
	return u.openPath(ctx, s.target, path)
}

func (u *run) openPath(ctx context.Context, place *target, path string) error {
	frameName := ""
	if place != nil {
		frameName = place.frame
	}
	address := path
	if strings.HasPrefix(path, "/") {
		address = strings.TrimSuffix(u.base.String(), "/") + path
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return contracts.NewError(contracts.Internal, "", "the address to open cannot be read")
	}
	if err := u.leads(ctx); err != nil {
		return err
	}
	if reason := u.tab.options.fence.refuses("GET", parsed.String()); reason != "" {
		return contracts.NewError(contracts.Internal, "", "%s must not be opened: %s", withoutQuery(address), reason)
	}
	return u.tab.navigate(ctx, frameName, parsed.String())
}

func (u *run) fill(ctx context.Context, s *step, at *spec) (string, error) {
	variables := u.variables
	if s.secret || u.login {
		variables = u.withSecrets()
	}
	given, err := s.fill.value(variables)
	if err != nil {
		return "", u.wrong(s, err)
	}
	if u.login {
		u.typedIn = u.tab.documents()
	}
	text := func(kept bool) string { return u.system.formats.typed(given, kept || s.kind == "select") } // an option has its own words
	var before func(context.Context, frame, found) error
	if !s.secret {
		before = func(ctx context.Context, f frame, at found) error {
			value := text(at.Kept)
			if u.committing {
				return u.intends(ctx, f, value)
			}
			if at.Field == nil { // of a password, which no page is asked for
				return nil
			}
			field := *at.Field
			field.Value, field.Sends, field.Any = value, value, s.becomesAny
			return u.puts(ctx, f, field)
		}
	}
	defer u.ownDoing()
	if s.kind == "select" {
		at, err := u.tab.choose(ctx, at, text(true), before)
		if err == nil && at.Field != nil && len(u.filledIn) > 0 {
			last := &u.filledIn[len(u.filledIn)-1]
			last.Value, last.Sends = at.Field.Value, at.Field.Sends
		}
		return at.Element, err
	}
	element, err := u.tab.fill(ctx, at, text, s.secret, before)
	if err != nil {
		return element, err
	}
	if s.becomesAny {
		if err := u.tab.mayBecomeAny(ctx, at); err != nil {
			return element, err
		}
	}
	if u.committing && !s.secret { // what sends it comes now, and has to send this field too
		if err := u.tab.afterTyping(ctx, at); err != nil {
			return element, err
		}
		if waits, err := u.typed(ctx); err != nil || !waits {
			return element, err
		}
	}
	if s.key != "" {
		return element, u.tab.key(ctx, nil, s.key)
	}
	return element, u.tab.leave(ctx, at)
}

func (u *run) tick(ctx context.Context, s *step, at *spec) (string, error) {
	defer u.ownDoing()
	element, err := u.tab.tick(ctx, at, s.kind == "check", func(ctx context.Context, f frame, at found) error {
		if u.committing || at.Field == nil {
			return nil
		}
		field := *at.Field
		field.Value, field.Any = strconv.FormatBool(s.kind == "check"), s.becomesAny
		return u.puts(ctx, f, field)
	})
	if err == nil && s.becomesAny {
		err = u.tab.mayBecomeAny(ctx, at)
	}
	return element, err
}

// withSecrets is the variables with the secrets in clear; it is built for one evaluation and kept nowhere.
func (u *run) withSecrets() map[string]rules.Value {
	secrets := map[string]rules.Value{}
	for _, name := range u.system.Secrets {
		secrets[name] = rules.Text(u.call.Secrets[name].Reveal())
	}
	variables := map[string]rules.Value{"secret": rules.Record(secrets)}
	for name, value := range u.variables {
		variables[name] = value
	}
	return variables
}

func (u *run) read(ctx context.Context, s *step) error {
	u.missed = nil
	for i, want := range s.cells {
		at, err := want.target.spec(u.variables)
		if err != nil {
			return u.wrong(s, err)
		}
		at, chosen := u.chosenRead(s, want, at)
		if want.cell.ifThere {
			there, err := u.tab.sees(ctx, at, false)
			if err != nil {
				return err
			}
			if !there {
				u.variables[want.cell.name] = rules.Missing()
				continue
			}
		}
		text, err := u.tab.read(ctx, at)
		if err != nil {
			u.missed = &s.cells[i]
			return err
		}
		value, err := want.cell.value(text.Text, u.system.formats)
		if err != nil {
			return contracts.NewError(contracts.Drift, "", "%s: %s", at.words, err)
		}
		if chosen != "" {
			u.proposeRead(ctx, s, want, at, chosen)
		}
		u.variables[want.cell.name] = value
	}
	return nil
}

func (u *run) each(ctx context.Context, s *step) error {
	list, err := s.list.Eval(u.variables)
	if err != nil {
		return u.wrong(s, err)
	}
	var records []rules.Value
	for _, item := range list.Items() {
		record, err := u.block(ctx, map[string]rules.Value{s.name: item}, s.do, s.names)
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	if s.into != "" {
		u.variables[s.into] = rules.List(records...)
	}
	return nil
}

// block runs steps with further variables and returns what they read as a record; nothing of it stays.
func (u *run) block(ctx context.Context, further map[string]rules.Value, steps []step, names []string) (rules.Value, error) {
	outer := u.variables
	u.variables = make(map[string]rules.Value, len(outer)+len(further))
	defer func() { u.variables = outer }()
	for name, value := range outer {
		u.variables[name] = value
	}
	for name, value := range further {
		u.variables[name] = value
	}
	if err := u.steps(ctx, steps); err != nil {
		return rules.Value{}, err
	}
	record := map[string]rules.Value{}
	for _, name := range names {
		record[name] = u.variables[name]
	}
	return rules.Record(record), nil
}

var errUnchanged = fmt.Errorf("the page did not change")
