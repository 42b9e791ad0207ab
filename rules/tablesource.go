package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"crosswalk/source"
)

// TableSource is a table as it is written: what YAML, CSV and spreadsheets are read into, compiled from and written
// from. Nothing in it has been checked; CompileTable does that.
type TableSource struct {
	File string `json:"file"`
	// Head is the YAML that stands beside the rows, line by line, with its comments: everything but rows, and but
	// tests if those stand in the same file.
	Head  []SourceLine `json:"head"`
	Rows  SourceGrid   `json:"rows"`
	Tests *SourceGrid  `json:"tests,omitempty"` // only those in the same file; another file is named by tests: in the head
	// Parts are the tables that this one is made of: its versions, or the steps of a decision.
	Parts []SourcePart `json:"parts,omitempty"`

	contents [][]byte // of the files that it was read from, as they are hashed; nil if it was read by another package
	headRows bool     // the head could not be cut: it has rows and tests in it
}

// SourcePart is a table that another one is made of.
type SourcePart struct {
	Name  string       `json:"name"` // as the other one names it: a file under versions, a table under steps
	Table *TableSource `json:"table"`
}

// SourceLine is a line of the head. In a spreadsheet several may come from one cell.
type SourceLine struct {
	Text  string `json:"text"`
	Place Place  `json:"place"` // of its first character
}

// SourceGrid is cells under a header, without empty rows.
type SourceGrid struct {
	File   string       `json:"file,omitempty"` // the file beside the table that they stand in, as the table names it; "" if it is the table's own
	Header []SourceCell `json:"header"`
	Rows   []SourceRow  `json:"rows"`
	Below  []string     `json:"below,omitempty"` // comments after the last row, each with its #
}

// SourceRow is a row: its cells in the order of the header. Empty ones at the end may be left out.
type SourceRow struct {
	Above []string     `json:"above,omitempty"` // comments above it, each with its #
	Cells []SourceCell `json:"cells"`
}

// SourceCell is the text of a cell with its place.
type SourceCell struct {
	Text  string   `json:"text"`
	Place Place    `json:"place"`          // of its first character
	Form  CellForm `json:"form,omitempty"` // what a spreadsheet made of it
}

// Place is where something stands: a line of a text file, or a cell of a spreadsheet.
type Place struct {
	File   string `json:"file"`
	Cell   string `json:"cell,omitempty"` // of a spreadsheet, as in [Routing]!C7; line and column are then those of the sheet
	Line   int    `json:"line"`           // 1-based
	Column int    `json:"column"`         // 1-based, in characters
}

