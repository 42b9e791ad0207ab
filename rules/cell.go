package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"crosswalk/source"
)

// placeholder is what ? in a cell becomes: a letter that nobody types, of one character, so that every
// offset in the cell stays what it is.
const placeholder = "ʔ"

// cellParser reads the cells of one column.
type cellParser struct {
	t       *Type // of the column, without optional
	may     bool  // the value may be missing
	unit    string
	env     *Environment
	inner   *Environment // with what ? stands for
	depth   int          // of not(…)
	options Options
	text    string
	report  reporter
}

// maxNot is how deep not(…) may stand in not(…).
const maxNot = 10

// parseCell turns the text of a cell into a test; nil after a problem was reported.
func parseCell(text string, p cellParser) cellTest {
	p.text = text
	trimmed, offset := trimmed(text)
	switch trimmed {
	case "", "-", "*":
		return anyTest{}
	}
	if utf8.RuneCountInString(trimmed) > maxCell {
		p.report(offset, 0, "cut it into several rows", fmt.Sprintf("a cell has at most %d characters", maxCell))
		return nil
	}
	if p.t.Kind != KindText && thousands.MatchString(trimmed) {
		p.fail(offset, trimmed, "write "+strings.ReplaceAll(trimmed, ",", "")+" for one number, or put a space after the comma", "%s means %q", trimmed, strings.ReplaceAll(trimmed, ",", " or "))
		return nil
	}
	if p.usesPlaceholder(trimmed) {
		return p.expression(trimmed, offset)
	}
	return p.tests(trimmed, offset)
}

var thousands = regexp.MustCompile(`^\d{1,3}(,\d{3})+(\.\d+)?$`)

func trimmed(text string) (string, int) {
	left := strings.TrimLeft(text, " \t\r\n\u00a0")
	return strings.TrimRight(left, " \t\r\n\u00a0"), len([]rune(text)) - len([]rune(left))
}

func (p *cellParser) fail(offset int, what, hint, format string, args ...any) {
	p.report(offset, len([]rune(what)), hint, span{}.fail("", format, args...).Message)
}

// usesPlaceholder says whether the cell is an expression with ?. In a text column a question mark may be
// a part of the text, so there the ? must come first.
func (p *cellParser) usesPlaceholder(text string) bool {
	if p.t.Kind == KindText {
		return strings.HasPrefix(text, "? ")
	}
	return replacePlaceholder(text) != text
}

