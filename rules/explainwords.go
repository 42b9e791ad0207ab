package rules

import (
	"slices"
	"strings"
	"sync"
)

// cellWords is what an explanation says of a cell.
type cellWords struct {
	at     TableCell
	missed MissedCell // without what it wants if that depends on the facts
	wants  string     // what it wants with what stands before it in a sentence
	fixed  bool       // what it wants does not depend on the facts
	// nearby are the values that may be the nearest by which the cell fits, without and with whole numbers only, if they
	// are the same for all facts.
	nearby [2][]Value
}

// rowWords is what an explanation says of the outputs of a row that always has the same.
type rowWords struct {
	fixed   bool
	outputs string
	then    outcome // if the row decides
}

// tableWords are those of all cells. They are made when a table is explained for the first time, as most never are.
type tableWords struct {
	once    sync.Once
	written []TableRow // all rows, those that are off among them
	cells   [][]cellWords
	rows    []rowWords
	// otherwise is what the default holds, if it is always the same.
	otherwise rowWords
	whole     []bool // by column: whether all numbers that its cells name are whole
}

// What stands in sentences before other words.
const (
	rowWants     = ", the row wants "
	rowDecides   = "row "
	defaultHolds = "the default holds: "
)

func (t *Table) words() *tableWords {
	t.said.once.Do(func() {
		for i := range t.columns {
			t.said.whole = append(t.said.whole, t.namesWholeNumbers(i))
		}
		t.said.written = make([]TableRow, len(t.written))
		for i, next := 0, 0; i < len(t.written); i++ {
			row := &t.said.written[i]
			if row.Row = t.written[i].ID; next < len(t.rows) && t.rows[next].id == row.Row {
				if row.Why = t.rows[next].why; len(t.rows[next].cells) > 0 {
					row.Place = t.rows[next].cells[0].place
				}
				next++
			}
		}
		t.said.cells = make([][]cellWords, len(t.rows))
		t.said.rows = make([]rowWords, len(t.rows))
		for i := range t.rows {
			r := &t.rows[i]
			if r.fixed {
				outputs := outputWords(r.value)
				t.said.rows[i] = rowWords{true, outputs, outcome{decided: []string{r.id}, why: r.why, outputs: r.value, said: rowDecides + r.id + " decides: " + outputs}}
			}
			t.said.cells[i] = make([]cellWords, len(r.tests))
			for j, test := range r.tests {
				words, column := &t.said.cells[i][j], &t.columns[j]
				words.at = TableCell{Row: r.id, Column: column.name, Fact: column.value.text}
				words.missed = MissedCell{Column: column.name, Cell: strings.TrimSpace(r.cells[j].text), words: words, column: j}
				if words.fixed = fixedTest(test); words.fixed {
					words.missed.Wanted = wantedWords(test, nil, words.missed.Cell)
					words.wants = rowWants + words.missed.Wanted
				}
			}
		}
		t.nearbyValues()
		if t.fallback != nil {
			if v, fixed := t.fallback.Literal(); fixed {
				outputs := outputWords(v)
				t.said.otherwise = rowWords{true, outputs, outcome{decided: []string{DefaultRow}, outputs: v, said: defaultHolds + outputs}}
			}
		}
	})
	return &t.said
}

func (t *Table) namesWholeNumbers(column int) bool {
	for i := range t.rows {
		literals, _ := collectLiterals(t.rows[i].tests[column], KindNumber, nil)
		if slices.ContainsFunc(literals, func(v Value) bool { return v.kind == KindNumber && !v.Num().IsInt() }) {
			return false
		}
	}
	return true
}

// fixedTest says whether the words for a test are the same for all facts.
func fixedTest(test cellTest) bool {
	switch test := test.(type) {
	case equalTest:
		return test.operand.expression == nil
	case compareTest:
		return test.operand.expression == nil
	case textOperatorTest:
		return test.operand.expression == nil
	case rangeTest:
		return test.low.expression == nil && test.high.expression == nil
	case notTest:
		return fixedTest(test.test)
	case orTest:
		return !slices.ContainsFunc(test, func(inner cellTest) bool { return !fixedTest(inner) })
	default:
		return true
	}
}

