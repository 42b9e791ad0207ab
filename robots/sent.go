package robots

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"crosswalk/rules"
)

// Sent is what the requests of a commit have carried beside what the robot has put in: fixed hidden fields, defaults, the
// values behind the options. Values are kept as digests only, for they may be people.
type Sent struct {
	Fields  map[string]Carried           `json:"fields,omitempty"`  // by name
	Choices map[string]map[string]Choice `json:"choices,omitempty"` // by the name of a list or of boxes that the robot chose from, and the digest of the text
	Runs    int                          `json:"runs"`              // that have seen it, with different inputs or on different days
	Input   string                       `json:"input"`             // digest of what the last of them was given
	Last    time.Time                    `json:"last"`
	Record  bool                         `json:"record,omitempty"` // its form shows what is kept of a thing that is changed: what it shows is data

	Inputs map[string][]string `json:"inputs,omitempty"` // digests of what runs were given, some of each part of the input

	put map[string]bool // the names of the fields that the robot has put something into this time
}

// Carried is what a field was sent with.
type Carried struct {
	Value string `json:"value"`           // digest; "*": it differs
	Given bool   `json:"given,omitempty"` // it always was what the robot was given or has read
	Order string `json:"order,omitempty"` // of the parts of a date, as in dmy
	Seen  bool   `json:"seen,omitempty"`  // a person sees it

	text string // as it is now, if it can be shown
	word bool   // it holds letters, and no date
}

// Choice is what was sent for a text that was chosen.
type Choice struct {
	Value string `json:"value"`           // digest; "*": it differs
	Again bool   `json:"again,omitempty"` // a second run has seen it so

	text string
}

const (
	// certain is how many runs must have seen the same before another value stops a commit; of a form that shows what is kept of
	// a thing, most values are of that thing, and it takes more to know which are not.
	certain, certainOfRecord = 3, 8
	mostCarried              = 500
)

// certain says whether enough runs have seen it. What a form carries may depend on a part of the input, as the currency on the
// customer: before several values of that part were seen, a new one proves nothing.
func (s *Sent) certain(now *Sent) bool {
	if s.Runs >= certainOfRecord || s.Runs < certain || s.Record {
		return s.Runs >= certainOfRecord
	}
	for part, given := range now.Inputs {
		seen := s.Inputs[part]
		if !strings.HasSuffix(part, lengthPart) && len(seen) < certain && len(common(given, seen)) < len(given) {
			return false
		}
	}
	return true
}

var (
	countValue = regexp.MustCompile(`^\d{1,4}$`)
	allNumbers = regexp.MustCompile(`\d+`)
	numbered   = regexp.MustCompile(`\d`)
	madeValue  = regexp.MustCompile(`^\d{9,}$|^[^\s\d]*\d\S*$`)
	datedValue = regexp.MustCompile(`(?:^|\D)(?:\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|\d{1,2}:\d{2}|(?:19|20)\d{2}[-./]?[01]\d(?:[0-3]\d)?)(?:\D|$)`)
	yearValue  = regexp.MustCompile(`^(?:19|20)\d{2}$`)
	datedName  = regexp.MustCompile(`(?i:(?:^|[^a-z])(?:day|month|year|date|time|hour|minute|week|period|tag|monat|jahr|woche|datum|zeit|jour|mois|ann[eé]e|d[ií]a|mes|año|dd|mm|yy|yyyy|jj)(?:[^a-z]|$))|[a-z](?:Day|Month|Year|Date|Time|Week|Period|Tag|Monat|Jahr)(?:[^a-z]|$)`)
)

// made says that a value looks as if a machine had made it for this page, this session or this moment: it is held to nothing.
func made(name, value string) bool {
	switch {
	case len(value) > 200, datedValue.MatchString(value), yearValue.MatchString(value), undated(value) != value:
		return true
	case numbered.MatchString(value) && datedName.MatchString(name):
		return true
	case len(value) >= 9 && madeValue.MatchString(value):
		return len(value) >= 16 || strings.Trim(value, "0123456789") == ""
	}
	return false
}

