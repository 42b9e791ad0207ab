package rules

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/stretchr/testify/require"
)

// hazard is an expression that kills, hangs or misleads stock expr v1.17.8, and what happens here.
type hazard struct {
	name       string
	expression string
	refused    string // part of the error before anything runs
	fails      string // part of the error when it runs
	value      string // or what it yields
}

// hazardous is closed by construction or by a limit; docs/expressions.md describes each group.
func hazardous() []hazard {
	long := func(text string, count int) string { return strings.Repeat(text, count) }
	return []hazard{
		{name: "K1 repeat takes all memory", expression: `len(repeat(repeat("x", 900000), 900000))`, refused: "the function repeat is not part"},
		{name: "K2 reduce doubles a text", expression: `reduce(1..40, #acc + #acc, "x")`, refused: "the function reduce is not part"},
		{name: "K2 doubling by let", expression: `let a = big + big; let b = a + a; let c = b + b; len(c + c)`, fails: "at most 65536 can be made"},
		{name: "K3 replace multiplies", expression: `replace(big, "x", big)`, fails: "at most 65536 can be made"},
		{name: "K3 join multiplies", expression: `join(map(many, big), big)`, fails: "at most 65536 can be made"},
		{name: "K3 split multiplies", expression: `len(map(many, split(big, "x")))`, fails: "too much"},
		{name: "K3 lists multiply", expression: `len(map(many, map(many, map(many, #))))`, fails: "too much"},
		{name: "K4 nested brackets", expression: long("(", 600000), refused: "the expression is too long"},
		{name: "K4 nested brackets below the length limit", expression: long("(", 1000) + "1" + long(")", 999), refused: "nested too deeply"},
		{name: "K4 nested lists", expression: long("[", 1000), refused: "nested too deeply"},
		{name: "K4 nested not", expression: long("!", 1999) + "t", refused: "the expression is too large"},
		{name: "K4 nested conditions", expression: long("t?1:", 499) + "1", refused: "the expression is too large"},
		{name: "L1 nested loops", expression: `all(many, all(many, all(many, true)))`, fails: "too much work"},
		{name: "L1 ranges", expression: `let r = 1..9000; all(r, all(r, true))`, refused: "ranges are not part"},
		{name: "L3 huge pattern", expression: `big matches "(a?){1000}(a{1000})$"`, refused: "repeats too much"},
		{name: "L3 nested repeats", expression: `big matches "((a?){30}){30}b$"`, refused: "repeats too much"},
		{name: "L3 a hundred repeats", expression: `big matches "a{100}"`, refused: "repeats too much"},
		{name: "L3 long text", expression: `big matches "x$"`, fails: "matches takes at most 4096"},
		{name: "L3 pattern from data", expression: `big matches s`, refused: "must be a fixed text"},
		{name: "L4 quadratic uniq", expression: `uniq(many)`, refused: "use unique(list)"},
		{name: "L4 unique is linear", expression: `len(unique(concat(many, many)))`, value: `1000`},
		{name: "D1 clock", expression: `now()`, refused: "take the time from a fact"},
		{name: "D2 values of a record in the order of a map", expression: `keys(record)`, value: `["a","b","c","d"]`},
		{name: "D2 groupBy", expression: `groupBy(many, #)`, refused: "the function groupBy is not part"},
		{name: "D2 toPairs", expression: `toPairs(record)`, refused: "the function toPairs is not part"},
		{name: "D2 loop over a record", expression: `map(record, #)`, refused: "expected a list, found a record"},
		{name: "D3 addresses in texts", expression: `string([t])`, refused: "use text(value)"},
		{name: "D3 text of a list", expression: `text([t])`, refused: "expected a text or a boolean or a number"},
		{name: "D4 guessed dates", expression: `date("Mon, 02 Jan 2006 15:04:05 PST")`, fails: "write YYYY-MM-DD"},
		{name: "D5 methods", expression: `at.Local()`, refused: "methods cannot be called"},
		{name: "D6 zones", expression: `timezone("Europe/Berlin")`, refused: "the function timezone is not part"},
		{name: "D6 date in a zone", expression: `date("2026-03-31", "2006-01-02", "Europe/Berlin")`, refused: "date takes one argument"},
		{name: "D7 int of a huge number", expression: `int(1e30)`, refused: "use number(text), round(number)"},
		{name: "D7 a huge number is exact", expression: `round(1e30) + 1`, value: `1000000000000000000000000000001`},
		{name: "D8 fractional powers", expression: `2 ** 0.5`, fails: "must be a whole number"},
		{name: "D8 mean", expression: `mean([1, 2])`, refused: "sum(list) / len(list)"},
		{name: "D8 median", expression: `median([1, 2])`, refused: "unknown function median"},
		{name: "D9 unstable sort", expression: `map(sortBy([{k: 1, v: "a"}, {k: 0, v: "b"}, {k: 1, v: "c"}, {k: 0, v: "d"}], .k), .v)`, value: `["b","d","a","c"]`},
		{name: "D9 sort", expression: `sort([2, 1])`, refused: "unknown function sort"},
		{name: "D10 bits", expression: `bitushr(1, 1)`, refused: "unknown function bitushr"},
		{name: "D13 functions in the environment", expression: `record.a()`, refused: "methods cannot be called"},
		{name: "W1 missing in a list of texts", expression: `tier in ["", "gold"]`, refused: "tier may be missing"},
		{name: "W1 empty text in a list", expression: `(tier ?? "none") in ["", "gold"]`, value: `false`},
		{name: "W2 a number in a list of texts", expression: `n in ["a", "b"]`, refused: "cannot compare a number with a text"},
		{name: "W3 equal records", expression: `{"q": n} == {"q": 3.00}`, value: `true`},
		{name: "W4 overflow", expression: `9223372036854775807 + 1`, value: `9223372036854775808`},
		{name: "W4 multiplication", expression: `10 * 9223372036854775807`, value: `92233720368547758070`},
		{name: "W4 abs of the least integer", expression: `abs(-9223372036854775808)`, value: `9223372036854775808`},
		{name: "W5 large numbers", expression: `large == 9007199254740992`, value: `false`},
		{name: "W6 division by zero", expression: `1 / 0 > 5`, fails: "division by zero"},
		{name: "W6 zero by zero", expression: `0 / 0`, fails: "division by zero"},
		{name: "W6 remainder by zero", expression: `1 % 0`, fails: "division by zero"},
		{name: "W6 overflow", expression: `10 ** 999 * 10`, fails: "too large"},
		{name: "W7 binary fractions", expression: `0.1 + 0.2 == 0.3`, value: `true`},
		{name: "W7 products", expression: `1.1 * 3`, value: `3.3`},
		{name: "W7 text of a number", expression: `text(100000000.0)`, value: `"100000000"`},
		{name: "W8 equal decimals", expression: `1.0 == 1.00`, value: `true`},
		{name: "W8 decimals in a list", expression: `price in [100.1, 200]`, value: `true`},
		{name: "W9 a field that does not exist", expression: `"a" in record.nope`, refused: "unknown field nope"},
		{name: "W9 contains on missing", expression: `tier contains "x"`, refused: "tier may be missing"},
		{name: "W9 matches on missing", expression: `tier matches "x"`, refused: "tier may be missing"},
		{name: "W10 missing as a condition", expression: `flag and true`, refused: "flag may be missing"},
		{name: "W11 an error on a side that is folded away", expression: `(o > 5) and false`, refused: "o may be missing"},
		{name: "W11 an error on a side that does not matter", expression: `o > 5 or true`, refused: "o may be missing"},
		{name: "W12 computed names", expression: `$env["te" + "ir"]`, refused: "$env is not part"},
		{name: "W12 get", expression: `get($env, "teir")`, refused: "the function get is not part"},
		{name: "W12 computed fields", expression: `record["z" + "z"]`, refused: "computed name"},
		{name: "3.5 missing text compared", expression: `tier == "gold"`, refused: "tier may be missing"},
		{name: "3.5 missing number compared", expression: `o == 5`, refused: "o may be missing"},
		{name: "3.5 not missing", expression: `!flag`, refused: "flag may be missing"},
		{name: "3.5 len of missing", expression: `len(tags)`, refused: "tags may be missing"},
		{name: "3.5 any of missing", expression: `any(tags, true)`, refused: "tags may be missing"},
		{name: "3.5 upper of missing", expression: `upper(tier)`, refused: "tier may be missing"},
		{name: "3.5 index out of range", expression: `tags?.[5] ?? "none"`, value: `"none"`},
		{name: "3.5 index out of a list that is there", expression: `many[5000] ?? -1`, value: `-1`},
		{name: "3.5 first of nothing", expression: `first([]) == missing`, value: `true`},
		{name: "3.5 max of nothing", expression: `max(filter(many, false)) > 5`, refused: "may be missing"},
		{name: "3.5 duration with days", expression: `duration("1d")`, value: `"24h"`},
		{name: "3.5 number of a text", expression: `number("12.5")`, value: `12.5`},
		{name: "3.5 number of another text", expression: `number("12,5")`, fails: "the text is not a number"},
		{name: "3.6 predicates cannot be disabled in expr", expression: `findIndex(many, true)`, refused: "the function findIndex is not part"},
		{name: "3.6 unknown functions", expression: `fromBase64("x")`, refused: "unknown function fromBase64"},
		{name: "3.6 the global scope of functions", expression: `::now()`, refused: "take the time from a fact"},
		{name: "3.6 piped functions", expression: `many | reduce(#acc + #, 0)`, refused: "the function reduce is not part"},
		{name: "3.7 recursion in flatten", expression: `flatten(many)`, refused: "expected a list, found a number"},
		{name: "3.7 recursion in max", expression: `max([[1]])`, refused: "found a list of"},
	}
}

