package rules

import (
	"fmt"
	"slices"
	"strings"
)

// TableDiff is what changes between two versions of a table, by what they mean.
type TableDiff struct {
	Table string `json:"table"`
	// Same is set if it is proven that both decide the same for all facts.
	Same      bool            `json:"same"`
	Changes   []MeaningChange `json:"changes"`   // facts that are decided differently
	Rows      []RowChange     `json:"rows"`      // what happened to the rows, whether it changes results or not
	Types     []string        `json:"types"`     // facts, outputs and rules of choosing that are others
	Unchecked []string        `json:"unchecked"` // what was not or not fully compared, and why
}

// MeaningChange is a region of facts that are decided differently.
type MeaningChange struct {
	Proven  bool        `json:"proven"` // the example has been decided by both
	Where   []Cell      `json:"where"`
	Example *PlainValue `json:"example,omitempty"`
	Was     string      `json:"was"`
	Is      string      `json:"is"`
	WasRows []string    `json:"was_rows,omitempty"`
	IsRows  []string    `json:"is_rows,omitempty"`
	Text    string      `json:"text"`
}

// RowChange is what happened to a row.
type RowChange struct {
	Row    string `json:"row"`
	Change string `json:"change"` // added removed moved conditions outputs reused
	Text   string `json:"text"`
}

// DiffSteps is the work that one comparison does at most, unless it is told otherwise.
const DiffSteps = AnalyzeSteps

// maxChanges bounds the regions that are listed.
const maxChanges = 40

// Diff compares two versions of a table by what they decide.
func Diff(old, new *Table, steps int) *TableDiff {
	if steps <= 0 {
		steps = DiffSteps
	}
	d := &TableDiff{Table: new.Name, Changes: []MeaningChange{}, Rows: []RowChange{}, Types: []string{}, Unchecked: []string{}}
	if old.Hash == new.Hash && old.Hash != "" {
		d.Same = true
		return d
	}
	if len(old.versions)+len(new.versions)+len(old.steps)+len(new.steps) > 0 {
		d.parts(old, new, steps)
		return d
	}
	if was, is := old.days(), new.days(); was != is {
		d.Types = append(d.Types, fmt.Sprintf("it was in force %s and is in force %s", was, is))
	}
	d.compare(old, new, steps, false)
	return d
}

// compare compares two tables without parts; inCommon leaves out the days on which only the new one is in force.
func (d *TableDiff) compare(old, new *Table, steps int, inCommon bool) {
	d.types("fact", "", old.Facts, new.Facts)
	d.types("output", "", old.Outputs, new.Outputs)
	if choiceOf(old) != choiceOf(new) {
		d.Types = append(d.Types, "hit: the rule by which rows are chosen is another")
	}
	for i := range new.columns {
		for j := range old.columns {
			if a, b := &new.columns[i], &old.columns[j]; a.value.text == b.value.text && a.value.result.Kind != b.value.result.Kind {
				d.Unchecked = append(d.Unchecked, fmt.Sprintf("not compared: %s was a %s and is a %s", a.name, b.value.result.Kind, a.value.result.Kind))
				return
			}
		}
	}
	c := compareTables(old, new, steps)
	if c == nil {
		d.Unchecked = append(d.Unchecked, "not compared: the tables are too large")
		return
	}
	if inCommon {
		c.space.outOfForce(old)
	}
	found, complete := c.differences(maxChanges, false)
	d.rows(c)
	possible := 0
	for _, one := range found {
		change := c.change(one)
		if !change.Proven {
			possible++
		}
		d.Changes = append(d.Changes, change)
	}
	slices.SortStableFunc(d.Changes, func(a, b MeaningChange) int {
		switch {
		case a.Proven == b.Proven:
			return 0
		case a.Proven:
			return -1
		default:
			return 1
		}
	})
	if !complete {
		d.Unchecked = append(d.Unchecked, fmt.Sprintf("not fully compared: there may be more differences than the %d that are listed", len(found)))
	}
	d.Same = complete && len(found) == 0 && !slices.ContainsFunc(d.Types, func(text string) bool { return !strings.HasPrefix(text, "hit:") })
}

