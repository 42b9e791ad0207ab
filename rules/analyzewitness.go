package rules

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// maker makes facts that lie in a region. It tries values that the cells and formulas themselves mention, so what it
// finds is readable; what it does not find may exist all the same.
type maker struct {
	space *space
	steps *int // that are left, shared with the search
	pools map[string][]Value
}

// tries bounds the facts that are tried for one region.
const (
	tries  = 400
	starts = 12
)

func newMaker(s *space, steps *int) *maker {
	return &maker{space: s, steps: steps, pools: map[string][]Value{}}
}

// attempt is facts and what is still wrong with them.
type attempt struct {
	facts Value
	wrong []int // axes
}

// find makes facts that lie in the region, on a day on which the table is in force; false if none were found.
func (m *maker) find(region box, from Value) (Value, bool) {
	region, possible := m.space.inForce(region)
	if !possible {
		return Value{}, false
	}
	if from.kind != KindRecord {
		from = defaultOf(m.space.facts)
	}
	random := rand.New(rand.NewPCG(1, 2))
	left := tries
	for start := range starts {
		facts := m.start(region, from, start, random)
		best := m.judge(facts, region)
		for len(best.wrong) > 0 && left > 0 && *m.steps > 0 {
			better, used := m.improve(best, region, left)
			left -= used
			if better.facts.kind == KindMissing {
				break
			}
			best = better
		}
		if len(best.wrong) == 0 {
			if _, err := m.space.facts.Decode(best.facts); err == nil {
				return best.facts, true
			}
		}
		if left <= 0 {
			break
		}
	}
	return Value{}, false
}

// start is where a search for facts begins: first with the most readable values, later with others.
func (m *maker) start(region box, from Value, number int, random *rand.Rand) Value {
	facts := from
	wrong := m.judge(from, region).wrong
	order := make([]int, 0, len(m.space.axes))
	for at, a := range m.space.axes {
		// What columns are facts is set directly, deeper ones later so that they win.
		if a.kind == valueAxis && a.path != nil && (number > 0 || region[at] != nil && slices.Contains(wrong, at)) {
			order = append(order, at)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(m.space.axes[a].path) - len(m.space.axes[b].path) })
	for _, at := range order {
		a := m.space.axes[at]
		set := region[at]
		if set == nil {
			set = a.full
		}
		if number == 0 && m.space.force != nil && m.space.force[at] != nil {
			if days := a.daysIn(set); len(days) > 0 {
				if changed, ok := m.set(facts, a.path, days[0]); ok {
					facts = changed
					continue
				}
			}
		}
		skip := 0
		if number > 0 {
			skip = random.IntN(max(set.count(), 1))
		}
		set.each(func(i int) bool {
			if skip--; skip >= 0 {
				return false
			}
			samples := a.pieces[i].samples
			if len(samples) == 0 {
				return false
			}
			first := 0
			if number > 0 {
				first = random.IntN(len(samples))
			}
			for k := range samples {
				if changed, ok := m.set(facts, a.path, samples[(first+k)%len(samples)]); ok {
					facts = changed
					return true
				}
			}
			return false
		})
	}
	return facts
}

// improve looks for a single change after which fewer axes are wrong.
func (m *maker) improve(from attempt, region box, left int) (attempt, int) {
	used := 0
	var best attempt
	for _, at := range from.wrong {
		found := false
		m.changes(from.facts, at, region, func(facts Value) bool {
			used++
			tried := m.judge(facts, region)
			if len(tried.wrong) < len(from.wrong) && (best.facts.kind == KindMissing || len(tried.wrong) < len(best.wrong)) {
				best = tried
				found = len(best.wrong) == 0 || len(best.wrong) <= len(from.wrong)-2
			}
			return found || used >= left
		})
		if best.facts.kind != KindMissing || used >= left {
			break
		}
	}
	return best, max(used, 1)
}

// judge finds the axes on which facts do not lie in a region.
func (m *maker) judge(facts Value, region box) attempt {
	d := proving(facts)
	defer proved(d)
	result := attempt{facts: facts}
	for at, set := range region {
		if set == nil {
			continue
		}
		*m.steps -= 20
		if i := m.space.axes[at].piece(d); i < 0 || !set.has(i) {
			result.wrong = append(result.wrong, at)
		}
	}
	return result
}

// value is that of the axis' column.
func (a *axis) value(d *deciding) (Value, *Error) {
	if a.path != nil {
		if v := d.facts.Path(a.path...); v.kind != KindMissing || a.of.result.Optional {
			return v, nil
		}
	}
	return d.evaluate(a.of, Value{})
}

