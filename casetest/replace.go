package casetest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"crosswalk/rules"
	"crosswalk/usecases"
)

var (
	mailPattern  = regexp.MustCompile(`[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+`)
	phonePattern = regexp.MustCompile(`\+?\(?\d[\d ()/.\-]{5,}\d`)
	datePattern  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	wordPattern  = regexp.MustCompile(`[\p{L}\p{M}]+|\d+`)
	quoted       = regexp.MustCompile(`"([^"]*)"`)
	letters      = regexp.MustCompile(`[\p{L}\p{M}]+`)
)

const (
	shortText  = 60 // characters up to which a personal text is a name or an address, and not prose
	shortWords = 5
	lastDigits = 9 // of a telephone number: they are the same in every notation
	fragment   = 4 // letters of a pattern that make a word one that the rules look for

	shortPhone, longPhone = 7, 15 // digits: what has more is no telephone number, but of a bank or a card
)

// replacer puts made-up values of the same shape in the place of what says who somebody is: first everything is seen,
// then it is replaced, the same by the same everywhere.
type replacer struct {
	mails  map[string]string // by what is replaced, in small letters
	phones map[string]string // by the last digits
	names  map[string]bool   // parts of names
	words  map[string]string // what stands for a part of a name
	ids    map[string]string
	fill   map[string]string // other words of what customers wrote
	digits map[string]string // numbers in what customers wrote

	known     map[string]bool // words that tell nothing about a person: of the rules, of articles
	articles  map[string]bool // those of the systems' answers: nothing made up may be taken for one of them
	used      int             // how many words were made up
	fragments []string        // of words that the rules look for
	numbers   map[string]bool // that papers and articles bear
	reference string          // of the case
	spans     *regexp.Regexp  // what is replaced as a whole
}

func newReplacer(bundle usecases.Bundle, reference string) *replacer {
	r := &replacer{mails: map[string]string{}, phones: map[string]string{}, names: map[string]bool{}, words: map[string]string{}, ids: map[string]string{}, fill: map[string]string{},
		digits: map[string]string{}, known: map[string]bool{}, articles: map[string]bool{}, numbers: map[string]bool{}, reference: reference}
	r.spans = regexp.MustCompile(mailPattern.String() + "|" + phonePattern.String())
	if reference != "" {
		r.spans = regexp.MustCompile(regexp.QuoteMeta(reference) + "|" + r.spans.String())
	}
	r.learn(bundle.UseCase.Text)
	for _, name := range sortedKeys(bundle.Tables) {
		file := bundle.Tables[name]
		for _, text := range append([]string{file.Text}, sortedValues(file.Parts)...) {
			r.learn(text)
			for _, literal := range quoted.FindAllStringSubmatch(text, -1) {
				for _, one := range letters.FindAllString(literal[1], -1) {
					if utf8.RuneCountInString(one) >= fragment {
						r.fragments = append(r.fragments, strings.ToLower(one))
					}
				}
			}
		}
	}
	return r
}

func sortedValues(m map[string]string) []string {
	values := make([]string, 0, len(m))
	for _, key := range sortedKeys(m) {
		values = append(values, m[key])
	}
	return values
}

// learn takes the words of a text for words that tell nothing about a person.
func (r *replacer) learn(text string) {
	for _, word := range wordPattern.FindAllString(text, -1) {
		if word[0] >= '0' && word[0] <= '9' {
			r.numbers[word] = true
		} else {
			r.known[strings.ToLower(word)] = true
		}
	}
}

// see notes what is personal in a value. trusted says that what is not marked as personal comes from a system, and is
// not made of what a customer wrote.
func (r *replacer) see(v rules.Value, t *rules.Type, personal, trusted bool) {
	personal = personal || t != nil && t.Personal
	switch v.Kind() {
	case rules.KindRecord:
		about := isAboutPerson(v, t)
		for _, key := range v.Keys() {
			member := memberOf(t, key)
			if key == "id" && about && t != nil && t.Record != "" {
				r.id(v.Get(key).Text())
				continue
			}
			r.see(v.Get(key), member, personal || about && key == "name", trusted)
		}
	case rules.KindList:
		for _, item := range v.Items() {
			r.see(item, itemOf(t), personal, trusted)
		}
	case rules.KindText:
		r.seeText(v.Text(), t, personal, trusted)
	}
}

func memberOf(t *rules.Type, key string) *rules.Type {
	if t == nil || t.Kind != rules.KindRecord {
		return nil
	}
	return t.Member(key)
}

func itemOf(t *rules.Type) *rules.Type {
	if t == nil {
		return nil
	}
	return t.Items
}

// isAboutPerson says whether a record is one of a person: it has personal fields, or an e-mail address.
func isAboutPerson(v rules.Value, t *rules.Type) bool {
	if t != nil && t.Record != "" && slices.ContainsFunc(t.Fields, func(f rules.Field) bool { return f.Type.Personal }) {
		return true
	}
	return slices.ContainsFunc(v.Items(), func(item rules.Value) bool {
		return item.Kind() == rules.KindText && mailPattern.FindString(item.Text()) == item.Text() && item.Text() != ""
	})
}

