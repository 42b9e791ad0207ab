package rules

import (
	"fmt"
	"sync"
)

// The limits of one evaluation unless the caller asks for others.
const (
	DefaultSteps = 100_000
	DefaultBytes = 4 << 20
	maxMadeText  = 64 << 10 // bytes of one text that an operator or function makes
)

// machine is the state of one evaluation.
type machine struct {
	steps, bytes int
	variables    []Value // by slot
	locals       []Value // items of predicates and let variables, by slot
	stack        []Value // arguments of the calls that are under way
}

var machines = sync.Pool{New: func() any { return new(machine) }}

func (m *machine) reset(limits Limits, locals int) {
	m.steps, m.bytes = limits.Steps, limits.Bytes
	m.variables, m.stack = m.variables[:0], m.stack[:0]
	if cap(m.locals) < locals {
		m.locals = make([]Value, locals)
	}
	m.locals = m.locals[:locals]
}

// release gives the machine back.
func (m *machine) release() {
	m.forget()
	machines.Put(m)
}

// forget drops all values, so that a pool does not keep them alive. Memory that was needed once by an
// unusual expression is dropped with them.
func (m *machine) forget() {
	const most = 64
	if cap(m.stack) > most || cap(m.variables) > most || cap(m.locals) > most {
		*m = machine{}
		return
	}
	clear(m.variables[:cap(m.variables)])
	clear(m.locals[:cap(m.locals)])
	clear(m.stack[:cap(m.stack)])
	m.stack = m.stack[:0]
}

// node is a compiled part of an expression.
type node interface {
	eval(m *machine) (Value, *Error)
}

func (s span) fail(hint, format string, args ...any) *Error {
	return &Error{Offset: s.offset, Length: s.length, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// step pays for work; it must be paid before the work is done.
func (m *machine) step(at span, count int) *Error {
	if m.steps -= count; m.steps < 0 {
		return at.fail("work on shorter lists or texts, or cut the expression into steps", "the expression does too much work")
	}
	return nil
}

// make pays for memory before it is taken.
func (m *machine) make(at span, bytes int) *Error {
	if m.bytes -= bytes; m.bytes < 0 {
		return at.fail("work on shorter lists or texts, or cut the expression into steps", "the expression makes too much data")
	}
	return m.step(at, bytes/256)
}

// makeText pays for a text of so many bytes.
func (m *machine) makeText(at span, bytes int) *Error {
	if bytes > maxMadeText {
		return at.fail("", "a text would have %d bytes; at most %d can be made", bytes, maxMadeText)
	}
	return m.make(at, bytes)
}

const valueSize = 48 // bytes that a Value is reckoned with in a list or record

func (m *machine) makeList(at span, items int) *Error { return m.make(at, items*valueSize) }
