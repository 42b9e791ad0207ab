package rules

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"crosswalk/source"
)

// function is one of the profile's functions, or one that a caller added.
type function struct {
	name   string
	usage  string // for messages, as in round(number, places)
	params []param
	rest   *param // for further arguments
	needs  int    // how many arguments there must be at least
	body   bool   // whether the second argument is a predicate
	result func(c *checker, site *callNode, arguments []checked) *Type
	run    func(m *machine, site *callNode, arguments []Value) (Value, *Error)
}

// param says which arguments are accepted.
type param struct {
	kinds    []Kind // none = any
	items    Kind   // lists: of this kind; KindMissing = of any
	optional bool   // the argument may be missing
	t        *Type  // of functions that a caller added
}

// callNode is the call of a function without a predicate.
type callNode struct {
	function  *function
	arguments []node
	types     []*Type
	at        span
	constant  any // what the function has prepared when it was compiled
}

func (n *callNode) eval(m *machine) (Value, *Error) {
	if err := m.step(n.at, 1); err != nil {
		return Value{}, err
	}
	base := len(m.stack)
	for i, argument := range n.arguments {
		v, err := argument.eval(m)
		if err != nil {
			return v, err
		}
		p := n.function.param(i)
		if v.kind == KindMissing && !p.optional {
			return v, n.at.fail("use ?? or a condition where it may be missing", "%s: argument %d is missing", n.function.name, i+1)
		}
		if v.kind != KindMissing && len(p.kinds) > 0 && !slices.Contains(p.kinds, v.kind) {
			return v, n.at.fail("", "%s: expected %s, found %s", n.function.name, article(p.kinds[0].String()), article(v.kind.String()))
		}
		m.stack = append(m.stack, v)
	}
	v, err := n.function.run(m, n, m.stack[base:len(m.stack):len(m.stack)])
	m.stack = m.stack[:base]
	return v, err
}

func (f *function) param(i int) param {
	if i < len(f.params) {
		return f.params[i]
	}
	return *f.rest
}

// function finds a function by name: the profile's own, or one of the caller's.
func (c *checker) function(name string) (*function, bool) {
	if f, ok := functions()[name]; ok {
		return f, true
	}
	for i := range c.options.Functions {
		if c.options.Functions[i].Name == name {
			return adopt(&c.options.Functions[i]), true
		}
	}
	return nil, false
}

// adopt makes a caller's function one of ours.
func adopt(custom *Function) *function {
	f := &function{name: custom.Name, usage: custom.Name + "(…)", needs: len(custom.Params)}
	for _, t := range custom.Params {
		p := param{t: t, optional: t.Optional}
		if t.Kind != KindAny {
			p.kinds = []Kind{t.Kind}
		}
		f.params = append(f.params, p)
	}
	f.result = func(_ *checker, _ *callNode, arguments []checked) *Type {
		if custom.ResultOf == nil {
			return custom.Result
		}
		types := make([]*Type, len(arguments))
		for i, argument := range arguments {
			types[i] = argument.t
		}
		return custom.ResultOf(types)
	}
	f.run = func(m *machine, site *callNode, arguments []Value) (Value, *Error) {
		work := 0
		for _, argument := range arguments {
			work += weight(argument)
		}
		if err := m.step(site.at, work); err != nil {
			return Value{}, err
		}
		v, err := custom.Call(slices.Clone(arguments))
		if err != nil {
			return Value{}, site.at.fail("", "%s: %s", custom.Name, err)
		}
		return v, m.make(site.at, size(v))
	}
	return f
}

// size is what a value takes in memory, roughly.
func size(v Value) int {
	bytes := len(v.s)
	if v.kind == KindList || v.kind == KindRecord {
		bytes = len(v.p.items) * valueSize
		for _, item := range v.p.items {
			bytes += size(item)
		}
	}
	return bytes
}

