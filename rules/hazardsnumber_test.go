package rules

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"
)

// stepsOf is what an expression costs with long = 34 digits, many = 100 numbers of them and digits = a text of a number.
func stepsOf(t *testing.T, expression string) (steps int, err error) {
	t.Helper()
	env := NewEnvironment(RecordType(Field{"price", &Type{Kind: KindNumber}, true}, Field{"long", &Type{Kind: KindNumber}, true},
		Field{"many", ListOf(&Type{Kind: KindNumber}), true}, Field{"digits", &Type{Kind: KindText}, true}))
	x, err := Compile(expression, env, Options{})
	require.NoError(t, err, expression)
	long, err := ParseNum("1.234567890123456789012345678901234")
	require.NoError(t, err)
	price, err := ParseNum("123456789.12345678")
	require.NoError(t, err)
	many := make([]Value, 100)
	for i := range many {
		many[i] = Number(long)
	}
	values := map[string]Value{"price": Number(price), "long": Number(long), "many": List(many...), "digits": Text(strings.Repeat("7", 1900) + strings.Repeat("0", 90))}
	m := &machine{}
	m.reset(x.limits, x.locals)
	for _, name := range x.variables {
		m.variables = append(m.variables, values[name])
	}
	_, err = x.run(m)
	return x.limits.Steps - m.steps, err
}

// TestHazardL6OrdinaryNumbersCostOneStep: a limit that holds for hostile numbers changes nothing for the others.
func TestHazardL6OrdinaryNumbersCostOneStep(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{"price + 1.19", "price - 1e9", "price * 1.19", "price / 3", "price % 7", "1.05 ** 6", "10 ** 30", "0 + 1e900", "price > 3", "-price < 0",
		"round(price, 2)", "abs(price)", "floor(price)", "text(price)", `number("123456789.12345678")`, "max(1)"} {
		steps, err := stepsOf(t, expression)
		require.NoError(t, err, expression)
		require.Equal(t, map[bool]int{false: 1, true: 2}[expression == "max(1)"], steps, expression)
	}
}

// TestHazardL6LongNumbersCostWhatTheyTake: many digits and far exponents pay before the work is done.
func TestHazardL6LongNumbersCostWhatTheyTake(t *testing.T) {
	t.Parallel()
	for expression, least := range map[string]int{
		"1e900 + 1e-900": 3, "1e-900 - 1e900": 3, "long + price": 3, "long - price": 3, "long * price": 3, "long / price": 4, "price / long": 4, "long % 3": 5, "1e20 % 1e-5": 5,
		"1.0000001 ** -999": 60, "1.0000001 ** 999": 60, "long ** 2": 5, "1.05 ** 200": 20,
		"round(long, 2)": 2, "abs(-long)": 2, "floor(long)": 2, "ceil(long)": 2, "text(long)": 3, "readable(long)": 3, "--long > 0": 3,
		"number(digits)": 90, "sum(many)": 250, "max(many)": 101, "len(unique(many))": 600, "sortBy(many, #)": 1600, "many == many": 300, "sum(many, -#)": 300,
	} {
		steps, err := stepsOf(t, expression)
		if expression == "number(digits)" {
			require.ErrorContains(t, err, "more than 34 digits")
		} else {
			require.NoError(t, err, expression)
		}
		require.GreaterOrEqual(t, steps, least, expression)
		require.Less(t, steps, 3000, expression)
	}
}

// TestHazardL6HostileNumbersEnd: a step stands for half a microsecond, so that what does more than 50 ms of work is refused.
func TestHazardL6HostileNumbersEnd(t *testing.T) {
	t.Parallel()
	items := make([]Value, 4900)
	for i := range items {
		items[i] = Number(Int(int64(i)))
	}
	facts := Record(map[string]Value{"n": Number(Int(1)), "l": List(items...)})
	for _, body := range []string{
		"1.0000001 ** -999 + 1e900 > 0", "1e900 + 1e-900 + 1e900 + 1e-900 > 0", "1 / 3 + 1 / 7 + 1 / 9 > 0", "(1e900 + 1 / 3) % 1e880 >= 0", "round(1 / 3 * 1 / 7, 20) + 1e-30 > 0",
		`text(1 / 3) + text(1 / 7) != ""`, "(" + strings.Repeat("-", 400) + "1) == 1",
	} {
		outputs, cells := "", ""
		for i := range 5 {
			outputs += fmt.Sprintf("x%d: boolean, ", i)
			cells += " | ${all(l, " + body + ")}"
		}
		table, problems := ParseTable("t.yaml", []byte("rules: 1\ntable: t\nhit: first\nfacts: {n: {type: number, required: true}, l: {type: list, required: true, items: number}}\ninputs: [n]\noutputs: {"+
			strings.TrimSuffix(outputs, ", ")+"}\nrows: |\n  id | n | x0 | x1 | x2 | x3 | x4\n  A | -"+cells+"\n"), nil)
		require.NoError(t, problems.Err(), body)
		_, _, _, err := table.Match(facts)
		require.ErrorContains(t, err, "too much work", body)
	}
}

