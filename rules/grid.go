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

// textGrid reads the rows of a block text: columns separated by |, a header first. Empty lines and lines of dashes do
// not count; lines that begin with # are comments.
func textGrid(n *source.Node, file string) SourceGrid {
	var g SourceGrid
	text := n.Text()
	bars := strings.HasPrefix(strings.TrimSpace(text), "|")
	line, column := n.PositionAt(0)
	first, _, _ := strings.Cut(text, "\n")
	second, _ := n.PositionAt(utf8.RuneCountInString(first) + 1)
	var comments []string
	offset := 0
	for i, content := range strings.Split(text, "\n") {
		at := Place{File: file, Line: line + i, Column: column}
		if second == line { // one line of the file, with \n in it
			at = Place{File: file, Line: line, Column: column + offset}
		}
		offset += utf8.RuneCountInString(content) + 1
		content = strings.TrimRight(content, "\r")
		switch trimmed := strings.TrimSpace(content); {
		case strings.Trim(trimmed, "|-:+ ") == "":
		case trimmed[0] == '#':
			comments = append(comments, trimmed)
		case g.Header == nil:
			g.Header = textRow(content, bars, at)
		default:
			g.Rows, comments = append(g.Rows, SourceRow{Above: comments, Cells: textRow(content, bars, at)}), nil
		}
	}
	g.Below = comments
	return g
}

func textRow(line string, bars bool, at Place) []SourceCell {
	var cells []SourceCell
	if bars && strings.HasPrefix(strings.TrimSpace(line), "|") { // Markdown puts bars at both ends
		start := strings.IndexByte(line, '|') + 1
		at.Column += utf8.RuneCountInString(line[:start])
		line = strings.TrimSuffix(strings.TrimRight(line[start:], " \t"), "|")
	}
	for piece := range strings.SplitSeq(line, "|") {
		text, shift := trimmed(piece)
		cells = append(cells, SourceCell{Text: text, Place: Place{File: at.File, Line: at.Line, Column: at.Column + shift}})
		at.Column += utf8.RuneCountInString(piece) + 1
	}
	return cells
}

// listGrid reads rows that are written as a list of mappings: their fields become the columns, in the order in which
// they first come.
func listGrid(n *source.Node, file string) SourceGrid {
	var g SourceGrid
	columns := map[string]int{}
	for _, item := range n.List() {
		values := item.Map()
		line, column := item.Position()
		row := SourceRow{Above: item.Comments(), Cells: make([]SourceCell, len(g.Header))}
		for _, name := range firstKeys(item) {
			at, known := columns[name]
			if !known && len(g.Header) > 2*MaxColumns {
				continue // CompileTable says that there are too many
			}
			if !known {
				at = len(g.Header)
				columns[name] = at
				keyLine, keyColumn := item.KeyNode(name).Position()
				g.Header = append(g.Header, SourceCell{Text: name, Place: Place{File: file, Line: keyLine, Column: keyColumn}})
				row.Cells = append(row.Cells, SourceCell{})
			}
			cell := values[name]
			cellLine, cellColumn := cell.PositionAt(0)
			row.Cells[at] = SourceCell{Place: Place{File: file, Line: cellLine, Column: cellColumn}}
			if cell.Kind() != source.Null {
				row.Cells[at].Text = cell.Text()
			}
		}
		for i := range row.Cells {
			if row.Cells[i].Place.Line == 0 {
				row.Cells[i].Place = Place{File: file, Line: line, Column: column}
			}
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

// firstKeys are the fields of a row that are looked at, more than there may be columns.
func firstKeys(item *source.Node) []string {
	keys := item.Keys()
	return keys[:min(len(keys), 2*MaxColumns)]
}

// csvGrid reads comma or semicolon separated values. skip lines at the top are not rows.
func csvGrid(file string, text []byte, skip int, add func(source.Problem)) SourceGrid {
	var g SourceGrid
	body := dropLines(text, skip)
	reader := csv.NewReader(bytes.NewReader(body))
	reader.FieldsPerRecord = -1
	reader.LazyQuotes = false
	header, _, _ := strings.Cut(string(body), "\n")
	if strings.Count(header, ";") > strings.Count(header, ",") {
		reader.Comma = ';'
	}
	lines := strings.Split(string(body), "\n")
	var comments []string
	for {
		fields, err := reader.Read()
		if errors.Is(err, io.EOF) {
			g.Below = comments
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
		cells := make([]SourceCell, len(fields))
		blank := true
		for i, field := range fields {
			line, column := reader.FieldPos(i)
			cells[i] = csvCell(file, field, lines[line-1], line+skip, column)
			blank = blank && strings.TrimSpace(field) == ""
		}
		switch first := strings.TrimSpace(fields[0]); {
		case blank:
		case strings.HasPrefix(first, "#") && !spreadsheetError.MatchString(first):
			comments = append(comments, strings.TrimRight(strings.Join(fields, string(reader.Comma)), " ,;"))
		case g.Header == nil:
			g.Header = cells
		default:
			g.Rows, comments = append(g.Rows, SourceRow{Above: comments, Cells: cells}), nil
		}
	}
}

func csvCell(file, field, line string, number, column int) SourceCell {
	before := line[:min(column-1, len(line))]
	first := utf8.RuneCountInString(before) + 1
	if strings.HasPrefix(line[len(before):], `"`) {
		first++
	}
	return SourceCell{Text: field, Place: Place{File: file, Line: number, Column: first}}
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
