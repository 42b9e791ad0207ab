package robots

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/source"
)

// formats is how an application writes numbers and dates. Reading is strict: what does not look exactly so
// is drift, never a guess.
type formats struct {
	group, decimal string
	dates          []string // Go layouts
}

var numberSample = regexp.MustCompile(`^1([^0-9]?)234([^0-9])56$`)

// parseNumbers reads the sample that stands for the format: 1.234,56 or 1,234.56 or 1234.56.
func (f *formats) parseNumbers(n *source.Node) {
	f.group, f.decimal = "", "."
	if !n.Exists() {
		return
	}
	m := numberSample.FindStringSubmatch(n.Text())
	if m == nil || m[1] == m[2] || hasLetter.MatchString(m[1]+m[2]) {
		n.Errorf("write the number 1234.56 as the application does, for example 1.234,56", "%q is not a sample of a number format", n.Text())
		return
	}
	f.group, f.decimal = m[1], m[2]
}

var dateParts = strings.NewReplacer("yyyy", "2006", "yy", "06", "MMMM", "January", "MMM", "Jan", "MM", "01", "M", "1", "dd", "02", "d", "2")

// parseDates reads patterns such as dd.MM.yyyy.
func (f *formats) parseDates(n *source.Node) {
	for i, pattern := range n.Texts() {
		layout := dateParts.Replace(pattern)
		day := time.Date(2031, 11, 28, 0, 0, 0, 0, time.UTC)
		if back, err := time.Parse(layout, day.Format(layout)); err != nil || !back.Equal(day) {
			at := n
			if n.Kind() == source.List {
				at = n.List()[i]
			}
			at.Errorf("use d, dd, M, MM, yy and yyyy, for example dd.MM.yyyy", "%q does not make up a whole date", pattern)
			continue
		}
		f.dates = append(f.dates, layout)
	}
}

var digitsOnly = regexp.MustCompile(`^[0-9]+$`)

// number reads a number of the application's format.
func (f formats) number(text string) (rules.Value, error) {
	wrong := fmt.Errorf("%q is not a number of the form %s", text, f.sample())
	rest, negative := strings.CutPrefix(text, "-")
	if !negative {
		rest, negative = strings.CutSuffix(text, "-")
	}
	whole, fraction, hasFraction := strings.Cut(strings.TrimSpace(rest), f.decimal)
	if hasFraction && !digitsOnly.MatchString(fraction) {
		return rules.Value{}, wrong
	}
	if f.group != "" {
		groups := strings.Split(strings.ReplaceAll(whole, "\u00a0", " "), f.group)
		for i, group := range groups {
			if len(groups) > 1 && (i > 0 && len(group) != 3 || len(group) > 3) {
				return rules.Value{}, wrong
			}
		}
		whole = strings.Join(groups, "")
	}
	if !digitsOnly.MatchString(whole) {
		return rules.Value{}, wrong
	}
	plain := whole
	if hasFraction {
		plain += "." + fraction
	}
	if negative {
		plain = "-" + plain
	}
	number, err := rules.ParseNum(plain)
	if err != nil {
		return rules.Value{}, wrong
	}
	return rules.Number(number), nil
}

// typed is how a value is typed: a number and a day as the application writes them, without groups, but for a field that the
// browser itself keeps in one form.
func (f formats) typed(value rules.Value, kept bool) string {
	switch {
	case kept:
	case value.Kind() == rules.KindNumber:
		return strings.Replace(value.String(), ".", f.decimal, 1)
	case value.Kind() == rules.KindDate && len(f.dates) > 0:
		return value.Time().Format(f.dates[0])
	}
	return value.String()
}

func (f formats) sample() string { return "1" + f.group + "234" + f.decimal + "56" }

// threeDecimals are the currencies whose amounts have them.
var threeDecimals = regexp.MustCompile(`\b(BHD|IQD|JOD|KWD|LYD|OMR|TND)\b`)

var currency = regexp.MustCompile(`^(?:[\p{Sc}]|[A-Z]{3})\s*|\s*(?:[\p{Sc}]|[A-Z]{3})$`)

// date reads a day of one of the application's formats.
func (f formats) date(text string) (rules.Value, error) {
	for _, layout := range f.dates {
		if day, err := time.Parse(layout, text); err == nil {
			return rules.Date(day.Date()), nil
		}
	}
	return rules.Value{}, fmt.Errorf("%q is not a date as the application writes them", text)
}

