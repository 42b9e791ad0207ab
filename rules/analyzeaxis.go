package rules

import (
	"math"
	"slices"
)

// axisKind is what an axis tells apart.
type axisKind uint8

const (
	valueAxis  axisKind = iota // the values of a column, by the fixed values that cells compare them with
	orderAxis                  // whether a column is less than, equal to or greater than another fact or formula
	memberAxis                 // whether a column, which is a list, has an item
	atomAxis                   // whether a test holds that is not understood further
)

// axis is one thing about the facts on which the cells of a table depend. All values of a piece are alike to every
// cell. Axes of one column, and columns of which one follows from another, are taken as independent: so a proof that
// something cannot happen holds, and what seems to happen counts only after it has been tried with real facts.
type axis struct {
	kind    axisKind
	column  string      // the column's name in the first table that has it
	of      *Expression // the column's value
	path    []string    // set if that is a fact
	operand *Expression // orderAxis: what it is compared with
	item    Value       // memberAxis
	test    cellTest    // atomAxis
	text    string      // orderAxis: the operand's text; atomAxis: the cell that says it
	whole   bool        // atomAxis: a whole cell, which may also hold where the column is missing

	literals []Value    // valueAxis: what cells compare with
	parts    []partTest // valueAxis of texts: what they are searched for
	pieces   []piece
	finite   bool // every piece is one value
	full     pieceSet
	points   map[string]int // of texts and finite axes: the piece of a value
	signs    map[string]int // of texts: the piece of those that are no point, by what they contain
}

// piece is a part of an axis.
type piece struct {
	missing   bool
	point     bool    // one value
	samples   []Value // of it, the most readable first; none if none is known
	low, high *Value  // of an open interval; nil: without end
	signs     []bool  // of texts: which parts they have
	holds     bool    // atomAxis, memberAxis
	order     int     // orderAxis
	none      bool    // orderAxis, memberAxis, atomAxis: the column is missing, so that there is nothing to tell
}

// maxPieces bounds the pieces of one axis. What would have more is not told apart further.
const maxPieces = 20_000

// cut fixes the pieces of an axis.
func (a *axis) cut() {
	switch a.kind {
	case orderAxis:
		for order := -1; order <= 1; order++ {
			a.pieces = append(a.pieces, piece{order: order})
		}
	case memberAxis, atomAxis:
		a.pieces = []piece{{holds: false}, {holds: true}}
	default:
		a.cutValues()
	}
	if a.kind != valueAxis && a.of.result.Optional && !a.whole {
		a.pieces = append(a.pieces, piece{none: true})
	}
	a.full = fullPieceSet(len(a.pieces))
}

func (a *axis) cutValues() {
	t := a.of.result
	if t.Optional {
		a.pieces = append(a.pieces, piece{missing: true, point: true, samples: []Value{{}}})
	}
	switch {
	case len(t.Enum) > 0:
		a.finite = true
		for _, v := range t.Enum {
			a.addPoint(v)
		}
	case t.Kind == KindBool:
		a.finite = true
		a.addPoint(Bool(false))
		a.addPoint(Bool(true))
	case t.Kind == KindText:
		a.cutTexts(t)
	case t.Kind == KindNumber || t.Kind == KindDate || t.Kind == KindInstant || t.Kind == KindDuration:
		a.cutOrdered(t)
	default:
		a.pieces = append(a.pieces, piece{})
	}
}

func (a *axis) addPoint(v Value) {
	if a.points == nil {
		a.points = map[string]int{}
	}
	if _, there := a.points[v.String()]; !there {
		a.points[v.String()] = len(a.pieces)
		a.pieces = append(a.pieces, piece{point: true, samples: []Value{v}})
	}
}

