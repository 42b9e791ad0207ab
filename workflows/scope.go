package workflows

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// scope holds the names that expressions see at one place of the use case.
type scope struct {
	vars       map[string]rules.Value
	items      []int  // the positions of the running loops, the outermost first
	entry      string // the message that joined, in the scope of its steps
	beside     bool   // it belongs to a joined message and not to the use case itself
	generation int
	facts      *facts
	// unlinked is what the failed step that this one stands in for could not find the counterpart of, and candidates
	// are those that fitted.
	unlinked   *activities.Unlinked
	candidates rules.Value
	group      *group   // what it unwinds with; nil: only with the case
	undoing    *undoing // the undo that it belongs to; nil: the case itself
}

// inner is a scope whose names end with it: the body of a loop, the stand-in for a failed step.
func (s *scope) inner() *scope {
	child := *s
	child.vars = maps.Clone(s.vars)
	child.items = slices.Clone(s.items)
	return &child
}

// set makes a result visible. A missing value takes the name away, which is the same to expressions.
func (s *scope) set(name string, value rules.Value) {
	if name == "" {
		return
	}
	if value.IsMissing() {
		delete(s.vars, name)
		return
	}
	s.vars[name] = value
}

// bundle is the version of the use case that the scope's steps belong to.
func (r *run) bundle(sc *scope) string {
	if sc.undoing != nil {
		return sc.undoing.undo.Bundle
	}
	return r.in.BundleHash
}

// place names a step in this scope.
func (r *run) place(s *usecases.Step, sc *scope) activities.Place {
	path := s.At(sc.items...)
	if sc.entry != "" {
		path = strings.Replace(s.Path, "[]", "["+sc.entry+"]", 1)
		for _, i := range sc.items {
			path = strings.Replace(path, "[]", fmt.Sprintf("[%d]", i), 1)
		}
	}
	return activities.Place{Case: r.id, Path: path, Generation: sc.generation + r.again(path, sc)}
}

// again is how often a place was redone without the top-level step that it lies in. An undo keeps the generation of
// what it undoes.
func (r *run) again(path string, sc *scope) int {
	times := 0
	if sc.undoing == nil && len(r.state.Again) > 0 {
		for i := range path {
			if path[i] == '.' || path[i] == '[' {
				times += r.state.Again[path[:i]]
			}
		}
		times += r.state.Again[path]
	}
	return times
}

// template evaluates a template; a nil one is missing.
func (r *run) template(t *rules.Template, sc *scope) (rules.Value, error) {
	if t == nil {
		return rules.Value{}, nil
	}
	r.bindCase(sc, t.Reads())
	value, err := t.Eval(sc.vars)
	return value, evaluation(err)
}

// text evaluates a template that gives a text; missing is empty.
func (r *run) text(t *rules.Template, sc *scope) (string, error) {
	value, err := r.template(t, sc)
	return value.Text(), err
}

// holds evaluates a condition; none at all holds.
func (r *run) holds(e *rules.Expression, sc *scope) (bool, error) {
	if e == nil {
		return true, nil
	}
	r.bindCase(sc, e.Reads())
	value, err := e.Eval(sc.vars)
	return value.Bool(), evaluation(err)
}

func evaluation(err error) error {
	if err == nil {
		return nil
	}
	return failed("internal", err.Error())
}

// bindCase puts the case itself into the scope if it is read: its facts may be large.
func (r *run) bindCase(sc *scope, reads []string) {
	for _, name := range reads {
		if name == "case" || strings.HasPrefix(name, "case.") {
			sc.vars["case"] = r.caseValue(sc)
			return
		}
	}
}
