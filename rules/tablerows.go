package rules

import (
	"fmt"
	"slices"
	"strings"

	"crosswalk/source"
)

// layout says at which position of a row each column stands; -1 if it is not there.
type layout struct {
	id, why, off int
	from, to     int
	inputs       []int
	outputs      []int
	width        int
}

func (b *tableBuilder) rows(g SourceGrid) {
	if g.Header == nil {
		if b.keys["rows"] == nil && len(b.doc.Problems().Errors()) == 0 {
			b.doc.Root.Errorf("write rows: | and below it a header line with the names of the columns, and the rows", "the table has no rows")
		}
		return
	}
	header := b.cells(g.Header)
	l, ok := b.layout(header)
	if !ok {
		return
	}
	if len(g.Rows) > MaxRows {
		b.cells(g.Rows[MaxRows].Cells)[0].report(0, 0, "split the table", fmt.Sprintf("the table has %d rows; at most %d are read", len(g.Rows), MaxRows))
		return
	}
	ids := map[string]Place{}
	same := map[string]string{}
	for _, from := range g.Rows {
		if len(b.found) > maxProblems {
			b.found = append(b.found, Place{File: b.table.file}.problem("", 0, "correct those above first", "there are more problems, which are not listed"))
			break
		}
		r := b.cells(from.Cells)
		b.row(r, l, ids, same)
		b.table.written = append(b.table.written, written(header[:l.width], r, l))
	}
	if len(g.Rows) == 0 {
		header[0].report(0, 0, "add a row below the header", "the table has no rows")
	}
	b.outputType()
}

func (b *tableBuilder) layout(header gridRow) (layout, bool) {
	l := layout{inputs: make([]int, len(b.table.columns)), outputs: make([]int, len(b.outputs)), width: len(header)}
	at := map[string]int{}
	ok := true
	if len(header) > MaxColumns {
		header[MaxColumns].report(0, 0, "split the table", fmt.Sprintf("the table has %d columns; at most %d are read", len(header), MaxColumns))
		return l, false
	}
	for i, cell := range header {
		name, shift := trimmed(cell.text)
		if name == "" && i == len(header)-1 {
			l.width--
			continue
		}
		if !slices.Contains(b.columnNames(), name) {
			hint := source.DidYouMean(name, b.columnNames())
			if name == "from" || name == "to" {
				hint = "if rows have dates, add effective: {by: …} with the fact that they are about"
			}
			cell.report(shift, len(name), hint, fmt.Sprintf("unknown column %q", name))
			ok = false
		}
		if _, twice := at[name]; twice {
			cell.report(shift, len(name), "remove one of them", fmt.Sprintf("the column %q is there twice", name))
			ok = false
		}
		at[name] = i
	}
	find := func(name string) int {
		if i, there := at[name]; there {
			return i
		}
		return -1
	}
	l.id, l.why, l.off = find("id"), find("why"), find("off")
	l.from, l.to = find("from"), find("to")
	if l.id < 0 {
		header[0].report(0, 0, "add a column id: each row needs a name that stays when rows are moved", "there is no column id")
		ok = false
	}
	for i, c := range b.table.columns {
		if l.inputs[i] = find(c.name); l.inputs[i] < 0 && !c.dates {
			header[0].report(0, 0, "", fmt.Sprintf("the column %q is missing", c.name))
			ok = false
		}
	}
	for i, output := range b.outputs {
		if l.outputs[i] = find(output.Name); l.outputs[i] < 0 {
			header[0].report(0, 0, "", fmt.Sprintf("the column %q is missing", output.Name))
			ok = false
		}
	}
	return l, ok
}

// written keeps a row as it stands in the file, to show it and to tell what changed.
func written(header, r gridRow, l layout) WrittenRow {
	row := WrittenRow{ID: strings.TrimSpace(r.cell(l.id).text)}
	for i, column := range header {
		if i != l.id {
			row.Cells = append(row.Cells, Cell{Column: strings.TrimSpace(column.text), Text: strings.TrimSpace(r.cell(i).text)})
		}
	}
	return row
}

