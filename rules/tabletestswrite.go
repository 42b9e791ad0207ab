package rules

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"crosswalk/source"
)

// AddTests adds tests to a file of tests, or to a new one if text is empty, and returns the file's new text. Columns that
// the file does not have are added; its comments stay.
func (t *Table) AddTests(file string, text []byte, made []TableTest) ([]byte, error) {
	if len(bytes.TrimSpace(text)) == 0 && !isCSV(file) {
		text = []byte("table: " + t.Name + "\n")
	}
	return t.rewrite(file, text, func(w *testWriter) error {
		for _, test := range made {
			w.add(test)
		}
		return nil
	})
}

// ConfirmTests says of proposed tests that a person stands for what they expect. Without ids it is said of all.
func (t *Table) ConfirmTests(file string, text []byte, ids []string) (changed []byte, confirmed []string, err error) {
	changed, err = t.rewrite(file, text, func(w *testWriter) error {
		for _, row := range w.rows {
			if row.cells[confirmedColumn] == "false" && (len(ids) == 0 || slices.Contains(ids, row.cells["id"])) {
				row.cells[confirmedColumn] = ""
				confirmed = append(confirmed, row.cells["id"])
			}
		}
		if !slices.ContainsFunc(w.rows, func(row testRow) bool { return row.cells[confirmedColumn] != "" }) {
			w.columns = slices.DeleteFunc(w.columns, func(name string) bool { return name == confirmedColumn })
		}
		return nil
	})
	return changed, confirmed, err
}

func isCSV(file string) bool { return strings.EqualFold(path.Ext(file), ".csv") }

// testWriter is a file of tests that is being changed.
type testWriter struct {
	given   Value
	columns []string
	rows    []testRow
	below   []string
}

type testRow struct {
	above []string
	cells map[string]string
}

func (t *Table) rewrite(file string, text []byte, change func(w *testWriter) error) ([]byte, error) {
	w := &testWriter{}
	grid := SourceGrid{}
	var doc *source.Document
	if len(bytes.TrimSpace(text)) > 0 {
		var problems source.Problems
		grid, doc, problems = testGrid(file, text)
		problems = slices.DeleteFunc(problems, func(p source.Problem) bool { return grid.Header == nil && strings.Contains(p.Message, `"tests"`) })
		if problems.Err() != nil {
			return nil, problems.Err()
		}
		if doc != nil {
			r := &testReader{table: t}
			r.head(doc)
			w.given = r.given
		}
	}
	for _, cell := range grid.Header {
		name, _ := trimmed(cell.Text)
		w.columns = append(w.columns, name)
	}
	for _, row := range grid.Rows {
		one := testRow{above: row.Above, cells: map[string]string{}}
		for i, cell := range row.Cells {
			if i < len(w.columns) {
				one.cells[w.columns[i]], _ = trimmed(cell.Text)
			}
		}
		w.rows = append(w.rows, one)
	}
	w.below = grid.Below
	if err := change(w); err != nil {
		return nil, err
	}
	if isCSV(file) {
		return w.csv(text), nil
	}
	return w.yaml(text, doc), nil
}

// add puts a test at the end, with the columns that it needs.
func (w *testWriter) add(test TableTest) {
	row := testRow{cells: map[string]string{"id": test.ID, "note": strings.ReplaceAll(test.Note, "|", "/"), rowColumn: strings.Join(test.rows, ", ")}}
	if !test.Confirmed {
		row.cells[confirmedColumn] = "false"
	}
	if test.fails {
		row.cells[errorColumn] = test.failure
	}
	w.need("id", false)
	w.facts(row, test.Facts, nil)
	for _, name := range slices.Clone(w.columns) {
		if given := pathOf(w.given, name); !given.IsMissing() && row.cells[name] == "" && pathOf(test.Facts, name).IsMissing() {
			row.cells[name] = "missing"
		}
	}
	for _, output := range test.outputs {
		name := "=> " + output.name
		w.need(name, true)
		row.cells[name] = output.text
	}
	for _, name := range []string{rowColumn, errorColumn, "note", confirmedColumn} {
		if row.cells[name] != "" {
			w.need(name, true)
		}
	}
	w.rows = append(w.rows, row)
}