// refused are functions of expr that the profile does not have, and what to use instead.
var refused = map[string]string{
	"now": "take the time from a fact, such as input.received_at", "today": "take the day from a fact",
	"string": "text(value)", "int": "number(text), round(number)", "float": "number(text)", "toJSON": "readable(value)",
	"uniq": "unique(list)", "concat": "concat(list, list)", "mean": "sum(list) / len(list)", "reduce": "sum, any, all or map",
	"groupBy": "filter(list, …)", "get": "record.name or list[0]", "repeat": "", "type": "", "timezone": "", "fromJSON": "",
	"trimPrefix": "replace(text, old, new)", "trimSuffix": "replace(text, old, new)", "indexOf": "contains", "toPairs": "keys(record)",
	"hasPrefix": "text startsWith prefix", "hasSuffix": "text endsWith suffix",
	"findIndex": "find(list, …)", "findLastIndex": "findLast(list, …)",
}

func (c *checker) call(name string, nodes []ast.Node, at span) checked {
	f, ok := c.function(name)
	if !ok {
		hint, known := refused[name]
		switch {
		case known && hint != "":
			return c.wrong(at, "use "+hint, "the function %s is not part of the expression language", name)
		case known:
			return c.wrong(at, "", "the function %s is not part of the expression language", name)
		}
		return c.wrong(at, source.DidYouMean(name, c.functionNames()), "unknown function %s", name)
	}
	before := c.soft
	c.soft = false
	defer func() { c.soft = before }()
	if f.body {
		return c.predicate(f, nodes, at)
	}
	site := &callNode{function: f, at: at}
	arguments := make([]checked, len(nodes))
	for i, n := range nodes {
		arguments[i] = c.value(n)
	}
	if len(nodes) < f.needs || len(nodes) > len(f.params) && f.rest == nil {
		return c.wrong(at, "write "+f.usage, "%s takes %s, found %d", name, f.count(), len(nodes))
	}
	good := true
	for i, argument := range arguments {
		good = c.argument(f.param(i), argument) && good
		site.arguments = append(site.arguments, argument.node)
		site.types = append(site.types, argument.t)
	}
	if !good {
		return checked{node: site, t: unknown, at: at}
	}
	return checked{node: site, t: f.result(c, site, arguments), at: at}
}

func (f *function) count() string {
	plural := func(n int) string {
		return [...]string{"no arguments", "one argument", "two arguments", "three arguments", "four arguments"}[min(n, 4)]
	}
	switch {
	case f.rest != nil:
		return "at least " + plural(f.needs)
	case f.needs != len(f.params):
		return plural(f.needs) + " to " + plural(len(f.params))
	default:
		return plural(f.needs)
	}
}

func (c *checker) functionNames() []string {
	names := make([]string, 0, len(functions()))
	for name := range functions() {
		names = append(names, name)
	}
	for i := range c.options.Functions {
		names = append(names, c.options.Functions[i].Name)
	}
	slices.Sort(names)
	return names
}

// argument checks one argument and reports whether it fits.
func (c *checker) argument(p param, x checked) bool {
	if x.t == unknown {
		return false
	}
	if p.t != nil {
		a := &assignment{lenient: c.options.Lenient}
		a.check(p.t, x.t, "")
		for _, mismatch := range a.mismatches {
			c.fail(x.at, mismatch.Hint, "%s", mismatch.Message)
		}
		return len(a.mismatches) == 0
	}
	if p.optional && (x.t.Optional || x.t.Kind == KindMissing) {
		if x.t.Kind == KindMissing || x.t.Kind == KindAny {
			return true
		}
		x.t = x.t.AsPresent()
	}
	if len(p.kinds) == 0 {
		return x.t.Kind == KindAny || c.usable(x)
	}
	if !c.expect(x, p.kinds...) {
		return false
	}
	if p.items == KindMissing || x.t.Kind != KindList || x.t.Items == nil {
		return true
	}
	item := x
	item.t, item.path = x.t.Items, ""
	return c.expect(item, p.items)
}
