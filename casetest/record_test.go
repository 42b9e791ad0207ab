package casetest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/sandbox"
	"crosswalk/store"
	"crosswalk/usecases"
)

func complaintBundle(t *testing.T) usecases.Bundle {
	t.Helper()
	text, err := fs.ReadFile(usecases.Catalog(), "customer-complaint.yaml")
	require.NoError(t, err)
	b := usecases.Bundle{Language: 1, UseCase: usecases.File{Name: "customer-complaint.yaml", Text: string(text)}, Tables: map[string]usecases.File{},
		Contracts: map[string]usecases.File{}, Systems: map[string]string{}}
	for name, contract := range contracts.Catalog() {
		b.Contracts[name], b.Systems[name] = usecases.File{Name: contract.File, Text: string(contract.Text)}, name
	}
	tables, err := fs.Glob(rules.Catalog(), "*.yaml")
	require.NoError(t, err)
	for _, name := range tables {
		text, err := fs.ReadFile(rules.Catalog(), name)
		require.NoError(t, err)
		b.Tables[strings.TrimSuffix(path.Base(name), ".yaml")] = usecases.File{Name: name, Text: string(text)}
	}
	return b
}

// happened runs a test of the complaint as a case of its own, with a record that stays, and returns the case.
func happened(t *testing.T, s *store.Store, bundle usecases.Bundle, text string) store.Case {
	t.Helper()
	file, problems := Parse("", "customer-complaint.tests.yaml", []byte(text), Subject{Plan: Compiled(t, bundle)})
	require.Empty(t, problems.Error(), text)
	of, seen := playedOnce(t, s, bundle, file.Tests[0])
	require.Empty(t, seen.check())
	return of
}

// playedOnce runs a test as a case of its own, with a record that stays.
func playedOnce(t *testing.T, s *store.Store, bundle usecases.Bundle, one *Test, at ...*atomic.Pointer[world]) (store.Case, *seen) {
	t.Helper()
	plan := one.Plan
	require.NoError(t, s.PutBundle(t.Context(), bundle.Hash(), plan.UseCase, bundle.Canonical()))
	parsed, err := json.Marshal(one.input)
	require.NoError(t, err)
	stored, err := s.StoreEntry(t.Context(), store.Incoming{Entry: store.Entry{Source: "mail", Channel: "email", DedupeKey: s.NewID(), UseCase: plan.UseCase, Parsed: parsed, Language: "en", ReceivedAt: one.at}})
	require.NoError(t, err)
	_, err = s.SetBundle(t.Context(), stored.Entry.CaseID, bundle.Hash())
	require.NoError(t, err)
	require.NoError(t, s.AddThreadKeys(t.Context(), stored.Entry.CaseID, []string{stored.Entry.CaseID}))
	one.meta.Reference = stored.Entry.CaseReference
	w := newWorld(one, stored.Entry.CaseID)
	w.store = s
	for _, clock := range at {
		clock.Store(w)
	}
	end, err := w.execute()
	require.NoError(t, err)
	require.Empty(t, w.failures)
	seen, err := w.look(end)
	require.NoError(t, err)
	of, err := s.Case(t.Context(), stored.Entry.CaseID)
	require.NoError(t, err)
	return of, seen
}

