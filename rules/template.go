package rules

import "crosswalk/source"

// Template is a YAML tree with ${…} in its scalars, compiled.
type Template struct {
	result *Type
	reads  []string
}

// CompileTemplate compiles a YAML tree in whose scalars ${…} holds expressions. A scalar that is one
// ${…} and nothing else keeps the type of the expression; within other text the value is written into it;
// $${ stands for ${ itself. Problems are reported at their places. With a wanted type, the tree is checked
// against it, literals are read by it, and the value holds nothing that the type does not know.
// The result is never nil; it must not be evaluated if problems were reported.
func CompileTemplate(n *source.Node, env *Environment, want *Type, options Options) *Template {
	return &Template{result: TypeOf(KindAny)}
}

// Type is the type of what Eval returns.
func (t *Template) Type() *Type { return t.result }

// Reads lists the paths that the expressions read, sorted.
func (t *Template) Reads() []string { return t.reads }

// Eval fills in the tree. Fields whose value is missing are left out.
func (t *Template) Eval(variables map[string]Value) (Value, error) { return Value{}, nil }
