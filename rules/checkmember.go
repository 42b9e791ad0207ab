package rules

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"

	"crosswalk/source"
)

// chain is a row of fields with ?. in it: if what stands before a ?. is missing, so is the whole.
func (c *checker) chain(n *ast.ChainNode) checked {
	member, ok := n.Node.(*ast.MemberNode)
	if !ok {
		return c.check(n.Node)
	}
	x, short := c.member(member, true)
	if short {
		x.t = c.narrowed(x.t.AsOptional(), x.path)
	}
	return x
}

// member checks a field or an item. short says that the value is missing if something before a ?. is.
func (c *checker) member(n *ast.MemberNode, inChain bool) (x checked, short bool) {
	at := spanOf(n.Location())
	var of checked
	if inner, ok := n.Node.(*ast.MemberNode); ok && inChain {
		of, short = c.member(inner, true)
	} else {
		of = c.check(n.Node)
	}
	if of.t == unknown {
		return checked{node: &literalNode{}, t: unknown, at: at}, short
	}
	provided := n.Optional || c.soft && c.options.Lenient
	if n.Optional && of.t.Optional {
		short = true
		of.t = of.t.AsPresent()
	}
	if of.t.Optional && of.t.Kind != KindAny && !provided {
		c.fail(of.at, c.memberHint(of), "%s may be missing", c.describe(of))
		of.t = of.t.AsPresent()
	}
	soft := provided || short
	key, constant := n.Property.(*ast.StringNode)
	if constant {
		return c.field(of, key.Value, at, soft), short
	}
	return c.index(of, n.Property, at, soft), short
}

func (c *checker) memberHint(of checked) string {
	return "write " + c.describe(of) + "?.… with ??, or use a condition with " + c.describe(of) + " != missing"
}

func (c *checker) field(of checked, key string, at span, soft bool) checked {
	x := checked{at: at, path: extend(of.path, key), read: extend(of.read, key)}
	switch {
	case of.t.Kind == KindAny && c.options.Lenient:
		x.t = TypeOf(KindAny)
	case of.t.Kind == KindAny:
		c.usable(of)
		return checked{node: &literalNode{}, t: unknown, at: at}
	case of.t.Kind != KindRecord:
		return c.wrong(at, fieldHint(of.t, key), "%s is %s and has no field %s", c.describe(of), article(of.t.Kind.String()), key)
	default:
		if x.t = of.t.Member(key); x.t == nil {
			return c.wrong(at, source.DidYouMean(key, of.t.FieldNames()), "unknown field %s", key)
		}
	}
	x.t = c.narrowed(x.t, x.path)
	x.node = &fieldNode{of: of.node, key: key, soft: soft, required: !x.t.Optional && !soft, at: at}
	return x
}

func fieldHint(t *Type, key string) string {
	switch t.Kind {
	case KindList:
		return "take an item first: first(list)?." + key + ", or all of them: map(list, ." + key + ")"
	case KindDate, KindInstant:
		return "year(…), month(…) and day(…) take a date apart"
	default:
		return ""
	}
}

// extend is the path of a field. A name that looks like an item's is none, or facts about the one would speak of the other.
func extend(path, key string) string {
	if path == "" || strings.ContainsAny(key, "[]") {
		return ""
	}
	return path + "." + key
}

func (c *checker) index(of checked, position ast.Node, at span, soft bool) checked {
	c.noteRead(of)
	index := c.value(position)
	switch {
	case of.t.Kind == KindRecord || of.t.Kind == KindAny && index.t.Kind == KindText:
		return c.wrong(at, "write the name of the field: record.name or record[\"name\"]", "a field cannot be looked up by a computed name")
	case of.t.Kind == KindAny && !c.options.Lenient:
		c.usable(of)
		return checked{node: &literalNode{}, t: unknown, at: at}
	case of.t.Kind != KindList && of.t.Kind != KindAny:
		return c.wrong(at, "", "%s is %s and has no items", c.describe(of), article(of.t.Kind.String()))
	}
	c.expect(index, KindNumber)
	item := of.t.Items
	if item == nil {
		item = TypeOf(KindAny)
	}
	x := checked{node: &indexNode{of: of.node, index: index.node, soft: soft, at: at}, t: item.AsOptional(), at: at}
	if number, ok := position.(*ast.IntegerNode); ok {
		if number.Value < of.t.MinItems {
			x.t = item
		}
		if of.path != "" {
			x.path = fmt.Sprintf("%s[%d]", of.path, number.Value)
		}
		x.t = c.narrowed(x.t, x.path)
	}
	if of.read != "" {
		x.read = of.read + "[]"
	}
	return x
}

func (c *checker) slice(n *ast.SliceNode, at span) checked {
	of := c.value(n.Node)
	c.expect(of, KindList, KindText)
	result := &sliceNode{of: of.node, at: at}
	for _, bound := range []struct {
		from ast.Node
		into *node
	}{{n.From, &result.from}, {n.To, &result.to}} {
		if bound.from != nil {
			x := c.value(bound.from)
			c.expect(x, KindNumber)
			*bound.into = x.node
		}
	}
	t := of.t
	switch t.Kind {
	case KindText:
		t = &Type{Kind: KindText}
	case KindList:
		part := *t
		part.MinItems, t = 0, &part
	}
	return checked{node: result, t: t, at: at}
}
