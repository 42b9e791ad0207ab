package rules

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Points for what a text says of an item. An identifier always outweighs any number of words.
const (
	pointsFull = 1_000_000
	pointsCore = 500_000
)

// candidate is an item of the list with what it can be recognised by.
type candidate struct {
	identifiers []identifier
	words       []string
}

// newCandidate reads an item that is a text itself, or its fields, of which each is a path.
func newCandidate(item Value, fields [][]string) candidate {
	c := candidate{identifiers: make([]identifier, 0, len(fields)+1)}
	c.read(item)
	for _, field := range fields {
		c.read(item.Path(field...))
	}
	return c
}

// read takes in the texts and numbers of a value: of a list, those of its items.
func (c *candidate) read(v Value) {
	switch v.kind {
	case KindList:
		for _, item := range v.p.items {
			c.read(item)
		}
	case KindText, KindNumber:
		c.readText(v.String())
	}
}

func (c *candidate) readText(text string) {
	if id, ok := readIdentifier(text); ok {
		c.identifiers = append(c.identifiers, id)
		return
	}
	c.readCodes(text)
	words := splitWords(text)
	c.words = slices.Grow(c.words, len(words))
	for _, w := range words {
		if !slices.Contains(c.words, w.text) {
			c.words = append(c.words, w.text)
		}
	}
}

// readCodes finds the codes that stand within a longer text, such as the AU-2041 of "Espresso Machine Aurora 2, AU-2041".
// They count only where the text names them in full: a number alone may be anything.
func (c *candidate) readCodes(text string) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;:()[]", r) }) {
		if id, ok := readIdentifier(part); ok && id.prefix != "" && id.core != nil {
			id.core = nil
			c.identifiers = append(c.identifiers, id)
		}
	}
}

// matcher compares candidates with one text.
type matcher struct {
	text     []word
	distinct []string
	quality  map[string]int // of a candidate's word, once it was looked for
	holders  map[string]int // how many candidates have a word
	count    int
}

