package rules

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDamagedCSV is what spreadsheet programs do to CSV files.
func TestDamagedCSV(t *testing.T) {
	t.Parallel()
	const head = "# rules: 1\n# table: t\n# hit: first\n# facts: {n: number, code: string, tier: {enum: [gold, silver]}, day: date}\n# inputs: [n, code, tier, day]\n# outputs: {out: string, sum: number}\n"
	const header = "id,n,code,tier,day,out,sum,why\n"
	tests := map[string]struct{ text, want string }{
		"fine":              {head + header + `R1,"1, 2",007,gold,2026-03-01,"so, so",1.5,"“why”"` + "\nR2,-,O’Neil,-,-,It’s 5–6,,\n", ""},
		"semicolons":        {strings.ReplaceAll(head+header, ",out", ",out") + "R1,<= 5,-,-,-,a,,\n", ""},
		"date":              {head + header + "R1,05. Jan,-,-,-,a,,\n", `t.csv:8:4: error: row R1, n: "05. Jan" looks like a date, and a number is wanted (did Excel turn 1-5 into 5 January?`},
		"date in a text":    {head + header + "R1,-,5-May,-,-,a,,\n", `t.csv:8:6: error: row R1, code: "5-May" looks like a date, and a text is wanted`},
		"meant":             {head + header + "R1,-,\"\"\"5-May\"\"\",-,-,a,,\n", ""},
		"shortened":         {head + header + "R1,-,1.23457E+15,-,-,a,,\n", `t.csv:8:6: error: row R1, code: 1.23457E+15 is a long number that Excel has shortened`},
		"decimal comma":     {head + header + "R1,\"<= 1,5\",-,-,-,a,,\n", `t.csv:8:8: error: row R1, n: 1,5 means "1 or 5" (write 1.5 for one number, or put a space after the comma)`},
		"decimal comma out": {head + header + "R1,-,-,-,-,a,\"1,5\",\n", `row R1, sum: 1,5 means "1 or 5"`},
		"error as id":       {head + header + "#REF!,-,-,-,-,a,,\n", `t.csv:8:1: error: the spreadsheet had the error #REF! here (write what belongs here)`},
		"error":             {head + header + "R1,#NAME?,-,-,-,a,,\n", `row R1, n: the spreadsheet had the error #NAME? here`},
		"non-breaking":      {head + header + "R1,>\u00a05,-,-,-,a,,\n", `t.csv:8:5: error: row R1, n: a non-breaking space (U+00A0) stands in`},
		"curly":             {head + header + "R1,-,“x”,-,-,a,,\n", `a curly quotation mark (U+201C)`},
		"minus":             {head + header + "R1,> −5,-,-,-,a,,\n", `a minus sign that is not the one of the keyboard (U+2212)`},
		"full width":        {head + header + "R1,５,-,-,-,a,,\n", `the full-width character ５ (U+FF15)`},
		"UTF-16":            {"\xff\xfe#\x00", `t.csv:1:1: error: the file is UTF-16 ("Unicode text") (save it as "CSV UTF-8 (comma delimited)"`},
		"zero":              {head + header + "R1,\x00", `t.csv:8:1: error: the file is no text`},
		"Windows-1252":      {head + header + "R1,-,Z\xfcrich,-,-,a,,\n", `t.csv:8:1: error: the file is not UTF-8 but probably Windows-1252 or another old encoding: letters such as ä or é would be read wrongly (save it as`},
		"tabs":              {head + strings.ReplaceAll(header, ",", "\t"), `t.csv:7:1: error: the columns are separated by tabs`},
		"workbook":          {"PK\x03\x04", `t.csv:1:1: error: this is a workbook and no CSV file (give it the extension .xlsx`},
		"saved by Excel":    {"\ufeff" + strings.ReplaceAll(strings.ReplaceAll(head, "# rules: 1\n", "# rules: 1,,,,,,,\n"), "\n", "\r\n") + header + "R1,5,-,gold,2026-03-01,a,,\r\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, problems := ParseTable("t.csv", []byte(test.text), nil)
			if test.want == "" {
				require.Empty(t, problems)
				require.NotNil(t, table)
				return
			}
			require.Nil(t, table)
			require.Contains(t, problems.Error(), test.want)
		})
	}
	_, problems := ParseTable("t.yaml", []byte("rules: 1\ntable: t\nhit: first\nfacts: {n: number}\ninputs: [n]\noutputs: {out: number}\nrows: t.csv\n"), func(string) ([]byte, error) { return []byte("id,n,out\nR1,5,\xe4\n"), nil })
	require.ErrorContains(t, problems.Err(), "t.csv:2:1: error: the file is not UTF-8")
}

// What an earlier release published keeps its meaning, whatever a later one thinks of its cells.
func TestPublishedTablesAreNotSuspected(t *testing.T) {
	t.Parallel()
	text := []byte("# rules: 1\n# table: size\n# hit: first\n# facts: {n: {type: number, required: true}}\n# inputs: [n]\n# outputs: {yes: {type: boolean, required: true}}\nid,n,yes\nR1,\"1,5\",true\nR2,-,false\n")
	_, problems := ParseTable("size.csv", text, nil)
	require.Error(t, problems.Err())
	table, problems := ParsePublished("size.csv", text, nil)
	require.NoError(t, problems.Err())
	facts, err := readJSON([]byte(`{"n": 5}`), false)
	require.NoError(t, err)
	decision, err := table.Decide(facts)
	require.NoError(t, err)
	require.Equal(t, "R1", decision.Row)
}
