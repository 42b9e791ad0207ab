package rules

import (
	"fmt"
	"slices"
	"strings"
)

// How a table chooses among the rows that match, as far as proofs must know it.
type choice uint8

const (
	chooseOne     choice = iota // at most one may match
	chooseFirst                 // the first in order
	chooseAlike                 // all must say the same
	chooseSeveral               // all count
)

func choiceOf(t *Table) choice {
	switch t.hit {
	case Unique:
		return chooseOne
	case First:
		return chooseFirst
	case Priority:
		if slices.ContainsFunc(t.rows, func(r row) bool { return !r.fixed }) {
			return chooseSeveral // their ranks are known only for given facts
		}
		return chooseFirst
	case Any:
		return chooseAlike
	default:
		return chooseSeveral
	}
}

// order is the order in which rows win, by position; nil: that of the table. A row whose outputs are computed has no rank
// that is known, and stays behind those that have one.
func (t *Table) order() []int {
	if t.hit != Priority {
		return nil
	}
	order := make([]int, len(t.rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		for _, r := range t.ranked {
			if c := r.position(t.rows[a].value) - r.position(t.rows[b].value); c != 0 {
				return c
			}
		}
		return 0
	})
	return order
}

// Results that are no row's.
const (
	resultNone     = "no row matches"
	resultSeveral  = "several rows match"
	resultDisagree = "rows that match disagree"
)

// meaningOf is what a table makes of the boxes of its rows.
func meaningOf(t *Table, boxes []ruleBox) *meaning {
	m := &meaning{boxes: boxes}
	o := &tableOutcomes{choice: choiceOf(t), names: make([]string, len(t.rows)), rank: make([]int, len(t.rows)), none: resultNone}
	for i := range t.rows {
		o.names[i], o.rank[i] = outcomeOf(t, &t.rows[i]), i
	}
	for at, i := range t.order() {
		o.rank[i] = at
	}
	if t.fallback != nil {
		o.none = fallbackOf(t)
	}
	o.together = togetherOf(t, o.names)
	m.outcomes = o
	keys := make([]string, len(boxes))
	for i, b := range boxes {
		var key strings.Builder
		for axis, set := range b.box {
			if set != nil {
				fmt.Fprintf(&key, "%d:%x ", axis, []uint64(set))
			}
		}
		keys[i] = key.String() + "\x00" + o.names[b.row]
	}
	m.names = keys
	return m
}

// outcomeOf is a text that is the same for rows that decide the same: the values, or the formulas where there are some.
func outcomeOf(t *Table, r *row) string {
	if r.fixed {
		return string(r.value.Plain())
	}
	var b strings.Builder
	for _, written := range t.written {
		if written.ID != r.id {
			continue
		}
		for _, cell := range written.Cells {
			if _, output := t.Outputs.Field(cell.Column); output {
				b.WriteString(cell.Column + "=" + cell.Text + "\x00")
			}
		}
	}
	return b.String()
}

func fallbackOf(t *Table) string {
	if v, ok := t.fallback.Literal(); ok {
		return string(v.Plain())
	}
	if v, err := t.fallback.Eval(nil); err == nil && len(t.fallback.reads) == 0 {
		return string(v.Plain())
	}
	return "default: " + strings.Join(t.fallback.reads, ",")
}

// togetherOf says what several rows decide together: texts that are the same where the results are.
func togetherOf(t *Table, names []string) func(rows []int) string {
	fixed := !slices.ContainsFunc(t.rows, func(r row) bool { return !r.fixed || r.value.Len() != 1 })
	value := func(row int) Value { return t.rows[row].value.Items()[0] }
	return func(rows []int) string {
		switch {
		case t.hit == Count:
			return fmt.Sprint(len(rows))
		case t.hit == Sum && fixed:
			sum := Num{}
			for _, r := range rows {
				next, err := sum.Add(value(r).Num())
				if err != nil {
					return "too large"
				}
				sum = next
			}
			return sum.String()
		case (t.hit == Min || t.hit == Max) && fixed:
			best := value(rows[0])
			for _, r := range rows[1:] {
				if order := value(r).order(best); order < 0 && t.hit == Min || order > 0 && t.hit == Max {
					best = value(r)
				}
			}
			return best.String()
		}
		if t.hit == OutputOrder {
			rows = slices.Clone(rows)
			slices.SortStableFunc(rows, func(a, b int) int {
				for _, r := range t.ranked {
					if c := r.position(t.rows[a].value) - r.position(t.rows[b].value); c != 0 {
						return c
					}
				}
				return 0
			})
		}
		all := make([]string, len(rows))
		for i, r := range rows {
			all[i] = names[r]
		}
		return strings.Join(all, "\x01")
	}
}

type tableOutcomes struct {
	together func(rows []int) string // what several rows decide
	choice   choice
	names    []string // by row
	rank     []int    // by row: the lower wins
	none     string
}

func (o *tableOutcomes) resolve(boxes []ruleBox, inside []bool) (string, int, bool) {
	if o.choice == chooseFirst {
		return o.first(boxes, inside)
	}
	var rows []int
	open := -1
	for i, b := range boxes {
		if !inside[i] {
			open = i
		} else if !slices.Contains(rows, b.row) {
			rows = append(rows, b.row)
		}
	}
	if o.choice == chooseOne && len(rows) > 1 {
		return resultSeveral, 0, true
	}
	if open >= 0 {
		return "", open, false
	}
	slices.Sort(rows)
	switch {
	case len(rows) == 0:
		return o.none, 0, true
	case o.choice == chooseOne:
		return o.names[rows[0]], 0, true
	case o.choice == chooseAlike:
		for _, r := range rows[1:] {
			if o.names[r] != o.names[rows[0]] {
				return resultDisagree, 0, true
			}
		}
		return o.names[rows[0]], 0, true
	}
	return o.together(rows), 0, true
}

// first is the box that wins: the result is known if it holds all of the region.
func (o *tableOutcomes) first(boxes []ruleBox, inside []bool) (string, int, bool) {
	best := -1
	for i, b := range boxes {
		if best < 0 || o.rank[b.row] < o.rank[boxes[best].row] || b.row == boxes[best].row && inside[i] {
			best = i
		}
	}
	switch {
	case best < 0:
		return o.none, 0, true
	case inside[best]:
		return o.names[boxes[best].row], 0, true
	default:
		return "", best, false
	}
}

// provingWork is what one evaluation of the analysis may do: it has bounds of its own.
var provingWork = work{steps: 1 << 40, bytes: 1 << 40}

// proving and proved begin and end an evaluation of single tests and columns over facts.
func proving(facts Value) *deciding {
	left := provingWork
	return (&Table{}).begin(facts, &left)
}

func proved(d *deciding) {
	var left work
	d.end(&left)
}

// withRows is the table with other rows.
func (t *Table) withRows(rows []row) *Table {
	m := &Table{Name: t.Name, Title: t.Title, Facts: t.Facts, Outputs: t.Outputs, Result: t.Result, Hash: t.Hash, Value: t.Value, file: t.file, source: t.source,
		hit: t.hit, columns: t.columns, rows: slices.Clone(rows), written: t.written, reads: t.reads, ranked: t.ranked, fallback: t.fallback, empty: t.empty,
		effective: t.effective, complete: t.complete}
	for i := range m.rows {
		m.rows[i].computed = 0
		for column, test := range m.rows[i].tests {
			if _, fixed := collectLiterals(test, t.columns[column].value.result.Kind, nil); !fixed {
				m.rows[i].computed |= 1 << column
			}
		}
	}
	m.index = buildIndex(m)
	return m
}