// cutOrdered makes points of the values that cells name and of the ends of the type, and intervals between them.
func (a *axis) cutOrdered(t *Type) {
	low, high := ends(a.of, t)
	bounds := slices.Clone(a.literals)
	for _, end := range []*Value{low, high} {
		if end != nil {
			bounds = append(bounds, *end)
		}
	}
	slices.SortFunc(bounds, Value.order)
	bounds = slices.CompactFunc(bounds, Value.Equal)
	bounds = slices.DeleteFunc(bounds, func(v Value) bool {
		return low != nil && v.order(*low) < 0 || high != nil && v.order(*high) > 0 || t.Integer && !v.Num().IsInt()
	})
	var before *Value
	for i := range bounds {
		if low == nil || i > 0 {
			a.addInterval(t, before, &bounds[i])
		}
		a.pieces = append(a.pieces, piece{point: true, samples: []Value{bounds[i]}})
		before = &bounds[i]
	}
	if high == nil || len(bounds) == 0 {
		a.addInterval(t, before, nil)
	}
}

func (a *axis) addInterval(t *Type, low, high *Value) {
	p := piece{low: low, high: high, samples: inside(t, low, high)}
	if len(p.samples) > 0 {
		a.pieces = append(a.pieces, p)
	}
}

// ends are the least and the greatest value that a column can have, if there are such.
func ends(of *Expression, t *Type) (low, high *Value) {
	value := func(v Value) *Value { return &v }
	switch t.Kind {
	case KindDate:
		return value(dateFromDays(firstDay)), value(dateFromDays(lastDay))
	case KindInstant:
		return value(Value{kind: KindInstant, n: firstDay * secondsPerDay}), value(Value{kind: KindInstant, n: (lastDay+1)*secondsPerDay - 1, e: 999_999_999})
	case KindDuration:
		return value(Value{kind: KindDuration, n: math.MinInt64}), value(Value{kind: KindDuration, n: math.MaxInt64})
	}
	if t.Minimum != nil {
		low = value(Number(*t.Minimum))
	}
	if t.Maximum != nil {
		high = value(Number(*t.Maximum))
	}
	least, most := resultRange(of.root)
	if low == nil && least != nil {
		low = value(Number(Int(*least)))
	}
	if high == nil && most != nil {
		high = value(Number(Int(*most)))
	}
	return low, high
}

// resultRange knows the range of some functions.
func resultRange(n node) (least, most *int64) {
	between := func(a, b int64) (least, most *int64) { return &a, &b }
	zero := int64(0)
	switch n := n.(type) {
	case *movedNode:
		return resultRange(n.of)
	case *predicateNode:
		if n.name == "count" {
			return &zero, nil
		}
	case *callNode:
		switch n.function.name {
		case "len", "abs":
			return &zero, nil
		case "month":
			return between(1, 12)
		case "day":
			return between(1, 31)
		case "weekday":
			return between(1, 7)
		case "year":
			return between(1, 9999)
		}
	}
	return nil, nil
}

// inside lists values between two, the most readable first; none if there is none.
func inside(t *Type, low, high *Value) []Value {
	if t.Kind == KindNumber {
		return numbersInside(t.Integer, low, high)
	}
	step := Value{kind: t.Kind, n: 1}
	if t.Kind == KindDuration {
		step.n = 3600 * 1_000_000_000
	}
	var found []Value
	add := func(v Value) {
		if (low == nil || v.order(*low) > 0) && (high == nil || v.order(*high) < 0) && !slices.ContainsFunc(found, v.Equal) {
			found = append(found, v)
		}
	}
	switch {
	case low == nil && high == nil:
		add(typicalValue(t))
	case low == nil:
		add(Value{kind: t.Kind, n: high.n - step.n, e: high.e})
		add(below(*high))
	default:
		if low.n != math.MinInt64 && low.n < math.MaxInt64-step.n {
			add(Value{kind: t.Kind, n: low.n + step.n, e: low.e})
		}
		if high != nil {
			add(typicalValue(t))
			if high.n > math.MinInt64+step.n {
				add(Value{kind: t.Kind, n: high.n - step.n, e: high.e})
			}
		}
		add(above(*low))
		if high != nil {
			add(below(*high))
		}
	}
	return found
}

