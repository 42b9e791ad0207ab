package spreadsheet

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/source"
)

// content is everything that a table says, whatever it is written in: the head's values in order, comments, cells.
func content(t *testing.T, s *rules.TableSource) string {
	t.Helper()
	var b strings.Builder
	lines := make([]string, len(s.Head))
	for i, line := range s.Head {
		lines[i] = line.Text
	}
	doc := source.Parse(s.File, []byte(strings.Join(lines, "\n")+"\n"))
	require.NoError(t, doc.Problems().Err(), strings.Join(lines, "\n"))
	for _, key := range doc.Root.Keys() {
		fmt.Fprintf(&b, "%s: %s %v\n", key, doc.Root.Get(key).Kind(), doc.Root.Get(key).Leaves(nil))
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "#") {
			b.WriteString(line + "\n")
		}
	}
	for _, grid := range []*rules.SourceGrid{&s.Rows, s.Tests} {
		if grid == nil {
			continue
		}
		write := func(cells []rules.SourceCell) {
			for i := range grid.Header {
				text := ""
				if i < len(cells) {
					text = strings.TrimFunc(cells[i].Text, isSpace)
				}
				fmt.Fprintf(&b, "%q ", text)
			}
			b.WriteString("\n")
		}
		write(grid.Header)
		for _, row := range grid.Rows {
			b.WriteString(strings.Join(row.Above, "\n"))
			write(row.Cells)
		}
		b.WriteString(strings.Join(grid.Below, "\n"))
	}
	return b.String()
}

// encoded writes a table in one of the three formats.
func encoded(t *testing.T, s *rules.TableSource, format string) []byte {
	t.Helper()
	switch format {
	case "xlsx":
		out, err := Write(s)
		require.NoError(t, err)
		return out
	case "csv":
		out, err := s.CSV()
		require.NoError(t, err)
		return out
	default:
		return s.YAML()
	}
}

// decoded reads it again.
func decoded(t *testing.T, format string, out []byte) *rules.TableSource {
	t.Helper()
	file := "rules/table." + format
	if format == "xlsx" {
		s, problems := Read(file, out)
		require.Empty(t, problems)
		return s
	}
	s, problems := rules.ReadTable(file, out, nil)
	require.NoError(t, problems.Err(), string(out))
	return s
}

var formats = []string{"yaml", "csv", "xlsx"}

// convert goes from each format to each other one and back.
func convert(t *testing.T, s *rules.TableSource) {
	t.Helper()
	want := content(t, s)
	table, problems := rules.CompileTable(s)
	require.NoError(t, problems.Err())
	for _, first := range formats {
		once := decoded(t, first, encoded(t, s, first))
		require.Equal(t, want, content(t, once), first)
		for _, second := range formats {
			twice := decoded(t, second, encoded(t, once, second))
			require.Equal(t, want, content(t, twice), first+" to "+second)
			again, problems := rules.CompileTable(twice)
			require.NoError(t, problems.Err(), first+" to "+second)
			require.Equal(t, table.Written(), again.Written())
			if first == second {
				require.Equal(t, encoded(t, once, first), encoded(t, twice, first), "writing %s twice gives the same bytes", first)
			}
		}
	}
}

func TestConvertShipped(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(rules.Catalog(), "*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if strings.Contains(file, ".tests.") {
			continue
		}
		t.Run(path.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := fs.ReadFile(rules.Catalog(), file)
			require.NoError(t, err)
			s, problems := rules.ReadTable(file, text, func(name string) ([]byte, error) { return fs.ReadFile(rules.Catalog(), name) })
			require.NoError(t, problems.Err())
			convert(t, s)
		})
	}
}