func pathOf(facts Value, name string) Value { return facts.Path(strings.Split(name, ".")...) }

// facts writes facts into columns: the fields of records each into one.
func (w *testWriter) facts(row testRow, of Value, above []string) {
	for i, key := range of.Keys() {
		v := of.Items()[i]
		at := append(slices.Clone(above), key)
		name := strings.Join(at, ".")
		switch {
		case v.Equal(pathOf(w.given, name)):
		case v.kind == KindRecord && v.Len() > 0:
			w.facts(row, v, at)
		case v.kind == KindRecord || v.kind == KindList:
			w.need(name, false)
			row.cells[name] = string(v.Plain())
		default:
			w.need(name, false)
			row.cells[name] = quotedCell(v.String())
		}
	}
}

// need adds a column: facts stand before what is expected.
func (w *testWriter) need(name string, last bool) {
	if slices.Contains(w.columns, name) {
		return
	}
	at := slices.IndexFunc(w.columns, func(column string) bool {
		return strings.HasPrefix(column, "=>") || column == "note" || column == confirmedColumn
	})
	if last && (strings.HasPrefix(name, "=>")) {
		at = slices.IndexFunc(w.columns, func(column string) bool {
			return column == "note" || column == confirmedColumn || name != rowColumn && column == rowColumn
		})
	} else if last {
		at = -1
	}
	if at < 0 {
		at = len(w.columns)
	}
	w.columns = slices.Insert(w.columns, at, name)
}

// quotedCell puts a text in quotes that would be read as something else.
func quotedCell(text string) string {
	if text == "" || strings.TrimSpace(text) != text || text == "missing" || text[0] == '"' || text[0] == '\'' {
		return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	return text
}

func (w *testWriter) csv(text []byte) []byte {
	_, skip := splitCSV(text)
	var out bytes.Buffer
	for _, line := range bytes.SplitAfter(text, []byte("\n"))[:skip] {
		out.Write(line)
	}
	header, _, _ := strings.Cut(string(dropLines(text, skip)), "\n")
	writer := csv.NewWriter(&out)
	if strings.Count(header, ";") > strings.Count(header, ",") {
		writer.Comma = ';'
	}
	record := func(cells []string) { _ = writer.Write(cells) } // into memory: it cannot fail
	record(w.columns)
	for _, row := range w.rows {
		for _, comment := range row.above {
			record([]string{comment})
		}
		record(row.in(w.columns))
	}
	for _, comment := range w.below {
		record([]string{comment})
	}
	writer.Flush()
	return out.Bytes()
}

func (r testRow) in(columns []string) []string {
	cells := make([]string, len(columns))
	for i, name := range columns {
		cells[i] = r.cells[name]
	}
	return cells
}

// yaml writes the tests as a block of aligned columns into the place of those that were there.
func (w *testWriter) yaml(text []byte, doc *source.Document) []byte {
	widths := make([]int, len(w.columns))
	for i, name := range w.columns {
		widths[i] = utf8.RuneCountInString(name)
		for _, row := range w.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row.cells[name]))
		}
	}
	line := func(cells []string) string {
		var b strings.Builder
		for i, cell := range cells {
			if i > 0 {
				b.WriteString(" | ")
			}
			fmt.Fprintf(&b, "%-*s", widths[i], cell)
		}
		return "  " + strings.TrimRight(b.String(), " ")
	}
	block := []string{"tests: |", line(w.columns)}
	for _, row := range w.rows {
		for _, comment := range row.above {
			block = append(block, "  "+comment)
		}
		block = append(block, line(row.in(w.columns)))
	}
	for _, comment := range w.below {
		block = append(block, "  "+comment)
	}
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
	first, last := len(lines)+1, len(lines)
	if doc != nil && doc.Root.Get("tests").Exists() {
		if at := blockOf(doc.Root, "tests", len(lines)); at.last >= at.first {
			first, last = at.first, at.last
		}
	}
	lines = slices.Concat(lines[:first-1], block, lines[last:])
	return []byte(strings.Join(lines, "\n") + "\n")
}
