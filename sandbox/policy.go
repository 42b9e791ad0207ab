package sandbox

import (
	"slices"
	"time"
)

// End is how a complaint is expected to end.
type End string

// The ends. Which one is right follows from the policy that judge documents.
const (
	EndReplace       End = "replace"
	EndRepair        End = "repair"
	EndRefund        End = "refund"     // nothing free, the next delivery is too late
	EndBackOrder     End = "back_order" // nothing free, a delivery within 30 days
	EndOutOfStock    End = "out_of_stock"
	EndExplain       End = "explain" // with a Reason: out_of_warranty, refunded, cancelled
	EndNotShipped    End = "not_shipped"
	EndInTransit     End = "in_transit"
	EndLost          End = "lost"
	EndReturned      End = "returned"
	EndPartial       End = "partial"
	EndNoDate        End = "no_delivery_date"
	EndNotShippable  End = "not_shippable"
	EndIrreplaceable End = "not_replaceable"
	EndGift          End = "gift"
	EndApproval      End = "approval_needed"

	EndOrderMissing      End = "order_missing"
	EndOrderContradicts  End = "order_contradicts"
	EndUnknownCustomer   End = "unknown_customer"
	EndAmbiguousCustomer End = "ambiguous_customer"
	EndSharedAddress     End = "shared_address"
	EndNoProduct         End = "no_product"
	EndOnNoInvoice       End = "product_on_no_invoice"
	EndOnSeveral         End = "product_on_several"
	EndTwoProducts       End = "two_products"
	EndNotAComplaint     End = "not_a_complaint"
)

// Ends lists every end.
func Ends() []End {
	return []End{
		EndReplace, EndRepair, EndRefund, EndBackOrder, EndOutOfStock, EndExplain, EndNotShipped, EndInTransit, EndLost,
		EndReturned, EndPartial, EndNoDate, EndNotShippable, EndIrreplaceable, EndGift, EndApproval, EndOrderMissing,
		EndOrderContradicts, EndUnknownCustomer, EndAmbiguousCustomer, EndSharedAddress, EndNoProduct, EndOnNoInvoice,
		EndOnSeveral, EndTwoProducts, EndNotAComplaint,
	}
}

// Proposal is what the company offers; empty: a person must find out first.
type Proposal string

// The proposals.
const (
	ProposeReplace   Proposal = "replace"
	ProposeRepair    Proposal = "repair"
	ProposeRefund    Proposal = "refund"
	ProposeBackOrder Proposal = "back_order"
	ProposeExplain   Proposal = "explain"
)

type remedy int

const (
	remedyReplace remedy = iota
	remedyRepair
	remedyNone
)

// warrantyMonths and remedies are the company's promise by category.
var (
	warrantyMonths = map[string]int{"kitchen": 24, "electronics": 24, "lighting": 36, "furniture": 60, "accessories": 12, "bespoke": 24}
	remedies       = map[string]remedy{"furniture": remedyRepair, "bespoke": remedyNone}
)

// approvalAbove is the value of an invoice line, in cents, above which a proposal that costs money needs approval.
const approvalAbove = 50000

// verdict is what the policy says about one line of one order.
type verdict struct {
	end      End
	proposal Proposal
	reason   string // of explain
	approval bool
}

// judge is the company's policy about a line that was found on an invoice, for a complaint received on a day. It reads
// the generator's truth only. What the policy says, in this order, first match wins:
//
//   - The shop does not know the order, or the invoice prints no order number: order_missing, a person.
//   - The shop's order lacks the article of the invoice line: order_contradicts, a person.
//   - The order was cancelled, or the order or this line was refunded: explain (cancelled, refunded). An invoice that is
//     void counts only if no other invoice has the product; its order is then a cancelled one.
//   - A parcel with the line is lost: lost; replace if the article is free in a depot that ships there, else refund;
//     whatever the warranty says.
//   - A parcel with the line came back: returned, a person.
//   - No parcel with the line has left (none at all, or only announced): not_shipped, explain.
//   - Fewer pieces have left than were ordered: partial, a person.
//   - A parcel with the line is still on its way: in_transit, explain.
//   - It was delivered, but nobody noted when: no_delivery_date, a person.
//   - The day received is after the day of delivery plus the months of the category (kitchen 24, electronics 24,
//     lighting 36, furniture 60, accessories 12, bespoke 24; the last day counts): explain (out_of_warranty).
//   - Covered. Furniture is not replaced but repaired: repair. Bespoke (cut to measure) is neither: not_replaceable, refund.
//     Everything else can be replaced.
//   - No depot ships to the country of the order: not_shippable, refund.
//   - The quantity is free (on hand less reserved) in one depot that ships there: replace.
//   - Nothing free, and one of those depots expects a delivery at most 30 days after the day received: back_order.
//     A later delivery: refund. None: out_of_stock, refund.
//   - An order that was a gift, where the proposal is replace: gift (replace; a person confirms the recipient's address).
//   - Last: a proposal other than explain for a line (all pieces together) above 500.00 EUR: approval_needed, with the
//     proposal as it was.
func (g *generator) judge(p *purchase, line int, day time.Time) verdict {
	v := g.judgeLine(p, p.order.Lines[line], day)
	if v.proposal == ProposeReplace && v.end == EndReplace && p.order.Gift {
		v.end = EndGift
	}
	l := p.order.Lines[line]
	if v.proposal != "" && v.proposal != ProposeExplain && l.Price*int64(l.Quantity) > approvalAbove {
		v.end, v.approval = EndApproval, true
	}
	return v
}

