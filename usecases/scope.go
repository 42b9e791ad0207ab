package usecases

import (
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// variable is a name that expressions can read.
type variable struct {
	name string
	node *source.Node // the id, to warn at; nil for what is always there
	top  bool         // the result of a top-level step
	used bool
	// whole says that all of it is read: it is the result of more than itself.
	whole bool
	of    []*variable // the names in branches that this one stands for after a choose
}

func (v *variable) use() {
	v.used = true
	for _, part := range v.of {
		part.use()
	}
}

// scope holds the names that are visible at one place. Inner scopes see the outer names, and reading one
// inside marks it as used everywhere.
type scope struct {
	env       *rules.Environment
	variables map[string]*variable
	reads     map[string]bool // if set: collects what is read, here and in scopes made from this one
}

func newScope() *scope {
	return &scope{env: rules.NewEnvironment(nil), variables: map[string]*variable{}}
}

// child is a scope for an inner list of steps: what is declared in it is not seen outside.
func (s *scope) child() *scope {
	inner := &scope{env: s.env, variables: make(map[string]*variable, len(s.variables)), reads: s.reads}
	for name, v := range s.variables {
		inner.variables[name] = v
	}
	return inner
}

// when is a child for what runs only if the condition is true; nil changes nothing.
func (s *scope) when(condition *rules.Expression) *scope {
	inner := s.child()
	inner.env = inner.env.Narrow(condition)
	return inner
}

// declare makes a name visible from here on.
func (s *scope) declare(name string, t *rules.Type, node *source.Node) *variable {
	if t == nil {
		t = rules.TypeOf(rules.KindAny) // not known, because of an error that was reported
	}
	v := &variable{name: name, node: node}
	s.env = s.env.With(name, t)
	s.variables[name] = v
	return v
}

// read marks the variables under the paths as used.
func (s *scope) read(paths []string) {
	for _, path := range paths {
		name := path
		if i := strings.IndexAny(path, ".["); i >= 0 {
			name = path[:i]
		}
		if v := s.variables[name]; v != nil {
			v.use()
		}
		if s.reads != nil {
			s.reads[name] = true
		}
	}
}

// reserved are the names that a step or loop cannot have: they mean something already.
var reserved = map[string]bool{"input": true, "case": true, "error": true, "message": true, "missing": true, "true": true, "false": true,
	"nil": true, "null": true, "and": true, "or": true, "not": true, "in": true, "let": true, "if": true, "else": true, "matches": true,
	"contains": true, "startsWith": true, "endsWith": true}
