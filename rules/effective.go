package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"crosswalk/source"
)

// effective says on which business days a table is in force.
type effective struct {
	from, to Value // the first and the last day; missing: no bound
	column   int   // the column that holds the business date
}

// dates reads effective: {from, to, by}. The date by which the table is in force becomes its last column, in which the
// rows' own dates stand.
func (b *tableBuilder) dates() {
	n := b.keys["effective"]
	if n == nil {
		return
	}
	keys := n.Fields(effectiveShape)
	e := &effective{from: dateOfNode(keys["from"]), to: dateOfNode(keys["to"]), column: len(b.table.columns)}
	if !e.from.IsMissing() && !e.to.IsMissing() && e.from.order(e.to) > 0 {
		keys["to"].Errorf("", "the table ends before it begins")
	}
	if x := b.businessDate(n, keys["by"]); x != nil {
		b.table.effective = e
		b.table.columns = append(b.table.columns, column{name: "in force", dates: true, value: x})
	}
}

// businessDate compiles the fact by which versions and rows are in force.
func (b *tableBuilder) businessDate(n, by *source.Node) *Expression {
	if by == nil {
		n.Errorf("add by: with a fact that is a date, such as invoice.date", "nothing says which date decides what is in force")
		return nil
	}
	x := CompileNode(by, b.env, nil, b.options)
	if x == nil {
		return nil
	}
	if x.result.Kind == KindInstant && !x.result.Optional {
		x, _ = compile("date_of("+x.text+")", b.env, b.options)
		return x
	}
	if x.result.Kind != KindDate || x.result.Optional {
		by.Errorf("name a date or date-time that is required", "%s, and a business date must always be there", whatItIs(x.result))
		return nil
	}
	return x
}

func whatItIs(t *Type) string {
	if t.Optional {
		return "it may be missing"
	}
	return "it is " + article(t.String())
}

func dateOfNode(n *source.Node) Value {
	if n == nil {
		return Value{}
	}
	v, err := ParseDate(n.Text())
	if err != nil {
		n.Errorf("write YYYY-MM-DD", "%s", err)
	}
	return v
}

// check refuses days on which the table is not in force.
func (e *effective) check(t *Table, d *deciding) error {
	if e == nil {
		return nil
	}
	day := d.values[e.column]
	if e.covers(day) {
		return nil
	}
	return &DecisionError{Table: t.Name, Place: Place{File: t.file}, Message: fmt.Sprintf("the table is not in force on %s, only %s", day, e),
		Hint: "another version must be in force on that day"}
}

func (e *effective) covers(day Value) bool {
	return (e.from.IsMissing() || day.order(e.from) >= 0) && (e.to.IsMissing() || day.order(e.to) <= 0)
}

// String is the days in words.
func (e *effective) String() string {
	switch {
	case e.from.IsMissing() && e.to.IsMissing():
		return "always"
	case e.from.IsMissing():
		return "until " + e.to.String()
	case e.to.IsMissing():
		return "from " + e.from.String()
	default:
		return "from " + e.from.String() + " to " + e.to.String()
	}
}

// Effective are the first and the last business day on which the table is in force; missing where there is no bound.
func (t *Table) Effective() (from, to Value) {
	if t.effective == nil {
		return Value{}, Value{}
	}
	return t.effective.from, t.effective.to
}

// rowDates reads the columns from and to of a row as the cell of the business date.
func (b *tableBuilder) rowDates(id string, from, to gridCell) (cellTest, gridCell) {
	days := &effective{}
	e := b.table.effective
	for _, bound := range []struct {
		cell gridCell
		name string
		into *Value
	}{{from, "from", &days.from}, {to, "to", &days.to}} {
		text, shift := trimmed(bound.cell.text)
		if text == "" || text == "-" {
			continue
		}
		cell := bound.cell.named(id, bound.name)
		day, err := ParseDate(text)
		switch {
		case err != nil:
			cell.report(shift, len(text), "write YYYY-MM-DD", err.Error())
			return nil, from
		case !e.covers(day):
			cell.report(shift, len(text), "a row is in force on some of the table's days only", fmt.Sprintf("the table is in force %s", e))
			return nil, from
		}
		*bound.into = day
	}
	cell := from
	cell.text = dateCell(days)
	switch {
	case days.from.IsMissing() && days.to.IsMissing():
		return nil, cell
	case days.from.IsMissing():
		return compareTest{"<=", orderTests["<="], operand{value: days.to}}, cell
	case days.to.IsMissing():
		return compareTest{">=", orderTests[">="], operand{value: days.from}}, cell
	case days.from.order(days.to) > 0:
		to.named(id, "to").report(0, 0, "", "the row ends before it begins")
		return nil, cell
	default:
		return rangeTest{low: operand{value: days.from}, high: operand{value: days.to}}, cell
	}
}

// dateCell is the dates of a row as a cell would say them.
func dateCell(days *effective) string {
	switch {
	case days.from.IsMissing() && days.to.IsMissing():
		return "-"
	case days.from.IsMissing():
		return "<= " + days.to.String()
	case days.to.IsMissing():
		return ">= " + days.from.String()
	default:
		return "[" + days.from.String() + ".." + days.to.String() + "]"
	}
}

