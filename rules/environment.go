package rules

import (
	"maps"
	"slices"
)

// Environment is what an expression can see: variables with their types, and which of the optional ones
// are known to be there. It is immutable; With and Narrow return a larger or sharper one.
type Environment struct {
	variables map[string]*Type
	names     []string // in the order of With, for hints
	present   facts
	absent    map[string]string // why a name that one might expect is not there
}

// NewEnvironment is an environment with the fields of a record type as its variables; nil has none.
func NewEnvironment(fields *Type) *Environment {
	env := &Environment{variables: map[string]*Type{}}
	if fields == nil {
		return env
	}
	for _, field := range fields.Fields {
		env.variables[field.Name] = fields.Member(field.Name)
		env.names = append(env.names, field.Name)
	}
	return env
}

// With returns the environment with one more variable, or with another type for one that it has.
func (e *Environment) With(name string, t *Type) *Environment {
	next := &Environment{variables: maps.Clone(e.variables), names: slices.Clone(e.names), present: e.present.without(name), absent: e.absent}
	if _, known := next.variables[name]; !known {
		next.names = append(next.names, name)
	}
	next.variables[name] = t
	return next
}

// Narrow returns the environment for what runs only if the condition is true: whatever the condition
// proves to be there is not optional any more.
func (e *Environment) Narrow(condition *Expression) *Environment {
	if condition == nil {
		return e
	}
	return &Environment{variables: e.variables, names: e.names, present: e.present.and(condition.whenTrue), absent: e.absent}
}

// NarrowNot is Narrow for what runs only if the condition is false.
func (e *Environment) NarrowNot(condition *Expression) *Environment {
	if condition == nil {
		return e
	}
	return &Environment{variables: e.variables, names: e.names, present: e.present.and(condition.whenFalse), absent: e.absent}
}

// Without returns the environment with reasons, by name, why names that one might expect are not in it; they
// become the hint where such a name is read.
func (e *Environment) Without(reasons map[string]string) *Environment {
	next := *e
	next.absent = maps.Clone(e.absent)
	if next.absent == nil {
		next.absent = map[string]string{}
	}
	maps.Copy(next.absent, reasons)
	return &next
}

// Lookup returns the type of a variable, or nil.
func (e *Environment) Lookup(name string) *Type {
	t := e.variables[name]
	if t != nil && t.Optional && e.present.has(name) {
		return t.AsPresent()
	}
	return t
}

// Names lists the variables in the order in which they came.
func (e *Environment) Names() []string { return slices.Clone(e.names) }
