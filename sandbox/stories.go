package sandbox

// tellReplace: a replacement can go out, in all the ways in which the customer is hard to find.
func (g *generator) tellReplace(n int) *story {
	if n == 8 { // a line of exactly 500 euros needs no approval
		return g.tellLimit(n)
	}
	s := g.tellDefect(g.inStock(n), n)
	c := s.customer
	switch n {
	case 1: // so many invoices that every list has several pages
		g.noise(c, 26)
	case 2: // the contact of a company, and the line is far down on a long invoice
		return g.tellCompany(n)
	case 3, 4: // known to the support system only
		c.ContactID, s.channels = "", writtenByMail
	case 5: // several addresses; invoicing knows the second one, and he writes from that
		c.Emails = append(c.Emails, g.email(c.Last, c.First), g.email(c.Last, c.Last))
		s.sender, c.BilledEmail, s.channels = c.Emails[1], c.Emails[1], writtenByMail
	case 6: // a void invoice that was issued again
		again := s.bought.invoices[0]
		again.IssuedOn = again.IssuedOn.AddDate(0, 0, 1)
		s.bought.invoices[0].Status = InvoiceVoid
		s.bought.invoices = append(s.bought.invoices, again)
	case 7: // somebody else has the same name
		twin := g.named(g.landFor(n+1), c.First, c.Last)
		g.noise(twin, 4)
		s.channels = writtenByMail
	}
	return s
}

func (g *generator) tellLimit(n int) *story {
	c, a := g.person(g.landFor(n)), g.ofSort(0, func(a Article) bool { return a.Price*2 == approvalAbove })
	p := g.buy(c, g.covered(a), OrderLine{SKU: a.SKU, Quantity: 2, Price: a.Price})
	return &story{customer: c, bought: p, says: "defect", mentions: anyMention}
}

func (g *generator) tellCompany(n int) *story {
	c := g.person(g.landFor(n))
	g.employ(c)
	about := g.inStock(n)
	lines := []OrderLine{}
	for _, a := range g.w.Articles {
		if len(lines) < 13 && a.Kind != about.Kind && family(a) != family(about) {
			lines = append(lines, OrderLine{SKU: a.SKU, Quantity: 1 + g.r.IntN(3), Price: a.Price})
		}
	}
	lines = append(lines, one(about))
	return &story{customer: c, bought: g.buy(c, g.covered(about), lines...), line: 13, says: "defect", mentions: wordsOnly}
}

// tellExplain: nothing is owed any more.
func (g *generator) tellExplain(n int) *story {
	c, a := g.person(g.landFor(n)), g.inStock(n)
	s := &story{customer: c, says: "defect", mentions: anyMention}
	switch n % 3 {
	case 0: // too old
		s.bought = g.buy(c, g.expired(a), one(a))
	case 1: // refunded, all of it or the line
		other := g.ofCategory("accessories", n)
		s.bought, s.mentions = g.buy(c, g.covered(a), one(a), one(other)), wordsOnly
		if n%2 == 0 {
			g.refund(s.bought)
		} else {
			s.bought.order.Lines[0].Refunded = true
			s.bought.invoices[0].Credited = a.Price
		}
	case 2: // cancelled; the invoice is void, or paid and given back
		s.bought, s.says = g.buy(c, 20+g.r.IntN(60), one(a)), "missing"
		g.cancel(s.bought)
		if n%2 == 0 {
			s.bought.invoices[0].Status, s.bought.invoices[0].Credited = InvoicePaid, a.Price
		}
	}
	return s
}

// waiting makes a fresh order whose parcel is in this state.
func (g *generator) waiting(n, ago int, state ParcelState) *story {
	c, a := g.person(g.landFor(n)), g.inStock(n)
	p := g.buy(c, ago, one(a))
	p.parcels = nil
	g.send(p, state, p.order.Lines...)
	return &story{customer: c, bought: p, says: "missing", mentions: anyMention}
}