func TestHazards(t *testing.T) {
	t.Parallel()
	many := make([]Value, 1000)
	for i := range many {
		many[i] = Number(Int(int64(i)))
	}
	types := RecordType(
		Field{"big", &Type{Kind: KindText}, true}, Field{"s", &Type{Kind: KindText}, true}, Field{"t", &Type{Kind: KindBool}, true},
		Field{"many", ListOf(&Type{Kind: KindNumber}), true}, Field{"n", &Type{Kind: KindNumber}, true}, Field{"price", &Type{Kind: KindNumber}, true},
		Field{"large", &Type{Kind: KindNumber}, true}, Field{"o", &Type{Kind: KindNumber}, false}, Field{"tier", &Type{Kind: KindText}, false},
		Field{"flag", &Type{Kind: KindBool}, false}, Field{"tags", ListOf(&Type{Kind: KindText}), false}, Field{"at", &Type{Kind: KindInstant}, true},
		Field{"record", RecordType(Field{"a", &Type{Kind: KindNumber}, true}, Field{"b", &Type{Kind: KindNumber}, true}, Field{"c", &Type{Kind: KindNumber}, true}, Field{"d", &Type{Kind: KindNumber}, true}), true})
	facts, err := Decode(types, []byte(`{"s":"a","t":true,"n":3,"price":100.10,"large":9007199254740993,"at":"2026-03-01T00:00:00Z","record":{"d":1,"b":2,"a":3,"c":4},"many":[],"big":"`+strings.Repeat("x", 30000)+`"}`))
	require.NoError(t, err)
	variables := map[string]Value{}
	for i, key := range facts.With("many", List(many...)).Keys() {
		variables[key] = facts.With("many", List(many...)).Items()[i]
	}
	for _, h := range hazardous() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			x, err := Compile(h.expression, NewEnvironment(types), Options{})
			if h.refused != "" {
				require.ErrorContains(t, err, h.refused)
				return
			}
			require.NoError(t, err)
			v, err := x.Eval(variables)
			if h.fails != "" {
				require.ErrorContains(t, err, h.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, h.value, string(v.Plain()))
		})
	}
}

