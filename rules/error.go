package rules

import (
	"fmt"
	"strings"
)

// Error is one thing wrong with an expression, found when it was compiled or when it ran.
type Error struct {
	Source  string // the text of the expression
	Offset  int    // where in it, in runes from 0
	Length  int    // how much of it, in runes; 0 if only the place is known
	Message string
	Hint    string // what to do; may be empty
}

// Error is message, place and hint in one line.
func (e *Error) Error() string {
	text := e.Message
	if e.Source != "" {
		text += fmt.Sprintf(" at character %d of %s", e.Offset+1, quoted(e.Source))
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Caret is the line of the expression in which the error lies, with the place underlined.
func (e *Error) Caret() string { return caret(e.Source, e.Offset, e.Length) }

// caret underlines a place of a text: a caret, and as many tildes as the length asks for.
func caret(text string, offset, length int) string {
	runes := []rune(text)
	offset = min(max(offset, 0), len(runes))
	start, end := offset, offset
	for start > 0 && runes[start-1] != '\n' {
		start--
	}
	for end < len(runes) && runes[end] != '\n' {
		end++
	}
	length = min(max(length, 1), max(end-offset, 1))
	return string(runes[start:end]) + "\n" + strings.Repeat(" ", offset-start) + "^" + strings.Repeat("~", length-1)
}

// Errors is everything wrong with one expression.
type Errors []*Error

// Error joins the errors, one per line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}
