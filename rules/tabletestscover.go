package rules

import (
	"fmt"
	"slices"
)

// Boundary is one side of a boundary of a cell: facts right there, where everything else in the row holds.
type Boundary struct {
	Row    string `json:"row"`
	Column string `json:"column"`
	Value  string `json:"value"`  // of the column, in the words of a cell
	Inside bool   `json:"inside"` // the cell holds there
	Place  Place  `json:"place"`
	Tests  int    `json:"tests"`

	region box
}

// Coverage is what the tests of a table reach of it.
type Coverage struct {
	Rows       []RowCount `json:"rows"`
	Boundaries []Boundary `json:"boundaries"`
	Unchecked  string     `json:"unchecked,omitempty"`
}

// RowCount is a row and how many tests it decided.
type RowCount struct {
	Row   string `json:"row"`
	Place Place  `json:"place"`
	Tests int    `json:"tests"`
}

// Count returns how many rows and sides of boundaries there are, and how many of them tests reach.
func (c *Coverage) Count() (rows, allRows, sides, allSides int) {
	for _, r := range c.Rows {
		if allRows++; r.Tests > 0 {
			rows++
		}
	}
	for _, b := range c.Boundaries {
		if allSides++; b.Tests > 0 {
			sides++
		}
	}
	return rows, allRows, sides, allSides
}

// covering is a table whose tests are counted.
type covering struct {
	prover
	t     *Table
	boxes []ruleBox
	maker *maker
	sides []Boundary
}

// newCovering finds the boundaries of a table. It is nil if the table is too large.
func newCovering(t *Table, steps int) *covering {
	c := &covering{t: t}
	c.space = newSpace(t.Facts)
	c.space.add(t)
	c.space.cut()
	c.steps = steps
	c.maker = newMaker(c.space, &c.steps)
	words := 0
	for _, a := range c.space.axes {
		words += len(a.pieces) / 64 * len(t.rows)
		if len(a.pieces) > maxPieces {
			return nil
		}
	}
	if words > maxSetWords {
		return nil
	}
	c.boxes = c.space.boxes(t, &words)
	c.space.pad(c.boxes)
	c.space.exclude()
	c.space.outOfForce(t)
	c.boundaries()
	return c
}

// maxSides bounds the sides of boundaries of one table.
const maxSides = 20_000

func (c *covering) boundaries() {
	seen := map[string]bool{}
	for _, b := range c.boxes {
		for at, set := range b.box {
			if set == nil || len(c.sides) > maxSides {
				continue
			}
			a := c.space.axes[at]
			for _, side := range a.sidesOf(set) {
				region := b.box.clone()
				region[at] = side.and(a.full)
				one := Boundary{Row: c.t.rows[b.row].id, Column: a.column, Inside: side.within(set), Place: c.t.cellPlace(c.t.rows[b.row].id, a.column), region: region}
				if a.kind == valueAxis {
					one.Value = a.valuesText(side)
				} else {
					one.Value = a.holdsText(side)
				}
				key := one.Row + "\x00" + one.Column + "\x00" + one.Value
				if seen[key] || one.Value == "" {
					continue
				}
				seen[key] = true
				c.sides = append(c.sides, one)
			}
		}
	}
}

// sidesOf are the sets of pieces in each of which a test must lie, so that a cell that holds for a set is tested at all
// of its boundaries.
func (a *axis) sidesOf(set pieceSet) []pieceSet {
	var sides []pieceSet
	size := len(a.pieces)
	ordered := a.kind == orderAxis || a.kind == valueAxis && !a.finite && a.of.result.Kind != KindText
	if ordered {
		wanted := newPieceSet(size)
		for i := 0; i+1 < size; i++ {
			if set.has(i) != set.has(i+1) {
				wanted.add(i)
				wanted.add(i + 1)
			}
		}
		wanted.each(func(i int) bool {
			sides = append(sides, pieceAt(size, i))
			return false
		})
		return sides
	}
	few, rest := set, a.full.without(set)
	if rest.count() < few.count() {
		few, rest = rest, few
	}
	few.each(func(i int) bool {
		sides = append(sides, pieceAt(size, i))
		return false
	})
	if !rest.empty() {
		sides = append(sides, rest)
	}
	return sides
}

