package spreadsheet

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"crosswalk/rules"
)

// routing is a workbook as somebody makes one in a spreadsheet program; change damages it.
func routing(t *testing.T, change func(f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	require.NoError(t, f.SetSheetName("Sheet1", "Routing"))
	for i, row := range [][]any{
		{"rules", 1}, {"table", "approvals"}, {"title", "Who approves: what?"}, {"hit", "first"},
		{"facts", "{total: {type: number, required: true}, code: string, urgent: boolean, day: {type: date, required: true}}"},
		{},
		{"id", "Amount", "Code", "Urgent", "Day", "route", "why"},
		{"fact", "total", "code", "urgent", "day", "=> auto, manager"},
		{"R1", "<= 1000", "007", true, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "auto", "small"},
		{"R2", 5000, "-", "-", "-", "manager", "large"},
		{"R3", "-", "-", "-", "-", "manager", ""},
	} {
		require.NoError(t, f.SetSheetRow("Routing", fmt.Sprintf("A%d", i+1), &row))
	}
	if change != nil {
		change(f)
	}
	var b bytes.Buffer
	require.NoError(t, f.Write(&b))
	return b.Bytes()
}

// problems reads a workbook and checks its table.
func problems(content []byte) string {
	s, found := Read("approvals.xlsx", content)
	if s != nil {
		_, more := rules.CompileTable(s)
		found = append(found, more...)
	}
	return found.Sorted().Error()
}

func TestHandmadeWorkbook(t *testing.T) {
	t.Parallel()
	content := routing(t, nil)
	require.Empty(t, problems(content))
	s, _ := Read("approvals.xlsx", content)
	table, found := rules.CompileTable(s)
	require.NoError(t, found.Err())
	require.Equal(t, "Who approves: what?", table.Title)
	facts, err := rules.FromJSON([]byte(`{"total": 5, "code": "007", "urgent": true, "day": "2026-03-01"}`))
	require.NoError(t, err)
	decision, err := table.Decide(facts)
	require.NoError(t, err)
	require.Equal(t, "R1", decision.Row)
}

// TestDamage is what spreadsheet programs do to tables, and what is said about it.
func TestDamage(t *testing.T) {
	t.Parallel()
	style := func(f *excelize.File, cell string, format int) {
		id, err := f.NewStyle(&excelize.Style{NumFmt: format})
		require.NoError(t, err)
		require.NoError(t, f.SetCellStyle("Routing", cell, cell, id))
	}
	set := func(f *excelize.File, cell string, value any) {
		require.NoError(t, f.SetCellValue("Routing", cell, value))
	}
	day := func(f *excelize.File, cell string, month time.Month, d int) {
		set(f, cell, time.Date(2026, month, d, 0, 0, 0, 0, time.UTC))
	}
	tests := map[string]struct {
		change func(f *excelize.File)
		want   []string
	}{
		"date in a number column": {func(f *excelize.File) { day(f, "B10", 1, 5) },
			[]string{`approvals.xlsx[Routing]!B10: error: row R2, Amount: a date stands here, 5 January 2026, and a number is wanted (did Excel turn 1-5 into 5 January? format the column as text, then type it again)`}},
		"date in a text column": {func(f *excelize.File) { day(f, "C10", 5, 1) }, []string{"[Routing]!C10", "row R2, Code: a date stands here, 1 May 2026, and a text is wanted", "did Excel turn 5-1 into 1 May?"}},
		"date as id":            {func(f *excelize.File) { day(f, "A10", 5, 1) }, []string{"[Routing]!A10", "a date stands here"}},
		"date in an output":     {func(f *excelize.File) { day(f, "F10", 5, 1) }, []string{"[Routing]!F10", "row R2, route: a date stands here"}},
		"leading zeros lost":    {func(f *excelize.File) { set(f, "C10", 7) }, []string{"[Routing]!C10: error: row R2, Code: the number 7 stands here, and a text is wanted (leading zeros may be lost (007 becomes 7)"}},
		"long number":           {func(f *excelize.File) { set(f, "B10", 12345678901234567) }, []string{"[Routing]!B10: error: the number 12345678901234", "more digits than a spreadsheet keeps (15)"}},
		"long decimals":         {func(f *excelize.File) { require.NoError(t, f.SetCellDefault("Routing", "B10", "0.12345678901234567")) }, []string{"[Routing]!B10", "more digits"}},
		"hidden row":            {func(f *excelize.File) { require.NoError(t, f.SetRowVisible("Routing", 10, false)) }, []string{"[Routing]!A10: error: row 10 is hidden, and it would decide all the same (show it"}},
		"hidden column":         {func(f *excelize.File) { require.NoError(t, f.SetColVisible("Routing", "C", false)) }, []string{"[Routing]!C7: error: column C is hidden"}},
		"merged cells":          {func(f *excelize.File) { require.NoError(t, f.MergeCell("Routing", "C9", "C10")) }, []string{"[Routing]!C9: error: the cells C9 to C10 are merged: only the first of them holds something (unmerge them"}},
		"formula":               {func(f *excelize.File) { require.NoError(t, f.SetCellFormula("Routing", "B10", "B9*2")) }, []string{"[Routing]!B10: error: this is a formula (=B9*2), and formulas are not computed; \"5000\" was saved as its value (write the value itself"}},
		"formula without value": {func(f *excelize.File) {
			require.NoError(t, f.SetCellFormula("Routing", "B12", "B9*2"))
			set(f, "A12", "R4")
			set(f, "C12", "x")
		}, []string{"[Routing]!B12: error: this is a formula", "no value was saved"}},
		"error value":             {func(f *excelize.File) { set(f, "B10", "#REF!") }, []string{"[Routing]!B10: error: row R2, Amount: the spreadsheet had the error #REF! here (write what belongs here)"}},
		"a word beside the table": {func(f *excelize.File) { set(f, "H10", "hm") }, []string{"[Routing]!H10: error: row R2 has more cells than there are columns (give its column a name in the header, or empty the cell)"}},
		"percentage":              {func(f *excelize.File) { set(f, "B10", 0.1); style(f, "B10", 9) }, []string{"[Routing]!B10: error: this is shown as a percentage, and the number in it is 0.1"}},
		"time":                    {func(f *excelize.File) { set(f, "E10", 46027.5); style(f, "E10", 22) }, []string{"[Routing]!E10: error: the spreadsheet holds a time here", "no time zone"}},
		"truth value":             {func(f *excelize.File) { set(f, "C10", true) }, []string{"[Routing]!C10: error: row R2, Code: the truth value TRUE stands here, and a text is wanted"}},
		"trailing space":          {func(f *excelize.File) { set(f, "F10", "manager ") }, []string{`[Routing]!F10: warning: a space stands before or after "manager"`}},
		"non-breaking space":      {func(f *excelize.File) { set(f, "B10", "<=\u00a01000") }, []string{"[Routing]!B10: error: row R2, Amount: a non-breaking space (U+00A0) stands in"}},
		"curly quotes":            {func(f *excelize.File) { set(f, "C10", "“a, b”") }, []string{"[Routing]!C10: error: row R2, Code: a curly quotation mark (U+201C) stands in"}},
		"full-width digits":       {func(f *excelize.File) { set(f, "B10", "> １０") }, []string{"[Routing]!B10: error: row R2, Amount: the full-width character １ (U+FF11)"}},
		"signs":                   {func(f *excelize.File) { set(f, "B10", "≤ 10") }, []string{"the sign ≤ (U+2264)"}},
		"decimal comma":           {func(f *excelize.File) { set(f, "B10", "<= 1,5") }, []string{`[Routing]!B10: error: row R2, Amount: 1,5 means "1 or 5" (write 1.5 for one number, or put a space after the comma)`}},
		"decimal comma, range":    {func(f *excelize.File) { set(f, "B10", "(1,5..20]") }, []string{`1,5 means "1 or 5"`}},
		"thousands":               {func(f *excelize.File) { set(f, "B10", "1,000") }, []string{`1,000 means "1 or 000"`}},
		"date as text":            {func(f *excelize.File) { set(f, "B10", "2026-01-05") }, []string{`"2026-01-05" looks like a date, and a number is wanted`}},
		"unknown value":           {func(f *excelize.File) { set(f, "F10", "manger") }, []string{`[Routing]!F10: error: row R2, route: "manger" is not one of auto, manager`, "manager"}},
		"beside the table":        {func(f *excelize.File) { set(f, "I10", "note to self") }, []string{"[Routing]!I10: error: row R2 has more cells than there are columns"}},
		"no header":               {func(f *excelize.File) { set(f, "A7", "Number") }, []string{"no sheet of the workbook holds a table"}},
		"two tables": {func(f *excelize.File) {
			_, err := f.NewSheet("Other")
			require.NoError(t, err)
			require.NoError(t, f.SetSheetRow("Other", "A1", &[]any{"id", "x"}))
		}, []string{"the sheets Routing and Other both look like tables"}},
		"unknown field": {func(f *excelize.File) { set(f, "A3", "titel") }, []string{`[Routing]!B3: error: unknown field "titel"`, "title"}},
		"changed repetition": {func(f *excelize.File) {
			set(f, "A6", "inputs")
			set(f, "B6", "[{name: Amount, fact: total}, {name: Code, fact: code}, {name: Urgent, fact: urgent}, {name: Day, fact: day}]")
			require.NoError(t, f.InsertRows("Routing", 7, 1))
			set(f, "A7", "outputs")
			set(f, "B7", "[{name: route, values: [auto, manager]}]")
			set(f, "B9", "net")
		}, []string{"[Routing]!B9: error: the row fact only repeats what inputs and outputs above say, and that is: total"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := problems(routing(t, test.change))
			for _, want := range test.want {
				require.Contains(t, found, want)
			}
			require.NotContains(t, strings.TrimPrefix(found, "approvals.xlsx"), "\napprovals.xlsx", "one problem")
		})
	}
}

func TestFactsSheet(t *testing.T) {
	t.Parallel()
	content := routing(t, func(f *excelize.File) {
		require.NoError(t, f.RemoveRow("Routing", 5))
		_, err := f.NewSheet("facts")
		require.NoError(t, err)
		for i, row := range [][]any{{"fact", "type", "required", "values", "title"}, {"total", "number", "yes"}, {"code"}, {"urgent", "boolean"}, {"day", "date", "x"},
			{"lines[].net", "number", "yes", "", "of the line"}, {"customer.tier", "", "", "gold, silver"}} {
			require.NoError(t, f.SetSheetRow("facts", fmt.Sprintf("A%d", i+1), &row))
		}
	})
	require.Empty(t, problems(content))
	s, _ := Read("approvals.xlsx", content)
	table, _ := rules.CompileTable(s)
	require.Equal(t, []string{"total", "code", "urgent", "day", "lines", "customer"}, table.Facts.FieldNames())
	lines, _ := table.Facts.Field("lines")
	require.Equal(t, "list of record", lines.Type.String())

	out, err := Write(s)
	require.NoError(t, err)
	book, err := excelize.OpenReader(bytes.NewReader(out)) // another program reads what is written
	require.NoError(t, err)
	defer book.Close()
	require.Equal(t, []string{"approvals", "facts"}, book.GetSheetList())
	require.NoError(t, book.SetCellValue("facts", "D8", "gold, silver, bronze"))
	var changed bytes.Buffer
	require.NoError(t, book.Write(&changed))
	require.Contains(t, problems(changed.Bytes()), `[facts]!D8: error: this sheet only repeats what facts says, and there it is "" (change it in the field facts`)
	validations, err := book.GetDataValidations("approvals")
	require.NoError(t, err)
	require.Len(t, validations, 2)
	require.Equal(t, `"true,false,-,missing"`, validations[0].Formula1)
	require.Equal(t, `"auto,manager"`, validations[1].Formula1)
	panes, err := book.GetPanes("approvals")
	require.NoError(t, err)
	require.True(t, panes.Freeze)
}

func TestReadRows(t *testing.T) {
	t.Parallel()
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range [][]any{{"id", "n", "out"}, {"R1", "< 5", 1.1}, {"R2", "-", 1e-7}} {
		require.NoError(t, f.SetSheetRow("Sheet1", fmt.Sprintf("B%d", i+3), &row))
	}
	var b bytes.Buffer
	require.NoError(t, f.Write(&b))
	grid, found := ReadRows("rules/a.xlsx", b.Bytes(), "sheet1")
	require.Empty(t, found)
	require.Equal(t, "id", grid.Header[0].Text)
	require.Equal(t, "1.1", grid.Rows[0].Cells[2].Text)
	require.Equal(t, "0.0000001", grid.Rows[1].Cells[2].Text)
	require.Equal(t, "rules/a.xlsx[Sheet1]!D4", grid.Rows[0].Cells[2].Place.String())
	_, found = ReadRows("rules/a.xlsx", b.Bytes(), "Shet1")
	require.ErrorContains(t, found.Err(), `rules/a.xlsx: error: the workbook has no sheet "Shet1" (did you mean "Sheet1"?)`)
}

// archive makes a workbook of parts.
func archive(t *testing.T, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range parts {
		part, err := w.Create(name)
		require.NoError(t, err)
		_, err = io.WriteString(part, text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func bare(sheet string, more map[string]string) map[string]string {
	parts := map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="r1" Type="x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns:r="r"><sheets><sheet name="S" r:id="s1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="s1" Type="x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="t" Type="x/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="e" Type="x/externalLink" TargetMode="External" Target="http://192.0.2.1/"/></Relationships>`,
		"xl/sharedStrings.xml":       `<sst/>`,
		"xl/worksheets/sheet1.xml":   sheet,
	}
	for name, text := range more {
		parts[name] = text
	}
	return parts
}

const aCell = `<worksheet><dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is><r><t>n</t></r><rPh><t>no</t></rPh></is></c></row>`

// TestHostileWorkbooks is refused in bounded time and memory.
func TestHostileWorkbooks(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<r>", 100_000)
	million := strings.Repeat(`<row r="1048575" hidden="1"/>`, 1)
	tests := map[string]struct {
		file    string
		content func(t *testing.T) []byte
		want    string
	}{
		"empty": {want: "the file is empty", content: func(*testing.T) []byte { return nil }},
		"text":  {want: "this is not an Excel workbook", content: func(*testing.T) []byte { return []byte("id,n\n1,2\n") }},
		"old":   {want: "a workbook of the old kind (.xls)", content: func(*testing.T) []byte { return []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old") }},
		"encrypted": {want: "encrypted with a password", content: func(*testing.T) []byte {
			return append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), utf16("EncryptedPackage")...)
		}},
		"truncated":  {want: "the workbook is damaged", content: func(t *testing.T) []byte { return routing(t, nil)[:2000] }},
		"large":      {want: "at most 4194304 are read", content: func(*testing.T) []byte { return bytes.Repeat([]byte("P"), MaxBytes+1) }},
		"macros":     {want: "a workbook with macros", content: func(t *testing.T) []byte { return archive(t, bare(aCell, map[string]string{"xl/vbaProject.bin": "x"})) }},
		"macro name": {file: "a.xlsm", want: "a workbook with macros", content: func(t *testing.T) []byte { return routing(t, nil) }},
		"binary":     {want: "a binary workbook", content: func(t *testing.T) []byte { return archive(t, map[string]string{"xl/workbook.bin": "x"}) }},
		"opendoc":    {want: "an OpenDocument spreadsheet", content: func(t *testing.T) []byte { return archive(t, map[string]string{"content.xml": "x"}) }},
		"zip":        {want: "not an Excel workbook", content: func(t *testing.T) []byte { return archive(t, map[string]string{"a.txt": "x"}) }},
		"bomb":       {want: "is too large", content: func(t *testing.T) []byte { return archive(t, bare(aCell+strings.Repeat(" ", maxPart+1), nil)) }},
		"many sheets": {want: "at most 33554432 bytes of it are unpacked", content: func(t *testing.T) []byte {
			parts := bare(aCell+"</sheetData></worksheet>", nil)
			var sheets, relations strings.Builder
			for i := range 9 {
				fmt.Fprintf(&sheets, `<sheet name="S%d" r:id="s%d"/>`, i, i)
				fmt.Fprintf(&relations, `<Relationship Id="s%d" Type="x/worksheet" Target="s%d.xml"/>`, i, i)
				parts[fmt.Sprintf("xl/s%d.xml", i)] = "<worksheet>" + strings.Repeat(" ", maxPart/2) + "</worksheet>"
			}
			parts["xl/workbook.xml"] = `<workbook xmlns:r="r"><sheets>` + sheets.String() + `</sheets></workbook>`
			parts["xl/_rels/workbook.xml.rels"] = `<Relationships>` + relations.String() + `</Relationships>`
			return archive(t, parts)
		}},
		"entities": {want: "has a document type", content: func(t *testing.T) []byte {
			return archive(t, bare(`<!DOCTYPE a [<!ENTITY b "c">]><worksheet>&b;</worksheet>`, nil))
		}},
		"deep texts": {want: "nested deeper than 64 levels", content: func(t *testing.T) []byte {
			return archive(t, bare(aCell, map[string]string{"xl/sharedStrings.xml": "<sst>" + deep}))
		}},
		"deep sheet": {want: "nested deeper than 64 levels", content: func(t *testing.T) []byte { return archive(t, bare(aCell+deep, nil)) }},
		"far cell": {want: "x.xlsx[S]!XFD1048576 is filled", content: func(t *testing.T) []byte {
			return archive(t, bare(aCell+`<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>`, nil))
		}},
		"backwards": {want: "row \"1\" follows row 1", content: func(t *testing.T) []byte { return archive(t, bare(aCell+`<row r="1"/></sheetData></worksheet>`, nil)) }},
		"no text": {want: "the error a text that the file lacks", content: func(t *testing.T) []byte {
			return archive(t, bare(aCell+`<row r="2"><c r="A2" t="s"><v>99999999999</v></c></row></sheetData></worksheet>`, nil))
		}},
		"no part": {want: "its part xl/sharedStrings.xml is missing", content: func(t *testing.T) []byte {
			parts := bare(aCell, nil)
			delete(parts, "xl/sharedStrings.xml")
			return archive(t, parts)
		}},
		"unclosed": {want: "the workbook is damaged: xl/worksheets/sheet1.xml", content: func(t *testing.T) []byte { return archive(t, bare(aCell, nil)) }},
		"hidden rows": {want: "", content: func(t *testing.T) []byte {
			return archive(t, bare(aCell+million+`</sheetData><mergeCells><mergeCell ref="A1:XFD1048576:7"/></mergeCells></worksheet>`, nil))
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := test.file
			if file == "" {
				file = "x.xlsx"
			}
			_, found := Read(file, test.content(t))
			require.Contains(t, found.Error(), test.want)
			for _, p := range found.Errors() {
				require.Equal(t, file, p.File)
			}
		})
	}
}

func TestNumbersAndDays(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"1.1000000000000001": "1.1", "1000": "1000", "-0": "0", "1E3": "1000", "0.1": "0.1", "1234567.89": "1234567.89", "123456789012345": "123456789012345"} {
		got, lost, ok := numberText(raw)
		require.True(t, ok, raw)
		require.False(t, lost, raw)
		require.Equal(t, want, got)
	}
	for _, raw := range []string{"1e400", "NaN", "x", "Inf", ""} {
		_, _, ok := numberText(raw)
		require.False(t, ok, raw)
	}
	w := &workbook{epoch: 1900}
	for raw, want := range map[string]string{"1": "1900-01-01", "59": "1900-02-28", "61": "1900-03-01", "46027": "2026-01-05"} {
		got, ok := w.dayText(raw)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	for _, raw := range []string{"60", "0", "-1", "1.5", "1e99", "x"} {
		_, ok := w.dayText(raw)
		require.False(t, ok, raw)
	}
	w.epoch = 1904
	got, _ := w.dayText("44565")
	require.Equal(t, "2026-01-05", got)
	for code, want := range map[string]format{"General": plain, "0.00": plain, `0.00 "d"`: plain, "dd.mm.yyyy": date, "[h]:mm": timeOfDay, `d\d`: date, "0%": percent, "[$-407]d. mmmm yyyy": date, "[Red]0;[Blue]-0": plain, "yyyy-mm-dd hh:mm": dateTime, "mmm": date, `#,##0.00\ "€"`: plain, "h:mm AM/PM": timeOfDay} {
		require.Equal(t, want, formatOf(code), code)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if s, found := Read("x.xlsx", content); s == nil && found.Err() == nil {
			t.Fatal("neither a table nor a problem")
		}
	})
}

// FuzzSheet reads any text as the sheet of a workbook.
func FuzzSheet(f *testing.F) {
	f.Add(aCell + `<row r="2"><c r="A2"><v>1</v></c></row></sheetData></worksheet>`)
	f.Add(aCell + `<row r="2"><c t="d"><v>2026-01-05T00:00:00</v></c><c t="e"><f>a</f><v>#REF!</v></c></row></sheetData></worksheet>`)
	f.Fuzz(func(t *testing.T, text string) {
		s, _ := Read("x.xlsx", archive(t, bare(text, nil)))
		if s != nil {
			rules.CompileTable(s)
		}
	})
}

func TestASharedFormulaIsNamed(t *testing.T) {
	t.Parallel()
	require.Equal(t, " (=B9*2)", formulaWords("B9*2"))
	require.Equal(t, " that it shares with other cells", formulaWords(""))
}
