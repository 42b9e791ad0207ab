package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// delivered is a line of an order that was delivered a few days ago, and an article that is free in its place.
type delivered struct {
	order   sandbox.Order
	line    sandbox.OrderLine
	invoice sandbox.Invoice
	email   string
	wanted  string
}

// recent are orders of which a change is possible, those worth more than 500 or the others.
func (w *world) recent(dear bool) []delivered {
	w.t.Helper()
	var all sandbox.World
	w.company.order(http.MethodGet, "/world", nil, &all)
	shown, addresses, customers := map[string]int{}, map[string]int{}, map[int]sandbox.Customer{}
	for _, c := range all.Customers {
		addresses[strings.ToLower(c.Email())]++
		customers[c.ID] = c
	}
	for _, o := range all.Orders {
		shown[o.Number]++
	}
	var found []delivered
	for _, o := range all.Orders {
		c := customers[o.Customer]
		if c.ContactID == "" || c.StripeID == "" || c.Organisation != 0 || addresses[strings.ToLower(c.Email())] != 1 || len(o.Lines) != 1 || o.Missing || shown[o.Number] != 1 || o.Status != sandbox.OrderCompleted {
			continue
		}
		line := o.Lines[0]
		i := slices.IndexFunc(all.Invoices, func(v sandbox.Invoice) bool { return v.OrderNumber == o.Number })
		if i < 0 || all.Invoices[i].Status != sandbox.InvoicePaid || all.Invoices[i].Credited > 0 || all.Invoices[i].Unreferenced || (all.Invoices[i].Lines[0].Amount > 50000) != dear {
			continue
		}
		parcels := slices.DeleteFunc(slices.Clone(all.Parcels), func(p sandbox.Parcel) bool { return p.OrderNumber != o.Number })
		if len(parcels) != 1 || parcels[0].DeliveredOn.IsZero() || all.Today.Sub(parcels[0].DeliveredOn) > 29*24*time.Hour {
			continue
		}
		if wanted := w.free(all, o, line); wanted != "" {
			found = append(found, delivered{order: o, line: line, invoice: all.Invoices[i], email: c.Email(), wanted: wanted})
		}
	}
	require.NotEmpty(w.t, found, "the company has delivered nothing lately that could be changed")
	return found
}

// free is another article of which there is enough in a depot that ships to where the order went.
func (w *world) free(all sandbox.World, o sandbox.Order, line sandbox.OrderLine) string {
	for _, stock := range all.Stock {
		depot := slices.IndexFunc(all.Depots, func(d sandbox.Depot) bool { return d.ID == stock.Depot })
		if stock.SKU != line.SKU && stock.OnHand-stock.Reserved >= line.Quantity+5 && slices.Contains(all.Depots[depot].ShipsTo, o.ShipTo.Country) {
			return stock.SKU
		}
	}
	return ""
}

// change starts a case of order-change by hand.
func (w *world) change(d delivered) string {
	w.t.Helper()
	var started struct{ Case struct{ ID string } }
	w.must(http.MethodPost, "/api/run/order-change", map[string]any{"order_number": d.order.Number, "email": d.email, "article": d.line.SKU,
		"wanted": d.wanted, "reason": "The colour is wrong.", "asked_at": time.Now().UTC()}, &started)
	return started.Case.ID
}

// returned tells that the goods have come back, as an operator does.
func (w *world) returned(d delivered, condition string) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "event.json")
	require.NoError(w.t, os.WriteFile(file, fmt.Appendf(nil, `{"condition": %q}`, condition), 0o600))
	output, code := w.crosswalk("events", "send", "goods-returned", "--key", d.order.Number, "--input", file, "--data", w.data())
	require.Zero(w.t, code, output)
}

// shopOrder is an order as the shop tells it.
func (w *world) shopOrder(id string) (status string) {
	w.t.Helper()
	var out struct{ Status string }
	login := func(r *http.Request) { r.SetBasicAuth(sandbox.OrdersLogin.User, sandbox.OrdersLogin.Password) }
	require.NoError(w.t, request(http.MethodGet, w.systems["orders"].URL+"/wp-json/wc/v3/orders/"+id, login, nil, &out))
	return out.Status
}

