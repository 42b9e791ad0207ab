package rules

import (
	"slices"
	"strings"
)

// satisfied says whether the cell fits with a value. The index knows it of most cells.
func (s *search) satisfied(test cellTest, v Value) bool {
	if s.index != nil {
		if set := s.index.rowsFor(&v); set != nil {
			return set.has(s.row)
		}
	}
	return satisfied(test, s.d, v)
}

// search looks for the value nearest to the one that is there.
type search struct {
	d       *deciding
	of      *Type
	present *Type
	from    Value
	whole   bool
	step    Num // of numbers, beyond a bound that does not belong to what is wanted
	best    Value
	away    Num // how far the best number is from the one that is there
	found   bool
	endless bool         // that cannot be said
	index   *columnIndex // if it says all of the cell
	row     int
}

// nearbyValues finds, for each cell that names what it wants in values, those of which one must be the nearest that fits,
// whatever the facts have.
func (t *Table) nearbyValues() {
	for i := range t.rows {
		if t.index.look.has(i) {
			continue // the index does not know all of its cells
		}
		for j, test := range t.rows[i].tests {
			of := t.columns[j].value.result
			if of.Kind == KindList || !namesValues(test) {
				continue
			}
			for whole := range 2 {
				if whole == 1 && !t.said.whole[j] {
					continue
				}
				s := &search{of: of, present: of.AsPresent(), whole: whole == 1, row: i, index: &t.index.columns[j]}
				t.said.cells[i][j].nearby[whole] = s.nearby(test)
			}
		}
	}
}

// namesValues says whether a test is made of fixed values and bounds only.
func namesValues(test cellTest) bool {
	switch test := test.(type) {
	case equalTest, compareTest, rangeTest:
		return fixedTest(test)
	case orTest:
		return !slices.ContainsFunc(test, func(inner cellTest) bool { return !namesValues(inner) })
	}
	return false
}

// nearby are the values of the coarsest step that fit.
func (s *search) nearby(test cellTest) []Value {
	var values []Value
	for _, s.step = range s.steps() {
		s.wanted(test, func(v Value) {
			if s.fits(v) {
				if set := s.index.rowsFor(&v); set != nil && set.has(s.row) {
					values = append(values, v)
				}
			}
		})
		if len(values) > 0 {
			return values
		}
	}
	return nil
}

func (s *search) kind() Kind { return s.of.Kind }

// steps are tried from the coarse to the fine one.
func (s *search) steps() []Num {
	switch {
	case s.kind() != KindNumber || s.of.Integer:
		return numberSteps[:1]
	case s.whole:
		return numberSteps
	}
	return numberSteps[1:]
}

var numberSteps = []Num{Int(1), small(1, -2), small(1, -9)}

// fits says whether the column can have the value at all.
func (s *search) fits(v Value) bool {
	if v.kind == KindMissing || v.Equal(s.from) {
		return false
	}
	t := s.present
	if v.kind == t.Kind && v.kind != KindList && v.kind != KindText && len(t.Enum) == 0 && t.Minimum == nil && t.Maximum == nil && !t.Integer {
		return true
	}
	if v.kind == KindText && t.Kind == KindText && len(t.Enum) > 0 && t.MinLength == 0 && t.MaxLength == 0 {
		return t.hasEnum(v)
	}
	_, err := t.Decode(v)
	return err == nil
}

// take keeps a value if it is nearer than the best so far.
func (s *search) take(v Value) {
	if v.kind == KindNumber && s.from.kind == KindNumber {
		s.takeNumber(v)
	} else if !s.found || s.nearer(v, s.best) {
		s.best, s.found = v, true
	}
}

// takeNumber is take of a number. One that is too far away to say how far is taken if there is no other, and left for none.
func (s *search) takeNumber(v Value) {
	away, err := v.Num().Sub(s.from.Num())
	away = away.Abs()
	switch {
	case !s.found:
		s.endless = err != nil
	case err != nil || s.endless || away.Cmp(s.away) >= 0:
		return
	}
	s.best, s.away, s.found = v, away, true
}

// nearer compares the distances of two values. Those of an enum lie as far apart as they stand in it; texts are taken
// as the row names them.
func (s *search) nearer(v, w Value) bool {
	from := s.from
	switch {
	case v.kind != w.kind || v.kind != from.kind:
		return false
	case v.kind == KindDate || v.kind == KindInstant || v.kind == KindDuration:
		return magnitude(v.n-from.n) < magnitude(w.n-from.n)
	case v.kind == KindText && len(s.of.Enum) > 0:
		at := func(of Value) int { return slices.IndexFunc(s.of.Enum, of.Equal) }
		return magnitude(int64(at(v)-at(from))) < magnitude(int64(at(w)-at(from)))
	}
	return false
}

