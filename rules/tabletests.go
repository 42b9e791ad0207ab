package rules

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"crosswalk/source"
)

// TableTest is one test of a table: facts, and what must come of them.
type TableTest struct {
	ID, Note  string
	Facts     Value
	Confirmed bool // a person stands for what is expected; else the test is a proposal and does not count
	Place     Place

	outputs []expectedOutput
	rows    []string // that must have decided
	notRows []string // that must not have
	failure string   // what the error must say
	fails   bool
}

// expectedOutput is what an output must be.
type expectedOutput struct {
	name  string
	text  string
	place Place
}

// TestExtension is what the names of files of tests of a table have between the table's name and their extension.
const TestExtension = ".tests"

// The columns of tests that are neither facts nor outputs.
const (
	rowColumn       = "=> row"
	notRowColumn    = "=> not row"
	errorColumn     = "=> error"
	confirmedColumn = "confirmed"
)

// ReadTests reads a file of tests of a table: YAML with table, given and tests, or CSV with table and given in leading
// lines that begin with #.
func ReadTests(file string, text []byte, t *Table) ([]TableTest, source.Problems) {
	grid, head, problems := testGrid(file, text)
	r := &testReader{table: t, problems: problems}
	if head != nil {
		r.head(head)
	}
	r.rows(grid)
	return r.tests, r.problems
}

// OwnTests are the tests that stand in the table's own file.
func (t *Table) OwnTests() ([]TableTest, source.Problems) {
	if t.source == nil || t.source.Tests == nil {
		return nil, nil
	}
	r := &testReader{table: t}
	r.rows(*t.source.Tests)
	return r.tests, r.problems
}

// ReadTestRows reads tests that stand in a sheet of a workbook.
func ReadTestRows(grid SourceGrid, t *Table) ([]TableTest, source.Problems) {
	r := &testReader{table: t}
	r.rows(grid)
	return r.tests, r.problems
}

// TestsFile is the file of tests that the table names, beside it; empty if it names none.
func (t *Table) TestsFile() string {
	if t.source == nil || t.source.Tests != nil {
		return ""
	}
	n := t.source.document().Root.Get("tests")
	if n.Kind() != source.Scalar || strings.Contains(n.Text(), "\n") {
		return ""
	}
	return n.Text()
}

// testGrid takes a file of tests apart.
func testGrid(file string, text []byte) (SourceGrid, *source.Document, source.Problems) {
	var problems source.Problems
	add := func(p source.Problem) { problems = append(problems, p) }
	if strings.EqualFold(path.Ext(file), ".csv") {
		head, skip := splitCSV(text)
		grid := csvGrid(file, bytes.TrimPrefix(text, []byte("\ufeff")), skip, add)
		var doc *source.Document
		if skip > 0 {
			doc = source.Parse(file, head)
			for _, p := range doc.Problems() {
				p.Column += 2
				add(p)
			}
		}
		return grid, doc, problems
	}
	doc := source.Parse(file, text)
	if doc.Root == nil {
		return SourceGrid{}, nil, doc.Problems()
	}
	written := &TableSource{File: file}
	grid := SourceGrid{}
	if n := doc.Root.Get("tests"); n.Exists() {
		grid = readGrid(n, nil, written, add)
	} else {
		doc.Root.Required("tests", "write the tests as a block of text with a header, or as a list")
	}
	return grid, doc, append(problems, doc.Problems()...)
}

// testReader reads tests by the types of a table.
type testReader struct {
	table    *Table
	given    Value
	tests    []TableTest
	problems source.Problems
}

func (r *testReader) head(doc *source.Document) {
	if doc.Root == nil {
		return
	}
	before := len(doc.Problems())
	keys := doc.Root.Fields(testsShape)
	if name := keys["table"]; name != nil && name.Text() != r.table.Name {
		name.Errorf("write table: "+r.table.Name, "these tests stand beside the table %s", quoted(r.table.Name))
	}
	if given := keys["given"]; given.Kind() == source.Map {
		template := CompileTemplate(given, NewEnvironment(RecordType()), partial(r.table.Facts), Options{})
		if len(doc.Problems()) == before {
			if v, err := template.Eval(nil); err == nil {
				r.given = v
			}
		}
	}
	r.problems = append(r.problems, doc.Problems()[before:]...)
}

// partial is a type of records in which nothing is required.
func partial(t *Type) *Type {
	if t.Kind != KindRecord {
		return t
	}
	changed := *t
	changed.Fields = slices.Clone(t.Fields)
	for i := range changed.Fields {
		changed.Fields[i].Required = false
		changed.Fields[i].Type = partial(changed.Fields[i].Type)
	}
	return &changed
}

func (r *testReader) problem(cell SourceCell, hint, format string, args ...any) {
	r.problems = append(r.problems, cell.Place.problem(cell.Text, 0, hint, fmt.Sprintf(format, args...)))
}

// testColumn is what a column of tests holds.
type testColumn struct {
	name   string
	path   []string
	t      *Type
	output string
}

