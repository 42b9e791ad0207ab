package rules

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hostile is a table of one text, one number and one list, with the given cells in so many rows, each followed by a
// condition that keeps rows apart.
func hostile(hit string, rows int, column, cell, output string) string {
	var b strings.Builder
	b.WriteString("rules: 1\ntable: hostile\nhit: " + hit + `
facts: {n: {type: number, required: true}, s: {type: string, required: true}, l: {type: list, required: true, items: {type: number}}, m: {type: list, required: true, items: {type: number}}}
inputs: [` + column + `]
outputs: {x: string}
no_match: empty
rows: |
  id | ` + column + " | x\n")
	for i := range rows {
		fmt.Fprintf(&b, "  R%d | %s | %s\n", i, strings.ReplaceAll(cell, "#i", fmt.Sprint(i)), output)
	}
	return b.String()
}

// TestHostileTablesAreBounded: every table here is refused, or fails, or decides; each within bounds that count work. The
// times and sizes that are asserted are many times what an idle machine needs.
func TestHostileTablesAreBounded(t *testing.T) {
	items := make([]Value, 20_000)
	for i := range items {
		items[i] = Number(Int(int64(i)))
	}
	facts := Record(map[string]Value{"n": Number(Int(1)), "s": Text(strings.Repeat("a", 4000)), "l": List(items...), "m": List(items...)})
	long := Record(map[string]Value{"n": Number(Int(1)), "s": Text(strings.Repeat("a", 900_000)), "l": List(items...), "m": List(items...)})
	for name, c := range map[string]struct {
		table string
		facts Value
		want  string // "" if it decides
	}{
		"nested loops":                       {hostile("collect", 1, "n", "? > 0 and all(l, all(l, true))", "x"), facts, "does too much work"},
		"loops in 4,000 rows":                {hostile("collect", 4000, "n", "? > #i and count(l, # > 1) < 5", "x"), facts, "too much work"},
		"loops in 4,000 outputs":             {hostile("collect", 4000, "n", "< #i + 2", "${text(count(l, # > 1))}"), facts, "too much work"},
		"long texts in 4,000 outputs":        {hostile("collect", 4000, "n", "-", "${s}${s}${s}"), facts, "too much work"},
		"members of long lists in 4,000":     {hostile("collect", 4000, "l", "-1#i", "x"), facts, "too much work"},
		"lists against lists":                {hostile("collect", 4000, "n", "m, -#i", "x"), facts, "too much work"},
		"a pattern that repeats, 4,000 rows": {hostile("collect", 4000, "s", "matches (a?){30}(a{30})$", "x"), facts, "too much work"},
		"a pattern that repeats too much":    {hostile("collect", 1, "s", "matches ((ab?){30}){30}", "x"), facts, "the pattern repeats too much"},
		"a pattern on a long text":           {hostile("collect", 1, "s", "matches a+b", "x"), long, "the text is too long for a pattern"},
		"contains on a long text, 4,000":     {hostile("collect", 4000, "s", "contains ab#i", "x"), long, "too much work"},
		"ranges of lists":                    {hostile("collect", 1, "n", "len(1..1000000000) > ?", "x"), facts, "ranges"},
		"a range of numbers":                 {hostile("collect", 2, "n", "[1..1#i00000000]", "x"), facts, ""},
		"huge exponents":                     {hostile("collect", 1, "n", "? < 10 ** 100000000", "x"), facts, "exponent"},
		"a huge number":                      {hostile("collect", 1, "n", "1e1000000000", "x"), facts, "t.yaml:10"},
		"many digits":                        {hostile("collect", 1, "n", strings.Repeat("9", 5000), "x"), facts, "t.yaml:10"},
		"powers of powers":                   {hostile("collect", 1, "n", "? < 9 ** 9 ** 9 ** 9", "x"), facts, "t.yaml:10"},
		"brackets":                           {hostile("collect", 1, "n", strings.Repeat("(", 9000), "x"), facts, "t.yaml:10"},
		"not in not":                         {hostile("collect", 1, "n", strings.Repeat("not(", 1900)+"1"+strings.Repeat(")", 1900), "x"), facts, "deep"},
		"a huge cell":                        {hostile("collect", 1, "s", strings.Repeat("a, ", 100_000), "x"), facts, "at most 10000 characters"},
		"a cell of quotes":                   {hostile("collect", 90, "s", strings.Repeat(`"`, 9000), "x"), facts, ""},
		"a cell of square brackets":          {hostile("collect", 90, "n", strings.Repeat("[", 9000), "x"), facts, "t.yaml:10"},
		"30,000 columns":                     {"rules: 1\ntable: t\nhit: first\nfacts: {n: number}\ninputs: {" + strings.Repeat("a: n, ", 1) + manyKeys(30_000, "n") + "}\noutputs: {x: text}\nrows: |\n id\n", facts, "at most 60 columns"},
		"30,000 columns of a list":           {"rules: 1\ntable: t\nhit: first\nfacts: {n: number}\ninputs: [n]\noutputs: {x: text}\nrows:\n  - {id: a, " + manyKeys(30_000, "1") + "}\n", facts, "at most 60 are read"},
		"100,000 columns of text":            {"rules: 1\ntable: t\nhit: first\nfacts: {n: number}\ninputs: [n]\noutputs: {x: text}\nrows: |\n  id" + strings.Repeat("|n", 100_000) + "\n", facts, "at most 60 are read"},
		"60,000 rows":                        {hostile("collect", 60_000, "n", "1", ""), facts, "at most 5000 are read"},
		"30,000 facts":                       {"rules: 1\ntable: t\nhit: first\nfacts: {" + manyKeys(30_000, "number") + "}\ninputs: [k1]\noutputs: {x: text}\nrows: |\n  id|k1|x\n  A|1|b\n", facts, "at most 1000"},
		"30,000 unknown keys":                {"rules: 1\ntable: t\n" + strings.ReplaceAll(manyKeys(30_000, "1"), ", ", "\n") + "\n", facts, "unknown field"},
		"30,000 values of an output":         {"rules: 1\ntable: t\nhit: first\nfacts: {n: number}\ninputs: [n]\noutputs: [{name: x, values: [" + manyKeys(30_000, "")[:200_000] + "x]}]\nrows: |\n  id|n|x\n  A|1|b\n", facts, `"b" is not one of`},
		"wrong cells against many values":    {"rules: 1\ntable: t\nhit: first\nfacts: {n: {enum: [" + manyValues(5000) + "], required: true}}\ninputs: [n]\noutputs: {x: text}\nrows: |\n  id|n|x\n" + strings.Repeat("  A|v12345x|b\n", 3000), facts, "is not one of"},
		"aliases":                            {"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nrules: 1\n", facts, "aliases are not supported"},
		"deep YAML":                          {"rules: 1\nfacts: " + strings.Repeat("[", 100_000), facts, "not valid YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			table, problems := ParseTable("t.yaml", []byte(c.table), nil)
			loading := time.Since(began)
			runtime.ReadMemStats(&after)
			require.Less(t, loading, time.Minute)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1)<<31)
			if table == nil {
				require.NotEmpty(t, c.want, problems.Error())
				require.Contains(t, problems.Error(), c.want)
				return
			}
			decoded, err := table.Facts.Decode(c.facts)
			require.NoError(t, err)
			runtime.ReadMemStats(&before)
			began = time.Now()
			_, _, _, err = table.Match(decoded)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			t.Logf("loaded in %s, decided in %s with %d KiB: %v", loading, took, (after.TotalAlloc-before.TotalAlloc)>>10, err)
			require.Less(t, took, 5*time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64)<<20)
			if c.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

