package rules

import (
	"fmt"
	"slices"
	"strings"
)

// mutant is a table that is wrong in one place.
type mutant struct {
	table *Table
	row   string
	place Place
	what  string
}

// Mutant is a change of a table that no test noticed.
type Mutant struct {
	Row     string      `json:"row"`
	What    string      `json:"what"`
	Place   Place       `json:"place"`
	Example *PlainValue `json:"example,omitempty"` // facts for which it makes a difference
}

// Mutations says how many small changes of a table its tests notice.
type Mutations struct {
	Killed     int      `json:"killed"`
	Survived   []Mutant `json:"survived"`
	Equivalent int      `json:"equivalent"` // changes that are proven to make no difference; they do not count
	Unchecked  string   `json:"unchecked,omitempty"`
}

// Score is the share of the changes that tests notice, in percent, rounded down.
func (m *Mutations) Score() int {
	if all := m.Killed + len(m.Survived); all > 0 {
		return 100 * m.Killed / all
	}
	return 100
}

// maxMutants bounds the changes that are tried of one table.
const maxMutants = 4_000

// mutants are the table with one cell, output or row changed, one after the other.
func (t *Table) mutants() (all []mutant, more bool) {
	add := func(row int, place Place, changed []row, what string) {
		all = append(all, mutant{table: t.withRows(changed), row: t.rows[row].id, place: place, what: what})
	}
	for i := range t.rows {
		r := &t.rows[i]
		place := t.cellPlace(r.id, "")
		add(i, place, slices.Delete(slices.Clone(t.rows), i, i+1), "row "+r.id+" removed")
		if t.hit == First && i+1 < len(t.rows) {
			swapped := slices.Clone(t.rows)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			add(i, place, swapped, "rows "+r.id+" and "+t.rows[i+1].id+" swapped")
		}
		for c, test := range r.tests {
			if test == nil {
				continue
			}
			for _, change := range changesOf(test, t.columns[c].value.result) {
				changed := slices.Clone(t.rows)
				changed[i].tests = slices.Clone(r.tests)
				changed[i].tests[c] = change.test
				changed[i].cells = slices.Clone(r.cells)
				changed[i].cells[c].text = "changed: " + change.what // the space knows cells by their texts
				add(i, r.cells[c].place, changed, fmt.Sprintf("%s: %s becomes %s", t.columns[c].name, strings.TrimSpace(r.cells[c].text), change.what))
			}
		}
		for _, change := range t.outputChanges(r) {
			changed := slices.Clone(t.rows)
			changed[i].fixed, changed[i].value = true, change.value
			add(i, place, changed, change.what)
		}
		if len(all) > maxMutants {
			return all[:maxMutants], true
		}
	}
	return all, false
}

type testChange struct {
	test cellTest
	what string
}

// changesOf are small mistakes in a cell.
func changesOf(test cellTest, t *Type) []testChange {
	changes := []testChange{{nil, "-"}}
	changes = append(changes, within(test, t)...)
	return slices.DeleteFunc(changes, func(c testChange) bool { return c.what == "" })
}

