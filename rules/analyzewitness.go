package rules

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// maker makes facts that lie in a region. It tries values that the cells and formulas themselves mention, so what it
// finds is readable; what it does not find may exist all the same.
type maker struct {
	space *space
	steps *int // that are left, shared with the search
	pools map[string][]Value
}

// tries bounds the facts that are tried for one region.
const (
	tries  = 400
	starts = 12
)

func newMaker(s *space, steps *int) *maker {
	return &maker{space: s, steps: steps, pools: map[string][]Value{}}
}

// attempt is facts and what is still wrong with them.
type attempt struct {
	facts Value
	wrong []int // axes
}

// find makes facts that lie in the region; false if none were found.
func (m *maker) find(region box, from Value) (Value, bool) {
	if from.kind != KindRecord {
		from = defaultOf(m.space.facts)
	}
	random := rand.New(rand.NewPCG(1, 2))
	left := tries
	for start := range starts {
		facts := m.start(region, from, start, random)
		best := m.judge(facts, region)
		for len(best.wrong) > 0 && left > 0 && *m.steps > 0 {
			better, used := m.improve(best, region, left)
			left -= used
			if better.facts.kind == KindMissing {
				break
			}
			best = better
		}
		if len(best.wrong) == 0 {
			if _, err := m.space.facts.Decode(best.facts); err == nil {
				return best.facts, true
			}
		}
		if left <= 0 {
			break
		}
	}
	return Value{}, false
}

// start is where a search for facts begins: first with the most readable values, later with others.
func (m *maker) start(region box, from Value, number int, random *rand.Rand) Value {
	facts := from
	wrong := m.judge(from, region).wrong
	order := make([]int, 0, len(m.space.axes))
	for at, a := range m.space.axes {
		// What columns are facts is set directly, deeper ones later so that they win.
		if a.kind == valueAxis && a.path != nil && (number > 0 || region[at] != nil && slices.Contains(wrong, at)) {
			order = append(order, at)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(m.space.axes[a].path) - len(m.space.axes[b].path) })
	for _, at := range order {
		a := m.space.axes[at]
		set := region[at]
		if set == nil {
			set = a.full
		}
		skip := 0
		if number > 0 {
			skip = random.IntN(max(set.count(), 1))
		}
		set.each(func(i int) bool {
			if skip--; skip >= 0 {
				return false
			}
			samples := a.pieces[i].samples
			if len(samples) == 0 {
				return false
			}
			first := 0
			if number > 0 {
				first = random.IntN(len(samples))
			}
			for k := range samples {
				if changed, ok := m.set(facts, a.path, samples[(first+k)%len(samples)]); ok {
					facts = changed
					return true
				}
			}
			return false
		})
	}
	return facts
}

// improve looks for a single change after which fewer axes are wrong.
func (m *maker) improve(from attempt, region box, left int) (attempt, int) {
	used := 0
	var best attempt
	for _, at := range from.wrong {
		found := false
		m.changes(from.facts, at, region, func(facts Value) bool {
			used++
			tried := m.judge(facts, region)
			if len(tried.wrong) < len(from.wrong) && (best.facts.kind == KindMissing || len(tried.wrong) < len(best.wrong)) {
				best = tried
				found = len(best.wrong) == 0 || len(best.wrong) <= len(from.wrong)-2
			}
			return found || used >= left
		})
		if best.facts.kind != KindMissing || used >= left {
			break
		}
	}
	return best, max(used, 1)
}

// judge finds the axes on which facts do not lie in a region.
func (m *maker) judge(facts Value, region box) attempt {
	d := proving(facts)
	defer proved(d)
	result := attempt{facts: facts}
	for at, set := range region {
		if set == nil {
			continue
		}
		*m.steps -= 20
		if i := m.space.axes[at].piece(d); i < 0 || !set.has(i) {
			result.wrong = append(result.wrong, at)
		}
	}
	return result
}

// value is that of the axis' column.
func (a *axis) value(d *deciding) (Value, *Error) {
	if a.path != nil {
		if v := d.facts.Path(a.path...); v.kind != KindMissing || a.of.result.Optional {
			return v, nil
		}
	}
	return d.evaluate(a.of, Value{})
}

