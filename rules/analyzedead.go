package rules

import (
	"fmt"
	"slices"
	"strings"

	"crosswalk/source"
)

// dead finds rows that never decide, and facts for which the others do.
func (a *analyzer) dead() {
	way := choiceOf(a.t)
	a.witness, a.reached = make([]Value, len(a.t.rows)), make([]bool, len(a.t.rows))
	order := a.t.order()
	before := func(i, j int) bool { return i < j }
	if order != nil {
		rank := make([]int, len(order))
		for at, row := range order {
			rank[row] = at
		}
		before = func(i, j int) bool { return rank[i] < rank[j] }
	}
	var unknown []string
	for row := range a.t.rows {
		var own []box
		var others []box
		for _, b := range a.boxes {
			switch {
			case b.row == row:
				own = append(own, b.box)
			case way == chooseOne, way == chooseFirst && before(b.row, row), way == chooseAlike && outcomeOf(a.t, &a.t.rows[b.row]) != outcomeOf(a.t, &a.t.rows[row]):
				others = append(others, b.box)
			}
		}
		decided, real := false, false
		for _, region := range own {
			for try := 0; try < 3 && !real; try++ {
				found, ok := a.uncovered(region, slices.Concat(others, a.space.never))
				if !ok {
					break
				}
				decided = true
				if grown, both := a.grow(found, others).and(region); both {
					found = grown
				}
				if facts, made := a.maker.find(found, Value{}); made {
					if a.decides(facts, row) {
						a.witness[row], a.reached[row], real = facts, true, true
						break
					}
				}
				// Another part of the row may be easier to find facts for.
				others = append(slices.Clip(others), found)
			}
		}
		if a.spent {
			return
		}
		switch {
		case !decided:
			a.result.Findings = append(a.result.Findings, a.neverDecides(row, own))
		case !real:
			unknown = append(unknown, a.t.rows[row].id)
		}
	}
	if len(unknown) > 0 {
		a.unchecked("whether %s can decide: no facts were found for which %s, and no proof that there are none", listWords("row", unknown), map[bool]string{true: "it does", false: "they do"}[len(unknown) == 1])
	}
}

func listWords(noun string, ids []string) string {
	const most = 20
	text := noun + " "
	if len(ids) > 1 {
		text = noun + "s "
	}
	if len(ids) > most {
		return text + strings.Join(ids[:most], ", ") + fmt.Sprintf(" and %d more", len(ids)-most)
	}
	return text + strings.Join(ids, ", ")
}

// decides says whether a row is among those that decide.
func (a *analyzer) decides(facts Value, row int) bool {
	decision, err := a.t.Decide(facts)
	return err == nil && decisionNames(decision, a.t.rows[row].id)
}

// decisionNames says whether a row is among those that decided.
func decisionNames(d Decision, row string) bool { return slices.Contains(decidedRows(d), row) }

func (a *analyzer) neverDecides(row int, own []box) Finding {
	r := &a.t.rows[row]
	f := Finding{Kind: FindingNever, Proven: true, Severity: source.SeverityWarning, Rows: []string{r.id}, Place: a.t.cellPlace(r.id, "")}
	if len(own) == 0 {
		f.Message = fmt.Sprintf("row %s can never decide: its own cells exclude each other", r.id)
		f.Hint = "remove it, or change its conditions"
		return f
	}
	covering := a.covering(row, own)
	var ids []string
	for _, i := range covering {
		ids = append(ids, a.t.rows[i].id)
	}
	f.Rows = append(f.Rows, ids...)
	f.Message = fmt.Sprintf("row %s can never decide: %s already %s every case of it", r.id, listWords("row", ids), map[bool]string{true: "takes", false: "take"}[len(ids) == 1])
	f.Hint = "remove it, move it up, or change its conditions"
	for _, region := range own {
		if facts, ok := a.maker.find(region, Value{}); ok && a.matching(facts, row) {
			f.Example = &PlainValue{facts}
			break
		}
	}
	return f
}

// covering are the rows that leave nothing of a row: as few as are easily found.
func (a *analyzer) covering(row int, own []box) []int {
	order := a.t.order()
	at := func(i int) int {
		if order == nil {
			return i
		}
		return slices.Index(order, i)
	}
	var rows []int
	for _, b := range a.boxes {
		if b.row != row && !slices.Contains(rows, b.row) && (choiceOf(a.t) != chooseFirst || at(b.row) < at(row)) && slices.ContainsFunc(own, b.box.intersects) {
			rows = append(rows, b.row)
		}
	}
	if len(rows) > 40 {
		return rows
	}
	for i := len(rows) - 1; i >= 0; i-- {
		fewer := slices.Delete(slices.Clone(rows), i, i+1)
		boxes := slices.Clip(a.space.never)
		for _, b := range a.boxes {
			if slices.Contains(fewer, b.row) {
				boxes = append(boxes, b.box)
			}
		}
		covered := true
		for _, region := range own {
			if _, open := a.uncovered(region, boxes); open {
				covered = false
			}
		}
		if covered && !a.spent {
			rows = fewer
		}
	}
	return rows
}

