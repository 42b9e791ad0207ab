package sandbox

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMadeRecordsOutliveARestart: orders and credit notes are there afterwards as they were.
func TestMadeRecordsOutliveARestart(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	c := start(t, func(o *Options) { o.Directory = directory })
	product := c.World().Articles[0].ShopProductID
	made := c.call(t, SystemOrders, http.MethodPost, "/wp-json/wc/v3/orders", fmt.Sprintf(`{"status": "on-hold", "line_items": [{"product_id": %d, "quantity": 3}],
		"meta_data": [{"key": "_k", "value": "v"}]}`, product))
	require.Equal(t, http.StatusCreated, made.status, made.text)
	id := fmt.Sprintf("%.0f", made.body["id"])
	old := fmt.Sprint(c.World().Orders[0].ID)
	require.Equal(t, http.StatusOK, c.call(t, SystemOrders, http.MethodPut, "/wp-json/wc/v3/orders/"+old, `{"customer_note": "called twice"}`).status)
	var invoice Invoice
	for _, v := range c.World().Invoices {
		if v.Status == InvoicePaid && v.Credited == 0 {
			invoice = v
		}
	}
	form := fmt.Sprintf("invoice=%s&lines[0][type]=invoice_line_item&lines[0][invoice_line_item]=%s&credit_amount=%d", invoice.ID, invoice.Lines[0].ID, invoice.Lines[0].Amount)
	credit := c.call(t, SystemInvoicing, http.MethodPost, "/v1/credit_notes", form, "Content-Type", "application/x-www-form-urlencoded", "Idempotency-Key", "k1")
	require.Equal(t, http.StatusOK, credit.status, credit.text)
	require.NoError(t, c.Stop())

	again := start(t, func(o *Options) { o.Directory = directory })
	shown := again.call(t, SystemOrders, http.MethodGet, "/wp-json/wc/v3/orders/"+id, "")
	require.Equal(t, "on-hold", shown.body["status"])
	require.Equal(t, "called twice", again.call(t, SystemOrders, http.MethodGet, "/wp-json/wc/v3/orders/"+old, "").body["customer_note"])
	found := again.call(t, SystemInvoicing, http.MethodGet, "/v1/invoices/"+invoice.ID, "")
	require.InDelta(t, invoice.Lines[0].Amount, found.body["post_payment_credit_notes_amount"], 0)
	repeated := again.call(t, SystemInvoicing, http.MethodPost, "/v1/credit_notes", form, "Content-Type", "application/x-www-form-urlencoded", "Idempotency-Key", "k1")
	require.Equal(t, credit.body["id"], repeated.body["id"])
	require.Equal(t, "true", repeated.header.Get("Idempotent-Replayed"))
	next := again.call(t, SystemOrders, http.MethodPost, "/wp-json/wc/v3/orders", fmt.Sprintf(`{"line_items": [{"product_id": %d, "quantity": 1}]}`, product))
	require.NotEqual(t, made.body["id"], next.body["id"])
}

// TestWritesAreRefusedInTheProductsWords: what is wrong is said as the product says it, and nothing is done.
func TestWritesAreRefusedInTheProductsWords(t *testing.T) {
	t.Parallel()
	c := start(t)
	for body, want := range map[string]string{
		`{"line_items": []}`:                               "rest_invalid_param",
		`{"line_items": [{"product_id": 1}]}`:              "rest_invalid_param",
		`{"lines": []}`:                                    "rest_invalid_param",
		`{"status": "shipped", "line_items": []}`:          "status is not one of",
		`{"status": "pending", "line_items": [{"sku": 1}]`: "rest_invalid_param",
	} {
		a := c.call(t, SystemOrders, http.MethodPost, "/wp-json/wc/v3/orders", body)
		require.Equal(t, http.StatusBadRequest, a.status, body)
		require.Contains(t, a.text, want, body)
	}
	var paid, void Invoice
	for _, v := range c.World().Invoices {
		switch {
		case v.Status == InvoiceVoid:
			void = v
		case v.Status == InvoicePaid && v.Credited == 0:
			paid = v
		}
	}
	for form, want := range map[string]string{
		"invoice=in_none&amount=5":                                         "resource_missing",
		"invoice=" + void.ID + "&amount=5":                                 "open or paid",
		"invoice=" + paid.ID + "&amount=5":                                 "must equal the credit note amount",
		"invoice=" + paid.ID + "&amount=5&credit_amount=5&reason=no":       "Invalid reason",
		"invoice=" + paid.ID + "&sum=5":                                    "parameter_unknown",
		"invoice=" + paid.ID + "&amount=999999999&credit_amount=999999999": "must not be greater",
		"invoice=" + paid.ID + "&lines[0][type]=invoice_line_item&lines[0][invoice_line_item]=il_none&credit_amount=1": "No such invoice line item",
	} {
		a := c.call(t, SystemInvoicing, http.MethodPost, "/v1/credit_notes", form, "Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, http.StatusBadRequest, a.status, form)
		require.Contains(t, a.text, want, form)
	}
}
