package rules

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/source"
)

const typesYAML = `
customer: {record: customer, required: true, properties: {id: {ref: crm.customer}, name: {type: string, required: true}, email: string, tier: {enum: [bronze, silver, gold], required: true}}}
lines:
  required: true
  type: list
  items: {type: record, properties: {sku: string, price: {type: number, required: true}, qty: {type: integer, required: true}, on: {type: date, required: true}, id: {ref: invoicing.line}}}
stock: {type: record, properties: {available: {type: number, required: true}, depot: {type: record, properties: {city: string}}}}
tier: {enum: [bronze, silver, gold]}
name: string
text: {type: string, required: true}
amount: {type: number, required: true}
vip: {type: boolean, required: true}
on: {type: date, required: true}
at: {type: date-time, required: true}
facts: any
body: {type: record, additionalProperties: true, required: true}
`

const valuesJSON = `{
"customer": {"id": "c1", "name": "Ann Ö", "tier": "gold", "system": "crm"},
"lines": [{"sku":"A","price":10.1,"qty":2,"on":"2026-01-31","id":"l1"},{"price":0.2,"qty":1,"on":"2025-01-01"},{"sku":"C","price":5,"qty":3,"on":"2026-02-01"}],
"name": "x", "text": "Hello, World", "amount": 100.10, "vip": true, "on": "2026-03-31", "at": "2026-03-31T22:30:00+02:00",
"body": {"ticket": {"id": 12345678901234567890, "tags": ["a","b"]}, "n": "5"}}`

func testTypes(t *testing.T) *Type {
	t.Helper()
	doc := source.Parse("types.yaml", []byte(typesYAML))
	types := ParseFields(doc.Root)
	require.NoError(t, doc.Problems().Err())
	return types
}

func testVariables(t *testing.T) map[string]Value {
	t.Helper()
	v, err := Decode(testTypes(t), []byte(valuesJSON))
	require.NoError(t, err)
	variables := map[string]Value{}
	for i, key := range v.Keys() {
		variables[key] = v.Items()[i]
	}
	return variables
}

