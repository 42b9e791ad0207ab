package robots

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Canary says how a robot is tried again and again without changing anything.
type Canary struct {
	Every   time.Duration
	Input   rules.Value
	Prepare bool // of a write: the steps of prepare are done too
}

const (
	canaryEvery = 30 * time.Minute
	// canaryLeast bounds how often an application is bothered without a case.
	canaryLeast = time.Minute
)

var canaryShape = source.Record(
	source.Field{Name: "every", Is: source.Span(), About: "How often it is run, at least 1m.", Default: "30m", Example: "1h"},
	source.Field{Name: "input", Is: source.Tree(), About: "The input of the operation: of something that is always there.", Default: "{}", Example: "{number: '1001'}"},
	source.Field{Name: "run", Is: source.OneOrMore(source.Choice("find", "prepare")), About: "What is done. The commit never is.", Default: "find and prepare", Example: "[find]"},
	source.Field{Name: "none", Is: source.Text(), About: "Instead of the others: why it is not tried.", Example: "each look-up is billed"},
)

// compileCanary reads canary.
func (c *compiler) compileCanary(p *Program, n *source.Node) {
	if !n.Exists() {
		return
	}
	p.saysCanary = true
	fields := n.Fields(canaryShape)
	if none := fields["none"]; none.Exists() {
		if none.Text() == "" {
			none.Errorf("as in none: each look-up is billed", "say why it is not tried")
		}
		for _, name := range []string{"every", "input", "run"} {
			fields[name].Errorf("leave out none, or the others", "what is not tried has no %s", name)
		}
		return
	}
	canary := &Canary{Every: canaryEvery, Prepare: true}
	if every := fields["every"]; every.Exists() {
		if canary.Every = every.Duration(); canary.Every < canaryLeast {
			every.Errorf("write 1m or more", "a canary every %s is more than an application should bear", canary.Every)
		}
	}
	canary.Input = rules.Record(nil)
	if input := fields["input"]; input.Exists() {
		if template := rules.CompileTemplate(input, rules.NewEnvironment(nil), withoutOrigin(p.Operation.Input), options); template != nil {
			value, err := template.Eval(nil)
			if err == nil {
				value, err = p.Operation.Input.Decode(value)
			}
			if err != nil {
				input.Errorf("", "the input does not fit %s: %s", p.Operation.Name, err)
			}
			canary.Input = value
		}
	} else if _, err := p.Operation.Input.Decode(canary.Input); err != nil {
		n.Errorf("add input: with the input of something that is always there", "%s cannot be tried without input: %s", p.Operation.Name, err)
	}
	if run := fields["run"]; run.Exists() {
		canary.Prepare = false
		parts := run.List()
		if run.Kind() != source.List {
			parts = []*source.Node{run}
		}
		for _, part := range parts {
			canary.Prepare = part.OneOf("find", "prepare") == "prepare" || canary.Prepare
		}
	}
	p.canary = canary
}

// Canary is how the robot is tried regularly; nil if it is not.
func (p *Program) Canary() *Canary { return p.canary }

// SaysCanary says whether its file says how it is tried, or why it is not.
func (p *Program) SaysCanary() bool { return p.saysCanary }

// Try runs the canary of a robot once: find, and of a write what prepares it. The fence is never armed, and a failure does not
// count against the application; but after a refused login nobody tries it again who was not asked to, so that the application
// does not lock the account.
func (r *Runner) Try(ctx context.Context, program *Program, call Call) (Result, error) {
	call.Input, call.Rehearsal, call.canary = program.canary.Input, true, true
	call.Key, call.FirstSent, call.Journal, call.Turn = "canary", time.Time{}, nil, ""
	return r.Run(ctx, program, call)
}

// account names the login of a system for its canaries: another secret or another system file makes another.
func (u *run) account() string {
	return fmt.Sprintf("canaries of %s %x", u.credential(), sha256.Sum256(u.system.Text))
}

// mayTry refuses a canary whose account was refused.
func (r *Runner) mayTry(ctx context.Context, u *run) error {
	if !u.call.canary || u.call.ByHand {
		return nil
	}
	refused := 0
	if err := r.limits.Change(ctx, u.account(), func(a *Application) { refused = a.Failures }); err != nil {
		return &contracts.Error{Class: contracts.Unavailable, Message: "it could not be read whether the login was refused before", Err: err}
	}
	if refused == 0 {
		return nil
	}
	return contracts.NewError(contracts.Auth, "", "the last canary of %s could not log in; so that the account is not locked, no other is run until a secret or %s changes, a run logs in, or somebody runs one with crosswalk robots canary", u.system.Name, u.system.File)
}

// noteCanary notes how a canary ended, if that says anything of its account.
func (r *Runner) noteCanary(ctx context.Context, u *run, err error) {
	if class := contracts.ClassOf(err); ctx.Err() == nil && (err == nil || class == contracts.Auth) {
		r.noteRefused(ctx, u, err != nil)
	}
}

// noteRefused notes whether an account was refused.
func (r *Runner) noteRefused(ctx context.Context, u *run, refused bool) {
	changed := r.limits.Change(ctx, u.account(), func(a *Application) {
		if a.Failures = 0; refused {
			a.Failures = 1
		}
	})
	if changed != nil {
		u.journal.note("whether the login was refused could not be noted")
	}
}
