package usecases

import (
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Signature is what a use case takes and gives back: all that another one that runs it needs to know.
type Signature struct {
	Input  *rules.Type `json:"input"`
	Result *rules.Type `json:"result,omitempty"` // of every end together; nil: it gives nothing back
}

// Signature is that of the plan.
func (p *Plan) Signature() Signature { return Signature{Input: p.Input, Result: p.Result} }

// run checks a use case that becomes a case of its own, or a workflow or an activity of somebody else's worker.
func (c *checker) run(step *Step, node, with *source.Node, names *scope) *rules.Type {
	step.Run = &Run{}
	if node.Kind() == source.Map {
		return c.runForeign(step.Run, node, with, names)
	}
	name := node.Text()
	signature, known := c.env.UseCases[name]
	switch {
	case name == "":
	case name == c.plan.UseCase:
		node.Errorf("use each for what is done again and again", "a use case cannot run itself")
	case !known:
		node.Errorf(source.DidYouMean(name, sortedKeys(c.env.UseCases)), "there is no use case %q", name)
	}
	if signature == nil {
		c.broken = c.broken || known
		if with.Exists() {
			c.template(with, names, nil)
		}
		return nil
	}
	step.Run.UseCase, step.Run.Result = name, signature.Result
	step.Run.With = c.record(node, with, names, signature.Input)
	return caseRun(signature.Result)
}

// caseRun is what a step gives that ran another use case.
func caseRun(result *rules.Type) *rules.Type {
	text := rules.TypeOf(rules.KindText)
	t := rules.RecordType(rules.Field{Name: "outcome", Type: text, Required: true}, rules.Field{Name: "reference", Type: text, Required: true})
	if result == nil || result.Kind == rules.KindMissing {
		return t
	}
	return t.With(rules.Field{Name: "result", Type: result.AsPresent(), Required: !result.Optional})
}

// runForeign checks a workflow or an activity that a worker of somebody else's carries out.
func (c *checker) runForeign(run *Run, node, with *source.Node, names *scope) *rules.Type {
	fields := node.Fields(runShape)
	run.Workflow, run.Activity = c.fixed(fields["workflow"]), c.fixed(fields["activity"])
	owner := fields["workflow"]
	switch both, none := fields["workflow"].Exists() && fields["activity"].Exists(), !fields["workflow"].Exists() && !fields["activity"].Exists(); {
	case both:
		node.KeyNode("activity").Errorf("make two steps of it", "a step runs a workflow or an activity, not both")
	case none:
		node.Errorf("write run: NAME for a use case, or run: {workflow: NAME, task_queue: QUEUE} or {activity: NAME, task_queue: QUEUE}", "it is not said what is run")
	case fields["activity"].Exists():
		owner = fields["activity"]
	}
	run.TaskQueue = c.fixed(node.Required("task_queue", "name the task queue that its worker listens to"))
	run.Heartbeat = c.duration(fields["heartbeat"])
	if run.Activity == "" {
		node.KeyNode("heartbeat").Errorf("remove it", "%q belongs to an activity", "heartbeat")
	}
	if input := fields["input"]; input.Exists() {
		run.With = c.record(owner, with, names, rules.ParseFields(input))
	} else if with.Exists() {
		with.Errorf("add input: to run: with the names and types that it takes", "it takes nothing")
	}
	run.Errors = c.foreignErrors(fields["errors"])
	result := fields["result"]
	if !result.Exists() {
		return rules.TypeOf(rules.KindMissing)
	}
	if result.Kind() == source.Map {
		run.Result = rules.ParseFields(result)
	} else {
		run.Result = rules.ParseType(result)
	}
	return run.Result
}

// fixed reads a name of Temporal's, which is not computed.
func (c *checker) fixed(node *source.Node) string {
	if !node.Exists() {
		return ""
	}
	name := node.Text()
	if strings.Contains(name, "${") {
		node.Errorf("use choose with a step for each", "the name must be fixed")
	}
	if len(name) > 200 {
		node.Errorf("", "the name must not be longer than 200 characters")
	}
	return name
}

func (c *checker) foreignErrors(node *source.Node) map[string]contracts.Class {
	if !node.Exists() {
		return nil
	}
	if node.Kind() != source.Map {
		node.Errorf("as in errors: {CompanyUnknown: not_found}", "expected types of errors with their classes, found %s", node.Kind())
		return nil
	}
	classes := map[string]contracts.Class{}
	for _, name := range node.Keys() {
		classes[name] = contracts.Class(node.Get(name).OneOf(contracts.ClassNames()...))
	}
	return classes
}