func (r *replacer) seeText(text string, t *rules.Type, personal, trusted bool) {
	if t != nil && len(t.Enum) > 0 || text == "" {
		return
	}
	for _, mail := range mailPattern.FindAllString(text, -1) {
		r.mail(mail)
	}
	switch {
	case !personal:
		if trusted {
			r.learn(text)
			for _, word := range letters.FindAllString(text, -1) {
				r.articles[strings.ToLower(word)] = true
			}
		}
	case isProse(text) || mailPattern.FindString(text) == text || datePattern.MatchString(text):
	case isPhone(text):
		r.phone(text)
	default:
		for _, word := range letters.FindAllString(text, -1) {
			r.name(word)
		}
		for _, number := range wordPattern.FindAllString(text, -1) {
			switch {
			case number[0] < '0' || number[0] > '9' || len(number) <= 2:
			case len(number) < shortPhone:
				r.number(number)
			default:
				r.phone(number) // however it is written elsewhere
			}
		}
	}
}

func isProse(text string) bool {
	return utf8.RuneCountInString(text) > shortText || strings.Contains(text, "\n") || len(strings.Fields(text)) > shortWords
}

func isPhone(text string) bool {
	return phonePattern.FindString(text) == strings.TrimSpace(text) && len(digitsOf(text)) >= 6 && !datePattern.MatchString(text)
}

func digitsOf(text string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, text)
}

func phoneKey(text string) string {
	digits := digitsOf(text)
	return digits[max(0, len(digits)-lastDigits):]
}

func (r *replacer) mail(mail string) string {
	key := strings.ToLower(mail)
	if r.mails[key] == "" {
		r.mails[key] = fmt.Sprintf("person%d@example.com", len(r.mails)+1)
	}
	return r.mails[key]
}

// phone makes up the last digits of a number; what stands before them is the country. Of a number that is none of a
// telephone it makes up all.
func (r *replacer) phone(text string) {
	key, digits := phoneKey(text), len(digitsOf(text))
	if digits <= longPhone {
		digits = len(key)
	}
	if len(r.phones[key]) < digits {
		r.phones[key] = sequence(digits, len(r.phones)+1)
	}
}

// strange says whether a number that stands in what a customer wrote is nowhere on the papers.
func (r *replacer) strange(number string) bool {
	return !slices.ContainsFunc(wordPattern.FindAllString(number, -1), func(word string) bool { return len(word) > 2 && r.numbers[word] })
}

// newYear is the first day of a date's year: how old somebody is may decide something, and tells little about him.
func newYear(date string) string { return date[:4] + "-01-01" }

// sequence is a number of the length that says nothing but its position.
func sequence(length, n int) string {
	text := fmt.Sprintf("%0*d", length, n)
	text = text[len(text)-length:]
	return strings.Map(func(c rune) rune {
		if c == '0' {
			return '5' // numbers that begin with 555 belong to nobody
		}
		return c
	}, text)
}

func (r *replacer) number(text string) string {
	if r.digits[text] == "" {
		r.digits[text] = sequence(len(text), len(r.digits)+1)
	}
	return r.digits[text]
}

func (r *replacer) id(id string) {
	if id != "" && r.ids[id] == "" {
		n := len(r.ids) + 1
		r.ids[id] = fmt.Sprintf("person-%d", n)
	}
}

// particles are parts of names that say nothing.
var particles = []string{"a", "al", "and", "da", "de", "del", "den", "der", "di", "do", "dos", "du", "el", "et", "la", "le", "of", "the", "und", "van", "von", "y", "zu"}

func (r *replacer) name(word string) {
	key := strings.ToLower(word)
	if !slices.Contains(particles, key) && utf8.RuneCountInString(word) >= 2 {
		r.names[key] = true
	}
}

// stands gives the word that stands for another, the same each time.
func (r *replacer) stands(made map[string]string, word string, from []string) string {
	for made[word] == "" {
		if candidate := invented(r.used, from); !r.mistakable(candidate) {
			made[word] = candidate
		}
		r.used++
	}
	return made[word]
}

// mistakable says whether the rules, or whoever looks for articles in texts, could take a word for one that means
// something.
func (r *replacer) mistakable(word string) bool {
	if r.names[word] || r.keeps(word) {
		return true
	}
	for article := range r.articles {
		if len(article) > 2 && strings.HasPrefix(word, article[:3]) {
			return true
		}
	}
	return false
}

// Names and words that belong to nobody.
var (
	givenNames = []string{"alva", "bente", "corin", "dorel", "elian", "fenja", "goran", "henrik", "ilka", "jorin", "keno", "levke", "marit", "norel", "okko", "peer",
		"quirin", "runa", "siard", "tjark", "ulva", "veit", "wanja", "ylvie", "zorin"}
	fillWords = []string{"lorem", "ipsum", "dolor", "amet", "elit", "sed", "tempor", "magna", "aliqua", "enim", "minim", "quis", "nisi", "aute", "irure", "velit", "esse",
		"cillum", "nulla", "sint", "culpa", "anim", "mollit"}
)

