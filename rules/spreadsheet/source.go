package spreadsheet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// The sheets beside the one with the table.
const (
	testsSheet = "tests"
	factsSheet = "facts"
	listsSheet = "lists" // what the lists of choices are made of; never read
)

// Read takes a workbook for a table: fields above the header, rows below it, tests and facts on sheets of their own.
// The source is nil if the file cannot be read. Nothing in it has been checked but what a spreadsheet does to it.
func Read(file string, content []byte) (*rules.TableSource, source.Problems) {
	r := &reader{file: file}
	s := r.table(content)
	return s, r.problems
}

// ReadRows takes one sheet of a workbook for the rows of a table, a header first.
func ReadRows(file string, content []byte, name string) (rules.SourceGrid, source.Problems) {
	r := &reader{file: file}
	book, err := load(file, content)
	if err != nil {
		r.refused(err)
		return rules.SourceGrid{}, r.problems
	}
	entry := book.sheet(name)
	if entry == nil {
		r.add(source.Problem{File: file, Severity: source.SeverityError, Hint: source.DidYouMean(name, book.names()),
			Message: fmt.Sprintf("the workbook has no sheet %q", name)})
		return rules.SourceGrid{}, r.problems
	}
	s, err := book.read(entry)
	if err != nil {
		r.refused(err)
		return rules.SourceGrid{}, r.problems
	}
	if len(s.rows) == 0 {
		r.add(source.Problem{File: file, Cell: "[" + s.name + "]", Severity: source.SeverityError,
			Message: "the sheet is empty", Hint: "put a header row with the names of the columns first"})
		return rules.SourceGrid{}, r.problems
	}
	grid := r.grid(s, max(headerOf(s), 0))
	definitionRow(&grid)
	return grid, r.problems
}

type reader struct {
	file     string
	problems source.Problems
}

func (r *reader) add(p source.Problem) { r.problems = append(r.problems, p) }

func (r *reader) refused(err error) {
	p := source.Problem{File: r.file, Severity: source.SeverityError, Message: err.Error()}
	var why *refusal
	if errors.As(err, &why) {
		p.Hint = why.hint
	}
	r.add(p)
}