var (
	nameWords = regexp.MustCompile(`[A-Za-z0-9]+`)
	uuidName  = regexp.MustCompile(`(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}`)
)

// madeName says that a field's name looks as if a machine had made it anew for this page. Names that a framework builds of their
// places, as ctl00$Main$Company or form:j_idt45:price, are always the same: each word of a name is judged by itself, and one that ends in a number is none.
func madeName(name string) bool {
	return uuidName.MatchString(name) || slices.ContainsFunc(nameWords.FindAllString(name, -1), func(word string) bool {
		turns := 0 // between letters and digits
		for i := 1; i < len(word); i++ {
			if unicode.IsDigit(rune(word[i])) != unicode.IsDigit(rune(word[i-1])) {
				turns++
			}
		}
		return turns >= 4 || turns == 0 && made("", word)
	})
}

// ofRow says that a name may be one of a row of a list, of which there are more and fewer. The ctl00 before each name of a page
// of WebForms numbers the page.
func ofRow(name string) bool { return numbered.MatchString(ofPage.ReplaceAllString(name, "")) }

var ofPage = regexp.MustCompile(`^\??(?:ctl\d+\$)+`)

// dateOrder is the order of the parts of the first date in a text, or of the first pattern of one, as in TT.MM.JJJJ; empty: there is
// none, or it may be read in two ways.
func dateOrder(text string) string {
	for _, m := range datePattern.FindAllStringSubmatch(strings.ToLower(text), -1) {
		order, days := "", strings.ContainsAny(m[0], "tg")
		for _, part := range m[1:] {
			switch letter := part[:1]; {
			case strings.Trim(part, letter) != "":
				order += "-"
			case letter == "m":
				order += "m"
			case letter == "y" || letter == "a" || letter == "j" && (days || len(part) == 4):
				order += "y"
			default:
				order += "d"
			}
		}
		if slices.Contains([]string{"dmy", "mdy", "ymd", "ydm"}, order) {
			return order
		}
	}
	if m := dateWritten.FindStringSubmatch(text); m != nil {
		part := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
		switch one, two := part(1), part(2); {
		case one > 12 && one <= 31 && two <= 12:
			return "dmy"
		case two > 12 && two <= 31 && one <= 12:
			return "mdy"
		}
	}
	return ""
}

var (
	datePattern = regexp.MustCompile(`\b([dtjgmya]{1,4})[-./ ]([dtjgmya]{1,4})[-./ ]([dtjgmya]{1,4})\b`)
	dateWritten = regexp.MustCompile(`(?:^|\D)(\d{1,2})[-./](\d{1,2})[-./](?:19|20)\d{2}(?:\D|$)`)
)

// hints are what a field says about what may be put into it.
type hints struct {
	Pattern     string   `json:"pattern"`
	Mode        string   `json:"mode"`
	Placeholder string   `json:"placeholder"`
	Dates       []string `json:"dates"` // where the order of a date may stand
}

// order is that of the dates that a field takes.
func (h hints) order() string {
	for _, text := range h.Dates {
		if order := dateOrder(text); order != "" {
			return order
		}
	}
	return ""
}

var pointWithin = regexp.MustCompile(`\d[.,'’ ]\d`)

// takes is a digest of what else may be put in. Of a placeholder only units and how it writes numbers count: all else may be
// any words.
func (h hints) takes() string {
	points := numbered.ReplaceAllString(strings.Join(pointWithin.FindAllString(h.Placeholder, -1), ""), "")
	return digest(strings.Join([]string{h.Pattern, h.Mode, strings.Join(unitIn.FindAllString(h.Placeholder, -1), " "), points}, "\n"))
}

// sending is what of a run is needed to tell what the request of its commit carries. It is used at the fence.
type sending struct {
	known   *Sent
	data    []string          // what the robot was given or has read
	put     map[string]bool   // the names of the fields that it has put something into
	secret  func(string) bool // it must not be shown
	formats formats
	inputs  map[string][]string // digests of what the robot was given, by the part of the input
	effect  map[string][]string // the fields that the effect declares

	mutex sync.Mutex
	seen  map[string]bool // the names of the fields that a person sees in the form of the commit
	now   *Sent
	other string // what differs
}

