package usecases

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// call checks an operation of a system.
func (c *checker) call(step *Step, node, with *source.Node, names *scope) *rules.Type {
	system, operation := c.operation(node)
	if operation == nil {
		if with.Exists() {
			c.template(with, names, nil)
		}
		return nil
	}
	step.Call = &Call{System: system, Operation: operation}
	c.plan.Systems[system] = c.env.Systems[system]
	c.plan.Operations = append(c.plan.Operations, system+"."+operation.Short)
	if operation.Redo != nil {
		c.plan.Operations = append(c.plan.Operations, system+"."+operation.Redo.Operation.Short)
	}
	step.Call.With = c.record(node, with, names, operation.Input)
	return operation.Output
}

// operation finds the operation of a call, or says what is wrong with it.
func (c *checker) operation(node *source.Node) (string, *contracts.Operation) {
	text := node.Text()
	if text == "" {
		return "", nil
	}
	system, short, ok := strings.Cut(text, ".")
	if !ok {
		node.Errorf("write system.operation, as in crm.find_customer", "%q names no operation", text)
		return "", nil
	}
	contract, known := c.env.Systems[system]
	if !known {
		hint := source.DidYouMean(system, sortedKeys(c.env.Systems))
		if len(c.env.Systems) == 0 {
			hint = "declare it under systems: in crosswalk.yaml"
		}
		node.Errorf(hint, "there is no system %q in crosswalk.yaml", system)
		return "", nil
	}
	if contract == nil {
		c.broken = true
		return "", nil
	}
	operation := contract.Operation(short)
	if operation == nil {
		node.ErrorAt(len([]rune(system))+1, source.DidYouMean(short, contract.OperationNames()), "the system %q (contract %s) has no operation %q", system, contract.Name, short)
		return "", nil
	}
	return system, operation
}

// record checks the tree under with: against the record that is wanted. It may be left out if nothing in
// the record is required.
func (c *checker) record(owner, with *source.Node, names *scope, want *rules.Type) *rules.Template {
	if with.Exists() {
		return c.template(with, names, want)
	}
	var required []string
	for _, field := range want.Fields {
		if field.Required {
			required = append(required, field.Name)
		}
	}
	if len(required) > 0 {
		owner.Errorf("add with: {"+required[0]+": …}", "%s needs %s", owner.Text(), strings.Join(required, ", "))
	}
	nothing := source.Parse(owner.File(), []byte("{}"))
	return rules.CompileTemplate(nothing.Root, names.env, want, rules.Options{})
}

// decide checks a decision.
func (c *checker) decide(step *Step, node, with *source.Node, names *scope) *rules.Type {
	name := node.Text()
	table, known := c.env.Tables[name]
	if !known && name != "" {
		node.Errorf(source.DidYouMean(name, sortedKeys(c.env.Tables)), "there is no rule table %q", name)
	}
	if table == nil {
		c.broken = c.broken || known
		if with.Exists() {
			c.template(with, names, nil)
		}
		return nil
	}
	step.Decide = &Decide{Table: name, Rules: table}
	c.plan.Tables[name] = table
	step.Decide.With = c.record(node, with, names, table.Facts)
	return table.Result
}

// set checks a value: {value: …} is the value itself, anything else a record of the names given.
func (c *checker) set(step *Step, node *source.Node, names *scope) *rules.Type {
	if node.Kind() != source.Map || len(node.Keys()) == 0 {
		node.Errorf("write set: {value: …} for a single value, or set: {name: …, other: …} for a record", "expected names with their values, found %s", node.Kind())
		return nil
	}
	if keys := node.Keys(); len(keys) == 1 && keys[0] == "value" {
		node = node.Get("value")
	}
	step.Set = &Set{Value: c.template(node, names, nil)}
	return step.Set.Value.Type()
}

// choose checks branches. A name that is set in a branch is visible afterwards: it may be missing unless
// every way through the choose sets it.
func (c *checker) choose(step *Step, node *source.Node, names *scope, at place) outcome {
	step.Choose = &Choose{}
	var through []*scope // the scopes at the end of the branches that go on after the choose
	var out outcome
	otherwise, proven := false, true
	rest := names
	for i, item := range node.List() {
		if otherwise {
			item.Errorf("move it up, or remove it", "this branch is never reached, because otherwise stands before it")
		}
		fields := item.Fields(branchShape)
		branch, inner := Branch{}, rest.child()
		branch.Line, _ = item.Position()
		steps := fields["steps"]
		if last := fields["otherwise"]; last.Exists() {
			otherwise, steps = true, last
			if fields["when"].Exists() || fields["steps"].Exists() {
				item.Errorf("write {when: …, steps: […]} or {otherwise: […]}", "a branch has a condition or is the otherwise, not both")
			}
		} else if item.Kind() == source.Map {
			branch.When = c.condition(item.Required("when", "or write otherwise: [steps] for the last branch"), rest)
			inner = rest.when(branch.When)
			item.Required("steps", "say what is done in this branch")
		}
		list := c.steps(steps, inner, at.under(fmt.Sprintf("%s[%d].", step.Path, i)))
		if list.last != nil {
			list.last.useWhole()
		}
		branch.Steps = list.steps
		step.Choose.Branches = append(step.Choose.Branches, branch)
		rest = rest.child()
		rest.env = rest.env.NarrowNot(branch.When)
		if !list.ends {
			c.sameKind(out.result, list.result, steps, "the branches before")
			through, out.result, proven = append(through, inner), joinResults(out.result, list.result), false
		} else if proven {
			out.refuted = append(out.refuted, branch.When)
		}
	}
	if node.Kind() == source.List && len(node.List()) == 0 {
		node.Errorf("write for example - {when: customer.tier == \"gold\", steps: […]}", "expected at least one branch")
	}
	out.ends = otherwise && len(through) == 0
	if !otherwise && out.result != nil {
		out.result = out.result.AsOptional()
	}
	out.declare = func(after *scope, optional bool) { mergeNames(after, names, through, optional || !otherwise) }
	return out
}