func (g *generator) tellNotShipped(n int) *story {
	s := g.waiting(n, 4+g.r.IntN(8), ParcelAnnounced)
	s.bought.order.Status = OrderProcessing
	if n%2 == 0 {
		s.bought.parcels = nil
	}
	return s
}

func (g *generator) tellInTransit(n int) *story { return g.waiting(n, 5+g.r.IntN(5), ParcelInTransit) }

func (g *generator) tellLost(n int) *story {
	if n%3 != 0 {
		return g.waiting(n, 25+g.r.IntN(20), ParcelLost)
	}
	c, a := g.person(g.landFor(n)), g.inClass(stockNever, n) // nothing to send instead
	p := g.buy(c, 25+g.r.IntN(20), one(a))
	p.parcels = nil
	g.send(p, ParcelLost, p.order.Lines...)
	return &story{customer: c, bought: p, says: "missing", mentions: anyMention}
}

func (g *generator) tellReturned(n int) *story {
	s := g.waiting(n, 30+g.r.IntN(40), ParcelReturned)
	s.says = "returned"
	return s
}

// tellPartial: of three pieces, one or two have left.
func (g *generator) tellPartial(n int) *story {
	c, a := g.person(g.landFor(n)), g.ofCategory("accessories", n)
	p := g.buy(c, 15+g.r.IntN(20), OrderLine{SKU: a.SKU, Quantity: 3, Price: a.Price})
	p.parcels = nil
	sent := 1 + n%2
	g.send(p, ParcelDelivered, OrderLine{SKU: a.SKU, Quantity: sent})
	if n%3 != 0 {
		g.send(p, ParcelAnnounced, OrderLine{SKU: a.SKU, Quantity: 3 - sent})
	}
	p.order.Status = OrderProcessing
	return &story{customer: c, bought: p, says: "partial", mentions: anyMention}
}

func (g *generator) tellNoDate(n int) *story {
	s := g.tellDefect(g.inStock(n), n)
	s.bought.parcels[0].DeliveredOn = s.bought.parcels[0].ReturnedOn
	return s
}

func (g *generator) tellNotShippable(n int) *story {
	c, a := g.person(noShipping[n%len(noShipping)]), g.inStock(n)
	return &story{customer: c, bought: g.buy(c, g.covered(a), one(a)), says: "defect", mentions: anyMention}
}

// tellGift: the parcel went to somebody else, who lives elsewhere; the buyer writes.
func (g *generator) tellGift(n int) *story {
	c, a := g.person(g.landFor(n)), g.inStock(n)
	home := g.landFor(n + 1 + g.r.IntN(3))
	p := g.buy(c, g.covered(a), one(a))
	p.order.Gift, p.order.Recipient, p.order.ShipTo = true, pick(g.r, home.first)+" "+pick(g.r, home.last), g.address(home)
	p.parcels[0].Recipient, p.parcels[0].ShipTo = p.order.Recipient, p.order.ShipTo
	return &story{customer: c, bought: p, says: "gift", mentions: anyMention}
}

func (g *generator) tellApproval(n int) *story {
	c := g.person(g.landFor(n))
	dear := g.ofSort(n, func(a Article) bool { return a.Price > approvalAbove })
	line := one(dear)
	if n%4 == 3 { // several cheap ones are dear together
		line = OrderLine{SKU: "TO-5001", Quantity: 4, Price: g.article("TO-5001").Price}
		dear = g.article("TO-5001")
	}
	return &story{customer: c, bought: g.buy(c, g.covered(dear), line), says: "defect", mentions: anyMention}
}

func (g *generator) tellOrderMissing(n int) *story {
	s := g.tellDefect(g.inStock(n), n)
	if n%2 == 0 {
		s.bought.order.Missing = true
		return s
	}
	s.bought.invoices[0].Unreferenced, s.mentions = true, []string{"words", "sku", "invoice"}
	return s
}