// fail reports something wrong with a cell.
func (r *reader) fail(s *sheet, row, column int, hint, format string, args ...any) {
	place := r.place(s, row, column)
	r.add(source.Problem{File: place.File, Cell: place.Cell, Line: row, Column: column, Severity: source.SeverityError, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (r *reader) place(s *sheet, row, column int) rules.Place {
	return rules.Place{File: r.file, Cell: "[" + s.name + "]!" + cellName(row, column), Line: row, Column: column}
}

func (r *reader) table(content []byte) *rules.TableSource {
	book, err := load(r.file, content)
	if err != nil {
		r.refused(err)
		return nil
	}
	main, at, tests, facts, err := r.sheets(book)
	if err != nil {
		r.refused(err)
		return nil
	}
	if main == nil {
		r.add(source.Problem{File: r.file, Severity: source.SeverityError, Message: "no sheet of the workbook holds a table",
			Hint: "put fields such as table and hit into the first column, and below them a header row with a column id"})
		return nil
	}
	s := &rules.TableSource{File: r.file, Head: r.head(main, at)}
	s.Rows = r.grid(main, at)
	definitions := definitionRow(&s.Rows)
	if tests != nil && len(tests.rows) > 0 {
		grid := r.grid(tests, 0)
		s.Tests = &grid
	}
	r.complete(s, definitions, facts)
	return s
}

// sheets finds out which sheet holds what. at is the header's place among the rows of the main one.
func (r *reader) sheets(book *workbook) (main *sheet, at int, tests, facts *sheet, err error) {
	for i := range book.sheets {
		entry := &book.sheets[i]
		switch name := strings.ToLower(entry.name); {
		case name == listsSheet:
		case name == testsSheet:
			tests, err = book.read(entry)
		case name == factsSheet:
			facts, err = book.read(entry)
		default:
			var s *sheet
			if s, err = book.read(entry); err != nil {
				break
			}
			header := headerOf(s)
			switch {
			case header < 0:
			case main != nil:
				err = refuse("keep one table in a workbook, or name the sheet in rows: of a YAML table, as in rows: "+r.file+"#"+s.name,
					"the sheets %s and %s both look like tables", main.name, s.name)
			case entry.hidden:
				r.fail(s, 1, 1, "show it, or delete it", "the sheet is hidden, and it holds a table")
			default:
				main, at = s, header
			}
		}
		if err != nil {
			return nil, 0, nil, nil, err
		}
	}
	return main, at, tests, facts, nil
}

// headerOf finds the first row with a cell id; -1 if there is none.
func headerOf(s *sheet) int {
	return slices.IndexFunc(s.rows, func(row []cell) bool {
		return len(row) > 1 && slices.ContainsFunc(row, func(c cell) bool { return strings.TrimSpace(c.text) == "id" })
	})
}

func isComment(row []cell) bool {
	return len(row) == 1 && row[0].form == text && strings.HasPrefix(strings.TrimSpace(row[0].text), "#")
}

// grid takes the rows from a header on for cells under it.
func (r *reader) grid(s *sheet, at int) rules.SourceGrid {
	header := s.rows[at]
	left, right := header[0].column, header[len(header)-1].column
	r.hidden(s, header[0].row, left, right)
	var g rules.SourceGrid
	_, g.Header = r.cells(s, header, left, right)
	var comments []string
	for _, row := range s.rows[at+1:] {
		if isComment(row) {
			comments = append(comments, strings.TrimSpace(row[0].text))
			continue
		}
		if blank, cells := r.cells(s, row, left, right); !blank {
			g.Rows, comments = append(g.Rows, rules.SourceRow{Above: comments, Cells: cells}), nil
		}
	}
	g.Below = comments
	return g
}

// cells puts the cells of a row where they belong, and reports those that are not what somebody typed.
func (r *reader) cells(s *sheet, row []cell, left, right int) (blank bool, cells []rules.SourceCell) {
	blank = true
	cells = make([]rules.SourceCell, right-left+1)
	for i := range cells {
		cells[i].Place = r.place(s, row[0].row, left+i)
	}
	for _, c := range row {
		if strings.TrimSpace(c.text) == "" && c.form == text {
			continue
		}
		blank = false
		r.spaces(s, c)
		taken := rules.SourceCell{Text: r.intact(s, c), Place: r.place(s, c.row, c.column), Form: forms[c.form]}
		switch {
		case c.column < left:
			r.fail(s, c.row, c.column, "remove it, or give the column a name in the header", "%q stands beside the table", c.text)
		case c.column > right: // the table says that there is no such column
			cells = append(cells, taken)
		default:
			cells[c.column-left] = taken
		}
	}
	return blank, cells
}

var forms = map[form]rules.CellForm{number: rules.FormNumber, day: rules.FormDate, boolean: rules.FormBool,
	longNumber: rules.FormLost, percentage: rules.FormLost, instant: rules.FormLost, failure: rules.FormLost, formula: rules.FormLost}

// intact is the text of a cell. What a spreadsheet made of it without anybody's asking is reported.
func (r *reader) intact(s *sheet, c cell) string {
	switch c.form {
	case formula:
		saved := "no value was saved with it"
		if c.text != "" {
			saved = fmt.Sprintf("%q was saved as its value", c.text)
		}
		r.fail(s, c.row, c.column, "write the value itself: copy the cell and paste it as a value", "this is a formula%s, and formulas are not computed; %s", formulaWords(c.formula), saved)
	case failure:
		r.fail(s, c.row, c.column, "write what belongs here", "the spreadsheet has the error %s here", short(c.text))
	case longNumber:
		r.fail(s, c.row, c.column, "format the column as text, then type it again", "the number %s has more digits than a spreadsheet keeps (15): the others are lost", c.text)
	case percentage:
		r.fail(s, c.row, c.column, "format the cell as text or as number, and write the number as the fact has it: 10 or 0.1", "this is shown as a percentage, and the number in it is %s", c.text)
	case instant:
		r.fail(s, c.row, c.column, "format the column as text, and write a date as 2026-03-01, a point in time as 2026-03-01T14:30:00+01:00", "the spreadsheet holds a time here, as the number %s: that has no time zone", c.text)
	}
	return strings.ReplaceAll(strings.ReplaceAll(c.text, "\r\n", "\n"), "\r", "\n")
}

// spaces warns of what nobody sees and the table does not read.
func (r *reader) spaces(s *sheet, c cell) {
	if trimmed := strings.TrimFunc(c.text, isSpace); c.form == text && trimmed != c.text && trimmed != "" {
		place := r.place(s, c.row, c.column)
		r.add(source.Problem{File: place.File, Cell: place.Cell, Line: c.row, Column: c.column, Severity: source.SeverityWarning,
			Message: fmt.Sprintf("a space stands before or after %q", short(trimmed)), Hint: "it is not read; remove it so that nobody wonders"})
	}
}

func isSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\u00a0' || r == '\u202f'
}

func short(text string) string {
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return text
}

// hidden reports rows and columns of a table that nobody sees, and cells that were merged: all of them decide, or seem
// to.
func (r *reader) hidden(s *sheet, first, left, right int) {
	for _, row := range s.rows {
		if at := row[0].row; at >= first && s.hiddenRows[at] {
			r.fail(s, at, left, "show it (or clear the filter), or delete it; a row that must not decide has true under off", "row %d is hidden, and it would decide all the same", at)
		}
	}
	for _, columns := range s.hiddenColumns {
		for column := max(columns[0], left); column <= min(columns[1], right); column++ {
			r.fail(s, first, column, "show it, or delete it", "column %s is hidden, and it would decide all the same", columnName(column))
		}
	}
	for _, m := range s.merged {
		if m.bottom >= first && m.left <= right && m.right >= left {
			r.fail(s, m.top, m.left, "unmerge them, and write the value into each", "the cells %s to %s are merged: only the first of them holds something", cellName(m.top, m.left), cellName(m.bottom, m.right))
		}
	}
}

// head makes the fields above the header lines of YAML again.
func (r *reader) head(s *sheet, at int) []rules.SourceLine {
	var lines []rules.SourceLine
	for _, row := range s.rows[:at] {
		first := row[0]
		key := strings.TrimSpace(first.text)
		place := r.place(s, first.row, first.column)
		if strings.HasPrefix(key, "#") && first.column == 1 {
			lines = append(lines, rules.SourceLine{Text: key, Place: place})
			continue
		}
		if first.column != 1 {
			r.fail(s, first.row, first.column, "put the name of a field into column A and its value into column B", "%q stands above the header, and column A is empty there", short(first.text))
			continue
		}
		value, comment := cell{row: first.row, column: 2}, ""
		for _, c := range row[1:] {
			switch {
			case c.column == 2:
				value = c
			case c.column == 3 && strings.HasPrefix(strings.TrimSpace(c.text), "#"):
				comment = " " + strings.TrimSpace(c.text)
			case strings.TrimSpace(c.text) != "":
				r.fail(s, c.row, c.column, "a field has its name in column A, its value in column B, and may have a comment that begins with # in column C", "%q belongs to no field", short(c.text))
			}
		}
		at := r.place(s, value.row, value.column)
		for i, line := range fieldLines(key, r.intact(s, value)) {
			if i == 0 {
				line += comment
			}
			lines = append(lines, rules.SourceLine{Text: line, Place: at})
		}
	}
	return lines
}

// definitionRow takes the row under the header that names the facts of the columns out of the grid.
func definitionRow(g *rules.SourceGrid) []rules.SourceCell {
	id := slices.IndexFunc(g.Header, func(c rules.SourceCell) bool { return strings.TrimSpace(c.Text) == "id" })
	if len(g.Rows) == 0 || id < 0 || id >= len(g.Rows[0].Cells) || strings.TrimSpace(g.Rows[0].Cells[id].Text) != "fact" {
		return nil
	}
	cells := g.Rows[0].Cells
	if above := g.Rows[0].Above; len(g.Rows) > 1 {
		g.Rows[1].Above = append(slices.Clone(above), g.Rows[1].Above...)
	} else {
		g.Below = append(slices.Clone(above), g.Below...)
	}
	g.Rows = g.Rows[1:]
	return cells
}

// formulaWords is a formula as it stands in a message. One that is shared by several cells stands in the first of them only.
func formulaWords(formula string) string {
	if formula == "" {
		return " that it shares with other cells"
	}
	return " (=" + short(formula) + ")"
}
