package adapters

import (
	"fmt"
	"maps"

	"crosswalk/rules"
	"crosswalk/source"
)

// tree builds a value from YAML: mappings and lists as they stand, scalars as templates. A mapping of
// the shape {each: list, as: name, where: condition, give: tree} is a list with one tree for each item.
// What is missing is left out of mappings and lists alike.
type tree struct {
	leaf   *rules.Template
	keys   []string
	fields []*tree
	items  []*tree
	each   *comprehension
	isList bool
}

type comprehension struct {
	loop
	where *rules.Expression
	give  *tree
}

// parseTree reads a tree whose expressions may use what the scope holds.
func parseTree(node *source.Node, in scope) *tree {
	switch node.Kind() {
	case source.Absent:
		return nil
	case source.Map:
		if node.Get("each").Exists() && node.Get("give").Exists() {
			return parseComprehension(node, in)
		}
		t := &tree{}
		for _, key := range node.Keys() {
			t.keys = append(t.keys, key)
			t.fields = append(t.fields, parseTree(node.Get(key), in))
		}
		return t
	case source.List:
		t := &tree{isList: true}
		for _, item := range node.List() {
			t.items = append(t.items, parseTree(item, in))
		}
		return t
	default:
		return &tree{leaf: in.template(node)}
	}
}

func parseComprehension(node *source.Node, in scope) *tree {
	fields := node.Map("each", "as", "where", "give")
	l, inner := parseLoop(fields["each"], fields["as"], in)
	return &tree{each: &comprehension{loop: l, where: inner.condition(fields["where"]), give: parseTree(fields["give"], inner)}}
}

// parseLoop reads each: and as:, and returns the scope in which the item has its name.
func parseLoop(each, as *source.Node, in scope) (loop, scope) {
	l := loop{list: in.template(each), as: "item"}
	if as.Exists() {
		l.as = as.Text()
	}
	return l, in.with(l.as, rules.TypeOf(rules.KindAny))
}

// eval builds the value.
func (t *tree) eval(vars map[string]rules.Value) (rules.Value, error) {
	switch {
	case t == nil:
		return rules.Missing(), nil
	case t.leaf != nil:
		return t.leaf.Eval(vars)
	case t.each != nil:
		return t.each.eval(vars)
	case t.isList:
		return evalAll(t.items, vars)
	}
	record := make(map[string]rules.Value, len(t.keys))
	for i, key := range t.keys {
		value, err := t.fields[i].eval(vars)
		if err != nil {
			return rules.Value{}, fmt.Errorf("%s: %w", key, err)
		}
		record[key] = value
	}
	return rules.Record(record), nil
}

func evalAll(trees []*tree, vars map[string]rules.Value) (rules.Value, error) {
	items := make([]rules.Value, 0, len(trees))
	for i, t := range trees {
		value, err := t.eval(vars)
		if err != nil {
			return rules.Value{}, fmt.Errorf("[%d]: %w", i, err)
		}
		if !value.IsMissing() {
			items = append(items, value)
		}
	}
	return rules.List(items...), nil
}

func (c *comprehension) eval(vars map[string]rules.Value) (rules.Value, error) {
	list, err := c.items(vars)
	if err != nil {
		return rules.Value{}, err
	}
	given := make([]rules.Value, 0, len(list))
	for i, item := range list {
		inner := with(vars, c.as, item)
		if holds, err := condition(c.where, inner); err != nil || !holds {
			if err != nil {
				return rules.Value{}, fmt.Errorf("[%d]: where: %w", i, err)
			}
			continue
		}
		value, err := c.give.eval(inner)
		if err != nil {
			return rules.Value{}, fmt.Errorf("[%d]: %w", i, err)
		}
		if !value.IsMissing() {
			given = append(given, value)
		}
	}
	return rules.List(given...), nil
}

// items evaluates the list of a loop; missing is an empty one.
func (l *loop) items(vars map[string]rules.Value) ([]rules.Value, error) {
	list, err := l.list.Eval(vars)
	if err != nil {
		return nil, fmt.Errorf("each: %w", err)
	}
	if kind := list.Kind(); kind != rules.KindList && kind != rules.KindMissing {
		return nil, fmt.Errorf("each: a %s is no list", kind)
	}
	return list.Items(), nil
}

// condition evaluates a condition; none holds always.
func condition(expression *rules.Expression, vars map[string]rules.Value) (bool, error) {
	if expression == nil {
		return true, nil
	}
	value, err := expression.Eval(vars)
	return value.Bool(), err
}

func with(vars map[string]rules.Value, name string, value rules.Value) map[string]rules.Value {
	inner := maps.Clone(vars)
	inner[name] = value
	return inner
}
