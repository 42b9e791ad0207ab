package rules

import (
	"slices"
	"strings"
)

// space is what the cells of one or two tables depend on: axes, and for every row the boxes of facts that it matches.
type space struct {
	axes  []*axis
	byKey map[string]int
	sizes []pieceSet // by axis: all of it
	facts *Type
	never []box // no facts lie in these
	force box   // where the table is in force; nil if it always is
}

// ruleBox is one box of a row. A row has several if its cells have alternatives about different things.
type ruleBox struct {
	box box
	row int // its position in the table
	// same is a number that boxes have in common that stand for the same facts and decide the same.
	same int
}

// maxBoxes bounds the boxes of one row, maxSetWords what all boxes of a space hold.
const (
	maxBoxes    = 64
	maxSetWords = 4 << 20
)

// outOfForce excludes the business days on which a table is not in force. Facts are looked for on the others only.
func (s *space) outOfForce(t *Table) {
	if t.effective == nil || t.effective.column >= len(t.columns) {
		return
	}
	base := s.base(&t.columns[t.effective.column])
	out := s.pick(base, func(p piece) bool {
		return !p.missing && len(p.samples) > 0 && p.samples[0].kind == KindDate && !t.effective.covers(p.samples[0])
	})
	if !out.set.empty() {
		s.excluded(out)
		s.force = make(box, len(s.axes))
		s.force[base] = s.axes[base].full.without(out.set)
	}
}

// inForce is the part of a region in which the table is in force; false if it is so nowhere in it.
func (s *space) inForce(region box) (box, bool) {
	if s.force == nil {
		return region, true
	}
	return region.and(s.force)
}

// inForceFor says whether a table is in force on the business day of facts.
func (t *Table) inForceFor(facts Value) bool {
	if t.effective == nil || t.effective.column >= len(t.columns) {
		return true
	}
	decoded, err := t.Facts.Decode(facts)
	if err != nil {
		return false
	}
	d := proving(decoded)
	defer proved(d)
	day, wrong := d.evaluate(t.columns[t.effective.column].value, Value{})
	return wrong == nil && day.kind == KindDate && t.effective.covers(day)
}

// testsInForce are the tests for whose business day a table is in force.
func (t *Table) testsInForce(tests []TableTest) []TableTest {
	return slices.DeleteFunc(slices.Clone(tests), func(test TableTest) bool { return !t.inForceFor(test.Facts) })
}

func newSpace(facts *Type) *space { return &space{byKey: map[string]int{}, facts: facts} }

func (s *space) axis(key string, make func() *axis) int {
	at, there := s.byKey[key]
	if !there {
		at = len(s.axes)
		s.byKey[key] = at
		a := make()
		s.axes = append(s.axes, a)
		if s.sizes != nil { // found late: the others are cut already
			a.cut()
			s.sizes = append(s.sizes, a.full)
		}
	}
	return at
}

// base is the axis of a column's values. Columns with the same fact or formula share it.
func (s *space) base(c *column) int {
	return s.axis("value\x00"+c.value.text, func() *axis {
		return &axis{kind: valueAxis, column: c.name, of: c.value, path: factPath(c.value.root)}
	})
}

func (s *space) order(c *column, operand *Expression) int {
	return s.axis("order\x00"+c.value.text+"\x00"+operand.text, func() *axis {
		return &axis{kind: orderAxis, column: c.name, of: c.value, path: factPath(c.value.root), operand: operand, text: operand.text}
	})
}

func (s *space) member(c *column, item Value) int {
	return s.axis("member\x00"+c.value.text+"\x00"+string(item.Plain()), func() *axis {
		return &axis{kind: memberAxis, column: c.name, of: c.value, path: factPath(c.value.root), item: item}
	})
}

func (s *space) atom(c *column, text string, test cellTest) int {
	return s.axis("atom\x00"+c.value.text+"\x00"+text, func() *axis {
		return &axis{kind: atomAxis, column: c.name, of: c.value, path: factPath(c.value.root), test: test, text: text, whole: strings.HasPrefix(text, "cell ")}
	})
}

// finiteType says whether a column has a few values only, so that every fixed test can be tried with each.
func finiteType(t *Type) bool { return len(t.Enum) > 0 || t.Kind == KindBool }