// above and below are the next values of a kind that has such.
func above(v Value) Value {
	if v.kind == KindInstant && v.e < 999_999_999 {
		return Value{kind: v.kind, n: v.n, e: v.e + 1}
	}
	return Value{kind: v.kind, n: v.n + 1}
}

func below(v Value) Value {
	switch {
	case v.kind == KindInstant && v.e > 0:
		return Value{kind: v.kind, n: v.n, e: v.e - 1}
	case v.kind == KindInstant:
		return Value{kind: v.kind, n: v.n - 1, e: 999_999_999}
	}
	return Value{kind: v.kind, n: v.n - 1}
}

func numbersInside(whole bool, low, high *Value) []Value {
	var found []Value
	add := func(n Num, err error) {
		v := Number(n)
		if err == nil && (!whole || n.IsInt()) && (low == nil || v.order(*low) > 0) && (high == nil || v.order(*high) < 0) && !slices.ContainsFunc(found, v.Equal) {
			found = append(found, v)
		}
	}
	step := func(from Num, by Num) {
		add(from.Add(by))
		if floor, err := from.Floor(); err == nil && by.Sign() > 0 {
			add(floor.Add(by))
		}
		if ceil, err := from.Ceil(); err == nil && by.Sign() < 0 {
			add(ceil.Add(by))
		}
	}
	if low == nil && high == nil {
		add(Int(1), nil)
		add(Int(0), nil)
		add(Int(-1), nil)
		return found
	}
	cent := Num{coefficient: 1, exponent: -2}
	if low != nil {
		step(low.Num(), Int(1))
		add(low.Num().Add(cent))
	}
	if high != nil {
		step(high.Num(), Int(-1))
		add(high.Num().Add(cent.Neg()))
	}
	if low != nil && high != nil {
		add(between(*low, *high).Num(), nil)
	} else if low != nil {
		add(neighbour(*low, 1).Num(), nil)
	} else {
		add(neighbour(*high, -1).Num(), nil)
	}
	return found
}

// typicalValue is what stands for a value that does not matter.
func typicalValue(t *Type) Value {
	switch t.Kind {
	case KindBool:
		return Bool(false)
	case KindNumber:
		return Number(Int(1))
	case KindText:
		return Text("other")
	case KindDate:
		return Date(2026, 1, 1)
	case KindInstant:
		return Value{kind: KindInstant, n: Date(2026, 1, 1).n * secondsPerDay}
	case KindDuration:
		return Value{kind: KindDuration, n: 24 * 3600 * 1_000_000_000}
	case KindList:
		return List()
	case KindRecord:
		return Record(nil)
	default:
		return Value{}
	}
}

// pieceOf finds the piece that a value of a column lies in; -1 if none.
func (a *axis) pieceOf(v Value) int {
	if v.kind == KindMissing {
		if len(a.pieces) > 0 && a.pieces[0].missing {
			return 0
		}
		return -1
	}
	switch {
	case a.finite:
		if i, ok := a.points[v.String()]; ok {
			return i
		}
		return -1
	case a.of.result.Kind == KindText:
		return a.textPiece(v)
	case a.of.result.Kind == KindNumber || a.of.result.Kind == KindDate || a.of.result.Kind == KindInstant || a.of.result.Kind == KindDuration:
		if v.kind != a.of.result.Kind {
			return -1
		}
		for i, p := range a.pieces { // few enough, and only asked for facts that are tried
			if !p.missing && p.holdsOrdered(v) {
				return i
			}
		}
		return -1
	default:
		return len(a.pieces) - 1
	}
}

func (p piece) holdsOrdered(v Value) bool {
	if p.point {
		return p.samples[0].Equal(v)
	}
	return (p.low == nil || v.order(*p.low) > 0) && (p.high == nil || v.order(*p.high) < 0)
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
