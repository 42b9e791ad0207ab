package rules

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is a piece of a text as it is compared: folded, and cut where letters and digits meet.
type word struct {
	text   string
	digits bool
	glued  bool // nothing, or only - _ /, stands between it and the word before
}

// letters without a decomposition that people type in a simpler way.
var plainLetters = map[rune]string{'ß': "ss", 'ł': "l", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'æ': "ae", 'œ': "oe", 'ı': "i", 'ħ': "h"}

// fold makes texts that people would call the same equal: case, accents and width are gone.
func fold(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range norm.NFKD.String(text) {
		if r >= 0x300 && r <= 0x36f { // the accents of Latin, Greek and Cyrillic; other scripts need their marks
			continue
		}
		r = unicode.ToLower(r)
		if plain, ok := plainLetters[r]; ok {
			b.WriteString(plain)
		} else {
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

// unspaced are the scripts that do not put spaces between words.
func unspaced(r rune) bool {
	return r > 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// wordKind classes characters: words end where it changes.
func wordKind(r rune) int {
	switch {
	case unicode.IsDigit(r):
		return 2
	case unspaced(r) || r == 'ー':
		return 3
	case unicode.IsLetter(r) || unicode.Is(unicode.M, r):
		return 1
	default:
		return 0
	}
}

// splitWords cuts a text into words. A run of a script without spaces becomes its pairs of characters,
// which is how such texts are commonly searched.
func splitWords(text string) []word {
	if isASCII(text) {
		return splitASCII(strings.ToLower(text))
	}
	var words []word
	runes := []rune(fold(text))
	glued := false
	for i := 0; i < len(runes); {
		kind := wordKind(runes[i])
		if kind == 0 {
			glued = glued && strings.ContainsRune("-_/‐‑–", runes[i])
			i++
			continue
		}
		start := i
		for i < len(runes) && wordKind(runes[i]) == kind {
			i++
		}
		run := runes[start:i]
		switch {
		case kind == 2:
			words = append(words, word{text: withoutZeros(string(run)), digits: true, glued: glued})
		case kind == 1 || len(run) == 1:
			words = append(words, word{text: string(run), glued: glued && kind == 1})
		default:
			for j := range len(run) - 1 {
				words = append(words, word{text: string(run[j : j+2])})
			}
		}
		glued = true
	}
	return words
}

// isASCII says whether a text is of ASCII alone, as most articles and numbers are.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// splitASCII cuts a text in small letters: nothing in it is folded, and its words are pieces of it.
func splitASCII(text string) []word {
	words, glued := make([]word, 0, len(text)/5+1), false
	for i := 0; i < len(text); {
		kind := wordKind(rune(text[i]))
		if kind == 0 {
			glued = glued && strings.IndexByte("-_/", text[i]) >= 0
			i++
			continue
		}
		start := i
		for i < len(text) && wordKind(rune(text[i])) == kind {
			i++
		}
		if kind == 2 {
			words = append(words, word{text: withoutZeros(text[start:i]), digits: true, glued: glued})
		} else {
			words = append(words, word{text: text[start:i], glued: glued})
		}
		glued = true
	}
	return words
}

// withoutZeros drops leading zeros: 001042 and 1042 are the same number on paper. Digits of other scripts
// have become ours where Unicode says that they are compatible, and stay as they are elsewhere.
func withoutZeros(run string) string {
	if text := strings.TrimLeft(run, "0"); text != "" {
		return text
	}
	return "0"
}

// identifier is a printed or typed number or code, such as #1042, WC-1042 or KX-200-B.
type identifier struct {
	words  []word
	prefix string // letters in front, which people leave out: WC
	core   []word // the rest; nil if it says too little alone
}

// readIdentifier reads a value as an identifier: one that has a digit or an @, and no spaces within.
func readIdentifier(text string) (identifier, bool) {
	text = strings.TrimSpace(text)
	if len(text) > 100 || strings.ContainsAny(text, " \t\n") || !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsDigit(r) || r == '@' }) {
		return identifier{}, false
	}
	id := identifier{words: splitWords(text)}
	characters, digits := 0, 0
	for i, w := range id.words {
		characters += len(w.text)
		if w.digits {
			digits += len(w.text)
		}
		if i > 0 && !w.digits && strings.Contains(text, "@") {
			digits = 0
		}
	}
	if characters < 3 {
		return identifier{}, false
	}
	id.core = id.words
	if !id.words[0].digits {
		id.prefix, id.core = id.words[0].text, id.words[1:]
	}
	if digits < 3 || strings.Contains(text, "@") {
		id.core = nil
	}
	return id, true
}

// How well a text names an identifier.
const (
	notNamed  = 0
	coreNamed = 1 // without its letters, as in order 1042 for WC-1042
	fullNamed = 2
)

// named says how a text's words name the identifier.
func (id identifier) named(text []word) int {
	best := notNamed
	for at := range text {
		switch {
		case id.at(text, at, id.words):
			return fullNamed
		case len(id.core) > 0 && id.at(text, at, id.core) && (id.prefix == "" || !text[at].glued || at == 0 || text[at-1].text == id.prefix):
			best = coreNamed
		}
	}
	return best
}

// at says whether the words stand at a place of the text, and are not a part of a longer identifier.
func (id identifier) at(text []word, at int, words []word) bool {
	if at+len(words) > len(text) {
		return false
	}
	for i, w := range words {
		if text[at+i].text != w.text || text[at+i].digits != w.digits {
			return false
		}
	}
	if after := at + len(words); after < len(text) && text[after].glued {
		return false
	}
	partOfMore := at > 0 && text[at].glued && (text[at-1].digits || words[0].digits && id.prefix == "" && len(text[at-1].text) < 5)
	return !partOfMore
}

// sameIdentifier says whether two notations mean the same number.
func sameIdentifier(a, b string) bool {
	wordsA, wordsB := splitWords(a), splitWords(b)
	if len(wordsA) > 0 && slices.EqualFunc(wordsA, wordsB, func(x, y word) bool { return x.text == y.text }) {
		return true
	}
	if id, ok := readIdentifier(lastCode(a)); ok && id.named(wordsB) != notNamed {
		return true
	}
	id, ok := readIdentifier(lastCode(b))
	return ok && id.named(wordsA) != notNamed
}

// lastCode is the part of a notation that holds the number: of "order no. 1042", the 1042.
func lastCode(text string) string {
	fields := strings.Fields(text)
	for i := len(fields) - 1; i >= 0; i-- {
		if strings.ContainsFunc(fields[i], unicode.IsDigit) {
			return fields[i]
		}
	}
	return text
}