// tellOrderContradicts: the invoice has a line that the order does not have.
func (g *generator) tellOrderContradicts(n int) *story {
	c, a, other := g.person(g.landFor(n)), g.inStock(n), g.ofCategory("accessories", n)
	p := g.buy(c, g.covered(a), one(a), one(other))
	p.order.Lines[0].Hidden = true
	p.parcels = nil
	g.send(p, ParcelDelivered, p.order.Lines[1])
	return &story{customer: c, bought: p, says: "defect", mentions: wordsOnly}
}

// strangers are last names that no customer has, not even as a part of his own.
var strangers = []string{"Zwischenberger", "Quessard", "Ximénez", "Uytdehaage", "Thackeray", "Abernathy"}

// tellUnknown: nobody knows who writes; one of them quotes the order of a real customer.
func (g *generator) tellUnknown(n int) *story {
	l := g.landFor(n)
	c := g.named(l, pick(g.r, l.first), strangers[n%len(strangers)])
	g.customers, g.people = g.customers[:len(g.customers)-1], g.people-1
	s := &story{stranger: c, says: "defect", about: g.inStock(n).SKU, mentions: []string{"words", "sku"}}
	if n%3 == 0 {
		s.bought, s.mentions = g.purchases[n*7], []string{"order"}
	}
	return s
}

// tellAmbiguous: two customers of one name; he leaves only that.
func (g *generator) tellAmbiguous(n int) *story {
	s := g.tellDefect(g.inStock(n), n)
	twin := g.named(g.landFor(n), s.customer.First, s.customer.Last)
	other := g.inStock(n + 5)
	g.buy(twin, g.covered(other), one(other))
	s.people, s.channels = []*Customer{twin}, []string{"phone", "social"}
	return s
}

// tellShared: two people of one household with one address. The CRM knows the first by it and the second by his phone;
// invoicing bills both under it.
func (g *generator) tellShared(n int) *story {
	s := g.tellDefect(g.inStock(n), n)
	l := g.landFor(n)
	partner := g.named(l, pick(g.r, l.first), s.customer.Last)
	for partner.First == s.customer.First {
		partner.First = pick(g.r, l.first)
	}
	partner.Emails, partner.Address = s.customer.Emails, s.customer.Address
	other := g.inStock(n + 5)
	g.buy(partner, g.covered(other), one(other))
	s.people, s.channels = []*Customer{partner}, writtenByMail
	return s
}

func (g *generator) tellNoProduct(n int) *story {
	c := g.person(g.landFor(n))
	a := g.inStock(n)
	g.buy(c, g.covered(a), one(a))
	return &story{customer: c, says: "defect"}
}

func (g *generator) tellOnNoInvoice(n int) *story {
	c, a := g.person(g.landFor(n)), g.inStock(n)
	g.avoid[c] = a.SKU
	g.noise(c, 3)
	return &story{customer: c, about: a.SKU, says: "defect", mentions: wordsOnly}
}

func (g *generator) tellOnSeveral(n int) *story {
	s := g.tellDefect(g.inStock(n), n)
	a := g.article(s.bought.order.Lines[0].SKU)
	s.other = g.buy(s.customer, g.covered(a), one(a))
	s.mentions = wordsOnly
	return s
}

func (g *generator) tellTwoProducts(n int) *story {
	s := g.tellDefect(g.inStock(n), n)
	a := g.article(s.bought.order.Lines[0].SKU)
	b := g.ofSort(n+3, func(b Article) bool { return b.Category == "lighting" && b.Kind != a.Kind && family(b) != family(a) })
	s.other, s.says, s.mentions = g.buy(s.customer, g.covered(b), one(b)), "two", []string{"words"}
	return s
}

func (g *generator) tellNotAComplaint(n int) *story {
	c := g.person(g.landFor(n))
	a := g.inStock(n)
	g.buy(c, g.covered(a), one(a))
	return &story{customer: c, says: "other"}
}
