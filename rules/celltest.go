package rules

import (
	"regexp"
	"slices"
	"strings"
)

// cellTest says whether a column's value satisfies a cell.
type cellTest interface {
	match(d *deciding, v Value) (bool, *Error)
}

// The tests. A missing value satisfies only - and missing.
type (
	anyTest     struct{}
	missingTest struct{}
	equalTest   struct{ operand operand }
	compareTest struct {
		operator string
		test     func(int) bool
		operand  operand
	}
	rangeTest struct {
		low, high         operand
		lowOpen, highOpen bool
	}
	textOperatorTest struct {
		operator string
		test     func(text, part string) bool
		operand  operand
	}
	patternTest struct {
		pattern *regexp.Regexp
		weight  int
	}
	expressionTest struct{ expression *Expression }
	orTest         []cellTest
	notTest        struct{ test cellTest }
)

// operand is a fixed value or an expression over the facts.
type operand struct {
	value      Value
	expression *Expression
}

func (o operand) get(d *deciding) (Value, *Error) {
	if o.expression == nil {
		return o.value, nil
	}
	return d.evaluate(o.expression, Value{})
}

func (anyTest) match(*deciding, Value) (bool, *Error) { return true, nil }

func (missingTest) match(_ *deciding, v Value) (bool, *Error) { return v.kind == KindMissing, nil }

func (t patternTest) match(d *deciding, v Value) (bool, *Error) {
	switch {
	case v.kind != KindText:
		return false, nil
	case len(v.s) > maxMatched:
		return false, &Error{Message: "the text is too long for a pattern", Hint: "use contains, or test a part of it: ${…} in the column's value"}
	}
	if err := d.pay(patternSteps(t.weight, len(v.s))); err != nil {
		return false, err
	}
	return t.pattern.MatchString(v.s), nil
}

// equalTest: equal, or a member where the fact or the operand is a list.
func (t equalTest) match(d *deciding, v Value) (bool, *Error) {
	if v.kind == KindMissing {
		return false, nil
	}
	w, err := t.operand.get(d)
	if err != nil {
		return false, err
	}
	if v.kind == KindList || w.kind == KindList {
		if err := d.pay(weight(v) + weight(w)); err != nil {
			return false, err
		}
	}
	switch {
	case v.kind == KindList && w.kind != KindList:
		return slices.ContainsFunc(v.p.items, w.Equal), nil
	case w.kind == KindList && v.kind != KindList:
		return slices.ContainsFunc(w.p.items, v.Equal), nil
	default:
		return v.Equal(w), nil
	}
}

func (t compareTest) match(d *deciding, v Value) (bool, *Error) {
	if v.kind == KindMissing {
		return false, nil
	}
	w, err := t.operand.get(d)
	if err != nil {
		return false, err
	}
	if v.kind != w.kind {
		return false, cellMismatch(v, w)
	}
	return t.test(v.order(w)), nil
}

func (t rangeTest) match(d *deciding, v Value) (bool, *Error) {
	if v.kind == KindMissing {
		return false, nil
	}
	low, err := t.low.get(d)
	if err != nil {
		return false, err
	}
	high, err := t.high.get(d)
	if err != nil {
		return false, err
	}
	if v.kind != low.kind || v.kind != high.kind {
		return false, cellMismatch(v, low)
	}
	above, below := v.order(low), v.order(high)
	return (above > 0 || above == 0 && !t.lowOpen) && (below < 0 || below == 0 && !t.highOpen), nil
}

func cellMismatch(v, w Value) *Error {
	return &Error{Message: "cannot compare " + article(v.kind.String()) + " with " + found(w)}
}

func (t textOperatorTest) match(d *deciding, v Value) (bool, *Error) {
	if v.kind == KindMissing {
		return false, nil
	}
	w, err := t.operand.get(d)
	if err != nil {
		return false, err
	}
	if v.kind != KindText || w.kind != KindText {
		return false, cellMismatch(v, w)
	}
	if err := d.pay(len(v.s) / 64); err != nil {
		return false, err
	}
	return t.test(v.s, w.s), nil
}

func (t expressionTest) match(d *deciding, v Value) (bool, *Error) {
	if v.kind == KindMissing {
		return false, nil
	}
	result, err := d.evaluate(t.expression, v)
	return result.Bool(), err
}

func (t orTest) match(d *deciding, v Value) (bool, *Error) {
	for _, test := range t {
		if ok, err := test.match(d, v); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (t notTest) match(d *deciding, v Value) (bool, *Error) {
	if v.kind == KindMissing {
		return false, nil
	}
	ok, err := t.test.match(d, v)
	return !ok, err
}

// provesPresent says whether a value that satisfies the test is certainly there.
func provesPresent(test cellTest) bool {
	switch test := test.(type) {
	case anyTest, missingTest:
		return false
	case orTest:
		return !slices.ContainsFunc(test, func(t cellTest) bool { return !provesPresent(t) })
	default:
		return true
	}
}

// operand reads a literal by the column's type, or an expression over the facts.
func (p *cellParser) operand(text string, offset int) (operand, bool) {
	if text == "" {
		p.fail(offset, text, "", "a value is missing here")
		return operand{}, false
	}
	t := p.t
	if t.Kind == KindList {
		t = itemType(t).AsPresent()
	}
	if inner, ok := strings.CutPrefix(text, "${"); ok && strings.HasSuffix(inner, "}") {
		return p.computed(strings.TrimSuffix(inner, "}"), offset+2, t)
	}
	if t.Kind == KindText {
		return p.word(text, offset, t)
	}
	literal := text
	if t.Kind == KindNumber {
		literal = strings.ReplaceAll(text, "_", "")
		if number, ok := percentage(text, p.unit); ok {
			literal = number.String()
		}
	}
	if v, err := (&Type{Kind: t.Kind}).decodeText(literal); err == nil && t.Kind != KindAny && t.Kind != KindRecord {
		if _, err := t.Decode(v); err != nil {
			p.fail(offset, text, "", "the value can never be %s: it %s", text, err)
			return operand{}, false
		}
		return operand{value: v}, true
	}
	if hint := p.literalHint(text, t); hint != "" {
		p.fail(offset, text, hint, "%s is not %s", quoted(text), article(t.Kind.String()))
		return operand{}, false
	}
	return p.computed(text, offset, t)
}