// cell says what is made of a text on a page: a column of a table or the value beside a label.
type cell struct {
	name     string
	kind     string // text, number, money, date
	optional bool   // it may be empty
	ifThere  bool   // its label or heading may be absent too
	match    *regexp.Regexp
	values   map[string]string // the words of the application and ours
}

// parseCell reads a bare name or a mapping with as, type and the rest.
func parseCell(n *source.Node, f formats) cell {
	if n.Kind() == source.Scalar {
		return cell{name: checkName(n), kind: "text"}
	}
	c := cell{kind: "text"}
	fields := n.Fields(valueShape)
	if as := n.Required("as", "say under which name the robot knows the value"); as != nil {
		c.name = checkName(as)
	}
	return c.parse(fields, f)
}

func (c cell) parse(fields map[string]*source.Node, f formats) cell {
	if kind := fields["type"].OneOf("text", "number", "money", "date"); kind != "" {
		c.kind = kind
	}
	if c.kind == "date" && len(f.dates) == 0 {
		fields["type"].Errorf("add browser: {dates: dd.MM.yyyy} to the system file", "the system does not say how it writes dates")
	}
	c.ifThere = fields["if_there"].Bool()
	c.optional = fields["optional"].Bool() || c.ifThere
	if match := fields["match"]; match.Exists() {
		compiled, err := regexp.Compile(strings.TrimSuffix(strings.TrimPrefix(match.Text(), "/"), "/"))
		switch {
		case err != nil:
			match.Errorf("put \\ before signs that stand for themselves", "not a regular expression: %s", err)
		case compiled.NumSubexp() != 1:
			match.Errorf("put round brackets around the part that is wanted", "the pattern must have one group")
		default:
			c.match = compiled
		}
	}
	if values := fields["values"]; values.Exists() {
		c.values = map[string]string{}
		values.Map()
		for _, word := range values.Keys() {
			c.values[word] = values.Get(word).Text()
		}
		if c.kind != "text" {
			values.Errorf("leave out type", "values are for texts")
		}
	}
	return c
}

// typ is the type that expressions see.
func (c cell) typ() *rules.Type {
	t := rules.TypeOf(rules.KindText)
	switch {
	case c.values != nil:
		var ours []string
		seen := map[string]bool{}
		for _, word := range sortedKeys(c.values) {
			if value := c.values[word]; !seen[value] {
				seen[value] = true
				ours = append(ours, value)
			}
		}
		t = rules.EnumOf(ours...)
	case c.kind == "number" || c.kind == "money":
		t = rules.TypeOf(rules.KindNumber)
	case c.kind == "date":
		t = rules.TypeOf(rules.KindDate)
	}
	if c.optional {
		return t.AsOptional()
	}
	return t
}

// value converts a text. An empty one is missing, and must be declared so.
func (c cell) value(text string, f formats) (rules.Value, error) {
	if text == "" || text == "-" || text == "–" {
		if c.optional {
			return rules.Missing(), nil
		}
		return rules.Value{}, fmt.Errorf("it is empty")
	}
	if c.match != nil {
		m := c.match.FindStringSubmatch(text)
		if m == nil {
			return rules.Value{}, fmt.Errorf("%q does not match %s", text, c.match)
		}
		text = m[1]
	}
	if c.values != nil {
		value, known := c.values[text]
		if !known {
			return rules.Value{}, fmt.Errorf("%q is not one of the words known here: %s", text, strings.Join(sortedKeys(c.values), ", "))
		}
		return rules.Text(value), nil
	}
	switch c.kind {
	case "number":
		return f.number(text)
	case "money":
		amount := strings.TrimSpace(currency.ReplaceAllString(text, ""))
		if _, fraction, _ := strings.Cut(amount, f.decimal); len(fraction) == 3 && !strings.HasPrefix(strings.TrimPrefix(amount, "-"), "0") && !threeDecimals.MatchString(text) {
			return rules.Value{}, fmt.Errorf("%q may be thousands or thousandths: an amount of the form %s has two decimals; read it as a number if it has three", text, f.sample())
		}
		return f.number(amount)
	case "date":
		return f.date(text)
	default:
		return rules.Text(text), nil
	}
}
