package rules

import (
	"fmt"
	"slices"
	"strings"
)

// Table is a compiled decision table, or what makes one decision of several: the versions of a table, of which the
// business date picks one, or a chain of tables. It may be used by several goroutines at once.
type Table struct {
	Name    string
	Title   string
	Facts   *Type // the record that Decide takes
	Outputs *Type // the record that a row yields; an output that some row leaves empty is optional. Nil for a chain
	Result  *Type // what a decision yields: Outputs, a list or a number, by the hit policy
	Hash    string
	Value   *Expression // a number that says what a decision is about, such as an amount; nil if the table names none

	file      string
	source    *TableSource
	hit       HitPolicy
	columns   []column
	rows      []row
	written   []WrittenRow
	reads     []string
	index     *index
	said      tableWords
	ranked    []ranked  // the outputs whose values have an order
	fallback  *Template // what holds if no row matches; nil: that is an error, or empty
	empty     bool      // no matching row gives an empty list, or 0
	effective *effective
	versions  []*Table // by date; then there are no rows
	steps     []chained
	answer    *Template // of a chain; nil: what its last table says
	complete  string    // what facts are that no row handles: error, warn, off
	accepts   []*acceptance
}

// column is one input: a fact, or a formula over the facts.
type column struct {
	name  string
	unit  string
	dates bool // it is the business date, which the columns from and to are about
	value *Expression
	path  []string // set if it is a fact: then there is nothing to evaluate
}

type row struct {
	id, why  string
	tests    []cellTest // by column; nil: any value will do
	cells    []gridCell // by column, for messages
	place    Place
	computed uint64 // bits of the columns whose cells are more than comparisons with fixed values
	outputs  *Template
	fixed    bool // the outputs do not depend on the facts
	value    Value
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
	Row       string `json:"row"`           // the id of the row that decided, or DefaultRow; several are joined by commas
	Why       string `json:"why,omitempty"` // the row's reason, for people
	Outputs   Value  `json:"outputs"`
	FactsHash string `json:"facts_hash"`
	DecisionDetails
}

// DecisionDetails is what there is to say of a decision beside one table and one row.
type DecisionDetails struct {
	Rows    []string   `json:"rows,omitempty"`    // the ids of all rows that matched, if the hit policy lets several do so
	Version string     `json:"version,omitempty"` // the file of the version that was in force, if the table has several
	Parts   []Decision `json:"parts,omitempty"`   // of a chain: the decision of each of its tables
}

// Empty says that one row of one table decided.
func (d DecisionDetails) Empty() bool { return len(d.Rows)+len(d.Parts) == 0 && d.Version == "" }

// Deciders are the rows that took part in the decision, those of each table of a chain.
func (d Decision) Deciders() []RowPlace {
	var all []RowPlace
	for _, part := range d.Parts {
		all = append(all, part.Deciders()...)
	}
	rows := d.Rows
	if len(rows) == 0 && len(d.Parts) == 0 && d.Row != "" {
		rows = []string{d.Row}
	}
	for _, row := range rows {
		all = append(all, RowPlace{ID: row, Table: d.Table, Version: d.Version})
	}
	return all
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

// Rows lists the ids of the rows in order; of all its versions, if the table has several.
func (t *Table) Rows() []string {
	ids := make([]string, len(t.rows))
	for i := range t.rows {
		ids[i] = t.rows[i].id
	}
	for _, version := range t.versions {
		for _, id := range version.Rows() {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// RowPlace says where a row stands.
type RowPlace struct {
	ID, File       string
	Line           int    // 0 if it has none of its own
	Table, Version string // the table that it belongs to, and the file of its version if that has several
}

// RowPlaces lists the rows in order with their places; the default, if there is one, has none of its own. The rows of
// versions and of the tables of a chain are among them.
func (t *Table) RowPlaces() []RowPlace {
	var parts []RowPlace
	for _, version := range t.versions {
		for _, place := range version.RowPlaces() {
			place.Version = version.file
			parts = append(parts, place)
		}
	}
	for _, s := range t.steps {
		parts = append(parts, s.table.RowPlaces()...)
	}
	if parts != nil {
		return parts
	}
	places := make([]RowPlace, len(t.rows))
	for i, r := range t.rows {
		places[i] = RowPlace{ID: r.id, Table: t.Name}
		places[i].File, places[i].Line = r.place.File, r.place.Line
	}
	if t.fallback != nil {
		places = append(places, RowPlace{ID: DefaultRow, File: t.file, Table: t.Name})
	}
	return places
}

// Reads lists the paths of the facts that the table reads, sorted.
func (t *Table) Reads() []string { return t.reads }
