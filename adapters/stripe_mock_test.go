package adapters_test

import (
	"bufio"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// stripeMock builds and starts Stripe's own test server, which knows every request that Stripe takes: one that it does not is
// refused. It returns its address.
func stripeMock(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "stripe-mock")
	build := exec.Command("go", "build", "-C", "../tools", "-o", program, "github.com/stripe/stripe-mock")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "building stripe-mock (its module is in tools/go.mod): %s", output)

	server := exec.Command(program, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	listens := regexp.MustCompile(`HTTP at address: (127\.0\.0\.1:[0-9]+)`)
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			go func() { // it stops when nobody reads what it says
				for lines.Scan() {
				}
			}()
			return "http://" + found[1]
		}
	}
	require.FailNow(t, "stripe-mock ended before it listened")
	return ""
}

// asked are the calls that are made of stripe-mock, one or more of every operation of the adapter. Those with a class end in
// that error: what stripe-mock answers to a search is always the same record, which is not the one that is looked for.
var asked = []struct {
	operation string
	input     string
	class     contracts.Class
}{
	{"check_connection", `{}`, ""},
	// It answers every search with the same customer, who has another name and another number than those asked for.
	{"invoicing.find_customer", `{"email": "jane@customer.example", "emails": ["jane@customer.example"]}`, ""},
	{"invoicing.find_customer", `{"company": "Acme \"Bau\" \\ Co"}`, contracts.NotFound},
	{"invoicing.find_customer", `{"phones": ["+49 431 5550123"]}`, contracts.NotFound},
	{"invoicing.create_customer", `{"name": "Jane Doe", "email": "jane@customer.example", "phone": "+49 431 5550123", "address": {"street": "Quay 1", "postal_code": "24103", "city": "Kiel", "country": "DE"}}`, ""},
	{"invoicing.find_created_customer", `{"since": "2026-11-22T10:00:00Z", "key": "cw-nothing"}`, contracts.NotFound},
	{"invoicing.list_invoices", `{"customer": "cus_9"}`, ""},
	{"invoicing.get_invoice", `{"invoice": "in_9"}`, ""},
	{"invoicing.find_invoice", `{"number": "NW-3"}`, contracts.NotFound},
	{"invoicing.create_invoice", `{"customer": "cus_9", "currency": "EUR", "due_on": "2026-12-01", "order_number": "WEB-10427", "note": "Thank you"}`, ""},
	{"invoicing.create_invoice", `{"customer": "cus_9", "currency": "EUR"}`, ""},
	{"invoicing.add_invoice_lines", `{"invoice": "in_9", "lines": [{"article": "Kettle & lid", "quantity": 2, "unit_amount": 19.99, "currency": "EUR"}, {"article": "Filter", "quantity": 1, "unit_amount": 5, "currency": "EUR"}]}`, ""},
	{"invoicing.find_added_lines", `{"invoice": "in_9", "key": "cw-nothing"}`, contracts.NotFound},
	{"invoicing.issue_invoice", `{"invoice": "in_9"}`, ""},
	{"invoicing.find_issued_invoice", `{"invoice": "in_9"}`, contracts.NotFound},
	{"invoicing.void_invoice", `{"invoice": "in_9"}`, ""},
	{"invoicing.find_voided_invoice", `{"invoice": "in_9"}`, contracts.NotFound},
	{"invoicing.create_credit_note", `{"invoice": "in_9", "line": "il_9", "quantity": 1, "amount": 10, "currency": "USD", "reason": "order_change", "note": "As agreed"}`, ""},
	{"invoicing.find_credit_note", `{"invoice": "in_9", "key": "cw-nothing"}`, contracts.NotFound},
	{"invoicing.find_created_invoice", `{"customer": "cus_9", "key": "cw-nothing"}`, contracts.NotFound},
	{"receivables.find_customer", `{"email": "jane@customer.example"}`, ""},
	{"receivables.find_customer", `{"name": "Jane Doe"}`, contracts.NotFound},
	{"receivables.get_balance", `{"customer": "cus_9", "on": "2026-11-22"}`, ""},
	{"receivables.list_open_items", `{"customer": "cus_9"}`, ""},
	{"payments.find_customer", `{"email": "jane@customer.example"}`, ""},
	{"payments.list_payments", `{"customer": "cus_9"}`, ""},
	{"payments.get_payment", `{"payment": "pi_9"}`, ""},
	{"payments.request_payment", `{"email": "jane@customer.example", "amount": 39.98, "currency": "EUR", "description": "Two kettles", "reference": "WEB-10427", "return_url": "https://shop.example/thanks"}`, ""},
	{"payments.get_payment_request", `{"request": "cs_9"}`, ""},
	{"payments.find_payment_request", `{"since": "2026-11-22T10:00:00Z", "key": "cw-nothing"}`, contracts.NotFound},
	{"payments.refund_payment", `{"payment": "pi_9", "amount": 19.99, "currency": "EUR", "reason": "requested_by_customer"}`, ""},
	{"payments.find_refund", `{"payment": "pi_9", "key": "cw-nothing"}`, contracts.NotFound},
}