// shows tells which fields of the form a person sees.
func (s *sending) shows(names []string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, name := range names {
		s.seen[name] = true
	}
}

// differs notes what a request carries, and says what of it is not as it ever was.
func (s *sending) differs(r request, query url.Values, filled []filledField) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.now = s.carries(r, query, filled)
	s.other = s.known.against(s.now)
	return s.other
}

// carries is what a request holds beside what was put in.
func (s *sending) carries(r request, query url.Values, filled []filledField) *Sent {
	put := maps.Clone(s.put)
	now := &Sent{Fields: map[string]Carried{}, Choices: map[string]map[string]Choice{}, Inputs: s.inputs, put: put}
	for _, field := range filled {
		put[field.Name] = true
		text := field.Value
		if field.Box {
			text = ""
			if label := (struct{ Label string }{}); field.Value == "true" && json.Unmarshal(field.Spot, &label) == nil {
				text = label.Label
			}
		}
		if (field.List || field.Box) && !field.Any && field.Name != "" && text != "" && !made(field.Name, field.Sends) && !s.secret(field.Sends) {
			name := field.Name
			if field.Kind == "checkbox" { // several of one name may well send the same
				name += " " + digest(text)
			}
			if now.Choices[name] == nil {
				now.Choices[name] = map[string]Choice{}
			}
			now.Choices[name][digest(text)] = Choice{Value: digest(field.Sends), text: text}
		}
	}
	for at, values := range map[string]url.Values{"": r.form, "?": query} {
		for name, all := range values {
			_, declared := s.effect[name]
			if put[name] || declared || len(name) > 100 || madeName(name) || len(now.Fields) >= mostCarried || slices.ContainsFunc(all, s.secret) {
				continue
			}
			now.Fields[at+name] = s.carried(name, all)
		}
	}
	return now
}

func (s *sending) carried(name string, values []string) Carried {
	whole := strings.Join(values, "\n")
	c := Carried{Value: digest(whole), Seen: s.seen[name], text: whole, Order: dateOrder(whole)}
	if strings.TrimSpace(whole) == "" {
		return Carried{Value: digest(""), Seen: c.Seen}
	}
	c.Given = !slices.ContainsFunc(values, func(value string) bool {
		return !slices.ContainsFunc(s.data, func(text string) bool {
			return text == value || len(text) >= 3 && (standsIn(text, value) || s.formats.same(text, value, sent))
		})
	})
	if slices.ContainsFunc(values, func(value string) bool { return made(name, value) }) {
		c.Value = anything
	} else {
		c.word = hasLetter.MatchString(whole)
	}
	if len(whole) > 40 {
		c.text = ""
	}
	return c
}

// standsIn says whether a text stands in another one by itself, as the number in "Ada Brown--10081".
func standsIn(text, whole string) bool {
	for rest := whole; ; {
		before, after, found := strings.Cut(rest, text)
		if !found {
			return false
		}
		last, _ := utf8.DecodeLastRuneInString(before)
		first, _ := utf8.DecodeRuneInString(after)
		if inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }; !inWord(last) && !inWord(first) {
			return true
		}
		rest = after
	}
}

