package robots

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"crosswalk/rules"
)

// heldAs is where a value is looked at, which decides how its numbers may be written.
type heldAs int

const (
	shown     heldAs = iota // in a field, as the application writes its values
	sent                    // in a request: as the application writes it, or as machines do
	plainOnly               // in a field that the browser itself keeps in one form, such as type=number
)

// same says whether what is held is what was put in, maybe as the application writes it: a number or a date in its format,
// digits in groups, other case and punctuation, a unit, or an explanation beside it. Numbers decide: who holds another
// number holds another value.
func (f formats) same(put, held string, as heldAs) bool {
	put, held = tidy(put), tidy(held)
	switch {
	case put == held:
		return true
	case put == "" || held == "":
		return false
	}
	number, unit := apart(put)
	if wanted := f.meant(number, as); len(wanted) > 0 {
		return f.sameNumber(wanted, unit, held, as) || f.grouped(put, held) || explained(put, held, true)
	}
	if f.grouped(put, held) {
		return true
	}
	if days, others := f.days(put), f.days(held); len(days) > 0 && len(others) > 0 {
		return slices.ContainsFunc(days, func(day time.Time) bool { return slices.ContainsFunc(others, day.Equal) })
	}
	letters := lettersAndDigits(put)
	return letters != "" && letters == lettersAndDigits(held) || explained(put, held, false)
}

// tidy makes one of what looks the same: spaces, composed letters, signs of minus.
func tidy(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(norm.NFC.String(text)), " "), "\u2212", "-")
}

var unitBefore, unitBehind = regexp.MustCompile(`^((?:\p{Sc}|[A-Z]{3}\b)\.?) ?(-?[0-9].*)$`), regexp.MustCompile(`^(.*[0-9]-?) ?((?:[\p{Sc}%‰°]|\p{L})[\p{L}²³/.%]*)$`)

// apart takes the unit from a number: a currency before it, or letters and signs behind it.
func apart(text string) (number, unit string) {
	if m := unitBefore.FindStringSubmatch(text); m != nil {
		return m[2], m[1]
	}
	if m := unitBehind.FindStringSubmatch(text); m != nil {
		return m[1], m[2]
	}
	return text, ""
}

var numberLike = regexp.MustCompile(`^[-0-9., '’]+$`)

func plainReading(text string) (rules.Value, bool) {
	if !numberLike.MatchString(text) {
		return rules.Value{}, false
	}
	number, err := rules.ParseNum(text)
	return rules.Number(number), err == nil
}

// meant are the numbers that a text which was put in may mean. One that has two meanings, as 1.125 where the application
// writes 1.234,56, means what it means to us.
func (f formats) meant(text string, as heldAs) []rules.Value {
	if plain, ok := plainReading(text); ok {
		return []rules.Value{plain}
	}
	if as == plainOnly || !numberLike.MatchString(text) {
		return nil
	}
	if local, err := f.number(text); err == nil {
		return []rules.Value{local}
	}
	return nil
}

// sameNumber says whether what is held reads as one of these numbers, with no other unit.
func (f formats) sameNumber(wanted []rules.Value, unit, held string, as heldAs) bool {
	number, other := apart(held)
	if unit != "" && other != "" && !sameUnit(unit, other) {
		return false
	}
	var readings []rules.Value
	if local, err := f.number(number); err == nil && as != plainOnly {
		readings = append(readings, local)
	}
	if plain, ok := plainReading(number); ok && (as != shown || len(readings) == 0) {
		readings = append(readings, plain)
	}
	return slices.ContainsFunc(readings, func(reading rules.Value) bool { return slices.ContainsFunc(wanted, reading.Equal) })
}

var currencySign = regexp.MustCompile(`^\p{Sc}$`)

// sameUnit compares units; which currencies share a sign is not known, so that a sign passes for a name.
func sameUnit(one, other string) bool {
	return currencySign.MatchString(one) != currencySign.MatchString(other) || strings.EqualFold(strings.Trim(one, "."), strings.Trim(other, "."))
}

