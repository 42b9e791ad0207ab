package rules

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// YAML writes the table as one YAML file: the head as it is, then the rows in aligned columns, or as a list where a
// cell could not be written so.
func (s *TableSource) YAML() []byte {
	var b bytes.Buffer
	s.writeHead(&b, "")
	if s.Rows.Header != nil { // a decision of several tables has none
		b.WriteString("rows:" + yamlGrid(s.Rows))
	}
	if s.Tests != nil {
		b.WriteString("tests:" + yamlGrid(*s.Tests))
	}
	return b.Bytes()
}

func (s *TableSource) writeHead(b *bytes.Buffer, prefix string) {
	for _, line := range s.Head {
		b.WriteString(strings.TrimRight(prefix+line.Text, " ") + "\n")
	}
}

// yamlGrid is what stands after rows: or tests:, with the line ends.
func yamlGrid(g SourceGrid) string {
	if !g.fitsBlock() {
		return yamlList(g)
	}
	return " |\n" + indented(g.Block())
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

// fitsBlock says whether every cell can stand between bars.
func (g SourceGrid) fitsBlock() bool {
	if len(g.Header) == 0 || g.width() == 0 || !blockRow(g.Header) {
		return false
	}
	for _, row := range g.Rows {
		if !blockRow(row.Cells) {
			return false
		}
	}
	return true
}

func blockRow(cells []SourceCell) bool {
	says := false
	for i, cell := range cells {
		text, _ := trimmed(cell.Text)
		if i == 0 && (text == "" || text[0] == '#') || strings.ContainsFunc(text, func(r rune) bool { return r == '|' || !printable(r) }) {
			return false
		}
		says = says || strings.Trim(text, "|-:+ ") != ""
	}
	return says
}

// printable says whether YAML takes a character outside double quotes.
func printable(r rune) bool {
	return unicode.IsPrint(r) || r == '\u00a0' || unicode.Is(unicode.Zs, r)
}

// width is the number of columns that have a name or a cell.
func (g SourceGrid) width() int {
	width := len(g.Header)
	for width > 0 && strings.TrimSpace(g.Header[width-1].Text) == "" {
		width--
	}
	return width
}

// Block writes the cells in columns with bars between them.
func (g SourceGrid) Block() string {
	width := g.width()
	lines := [][]string{texts(g.Header, width)}
	for _, row := range g.Rows {
		lines = append(lines, texts(row.Cells, width))
	}
	widths := make([]int, width)
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			for _, comment := range g.Rows[i-1].Above {
				b.WriteString(comment + "\n")
			}
		}
		var text strings.Builder
		for j, cell := range line {
			if j > 0 {
				text.WriteString(" | ")
			}
			text.WriteString(cell + strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell)))
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	for _, comment := range g.Below {
		b.WriteString(comment + "\n")
	}
	return b.String()
}

func texts(cells []SourceCell, width int) []string {
	line := make([]string, width)
	for i := range min(width, len(cells)) {
		line[i], _ = trimmed(cells[i].Text)
	}
	return line
}

// yamlList writes the rows as mappings. The first one has every column, because its order is that of the columns.
func yamlList(g SourceGrid) string {
	if len(g.Rows) == 0 {
		return " []\n"
	}
	var b strings.Builder
	b.WriteString("\n")
	width := g.width()
	header := texts(g.Header, width)
	for i, row := range g.Rows {
		for _, comment := range row.Above {
			b.WriteString("  " + comment + "\n")
		}
		if i == len(g.Rows)-1 {
			for _, comment := range g.Below { // after the last row it would belong to nothing
				b.WriteString("  " + comment + "\n")
			}
		}
		mark := "  - "
		for j, text := range texts(row.Cells, width) {
			if text == "" && i > 0 && j > 0 {
				continue
			}
			b.WriteString(mark + yamlQuoted(header[j]) + ": " + yamlQuoted(text) + "\n")
			mark = "    "
		}
	}
	return b.String()
}

func yamlQuoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case printable(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// CSV writes the table as one CSV file: the head in lines that begin with #, then header and rows. It begins with a
// byte order mark, without which Excel takes the text for one in the old encoding of the machine.
func (s *TableSource) CSV() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	head := s.Head
	if s.Tests != nil {
		lines := SourceLine{Text: "tests:" + yamlGrid(*s.Tests)}
		for line := range strings.Lines(lines.Text) {
			head = append(head[:len(head):len(head)], SourceLine{Text: strings.TrimRight(line, "\n")})
		}
	}
	w := csv.NewWriter(&b)
	var failed error
	write := func(fields ...string) { failed = errors.Join(failed, w.Write(fields)) }
	for _, line := range head {
		w.Flush()
		if text := strings.TrimRight("# "+line.Text, " "); strings.ContainsAny(text, `,;"`) {
			b.WriteString(`"` + strings.ReplaceAll(text, `"`, `""`) + "\"\n")
		} else {
			b.WriteString(text + "\n")
		}
	}
	width := s.Rows.width()
	write(texts(s.Rows.Header, width)...)
	for i, row := range s.Rows.Rows {
		for _, comment := range row.Above {
			write(comment)
		}
		line := texts(row.Cells, width)
		if strings.HasPrefix(line[0], "#") {
			return nil, fmt.Errorf("row %d begins with %s, which would make it a comment in CSV: choose another id or order of columns", i+1, strconv.Quote(line[0]))
		}
		write(line...)
	}
	for _, comment := range s.Rows.Below {
		write(comment)
	}
	w.Flush()
	return b.Bytes(), failed
}