// vector is the piece of each axis that facts lie in.
func (c *covering) vector(facts Value) []int {
	decoded, err := c.t.Facts.Decode(facts)
	if err != nil {
		return nil
	}
	return c.space.vector(decoded)
}

func (s *space) vector(facts Value) []int {
	d := proving(facts)
	defer proved(d)
	at := make([]int, len(s.axes))
	for i, a := range s.axes {
		at[i] = a.piece(d)
	}
	return at
}

func (b box) holds(at []int) bool {
	for i, set := range b {
		if set != nil && (at[i] < 0 || !set.has(at[i])) {
			return false
		}
	}
	return true
}

// count marks the sides on which facts lie.
func (c *covering) count(facts Value) {
	at := c.vector(facts)
	if at == nil {
		return
	}
	first := len(c.t.rows) // the rank of the row that takes the facts from all behind it
	if choiceOf(c.t) == chooseFirst {
		for _, b := range c.boxes {
			if rank := c.rank(b.row); rank < first && b.box.holds(at) {
				first = rank
			}
		}
	}
	for i := range c.sides {
		side := &c.sides[i]
		if c.rank(c.position(side.Row)) <= first && side.region.holds(at) {
			side.Tests++
		}
	}
}

func (c *covering) position(id string) int {
	return slices.IndexFunc(c.t.rows, func(r row) bool { return r.id == id })
}

// rank is the place of a row in the order in which rows win.
func (c *covering) rank(row int) int {
	if order := c.t.order(); order != nil {
		return slices.Index(order, row)
	}
	return row
}

// before are the boxes that take facts from a row.
func (c *covering) before(id string) []box {
	boxes := slices.Clone(c.space.never)
	if choiceOf(c.t) == chooseFirst {
		at := c.rank(c.position(id))
		for _, b := range c.boxes {
			if c.rank(b.row) < at {
				boxes = append(boxes, b.box)
			}
		}
	}
	return boxes
}

// facts makes facts for a side that no test lies on. reachable is false if there are none.
func (c *covering) facts(side Boundary) (facts Value, found, reachable bool) {
	before := c.before(side.Row)
	region, open := c.uncovered(side.region, before)
	if !open {
		return Value{}, false, c.spent
	}
	if grown, both := c.grow(region, before).and(side.region); both {
		region = grown
	}
	facts, found = c.maker.find(region, Value{})
	return facts, found, true
}

// Cover counts the rows and the sides of boundaries that tests reach. Sides that no facts can lie on are left out.
func (t *Table) Cover(tests []TableTest, steps int) *Coverage {
	if len(t.versions) > 0 {
		all := &Coverage{Rows: []RowCount{}, Boundaries: []Boundary{}}
		for _, part := range t.versions {
			one := part.Cover(part.testsInForce(tests), steps)
			all.Rows, all.Boundaries = append(all.Rows, one.Rows...), append(all.Boundaries, one.Boundaries...)
			if one.Unchecked != "" {
				all.Unchecked = one.Unchecked
			}
		}
		return all
	}
	c, result := t.cover(tests, steps)
	if c == nil {
		return result
	}
	unknown := 0
	for _, side := range c.sides {
		if side.Tests == 0 {
			_, found, reachable := c.facts(side)
			if !found {
				if reachable {
					unknown++
				}
				continue
			}
		}
		result.Boundaries = append(result.Boundaries, side)
	}
	if unknown > 0 {
		result.Unchecked = fmt.Sprintf("%d sides of boundaries are left out: no facts were found that lie there, and no proof that there are none", unknown)
	}
	return result
}

