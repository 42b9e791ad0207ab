package rules

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// work is what may still be done: it is counted in steps and bytes and never in time, so that it ends at the same place
// on every machine.
type work struct{ steps, bytes int }

// cellLimits bound the evaluation of one cell or input, decisionWork that of a whole decision.
var (
	cellLimits   = Limits{Steps: 20_000, Bytes: 1 << 20}
	decisionWork = work{steps: 100_000, bytes: 16 << 20}
)

// deciding is the state of one decision.
type deciding struct {
	machine machine
	facts   Value
	values  []Value  // of the columns
	sets    []bitset // of the rows that each column accepts
	hits    []int    // the rows that matched
	work    work     // that is left
	ran     bool     // an expression was evaluated
}

var decisions = sync.Pool{New: func() any { return new(deciding) }}

func (t *Table) begin(facts Value, left *work) *deciding {
	d := decisions.Get().(*deciding)
	d.facts, d.values, d.sets, d.hits, d.work, d.ran = facts, d.values[:0], d.sets[:0], d.hits[:0], *left, false
	return d
}

// end forgets the facts, so that the pool does not keep them alive.
func (d *deciding) end(left *work) {
	*left = d.work
	d.facts = Value{}
	clear(d.values)
	if d.ran {
		d.machine.forget()
	}
	decisions.Put(d)
}

// pay takes steps for work that no expression does.
func (d *deciding) pay(steps int) *Error {
	if d.work.steps -= steps; d.work.steps < 0 {
		return d.exhausted()
	}
	return nil
}

func (d *deciding) exhausted() *Error {
	return &Error{Message: "the table does too much work for one decision", Hint: "split it, or give it shorter lists and texts"}
}

// evaluate runs an expression of the table over the facts; v is the value that ? stands for.
func (d *deciding) evaluate(x *Expression, v Value) (Value, *Error) {
	m := &d.machine
	d.ran = true
	limits := Limits{Steps: min(x.limits.Steps, d.work.steps), Bytes: min(x.limits.Bytes, d.work.bytes)}
	m.reset(limits, x.locals)
	for _, name := range x.variables {
		if name == placeholder {
			m.variables = append(m.variables, v)
		} else {
			m.variables = append(m.variables, d.facts.Get(name))
		}
	}
	result, err := x.root.eval(m)
	if err != nil {
		if m.steps < 0 && limits.Steps < x.limits.Steps || m.bytes < 0 && limits.Bytes < x.limits.Bytes {
			err.Message, err.Hint = d.exhausted().Message, d.exhausted().Hint
		}
		err.Source = x.text
	}
	d.work.steps -= limits.Steps - m.steps + 1
	d.work.bytes -= limits.Bytes - m.bytes
	return result, err
}

// fill computes a part of the outputs.
func (d *deciding) fill(p part) (Value, *Error) {
	switch p := p.(type) {
	case fixedPart:
		return Value(p), nil
	case *expressionPart:
		v, err := d.evaluate(p.expression, Value{})
		if err != nil {
			return v, err
		}
		return p.want.Project(v), d.pay(weight(v))
	case *textPart:
		return d.fillText(p)
	case listPart:
		items, err := d.fillAll(p)
		return List(items...), err
	case *recordPart:
		items, err := d.fillAll(p.values)
		if err != nil {
			return Value{}, err
		}
		return recordOf(p.keys, items), nil
	default:
		return Value{}, &Error{Message: fmt.Sprintf("a part of the outputs is a %T", p)}
	}
}

func (d *deciding) fillAll(parts []part) ([]Value, *Error) {
	items := make([]Value, len(parts))
	for i, p := range parts {
		v, err := d.fill(p)
		if err != nil {
			return nil, err
		}
		items[i] = v
	}
	return items, nil
}

func (d *deciding) fillText(p *textPart) (Value, *Error) {
	var b strings.Builder
	for i, x := range p.expressions {
		v, err := d.evaluate(x, Value{})
		if err != nil {
			return v, err
		}
		if !slices.Contains(scalarKinds, v.kind) {
			return v, &Error{Source: x.text, Message: "expected something that can be written into a text, found " + found(v), Hint: "readable(…) makes a text of it"}
		}
		if err := d.pay(extra(v.Num().long(), longText)); err != nil {
			return v, err
		}
		text := v.String()
		if d.work.bytes -= len(p.texts[i]) + len(text); d.work.bytes < 0 {
			return v, d.exhausted()
		}
		b.WriteString(p.texts[i])
		b.WriteString(text)
		if b.Len() > MaxText {
			return v, &Error{Source: x.text, Message: fmt.Sprintf("the text would have more than %d bytes", MaxText)}
		}
	}
	b.WriteString(p.texts[len(p.expressions)])
	return Text(b.String()), nil
}

// Decide evaluates the table. Facts go through the door of Facts.Decode first. The error, if any, is a
// *DecisionError, or DecodeErrors if the facts are not what the table takes.
func (t *Table) Decide(facts Value) (Decision, error) {
	left := decisionWork
	return t.decide(facts, &left, 0)
}

// Match is Decide without the record of it, for facts that have been decoded already.
func (t *Table) Match(facts Value) (row, why string, outputs Value, err error) {
	left := decisionWork
	if t.index == nil {
		made, err := t.combined(facts, &left, 0)
		return made.Row, made.Why, made.Outputs, err
	}
	if r, _, ok := t.direct(&facts, -1, nil); ok {
		if r != nil {
			return r.id, r.why, r.value, nil
		}
		if v, fixed := t.literalDefault(); fixed {
			return DefaultRow, "", v, nil
		}
	}
	d := t.begin(facts, &left)
	defer d.end(&left)
	if err := t.inputs(d); err != nil {
		return "", "", Value{}, err
	}
	return t.match(d)
}

