package dmn

import (
	"regexp"
	"strconv"
	"strings"
)

// cellText is a unary test as a cell of our tables says it. mayMiss says that the value may be missing, which FEEL takes
// for unequal to everything.
func cellText(text string, s scope, isText, mayMiss bool) (string, error) {
	if text == "" || text == "-" {
		return "-", nil
	}
	return translate(text, s, func(f *feel) string { return f.tests(isText, mayMiss, true) })
}

// tests reads alternatives.
func (f *feel) tests(isText, mayMiss, top bool) string {
	var all []string
	negated := false
	for {
		test, not := f.test(isText, mayMiss, top)
		negated = negated || not
		all = append(all, test)
		if !f.take(",") {
			break
		}
	}
	if top && f.peek().kind != 0 {
		f.fail("%q is not expected here", f.peek().text)
	}
	for _, test := range all {
		if len(all) > 1 && strings.HasPrefix(test, "? ") {
			f.fail("an expression with ? stands alone in its cell")
		}
	}
	text := strings.Join(all, ", ")
	if negated && mayMiss && !strings.Contains(text, "missing") {
		text += ", missing"
	}
	return text
}

// test reads one test; negated says that it is a not(…) that FEEL takes for true of what is missing.
func (f *feel) test(isText, mayMiss, top bool) (text string, negated bool) {
	if top && f.peek().text == "not" && f.at+1 < len(f.tokens) && f.tokens[f.at+1].text == "(" {
		start := f.at
		f.at += 2
		equal := f.onlyValues()
		inner := f.tests(isText, false, false)
		if f.take(")") && (f.peek().kind == 0 || f.peek().text == ",") && !strings.HasPrefix(inner, "? ") {
			return "not(" + inner + ")", equal && !strings.Contains(inner, "missing")
		}
		f.at = start
		return f.formula(isText), false
	}
	for _, sign := range []string{"<=", ">=", "!=", "<", ">", "="} {
		if f.take(sign) {
			of := f.sum()
			if of.kind == literalNull && (sign == "=" || sign == "!=") {
				if sign == "=" {
					return "missing", false
				}
				return "not(missing)", false
			}
			return sign + " " + operand(of, isText), false
		}
	}
	if t := f.peek().text; f.peek().kind == 'o' && (t == "[" || t == "(" || t == "]") {
		start := f.at
		if low, high, lowOpen, highOpen, ok := f.interval(); ok && (f.peek().kind == 0 || f.peek().text == "," || f.peek().text == ")") {
			open, end := "[", "]"
			if lowOpen {
				open = "("
			}
			if highOpen {
				end = ")"
			}
			return open + operand(low, isText) + ".." + operand(high, isText) + end, false
		}
		f.at = start
	}
	start := f.at
	of := f.expression()
	switch {
	case of.column:
		f.at = start
		return f.formula(isText), false
	case of.kind == literalNull:
		return "missing", false
	case of.kind == truth:
		f.fail("the expression %s does not speak of the column's value: write ? in it, or make it an input of its own", of.text)
	}
	return operand(of, isText), false
}

// onlyValues says whether what follows, up to the bracket, has no comparisons in it.
func (f *feel) onlyValues() bool {
	for _, t := range f.tokens[f.at:] {
		if t.kind == 'o' && strings.Contains("< > <= >= .. ?", t.text) {
			return false
		}
	}
	return true
}

// formula is an expression with ?. In a column of texts it must begin with it.
func (f *feel) formula(isText bool) string {
	of := f.expression()
	if !of.column {
		f.fail("the expression %s does not speak of the column's value: write ? in it, or make it an input of its own", of.text)
	}
	if isText && !strings.HasPrefix(of.text, "? ") {
		return "? == ? and " + of.bracketed()
	}
	return of.text
}

var bareWord = regexp.MustCompile(`^[\p{L}\p{N}_][\p{L}\p{N}_ ./-]*$`)

// operand is a value, fact or formula within a cell.
func operand(of translated, isText bool) string {
	switch of.kind {
	case literalText:
		return word(of.value)
	case literalNumber, literalDate, literalBool:
		if !isText {
			return of.value
		}
		return of.value
	default:
		return "${" + of.text + "}"
	}
}

// word is a text within a test.
func word(value string) string {
	if bareWord.MatchString(value) && strings.TrimSpace(value) == value && value != "missing" && !strings.ContainsAny(value[:1], "-") {
		first, _, _ := strings.Cut(value, " ")
		switch first {
		case "startsWith", "endsWith", "contains", "matches":
		default:
			return value
		}
	}
	return `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
}

// outputText is an output entry as a cell of our tables says it.
func outputText(text string, s scope) (string, error) {
	if text == "" || text == "-" {
		return "", nil
	}
	of, err := translate(text, s, (*feel).expression)
	if err != nil {
		return "", err
	}
	switch of.kind {
	case literalNull:
		return "", nil
	case literalText:
		if of.value == "" || of.value == "-" || of.value == "missing" || strings.TrimSpace(of.value) != of.value || strings.ContainsAny(of.value[:1], `"'#`) || strings.Contains(of.value, "${") || strings.Contains(of.value, "\n") {
			return "${" + strconv.Quote(of.value) + "}", nil
		}
		return of.value, nil
	case literalNumber, literalBool, literalDate:
		return of.value, nil
	default:
		return "${" + of.text + "}", nil
	}
}
