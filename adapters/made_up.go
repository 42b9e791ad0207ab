package adapters

import (
	"regexp/syntax"
	"strings"
)

// MadeUp is a text that fits the field's pattern, and is nobody's; "" where none is found.
func (f Field) MadeUp() string {
	if f.pattern.Regexp == nil {
		return "made-up-" + f.Name
	}
	parsed, err := syntax.Parse(f.pattern.String(), syntax.Perl)
	if err != nil {
		return ""
	}
	if text := fitting(parsed.Simplify()); f.Accepts(text) {
		return text
	}
	return ""
}

// fitting is one of the shortest texts that an expression describes; \b and its like are left to whoever looks at it again.
func fitting(expression *syntax.Regexp) string {
	var text strings.Builder
	switch expression.Op {
	case syntax.OpLiteral:
		return string(expression.Rune)
	case syntax.OpCharClass:
		return string(usual(expression.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "x"
	case syntax.OpCapture, syntax.OpPlus:
		return fitting(expression.Sub[0])
	case syntax.OpAlternate:
		return fitting(expression.Sub[0])
	case syntax.OpConcat:
		for _, part := range expression.Sub {
			text.WriteString(fitting(part))
		}
	}
	return text.String()
}

// usual is a character of a class, given as ranges: a letter or a digit, if it has one.
func usual(ranges []rune) rune {
	for _, one := range "x1aA" {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= one && one <= ranges[i+1] {
				return one
			}
		}
	}
	return ranges[0]
}