func (r *testReader) rows(grid SourceGrid) {
	columns := make([]testColumn, len(grid.Header))
	seen := map[string]bool{}
	for i, cell := range grid.Header {
		columns[i] = r.column(cell)
		if seen[columns[i].name] && columns[i].name != "" {
			r.problem(cell, "remove one of them", "the column %q is there twice", columns[i].name)
		}
		seen[columns[i].name] = true
	}
	ids := map[string]bool{}
	for _, row := range grid.Rows {
		if test, ok := r.test(columns, row); ok {
			if ids[test.ID] {
				r.problem(row.Cells[0], "choose another id", "the id %s is there twice", quoted(test.ID))
			}
			ids[test.ID] = true
			r.tests = append(r.tests, test)
		}
	}
}

func (r *testReader) column(cell SourceCell) testColumn {
	name, _ := trimmed(cell.Text)
	c := testColumn{name: name}
	switch {
	case slices.Contains([]string{"", "id", "note", confirmedColumn, rowColumn, notRowColumn, errorColumn}, name):
		return c
	case strings.HasPrefix(name, "=>"):
		c.output = strings.TrimSpace(strings.TrimPrefix(name, "=>"))
		known := r.table.outputNames()
		if !slices.Contains(known, c.output) {
			r.problem(cell, source.DidYouMean(c.output, append(known, "row", "not row", "error")), "the table has no output %s", quoted(c.output))
		}
		return c
	}
	c.path = strings.Split(name, ".")
	t := r.table.Facts
	for _, key := range c.path {
		member := t.Member(key)
		if member == nil {
			r.problem(cell, source.DidYouMean(key, t.FieldNames()), "the table has no fact %s", quoted(name))
			c.path = nil
			return c
		}
		t = member
	}
	c.t = t
	return c
}

// outputNames are the outputs that a decision can have.
func (t *Table) outputNames() []string {
	if t.Outputs == nil && t.Result != nil { // a chain
		return t.Result.FieldNames()
	}
	if t.Outputs == nil {
		return nil
	}
	return t.Outputs.FieldNames()
}

func (r *testReader) test(columns []testColumn, row SourceRow) (TableTest, bool) {
	test := TableTest{Facts: r.given, Confirmed: true}
	if test.Facts.kind != KindRecord {
		test.Facts = Record(nil)
	}
	if len(row.Cells) == 0 {
		return test, false
	}
	test.Place = row.Cells[0].Place
	if test.Place.Cell == "" {
		test.Place.Column = 1
	}
	ok := true
	for i, cell := range row.Cells {
		text, _ := trimmed(cell.Text)
		if text == "" {
			continue
		}
		if i >= len(columns) {
			r.problem(cell, "put a text with the separator in it in quotes", "there are more cells than columns")
			return test, false
		}
		switch c := columns[i]; {
		case c.name == "id":
			test.ID = text
		case c.name == "note", c.name == "":
			test.Note = text
		case c.name == confirmedColumn:
			if test.Confirmed = text != "false"; text != "false" && text != "true" {
				r.problem(cell, "write false, or leave it empty", "%s is neither true nor false", quoted(text))
			}
		case c.name == rowColumn:
			test.rows = words(text)
		case c.name == notRowColumn:
			test.notRows = words(text)
		case c.name == errorColumn:
			test.failure, test.fails = text, true
		case c.output != "":
			test.outputs = append(test.outputs, expectedOutput{name: c.output, text: text, place: cell.Place})
		case c.path != nil:
			ok = r.fact(&test, c, cell, text) && ok
		}
	}
	if test.ID == "" {
		r.problem(row.Cells[0], "add a column id, and a name for each test", "this test has no id")
		return test, false
	}
	for _, id := range slices.Concat(test.rows, test.notRows) {
		if known := append(r.table.Rows(), DefaultRow); !slices.Contains(known, id) {
			r.problem(row.Cells[0], source.DidYouMean(id, known), "test %s: the table has no row %s", test.ID, quoted(id))
			ok = false
		}
	}
	if len(test.outputs)+len(test.rows)+len(test.notRows) == 0 && !test.fails {
		r.problem(row.Cells[0], "fill in a column such as => "+strings.Join(append(r.table.outputNames(), "row")[:1], ""), "test %s expects nothing", test.ID)
		return test, false
	}
	return test, ok
}

// words cuts a list of ids.
func words(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ';' || c == ' ' })
}

func (r *testReader) fact(test *TableTest, c testColumn, cell SourceCell, text string) bool {
	var v Value
	if text != "missing" {
		var err error
		if v, err = readFact(c.t, text); err != nil {
			r.problem(cell, "", "%s: %s", c.name, err)
			return false
		}
	}
	test.Facts = withFact(test.Facts, c.path, v)
	return true
}

// withFact sets a fact, and makes the records around it.
func withFact(facts Value, path []string, v Value) Value {
	if len(path) == 1 {
		return facts.With(path[0], v)
	}
	inner := facts.Get(path[0])
	if inner.kind != KindRecord {
		if v.kind == KindMissing {
			return facts
		}
		inner = Record(nil)
	}
	return facts.With(path[0], withFact(inner, path[1:], v))
}

