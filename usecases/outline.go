package usecases

import (
	"fmt"

	"crosswalk/contracts"
	"crosswalk/source"
)

// nestedSteps is a list of steps inside of a step, as it is written.
type nestedSteps struct {
	under  string // the path of the list below that of the step; its steps' names follow directly
	number bool   // paths count the steps instead of naming them
	steps  *source.Node
}

// nested finds the lists of steps that a step holds, whatever its kind, in the order of the file. It is lenient:
// Check complains.
func nested(step *source.Node) []nestedSteps {
	var found []nestedSteps
	if branches := step.Get("choose"); branches.Kind() == source.List {
		for i, branch := range branches.List() {
			under := fmt.Sprintf("[%d].", i)
			found = append(found, nestedSteps{under: under, steps: branch.Get("steps")}, nestedSteps{under: under, steps: branch.Get("otherwise")})
		}
	}
	found = append(found, nestedSteps{under: "[].", steps: step.Get("each").Get("steps")})
	found = append(found, nestedSteps{under: ".on_timeout", number: true, steps: step.Get("wait").Get("on_timeout")})
	branches := step.Get("together").Get("branches")
	for _, name := range branches.Keys() {
		found = append(found, nestedSteps{under: "." + name + ".", steps: branches.Get(name)})
	}
	handlers := step.Get("on_error")
	for _, class := range handlers.Keys() {
		found = append(found, nestedSteps{under: ".on_error." + class, number: true, steps: handlers.Get(class)})
	}
	return append(found, nestedSteps{under: ".undo", number: true, steps: step.Get("undo")})
}

// OutlineStep is a step as it is written, for telling what changed between two texts of a use case.
type OutlineStep struct {
	Path      string // the same as in the plan
	Parent    string // the path of the list that it stands in
	ID        string
	Kind      string
	Operation string            // of a call, as in crm.find_customer
	Table     string            // of a decision
	Effect    contracts.Effect  // of a call; "" if its contract is not known
	Fields    map[string]string // every other value below the step, by its place; those of nested steps are their own
	Line      int
}

// Outline lists every step of the bundle's use case in the order of the file. It needs nothing to be right, so that a
// bundle of any release can be compared with one of another.
func (b Bundle) Outline() []OutlineStep {
	doc := source.Parse(b.UseCase.Name, []byte(b.UseCase.Text))
	o := outliner{effects: b.effects()}
	o.list(doc.Root.Get("steps"), "", false)
	o.list(doc.Root.Get("joined"), "joined[].", false)
	return o.steps
}

// effects says of every operation that the bundle's systems offer whether it reads or writes.
func (b Bundle) effects() map[string]contracts.Effect {
	known := map[string]contracts.Effect{}
	for system, name := range b.Systems {
		contract, _ := contracts.Parse(b.Contracts[name].Name, []byte(b.Contracts[name].Text))
		if contract == nil {
			continue
		}
		for _, short := range contract.OperationNames() {
			known[system+"."+short] = contract.Operations[short].Effect
		}
	}
	return known
}

type outliner struct {
	effects map[string]contracts.Effect
	steps   []OutlineStep
}

func (o *outliner) list(list *source.Node, prefix string, number bool) {
	if list.Kind() != source.List {
		return
	}
	for i, node := range list.List() {
		if node.Kind() == source.Map {
			o.step(node, i, prefix, number)
		}
	}
}

func (o *outliner) step(node *source.Node, index int, prefix string, number bool) {
	step := OutlineStep{Parent: prefix, ID: plain(node.Get("id")), Kind: kindOf(node), Operation: plain(node.Get("call")), Table: plain(node.Get("decide"))}
	step.Path, step.Effect = stepPath(prefix, step.ID, step.Kind, index, number), o.effects[step.Operation]
	step.Line, _ = node.Position()
	inner := nested(node)
	apart := map[string]bool{"id": true, "call": true, "decide": true}
	for _, list := range inner {
		apart[list.steps.Path()] = true
	}
	step.Fields = fieldsBelow(node, apart)
	o.steps = append(o.steps, step)
	for _, list := range inner {
		o.list(list.steps, step.Path+list.under, list.number)
	}
}

// kindOf is the kind of a step as it is written, or "".
func kindOf(step *source.Node) string {
	for _, key := range step.Keys() {
		if contains(stepKinds, key) {
			return key
		}
	}
	return ""
}

// stepPath is the place of a step, unique in the use case.
func stepPath(prefix, id, kind string, index int, number bool) string {
	switch {
	case number:
		return fmt.Sprintf("%s[%d]", prefix, index)
	case id != "":
		return prefix + id
	default:
		return fmt.Sprintf("%s%s[%d]", prefix, kind, index)
	}
}

// fieldsBelow lists every single value below a step by its place in the step. apart holds the keys of the step, and
// the places in the document, that are told otherwise.
func fieldsBelow(step *source.Node, apart map[string]bool) map[string]string {
	all := map[string]string{}
	for _, key := range step.Keys() {
		if child := step.Get(key); !apart[key] {
			for place, text := range child.Leaves(func(n *source.Node) bool { return apart[n.Path()] }) {
				all[key+place] = text
			}
		}
	}
	return all
}

// Writes lists the writes among the calls of some steps, sorted.
func Writes(steps []OutlineStep) []string {
	writes := map[string]bool{}
	for _, step := range steps {
		if step.Effect == contracts.Write {
			writes[step.Operation] = true
		}
	}
	return sortedKeys(writes)
}
