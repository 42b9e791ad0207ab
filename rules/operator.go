package rules

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// truth evaluates a condition. There is no truthiness: anything but true and false is an error.
func truth(m *machine, of node, at span) (Value, *Error) {
	v, err := of.eval(m)
	if err == nil && v.kind != KindBool {
		return v, at.fail("", "expected true or false, found %s", found(v))
	}
	return v, err
}

type notNode struct {
	of node
	at span
}

func (n *notNode) eval(m *machine) (Value, *Error) {
	v, err := truth(m, n.of, n.at)
	return Bool(!v.Bool()), err
}

// logicNode is and, or: the right side is looked at only if the left one does not decide.
type logicNode struct {
	left, right node
	or          bool
	at          span
}

func (n *logicNode) eval(m *machine) (Value, *Error) {
	v, err := truth(m, n.left, n.at)
	if err != nil || v.Bool() == n.or {
		return v, err
	}
	return truth(m, n.right, n.at)
}

type coalesceNode struct{ left, right node }

func (n *coalesceNode) eval(m *machine) (Value, *Error) {
	v, err := n.left.eval(m)
	if err != nil || v.kind != KindMissing {
		return v, err
	}
	return n.right.eval(m)
}

// presentNode is x != missing, or x == missing.
type presentNode struct {
	of   node
	want bool
}

func (n *presentNode) eval(m *machine) (Value, *Error) {
	v, err := n.of.eval(m)
	return Bool((v.kind != KindMissing) == n.want), err
}

type negateNode struct {
	of node
	at span
}

func (n *negateNode) eval(m *machine) (Value, *Error) {
	v, err := n.of.eval(m)
	switch {
	case err != nil:
		return v, err
	case v.kind == KindNumber:
		return Number(v.Num().Neg()), m.step(n.at, extra(v.Num().long(), longRounding))
	case v.kind == KindDuration && v.n != math.MinInt64:
		return Duration(-v.Duration()), nil
	default:
		return v, n.at.fail("", "expected a number, found %s", found(v))
	}
}

// binaryNode is an operator on two values that are there.
type binaryNode struct {
	left, right node
	apply       func(m *machine, at span, a, b Value) (Value, *Error)
	at          span
}

func (n *binaryNode) eval(m *machine) (Value, *Error) {
	a, err := n.left.eval(m)
	if err != nil {
		return a, err
	}
	b, err := n.right.eval(m)
	if err != nil {
		return b, err
	}
	if a.kind == KindMissing || b.kind == KindMissing {
		return Value{}, n.at.fail("use ?? or a condition where it may be missing", "one side of this operator is missing")
	}
	if err := m.step(n.at, 1); err != nil {
		return Value{}, err
	}
	return n.apply(m, n.at, a, b)
}

type applyFunc = func(m *machine, at span, a, b Value) (Value, *Error)

func equality(want bool) applyFunc {
	return func(m *machine, at span, a, b Value) (Value, *Error) {
		if err := m.step(at, weight(a)); err != nil {
			return Value{}, err
		}
		if a.kind != b.kind {
			return Value{}, at.fail(comparisonHint(a.kind, b.kind), "cannot compare %s with %s", article(a.kind.String()), article(b.kind.String()))
		}
		return Bool(a.Equal(b) == want), nil
	}
}

// weight is how many steps a look at the whole value costs.
func weight(v Value) int {
	switch v.kind {
	case KindText:
		return len(v.s) / 64
	case KindNumber:
		return extra(v.Num().long(), longText)
	case KindList, KindRecord:
		steps := len(v.p.items)
		for _, item := range v.p.items {
			steps += weight(item)
		}
		return steps
	default:
		return 0
	}
}

func comparisonHint(a, b Kind) string {
	switch {
	case a == KindText && b != KindText:
		return conversionHint(&Type{Kind: b}, KindText)
	case b == KindText && a != KindText:
		return conversionHint(&Type{Kind: a}, KindText)
	case a == KindDate && b == KindInstant, a == KindInstant && b == KindDate:
		return "date_of(…) is the day of a date-time"
	default:
		return ""
	}
}

func ordered(kind Kind) bool { return kind >= KindNumber && kind <= KindDuration }

func ordering(test func(int) bool) applyFunc {
	return func(_ *machine, at span, a, b Value) (Value, *Error) {
		if a.kind != b.kind || !ordered(a.kind) {
			return Value{}, at.fail(comparisonHint(a.kind, b.kind), "cannot order %s and %s", article(a.kind.String()), article(b.kind.String()))
		}
		return Bool(test(a.order(b))), nil
	}
}

func membership(m *machine, at span, a, b Value) (Value, *Error) {
	if b.kind != KindList {
		return Value{}, at.fail("", "in looks into a list, found %s", article(b.kind.String()))
	}
	if err := m.step(at, weight(b)+1); err != nil {
		return Value{}, err
	}
	return Bool(slices.ContainsFunc(b.p.items, a.Equal)), nil
}

func textTest(test func(text, part string) bool) applyFunc {
	return func(m *machine, at span, a, b Value) (Value, *Error) {
		if a.kind != KindText || b.kind != KindText {
			return Value{}, at.fail("", "expected two texts, found %s and %s", article(a.kind.String()), article(b.kind.String()))
		}
		return Bool(test(a.s, b.s)), m.step(at, len(a.s)/64)
	}
}

