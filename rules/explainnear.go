package rules

import (
	"slices"
	"strings"
)

// nearMisses tries every row that one cell kept from matching with the smallest change by which the cell fits.
func (x *explaining) nearMisses() {
	tried := x.near
	if len(tried) > maxNearMisses {
		x.e.Omitted = len(tried) - maxNearMisses
		tried = tried[:maxNearMisses]
	}
	if len(tried) == 0 {
		return
	}
	var few [16]nearTry
	tries := few[:]
	if len(tried) > len(few) {
		tries = make([]nearTry, len(tried))
	}
	x.ids = make([]string, 0, len(tried))
	for i, near := range tried {
		x.try(near, &tries[i])
	}
	x.e.NearMisses = make([]NearMiss, 0, len(tried))
	for wanted := range ranks {
		for i, near := range tried {
			if tries[i].rank() == wanted {
				x.e.NearMisses = append(x.e.NearMisses, NearMiss{})
				x.nearMiss(near, &tries[i], &x.e.NearMisses[len(x.e.NearMisses)-1])
			}
		}
	}
}

// nearTry is what came of trying a row with another value.
type nearTry struct {
	to      Value
	then    outcome
	found   bool
	changes bool
}

const ranks = 4

// rank puts what would have changed the result first.
func (n *nearTry) rank() int {
	switch {
	case n.changes && n.then.problem == "":
		return 0
	case n.changes:
		return 1
	case n.found:
		return 2
	}
	return 3
}

func (x *explaining) try(near nearRow, n *nearTry) {
	if n.to, n.found = x.smallestChange(near); n.found {
		n.then = x.decideWith(near.column, n.to)
		n.changes = !n.then.same(x.of)
	}
}

func (x *explaining) nearMiss(near nearRow, try *nearTry, n *NearMiss) {
	c := &x.t.columns[near.column]
	n.Row, n.Column, n.Fact, n.From.Value = x.t.rows[near.row].id, c.name, c.value.text, x.d.values[near.column]
	value := x.values[near.column].value
	if !try.found {
		n.Text = x.say("row ", n.Row, " fails only at ", n.Column, ", which is ", value, "; no value was found that would fit it")
		return
	}
	then := &try.then
	n.To.Value, n.Found, n.Changes = try.to, true, try.changes
	n.Decided, n.Outputs.Value, n.Error = then.decided, then.outputs, then.problem
	and := " matches too, and nothing changes: "
	if n.Changes {
		and = " matches, and "
	}
	n.Text = x.say("with ", n.Column, " ", valueWords(try.to), " instead of ", value, ", row ", n.Row, and, then.String())
}

// decideWith decides again with another value of one column. Where the column is a fact, the fact is changed, and with
// it whatever else reads it; what a formula comes to is taken as it is.
func (x *explaining) decideWith(column int, to Value) outcome {
	if then, ok := x.directWith(column, &to); ok {
		return then
	}
	if path := x.t.columns[column].path; path != nil {
		changed, err := x.t.withFact(x.d.facts, path, to)
		if err != nil {
			return outcome{problem: err.Error(), decided: []string{}}
		}
		return x.t.outcome(x.t.Match(changed))
	}
	left := decisionWork
	d := x.t.begin(x.d.facts, &left)
	defer d.end(&left)
	if err := x.t.inputs(d); err != nil {
		return outcome{problem: err.Error(), decided: []string{}}
	}
	d.values[column] = to
	return x.t.outcome(x.t.match(d))
}

// directWith is decideWith where the index alone decides, and no other column reads what is changed.
func (x *explaining) directWith(column int, to *Value) (outcome, bool) {
	t := x.t
	if !t.index.direct || !t.index.columns[column].alone {
		return outcome{}, false
	}
	if path := t.columns[column].path; x.d.facts.Path(path[:len(path)-1]...).kind != KindRecord {
		return outcome{}, false
	}
	r, at, ok := t.direct(&x.d.facts, column, to)
	if !ok {
		return outcome{}, false
	}
	then := outcome{}
	id := DefaultRow
	if r == nil {
		v, fixed := t.literalDefault()
		if !fixed {
			return outcome{}, false
		}
		then.outputs, then.said = v, x.words.otherwise.decides
	} else {
		id, then.why, then.outputs, then.said = r.id, r.why, r.value, x.words.rows[at].decides
	}
	x.ids = append(x.ids, id)
	then.decided = x.ids[len(x.ids)-1 : len(x.ids) : len(x.ids)]
	return then, true
}

// withFact changes one fact. Records that have to be made for it must be whole.
func (t *Table) withFact(facts Value, path []string, to Value) (Value, error) {
	parent := facts.Path(path[:len(path)-1]...)
	changed := setPath(facts, path, to)
	if parent.kind == KindRecord {
		return changed, nil
	}
	return t.Facts.Decode(changed)
}

func setPath(v Value, path []string, to Value) Value {
	if len(path) > 1 {
		to = setPath(v.Get(path[0]), path[1:], to)
	}
	return v.With(path[0], to)
}

// smallestChange finds the value nearest to what the facts have by which a cell fits.
func (x *explaining) smallestChange(near nearRow) (Value, bool) {
	c := &x.t.columns[near.column]
	test := x.t.rows[near.row].tests[near.column]
	s := &search{d: x.d, of: c.value.result, present: c.value.result.AsPresent(), from: x.d.values[near.column], whole: x.words.whole[near.column], row: near.row}
	if !x.t.index.look.has(near.row) {
		s.index = &x.t.index.columns[near.column]
	}
	s.whole = s.whole && (s.from.kind != KindNumber || s.from.Num().IsInt()) // then the next number is one further
	for _, step := range s.steps() {
		s.step = step
		s.wanted(test, func(v Value) {
			if s.fits(v) && s.satisfied(test, v) {
				s.take(v)
			}
		})
		if s.found {
			return s.best, true
		}
	}
	// What only other cells of the column name may do for patterns and formulas.
	for i := range x.t.rows {
		literals, _ := collectLiterals(x.t.rows[i].tests[near.column], s.kind(), nil)
		for _, v := range literals {
			if s.fits(v) && s.satisfied(test, v) {
				s.take(v)
			}
		}
	}
	if !s.found && s.from.kind != KindMissing && s.of.Optional && satisfied(test, x.d, Value{}) {
		return Value{}, true
	}
	return s.best, s.found
}

func satisfied(test cellTest, d *deciding, v Value) bool {
	ok, err := test.match(d, v)
	return ok && err == nil
}

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
