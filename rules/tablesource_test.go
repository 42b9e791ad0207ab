package rules

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const commentedTable = `# who pays
rules: 1 # level
table: small
hit: first
facts: {n: {type: number, required: true}}
# the columns
inputs: [n]
outputs: {x: number}

rows: |
  # cheap ones
  id | n   | x | why
  A  | < 5 | 1 | because

  # the rest
  B  | -   | 2 |
  # nothing below

# what holds if nothing fits
default: {x: 3}
tests: |
  n | => x
  1 | 1
`

func TestTableSource(t *testing.T) {
	t.Parallel()
	s, problems := ReadTable("rules/small.yaml", []byte(commentedTable), nil)
	require.NoError(t, problems.Err())
	var head strings.Builder
	for _, line := range s.Head {
		head.WriteString(line.Text + "\n")
	}
	require.Equal(t, strings.Join([]string{"# who pays", "rules: 1 # level", "table: small", "hit: first", "facts: {n: {type: number, required: true}}", "# the columns",
		"inputs: [n]", "outputs: {x: number}", "", "", "# what holds if nothing fits", "default: {x: 3}", ""}, "\n"), head.String())
	require.Equal(t, []string{"# cheap ones"}, s.Rows.Rows[0].Above)
	require.Equal(t, []string{"# the rest"}, s.Rows.Rows[1].Above)
	require.Equal(t, []string{"# nothing below"}, s.Rows.Below)
	require.Equal(t, SourceCell{Text: "< 5", Place: Place{File: "rules/small.yaml", Line: 13, Column: 8}}, s.Rows.Rows[0].Cells[1])
	require.Equal(t, "=> x", s.Tests.Header[1].Text)
	require.Equal(t, "rules/small.yaml:23:3", s.Tests.Rows[0].Cells[0].Place.String())

	table, problems := CompileTable(s)
	require.NoError(t, problems.Err())
	require.Equal(t, s, table.Source())
	parsed, problems := ParseTable("rules/small.yaml", []byte(commentedTable), nil)
	require.NoError(t, problems.Err())
	require.Equal(t, parsed.Hash, table.Hash)
}

// TestEncodedTable is a table of a spreadsheet: what is wrong with it is said with the name of the cell.
func TestEncodedTable(t *testing.T) {
	t.Parallel()
	cell := func(name, text string) SourceCell {
		return SourceCell{Text: text, Place: Place{File: "rules/a.xlsx", Cell: "[Rows]!" + name, Line: 9, Column: 3}}
	}
	s := &TableSource{File: "rules/a.xlsx"}
	for i, line := range []string{"rules: 1", "table: a", "hit: first", "facts: {tier: {enum: [gold, silver], required: true}}", "inputs: [tier]", "outputs: {x: number}"} {
		s.Head = append(s.Head, SourceLine{Text: line, Place: Place{File: "rules/a.xlsx", Cell: "[Rows]!B" + string(rune('1'+i)), Line: i + 1, Column: 2}})
	}
	s.Rows = SourceGrid{Header: []SourceCell{cell("A8", "id"), cell("B8", "tier"), cell("C8", "x")},
		Rows: []SourceRow{{Cells: []SourceCell{cell("A9", "R1"), cell("B9", "gold, glod"), cell("C9", "1")}}}}
	_, problems := CompileTable(s)
	require.EqualError(t, problems.Err(), `rules/a.xlsx[Rows]!B9: error: row R1, tier: "glod" is not one of gold, silver (did you mean "gold"?)`)

	s.Rows.Rows[0].Cells[1].Text = "gold"
	direct, problems := CompileTable(s)
	require.NoError(t, problems.Err())
	read, problems := ParseTable("rules/a.xlsx", s.Encode(), nil)
	require.NoError(t, problems.Err())
	require.Equal(t, direct.Hash, read.Hash)
	require.Equal(t, "a", TableHead("rules/a.xlsx", s.Encode())[".table"])
	_, err := read.Decide(Record(map[string]Value{"tier": Text("silver")}))
	require.ErrorContains(t, err, "no row matches")

	s.Head[2].Text = "hit: frist"
	_, problems = CompileTable(s)
	require.EqualError(t, problems.Err(), `rules/a.xlsx[Rows]!B3: error: "frist" is not one of the values possible here (did you mean "first"?)`)
	_, problems = ReadTable("rules/a.xlsx", []byte("PK\x03\x04"), nil)
	require.ErrorContains(t, problems.Err(), "this is not a table")
}