// unused finds inputs and facts that never change the result.
func (a *analyzer) unused() {
	m := meaningOf(a.t, a.boxes)
	done := map[string]bool{}
	for i := range a.t.columns {
		c := &a.t.columns[i]
		if done[c.value.text] || c.dates { // the business date is no column that could be removed
			continue
		}
		done[c.value.text] = true
		f := Finding{Kind: FindingUnused, Proven: true, Severity: source.SeverityWarning, Input: c.name, Place: a.t.headPlace("inputs", Place{File: a.t.file}), Hint: "remove the column, or add the rows that it is for"}
		if !a.hasConditions(c) {
			f.Message = fmt.Sprintf("the input %s never matters: no row has a condition on it", c.name)
			a.result.Findings = append(a.result.Findings, f)
			continue
		}
		if a.changesSomething(c) {
			continue
		}
		if a.spent {
			return
		}
		if a.neverMatters(c, m) {
			f.Message = fmt.Sprintf("the input %s never matters: with every value of it the table decides the same", c.name)
			a.result.Findings = append(a.result.Findings, f)
		}
		if a.spent {
			return
		}
	}
	for _, field := range a.t.Facts.Fields {
		if !slices.ContainsFunc(a.t.reads, func(path string) bool {
			return path == field.Name || strings.HasPrefix(path, field.Name+".") || strings.HasPrefix(path, field.Name+"[]")
		}) {
			a.result.Findings = append(a.result.Findings, Finding{Kind: FindingUnused, Proven: true, Severity: source.SeverityWarning, Input: field.Name, Place: a.t.headPlace("facts", Place{File: a.t.file}),
				Message: fmt.Sprintf("the fact %s is never read", field.Name), Hint: "remove it, or add the column that it is for"})
		}
	}
}

func (a *analyzer) hasConditions(c *column) bool {
	for i := range a.t.columns {
		for r := range a.t.rows {
			if a.t.columns[i].value.text == c.value.text && a.t.rows[r].tests[i] != nil {
				return true
			}
		}
	}
	return false
}

// changesSomething tries the facts that rows were reached with, with other values of a column.
func (a *analyzer) changesSomething(c *column) bool {
	path := factPath(c.value.root)
	base := a.space.axes[a.space.base(c)]
	for row, facts := range a.witness {
		if !a.reached[row] {
			continue
		}
		was := a.outcome(facts)
		if path == nil {
			continue
		}
		for _, p := range base.pieces {
			if len(p.samples) == 0 || !a.pay(50) {
				continue
			}
			// A day on which the table is not in force is no value that it decides otherwise.
			if changed, ok := a.maker.set(facts, path, p.samples[0]); ok && a.t.inForceFor(changed) && a.outcome(changed) != was {
				return true
			}
		}
	}
	return false
}

// outcome is what a table makes of facts, without the row.
func (a *analyzer) outcome(facts Value) string { return resultOf(a.t, facts) }

func resultOf(t *Table, facts Value) string {
	decision, err := t.Decide(facts)
	if err == nil {
		return string(decision.Outputs.Plain())
	}
	wrong, ok := err.(*DecisionError)
	switch {
	case !ok:
		return "refused: " + err.Error()
	case wrong.NoMatch:
		return resultNone
	default:
		return "error: " + wrong.Message
	}
}

// neverMatters proves that the table decides the same whatever a column holds: as if it always held one value.
func (a *analyzer) neverMatters(c *column, m *meaning) bool {
	pinned, at := make([]bool, len(a.space.axes)), make([]int, len(a.space.axes))
	for i, axis := range a.space.axes {
		pinned[i] = axis.of.text == c.value.text
		if a.space.force != nil && i < len(a.space.force) && a.space.force[i] != nil {
			a.space.force[i].each(func(piece int) bool { at[i] = piece; return true })
		}
	}
	var boxes []ruleBox
	for _, b := range a.boxes {
		fits := true
		changed := b.box.clone()
		for i := range changed {
			if pinned[i] && changed[i] != nil {
				fits = fits && changed[i].has(at[i])
				changed[i] = nil
			}
		}
		if fits {
			boxes = append(boxes, ruleBox{box: changed, row: b.row})
		}
	}
	other := meaningOf(a.t, boxes)
	_, _, _, differs := a.differ(a.everything(), m, other, m.boxes, other.boxes, func(x, y []ruleBox) bool { return false })
	return !differs && !a.spent
}
