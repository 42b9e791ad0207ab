package rules

import "slices"

// index finds the rows that facts can match without looking at each: for every column, the values that
// its cells name cut the column's domain into classes, and each class has the set of rows that accept it.
// The rows that all columns accept are the candidates. Cells that are not comparisons with fixed values
// accept everything here, and their rows are looked at cell by cell.
type index struct {
	columns []columnIndex
	look    bitset // rows with cells that the index does not decide
	rows    int
}

// bitset is a set of rows.
type bitset []uint64

func (b bitset) add(row int)      { b[row/64] |= 1 << (row % 64) }
func (b bitset) has(row int) bool { return b[row/64]&(1<<(row%64)) != 0 }

// columnIndex maps a value of a column to a class: for ordered kinds 2i+1 is the i-th bound itself and 2i
// the gap before it; for texts i is the i-th text and the last class all others.
type columnIndex struct {
	kind    Kind
	bounds  []Value
	texts   map[string]int
	classes []bitset
	missing bitset
	// unusable: no sample could be found for some class, so rows are looked at one by one.
	unusable bool
}

// buildIndex makes the index of a table's rows.
func buildIndex(t *Table) *index {
	x := &index{rows: len(t.rows), look: newBitset(len(t.rows))}
	for i := range t.columns {
		x.columns = append(x.columns, x.column(t, i))
	}
	return x
}

func newBitset(rows int) bitset { return make(bitset, (rows+63)/64) }

func (x *index) column(t *Table, at int) columnIndex {
	c := columnIndex{kind: t.columns[at].value.result.Kind, missing: newBitset(x.rows)}
	var literals []Value
	for i := range t.rows {
		var ok bool
		if literals, ok = collectLiterals(t.rows[i].tests[at], c.kind, literals); !ok {
			x.look.add(i)
		}
	}
	for _, sample := range c.partition(literals) {
		class := newBitset(x.rows)
		for i := range t.rows {
			if x.accepts(t.rows[i].tests[at], c.kind, sample) {
				class.add(i)
			}
		}
		c.classes = append(c.classes, class)
	}
	for i := range t.rows {
		if x.accepts(t.rows[i].tests[at], c.kind, Value{}) {
			c.missing.add(i)
		}
	}
	return c
}

// accepts is the test on a sample of a class, which stands for all of its values; a test that the index
// does not understand accepts everything.
func (x *index) accepts(test cellTest, kind Kind, sample Value) bool {
	if _, ok := collectLiterals(test, kind, nil); !ok || test == nil {
		return true
	}
	accepted, err := test.match(nil, sample)
	return accepted || err != nil
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

// partition fixes the classes and returns a sample of each. A class without any value has a sample that
// is never looked up.
func (c *columnIndex) partition(literals []Value) []Value {
	switch c.kind {
	case KindBool:
		return []Value{Bool(false), Bool(true)}
	case KindText:
		c.texts = map[string]int{}
		var samples []Value
		for _, literal := range literals {
			if _, seen := c.texts[literal.s]; !seen {
				c.texts[literal.s] = len(samples)
				samples = append(samples, literal)
			}
		}
		return append(samples, Value{kind: KindText, s: "\x00 no text of any table"})
	case KindNumber, KindDate, KindDuration:
		slices.SortFunc(literals, Value.order)
		c.bounds = slices.CompactFunc(literals, Value.Equal)
		return c.orderedSamples()
	default:
		return []Value{List()} // one class of all values that are there
	}
}

func (c *columnIndex) orderedSamples() []Value {
	if len(c.bounds) == 0 {
		return []Value{{kind: c.kind}}
	}
	last := c.bounds[len(c.bounds)-1]
	var samples []Value
	for i, bound := range c.bounds {
		if i == 0 {
			samples = append(samples, neighbour(bound, -1))
		} else {
			samples = append(samples, between(c.bounds[i-1], bound))
		}
		samples = append(samples, bound)
	}
	samples = append(samples, neighbour(last, 1))
	if samples[0].order(c.bounds[0]) >= 0 || samples[len(samples)-1].order(last) <= 0 {
		c.unusable = true // at the very end of the range of numbers
	}
	return samples
}

// neighbour is a value below or above, not further specified.
func neighbour(v Value, step int64) Value {
	if v.kind != KindNumber {
		return Value{kind: v.kind, n: v.n + step}
	}
	if n, err := v.Num().Add(Int(step)); err == nil && !n.Equal(v.Num()) {
		return Number(n)
	}
	// So large that one more is lost in rounding: the other side of zero, or twice as far.
	if v.Num().Sign() != int(step) {
		return Number(Num{})
	}
	n, err := v.Num().Mul(Int(2))
	if err != nil {
		return v
	}
	return Number(n)
}

// between is a value between two that have one between them.
func between(a, b Value) Value {
	if a.kind != KindNumber {
		return Value{kind: a.kind, n: a.n + (b.n-a.n)/2}
	}
	half, _ := ParseNum("0.5")
	x, _ := a.Num().Mul(half) // halves of numbers in range are in range
	y, _ := b.Num().Mul(half)
	sum, _ := x.Add(y)
	return Number(sum)
}

// rowsFor is the set of rows that accept a value; nil if the index knows nothing about it.
func (c *columnIndex) rowsFor(v Value) bitset {
	switch {
	case v.kind == KindMissing:
		return c.missing
	case !indexed(c.kind):
		return c.classes[0]
	case v.kind != c.kind || c.unusable:
		return nil
	}
	switch c.kind {
	case KindBool:
		return c.classes[v.n]
	case KindText:
		class, named := c.texts[v.s]
		if !named {
			class = len(c.texts)
		}
		return c.classes[class]
	default:
		low, high := 0, len(c.bounds)
		for low < high {
			middle := (low + high) / 2
			switch order := c.bounds[middle].order(v); {
			case order == 0:
				return c.classes[2*middle+1]
			case order < 0:
				low = middle + 1
			default:
				high = middle
			}
		}
		return c.classes[2*low]
	}
}

// lookUp finds the sets of rows that the values of the columns leave. It returns false if the index cannot be used for
// these values.
func (x *index) lookUp(d *deciding) bool {
	for i := range x.columns {
		set := x.columns[i].rowsFor(d.values[i])
		if set == nil {
			d.sets = d.sets[:0]
			return false
		}
		d.sets = append(d.sets, set)
	}
	return true
}
