package rules

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestIndexAgreesWithTheCells decides random facts by random tables with the index, and cell by cell.
func TestIndexAgreesWithTheCells(t *testing.T) {
	t.Parallel()
	cells := map[string][]string{
		"n": {"-", "1", "< 2", "[1..3)", "]2..5]", "not(2, 3)", "2, 4", "missing", "not(1), missing", "> limit", "!= 2", ">= 3.5", "not(missing)", "? + 0 > 2", "1e40", "< 1e40", "0.0000000000000000000000000000000000000001"},
		"t": {"-", "a", "b, c", "not(a)", "missing", "not(a, b), missing", "startsWith a", "!= c", "${other}"},
		"d": {"-", "2026-01-01", "< 2026-01-02", "[2026-01-01..2026-01-03]", "not(2026-01-02)"},
		"b": {"-", "true", "false", "not(true)"},
		"l": {"-", "a", "not(a)", "missing"},
	}
	random := rand.New(rand.NewSource(1))
	pick := func(from []string) string { return from[random.Intn(len(from))] }
	for range 60 {
		var rows strings.Builder
		for i := range 1 + random.Intn(90) {
			fmt.Fprintf(&rows, "  R%d | %s | %s | %s | %s | %s\n", i, pick(cells["n"]), pick(cells["t"]), pick(cells["d"]), pick(cells["b"]), pick(cells["l"]))
		}
		table, problems := ParseTable("t.yaml", []byte(`rules: 1
table: random
hit: first
facts: {n: number, t: string, d: {type: date, required: true}, b: {type: boolean, required: true}, l: {type: list, items: string}, limit: {type: number, required: true}, other: {type: string, required: true}}
inputs: [n, t, d, b, l]
outputs: {x: number}
rows: |
  id | n | t | d | b | l | x
`+strings.ReplaceAll(rows.String(), "\n", " | 1\n")), nil)
		if table == nil { // two rows happened to have the same conditions
			require.Contains(t, problems.Error(), "same conditions")
			continue
		}
		for range 200 {
			facts := Record(map[string]Value{"limit": Number(Int(2)), "other": Text("b"), "d": Date(2026, 1, 1+random.Intn(4)), "b": Bool(random.Intn(2) == 0)})
			if random.Intn(5) > 0 {
				n, err := ParseNum(pick([]string{"0", "1", "1.5", "2", "3", "3.4", "4", "1e39", "1e40", "1e41", "-1", "1e-40"}))
				require.NoError(t, err)
				facts = facts.With("n", Number(n))
			}
			if random.Intn(5) > 0 {
				facts = facts.With("t", Text(pick([]string{"a", "ab", "b", "c", "", "zz"})))
			}
			if random.Intn(3) > 0 {
				facts = facts.With("l", List(Text(pick([]string{"a", "b"}))))
			}
			want := ""
			explained, err := table.Explain(facts)
			require.NoError(t, err)
			for _, row := range explained.Rows { // each is looked at cell by cell, without the index
				if row.Verdict == VerdictDecided || row.Verdict == VerdictPassed {
					want = row.Row
					break
				}
			}
			got, _, _, err := table.Match(facts)
			if want == "" {
				require.ErrorContains(t, err, "no row matches")
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, got, "%s\n%s", facts, rows.String())
		}
	}
}

// TestClassesOfNumbers finds the classes of random numbers as comparing with each bound does.
func TestClassesOfNumbers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(7))
	number := func(digits int, spread int32) Value {
		v := Number(small(random.Int63()>>(63-random.Intn(digits))*int64(1-2*random.Intn(2)), random.Int31n(2*spread+1)-spread))
		if random.Intn(60) == 0 {
			n, err := v.Num().Mul(small(1<<62+1, 3))
			require.NoError(t, err)
			v = Number(n)
		}
		return v
	}
	scaled := 0
	for range 2000 {
		digits, spread := 2+random.Intn(61), int32(random.Intn(12))
		var literals []Value
		for range random.Intn(12) {
			literals = append(literals, number(digits, spread))
		}
		c := columnIndex{kind: KindNumber}
		require.True(t, c.partition(literals, 100))
		if c.scaled != nil {
			scaled++
		}
		of := append([]Value{Number(Int(0))}, c.bounds...)
		for range 20 {
			of = append(of, number(digits, spread+2))
		}
		for _, v := range of {
			want := 0
			for _, bound := range c.bounds {
				if order := bound.order(v); order < 0 {
					want += 2
				} else if order == 0 {
					want++
				}
			}
			require.Equal(t, want, c.classOf(&v), "%s in %v", v, c.bounds)
		}
	}
	require.Greater(t, scaled, 500)
	require.Less(t, scaled, 1800)
}

