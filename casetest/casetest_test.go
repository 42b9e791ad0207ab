package casetest_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/casetest"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

var update = flag.Bool("update", false, "write what came out into the files of testdata")

// bundleOf is a use case with every system and table of the catalogue.
func bundleOf(t testing.TB, name, text string) *usecases.Plan {
	t.Helper()
	return casetest.Compiled(t, catalogueBundle(t, name, text))
}

func catalogueBundle(t testing.TB, name, text string) usecases.Bundle {
	t.Helper()
	b := usecases.Bundle{Language: 1, UseCase: usecases.File{Name: name, Text: text}, Tables: map[string]usecases.File{}, Contracts: map[string]usecases.File{}, Systems: map[string]string{}}
	for name, contract := range contracts.Catalog() {
		b.Contracts[name] = usecases.File{Name: contract.File, Text: string(contract.Text)}
		b.Systems[name] = name
	}
	tables, err := fs.Glob(rules.Catalog(), "*.yaml")
	require.NoError(t, err)
	for _, name := range tables {
		text, err := fs.ReadFile(rules.Catalog(), name)
		require.NoError(t, err)
		b.Tables[strings.TrimSuffix(path.Base(name), ".yaml")] = usecases.File{Name: "rules/" + name, Text: string(text)}
	}
	return b
}

func complaint(t testing.TB) *usecases.Plan {
	t.Helper()
	text, err := fs.ReadFile(usecases.Catalog(), "customer-complaint.yaml")
	require.NoError(t, err)
	return bundleOf(t, "customer-complaint.yaml", string(text))
}

func runText(t *testing.T, of casetest.Subject, text string) *casetest.Report {
	t.Helper()
	file, problems := casetest.Parse("", of.Plan.UseCase+".tests.yaml", []byte(text), of)
	require.Empty(t, problems.Error())
	report, err := casetest.Run(t.Context(), []*casetest.File{file}, casetest.Options{})
	require.NoError(t, err)
	return report
}

func failures(report *casetest.Report) string {
	var out bytes.Buffer
	report.Text(&out, true)
	return out.String()
}

// TestCatalogue runs the tests of everything that is shipped; they reach all of it.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(usecases.Catalog(), "customer-complaint.tests.yaml")
	require.NoError(t, err)
	report := runText(t, casetest.Subject{Plan: complaint(t)}, string(text))
	require.Zero(t, report.Failed(), failures(report))
	for _, kind := range casetest.Kinds() {
		reached, all := report.Coverage[0].Count(kind)
		require.Equal(t, all, reached, "%s\n%s", kind, failures(report))
	}
}

// TestProblems compares what is said about wrong files, and about tests that fail, with what testdata says.
func TestProblems(t *testing.T) {
	t.Parallel()
	plan := bundleOf(t, "order-check.yaml", orderCheck)
	for _, name := range []string{"testdata/problems.txtar", "testdata/failures.txtar"} {
		archive, err := txtar.ParseFile(name)
		require.NoError(t, err)
		for i := 0; i+1 < len(archive.Files); i += 2 {
			file, problems := casetest.Parse("", "order-check.tests.yaml", archive.Files[i].Data, casetest.Subject{Plan: plan})
			got := problems.Error() + "\n"
			if file != nil {
				report, err := casetest.Run(t.Context(), []*casetest.File{file}, casetest.Options{})
				require.NoError(t, err)
				got = failures(report)
			}
			if *update {
				archive.Files[i+1].Data = []byte(got)
				continue
			}
			require.Equal(t, string(archive.Files[i+1].Data), got, archive.Files[i].Name)
		}
		if *update {
			require.NoError(t, os.WriteFile(name, txtar.Format(archive), 0o644))
		}
	}
}

