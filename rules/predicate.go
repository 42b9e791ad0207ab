package rules

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// predicateNode is a function that evaluates a part of the expression for each item of a list.
type predicateNode struct {
	name string
	list node
	body node // nil: the item itself
	slot int  // of the item; its position is in the next one
	desc bool // sortBy: largest first
	at   span
	// parts is what the body is made of: not all of its parts cost a step of their own.
	parts int
}

// each evaluates the body for the items until visit asks to stop.
func (n *predicateNode) each(m *machine, items []Value, visit func(i int, result Value) (stop bool, err *Error)) *Error {
	for i, item := range items {
		if err := m.step(n.at, 1+n.parts/64); err != nil {
			return err
		}
		result := item
		if n.body != nil {
			m.locals[n.slot], m.locals[n.slot+1] = item, Number(Int(int64(i)))
			var err *Error
			if result, err = n.body.eval(m); err != nil {
				return err
			}
		}
		if stop, err := visit(i, result); stop || err != nil {
			return err
		}
	}
	return nil
}

func (n *predicateNode) eval(m *machine) (Value, *Error) {
	list, err := n.list.eval(m)
	if err != nil {
		return list, err
	}
	if list.kind != KindList {
		return list, n.at.fail("", "%s works on a list, found %s", n.name, found(list))
	}
	items := list.p.items
	switch n.name {
	case "map":
		return n.transform(m, items)
	case "sum":
		return n.sum(m, items)
	case "sortBy":
		return n.sort(m, items)
	case "filter":
		return n.filter(m, items)
	default:
		return n.test(m, items)
	}
}

func (n *predicateNode) transform(m *machine, items []Value) (Value, *Error) {
	if err := m.makeList(n.at, len(items)); err != nil {
		return Value{}, err
	}
	results := make([]Value, 0, len(items))
	err := n.each(m, items, func(_ int, result Value) (bool, *Error) {
		results = append(results, result)
		return false, nil
	})
	return List(results...), err
}

func (n *predicateNode) sum(m *machine, items []Value) (Value, *Error) {
	var total Num
	err := n.each(m, items, func(_ int, result Value) (bool, *Error) {
		if result.kind != KindNumber {
			return true, n.at.fail("", "sum adds numbers, found %s", found(result))
		}
		if err := m.step(n.at, calculationSteps("+", total, result.Num())); err != nil {
			return true, err
		}
		var err error
		if total, err = total.Add(result.Num()); err != nil {
			return true, n.at.fail("", "%s", err)
		}
		return false, nil
	})
	return Number(total), err
}

// sort is stable, and our own bound holds because the keys are made first: n log n comparisons.
func (n *predicateNode) sort(m *machine, items []Value) (Value, *Error) {
	if err := m.makeList(n.at, 2*len(items)); err != nil {
		return Value{}, err
	}
	type keyed struct{ key, item Value }
	pairs := make([]keyed, 0, len(items))
	err := n.each(m, items, func(i int, key Value) (bool, *Error) {
		if !ordered(key.kind) || i > 0 && key.kind != pairs[0].key.kind {
			return true, n.at.fail("", "sortBy needs numbers, texts or dates of one kind, found %s", found(key))
		}
		pairs = append(pairs, keyed{key, items[i]})
		return false, m.step(n.at, 16+len(key.s)/8)
	})
	if err != nil {
		return Value{}, err
	}
	slices.SortStableFunc(pairs, func(a, b keyed) int {
		if n.desc {
			return b.key.order(a.key)
		}
		return a.key.order(b.key)
	})
	sorted := make([]Value, len(pairs))
	for i := range pairs {
		sorted[i] = pairs[i].item
	}
	return List(sorted...), nil
}

func (n *predicateNode) filter(m *machine, items []Value) (Value, *Error) {
	if err := m.makeList(n.at, len(items)); err != nil {
		return Value{}, err
	}
	var kept []Value
	err := n.each(m, items, func(i int, result Value) (bool, *Error) {
		if result.kind != KindBool {
			return true, n.notBool(result)
		}
		if result.Bool() {
			kept = append(kept, items[i])
		}
		return false, nil
	})
	return List(kept...), err
}

func (n *predicateNode) notBool(result Value) *Error {
	return n.at.fail("", "the condition of %s must be true or false, found %s", n.name, found(result))
}

