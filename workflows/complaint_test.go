package workflows_test

import (
	"io/fs"
	"maps"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// complaintBundle is the shipped use case with all shipped tables.
func complaintBundle(t *testing.T) usecases.Bundle {
	t.Helper()
	text, err := fs.ReadFile(usecases.Catalog(), "customer-complaint.yaml")
	require.NoError(t, err)
	b := bundleOf(string(text))
	b.UseCase.Name = "customer-complaint.yaml"
	tables, err := fs.Glob(rules.Catalog(), "*.yaml")
	require.NoError(t, err)
	for _, name := range tables {
		text, err := fs.ReadFile(rules.Catalog(), name)
		require.NoError(t, err)
		b.Tables[strings.TrimSuffix(path.Base(name), ".yaml")] = usecases.File{Name: name, Text: string(text)}
	}
	return b
}

// company answers for all six systems: Jane bought a kettle that was delivered and is in stock.
func company() map[string]play {
	return map[string]play{
		"crm.find_customer":       gives(jane),
		"support.find_customer":   fails(contracts.NotFound),
		"support.create_task":     gives(ticket),
		"support.update_task":     gives(ticket),
		"invoicing.find_customer": gives(`{"id": "cus_9", "name": "Jane Doe", "email": "jane@example.com"}`),
		"invoicing.list_invoices": gives(kettleInvoices),
		"orders.get_order":        gives(kettleOrder),
		"fulfilment.get_shipment": gives(kettleShipment),
		"warehouse.check_stock":   gives(kettleStock),
		"people.list_agents":      gives(`{"agents": [{"name": "Ada", "email": "ada@example.com", "skilled": true, "speaks": true, "absent": false, "open_tasks": 1}]}`),
	}
}

const (
	kettleInvoices = `{"invoices": [{"id": "in_1", "number": "R-1", "status": "paid", "issued_on": "2026-01-05", "order_number": "1042", "total": 89, "currency": "EUR"}],
			"lines": [{"id": "il_1", "invoice_number": "R-1", "invoice_status": "paid", "issued_on": "2026-01-05", "order_number": "1042",
				"article": "Kettle Aria 1.7 l", "quantity": 1, "amount": 89, "currency": "EUR", "refunded": false}]}`
	kettleOrder = `{"id": "42", "number": "1042", "status": "completed", "placed_on": "2026-01-04", "currency": "EUR", "total": 89, "ship_to": {"country": "DE"},
			"lines": [{"id": "1", "sku": "KE-17", "article": "Kettle Aria 1.7 l", "category": "kitchen", "quantity": 1, "refunded_quantity": 0, "amount": 89}]}`
	kettleShipment = `{"order_number": "1042", "parcels": [{"number": "P1", "status": "delivered", "shipped_on": "2026-01-06", "delivered_on": "2026-01-08",
			"articles": [{"article": "Kettle Aria 1.7 l", "quantity": 1}]}]}`
	kettleStock = `{"sku": "KE-17", "ships_to": true, "available": 5, "elsewhere": 0}`
)

const complaint = `{"channel": "email", "from": {"email": "jane@example.com", "name": "Jane Doe"}, "product": "Kettle Aria",
	"text": "My kettle leaks. It is broken and I want a new one.", "received_at": "2026-03-01T10:00:00Z"}`

func TestComplaint(t *testing.T) {
	h := newHarnessOf(t, complaintBundle(t), company())
	h.env.RegisterDelayedCallback(func() {
		task := h.task("complete")
		require.Equal(t, "ada@example.com", task.Assignee)
		require.Equal(t, "t7", task.External.ID)
		require.Contains(t, string(task.Payload), "Kettle Aria 1.7 l")
	}, time.Minute)
	h.person(time.Hour, "complete", `{"outcome": "accepted"}`)
	outcome := h.run(complaint)
	require.Equal(t, "accepted", outcome.Outcome)
	require.JSONEq(t, `{"resolution": "replace", "ticket": "77"}`, plain(t, outcome.Result))
	require.Len(t, h.callsOf("support.create_task"), 1)
}

// with changes some answers of the company.
func with(changes map[string]play) map[string]play {
	plays := company()
	maps.Copy(plays, changes)
	return plays
}

// Every system in turn is down for the first attempts: the case waits and goes on by itself.
func TestComplaintWhileASystemIsDown(t *testing.T) {
	for operation, up := range company() {
		t.Run(operation, func(t *testing.T) {
			down := fails(contracts.Unavailable)
			h := newHarnessOf(t, complaintBundle(t), with(map[string]play{operation: then(down, down, up)}))
			h.person(time.Hour, "complete", `{"outcome": "accepted"}`)
			require.Equal(t, "accepted", h.run(complaint).Outcome)
		})
	}
}

// A person of every complaint says that it was another customer: the steps are done again, the ticket is the same one.
func TestComplaintOfAnotherCustomer(t *testing.T) {
	h := newHarnessOf(t, complaintBundle(t), with(map[string]play{"crm.find_customer": byEmail}))
	h.person(time.Hour, "complete", `{"act": "redo", "step": "customer", "with": {"email": "john@example.com"}}`)
	h.person(2*time.Hour, "complete", `{"outcome": "accepted"}`)
	require.Equal(t, "accepted", h.run(complaint).Outcome)
	require.Len(t, h.callsOf("support.create_task"), 1)
	require.Equal(t, "john@example.com", h.callsOf("invoicing.find_customer")[1].Input.Get("email").Text())
}