// piece is the one that the facts lie in; -1 if that cannot be told.
func (a *axis) piece(d *deciding) int {
	v, err := a.value(d)
	if err != nil {
		return -1
	}
	if v.kind == KindMissing && a.kind != valueAxis && a.of.result.Optional && !a.whole {
		return len(a.pieces) - 1
	}
	which := func(holds bool) int {
		if holds {
			return 1
		}
		return 0
	}
	switch a.kind {
	case valueAxis:
		return a.pieceOf(v)
	case memberAxis:
		return which(v.kind == KindList && slices.ContainsFunc(v.p.items, a.item.Equal))
	case atomAxis:
		ok, err := a.test.match(d, v)
		if err != nil {
			return -1
		}
		return which(ok)
	default:
		w, err := d.evaluate(a.operand, Value{})
		if err != nil || v.kind == KindMissing || v.kind != w.kind {
			return -1
		}
		return max(-1, min(1, v.order(w))) + 1
	}
}

// changes offers facts that are changed in one place, to bring them into a region on an axis.
func (m *maker) changes(facts Value, at int, region box, try func(Value) (enough bool)) {
	a := m.space.axes[at]
	set := func(path []string, v Value) bool {
		changed, ok := m.set(facts, path, v)
		return ok && !changed.Equal(facts) && try(changed)
	}
	if a.path != nil {
		switch a.kind {
		case valueAxis:
			done := false
			if region[at] != nil {
				region[at].each(func(i int) bool {
					done = slices.ContainsFunc(a.pieces[i].samples, func(v Value) bool { return set(a.path, v) })
					return done
				})
			}
			if done {
				return
			}
		case memberAxis:
			list := facts.Path(a.path...)
			var items []Value
			if list.kind == KindList {
				items = slices.DeleteFunc(slices.Clone(list.p.items), a.item.Equal)
			}
			if region[at] == nil || region[at].has(1) {
				items = append(items, a.item)
			}
			if set(a.path, List(items...)) {
				return
			}
		case orderAxis:
			if m.orders(a, facts, set) {
				return
			}
		}
	}
	if a.kind == orderAxis { // the other side
		if path := factPath(a.operand.root); path != nil {
			other := &axis{kind: orderAxis, of: a.operand, path: path, operand: a.of}
			if m.orders(other, facts, set) {
				return
			}
		}
	}
	for _, leaf := range m.leaves(a) {
		if slices.ContainsFunc(daysFor(a, leaf, region[at]), func(v Value) bool { return set(leaf.path, v) }) {
			return
		}
		values := m.pool(leaf, a)
		current := facts.Path(leaf.path...)
		for _, v := range values {
			if set(leaf.path, v) {
				return
			}
		}
		if current.kind == KindText && len(current.s) < 2_000 {
			for _, v := range values {
				if v.kind == KindText && v.s != "" && !strings.Contains(current.s, v.s) && set(leaf.path, Text(strings.TrimSpace(current.s+" "+v.s))) {
					return
				}
			}
		}
	}
}

// orders sets a fact to what it is compared with, and to a little more and less.
func (m *maker) orders(a *axis, facts Value, set func(path []string, v Value) bool) bool {
	d := proving(facts)
	w, err := d.evaluate(a.operand, Value{})
	proved(d)
	if err != nil || w.kind == KindMissing {
		return false
	}
	values := []Value{w}
	if ordered(w.kind) && w.kind != KindText {
		plain := &Type{Kind: w.kind}
		values = append(append(values, inside(plain, &w, nil)...), inside(plain, nil, &w)...)
	} else if w.kind == KindText {
		values = append(values, Text(w.s+"x"))
	}
	return slices.ContainsFunc(values, func(v Value) bool { return set(a.path, v) })
}

// set puts a value in the place of a fact, or takes the fact away with as much around it as must go.
func (m *maker) set(facts Value, path []string, v Value) (Value, bool) {
	return setFact(facts, m.space.facts, path, v)
}

func setFact(of Value, t *Type, path []string, v Value) (Value, bool) {
	member := t.Member(path[0])
	if member == nil {
		return of, false
	}
	if len(path) == 1 {
		if v.kind == KindMissing && !member.Optional {
			return of, false
		}
		return of.With(path[0], v), true
	}
	inner := of.Get(path[0])
	if inner.kind != KindRecord {
		if v.kind == KindMissing {
			return of, true // it is missing already, with what is around it
		}
		inner = defaultOf(member.AsPresent())
		if inner.kind != KindRecord {
			inner = Record(nil)
		}
	}
	changed, ok := setFact(inner, member, path[1:], v)
	if !ok {
		if v.kind == KindMissing && member.Optional {
			return of.With(path[0], Value{}), true
		}
		return of, false
	}
	return of.With(path[0], changed), true
}
