package adapters

import (
	"fmt"
	"maps"

	"crosswalk/rules"
	"crosswalk/source"
)

// tree builds a value from YAML: mappings and lists as they stand, scalars as templates. A mapping of
// the shape {each: list, where: condition, give: tree} is a list with one tree for each item. What is
// missing is left out of mappings and lists alike.
type tree struct {
	leaf   *rules.Template
	keys   []string
	fields []*tree
	items  []*tree
	each   *comprehension
	use    *use
	isList bool
	places bool // a list that keeps what is missing, as null
}

// shape is a tree with a name, for records that several operations answer.
type shape struct {
	of   []string
	node *source.Node
	give *tree
}

// use is a shape filled with values.
type use struct {
	shape *shape
	with  []*tree // one for each name in of
}

type comprehension struct {
	loops []loop
	where *rules.Expression
	give  *tree
}

// loop names the items of a list one after the other.
type loop struct {
	list *rules.Template
	name string
}

// parseTree reads a tree whose expressions may use what the scope holds.
func parseTree(node *source.Node, in scope) *tree {
	switch node.Kind() {
	case source.Absent:
		return nil
	case source.Map:
		switch {
		case node.Get("each").Exists() && node.Get("give").Exists():
			return parseComprehension(node, in)
		case node.Get("shape").Exists() && node.Get("with").Exists():
			return parseUse(node, in)
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
	fields := node.Map("each", "where", "give")
	loops, inner := parseLoops(fields["each"], in)
	c := &comprehension{loops: loops, where: inner.condition(fields["where"])}
	c.give = parseTree(fields["give"], inner.given(c.where))
	return &tree{each: c}
}

// parseLoops reads each: a list, whose items are called item, or names with their lists, of which each
// may use the names before it. It returns the scope in which the items have their names.
func parseLoops(each *source.Node, in scope) ([]loop, scope) {
	if each.Kind() != source.Map {
		return []loop{{list: in.template(each), name: "item"}}, in.with("item", anything)
	}
	var loops []loop
	for _, name := range each.Keys() {
		if !fieldName.MatchString(name) {
			each.KeyNode(name).Errorf("use lower case letters, digits and _", "%q cannot be the name of an item", name)
		}
		loops = append(loops, loop{list: in.template(each.Get(name)), name: name})
		in = in.with(name, anything)
	}
	return loops, in
}

// parseUse reads {shape: name, with: {…}}.
func parseUse(node *source.Node, in scope) *tree {
	fields := node.Map("shape", "with")
	s := in.shapes[fields["shape"].Text()]
	if s == nil {
		fields["shape"].Errorf(source.DidYouMean(fields["shape"].Text(), sortedKeys(in.shapes)), "there is no shape %q", fields["shape"].Text())
		return &tree{}
	}
	fields["with"].Map(s.of...)
	u := &use{shape: s}
	for _, name := range s.of {
		u.with = append(u.with, parseTree(fields["with"].Required(name, "the shape is made of it"), in))
	}
	return &tree{use: u}
}

// parseShapes reads the shapes of a file. A shape knows the settings and what it is filled with.
func parseShapes(node *source.Node, base scope) map[string]*shape {
	shapes := map[string]*shape{}
	for _, name := range node.Keys() {
		fields := node.Get(name).Fields(shapeShape)
		s := &shape{of: fields["of"].Texts(), node: fields["give"]}
		in := base
		for _, of := range s.of {
			in = in.with(of, anything)
		}
		s.give = parseTree(node.Get(name).Required("give", "say what the shape gives"), in)
		shapes[name] = s
	}
	return shapes
}

func (u *use) eval(vars map[string]rules.Value) (rules.Value, error) {
	inner, err := u.filled(vars)
	if err != nil {
		return rules.Value{}, err
	}
	return u.shape.give.eval(inner)
}

// filled is what the shape's tree sees.
func (u *use) filled(vars map[string]rules.Value) (map[string]rules.Value, error) {
	inner := map[string]rules.Value{"conn": vars["conn"], "base": vars["base"]}
	for i, name := range u.shape.of {
		value, err := u.with[i].eval(vars)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		inner[name] = value
	}
	return inner, nil
}

var anything = rules.TypeOf(rules.KindAny)

// eval builds the value.
func (t *tree) eval(vars map[string]rules.Value) (rules.Value, error) {
	switch {
	case t == nil:
		return rules.Missing(), nil
	case t.leaf != nil:
		return t.leaf.Eval(vars)
	case t.each != nil:
		return t.each.eval(vars)
	case t.use != nil:
		return t.use.eval(vars)
	case t.isList:
		return evalAll(t.items, t.places, vars)
	}
	record := rules.NewFields(len(t.keys))
	for i, key := range t.keys {
		value, err := t.fields[i].eval(vars)
		if err != nil {
			return rules.Value{}, fmt.Errorf("%s: %w", key, err)
		}
		record.Set(key, value)
	}
	return record.Record(), nil
}

func evalAll(trees []*tree, places bool, vars map[string]rules.Value) (rules.Value, error) {
	items := make([]rules.Value, 0, len(trees))
	for i, t := range trees {
		value, err := t.eval(vars)
		if err != nil {
			return rules.Value{}, fmt.Errorf("[%d]: %w", i, err)
		}
		if places || !value.IsMissing() {
			items = append(items, value)
		}
	}
	return rules.List(items...), nil
}

func (c *comprehension) eval(vars map[string]rules.Value) (rules.Value, error) {
	given := []rules.Value{}
	err := iterate(c.loops, vars, func(inner map[string]rules.Value) error {
		holds, err := condition(c.where, inner)
		if err != nil {
			return fmt.Errorf("where: %w", err)
		}
		if !holds {
			return nil
		}
		value, err := c.give.eval(inner)
		if !value.IsMissing() {
			given = append(given, value)
		}
		return err
	})
	return rules.List(given...), err
}

// iterate calls visit for every item, and for every item of the inner lists; missing is an empty list.
func iterate(loops []loop, vars map[string]rules.Value, visit func(map[string]rules.Value) error) error {
	if len(loops) == 0 {
		return visit(vars)
	}
	list, err := loops[0].list.Eval(vars)
	if err != nil {
		return fmt.Errorf("each: %w", err)
	}
	if kind := list.Kind(); kind != rules.KindList && kind != rules.KindMissing {
		return fmt.Errorf("each: a %s is no list", kind)
	}
	for i, item := range list.Items() {
		if err := iterate(loops[1:], with(vars, loops[0].name, item), visit); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
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
