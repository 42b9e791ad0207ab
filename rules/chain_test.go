package rules

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	riskTable = `rules: 1
table: risk
facts: {total: {type: number, required: true}, country: {type: string, required: true}}
hit: sum
no_match: empty
inputs: [total, country]
outputs: {points: {type: number, required: true}}
rows: |
  id | total | country | points
  K1 | > 1000 | - | 10
  K2 | - | not(DE) | 5
`
	whoTable = `rules: 1
table: who-approves
facts: {decisions: {required: true, properties: {risk: {type: number, required: true}}}, total: {type: number, required: true}, urgent: boolean}
hit: first
inputs: {Risk: decisions.risk, Urgent: urgent}
outputs: [{name: role, values: [lead, clerk]}]
rows: |
  id | Risk | Urgent | role | why
  W1 | > 10 | - | lead | risky
  W2 | - | - | clerk |
`
	invoiceDecision = `rules: 1
decision: invoice
facts: {total: {type: number, required: true}, vendor: {required: true, properties: {country: {type: string, required: true}}}}
steps:
  - {table: risk, with: {country: '${vendor.country}'}}
  - table: who-approves
`
)

func TestChain(t *testing.T) {
	t.Parallel()
	files := map[string]string{"risk.yaml": riskTable, "who-approves.yaml": whoTable}
	table, problems := ParseTable("rules/invoice.yaml", []byte(invoiceDecision), reader(files))
	require.NoError(t, problems.Err())
	v, err := FromJSON([]byte(`{"total": 2000, "vendor": {"country": "US"}}`))
	require.NoError(t, err)
	made, err := table.Decide(v)
	require.NoError(t, err)
	require.Equal(t, "risk: K1, K2; who_approves: W1", made.Row)
	require.Equal(t, `{"role":"lead"} risky`, made.Outputs.String()+" "+made.Why)
	require.Len(t, made.Parts, 2)
	require.Equal(t, []string{"K1", "K2"}, made.Parts[0].Rows)
	require.Equal(t, "15", made.Parts[0].Outputs.String())
	require.Equal(t, []string{"total", "vendor.country"}, table.Reads())
	require.Len(t, table.Tables(), 2)
	text, err := json.Marshal(made)
	require.NoError(t, err)
	var again Decision
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, made, again)

	answer, problems := ParseTable("rules/invoice.yaml", []byte(invoiceDecision+"result: {points: '${decisions.risk}', role: '${decisions.who_approves.role ?? \"clerk\"}'}\n"), reader(files))
	require.NoError(t, problems.Err())
	made, err = answer.Decide(v)
	require.NoError(t, err)
	require.Equal(t, `{"points":15,"role":"lead"}`, made.Outputs.String())
	require.Equal(t, "number", answer.Result.Member("points").String())

	files["risk.yaml"] = strings.Replace(riskTable, "no_match: empty\n", "", 1)
	failing, problems := ParseTable("rules/invoice.yaml", []byte(invoiceDecision), reader(files))
	require.NoError(t, problems.Err())
	v, err = FromJSON([]byte(`{"total": 20, "vendor": {"country": "DE"}}`))
	require.NoError(t, err)
	_, err = failing.Decide(v)
	require.EqualError(t, err, "table invoice → risk: no row matches these facts (add a row for them, or a default)")
	files["risk.yaml"] = riskTable

	for replace, want := range map[string]string{
		"country}'=>contry}'": `unknown field contry (did you mean "country"?)`,
		"{country: '${vendor.country}'}=>{country: '${total}'}":                             `rules/invoice.yaml:5:38: error: expected a text, found a number`,
		", with: {country: '${vendor.country}'}=>":                                          `rules/invoice.yaml:5:13: error: the table risk takes country, which nothing here has the name of (add with: {country: …})`,
		"{country: '${vendor.country}'}=>{country: '${text(decisions.who_approves.role)}'}": `the step "who_approves" decides later (move it up)`,
		"{country: '${vendor.country}'}=>{country: '${text(decisions.risk)}'}":              `the step "risk" reads its own result`,
		"- table: who-approves=>- table: who-aproves":                                       `rules/invoice.yaml:6:12: error: there is no table "who-aproves" (put it beside this one)`,
		"- table: who-approves=>- table: risk":                                              `two steps are called "risk" (give one of them an id:)`,
		"- table: who-approves=>- table: invoice":                                           `one is made of itself`,
		"{total: {type: number, required: true}, vendor=>{total: number, vendor":            `the table risk takes total: it may be missing`,
	} {
		from, to, _ := strings.Cut(replace, "=>")
		require.Contains(t, invoiceDecision, from)
		changed := strings.Replace(invoiceDecision, from, to, 1)
		files["invoice.yaml"] = changed
		_, problems := ParseTable("rules/invoice.yaml", []byte(changed), reader(files))
		require.Contains(t, problems.Error(), want)
	}
	cyclic := strings.Replace(invoiceDecision, "{country: '${vendor.country}'}", "{country: '${text(decisions.who_approves.role)}'}", 1) + "    with: {urgent: '${decisions.risk > 5}'}\n"
	_, problems = ParseTable("rules/invoice.yaml", []byte(cyclic), reader(files))
	require.Contains(t, problems.Error(), `the steps "risk" and "who_approves" need each other`)
}
