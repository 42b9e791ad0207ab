package spreadsheet

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
)

// workbook is what the reader needs of a file: the sheets by name, the texts that they share, and how the
// numbers in them are shown.
type workbook struct {
	file    string
	parts   *container
	sheets  []sheetEntry
	texts   []string
	formats []format // by style
	epoch   int      // 1900 or 1904
}

type sheetEntry struct {
	name, part string
	hidden     bool
}

// load opens a workbook without reading its sheets yet.
func load(file string, content []byte) (*workbook, error) {
	parts, err := open(file, content)
	if err != nil {
		return nil, err
	}
	w := &workbook{file: file, parts: parts, epoch: 1900}
	root, err := parts.relations("")
	if err != nil {
		return nil, refuse(saveAgain, "this is not an Excel workbook, whatever its name says")
	}
	main := ""
	for _, r := range root {
		if r.kind == "officeDocument" {
			main = r.target
		}
	}
	if main == "" {
		return nil, refuse(saveAgain, "this is not an Excel workbook, whatever its name says")
	}
	relations, err := parts.relations(main)
	if err != nil {
		return nil, err
	}
	if err := w.index(main, relations); err != nil {
		return nil, err
	}
	for _, r := range relations {
		switch r.kind {
		case "sharedStrings":
			err = w.sharedTexts(r.target)
		case "styles":
			err = w.styles(r.target)
		}
		if err != nil {
			return nil, err
		}
	}
	return w, nil
}

func nothing(string, string, []string) error { return nil }

// index reads which sheets there are.
func (w *workbook) index(part string, relations map[string]relation) error {
	return w.parts.each(part, func(e xml.StartElement, _ []string) error {
		switch e.Name.Local {
		case "workbookPr":
			if isTrue(attribute(e, "date1904")) {
				w.epoch = 1904
			}
		case "sheet":
			if len(w.sheets) >= maxSheets {
				return refuse("remove what is not a rule from it", "the workbook has more than %d sheets", maxSheets)
			}
			entry := sheetEntry{name: attribute(e, "name"), hidden: strings.Contains(strings.ToLower(attribute(e, "state")), "hidden")}
			for _, a := range e.Attr {
				if a.Name.Local == "id" { // r:id, in either of the two namespaces
					entry.part = relations[a.Value].target
				}
			}
			w.sheets = append(w.sheets, entry)
		}
		return nil
	}, nothing)
}

// sharedTexts reads the texts that cells refer to by number. Formatting within a text is left out.
func (w *workbook) sharedTexts(part string) error {
	var text strings.Builder
	return w.parts.each(part, func(e xml.StartElement, _ []string) error {
		if e.Name.Local == "si" {
			text.Reset()
		}
		return nil
	}, func(name, content string, within []string) error {
		switch {
		case name == "t" && !slices.Contains(within, "rPh"): // rPh is how to pronounce it
			text.WriteString(content)
		case name == "si":
			if len(w.texts) >= maxTexts {
				return refuse("remove what is not a rule from it", "the workbook has more than %d texts", maxTexts)
			}
			w.texts = append(w.texts, unescape(text.String()))
		}
		return nil
	})
}

// unescape turns _x000D_ and its like into the characters that they stand for.
func unescape(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if rest := text[i:]; len(rest) >= 7 && rest[0] == '_' && rest[1] == 'x' && rest[6] == '_' {
			if code, err := strconv.ParseUint(rest[2:6], 16, 16); err == nil {
				b.WriteRune(rune(code))
				i += 6
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// sheet finds a sheet by its name; nil if there is none.
func (w *workbook) sheet(name string) *sheetEntry {
	for i := range w.sheets {
		if strings.EqualFold(w.sheets[i].name, name) {
			return &w.sheets[i]
		}
	}
	return nil
}

func (w *workbook) names() []string {
	names := make([]string, len(w.sheets))
	for i, s := range w.sheets {
		names[i] = s.name
	}
	return names
}
