package rules

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"crosswalk/source"
)

// CellForm is what a spreadsheet made of what was typed into a cell. Whether that is what was meant depends on the
// column, so the table says.
type CellForm uint8

// The forms of a cell.
const (
	FormText   CellForm = iota
	FormNumber          // 007 has become 7
	FormDate            // 1-5 may have become 5 January
	FormBool            // true has become TRUE
	FormLost            // nobody knows what was typed, and that has been reported
)

// Sheet says whether the place is in a file that a spreadsheet program may have written.
func (p Place) Sheet() bool {
	return p.Cell != "" || strings.HasSuffix(strings.ToLower(p.File), ".csv")
}

const typeAsText = "format the column as text, then type it again"

// damaged reports what a spreadsheet program did to a cell without anybody's asking. A cell so reported must not be
// read: what it says is not what somebody wrote. output says that the cell is a value and not a test.
func (c gridCell) damaged(t *Type, output bool) bool {
	if c.form == FormLost {
		return true
	}
	if c.trusted || !c.place.Sheet() {
		return false
	}
	text, offset := trimmed(c.text)
	if text == "" {
		return false
	}
	if t.Kind == KindList { // a single value means that the list has it
		t = itemType(t).AsPresent()
	}
	message, hint := formDamage(c.form, text, t)
	if message == "" {
		var shift int
		if message, hint, shift = textDamage(text, t, output, c.place.Cell == ""); message != "" {
			offset += len([]rune(text[:shift]))
		}
	}
	if message == "" {
		return false
	}
	c.report(offset, len([]rune(text)), hint, message)
	return true
}

// formDamage is about cells that the file does not hold as text.
func formDamage(form CellForm, text string, t *Type) (message, hint string) {
	fits := t.Kind == KindText && slices.Contains(t.enumTexts(), text)
	switch {
	case form == FormDate && t.Kind == KindInstant:
		return "a day stands here, and a point in time is wanted", "format the column as text, and write 2026-03-01T14:30:00+01:00"
	case form == FormDate && t.Kind != KindDate && t.Kind != KindAny:
		day := text
		if v, err := ParseDate(text); err == nil {
			day = v.Time().Format("2 January 2006")
			text = v.Time().Format("1-2")
		}
		return fmt.Sprintf("a date stands here, %s, and %s is wanted", day, expectation(t)), fmt.Sprintf("did Excel turn %s into %s? %s", text, strings.TrimSuffix(day, day[max(len(day)-5, 0):]), typeAsText)
	case form == FormNumber && t.Kind == KindText && !fits:
		return fmt.Sprintf("the number %s stands here, and a text is wanted", text), "leading zeros may be lost (007 becomes 7): " + typeAsText
	case form == FormNumber && t.Kind == KindDate:
		return fmt.Sprintf("the number %s stands here, and a date is wanted", text), "format the column as text, and write 2026-03-01"
	case form == FormBool && t.Kind != KindBool && t.Kind != KindAny && !fits:
		return fmt.Sprintf("the truth value %s stands here, and %s is wanted", strings.ToUpper(text), expectation(t)), typeAsText
	default:
		return "", ""
	}
}

var (
	spreadsheetError = regexp.MustCompile(`^#(REF!|NAME\?|VALUE!|DIV/0!|N/A|NUM!|NULL!|SPILL!|CALC!|BEZUG!|WERT!|NV|ZAHL!|#+)$`)
	monthName        = regexp.MustCompile(`(?i)^(\d{1,4}[-. /]+)?(jan(uary|uar)?|feb(ruary|ruar)?|mar(ch)?|märz?|mrz|apr(il)?|ma[iy]|jun[ei]?|jul[iy]?|aug(ust)?|sept?(ember)?|o[ck]t(ober)?|nov(ember)?|de[cz](ember)?)\.?([-. /]+\d{1,4})?$`)
	dateLike         = regexp.MustCompile(`^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}$`)
	shortened        = regexp.MustCompile(`^-?\d([.,]\d+)?[Ee]\+\d+$`)
	decimalComma     = regexp.MustCompile(`(?:^|[\s;<>=!\[\](]|\.\.)(-?\d+,\d+)(?:$|[\s;\[\])]|\.\.)`)
	callOrFormula    = regexp.MustCompile(`\$\{|[A-Za-z_]\(`)
)