// versionsOf compiles a table that has several versions, each in a file of its own, one after the other.
func (b *tableBuilder) versionsOf() {
	b.keys = b.doc.Root.Fields(versionsShape)
	b.named("table", "give the table a name")
	b.facts()
	t := b.table
	if n := b.doc.Root.Required("effective", "add effective: {by: …} with the fact whose date picks the version"); n != nil {
		if x := b.businessDate(n, n.Fields(versionDateShape)["by"]); x != nil {
			t.columns = []column{{name: "in force", dates: true, value: x}}
		}
	}
	for _, item := range b.keys["versions"].List() {
		if part := b.part(item.Text()); part != nil {
			b.version(item, part)
		}
	}
	if len(b.keys["versions"].List()) == 0 {
		b.keys["versions"].Errorf("list the files of the versions", "no version is named")
	}
	if b.doc.Problems().Err() == nil {
		b.follow()
	}
}

// version adds one version.
func (b *tableBuilder) version(at *source.Node, part *Table) {
	t := b.table
	if part.Name != t.Name {
		at.Errorf("write table: "+t.Name+" in it", "this is a version of the table %s", quoted(part.Name))
	}
	if part.effective == nil {
		at.Errorf("add effective: {from: …, to: …, by: …} to it", "nothing says when this version is in force")
		return
	}
	a := &assignment{}
	a.check(part.Facts, t.Facts, "")
	for _, mismatch := range a.mismatches {
		at.Errorf(mismatch.Hint, "the facts do not fit this version: %s", mismatch.text())
	}
	if t.Result == nil {
		t.Result = part.Result
	} else if name, was, is := differs(t.Result, part.Result, "the result"); was != nil {
		at.Errorf("give both the same type", "%s is %s here, and %s in another version", name, article(is.String()), article(was.String()))
		return
	}
	t.Result = Join(t.Result, part.Result)
	if t.Outputs = part.Outputs; len(t.versions) > 0 && t.versions[0].Outputs != nil && part.Outputs != nil {
		t.Outputs = Join(t.versions[0].Outputs, part.Outputs)
	}
	t.versions = append(t.versions, part)
	b.reads = append(b.reads, part.reads...)
}

// differs finds a place at which two types hold values of different kinds.
func differs(a, b *Type, at string) (name string, was, is *Type) {
	if a.Kind != b.Kind {
		return at, a, b
	}
	if a.Kind == KindList && a.Items != nil && b.Items != nil {
		return differs(a.Items, b.Items, "an item")
	}
	for _, field := range a.Fields {
		if other, both := b.Field(field.Name); both {
			if name, was, is = differs(field.Type, other.Type, quoted(field.Name)); was != nil {
				return name, was, is
			}
		}
	}
	return "", nil, nil
}

// follow sorts the versions by date and finds days on which two are in force, or none.
func (b *tableBuilder) follow() {
	t := b.table
	slices.SortStableFunc(t.versions, func(a, c *Table) int {
		return cmp.Compare(startOf(a), startOf(c))
	})
	for i := 1; i < len(t.versions); i++ {
		before, after := t.versions[i-1].effective, t.versions[i].effective
		at := b.versionNode(t.versions[i])
		switch {
		case after.from.IsMissing() || before.to.IsMissing() || after.from.order(before.to) <= 0:
			at.Errorf("let one end the day before the other begins", "%s (%s) and %s (%s) are in force on the same days",
				t.versions[i-1].file, before, t.versions[i].file, after)
		case after.from.n != before.to.n+1:
			at.Errorf("", "no version is in force after %s and before %s", before.to, after.from)
		}
	}
}

func startOf(t *Table) int64 {
	if t.effective.from.IsMissing() {
		return -1 << 62
	}
	return t.effective.from.n
}

func (b *tableBuilder) versionNode(part *Table) *source.Node {
	for _, item := range b.keys["versions"].List() {
		if strings.HasSuffix(part.file, item.Text()) {
			return item
		}
	}
	return b.keys["versions"]
}

// inForce decides with the version that is in force on the business date.
func (t *Table) inForce(facts Value, left *work, depth int) (Decision, error) {
	version, err := t.versionFor(facts, left)
	if err != nil {
		return Decision{}, err
	}
	made, err := version.decide(version.Facts.Project(facts), left, depth+1)
	made.Version = version.file
	return made, err
}

func (t *Table) versionFor(facts Value, left *work) (*Table, error) {
	d := t.begin(facts, left)
	err := t.inputs(d)
	day := Value{}
	if err == nil {
		day = d.values[0]
	}
	d.end(left)
	if err != nil {
		return nil, err
	}
	for _, version := range t.versions {
		if version.effective.covers(day) {
			return version, nil
		}
	}
	from, to := t.versions[0].effective.from, t.versions[len(t.versions)-1].effective.to
	return nil, &DecisionError{Table: t.Name, Place: Place{File: t.file},
		Message: fmt.Sprintf("no version is in force on %s: they are %s", day, &effective{from: from, to: to}), Hint: "add a version for that day"}
}

// Versions are the tables of which the business date picks one, by date; nil if the table has but one.
func (t *Table) Versions() []*Table { return t.versions }
