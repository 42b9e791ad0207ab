package spreadsheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The styles, in the order in which the workbook declares them. All of them format a cell as text, so that the
// program does not make a date or a number of what people type.
const (
	_ = iota // what the program itself would choose
	stylePlain
	styleLocked
	styleKey
	styleHeader
	styleDefinition
)

const lineHeight = 15 // points: a field of many lines must not push the rows off the screen

// page is one sheet as it is written.
type page struct {
	name      string
	hidden    bool
	protected bool // what is not free is locked
	free      bool // cells are free unless they are styled otherwise
	frozen    int  // the last row that stays when one scrolls
	widths    []int
	choices   []choice

	last int
	data bytes.Buffer
	open bool
	fail func(format string, args ...any)
}

// choice is a list to choose from for some cells.
type choice struct {
	area, formula, title string
	ask                  bool
}

// row begins the next row. A height of 0 leaves it to the program.
func (p *page) row(height int) {
	p.end()
	p.last++
	p.open = true
	if height > 0 {
		fmt.Fprintf(&p.data, `<row r="%d" ht="%d" customHeight="1">`, p.last, height)
	} else {
		fmt.Fprintf(&p.data, `<row r="%d">`, p.last)
	}
}

func (p *page) end() {
	if p.open {
		p.data.WriteString("</row>")
	}
	p.open = false
}

// put writes a text into the row.
func (p *page) put(column int, text string, style int) {
	name := cellName(p.last, column)
	if utf8.RuneCountInString(text) > maxCellText {
		p.fail("the text for %s has more than %d characters, and no cell holds more", name, maxCellText)
		return
	}
	if text == "" {
		fmt.Fprintf(&p.data, `<c r="%s" s="%d"/>`, name, style)
		return
	}
	fmt.Fprintf(&p.data, `<c r="%s" s="%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, name, style, escape(text))
}

// escape writes a text for XML. What XML cannot hold is written as spreadsheet programs do: _x000D_.
func escape(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '_' && len(text)-i >= 7 && text[i+1] == 'x' && text[i+6] == '_':
			b.WriteString("_x005F_")
		case r < ' ' && r != '\n' && r != '\t', r == 0xfffe, r == 0xffff:
			fmt.Fprintf(&b, "_x%04X_", r)
		case r == '\n', r == '\t': // EscapeText would write references, which are harder to read
			b.WriteRune(r)
		default:
			_ = xml.EscapeText(&b, []byte(string(r))) // a builder takes everything
		}
	}
	return b.String()
}

// plainText escapes what must be escaped in the text of an element, so that formulas stay readable.
var plainText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (p *page) xml(first bool) []byte {
	p.end()
	var b bytes.Buffer
	b.WriteString(xml.Header + `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"`)
	if first {
		b.WriteString(` tabSelected="1"`)
	}
	b.WriteString(">")
	if p.frozen > 0 {
		fmt.Fprintf(&b, `<pane ySplit="%d" topLeftCell="A%d" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft" activeCell="A%d" sqref="A%d"/>`, p.frozen, p.frozen+1, p.frozen+1, p.frozen+1)
	}
	b.WriteString(`</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>`)
	style := styleLocked
	if p.free {
		style = stylePlain
	}
	for i, width := range p.widths {
		fmt.Fprintf(&b, `<col min="%d" max="%d" width="%d" style="%d" customWidth="1"/>`, i+1, i+1, width, style)
	}
	fmt.Fprintf(&b, `<col min="%d" max="16384" width="12" style="%d" customWidth="1"/></cols><sheetData>`, len(p.widths)+1, style)
	b.Write(p.data.Bytes())
	b.WriteString("</sheetData>")
	if p.protected {
		b.WriteString(`<sheetProtection sheet="1" formatCells="0" formatColumns="0" formatRows="0"`)
		if p.free {
			b.WriteString(` insertRows="0" deleteRows="0" sort="0" autoFilter="0"`)
		}
		b.WriteString("/>")
	}
	if len(p.choices) > 0 {
		fmt.Fprintf(&b, `<dataValidations count="%d">`, len(p.choices))
		for _, c := range p.choices {
			b.WriteString(`<dataValidation type="list" allowBlank="1"`)
			if c.ask {
				title := []rune(c.title)
				fmt.Fprintf(&b, ` errorStyle="warning" showErrorMessage="1" errorTitle="%s" error="This is not one of the values of the column."`, escape(string(title[:min(len(title), 32)])))
			}
			fmt.Fprintf(&b, ` sqref="%s"><formula1>%s</formula1></dataValidation>`, c.area, plainText.Replace(c.formula))
		}
		b.WriteString("</dataValidations>")
	}
	b.WriteString(`<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/></worksheet>`)
	return b.Bytes()
}

const stylesXML = xml.Header + `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` +
	`<fonts count="3"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font><font><i/><sz val="11"/><color rgb="FF666666"/><name val="Calibri"/></font></fonts>` +
	`<fills count="4"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>` +
	`<fill><patternFill patternType="solid"><fgColor rgb="FFDDE6F0"/><bgColor indexed="64"/></patternFill></fill>` +
	`<fill><patternFill patternType="solid"><fgColor rgb="FFF3F6FA"/><bgColor indexed="64"/></patternFill></fill></fills>` +
	`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
	`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="6">` +
	`<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
	`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1" applyProtection="1"><alignment vertical="top" wrapText="1"/><protection locked="0"/></xf>` +
	`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1"><alignment vertical="top"/></xf>` +
	`<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyAlignment="1"><alignment vertical="top"/></xf>` +
	`<xf numFmtId="49" fontId="1" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>` +
	`<xf numFmtId="49" fontId="2" fillId="3" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1" applyAlignment="1"><alignment vertical="top"/></xf>` +
	`</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`

const (
	relationType = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	contentType  = "application/vnd.openxmlformats-officedocument.spreadsheetml."
)

// pack puts the sheets into a workbook, always with the same bytes.
func pack(title string, pages []*page) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	var failed error
	add := func(name, content string) {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate}) // without the time
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if failed == nil {
			failed = err
		}
	}
	var types, sheets, relations strings.Builder
	for i, p := range pages {
		state := ""
		if p.hidden {
			state = ` state="hidden"`
		}
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="%sworksheet+xml"/>`, i+1, contentType)
		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d"%s r:id="rId%d"/>`, escape(p.name), i+1, state, i+1)
		fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, relationType, i+1)
	}
	add("[Content_Types].xml", xml.Header+`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>`+
		`<Override PartName="/xl/workbook.xml" ContentType="`+contentType+`sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="`+contentType+`styles+xml"/>`+
		`<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>`+types.String()+`</Types>`)
	add("_rels/.rels", xml.Header+`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="`+relationType+`/officeDocument" Target="xl/workbook.xml"/>`+
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>`)
	add("docProps/core.xml", xml.Header+`<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>`+escape(title)+`</dc:title><dc:creator>crosswalk</dc:creator></cp:coreProperties>`)
	add("xl/workbook.xml", xml.Header+`<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="`+relationType+`"><bookViews><workbookView activeTab="0"/></bookViews><sheets>`+sheets.String()+`</sheets></workbook>`)
	fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="%s/styles" Target="styles.xml"/>`, len(pages)+1, relationType)
	add("xl/_rels/workbook.xml.rels", xml.Header+`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`+relations.String()+`</Relationships>`)
	add("xl/styles.xml", stylesXML)
	for i, p := range pages {
		add(fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1), string(p.xml(i == 0)))
	}
	if err := archive.Close(); failed == nil {
		failed = err
	}
	return out.Bytes(), failed
}
