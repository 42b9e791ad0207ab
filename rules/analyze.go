package rules

import (
	"fmt"
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
