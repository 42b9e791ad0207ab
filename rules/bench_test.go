package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// benchTable has 20 rows and 4 inputs, the measure that the speed of decisions is stated in.
func benchTable(tb testing.TB, hit string) (*Table, Value) {
	tb.Helper()
	var rows strings.Builder
	tiers := []string{"bronze", "silver", "gold", "platinum"}
	for i := range 20 {
		fmt.Fprintf(&rows, "  R%02d | (%d..%d] | %s | %s | - | r%d\n", i, i/4*1000, i/4*1000+1000, tiers[i%4], []string{"DE, AT, CH", "not(US)", "-", "FR, DE"}[i%4], i)
	}
	table, problems := ParseTable("bench.yaml", []byte(`rules: 1
table: bench
hit: `+hit+`
facts: {amount: {type: number, required: true}, tier: {enum: [bronze, silver, gold, platinum], required: true}, country: {type: string, required: true}, urgent: {type: boolean, required: true}}
inputs: [amount, tier, country, urgent]
outputs: {route: string}
default: {route: none}
rows: |
  id | amount | tier | country | urgent | route
`+rows.String()), nil)
	require.NoError(tb, problems.Err())
	facts, err := table.Facts.Decode(Record(map[string]Value{"amount": Number(Int(4500)), "tier": Text("platinum"), "country": Text("DE"), "urgent": Bool(true)}))
	require.NoError(tb, err)
	id, _, _, err := table.Match(facts)
	require.NoError(tb, err)
	require.Equal(tb, "R19", id)
	return table, facts
}

func BenchmarkTableFirst(b *testing.B) {
	table, facts := benchTable(b, "first")
	b.ReportAllocs()
	for b.Loop() {
		_, _, _, _ = table.Match(facts)
	}
}

func BenchmarkTableUnique(b *testing.B) {
	table, facts := benchTable(b, "unique")
	b.ReportAllocs()
	for b.Loop() {
		_, _, _, _ = table.Match(facts)
	}
}

// BenchmarkTableDecide adds what a recorded decision needs: decoding the facts and their hash.
func BenchmarkTableDecide(b *testing.B) {
	table, facts := benchTable(b, "first")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = table.Decide(facts)
	}
}

func BenchmarkExpression(b *testing.B) {
	env := NewEnvironment(RecordType(Field{"v", &Type{Kind: KindNumber}, true}))
	for _, text := range []string{"v > 100 and v < 5000", "v * 1.19 + 5 > 100"} {
		x, err := Compile(text, env, Options{})
		require.NoError(b, err)
		variables := map[string]Value{"v": Number(Int(250))}
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = x.Eval(variables)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	env := NewEnvironment(RecordType(Field{"v", &Type{Kind: KindNumber}, true}))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Compile("v * 1.19 + 5 > 100", env, Options{})
	}
}

func BenchmarkJSON(b *testing.B) {
	text := []byte(valuesJSON)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		v, _ := FromJSON(text)
		_ = v.appendWire(nil)
	}
}