func TestEval(t *testing.T) {
	t.Parallel()
	env, variables := NewEnvironment(testTypes(t)), testVariables(t)
	for text, want := range map[string]string{
		`1 + 2 * 3`:                           `7`,
		`0.1 + 0.2 == 0.3`:                    `true`,
		`amount == 100.1`:                     `true`,
		`amount * 1.19`:                       `119.119`,
		`1 / 3`:                               `0.3333333333333333333333333333333333`,
		`2 ** 10`:                             `1024`,
		`-7 % 3`:                              `-1`,
		`1_000.50`:                            `1000.5`,
		`9223372036854775807 + 1`:             `9223372036854775808`,
		`customer.name + "!"`:                 `"Ann Ö!"`,
		`customer.tier == "gold" and vip`:     `true`,
		`customer.tier in ["silver", "gold"]`: `true`,
		`customer.tier not in ["silver"]`:     `true`,
		`name ?? "none"`:                      `"x"`,
		`stock?.available ?? 0`:               `0`,
		`stock != missing and stock.available > 0`:        `false`,
		`stock == missing or stock.available > 0`:         `true`,
		`stock == missing ? "no" : text(stock.available)`: `"no"`,
		`stock?.depot?.city ?? "?"`:                       `"?"`,
		`sum(lines, .price * .qty)`:                       `35.4`,
		`map(filter(lines, .sku != missing), .sku)`:       `["A","C"]`,
		`map(lines, {id: .sku ?? "none", n: #index})`:     `[{"id":"A","n":0},{"id":"none","n":1},{"id":"C","n":2}]`,
		`filter(lines, .qty > 1) | map(.price)`:           `[10.1,5]`,
		`any(lines, .price > 10)`:                         `true`,
		`all(lines, .price > 10)`:                         `false`,
		`none(lines, .price > 100)`:                       `true`,
		`one(lines, .price > 10)`:                         `true`,
		`count(lines, .qty > 1)`:                          `2`,
		`find(lines, .qty == 3)?.sku ?? ""`:               `"C"`,
		`lines[0]?.price ?? 0`:                            `10.1`,
		`lines[-1]?.price ?? 0`:                           `5`,
		`lines[7]?.price ?? 0`:                            `0`,
		`len(lines[1:])`:                                  `2`,
		`text[0:5]`:                                       `"Hello"`,
		`first(sortBy(lines, .on, "desc"))?.sku ?? ""`:    `"C"`,
		`map(sortBy(lines, .price), .price)`:              `[0.2,5,10.1]`,
		`max(map(lines, .price)) ?? 0`:                    `10.1`,
		`min(3, 1, 2)`:                                    `1`,
		`round(2.5)`:                                      `3`, `round(-2.5)`: `-3`, `round(1.005, 2)`: `1.01`, `round(1234, -2)`: `1200`,
		`floor(-1.5)`: `-2`, `ceil(-1.5)`: `-1`, `abs(-3)`: `3`,
		`days_between(on, at)`: `0`,
		`date_of(at)`:          `"2026-03-31"`,
		`add_months(on, -1)`:   `"2026-02-28"`, `add_years(date("2024-02-29"), 1)`: `"2025-02-28"`, `add_days(on, 1)`: `"2026-04-01"`,
		`on + duration("2 days")`: `"2026-04-02"`, `at - duration("1h")`: `"2026-03-31T19:30:00Z"`,
		`at - instant("2026-03-31T00:00:00Z")`: `"20h30m"`,
		`weekday(on)`:                          `2`, `year(on)`: `2026`,
		`upper(text) contains "WORLD"`: `true`, `text startsWith "Hell"`: `true`, `text matches "^H.*d$"`: `true`,
		`split("a,b", ",")`: `["a","b"]`, `join(["a","b"], "-")`: `"a-b"`, `replace("aXa", "X", "-")`: `"a-a"`,
		`let total = sum(lines, .price); total > 15 ? "much" : "little"`: `"much"`,
		`if vip { "yes" } else { "no" }`:                                 `"yes"`,
		`flatten([[1],[2,3]])`:                                           `[1,2,3]`, `concat([1],[2])`: `[1,2]`, `unique([1,1.0,2])`: `[1,2]`, `reverse([1,2])`: `[2,1]`,
		`keys(body)`:                          `["n","ticket"]`,
		`1 < 2 < 3`:                           `true`,
		`any(lines, let p = .price; p > 10)`:  `true`,
		`any(lines, any(lines, .price > 10))`: `true`,
		`{a: 1, "b c": missing}`:              `{"a":1}`,
		`[]`:                                  `[]`, `{}`: `{}`, `missing`: `null`,
		`vip /* why */ and true // end`: `true`,
	} {
		x, err := Compile(text, env, Options{})
		require.NoError(t, err, text)
		v, err := x.Eval(variables)
		require.NoError(t, err, text)
		require.Equal(t, want, string(v.Plain()), text)
	}
}

// TestItemsThatAreThere holds that an item is there for certain where so many are, or where a condition has said so, and that
// messages name it as it was written.
func TestItemsThatAreThere(t *testing.T) {
	t.Parallel()
	row := RecordType(Field{Name: "total", Type: TypeOf(KindNumber), Required: true})
	two := ListOf(row)
	two.MinItems = 2
	env := NewEnvironment(RecordType(Field{Name: "two", Type: two, Required: true}, Field{Name: "some", Type: ListOf(row), Required: true}, Field{Name: "of", Type: RecordType(Field{Name: "rows", Type: ListOf(row), Required: true}, Field{Name: "rows[0]", Type: row}), Required: true}))
	for text, problem := range map[string]string{
		`two[0].total + two[1].total`:                       "",
		`two[0]?.total ?? 0`:                                "",
		`two[2].total`:                                      "two[2] may be missing",
		`two[1:][1].total`:                                  "may be missing",
		`sortBy(two, .total)[0].total`:                      "may be missing",
		`(len(two) > 5 ? two : some)[0].total`:              "may be missing",
		`some[0].total`:                                     "some[0] may be missing",
		`some[0] != missing ? some[0].total : 0`:            "",
		`of.rows[0] != missing and of.rows[0].total > 1`:    "",
		`of["rows[0]"] != missing and of.rows[0].total > 1`: "of.rows[0] may be missing",
		`some[0] != missing and some[1].total > 1`:          "some[1] may be missing",
		`two[len(two) - 1].total`:                           "may be missing",
	} {
		_, err := Compile(text, env, Options{})
		if problem == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, problem, text)
		}
	}
}

