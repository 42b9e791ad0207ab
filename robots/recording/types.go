package recording

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"crosswalk/rules"
)

// Formats are how an application writes decimals and days: a sample as 1.234,56, and layouts of package time.
type Formats struct {
	Numbers string
	Dates   []string
}

// dateForms are the patterns of a system file that are looked for, with their layouts.
var dateForms = []struct{ pattern, layout string }{{"dd.MM.yyyy", "02.01.2006"}, {"yyyy-MM-dd", "2006-01-02"}, {"dd/MM/yyyy", "02/01/2006"}, {"MM/dd/yyyy", "01/02/2006"}}

// decimals are the texts that are numbers with two decimals, as a sample writes them.
func decimals(sample string) *regexp.Regexp {
	group, point := "", sample[len(sample)-3:len(sample)-2]
	if sample[1] != '2' {
		group = sample[1 : len(sample)-6]
	}
	whole := `\d+`
	if group != "" {
		whole = `(?:\d{1,3}(?:` + regexp.QuoteMeta(group) + `\d{3})+|\d+)`
	}
	return regexp.MustCompile(`^-?` + whole + regexp.QuoteMeta(point) + `\d{2}(?:\s?(?:\p{Sc}|[A-Z]{3}))?$`)
}

// kind is date or money if all texts are such, and at least one is there.
func (f Formats) kind(texts []string) string {
	texts = slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return strings.TrimSpace(text) == "" })
	all := func(is func(string) bool) bool {
		return len(texts) > 0 && !slices.ContainsFunc(texts, func(text string) bool { return !is(strings.TrimSpace(text)) })
	}
	switch {
	case all(func(text string) bool {
		return slices.ContainsFunc(f.Dates, func(layout string) bool { return isDay(layout, text) })
	}):
		return "date"
	case f.Numbers != "" && all(decimals(f.Numbers).MatchString):
		return "money"
	}
	return ""
}

func isDay(layout, text string) bool { _, err := time.Parse(layout, text); return err == nil }

// findFormats takes those of the application's file, or else what was typed and seen tells: only what can be read in one way counts.
func (p *Plan) findFormats(o Options) (pattern string) {
	if o.Extends {
		p.formats = o.Formats
		return ""
	}
	var texts []string
	for _, input := range p.Inputs {
		if p.seen.step(input.Steps[0]).Type != "date" { // browsers keep such a field in one form, whatever the application shows
			texts = append(texts, input.value)
		}
	}
	if p.seen != nil {
		for _, table := range p.seen.Tables {
			texts = append(texts, slices.Concat(table.Rows...)...)
		}
	}
	samples, patterns := map[string]bool{}, map[string]bool{}
	for _, text := range texts {
		for _, sample := range []string{"1.234,56", "1,234.56"} {
			if decimals(sample).MatchString(strings.TrimSpace(text)) {
				samples[sample] = true
			}
		}
		var fits []string
		for _, form := range dateForms {
			if isDay(form.layout, strings.TrimSpace(text)) {
				fits = append(fits, form.pattern)
			}
		}
		if len(fits) == 1 {
			patterns[fits[0]] = true
		}
	}
	for sample := range samples {
		if len(samples) == 1 {
			p.formats.Numbers = sample
		}
	}
	for _, form := range dateForms {
		if len(patterns) == 1 && patterns[form.pattern] {
			p.formats.Dates, pattern = []string{form.layout}, form.pattern
		}
	}
	return pattern
}

// types guesses which inputs and columns are days or decimals, by how all that was typed or seen there looks.
func (p *Plan) types(o Options) {
	p.dates = p.findFormats(o)
	var named []string
	for i := range p.Inputs {
		input := &p.Inputs[i]
		switch field := p.seen.step(input.Steps[0]).Type; {
		case field == "date":
			input.Type = "date"
		case field == "number":
			input.Type = "money"
		case !strings.ContainsFunc(input.value, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsSymbol(r) }): // a unit is typed with its number
			input.Type = p.formats.kind([]string{input.value})
		}
		if input.Type != "" && p.Operation == nil {
			named = append(named, input.Name)
		}
	}
	if p.hasTable() {
		for i, name := range p.columns() {
			if p.columnType(i) != "" && !slices.Contains(named, name) {
				named = append(named, name)
			}
		}
	}
	if len(named) > 0 {
		p.guess("by how they look, these are days or numbers, and no texts: %s", strings.Join(named, ", "))
	}
}

// columnType is what the cells of a column are, unless the operation says that they are something else.
func (p *Plan) columnType(column int) string {
	var cells []string
	for _, row := range p.seen.Tables[0].Rows {
		if column < len(row) {
			cells = append(cells, row[column])
		}
	}
	kind := p.formats.kind(cells)
	if p.Operation == nil {
		return kind
	}
	name := p.columns()[column]
	for _, field := range p.rowFields() {
		if field.Name == name && field.Type != nil && (kind == "date" && field.Type.Kind == rules.KindDate || kind == "money" && field.Type.Kind == rules.KindNumber) {
			return kind
		}
	}
	return ""
}

// contractType is the type that a contract has for a kind of text.
func contractType(kind string) string {
	return either(map[string]string{"date": "date", "money": "number"}[kind], "string")
}