// cell returns a cell of a row; what the file leaves out at the end of a row is empty.
func (r gridRow) cell(i int) gridCell {
	if i >= 0 && i < len(r) {
		return r[i]
	}
	last := r[len(r)-1]
	return gridCell{place: last.place, report: last.report}
}

// named makes messages about a cell say which row and column it is.
func (c gridCell) named(row, column string) gridCell {
	report := c.report
	c.report = func(offset, length int, hint, message string) {
		report(offset, length, hint, "row "+row+", "+column+": "+message)
	}
	return c
}

func (b *tableBuilder) row(r gridRow, l layout, ids map[string]Place, same map[string]string) {
	idCell := r.cell(l.id)
	id := strings.TrimSpace(idCell.text)
	switch {
	case id == "":
		idCell.report(0, 0, "give it one that stays when rows are moved", "this row has no id")
		return
	case id == DefaultRow || len(id) > 64 || b.table.hit.several() && strings.Contains(id, ","):
		idCell.report(0, 0, "choose another id", fmt.Sprintf("%s cannot be the id of a row", quoted(id)))
		return
	case ids[id] != Place{}:
		idCell.report(0, 0, "ids are never used twice", fmt.Sprintf("the id %s is taken by the row %s", quoted(id), ids[id].where()))
		return
	}
	ids[id] = idCell.place
	if idCell.form != FormNumber { // ids may be numbers
		idCell.damaged(&Type{Kind: KindText}, true)
	}
	if len(r) > l.width && strings.TrimSpace(r[l.width].text) != "" {
		hint := "put a text with the separator in it in quotes"
		if r[l.width].place.Cell != "" {
			hint = "give its column a name in the header, or empty the cell"
		}
		r[l.width].report(0, 0, hint, fmt.Sprintf("row %s has more cells than there are columns", id))
		return
	}
	if off := r.cell(l.off); l.off >= 0 {
		switch strings.ToLower(strings.TrimSpace(off.text)) {
		case "true", "x":
			return
		case "", "false", "-":
		default:
			off.named(id, "off").report(0, 0, "write true or leave it empty", fmt.Sprintf("%s is neither", quoted(off.text)))
		}
	}
	result := row{id: id, why: strings.TrimSpace(r.cell(l.why).text), place: idCell.place}
	env := b.tests(&result, r, l)
	b.checkSame(result, idCell, same)
	b.rowOutputs(&result, r, l, env)
	b.table.rows = append(b.table.rows, result)
}

// tests compiles the input cells and returns what is known about the facts when all of them match.
func (b *tableBuilder) tests(result *row, r gridRow, l layout) *Environment {
	known := facts{}
	for i, c := range b.table.columns {
		if c.dates {
			test, cell := b.rowDates(result.id, r.cell(l.from), r.cell(l.to))
			result.tests, result.cells = append(result.tests, test), append(result.cells, cell)
			continue
		}
		cell := r.cell(l.inputs[i]).named(result.id, c.name)
		test := b.cell(i, cell)
		if _, fixed := collectLiterals(test, c.value.result.Kind, nil); !fixed {
			result.computed |= 1 << i
			b.computed++
		}
		if provesPresent(test) {
			known = known.and(prove(c.value.path))
		}
		if _, anything := test.(anyTest); anything {
			test = nil
		}
		result.tests = append(result.tests, test)
		result.cells = append(result.cells, cell)
	}
	return &Environment{variables: b.env.variables, names: b.env.names, present: b.env.present.and(known)}
}

// cell compiles an input cell.
func (b *tableBuilder) cell(column int, cell gridCell) cellTest {
	of := b.table.columns[column].value.result
	if of == unknown {
		return anyTest{}
	}
	wrong := missingTest{} // no other row is to be taken for the same because of that
	if cell.damaged(of.AsPresent(), false) {
		return wrong
	}
	if b.computed > maxComputed {
		cell.report(0, 0, "split the table", fmt.Sprintf("more than %d cells are more than comparisons with fixed values", maxComputed))
		b.computed = 0
		return wrong
	}
	if b.inner == nil {
		b.inner = make([]*Environment, len(b.table.columns))
	}
	if b.inner[column] == nil {
		b.inner[column] = b.env.With(placeholder, of.AsPresent())
	}
	test := parseCell(cell.text, cellParser{t: of.AsPresent(), may: of.Optional, unit: b.table.columns[column].unit, env: b.env, inner: b.inner[column],
		options: b.options, report: cell.report})
	if test == nil {
		return wrong
	}
	return test
}