func within(test cellTest, t *Type) []testChange {
	var changes []testChange
	switch test := test.(type) {
	case compareTest:
		less, equal := test.test(-1), test.test(0)
		strict := func(c int) bool { return test.test(c) && c != 0 }
		wide := func(c int) bool { return test.test(c) || c == 0 }
		sign := map[bool]string{true: "<", false: ">"}[less]
		changed := test
		if equal {
			changed.test = strict
			changes = append(changes, testChange{changed, sign + " " + operandText(test.operand)})
		} else {
			changed.test = wide
			changes = append(changes, testChange{changed, sign + "= " + operandText(test.operand)})
		}
		if equal {
			sign += "="
		}
		for _, o := range neighbours(test.operand, t) {
			changed := test
			changed.operand = o
			changes = append(changes, testChange{changed, sign + " " + operandText(o)})
		}
	case rangeTest:
		for _, end := range []bool{false, true} {
			changed := test
			if end {
				changed.highOpen = !test.highOpen
			} else {
				changed.lowOpen = !test.lowOpen
			}
			changes = append(changes, testChange{changed, rangeOf(changed)})
		}
		for _, o := range neighbours(test.low, t) {
			changed := test
			changed.low = o
			changes = append(changes, testChange{changed, rangeOf(changed)})
		}
		for _, o := range neighbours(test.high, t) {
			changed := test
			changed.high = o
			changes = append(changes, testChange{changed, rangeOf(changed)})
		}
	case equalTest:
		for _, o := range neighbours(test.operand, t) {
			changes = append(changes, testChange{equalTest{o}, operandText(o)})
		}
		changes = append(changes, testChange{notTest{test}, "not(" + operandText(test.operand) + ")"})
	case orTest:
		for i := range test {
			fewer := slices.Delete(slices.Clone(test), i, i+1)
			var changed cellTest = fewer
			if len(fewer) == 1 {
				changed = fewer[0]
			}
			changes = append(changes, testChange{changed, "the same without its " + ordinal(i+1) + " alternative"})
			if _, plain := test[i].(equalTest); plain {
				continue // another value in a list is the list without it, and one more
			}
			for _, change := range within(test[i], t) {
				changed := slices.Clone(test)
				changed[i] = change.test
				changes = append(changes, testChange{changed, "the same with " + change.what})
			}
		}
	case notTest:
		changes = append(changes, testChange{test.test, "the same without not"})
		if _, plain := test.test.(equalTest); plain {
			return changes
		}
		for _, change := range within(test.test, t) {
			if _, twice := change.test.(notTest); !twice {
				changes = append(changes, testChange{notTest{change.test}, "not(" + change.what + ")"})
			}
		}
	case missingTest:
		changes = append(changes, testChange{notTest{missingTest{}}, "not(missing)"})
	case textOperatorTest:
		other := map[string]string{"startsWith": "contains", "endsWith": "contains", "contains": "startsWith"}[operatorOf(test)]
		changed := test
		changed.test = textTests[other]
		changes = append(changes, testChange{changed, other + " " + operandText(test.operand)}, testChange{notTest{test}, "not(…)"})
	default:
		changes = append(changes, testChange{notTest{test}, "not(…)"})
	}
	return changes
}

func ordinal(n int) string {
	switch n {
	case 1:
		return "first"
	case 2:
		return "second"
	case 3:
		return "third"
	default:
		return fmt.Sprintf("%dth", n)
	}
}

func operandText(o operand) string {
	if o.expression != nil {
		return "${" + o.expression.text + "}"
	}
	return literalText(o.value)
}

func rangeOf(t rangeTest) string {
	open, closed := "[", "]"
	if t.lowOpen {
		open = "("
	}
	if t.highOpen {
		closed = ")"
	}
	return open + operandText(t.low) + ".." + operandText(t.high) + closed
}

// neighbours are the values beside one that somebody could have meant or typed.
func neighbours(o operand, t *Type) []operand {
	if o.expression != nil {
		return nil
	}
	var values []Value
	v := o.value
	switch {
	case t.Kind == KindBool:
		values = []Value{Bool(!v.Bool())}
	case len(t.Enum) > 0:
		if i := slices.IndexFunc(t.Enum, v.Equal); i >= 0 && len(t.Enum) > 1 {
			values = []Value{t.Enum[(i+1)%len(t.Enum)]}
		}
	case v.kind == KindNumber:
		step := Int(1)
		if n := v.Num(); n.big == nil && n.exponent < 0 {
			step = Num{coefficient: 1, exponent: n.exponent}
		}
		for _, by := range []Num{step, step.Neg()} {
			if n, err := v.Num().Add(by); err == nil {
				values = append(values, Number(n))
			}
		}
	case v.kind == KindDate:
		values = []Value{dateFromDays(v.n + 1), dateFromDays(v.n - 1)}
	case v.kind == KindDuration:
		const hour = 3600 * 1_000_000_000
		values = []Value{{kind: v.kind, n: v.n + hour}, {kind: v.kind, n: v.n - hour}}
	case v.kind == KindInstant:
		values = []Value{{kind: v.kind, n: v.n + 1, e: v.e}, {kind: v.kind, n: v.n - 1, e: v.e}}
	case v.kind == KindText:
		values = []Value{Text(v.s + "x")}
	}
	var all []operand
	for _, value := range values {
		if value.kind == v.kind {
			all = append(all, operand{value: value})
		}
	}
	return all
}