// parts compares the versions of a table, over the days that one of the old and one of the new ones have in common: a
// version is known by its days, whatever its file is called. Of chains only their own tables are compared, each by itself.
func (d *TableDiff) parts(old, new *Table, steps int) {
	if len(old.versions) == 0 || len(new.versions) == 0 {
		d.Unchecked = append(d.Unchecked, "not compared: chains, and a table without versions with one that has some; their tables are compared one by one")
		return
	}
	d.Same = true
	for _, before := range old.versions {
		for _, after := range new.versions {
			days, ok := before.effective.inCommon(after.effective)
			if !ok {
				continue
			}
			one := &TableDiff{}
			if one.Same = before.Hash == after.Hash && before.Hash != ""; !one.Same {
				one.compare(before, after, steps, true)
			}
			d.add(one, days)
		}
	}
	d.daysOfOne(old, new, "gone")
	d.daysOfOne(new, old, "new")
}

// add takes over what was found for some days.
func (d *TableDiff) add(one *TableDiff, days *effective) {
	d.Same = d.Same && one.Same
	in := days.String() + ": "
	for _, change := range one.Changes {
		change.Text = in + change.Text
		d.Changes = append(d.Changes, change)
	}
	for _, row := range one.Rows {
		row.Text = in + row.Text
		d.Rows = append(d.Rows, row)
	}
	for _, text := range one.Types {
		if !slices.Contains(d.Types, text) { // most are the same in all versions
			d.Types = append(d.Types, text)
		}
	}
	for _, text := range one.Unchecked {
		d.Unchecked = append(d.Unchecked, in+text)
	}
}

// daysOfOne says on which days only the first of two tables is in force. The versions of a table follow each other without
// a gap.
func (d *TableDiff) daysOfOne(of, other *Table, what string) {
	first, last := of.versions[0].effective, of.versions[len(of.versions)-1].effective
	from, to := other.versions[0].effective.from, other.versions[len(other.versions)-1].effective.to
	if !from.IsMissing() && (first.from.IsMissing() || first.from.order(from) < 0) {
		d.Same = false
		d.Types = append(d.Types, fmt.Sprintf("the days %s are %s", &effective{from: first.from, to: earlier(dateFromDays(from.n-1), last.to)}, what))
	}
	if !to.IsMissing() && (last.to.IsMissing() || last.to.order(to) > 0) {
		d.Same = false
		d.Types = append(d.Types, fmt.Sprintf("the days %s are %s", &effective{from: later(dateFromDays(to.n+1), first.from), to: last.to}, what))
	}
}

// inCommon are the days that are in both; ok is false if there are none.
func (e *effective) inCommon(f *effective) (both *effective, ok bool) {
	both = &effective{from: later(e.from, f.from), to: earlier(e.to, f.to), column: e.column}
	return both, both.from.IsMissing() || both.to.IsMissing() || both.from.order(both.to) <= 0
}

// later is the later of two first days, earlier the earlier of two last ones; a missing one is no bound.
func later(one, other Value) Value {
	if one.IsMissing() || !other.IsMissing() && other.order(one) > 0 {
		return other
	}
	return one
}

func earlier(one, other Value) Value {
	if one.IsMissing() || !other.IsMissing() && other.order(one) < 0 {
		return other
	}
	return one
}

// days says when a table is in force; "" if it always is.
func (t *Table) days() string {
	if t.effective == nil {
		return "always"
	}
	return t.effective.String()
}

func (c *comparison) change(one difference) MeaningChange {
	columns := slices.Clone(c.new.columns)
	for _, old := range c.old.columns {
		if !slices.ContainsFunc(columns, func(c column) bool { return c.value.text == old.value.text }) {
			columns = append(columns, old)
		}
	}
	change := MeaningChange{Where: c.space.words(columns, one.region), Was: one.was, Is: one.is}
	if change.Where == nil {
		change.Where = []Cell{}
	}
	if one.facts.kind == KindMissing {
		change.Text = fmt.Sprintf("perhaps %s: was %s, is %s; no facts were found for which that is so", sentence(change.Where), change.Was, change.Is)
		return change
	}
	facts := one.facts
	change.Proven, change.Example = true, &PlainValue{facts}
	change.Was, change.WasRows = saysOf(c.old, facts)
	change.Is, change.IsRows = saysOf(c.new, facts)
	change.Text = fmt.Sprintf("%s: was %s, is %s", sentence(change.Where), withRows(change.Was, change.WasRows), withRows(change.Is, change.IsRows))
	return change
}

func saysOf(t *Table, facts Value) (string, []string) {
	decision, err := t.Decide(facts)
	if err != nil {
		return resultOf(t, facts), nil
	}
	return spoken(decision.Outputs), decidedRows(decision)
}

