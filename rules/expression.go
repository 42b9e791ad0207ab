package rules

import (
	"slices"

	"crosswalk/source"
)

// Expression is a compiled expression. It may be used by several goroutines at once.
type Expression struct {
	text      string
	root      node
	result    *Type
	variables []string // by slot
	locals    int
	limits    Limits
	reads     []string
	literals  []Value // the values that stand in it
	path      string  // set if it is a variable or a field of one
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

func (l Limits) orDefault() Limits {
	if l.Steps == 0 {
		l.Steps = DefaultSteps
	}
	if l.Bytes == 0 {
		l.Bytes = DefaultBytes
	}
	return l
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
	x, errs := compile(text, env, options)
	if len(errs) > 0 {
		return nil, errs
	}
	return x, nil
}

func compile(text string, env *Environment, options Options) (*Expression, Errors) {
	tree, problem := parse(text)
	if problem != nil {
		return nil, Errors{problem}
	}
	c := &checker{parsed: tree, env: env, options: options, present: env.present, slots: map[string]int{}, reads: map[string]bool{}}
	root := c.value(tree.root)
	for _, err := range c.errors {
		err.Source, err.Offset = text, tree.origin(err.Offset)
	}
	if len(c.errors) > 0 {
		slices.SortStableFunc(c.errors, func(a, b *Error) int { return a.Offset - b.Offset })
		return nil, c.errors
	}
	x := &Expression{text: text, root: root.node, result: root.t, variables: c.names, locals: c.most, limits: options.Limits.orDefault(), literals: c.literals,
		path: root.path, whenTrue: root.whenTrue, whenFalse: root.whenFalse}
	for path := range c.reads {
		x.reads = append(x.reads, path)
	}
	slices.Sort(x.reads)
	if len(tree.added) > 0 {
		x.root = &movedNode{of: root.node, tree: tree}
	}
	return x, nil
}

// movedNode brings the places of errors back to the text that the user wrote.
type movedNode struct {
	of   node
	tree *parsed
}

func (n *movedNode) eval(m *machine) (Value, *Error) {
	v, err := n.of.eval(m)
	if err != nil {
		err.Offset = n.tree.origin(err.Offset)
	}
	return v, err
}

// CompileNode compiles the expression that stands in a scalar of a file and reports problems there. A
// wanted type other than nil must accept the result. The result is nil if there was an error.
func CompileNode(n *source.Node, env *Environment, want *Type, options Options) *Expression {
	text := n.Text()
	if n.Kind() != source.Scalar {
		if n.Kind() == source.Null {
			n.Errorf("", "an expression is missing here")
		}
		return nil
	}
	x, errs := compile(text, env, options)
	for _, err := range errs {
		n.ErrorAt(err.Offset, err.Hint, "%s", err.Message)
	}
	if x == nil || want == nil {
		return x
	}
	a := &assignment{lenient: options.Lenient}
	if a.check(want, x.result, ""); len(a.mismatches) == 0 {
		return x
	}
	for _, mismatch := range a.mismatches {
		n.ErrorAt(0, mismatch.Hint, "%s", mismatch.text())
	}
	return nil
}

// Type is the type of the result.
func (x *Expression) Type() *Type { return x.result }

// Text is the expression as it was written.
func (x *Expression) Text() string { return x.text }

// Reads lists the paths that the expression reads, sorted: customer.tier, invoices.lines[].sku.
func (x *Expression) Reads() []string { return x.reads }

// Eval evaluates the expression. A variable that is not given is missing. The error, if any, is an *Error.
func (x *Expression) Eval(variables map[string]Value) (Value, error) {
	m := machines.Get().(*machine)
	defer m.release()
	m.reset(x.limits, x.locals)
	for _, name := range x.variables {
		m.variables = append(m.variables, variables[name])
	}
	return x.run(m)
}

func (x *Expression) run(m *machine) (Value, error) {
	v, err := x.root.eval(m)
	if err != nil {
		err.Source = x.text
		return Value{}, err
	}
	return v, nil
}