type outputChange struct {
	value Value
	what  string
}

// outputChanges are other values for each output of a row.
func (t *Table) outputChanges(r *row) []outputChange {
	if !r.fixed {
		return []outputChange{{defaultOf(t.Outputs), "the outputs of row " + r.id + " are others"}}
	}
	var all []outputChange
	for _, field := range t.Outputs.Fields {
		v := r.value.Get(field.Name)
		if v.IsMissing() {
			continue
		}
		other := Value{}
		switch {
		case v.kind == KindText && len(field.Type.Enum) == 0:
			other = Text(v.s + "x")
		default:
			if found := neighbours(operand{value: v}, field.Type); len(found) > 0 {
				other = found[0].value
			}
		}
		if other.kind != KindMissing {
			all = append(all, outputChange{r.value.With(field.Name, other), fmt.Sprintf("%s of row %s becomes %s", field.Name, r.id, oneLineValue(other))})
		}
	}
	return all
}

func oneLineValue(v Value) string {
	text := []rune(literalText(v))
	if len(text) > 40 {
		return string(text[:40]) + "…"
	}
	return string(text)
}

// Mutate changes the table in one place after the other and runs the tests that count. What they do not notice is
// compared with the table: a change that makes no difference does not count, and for any other there is an example.
func (t *Table) Mutate(tests []TableTest, steps int) *Mutations {
	if steps <= 0 {
		steps = AnalyzeSteps
	}
	result := &Mutations{Survived: []Mutant{}}
	for _, part := range t.versions {
		one := part.Mutate(part.testsInForce(tests), steps)
		result.Killed, result.Equivalent, result.Survived = result.Killed+one.Killed, result.Equivalent+one.Equivalent, append(result.Survived, one.Survived...)
		if one.Unchecked != "" {
			result.Unchecked = one.Unchecked
		}
	}
	if len(t.rows) == 0 {
		return result
	}
	all, more := t.mutants()
	if more {
		result.Unchecked = fmt.Sprintf("not fully checked: only the first %d changes were tried", maxMutants)
	}
	deciders := make([][]string, len(tests))
	for i := range tests {
		if decision, err := t.Decide(tests[i].Facts); err == nil {
			deciders[i] = decidedRows(decision)
		}
	}
	left := steps
	for _, m := range all {
		if kills(m, tests, deciders) {
			result.Killed++
			continue
		}
		c := compareTables(t, m.table, max(min(left, steps/20), 1))
		if c == nil {
			result.Survived = append(result.Survived, Mutant{Row: m.row, What: m.what, Place: m.place})
			continue
		}
		before := c.steps
		found, complete := c.differences(1, false)
		left -= before - max(c.steps, 0)
		if len(found) == 0 && complete {
			result.Equivalent++
			continue
		}
		survivor := Mutant{Row: m.row, What: m.what, Place: m.place}
		if len(found) > 0 && found[0].facts.kind != KindMissing {
			survivor.Example = &PlainValue{found[0].facts}
		}
		result.Survived = append(result.Survived, survivor)
	}
	return result
}

// kills says whether a test fails with the changed table. Those that the changed row decided are tried first.
func kills(m mutant, tests []TableTest, deciders [][]string) bool {
	for _, own := range []bool{true, false} {
		for i := range tests {
			if tests[i].Confirmed && slices.Contains(deciders[i], m.row) == own && !m.table.RunTest(&tests[i]).OK {
				return true
			}
		}
	}
	return false
}