func manyKeys(count int, value string) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "k%d: %s, ", i, value)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

func manyValues(count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "v%d, ", i)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// TestLargeTablesLoadFast loads 1,000 rows of 8 inputs.
func TestLargeTablesLoadFast(t *testing.T) {
	var b strings.Builder
	b.WriteString("rules: 1\ntable: large\nhit: first\nfacts: {")
	for i := range 8 {
		fmt.Fprintf(&b, "f%d: {type: %s, required: true}, ", i, []string{"number", "string"}[i%2])
	}
	b.WriteString("}\ninputs: [f0, f1, f2, f3, f4, f5, f6, f7]\noutputs: {x: number}\nrows: |\n  id | f0 | f1 | f2 | f3 | f4 | f5 | f6 | f7 | x\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  R%d | [%d..%d) | a%d, b%d | > %d | not(c%d) | < f0 + %d | - | ? > %d and ? < f2 | startsWith x%d | %d\n", i, i, i+10, i, i, i%50, i, i, i, i, i)
	}
	began := time.Now()
	table, problems := ParseTable("large.yaml", []byte(b.String()), nil)
	took := time.Since(began)
	require.NoError(t, problems.Err())
	require.Len(t, table.Rows(), 1000)
	t.Logf("1,000 rows of 8 inputs loaded in %s", took)
	require.Less(t, took, time.Minute, "under a second on an idle machine")
}