// TestDirectDecisions decides random facts by random tables without computed cells with and without the short way.
func TestDirectDecisions(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(8))
	pick := func(from ...string) string { return from[random.Intn(len(from))] }
	taken, many := map[string]int{}, 0
	for range 300 {
		var rows strings.Builder
		sparse := pick("-", "7")
		for i := range 1 + random.Intn(6) + random.Intn(2)*random.Intn(90) {
			plain := pick(fmt.Sprintf("%d.25", i), fmt.Sprintf("[%d..%d]", i%9, 10+i))
			number := plain
			if i < 6 {
				number = pick(sparse, "1", "< 2", "(1.5..3]", "not(2, 3)", "missing", "> limit", plain)
			}
			fmt.Fprintf(&rows, "  R%d | %s | %s | %s | %d\n", i, number, pick("a", "b, c", "not(a)", "missing"), pick("-", "true", "false", "false"), i)
		}
		table, problems := ParseTable("t.yaml", []byte(`rules: 1
table: random
hit: `+pick("first", "unique")+`
facts: {n: number, of: {properties: {b: boolean, t: string}, required: true}, limit: {type: number, required: true}, zero: number}
inputs: [n, {fact: of.t, name: t}, {fact: of.b, name: b}]
outputs: {x: number}
`+pick("", "default: {x: -1}\n")+`rows: |
  id | n | t | b | x
`+rows.String()), nil)
		if table == nil { // two rows happened to have the same conditions
			require.Contains(t, problems.Error(), "same conditions")
			continue
		}
		if len(table.rows) > 64 {
			many++
		}
		for range 100 {
			facts := Record(map[string]Value{"limit": Number(Int(2))})
			if random.Intn(4) > 0 {
				n, err := ParseNum(pick("0", "1", "1.5", "1.7", "2", "3", "7", "9.25", "20", "40", "70", "1e30"))
				require.NoError(t, err)
				facts = facts.With("n", Number(n))
			}
			of := Record(nil)
			if random.Intn(4) > 0 {
				of = of.With("t", Text(pick("a", "b", "c", "d", "")))
			}
			if random.Intn(4) > 0 {
				of = of.With("b", Bool(random.Intn(2) == 0))
			}
			facts = facts.With("of", of)
			r, _, ok := table.direct(&facts, -1, nil)
			left := decisionWork
			d := table.begin(facts, &left)
			require.NoError(t, table.inputs(d))
			require.NoError(t, table.rowByRow(d))
			hits := append([]int{}, d.hits...)
			outputs, wrong := table.result(d)
			d.end(&left)
			switch {
			case !ok:
				taken["the whole way"]++
			case r == nil:
				taken["none"]++
				require.Empty(t, hits)
			default:
				taken["a row"]++
				require.Equal(t, r.id, table.rows[hits[0]].id)
				require.True(t, table.hit == First || len(hits) == 1)
			}
			id, _, got, err := table.Match(facts)
			require.Equal(t, wrong == nil, err == nil)
			if err == nil {
				require.Equal(t, outputs.Hash(), got.Hash())
				require.Equal(t, len(hits) == 0, id == DefaultRow)
			}
		}
	}
	require.Greater(t, many, 5)
	require.Greater(t, min(taken["the whole way"], taken["none"], taken["a row"]), 200, "%v", taken)
}
