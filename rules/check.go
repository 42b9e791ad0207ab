package rules

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"crosswalk/source"
)

// checker turns expr's syntax tree into nodes of ours. It goes on after an error, so that one look finds
// them all; what is wrong has the type unknown, about which nothing further is reported.
type checker struct {
	parsed  *parsed
	env     *Environment
	options Options
	errors  Errors

	present  facts // what is known to be there at this point
	slots    map[string]int
	names    []string // of the variables, by slot
	reads    map[string]bool
	literals []Value
	parts    int // of the expression that were checked
	locals   int // how many local slots are in use
	most     int // and were at most
	scopes   []scope
	soft     bool // in lenient expressions: what is read here may be missing on the way
}

// scope is a predicate, whose item is # or .field, or a let variable.
type scope struct {
	name        string // of a let variable; "" for a predicate
	t           *Type
	slot, index int
	read        string // the path of the list, to name what is read of its items
}

// checked is a part of the expression after it was checked.
type checked struct {
	node      node
	t         *Type
	at        span
	path      string // set if this is a variable or a chain of fields of one: what facts speak about
	read      string // the same, for Reads
	literal   *Value // set if the value is known
	whenTrue  facts  // what is known if this is true
	whenFalse facts
}

// unknown is the type of what has an error already.
var unknown = &Type{Kind: KindAny}

func (c *checker) fail(at span, hint, format string, args ...any) {
	err := at.fail(hint, format, args...)
	if len(c.errors) < maxDecodeErrors {
		c.errors = append(c.errors, err)
	}
}

func (c *checker) wrong(at span, hint, format string, args ...any) checked {
	c.fail(at, hint, format, args...)
	return checked{node: &literalNode{}, t: unknown, at: at}
}

// under checks a part for which further facts are known.
func (c *checker) under(known facts, n ast.Node) checked {
	before := c.present
	c.present = before.and(known)
	result := c.check(n)
	c.present = before
	return result
}

// value checks a part whose value is used, so that paths in it are read.
func (c *checker) value(n ast.Node) checked {
	c.parts++
	x := c.check(n)
	c.noteRead(x)
	return x
}

func (c *checker) noteRead(x checked) {
	if x.read != "" {
		c.reads[x.read] = true
	}
}

func (c *checker) check(n ast.Node) checked {
	at := spanOf(n.Location())
	switch n := n.(type) {
	case *ast.NilNode:
		return c.literal(Value{}, TypeOf(KindMissing), at)
	case *ast.BoolNode:
		return c.literal(Bool(n.Value), &Type{Kind: KindBool}, at)
	case *ast.StringNode:
		if len(n.Value) > maxMadeText {
			return c.wrong(at, "", "the text is too long")
		}
		return c.literal(Text(n.Value), &Type{Kind: KindText}, at)
	case *ast.IntegerNode, *ast.FloatNode:
		return c.number(at)
	case *ast.IdentifierNode:
		return c.identifier(n.Value, at)
	case *ast.PointerNode:
		return c.pointer(n, at)
	case *ast.ChainNode:
		return c.chain(n)
	case *ast.MemberNode:
		x, short := c.member(n, false)
		if short {
			x.t = x.t.AsOptional()
		}
		return x
	case *ast.SliceNode:
		return c.slice(n, at)
	case *ast.UnaryNode:
		return c.unary(n, at)
	case *ast.BinaryNode:
		return c.binary(n, at)
	case *ast.ConditionalNode:
		return c.conditional(n, at)
	case *ast.VariableDeclaratorNode:
		return c.let(n, at)
	case *ast.ArrayNode:
		return c.list(n, at)
	case *ast.MapNode:
		return c.record(n, at)
	case *ast.BuiltinNode:
		return c.call(n.Name, n.Arguments, at)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			return c.call(callee.Value, n.Arguments, at)
		}
		return c.wrong(at, "functions are called by name: upper(name), or name | upper()", "methods cannot be called")
	case *ast.SequenceNode:
		return c.wrong(spanOf(n.Nodes[1].Location()), "use let name = …; to give a part a name", "an expression has one value; ; cannot join several")
	default:
		return c.wrong(at, "", "this is not part of the expression language")
	}
}

func (c *checker) literal(v Value, t *Type, at span) checked {
	c.literals = append(c.literals, v)
	return checked{node: &literalNode{v}, t: t, at: at, literal: &v}
}

