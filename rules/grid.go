package rules

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"crosswalk/source"
)

// gridCell is one cell of a table as it stands in a file, with the way to report what is wrong with it.
type gridCell struct {
	text   string
	line   int
	report reporter
}

// gridRow is a row: its cells in the order of the columns.
type gridRow []gridCell

// grid is the rows of a table, whichever way they were written.
type grid struct {
	header gridRow
	rows   []gridRow
}

// textGrid reads the rows of a block text: columns separated by |, a header first. Empty lines, lines of
// dashes and lines that begin with # do not count.
func textGrid(n *source.Node) grid {
	var g grid
	offset := 0
	first, _ := n.Position()
	text := n.Text()
	bars := strings.HasPrefix(strings.TrimSpace(text), "|")
	for i, line := range strings.SplitAfter(text, "\n") {
		content := strings.TrimSpace(line)
		if content != "" && content[0] != '#' && strings.Trim(content, "|-:+ ") != "" {
			r := textRow(n, line, bars, offset, first+1+i)
			if g.header == nil {
				g.header = r
			} else {
				g.rows = append(g.rows, r)
			}
		}
		offset += utf8.RuneCountInString(line)
	}
	return g
}

func textRow(n *source.Node, line string, bars bool, offset, number int) gridRow {
	var r gridRow
	line = strings.TrimRight(line, "\r\n")
	if bars && strings.HasPrefix(strings.TrimSpace(line), "|") { // Markdown puts bars at both ends
		start := strings.IndexByte(line, '|') + 1
		offset += utf8.RuneCountInString(line[:start])
		line = strings.TrimSuffix(strings.TrimRight(line[start:], " \t"), "|")
	}
	for piece := range strings.SplitSeq(line, "|") {
		at := offset
		r = append(r, gridCell{text: piece, line: number, report: func(shift, _ int, hint, message string) {
			n.ErrorAt(at+shift, hint, "%s", message)
		}})
		offset += utf8.RuneCountInString(piece) + 1
	}
	return r
}

// listGrid reads rows that are written as a list of mappings.
func listGrid(n *source.Node, columns []string) grid {
	var g grid
	line, _ := n.Position()
	for _, name := range columns {
		g.header = append(g.header, gridCell{text: name, line: line, report: func(_, _ int, hint, message string) { n.Errorf(hint, "%s", message) }})
	}
	for _, item := range n.List() {
		values := item.Map(columns...)
		r := make(gridRow, len(columns))
		for i, name := range columns {
			cell := values[name]
			r[i].line, _ = item.Position()
			if cell == nil {
				cell = item
			} else {
				r[i].text = cell.Text()
				r[i].line, _ = cell.Position()
			}
			r[i].report = func(shift, _ int, hint, message string) { cell.ErrorAt(shift, hint, "%s", message) }
		}
		g.rows = append(g.rows, r)
	}
	return g
}

// csvGrid reads comma or semicolon separated values. skip lines at the top are not rows.
func csvGrid(file string, text []byte, skip int, add func(source.Problem)) grid {
	var g grid
	body := dropLines(text, skip)
	reader := csv.NewReader(bytes.NewReader(body))
	reader.FieldsPerRecord = -1
	reader.LazyQuotes = false
	header, _, _ := strings.Cut(string(body), "\n")
	if strings.Count(header, ";") > strings.Count(header, ",") {
		reader.Comma = ';'
	}
	lines := strings.Split(string(body), "\n")
	for {
		fields, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return g
		}
		if err != nil {
			var wrong *csv.ParseError
			problem := source.Problem{File: file, Line: skip + 1, Column: 1, Severity: source.SeverityError, Message: "not valid CSV: " + err.Error()}
			if errors.As(err, &wrong) {
				problem.Line, problem.Column, problem.Message = skip+wrong.Line, wrong.Column, "not valid CSV: "+wrong.Err.Error()
			}
			add(problem)
			return g
		}
		r := make(gridRow, len(fields))
		blank := true
		for i, field := range fields {
			line, column := reader.FieldPos(i)
			r[i] = csvCell(file, field, lines[line-1], line+skip, column, add)
			blank = blank && strings.TrimSpace(field) == ""
		}
		switch {
		case blank || strings.HasPrefix(strings.TrimSpace(fields[0]), "#"):
		case g.header == nil:
			g.header = r
		default:
			g.rows = append(g.rows, r)
		}
	}
}

func csvCell(file, field, line string, number, column int, add func(source.Problem)) gridCell {
	before := line[:min(column-1, len(line))]
	first := utf8.RuneCountInString(before) + 1
	if strings.HasPrefix(line[len(before):], `"`) {
		first++
	}
	return gridCell{text: field, line: number, report: func(shift, _ int, hint, message string) {
		add(source.Problem{File: file, Line: number, Column: first + shift, Severity: source.SeverityError, Message: message, Hint: hint})
	}}
}

func dropLines(text []byte, count int) []byte {
	for range count {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text
}

// splitCSV takes apart a table that is one CSV file: its leading lines begin with # and hold, after it,
// the YAML that a table file has before its rows. A spreadsheet may have put such a line in quotes and
// separators after it.
func splitCSV(text []byte) (head []byte, lines int) {
	var b bytes.Buffer
	rest := bytes.TrimPrefix(text, []byte("\ufeff"))
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		content := strings.TrimRight(string(line), ",;\r ")
		if inner, ok := strings.CutPrefix(content, `"`); ok && strings.HasPrefix(inner, "#") {
			content = strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
		}
		comment, ok := strings.CutPrefix(content, "#")
		if !ok {
			break
		}
		b.WriteString(strings.TrimPrefix(comment, " ") + "\n")
		lines++
		rest = after
	}
	return b.Bytes(), lines
}
