package rules

import "crosswalk/source"

// Expression is a compiled expression. It may be used by several goroutines at once.
type Expression struct {
	text      string
	result    *Type
	reads     []string
	whenTrue  facts
	whenFalse facts
}

// Options changes what Compile accepts. The zero value is the profile of use cases and rule tables.
type Options struct {
	// Lenient lets members, operators and functions be used on values of type any. Their kinds are then
	// checked when the expression runs, and a wrong one is an error with its place, never a silent result.
	// It is for the edges, where documents of unknown shape are read; their result goes through Type.Decode.
	Lenient bool
	// Functions are pure functions added to the profile's own.
	Functions []Function
	// Limits for one evaluation; zero fields mean the defaults.
	Limits Limits
}

// Limits bound one evaluation. They count work and never time, so that they strike at the same place on
// every machine.
type Limits struct {
	Steps int // operations, function calls and items visited
	Bytes int // of texts, lists and records that the evaluation makes
}

// Function is a pure function that a caller adds to the profile.
type Function struct {
	Name   string
	Params []*Type // one for each argument; an argument may be missing only where its type is optional
	Result *Type
	// ResultOf finds the type of the result from those of the arguments, if it depends on them.
	ResultOf func(arguments []*Type) *Type
	// Call must depend on nothing but its arguments and must not panic.
	Call func(arguments []Value) (Value, error)
}

// Compile parses and checks an expression. The error, if any, is of type Errors.
func Compile(text string, env *Environment, options Options) (*Expression, error) {
	return nil, Errors{{Source: text, Message: "not available yet"}}
}

// CompileNode compiles the expression that stands in a scalar of a file and reports problems there. A
// wanted type other than nil must accept the result. The result is nil if there was an error.
func CompileNode(n *source.Node, env *Environment, want *Type, options Options) *Expression {
	return nil
}

// Type is the type of the result.
func (x *Expression) Type() *Type { return x.result }

// Text is the expression as it was written.
func (x *Expression) Text() string { return x.text }

// Reads lists the paths that the expression reads, sorted: customer.tier, invoices.lines[].sku.
func (x *Expression) Reads() []string { return x.reads }

// Eval evaluates the expression. A variable that is not given is missing. The error, if any, is an *Error.
func (x *Expression) Eval(variables map[string]Value) (Value, error) { return Value{}, nil }