func invented(n int, from []string) string {
	word := from[n%len(from)]
	for round := n / len(from); round > 0; round-- {
		word += string(rune('a' + round%26))
	}
	return word
}

// value replaces what is personal.
func (r *replacer) value(v rules.Value, t *rules.Type, personal bool) rules.Value {
	personal = personal || t != nil && t.Personal
	switch v.Kind() {
	case rules.KindRecord:
		about := isAboutPerson(v, t)
		fields := map[string]rules.Value{}
		for _, key := range v.Keys() {
			fields[key] = r.value(v.Get(key), memberOf(t, key), personal || about && key == "name")
		}
		return rules.Record(fields)
	case rules.KindList:
		items := make([]rules.Value, v.Len())
		for i, item := range v.Items() {
			items[i] = r.value(item, itemOf(t), personal)
		}
		return rules.List(items...)
	case rules.KindText:
		if t != nil && len(t.Enum) > 0 {
			return v
		}
		return rules.Text(r.text(v.Text(), personal))
	case rules.KindDate:
		if personal {
			return rules.Date(v.Time().Year(), time.January, 1)
		}
	case rules.KindInstant:
		if personal {
			return rules.Instant(time.Date(v.Time().Year(), time.January, 1, 0, 0, 0, 0, time.UTC))
		}
	}
	return v
}

// text replaces what is personal in a text. In prose of a person every word goes that the rules do not look for.
func (r *replacer) text(text string, personal bool) string {
	if id := r.ids[text]; id != "" {
		return id
	}
	if personal && datePattern.MatchString(text) {
		return newYear(text)
	}
	prose := personal && isProse(text)
	var out strings.Builder
	rest := text
	for span := r.spans.FindStringIndex(rest); span != nil; span = r.spans.FindStringIndex(rest) {
		out.WriteString(r.wordsIn(rest[:span[0]], prose))
		switch found := rest[span[0]:span[1]]; {
		case found == r.reference:
			out.WriteString(testReference)
		case strings.Contains(found, "@"):
			out.WriteString(r.mail(found))
		case r.phones[phoneKey(found)] != "":
			out.WriteString(r.phoneIn(found))
		case prose && datePattern.MatchString(found) && r.strange(found):
			out.WriteString(newYear(found))
		case prose && r.strange(found):
			r.phone(found)
			out.WriteString(r.phoneIn(found))
		default:
			out.WriteString(r.wordsIn(found, prose))
		}
		rest = rest[span[1]:]
	}
	out.WriteString(r.wordsIn(rest, prose))
	return out.String()
}

// phoneIn writes the made-up digits into a number, in the notation that it has.
func (r *replacer) phoneIn(found string) string {
	made := r.phones[phoneKey(found)]
	out, left := []byte(found), len(made)
	for i := len(out) - 1; i >= 0 && left > 0; i-- {
		if out[i] >= '0' && out[i] <= '9' {
			left--
			out[i] = made[left]
		}
	}
	return string(out)
}

func (r *replacer) wordsIn(text string, prose bool) string {
	return wordPattern.ReplaceAllStringFunc(text, func(word string) string {
		key := strings.ToLower(word)
		switch {
		case r.names[key]:
			return shaped(r.stands(r.words, key, givenNames), word)
		case word[0] >= '0' && word[0] <= '9':
			if made := r.digits[word]; made != "" {
				return made
			}
			if prose && len(word) > 2 && !r.numbers[word] {
				return r.number(word)
			}
		case prose && !r.keeps(key):
			return shaped(r.stands(r.fill, key, fillWords), word)
		}
		return word
	})
}

// keeps says whether a word of a customer may decide something, and tells nothing about him.
func (r *replacer) keeps(word string) bool {
	return r.known[word] || slices.ContainsFunc(r.fragments, func(part string) bool { return strings.Contains(word, part) })
}

// shaped writes a word in the capitals of another.
func shaped(word, like string) string {
	first, _ := utf8.DecodeRuneInString(like)
	switch {
	case utf8.RuneCountInString(like) > 1 && strings.ToUpper(like) == like && strings.ToLower(like) != like:
		return strings.ToUpper(word)
	case unicode.IsUpper(first):
		start, size := utf8.DecodeRuneInString(word)
		return string(unicode.ToUpper(start)) + word[size:]
	}
	return word
}

// leak finds something personal that is still in a text.
func (r *replacer) leak(text string) (string, bool) {
	for _, mail := range mailPattern.FindAllString(text, -1) {
		if r.mails[strings.ToLower(mail)] != "" && !strings.HasSuffix(mail, "@example.com") {
			return mail, true
		}
	}
	for _, word := range letters.FindAllString(text, -1) {
		if r.names[strings.ToLower(word)] && utf8.RuneCountInString(word) > 2 {
			return word, true
		}
	}
	for _, phone := range phonePattern.FindAllString(text, -1) {
		if r.phones[phoneKey(phone)] != "" && len(phoneKey(phone)) > 6 {
			return phone, true
		}
	}
	return "", false
}

const testReference = "CW-TEST"