// wantedWords is what a cell wants, as it stands after "the row wants". d is nil for a fixed test.
func wantedWords(test cellTest, d *deciding, cell string) string {
	switch test := test.(type) {
	case missingTest:
		return "no value"
	case equalTest:
		return operandWords(test.operand, d)
	case compareTest:
		return compareWords(test, d)
	case rangeTest:
		return rangeWords(test, d)
	case textOperatorTest:
		return "a text that " + textOperatorWord(test) + " " + operandWords(test.operand, d)
	case patternTest:
		return "a text that matches " + test.pattern.String()
	case notTest:
		if _, missing := test.test.(missingTest); missing {
			return "any value"
		}
		return "anything but " + wantedWords(test.test, d, cell)
	case orTest:
		return orWords(test, d, cell)
	case expressionTest:
		return strings.ReplaceAll(test.expression.text, placeholder, "?")
	default:
		return "anything"
	}
}

func orWords(tests orTest, d *deciding, cell string) string {
	all := make([]string, len(tests))
	for i, test := range tests {
		all[i] = wantedWords(test, d, cell)
	}
	if len(all) == 1 {
		return all[0]
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// operandWords is a literal, or what a fact or formula comes to with the facts.
func operandWords(o operand, d *deciding) string {
	if o.expression == nil {
		return valueWords(o.value)
	}
	text := o.expression.text
	if d == nil {
		return text
	}
	if v, err := d.evaluate(o.expression, Value{}); err == nil {
		text += " (" + valueWords(v) + ")"
	}
	return text
}

// comparison finds out which of < <= > >= a test is.
func (t compareTest) comparison() (less, orEqual bool) { return t.test(-1), t.test(0) }

func compareWords(t compareTest, d *deciding) string {
	less, orEqual := t.comparison()
	words := operandWords(t.operand, d)
	if kind := t.operand.kind(); kind == KindDate || kind == KindInstant {
		switch {
		case orEqual && less:
			return words + " or earlier"
		case orEqual:
			return words + " or later"
		case less:
			return "before " + words
		}
		return "after " + words
	}
	switch {
	case orEqual && less:
		return "at most " + words
	case orEqual:
		return "at least " + words
	case less:
		return "less than " + words
	}
	return "more than " + words
}

func (o operand) kind() Kind {
	if o.expression != nil {
		return o.expression.result.Kind
	}
	return o.value.kind
}

func rangeWords(t rangeTest, d *deciding) string {
	low, high := operandWords(t.low, d), operandWords(t.high, d)
	if !t.lowOpen && !t.highOpen {
		return low + " to " + high
	}
	kind := t.low.kind()
	moment := kind == KindDate || kind == KindInstant
	words := func(open bool, closed, opened string) string {
		if open {
			return opened
		}
		return closed
	}
	if moment {
		return words(t.lowOpen, low+" or later", "after "+low) + " and " + words(t.highOpen, high+" or earlier", "before "+high)
	}
	return words(t.lowOpen, "at least ", "more than ") + low + " and " + words(t.highOpen, "at most ", "less than ") + high
}

func textOperatorWord(t textOperatorTest) string {
	switch {
	case !t.test("ab", "b"):
		return "starts with"
	case !t.test("ab", "a"):
		return "ends with"
	}
	return "contains"
}

// maxWords bounds how much of a value a sentence holds.
const maxWords = 80

// valueWords is a value as it stands in a sentence.
func valueWords(v Value) string {
	if v.kind == KindMissing {
		return "missing"
	}
	text := v.String()
	if len(text) > maxWords {
		if runes := []rune(text); len(runes) > maxWords {
			text = string(runes[:maxWords-1]) + "…"
		}
	}
	if v.kind == KindText && (text == "" || text == "missing" || strings.ContainsAny(text, ",;\n") || strings.TrimSpace(text) != text) {
		return `"` + text + `"`
	}
	return text
}

// outputWords are outputs in a line.
func outputWords(outputs Value) string {
	if outputs.kind != KindRecord {
		return valueWords(outputs)
	}
	if len(outputs.p.keys) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for i, key := range outputs.p.keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(key + ": " + valueWords(outputs.p.items[i]))
	}
	return b.String()
}
