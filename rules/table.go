package rules

import (
	"fmt"
	"strings"
	"sync"
)

// Table is a compiled decision table. It may be used by several goroutines at once.
type Table struct {
	Name    string
	Title   string
	Facts   *Type // the record that Decide takes
	Outputs *Type // the record that a decision yields; an output that some row leaves empty is optional
	Hash    string
	Value   *Expression // a number that says what a decision is about, such as an amount; nil if the table names none

	file     string
	source   *TableSource
	unique   bool // at most one row may match; else the first one decides
	columns  []column
	rows     []row
	written  []WrittenRow
	reads    []string
	index    *index
	said     tableWords
	fallback *Template // what holds if no row matches; nil: that is an error
	complete string    // what facts are that no row handles: error, warn, off
	accepts  []*acceptance
}

// column is one input: a fact, or a formula over the facts.
type column struct {
	name  string
	value *Expression
	path  []string // set if it is a fact: then there is nothing to evaluate
}

type row struct {
	id, why string
	tests   []cellTest // by column
	cells   []gridCell // by column, for messages
	outputs *Template
	fixed   bool // the outputs do not depend on the facts
	value   Value
}

// WrittenRow is a row of a table as it is written; those that are off are among them.
type WrittenRow struct {
	ID    string
	Cells []Cell // in the order of the file's columns, without the id
}

// Source is the table as it is written.
func (t *Table) Source() *TableSource { return t.source }

// Cell is one cell as it is written.
type Cell struct{ Column, Text string }

// Written are the rows as they are written, in the order of the file.
func (t *Table) Written() []WrittenRow { return t.written }

// Decision is the outcome of a table for some facts.
type Decision struct {
	Table     string `json:"table"`
	Hash      string `json:"hash"`          // of the table's content
	Row       string `json:"row"`           // the id of the row that decided, or DefaultRow
	Why       string `json:"why,omitempty"` // the row's reason, for people
	Outputs   Value  `json:"outputs"`
	FactsHash string `json:"facts_hash"`
}

// DefaultRow stands for the id of a row where no row matched and the table has a default.
const DefaultRow = "default"

// DecisionError says why a table gives no decision. An error is never taken for "no match".
type DecisionError struct {
	Table   string
	Place   Place  // of the cell; of the file alone if it is not about one
	Row     string // the id of the row; may be empty
	Column  string // its name; may be empty
	Message string
	Hint    string
	Cell    *Error // the place within the cell, if it is about one
	NoMatch bool   // no row matched, and the table has no default
}

