package casetest

import (
	"fmt"
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/usecases"
)

var text = rules.TypeOf(rules.KindText)

// expectations reads what must come of a test's case.
func (r *reader) expectations(t *Test, n *source.Node) {
	fields := n.Fields(expectShape)
	t.expect.at = n
	env := rules.NewEnvironment(rules.RecordType(rules.Field{Name: "input", Type: r.plan.Input, Required: true}))
	value := func(key string, of *rules.Type) *expected {
		if !fields[key].Exists() {
			return nil
		}
		return r.expect(fields[key], of, env)
	}
	t.expect.outcome, t.expect.result, t.expect.title = value("outcome", text), value("result", r.plan.Result), value("title", text)
	if path := fields["path"]; path.Exists() {
		t.expect.path = r.path(path)
	}
	if skips := fields["skips"]; skips.Exists() {
		t.expect.skips = r.stepsOf(skips)
	}
	if results := fields["results"]; results.Exists() {
		results.Map()
		for _, key := range results.Keys() {
			if place := r.place(results.KeyNode(key)); place.step != nil {
				t.expect.results = append(t.expect.results, stepResult{stepPlace: place, value: r.expect(results.Get(key), place.step.Type, env)})
			}
		}
	}
	if decisions := fields["decisions"]; decisions.Exists() {
		t.expect.decisions = r.decisions(decisions, env)
	}
	if effects := fields["effects"]; effects.Exists() {
		t.expect.effects = r.effects(effects, env)
	}
	if runs := fields["runs"]; runs.Exists() {
		t.expect.runs = r.runsOf(runs, env)
	}
	if tasks := fields["tasks"]; tasks.Exists() {
		t.expect.tasks = r.tasks(tasks, env)
	}
	if waits := fields["waits"]; waits.Exists() {
		t.expect.waits = r.waits(waits, env)
		if fields["outcome"].Exists() || fields["result"].Exists() {
			waits.Errorf("remove one of them", "a case that still waits has no outcome and no result")
		}
	}
}

func (r *reader) stepsOf(n *source.Node) []stepPlace {
	var list []stepPlace
	for _, item := range n.List() {
		if place := r.place(item); place.step != nil {
			list = append(list, place)
		}
	}
	return list
}

// path reads steps in the order in which they are taken; with exactly no other is.
func (r *reader) path(n *source.Node) *stepList {
	if n.Kind() == source.Map {
		return &stepList{exactly: true, steps: r.stepsOf(n.Map(onlyKey)[onlyKey])}
	}
	return &stepList{steps: r.stepsOf(n)}
}

func (r *reader) decisions(n *source.Node, env *rules.Environment) []decisionResult {
	var list []decisionResult
	n.Map()
	for _, key := range n.Keys() {
		d := decisionResult{stepPlace: r.place(n.KeyNode(key))}
		if d.step == nil {
			continue
		}
		if d.step.Decide == nil {
			d.at.Errorf("a decision is a step with decide:", "%q decides nothing", key)
			continue
		}
		of := n.Get(key)
		if of.Kind() != source.Map {
			d.row = r.row(of, d.step)
		} else {
			fields := of.Fields(decisionShape)
			if fields["row"].Exists() {
				d.row = r.row(fields["row"], d.step)
			}
			if fields["gives"].Exists() {
				d.gives = r.expect(fields["gives"], d.step.Decide.Rules.Result, env)
			}
		}
		list = append(list, d)
	}
	return list
}

func (r *reader) row(n *source.Node, s *usecases.Step) *expected {
	table := s.Decide.Rules
	rows := append(table.Rows(), rules.DefaultRow)
	switch {
	case len(rows) == 1: // of a chain of tables: each with its row
	case n.Kind() == source.Scalar && strings.Contains(n.Text(), ", "):
		for _, row := range strings.Split(n.Text(), ", ") {
			if !slices.Contains(rows, row) {
				n.Errorf(source.DidYouMean(row, rows), "%q is not one of the values possible here", row)
			}
		}
	default:
		n.OneOf(rows...)
	}
	return r.expect(n, text, rules.NewEnvironment(nil))
}

const anyOrder = "in_any_order"

// effects reads the writes that must have happened, and no others.
func (r *reader) effects(n *source.Node, env *rules.Environment) *effectList {
	list := &effectList{at: n}
	items := n
	if n.Kind() == source.Map {
		list.anyOrder = true
		items = n.Map(anyOrder)[anyOrder]
		n.Required(anyOrder, "or write a list, in the order in which they happen")
	}
	for _, item := range items.List() {
		key := onlyName(item)
		if key == nil {
			item.Errorf("write for example - support.create_task: {queue: complaints}", "expected one operation with its input")
			continue
		}
		e := effectResult{at: item, operation: key.Text()}
		operation := r.operation(key)
		if operation == nil {
			continue
		}
		if operation.Effect != "write" {
			key.Errorf("reads are seen in path:", "%s changes nothing: it is no effect", operation.Name)
		}
		if item.Kind() == source.Map {
			e.input = r.expect(item.Get(e.operation), operation.Input, env)
		}
		list.list = append(list.list, e)
	}
	return list
}

// onlyName is the name of an item that is a name, or a name with what belongs to it; nil if it is neither.
func onlyName(item *source.Node) *source.Node {
	switch keys := item.Keys(); {
	case item.Kind() == source.Scalar:
		return item
	case len(keys) == 1:
		return item.KeyNode(keys[0])
	}
	return nil
}

// taskFields are the fields of a task that tests look at.
var taskFields = []string{"task", "queue", "role", "who", "title", "show", "from", "outcomes", "reminded"}

func (r *reader) tasks(n *source.Node, env *rules.Environment) *taskList {
	list := &taskList{at: n}
	items := n
	if n.Kind() == source.Map {
		list.exactly = true
		items = n.Map(onlyKey)[onlyKey]
	}
	for _, item := range items.List() {
		t := taskResult{at: item}
		fields := item.Fields(taskShape)
		if step := fields["step"]; step.Exists() {
			t.step = r.step(step)
		}
		fields["task"].OneOf(taskKinds...)
		for _, name := range taskFields {
			if !fields[name].Exists() {
				continue
			}
			of := text
			switch name {
			case "show", "from":
				of = rules.TypeOf(rules.KindAny)
			case "outcomes":
				of = rules.ListOf(text)
			case "reminded":
				of = rules.TypeOf(rules.KindNumber)
			}
			t.fields = append(t.fields, taskField{name: name, value: r.expect(fields[name], of, env)})
		}
		list.list = append(list.list, t)
	}
	return list
}

func (r *reader) waits(n *source.Node, env *rules.Environment) *waiting {
	w := &waiting{at: n}
	fields := n.Fields(waitsShape)
	if n.Kind() == source.Map && len(n.Keys()) == 0 {
		n.Errorf("write waits: {step: …}", "say for what the case still waits")
	}
	if fields["step"].Exists() {
		w.stepPlace = r.place(fields["step"])
	}
	if fields["for"].Exists() {
		w.on = r.expect(fields["for"], text, env)
	}
	if fields["kind"].Exists() {
		w.kind = r.expect(fields["kind"], text, env)
	}
	return w
}

func (p stepPlace) String() string { return fmt.Sprintf("%q", p.name) }
