package rules

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// leaf is a fact that a formula reads.
type leaf struct {
	path []string
	t    *Type
}

// leaves are the facts that an axis depends on.
func (m *maker) leaves(a *axis) []leaf {
	reads := map[string]bool{}
	for _, path := range a.of.reads {
		reads[path] = true
	}
	if a.operand != nil {
		for _, path := range a.operand.reads {
			reads[path] = true
		}
	}
	if a.test != nil {
		collectReads(a.test, reads)
	}
	var all []leaf
	seen := map[string]bool{}
	for path := range reads {
		path, _, _ = strings.Cut(path, "[]")
		keys := strings.Split(path, ".")
		t := m.space.facts
		for i, key := range keys {
			if t = t.Member(key); t == nil {
				break
			}
			if t.Kind == KindRecord && i < len(keys)-1 {
				continue
			}
			if name := strings.Join(keys[:i+1], "."); !seen[name] {
				seen[name] = true
				all = append(all, leaf{keys[:i+1], t})
			}
			break
		}
	}
	slices.SortFunc(all, func(x, y leaf) int { return strings.Compare(strings.Join(x.path, "."), strings.Join(y.path, ".")) })
	return all
}

// constants are the texts and numbers that an axis' formulas mention.
func (a *axis) constants() (texts []string, numbers []Num) {
	all := []string{a.of.text, a.text}
	if a.operand != nil {
		all = append(all, a.operand.text)
	}
	for _, text := range all {
		for _, found := range inQuotes.FindAllStringSubmatch(text, -1) {
			texts = append(texts, found[1]+found[2])
		}
		for _, found := range digits.FindAllString(text, -1) {
			if n, err := ParseNum(found); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
	if pattern, ok := strings.CutPrefix(a.text, "matches "); ok && a.kind == atomAxis {
		texts = append(texts, pattern)
	}
	for _, literal := range a.literals {
		switch literal.kind {
		case KindText:
			texts = append(texts, literal.s)
		case KindNumber:
			numbers = append(numbers, literal.Num())
		}
	}
	return texts, numbers
}

// daysIn are days in a set of an axis of days, those nearest to the days of today first: the first day of all is no
// readable example.
func (a *axis) daysIn(set pieceSet) []Value {
	var days []Value
	set.each(func(i int) bool {
		for _, v := range a.pieces[i].samples {
			if v.kind == KindDate {
				days = append(days, v)
			}
		}
		return false
	})
	today := typicalValue(&Type{Kind: KindDate}).n
	slices.SortStableFunc(days, func(v, w Value) int { return cmp.Compare(max(v.n-today, today-v.n), max(w.n-today, today-w.n)) })
	return days
}

// daysFor are days in a set of a formula's days, for a date or date-time that the formula reads: as they are, and as far
// away as a number that it mentions says.
func daysFor(a *axis, of leaf, set pieceSet) []Value {
	if a.kind != valueAxis || a.of.result.Kind != KindDate || set == nil || of.t.Kind != KindDate && of.t.Kind != KindInstant {
		return nil
	}
	days, all := a.daysIn(set), []Value(nil)
	add := func(day int64) {
		if v := dateFromDays(day); day >= firstDay && day <= lastDay && !slices.ContainsFunc(days, v.Equal) {
			days = append(days, v)
		}
	}
	_, numbers := a.constants()
	for _, v := range slices.Clone(days) {
		for _, number := range numbers {
			if n, ok := number.Int64(); ok && n > -100_000 && n < 100_000 {
				add(v.n - n)
				add(v.n + n)
			}
		}
	}
	for _, v := range days {
		if of.t.Kind == KindInstant {
			v = Value{kind: KindInstant, n: v.n * secondsPerDay}
		}
		all = append(all, v)
	}
	return all
}

// pool is the values that are tried for a fact that an axis depends on.
func (m *maker) pool(of leaf, a *axis) []Value {
	key := strings.Join(of.path, ".") + "\x00" + a.column + "\x00" + a.of.text + "\x00" + a.text
	if known, ok := m.pools[key]; ok {
		return known
	}
	texts, numbers := a.constants()
	values := valuesFor(of.t, texts, numbers, 0)
	if of.t.Optional {
		values = append(values, Value{})
	}
	const most = 120
	values = values[:min(len(values), most)]
	m.pools[key] = values
	return values
}

// valuesFor lists values of a type that formulas with these constants tell apart.
func valuesFor(t *Type, texts []string, numbers []Num, depth int) []Value {
	if len(t.Enum) > 0 {
		return t.Enum
	}
	switch t.Kind {
	case KindBool:
		return []Value{Bool(true), Bool(false)}
	case KindNumber:
		return numbersFor(t, numbers)
	case KindText:
		var values []Value
		for _, text := range texts {
			for _, sample := range samplesOf(text) {
				values = append(values, Text(sample))
			}
		}
		return append(values, Text("other"), Text(""))
	case KindDate:
		today := Date(2026, 1, 1)
		values := []Value{today}
		for _, text := range texts {
			if v, err := ParseDate(text); err == nil {
				values = append(values, v, above(v), below(v))
			}
		}
		for _, days := range append(numbers, Int(1), Int(365)) {
			if n, ok := days.Int64(); ok && n < 100_000 && n > -100_000 {
				for _, by := range []int64{n, -n, n + 1, -n - 1, n - 1, 1 - n} {
					values = append(values, dateFromDays(today.n+by))
				}
			}
		}
		return values
	case KindInstant:
		var values []Value
		for _, v := range valuesFor(&Type{Kind: KindDate}, texts, numbers, depth) {
			if v.kind == KindDate {
				values = append(values, Value{kind: KindInstant, n: v.n * secondsPerDay})
			}
		}
		return values
	case KindDuration:
		var values []Value
		for _, n := range append(numbers, Int(1)) {
			if hours, ok := n.Int64(); ok && hours < 10_000 && hours > -10_000 {
				values = append(values, Value{kind: KindDuration, n: hours * 3600 * 1_000_000_000}, Value{kind: KindDuration, n: hours * secondsPerDay * 1_000_000_000})
			}
		}
		return values
	case KindList:
		return listsFor(t, texts, numbers, depth)
	case KindRecord:
		return recordsFor(t, texts, numbers, depth)
	default:
		var values []Value
		for _, text := range texts {
			values = append(values, Text(text))
		}
		for _, n := range numbers {
			values = append(values, Number(n))
		}
		return append(values, Bool(true), Bool(false), Text("other"), Number(Int(1)))
	}
}

func numbersFor(t *Type, numbers []Num) []Value {
	var values []Value
	add := func(n Num, err error) {
		if err != nil || t.Integer && !n.IsInt() || t.Minimum != nil && n.Cmp(*t.Minimum) < 0 || t.Maximum != nil && n.Cmp(*t.Maximum) > 0 {
			return
		}
		if v := Number(n); !slices.ContainsFunc(values, v.Equal) {
			values = append(values, v)
		}
	}
	for _, n := range append(slices.Clone(numbers), Int(0), Int(1), Int(100)) {
		add(n, nil)
		add(n.Add(Int(1)))
		add(n.Sub(Int(1)))
		add(n.Add(Num{coefficient: 1, exponent: -2}))
		add(n.Sub(Num{coefficient: 1, exponent: -2}))
		add(n.Neg(), nil)
	}
	return values
}

func listsFor(t *Type, texts []string, numbers []Num, depth int) []Value {
	values := []Value{List()}
	if depth > 1 {
		return values
	}
	for _, item := range valuesFor(itemType(t), texts, numbers, depth+1) {
		for count := 1; count <= 3; count++ {
			if t.MaxItems == 0 || count <= t.MaxItems {
				items := make([]Value, count)
				for i := range items {
					items[i] = item
				}
				values = append(values, List(items...))
			}
		}
	}
	return values
}

func recordsFor(t *Type, texts []string, numbers []Num, depth int) []Value {
	base := defaultOf(t)
	values := []Value{base}
	if depth > 2 {
		return values
	}
	for _, field := range t.Fields {
		for _, v := range valuesFor(field.Type, texts, numbers, depth+1) {
			values = append(values, base.With(field.Name, v))
		}
	}
	return values
}

// samplesOf are texts that have a text in them, or that match it if it is a pattern.
func samplesOf(text string) []string {
	samples := []string{text}
	if !strings.ContainsAny(text, `\.+*?()|[]{}^$`) {
		return samples
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return samples
	}
	for choice := range 3 {
		if sample := sampleOf(parsed.Simplify(), choice, 0); len(sample) < 200 && !slices.Contains(samples, sample) {
			samples = append(samples, sample)
		}
	}
	return samples[1:]
}

// sampleOf is a text that matches a pattern, taking the n-th of alternatives.
func sampleOf(re *syntax.Regexp, choice, depth int) string {
	if depth > 20 {
		return ""
	}
	switch re.Op {
	case syntax.OpLiteral:
		return strings.ToLower(string(re.Rune))
	case syntax.OpCharClass:
		if len(re.Rune) == 0 {
			return ""
		}
		for _, nice := range "a0A x" {
			for i := 0; i+1 < len(re.Rune); i += 2 {
				if re.Rune[i] <= nice && nice <= re.Rune[i+1] {
					return string(nice)
				}
			}
		}
		return string(re.Rune[0])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "x"
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			if b.WriteString(sampleOf(sub, choice, depth+1)); b.Len() > 1_000 {
				break
			}
		}
		return b.String()
	case syntax.OpAlternate:
		return sampleOf(re.Sub[choice%len(re.Sub)], choice, depth+1)
	case syntax.OpCapture, syntax.OpPlus:
		return sampleOf(re.Sub[0], choice, depth+1)
	case syntax.OpStar, syntax.OpQuest:
		if choice == 1 {
			return sampleOf(re.Sub[0], choice, depth+1)
		}
		return ""
	case syntax.OpRepeat:
		return strings.Repeat(sampleOf(re.Sub[0], choice, depth+1), min(max(re.Min, 1), 100))
	default:
		return ""
	}
}

// defaultOf is a value in which only what must be there is.
func defaultOf(t *Type) Value {
	if len(t.Enum) > 0 {
		return t.Enum[0]
	}
	switch t.Kind {
	case KindRecord:
		v := Record(nil)
		for _, field := range t.Fields {
			if field.Required && !field.Type.Optional {
				v = v.With(field.Name, defaultOf(field.Type))
			}
		}
		return v
	case KindNumber:
		for _, v := range numbersFor(t, bounds(t)) {
			return v
		}
		return Number(Num{})
	case KindText:
		text := "other"
		for t.MaxLength > 0 && len(text) > t.MaxLength {
			text = text[:len(text)-1]
		}
		for len(text) < t.MinLength {
			text += "x"
		}
		return Text(text)
	default:
		return typicalValue(t)
	}
}

// bounds are the least and greatest number of a type, or nothing.
func bounds(t *Type) []Num {
	var all []Num
	if t.Minimum != nil {
		all = append(all, *t.Minimum)
	}
	if t.Maximum != nil {
		all = append(all, *t.Maximum)
	}
	return all
}

var (
	inQuotes = regexp.MustCompile(`"([^"]*)"|'([^']*)'`)
	digits   = regexp.MustCompile(`\d+(?:\.\d+)?`)
)
