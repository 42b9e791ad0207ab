package desk

import (
	"strings"

	"crosswalk/rules"
)

// Fact is a value as people read it: a text, or labelled parts, or a list, or a table.
type Fact struct {
	Label   string
	Text    string
	Parts   []Fact // of a record
	Items   []Fact // of a list
	Columns []string
	Rows    [][]string // of a list of records that are alike
}

// The most that one page shows of a value; beyond it the page says so.
const (
	maxFactItems = 40
	maxFactDepth = 6
	maxColumns   = 12
	maxCell      = 60
)

// Facts turns a value into what a page shows: the parts of a record, else the one thing that it is. Ids of systems and
// missing values tell a person nothing and are left out.
func Facts(v rules.Value) []Fact {
	switch v.Kind() {
	case rules.KindMissing:
		return nil
	case rules.KindRecord:
		return parts(v, 0)
	}
	return []Fact{fact("", v, 0)}
}

// parts are the fields of a record: what is said in a word before what has parts of its own.
func parts(v rules.Value, depth int) []Fact {
	var short, long []Fact
	for _, key := range v.Keys() {
		field := v.Get(key)
		if key == "id" || field.IsMissing() || empty(field) || field.Kind() == rules.KindText && field.Text() == "" {
			continue
		}
		if f := fact(label(key), field, depth); f.Text != "" {
			short = append(short, f)
		} else {
			long = append(long, f)
		}
	}
	return append(short, long...)
}

func fact(name string, v rules.Value, depth int) Fact {
	f := Fact{Label: name}
	switch {
	case depth > maxFactDepth:
		f.Text = "…"
	case v.Kind() == rules.KindRecord:
		f.Parts = parts(v, depth+1)
	case v.Kind() == rules.KindList:
		f.Items = items(v, depth)
		if plain(f.Items) {
			f.Text, f.Items = joinTexts(f.Items), nil
		} else if f.Columns, f.Rows = table(f.Items); f.Rows != nil {
			f.Items = nil
		}
	case v.Kind() == rules.KindBool:
		f.Text = "no"
		if v.Bool() {
			f.Text = "yes"
		}
	case v.Kind() == rules.KindInstant:
		f.Text = when(v.Time())
	default:
		f.Text = v.String()
	}
	return f
}

// table lays records that are alike out in columns; nil if they are not, or if it would be too wide to read.
func table(items []Fact) (columns []string, rows [][]string) {
	at := map[string]int{}
	for _, item := range items {
		for _, part := range item.Parts {
			if _, known := at[part.Label]; !known {
				at[part.Label] = len(columns)
				columns = append(columns, part.Label)
			}
		}
	}
	if len(items) < 2 || len(columns) > maxColumns {
		return nil, nil
	}
	for _, item := range items {
		row := make([]string, len(columns))
		for _, part := range item.Parts {
			if part.Text == "" || len(part.Text) > maxCell {
				return nil, nil
			}
			row[at[part.Label]] = part.Text
		}
		if item.Text != "" { // "… and more"
			row[0] = item.Text
		}
		rows = append(rows, row)
	}
	return columns, rows
}

// proposal is the part of what a task shows that people look for first: it is put above the others.
const proposal = "Proposal"

// inShort is what a task shows, with the proposal by itself. Facts under a heading that says no more are not indented.
func inShort(show rules.Value) (proposed string, facts []Fact) {
	for _, f := range Facts(show) {
		if f.Label == "Facts" && f.Parts != nil {
			facts = append(facts, f.Parts...)
		} else {
			facts = append(facts, f)
		}
	}
	rest := facts[:0:0]
	for _, f := range facts {
		if f.Label == proposal && f.Text != "" && proposed == "" {
			proposed = f.Text
		} else {
			rest = append(rest, f)
		}
	}
	return proposed, rest
}

func items(v rules.Value, depth int) []Fact {
	var list []Fact
	for i, item := range v.Items() {
		if i == maxFactItems {
			return append(list, Fact{Text: "… and more"})
		}
		list = append(list, fact("", item, depth+1))
	}
	return list
}

func plain(list []Fact) bool {
	for _, item := range list {
		if item.Parts != nil || item.Items != nil || item.Rows != nil {
			return false
		}
	}
	return true
}

func joinTexts(list []Fact) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = item.Text
	}
	return strings.Join(texts, ", ")
}

func empty(v rules.Value) bool {
	return (v.Kind() == rules.KindList || v.Kind() == rules.KindRecord) && v.Len() == 0
}

// label makes a key readable: order_number is "Order number".
func label(key string) string {
	words := strings.TrimSpace(strings.ReplaceAll(key, "_", " "))
	first := []rune(words)
	if len(first) == 0 {
		return ""
	}
	return strings.ToUpper(string(first[:1])) + string(first[1:])
}

// without is a record but for one of its fields.
func without(v rules.Value, key string) rules.Value {
	if v.Kind() != rules.KindRecord {
		return v
	}
	return v.With(key, rules.Missing())
}

func textsOf(v rules.Value) []string {
	var texts []string
	for _, item := range v.Items() {
		texts = append(texts, item.String())
	}
	return texts
}

// factsOf shows each item of a list by itself.
func factsOf(list rules.Value) []Fact {
	var facts []Fact
	for _, item := range list.Items() {
		facts = append(facts, fact("", item, 0))
	}
	return facts
}