// beyond is the next value after a bound, up or down.
func (s *search) beyond(v Value, direction int64) Value {
	switch v.kind {
	case KindNumber:
		by := s.step
		if direction < 0 {
			by = by.Neg()
		}
		if n, err := v.Num().Add(by); err == nil {
			return Number(n)
		}
	case KindDate:
		return dateFromDays(v.n + direction)
	case KindInstant:
		return Value{kind: KindInstant, n: v.n + direction, e: v.e}
	case KindDuration:
		return Value{kind: KindDuration, n: v.n + direction*1_000_000_000}
	}
	return Value{}
}

// wanted names values that a test may be satisfied by; whether they do is found out by trying.
func (s *search) wanted(test cellTest, try func(Value)) {
	switch test := test.(type) {
	case orTest:
		for _, inner := range test {
			s.wanted(inner, try)
		}
	case equalTest:
		if v, ok := s.operand(test.operand); ok {
			s.equal(v, try)
		}
	case compareTest:
		if v, ok := s.operand(test.operand); ok {
			s.around(v, try)
		}
	case rangeTest:
		for _, bound := range []operand{test.low, test.high} {
			if v, ok := s.operand(bound); ok {
				s.around(v, try)
			}
		}
	case textOperatorTest:
		if v, ok := s.operand(test.operand); ok && v.kind == KindText {
			try(v)
			try(Text(v.s + s.from.Text()))
			try(Text(s.from.Text() + v.s))
		}
		s.enum(try)
	case notTest:
		s.other(test.test, try)
	case expressionTest:
		s.formula(test.expression, try)
		s.enum(try)
	case patternTest:
		s.enum(try)
	}
}

func (s *search) operand(o operand) (Value, bool) {
	v, err := o.get(s.d)
	return v, err == nil
}

// equal tries a value, the items of a list, or the list that is there with one more item.
func (s *search) equal(v Value, try func(Value)) {
	switch {
	case s.kind() == KindList && v.kind != KindList:
		try(List(append(slices.Clone(s.from.Items()), v)...))
	case v.kind == KindList && s.kind() != KindList:
		for _, item := range v.p.items {
			try(item)
		}
	default:
		try(v)
	}
}

// around tries a bound and what lies next to it.
func (s *search) around(v Value, try func(Value)) {
	try(v)
	try(s.beyond(v, 1))
	try(s.beyond(v, -1))
	if least := s.of.Minimum; v.kind == KindNumber && least != nil && v.Num().Cmp(*least) < 0 {
		try(s.limit(*least, Num.Ceil))
	}
	if most := s.of.Maximum; v.kind == KindNumber && most != nil && v.Num().Cmp(*most) > 0 {
		try(s.limit(*most, Num.Floor))
	}
}

// limit is the least or the greatest value that the type has.
func (s *search) limit(of Num, whole func(Num) (Num, error)) Value {
	if s.of.Integer {
		of, _ = whole(of) // the result of an error is 0, which the type refuses if it may
	}
	return Number(of)
}

// other tries what a test refuses nothing of: the neighbours of what it names, the other values of an enum, nothing.
func (s *search) other(test cellTest, try func(Value)) {
	s.enum(try)
	switch s.kind() {
	case KindBool:
		try(Bool(!s.from.Bool()))
	case KindList:
		s.without(test, try)
	case KindText:
		if len(s.of.Enum) == 0 {
			try(Text("something else"))
		}
	default:
		s.wanted(test, func(v Value) { s.around(v, try) })
	}
}

// without tries the list that is there without the items that a test looks for.
func (s *search) without(test cellTest, try func(Value)) {
	var left []Value
	for _, item := range s.from.Items() {
		if !satisfied(test, s.d, List(item)) {
			left = append(left, item)
		}
	}
	try(List(left...))
}

func (s *search) enum(try func(Value)) {
	for _, v := range s.of.Enum {
		try(v)
	}
	if s.kind() == KindBool {
		try(Bool(true))
		try(Bool(false))
	}
}

// formula tries the values around the facts that a formula reads and around the numbers that it names.
func (s *search) formula(x *Expression, try func(Value)) {
	for _, path := range x.reads {
		if !strings.HasPrefix(path, placeholder) && !strings.Contains(path, "[") {
			if v := s.d.facts.Path(strings.Split(path, ".")...); v.kind == s.kind() {
				s.around(v, try)
			}
		}
	}
	for _, v := range x.literals {
		if v.kind == s.kind() {
			s.around(v, try)
		}
	}
}
