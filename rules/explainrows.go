package rules

import (
	"slices"
	"strings"
)

// rows explains every row, those that are off where they stand.
func (x *explaining) rows() {
	x.e.Rows = make([]ExplainedRow, 0, len(x.t.written)+1)
	next, looked := 0, true
	for i := range x.words.written {
		written := &x.words.written[i]
		if next >= len(x.t.rows) || x.t.rows[next].id != written.Row {
			x.e.Rows = append(x.e.Rows, ExplainedRow{TableRow: written, Verdict: VerdictOff, Text: "is off"})
			continue
		}
		x.e.Rows = append(x.e.Rows, ExplainedRow{TableRow: written, Looked: looked})
		row := &x.e.Rows[len(x.e.Rows)-1]
		x.row(next, row)
		if row.Verdict == VerdictDecided && x.t.hit == First {
			looked = false
		}
		next++
	}
	if slices.Contains(x.e.Decided, DefaultRow) {
		x.e.Rows = append(x.e.Rows, ExplainedRow{TableRow: &TableRow{Row: DefaultRow}, Verdict: VerdictDefault, Looked: true, Text: "holds, as no row matches"})
	}
}

func (x *explaining) row(at int, row *ExplainedRow) {
	r := &x.t.rows[at]
	failed, before := x.missesOf(at)
	if len(x.misses) > before {
		row.Misses = x.misses[before:len(x.misses):len(x.misses)]
	}
	from := x.text.Len()
	if !row.Looked {
		x.say("not looked at, as row ", x.e.Decided[0], " above decided; ")
	}
	switch {
	case len(row.Misses) > 0:
		if !row.Looked {
			x.say("it does not match either: ")
		}
		x.sayMisses(row.Misses)
		row.Verdict, row.Text = VerdictMissed, x.text.String()[from:]
		if failed {
			row.Verdict = VerdictFailed
		} else if len(row.Misses) == 1 {
			x.near = append(x.near, nearRow{at, row.Misses[0].column})
		}
	case slices.Contains(x.e.Decided, r.id):
		row.Verdict, row.Text = VerdictDecided, "decided: every cell fits"
		x.decided = at
	case !row.Looked:
		x.say("it matches too")
		row.Verdict, row.Text = VerdictPassed, x.text.String()[from:]
	default:
		row.Verdict, row.Text = VerdictPassed, x.passed()
	}
}

// countMisses is how many cells do not fit by the index, and a few more for rows that it does not know all of.
func (x *explaining) countMisses() int {
	if !x.indexed {
		return min(2*len(x.t.rows), 256)
	}
	count := 0
	for _, set := range x.d.sets {
		count += len(x.t.rows) - set.count()
	}
	return count + x.t.index.look.count()
}

// missesOf adds the cells of a row that do not fit.
func (x *explaining) missesOf(at int) (failed bool, before int) {
	r := &x.t.rows[at]
	before = len(x.misses)
	known := x.indexed && !x.t.index.look.has(at)
	for i, test := range r.tests {
		if test == nil {
			continue
		}
		if known {
			if !x.d.sets[i].has(at) {
				x.miss(at, i, nil)
			}
			continue
		}
		ok, err := test.match(x.d, x.d.values[i])
		if err == nil && ok {
			continue
		}
		x.miss(at, i, err)
		failed = failed || err != nil
	}
	return failed, before
}

// passed says why a row whose cells all fit did not decide.
func (x *explaining) passed() string {
	if x.of.problem != "" {
		return "matches; there is no decision: " + x.of.problem
	}
	return "matches as well, and " + strings.Join(x.e.Decided, ", ") + " decided"
}

func (x *explaining) miss(row, column int, err *Error) {
	words := &x.words.cells[row][column]
	cell := &words.missed
	if !words.fixed || err != nil {
		of := *cell
		if cell = &of; !words.fixed {
			cell.Wanted = wantedWords(x.t.rows[row].tests[column], x.d, words.missed.Cell)
		}
		if err != nil {
			cell.Error = strings.ReplaceAll(err.Message, placeholder, "?")
		}
	}
	x.misses = append(x.misses, Miss{cell, x.values[column].value})
}

// sayMisses says what does not fit, in one text for all cells.
func (x *explaining) sayMisses(misses []Miss) {
	for i := range misses {
		m := &misses[i]
		if i > 0 {
			x.text.WriteString("; ")
		}
		x.text.WriteString(x.values[m.column].is)
		switch {
		case m.Error != "":
			x.say(", and the cell ", m.Cell, " cannot be evaluated: ", m.Error)
		case m.words.fixed:
			x.text.WriteString(m.words.wants)
		default:
			x.say(rowWants, m.Wanted)
		}
	}
}
