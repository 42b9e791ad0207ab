package main

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/interpreter"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"crosswalk/rules"
)

// inputs are the facts of one decision.
type inputs struct {
	amount, months          int
	tier, country, category string
	urgent                  bool
}

// row is the conditions of one row; an empty one takes everything.
type row struct {
	from, to   int // amount: more than from and at most to
	tiers      []string
	countries  []string
	notCountry string
	urgent     string // "", true, false
	months     int    // at least
	category   string
}

var (
	tiers      = []string{"bronze", "silver", "gold", "platinum"}
	countries  = []string{"DE", "AT", "CH", "FR", "US", "JP"}
	categories = []string{"phone", "tablet", "lamp", "kettle", "chair"}
)

func newRows(count int, random *rand.Rand) []row {
	rows := make([]row, count)
	for i := range rows {
		width := 1000 + random.Intn(3000)
		from := random.Intn(20) * 500
		rows[i] = row{from: from, to: from + width, months: random.Intn(24)}
		rows[i].tiers = []string{tiers[i%4], tiers[(i+1)%4]}[:1+i%2]
		switch i % 4 {
		case 0:
			rows[i].countries = countries[:3]
		case 1:
			rows[i].notCountry = "US"
		case 2:
			rows[i].countries = []string{countries[random.Intn(6)]}
		}
		if i%3 == 0 {
			rows[i].urgent = []string{"true", "false"}[random.Intn(2)]
		}
		if i%2 == 0 {
			rows[i].category = categories[random.Intn(5)]
		}
		if count > 100 { // rows far down must be reached too; and no two are the same
			rows[i].from += i % 40
			rows[i].to = rows[i].from + 40 + i/40
		}
	}
	return rows
}

func newInputs(random *rand.Rand) []inputs {
	all := make([]inputs, factSets)
	for i := range all {
		all[i] = inputs{amount: random.Intn(12_000), months: random.Intn(30), tier: tiers[random.Intn(4)], country: countries[random.Intn(6)],
			category: categories[random.Intn(5)], urgent: random.Intn(2) == 0}
		if i%2 == 0 {
			all[i].amount = random.Intn(20)*500 + 25
		}
	}
	return all
}

// cells are the row in our language.
func (r row) cells(columns int) []string {
	cells := []string{fmt.Sprintf("(%d..%d]", r.from, r.to), strings.Join(r.tiers, ", "), "-", "-", fmt.Sprintf(">= %d", r.months), "-"}
	if len(r.countries) > 0 {
		cells[2] = strings.Join(r.countries, ", ")
	} else if r.notCountry != "" {
		cells[2] = "not(" + r.notCountry + ")"
	}
	if r.urgent != "" {
		cells[3] = r.urgent
	}
	if r.category != "" {
		cells[5] = r.category
	}
	return cells[:columns]
}

// conditions are the row in a language with == and the given prefix before names.
func (r row) conditions(columns int, prefix string, number func(int) string) []string {
	quoted := func(texts []string) string { return fmt.Sprintf("[%s]", strings.Join(quote(texts), ", ")) }
	all := []string{prefix + "amount > " + number(r.from), prefix + "amount <= " + number(r.to)}
	if len(r.tiers) == 1 {
		all = append(all, prefix+"tier == "+quote(r.tiers)[0])
	} else {
		all = append(all, prefix+"tier in "+quoted(r.tiers))
	}
	if len(r.countries) > 0 {
		all = append(all, prefix+"country in "+quoted(r.countries))
	} else if r.notCountry != "" {
		all = append(all, prefix+"country != "+quote([]string{r.notCountry})[0])
	}
	if r.urgent != "" {
		all = append(all, prefix+"urgent == "+r.urgent)
	}
	if columns > 4 {
		all = append(all, prefix+"months >= "+number(r.months))
		if r.category != "" {
			all = append(all, prefix+"category == "+quote([]string{r.category})[0])
		}
	}
	return all
}

func quote(texts []string) []string {
	quoted := slices.Clone(texts)
	for i := range quoted {
		quoted[i] = `"` + quoted[i] + `"`
	}
	return quoted
}

func float(n int) string { return fmt.Sprintf("%d.0", n) }
func whole(n int) string { return fmt.Sprint(n) }

