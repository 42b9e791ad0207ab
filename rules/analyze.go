package rules

import (
	"fmt"
	"slices"
	"strings"

	"crosswalk/source"
)

// The kinds of findings.
const (
	FindingGap         = "gap"           // no row handles some facts
	FindingOverlap     = "overlap"       // two rows match the same facts, where only one may
	FindingNever       = "never_decides" // a row never decides
	FindingUnused      = "never_matters" // an input or fact never changes the result
	FindingFails       = "fails"         // a cell cannot be evaluated for some facts
	FindingAcceptUnfit = "accept"        // a finding is accepted that does not exist
)

// Finding is one thing about a table that its author should look at.
type Finding struct {
	Kind   string `json:"kind"`
	Proven bool   `json:"proven"` // the example has been tried with the table; else it is possible, and nothing more
	// Severity is an error where the table asks for it, and empty where the finding is accepted.
	Severity   source.Severity `json:"severity,omitempty"`
	Rows       []string        `json:"rows,omitempty"`
	Input      string          `json:"input,omitempty"` // a column, or a fact
	Where      []Cell          `json:"where,omitempty"` // the facts that it is about, in the words of cells; columns that do not matter are left out
	Example    *PlainValue     `json:"example,omitempty"`
	Results    []string        `json:"results,omitempty"`    // overlap: what each of the rows decides
	Conflict   bool            `json:"conflict,omitempty"`   // overlap: the rows decide different things
	Suggestion []Cell          `json:"suggestion,omitempty"` // a row that would close the gap, without its outputs
	Message    string          `json:"message"`
	Hint       string          `json:"hint,omitempty"`
	Accepted   string          `json:"accepted,omitempty"` // why the author is content with it
	Place      Place           `json:"place"`

	region box
}

// Unclear is a cell or column that cannot be analysed: it is taken as if it could hold or not hold, whatever else does.
type Unclear struct {
	Row    string `json:"row,omitempty"`
	Column string `json:"column"`
	Text   string `json:"text"`
	Why    string `json:"why"`
	Place  Place  `json:"place"`
}

// Analysis is what is known about a table.
type Analysis struct {
	Table     string    `json:"table"`
	File      string    `json:"file"`
	Rows      int       `json:"rows"`
	Inputs    int       `json:"inputs"`
	Findings  []Finding `json:"findings"`
	Unclear   []Unclear `json:"unclear"`   // what could not be analysed
	Unchecked []string  `json:"unchecked"` // what was not or not fully checked, and why
	Ordered   int       `json:"ordered"`   // pairs of rows that overlap and decide differently, so that their order counts
	Steps     int       `json:"steps"`     // of work
}

// Unexplained are the findings that nobody has accepted.
func (a *Analysis) Unexplained() []Finding {
	var open []Finding
	for _, f := range a.Findings {
		if f.Accepted == "" {
			open = append(open, f)
		}
	}
	return open
}

// Problems are the findings that nobody has accepted, as problems of the table's file. What is only possible is left out,
// and so are inputs that never matter: a table may have them for what is to come.
func (a *Analysis) Problems() source.Problems {
	var problems source.Problems
	for _, f := range a.Unexplained() {
		if !f.Proven || f.Kind == FindingUnused {
			continue
		}
		p := f.Place.problem("", 0, f.Hint, f.Message)
		p.Severity = f.Severity
		problems = append(problems, p)
	}
	return problems
}

// Unproven are the problems of all parts of a table, for the check of a workspace.
func (t *Table) Unproven(steps int) source.Problems {
	var problems source.Problems
	for _, part := range t.Parts() {
		problems = append(problems, part.Analyze(steps).Problems()...)
	}
	return problems
}

// AnalyzeSteps is the work that one analysis does at most, unless it is told otherwise.
const AnalyzeSteps = 40_000_000

// The bounds on what is listed of one kind; the rest is counted.
const (
	maxGaps     = 20
	maxOverlaps = 40
)

type analyzer struct {
	prover
	t            *Table
	boxes        []ruleBox
	maker        *maker
	result       *Analysis
	gapsAccepted []acceptedGap
	witness      []Value // by row: facts for which it decides
	reached      []bool  // by row: whether it is known that it can decide
}

// Parts are the tables with rows that make the decision.
// Those of a chain are tables of their own.
func (t *Table) Parts() []*Table {
	switch {
	case len(t.versions) > 0:
		return t.versions
	case len(t.steps) > 0:
		return nil
	default:
		return []*Table{t}
	}
}