// checkSame finds rows whose cells say the same, so that the second can never decide, or both always do.
func (b *tableBuilder) checkSame(r row, at gridCell, same map[string]string) {
	texts := make([]string, len(r.cells))
	for i, cell := range r.cells {
		if r.tests[i] != nil {
			texts[i] = strings.Join(strings.Fields(cell.text), " ")
		}
	}
	if b.table.hit != Unique && b.table.hit != First {
		return
	}
	key := strings.Join(texts, "\x00")
	first, seen := same[key]
	if !seen {
		same[key] = r.id
		return
	}
	if b.table.hit == Unique {
		at.report(0, 0, "make them exclude each other", fmt.Sprintf("row %s has the same conditions as row %s, and at most one row may match", r.id, first))
		return
	}
	at.report(0, 0, "remove it, or change its conditions", fmt.Sprintf("row %s can never decide: row %s above has the same conditions", r.id, first))
}

func (b *tableBuilder) rowOutputs(result *row, r gridRow, l layout, env *Environment) {
	record := &recordPart{}
	values := map[string]part{}
	reads := map[string]bool{}
	fixed := true
	for i, output := range b.outputs {
		cell := r.cell(l.outputs[i]).named(result.id, output.Name)
		text, shift := trimmed(cell.text)
		if text == "" || text == "-" || text == "missing" {
			b.given[i] = false
			if b.needed[i] {
				cell.report(0, 0, "", "a value is needed here")
			}
			continue
		}
		if cell.damaged(output.Type, true) {
			continue
		}
		if number, ok := percentage(text, b.units[i]); ok {
			text = number.String()
		}
		value, t := b.outputCell(text, shift, output.Type, env, cell.report, reads)
		if t.Optional {
			b.given[i] = false
		}
		_, isFixed := value.(fixedPart)
		fixed = fixed && isFixed
		values[output.Name] = value
		record.keys = append(record.keys, output.Name)
	}
	slices.Sort(record.keys)
	for _, key := range record.keys {
		record.values = append(record.values, values[key])
	}
	result.outputs = &Template{root: record}
	for path := range reads {
		result.outputs.reads = append(result.outputs.reads, path)
	}
	if result.fixed = fixed; fixed {
		result.value, _ = record.fill(nil)
	}
}

// outputCell reads a literal by the output's type, or a text with ${…}.
func (b *tableBuilder) outputCell(text string, shift int, t *Type, env *Environment, report reporter, reads map[string]bool) (part, *Type) {
	if quote := text[0]; len(text) > 1 && (quote == '"' || quote == '\'') && text[len(text)-1] == quote && t.Kind == KindText {
		text, shift = text[1:len(text)-1], shift+1
	}
	builder := &templateBuilder{env: env, options: b.options, reads: reads}
	shifted := func(offset, length int, hint, message string) { report(offset+shift, length, hint, message) }
	return builder.text(text, t.AsOptional(), shifted, func() (Value, error) {
		if t.Kind == KindList || t.Kind == KindRecord || t.Kind == KindAny {
			return Value{}, DecodeErrors{{Message: "expected " + expectation(t), Hint: "write a formula in ${…}"}}
		}
		return t.decodeText(text)
	})
}

// outputType makes the outputs' type: one that some row leaves empty may be missing.
func (b *tableBuilder) outputType() {
	t := RecordType()
	for i, output := range b.outputs {
		t.Fields = append(t.Fields, Field{Name: output.Name, Type: output.Type, Required: b.given[i]})
	}
	b.table.Outputs = t
}
