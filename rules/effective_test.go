package rules

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func version(dates, rate string) string {
	return `rules: 1
table: rates
effective: {` + dates + `by: invoice.date}
facts: {invoice: {required: true, properties: {date: {type: date, required: true}, total: {type: number, required: true}}}}
hit: unique
no_match: error
inputs: {Total: invoice.total}
outputs: {rate: {type: number, required: true}}
rows: |
  id | Total | from | to | rate
  R1 | <= 100 | | | ` + rate + `
  R2 | > 100 | | 2026-03-31 | ` + rate + `0
  R3 | > 100 | 2026-04-01 | | ` + rate + `1
`
}

const ratesTable = `rules: 1
table: rates
facts: {invoice: {required: true, properties: {date: {type: date, required: true}, total: {type: number, required: true}}}}
effective: {by: invoice.date}
versions:
  - rates.2026.yaml
  - rates.2025.yaml
`

func reader(files map[string]string) TableReader {
	return func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, errors.New("not there")
	}
}

func dated(date, total string) Value {
	v, err := FromJSON([]byte(`{"invoice": {"date": "` + date + `", "total": ` + total + `}}`))
	if err != nil {
		panic(err)
	}
	return v
}

func TestRowDates(t *testing.T) {
	t.Parallel()
	text := version("from: 2026-01-01, to: 2026-12-31, ", "5")
	table, problems := ParseTable("rules/rates.yaml", []byte(text), nil)
	require.NoError(t, problems.Err())
	for facts, want := range map[string]string{"2026-01-01 50": "R1", "2026-03-31 500": "R2", "2026-04-01 500": "R3", "2026-12-31 500": "R3"} {
		date, total, _ := strings.Cut(facts, " ")
		made, err := table.Decide(dated(date, total))
		require.NoError(t, err)
		require.Equal(t, want, made.Row, facts)
	}
	_, err := table.Decide(dated("2027-01-01", "50"))
	require.EqualError(t, err, "table rates: the table is not in force on 2027-01-01, only from 2026-01-01 to 2026-12-31 (another version must be in force on that day)")
	for replace, want := range map[string]string{
		"| 2026-03-31 |=>| 31.03.2026 |":                 `rules/rates.yaml:12:18: error: row R2, to: "31.03.2026" is not a date`,
		"2026-04-01 | |=>2025-04-01 | |":                 `rules/rates.yaml:13:16: error: row R3, from: the table is in force from 2026-01-01 to 2026-12-31 (a row is in force on some of the table's days only)`,
		"| 2026-04-01 | |=>| 2026-04-01 | 2026-03-01 |":  `row R3, to: the row ends before it begins`,
		"to: 2026-12-31=>to: 2025-12-31":                 `the table ends before it begins`,
		"by: invoice.date=>":                             `nothing says which date decides what is in force`,
		"by: invoice.date=>by: invoice.total":            `it is a number, and a business date must always be there`,
		"date: {type: date, required: true}=>date: date": `it may be missing, and a business date must always be there`,
	} {
		from, to, _ := strings.Cut(replace, "=>")
		require.Contains(t, text, from)
		_, problems := ParseTable("rules/rates.yaml", []byte(strings.Replace(text, from, to, 1)), nil)
		require.Contains(t, problems.Error(), want)
	}
	_, problems = ParseTable("rules/rates.yaml", []byte(strings.ReplaceAll(text, "date: {type: date, required", "date: {type: date-time, required")), nil)
	require.NoError(t, problems.Err())
}

func TestVersions(t *testing.T) {
	t.Parallel()
	old, now := version("to: 2025-12-31, ", "1"), version("from: 2026-01-01, ", "2")
	old = strings.ReplaceAll(strings.ReplaceAll(old, "2026-03-31", "2025-03-31"), "2026-04-01", "2025-04-01")
	files := map[string]string{"rates.2025.yaml": old, "rates.2026.yaml": now}
	table, problems := ParseTable("rules/rates.yaml", []byte(ratesTable), reader(files))
	require.NoError(t, problems.Err())
	for facts, want := range map[string]string{"2025-12-31 50": "rules/rates.2025.yaml R1 1", "2026-01-01 50": "rules/rates.2026.yaml R1 2", "2026-05-01 500": "rules/rates.2026.yaml R3 21"} {
		date, total, _ := strings.Cut(facts, " ")
		made, err := table.Decide(dated(date, total))
		require.NoError(t, err)
		require.Equal(t, want, made.Version+" "+made.Row+" "+made.Outputs.Get("rate").String(), facts)
		require.Equal(t, table.Hash, made.Hash)
	}
	require.Equal(t, []string{"invoice.date", "invoice.total"}, table.Reads())
	require.Len(t, table.Tables(), 2)

	changed, _ := ParseTable("rules/rates.yaml", []byte(ratesTable), reader(map[string]string{"rates.2025.yaml": old, "rates.2026.yaml": strings.Replace(now, "| 21", "| 22", 1)}))
	require.NotEqual(t, table.Hash, changed.Hash)
	for replace, want := range map[string]string{
		"from: 2026-01-01=>from: 2026-01-02":                                              `rules/rates.yaml:6:5: error: no version is in force after 2025-12-31 and before 2026-01-02`,
		"from: 2026-01-01=>from: 2025-12-31":                                              `rules/rates.yaml:6:5: error: rules/rates.2025.yaml (until 2025-12-31) and rules/rates.2026.yaml (from 2025-12-31) are in force on the same days (let one end the day before the other begins)`,
		"table: rates=>table: fees":                                                       `this is a version of the table "fees" (write table: rates in it)`,
		"outputs: {rate: {type: number=>outputs: {rate: {type: string":                    `rules/rates.yaml:7:5: error: "rate" is a number here, and a text in another version (give both the same type)`,
		"R1 | <= 100=>R1 | <= 1OO":                                                        `rules/rates.2026.yaml:11:12: error: row R1, Total:`,
		"total: {type: number=>sum: {type: number, required: true}, total: {type: number": `the facts do not fit this version: invoice.sum`,
		"effective: {from: 2026-01-01, by: invoice.date}=>":                               `unknown column "from" (if rows have dates, add effective: {by: …} with the fact that they are about)`,
	} {
		from, to, _ := strings.Cut(replace, "=>")
		require.Contains(t, now, from)
		_, problems := ParseTable("rules/rates.yaml", []byte(ratesTable), reader(map[string]string{"rates.2025.yaml": old, "rates.2026.yaml": strings.Replace(now, from, to, 1)}))
		require.Contains(t, problems.Error(), want)
	}
	_, problems = ParseTable("rules/rates.yaml", []byte(ratesTable), reader(map[string]string{"rates.2025.yaml": old}))
	require.Contains(t, problems.Error(), `rules/rates.yaml:6:5: error: there is no table "rates.2026.yaml" (put it beside this one)`)
}
