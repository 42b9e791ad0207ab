package rules

import (
	"errors"
	"strings"
	"sync"
)

var (
	functionsOnce  sync.Once
	functionsTable map[string]*function
)

// functions is the allow-list: every function of the profile, by name. It is a function because the
// functions' own checks need the table.
func functions() map[string]*function {
	functionsOnce.Do(func() {
		functionsTable = map[string]*function{}
		for _, group := range [][]*function{predicateFunctions(), textFunctions(), numberFunctions(), dateFunctions(), listFunctions(), wordFunctions()} {
			for _, f := range group {
				functionsTable[f.name] = f
			}
		}
	})
	return functionsTable
}

// FunctionNames lists the functions of the profile, sorted.
func FunctionNames() []string { return (&checker{}).functionNames() }

// The parameters that most functions have.
var (
	textParam   = param{kinds: []Kind{KindText}}
	numberParam = param{kinds: []Kind{KindNumber}}
	listParam   = param{kinds: []Kind{KindList}}
	textsParam  = param{kinds: []Kind{KindList}, items: KindText}
	dayParam    = param{kinds: []Kind{KindDate, KindInstant}}
	anyParam    = param{optional: true}
)

// always is the result of a function whose type does not depend on its arguments.
func always(t *Type) func(*checker, *callNode, []checked) *Type {
	return func(*checker, *callNode, []checked) *Type { return t }
}

// define makes a function with fixed parameters, all needed, named as in its usage.
func define(usage string, result *Type, run func(m *machine, site *callNode, a []Value) (Value, *Error), params ...param) *function {
	name, _, _ := strings.Cut(usage, "(")
	return &function{name: name, usage: usage, params: params, needs: len(params), result: always(result), run: run}
}

// optionalFrom says that the arguments from the given position on may be left out.
func (f *function) optionalFrom(needs int) *function {
	f.needs = needs
	return f
}

// returning replaces the type of the result by one that depends on the arguments.
func (f *function) returning(result func(c *checker, site *callNode, arguments []checked) *Type) *function {
	f.result = result
	return f
}

func textFunctions() []*function {
	text := &Type{Kind: KindText}
	return []*function{
		define("lower(text)", text, mapText(strings.ToLower), textParam),
		define("upper(text)", text, mapText(strings.ToUpper), textParam),
		define("trim(text)", text, mapText(strings.TrimSpace), textParam),
		define("text(value)", text, makeText, param{kinds: scalarKinds}),
		define("split(text, separator)", ListOf(text), splitText, textParam, textParam),
		define("join(list, separator)", text, joinTexts, textsParam, textParam),
		define("replace(text, old, new)", text, replaceText, textParam, textParam, textParam),
		define("readable(value)", text, readable, anyParam),
	}
}

var scalarKinds = []Kind{KindText, KindBool, KindNumber, KindDate, KindInstant, KindDuration}

// mapText is for functions that cannot make a text much longer than it was.
func mapText(change func(string) string) func(m *machine, site *callNode, a []Value) (Value, *Error) {
	return func(m *machine, site *callNode, a []Value) (Value, *Error) {
		if err := m.make(site.at, len(a[0].s)); err != nil {
			return Value{}, err
		}
		return Text(change(a[0].s)), nil
	}
}

func makeText(m *machine, site *callNode, a []Value) (Value, *Error) {
	if err := m.step(site.at, extra(a[0].Num().long(), longText)); err != nil {
		return Value{}, err
	}
	return Text(a[0].String()), m.make(site.at, len(a[0].s)+16)
}

func splitText(m *machine, site *callNode, a []Value) (Value, *Error) {
	text, separator := a[0].s, a[1].s
	if separator == "" {
		return Value{}, site.at.fail("", "split: the separator is empty")
	}
	parts := strings.Count(text, separator) + 1
	if err := m.make(site.at, parts*valueSize+len(text)); err != nil {
		return Value{}, err
	}
	items := make([]Value, 0, parts)
	for part := range strings.SplitSeq(text, separator) {
		items = append(items, Text(part))
	}
	return List(items...), nil
}

func joinTexts(m *machine, site *callNode, a []Value) (Value, *Error) {
	size := 0
	for _, item := range a[0].p.items {
		if item.kind != KindText {
			return Value{}, site.at.fail("text(…) makes a text of a value", "join: expected texts, found %s", found(item))
		}
		size += len(item.s) + len(a[1].s)
	}
	if err := m.step(site.at, len(a[0].p.items)); err != nil {
		return Value{}, err
	}
	if err := m.makeText(site.at, size); err != nil {
		return Value{}, err
	}
	var b strings.Builder
	for i, item := range a[0].p.items {
		if i > 0 {
			b.WriteString(a[1].s)
		}
		b.WriteString(item.s)
	}
	return Text(b.String()), nil
}