// TestShortCutsOfNumbers: what is not calculated because the result is known is what would have come out.
func TestShortCutsOfNumbers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(1))
	number := func() Num {
		digits := make([]byte, 1+random.Intn(34))
		for i := range digits {
			digits[i] = "0199"[random.Intn(4)]
		}
		n, err := ParseNum(string(digits))
		require.NoError(t, err)
		if random.Intn(2) == 0 {
			n = n.Neg()
		}
		n, err = n.Mul(Num{coefficient: 1, exponent: int32(random.Intn(100) - 50)})
		require.NoError(t, err)
		return n
	}
	for range 5000 {
		a, b := number(), number()
		sum, err := a.Add(b)
		wanted, wantedErr := a.slow(b, decimal128.Add)
		require.Equal(t, wantedErr, err)
		require.True(t, sum.Equal(wanted), "%s + %s = %s", a, b, sum)
		if b.Sign() != 0 {
			rest, err := a.Rem(b)
			wanted, wantedErr := a.slow(b, decimal128.Rem)
			require.Equal(t, wantedErr, err)
			require.True(t, rest.Equal(wanted), "%s %% %s = %s", a, b, rest)
		}
		var ours, theirs apd.Decimal
		ours.Set(a.decimal())
		ours.Coeff.Mul(&ours.Coeff, &tens[random.Intn(len(tens)-5)+5])
		theirs.Reduce(&ours)
		reduce(&ours)
		require.Equal(t, theirs.Text('E'), ours.Text('E'))
	}
}

// TestTinyNumbersAreRoundedUpAndDown: to the next whole number, however small they are.
func TestTinyNumbersAreRoundedUpAndDown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{"0.05": {"0", "1"}, "-0.05": {"-1", "0"}, "1e-900": {"0", "1"}, "-1e-900": {"-1", "0"}, "1.05": {"1", "2"}, "-1.05": {"-2", "-1"}, "0": {"0", "0"}} {
		n, err := ParseNum(text)
		require.NoError(t, err)
		floor, err := n.Floor()
		require.NoError(t, err)
		ceil, err := n.Ceil()
		require.NoError(t, err)
		require.Equal(t, want, [2]string{floor.String(), ceil.String()}, text)
	}
}

// TestUnreadableNumbersSayWhy: a number that is too large is not called something else.
func TestUnreadableNumbersSayWhy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1e999999999": "too large", "-1e999999999": "too large", "1e-999999999": "too small", "1e0000000000000000005": "", "0e999999999": "", "1e1000": "too large",
		strings.Repeat("9", 1<<20): "more than 34 digits", strings.Repeat("0", 1<<20) + "1": "", "1e": "not a number", "1e+": "not a number", "1e5x": "not a number",
	} {
		_, err := ParseNum(text)
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
	_, err := FromJSON([]byte(`{"n": 1e999999999}`))
	require.EqualError(t, err, `not valid JSON at byte 7: "1e999999999": the number is too large or too small (limit: 1e999)`)
}

// TestHalfCharactersAreRefused: half of a surrogate pair is no text, and nothing else is put into its place.
func TestHalfCharactersAreRefused(t *testing.T) {
	t.Parallel()
	for text, at := range map[string]int{`{"s": "x\ud800"}`: 9, `["\udc00\ud800"]`: 3, `"\ud83d\u0041"`: 2, `{"\udbff": 1}`: 3} {
		_, err := FromJSON([]byte(text))
		require.ErrorContains(t, err, fmt.Sprintf("not valid JSON at byte %d: \\u", at), text)
		require.ErrorContains(t, err, "is half of a character")
		v, halves, err := FromJSONGently([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, strings.Count(text, `\u`)-strings.Count(text, "0041"), halves, text)
		require.Contains(t, string(v.Plain()), "\uFFFD", "RFC 8259, section 8.2")
	}
	_, halves, err := FromJSONGently([]byte(`["\ud83d\ude00", "\ufffd", "a\u0000b"]`))
	require.NoError(t, err)
	require.Zero(t, halves, "what was a whole character stays one")
	_, _, err = FromJSONGently([]byte(`{"\ud800": 1, "\udc00": 2}`))
	require.ErrorContains(t, err, "stands twice", "two names that would become one")
	v, err := FromJSON([]byte(`"\ud83d\ude00"`))
	require.NoError(t, err)
	require.Equal(t, "😀", v.Text())
}
