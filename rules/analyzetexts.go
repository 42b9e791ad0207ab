package rules

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// partTest is startsWith, endsWith or contains with a fixed text.
type partTest struct {
	operator, part string
}

func (p partTest) holds(text string) bool { return textTests[p.operator](text, p.part) }

// operatorOf finds the name of a test of a text's part.
func operatorOf(test textOperatorTest) string {
	switch {
	case !test.test("ba", "a"):
		return "startsWith"
	case !test.test("ab", "a"):
		return "endsWith"
	default:
		return "contains"
	}
}

// maxSigns bounds the combinations of parts that the texts of a column are told apart by.
const maxSigns = 2_048

// cutTexts makes points of the texts that cells name, and divides all others by the parts that they have. The text that
// is made for a combination has nothing but what it must have, with a character between that no part has: if a part
// that it must not have is in it all the same, it is in every such text, and the combination does not exist.
func (a *axis) cutTexts(t *Type) {
	for _, v := range a.literals {
		if n := utf8.RuneCountInString(v.s); n >= t.MinLength && (t.MaxLength == 0 || n <= t.MaxLength) {
			a.addPoint(v)
		}
	}
	combinations := [][]bool{{}}
	for i := range a.parts {
		var next [][]bool
		for _, signs := range combinations {
			for _, sign := range []bool{false, true} {
				candidate := append(slices.Clone(signs), sign)
				if _, ok := a.textWith(candidate, a.parts[:i+1], t, false); ok {
					next = append(next, candidate)
				}
			}
		}
		combinations = next
		if len(combinations) > maxSigns {
			combinations = nil
			break
		}
	}
	a.signs = map[string]int{}
	for _, signs := range combinations {
		p := piece{signs: signs}
		if text, ok := a.textWith(signs, a.parts, t, true); ok {
			p.samples = []Value{Text(text)}
		}
		a.signs[signKey(signs)] = len(a.pieces)
		a.pieces = append(a.pieces, p)
	}
	if combinations == nil {
		a.signs[""] = len(a.pieces)
		a.pieces = append(a.pieces, piece{})
	}
}

func signKey(signs []bool) string {
	b := make([]byte, len(signs))
	for i, sign := range signs {
		b[i] = '0'
		if sign {
			b[i] = '1'
		}
	}
	return string(b)
}

func hasSigns(text string, signs []bool, parts []partTest) bool {
	for i, part := range parts {
		if part.holds(text) != signs[i] {
			return false
		}
	}
	return true
}

// textWith is a text with these parts and no others. exact also holds it to its length and lets it be none of the points.
func (a *axis) textWith(signs []bool, parts []partTest, t *Type, exact bool) (string, bool) {
	fits := func(text string) bool {
		if !hasSigns(text, signs, parts) {
			return false
		}
		n := utf8.RuneCountInString(text)
		_, named := a.points[text]
		return !exact || !named && n >= t.MinLength && (t.MaxLength == 0 || n <= t.MaxLength)
	}
	if exact && !slices.Contains(signs, true) {
		for _, plain := range []string{"other", "another", "something else", "X", "?", ""} {
			if fits(plain) {
				return plain, true
			}
		}
	}
	var prefix, suffix string
	var middle []string
	for i, part := range parts {
		switch {
		case !signs[i]:
		case part.operator == "startsWith" && len(part.part) > len(prefix):
			prefix = part.part
		case part.operator == "endsWith" && len(part.part) > len(suffix):
			suffix = part.part
		case part.operator == "contains":
			middle = append(middle, part.part)
		}
	}
	if exact { // readable ones first: without what is in another part, and without spaces around
		short := slices.DeleteFunc(slices.Clone(middle), func(part string) bool {
			return slices.ContainsFunc(append([]string{prefix, suffix}, middle...), func(other string) bool { return len(other) > len(part) && strings.Contains(other, part) })
		})
		all := slices.DeleteFunc(append(append([]string{prefix}, short...), suffix), func(s string) bool { return s == "" })
		for _, separator := range a.separators() {
			if text := strings.Join(all, separator); fits(text) {
				return text, true
			}
		}
	}
	for _, separator := range a.separators() {
		pieces := append(append([]string{prefix}, middle...), suffix)
		text := strings.Join(pieces, separator)
		if fits(text) {
			return text, true
		}
		if exact { // a text that is no point, or shorter or longer
			for _, tried := range []string{strings.Join(slices.DeleteFunc(pieces, func(s string) bool { return s == "" }), ""), prefix + strings.Join(middle, "") + suffix,
				prefix + separator + separator + strings.Join(middle, separator) + separator + suffix, prefix + strings.Repeat(separator, max(t.MinLength, 1)) + strings.Join(middle, separator) + suffix} {
				if fits(tried) {
					return tried, true
				}
			}
		}
	}
	return "", false
}

// separators are characters that no part has.
func (a *axis) separators() []string {
	var free []string
	for _, candidate := range []string{" ", "-", "_", ".", "~", "·", "¤", "§", "\u2007", "\u2008"} {
		if !slices.ContainsFunc(a.parts, func(p partTest) bool { return strings.Contains(p.part, candidate) }) {
			free = append(free, candidate)
		}
		if len(free) == 2 {
			return free
		}
	}
	for r := rune(0x2500); len(free) == 0; r++ {
		if candidate := string(r); !slices.ContainsFunc(a.parts, func(p partTest) bool { return strings.Contains(p.part, candidate) }) {
			free = append(free, candidate)
		}
	}
	return free
}

func (a *axis) textPiece(v Value) int {
	if i, ok := a.points[v.s]; ok {
		return i
	}
	signs := make([]bool, len(a.parts))
	for i, part := range a.parts {
		signs[i] = part.holds(v.s)
	}
	if i, ok := a.signs[signKey(signs)]; ok {
		return i
	}
	if i, ok := a.signs[""]; ok {
		return i
	}
	return -1
}