// register finds the axes of a test and the values that cut them.
func (s *space) register(c *column, test cellTest, text string) {
	base := s.base(c)
	if finiteType(s.axes[base].of.result) && fixedCell(test) {
		return
	}
	switch test := test.(type) {
	case equalTest:
		s.registerOperands(c, text, test, test.operand)
	case compareTest:
		s.registerOperands(c, text, test, test.operand)
	case rangeTest:
		s.registerOperands(c, text, test, test.low, test.high)
	case textOperatorTest:
		if test.operand.expression != nil {
			s.atom(c, text, test)
			return
		}
		part := partTest{operatorOf(test), test.operand.value.s}
		if a := s.axes[base]; !slices.Contains(a.parts, part) {
			a.parts = append(a.parts, part)
		}
	case patternTest:
		s.atom(c, "matches "+test.pattern.String(), test)
	case expressionTest:
		s.atom(c, strings.ReplaceAll(test.expression.text, placeholder, "?"), test)
	case notTest:
		s.register(c, test.test, text)
	case orTest:
		for _, inner := range test {
			s.register(c, inner, text)
		}
	}
}

// registerOperands cuts the axis of values by fixed operands, and makes an axis of its own for a computed one.
func (s *space) registerOperands(c *column, text string, test cellTest, operands ...operand) {
	for _, o := range operands {
		switch kind := c.value.result.Kind; {
		case kind == KindList && o.expression == nil:
			s.member(c, o.value)
		case kind == KindList || kind == KindAny || kind == KindRecord || o.expression != nil && o.expression.result.Kind != kind:
			s.atom(c, text, test)
		case o.expression != nil:
			s.order(c, o.expression)
		default:
			if a := s.axes[s.base(c)]; !slices.ContainsFunc(a.literals, o.value.Equal) {
				a.literals = append(a.literals, o.value)
			}
		}
	}
}

// fixedCell says whether a test depends on nothing but the column's value.
func fixedCell(test cellTest) bool {
	switch test := test.(type) {
	case equalTest:
		return test.operand.expression == nil
	case compareTest:
		return test.operand.expression == nil
	case rangeTest:
		return test.low.expression == nil && test.high.expression == nil
	case textOperatorTest:
		return test.operand.expression == nil
	case expressionTest:
		return len(test.expression.reads) == 0 || len(test.expression.variables) == 1 && test.expression.variables[0] == placeholder
	case notTest:
		return fixedCell(test.test)
	case orTest:
		return !slices.ContainsFunc(test, func(t cellTest) bool { return !fixedCell(t) })
	default:
		return true
	}
}

func (s *space) cut() {
	for _, a := range s.axes {
		a.cut()
	}
	s.sizes = []pieceSet{}
	for _, a := range s.axes {
		s.sizes = append(s.sizes, a.full)
	}
}

// exclude finds boxes that no facts lie in: what an axis tells of a missing value, what is known of single values, and
// orders that two columns cannot have.
func (s *space) exclude() {
	const most = 64 // pieces of an axis
	s.never = nil
	for at, a := range s.axes {
		base, there := s.byKey["value\x00"+a.of.text]
		if a.kind == valueAxis || !there || a.whole {
			continue
		}
		b := s.axes[base]
		if a.of.result.Optional {
			none := pieceAt(len(a.pieces), len(a.pieces)-1)
			missing := pieceAt(len(b.pieces), 0)
			s.excluded(literal{at, none}, literal{base, b.full.without(missing)})
			s.excluded(literal{at, a.full.without(none)}, literal{base, missing})
		}
		switch {
		case len(b.pieces) > most:
		case a.kind == atomAxis && fixedCell(a.test):
			d := proving(Value{})
			for i, p := range b.pieces {
				if !p.point || p.missing {
					continue
				}
				if holds, err := a.test.match(d, p.samples[0]); err == nil {
					s.excluded(literal{at, pieceAt(len(a.pieces), map[bool]int{true: 0, false: 1}[holds])}, literal{base, pieceAt(len(b.pieces), i)})
				}
			}
			proved(d)
		case a.kind == orderAxis:
			if other, there := s.byKey["value\x00"+a.operand.text]; there && len(s.axes[other].pieces) <= most && ordered(a.of.result.Kind) {
				s.excludeOrders(at, base, other)
			}
		}
	}
}