// against says what of a request is not as it ever was.
func (s *Sent) against(now *Sent) string {
	if s == nil {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(now.Choices)) {
		if other := choicesDiffer(name, s.Choices[name], now.Choices[name]); other != "" {
			return other
		}
	}
	if !s.certain(now) {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(now.Fields)) {
		is := now.Fields[name]
		was, known := s.Fields[name]
		switch {
		case s.Record && (is.Seen || was.Seen):
		case was.Order != "" && is.Order != "" && was.Order != is.Order:
			return fmt.Sprintf("its field %q holds a date%s whose parts stand in another order than ever before (%s instead of %s)", name, is.shown(), is.Order, was.Order)
		case !known && !ofRow(name) && is.Value != anything && is.Value != digest("") && (!is.Given || is.text != "" && len(is.text) < 3): // short ones are the same by chance
			return fmt.Sprintf("it holds a field that it never held, %q%s, and the robot has not filled it in", name, is.shown())
		case known && was.Given && !is.Given && was.Value != is.Value && is.Value != digest(""):
			return fmt.Sprintf("its field %q always held what the robot was given or has read, and holds something else now%s", name, is.shown())
		case known && was.Value != anything && was.Value != is.Value && !(was.Given && is.Given) && !s.furtherRow(name, now) && !s.counts(is, now):
			return fmt.Sprintf("its field %q, which the robot does not fill in, holds another value than ever before%s", name, is.shown())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		was := s.Fields[name]
		if _, is := now.Fields[name]; !is && was.Value != anything && was.Value != digest("") && !ofRow(name) && !(s.Record && was.Seen) && !now.put[strings.TrimPrefix(name, "?")] {
			return fmt.Sprintf("its field %q, which always held the same, is not there", name)
		}
	}
	return ""
}

// furtherRow says that a field is one of a numbered row of a list into which the robot has put something only now: what the page
// carries of an empty row says nothing about a full one.
func (s *Sent) furtherRow(name string, now *Sent) bool {
	row := numbers(name)
	for put := range now.put {
		if _, empty := s.Fields[put]; empty && row != "" && numbers(put) == row {
			return true
		}
	}
	return false
}

// counts says that a field may hold how many rows there are, in a run that was given a list of another length than those before.
func (s *Sent) counts(is Carried, now *Sent) bool {
	if !countValue.MatchString(is.text) {
		return false
	}
	for part, given := range now.Inputs {
		if strings.HasSuffix(part, lengthPart) && len(common(given, s.Inputs[part])) < len(given) {
			return true
		}
	}
	return false
}

// numbers are those in a name.
func numbers(name string) string { return strings.Join(allNumbers.FindAllString(name, -1), " ") }

func (c Carried) shown() string {
	if c.text == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", c.text)
}

func choicesDiffer(name string, before, now map[string]Choice) string {
	name, _, _ = strings.Cut(name, " ")
	for text, is := range now {
		was, known := before[text]
		if known && was.Again && was.Value != anything && was.Value != is.Value {
			return fmt.Sprintf("its field %q sends another value for what was chosen, %q, than ever before", name, is.text)
		}
		for other, was := range before {
			if _, still := now[other]; !known && !still && was.Again && was.Value == is.Value {
				return fmt.Sprintf("its field %q sends for what was chosen, %q, what it sent for another choice before", name, is.text)
			}
		}
	}
	return ""
}

// learned is what is known once a run has sent its request.
func (s *Sent) learned(now *Sent, input string, at time.Time) *Sent {
	all := &Sent{Fields: map[string]Carried{}, Choices: map[string]map[string]Choice{}, Inputs: map[string][]string{}, Runs: 1, Input: input, Last: at}
	if s != nil {
		all.Runs, all.Input, all.Last, all.Record = s.Runs, s.Input, s.Last, s.Record
		if s.Runs < certainOfRecord && (s.Input != input || at.Sub(s.Last) >= sameAfter) {
			all.Runs, all.Input, all.Last = s.Runs+1, input, at
		}
		maps.Copy(all.Fields, s.Fields)
		maps.Copy(all.Inputs, s.Inputs)
		for name, texts := range s.Choices {
			all.Choices[name] = maps.Clone(texts)
		}
	}
	for part, given := range now.Inputs {
		for _, one := range given {
			if seen := all.Inputs[part]; len(seen) < certain && !slices.Contains(seen, one) {
				all.Inputs[part] = append(slices.Clone(seen), one)
			}
		}
	}
	for name, is := range now.Fields {
		was, known := all.Fields[name]
		all.Record = all.Record || known && is.Seen && is.word && was.Value != anything && was.Value != is.Value && was.Value != digest("") && !is.Given
		switch {
		case !known && s != nil && is.Value != digest(""):
			is.Value, is.Given = anything, false // it is not always there
		case known:
			if was.Value != is.Value {
				is.Value = anything
			}
			is.Given, is.Seen = was.Given && is.Given, was.Seen || is.Seen
			is.Order = either(was.Order, is.Order)
		}
		all.Fields[name] = Carried{Value: is.Value, Given: is.Given, Order: is.Order, Seen: is.Seen}
	}
	for name, was := range all.Fields {
		if _, is := now.Fields[name]; !is && !now.put[strings.TrimPrefix(name, "?")] {
			was.Value = anything
			all.Fields[name] = was
		}
	}
	for name, texts := range now.Choices {
		if all.Choices[name] == nil {
			all.Choices[name] = map[string]Choice{}
		}
		for text, is := range texts {
			was, known := all.Choices[name][text]
			switch {
			case known && was.Value != is.Value:
				all.Choices[name][text] = Choice{Value: anything}
			case known || len(all.Choices[name]) < mostChoices:
				all.Choices[name][text] = Choice{Value: is.Value, Again: known}
			}
		}
	}
	return all
}

const mostChoices = 50 // of a field

// same says whether nothing was learned.
func (s *Sent) same(before *Sent) bool {
	if s == nil || before == nil {
		return false
	}
	one, err := json.Marshal(s)
	other, otherErr := json.Marshal(before)
	return err == nil && otherErr == nil && string(one) == string(other)
}

// sends prepares the comparison of what the commit will send.
func (u *run) sends(rule requestRule) *sending {
	if u.known == nil {
		return nil
	}
	return u.sending(u.requestPlace(), rule)
}

// sending prepares the comparison of a request with those that are remembered at a place.
func (u *run) sending(place string, rule requestRule) *sending {
	hide := hider(u.hidden())
	s := &sending{known: u.known[place].Sent, put: maps.Clone(u.names), formats: u.system.formats, effect: rule.form, seen: map[string]bool{}, inputs: map[string][]string{},
		secret: func(text string) bool { return hide != nil && hide.Replace(text) != text }}
	for _, value := range u.variables {
		s.data = scalarsIn(s.data, value)
	}
	partsOf(s.inputs, "", u.call.Input)
	return s
}

// lengthPart is the part of a list that is its length.
const lengthPart = "#"

// partsOf are digests of the texts and numbers of a value, by where they stand; all items of a list stand at one place, and its
// length at another.
func partsOf(found map[string][]string, at string, v rules.Value) {
	switch v.Kind() {
	case rules.KindList:
		partsOf(found, at+lengthPart, rules.Number(rules.Int(int64(v.Len()))))
		for _, item := range v.Items() {
			partsOf(found, at, item)
		}
	case rules.KindRecord:
		for _, key := range v.Keys() {
			partsOf(found, at+"."+key, v.Get(key))
		}
	default:
		if one := digest(v.String()); !slices.Contains(found[at], one) {
			found[at] = append(found[at], one)
		}
	}
}

// requestPlace is where what the commit sends is remembered.
func (u *run) requestPlace() string { return u.program.write.place + " request" }

// sentSo notes what the request carried, and proposes to take it for right if it was stopped for that.
func (u *run) sentSo(s *sending) (other string) {
	if s == nil {
		return ""
	}
	return u.carriedSo(s, u.requestPlace(), "the request of the commit")
}

func (u *run) carriedSo(s *sending, place, what string) (other string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.now != nil {
		u.seen[place] = &Seen{Place: place, Print: Print{Tag: "request", Sent: s.now}}
	}
	if s.other != "" {
		words := what + ": " + s.other
		u.journal.note(fmt.Sprintf("%s: %s", place, words))
		u.warn(fmt.Sprintf("%s: %s", place, withoutTexts(words)))
		u.propose(Change{Kind: ChangePage, Place: place, Words: words, Reason: what + " is not as it was when the robot was first seen to work"})
	}
	return s.other
}

// scalarsIn are the texts and numbers of a value, as a page may write them.
func scalarsIn(found []string, v rules.Value) []string {
	switch v.Kind() {
	case rules.KindList:
		for _, item := range v.Items() {
			found = scalarsIn(found, item)
		}
	case rules.KindRecord:
		for _, key := range v.Keys() {
			found = scalarsIn(found, v.Get(key))
		}
	default:
		if text := strings.TrimSpace(v.String()); text != "" && !v.IsMissing() {
			found = append(found, text)
		}
	}
	return found
}
