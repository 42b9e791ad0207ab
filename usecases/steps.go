package usecases

import (
	"fmt"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

var stepKinds = []string{"call", "decide", "set", "choose", "each", "together", "ask", "wait", "run", "end"}

// place says where a list of steps stands.
type place struct {
	top    bool   // directly under steps:
	joined bool   // somewhere under joined:
	prefix string // of the paths of its steps
	number bool   // paths count the steps instead of naming them
	undo   bool   // somewhere under undo:
	undone bool   // an undo around it takes back what is done here
}

// under is a place inside of this one.
func (p place) under(prefix string) place {
	return place{joined: p.joined, undo: p.undo, undone: p.undone, prefix: prefix}
}

// numbered is the same place, with paths that count its steps.
func (p place) numbered() place {
	p.number = true
	return p
}

// stepList is what is known of a list of steps.
type stepList struct {
	steps  []*Step
	result *rules.Type // of the last step; nil if the list always ends the case, or something is wrong
	ends   bool        // the list always ends the case
	last   *variable   // the name of the last step's result, if it has one
}

// steps checks a list of steps in order, each seeing the names that the ones before it made.
func (c *checker) steps(node *source.Node, names *scope, at place) stepList {
	var list stepList
	items := node.List()
	if node.Kind() == source.List && len(items) == 0 {
		node.Errorf("", "expected at least one step")
	}
	for i, item := range items {
		if list.ends {
			item.Errorf("remove it, or give the end before it a condition with when:", "this step is never reached")
		}
		if item.Kind() != source.Map {
			item.Errorf("write for example - {id: customer, call: crm.find_customer}", "a step is a mapping, found %s", item.Kind())
			continue
		}
		step, ends, name := c.step(item, i, names, at)
		list.steps = append(list.steps, step)
		list.result, list.ends, list.last = step.Type, list.ends || ends, name
	}
	return list
}

// step checks one step and declares its result.
func (c *checker) step(node *source.Node, index int, names *scope, at place) (step *Step, ends bool, name *variable) {
	fields := node.Fields(stepShape)
	step = &Step{}
	step.Line, _ = node.Position()
	kind := c.kind(node, fields)
	c.identify(step, node, kind, index, names, at)
	step.When = c.condition(fields["when"], names)
	inner := names.when(step.When)
	if title := fields["title"]; title.Exists() {
		step.Title = c.template(title, inner, rules.TypeOf(rules.KindText))
		step.Name = constantTitle(plain(title), "")
	}
	within := at
	within.undone = at.undone || fields["undo"].Exists()
	chosen := c.body(step, kind, fields, inner, within)
	ends = chosen.ends && !fields["when"].Exists()
	step.Type = chosen.result
	c.undo(step, node, inner, chosen, at)
	c.onError(step, fields["on_error"], inner, at)
	c.policy(step, kind, fields, at)
	c.correct(step, kind, node, inner, at)
	optional := fields["when"].Exists()
	if optional && step.Type != nil {
		step.Type = step.Type.AsOptional()
	}
	step.Personal = personal(step.Type)
	if at.top {
		step.Meaning = c.meaning(node)
	}
	if chosen.declare != nil {
		chosen.declare(names, optional)
	}
	switch {
	case chosen.ends:
		names.env = names.env.NarrowNot(step.When)
	case !optional:
		for _, condition := range chosen.refuted {
			names.env = names.env.NarrowNot(condition)
		}
	}
	if step.ID != "" && step.End == nil && names.variables[step.ID] == nil {
		name = c.declare(step, node.Get("id"), names, at)
	}
	return step, ends, name
}

// declare makes the step's result readable under its id.
func (c *checker) declare(step *Step, id *source.Node, names *scope, at place) *variable {
	c.unsure = c.unsure || step.Type == nil
	name := names.declare(step.ID, step.Type, id)
	name.top = at.top
	if step.Call != nil {
		c.called = append(c.called, calledStep{step.Call, name})
	}
	if at.top && (step.Decide != nil || step.Call != nil && step.Call.Operation.Effect == contracts.Read) {
		c.results = append(c.results, name)
	}
	return name
}

// kind finds the one kind that a step must have.
func (c *checker) kind(node *source.Node, fields map[string]*source.Node) string {
	found := ""
	for _, key := range node.Keys() {
		if !contains(stepKinds, key) {
			continue
		}
		if found != "" {
			node.KeyNode(key).Errorf("make two steps of it", "a step does one thing, and this one has %q and %q", found, key)
			continue
		}
		found = key
	}
	unknown := len(node.Keys()) > len(fields) // a misspelt kind was reported already
	if found == "" && !unknown {
		node.Errorf("add one of "+strings.Join(stepKinds[:len(stepKinds)-1], ", ")+" or "+stepKinds[len(stepKinds)-1], "the step does nothing")
	}
	if found != "call" && found != "decide" && found != "run" {
		node.KeyNode("with").Errorf("", "%q belongs to call, decide and run", "with")
	}
	return found
}

// identify gives the step its id and path.
func (c *checker) identify(step *Step, node *source.Node, kind string, index int, names *scope, at place) {
	id := node.Get("id")
	step.ID = id.Text()
	switch {
	case !id.Exists():
		if at.top && kind != "end" && kind != "" {
			node.Errorf("add id: and a name for its result", "the step has no id")
		}
	case !stepName.MatchString(step.ID):
		id.Errorf("use small letters, digits and _, beginning with a letter, at most 40", "%q is not a name for a step", step.ID)
		step.ID = ""
	case reserved[step.ID]:
		id.Errorf("choose another name", "%q means something already", step.ID)
		step.ID = ""
	case names.variables[step.ID] != nil:
		id.Errorf("choose another name", "%s", taken(step.ID, names.variables[step.ID]))
	}
	step.Path = stepPath(at.prefix, step.ID, kind, index, at.number)
}

func taken(name string, by *variable) string {
	if line, _ := by.node.Position(); line > 0 {
		return fmt.Sprintf("the name %q is taken on line %d", name, line)
	}
	return fmt.Sprintf("the name %q is taken", name)
}

// outcome is what the body of a step comes to.
type outcome struct {
	result  *rules.Type
	ends    bool
	declare func(names *scope, optional bool) // makes the names of a choose's branches visible after it
	refuted []*rules.Expression               // conditions that cannot have held if the case goes on after the step
}

// body checks what the step does.
func (c *checker) body(step *Step, kind string, fields map[string]*source.Node, names *scope, at place) outcome {
	switch kind {
	case "call":
		return outcome{result: c.call(step, fields["call"], fields["with"], names)}
	case "decide":
		return outcome{result: c.decide(step, fields["decide"], fields["with"], names)}
	case "set":
		return outcome{result: c.set(step, fields["set"], names)}
	case "choose":
		return c.choose(step, fields["choose"], names, at)
	case "each":
		return outcome{result: c.each(step, fields["each"], names, at)}
	case "together":
		return c.together(step, fields["together"], names, at)
	case "run":
		return outcome{result: c.run(step, fields["run"], fields["with"], names)}
	case "ask":
		if at.joined {
			fields["ask"].Errorf("", "asking somebody under joined: is not available yet")
		}
		return outcome{result: c.ask(step, fields["ask"], names)}
	case "wait":
		return outcome{result: c.wait(step, fields["wait"], names, at)}
	case "end":
		if at.joined {
			fields["end"].Errorf("", "ending the case under joined: is not available yet")
		}
		if at.undo {
			fields["end"].Errorf("remove it", "the case is ending already when it is undone")
		}
		c.end(step, fields["end"], names)
		return outcome{ends: true}
	}
	return outcome{}
}

// onError checks the steps that stand in for the failed one, and joins their results with its own.
func (c *checker) onError(step *Step, node *source.Node, names *scope, at place) {
	if !node.Exists() {
		return
	}
	if step.End != nil {
		node.Errorf("remove it", "an end cannot fail")
		return
	}
	handlers := map[contracts.Class]Handler{}
	classes := node.Fields(onErrorShape)
	for _, class := range contracts.Classes() {
		steps, ok := classes[string(class)]
		if !ok {
			continue
		}
		candidates := c.mayFail(step, class, node.KeyNode(string(class)))
		inner := names.child()
		inner.declare("error", c.errorType(step, candidates), nil)
		handler := Handler{Class: class}
		handler.Line, _ = node.KeyNode(string(class)).Position()
		if steps.Kind() == source.List && len(steps.List()) == 0 {
			step.Type = joinResults(step.Type, rules.TypeOf(rules.KindMissing))
		} else {
			list := c.steps(steps, inner, at.under(step.Path+".on_error."+string(class)).numbered())
			handler.Steps = list.steps
			if list.last != nil {
				list.last.useWhole()
			}
			c.sameKind(step.Type, list.result, steps, "the step gives")
			step.Type = joinResults(step.Type, list.result)
		}
		handlers[class] = handler
		step.OnError = append(step.OnError, handler)
	}
}

// sameKind warns where two results that become one have nothing in common: nothing can be done with it.
func (c *checker) sameKind(a, b *rules.Type, node *source.Node, what string) {
	if a == nil || b == nil || a.Kind == b.Kind || c.unsure {
		return
	}
	for _, t := range []*rules.Type{a, b} {
		if t.Kind == rules.KindAny || t.Kind == rules.KindMissing {
			return
		}
	}
	node.Warnf("give both the same fields, or use text(…) of the result", "these steps give a %s and %s a %s: nothing is known of what comes out", b.Kind, what, a.Kind)
}

// mayFail checks that a call can fail so at all, and gives the type of the candidates of not_unique.
func (c *checker) mayFail(step *Step, class contracts.Class, key *source.Node) *rules.Type {
	if step.Call == nil || step.Call.Operation == nil {
		return nil
	}
	operation := step.Call.Operation
	linked := c.linked(operation)
	if !operation.MayFail(class) && (len(linked) == 0 || class != contracts.NotFound && class != contracts.NotUnique) {
		key.Warnf("its contract lists the errors that it may answer", "%s never fails with %s", operation.Name, class)
	}
	if class != contracts.NotUnique {
		return nil
	}
	candidates := operation.Candidates
	for _, kind := range linked {
		candidates = joinResults(candidates, rules.ListOf(kind.Type))
	}
	return candidates
}

// linked lists the kinds of records that inputs of the operation are ids of: a record of another system
// may be given for them, and finding its counterpart may fail.
func (c *checker) linked(operation *contracts.Operation) []*contracts.RecordKind {
	var kinds []*contracts.RecordKind
	for _, field := range operation.Input.Fields {
		if kind := c.env.recordKind(field.Type.Ref); kind != nil && kind.Find != nil {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// policy checks retry and timeout.
func (c *checker) policy(step *Step, kind string, fields map[string]*source.Node, at place) {
	retry, timeout := fields["retry"], fields["timeout"]
	if kind != "call" && kind != "run" && kind != "" {
		retry.Errorf("", "%q belongs to call and run", "retry")
		timeout.Errorf("an ask has within:", "%q belongs to call and run", "timeout")
		return
	}
	if step.Run != nil && step.Run.UseCase != "" {
		for _, field := range []*source.Node{retry, timeout} {
			field.Errorf("remove it: the case takes as long as it takes, and people repair it", "a use case is not tried again")
		}
		return
	}
	if retry.Exists() {
		limits := retry.Fields(retryShape)
		step.Retry = Retry{Attempts: limits["attempts"].Int(), Within: c.duration(limits["within"])}
		if limits["attempts"].Exists() && (step.Retry.Attempts < 1 || step.Retry.Attempts > 1000) {
			limits["attempts"].Errorf("1 means that nothing is tried again", "expected a number of attempts from 1 to 1000")
		}
	}
	step.Timeout = c.duration(timeout)
}

// correct checks how a person may change the result afterwards.
func (c *checker) correct(step *Step, kind string, node *source.Node, names *scope, at place) {
	value, key := node.Get("correct"), node.KeyNode("correct")
	if !value.Exists() {
		return
	}
	if !at.top {
		key.Errorf("", "only a step directly under steps: can be corrected")
		return
	}
	from := value.Fields(correctShape)["from"]
	step.Correct = &Correct{}
	switch {
	case from.Exists():
		want := rules.TypeOf(rules.KindList)
		if step.Type != nil {
			want = rules.ListOf(step.Type.AsPresent())
		}
		step.Correct.From = c.template(from, names, want.AsOptional())
	case kind != "call" && kind != "":
		key.Errorf("add from: with the list to choose from", "only a call can be corrected without %q", "from")
	}
}