// number reads a literal from the text itself: expr's own has been through int64 or float64.
func (c *checker) number(at span) checked {
	text := c.parsed.numbers[at.offset]
	at.length = len(text)
	if len(text) > 1 && text[0] == '0' && strings.ContainsAny(text[1:2], "xXoObB") {
		return c.wrong(at, "", "numbers are written in decimal digits")
	}
	n, err := ParseNum(strings.ReplaceAll(text, "_", ""))
	if err != nil {
		return c.wrong(at, "", "%s: %s", text, err)
	}
	return c.literal(Number(n), &Type{Kind: KindNumber, Integer: n.IsInt()}, at)
}

func (c *checker) identifier(name string, at span) checked {
	if name == "missing" {
		return c.literal(Value{}, TypeOf(KindMissing), at)
	}
	for i := len(c.scopes) - 1; i >= 0; i-- {
		if s := c.scopes[i]; s.name == name {
			path := "let " + name
			return checked{node: &localNode{s.slot}, t: c.narrowed(s.t, path), at: at, path: path, read: s.read}
		}
	}
	t := c.env.variables[name]
	if t == nil {
		return c.unknownName(name, at)
	}
	slot, seen := c.slots[name]
	if !seen {
		slot = len(c.names)
		c.slots[name], c.names = slot, append(c.names, name)
	}
	t = c.narrowed(t, name)
	return checked{node: &variableNode{slot: slot, name: name, required: !t.Optional, at: at}, t: t, at: at, path: name, read: name}
}

// narrowed is the type of what a path holds, given what is known at this point.
func (c *checker) narrowed(t *Type, path string) *Type {
	if t.Optional && c.present.has(path) {
		return t.AsPresent()
	}
	return t
}

func (c *checker) unknownName(name string, at span) checked {
	names := slices.Clone(c.env.names)
	for _, s := range c.scopes {
		if s.name != "" {
			names = append(names, s.name)
		}
	}
	if name == "null" {
		return c.wrong(at, "write missing", "unknown name null")
	}
	if name == "now" || name == "today" {
		return c.wrong(at, "take the time from a fact, such as input.received_at: an expression gives the same result whenever it runs", "unknown name %s", name)
	}
	if name == "$env" {
		return c.wrong(at, "name the variable itself", "$env is not part of the expression language")
	}
	if _, isFunction := c.function(name); isFunction {
		return c.wrong(at, "call it: "+name+"(…)", "%s is a function", name)
	}
	hint := source.DidYouMean(name, names)
	if why := c.env.absent[name]; why != "" {
		hint = why
	}
	for _, s := range c.scopes {
		if s.name == "" && s.t.Kind == KindRecord && s.t.Member(name) != nil {
			hint = "for a field of the item, write ." + name
		}
	}
	return c.wrong(at, hint, "unknown name %s", name)
}

// pointer is # (the item of the innermost predicate) or #index.
func (c *checker) pointer(n *ast.PointerNode, at span) checked {
	for i := len(c.scopes) - 1; i >= 0; i-- {
		s := c.scopes[i]
		switch {
		case s.name != "":
			continue
		case n.Name == "":
			path := itemPath(i)
			return checked{node: &localNode{s.slot}, t: c.narrowed(s.t, path), at: at, path: path, read: s.read}
		case n.Name == "index":
			return checked{node: &localNode{s.index}, t: &Type{Kind: KindNumber, Integer: true}, at: at}
		default:
			return c.wrong(at, "# is the item, #index its position", "#%s is not part of the expression language", n.Name)
		}
	}
	return c.wrong(at, "", "# stands for an item of a list and works only within functions such as filter and any")
}

// itemPath names the item of a predicate for facts, apart from those of all other predicates.
func itemPath(depth int) string { return "#" + string(rune('a'+depth)) }

func (c *checker) let(n *ast.VariableDeclaratorNode, at span) checked {
	if c.env.variables[n.Name] != nil || n.Name == "missing" {
		c.fail(at, "choose another name", "%s is already the name of something else", n.Name)
	}
	if _, taken := c.function(n.Name); taken {
		c.fail(at, "choose another name", "%s is the name of a function", n.Name)
	}
	value := c.value(n.Value)
	slot := c.enter(scope{name: n.Name, t: value.t, read: value.read})
	before := c.present
	c.present = before.without("let " + n.Name)
	run := c.value(n.Expr)
	c.present = before
	c.leave(1)
	return checked{node: &letNode{slot: slot, value: value.node, run: run.node}, t: run.t, at: at}
}

// enter opens a scope and gives it local slots.
func (c *checker) enter(s scope) int {
	s.slot, s.index = c.locals, c.locals+1
	if s.name != "" {
		c.locals++
	} else {
		c.locals += 2
	}
	c.most = max(c.most, c.locals)
	c.scopes = append(c.scopes, s)
	return s.slot
}

func (c *checker) leave(slots int) {
	c.locals -= slots
	c.scopes = c.scopes[:len(c.scopes)-1]
}

