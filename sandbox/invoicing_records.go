package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// load makes the records of the world, newest first.
func (s *invoicing) load() {
	w := s.world
	for i, a := range w.Articles {
		s.addArticle(a, w.since(2000-i))
	}
	payers := map[string]object{}
	for i, c := range w.Customers {
		if c.StripeID != "" {
			payers[c.StripeID] = s.customer(c.StripeID, c.Name(), c.BilledEmail, c.Phone, c.Address, w.since(1480-i))
			s.customers = append(s.customers, payers[c.StripeID])
		}
	}
	for i, o := range w.Organisations {
		payers[o.StripeID] = s.customer(o.StripeID, o.Name, o.Email, o.Phone, o.Address, w.since(1485-i))
		s.customers = append(s.customers, payers[o.StripeID])
	}
	for _, v := range w.Invoices {
		s.invoices = append(s.invoices, s.invoice(v, payers[v.Payer]))
	}
	for _, list := range [][]object{s.customers, s.invoices, s.products, s.prices} {
		slices.Reverse(list)
		for _, o := range list {
			s.byID[o["id"].(string)] = o
		}
	}
	for _, o := range s.invoices {
		payer := o["customer"].(string)
		s.billed[payer] = append(s.billed[payer], o)
	}
}

func (s *invoicing) addArticle(a Article, created time.Time) {
	s.products = append(s.products, object{
		"id": a.InvoiceProductID, "object": "product", "active": true, "created": created.Unix(), "default_price": a.InvoicePriceID,
		"description": nil, "images": []string{}, "livemode": false, "marketing_features": []string{}, "metadata": object{},
		"name": a.Kind + " " + a.Model, "package_dimensions": nil, "shippable": true, "statement_descriptor": nil, "tax_code": nil,
		"unit_label": nil, "updated": created.Unix(), "url": nil,
	})
	s.prices = append(s.prices, object{
		"id": a.InvoicePriceID, "object": "price", "active": true, "billing_scheme": "per_unit", "created": created.Unix(), "currency": "eur",
		"custom_unit_amount": nil, "livemode": false, "lookup_key": nil, "metadata": object{}, "nickname": nil, "product": a.InvoiceProductID,
		"recurring": nil, "tax_behavior": "inclusive", "tiers_mode": nil, "transform_quantity": nil, "type": "one_time",
		"unit_amount": a.Price, "unit_amount_decimal": strconv.FormatInt(a.Price, 10),
	})
}

func stripeAddress(a Address) object {
	return object{"city": a.City, "country": a.Country, "line1": a.Street, "line2": nil, "postal_code": a.PostalCode, "state": nil}
}

// localPhone is how people without borders in mind write a number: "040 3874522".
func localPhone(number string) string {
	national := nationalPhone(number)
	return "0" + national[:2] + " " + national[2:]
}

func (s *invoicing) customer(id, name, email, phone string, a Address, created time.Time) object {
	return object{
		"id": id, "object": "customer", "address": stripeAddress(a), "balance": 0, "created": created.Unix(), "currency": "eur",
		"default_source": nil, "delinquent": false, "description": nil, "discount": nil, "email": textOrNull(email),
		"invoice_prefix": id[4:12], "livemode": false, "metadata": object{}, "name": name, "next_invoice_sequence": 1,
		"phone": localPhone(phone), "preferred_locales": []string{}, "shipping": nil, "tax_exempt": "none", "test_clock": nil,
		"invoice_settings": object{"custom_fields": nil, "default_payment_method": nil, "footer": nil, "rendering_options": nil},
	}
}

