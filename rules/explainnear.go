package rules

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
	then    *outcome
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
		n.changes = !n.then.same(&x.of)
	}
}

func (x *explaining) nearMiss(near nearRow, try *nearTry, n *NearMiss) {
	n.TableCell, n.From.Value = &x.words.cells[near.row][near.column].at, x.d.values[near.column]
	value := x.values[near.column].value
	if !try.found {
		n.Text = x.say("row ", n.Row, " fails only at ", n.Column, ", which is ", value, "; no value was found that would fit it")
		return
	}
	then := try.then
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
func (x *explaining) decideWith(column int, to Value) *outcome {
	if then, ok := x.directWith(column, &to); ok {
		return then
	}
	then := x.slowlyWith(column, to)
	return &then
}

func (x *explaining) slowlyWith(column int, to Value) outcome {
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
func (x *explaining) directWith(column int, to *Value) (*outcome, bool) {
	t := x.t
	if !t.index.direct || !t.index.columns[column].alone {
		return nil, false
	}
	if path := t.columns[column].path; x.d.facts.Path(path[:len(path)-1]...).kind != KindRecord {
		return nil, false
	}
	r, at, ok := t.direct(&x.d.facts, column, to)
	switch {
	case !ok:
		return nil, false
	case r == nil:
		return &x.words.otherwise.then, x.words.otherwise.fixed
	}
	return &x.words.rows[at].then, true
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
	if nearby := x.words.cells[near.row][near.column].nearby[bit(s.whole)]; len(nearby) > 0 {
		for _, v := range nearby {
			s.take(v)
		}
		return s.best, true
	}
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

func bit(set bool) int {
	if set {
		return 1
	}
	return 0
}

func satisfied(test cellTest, d *deciding, v Value) bool {
	ok, err := test.match(d, v)
	return ok && err == nil
}
