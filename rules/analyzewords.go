package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// words says a region in the words of cells, column by column; columns that may hold anything are left out.
func (a *analyzer) words(region box) []Cell { return a.space.words(a.t.columns, region) }

func (s *space) words(columns []column, region box) []Cell {
	var cells []Cell
	done := map[string]bool{}
	for i := range columns {
		c := &columns[i]
		if done[c.value.text] {
			continue
		}
		done[c.value.text] = true
		if parts := s.cellTexts(c, region); len(parts) > 0 {
			cells = append(cells, Cell{Column: c.name, Text: strings.Join(parts, " and ")})
		}
	}
	return cells
}

func (a *analyzer) sentence(region box) string { return sentence(a.words(region)) }

func sentence(cells []Cell) string {
	if len(cells) == 0 {
		return "any facts"
	}
	parts := make([]string, len(cells))
	for i, cell := range cells {
		parts[i] = cell.Column + ": " + cell.Text
	}
	return strings.Join(parts, " | ")
}

// cellTexts says what a region wants of a column: one text that is a cell, or several that must all hold.
func (s *space) cellTexts(c *column, region box) []string {
	var texts []string
	present := false
	for i, set := range region {
		a := s.axes[i]
		if set == nil || a.of.text != c.value.text || a.kind == valueAxis {
			continue
		}
		if last := len(a.pieces) - 1; a.pieces[last].none {
			none := pieceAt(len(a.pieces), last)
			if set.or(none).equal(a.full) || set.equal(none) {
				continue
			}
		}
		if text := a.holdsText(set); text != "" {
			texts = append(texts, text)
			present = true
		}
	}
	base := s.base(c)
	set := region[base]
	if set == nil || set.equal(s.axes[base].full) {
		return texts
	}
	if present && set.equal(s.present(c).set) {
		return texts
	}
	return append([]string{s.axes[base].valuesText(set)}, texts...)
}

// holdsText is the cell for a set of an axis that tells whether something holds.
func (a *axis) holdsText(set pieceSet) string {
	switch a.kind {
	case memberAxis:
		text := literalText(a.item)
		if set.has(1) {
			return text
		}
		return "not(" + text + ")"
	case atomAxis:
		text := strings.TrimPrefix(a.text, "cell ")
		if set.has(1) {
			return text
		}
		return "not(" + text + ")"
	}
	operand := "${" + a.operand.text + "}"
	less, equal, greater := set.has(0), set.has(1), set.has(2)
	if kind := a.of.result.Kind; kind == KindText || kind == KindBool {
		if equal {
			return operand
		}
		return "not(" + operand + ")"
	}
	switch {
	case less && equal:
		return "<= " + operand
	case greater && equal:
		return ">= " + operand
	case less && greater:
		return "!= " + operand
	case less:
		return "< " + operand
	case greater:
		return "> " + operand
	default:
		return "= " + operand
	}
}

// valuesText is the cell for a set of values.
func (a *axis) valuesText(set pieceSet) string {
	missing := len(a.pieces) > 0 && a.pieces[0].missing
	var texts []string
	switch {
	case missing && set.has(0) && set.count() == 1:
		return "missing"
	case missing && set.count() == len(a.pieces)-1 && !set.has(0):
		return "not(missing)"
	case a.finite || a.of.result.Kind == KindText:
		texts = a.textsOf(set)
	case a.of.result.Kind == KindNumber || a.of.result.Kind == KindDate || a.of.result.Kind == KindInstant || a.of.result.Kind == KindDuration:
		texts = a.rangesOf(set)
	default:
		return "not(missing)"
	}
	if missing && set.has(0) {
		texts = append(texts, "missing")
	}
	return strings.Join(texts, ", ")
}

// textsOf lists single values, or those that are left out.
func (a *axis) textsOf(set pieceSet) []string {
	var in, out []string
	whole := true // all that are no point are in
	none := true
	for i, p := range a.pieces {
		switch {
		case p.missing:
		case p.point && set.has(i):
			in = append(in, literalText(p.samples[0]))
		case p.point:
			out = append(out, literalText(p.samples[0]))
		default:
			whole = whole && set.has(i)
			none = none && !set.has(i)
		}
	}
	switch {
	case !a.finite && whole && len(out) == 0:
		return []string{"not(missing)"}
	case !a.finite && whole, a.finite && len(out) > 0 && len(out) < len(in) && len(in) > 3:
		return []string{"not(" + strings.Join(out, ", ") + ")"}
	case a.finite || none:
		return in
	}
	return a.partsOf(set, in)
}

