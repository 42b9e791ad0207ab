package rules

import (
	"math/bits"
	"slices"
)

// index finds the rows that facts can match without looking at each: for every column, the values that
// its cells name cut the column's domain into classes, and each class has the set of rows that accept it.
// The rows that all columns accept are the candidates. Cells that are not comparisons with fixed values
// accept everything here, and their rows are looked at cell by cell.
type index struct {
	columns []columnIndex
	look    bitset // rows with cells that the index does not decide
	rows    int
	direct  bool // all columns are facts, so that nothing has to be evaluated; see Table.direct
}

// bitset is a set of rows.
type bitset []uint64

func (b bitset) add(row int)      { b[row/64] |= 1 << (row % 64) }
func (b bitset) has(row int) bool { return b[row/64]&(1<<(row%64)) != 0 }

func (b bitset) count() int {
	count := 0
	for _, word := range b {
		count += bits.OnesCount64(word)
	}
	return count
}

// columnIndex maps a value of a column to a class: for ordered kinds 2i+1 is the i-th bound itself and 2i
// the gap before it; for texts i is the i-th text and the last class all others; a boolean is its own class.
type columnIndex struct {
	kind     Kind
	bounds   []Value
	scaled   []int64 // the bounds as multiples of a power of ten; nil if they are not all small
	exponent int32   // of that power
	texts    map[string]int
	few      []string // the texts by class, if they are so few that looking at each beats the map
	count    int      // of the classes
	classes  []uint64 // the sets of rows of all classes, one after the other, and then that of a missing value
	missing  bitset
	fact     []slot // where the value stands; nil if it is computed
	optional bool   // the value may be missing
	alone    bool   // no other column reads it
}

// maxIndexWords bounds the memory of an index: 32 MiB. The columns that do not fit any more are looked at row by row.
const maxIndexWords = 4 << 20

// buildIndex makes the index of a table's rows.
func buildIndex(t *Table) *index {
	x := &index{rows: len(t.rows), look: newBitset(len(t.rows))}
	left := maxIndexWords
	for i := range t.columns {
		c, used := x.column(t, i, left)
		left -= used
		x.columns = append(x.columns, c)
	}
	x.direct = len(x.columns) > 0 && len(x.columns) <= maxDirect && t.effective == nil && (t.hit == First || t.hit == Unique) &&
		!slices.ContainsFunc(x.columns, func(c columnIndex) bool { return c.fact == nil })
	return x
}

func newBitset(rows int) bitset { return make(bitset, (rows+63)/64) }

func (x *index) column(t *Table, at, most int) (columnIndex, int) {
	result := t.columns[at].value.result
	c := columnIndex{kind: result.Kind, optional: result.Optional, fact: slotsOf(t.Facts, t.columns[at].path), alone: t.alone(at)}
	words := len(x.look)
	var literals []Value
	for i := range t.rows {
		var ok bool
		if literals, ok = collectLiterals(t.rows[i].tests[at], c.kind, literals); !ok {
			x.look.add(i)
		}
	}
	fits := c.partition(literals, most/max(words, 1))
	c.classes = make([]uint64, (c.count+1)*words)
	c.missing = c.classes[c.count*words:]
	for i := range t.rows {
		test := t.rows[i].tests[at]
		computed := t.rows[i].computed&(1<<at) != 0
		if !fits && test != nil {
			x.look.add(i)
			computed = true
		}
		if computed || test == nil {
			c.accept(i, classRange{0, c.count}, words)
			c.missing.add(i)
			continue
		}
		for _, of := range c.rangesOf(test) {
			c.accept(i, of, words)
		}
		if accepted, err := test.match(nil, Value{}); accepted || err != nil {
			c.missing.add(i)
		}
	}
	return c, len(c.classes)
}

// accept adds a row to the sets of some classes.
func (c *columnIndex) accept(row int, of classRange, words int) {
	word, bit := row/64, uint64(1)<<(row%64)
	for class := of.from; class < of.to; class++ {
		c.classes[class*words+word] |= bit
	}
}

