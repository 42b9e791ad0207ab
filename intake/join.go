package intake

import (
	"regexp"
	"strings"
	"unicode"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

var references = regexp.MustCompile(`CW-[0-9A-HJKMNP-TV-Z]{8}`)

// joiner decides whether a message belongs to a case that is open already.
type joiner struct {
	source  *workspace.Source
	message Message
}

// choose takes the case that the message answers; else the case of the same person that is about the same thing.
// Two complaints of one person about different things stay two cases.
func (j joiner) choose(open []store.Candidate) string {
	for _, candidate := range open {
		if candidate.Thread && j.source.Joins.Thread {
			return candidate.Case.ID
		}
	}
	if !j.source.Joins.Contact {
		return ""
	}
	for _, candidate := range open {
		if j.recent(candidate.Case) && sameComplaint(j.message, candidate.Parsed) {
			return candidate.Case.ID
		}
	}
	return ""
}

func (j joiner) recent(c store.Case) bool {
	return j.source.Joins.Within == 0 || j.message.ReceivedAt.Sub(c.StartedAt) <= j.source.Joins.Within
}

// sameComplaint says whether two texts speak of the same thing: a number of four digits or more that both name (an
// order, an invoice), or at least half of the longer words of the shorter one.
func sameComplaint(m Message, parsed []byte) bool {
	var first rules.Value
	if len(parsed) == 0 || first.UnmarshalJSON(parsed) != nil {
		return false
	}
	before := significant(first.Get("product").Text() + " " + first.Get("text").Text())
	now := significant(m.Product + " " + m.Subject + " " + m.Text)
	if len(before.words) == 0 || len(now.words) == 0 {
		return false
	}
	for number := range now.numbers {
		if before.numbers[number] {
			return true
		}
	}
	if len(now.numbers) > 0 && len(before.numbers) > 0 {
		return false // they name different orders
	}
	shared := 0
	for word := range now.words {
		if before.words[word] {
			shared++
		}
	}
	return shared*2 >= min(len(now.words), len(before.words))
}

type tokens struct{ words, numbers map[string]bool }

func significant(text string) tokens {
	t := tokens{map[string]bool{}, map[string]bool{}}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		switch {
		case strings.IndexFunc(word, func(r rune) bool { return !unicode.IsDigit(r) }) < 0:
			if len(word) >= 4 {
				t.numbers[word] = true
			}
		case len([]rune(word)) >= 5:
			t.words[word] = true
		}
	}
	return t
}
