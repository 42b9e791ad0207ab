package rules

import (
	"slices"
	"strings"
)

// literal is a condition on one axis, and conjunction several that hold together.
type literal struct {
	axis int
	set  pieceSet
}

type conjunction []literal

// pick is the set of the pieces for which a condition holds.
func (s *space) pick(at int, holds func(p piece) bool) literal {
	set := newPieceSet(len(s.axes[at].pieces))
	for i, p := range s.axes[at].pieces {
		if !p.none && holds(p) {
			set.add(i)
		}
	}
	return literal{at, set}
}

func (s *space) present(c *column) literal {
	return s.pick(s.base(c), func(p piece) bool { return !p.missing })
}

// conditions turns a test into alternatives of conditions that hold together; false if that would be too many.
func (s *space) conditions(c *column, test cellTest, text string) ([]conjunction, bool) {
	base := s.base(c)
	if finiteType(s.axes[base].of.result) && fixedCell(test) {
		d := proving(Value{})
		defer proved(d)
		set := s.pick(base, func(p piece) bool {
			ok, err := test.match(d, p.samples[0])
			return ok && err == nil
		})
		return []conjunction{{set}}, true
	}
	switch test := test.(type) {
	case nil, anyTest:
		return []conjunction{{}}, true
	case missingTest:
		return []conjunction{{s.pick(base, func(p piece) bool { return p.missing })}}, true
	case equalTest:
		return s.compared(c, text, test, test.operand, func(order int) bool { return order == 0 }), true
	case compareTest:
		return s.compared(c, text, test, test.operand, test.test), true
	case rangeTest:
		above := s.compared(c, text, test, test.low, func(order int) bool { return order > 0 || order == 0 && !test.lowOpen })
		below := s.compared(c, text, test, test.high, func(order int) bool { return order < 0 || order == 0 && !test.highOpen })
		return bothOf(above, below)
	case textOperatorTest:
		if test.operand.expression != nil {
			return s.whether(c, s.atom(c, text, test)), true
		}
		part := partTest{operatorOf(test), test.operand.value.s}
		at := slices.Index(s.axes[base].parts, part)
		if len(s.axes[base].parts) > 0 && s.axes[base].signs[""] > 0 && len(s.axes[base].signs) == 1 {
			return s.whether(c, s.atom(c, text, test)), true
		}
		return []conjunction{{s.pick(base, func(p piece) bool {
			switch {
			case p.missing:
				return false
			case p.point:
				return part.holds(p.samples[0].s)
			}
			return p.signs[at]
		})}}, true
	case patternTest:
		return s.whether(c, s.atom(c, "matches "+test.pattern.String(), test)), true
	case expressionTest:
		return s.whether(c, s.atom(c, strings.ReplaceAll(test.expression.text, placeholder, "?"), test)), true
	case notTest:
		inner, ok := s.conditions(c, test.test, text)
		if !ok {
			return nil, false
		}
		none, ok := s.negated(inner)
		if !ok {
			return nil, false
		}
		return bothOf([]conjunction{{s.present(c)}}, none)
	case orTest:
		var all []conjunction
		for _, one := range test {
			inner, ok := s.conditions(c, one, text)
			if all = append(all, inner...); !ok || len(all) > maxBoxes*4 {
				return nil, false
			}
		}
		return merged(all), true
	default:
		return nil, false
	}
}

// whether is the condition that an axis of two pieces holds, which a missing value never does.
func (s *space) whether(c *column, at int) []conjunction {
	return []conjunction{{s.present(c), s.pick(at, func(p piece) bool { return p.holds })}}
}

// compared is the condition that a column stands in an order to an operand.
func (s *space) compared(c *column, text string, test cellTest, o operand, holds func(order int) bool) []conjunction {
	kind := c.value.result.Kind
	switch {
	case kind == KindList && o.expression == nil:
		return s.whether(c, s.member(c, o.value))
	case kind == KindList || kind == KindAny || kind == KindRecord || o.expression != nil && o.expression.result.Kind != kind:
		return s.whether(c, s.atom(c, text, test))
	case o.expression != nil:
		return []conjunction{{s.present(c), s.pick(s.order(c, o.expression), func(p piece) bool { return holds(p.order) })}}
	default:
		return []conjunction{{s.pick(s.base(c), func(p piece) bool {
			if p.missing || len(p.samples) == 0 && p.signs == nil {
				return false
			}
			if p.signs != nil {
				return false // a text that is none of those that cells name
			}
			return holds(p.samples[0].order(o.value))
		})}}
	}
}

// bothOf are the alternatives that hold together.
func bothOf(a, b []conjunction) ([]conjunction, bool) {
	var both []conjunction
	for _, x := range a {
		for _, y := range b {
			if joined, possible := joined(x, y); possible {
				both = append(both, joined)
			}
			if len(both) > maxBoxes*4 {
				return nil, false
			}
		}
	}
	return merged(both), true
}

func joined(a, b conjunction) (conjunction, bool) {
	result := slices.Clone(a)
	for _, l := range b {
		at := slices.IndexFunc(result, func(m literal) bool { return m.axis == l.axis })
		if at < 0 {
			result = append(result, l)
			continue
		}
		if result[at].set = result[at].set.and(l.set); result[at].set.empty() {
			return nil, false
		}
	}
	return result, true
}

func (s *space) negated(all []conjunction) ([]conjunction, bool) {
	result := []conjunction{{}}
	for _, c := range all {
		var not []conjunction
		for _, l := range c {
			if rest := s.axes[l.axis].full.without(l.set); !rest.empty() {
				not = append(not, conjunction{{l.axis, rest}})
			}
		}
		var ok bool
		if result, ok = bothOf(result, not); !ok {
			return nil, false
		}
	}
	return result, true
}

// merged joins alternatives that differ on one axis only.
func merged(all []conjunction) []conjunction {
	for again := true; again; {
		again = false
		for i := 0; i < len(all) && !again; i++ {
			for j := i + 1; j < len(all); j++ {
				if one, ok := asOne(all[i], all[j]); ok {
					all = slices.Delete(slices.Clone(all), j, j+1)
					all[i] = one
					again = true
					break
				}
			}
		}
	}
	return all
}

func asOne(a, b conjunction) (conjunction, bool) {
	if len(a) != len(b) {
		return nil, false
	}
	result := slices.Clone(a)
	differs := 0
	for _, l := range b {
		at := slices.IndexFunc(result, func(m literal) bool { return m.axis == l.axis })
		if at < 0 {
			return nil, false
		}
		if !result[at].set.equal(l.set) {
			differs++
			result[at].set = result[at].set.or(l.set)
		}
	}
	return result, differs <= 1
}