// TestHazardK5CyclicData: values are trees by construction, and what comes from outside has a bounded depth.
func TestHazardK5CyclicData(t *testing.T) {
	t.Parallel()
	_, err := FromJSON([]byte(strings.Repeat("[", 100000)))
	require.ErrorContains(t, err, "nested deeper")
}

// TestHazardL5Fuel: an evaluation stops after a count of steps that is the same each time.
func TestHazardL5Fuel(t *testing.T) {
	t.Parallel()
	env := NewEnvironment(RecordType(Field{"l", ListOf(&Type{Kind: KindNumber}), true}))
	at := func(steps int) error {
		x, err := Compile(`sum(l, # * 2)`, env, Options{Limits: Limits{Steps: steps}})
		require.NoError(t, err)
		_, err = x.Eval(map[string]Value{"l": List(Number(Int(1)), Number(Int(2)), Number(Int(3)))})
		return err
	}
	enough := 1
	for at(enough) != nil {
		enough++
	}
	require.Equal(t, 6, enough, "three items and three products")
	for range 100 {
		require.NoError(t, at(enough))
		require.ErrorContains(t, at(enough-1), "too much work")
	}
}

// TestHazardD11NothingOfExprRuns: expr reads the text and does nothing else, so that neither its optimizer nor its machine,
// which differ between settings and releases, can show (D11), and workflow code reaches none of what workflowcheck finds
// in its machine (D15).
func TestHazardD11NothingOfExprRuns(t *testing.T) {
	t.Parallel()
	reads := []string{"github.com/expr-lang/expr/ast", "github.com/expr-lang/expr/conf", "github.com/expr-lang/expr/file",
		"github.com/expr-lang/expr/parser", "github.com/expr-lang/expr/parser/lexer"}
	used := map[string]bool{}
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, one := range file.Imports {
			imported := strings.Trim(one.Path.Value, `"`)
			if !strings.HasPrefix(imported, "github.com/expr-lang/expr") || filepath.Base(path) == "hazards_test.go" {
				continue
			}
			if strings.HasPrefix(path, filepath.Join("..", "bench")) { // compares with stock expr
				continue
			}
			require.Equal(t, filepath.Join("..", "rules"), filepath.Dir(path), "%s imports %s", path, imported)
			require.Contains(t, reads, imported, path)
			used[imported] = true
		}
		return nil
	}))
	require.Len(t, used, len(reads), "the list here is longer than what is used")
}

