package sandbox

// story is a customer with a past made for one expected end, and what he says in his complaint.
type story struct {
	end      End
	customer *Customer
	bought   *purchase // what the complaint is about; nil if nothing that was bought
	line     int
	other    *purchase   // two_products, product_on_several
	people   []*Customer // ambiguous_customer, shared_address: who it might be
	stranger *Customer   // unknown_customer: who writes
	about    string      // the article named when nothing was bought: a code
	sender   string      // the address that he writes from, if not the main one
	says     string      // the prose: defect, missing, partial, returned, gift, two, other
	mentions []string    // what he may name: words, order, invoice, sku; empty: nothing
	channels []string    // by which he may write; nil: all
	verdict  verdict
}

var (
	anyMention    = []string{"words", "order", "words+order", "invoice", "sku"}
	wordsOnly     = []string{"words", "sku"}
	writtenByMail = []string{"email", "web"}
)

// tales tells how many stories there are of each end, and how each of them is told: the n-th variant.
var tales = []struct {
	end   End
	count int
	tell  func(g *generator, n int) *story
}{
	{EndReplace, 10, (*generator).tellReplace},
	{EndRepair, 6, func(g *generator, n int) *story { return g.tellDefect(g.furniture(n), n) }},
	{EndRefund, 6, func(g *generator, n int) *story { return g.tellDefect(g.inClass(stockLate, n), n) }},
	{EndBackOrder, 6, func(g *generator, n int) *story { return g.tellDefect(g.inClass(stockSoon, n), n) }},
	{EndOutOfStock, 6, func(g *generator, n int) *story { return g.tellDefect(g.inClass(stockNever, n), n) }},
	{EndExplain, 9, (*generator).tellExplain},
	{EndNotShipped, 6, (*generator).tellNotShipped},
	{EndInTransit, 6, (*generator).tellInTransit},
	{EndLost, 6, (*generator).tellLost},
	{EndReturned, 6, (*generator).tellReturned},
	{EndPartial, 6, (*generator).tellPartial},
	{EndNoDate, 6, (*generator).tellNoDate},
	{EndNotShippable, 6, (*generator).tellNotShippable},
	{EndIrreplaceable, 6, func(g *generator, n int) *story { return g.tellDefect(g.ofCategory("bespoke", n), n) }},
	{EndGift, 6, (*generator).tellGift},
	{EndApproval, 6, (*generator).tellApproval},
	{EndOrderMissing, 6, (*generator).tellOrderMissing},
	{EndOrderContradicts, 6, (*generator).tellOrderContradicts},
	{EndUnknownCustomer, 6, (*generator).tellUnknown},
	{EndAmbiguousCustomer, 6, (*generator).tellAmbiguous},
	{EndSharedAddress, 6, (*generator).tellShared},
	{EndNoProduct, 6, (*generator).tellNoProduct},
	{EndOnNoInvoice, 6, (*generator).tellOnNoInvoice},
	{EndOnSeveral, 6, (*generator).tellOnSeveral},
	{EndTwoProducts, 6, (*generator).tellTwoProducts},
	{EndNotAComplaint, 8, (*generator).tellNotAComplaint},
}

// tellStories makes all of them, each with customers of its own and uneventful purchases around the eventful one.
func (g *generator) tellStories() {
	for e, tale := range tales {
		for n := range tale.count {
			s := tale.tell(g, n+e)
			s.end = tale.end
			if s.bought != nil {
				s.verdict = g.judge(s.bought, s.line, g.w.Today)
			}
			for _, c := range append([]*Customer{s.customer}, s.people...) {
				if c != nil {
					g.noise(c, 2+g.r.IntN(4))
				}
			}
			g.w.stories = append(g.w.stories, *s)
		}
	}
}

// contentedStories: what the ordinary customers could complain about, one thing each, to have more complaints.
func (g *generator) contentedStories() {
	seen := map[*Customer]bool{}
	for _, s := range g.w.stories {
		seen[s.customer] = true
		for _, c := range s.people {
			seen[c] = true
		}
	}
	for _, p := range g.purchases {
		v := g.judge(p, 0, g.w.Today)
		old := g.w.Today.Sub(p.order.PlacedOn).Hours() / 24
		limit := float64(30 * warrantyMonths[g.article(p.order.Lines[0].SKU).Category])
		if seen[p.customer] || p.customer.ContactID == "" || old > limit-30 && old < limit+60 {
			continue
		}
		seen[p.customer] = true
		g.w.contented = append(g.w.contented, story{
			end: v.end, customer: p.customer, bought: p, says: "defect", mentions: wordsOnly, verdict: v,
		})
	}
}

// covered and expired give an age in days of an order of this article, well away from the end of its warranty.
func (g *generator) covered(a Article) int {
	return 30 + g.r.IntN(warrantyMonths[a.Category]*30-90)
}

func (g *generator) expired(a Article) int {
	return warrantyMonths[a.Category]*31 + 45 + g.r.IntN(400)
}

func one(a Article) OrderLine { return OrderLine{SKU: a.SKU, Quantity: 1, Price: a.Price} }

// tellDefect: something that was delivered in warranty broke.
func (g *generator) tellDefect(a Article, n int) *story {
	c := g.person(g.landFor(n))
	return &story{customer: c, bought: g.buy(c, g.covered(a), one(a)), says: "defect", mentions: anyMention}
}

// The articles of a sort; the n-th of them, round and round.
func (g *generator) ofSort(n int, fits func(Article) bool) Article {
	var found []Article
	for _, a := range g.w.Articles {
		if fits(a) {
			found = append(found, a)
		}
	}
	return found[n%len(found)]
}

func (g *generator) ofCategory(category string, n int) Article {
	return g.ofSort(n, func(a Article) bool { return a.Category == category })
}

func (g *generator) furniture(n int) Article {
	return g.ofSort(n, func(a Article) bool { return a.Category == "furniture" && a.Price <= approvalAbove })
}

func (g *generator) inClass(class stockClass, n int) Article {
	return g.ofSort(n, func(a Article) bool { return g.class[a.SKU] == class && remedies[a.Category] == remedyReplace })
}

// inStock is an article that can be replaced at once and without approval.
func (g *generator) inStock(n int) Article {
	return g.ofSort(n, func(a Article) bool {
		return g.class[a.SKU] == stockPlenty && remedies[a.Category] == remedyReplace && a.Price <= approvalAbove && a.Category != "accessories"
	})
}
