package adapters

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"crosswalk/rules"
)

// plainNumber is a text that a spreadsheet reads as a number, and that therefore needs no guard.
var plainNumber = regexp.MustCompile(`^[+-]?[0-9][0-9.,]*$`)

// write writes rows. Without columns they are the fields of all rows, in alphabetical order.
func (t table) write(rows rules.Value) ([]byte, error) {
	if kind := rows.Kind(); kind != rules.KindList && kind != rules.KindMissing {
		return nil, fmt.Errorf("rows: a %s is no list", kind)
	}
	columns := t.columns
	if len(columns) == 0 {
		seen := map[string]bool{}
		for _, row := range rows.Items() {
			for _, key := range row.Keys() {
				seen[key] = true
			}
		}
		columns = sortedKeys(seen)
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Comma, w.UseCRLF = t.delimiter, true
	if t.headings {
		if err := w.Write(columns); err != nil {
			return nil, err
		}
	}
	for i, row := range rows.Items() {
		cells, err := t.cells(columns, row)
		if err != nil {
			return nil, fmt.Errorf("rows[%d]: %w", i, err)
		}
		if err := w.Write(cells); err != nil {
			return nil, fmt.Errorf("rows[%d]: %w", i, err)
		}
	}
	if w.Flush(); w.Error() != nil {
		return nil, w.Error()
	}
	return t.encode(out.Bytes())
}

func (t table) cells(columns []string, row rules.Value) ([]string, error) {
	for _, key := range row.Keys() {
		if !containsText(columns, key) {
			return nil, fmt.Errorf("there is no column %q", key)
		}
	}
	cells := make([]string, len(columns))
	for i, column := range columns {
		value := row.Get(column)
		if kind := value.Kind(); kind == rules.KindList || kind == rules.KindRecord {
			return nil, fmt.Errorf("%s: a %s cannot stand in a cell", column, kind)
		}
		cells[i] = value.String()
		if value.Kind() == rules.KindText && !t.formulas {
			cells[i] = withoutFormula(cells[i])
		}
	}
	return cells, nil
}

func containsText(list []string, text string) bool {
	for _, one := range list {
		if one == text {
			return true
		}
	}
	return false
}

// withoutFormula puts ' before a text that a spreadsheet would run: a customer's name is never a formula.
func withoutFormula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) && !plainNumber.MatchString(text) {
		return "'" + text
	}
	return text
}

// encode turns UTF-8 into the file's encoding. A character that it does not have is an error: a question mark in its
// place would change the data unseen.
func (t table) encode(text []byte) ([]byte, error) {
	if t.encoding != "" && t.encoding != "utf-8" {
		encoding, err := htmlindex.Get(t.encoding)
		if err != nil {
			return nil, err
		}
		encoded, err := encoding.NewEncoder().Bytes(text)
		if err != nil {
			return nil, fmt.Errorf("the encoding %s does not have all of the characters", t.encoding)
		}
		return encoded, nil
	}
	if t.bom {
		return append([]byte("\xef\xbb\xbf"), text...), nil
	}
	return text, nil
}