// maxMatched is the longest text that a pattern is run on: Go's engine is linear, but with a constant
// that counted repeats can make enormous.
const maxMatched = 4 << 10

type matchNode struct {
	of      node
	pattern *regexp.Regexp
	weight  int
	at      span
}

func (n *matchNode) eval(m *machine) (Value, *Error) {
	v, err := n.of.eval(m)
	if err != nil {
		return v, err
	}
	if v.kind != KindText {
		return v, n.at.fail("", "matches tests a text, found %s", found(v))
	}
	if len(v.s) > maxMatched {
		return v, n.at.fail("cut it with text[0:1000]", "the text has %d bytes; matches takes at most %d", len(v.s), maxMatched)
	}
	if err := m.step(n.at, patternSteps(n.weight, len(v.s))); err != nil {
		return v, err
	}
	return Bool(n.pattern.MatchString(v.s)), nil
}

var arithmetic = map[string]func(Num, Num) (Num, error){
	"+": Num.Add, "-": Num.Sub, "*": Num.Mul, "/": Num.Quo, "%": Num.Rem, "**": Num.Pow, "^": Num.Pow,
}

func calculation(operator string) applyFunc {
	calculate := arithmetic[operator]
	return func(m *machine, at span, a, b Value) (Value, *Error) {
		if a.kind == KindNumber && b.kind == KindNumber {
			if err := m.step(at, calculationSteps(operator, a.Num(), b.Num())); err != nil {
				return Value{}, err
			}
			n, err := calculate(a.Num(), b.Num())
			if err != nil {
				return Value{}, at.fail("", "%s", err)
			}
			return Number(n), nil
		}
		return otherCalculation(m, at, operator, a, b)
	}
}

var errDurationRange = errors.New("the duration is too long")

// otherCalculation is arithmetic on texts, dates and durations.
func otherCalculation(m *machine, at span, operator string, a, b Value) (Value, *Error) {
	var v Value
	var err error
	switch {
	case operator == "+" && a.kind == KindText && b.kind == KindText:
		if err := m.makeText(at, len(a.s)+len(b.s)); err != nil {
			return Value{}, err
		}
		return Value{kind: KindText, s: a.s + b.s}, nil
	case operator == "+" && a.kind == KindDuration && (b.kind == KindDate || b.kind == KindInstant):
		v, err = shift(b, a.n)
	case operator == "+" && b.kind == KindDuration && a.kind != KindNumber:
		v, err = shift(a, b.n)
	case operator == "-" && b.kind == KindDuration && a.kind != KindNumber:
		v, err = shift(a, -b.n)
	case operator == "-" && a.kind == KindInstant && b.kind == KindInstant:
		v, err = elapsed(b, a)
	default:
		return Value{}, at.fail(calculationHint(operator, a.kind, b.kind), "%s does not work on %s and %s", operator, article(a.kind.String()), article(b.kind.String()))
	}
	if err != nil {
		return Value{}, at.fail("", "%s", err)
	}
	return v, nil
}

func calculationHint(operator string, a, b Kind) string {
	switch {
	case operator == "+" && (a == KindText) != (b == KindText):
		return "text(…) makes a text of a value; within a text, write ${…}"
	case operator == "-" && a == KindDate && b == KindDate:
		return "days_between(from, to) counts the days"
	case (operator == "+" || operator == "-") && (a == KindDate || a == KindInstant) && b == KindNumber:
		return "add_days(date, count), add_months(date, count) or duration(\"2h\")"
	case operator == "+" && a == KindList && b == KindList:
		return "concat(a, b) joins lists"
	case a == KindText || b == KindText:
		return "number(…) makes a number of a text"
	default:
		return ""
	}
}

// shift adds nanoseconds to a date, instant or duration. A date moves by whole days only.
func shift(v Value, nanos int64) (Value, error) {
	switch v.kind {
	case KindDuration:
		if sum := v.n + nanos; (sum > v.n) == (nanos > 0) {
			return Duration(time.Duration(sum)), nil
		}
		return Value{}, errDurationRange
	case KindInstant:
		if moved := Instant(v.Time().Add(time.Duration(nanos))); !moved.IsMissing() {
			return moved, nil
		}
		return Value{}, errDateRange
	case KindDate:
		if nanos%int64(24*time.Hour) != 0 {
			return Value{}, errors.New("a date can be moved by whole days only")
		}
		if moved := dateFromDays(v.n + nanos/int64(24*time.Hour)); !moved.IsMissing() {
			return moved, nil
		}
		return Value{}, errDateRange
	default:
		return Value{}, errors.New("a duration cannot be added to " + article(v.kind.String()))
	}
}

func elapsed(from, to Value) (Value, error) {
	seconds := to.n - from.n
	if seconds >= maxDurationSeconds || seconds <= -maxDurationSeconds {
		return Value{}, errDurationRange
	}
	return Duration(time.Duration(seconds)*time.Second + time.Duration(to.e-from.e)), nil
}

var textTests = map[string]func(text, part string) bool{
	"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix,
}

var orderTests = map[string]func(int) bool{
	"<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 },
	">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 },
}