func replaceText(m *machine, site *callNode, a []Value) (Value, *Error) {
	if a[1].s == "" {
		return Value{}, site.at.fail("", "replace: the text to be replaced is empty")
	}
	if err := m.step(site.at, len(a[0].s)/64); err != nil {
		return Value{}, err
	}
	size := len(a[0].s) + strings.Count(a[0].s, a[1].s)*(len(a[2].s)-len(a[1].s))
	if err := m.makeText(site.at, size); err != nil {
		return Value{}, err
	}
	return Text(strings.ReplaceAll(a[0].s, a[1].s, a[2].s)), nil
}

func numberFunctions() []*function {
	number := &Type{Kind: KindNumber}
	whole := &Type{Kind: KindNumber, Integer: true}
	extreme := func(name string, sign int) *function {
		f := define(name+"(a, b, …)", nil, pickExtreme(sign), param{kinds: []Kind{KindNumber, KindDate, KindInstant, KindDuration, KindList}})
		f.rest = &param{kinds: []Kind{KindNumber, KindDate, KindInstant, KindDuration}}
		return f.returning(extremeType)
	}
	return []*function{
		define("abs(number)", number, calculate(func(n Num) (Num, error) { return n.Abs(), nil }), numberParam),
		define("floor(number)", whole, calculate(Num.Floor), numberParam),
		define("ceil(number)", whole, calculate(Num.Ceil), numberParam),
		define("round(number, places)", number, roundNumber, numberParam, numberParam).optionalFrom(1),
		define("number(text)", number, readNumber, param{kinds: []Kind{KindText, KindNumber}}),
		extreme("min", -1), extreme("max", 1),
	}
}

func calculate(change func(Num) (Num, error)) func(m *machine, site *callNode, a []Value) (Value, *Error) {
	return func(m *machine, site *callNode, a []Value) (Value, *Error) {
		if err := m.step(site.at, extra(a[0].Num().long(), longRounding)); err != nil {
			return Value{}, err
		}
		n, err := change(a[0].Num())
		if err != nil {
			return Value{}, site.at.fail("", "%s: %s", site.function.name, err)
		}
		return Number(n), nil
	}
}

func roundNumber(m *machine, site *callNode, a []Value) (Value, *Error) {
	places := int64(0)
	if len(a) > 1 {
		var ok bool
		if places, ok = a[1].Num().Int64(); !ok || places < -30 || places > 30 {
			return Value{}, site.at.fail("", "round: the count of decimals must be a whole number from -30 to 30")
		}
	}
	if err := m.step(site.at, extra(a[0].Num().long(), longRounding)); err != nil {
		return Value{}, err
	}
	n, err := a[0].Num().Round(int32(places))
	if err != nil {
		return Value{}, site.at.fail("", "round: %s", err)
	}
	return Number(n), nil
}

func readNumber(m *machine, site *callNode, a []Value) (Value, *Error) {
	if a[0].kind == KindNumber {
		return a[0], nil
	}
	if err := m.step(site.at, readingSteps(len(a[0].s))); err != nil {
		return Value{}, err
	}
	n, err := ParseNum(strings.TrimSpace(a[0].s))
	switch {
	case err != nil && !errors.Is(err, errNotANumber):
		return Value{}, site.at.fail("", "number: %s", err)
	case err != nil:
		return Value{}, site.at.fail("write digits with a point, as in 1234.50", "number: the text is not a number")
	}
	return Number(n), nil
}

// extremeType is the type of min and max: that of the items, which must be of one kind.
func extremeType(c *checker, site *callNode, arguments []checked) *Type {
	first := arguments[0]
	if first.t.Kind == KindList {
		if len(arguments) > 1 {
			c.fail(arguments[1].at, "pass one list, or several values", "%s takes a list alone", site.function.name)
		}
		item := first
		if item.t = first.t.Items; item.t == nil || !c.expect(item, KindNumber, KindDate, KindInstant, KindDuration) {
			return unknown
		}
		return (&Type{Kind: item.t.Kind, Integer: item.t.Integer}).AsOptional()
	}
	t := &Type{Kind: first.t.Kind, Integer: true}
	for _, argument := range arguments {
		if argument.t.Kind != first.t.Kind && argument.t.Kind != KindAny && first.t.Kind != KindAny {
			c.fail(argument.at, "", "%s needs values of one kind, found %s and %s", site.function.name, first.t.Kind, argument.t.Kind)
		}
		t.Integer = t.Integer && argument.t.Integer
	}
	if t.Kind == KindAny {
		return TypeOf(KindAny)
	}
	return t
}

func pickExtreme(sign int) func(m *machine, site *callNode, a []Value) (Value, *Error) {
	return func(m *machine, site *callNode, a []Value) (Value, *Error) {
		if a[0].kind == KindList {
			a = a[0].p.items
		}
		if err := m.step(site.at, len(a)); err != nil {
			return Value{}, err
		}
		var best Value
		for i, v := range a {
			if v.kind != a[0].kind || !ordered(v.kind) || v.kind == KindText {
				return Value{}, site.at.fail("", "%s needs numbers or dates of one kind, found %s", site.function.name, found(v))
			}
			if i == 0 || v.order(best) == sign {
				best = v
			}
		}
		return best, nil
	}
}