const everything = `# who approves what
rules: 1   # what cells mean
table: everything
title: 'Prices: {net}, "gross" & more'
owner: "007"
description: |
  Two lines,
  with a # in them
facts:
  total: {type: number, required: true, title: "Total, in EUR"}
  # of the customer
  tier: {enum: [bronze, "silver, old", gold]}
  code: string
  urgent: boolean
  day: {type: date, required: true}
hit: first
no_match: error
inputs:
- {name: Amount, fact: total}
- {name: Tier, fact: tier}
- {name: Code, fact: code}
- {name: Urgent, fact: urgent}
- {name: "Day | month", fact: day}
- {name: Large, value: 'total > 1_000'}
outputs:
  - {name: route, values: [auto, "by hand"], required: true}
  - {name: fee, type: number}
  - {name: text, type: string}
rows:
  # the first
  - {id: R1, Amount: '(10..1000]', Tier: '"silver, old"', Code: '007', Urgent: true, Day | month: '2026-03-01', Large: '-', route: auto, fee: 1.50, text: "a | b\nc", why: "§3, \"quoted\""}
  - {id: R2, Amount: '<= 10', Tier: 'not(gold), missing', Code: 'matches ^[0-9]{3}$', route: by hand, fee: '${total * 0.1}', text: '=SUM(A1) is no formula'}
  # the rest
  - {id: R3, route: auto, note: ' spaced '}
tests:
  - {total: 5, day: 2026-01-05, => route: auto, note: "first | test"}
`

func TestConvertEverything(t *testing.T) {
	t.Parallel()
	s, problems := rules.ReadTable("rules/everything.yaml", []byte(everything), nil)
	require.NoError(t, problems.Err())
	convert(t, s)
}

// TestConvertGenerated converts tables made of anything that cells may say.
func TestConvertGenerated(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s, problems := rules.ReadTable("rules/made.yaml", []byte(generated(rand.New(rand.NewPCG(seed, 1)))), nil)
			require.NoError(t, problems.Err())
			convert(t, s)
		})
	}
}

func generated(r *rand.Rand) string {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	words := []string{"gold", `"a, b"`, "Zürich", "日本", "x y", "o'Neil", "a: b", "[x]", "{y}", "# z", "@home", "+49 30", "00123", "1e5", "TRUE", "5-Jan", "=a", "  in  ", `back\slash`, "tab\there", "bar | bar", "two\nlines", "&amp;<b>", "_x0041_", "😀", "null", "~", "yes", "1,5", "“so”", "50%"}
	var b strings.Builder
	b.WriteString(pick("# a comment\n", "", "# one\n# two\n"))
	b.WriteString("rules: 1\ntable: made\n" + pick("title: plain words\n", "title: 'it''s: # one'\n", "title: \"12\"\n", "title: yes\n", "title: '{x}'\n", "title: '- x'\n", "title: 'a # b'\n", "title: '\"q\"'\n", "title: ' x '\n"))
	b.WriteString("facts: {n: number, w: string, d: date, f: boolean}\nhit: first\ninputs: [n, w, d, f]\n" + pick("outputs: {out: string, num: number}\n", "outputs:\n  out: string # words\n  num: {type: number}\n", "outputs:\n\n  - {name: out, type: string}\n  - name: num\n    type: number\n"))
	b.WriteString("rows:\n")
	for i := range 1 + r.IntN(12) {
		if r.IntN(4) == 0 {
			b.WriteString("  # before " + pick("a | b", "c, d", "e") + "\n")
		}
		word := pick(words...)
		test := fmt.Sprintf("%q", strings.NewReplacer("\"", "", "'", "").Replace(pick(words...))) // in the quotes of the cell
		fmt.Fprintf(&b, "  - {id: R%d, n: %s, w: %s, d: %s, f: %s, out: %s, num: %s, why: %s}\n", i, quote(fmt.Sprint(i, pick("", ", 7", "..99"))),
			quote(strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(test)), quote(pick("-", "2026-03-01", "missing", ">= 2026-01-01")), quote(pick("true", "-", "false")), quote(word), quote(pick("1.50", "", "1000", "${n + 1}")), quote(pick(words...)))
	}
	return b.String()
}