// credits are the credit notes of an invoice.
func (w *world) credits(d delivered) (totals []int64) {
	w.t.Helper()
	var out struct{ Data []struct{ Total int64 } }
	login := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+sandbox.InvoicingLogin.Token) }
	require.NoError(w.t, request(http.MethodGet, w.systems["invoicing"].URL+"/v1/credit_notes?invoice="+d.invoice.ID, login, nil, &out))
	for _, note := range out.Data {
		totals = append(totals, note.Total)
	}
	return totals
}

// prepared waits until a case waits for the goods, and returns the order that it made.
func (w *world) prepared(id string) (caseDetail, string) {
	w.t.Helper()
	d := w.await(id, "waits for the goods", func(d caseDetail) bool { return d.Case.WaitingKind == "event" || d.ended() })
	require.False(w.t, d.ended(), d.said())
	replacement, _ := d.result("replacement")["id"].(string)
	require.Equal(w.t, "on-hold", w.shopOrder(replacement))
	return d, replacement
}

// TestOrderChanged: the goods come back, the money is credited once, the wanted article is released, and the ticket is
// solved; also if the program is killed again and again on the way.
func TestOrderChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	change := w.recent(false)[0]
	id := w.change(change)
	_, replacement := w.prepared(id)
	w.up.kill()
	w.begin()
	w.fault("invoicing", sandbox.Fault{Kind: sandbox.FaultHook, On: "after", Operation: "POST /v1/credit_notes", Times: 1, PID: w.up.pid()})
	w.returned(change, "good")
	w.awaitDeath()
	w.begin()
	d := w.await(id, "has ended", caseDetail.ended)
	require.Equal(t, "changed", d.Case.Outcome)
	require.Equal(t, []int64{change.invoice.Lines[0].Amount}, w.credits(change))
	require.Equal(t, "processing", w.shopOrder(replacement))
	require.Equal(t, "solved", w.ticketStatus(d.ticket()))
	w.oneTicketEach([]string{id})
}

// TestOrderChangeUndone: what was prepared is undone when somebody says no, and when the case is cancelled.
func TestOrderChangeUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	changes := w.recent(false)
	require.GreaterOrEqual(t, len(changes), 2)
	damaged, cancelled := w.change(changes[0]), w.change(changes[1])
	_, first := w.prepared(damaged)
	_, second := w.prepared(cancelled)

	w.returned(changes[0], "damaged")
	_, open := w.awaitTask(damaged, "complete")
	w.answer(open, "refuse", map[string]any{"outcome": "refuse", "note": "it was used"})
	d := w.await(damaged, "has ended", caseDetail.ended)
	require.Equal(t, "damaged", d.Case.Outcome)
	require.Equal(t, "cancelled", w.shopOrder(first))
	require.Equal(t, "solved", w.ticketStatus(d.ticket()))
	require.Empty(t, w.credits(changes[0]))

	output, code := w.crosswalk("cases", "cancel", cancelled, "--reason", "the customer keeps it", "--data", w.data())
	require.Zero(t, code, output)
	d = w.await(cancelled, "has ended", caseDetail.ended)
	require.Equal(t, "cancelled", d.Case.State)
	require.Equal(t, "cancelled", w.shopOrder(second))
	require.Equal(t, "solved", w.ticketStatus(d.ticket()))
	w.oneTicketEach([]string{damaged, cancelled})
}

// TestOrderChangeRefused: an old order is not changed, and nothing is written anywhere.
func TestOrderChangeRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	change := w.recent(false)[0]
	change.line.SKU = "no such article"
	d := w.await(w.change(change), "has ended", caseDetail.ended)
	require.Equal(t, "refused", d.Case.Outcome)
	require.Contains(t, string(d.Case.Result), "does not hold that article")
	require.Zero(t, w.counters().Total)
}
