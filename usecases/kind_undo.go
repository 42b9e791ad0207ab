package usecases

import (
	"crosswalk/contracts"
	"crosswalk/source"
)

// undo checks the steps that take the effect of a step back. They see what the step saw, and its own result.
func (c *checker) undo(step *Step, node *source.Node, names *scope, done outcome, at place) {
	value, key := node.Get("undo"), node.KeyNode("undo")
	if !value.Exists() {
		c.unsettled(step, node, at)
		return
	}
	switch {
	case at.undo:
		key.Errorf("remove it", "what undoes a step is not undone itself")
		return
	case !hasEffect(step):
		key.Errorf("write undo: at the steps that change something: calls that write, ask, run, and what holds such steps", "this step changes nothing that could be undone")
		return
	case value.Kind() == source.List && len(value.List()) == 0:
		return // it is said that nothing undoes it
	}
	c.undos = true
	outer := map[string]bool{}
	if done.declare != nil {
		names = names.child()
		done.declare(names, false)
	}
	inner := names.child()
	if step.ID != "" && inner.variables[step.ID] == nil {
		inner.declare(step.ID, done.result, node.Get("id"))
	}
	for name := range inner.variables {
		outer[name] = true
	}
	inner.reads = map[string]bool{}
	under := at.under(step.Path + ".undo").numbered()
	under.undo = true
	step.Undo = &Undo{Steps: c.steps(value, inner, under).steps}
	step.Undo.Line, _ = key.Position()
	for _, name := range sortedKeys(inner.reads) {
		if names.reads != nil {
			names.reads[name] = true
		}
		if outer[name] && name != "input" && name != "case" {
			step.Undo.Reads = append(step.Undo.Reads, name)
		}
	}
}

// hasEffect says whether there can be something to undo. What is not known because of an error may have one.
func hasEffect(s *Step) bool {
	switch {
	case s.Call != nil:
		return s.Call.Operation.Effect == contracts.Write
	case s.Decide != nil, s.Set != nil, s.End != nil:
		return false
	}
	return true
}

// unsettled remembers a write that nothing undoes, for a warning if others are undone.
func (c *checker) unsettled(step *Step, node *source.Node, at place) {
	if step.Call != nil && step.Call.Operation.Effect == contracts.Write && !at.undo && !at.undone {
		c.kept = append(c.kept, node.Get("call"))
	}
}

// undone warns where a use case that is undone on the whole leaves something as it is, and where it undoes nothing.
func (c *checker) undone() {
	if !c.undos {
		for _, end := range c.undoing {
			end.Warnf("write undo: at the steps that change something", "no step says how it is undone")
		}
		return
	}
	for _, call := range c.kept {
		call.Warnf("write undo: with the steps that take it back, or undo: [] if it may stay", "other steps are undone when the case is cancelled, and %s is not", call.Text())
	}
}