// class is the set of rows of a class.
func (c *columnIndex) class(i int) bitset {
	words := len(c.missing)
	return c.classes[i*words : (i+1)*words]
}

// classRange is the classes from one to before another.
type classRange struct{ from, to int }

// rangesOf are the classes whose values satisfy a test that compares with fixed values, in order and without overlap.
func (c *columnIndex) rangesOf(test cellTest) []classRange {
	switch test := test.(type) {
	case equalTest:
		at := c.classOf(&test.operand.value)
		return []classRange{{at, at + 1}}
	case compareTest:
		at := c.classOf(&test.operand.value)
		var ranges []classRange
		if test.test(-1) {
			ranges = append(ranges, classRange{0, at})
		}
		if test.test(0) {
			ranges = append(ranges, classRange{at, at + 1})
		}
		if test.test(1) {
			ranges = append(ranges, classRange{at + 1, c.count})
		}
		return ranges
	case rangeTest:
		low, high := c.classOf(&test.low.value), c.classOf(&test.high.value)+1
		if test.lowOpen {
			low++
		}
		if test.highOpen {
			high--
		}
		return []classRange{{low, max(low, high)}}
	case notTest:
		var ranges []classRange
		from := 0
		for _, of := range c.rangesOf(test.test) {
			ranges = append(ranges, classRange{from, of.from})
			from = of.to
		}
		return append(ranges, classRange{from, c.count})
	case orTest:
		var all []classRange
		for _, inner := range test {
			all = append(all, c.rangesOf(inner)...)
		}
		return mergedRanges(all)
	case anyTest:
		return []classRange{{0, c.count}}
	default: // missing
		return nil
	}
}

func mergedRanges(all []classRange) []classRange {
	slices.SortFunc(all, func(a, b classRange) int { return a.from - b.from })
	var ranges []classRange
	for _, of := range all {
		if last := len(ranges) - 1; last >= 0 && of.from <= ranges[last].to {
			ranges[last].to = max(ranges[last].to, of.to)
		} else if of.from < of.to {
			ranges = append(ranges, of)
		}
	}
	return ranges
}

// collectLiterals adds the values that a test compares with; false if it does more than that.
func collectLiterals(test cellTest, kind Kind, to []Value) ([]Value, bool) {
	operands := func(all ...operand) ([]Value, bool) {
		for _, o := range all {
			if o.expression != nil || o.value.kind != kind {
				return to, false
			}
			to = append(to, o.value)
		}
		return to, indexed(kind)
	}
	switch test := test.(type) {
	case nil, anyTest, missingTest:
		return to, true
	case equalTest:
		return operands(test.operand)
	case compareTest:
		return operands(test.operand)
	case rangeTest:
		return operands(test.low, test.high)
	case notTest:
		return collectLiterals(test.test, kind, to)
	case orTest:
		for _, inner := range test {
			var ok bool
			if to, ok = collectLiterals(inner, kind, to); !ok {
				return to, false
			}
		}
		return to, true
	default:
		return to, false
	}
}

// indexed says whether values of a kind are told apart by the index.
func indexed(kind Kind) bool {
	return kind == KindText || kind == KindBool || kind == KindNumber || kind == KindDate || kind == KindDuration
}

// rowsFor is the set of rows that accept a value; nil if the index knows nothing about it.
func (c *columnIndex) rowsFor(v *Value) bitset {
	switch {
	case v == nil || v.kind == KindMissing:
		return c.missing
	case v.kind == c.kind && indexed(v.kind):
		return c.class(c.classOf(v))
	case !indexed(c.kind):
		return c.class(0)
	default:
		return nil
	}
}

// lookUp finds the sets of rows that the values of the columns leave. It returns false if the index cannot be used for
// these values.
func (x *index) lookUp(d *deciding) bool {
	for i := range x.columns {
		set := x.columns[i].rowsFor(&d.values[i])
		if set == nil {
			d.sets = d.sets[:0]
			return false
		}
		d.sets = append(d.sets, set)
	}
	return true
}