const orderCheck = `usecase: order-check
title: 'Order ${input.number}'
input:
  number: {type: string, required: true}
  email:  {type: string, personal: true}
  on:     date
steps:
  - id: order
    call: orders.get_order
    with: {number: '${input.number}'}
    on_error:
      not_found: []
  - id: customer
    when: input.email != missing
    call: crm.find_customer
    with: {email: '${input.email}'}
    on_error:
      not_unique: [{id: who, ask: {queue: complaints, what: choose, from: '${error.candidates}'}}]
  - id: size
    choose:
      - when: order != missing and order.total > 100
        steps: [{id: large, set: {value: large}}]
      - otherwise: [{id: small, set: {value: small}}]
  - id: skus
    each: {in: '${order?.lines ?? []}', as: line, steps: [{id: stock, call: warehouse.check_stock, with: {sku: '${line.sku}', country: DE}}]}
  - id: ticket
    call: support.create_task
    with: {queue: complaints, title: '${case.title}', text: '${size} ${customer?.name ?? "nobody"} ${len(skus)}', reference: '${case.reference}'}
  - id: approval
    ask: {role: support-lead, what: approve, within: 2 days, on_timeout: {role: finance-lead}}
  - end: {outcome: '${approval.approved ? "yes" : "no"}', result: {ticket: '${ticket.number}', by: '${approval.by}'}}
`

func TestReports(t *testing.T) {
	t.Parallel()
	report := runText(t, casetest.Subject{Plan: bundleOf(t, "order-check.yaml", orderCheck)}, `
usecase: order-check
systems:
  orders.get_order: {fails: not_found}
  support.create_task: {gives: {id: t1, number: '1', status: new}}
people: [{step: approval, answer: {approved: true}}]
tests:
  - {name: right, input: {number: '1'}, expect: {outcome: 'yes'}}
  - {name: wrong <&>, input: {number: '2'}, expect: {outcome: 'no'}}
`)
	require.Equal(t, 1, report.Failed())
	var out bytes.Buffer
	require.NoError(t, report.JUnit(&out))
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Cases []struct {
				Name     string `xml:"name,attr"`
				Failures []struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(out.Bytes(), &suites))
	require.Equal(t, 2, suites.Tests)
	require.Equal(t, 1, suites.Failures)
	require.Equal(t, "wrong <&>", suites.Suites[0].Cases[1].Name)
	require.Contains(t, suites.Suites[0].Cases[1].Failures[0].Text, `order-check.tests.yaml:9:63: outcome: expected "no", found "yes"`)
	plain, err := json.Marshal(report.JSON())
	require.NoError(t, err)
	require.Contains(t, string(plain), `"counts":{"branches":{"reached":2,"of":4}`)
}

func TestOnlyTestsThatAreAskedFor(t *testing.T) {
	t.Parallel()
	file, problems := casetest.Parse("", "order-check.tests.yaml", []byte(`
usecase: order-check
tests:
  - {name: one, input: {number: '1'}}
  - {name: two, input: {number: '2'}}
`), casetest.Subject{Plan: bundleOf(t, "order-check.yaml", orderCheck)})
	require.Empty(t, problems.Error())
	report, err := casetest.Run(t.Context(), []*casetest.File{file}, casetest.Options{Run: regexp.MustCompile("order-check/tw")})
	require.NoError(t, err)
	require.Len(t, report.Results, 1)
	require.Equal(t, "two", report.Results[0].Name)
}

func FuzzParse(f *testing.F) {
	plan := bundleOf(f, "order-check.yaml", orderCheck)
	for _, name := range []string{"testdata/problems.txtar", "testdata/failures.txtar"} {
		archive, err := txtar.ParseFile(name)
		require.NoError(f, err)
		for i := 0; i < len(archive.Files); i += 2 {
			f.Add(archive.Files[i].Data)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, problems := casetest.Parse("", "order-check.tests.yaml", text, casetest.Subject{Plan: plan})
		if (file == nil) != (problems.Err() != nil) {
			t.Fatalf("file %v, problems %v", file, problems)
		}
	})
}
