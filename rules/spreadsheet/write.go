package spreadsheet

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"crosswalk/rules"
	"crosswalk/source"
)

const (
	maxCellText = 32_767 // characters that a cell of a spreadsheet holds
	maxListText = 255    // characters of a list of choices that stands in the rule itself
	spareRows   = 200    // below the last one, which get lists of choices too
)

// Write makes a workbook of a table: the fields above the header, locked against mistakes; a row that says which fact
// each column holds; the rows as texts, so that the program damages nothing, with lists to choose from; the tests and
// the facts on sheets of their own. Read gives the same table back, and the same table gives the same bytes. The table
// must be without errors.
func Write(s *rules.TableSource) ([]byte, error) {
	table, problems := rules.CompileTable(s)
	if table == nil {
		return nil, fmt.Errorf("the table has errors: %w", problems.Err())
	}
	head, err := fields(s.Head)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.File, err)
	}
	w := &writer{table: table}
	w.main(s, head)
	if s.Tests != nil {
		w.tests(*s.Tests)
	}
	w.glossary()
	if w.err != nil {
		return nil, fmt.Errorf("%s: %w", s.File, w.err)
	}
	out, err := pack(table.Title, append(w.sheets, w.choiceSheet()...))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.File, err)
	}
	if len(out) > MaxBytes {
		return nil, fmt.Errorf("%s: the workbook would have %d bytes, and at most %d are read", s.File, len(out), MaxBytes)
	}
	return out, nil
}

// sheetName is a name that Excel takes for a sheet.
func sheetName(table string) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) {
			return '-'
		}
		return r
	}, table)
	if runes := []rune(name); len(runes) > 31 {
		name = string(runes[:31])
	}
	if name == "" || slices.Contains([]string{testsSheet, factsSheet, listsSheet, "history"}, strings.ToLower(name)) {
		return "table"
	}
	return name
}

// writer collects the sheets of one workbook and remembers the first thing that failed.
type writer struct {
	table  *rules.Table
	sheets []*page
	lists  [][]string // choices that are too long to stand in a rule, by column of the sheet for them
	err    error
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *writer) page(name string) *page {
	p := &page{name: name, fail: w.fail}
	w.sheets = append(w.sheets, p)
	return p
}

func (w *writer) main(s *rules.TableSource, head []field) {
	p := w.page(sheetName(w.table.Name))
	p.protected, p.free = true, true
	for _, f := range head {
		p.row(lineHeight)
		if f.key == "" {
			p.put(1, f.comment, styleLocked)
			continue
		}
		p.put(1, f.key, styleKey)
		p.put(2, f.value, styleLocked)
		p.put(3, f.comment, styleLocked)
	}
	width := gridWidth(s.Rows)
	p.row(0)
	for i, cell := range s.Rows.Header[:width] {
		p.put(i+1, strings.TrimSpace(cell.Text), styleHeader)
	}
	p.row(lineHeight)
	w.definitions(p, s, width)
	p.frozen = p.last
	first := p.last + 1
	w.rows(p, s.Rows, width)
	w.choices(p, s.Rows, width, first, p.last+spareRows)
	for i := range width {
		least := 8
		if i < 3 { // fields stand above
			least = [...]int{14, 40, 16}[i]
		}
		p.widths = append(p.widths, columnWidth(s.Rows, i, least))
	}
}

func gridWidth(g rules.SourceGrid) int {
	width := len(g.Header)
	for width > 0 && strings.TrimSpace(g.Header[width-1].Text) == "" {
		width--
	}
	return width
}

func columnWidth(g rules.SourceGrid, i, least int) int {
	widest := utf8.RuneCountInString(g.Header[i].Text)
	for _, row := range g.Rows {
		if i < len(row.Cells) {
			widest = max(widest, utf8.RuneCountInString(row.Cells[i].Text))
		}
	}
	return min(max(widest+2, least), 60)
}

// definitions writes the row that says what each column holds.
func (w *writer) definitions(p *page, s *rules.TableSource, width int) {
	known := definitionsOf(source.Parse(s.File, []byte(headText(s.Head))).Root)
	for i, cell := range s.Rows.Header[:width] {
		says := known[strings.TrimSpace(cell.Text)]
		if strings.TrimSpace(cell.Text) == "id" {
			says = "fact"
		}
		p.put(i+1, says, styleDefinition)
	}
}

