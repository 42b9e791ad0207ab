package adapters

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"crosswalk/rules"
	"crosswalk/source"
)

var csvShape = source.Record(
	source.Field{Name: "delimiter", Is: source.Text(), About: "What stands between cells: one character, or tab.", Default: "','", Example: "';'"},
	source.Field{Name: "encoding", Is: source.Text(), About: "The encoding of the text, by its name on the web. A byte order mark comes before it.", Default: "utf-8", Example: "windows-1252"},
	source.Field{Name: "columns", Is: source.OneOrMore(source.Text()), About: "The names of the columns, of a file without a row of headings; in writing, the columns and their order.", Default: "the row of headings; in writing all fields in alphabetical order", Example: "[sku, on_hand]"},
	source.Field{Name: "headings", Is: source.YesNo(), About: "The first row holds the names of the columns.", Default: "true; false if columns are given and the file is read", Example: "false"},
	source.Field{Name: "formulas", Is: source.Choice("quoted", "kept"), About: "In writing: what becomes of a text that a spreadsheet would run as a formula. quoted puts ' before it.", Default: "quoted", Example: "kept"},
	source.Field{Name: "bom", Is: source.YesNo(), About: "In writing: a byte order mark comes first, by which spreadsheets know UTF-8.", Default: "false", Example: "true"},
)

// table says how a file of rows is written.
type table struct {
	delimiter rune
	encoding  string
	columns   []string
	headings  bool
	formulas  bool // kept as they are
	bom       bool
}

// plainTable is a table as RFC 4180 has it.
var plainTable = table{delimiter: ',', headings: true}

func parseTable(node *source.Node, writing bool) table {
	t := plainTable
	if !node.Exists() {
		return t
	}
	fields := node.Fields(csvShape)
	if d := fields["delimiter"]; d.Exists() {
		text := d.Text()
		if text == "tab" {
			text = "\t"
		}
		r, size := utf8.DecodeRuneInString(text)
		if size != len(text) || text == "" || strings.ContainsAny(text, "\"\r\n") || r == utf8.RuneError {
			d.Errorf("write one character, as in ';', or tab", "%q cannot stand between cells", d.Text())
		}
		t.delimiter = r
	}
	if e := fields["encoding"]; e.Exists() {
		t.encoding = strings.ToLower(e.Text())
		if _, err := htmlindex.Get(t.encoding); err != nil {
			e.Errorf("write for example utf-8, windows-1252, iso-8859-15 or utf-16le", "there is no encoding %q", e.Text())
		}
	}
	t.columns = fields["columns"].Texts()
	t.headings = len(t.columns) == 0 || writing
	if fields["headings"].Exists() {
		t.headings = fields["headings"].Bool()
	}
	if !t.headings && len(t.columns) == 0 && !writing {
		node.Errorf("name them under columns", "a file without headings needs the names of its columns")
	}
	t.formulas, t.bom = fields["formulas"].Exists() && fields["formulas"].OneOf("quoted", "kept") == "kept", fields["bom"].Bool()
	return t
}

// errRows begins every complaint about a file of rows.
var errRows = errors.New("not rows that an adapter reads")

// read calls visit for each row, as a record of texts by the names of the columns.
func (t table) read(input io.Reader, visit func(row rules.Value) error) error {
	bounded := &rowReader{from: input, left: maxRow}
	reader := csv.NewReader(bufio.NewReader(t.decoder(bounded)))
	reader.Comma, reader.ReuseRecord, reader.FieldsPerRecord = t.delimiter, true, -1
	names := t.columns
	if t.headings {
		first, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errRows, err)
		}
		if len(names) == 0 {
			if names, err = t.headingsOf(first); err != nil {
				return err
			}
		}
	}
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errRows, err)
		}
		line, _ := reader.FieldPos(0)
		if len(cells) > len(names) {
			return fmt.Errorf("%w: line %d has %d cells, and there are %d columns", errRows, line, len(cells), len(names))
		}
		fields := make(map[string]rules.Value, len(cells))
		for i, cell := range cells {
			if err := t.legible(line, cell); err != nil {
				return err
			}
			fields[names[i]] = rules.Text(cell)
		}
		if err := visit(rules.Record(fields)); err != nil {
			return err
		}
		bounded.left = maxRow
	}
}

// maxRow is how many bytes a row may have: a quote that nobody closes would else gather the whole file.
const maxRow = 16 << 20

// rowReader reads no more than a row may have.
type rowReader struct {
	from io.Reader
	left int
}

// Read reads on in the row.
func (r *rowReader) Read(into []byte) (int, error) {
	if r.left <= 0 {
		return 0, errTooLarge
	}
	n, err := r.from.Read(into[:min(len(into), r.left)])
	r.left -= n
	return n, err
}

// decoder turns the text into UTF-8. A byte order mark says more than the file of the adapter.
func (t table) decoder(input io.Reader) io.Reader {
	inner := transform.Transformer(transform.Nop)
	if t.encoding != "" && t.encoding != "utf-8" {
		if encoding, err := htmlindex.Get(t.encoding); err == nil {
			inner = encoding.NewDecoder()
		}
	}
	return transform.NewReader(input, unicode.BOMOverride(inner))
}

func (t table) encodingName() string {
	if t.encoding == "" {
		return "utf-8"
	}
	return t.encoding
}

// legible refuses a cell of another encoding. UTF-16 without a byte order mark is valid UTF-8 as long as its text is English:
// every other byte of it is zero, which no text has.
func (t table) legible(line int, cell string) error {
	if !utf8.ValidString(cell) || strings.Contains(cell, "\x00") {
		return fmt.Errorf("%w: line %d is not %s; encoding: says which it is", errRows, line, t.encodingName())
	}
	return nil
}

// headingsOf are the names of the columns. Two of one name would hide one another, and what ends its lines as old Macs do
// would be one row of headings without any other.
func (t table) headingsOf(cells []string) ([]string, error) {
	names, seen := make([]string, len(cells)), map[string]bool{}
	for i, cell := range cells {
		if err := t.legible(1, cell); err != nil {
			return nil, err
		}
		names[i] = strings.TrimSpace(cell)
		if strings.Contains(names[i], "\r") {
			return nil, fmt.Errorf("%w: lines end with a carriage return alone, as those of old Macs; they must end with a line feed", errRows)
		}
		if names[i] == "" {
			names[i] = fmt.Sprintf("column_%d", i+1)
		}
		if seen[names[i]] {
			return nil, fmt.Errorf("%w: two columns are called %q", errRows, names[i])
		}
		seen[names[i]] = true
	}
	return names, nil
}

// readTable reads all rows of a text.
func (t table) readAll(text []byte) (rules.Value, error) {
	rows := []rules.Value{}
	err := t.read(bytes.NewReader(text), func(row rules.Value) error {
		if rows = append(rows, row); len(rows) > maxItems {
			return fmt.Errorf("%w: there are more than %d", errRows, maxItems)
		}
		return nil
	})
	return rules.List(rows...), err
}