// Analyze looks for facts that no row handles, rows that overlap or never decide, and inputs that never matter. It does
// so many steps of work at most; 0 stands for AnalyzeSteps. The result is the same on every machine.
func (t *Table) Analyze(steps int) *Analysis {
	if steps <= 0 {
		steps = AnalyzeSteps
	}
	a := &analyzer{t: t, result: &Analysis{Table: t.Name, File: t.file, Rows: len(t.rows), Inputs: len(t.columns), Findings: []Finding{}, Unclear: []Unclear{}, Unchecked: []string{}}}
	a.space = newSpace(t.Facts)
	a.space.add(t)
	for _, accepted := range t.accepts {
		for i, test := range accepted.tests {
			if test != nil {
				a.space.register(&t.columns[i], test, "accepted")
			}
		}
	}
	a.space.cut()
	a.steps = steps
	a.maker = newMaker(a.space, &a.steps)
	a.unclear()
	words := 0
	for _, axis := range a.space.axes {
		words += len(axis.pieces) / 64 * len(t.rows)
		if len(axis.pieces) > maxPieces {
			words = maxSetWords + 1
		}
	}
	if words > maxSetWords {
		a.unchecked("the table is too large to be analysed: %d rows with %d inputs, and too many different values", len(t.rows), len(t.columns))
		return a.result
	}
	a.boxes = a.space.boxes(t, &words)
	a.gapsAccepted = a.acceptedGaps()
	a.space.pad(a.boxes)
	a.space.exclude()
	a.space.outOfForce(t)
	for _, part := range []struct {
		what  string
		share int // of the steps that are left
		do    func()
	}{{"gaps", 3, a.gaps}, {"overlaps", 3, a.overlaps}, {"rows that never decide", 2, a.dead}, {"inputs that never matter", 1, a.unused}} {
		left := a.steps
		a.steps, a.spent = left/part.share, false
		budget := a.steps
		part.do()
		used := budget - max(a.steps, 0)
		if a.spent {
			a.unchecked("not fully checked: %s (after %d steps of work)", part.what, used)
		}
		a.steps = left - used
		a.result.Steps += used
	}
	a.accept()
	return a.result
}

func (a *analyzer) unchecked(format string, args ...any) {
	a.result.Unchecked = append(a.result.Unchecked, fmt.Sprintf(format, args...))
}

// unclear lists what is not understood: formulas, patterns and comparisons with other facts.
func (a *analyzer) unclear() {
	head := Place{File: a.t.file}
	for i := range a.t.columns {
		c := &a.t.columns[i]
		if factPath(c.value.root) == nil {
			a.result.Unclear = append(a.result.Unclear, Unclear{Column: c.name, Text: c.value.text, Place: a.t.headPlace("inputs", head),
				Why: "the column is a formula: which of its values go together with those of other columns is not known before facts are tried"})
		}
		for r := range a.t.rows {
			test := a.t.rows[r].tests[i]
			if test == nil || finiteType(c.value.result) && fixedCell(test) {
				continue
			}
			if why := opaque(c, test); why != "" {
				cell := a.t.rows[r].cells[i]
				a.result.Unclear = append(a.result.Unclear, Unclear{Row: a.t.rows[r].id, Column: c.name, Text: strings.TrimSpace(cell.text), Why: why, Place: cell.place})
			}
		}
	}
}

// opaque says why a test is taken as if it could hold or not; "" if it is understood.
func opaque(c *column, test cellTest) string {
	const another = "it compares with another fact or formula: which of their values go together is not known before facts are tried"
	switch test := test.(type) {
	case equalTest:
		if test.operand.expression != nil {
			return another
		}
	case compareTest:
		if test.operand.expression != nil {
			return another
		}
	case rangeTest:
		if test.low.expression != nil || test.high.expression != nil {
			return another
		}
	case textOperatorTest:
		if test.operand.expression != nil {
			return another
		}
	case patternTest:
		return "patterns are not understood: it may match any text"
	case expressionTest:
		return "formulas are not understood: it may hold for any value"
	case notTest:
		return opaque(c, test.test)
	case orTest:
		for _, inner := range test {
			if why := opaque(c, inner); why != "" {
				return why
			}
		}
	}
	return ""
}

// plain are the boxes without their rows.
func plain(boxes []ruleBox) []box {
	all := make([]box, len(boxes))
	for i, b := range boxes {
		all[i] = b.box
	}
	return all
}

func (a *analyzer) everything() box { return make(box, len(a.space.axes)) }

// gaps finds facts that no row handles.
func (a *analyzer) gaps() {
	if !a.t.gapsMatter() {
		return
	}
	// What no facts lie in need not be kept out of a gap: the region is said in fewer words, and facts are found in it.
	boxes, never := a.acceptGaps(plain(a.boxes)), a.space.never
	possible := 0
	for count := 0; ; count++ {
		region, found := a.uncovered(a.everything(), slices.Concat(boxes, never))
		if !found {
			return
		}
		if count == maxGaps {
			a.unchecked("more gaps than the %d that are listed", maxGaps)
			return
		}
		region = a.grow(region, boxes)
		boxes = append(boxes, region)
		if f := a.gap(region); f.Proven || possible < maxGaps/2 {
			if !f.Proven {
				possible++
			}
			a.result.Findings = append(a.result.Findings, f)
		}
	}
}