// textDamage is about what a cell says. shift is where in the text it is said, in bytes.
func textDamage(text string, t *Type, output, csv bool) (message, hint string, shift int) {
	if spreadsheetError.MatchString(text) {
		return "the spreadsheet had the error " + text + " here", "write what belongs here", 0
	}
	number := t.Kind == KindNumber
	if !output || t.Kind != KindText {
		if message, hint, shift = oddCharacter(text, t); message != "" {
			return message, hint, shift
		}
	}
	switch {
	case csv && monthName.MatchString(text) && (number || t.Kind == KindText && !output && !t.hasEnum(Text(text))) && strings.ContainsAny(text, "0123456789"):
		return fmt.Sprintf("%q looks like a date, and %s is wanted", text, expectation(t)), "did Excel turn 1-5 into 5 January? Write it again; if it is meant, put it in quotes", 0
	case number && dateLike.MatchString(text):
		return fmt.Sprintf("%q looks like a date, and a number is wanted", text), "did Excel turn it into one? " + typeAsText, 0
	case csv && shortened.MatchString(text) && (number || t.Kind == KindText && !output):
		return fmt.Sprintf("%s is a long number that Excel has shortened: its digits are lost", text), typeAsText + ", and save the file", 0
	case number && !callOrFormula.MatchString(strings.ReplaceAll(text, "not(", " (")):
		if m := decimalComma.FindStringSubmatchIndex(text); m != nil && !thousands.MatchString(text[m[2]:m[3]]) {
			found := text[m[2]:m[3]]
			return fmt.Sprintf("%s means %q", found, strings.Replace(found, ",", " or ", 1)), "write " + strings.Replace(found, ",", ".", 1) + " for one number, or put a space after the comma", m[2]
		}
	}
	return "", "", 0
}

// lookalikes are characters that word processors and spreadsheets put in the place of those that people type.
var lookalikes = map[rune]string{
	'\u00a0': "a non-breaking space", '\u202f': "a narrow non-breaking space", '\u2007': "a figure space", '\u2009': "a thin space",
	'\u200b': "an invisible space", '\u200c': "an invisible character", '\u200d': "an invisible character", '\u2060': "an invisible character", '\ufeff': "an invisible character", '\u00ad': "an invisible hyphen",
	'“': "a curly quotation mark", '”': "a curly quotation mark", '„': "a curly quotation mark", '‟': "a curly quotation mark",
	'≤': "the sign ≤", '≥': "the sign ≥", '≠': "the sign ≠",
}

// numberLookalikes are read wrongly only where no text is wanted.
var numberLookalikes = map[rune]string{
	'−': "a minus sign that is not the one of the keyboard", '–': "a dash", '—': "a dash", '…': "three dots in one character",
	'‘': "a curly quotation mark", '’': "a curly quotation mark", '٫': "a foreign decimal sign",
}

// oddCharacter finds a character that looks like another. What stands in quotes is meant.
func oddCharacter(text string, t *Type) (message, hint string, shift int) {
	quoted := false
	for i, r := range text {
		if r == '"' {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		name, odd := lookalikes[r]
		if !odd && t.Kind != KindText {
			name, odd = numberLookalikes[r]
		}
		switch {
		case odd:
		case r == '‘' && (i == 0 || strings.HasSuffix(strings.TrimRight(text[:i], " "), ",")):
			name = "a curly quotation mark"
		case r >= '\uff01' && r <= '\uff5e':
			name = fmt.Sprintf("the full-width character %c", r)
		case r > 127 && unicode.IsDigit(r) && t.Kind != KindText:
			name = fmt.Sprintf("the digit %c", r)
		default:
			continue
		}
		return fmt.Sprintf("%s (U+%04X) stands in %q", name, r, text), "type it again with the plain characters of the keyboard; in a text, put it in quotes if it is meant", i
	}
	return "", "", 0
}

const saveAsUTF8 = "save it as \"CSV UTF-8 (comma delimited)\", or as Excel workbook (.xlsx)"

// wrongEncoding says why a CSV file cannot be read as text, so that it is never read as something else.
func wrongEncoding(file string, text []byte) source.Problems {
	fail := func(line int, message, hint string) source.Problems {
		return source.Problems{{File: file, Line: line, Column: 1, Severity: source.SeverityError, Message: message, Hint: hint}}
	}
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return fail(1, "the file is UTF-16 (\"Unicode text\")", saveAsUTF8)
	case bytes.HasPrefix(text, []byte("PK\x03\x04")), bytes.HasPrefix(text, []byte("\xd0\xcf\x11\xe0")):
		return fail(1, "this is a workbook and no CSV file", "give it the extension .xlsx, or save it as \"CSV UTF-8 (comma delimited)\"")
	}
	if at := bytes.IndexByte(text, 0); at >= 0 {
		return fail(1+bytes.Count(text[:at], []byte("\n")), "the file is no text: there is a zero byte in it", saveAsUTF8)
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if !utf8.Valid(line) {
			return fail(number, "the file is not UTF-8 but probably Windows-1252 or another old encoding: letters such as ä or é would be read wrongly", saveAsUTF8)
		}
		if number <= 1000 && len(line) > 0 && line[0] != '#' && bytes.Count(line, []byte("\t")) > 1 && !bytes.ContainsAny(line, ",;") {
			return fail(number, "the columns are separated by tabs", saveAsUTF8)
		}
	}
	return nil
}