// newTable makes the table in every language.
// newTable makes the table in all ways; compiled and facts are ours, for what only we do.
func newTable(ctx context.Context, count, columns int) (t *table, compiled *rules.Table, facts []rules.Value, err error) {
	random := rand.New(rand.NewSource(3))
	t = &table{name: fmt.Sprintf("%d rows, %d inputs", count, columns), rows: newRows(count, random), in: newInputs(random)}
	compiled, err = ours(t.rows, columns)
	if err != nil {
		return nil, nil, nil, err
	}
	facts = make([]rules.Value, len(t.in))
	for i, in := range t.in {
		facts[i], err = compiled.Facts.Decode(rules.Record(map[string]rules.Value{"amount": rules.Number(rules.Int(int64(in.amount))), "months": rules.Number(rules.Int(int64(in.months))),
			"tier": rules.Text(in.tier), "country": rules.Text(in.country), "category": rules.Text(in.category), "urgent": rules.Bool(in.urgent)}))
		if err != nil {
			return nil, nil, nil, err
		}
	}
	t.ways = append(t.ways, way{"a rule table", func(i int) (int, error) {
		_, _, outputs, err := compiled.Match(facts[i])
		row, _ := outputs.Get("row").Num().Int64()
		return int(row), err
	}})
	for _, other := range []func(context.Context, *table, int) (way, error){plainExpr, celGo, opa} {
		w, err := other(ctx, t, columns)
		if err != nil {
			return nil, nil, nil, err
		}
		t.ways = append(t.ways, w)
	}
	return t, compiled, facts, nil
}

func (in inputs) floats() map[string]any {
	return map[string]any{"amount": float64(in.amount), "months": float64(in.months), "tier": in.tier, "country": in.country, "category": in.category, "urgent": in.urgent}
}

// ternaries is the table as one expression.
func ternaries(rows []row, columns int, and string) string {
	var b strings.Builder
	for i, r := range rows {
		fmt.Fprintf(&b, "(%s) ? %d : (", strings.Join(r.conditions(columns, "", float), and), i)
	}
	return b.String() + "-1" + strings.Repeat(")", len(rows))
}

func plainExpr(_ context.Context, t *table, columns int) (way, error) {
	program, err := expr.Compile(ternaries(t.rows, columns, " && "), expr.Env(t.in[0].floats()), expr.MaxNodes(0), expr.AsInt())
	if err != nil {
		return way{}, err
	}
	facts := make([]map[string]any, len(t.in))
	for i := range facts {
		facts[i] = t.in[i].floats()
	}
	machine := &vm.VM{}
	return way{"one plain expr program", func(i int) (int, error) {
		result, err := machine.Run(program, facts[i])
		if err != nil {
			return 0, err
		}
		return result.(int), nil
	}}, nil
}

func celGo(_ context.Context, t *table, columns int) (way, error) {
	env, err := cel.NewEnv(cel.ParserRecursionLimit(-1), cel.ParserExpressionSizeLimit(10<<20), cel.Variable("amount", cel.DoubleType), cel.Variable("months", cel.DoubleType),
		cel.Variable("tier", cel.StringType), cel.Variable("country", cel.StringType), cel.Variable("category", cel.StringType), cel.Variable("urgent", cel.BoolType))
	if err != nil {
		return way{}, err
	}
	tree, issues := env.Compile(ternaries(t.rows, columns, " && "))
	if issues.Err() != nil {
		return way{}, issues.Err()
	}
	program, err := env.Program(tree, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return way{}, err
	}
	facts := make([]interpreter.Activation, len(t.in))
	for i := range facts {
		if facts[i], err = interpreter.NewActivation(t.in[i].floats()); err != nil {
			return way{}, err
		}
	}
	return way{"cel-go", func(i int) (int, error) {
		result, _, err := program.Eval(facts[i])
		if err != nil {
			return 0, err
		}
		return int(result.Value().(int64)), nil
	}}, nil
}

func opa(ctx context.Context, t *table, columns int) (way, error) {
	var b strings.Builder
	b.WriteString("package bench\n\n")
	for i, r := range t.rows {
		name := "else"
		if i == 0 {
			name = "row"
		}
		fmt.Fprintf(&b, "%s := %d if {\n\t%s\n} ", name, i, strings.Join(r.conditions(columns, "input.", whole), "\n\t"))
	}
	b.WriteString("else := -1\n")
	query, err := rego.New(rego.Query("x := data.bench.row"), rego.Module("bench.rego", b.String())).PrepareForEval(ctx)
	if err != nil {
		return way{}, err
	}
	facts := make([]ast.Value, len(t.in))
	for i := range facts {
		if facts[i], err = ast.InterfaceToValue(t.in[i].floats()); err != nil {
			return way{}, err
		}
	}
	return way{"OPA", func(i int) (int, error) {
		set, err := query.Eval(ctx, rego.EvalParsedInput(facts[i]))
		if err != nil || len(set) == 0 {
			return 0, fmt.Errorf("no answer: %w", err)
		}
		var row int
		_, err = fmt.Sscan(fmt.Sprint(set[0].Bindings["x"]), &row)
		return row, err
	}}, nil
}
