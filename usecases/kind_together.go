package usecases

import (
	"crosswalk/rules"
	"crosswalk/source"
)

// The ways in which a together stops when a branch has failed.
const (
	stopFirstError = "first_error"
	stopNever      = "never"
)

// together checks branches that run side by side. They see the names around them, and not each other's.
func (c *checker) together(step *Step, node *source.Node, names *scope, at place) outcome {
	fields := node.Fields(togetherShape)
	step.Together = &Together{}
	if stop := fields["stop"]; stop.Exists() {
		step.Together.All = stop.OneOf(stopFirstError, stopNever) == stopNever
	}
	branches := node.Required("branches", "name what is done side by side, as in branches: {stock: [steps], credit: [steps]}")
	if branches.Exists() && branches.Kind() != source.Map {
		branches.Errorf("write names with their steps, as in {stock: [steps], credit: [steps]}", "expected branches by their names, found %s", branches.Kind())
		return outcome{}
	}
	if node.Kind() == source.Map && branches.Exists() && len(branches.Keys()) < 2 {
		branches.Errorf("add another, or write the steps without together", "expected at least two branches")
	}
	out := outcome{result: rules.RecordType()}
	for _, name := range branches.Keys() {
		c.branchName(name, branches.KeyNode(name))
		list := c.steps(branches.Get(name), names.child(), at.under(step.Path+"."+name+"."))
		if list.last != nil {
			list.last.useWhole()
		}
		branch := NamedBranch{Name: name, Steps: list.steps}
		branch.Line, _ = branches.KeyNode(name).Position()
		step.Together.Branches = append(step.Together.Branches, branch)
		switch {
		case list.ends:
			out.ends = true
		case list.result == nil:
			out.result = out.result.With(rules.Field{Name: name, Type: rules.TypeOf(rules.KindAny)})
		default:
			out.result = out.result.With(rules.Field{Name: name, Type: list.result.AsPresent(), Required: !list.result.Optional})
		}
	}
	return out
}

// branchName refuses what cannot be a field, and what stands for something else in the paths of steps.
func (c *checker) branchName(name string, key *source.Node) {
	switch {
	case !stepName.MatchString(name):
		key.Errorf("use small letters, digits and _, beginning with a letter, at most 40", "%q is not a name for a branch", name)
	case reserved[name] || name == "on_error" || name == "undo":
		key.Errorf("choose another name", "%q means something already", name)
	}
}

// errorType is the type of error in the steps that stand in for a failed step. What failed in a together says in
// which branch, and what the branches that had come to their end gave.
func (c *checker) errorType(step *Step, candidates *rules.Type) *rules.Type {
	t := ErrorType(candidates)
	if step.Together == nil || step.Type == nil {
		return t
	}
	results := rules.RecordType()
	for _, field := range step.Type.Fields {
		results = results.With(rules.Field{Name: field.Name, Type: field.Type})
	}
	return t.With(rules.Field{Name: "branch", Type: rules.TypeOf(rules.KindText), Required: true}).With(rules.Field{Name: "results", Type: results, Required: true})
}