// String is file:line:column, or the cell, as in approvals.xlsx[Routing]!C7.
func (p Place) String() string {
	if p.Cell != "" || p.Line == 0 {
		return p.File + p.Cell
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// short leaves out the column: the cell is named beside it.
func (p Place) short() string {
	if p.Cell != "" || p.Line == 0 {
		return p.File + p.Cell
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// where says it within a sentence about another place of the same file.
func (p Place) where() string {
	if p.Cell != "" {
		return "at " + strings.TrimLeft(p.Cell, "!")
	}
	return fmt.Sprintf("on line %d", p.Line)
}

// problem is a problem at an offset in the text that begins at the place.
func (p Place) problem(text string, offset int, hint, message string) source.Problem {
	if p.Cell == "" {
		before := []rune(text)
		before = before[:min(max(offset, 0), len(before))]
		if last := strings.LastIndexByte(string(before), '\n'); last >= 0 {
			p.Line += strings.Count(string(before), "\n")
			p.Column = 1 + utf8.RuneCountInString(string(before)[last+1:])
		} else {
			p.Column += offset
		}
	}
	return source.Problem{File: p.File, Cell: p.Cell, Line: p.Line, Column: p.Column, Severity: source.SeverityError, Message: message, Hint: hint}
}

// Encode is the source as JSON, the same bytes for the same content: the form in which a table that is no text, such as
// a spreadsheet, is kept in a bundle and hashed.
func (s *TableSource) Encode() []byte { return encodeTable(s) }

// Encode is the rows of a sheet as JSON, for tables that name it under rows.
func (g SourceGrid) Encode() []byte { return encodeTable(g) }

func encodeTable(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil { // a struct of texts and numbers cannot fail
		panic(fmt.Sprintf("rules: encoding a table: %s", err))
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// EncodedTable says whether tables in files of this name are no text, so that ReadTable takes what Encode wrote.
func EncodedTable(file string) bool {
	extension := strings.ToLower(path.Ext(file))
	return extension == ".xlsx" || extension == ".dmn"
}

// ReadTable reads a table without checking what it says: YAML; CSV with the head in leading lines that begin with #, if
// the file's name ends in .csv; or what Encode wrote, if it ends in .xlsx or .dmn. The source is nil if the file cannot
// be taken apart. read may be nil where a table refers to no other file.
func ReadTable(file string, text []byte, read TableReader) (*TableSource, source.Problems) {
	return readTable(file, text, read, 0)
}

func readTable(file string, text []byte, read TableReader, depth int) (*TableSource, source.Problems) {
	switch {
	case EncodedTable(file):
		return decodeTable(file, text)
	case strings.EqualFold(path.Ext(file), ".csv"):
		return readCSV(file, text)
	default:
		return readYAML(file, text, read, depth)
	}
}

func decodeTable(file string, text []byte) (*TableSource, source.Problems) {
	fail := func(message, hint string) (*TableSource, source.Problems) {
		return nil, source.Problems{{File: file, Severity: source.SeverityError, Message: message, Hint: hint}}
	}
	if len(text) > maxEncodedBytes {
		return fail(fmt.Sprintf("the table has %d bytes", len(text)), fmt.Sprintf("at most %d are read", maxEncodedBytes))
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var s TableSource
	if err := decoder.Decode(&s); err != nil {
		return fail("this is not a table: "+err.Error(), "a spreadsheet is read by the program, not given as text")
	}
	s.contents = [][]byte{text}
	return &s, nil
}

func readCSV(file string, text []byte) (*TableSource, source.Problems) {
	fail := func(message, hint string) (*TableSource, source.Problems) {
		return nil, source.Problems{{File: file, Line: 1, Column: 1, Severity: source.SeverityError, Message: message, Hint: hint}}
	}
	if len(text) > source.MaxBytes {
		return fail(fmt.Sprintf("the file has %d bytes", len(text)), fmt.Sprintf("at most %d are read", source.MaxBytes))
	}
	if problems := wrongEncoding(file, text); problems != nil {
		return nil, problems
	}
	head, skip := splitCSV(text)
	if skip == 0 {
		return fail("a table in one CSV file begins with lines such as \"# table: name\"", "or name the file in rows: of a YAML table")
	}
	s := &TableSource{File: file, contents: [][]byte{normalized(text)}}
	for i, line := range strings.Split(strings.TrimSuffix(string(head), "\n"), "\n") {
		s.Head = append(s.Head, SourceLine{Text: line, Place: Place{File: file, Line: i + 1, Column: 3}})
	}
	var problems source.Problems
	add := func(p source.Problem) { problems = append(problems, p) }
	s.headTests(add)
	s.Rows = csvGrid(file, bytes.TrimPrefix(text, []byte("\ufeff")), skip, add)
	return s, problems
}

// headTests takes tests that stand in the head of a CSV file out of it.
func (s *TableSource) headTests(add func(source.Problem)) {
	root := s.document().Root
	tests := root.Get("tests")
	if tests.Kind() != source.List && (tests.Kind() != source.Scalar || !strings.Contains(tests.Text(), "\n")) {
		return
	}
	grid := readGrid(tests, nil, s, add)
	for _, row := range append([]SourceRow{{Cells: grid.Header}}, grid.Rows...) {
		for i := range row.Cells {
			row.Cells[i].Place.Column += 2 // # and a space stand before each line
		}
	}
	if cut := blockOf(root, "tests", len(s.Head)); cut.first <= cut.last {
		s.Tests = &grid
		s.Head = slices.Delete(slices.Clone(s.Head), cut.first-1, cut.last)
	}
}

func readYAML(file string, text []byte, read TableReader, depth int) (*TableSource, source.Problems) {
	if !utf8.Valid(text) {
		return nil, source.Problems{{File: file, Line: 1, Column: 1, Severity: source.SeverityError, Message: "the file is not UTF-8", Hint: "save it as UTF-8"}}
	}
	doc := source.Parse(file, text)
	if doc.Root == nil {
		return nil, doc.Problems()
	}
	s := &TableSource{File: file, contents: [][]byte{normalized(text)}}
	all := strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n")
	var cut []block
	var problems source.Problems
	add := func(p source.Problem) { problems = append(problems, p) }
	if rows := doc.Root.Get("rows"); rows != nil {
		s.Rows = readGrid(rows, read, s, add)
		if rows.Kind() == source.List {
			s.Rows.complete(doc.Root, rows)
		}
		cut = append(cut, blockOf(doc.Root, "rows", len(all)))
	}
	if tests := doc.Root.Get("tests"); tests.Kind() == source.List || tests.Kind() == source.Scalar && strings.Contains(tests.Text(), "\n") {
		grid := readGrid(tests, nil, s, add)
		s.Tests = &grid
		cut = append(cut, blockOf(doc.Root, "tests", len(all)))
	}
	problems = append(problems, s.readParts(doc.Root, read, depth)...)
	s.headRows = slices.ContainsFunc(cut, func(b block) bool { return b.last < b.first })
	for i, line := range all {
		line = strings.TrimSuffix(line, "\r")
		inside := slices.ContainsFunc(cut, func(b block) bool { return b.first <= i+1 && i+1 <= b.last && !b.outside(all, i) })
		if (!inside || s.headRows) && (i < len(all)-1 || line != "") {
			s.Head = append(s.Head, SourceLine{Text: line, Place: Place{File: file, Line: i + 1, Column: 1}})
		}
	}
	return s, append(problems, doc.Problems()...)
}

// block is the lines of one field of a file.
type block struct{ first, last int }

// blockOf finds the lines of a field at the top of a file; last is before first if it does not have lines of its own.
func blockOf(root *source.Node, key string, lines int) block {
	at := func(name string) (line, column int) { return root.KeyNode(name).Position() }
	first, column := at(key)
	b := block{first, lines}
	if column != 1 {
		return block{1, 0}
	}
	for _, name := range root.Keys() {
		line, column := at(name)
		if column != 1 || line == first && name != key {
			return block{1, 0}
		}
		if line > first {
			b.last = min(b.last, line-1)
		}
	}
	return b
}

// outside says whether a line of the block is an empty one or a comment that stands before the next field.
func (b block) outside(lines []string, i int) bool {
	for _, line := range lines[i:b.last] {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return strings.HasPrefix(lines[i], "#") || strings.TrimSpace(lines[i]) == "" && i+1 < b.last
}

// readGrid reads rows from wherever a field says that they are.
func readGrid(n *source.Node, read TableReader, s *TableSource, add func(source.Problem)) SourceGrid {
	switch {
	case n.Kind() == source.List:
		return listGrid(n, s.File)
	case n.Kind() != source.Scalar:
		n.Errorf("write the rows as a block of text, a list, or the name of a CSV file", "expected rows, found %s", n.Kind())
		return SourceGrid{}
	case strings.Contains(n.Text(), "\n"):
		return textGrid(n, s.File)
	}
	name := n.Text()
	file, sheet, _ := strings.Cut(name, "#")
	workbook := strings.EqualFold(path.Ext(file), ".xlsx")
	switch {
	case workbook && sheet == "":
		n.Errorf("write rows: "+file+"#Sheet", "which sheet of %s holds the rows?", quoted(file))
		return SourceGrid{}
	case !workbook && !strings.EqualFold(path.Ext(name), ".csv"):
		n.Errorf("begin it with rows: | and put a header line first", "expected rows, or the name of a .csv file, or a sheet as in prices.xlsx#Sheet1")
		return SourceGrid{}
	}
	if read == nil || path.IsAbs(name) || strings.Contains(name, "..") {
		n.Errorf("put it beside the table", "the file %s cannot be read from here", quoted(name))
		return SourceGrid{}
	}
	text, err := read(name)
	if err != nil {
		n.Errorf("", "the file %s cannot be read: %s", quoted(name), err)
		return SourceGrid{}
	}
	if workbook {
		var grid SourceGrid
		if len(text) > maxEncodedBytes || json.Unmarshal(text, &grid) != nil {
			n.Errorf("", "the sheet %s cannot be read", quoted(name))
			return SourceGrid{}
		}
		s.contents, grid.File = append(s.contents, text), name
		return grid
	}
	if len(text) > source.MaxBytes {
		n.Errorf("", "the file %s is too large", quoted(name))
		return SourceGrid{}
	}
	beside := path.Join(path.Dir(s.File), name)
	if problems := wrongEncoding(beside, text); problems != nil {
		for _, p := range problems {
			add(p)
		}
		return SourceGrid{}
	}
	text = normalized(text)
	s.contents = append(s.contents, text)
	grid := csvGrid(beside, text, 0, add)
	grid.File = name
	return grid
}

// complete adds the columns that no row of a list has: there they are empty.
func (g *SourceGrid) complete(root, rows *source.Node) {
	line, column := rows.Position()
	add := func(name string) {
		if name != "" && !slices.ContainsFunc(g.Header, func(cell SourceCell) bool { return cell.Text == name }) {
			g.Header = append(g.Header, SourceCell{Text: name, Place: Place{File: rows.File(), Line: line, Column: column}})
		}
	}
	for _, key := range []string{"inputs", "outputs"} {
		n := root.Get(key)
		if n.Kind() == source.Map {
			for _, name := range first(n.Keys()) {
				add(name)
			}
		}
		if n.Kind() != source.List {
			continue
		}
		for _, item := range first(n.List()) {
			for _, of := range []*source.Node{item.Get("name"), item.Get("fact"), item.Get("value"), item} {
				if of.Kind() == source.Scalar {
					add(of.Text())
					break
				}
			}
		}
	}
}

// document is the head, to be read as YAML. Its problems are at lines of the head.
func (s *TableSource) document() *source.Document {
	lines := make([]string, len(s.Head))
	for i, line := range s.Head {
		lines[i] = line.Text
	}
	return source.Parse(s.File, []byte(strings.Join(lines, "\n")+"\n"))
}

// placed brings problems of the head back to the file that it was read from.
func (s *TableSource) placed(problems source.Problems) source.Problems {
	moved := slices.Clone(problems)
	for i := range moved {
		p := &moved[i]
		if p.Line == 0 || len(s.Head) == 0 {
			continue
		}
		place := s.Head[min(p.Line, len(s.Head))-1].Place
		p.File, p.Cell, p.Line = place.File, place.Cell, place.Line
		if p.Column += place.Column - 1; place.Cell != "" {
			p.Column = place.Column
		}
	}
	return moved
}