func (s *space) excludeOrders(at, left, right int) {
	for i, p := range s.axes[left].pieces {
		for order := -1; order <= 1 && !p.missing; order++ {
			set := newPieceSet(len(s.axes[right].pieces))
			for j, q := range s.axes[right].pieces {
				if !q.missing && !mayOrder(p, q, order) {
					set.add(j)
				}
			}
			if !set.empty() {
				s.excluded(literal{at, pieceAt(len(s.axes[at].pieces), order+1)}, literal{left, pieceAt(len(s.axes[left].pieces), i)}, literal{right, set})
			}
		}
	}
}

// mayOrder says whether a value of one piece can be less than, equal to or greater than one of another.
func mayOrder(p, q piece, order int) bool {
	if len(p.samples) == 0 || len(q.samples) == 0 || p.signs != nil || q.signs != nil || p.samples[0].kind == KindText {
		return true
	}
	ends := func(p piece) (low, high *Value, open bool) {
		if p.point {
			return &p.samples[0], &p.samples[0], false
		}
		return p.low, p.high, true
	}
	pLow, pHigh, pOpen := ends(p)
	qLow, qHigh, qOpen := ends(q)
	before := func(low, high *Value) bool { return low == nil || high == nil || low.order(*high) < 0 }
	switch order {
	case -1:
		return before(pLow, qHigh)
	case 1:
		return before(qLow, pHigh)
	}
	if !pOpen && !qOpen {
		return pLow.Equal(*qLow)
	}
	return before(pLow, qHigh) && before(qLow, pHigh)
}

func (s *space) excluded(all ...literal) {
	b := make(box, len(s.axes))
	for _, l := range all {
		if b[l.axis] != nil {
			l.set = b[l.axis].and(l.set)
		}
		if b[l.axis] = l.set; l.set.empty() {
			return
		}
	}
	s.never = append(s.never, b)
}

// pad brings boxes that were made before an axis was found to the number of axes.
func (s *space) pad(boxes []ruleBox) {
	for i := range boxes {
		for len(boxes[i].box) < len(s.axes) {
			boxes[i].box = append(boxes[i].box, nil)
		}
	}
}

// add registers the cells of a table.
func (s *space) add(t *Table) {
	if e := t.effective; e != nil && e.column < len(t.columns) {
		a := s.axes[s.base(&t.columns[e.column])]
		for _, day := range []Value{e.from, e.to} {
			if day.kind == KindDate && !slices.ContainsFunc(a.literals, day.Equal) {
				a.literals = append(a.literals, day)
			}
		}
	}
	for i := range t.columns {
		s.base(&t.columns[i])
		for r := range t.rows {
			if test := t.rows[r].tests[i]; test != nil {
				s.register(&t.columns[i], test, strings.TrimSpace(t.rows[r].cells[i].text))
			}
		}
	}
}

// boxes are those of all rows, in order. words counts what they take.
func (s *space) boxes(t *Table, words *int) []ruleBox {
	var all []ruleBox
	cells := map[string][]conjunction{}
	for r := range t.rows {
		alternatives := []conjunction{{}}
		for i := range t.columns {
			test := t.rows[r].tests[i]
			if test == nil {
				continue
			}
			c := &t.columns[i]
			text := strings.TrimSpace(t.rows[r].cells[i].text)
			key := c.name + "\x00" + text
			known, there := cells[key]
			if !there {
				var ok bool
				if known, ok = s.conditions(c, test, text); !ok {
					known = s.unclear(c, test, text)
				}
				cells[key] = known
				for _, one := range known {
					for _, l := range one {
						*words += len(l.set)
					}
				}
			}
			next, ok := bothOf(alternatives, known)
			if !ok || len(next) > maxBoxes {
				next, _ = bothOf(alternatives, s.unclear(c, test, text))
			}
			alternatives = next
		}
		for _, one := range alternatives {
			b := make(box, len(s.axes))
			for _, l := range one {
				if !l.set.equal(s.axes[l.axis].full) {
					b[l.axis] = l.set
				}
			}
			all = append(all, ruleBox{box: b, row: r})
		}
	}
	return all
}

// unclear takes a whole cell as one test that is not understood further.
func (s *space) unclear(c *column, test cellTest, text string) []conjunction {
	at := s.atom(c, "cell "+text, test)
	return []conjunction{{s.pick(at, func(p piece) bool { return p.holds })}}
}
