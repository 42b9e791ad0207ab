package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Explanation says of one decision which rows decided and why, why no other row did, and what would have changed the
// result. It is worked out anew from the facts, so that nothing of it need be stored with a decision.
type Explanation struct {
	Table     string           `json:"table"`
	Title     string           `json:"title,omitempty"`
	Hash      string           `json:"hash"`
	Hit       string           `json:"hit"` // the hit policy
	FactsHash string           `json:"facts_hash,omitempty"`
	Decided   []string         `json:"decided"` // the ids of the rows that decided, or DefaultRow; none if there is an error
	Why       string           `json:"why,omitempty"`
	Outputs   PlainValue       `json:"outputs"`
	Error     string           `json:"error,omitempty"` // why there is no decision
	Text      string           `json:"text"`            // the result in a sentence
	Inputs    []ExplainedInput `json:"inputs"`
	Rows      []ExplainedRow   `json:"rows"` // in the order of the table, those that are off among them
	// NearMisses are the rows that one cell kept from matching, those that would have changed the result first.
	NearMisses []NearMiss     `json:"near_misses"`
	Version    string         `json:"version,omitempty"` // the file of the version that was in force, if the table has several
	Parts      []*Explanation `json:"parts,omitempty"`   // of a chain: of each of its tables, as far as it came
	// Omitted is how many near misses are not listed, as there are so many.
	Omitted int `json:"near_misses_omitted,omitempty"`
}

// ExplainedInput is what the facts have in one column.
type ExplainedInput struct {
	Column string     `json:"column"`
	Fact   string     `json:"fact"` // the path of the fact, or the formula
	Value  PlainValue `json:"value"`
}

// PlainValue is a value that is ordinary JSON in a document for people and other programs.
type PlainValue struct{ Value }

// MarshalJSON writes the plain form.
func (v PlainValue) MarshalJSON() ([]byte, error) { return v.Plain(), nil }

// Verdict is what became of a row.
type Verdict string

// The verdicts.
const (
	VerdictDecided Verdict = "decided"
	VerdictMissed  Verdict = "missed"  // some cell does not fit
	VerdictPassed  Verdict = "passed"  // every cell fits, and yet another row decided, or none
	VerdictFailed  Verdict = "failed"  // a cell could not be evaluated
	VerdictOff     Verdict = "off"     // the table leaves it out
	VerdictDefault Verdict = "default" // not a row: what holds where none matches
)

// TableRow is what a table says of one of its rows, the same in all explanations.
type TableRow struct {
	Row   string `json:"row"`
	Why   string `json:"why,omitempty"`
	Place Place  `json:"place"`
}

// ExplainedRow says of one row whether it decided, and else why not.
type ExplainedRow struct {
	*TableRow
	Verdict Verdict `json:"verdict"`
	// Looked says whether the decision looked at the row: with hit: first an earlier one may have decided.
	Looked bool   `json:"looked_at"`
	Misses []Miss `json:"misses,omitempty"` // every cell that does not fit
	Text   string `json:"text"`
}

// Miss is one cell that the facts do not satisfy.
type Miss struct {
	*MissedCell
	Value string `json:"value"` // what the facts have there
}

// MissedCell is what a cell that is not satisfied says. It is the same in all explanations, unless the cell is about
// other facts or could not be evaluated.
type MissedCell struct {
	Column string `json:"column"`
	Cell   string `json:"cell"`            // as it is written
	Wanted string `json:"wanted"`          // in words
	Error  string `json:"error,omitempty"` // why the cell could not be evaluated

	words  *cellWords
	column int
}

// TableCell names a cell of a table.
type TableCell struct {
	Row    string `json:"row"`
	Column string `json:"column"`
	Fact   string `json:"fact"` // the path of the fact in that column, or the formula
}

// NearMiss is a row that one cell kept from matching, and the smallest change of that one value by which it matches.
type NearMiss struct {
	*TableCell
	From PlainValue `json:"from"`
	To   PlainValue `json:"to"` // not meaningful if Found is false
	// Found says whether a value was found by which the cell fits. For patterns and formulas there may be none that
	// can be named.
	Found bool `json:"found"`
	// Changes says whether the result is another one with that value. It was decided again to know.
	Changes bool       `json:"changes"`
	Decided []string   `json:"decided,omitempty"` // what decides then
	Outputs PlainValue `json:"outputs"`
	Error   string     `json:"error,omitempty"`
	Text    string     `json:"text"`
}

// maxNearMisses bounds how many rows are tried again with another value.
const maxNearMisses = 100