func quote(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// complaintOf is a case of a customer of the demo company who tells everything about himself.
func complaintOf(c sandbox.Customer, more string) string {
	text := fmt.Sprintf("Hello, I am %s from %s. My kettle Aria of order 1042 is broken, call me: %s or write to %s. My neighbour Waldemar saw it.\nBye, %s",
		c.Name(), c.Address.City, c.Phone, c.Email(), c.First)
	crm := fmt.Sprintf("{id: '301', name: %s, email: %s, phones: [%s], city: %s}", quote(c.Name()), quote(c.Email()), quote(c.Phone), quote(c.Address.City))
	return fmt.Sprintf(`
usecase: customer-complaint
at: '2026-03-02T09:00:00Z'
systems:
  crm.find_customer: {gives: %s}
  support.find_customer: {gives: {id: '8812', name: %s, email: %s}}
  support.create_task: {gives: {id: t7, number: '77', status: new}}
  support.update_task: {gives: {id: t7, number: '77', status: open}}
  invoicing.find_customer: {gives: {id: cus_991, name: %s}}
  invoicing.list_invoices:
    gives:
      invoices: []
      lines: [{id: il_1, invoice_number: R-1, invoice_status: paid, issued_on: 2026-01-05, order_number: '1042', article: Kettle Aria 1.7 l, quantity: 1, amount: 89, currency: EUR, refunded: false}]
  orders.get_order:
    gives: {id: '42', number: '1042', status: completed, placed_on: 2026-01-04, currency: EUR, total: 89, email: %s, ship_to: {name: %s, city: %s, country: DE},
      lines: [{id: '1', sku: KE-17, article: Kettle Aria 1.7 l, category: kitchen, quantity: 1, refunded_quantity: 0, amount: 89}]}
  fulfilment.get_shipment: {gives: {order_number: '1042', parcels: [{number: P1, status: delivered, delivered_on: 2026-01-08, articles: [{article: Kettle Aria 1.7 l, quantity: 1}]}]}}
  warehouse.check_stock: {gives: {sku: KE-17, ships_to: true, available: 5, elsewhere: 0}}
  people.list_agents: {gives: {agents: [{name: Ada Lovelace, email: ada.lovelace@nordwind.example, skilled: true, speaks: true, absent: false, open_tasks: 1}]}}
tests:
  - name: it happened
    case: {language: en, channel: email}
    input: {channel: email, from: {email: %s, name: %s, phone: %s}, text: %s, received_at: '2026-03-01T10:00:00Z'}
%s`, crm, quote(c.Name()), quote(c.Email()), quote(c.Name()), quote(c.Email()), quote(c.Name()), quote(c.Address.City), quote(c.Email()), quote(c.Name()), quote(c.Phone), quote(text), more)
}

const solved = `    people: [{step: solve, after: 1 hour, by: ada.lovelace@nordwind.example, answer: {outcome: accepted, note: Called him at once.}}]
    expect: {path: [named_line, order, stock, solve], outcome: accepted}
`

// TestRecordings makes tests of cases of the demo company's customers: they pass (or Record says why not), and nothing
// tells any more who it was.
func TestRecordings(t *testing.T) {
	t.Parallel()
	bundle := complaintBundle(t)
	world := sandbox.NewWorld(7, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	s, err := store.Open(t.Context(), t.TempDir(), store.Volatile())
	require.NoError(t, err)
	defer s.Close()
	made := 0
	for i, c := range world.Customers {
		if c.Email() == "" || i%20 != 0 {
			continue
		}
		of := happened(t, s, bundle, complaintOf(c, solved))
		recording, err := Record(t.Context(), s, of, nil)
		require.NoError(t, err, "%+v", c)
		text := strings.ToLower(string(recording.Text))
		secrets := append([]string{c.First, c.Last, c.Address.City, c.Address.Street, c.Phone, c.Phone[3:], "waldemar", "lovelace", "nordwind.example", "8812", "cus_991", of.Reference}, c.Emails...)
		for _, secret := range secrets {
			if secret = strings.ToLower(secret); utf8.RuneCountInString(secret) > 3 {
				require.NotContains(t, text, secret, "%+v", c)
			}
		}
		require.Contains(t, text, "kettle")
		made++
	}
	require.Greater(t, made, 10)
}

// TestRecordingsOfOtherWays are cases in which people chose, repaired and corrected, and customers wrote again.
func TestRecordingsOfOtherWays(t *testing.T) {
	t.Parallel()
	bundle := complaintBundle(t)
	jane := sandbox.Customer{First: "Jane", Last: "O'Hara-Müller", Emails: []string{"jane.ohara@mail.example"}, Phone: "+494315550123", Address: sandbox.Address{City: "Kiel"}}
	two := `{invoices: [], lines: [
        {id: il_1, invoice_number: R-1, invoice_status: paid, issued_on: 2026-01-05, order_number: '1042', article: Kettle Aria 1.7 l, quantity: 1, amount: 89, currency: EUR, refunded: false},
        {id: il_2, invoice_number: R-2, invoice_status: paid, issued_on: 2026-01-05, order_number: '1050', article: Toaster Brio, quantity: 1, amount: 39, currency: EUR, refunded: false}]}`
	cases := map[string]string{
		"several customers": `    systems: {crm.find_customer: {fails: not_unique, candidates: [{id: '301', name: Jane O'Hara, phones: ['0431 5550123']}, {id: '302', name: Janet O'Hara}]}}
    people:
      - {step: which_customer, answer: {choose: {id: '301'}}}
      - {step: solve, answer: {outcome: accepted}}
    expect: {path: [which_customer, solve]}
`,
		"nobody": `    systems: {crm.find_customer: {fails: not_found}, support.find_customer: {fails: not_found}}
    people: [{step: solve, answer: {outcome: changed, note: Jane was not reached}}]
    expect: {path: [known_user, solve]}
`,
		"no invoicing customer": `    systems: {invoicing.find_customer: {fails: not_found}}
    people: [{step: solve, answer: {outcome: accepted}}]
    expect: {path: [no_invoices, solve]}
`,
		"another purchase": `    systems: {invoicing.list_invoices: {gives: ` + two + `}, orders.get_order: [{when: 'input.number == "1050"', fails: not_found}, {gives: {id: '42', number: '1042', status: completed, placed_on: 2026-01-04, currency: EUR, total: 89, ship_to: {country: DE}, lines: []}}]}
    people:
      - {step: solve, after: 1 hour, answer: {act: redo, step: purchase, choose: {article: Toaster Brio}}}
      - {step: solve, after: 1 hour, answer: {outcome: accepted}}
    expect: {decisions: {resolution: R03}}
`,
		"repaired": `    systems: {fulfilment.get_shipment: {fails: drift}, support.create_task: [{times: 1, fails: validation}, {gives: {id: t7, number: '77', status: new}}]}
    people:
      - {step: ticket, task: repair, answer: {act: retry}}
      - {step: shipment, task: repair, answer: {act: answer, value: {order_number: '1042', parcels: []}}}
      - {step: solve, answer: {outcome: accepted}}
    expect: {decisions: {resolution: R12}}
`,
		"wrote again": `    messages: [{after: 10 minutes, from: jane.ohara@mail.example, text: It is Jane again.}]
    people: [{step: solve, after: 1 day, answer: {outcome: accepted}}]
    expect: {path: [solve, another_message]}
`,
		"cancelled": `    systems: {crm.find_customer: {fails: auth}}
    people: [{step: customer, task: repair, answer: {act: cancel}}]
    expect: {outcome: cancelled}
`,
	}
	for name, more := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
			s, err := store.Open(t.Context(), t.TempDir(), store.Volatile(), store.WithClock(func() time.Time { clock = clock.Add(time.Second); return clock }))
			require.NoError(t, err)
			defer s.Close()
			of := happened(t, s, bundle, complaintOf(jane, more))
			recording, err := Record(t.Context(), s, of, nil)
			require.NoError(t, err)
			text := strings.ToLower(string(recording.Text))
			for _, secret := range []string{"jane", "hara", "müller", "kiel", "mail.example", "5550123"} {
				require.NotContains(t, text, secret)
			}
		})
	}
}