// TestHazardD12OtherLibrariesSettings: nothing here reads expr's package variables; the parser's own limit
// is set for each call. It runs beside no other test, as it changes what all share.
func TestHazardD12OtherLibrariesSettings(t *testing.T) {
	nodes, memory, depth := conf.DefaultMaxNodes, conf.DefaultMemoryBudget, builtin.MaxDepth
	defer func() { conf.DefaultMaxNodes, conf.DefaultMemoryBudget, builtin.MaxDepth = nodes, memory, depth }()
	for _, setting := range []uint{0, 1, 1 << 30} {
		conf.DefaultMaxNodes, conf.DefaultMemoryBudget, builtin.MaxDepth = setting, setting, int(setting)
		_, err := Compile(strings.Repeat("1+", 300)+"1", NewEnvironment(nil), Options{})
		require.ErrorContains(t, err, "too large")
		x, err := Compile(`len(flatten(map([1, 2, 3], [#, # * 2]))) + 1`, NewEnvironment(nil), Options{})
		require.NoError(t, err)
		v, err := x.Eval(nil)
		require.NoError(t, err)
		require.Equal(t, "7", string(v.Plain()))
	}
}

// TestHazardD14Panics: nothing panics that would have to be recovered; a function that a caller adds is
// called as it is, so that a panic of Temporal's SDK is not swallowed.
func TestHazardD14Panics(t *testing.T) {
	t.Parallel()
	x, err := Compile(`boom()`, NewEnvironment(nil), Options{Functions: []Function{{Name: "boom", Result: &Type{Kind: KindBool}, Call: func([]Value) (Value, error) { panic("sdk") }}}})
	require.NoError(t, err)
	require.PanicsWithValue(t, "sdk", func() { _, _ = x.Eval(nil) })
}

// TestHazardOrderOfMaps: the order in which facts come never shows.
func TestHazardOrderOfMaps(t *testing.T) {
	t.Parallel()
	var a, b Value
	require.NoError(t, json.Unmarshal([]byte(`{"a":1,"b":{"c":2,"d":3}}`), &a))
	require.NoError(t, json.Unmarshal([]byte(`{"b":{"d":3,"c":2},"a":1}`), &b))
	require.Equal(t, a.Hash(), b.Hash())
	require.True(t, a.Equal(b))
}
