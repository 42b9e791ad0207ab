package robots

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// onDialog decides about a box of the page by the rules of the system file.
func (u *run) onDialog(d dialog) bool {
	for _, rule := range u.system.errors {
		if rule.dialog != nil && rule.dialog.MatchString(d.text) {
			u.journal.fault(byRule{&contracts.Error{Class: rule.class, Message: either(rule.message, d.text), RetryAfter: rule.retryAfter}})
			return false
		}
	}
	accept, fail := u.system.dialogs.decide(d.text)
	if fail {
		u.journal.fault(&contracts.Error{Class: contracts.Drift, Message: fmt.Sprintf("the page opened a box (%s) that the robot does not know: %q", d.kind, d.text)})
	}
	u.journal.note(fmt.Sprintf("box of kind %s, accepted: %t", d.kind, accept))
	return accept
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// inspect looks at every document that has arrived since the last look, before anything else happens on
// it: the session may be gone, the application may report an error, the server may have failed.
func (u *run) inspect(ctx context.Context, all bool) error {
	if fault := u.journal.takeFault(); fault != nil {
		return fault
	}
	for _, f := range u.tab.takeFresh(all) {
		if err := u.inspectFrame(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (u *run) inspectFrame(ctx context.Context, f frame) error {
	if f.left {
		return nil
	}
	if f.failure != "" {
		class := contracts.Unavailable
		if strings.Contains(f.failure, " was stopped: ") {
			class = contracts.Drift
		}
		return contracts.NewError(class, "", "%s", f.failure)
	}
	rules := u.system.errors
	targets := make([]*target, 0, len(rules)+1)
	if u.system.session != nil && !u.login {
		targets = append(targets, u.system.session.lost)
	} else {
		targets = append(targets, nil)
	}
	for _, rule := range rules {
		targets = append(targets, rule.seen)
	}
	for i := range u.system.signs {
		targets = append(targets, u.system.signs[i].seen)
	}
	seen, err := u.tab.seenIn(ctx, f, targets)
	if err != nil {
		return err
	}
	if seen[0] {
		return errSessionLost
	}
	for i := range u.system.signs {
		u.shown = u.shown || seen[1+len(rules)+i]
	}
	for i, rule := range rules {
		if (rule.seen != nil || rule.when != nil) && (rule.seen == nil || seen[i+1]) && (rule.when == nil || ruleHolds(rule, f)) {
			return u.ruleError(ctx, rule, f)
		}
	}
	if f.parent != "" && f.name == "" {
		return nil // a picture or banner that is missing is not the robot's business
	}
	return statusError(f)
}

// byRule is an error that a rule of the system file has seen in the application, and not one of the robot's own.
type byRule struct{ cause *contracts.Error }

func (e byRule) Error() string { return e.cause.Error() }
func (e byRule) Unwrap() error { return e.cause }

func ruleHolds(rule errorRule, f frame) bool {
	if f.status == 0 {
		return false
	}
	response := rules.Record(map[string]rules.Value{"status": rules.Number(rules.Int(int64(f.status))), "url": rules.Text(f.url)})
	holds, err := rule.when.Eval(map[string]rules.Value{"response": response})
	return err == nil && holds.Bool()
}

func (u *run) ruleError(ctx context.Context, rule errorRule, f frame) error {
	message := rule.message
	place := rule.read
	if place == nil && message == "" {
		place = rule.seen
	}
	if place != nil {
		if s, err := place.spec(u.variables); err == nil {
			var answer found
			if s.frame == "" && u.tab.call(ctx, f, "read", map[string]any{"target": s}, &answer) == nil && answer.Status == "found" {
				message = strings.TrimSpace(message + " " + cut(answer.Text, 300))
			}
		}
	}
	return byRule{&contracts.Error{Class: rule.class, Message: either(message, "the application reports an error"), Status: f.status, RetryAfter: rule.retryAfter}}
}

// statusError is what an HTTP status means where the system file says nothing about it.
func statusError(f frame) error {
	class := contracts.Drift
	switch {
	case f.status < 400:
		return nil
	case f.status >= 500:
		class = contracts.Unavailable
	case f.status == 429:
		class = contracts.RateLimited
	case f.status == 401 || f.status == 403 || f.status == 407:
		class = contracts.Auth
	}
	wait, _ := time.ParseDuration(f.retryAfter + "s")
	return &contracts.Error{Class: class, Message: fmt.Sprintf("%s answered with status %d", withoutQuery(f.url), f.status), Status: f.status, RetryAfter: wait}
}

func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// explain finds the better reason for a step that failed: what it waited for may be missing because the
// application shows an error, or has ended the session.
func (u *run) explain(ctx context.Context, err error) error {
	if contracts.ClassOf(err) != contracts.Drift || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	better := u.inspect(ctx, true)
	if better != nil && errors.As(err, &errChanged{}) && strings.Contains(better.Error(), " was stopped: ") {
		return err // it says why
	}
	if better != nil && (errors.Is(better, errSessionLost) || contracts.ClassOf(better) != contracts.Internal) {
		return better
	}
	if u.loggedOut(ctx) {
		return errSessionLost
	}
	return err
}

// loggedOut says whether the page is that of the login, in place of one that only somebody who is logged in sees: an application
// that does not say so in words of its own ends a session that way.
func (u *run) loggedOut(ctx context.Context) bool {
	session := u.system.session
	if session == nil || u.login {
		return false
	}
	sees := func(target *target) bool {
		place, err := target.spec(nil)
		if err != nil {
			return false
		}
		seen, err := u.tab.sees(ctx, place, true)
		return err == nil && seen
	}
	return !slices.ContainsFunc(session.fields, func(field *target) bool { return !sees(field) }) && !sees(session.alive)
}

// classify makes a *contracts.Error of everything but the end of the caller's context.
func (u *run) classify(ctx context.Context, err error) error {
	var known *contracts.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		if cause := context.Cause(ctx); errors.As(cause, &known) {
			return cause
		}
		return err
	case errors.Is(err, errSessionLost):
		return &contracts.Error{Class: contracts.Unavailable, Message: "the application ended the session", Err: err}
	case errors.Is(err, errTabCrashed), errors.Is(err, errBrowserLost), errors.Is(err, errStepTime), errors.Is(err, ErrNoChromium), contextLost(err):
		return &contracts.Error{Class: contracts.Unavailable, Message: "the robot's browser failed", Err: err}
	default:
		return &contracts.Error{Class: contracts.Internal, Message: "the robot failed", Err: err}
	}
}

func (u *run) named(err error) error {
	var known *contracts.Error
	if errors.As(err, &known) {
		named := *known
		named.Operation, named.NothingSent = u.program.Operation.Name, !u.sent
		return &named
	}
	if err != nil && u.program.write != nil { // an ended context
		return &contracts.Error{Class: contracts.Unavailable, Operation: u.program.Operation.Name, Message: "the robot was stopped", NothingSent: !u.sent, Err: err}
	}
	return err
}
