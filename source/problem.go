// Package source reads the text files that people write: YAML with a position for every node, strict
// about unknown and repeated keys, and reporting every problem of a file at once instead of the first.
//
// It knows nothing of what a file means; contracts, rules, adapters, robots, use cases and workspaces
// decode their own formats with it, so that all of them complain in the same words.
package source

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a problem stops a file from being used.
type Severity string

const (
	// SeverityError stops the file from being used.
	SeverityError Severity = "error"
	// SeverityWarning is worth a look; the file is used all the same.
	SeverityWarning Severity = "warning"
)

// Problem is one thing wrong with a file, with its place and what to do about it.
type Problem struct {
	File     string   `json:"file"`
	Cell     string   `json:"cell,omitempty"` // of a spreadsheet, as in [Routing]!C7
	Line     int      `json:"line"`           // 1-based; 0 if the problem concerns the whole file
	Column   int      `json:"column"`         // 1-based, in characters
	Path     string   `json:"path,omitempty"` // the node, as in steps[2].with.email
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"` // what to do
}

// Error is the one-line form: file:line:column: error: message (hint).
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File + p.Cell)
	if p.Line > 0 && p.Cell == "" {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	fmt.Fprintf(&b, ": %s: %s", p.Severity, p.Message)
	if p.Hint != "" {
		fmt.Fprintf(&b, " (%s)", p.Hint)
	}
	return b.String()
}

// Problems is a list of problems. It is an error only through Err.
type Problems []Problem

// Err returns the errors among the problems as one error, or nil if there are only warnings.
func (p Problems) Err() error {
	errs := p.Errors()
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// Error joins the lines of all problems.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Errors returns the problems that stop a file from being used.
func (p Problems) Errors() Problems {
	return slices.DeleteFunc(slices.Clone(p), func(q Problem) bool { return q.Severity != SeverityError })
}

// Sorted returns the problems by file, line and column.
func (p Problems) Sorted() Problems {
	sorted := slices.Clone(p)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Message, b.Message))
	})
	return sorted
}