func TestNotRecorded(t *testing.T) {
	t.Parallel()
	bundle := complaintBundle(t)
	s, err := store.Open(t.Context(), t.TempDir(), store.Volatile())
	require.NoError(t, err)
	defer s.Close()
	open, err := s.CreateCase(t.Context(), store.NewCase{ID: "c1", UseCase: "customer-complaint", BundleHash: bundle.Hash()})
	require.NoError(t, err)
	require.NoError(t, s.PutBundle(t.Context(), bundle.Hash(), "customer-complaint", bundle.Canonical()))
	_, err = Record(t.Context(), s, open, nil)
	require.ErrorIs(t, err, ErrNotRecorded)
	require.ErrorContains(t, err, "it has not ended")
}

func TestReplacer(t *testing.T) {
	t.Parallel()
	r := newReplacer(usecases.Bundle{UseCase: usecases.File{Text: "broken kettle"}}, "CW-7K2M9QXR")
	personal := &rules.Type{Kind: rules.KindText, Personal: true}
	for _, text := range []string{"Jané van der Berg", "jane@berg.example", "+49 431 5550123", "Berg", "王伟"} {
		r.see(rules.Text(text), personal, false, true)
	}
	for _, c := range [][2]string{
		{"Jané van der Berg", "Alva van der Bente"},
		{"BERG", "BENTE"},
		{"JANE@berg.example", "person1@example.com"},
		{"+49 431 5550123", "+49 455 5555551"},
		{"0431/5550123", "0455/5555551"},
		{"about CW-7K2M9QXR by jané", "about CW-TEST by alva"},
		{"王伟", "Corin"},
		{"order 1042 of 2026-03-01, 89.90 EUR", "order 1042 of 2026-03-01, 89.90 EUR"},
		{"nothing personal, and no bergamot", "nothing personal, and no bergamot"},
		{"mail:jane@berg.example,tel:4315550123", "mail:person1@example.com,tel:4555555551"},
	} {
		require.Equal(t, strings.ToLower(c[1]), strings.ToLower(r.text(c[0], false)), c[0])
	}
	require.Equal(t, "Amet broken kettle, elit alva\n551", r.text("Their broken kettle, says jané\n994", true))
	for _, text := range []string{"DE89370400440532013000", "1980-05-17", "Hauptstraße 12, 24103 Kiel"} {
		r.see(rules.Text(text), personal, false, true)
	}
	r.numbers["2026"], r.numbers["10042"] = true, true
	const wrote = "Their broken kettle of 2026-10042 and 2026-03-01, says %s, born %s, and again %s and %s of %s"
	for _, c := range []struct{ text, want string }{
		{"06 12 34 56 78", "05 55 55 55 53"},
		{"DE89 3704 0044 0532 0130 00", "55 5555 5555 5555 5555 52"},
		{"DE89370400440532013000", "55555555555555555552"},
		{"1980-05-17", "1980-01-01"},
		{"4111 1111 1111 1111", "5555 5555 5555 5554"},
	} {
		made := r.text(fmt.Sprintf(wrote, "it", c.text, c.text, "one", "all"), true)
		require.Equal(t, 2, strings.Count(made, c.want), made)
		require.Contains(t, made, "2026-10042")
		require.Contains(t, made, "2026-03-01")
	}
	require.Equal(t, "1980-01-01", r.text("1980-05-17", true))
	require.Equal(t, "in 1980-05-17", r.text("in 1980-05-17", false))
	require.NotContains(t, r.text("it stands in Kiel at the Hauptstraße", false), "Kiel")

	_, leaks := r.leak("Alva Bente, person1@example.com")
	require.False(t, leaks)
	for _, text := range []string{"Mrs Berg", "jane@berg.example", "0431 5550123"} {
		_, leaks := r.leak(text)
		require.True(t, leaks, text)
	}
}

