package rules

import "slices"

func listFunctions() []*function {
	number := &Type{Kind: KindNumber, Integer: true}
	item := func(c *checker, _ *callNode, arguments []checked) *Type { return itemType(arguments[0].t).AsOptional() }
	same := func(_ *checker, _ *callNode, arguments []checked) *Type { return listType(arguments[0].t) }
	concat := define("concat(list, list, …)", nil, concatLists, listParam).returning(joinedLists)
	concat.rest = &listParam
	return []*function{
		define("len(value)", number, length, param{kinds: []Kind{KindText, KindList, KindRecord}}),
		define("first(list)", nil, pick(func(items []Value) Value { return items[0] }), listParam).returning(item),
		define("last(list)", nil, pick(func(items []Value) Value { return items[len(items)-1] }), listParam).returning(item),
		define("reverse(list)", nil, reverseList, listParam).returning(same),
		define("unique(list)", nil, uniqueItems, listParam).returning(same),
		define("flatten(list)", nil, flattenList, param{kinds: []Kind{KindList}, items: KindList}).returning(flattened),
		concat,
		define("keys(record)", ListOf(&Type{Kind: KindText}), recordKeys, param{kinds: []Kind{KindRecord}}),
		define("values(record)", nil, recordValues, param{kinds: []Kind{KindRecord}}).returning(valuesType),
	}
}

// itemType is the type of a list's items; any if nothing is known.
func itemType(t *Type) *Type {
	if t.Kind == KindList && t.Items != nil {
		return t.Items
	}
	return TypeOf(KindAny)
}

func listType(t *Type) *Type {
	if t.Kind == KindList {
		return ListOf(t.Items)
	}
	return TypeOf(KindList)
}

func joinedLists(c *checker, _ *callNode, arguments []checked) *Type {
	var item *Type
	for _, argument := range arguments {
		if argument.t.Kind != KindList {
			return TypeOf(KindList)
		}
		joined, ok := join(item, argument.t.Items)
		if !ok {
			if !c.options.Lenient {
				c.fail(argument.at, "", "the lists hold different kinds: %s and %s", item.Kind, argument.t.Items.Kind)
			}
			return TypeOf(KindList)
		}
		item = joined
	}
	return ListOf(item)
}

func flattened(_ *checker, _ *callNode, arguments []checked) *Type {
	if inner := itemType(arguments[0].t); inner.Kind == KindList {
		return ListOf(inner.Items)
	}
	return TypeOf(KindList)
}

func valuesType(_ *checker, _ *callNode, arguments []checked) *Type {
	t := arguments[0].t
	if t.Kind == KindRecord && len(t.Fields) == 0 && t.Extra != nil {
		return ListOf(t.Extra)
	}
	return TypeOf(KindList)
}

func length(m *machine, site *callNode, a []Value) (Value, *Error) {
	return Number(Int(int64(a[0].Len()))), m.step(site.at, len(a[0].s)/64)
}

func pick(of func([]Value) Value) func(m *machine, site *callNode, a []Value) (Value, *Error) {
	return func(_ *machine, _ *callNode, a []Value) (Value, *Error) {
		if len(a[0].p.items) == 0 {
			return Value{}, nil
		}
		return of(a[0].p.items), nil
	}
}

func reverseList(m *machine, site *callNode, a []Value) (Value, *Error) {
	if err := m.makeList(site.at, len(a[0].p.items)); err != nil {
		return Value{}, err
	}
	items := slices.Clone(a[0].p.items)
	slices.Reverse(items)
	return List(items...), nil
}

// uniqueItems keeps the first of equal items. Equal ones are found by their canonical form, so that the
// work grows with the list and not with its square.
func uniqueItems(m *machine, site *callNode, a []Value) (Value, *Error) {
	seen := map[string]bool{}
	var items []Value
	for _, item := range a[0].p.items {
		if err := m.make(site.at, size(item)+valueSize); err != nil {
			return Value{}, err
		}
		key := string(item.appendWire(nil))
		if err := m.step(site.at, 4+len(key)/16); err != nil {
			return Value{}, err
		}
		if !seen[key] {
			seen[key] = true
			items = append(items, item)
		}
	}
	return List(items...), nil
}

func flattenList(m *machine, site *callNode, a []Value) (Value, *Error) {
	return joinLists(m, site, a[0].p.items)
}

func concatLists(m *machine, site *callNode, a []Value) (Value, *Error) { return joinLists(m, site, a) }

func joinLists(m *machine, site *callNode, lists []Value) (Value, *Error) {
	count := 0
	for _, list := range lists {
		if list.kind != KindList {
			return Value{}, site.at.fail("", "%s joins lists, found %s", site.function.name, found(list))
		}
		count += len(list.p.items)
	}
	if err := m.step(site.at, len(lists)+count); err != nil {
		return Value{}, err
	}
	if err := m.makeList(site.at, count); err != nil {
		return Value{}, err
	}
	items := make([]Value, 0, count)
	for _, list := range lists {
		items = append(items, list.p.items...)
	}
	return List(items...), nil
}

func recordKeys(m *machine, site *callNode, a []Value) (Value, *Error) {
	if err := m.makeList(site.at, len(a[0].p.keys)); err != nil {
		return Value{}, err
	}
	items := make([]Value, len(a[0].p.keys))
	for i, key := range a[0].p.keys {
		items[i] = Text(key)
	}
	return List(items...), nil
}

func recordValues(_ *machine, _ *callNode, a []Value) (Value, *Error) {
	return List(a[0].p.items...), nil
}