func (s *invoicing) invoice(v Invoice, payer object) object {
	issued := v.IssuedOn.Add(10 * time.Hour).Unix()
	total := v.total()
	var lines []object
	for _, l := range v.Lines {
		lines = append(lines, s.line(v, l, issued))
	}
	s.lines[v.ID] = lines
	shown := lines[:min(10, len(lines))]
	var fields any
	if !v.Unreferenced {
		fields = []object{{"name": "Order", "value": "WEB-" + v.OrderNumber}}
	}
	paid, paidAt, voidedAt := total, any(issued), any(nil)
	if v.Status == InvoiceVoid {
		paid, paidAt, voidedAt = 0, nil, issued+7200
	}
	return object{
		"id": v.ID, "object": "invoice", "account_country": "DE", "account_name": "Nordwind Home", "account_tax_ids": nil,
		"amount_due": total, "amount_overpaid": 0, "amount_paid": paid, "amount_paid_off_stripe": 0, "amount_remaining": 0,
		"amount_shipping": 0, "application": nil, "attempt_count": 1, "attempted": true, "auto_advance": false,
		"automatic_tax":  object{"disabled_reason": nil, "enabled": false, "liability": nil, "provider": nil, "status": nil},
		"billing_reason": "manual", "collection_method": "charge_automatically", "created": issued, "currency": "eur",
		"custom_fields": fields, "customer": v.Payer, "customer_address": payer["address"], "customer_email": payer["email"],
		"customer_name": payer["name"], "customer_phone": payer["phone"], "customer_shipping": nil, "customer_tax_exempt": "none",
		"customer_tax_ids": []object{}, "default_payment_method": nil, "default_source": nil, "default_tax_rates": []object{},
		"description": nil, "discounts": []object{}, "due_date": nil, "effective_at": issued, "ending_balance": 0, "footer": nil,
		"from_invoice": nil, "hosted_invoice_url": nil, "invoice_pdf": nil, "issuer": object{"type": "self"},
		"last_finalization_error": nil, "latest_revision": nil, "livemode": false, "metadata": object{}, "next_payment_attempt": nil,
		"lines":  object{"object": "list", "data": shown, "has_more": len(lines) > len(shown), "url": "/v1/invoices/" + v.ID + "/lines"},
		"number": v.Number, "on_behalf_of": nil, "parent": nil, "period_end": issued, "period_start": issued,
		"payment_settings":                 object{"default_mandate": nil, "payment_method_options": nil, "payment_method_types": nil},
		"post_payment_credit_notes_amount": v.Credited, "pre_payment_credit_notes_amount": 0, "receipt_number": nil, "rendering": nil,
		"shipping_cost": nil, "shipping_details": nil, "starting_balance": 0, "statement_descriptor": nil, "status": string(v.Status),
		"status_transitions": object{"finalized_at": issued, "marked_uncollectible_at": nil, "paid_at": paidAt, "voided_at": voidedAt},
		"subtotal":           total, "subtotal_excluding_tax": total, "test_clock": nil, "total": total, "total_discount_amounts": []object{},
		"total_excluding_tax": total, "total_pretax_credit_amounts": []object{}, "total_taxes": []object{}, "webhooks_delivered_at": issued,
	}
}

func (s *invoicing) line(v Invoice, l InvoiceLine, issued int64) object {
	a, _ := s.world.Article(l.SKU)
	return object{
		"id": l.ID, "object": "line_item", "amount": l.Amount, "currency": "eur", "description": a.InvoiceName, "discount_amounts": []object{},
		"discountable": true, "discounts": []object{}, "invoice": v.ID, "livemode": false, "metadata": object{},
		"parent": object{"invoice_item_details": object{"invoice_item": "ii_" + l.ID[3:], "proration": false,
			"proration_details": object{"credited_items": nil}, "subscription": nil}, "subscription_item_details": nil, "type": "invoice_item_details"},
		"period": object{"end": issued, "start": issued}, "pretax_credit_amounts": []object{},
		"pricing": object{"price_details": object{"price": a.InvoicePriceID, "product": a.InvoiceProductID}, "type": "price_details",
			"unit_amount_decimal": strconv.FormatInt(a.Price, 10)},
		"quantity": l.Quantity, "quantity_decimal": strconv.Itoa(l.Quantity), "subscription": nil, "subtotal": l.Amount, "taxes": []object{},
	}
}
