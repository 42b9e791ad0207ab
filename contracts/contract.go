// Package contracts holds the operations that each kind of system offers: typed, reading or writing,
// with the errors that they may answer. A contract is one YAML file, shipped in catalog/ or kept in a
// workspace's folder contracts/; use cases are checked against contracts and never against products.
//
// It also holds the small words that every package which reaches a system shares: error classes, the
// error type, secrets, and how a write is made safe.
package contracts

import (
	"slices"
	"strings"

	"crosswalk/rules"
)

// Contract is what a kind of system offers. It is immutable once parsed.
type Contract struct {
	Name        string // crm
	Title       string
	Description string
	Records     map[string]*RecordKind // by short name
	Operations  map[string]*Operation  // by short name
	File        string
	Text        []byte // the file as it was read; bundles pin it
}

// RecordKind is a kind of business record: something with an id that other records point to.
type RecordKind struct {
	Name  string // crm.customer
	Title string
	Type  *rules.Type
	// Find is the operation that finds the record of this kind which is the same thing as a given record
	// of another system; nil if there is none.
	Find *Operation
	// Keys says how: each input of Find and the field of the other system's record that it is filled
	// with. A field that the other record lacks is left out.
	Keys []Mapping
}

// Mapping fills an input with a field of some record.
type Mapping struct{ Input, Field string }

// Operation is one thing that a system can be asked for.
type Operation struct {
	Name        string // crm.find_customer
	Contract    string // crm
	Short       string // find_customer
	Title       string
	Description string
	Effect      Effect
	Input       *rules.Type // a record
	Output      *rules.Type // a record; nil never
	Record      *RecordKind // the kind of record that it answers; nil if the output is no business record
	Errors      []Class     // the answers that are part of its meaning, beside failures that every call may meet
	Candidates  *rules.Type // the type of error.candidates: a list of Output if it may be not_unique, else nil
	// Redo says which operation repeats this write once it is confirmed, so that a redone step corrects
	// the record instead of making a second one; nil if it is simply called again.
	Redo *Redo
	// Lookup finds what this write made, to settle an unknown outcome; nil if nothing can.
	Lookup *Operation
}

// Redo turns a repeated create into an update of the record that it made.
type Redo struct {
	Operation *Operation
	With      []Mapping // the update's inputs that come from the first result; the others are the create's own
}

// Operation returns an operation by its short name, or nil.
func (c *Contract) Operation(short string) *Operation {
	if c == nil {
		return nil
	}
	return c.Operations[short]
}

// OperationNames returns the short names in alphabetical order.
func (c *Contract) OperationNames() []string { return sortedKeys(c.Operations) }

// MayFail says whether a call of the operation can end with the class: by its meaning, or because any
// call can.
func (o *Operation) MayFail(class Class) bool {
	switch class {
	case NotFound, NotUnique, Conflict, Declined:
		return slices.Contains(o.Errors, class)
	case OutcomeUnknown:
		return o.Effect == Write
	default:
		return class.Known()
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Refers lists the other contracts whose ids appear in the inputs of this one's operations, sorted.
func (c *Contract) Refers() []string {
	names := map[string]bool{}
	for _, operation := range c.Operations {
		for _, field := range operation.Input.Fields {
			if contract, _, ok := strings.Cut(field.Type.Ref, "."); ok && contract != c.Name {
				names[contract] = true
			}
		}
	}
	return sortedKeys(names)
}