// Explain decides over the facts and says why the result is what it is. The error is about the facts: that a table
// gives no decision is a part of the explanation.
func (t *Table) Explain(facts Value) (*Explanation, error) {
	decoded, err := t.Facts.Decode(facts)
	if err != nil {
		return nil, fmt.Errorf("table %s: facts: %w", t.Name, err)
	}
	switch {
	case len(t.versions) > 0:
		return t.explainVersion(decoded)
	case len(t.steps) > 0:
		return t.explainChain(decoded)
	}
	e := &Explanation{Table: t.Name, Title: t.Title, Hash: t.Hash, Hit: t.policy(), FactsHash: decoded.Hash(),
		Decided: []string{}, Inputs: make([]ExplainedInput, 0, len(t.columns)), Rows: []ExplainedRow{}, NearMisses: []NearMiss{}}
	of := t.outcome(t.Match(decoded))
	e.Decided, e.Why, e.Outputs, e.Error = of.decided, of.why, PlainValue{of.outputs}, of.problem
	left := explainWork
	d := t.begin(decoded, &left)
	defer d.end(&left)
	if err := t.inputs(d); err != nil {
		e.Text = "No decision: " + e.Error
		return e, nil
	}
	for i := range t.columns {
		e.Inputs = append(e.Inputs, ExplainedInput{Column: t.columns[i].name, Fact: t.columns[i].value.text, Value: PlainValue{d.values[i]}})
	}
	x := &explaining{t: t, d: d, e: e, of: of, words: t.words(), values: make([]columnWords, len(t.columns)), decided: -1}
	var few [16]nearRow
	x.near = few[:0]
	x.text.Grow(min(128*len(t.rows)+512, 1<<16))
	for i := range x.values {
		x.values[i].value = valueWords(d.values[i])
		x.values[i].is = x.say(t.columns[i].name, " is ", x.values[i].value)
	}
	x.indexed = t.index.lookUp(d)
	x.misses = make([]Miss, 0, x.countMisses())
	x.rows()
	e.Text = x.result()
	x.nearMisses()
	return e, nil
}

// outcome is the result of a table, for comparing it with another.
type outcome struct {
	decided []string
	why     string
	outputs Value
	problem string
	noMatch bool
	said    string // what String would make, if it is known already
}

func (t *Table) outcome(id, why string, outputs Value, err error) outcome {
	if err != nil {
		var wrong *DecisionError
		return outcome{problem: err.Error(), decided: []string{}, noMatch: errors.As(err, &wrong) && wrong.NoMatch}
	}
	if t.hit.several() {
		return outcome{decided: strings.Split(id, ", "), why: why, outputs: outputs}
	}
	return outcome{decided: []string{id}, why: why, outputs: outputs}
}

func (o *outcome) same(p *outcome) bool {
	return o.problem == p.problem && slices.Equal(o.decided, p.decided) && o.outputs.Equal(p.outputs)
}

// String is the outcome as it stands in a sentence after "then".
func (o *outcome) String() string {
	switch {
	case o.said != "":
		return o.said
	case o.noMatch:
		return "no row matches"
	case o.problem != "":
		return "there is no decision: " + o.problem
	case len(o.decided) == 1 && o.decided[0] == DefaultRow:
		return defaultHolds + outputWords(o.outputs)
	case len(o.decided) == 1:
		return rowDecides + o.decided[0] + " decides: " + outputWords(o.outputs)
	}
	return "rows " + strings.Join(o.decided, ", ") + " decide: " + outputWords(o.outputs)
}

// explaining is the state of one explanation.
type explaining struct {
	t      *Table
	d      *deciding
	e      *Explanation
	of     outcome
	words  *tableWords
	values []columnWords
	near   []nearRow
	// text is all sentences, one after the other, and misses those of all rows, so that not every row takes memory of its own.
	text    strings.Builder
	misses  []Miss
	indexed bool // the index has said which cells fit
	decided int  // the row that did, if it is one; -1
}

// columnWords is the value of a column in words.
type columnWords struct {
	value string
	is    string // the same with the column's name
}

// say puts parts of a sentence together.
func (x *explaining) say(parts ...string) string {
	from := x.text.Len()
	for _, part := range parts {
		x.text.WriteString(part)
	}
	return x.text.String()[from:]
}

// nearRow is a row with exactly one cell that does not fit.
type nearRow struct{ row, column int }

// policy is the hit policy as it is written.
func (t *Table) policy() string { return string(t.hit) }

// result is the decision in a sentence.
func (x *explaining) result() string {
	switch {
	case x.of.noMatch:
		return "No row matches, and the table has no default."
	case x.of.problem != "":
		return "No decision: " + x.of.problem
	case slices.Contains(x.e.Decided, DefaultRow):
		return "No row matches, so the default holds: " + outputWords(x.of.outputs)
	case len(x.e.Decided) > 1:
		return "Rows " + strings.Join(x.e.Decided, ", ") + " decided: " + outputWords(x.of.outputs)
	}
	if x.decided < 0 { // looking at all cells may have been too much work
		x.decided = slices.IndexFunc(x.t.rows, func(r row) bool { return r.id == x.e.Decided[0] })
	}
	outputs := ""
	if x.decided >= 0 && !x.t.hit.several() {
		outputs = x.words.rows[x.decided].outputs
	}
	if outputs == "" {
		outputs = outputWords(x.of.outputs)
	}
	from := x.text.Len()
	x.say("Row ", x.e.Decided[0], " decided: ", outputs)
	if x.decided >= 0 {
		x.sayFits(x.decided)
	}
	return x.text.String()[from:]
}

// sayFits says what the row that decided wants, and that it is so.
func (x *explaining) sayFits(at int) {
	before := ", because "
	for i, test := range x.t.rows[at].tests {
		if test == nil {
			continue
		}
		value, words := x.values[i], &x.words.cells[at][i]
		wanted := words.missed.Wanted
		if !words.fixed {
			wanted = wantedWords(test, x.d, words.missed.Cell)
		}
		x.say(before, value.is)
		if wanted != value.value {
			x.say(" (the row wants ", wanted, ")")
		}
		before = " and "
	}
	if before != " and " {
		x.say(", because it takes everything")
	}
}