// similar says how sure it is that two folded words are the same one: 4 equal, 3 another ending or a
// slip of the finger, 2 one within the other (Kaffeemaschine, Maschine), 0 not.
func similar(a, b string) int {
	if a == b {
		return 4
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	short, long := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	switch {
	case short < 4:
		return 0
	case long-short <= 2 && strings.HasPrefix(b, a):
		return 3
	case short >= 6 && long-short <= 1 && oneSlip(a, b):
		return 3
	case short >= 5 && long-short <= 2 && strings.HasPrefix(b, withoutLast(a)):
		return 3
	case short >= 5 && strings.Contains(b, a):
		return 2
	default:
		return 0
	}
}

func withoutLast(text string) string {
	_, size := utf8.DecodeLastRuneInString(text)
	return text[:len(text)-size]
}

// oneSlip says whether one letter was added, left out, changed or swapped with its neighbour.
func oneSlip(s, t string) bool {
	for s != "" && t != "" {
		first, size := utf8.DecodeRuneInString(s)
		if other, _ := utf8.DecodeRuneInString(t); first != other {
			break
		}
		s, t = s[size:], t[size:]
	}
	for s != "" && t != "" {
		last, size := utf8.DecodeLastRuneInString(s)
		if other, _ := utf8.DecodeLastRuneInString(t); last != other {
			break
		}
		s, t = s[:len(s)-size], t[:len(t)-size]
	}
	restS, restT := utf8.RuneCountInString(s), utf8.RuneCountInString(t)
	if restS == 2 && restT == 2 {
		first, size := utf8.DecodeRuneInString(s)
		return s[size:]+string(first) == t
	}
	return restS <= 1 && restT <= 1
}

func (m *matcher) find(w string) int {
	if quality, known := m.quality[w]; known {
		return quality
	}
	best := 0
	for _, other := range m.distinct {
		best = max(best, similar(w, other))
	}
	m.quality[w] = best
	return best
}

// rarity is higher for words that tell the items of the list apart.
func (m *matcher) rarity(w string) int {
	switch holders := m.holders[w]; {
	case holders <= 1:
		return 4
	case holders*4 <= m.count:
		return 3
	case holders*2 <= m.count:
		return 2
	default:
		return 1
	}
}

// score is 0 if the text does not mention the candidate.
func (m *matcher) score(c candidate) int {
	points := 0
	for _, id := range c.identifiers {
		switch id.named(m.text) {
		case fullNamed:
			points += pointsFull
		case coreNamed:
			points += pointsCore
		}
	}
	words, matched, total, pairs, telling := 0, 0, 0, 0, false
	for _, w := range c.words {
		length := utf8.RuneCountInString(w)
		first, _ := utf8.DecodeRuneInString(w)
		pair := length == 2 && unspaced(first)
		if pair {
			length = 4 // it says as much as a short word
		}
		weight := min(length, 8)
		total += weight
		if quality := m.find(w); quality > 0 {
			words += quality * weight * m.rarity(w)
			matched += weight
			if pair {
				pairs++
			}
			telling = telling || length >= 5 || pairs >= 2
		}
	}
	// Small words that every text has, in whatever language, must not make a mention.
	if telling || matched >= 3 && matched*3 >= total {
		points += words
	}
	return points
}

// steps is how much work the comparison is.
func (m *matcher) steps(candidates []candidate) int {
	work := 0
	for _, c := range candidates {
		work += len(c.identifiers)*len(m.text) + len(c.words)
	}
	return (work + len(m.holders)*len(m.distinct)) / 4
}

// addOthers chooses the items that the text mentions beside the best: with words that none of those chosen has, and with
// enough of them that it is no accident.
func (m *matcher) addOthers(candidates []candidate, chosen []bool) {
	if !slices.Contains(chosen, true) {
		return
	}
	taken := map[string]bool{}
	for i, c := range candidates {
		if chosen[i] {
			for _, w := range c.words {
				taken[w] = true
			}
			for _, id := range c.identifiers {
				for _, w := range id.words {
					taken[w.text] = true
				}
			}
		}
	}
	for i, c := range candidates {
		if chosen[i] {
			continue
		}
		matched, total, longest, telling := 0, 0, 0, slices.ContainsFunc(c.identifiers, func(id identifier) bool { return !id.sharesWord(taken) && id.named(m.text) == fullNamed })
		for _, w := range c.words {
			if c.inCode(w) {
				continue
			}
			weight := min(utf8.RuneCountInString(w), 8)
			total += weight
			if !taken[w] && m.find(w) >= 3 {
				matched += weight
				if m.holders[w] == 1 {
					longest = max(longest, weight)
				}
			}
		}
		// A long word of its own is hardly said by accident; a shorter one has to be a larger part of the name.
		chosen[i] = telling || longest >= 6 && matched*4 >= total || longest == 5 && matched*3 >= total
	}
}

// inCode says whether a word is a part of a code, which people name in full or not at all.
func (c candidate) inCode(text string) bool {
	return slices.ContainsFunc(c.identifiers, func(id identifier) bool {
		return slices.ContainsFunc(id.words, func(w word) bool { return w.text == text })
	})
}

// sharesWord says whether a word of the identifier belongs to an item that was chosen already.
func (id identifier) sharesWord(taken map[string]bool) bool {
	return slices.ContainsFunc(id.words, func(w word) bool { return w.digits && taken[w.text] })
}

// mentioned returns the items that a free text mentions best.
func mentioned(m *machine, site *callNode, a []Value) (Value, *Error) {
	text, list := a[0].s, a[1].p.items
	fields, _ := site.constant.([][]string)
	work := len(text) / 16
	for _, item := range list {
		work += 4 + weight(item)
	}
	if err := m.step(site.at, work); err != nil {
		return Value{}, err
	}
	if err := m.make(site.at, len(text)*2+len(list)*valueSize*4); err != nil {
		return Value{}, err
	}
	match := &matcher{text: splitWords(text), quality: map[string]int{}, holders: map[string]int{}, count: len(list)}
	for _, w := range match.text {
		match.distinct = append(match.distinct, w.text)
	}
	slices.Sort(match.distinct)
	match.distinct = slices.Compact(match.distinct)
	candidates := make([]candidate, len(list))
	for i, item := range list {
		candidates[i] = newCandidate(item, fields)
		for _, w := range candidates[i].words {
			match.holders[w]++
		}
	}
	if err := m.step(site.at, match.steps(candidates)); err != nil {
		return Value{}, err
	}
	best, chosen := 0, make([]bool, len(list))
	scores := make([]int, len(list))
	for i, c := range candidates {
		scores[i] = match.score(c)
		best = max(best, scores[i])
	}
	for i, score := range scores {
		chosen[i] = score == best && score > 0
	}
	match.addOthers(candidates, chosen)
	var items []Value
	for i, item := range list {
		if chosen[i] {
			items = append(items, item)
		}
	}
	return List(items...), nil
}

func wordFunctions() []*function {
	text := &Type{Kind: KindText}
	f := define(`mentioned(text, list, ["field", …])`, nil, mentioned, textParam, listParam, textsParam)
	return []*function{
		f.optionalFrom(2).returning(mentionedType),
		define("words(text)", ListOf(text), wordList, textParam),
		define("same_identifier(a, b)", &Type{Kind: KindBool}, func(m *machine, site *callNode, a []Value) (Value, *Error) {
			if err := m.step(site.at, (len(a[0].s)+len(a[1].s))/4); err != nil {
				return Value{}, err
			}
			return Bool(sameIdentifier(a[0].s, a[1].s)), nil
		}, textParam, textParam),
	}
}

func wordList(m *machine, site *callNode, a []Value) (Value, *Error) {
	if err := m.make(site.at, len(a[0].s)*8); err != nil {
		return Value{}, err
	}
	var items []Value
	for _, w := range splitWords(a[0].s) {
		items = append(items, Text(w.text))
	}
	return List(items...), nil
}

// mentionedType checks the fields, which must be fixed texts so that a misspelt one is found here.
func mentionedType(c *checker, site *callNode, arguments []checked) *Type {
	item := itemType(arguments[1].t)
	result := ListOf(item)
	if item.Kind == KindAny && !c.options.Lenient && arguments[1].t.Items != nil {
		c.usable(checked{t: item, at: arguments[1].at})
	}
	if len(arguments) < 3 {
		if item.Kind == KindRecord {
			c.fail(site.at, "write "+site.function.usage, "mentioned needs the names of the fields to look at")
		}
		return result
	}
	var fields [][]string
	list, _ := arguments[2].node.(*listNode)
	if list == nil {
		c.fail(arguments[2].at, `write them as ["sku", "description"]`, "the fields must be a fixed list of names")
		return result
	}
	for _, element := range list.items {
		name, ok := element.(*literalNode)
		if !ok || name.value.kind != KindText {
			c.fail(arguments[2].at, `write them as ["sku", "description"]`, "the fields must be a fixed list of names")
			return result
		}
		fields = append(fields, strings.Split(name.value.s, "."))
		c.checkFieldPath(item, name.value.s, arguments[2].at)
		if arguments[1].read != "" {
			c.reads[arguments[1].read+"[]."+name.value.s] = true
		}
	}
	site.constant = fields
	return result
}