func (t *Table) cover(tests []TableTest, steps int) (*covering, *Coverage) {
	if steps <= 0 {
		steps = AnalyzeSteps
	}
	result := &Coverage{Rows: []RowCount{}, Boundaries: []Boundary{}}
	counts := map[string]int{}
	c := newCovering(t, steps)
	for i := range tests {
		if !tests[i].Confirmed {
			continue
		}
		if decision, err := t.Decide(tests[i].Facts); err == nil {
			for _, id := range decidedRows(decision) {
				counts[id]++
			}
		}
		if c != nil {
			c.count(tests[i].Facts)
		}
	}
	for i := range t.rows {
		result.Rows = append(result.Rows, RowCount{Row: t.rows[i].id, Place: t.cellPlace(t.rows[i].id, ""), Tests: counts[t.rows[i].id]})
	}
	if t.fallback != nil {
		result.Rows = append(result.Rows, RowCount{Row: DefaultRow, Place: t.headPlace("default", Place{File: t.file}), Tests: counts[DefaultRow]})
	}
	if c == nil {
		result.Unchecked = "not checked: the boundaries, as the table is too large"
	}
	return c, result
}

// Generate makes tests for what no confirmed test reaches: rows, sides of boundaries, and changes that none of them
// notices. They carry what the table says today, as a proposal.
func (t *Table) Generate(tests []TableTest, steps int) []TableTest {
	var parts []TableTest
	for _, part := range t.versions {
		parts = append(parts, part.Generate(slices.Concat(tests, parts), steps)...)
	}
	if len(t.versions) > 0 || len(t.steps) > 0 {
		return parts
	}
	all := tests
	tests = t.testsInForce(tests)
	c, coverage := t.cover(tests, steps)
	if c == nil {
		return nil
	}
	var made []TableTest
	known := map[string]bool{}
	for _, test := range tests {
		known[string(test.Facts.Plain())] = true
		if !test.Confirmed {
			c.count(test.Facts) // it is proposed already
		}
	}
	number := 0
	propose := func(facts Value, note string) {
		if known[string(facts.Plain())] {
			return
		}
		known[string(facts.Plain())] = true
		for {
			number++
			id := fmt.Sprintf("G%02d", number)
			if !slices.ContainsFunc(all, func(test TableTest) bool { return test.ID == id }) {
				made = append(made, t.proposal(id, facts, note))
				break
			}
		}
		c.count(facts)
	}
	for i := range c.sides {
		if c.sides[i].Tests > 0 {
			continue
		}
		if facts, found, _ := c.facts(c.sides[i]); found {
			side := c.sides[i]
			propose(facts, fmt.Sprintf("row %s, %s: %s", side.Row, side.Column, side.Value))
		}
	}
	for _, r := range coverage.Rows {
		if r.Tests > 0 || slices.ContainsFunc(made, func(test TableTest) bool { return slices.Contains(test.rows, r.Row) }) {
			continue
		}
		region := make(box, len(c.space.axes))
		starts, before := []box{region}, append(slices.Clone(c.space.never), plain(c.boxes)...)
		if r.Row != DefaultRow {
			starts, before = nil, c.before(r.Row)
			for _, b := range c.boxes {
				if c.t.rows[b.row].id == r.Row {
					starts = append(starts, b.box)
				}
			}
		}
		for _, start := range starts {
			if found, open := c.uncovered(start, before); open {
				if grown, both := c.grow(found, before).and(start); both {
					found = grown
				}
				if facts, ok := c.maker.find(found, Value{}); ok {
					propose(facts, "row "+r.Row)
					break
				}
			}
		}
	}
	counted := slices.Concat(tests, made)
	for i := range counted {
		counted[i].Confirmed = true
	}
	for _, m := range t.Mutate(counted, steps).Survived {
		if m.Example != nil {
			propose(m.Example.Value, m.What)
		}
	}
	return made
}

// proposal is a test of what the table says now.
func (t *Table) proposal(id string, facts Value, note string) TableTest {
	test := TableTest{ID: id, Note: note, Facts: facts}
	decision, err := t.Decide(facts)
	if err != nil {
		test.failure, test.fails = "no match", true
		if wrong, ok := err.(*DecisionError); !ok || !wrong.NoMatch {
			test.failure = "*"
		}
		return test
	}
	test.rows = decidedRows(decision)
	for _, name := range t.outputNames() {
		v := outputOf(decision.Outputs, name)
		text := literalText(v)
		switch v.kind {
		case KindMissing:
			text = "missing"
		case KindList, KindRecord:
			text = string(v.Plain())
		case KindText:
			text = quotedCell(v.s)
		}
		test.outputs = append(test.outputs, expectedOutput{name: name, text: text})
	}
	return test
}