// TestCompileErrors shows message, place and hint of what is refused before anything runs.
func TestCompileErrors(t *testing.T) {
	t.Parallel()
	env := NewEnvironment(testTypes(t))
	for text, want := range map[string]string{
		`custmer.name`:                             `unknown name custmer at character 1 of "custmer.name" (did you mean "customer"?)`,
		`customer.nme`:                             `unknown field nme at character 10 of "customer.nme" (did you mean "name"?)`,
		`customer.tier == "glod"`:                  `"glod" is not one of bronze, silver, gold at character 18 of "customer.tier == \"glod\"" (did you mean "gold"?)`,
		`tier == "gold"`:                           `tier may be missing`,
		`stock.available > 1`:                      `stock may be missing`,
		`stock == missing and stock.available > 1`: `stock may be missing`,
		`name + "x"`:                               `name may be missing`,
		`customer.email + "x"`:                     `customer.email may be missing`,
		`stock?.available > 1`:                     `stock.available may be missing`,
		`stock?.depot.city ?? ""`:                  `stock.depot may be missing`,
		`1 + "a"`:                                  `+ does not work on a whole number and a text`,
		`on - on`:                                  `days_between(from, to)`,
		`on == "2026-01-01"`:                       `date(…) makes a date of it`,
		`on == at`:                                 `date_of(…)`,
		`amount and vip`:                           `expected a boolean, found a number`,
		`facts.x == 1`:                             `nothing is known about the type of facts`,
		`any(lines, .id != missing and .id == customer.id)`: `is never equal to`,
		`now()`:                       `take the time from a fact`,
		`now`:                         `take the time from a fact`,
		`hasPrefix(text, "a")`:        `use text startsWith prefix`,
		`hasSuffix(text, "a")`:        `use text endsWith suffix`,
		`lenn(text)`:                  `did you mean "len"?`,
		`lines.price`:                 `map(list, .price)`,
		`vip ? 1 : "a"`:               `the two results must be of one kind`,
		`[1, "a"]`:                    `the items of a list must be of one kind`,
		`1 = 2`:                       `a comparison is written ==`,
		`(1 + 2`:                      `ends too early`,
		`text in "abc"`:               `text contains part`,
		`customer.tier in ["glod"]`:   `did you mean "gold"?`,
		`customer.tier < "gold"`:      `have no order`,
		`text matches name`:           `fixed text`,
		`let customer = 1; 2`:         `already the name`,
		`round()`:                     `round takes one argument to two arguments, found 0`,
		`body[text]`:                  `computed name`,
		`0x1F`:                        `decimal digits`,
		`map(lines, {price: .prise})`: `unknown field prise at character 21 of "map(lines, {price: .prise})" (did you mean "price"?)`,
		`any(lines, price > 1)`:       `for a field of the item, write .price`,
		`1; 2`:                        `; cannot join several`,
		`text.upper()`:                `methods cannot be called`,
		`{a: 1, a: 2}`:                `there twice`,
		``:                            `the expression is empty`,
		`1 ?? 2 + 3`:                  `put brackets around the ?? part`,
	} {
		_, err := Compile(text, env, Options{})
		require.Error(t, err, text)
		require.Contains(t, err.Error(), want, text)
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Compile(`custmer.name == "a" and amuont > 1 and customer.tier == "glod"`, NewEnvironment(testTypes(t)), Options{})
	var errs Errors
	require.ErrorAs(t, err, &errs)
	require.Len(t, errs, 3)
	require.Equal(t, []int{0, 24, 56}, []int{errs[0].Offset, errs[1].Offset, errs[2].Offset})
	require.Equal(t, strings.Join([]string{errs[0].Source, `                        ^~~~~~`}, "\n"), errs[1].Caret())
}