// mergeNames declares in after what the branches declared beyond the names before them.
func mergeNames(after, before *scope, branches []*scope, optional bool) {
	types, count, parts := map[string]*rules.Type{}, map[string]int{}, map[string][]*variable{}
	for _, branch := range branches {
		for _, name := range sortedKeys(branch.variables) {
			if before.variables[name] != nil {
				continue
			}
			types[name] = joinResults(types[name], branch.env.Lookup(name))
			count[name]++
			parts[name] = append(parts[name], branch.variables[name])
		}
	}
	for _, name := range sortedKeys(types) {
		t := types[name]
		if t != nil && (optional || count[name] < len(branches)) {
			t = t.AsOptional()
		}
		merged := after.declare(name, t, parts[name][0].node)
		merged.of = parts[name]
	}
}

// each checks a loop.
func (c *checker) each(step *Step, node *source.Node, names *scope, at place) *rules.Type {
	fields := node.Fields(eachShape)
	step.Each = &Each{InOrder: fields["in_order"].Bool()}
	item := rules.TypeOf(rules.KindAny)
	if in := node.Required("in", "say over which list, as in in: '${invoices.lines}'"); in.Exists() {
		step.Each.In = c.template(in, names, rules.TypeOf(rules.KindList).AsOptional())
		if t := step.Each.In.Type(); t.Kind == rules.KindList && t.Items != nil {
			item = t.Items
		}
	}
	inner := names.child()
	if as := node.Required("as", "name the item, as in as: line"); as.Exists() {
		step.Each.As = as.Text()
		switch other := names.variables[step.Each.As]; {
		case !stepName.MatchString(step.Each.As):
			as.Errorf("use small letters, digits and _, beginning with a letter, at most 40", "%q is not a name for an item", step.Each.As)
		case reserved[step.Each.As]:
			as.Errorf("choose another name", "%q means something already", step.Each.As)
		case other != nil:
			as.Errorf("choose another name", "%s", taken(step.Each.As, other))
		default:
			inner.declare(step.Each.As, item, as)
		}
	}
	node.Required("steps", "say what is done with each item")
	reads := c.watch()
	list := c.steps(fields["steps"], inner, at.under(step.Path+"[]."))
	step.Each.Steps, step.Each.Reads = list.steps, reads()
	walk(list.steps, func(s *Step) { step.Each.Rests = step.Each.Rests || s.Ask != nil || s.Wait != nil || s.Run != nil })
	if list.last != nil {
		list.last.useWhole()
	}
	if list.result == nil {
		return rules.TypeOf(rules.KindList)
	}
	return rules.ListOf(list.result.AsPresent())
}

// end checks the end of a case.
func (c *checker) end(step *Step, node *source.Node, names *scope) {
	step.End = &End{}
	if node.Kind() == source.Null {
		return
	}
	fields := node.Fields(endShape)
	if undo := fields["undo"]; undo.Exists() {
		step.End.Undo = undo.Bool()
		c.undoing = append(c.undoing, undo)
	}
	if outcome := fields["outcome"]; outcome.Exists() {
		step.End.Outcome = c.template(outcome, names, rules.TypeOf(rules.KindText))
	}
	result := rules.TypeOf(rules.KindMissing)
	if value := fields["result"]; value.Exists() {
		step.End.Result = c.template(value, names, nil)
		result = step.End.Result.Type()
	}
	c.ends = append(c.ends, result)
}

// template compiles a YAML tree and marks what it reads.
func (c *checker) template(node *source.Node, names *scope, want *rules.Type) *rules.Template {
	before := len(c.doc.Problems().Errors())
	t := rules.CompileTemplate(node, names.env, want, rules.Options{Lenient: c.unsure})
	c.unsure = c.unsure || len(c.doc.Problems().Errors()) > before
	names.read(t.Reads())
	c.reads = append(c.reads, t.Reads()...)
	c.facts = c.facts || readsFacts(t.Reads())
	return t
}

// condition compiles a condition; nil if there is none or it is wrong.
func (c *checker) condition(node *source.Node, names *scope) *rules.Expression {
	if !node.Exists() {
		return nil
	}
	x := rules.CompileNode(node, names.env, rules.TypeOf(rules.KindBool), rules.Options{Lenient: c.unsure})
	if x != nil {
		names.read(x.Reads())
		c.reads = append(c.reads, x.Reads()...)
		c.facts = c.facts || readsFacts(x.Reads())
	}
	return x
}

// watch begins to collect what expressions read; the function that it returns gives what was read since, sorted.
func (c *checker) watch() func() []string {
	from := len(c.reads)
	return func() []string {
		read := slices.Clone(c.reads[from:])
		slices.Sort(read)
		return slices.Compact(read)
	}
}

var workingTime = regexp.MustCompile(`(?i)\b(business|working|office)\b`)

// duration reads a plain duration.
func (c *checker) duration(node *source.Node) time.Duration {
	if text := plain(node); workingTime.MatchString(text) {
		node.Errorf("write plain time, as in 2 days", "working time such as %q is for ask and wait", text)
		return 0
	}
	d := node.Duration()
	if node.Exists() && node.Kind() == source.Scalar && d == 0 {
		if _, err := source.ParseDuration(node.Text()); err == nil {
			node.Errorf("", "the time must be longer than nothing")
		}
	}
	return d
}

func contains(list []string, text string) bool { return slices.Contains(list, text) }
