package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"crosswalk/rules"
)

var (
	mailText  = regexp.MustCompile(`[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+`)
	phoneText = regexp.MustCompile(`^\+?\(?\d[\d ()/.\-]{5,}\d$`)
	codeText  = regexp.MustCompile(`^[A-Za-z0-9_.:/#+-]*$`)
	aboutWho  = regexp.MustCompile(`(?i)(^|_|[a-z])(name|mail|phone|mobile|tel|fax|street|address|addr|city|zip|postcode|postal|birth|iban|handle|note|comment|body|text|description|subject|message|summary|title|avatar|photo|login|user|owner|customer|company|contact|from|author|person|assignee)`)
)

// disguise puts what is made up in the place of what says who somebody is, the same for the same everywhere. A nil one
// leaves everything as it is.
type disguise struct {
	made map[string]string // by what is replaced
	kept []*regexp.Regexp  // finds, with what stands around it, what is left as it is within a text that is replaced
	full *strings.Replacer
}

func newDisguise() *disguise { return &disguise{made: map[string]string{}} }

// learn notes what is personal in a value: what its type says is personal, addresses and numbers, and texts under names
// that tell of people. Codes, numbers and words of a list stay.
func (d *disguise) learn(v rules.Value, t *rules.Type, personal bool) {
	if d == nil {
		return
	}
	personal = personal || t != nil && t.Personal
	switch v.Kind() {
	case rules.KindRecord:
		for _, key := range v.Keys() {
			var of *rules.Type
			if t != nil && t.Kind == rules.KindRecord {
				of = t.Member(key)
			}
			about := t == nil && aboutWho.MatchString(key)
			d.learn(v.Get(key), of, personal || about)
		}
	case rules.KindList:
		for _, item := range v.Items() {
			var of *rules.Type
			if t != nil {
				of = t.Items
			}
			d.learn(item, of, personal)
		}
	case rules.KindText:
		if t == nil || len(t.Enum) == 0 {
			d.learnText(v.Text(), personal)
		}
	}
	d.full = nil
}

// keep leaves a key, and the codes of an input, as they stand also within longer texts that are replaced: a description that
// is looked through for them is found again. What is personal itself was learned before, and is not kept.
func (d *disguise) keep(key string, input rules.Value) {
	if d == nil {
		return
	}
	texts := []string{key, input.Get("key").Text()}
	for _, name := range input.Keys() {
		if text := input.Get(name); text.Kind() == rules.KindText && isCode(text.Text()) && !phoneText.MatchString(text.Text()) {
			texts = append(texts, text.Text())
		}
	}
	for _, text := range texts {
		if utf8.RuneCountInString(text) >= 4 && d.text(text) == text {
			d.kept = append(d.kept, regexp.MustCompile(`[\p{P}\p{S}]*(?i:\b(?:ref|reference|key|id|no|number)\b)?[\p{P}\p{S} ]*`+regexp.QuoteMeta(text)+`[\p{P}\p{S}]*`))
		}
	}
}

// isCode is whether a text is a code, an address of a page or a date.
func isCode(text string) bool {
	return codeText.MatchString(text) && strings.ContainsAny(text, "0123456789_/:")
}

func (d *disguise) learnText(text string, personal bool) {
	for _, mail := range mailText.FindAllString(text, -1) {
		d.put(mail, "person%d@example.com")
	}
	_, known := d.made[text]
	switch {
	case known || text == "" || strings.HasPrefix(text, "{base}") || mailText.FindString(text) == text:
	case phoneText.MatchString(text) && personal:
		d.put(text, "+49 30 0000%03d")
	case !personal:
		if strings.Count(text, " ") >= 4 { // prose, which may say anything
			d.put(text, "Made-up text %d")
		}
	case isCode(text):
	default:
		d.put(text, "Made-up %d")
	}
}

func (d *disguise) put(text, form string) {
	if _, known := d.made[text]; known {
		return
	}
	made := fmt.Sprintf(form, len(d.made)+1)
	for _, kept := range d.kept {
		switch found := kept.FindString(text); found {
		case "":
		case text:
			return // it says nothing else
		default:
			made += " " + strings.TrimLeft(found, " ")
		}
	}
	d.made[text] = made
}

// value is a value with everything replaced that was learned.
func (d *disguise) value(v rules.Value) rules.Value {
	if d == nil {
		return v
	}
	switch v.Kind() {
	case rules.KindRecord:
		fields := map[string]rules.Value{}
		for _, key := range v.Keys() {
			fields[key] = d.value(v.Get(key))
		}
		return rules.Record(fields)
	case rules.KindList:
		items := make([]rules.Value, v.Len())
		for i, item := range v.Items() {
			items[i] = d.value(item)
		}
		return rules.List(items...)
	case rules.KindText:
		return rules.Text(d.text(v.Text()))
	}
	return v
}

// text replaces within a text too: a name stands in a sentence, an address in a query.
func (d *disguise) text(text string) string {
	if made, known := d.made[text]; known {
		return made
	}
	if d.full == nil {
		var long []string
		for have := range d.made {
			if utf8.RuneCountInString(have) >= 4 {
				long = append(long, have)
			}
		}
		slices.SortFunc(long, func(a, b string) int { return len(b) - len(a) })
		pairs := make([]string, 0, 2*len(long))
		for _, have := range long {
			pairs = append(pairs, have, d.made[have])
		}
		d.full = strings.NewReplacer(pairs...)
	}
	return d.full.Replace(text)
}