// partsOf says which texts are meant by the parts that they have.
func (a *axis) partsOf(set pieceSet, points []string) []string {
	with := func(part int) pieceSet {
		s := newPieceSet(len(a.pieces))
		for i, p := range a.pieces {
			if !p.missing && (p.point && a.parts[part].holds(p.samples[0].s) || !p.point && p.signs != nil && p.signs[part]) {
				s.add(i)
			}
		}
		return s
	}
	cover := func(set pieceSet) (texts []string, ok bool) {
		left := set
		for part := range a.parts {
			if has := with(part); has.within(set) && has.intersects(left) {
				texts = append(texts, a.parts[part].operator+" "+literalText(Text(a.parts[part].part)))
				left = left.without(has)
			}
		}
		for i, p := range a.pieces {
			if p.point && !p.missing && left.has(i) {
				texts = append(texts, literalText(p.samples[0]))
				left = left.without(pieceAt(len(a.pieces), i))
			}
		}
		return texts, left.empty()
	}
	present := a.full
	if a.pieces[0].missing {
		present = present.without(pieceAt(len(a.pieces), 0))
	}
	if texts, ok := cover(set.and(present)); ok {
		return texts
	}
	if texts, ok := cover(present.without(set)); ok {
		return []string{"not(" + strings.Join(texts, ", ") + ")"}
	}
	// Some of several parts: said by an example.
	for i, p := range a.pieces {
		if set.has(i) && !p.missing && len(p.samples) > 0 {
			return append(points, "such as "+literalText(p.samples[0]))
		}
	}
	return append(points, "other")
}

func pieceAt(size, i int) pieceSet {
	s := newPieceSet(size)
	s.add(i)
	return s
}

// rangesOf joins points and intervals that lie beside each other.
func (a *axis) rangesOf(set pieceSet) []string {
	var texts []string
	for i := 0; i < len(a.pieces); i++ {
		if a.pieces[i].missing || !set.has(i) {
			continue
		}
		first := i
		for i+1 < len(a.pieces) && set.has(i+1) {
			i++
		}
		texts = append(texts, a.rangeText(first, i))
	}
	return texts
}

func (a *axis) rangeText(first, last int) string {
	low, high := a.pieces[first], a.pieces[last]
	start := 0
	if a.pieces[0].missing {
		start = 1
	}
	unboundedLow := first == start
	unboundedHigh := last == len(a.pieces)-1
	if first == last && low.point {
		return literalText(low.samples[0])
	}
	var lowText, highText string
	lowOpen, highOpen := !low.point, !high.point
	if low.point {
		lowText = literalText(low.samples[0])
	} else if low.low != nil {
		lowText = literalText(*low.low)
	}
	if high.point {
		highText = literalText(high.samples[0])
	} else if high.high != nil {
		highText = literalText(*high.high)
	}
	sign := func(open bool, strict, wide string) string {
		if open {
			return strict
		}
		return wide
	}
	switch {
	case unboundedLow && unboundedHigh:
		return "not(missing)"
	case unboundedLow || lowText == "":
		return sign(highOpen, "<", "<=") + " " + highText
	case unboundedHigh || highText == "":
		return sign(lowOpen, ">", ">=") + " " + lowText
	default:
		return sign(lowOpen, "(", "[") + lowText + ".." + highText + sign(highOpen, ")", "]")
	}
}

var bareWord = regexp.MustCompile(`^[\p{L}\p{N}_][\p{L}\p{N}_ .@#/+&-]*$`)

// literalText is a value as a cell has it.
func literalText(v Value) string {
	if v.kind != KindText {
		return v.String()
	}
	text := v.s
	first, _, _ := strings.Cut(text, " ")
	if bareWord.MatchString(text) && strings.TrimSpace(text) == text && text != "missing" && text != "-" && !slices.Contains([]string{"startsWith", "endsWith", "contains", "matches"}, first) {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}

// suggestion is a row that closes a gap, but for its outputs. What no cell can say is said by the example.
func (a *analyzer) suggestion(region box, facts Value, real bool) []Cell {
	cells := []Cell{{Column: "id", Text: a.t.nextID()}}
	done := map[string]bool{}
	for i := range a.t.columns {
		c := &a.t.columns[i]
		text := "-"
		if parts := a.space.cellTexts(c, region); !done[c.value.text] {
			switch {
			case len(parts) == 1 && !strings.Contains(parts[0], "such as "):
				text = parts[0]
			case len(parts) > 0 && real:
				d := proving(facts)
				if v, err := a.space.axes[a.space.base(c)].value(d); err == nil && v.kind != KindList && v.kind != KindRecord {
					if text = literalText(v); v.kind == KindMissing {
						text = "missing"
					}
				}
				proved(d)
			}
		}
		done[c.value.text] = true
		if c.dates && text == "-" {
			continue // a row needs no dates of its own
		}
		cells = append(cells, Cell{Column: c.name, Text: text})
	}
	return cells
}

var trailingNumber = regexp.MustCompile(`^(.*?)(\d+)$`)

// nextID is an id that no row has, in the manner of the last one.
func (t *Table) nextID() string {
	prefix, number, width := "R", 0, 0
	taken := map[string]bool{}
	for _, written := range t.written {
		taken[written.ID] = true
		if m := trailingNumber.FindStringSubmatch(written.ID); m != nil {
			if n, err := strconv.Atoi(m[2]); err == nil && (n > number || m[1] != prefix) {
				prefix, number, width = m[1], n, len(m[2])
			}
		}
	}
	for {
		number++
		if id := fmt.Sprintf("%s%0*d", prefix, width, number); !taken[id] {
			return id
		}
	}
}

func rowText(cells []Cell) string {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = cell.Text
	}
	return strings.Join(texts, " | ")
}