// TestStripeMock makes every operation of the adapter against stripe-mock, which holds each request against Stripe's own
// description of its interface. What it answered can be written into the tests beside the adapter, as recorded, with
// CROSSWALK_RECORD_STRIPE=1.
func TestStripeMock(t *testing.T) {
	t.Parallel()
	adapter, tests := adapters.Catalog()["stripe"], loadTests(t, "stripe")
	server := stripeMock(t)
	address, err := url.Parse(server)
	require.NoError(t, err)
	connection, err := adapter.Connect(adapters.Config{System: "stripe", Settings: rules.Record(nil), Secrets: secrets(tests.Secrets), BaseURL: server, AllowHosts: []string{address.Host}, Shared: boundless{}})
	require.NoError(t, err)
	t.Cleanup(connection.Close)

	file, text, err := adapters.CatalogTests("stripe")
	require.NoError(t, err)
	reached, record := map[string]bool{}, os.Getenv("CROSSWALK_RECORD_STRIPE")
	for _, one := range asked {
		call := adapters.Call{Operation: adapter.FullName(one.operation), Key: "cw-" + one.operation}
		plain, err := rules.FromJSON([]byte(one.input))
		require.NoError(t, err)
		call.Input, err = adapter.Operation(call.Operation).Input.Decode(plain)
		require.NoError(t, err, one.operation)
		var seen []*adapters.Seen
		watched := adapters.Watch(t.Context(), func(one *adapters.Seen, done bool) {
			if done {
				seen = append(seen, one)
			}
		})
		_, err = connection.Call(watched, call)
		require.Equal(t, one.class, contracts.ClassOf(err), "%s: %v", one.operation, err)
		if record != "" && one.class == "" && !reached[call.Operation] {
			text, err = conformance.Recording{Call: call, Seen: seen, Settings: rules.Record(nil), Base: server, Masked: connection.Masked, Personal: true, On: time.Now(),
				Name: adapter.ShortName(call.Operation) + " as stripe-mock answers it"}.Write(t.Context(), adapter, tests, text)
			require.NoError(t, err, one.operation)
		}
		reached[call.Operation] = true
	}
	for _, operation := range adapter.Operations() {
		require.True(t, reached[operation], "%s is not made against stripe-mock: add a call of it", operation)
	}
	if record != "" {
		require.NoError(t, os.WriteFile(filepath.Join("catalog", filepath.Base(file)), text, 0o644))
	}

	_, err = connection.Call(t.Context(), adapters.Call{Operation: "payments.refund_payment", Key: "cw-wrong", Input: rules.Record(fields{
		"payment": rules.Text("pi_9"), "amount": rules.Number(rules.Int(1)), "currency": rules.Text("EUR"), "reason": rules.Text("because")})})
	require.Equal(t, contracts.Validation, contracts.ClassOf(err), "stripe-mock refuses what Stripe does not know: %v", err)
}