// rows writes rows with their comments.
func (w *writer) rows(p *page, g rules.SourceGrid, width int) {
	for _, r := range g.Rows {
		for _, comment := range r.Above {
			p.row(0)
			p.put(1, comment, stylePlain)
		}
		p.row(0)
		for i := range min(width, len(r.Cells)) {
			text := strings.TrimFunc(r.Cells[i].Text, isSpace)
			if i == 0 && strings.HasPrefix(text, "#") {
				w.fail("a row begins with %q, which would make it a comment in a spreadsheet: choose another id or order of columns", short(text))
			}
			if text != "" {
				p.put(i+1, text, stylePlain)
			}
		}
	}
	for _, comment := range g.Below {
		p.row(0)
		p.put(1, comment, stylePlain)
	}
}

// choices offers the values of enums and truth values in lists. Tests may say more than one of them, so there a list
// only offers; an output is asked back.
func (w *writer) choices(p *page, g rules.SourceGrid, width, first, last int) {
	for _, column := range w.table.Columns() {
		at := slices.IndexFunc(g.Header[:width], func(c rules.SourceCell) bool { return strings.TrimSpace(c.Text) == column.Name })
		values := choicesOf(column)
		if at < 0 || len(values) == 0 {
			continue
		}
		c := choice{area: cellName(first, at+1) + ":" + cellName(last, at+1), title: column.Name, ask: column.Output}
		if joined := strings.Join(values, ","); len(joined) <= maxListText && !strings.Contains(strings.Join(values, ""), ",") && !strings.Contains(joined, `"`) {
			c.formula = `"` + joined + `"`
		} else {
			w.lists = append(w.lists, values)
			name := columnName(len(w.lists))
			c.formula = fmt.Sprintf("%s!$%s$1:$%s$%d", listsSheet, name, name, len(values))
		}
		p.choices = append(p.choices, c)
	}
}

func choicesOf(column rules.Column) []string {
	t := column.Type
	var values []string
	switch {
	case len(t.Enum) > 0:
		for _, value := range t.Enum {
			values = append(values, value.String())
		}
	case t.Kind == rules.KindBool:
		values = []string{"true", "false"}
	default:
		return nil
	}
	if !column.Output {
		values = append(values, "-")
		if t.Optional {
			values = append(values, "missing")
		}
	}
	return values
}

// choiceSheet is the sheet that holds the long lists of choices.
func (w *writer) choiceSheet() []*page {
	if len(w.lists) == 0 {
		return nil
	}
	p := &page{name: listsSheet, hidden: true, fail: w.fail}
	longest := 0
	for _, values := range w.lists {
		longest = max(longest, len(values))
	}
	for i := range longest {
		p.row(0)
		for j, values := range w.lists {
			if i < len(values) {
				p.put(j+1, values[i], stylePlain)
			}
		}
	}
	return []*page{p}
}

func (w *writer) tests(g rules.SourceGrid) {
	p := w.page(testsSheet)
	p.free = true
	width := gridWidth(g)
	p.row(0)
	for i, cell := range g.Header[:width] {
		p.put(i+1, strings.TrimSpace(cell.Text), styleHeader)
		p.widths = append(p.widths, columnWidth(g, i, 10))
	}
	p.frozen = 1
	w.rows(p, g, width)
}

// glossary writes the facts that cells may speak of, to read.
func (w *writer) glossary() {
	p := w.page(factsSheet)
	p.protected = true
	p.row(0)
	for i, name := range factColumns {
		p.put(i+1, name, styleHeader)
		p.widths = append(p.widths, [...]int{32, 14, 10, 40, 40}[i])
	}
	p.frozen = 1
	for _, row := range glossaryOf("", w.table.Facts) {
		p.row(0)
		for j, text := range row {
			if text != "" {
				p.put(j+1, text, styleLocked)
			}
		}
	}
}

func headText(head []rules.SourceLine) string {
	var b strings.Builder
	for _, line := range head {
		b.WriteString(line.Text + "\n")
	}
	return b.String()
}