// piece is the one that the facts lie in; -1 if that cannot be told.
func (a *axis) piece(d *deciding) int {
	v, err := a.value(d)
	if err != nil {
		return -1
	}
	if v.kind == KindMissing && a.kind != valueAxis && a.of.result.Optional && !a.whole {
		return len(a.pieces) - 1
	}
	which := func(holds bool) int {
		if holds {
			return 1
		}
		return 0
	}
	switch a.kind {
	case valueAxis:
		return a.pieceOf(v)
	case memberAxis:
		return which(v.kind == KindList && slices.ContainsFunc(v.p.items, a.item.Equal))
	case atomAxis:
		ok, err := a.test.match(d, v)
		if err != nil {
			return -1
		}
		return which(ok)
	default:
		w, err := d.evaluate(a.operand, Value{})
		if err != nil || v.kind == KindMissing || v.kind != w.kind {
			return -1
		}
		return max(-1, min(1, v.order(w))) + 1
	}
}

// changes offers facts that are changed in one place, to bring them into a region on an axis.
func (m *maker) changes(facts Value, at int, region box, try func(Value) (enough bool)) {
	a := m.space.axes[at]
	set := func(path []string, v Value) bool {
		changed, ok := m.set(facts, path, v)
		return ok && !changed.Equal(facts) && try(changed)
	}
	if a.path != nil {
		switch a.kind {
		case valueAxis:
			done := false
			if region[at] != nil {
				region[at].each(func(i int) bool {
					done = slices.ContainsFunc(a.pieces[i].samples, func(v Value) bool { return set(a.path, v) })
					return done
				})
			}
			if done {
				return
			}
		case memberAxis:
			list := facts.Path(a.path...)
			var items []Value
			if list.kind == KindList {
				items = slices.DeleteFunc(slices.Clone(list.p.items), a.item.Equal)
			}
			if region[at] == nil || region[at].has(1) {
				items = append(items, a.item)
			}
			if set(a.path, List(items...)) {
				return
			}
		case orderAxis:
			if m.orders(a, facts, set) {
				return
			}
		}
	}
	if a.kind == orderAxis { // the other side
		if path := factPath(a.operand.root); path != nil {
			other := &axis{kind: orderAxis, of: a.operand, path: path, operand: a.of}
			if m.orders(other, facts, set) {
				return
			}
		}
	}
	for _, leaf := range m.leaves(a) {
		values := m.pool(leaf, a)
		current := facts.Path(leaf.path...)
		for _, v := range values {
			if set(leaf.path, v) {
				return
			}
		}
		if current.kind == KindText && len(current.s) < 2_000 {
			for _, v := range values {
				if v.kind == KindText && v.s != "" && !strings.Contains(current.s, v.s) && set(leaf.path, Text(strings.TrimSpace(current.s+" "+v.s))) {
					return
				}
			}
		}
	}
}

// orders sets a fact to what it is compared with, and to a little more and less.
func (m *maker) orders(a *axis, facts Value, set func(path []string, v Value) bool) bool {
	d := proving(facts)
	w, err := d.evaluate(a.operand, Value{})
	proved(d)
	if err != nil || w.kind == KindMissing {
		return false
	}
	values := []Value{w}
	if ordered(w.kind) && w.kind != KindText {
		plain := &Type{Kind: w.kind}
		values = append(append(values, inside(plain, &w, nil)...), inside(plain, nil, &w)...)
	} else if w.kind == KindText {
		values = append(values, Text(w.s+"x"))
	}
	return slices.ContainsFunc(values, func(v Value) bool { return set(a.path, v) })
}

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

var (
	inQuotes = regexp.MustCompile(`"([^"]*)"|'([^']*)'`)
	digits   = regexp.MustCompile(`\d+(?:\.\d+)?`)
)

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

// set puts a value in the place of a fact, or takes the fact away with as much around it as must go.
func (m *maker) set(facts Value, path []string, v Value) (Value, bool) {
	return setFact(facts, m.space.facts, path, v)
}

func setFact(of Value, t *Type, path []string, v Value) (Value, bool) {
	member := t.Member(path[0])
	if member == nil {
		return of, false
	}
	if len(path) == 1 {
		if v.kind == KindMissing && !member.Optional {
			return of, false
		}
		return of.With(path[0], v), true
	}
	inner := of.Get(path[0])
	if inner.kind != KindRecord {
		if v.kind == KindMissing {
			return of, true // it is missing already, with what is around it
		}
		inner = defaultOf(member.AsPresent())
		if inner.kind != KindRecord {
			inner = Record(nil)
		}
	}
	changed, ok := setFact(inner, member, path[1:], v)
	if !ok {
		if v.kind == KindMissing && member.Optional {
			return of.With(path[0], Value{}), true
		}
		return of, false
	}
	return of.With(path[0], changed), true
}