func (a *analyzer) gap(region box) Finding {
	f := Finding{Kind: FindingGap, Severity: a.t.gapSeverity(), Where: a.words(region), Place: a.t.headPlace("rows", Place{File: a.t.file}), region: region}
	if len(a.t.rows) > 0 && len(a.t.rows[len(a.t.rows)-1].cells) > 0 {
		f.Place = a.t.rows[len(a.t.rows)-1].cells[0].place
	}
	facts, ok := a.maker.find(region, Value{})
	if ok {
		_, err := a.t.Decide(facts)
		wrong, isDecision := err.(*DecisionError)
		switch {
		case isDecision && wrong.NoMatch:
			f.Proven, f.Example = true, &PlainValue{facts}
		case isDecision:
			return a.failure(facts, wrong)
		}
	}
	f.Suggestion = a.suggestion(region, facts, ok)
	f.Message = "no row handles " + a.sentence(region)
	if !f.Proven {
		f.Message = "perhaps no row handles " + a.sentence(region) + ": no facts were found for which that is so"
	}
	f.Hint = "add a row such as: " + rowText(f.Suggestion)
	return f
}

func (a *analyzer) failure(facts Value, wrong *DecisionError) Finding {
	f := Finding{Kind: FindingFails, Proven: true, Severity: source.SeverityWarning, Example: &PlainValue{facts}, Input: wrong.Column, Message: wrong.Error(), Hint: wrong.Hint, Place: Place{File: a.t.file}}
	if wrong.Row != "" {
		f.Rows = []string{wrong.Row}
		f.Place = a.t.cellPlace(wrong.Row, wrong.Column)
	}
	return f
}

// overlaps finds rows that match the same facts.
func (a *analyzer) overlaps() {
	way := choiceOf(a.t)
	if way == chooseSeveral {
		return
	}
	names := make([]string, len(a.t.rows))
	for i := range a.t.rows {
		names[i] = outcomeOf(a.t, &a.t.rows[i])
	}
	of := make([][]box, len(a.t.rows))
	for _, b := range a.boxes {
		of[b.row] = append(of[b.row], b.box)
	}
	listed, more := 0, 0
	for i := range a.t.rows {
		for j := i + 1; j < len(a.t.rows); j++ {
			if way != chooseOne && names[i] == names[j] {
				continue
			}
			regions := a.common(of[i], of[j])
			switch {
			case a.spent:
				return
			case len(regions) == 0:
			case way == chooseFirst:
				a.result.Ordered++
			case listed >= maxOverlaps:
				more++
			default:
				listed++
				a.result.Findings = append(a.result.Findings, a.overlap(i, j, regions, names))
			}
		}
	}
	if more > 0 {
		a.unchecked("%d more pairs of rows may overlap than the %d that are listed", more, maxOverlaps)
	}
}

// common is what two rows have in common, and facts may lie in.
func (a *analyzer) common(left, right []box) []box {
	var regions []box
	for _, b := range left {
		for _, c := range right {
			if !a.pay(1 + len(b)/2) {
				return nil
			}
			region, both := b.and(c)
			if !both {
				continue
			}
			if _, possible := a.uncovered(region, a.space.never); possible {
				regions = append(regions, region)
			}
		}
	}
	return regions
}

func (a *analyzer) overlap(i, j int, regions []box, names []string) Finding {
	first, second := &a.t.rows[i], &a.t.rows[j]
	f := Finding{Kind: FindingOverlap, Severity: source.SeverityWarning, Rows: []string{first.id, second.id}, Place: a.t.cellPlace(second.id, ""),
		Results: []string{names[i], names[j]}, Conflict: names[i] != names[j], region: regions[0]}
	for _, region := range regions {
		if facts, ok := a.maker.find(region, Value{}); ok && a.matching(facts, i) && a.matching(facts, j) {
			f.Proven, f.Example, f.region = true, &PlainValue{facts}, region
			break
		}
	}
	f.Where = a.words(f.region)
	says := "and they decide the same"
	if f.Conflict {
		says = "and they decide different things"
	}
	f.Message = fmt.Sprintf("rows %s and %s both match %s, %s", first.id, second.id, sentence(f.Where), says)
	if !f.Proven {
		f.Message = fmt.Sprintf("rows %s and %s perhaps both match %s: no facts were found for which that is so", first.id, second.id, sentence(f.Where))
	}
	f.Hint = "make them exclude each other, or use hit: first if their order is meant to decide"
	return f
}

// matching says whether a row's cells all hold.
func (a *analyzer) matching(facts Value, row int) bool {
	decoded, err := a.t.Facts.Decode(facts)
	if err != nil {
		return false
	}
	d := proving(decoded)
	defer proved(d)
	if a.t.inputs(d) != nil {
		return false
	}
	missed, err := a.t.miss(d, &a.t.rows[row])
	return err == nil && missed < 0
}

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
		if done[c.value.text] {
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
			if changed, ok := a.maker.set(facts, path, p.samples[0]); ok && a.outcome(changed) != was {
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
	pinned := make([]bool, len(a.space.axes))
	for i, axis := range a.space.axes {
		pinned[i] = axis.of.text == c.value.text
	}
	var boxes []ruleBox
	for _, b := range a.boxes {
		fits := true
		changed := b.box.clone()
		for i := range changed {
			if pinned[i] && changed[i] != nil {
				fits = fits && changed[i].has(0)
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