// everyDay is a calendar that is always at work.
type everyDay struct{}

// Calendar works from 0 to 24 o'clock in UTC.
func (everyDay) Calendar(string) *rules.Calendar {
	c := &rules.Calendar{Zone: time.UTC}
	for day := range c.Hours {
		c.Hours[day] = []rules.Hours{{From: 0, To: 24 * 60}}
	}
	return c
}

// kindsOf are the use cases of an archive, by their names, as bundles and compiled.
func kindsOf(t *testing.T, files map[string]string, name string, runs []string) (usecases.Bundle, Subject) {
	t.Helper()
	bundle, subject := complaintBundle(t), Subject{Runs: map[string]*usecases.Plan{}, Calendars: everyDay{}}
	other := bundle
	bundle.UseCases = map[string]usecases.Signature{}
	for _, run := range runs {
		other.UseCase = usecases.File{Name: run + ".yaml", Text: files[run+".yaml"]}
		plan := Compiled(t, other)
		subject.Runs[run], bundle.UseCases[run] = plan, plan.Signature()
	}
	bundle.UseCase = usecases.File{Name: name + ".yaml", Text: files[name+".yaml"]}
	subject.Plan = Compiled(t, bundle)
	return bundle, subject
}

// TestRecordingsOfKinds makes tests of cases with waits, events, branches, other cases and workers, several approvers, long
// loops and undo.
func TestRecordingsOfKinds(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/kinds.txtar")
	require.NoError(t, err)
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	opens := []string{"open-account"}
	for name, test := range map[string]struct {
		useCase string
		runs    []string
		only    string   // the test that is recorded
		has     []string // in what is written
	}{
		"branches":               {"beside", nil, "effects of branches have no order among each other", []string{"support.create_task: {queue: approvals"}},
		"an error in a branch":   {"beside", nil, "an error breaks the other branch off, and what was done is undone", []string{"fails: not_found", "outcome: failed"}},
		"cancelled and undone":   {"beside", nil, "cancelled, and undone", []string{"cancel: {after: 86400 seconds, undo: true, by: colleague-1}", "outcome: cancelled"}},
		"an event":               {"waits", nil, "an event that comes while it is waited for; the holiday does not count", []string{"event: back, key: '1042', payload: {condition: good}"}},
		"an event that is early": {"waits", nil, "an event that came before", []string{"payload: {condition: damaged}"}},
		"nobody's event":         {"waits", nil, "an event that comes too late", []string{"step: 'goods.on_timeout[0]'"}},
		"several approvers":      {"asks", nil, "two of one role, then one of each", []string{"role: legal", "role: finance-lead"}},
		"the first no":           {"asks", nil, "the first no decides", []string{"approved: false", "outcome: 'no'"}},
		"what is run": {"credit", opens, "what other workers and another use case do", []string{"CheckCredit:\n        - {after: 259200 seconds, gives: 5000}",
			"gives: {outcome: opened, result: {account: '1'}}", "runs: [ScoreCompany, CheckCredit, TellEverybody, open-account]"}},
		"what failed":            {"credit", opens, "nobody knows the company", []string{"ScoreCompany:\n        - {fails: not_found}"}},
		"cancelled while it ran": {"credit", opens, "somebody cancels the other case", []string{"- {fails: declined}", "outcome: given_up"}},
		"a worker was down":      {"credit", opens, "a worker that is down is a person's task", []string{"fails: unavailable", "act: retry"}},
		"a long loop":            {"loops", []string{"small"}, "more items than one execution holds", []string{"event: back, key: '50'", "small:\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle, subject := kindsOf(t, files, test.useCase, test.runs)
			file, problems := Parse("", test.useCase+Extension, []byte(files[test.useCase+Extension]), subject)
			require.Empty(t, problems.Error())
			i := slices.IndexFunc(file.Tests, func(one *Test) bool { return one.Name == test.only })
			require.GreaterOrEqual(t, i, 0)
			var at atomic.Pointer[world]
			s, err := store.Open(t.Context(), t.TempDir(), store.Volatile(), store.WithClock(func() time.Time {
				if w := at.Load(); w != nil {
					return w.now()
				}
				return file.Tests[i].at
			}))
			require.NoError(t, err)
			defer s.Close()
			of, _ := playedOnce(t, s, bundle, file.Tests[i], &at)
			recording, err := Record(t.Context(), s, of, everyDay{})
			require.NoError(t, err)
			for _, part := range test.has {
				require.Contains(t, string(recording.Text), part)
			}
		})
	}
}
