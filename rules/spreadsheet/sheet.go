package spreadsheet

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// form is what a cell of a workbook holds. Everything but text was made of what somebody typed.
type form uint8

const (
	text form = iota
	number
	longNumber // with more digits than a spreadsheet keeps
	percentage
	day
	instant // a day with a time, or a time alone
	boolean
	failure // #REF! and its like
	formula
)

// cell is a cell with content.
type cell struct {
	row, column int // 1-based
	text        string
	form        form
	formula     string
}

// sheet is the content of one sheet.
type sheet struct {
	name          string
	rows          [][]cell // those with content, in order
	hiddenRows    map[int]bool
	hiddenColumns [][2]int
	merged        []area
}

// area is a rectangle of cells.
type area struct{ top, left, bottom, right int }

// read reads a sheet.
func (w *workbook) read(entry *sheetEntry) (*sheet, error) {
	r := &sheetReader{book: w, sheet: &sheet{name: entry.name, hiddenRows: map[int]bool{}}}
	if err := w.parts.each(entry.part, r.start, r.end); err != nil {
		return nil, err
	}
	return r.sheet, nil
}

type sheetReader struct {
	book   *workbook
	sheet  *sheet
	row    int
	hidden bool
	column int
	kind   string // the attribute t of the cell
	style  int
	value  string
	inline strings.Builder
	source string // of a formula
	has    bool   // a formula
	cells  int
	line   []cell
}

func (r *sheetReader) start(e xml.StartElement, _ []string) error {
	switch e.Name.Local {
	case "col":
		if isTrue(attribute(e, "hidden")) || attribute(e, "width") == "0" {
			low, _ := strconv.Atoi(attribute(e, "min"))
			high, _ := strconv.Atoi(attribute(e, "max"))
			if len(r.sheet.hiddenColumns) < maxColumn {
				r.sheet.hiddenColumns = append(r.sheet.hiddenColumns, [2]int{low, high})
			}
		}
	case "row":
		next := r.row + 1
		if given := attribute(e, "r"); given != "" {
			var err error
			if next, err = strconv.Atoi(given); err != nil || next <= r.row {
				return refuse(saveAgain, "the workbook is damaged: on sheet %s, row %q follows row %d", r.sheet.name, given, r.row)
			}
		}
		r.row, r.column, r.line = next, 0, nil
		r.hidden = isTrue(attribute(e, "hidden")) || attribute(e, "ht") == "0"
	case "c":
		next := r.column + 1
		if given := attribute(e, "r"); given != "" {
			row, column, ok := parseCellName(given)
			if !ok || row != r.row || column <= r.column {
				return refuse(saveAgain, "the workbook is damaged: on sheet %s, a cell of row %d is called %q", r.sheet.name, r.row, given)
			}
			next = column
		}
		r.column, r.kind, r.value, r.source, r.has = next, attribute(e, "t"), "", "", false
		r.style, _ = strconv.Atoi(attribute(e, "s"))
		r.inline.Reset()
	case "f":
		r.has = true
	case "mergeCell":
		if len(r.sheet.merged) < maxMerged {
			low, high, _ := strings.Cut(attribute(e, "ref"), ":")
			top, left, ok := parseCellName(low)
			bottom, right, also := parseCellName(high)
			if ok && also {
				r.sheet.merged = append(r.sheet.merged, area{top, left, bottom, right})
			}
		}
	}
	return nil
}

func (r *sheetReader) end(name, content string, within []string) error {
	switch name {
	case "v":
		r.value = content
	case "f":
		r.source = content
	case "t":
		if len(within) > 0 && !contains(within, "rPh") && contains(within, "is") {
			r.inline.WriteString(content)
		}
	case "c":
		c, filled := r.cell()
		if !filled {
			return nil
		}
		if r.cells++; r.cells > maxCells {
			return refuse("remove what is not a rule from it", "the sheet %s has more than %d cells", r.sheet.name, maxCells)
		}
		if r.row > maxRow || r.column > maxColumn {
			return refuse("a table ends long before; remove what stands there", "%s is filled; at most %d rows and %d columns are read", place(r.book.file, r.sheet.name, r.row, r.column), maxRow, maxColumn)
		}
		r.line = append(r.line, c)
	case "row":
		if len(r.line) > 0 {
			r.sheet.rows = append(r.sheet.rows, r.line)
			if r.hidden {
				r.sheet.hiddenRows[r.row] = true
			}
		}
		r.line = nil
	}
	return nil
}

func contains(names []string, name string) bool {
	for _, one := range names {
		if one == name {
			return true
		}
	}
	return false
}

// cell makes of the elements what the cell holds; false if it is empty.
func (r *sheetReader) cell() (cell, bool) {
	c := cell{row: r.row, column: r.column}
	switch r.kind {
	case "s":
		if i, err := strconv.Atoi(strings.TrimSpace(r.value)); err == nil && i >= 0 && i < len(r.book.texts) {
			c.text = r.book.texts[i]
		} else if r.value != "" {
			c.text, c.form = "a text that the file lacks", failure
		}
	case "inlineStr":
		c.text = unescape(r.inline.String())
	case "str":
		c.text = unescape(r.value)
	case "b":
		c.text, c.form = strconv.FormatBool(isTrue(strings.TrimSpace(r.value))), boolean
	case "e":
		c.text, c.form = r.value, failure
	case "d":
		c.text, c.form = strings.TrimSuffix(r.value, "T00:00:00"), day
		if strings.Contains(c.text, "T") {
			c.form = instant
		}
	default:
		if r.value != "" {
			c.text, c.form = r.number()
		}
	}
	if r.has {
		c.form, c.formula = formula, r.source
	}
	return c, c.text != "" || r.has
}

// number is a number as it is shown.
func (r *sheetReader) number() (string, form) {
	shown := plain
	if r.style >= 0 && r.style < len(r.book.formats) {
		shown = r.book.formats[r.style]
	}
	digits, lost, ok := numberText(r.value)
	switch {
	case !ok:
		return r.value, failure
	case shown == date || shown == dateTime:
		if t, whole := r.book.dayText(r.value); whole {
			return t, day
		}
		return digits, instant
	case shown == timeOfDay:
		return digits, instant
	case shown == percent:
		return digits, percentage
	case lost:
		return digits, longNumber
	default:
		return digits, number
	}
}

// cellName is C7.
func cellName(row, column int) string { return columnName(column) + strconv.Itoa(row) }

func columnName(column int) string {
	name := ""
	for ; column > 0; column = (column - 1) / 26 {
		name = string(rune('A'+(column-1)%26)) + name
	}
	return name
}

func parseCellName(name string) (row, column int, ok bool) {
	name = strings.ReplaceAll(name, "$", "")
	i := 0
	for ; i < len(name) && i < 4; i++ {
		c := name[i] &^ 0x20
		if c < 'A' || c > 'Z' {
			break
		}
		column = column*26 + int(c-'A') + 1
	}
	row, err := strconv.Atoi(name[i:])
	return row, column, err == nil && i > 0 && row > 0 && row <= 1<<20 && column <= 1<<14
}

// place is how messages name a cell.
func place(file, sheet string, row, column int) string {
	return fmt.Sprintf("%s[%s]!%s", file, sheet, cellName(row, column))
}