// match decides by the values of the columns.
func (t *Table) match(d *deciding) (row, why string, outputs Value, err error) {
	d.hits = d.hits[:0]
	d.sets = d.sets[:0]
	if err := t.matching(d); err != nil {
		return "", "", Value{}, err
	}
	if outputs, err = t.result(d); err != nil {
		return "", "", Value{}, err
	}
	row, why = t.deciders(d)
	return row, why, outputs, nil
}

// maxChain is how deep decisions may be made of decisions.
const maxChain = 4

func (t *Table) decide(facts Value, left *work, depth int) (Decision, error) {
	decoded, err := t.Facts.Decode(facts)
	if err != nil {
		return Decision{}, fmt.Errorf("table %s: facts: %w", t.Name, err)
	}
	made, err := t.combined(decoded, left, depth)
	if err != nil {
		return Decision{}, err
	}
	made.Table, made.Hash, made.FactsHash = t.Name, t.Hash, decoded.Hash()
	return made, nil
}

// combined decides with what the table is made of: its rows, one of its versions, or the tables of its chain.
func (t *Table) combined(facts Value, left *work, depth int) (Decision, error) {
	switch {
	case len(t.versions) > 0:
		return t.inForce(facts, left, depth)
	case len(t.steps) > 0:
		return t.chain(facts, left, depth)
	}
	d := t.begin(facts, left)
	defer d.end(left)
	if err := t.inputs(d); err != nil {
		return Decision{}, err
	}
	if err := t.matching(d); err != nil {
		return Decision{}, err
	}
	var made Decision
	var err error
	if made.Outputs, err = t.result(d); err != nil {
		return Decision{}, err
	}
	made.Row, made.Why = t.deciders(d)
	if t.hit.several() && len(d.hits) > 0 {
		made.Rows = make([]string, len(d.hits))
		for i, hit := range d.hits {
			made.Rows[i] = t.rows[hit].id
		}
	}
	return made, nil
}

// deciders are the row that decided and its reason; of several rows, those of all.
func (t *Table) deciders(d *deciding) (row, why string) {
	switch len(d.hits) {
	case 0:
		return DefaultRow, ""
	case 1:
		return t.rows[d.hits[0]].id, t.rows[d.hits[0]].why
	}
	var ids, whys []string
	for _, hit := range d.hits {
		ids = append(ids, t.rows[hit].id)
		if why := t.rows[hit].why; why != "" && !slices.Contains(whys, why) && len(whys) < 20 {
			whys = append(whys, why)
		}
	}
	return strings.Join(ids, ", "), strings.Join(whys, "; ")
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
	return t.effective.check(t, d)
}

// matching finds the rows that match, in order; under hit: first, only the first of them.
func (t *Table) matching(d *deciding) error {
	if !t.index.lookUp(d) {
		return t.rowByRow(d)
	}
	for word := range t.index.look {
		rows := ^uint64(0)
		for _, set := range d.sets {
			rows &= set[word]
		}
		for ; rows != 0; rows &= rows - 1 {
			at := word*64 + bits.TrailingZeros64(rows)
			if at >= len(t.rows) {
				break
			}
			if t.index.look.has(at) {
				missed, err := t.miss(d, &t.rows[at])
				if err != nil {
					return err
				}
				if missed >= 0 {
					continue
				}
			}
			if d.hits = append(d.hits, at); t.hit == First {
				return nil
			}
		}
	}
	return nil
}

// rowByRow is matching without the index.
func (t *Table) rowByRow(d *deciding) error {
	for i := range t.rows {
		missed, err := t.miss(d, &t.rows[i])
		if err != nil {
			return err
		}
		if missed >= 0 {
			continue
		}
		if d.hits = append(d.hits, i); t.hit == First {
			return nil
		}
	}
	return nil
}

// miss returns a column whose test the facts do not satisfy, or -1. The cells that only compare with fixed values are
// tested first, then the others from left to right: those are needed, and an error in them is one of the decision,
// only if all fixed ones match. So the result does not depend on whether the index is used.
func (t *Table) miss(d *deciding, r *row) (int, error) {
	for i, test := range r.tests {
		if test == nil || r.computed&(1<<i) != 0 {
			continue
		}
		ok, err := test.match(d, d.values[i])
		if err != nil {
			return 0, t.cellError(r, i, err)
		}
		if !ok {
			return i, nil
		}
	}
	for left := r.computed; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		err := d.pay(1)
		ok := false
		if err == nil {
			ok, err = r.tests[i].match(d, d.values[i])
		}
		if err != nil {
			return 0, t.cellError(r, i, err)
		}
		if !ok {
			return i, nil
		}
	}
	return -1, nil
}

func (t *Table) cellError(r *row, column int, err *Error) *DecisionError {
	if err.Source == "" {
		err.Source = r.cells[column].text
	}
	err.Source = strings.ReplaceAll(err.Source, placeholder, "?")
	if whole := r.cells[column].text; strings.Count(whole, err.Source) == 1 { // the whole cell is shown, not a part of it
		before, _, _ := strings.Cut(whole, err.Source)
		err.Source, err.Offset = whole, err.Offset+utf8.RuneCountInString(before)
	}
	return &DecisionError{Table: t.Name, Place: r.cells[column].place, Row: r.id, Column: t.columns[column].name, Message: err.Message, Hint: err.Hint, Cell: err}
}

// within gives an error of a table within another one the name of that one too.
func (t *Table) within(err error) error {
	var inner *DecisionError
	if errors.As(err, &inner) {
		wrapped := *inner
		wrapped.Table = t.Name + " → " + inner.Table
		return &wrapped
	}
	return fmt.Errorf("table %s: %w", t.Name, err)
}
