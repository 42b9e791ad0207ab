package rules

import (
	"math/rand"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"
)

// TestSmallNumbersAreDecimals compares the fast path with apd itself.
func TestSmallNumbersAreDecimals(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(1))
	number := func() Num {
		return small(random.Int63()>>(random.Intn(62))*int64(1-2*random.Intn(2)), int32(random.Intn(13)-6))
	}
	operations := []struct {
		ours func(a, b Num) (Num, error)
		apd  func(d, x, y *apd.Decimal) (apd.Condition, error)
	}{{Num.Add, decimal128.Add}, {Num.Sub, decimal128.Sub}, {Num.Mul, decimal128.Mul}, {Num.Quo, decimal128.Quo}, {Num.Rem, decimal128.Rem}}
	for range 20_000 {
		a, b := number(), number()
		require.Equal(t, a.decimal().Cmp(b.decimal()), a.Cmp(b))
		require.Equal(t, a.Cmp(b) == 0, a.Equal(b))
		read, err := ParseNum(a.String())
		require.NoError(t, err)
		require.Equal(t, a, read)
		require.Equal(t, a.decimal().Text('f'), a.String())
		for _, operation := range operations {
			var want apd.Decimal
			_, wantErr := operation.apd(&want, a.decimal(), b.decimal())
			got, err := operation.ours(a, b)
			require.Equal(t, wantErr != nil, err != nil)
			if err == nil {
				require.Zero(t, want.Cmp(got.decimal()), "%s %s", a, b)
				reduced, err := fromDecimal(new(apd.Decimal).Set(&want))
				require.NoError(t, err)
				require.Equal(t, reduced.String(), got.String())
				require.True(t, reduced.Equal(got), "one representation for each number")
			}
		}
	}
}

func TestNumberLimits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"0": "0", "-0.0": "0", "1.10": "1.1", "1e3": "1000", "007": "7", "1e50": "1e+50", "1.5e-50": "1.5e-50", "-9223372036854775808": "-9223372036854775808"} {
		n, err := ParseNum(text)
		require.NoError(t, err, text)
		require.Equal(t, want, n.String())
	}
	for _, text := range []string{"", "-", ".", "1e", "1e1000", "1e-1000", "0x1", "1,5", "NaN", "Infinity", " 1", "1_0", "12345678901234567890123456789012345"} {
		_, err := ParseNum(text)
		require.Error(t, err, text)
	}
	_, err := Int(10).Pow(Int(1000))
	require.Error(t, err)
	least := Int(-9223372036854775808)
	require.Equal(t, "9223372036854775808", least.Neg().String())
	require.True(t, least.Neg().Neg().Equal(least))
}

// TestSameDecisionAlways: a decision and an expression depend on the facts and on nothing else.
func TestSameDecisionAlways(t *testing.T) {
	t.Parallel()
	table := parseTestTable(t, routingTable)
	random := rand.New(rand.NewSource(1))
	tiers := []Value{Text("bronze"), Text("silver"), Text("gold"), {}}
	x, err := Compile(`{a: readable(invoice), b: map(invoice.lines, .net), c: keys({z: 1, y: 2})}`, NewEnvironment(table.Facts), Options{})
	require.NoError(t, err)
	for range 50 {
		amount, err := Int(random.Int63n(20000)).Quo(Int(1 + random.Int63n(3)))
		require.NoError(t, err)
		line := Record(map[string]Value{"net": Number(Int(random.Int63n(9000)))})
		tier, country := tiers[random.Intn(len(tiers))], Text([]string{"DE", "US"}[random.Intn(2)])
		var first Decision
		var bytes string
		for i := range 20 {
			invoice, vendor, facts := map[string]Value{}, map[string]Value{}, map[string]Value{}
			for _, j := range random.Perm(2) { // the order of insertion
				if j == 0 {
					invoice["total"], vendor["tier"], facts["limit"] = Number(amount), tier, Number(Int(1))
				} else {
					invoice["lines"], vendor["country"] = List(line, line), country
				}
			}
			facts["invoice"], facts["vendor"] = Record(invoice), Record(vendor)
			decision, err := table.Decide(Record(facts))
			require.NoError(t, err)
			v, err := x.Eval(facts)
			require.NoError(t, err)
			if i == 0 {
				first, bytes = decision, string(v.appendWire(nil))
			}
			require.Equal(t, first.Row+first.Outputs.Hash()+first.FactsHash, decision.Row+decision.Outputs.Hash()+decision.FactsHash)
			require.Equal(t, bytes, string(v.appendWire(nil)))
		}
	}
}

// TestHundredEvaluations: the same expression gives the same bytes, in any number of goroutines.
func TestHundredEvaluations(t *testing.T) {
	t.Parallel()
	variables := testVariables(t)
	x, err := Compile(`{all: lines, by: sortBy(lines, .price), who: readable(customer), hit: mentioned(text, lines, ["sku"])}`, NewEnvironment(testTypes(t)), Options{})
	require.NoError(t, err)
	want, err := x.Eval(variables)
	require.NoError(t, err)
	results := make(chan string)
	for range 100 {
		go func() {
			v, err := x.Eval(variables)
			if err != nil {
				results <- err.Error()
				return
			}
			results <- v.Hash()
		}()
	}
	for range 100 {
		require.Equal(t, want.Hash(), <-results)
	}
}