func (c *checker) list(n *ast.ArrayNode, at span) checked {
	result := &listNode{at: at}
	var item *Type
	for _, element := range n.Nodes {
		x := c.value(element)
		result.items = append(result.items, x.node)
		joined, ok := join(item, x.t)
		if !ok && !c.options.Lenient && x.t != unknown {
			c.fail(x.at, "", "the items of a list must be of one kind: %s and %s are mixed", item.Kind, x.t.Kind)
		}
		if item = joined; !ok {
			item = TypeOf(KindAny)
		}
	}
	return checked{node: result, t: ListOf(item), at: at}
}

func (c *checker) record(n *ast.MapNode, at span) checked {
	t := RecordType()
	values := map[string]node{}
	for _, pair := range n.Pairs {
		pair := pair.(*ast.PairNode)
		key, ok := pair.Key.(*ast.StringNode)
		where := spanOf(pair.Key.Location())
		if _, isNumber := c.parsed.numbers[where.offset]; !ok || isNumber {
			c.fail(where, "", "the name of a field must be a plain name or a text in quotes")
			continue
		}
		if values[key.Value] != nil {
			c.fail(where, "remove one of them", "the field %s is there twice", key.Value)
		}
		x := c.value(pair.Value)
		values[key.Value] = x.node
		t.Fields = append(t.Fields, Field{Name: key.Value, Type: x.t.AsPresent(), Required: !x.t.Optional})
	}
	keys := t.FieldNames()
	slices.Sort(keys)
	keys = slices.Compact(keys)
	result := &recordNode{keys: keys, at: at}
	for _, key := range keys {
		result.values = append(result.values, values[key])
	}
	return checked{node: result, t: t, at: at}
}

func (c *checker) conditional(n *ast.ConditionalNode, at span) checked {
	condition := c.condition(n.Cond)
	then := c.under(condition.whenTrue, n.Exp1)
	otherwise := c.under(condition.whenFalse, n.Exp2)
	c.noteRead(then)
	c.noteRead(otherwise)
	t, ok := join(then.t, otherwise.t)
	if !ok {
		if !c.options.Lenient && then.t != unknown && otherwise.t != unknown {
			c.fail(otherwise.at, "", "the two results must be of one kind: %s and %s", then.t.Kind, otherwise.t.Kind)
		}
		t = TypeOf(KindAny)
	}
	return checked{node: &conditionalNode{condition.node, then.node, otherwise.node, condition.at}, t: t, at: at,
		whenTrue:  condition.whenTrue.and(then.whenTrue).or(condition.whenFalse.and(otherwise.whenTrue)),
		whenFalse: condition.whenTrue.and(then.whenFalse).or(condition.whenFalse.and(otherwise.whenFalse))}
}

// condition checks a part that must be true or false.
func (c *checker) condition(n ast.Node) checked {
	x := c.value(n)
	c.expect(x, KindBool)
	return x
}

// expect reports a value that may be missing, or that is not of one of the kinds.
func (c *checker) expect(x checked, kinds ...Kind) bool {
	if !c.usable(x) {
		return false
	}
	if x.t.Kind == KindAny || slices.Contains(kinds, x.t.Kind) {
		return true
	}
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = article(kind.String())
	}
	hint := conversionHint(&Type{Kind: kinds[0]}, x.t.Kind)
	if kinds[0] == KindBool {
		hint = "compare it with something"
	}
	c.fail(x.at, hint, "expected %s, found %s", strings.Join(names, " or "), expectation(x.t))
	return false
}

// usable reports what may be missing, and in strict expressions what is of no known kind.
func (c *checker) usable(x checked) bool {
	switch {
	case x.t == unknown:
		return false
	case x.t.Kind == KindMissing:
		c.fail(x.at, "test with == missing or != missing, or use ??", "missing cannot be used as a value here")
		return false
	case x.t.Kind == KindAny && c.options.Lenient:
		return true
	case x.t.Kind == KindAny:
		c.fail(x.at, "only text(…), readable(…) and comparisons with missing take it; give it a type where it is declared", "nothing is known about the type of %s", c.describe(x))
		return false
	case x.t.Optional:
		c.fail(x.at, "use "+c.describe(x)+" ?? …, or a condition with "+c.describe(x)+" != missing", "%s may be missing", c.describe(x))
		return false
	default:
		return true
	}
}

// describe names a part in a message: its path as written if it has one.
func (c *checker) describe(x checked) string {
	switch {
	case x.path == "":
		return "this value"
	case strings.HasPrefix(x.path, "#"):
		if len(x.path) == 2 {
			return "#"
		}
		return x.path[2:]
	default:
		return strings.TrimPrefix(x.path, "let ")
	}
}
