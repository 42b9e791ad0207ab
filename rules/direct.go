package rules

import (
	"math/bits"
	"slices"
)

// slot is a field of a record and where it stands if the record has all fields of its type.
type slot struct {
	key string
	at  int
}

// slotsOf finds out where the fields of a path stand in the facts.
func slotsOf(of *Type, path []string) []slot {
	slots := make([]slot, 0, len(path))
	for _, key := range path {
		s := slot{key: key}
		if of != nil && of.Kind == KindRecord {
			names := of.FieldNames()
			slices.Sort(names)
			s.at = max(0, slices.Index(names, key))
			of = of.Member(key)
		} else {
			of = nil
		}
		slots = append(slots, s)
	}
	if len(slots) == 0 {
		return nil
	}
	return slots
}

// in is the field of a record; nil if it has none.
func (s *slot) in(v *Value) *Value {
	if v.kind != KindRecord {
		return nil
	}
	keys := v.p.keys
	if s.at < len(keys) && keys[s.at] == s.key {
		return &v.p.items[s.at]
	}
	if at, found := slices.BinarySearch(keys, s.key); found {
		return &v.p.items[at]
	}
	return nil
}

// alone says whether no other column reads the fact of a column, a part of it or what it is a part of.
func (t *Table) alone(column int) bool {
	path := t.columns[column].path
	for i := range t.columns {
		if of := t.columns[i].path; i != column && slices.Equal(of[:min(len(of), len(path))], path[:min(len(of), len(path))]) {
			return false
		}
	}
	return path != nil
}

// literalDefault is what holds if no row matches, if it is the same for all facts.
func (t *Table) literalDefault() (Value, bool) {
	if t.fallback == nil {
		return Value{}, false
	}
	return t.fallback.Literal()
}

// maxDirect is how many columns a table may have of which the rows are found directly.
const maxDirect = 16

// direct finds the row that decides with the index alone: where every column is a fact and every cell before the
// decision compares with fixed values, as in nearly all tables, nothing is evaluated and nothing need be paid for. The
// row is nil if none matches. ok is false where that is not all: then the whole way is gone, which gives the same.
// Where changed is a column, its value is the given one.
func (t *Table) direct(facts *Value, changed int, to *Value) (decided *row, at int, ok bool) {
	x := t.index
	if !x.direct {
		return nil, 0, false
	}
	var sets [maxDirect]bitset
	first := ^uint64(0)
	for i := range x.columns {
		c := &x.columns[i]
		v := to
		if i != changed {
			v = c.find(facts)
		}
		if (v == nil || v.kind == KindMissing) && !c.optional {
			return nil, 0, false
		}
		set := c.rowsFor(v)
		if len(set) == 0 {
			return nil, 0, false
		}
		first &= set[0]
		sets[i] = set
	}
	at, ok = x.only(first, sets[:len(x.columns)], t.hit == First)
	if !ok || at < 0 {
		return nil, 0, ok
	}
	return &t.rows[at], at, t.rows[at].fixed
}

// find is the value of a column that is a fact; nil if it is missing.
func (c *columnIndex) find(facts *Value) *Value {
	v := facts
	for j := range c.fact {
		if v = c.fact[j].in(v); v == nil {
			return nil
		}
	}
	return v
}

// only is the first row, or if first is false the only row, of all sets; -1 if there is none. ok is false if there are
// several, or cells that have to be looked at.
func (x *index) only(rows uint64, sets []bitset, first bool) (at int, ok bool) {
	at = -1
	for word := 0; ; {
		if rows != 0 {
			if at >= 0 || x.look[word]&rows != 0 && !(first && x.look[word]&(rows&-rows) == 0) {
				return 0, false
			}
			at = word*64 + bits.TrailingZeros64(rows)
			if first {
				return at, true
			}
			if rows&(rows-1) != 0 {
				return 0, false
			}
		}
		if word++; word >= len(x.look) {
			return at, true
		}
		rows = ^uint64(0)
		for _, set := range sets {
			rows &= set[word]
		}
	}
}
