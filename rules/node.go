package rules

type literalNode struct{ value Value }

func (n *literalNode) eval(*machine) (Value, *Error) { return n.value, nil }

type variableNode struct {
	slot     int
	name     string
	required bool
	at       span
}

func (n *variableNode) eval(m *machine) (Value, *Error) {
	v := m.variables[n.slot]
	if n.required && v.kind == KindMissing {
		return v, n.at.fail("", "%s is missing", n.name)
	}
	return v, nil
}

type localNode struct{ slot int }

func (n *localNode) eval(m *machine) (Value, *Error) { return m.locals[n.slot], nil }

// fieldNode reads a field of a record.
type fieldNode struct {
	of   node
	key  string
	soft bool // a missing record has missing fields: after ?. and, in lenient expressions, before ??
	// required: the type says that it is there, so that its absence is an error and never goes on unnoticed.
	required bool
	at       span
}

func (n *fieldNode) eval(m *machine) (Value, *Error) {
	v, err := n.of.eval(m)
	if err != nil {
		return v, err
	}
	if v.kind != KindRecord {
		if v.kind == KindMissing && n.soft {
			return v, nil
		}
		if v.kind == KindMissing {
			return v, n.at.fail("use ?. or ?? where it may be missing", "%s is read from something that is missing", n.key)
		}
		return v, n.at.fail("", "%s has no field %s", article(v.kind.String()), n.key)
	}
	v = v.Get(n.key)
	if n.required && v.kind == KindMissing {
		return v, n.at.fail("", "%s is missing", n.key)
	}
	return v, nil
}

// indexNode reads an item of a list; negative positions count from the end, and no item is missing.
type indexNode struct {
	of, index node
	soft      bool
	at        span
}

func (n *indexNode) eval(m *machine) (Value, *Error) {
	v, err := n.of.eval(m)
	if err != nil {
		return v, err
	}
	if v.kind == KindMissing && n.soft {
		return v, nil
	}
	if v.kind != KindList {
		return v, n.at.fail("", "expected a list, found %s", found(v))
	}
	index, err := n.index.eval(m)
	if err != nil {
		return index, err
	}
	i, ok := index.Num().Int64()
	if index.kind != KindNumber || !ok {
		return Value{}, n.at.fail("", "a position must be a whole number")
	}
	if i < 0 {
		i += int64(v.Len())
	}
	if i < 0 || i >= int64(v.Len()) {
		return Value{}, nil
	}
	return v.p.items[i], nil
}

// sliceNode cuts a piece out of a list or a text; bounds beyond the ends are the ends.
type sliceNode struct {
	of, from, to node // from and to may be nil
	at           span
}

func (n *sliceNode) eval(m *machine) (Value, *Error) {
	v, err := n.of.eval(m)
	if err != nil {
		return v, err
	}
	if v.kind != KindList && v.kind != KindText {
		return v, n.at.fail("", "expected a list or a text, found %s", found(v))
	}
	if err := m.step(n.at, 1+len(v.s)/64); err != nil {
		return Value{}, err
	}
	length := v.Len()
	from, err := n.bound(m, n.from, 0, length)
	if err != nil {
		return Value{}, err
	}
	to, err := n.bound(m, n.to, length, length)
	if err != nil {
		return Value{}, err
	}
	to = max(from, to)
	if v.kind == KindList {
		return List(v.p.items[from:to:to]...), nil
	}
	runes := []rune(v.s)
	return Value{kind: KindText, s: string(runes[from:to])}, m.makeText(n.at, to-from)
}

func (n *sliceNode) bound(m *machine, of node, otherwise, length int) (int, *Error) {
	if of == nil {
		return otherwise, nil
	}
	v, err := of.eval(m)
	if err != nil {
		return 0, err
	}
	i, ok := v.Num().Int64()
	if v.kind != KindNumber || !ok {
		return 0, n.at.fail("", "a position must be a whole number")
	}
	if i < 0 {
		i += int64(length)
	}
	return int(min(max(i, 0), int64(length))), nil
}

type conditionalNode struct {
	condition, then, otherwise node
	at                         span
}

func (n *conditionalNode) eval(m *machine) (Value, *Error) {
	v, err := truth(m, n.condition, n.at)
	if err != nil {
		return v, err
	}
	if v.Bool() {
		return n.then.eval(m)
	}
	return n.otherwise.eval(m)
}

type letNode struct {
	slot       int
	value, run node
}

func (n *letNode) eval(m *machine) (Value, *Error) {
	v, err := n.value.eval(m)
	if err != nil {
		return v, err
	}
	m.locals[n.slot] = v
	return n.run.eval(m)
}

type listNode struct {
	items []node
	at    span
}

func (n *listNode) eval(m *machine) (Value, *Error) {
	if err := m.makeList(n.at, len(n.items)); err != nil {
		return Value{}, err
	}
	items := make([]Value, len(n.items))
	for i, item := range n.items {
		v, err := item.eval(m)
		if err != nil {
			return Value{}, err
		}
		items[i] = v
	}
	return List(items...), nil
}

// recordNode makes a record; its keys are sorted and distinct.
type recordNode struct {
	keys   []string
	values []node
	at     span
}

func (n *recordNode) eval(m *machine) (Value, *Error) {
	if err := m.makeList(n.at, len(n.values)); err != nil {
		return Value{}, err
	}
	items := make([]Value, len(n.values))
	for i, value := range n.values {
		v, err := value.eval(m)
		if err != nil {
			return Value{}, err
		}
		items[i] = v
	}
	return recordOf(n.keys, items), nil
}

// found names what came for messages: a number, missing.
func found(v Value) string {
	if v.kind == KindMissing {
		return "nothing: it is missing"
	}
	return article(v.kind.String())
}