func (g *generator) judgeLine(p *purchase, l OrderLine, day time.Time) verdict {
	switch {
	case p.order.Missing, p.unreferenced():
		return verdict{end: EndOrderMissing}
	case l.Hidden:
		return verdict{end: EndOrderContradicts}
	case p.order.Status == OrderCancelled:
		return verdict{end: EndExplain, proposal: ProposeExplain, reason: "cancelled"}
	case p.order.Status == OrderRefunded, l.Refunded:
		return verdict{end: EndExplain, proposal: ProposeExplain, reason: "refunded"}
	}
	return g.judgeShipment(p, l, day)
}

func (g *generator) judgeShipment(p *purchase, l OrderLine, day time.Time) verdict {
	sent, states, delivered := 0, map[ParcelState]bool{}, time.Time{}
	for _, parcel := range p.parcels {
		for _, item := range parcel.Items {
			if item.SKU != l.SKU || parcel.State == ParcelAnnounced {
				continue
			}
			sent += item.Quantity
			states[parcel.State] = true
			delivered = parcel.DeliveredOn
		}
	}
	switch {
	case states[ParcelLost] && g.free(l, p.order.ShipTo.Country):
		return verdict{end: EndLost, proposal: ProposeReplace}
	case states[ParcelLost]:
		return verdict{end: EndLost, proposal: ProposeRefund}
	case states[ParcelReturned]:
		return verdict{end: EndReturned}
	case sent == 0:
		return verdict{end: EndNotShipped, proposal: ProposeExplain}
	case sent < l.Quantity:
		return verdict{end: EndPartial}
	case states[ParcelInTransit]:
		return verdict{end: EndInTransit, proposal: ProposeExplain}
	case delivered.IsZero():
		return verdict{end: EndNoDate}
	}
	return g.judgeWarranty(l, p.order.ShipTo.Country, delivered, day)
}

func (g *generator) judgeWarranty(l OrderLine, country string, delivered, day time.Time) verdict {
	category := g.article(l.SKU).Category
	switch {
	case day.After(addMonths(delivered, warrantyMonths[category])):
		return verdict{end: EndExplain, proposal: ProposeExplain, reason: "out_of_warranty"}
	case remedies[category] == remedyRepair:
		return verdict{end: EndRepair, proposal: ProposeRepair}
	case remedies[category] == remedyNone:
		return verdict{end: EndIrreplaceable, proposal: ProposeRefund}
	case !slices.ContainsFunc(g.w.Depots, func(d Depot) bool { return slices.Contains(d.ShipsTo, country) }):
		return verdict{end: EndNotShippable, proposal: ProposeRefund}
	case g.free(l, country):
		return verdict{end: EndReplace, proposal: ProposeReplace}
	}
	restock := g.restock(l.SKU, country)
	switch {
	case restock.IsZero():
		return verdict{end: EndOutOfStock, proposal: ProposeRefund}
	case restock.After(day.AddDate(0, 0, 30)):
		return verdict{end: EndRefund, proposal: ProposeRefund}
	}
	return verdict{end: EndBackOrder, proposal: ProposeBackOrder}
}

// stockFor calls f with the stock of an article in each depot that ships to a country.
func (g *generator) stockFor(sku, country string, f func(Stock)) {
	for _, d := range g.w.Depots {
		if !slices.Contains(d.ShipsTo, country) {
			continue
		}
		for _, s := range g.w.Stock {
			if s.SKU == sku && s.Depot == d.ID {
				f(s)
			}
		}
	}
}

func (g *generator) free(l OrderLine, country string) bool {
	found := false
	g.stockFor(l.SKU, country, func(s Stock) { found = found || s.OnHand-s.Reserved >= l.Quantity })
	return found
}

func (g *generator) restock(sku, country string) time.Time {
	var first time.Time
	g.stockFor(sku, country, func(s Stock) {
		if !s.RestockOn.IsZero() && (first.IsZero() || s.RestockOn.Before(first)) {
			first = s.RestockOn
		}
	})
	return first
}

// addMonths adds calendar months; a day that the month does not have becomes its last day.
func addMonths(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
