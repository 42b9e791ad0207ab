package robots

import (
	"context"
	"time"

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
)

// compileCanary reads canary.
func (c *compiler) compileCanary(p *Program, n *source.Node) {
	if !n.Exists() {
		return
	}
	fields := n.Fields(canaryShape)
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

// Canary is how the robot is tried regularly; nil if its file does not say.
func (p *Program) Canary() *Canary { return p.canary }

// Try runs the canary of a robot once: find, and of a write what prepares it. The fence is never armed, and a failure does not
// count against the application.
func (r *Runner) Try(ctx context.Context, program *Program, call Call) (Result, error) {
	call.Input, call.Rehearsal, call.canary = program.canary.Input, true, true
	call.Key, call.FirstSent, call.Journal, call.Turn = "canary", time.Time{}, nil, ""
	return r.Run(ctx, program, call)
}