var (
	digitsPut   = regexp.MustCompile(`^\+?[0-9]+$`)
	groupsHeld  = regexp.MustCompile(`^[+(]{0,2}[0-9]+(?:[) (]{1,3}[0-9]+)*$`)
	partsHeld   = regexp.MustCompile(`^[+(]{0,2}[0-9]+(?:[-) (/:]{1,3}[0-9]+)+$`)
	dottedDays  = regexp.MustCompile(`^[0-9]{1,2}\.[0-9]{1,2}\.(?:[0-9]{2}|[0-9]{4})$`)
	notADigit   = regexp.MustCompile(`[^0-9]`)
	fewestParts = 3 // digits that a page takes apart with more than spaces, as in 8:30
)

// grouped says whether a page has only put something between digits: telephone numbers, card numbers, times, days.
func (f formats) grouped(put, held string) bool {
	put = strings.ReplaceAll(put, " ", "")
	if !digitsPut.MatchString(put) {
		return false
	}
	bare := notADigit.ReplaceAllString(put, "")
	if groupsHeld.MatchString(held) || len(bare) >= fewestParts && partsHeld.MatchString(held) || dottedDays.MatchString(held) {
		if bare == notADigit.ReplaceAllString(held, "") && strings.Contains(put, "+") == strings.Contains(held, "+") {
			return true
		}
	}
	for _, day := range f.days(held) {
		for _, layout := range f.dates {
			whole := notADigit.ReplaceAllString(layout, "")
			if bare == day.Format(whole) || bare == day.Format(strings.Replace(whole, "2006", "06", 1)) {
				return true
			}
		}
	}
	return false
}

// days are what a text may mean as a date of the application, written with fewer digits too, or as machines write it.
func (f formats) days(text string) (days []time.Time) {
	for _, layout := range f.dates {
		short := strings.NewReplacer("02", "2", "01", "1").Replace(strings.Replace(layout, "2006", "YYYY", 1))
		for _, year := range []string{"2006", "06"} {
			if day, err := time.Parse(strings.Replace(short, "YYYY", year, 1), text); err == nil {
				days = append(days, day)
			}
		}
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if day, err := time.Parse(layout, text); err == nil {
			days = append(days, time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC))
		}
	}
	return days
}

var hasLetter = regexp.MustCompile(`\p{L}`)

// explained says whether the page has only written beside a value what it means: behind it, as in "4711 Schrauben", or
// before it, as in "Schrauben (4711)". Beside a number it must be words, which take nothing from it and add nothing.
func explained(put, held string, number bool) bool {
	put, held = strings.ToLower(put), strings.ToLower(held)
	if rest, found := strings.CutPrefix(held, put); found {
		rest = strings.TrimLeft(rest, ":;,")
		words, spaced := strings.CutPrefix(rest, " ")
		return spaced && (!number || hasLetter.MatchString(words) && !unicode.IsDigit([]rune(words)[0]) && !strings.HasPrefix(words, ","))
	}
	rest, found := strings.CutSuffix(strings.TrimRight(held, ")]"), put)
	if !found || !hasLetter.MatchString(rest) || strings.ContainsFunc(rest, unicode.IsDigit) {
		return false
	}
	return strings.HasSuffix(rest, " ") && !strings.HasSuffix(rest, "- ") || strings.HasSuffix(rest, "(") || strings.HasSuffix(rest, "[")
}

// wordsFor says whether a page shows a text where a code of digits was put in: the name of what it stands for, it may be.
// What it sends is looked at in the request.
func wordsFor(put, held string) bool {
	return digitsPut.MatchString(strings.ReplaceAll(tidy(put), " ", "")) && hasLetter.MatchString(held) && !strings.ContainsFunc(held, unicode.IsDigit)
}

// lettersAndDigits leaves out how a text is written. What makes other numbers of its digits stays: a sign before them,
// and a point or comma between them.
func lettersAndDigits(text string) string {
	runes := []rune(text)
	digit := func(i int) bool { return i >= 0 && i < len(runes) && unicode.IsDigit(runes[i]) }
	var kept strings.Builder
	for i, r := range runes {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			kept.WriteRune(unicode.ToLower(r))
		case (r == '.' || r == ',') && digit(i-1) && digit(i+1):
			kept.WriteRune('.')
		case r == '-' && digit(i+1) && (i == 0 || runes[i-1] == ' '):
			kept.WriteRune('-')
		}
	}
	return kept.String()
}
