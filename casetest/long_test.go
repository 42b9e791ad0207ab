package casetest_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/casetest"
	"crosswalk/usecases"
)

// A customer may write as much as the intake takes, in any script: the language's limits must not park the complaint.
func TestComplaintsOfAnyLengthHaveAnEnd(t *testing.T) {
	t.Parallel()
	file, err := fs.ReadFile(usecases.Catalog(), "customer-complaint.tests.yaml")
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(file), "\ntests:")
	cut := func(text string) string { return string([]rune(text)[:20_000]) }
	short := "My Kettle Aria leaks, it is broken. "
	var names strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&names, "word-%d ", i*7919)
	}
	var tests strings.Builder
	for name, text := range map[string]string{"prose": strings.Repeat("I was glad about it every day. ", 700), "four bytes": strings.Repeat("🙂", 20_000),
		"three bytes": strings.Repeat("壊れた ", 5_000), "different words": names.String()} {
		fmt.Fprintf(&tests, "  - {name: %s, input: {product: null, text: '%s'}, expect: {outcome: accepted, decisions: {finding: {gives: {choice: take}}}}}\n", name, cut(short+text))
	}
	report := runText(t, casetest.Subject{Plan: complaint(t)}, head+"\ntests:\n"+tests.String())
	require.Zero(t, report.Failed(), failures(report))
}

// What tells the kind of a message, or its purchase, may stand anywhere in it: what was not read is never taken for not
// being there.
func TestComplaintsWhoseTellingWordsComeLate(t *testing.T) {
	t.Parallel()
	file, err := fs.ReadFile(usecases.Catalog(), "customer-complaint.tests.yaml")
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(file), "\ntests:")
	filler := strings.Repeat("and so on ", 2_000)
	two := `systems: {invoicing.list_invoices: {gives: {invoices: [], lines: [` +
		`{id: il_1, invoice_number: R-1, invoice_status: paid, issued_on: 2026-01-05, order_number: '1042', article: Kettle Aria 1.7 l, quantity: 1, amount: 89, currency: EUR, refunded: false}, ` +
		`{id: il_2, invoice_number: R-2, invoice_status: paid, issued_on: 2026-01-06, order_number: '1043', article: Toaster Duo, quantity: 1, amount: 49, currency: EUR, refunded: false}]}}}`
	const praise = "Great service, keep it up! "
	var tests strings.Builder
	add := func(name, text, more, expect string) {
		fmt.Fprintf(&tests, "  - {name: %s, input: {product: null, text: '%s'}, %s expect: {%s}}\n", name, text, more, expect)
	}
	late := func(finding string) string {
		return "path: [invoices, purchase], decisions: {kind: {gives: {kind: complaint}}, finding: " + finding + "}"
	}
	chosen := "people: [{step: chosen_line, by: ada@example.com, answer: {choose: {id: il_1}}}, {step: solve, by: ada@example.com, answer: {outcome: accepted}}],"
	add("after the first piece", praise+filler[:1_500]+"my kettle is broken", "", "decisions: {kind: K01}, outcome: accepted")
	add("where two pieces meet", praise+filler[:970]+" broken", "", "decisions: {kind: K01}, outcome: accepted")
	add("in the last piece", praise+filler[:3_700]+"not arrived", "", "decisions: {kind: K04}, outcome: accepted")
	add("behind", praise+filler[:19_000]+"my kettle of order 1042 is broken", chosen, late("F10"))
	add("in the middle", praise+filler[:10_000]+"my kettle of order 1042 is broken"+filler[:9_000], chosen, late("F10"))
	add("opening hours first", "In your opening hours "+filler[:10_000]+"my kettle is broken", chosen, late("F10"))
	add("another purchase behind", "Thank you for the kettle. "+filler[:5_000]+"The toaster of order 1043 is broken", two+", "+chosen, late("F09"))
	add("a long application", "My application: "+filler[:10_000], "", "decisions: {kind: K03}, outcome: not_a_complaint")
	report := runText(t, casetest.Subject{Plan: complaint(t)}, head+"\ntests:\n"+tests.String())
	require.Zero(t, report.Failed(), failures(report))
}