// readFact reads a cell by the type of the fact: lists and records as JSON, or a list of single values with commas.
func readFact(t *Type, text string) (Value, error) {
	t = t.AsPresent()
	switch t.Kind {
	case KindText:
		if quote := text[0]; len(text) > 1 && (quote == '"' || quote == '\'') && text[len(text)-1] == quote {
			text = strings.ReplaceAll(text[1:len(text)-1], string([]byte{quote, quote}), string(quote))
		}
		return t.decodeText(text)
	case KindNumber:
		return t.decodeText(strings.ReplaceAll(text, "_", ""))
	case KindList, KindRecord, KindAny:
		v, err := FromJSON([]byte(text))
		if err == nil {
			return t.Decode(v)
		}
		if t.Kind != KindList || strings.HasPrefix(text, "[") {
			if t.Kind == KindAny {
				return Text(text), nil
			}
			return Value{}, fmt.Errorf("write it as JSON: %w", err)
		}
		var items []Value
		for _, piece := range splitCell(text) {
			item, err := readFact(itemType(t), strings.TrimSpace(piece.text))
			if err != nil {
				return Value{}, err
			}
			items = append(items, item)
		}
		return t.Decode(List(items...))
	default:
		return t.decodeText(text)
	}
}

// TestResult is how a test ended.
type TestResult struct {
	Table     string   `json:"table"`
	ID        string   `json:"id"`
	Note      string   `json:"note,omitempty"`
	Place     Place    `json:"place"`
	Confirmed bool     `json:"confirmed"`
	OK        bool     `json:"ok"`
	Failures  []string `json:"failures,omitempty"`
	Rows      []string `json:"rows,omitempty"` // that decided
}

// RunTest decides a test's facts and compares the outcome with what is expected.
func (t *Table) RunTest(test *TableTest) TestResult {
	result := TestResult{Table: t.Name, ID: test.ID, Note: test.Note, Place: test.Place, Confirmed: test.Confirmed}
	decision, err := t.Decide(test.Facts)
	if err == nil {
		result.Rows = decidedRows(decision)
	}
	result.Failures = t.failures(test, decision, err)
	result.OK = len(result.Failures) == 0
	return result
}

// decidedRows are the ids of the rows that made a decision.
func decidedRows(d Decision) []string {
	if len(d.Rows) > 0 {
		return d.Rows
	}
	return []string{d.Row}
}

func (t *Table) failures(test *TableTest, decision Decision, err error) []string {
	if err != nil {
		wrong, isDecision := err.(*DecisionError)
		switch {
		case !test.fails:
			return []string{"the table gives no decision: " + err.Error()}
		case test.failure == "*", strings.Contains(strings.ToLower(err.Error()), strings.ToLower(test.failure)),
			isDecision && wrong.NoMatch && test.failure == "no match":
			return nil
		}
		return []string{fmt.Sprintf("expected an error that says %s, got: %s", quoted(test.failure), err)}
	}
	rows := decidedRows(decision)
	if test.fails {
		return []string{fmt.Sprintf("expected an error that says %s, but %s decided", quoted(test.failure), listWords("row", rows))}
	}
	var all []string
	for _, id := range test.rows {
		if !slices.Contains(rows, id) {
			all = append(all, fmt.Sprintf("row: expected %s, but %s decided", id, listWords("row", rows)))
		}
	}
	for _, id := range test.notRows {
		if slices.Contains(rows, id) {
			all = append(all, fmt.Sprintf("row %s decided, and must not", id))
		}
	}
	for _, output := range test.outputs {
		if message := t.outputFailure(output, decision.Outputs); message != "" {
			all = append(all, message)
		}
	}
	return all
}

// outputFailure compares one output; a decision of several rows has a list of it.
func (t *Table) outputFailure(expected expectedOutput, outputs Value) string {
	got := outputOf(outputs, expected.name)
	differs := func(found string) string {
		return fmt.Sprintf("%s: expected %s, found %s", expected.name, expected.text, found)
	}
	if expected.text == "missing" {
		if got.IsMissing() {
			return ""
		}
		return differs(got.String())
	}
	if got.IsMissing() {
		return differs("nothing: it is missing")
	}
	from := t.Outputs
	if from == nil {
		from = t.Result
	}
	field, _ := from.Field(expected.name)
	of := field.Type
	if of == nil || got.kind != of.Kind {
		of = &Type{Kind: got.kind, Items: TypeOf(KindAny)}
		if got.kind == KindList && field.Type != nil {
			of.Items = field.Type.AsPresent()
		}
	}
	want, err := readFact(&Type{Kind: of.Kind, Items: of.Items, Open: true}, expected.text)
	if err != nil || !want.Equal(got) {
		return differs(got.String())
	}
	return ""
}

// outputOf is an output of a decision: of a list of records, that of each.
func outputOf(outputs Value, name string) Value {
	switch outputs.kind {
	case KindRecord:
		return outputs.Get(name)
	case KindList:
		items := make([]Value, 0, len(outputs.p.items))
		for _, item := range outputs.p.items {
			if item.kind == KindRecord {
				item = item.Get(name)
			}
			items = append(items, item)
		}
		return List(items...)
	default:
		return outputs
	}
}