// spoken is a result as people read it.
func spoken(v Value) string {
	if v.kind != KindRecord {
		return v.String()
	}
	var parts []string
	for i, key := range v.Keys() {
		parts = append(parts, key+": "+v.Items()[i].String())
	}
	return strings.Join(parts, ", ")
}

func withRows(text string, rows []string) string {
	if len(rows) == 0 {
		return text
	}
	return text + " (" + listWords("row", rows) + ")"
}

// types says which fields of two records differ.
func (d *TableDiff) types(what, path string, old, new *Type) {
	if old == nil || new == nil {
		return
	}
	for _, field := range old.Fields {
		name := path + field.Name
		other, there := new.Field(field.Name)
		if !there {
			d.Types = append(d.Types, fmt.Sprintf("%s %s is gone", what, name))
			continue
		}
		was, is := field.Type.String(), other.Type.String()
		if a, b := limitsOf(field.Type), limitsOf(other.Type); a != b {
			was, is = was+a, is+b
		}
		switch {
		case was != is:
			d.Types = append(d.Types, fmt.Sprintf("%s %s was %s and is %s", what, name, was, is))
		case field.Required != other.Required:
			d.Types = append(d.Types, fmt.Sprintf("%s %s %s", what, name, map[bool]string{true: "must be there now", false: "may be missing now"}[other.Required]))
		}
		if field.Type.Kind == KindRecord && other.Type.Kind == KindRecord {
			d.types(what, name+".", field.Type, other.Type)
		}
	}
	for _, field := range new.Fields {
		if _, there := old.Field(field.Name); !there {
			d.Types = append(d.Types, fmt.Sprintf("%s %s is new", what, path+field.Name))
		}
	}
}

func limitsOf(t *Type) string {
	text := ""
	if t.Minimum != nil {
		text += " from " + t.Minimum.String()
	}
	if t.Maximum != nil {
		text += " to " + t.Maximum.String()
	}
	return text
}

// rows says what happened to each row.
func (d *TableDiff) rows(c *comparison) {
	type said struct{ conditions, outcome string }
	of := func(t *Table, m *meaning) map[string]said {
		all := map[string]said{}
		for _, b := range m.boxes {
			id := t.rows[b.row].id
			conditions, outcome, _ := strings.Cut(m.names[slices.IndexFunc(m.boxes, func(o ruleBox) bool { return &o.box == &b.box || o.row == b.row && o.same == b.same })], "\x00")
			one := all[id]
			one.conditions += conditions + "\x00"
			one.outcome = outcome
			all[id] = one
		}
		for i := range t.rows {
			if _, there := all[t.rows[i].id]; !there {
				all[t.rows[i].id] = said{"never", outcomeOf(t, &t.rows[i])}
			}
		}
		return all
	}
	was, is := of(c.old, c.was), of(c.new, c.is)
	add := func(id, change, format string, args ...any) {
		d.Rows = append(d.Rows, RowChange{Row: id, Change: change, Text: fmt.Sprintf(format, args...)})
	}
	var before, after []string
	for _, id := range c.old.Rows() {
		if _, there := is[id]; there {
			before = append(before, id)
		} else {
			add(id, "removed", "row %s is removed", id)
		}
	}
	for _, id := range c.new.Rows() {
		old, there := was[id]
		if !there {
			add(id, "added", "row %s is added", id)
			continue
		}
		after = append(after, id)
		switch now := is[id]; {
		case old.conditions != now.conditions && old.outcome != now.outcome:
			add(id, "reused", "row %s has other conditions and other outputs: what was recorded under this id meant something else", id)
		case old.conditions != now.conditions:
			add(id, "conditions", "row %s has other conditions", id)
		case old.outcome != now.outcome:
			add(id, "outputs", "row %s has other outputs", id)
		}
	}
	for _, id := range movedRows(before, after) {
		add(id, "moved", "row %s is moved", id)
	}
}

// movedRows are those that stand in another order among the others: as few as explain it.
func movedRows(before, after []string) []string {
	numbers := map[string]int{}
	boxes := func(ids []string) []ruleBox {
		all := make([]ruleBox, len(ids))
		for i, id := range ids {
			if _, known := numbers[id]; !known {
				numbers[id] = len(numbers) + 1
			}
			all[i].same = numbers[id]
		}
		return all
	}
	kept := longestCommon(boxes(before), boxes(after))
	var moved []string
	for _, id := range after {
		if !slices.Contains(kept, numbers[id]) {
			moved = append(moved, id)
		}
	}
	return moved
}