// replacePlaceholder leaves ?? and ?. and texts in quotes alone.
func replacePlaceholder(text string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0:
			if c == '\\' && i+1 < len(text) {
				b.WriteByte(c)
				i++
				c = text[i]
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '?' && i+1 < len(text) && (text[i+1] == '?' || text[i+1] == '.'):
			b.WriteByte(c)
			i++
			c = text[i]
		case c == '?':
			b.WriteString(placeholder)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func (p *cellParser) expression(text string, offset int) cellTest {
	x := p.compile(replacePlaceholder(text), offset, p.inner, &Type{Kind: KindBool})
	if x == nil {
		return nil
	}
	return expressionTest{x}
}

func (p *cellParser) compile(text string, offset int, env *Environment, want *Type) *Expression {
	x, errs := compile(text, env, p.options)
	for _, err := range errs {
		p.report(offset+err.Offset, err.Length, strings.ReplaceAll(err.Hint, placeholder, "?"), strings.ReplaceAll(err.Message, placeholder, "?"))
	}
	if x == nil {
		return nil
	}
	a := &assignment{}
	if a.check(want, x.result, ""); len(a.mismatches) > 0 {
		p.fail(offset, text, a.mismatches[0].Hint, "%s", a.mismatches[0].Message)
		return nil
	}
	return x
}

// tests reads alternatives, separated by comma or semicolon.
func (p *cellParser) tests(text string, offset int) cellTest {
	var all orTest
	for _, piece := range splitCell(text) {
		alternative, shift := trimmed(piece.text)
		at := offset + piece.offset + shift
		if alternative == "" {
			p.fail(at, text, "remove the comma, or put the text in quotes", "there is nothing between two commas")
			return nil
		}
		test := p.test(alternative, at)
		if test == nil {
			return nil
		}
		all = append(all, test)
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

func (p *cellParser) test(text string, offset int) cellTest {
	switch {
	case text == "missing":
		if !p.may {
			p.fail(offset, text, "", "the value of this column is never missing")
			return nil
		}
		return missingTest{}
	case strings.HasPrefix(text, "not(") && strings.HasSuffix(text, ")"):
		if p.depth++; p.depth > maxNot {
			p.fail(offset, text, "", "not(…) stands in not(…) more than %d deep", maxNot)
			return nil
		}
		inner := p.tests(text[4:len(text)-1], offset+4)
		p.depth--
		switch inner.(type) {
		case nil:
			return nil
		case missingTest:
			return notTest{missingTest{}}
		}
		return notTest{inner}
	}
	for _, operator := range []string{"<=", ">=", "!=", "<", ">", "="} {
		if rest, ok := strings.CutPrefix(text, operator); ok {
			return p.comparison(operator, rest, offset+len(operator))
		}
	}
	if p.t.Kind == KindText {
		for _, operator := range []string{"startsWith", "endsWith", "contains", "matches"} {
			if rest, ok := strings.CutPrefix(text, operator+" "); ok {
				return p.textOperator(operator, rest, offset+len(operator)+1)
			}
		}
	}
	if low, high, ok := p.splitRange(text); ok {
		return p.rangeOf(text, low, high, offset)
	}
	o, ok := p.operand(text, offset)
	if !ok {
		return nil
	}
	return equalTest{o}
}

func (p *cellParser) comparison(operator, text string, offset int) cellTest {
	text, shift := trimmed(text)
	if operator != "=" && operator != "!=" && (!ordered(p.t.Kind) || p.t.Kind == KindText) {
		p.fail(offset-len(operator), operator, "", "%s has no order", expectation(p.t))
		return nil
	}
	o, ok := p.operand(text, offset+shift)
	switch {
	case !ok:
		return nil
	case operator == "=":
		return equalTest{o}
	case operator == "!=":
		return notTest{equalTest{o}}
	default:
		return compareTest{operator, orderTests[operator], o}
	}
}

func (p *cellParser) textOperator(operator, text string, offset int) cellTest {
	text, shift := trimmed(text)
	plain := *p
	plain.t = &Type{Kind: KindText} // a part of a text need not be one of the enum
	o, ok := plain.operand(text, offset+shift)
	if !ok {
		return nil
	}
	if operator != "matches" {
		return textOperatorTest{operator, textTests[operator], o}
	}
	if o.expression != nil {
		p.fail(offset+shift, text, "", "the pattern must be a fixed text")
		return nil
	}
	pattern, hint, message := compilePattern(o.value.s)
	if pattern == nil {
		p.fail(offset+shift, text, hint, "%s", message)
		return nil
	}
	return patternTest{pattern, patternWeight(o.value.s)}
}

// splitRange recognises [1..5], (1..5], ]1..5[ and 1..5, but not an expression in brackets.
func (p *cellParser) splitRange(text string) (low, high segment, ok bool) {
	if p.t.Kind == KindText {
		return low, high, false
	}
	start, end := 0, len(text)
	if strings.ContainsAny(text[:1], "[(]") && len(text) > 1 && strings.ContainsAny(text[len(text)-1:], "])[") {
		start, end = 1, len(text)-1
	}
	left, right, ok := strings.Cut(text[start:end], "..")
	if !ok {
		return low, high, false
	}
	return segment{text: left, offset: len([]rune(text[:start]))}, segment{text: right, offset: len([]rune(text[:start])) + len([]rune(left)) + 2}, true
}

func (p *cellParser) rangeOf(text string, low, high segment, offset int) cellTest {
	if !ordered(p.t.Kind) {
		p.fail(offset, text, "", "%s has no order", expectation(p.t))
		return nil
	}
	var bounds [2]operand
	for i, bound := range []segment{low, high} {
		trimmedText, shift := trimmed(bound.text)
		var ok bool
		if bounds[i], ok = p.operand(trimmedText, offset+bound.offset+shift); !ok {
			return nil
		}
	}
	test := rangeTest{low: bounds[0], high: bounds[1]}
	if low.offset > 0 {
		test.lowOpen, test.highOpen = text[0] != '[', text[len(text)-1] != ']'
	}
	if bounds[0].expression == nil && bounds[1].expression == nil {
		if order := bounds[0].value.order(bounds[1].value); order > 0 || order == 0 && (test.lowOpen || test.highOpen) {
			p.fail(offset, text, "", "this range is empty: nothing can be in it")
			return nil
		}
	}
	return test
}

var (
	dashRange = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*[-–]\s*(\d+(?:\.\d+)?)$`)
	otherDate = regexp.MustCompile(`^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}$`)
)

// literalHint says what a text that nearly is a literal should have been.
func (p *cellParser) literalHint(text string, t *Type) string {
	switch {
	case t.Kind == KindNumber && dashRange.MatchString(text):
		return "write a range as " + dashRange.ReplaceAllString(text, "[$1..$2]")
	case t.Kind == KindNumber && strings.HasSuffix(text, "%"):
		return "write the number as the fact has it: 10 or 0.1; or say unit: percent (the fact is 10) or unit: fraction (it is 0.1) of the column"
	case t.Kind == KindDate && otherDate.MatchString(text):
		return "write YYYY-MM-DD"
	case t.Kind == KindBool && slices.Contains([]string{"yes", "no", "y", "n"}, strings.ToLower(text)):
		return "write true or false"
	default:
		return ""
	}
}

// percentage reads 10% in a column whose unit is percent, in which it is 10, or fraction, in which it is 0.1.
func percentage(text, unit string) (Num, bool) {
	digits, ok := strings.CutSuffix(text, "%")
	if !ok || unit != "percent" && unit != "fraction" {
		return Num{}, false
	}
	n, err := ParseNum(strings.TrimSpace(strings.ReplaceAll(digits, "_", "")))
	if err == nil && unit == "fraction" {
		n, err = n.Quo(Int(100))
	}
	return n, err == nil
}

// word reads a bare word or a text in quotes, which must be one of the enum if there is one.
func (p *cellParser) word(text string, offset int, t *Type) (operand, bool) {
	if quote := text[0]; len(text) > 1 && (quote == '"' || quote == '\'') && text[len(text)-1] == quote {
		text = strings.ReplaceAll(text[1:len(text)-1], string([]byte{quote, quote}), string(quote))
	}
	v := Text(text)
	if len(t.Enum) > 0 && !t.hasEnum(v) {
		p.fail(offset, text, source.DidYouMean(text, t.enumTexts()), "%s is not one of %s", quoted(text), strings.Join(t.enumTexts(), ", "))
		return operand{}, false
	}
	return operand{value: v}, true
}

// computed is a fact or a formula. A list may stand where an item is wanted: then it means membership.
func (p *cellParser) computed(text string, offset int, t *Type) (operand, bool) {
	x, errs := compile(text, p.env, p.options)
	for _, err := range errs {
		p.report(offset+err.Offset, err.Length, err.Hint, err.Message)
	}
	if x == nil {
		return operand{}, false
	}
	got := x.result
	if got.Kind == KindList && t.Kind != KindList && got.Items != nil && !got.Optional {
		got = got.Items
	}
	a := &assignment{}
	if a.check(&Type{Kind: t.Kind, Optional: t.Kind == KindAny}, got, ""); len(a.mismatches) > 0 {
		p.fail(offset, text, a.mismatches[0].Hint, "%s", a.mismatches[0].Message)
		return operand{}, false
	}
	return operand{expression: x}, true
}

// splitCell cuts at commas and semicolons outside quotes and brackets.
func splitCell(text string) []segment {
	var pieces []segment
	var quote rune
	depth, start := 0, 0
	blank, ranged, opened := true, false, false // of the piece so far: nothing in it, .. in it, begins as a range does
	runes := []rune(text)
	for i, r := range runes {
		was := blank
		blank = blank && unicode.IsSpace(r)
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
			continue
		case (r == '"' || r == '\'') && was || r == '"' && depth > 0:
			quote = r
		case r == '[' && ranged && opened:
			depth-- // ]1..5[ ends with it
		case r == '(', r == '{', r == '[', r == ']' && was:
			depth++ // ]1..5[ opens with it
			opened = opened || was && r != '{'
		case r == ')', r == '}', r == ']':
			depth--
		case (r == ',' || r == ';') && depth <= 0:
			pieces = append(pieces, segment{text: string(runes[start:i]), offset: start})
			start = i + 1
			blank, ranged, opened = true, false, false
		}
		ranged = ranged || r == '.' && i > start && runes[i-1] == '.'
	}
	return append(pieces, segment{text: string(runes[start:]), offset: start})
}