// Error names table, row, column and what is wrong.
func (e *DecisionError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table %s", e.Table)
	if e.Row != "" {
		fmt.Fprintf(&b, ", row %s", e.Row)
	}
	if e.Column != "" {
		fmt.Fprintf(&b, ", %s", e.Column)
	}
	if e.Place.Line > 0 {
		fmt.Fprintf(&b, " (%s)", e.Place.short())
	}
	b.WriteString(": " + e.Message)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Caret is the cell with the place underlined; "" if the error is not about a cell.
func (e *DecisionError) Caret() string {
	if e.Cell == nil {
		return ""
	}
	return e.Cell.Caret()
}

// TableReader reads the files that a table refers to (rows: file.csv), relative to the table's own.
type TableReader func(name string) ([]byte, error)

// cellLimits bound the evaluation of one cell or input.
var cellLimits = Limits{Steps: 20_000, Bytes: 1 << 20}

// deciding is the state of one decision.
type deciding struct {
	machine machine
	facts   Value
	values  []Value  // of the columns
	sets    []bitset // of the rows that each column accepts
}

var decisions = sync.Pool{New: func() any { return new(deciding) }}

func (t *Table) begin(facts Value) *deciding {
	d := decisions.Get().(*deciding)
	d.facts, d.values, d.sets = facts, d.values[:0], d.sets[:0]
	return d
}

// end forgets the facts, so that the pool does not keep them alive.
func (d *deciding) end() {
	d.facts = Value{}
	clear(d.values)
	d.machine.forget()
	decisions.Put(d)
}

// evaluate runs an expression of the table over the facts; v is the value that ? stands for.
func (d *deciding) evaluate(x *Expression, v Value) (Value, *Error) {
	m := &d.machine
	m.reset(x.limits, x.locals)
	for _, name := range x.variables {
		if name == placeholder {
			m.variables = append(m.variables, v)
		} else {
			m.variables = append(m.variables, d.facts.Get(name))
		}
	}
	result, err := x.root.eval(m)
	if err != nil {
		err.Source = x.text
	}
	return result, err
}

// Decide evaluates the table. Facts go through the door of Facts.Decode first. The error, if any, is a
// *DecisionError, or DecodeErrors if the facts are not what the table takes.
func (t *Table) Decide(facts Value) (Decision, error) {
	decoded, err := t.Facts.Decode(facts)
	if err != nil {
		return Decision{}, fmt.Errorf("table %s: facts: %w", t.Name, err)
	}
	id, why, outputs, err := t.Match(decoded)
	if err != nil {
		return Decision{}, err
	}
	return Decision{Table: t.Name, Hash: t.Hash, Row: id, Why: why, Outputs: outputs, FactsHash: decoded.Hash()}, nil
}

// Match is Decide without the record of it, for facts that have been decoded already.
func (t *Table) Match(facts Value) (id, why string, outputs Value, err error) {
	d := t.begin(facts)
	defer d.end()
	if err := t.inputs(d); err != nil {
		return "", "", Value{}, err
	}
	return t.match(d)
}

// match decides by the values of the columns.
func (t *Table) match(d *deciding) (id, why string, outputs Value, err error) {
	hit, err := t.hit(d)
	if err != nil {
		return "", "", Value{}, err
	}
	if hit == nil {
		return t.noMatch(d.facts)
	}
	if hit.fixed {
		return hit.id, hit.why, hit.value, nil
	}
	outputs, err = t.fill(hit.outputs, d.facts, hit.id)
	return hit.id, hit.why, outputs, err
}

// inputs finds the values of the columns.
func (t *Table) inputs(d *deciding) error {
	for i := range t.columns {
		c := &t.columns[i]
		if c.path != nil {
			if v := d.facts.Path(c.path...); v.kind != KindMissing || c.value.result.Optional {
				d.values = append(d.values, v)
				continue
			}
		}
		v, err := d.evaluate(c.value, Value{})
		if err != nil {
			return &DecisionError{Table: t.Name, Place: Place{File: t.file}, Column: c.name, Message: err.Message, Hint: err.Hint, Cell: err}
		}
		d.values = append(d.values, v)
	}
	return nil
}

// hit finds the row that decides; nil if none matches.
func (t *Table) hit(d *deciding) (hit *row, err error) {
	visit := func(at int, sure bool) (enough bool) {
		r := &t.rows[at]
		if !sure {
			var missed int
			if missed, err = t.miss(d, r); err != nil || missed >= 0 {
				return err != nil
			}
		}
		if hit != nil {
			err = &DecisionError{Table: t.Name, Place: r.cells[0].place, Row: r.id,
				Message: fmt.Sprintf("rows %s and %s both match, and at most one may", hit.id, r.id), Hint: "make them exclude each other, or use hit: first"}
			return true
		}
		hit = r
		return !t.unique
	}
	if !t.index.candidates(d, visit) {
		for i := range t.rows {
			if visit(i, false) {
				break
			}
		}
	}
	return hit, err
}

// miss returns the first column whose test the facts do not satisfy, or -1.
func (t *Table) miss(d *deciding, r *row) (int, error) {
	for i, test := range r.tests {
		if test == nil { // any value will do
			continue
		}
		ok, err := test.match(d, d.values[i])
		if err != nil {
			if err.Source == "" {
				err.Source = r.cells[i].text
			}
			err.Source = strings.ReplaceAll(err.Source, placeholder, "?")
			return 0, &DecisionError{Table: t.Name, Place: r.cells[i].place, Row: r.id, Column: t.columns[i].name,
				Message: err.Message, Hint: err.Hint, Cell: err}
		}
		if !ok {
			return i, nil
		}
	}
	return -1, nil
}

func (t *Table) noMatch(facts Value) (id, why string, outputs Value, err error) {
	if t.fallback == nil {
		return "", "", Value{}, &DecisionError{Table: t.Name, Place: Place{File: t.file}, NoMatch: true,
			Message: "no row matches these facts", Hint: "add a row for them, or a default"}
	}
	outputs, err = t.fill(t.fallback, facts, DefaultRow)
	return DefaultRow, "", outputs, err
}

// fill computes the outputs of a row and holds them to their types.
func (t *Table) fill(template *Template, facts Value, id string) (Value, error) {
	variables := make(map[string]Value, facts.Len())
	for i, key := range facts.Keys() {
		variables[key] = facts.Items()[i]
	}
	v, err := template.Eval(variables)
	if err == nil {
		v, err = t.Outputs.Decode(v)
	}
	if err == nil {
		return v, nil
	}
	wrong := &DecisionError{Table: t.Name, Place: Place{File: t.file}, Row: id, Message: err.Error()}
	if cell, ok := err.(*Error); ok {
		wrong.Message, wrong.Hint, wrong.Cell = cell.Message, cell.Hint, cell
	}
	return Value{}, wrong
}

// Rows lists the ids of the rows in order.
func (t *Table) Rows() []string {
	ids := make([]string, len(t.rows))
	for i := range t.rows {
		ids[i] = t.rows[i].id
	}
	return ids
}

// RowPlace says where a row stands.
type RowPlace struct {
	ID, File string
	Line     int // 0 if the row has no cells
}

// RowPlaces lists the rows in order with their places; the default, if there is one, has none of its own.
func (t *Table) RowPlaces() []RowPlace {
	places := make([]RowPlace, len(t.rows))
	for i, r := range t.rows {
		places[i] = RowPlace{ID: r.id, File: t.file}
		if len(r.cells) > 0 {
			places[i].Line = r.cells[0].place.Line
		}
	}
	if t.fallback != nil {
		places = append(places, RowPlace{ID: DefaultRow, File: t.file})
	}
	return places
}

// Reads lists the paths of the facts that the table reads, sorted.
func (t *Table) Reads() []string { return t.reads }