// test is the functions that count the items for which the condition holds, or look for one.
func (n *predicateNode) test(m *machine, items []Value) (Value, *Error) {
	hits, hit := 0, Value{}
	err := n.each(m, items, func(i int, result Value) (bool, *Error) {
		if result.kind != KindBool {
			return true, n.notBool(result)
		}
		if result.Bool() {
			hits, hit = hits+1, items[i]
		}
		return n.decided(hits, result.Bool()), nil
	})
	switch n.name {
	case "count":
		return Number(Int(int64(hits))), err
	case "find", "findLast":
		return hit, err
	case "all":
		return Bool(hits == len(items)), err
	case "none":
		return Bool(hits == 0), err
	case "one":
		return Bool(hits == 1), err
	default:
		return Bool(hits > 0), err
	}
}

// decided says whether the remaining items cannot change the result.
func (n *predicateNode) decided(hits int, last bool) bool {
	switch n.name {
	case "any", "none", "find":
		return hits > 0
	case "all":
		return !last
	case "one":
		return hits > 1
	default:
		return false
	}
}

// predicate checks a call with a body, as in filter(lines, .price > 5).
func (c *checker) predicate(f *function, nodes []ast.Node, at span) checked {
	if len(nodes) < f.needs || len(nodes) > len(f.params) {
		return c.wrong(at, "write "+f.usage, "%s takes %s, found %d", f.name, f.count(), len(nodes))
	}
	list := c.value(nodes[0])
	c.argument(f.params[0], list)
	item := TypeOf(KindAny)
	if list.t.Kind == KindList && list.t.Items != nil {
		item = list.t.Items
	} else if list.t == unknown {
		item = unknown
	}
	result := &predicateNode{name: f.name, list: list.node, at: at}
	if len(nodes) == 1 {
		return checked{node: result, t: c.bodyResult(result, item, checked{t: item, at: list.at}, ""), at: at}
	}
	predicate, ok := nodes[1].(*ast.PredicateNode)
	if !ok {
		return c.wrong(at, "write "+f.usage, "%s needs a condition on the items", f.name)
	}
	read := ""
	if list.read != "" {
		read = list.read + "[]"
	}
	result.slot = c.enter(scope{t: item, read: read})
	path := itemPath(len(c.scopes) - 1)
	before := c.parts
	body := c.value(predicate.Node)
	result.parts = c.parts - before
	c.leave(2)
	result.body = body.node
	if len(nodes) == 3 {
		result.desc = c.direction(nodes[2])
	}
	return checked{node: result, t: c.bodyResult(result, item, body, path), at: at}
}

// direction is the third argument of sortBy.
func (c *checker) direction(n ast.Node) bool {
	text, ok := n.(*ast.StringNode)
	if !ok || text.Value != "asc" && text.Value != "desc" {
		c.fail(spanOf(n.Location()), `write "asc" or "desc"`, "the direction of sortBy must be a fixed text")
		return false
	}
	return text.Value == "desc"
}

// bodyResult checks what the body yields and finds the type of the call.
func (c *checker) bodyResult(n *predicateNode, item *Type, body checked, path string) *Type {
	switch n.name {
	case "map":
		return ListOf(body.t)
	case "sum":
		c.expect(body, KindNumber)
		return &Type{Kind: KindNumber, Integer: body.t.Integer}
	case "sortBy":
		c.expect(body, KindNumber, KindText, KindDate, KindInstant, KindDuration)
		return ListOf(item)
	case "count":
		c.expect(body, KindBool)
		return &Type{Kind: KindNumber, Integer: true}
	}
	c.expect(body, KindBool)
	switch n.name {
	case "filter":
		return ListOf(refine(item, body.whenTrue, path))
	case "find", "findLast":
		return refine(item, body.whenTrue, path).AsOptional()
	default:
		return &Type{Kind: KindBool}
	}
}

// refine is the type of the items for which a condition holds: what it proves to be there is required.
func refine(item *Type, known facts, path string) *Type {
	if item == unknown {
		return item
	}
	if known.has(path) {
		item = item.AsPresent()
	}
	for _, field := range item.Fields {
		if known.has(path + "." + field.Name) {
			item = item.With(Field{Name: field.Name, Type: field.Type.AsPresent(), Required: true})
		}
	}
	return item
}

// predicateFunctions are the functions with a body; expr's parser knows them by name.
func predicateFunctions() []*function {
	list := param{kinds: []Kind{KindList}}
	var all []*function
	for _, name := range strings.Fields("all none any one filter map find findLast count sum sortBy") {
		f := &function{name: name, usage: name + "(list, .field > 1)", params: []param{list, {}}, needs: 2, body: true}
		switch name {
		case "map":
			f.usage = "map(list, .field)"
		case "sum":
			f.usage, f.needs = "sum(list, .field)", 1
		case "sortBy":
			f.usage = `sortBy(list, .field, "desc")`
			f.params = append(f.params, param{})
		}
		all = append(all, f)
	}
	return all
}
