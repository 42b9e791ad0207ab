package casetest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/casetest"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// office is the only calendar of the tests.
type office struct{}

// Calendar is at work from Monday to Friday.
func (office) Calendar(name string) *rules.Calendar {
	if name != "office" && name != "" {
		return nil
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return nil
	}
	c := &rules.Calendar{Zone: zone, Holidays: map[rules.Day]string{{Year: 2026, Month: time.January, Day: 6}: "Epiphany"}}
	for day := time.Monday; day <= time.Friday; day++ {
		c.Hours[day] = []rules.Hours{{From: 9 * 60, To: 17 * 60}}
	}
	return c
}

// kinds reads the use cases of an archive and their tests.
func kinds(t testing.TB, text []byte) []*casetest.File {
	t.Helper()
	archive := txtar.Parse(text)
	plans, tests := map[string]*usecases.Plan{}, map[string][]byte{}
	var read func(name string) *usecases.Plan
	read = func(name string) *usecases.Plan {
		if plans[name] != nil {
			return plans[name]
		}
		for _, f := range archive.Files {
			if f.Name != name+".yaml" {
				continue
			}
			b := catalogueBundle(t, f.Name, string(f.Data))
			definition, problems := usecases.Parse(f.Name, f.Data)
			require.NoError(t, problems.Err())
			b.UseCases = map[string]usecases.Signature{}
			for _, run := range definition.Runs {
				b.UseCases[run.Operation] = read(run.Operation).Signature()
			}
			plans[name] = casetest.Compiled(t, b)
		}
		require.NotNil(t, plans[name], name)
		return plans[name]
	}
	for _, f := range archive.Files {
		if name, ok := strings.CutSuffix(f.Name, casetest.Extension); ok {
			tests[f.Name] = f.Data
		} else {
			read(strings.TrimSuffix(name, ".yaml"))
		}
	}
	var files []*casetest.File
	for _, f := range archive.Files {
		if tests[f.Name] == nil {
			continue
		}
		file, problems := casetest.Parse("", f.Name, f.Data, casetest.Subject{Plan: plans[casetest.UseCase(f.Name)], Runs: plans, Calendars: office{}})
		require.Empty(t, problems.Error())
		files = append(files, file)
	}
	return files
}

// TestKinds runs tests of every kind of step, as analysts write them: in one run of the case, and in as many as can be.
func TestKinds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/kinds.txtar")
	require.NoError(t, err)
	for _, every := range []int{0, 1, 3} {
		t.Run(fmt.Sprintf("a new run after %d steps", every), func(t *testing.T) {
			t.Parallel()
			report, err := casetest.Run(t.Context(), kinds(t, text), casetest.Options{ContinueEvery: every})
			require.NoError(t, err)
			require.Zero(t, report.Failed(), failures(report))
		})
	}
}

// TestProblemsOfKinds looks at what is said about tests of what is run and of what is done side by side.
func TestProblemsOfKinds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/kinds.txtar")
	require.NoError(t, err)
	for name, test := range map[string]struct{ file, tests, want string }{
		"nobody says what a worker gives": {"credit", `
input: {company: Kettles, amount: 400}
tests: [{name: x}]`,
			`credit.more.tests.yaml:3:1: ScoreCompany was called with {"name":"Kettles"}, and the test has no answer for it (write it under runs:, as in ScoreCompany: {gives: …})`},
		"no answer fits": {"credit", `
input: {company: Kettles, amount: 400}
runs: {ScoreCompany: {with: {name: Toasters}, gives: {score: 1}}}
tests: [{name: x}]`, `credit.more.tests.yaml:3:22: ScoreCompany was called with {"name":"Kettles"}, and the test has no answer for it (none of its answers fits this call, or those that do are used up)`},
		"an operation of the use case that is run": {"credit", `
input: {company: Kettles, amount: 4}
runs: {ScoreCompany: {gives: {score: 1}}, CheckCredit: {gives: 9}, TellEverybody: {}}
tests: [{name: x}]`, `support.create_task was called with`},
		"nothing of that name is run": {"credit", `
runs: {ScoreCompagny: {gives: {score: 1}}}
tests: [{name: x}]`, `credit.more.tests.yaml:2:8: error: no step runs "ScoreCompagny" (did you mean "ScoreCompany"?)`},
		"a result of another type": {"credit", `
runs: {ScoreCompany: {gives: {score: high}}}
tests: [{name: x}]`, `credit.more.tests.yaml:2:38: error: "high" is not a number`},
		"a case that fails": {"credit", `
runs: {open-account: {fails: not_found}}
tests: [{name: x}]`, `credit.more.tests.yaml:2:30: error: a case ends or is cancelled: it never fails with not_found (write fails: declined, or gives: with its outcome)`},
		"a step of a use case that is not run": {"credit", `
tests: [{name: x, input: {company: K, amount: 1}, expect: {path: [close-account/approval]}}]`, `the use case runs no use case "close-account" (did you mean "open-account"?)`},
		"what is missing and what is surplus": {"beside", besideTest + `
      effects: [support.create_task: {queue: approvals}, support.create_task: {queue: sales}, support.update_task, support.update_task]`,
			`beside.more.tests.yaml:12:87: support.create_task: queue: expected "sales", found "stock"
  beside.more.tests.yaml:12:116: support.update_task did not happen; what happened: `},
		"too many": {"beside", besideTest + `
      effects: [support.create_task: {queue: approvals}, support.create_task: {queue: stock}]`,
			`beside.more.tests.yaml:12:16: support.update_task happened too in the step "checks.stock.closed", with {"status":"solved","task":"x"}`},
		"the order within a branch": {"beside", besideTest + `
      effects: [support.update_task, support.create_task: {queue: stock}, support.create_task: {queue: approvals}]`,
			`beside.more.tests.yaml:12:17: support.update_task happened after support.create_task, and is expected before it; what happened: `},
		"what was run": {"credit", `
input: {company: Kettles, amount: 400}
runs: {ScoreCompany: {fails: not_found}, TellEverybody: {}}
tests: [{name: x, expect: {runs: [ScoreCompany, CheckCredit]}}]`, `credit.more.tests.yaml:4:34: TellEverybody happened too, with {}
  credit.more.tests.yaml:4:49: CheckCredit did not happen; what happened: ScoreCompany, TellEverybody`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plans := kinds(t, text)
			var of *casetest.File
			for _, file := range plans {
				if file.Plan.UseCase == test.file {
					of = file
				}
			}
			got := ""
			file, problems := casetest.Parse("", test.file+".more"+casetest.Extension, []byte("usecase: "+test.file+test.tests+"\n"), of.Subject)
			if got = problems.Error(); file != nil {
				report, err := casetest.Run(t.Context(), []*casetest.File{file}, casetest.Options{})
				require.NoError(t, err)
				got = failures(report)
			}
			require.Contains(t, got, test.want)
		})
	}
}

const besideTest = `
input: {sku: A}
systems:
  warehouse.check_stock: {gives: {sku: A, ships_to: true, available: 2, elsewhere: 0}}
  support.create_task: {gives: {id: x, number: '1', status: new}}
  support.update_task: {gives: {id: x, number: '1', status: open}}
people: [{step: asked, answer: {approved: true}}]
tests:
  - name: x
    expect:
      outcome: 'yes'`
