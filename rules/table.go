package rules

import "crosswalk/source"

// Table is a compiled decision table. It may be used by several goroutines at once.
type Table struct {
	Name    string
	Title   string
	Facts   *Type // the record that Decide takes
	Outputs *Type // the record that a decision yields
	Hash    string
}

// Decision is the outcome of a table for some facts.
type Decision struct {
	Table     string `json:"table"`
	Hash      string `json:"hash"`          // of the table's content
	Row       string `json:"row"`           // the id of the row that decided; "" for the default
	Why       string `json:"why,omitempty"` // the row's reason, for people
	Outputs   Value  `json:"outputs"`
	FactsHash string `json:"facts_hash"`
}

// TableReader reads the files that a table refers to (rows: file.csv), relative to the table's own.
type TableReader func(name string) ([]byte, error)

// ParseTable reads and checks a table: YAML, or CSV if the file's name ends in .csv. All problems are
// returned; the table is nil if there are errors among them.
func ParseTable(file string, text []byte, read TableReader) (*Table, source.Problems) {
	return nil, source.Problems{{File: file, Severity: source.SeverityError, Message: "not available yet"}}
}

// Decide evaluates the table. Facts go through the door of Facts.Decode first.
func (t *Table) Decide(facts Value) (Decision, error) { return Decision{}, nil }
