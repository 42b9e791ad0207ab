package sandbox

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"time"
)

// generator builds a World. One source of chance is drawn from in one fixed order, so a seed gives the same world.
type generator struct {
	r *rand.Rand
	w *World

	customers []*Customer
	purchases []*purchase
	class     map[string]stockClass
	taken     map[string]bool // identifiers, addresses and numbers that may occur once
	names     map[string]bool
	avoid     map[*Customer]string // an article that he must not buy
	people    int
}

// purchase is one order with its invoices and parcels, while the printed numbers are not yet given.
type purchase struct {
	customer *Customer
	order    Order
	invoices []Invoice
	parcels  []Parcel
}

// NewWorld generates the world of a seed, with dates counted from the day of base.
func NewWorld(seed uint64, base time.Time) *World {
	g := &generator{
		r:     rand.New(rand.NewPCG(seed, 0x6e6f726477696e64)),
		w:     &World{Seed: seed, Today: time.Date(base.Year(), base.Month(), base.Day(), 0, 0, 0, 0, time.UTC)},
		taken: map[string]bool{}, names: map[string]bool{}, avoid: map[*Customer]string{},
	}
	g.articles()
	g.stock()
	g.agents()
	g.tellStories()
	g.ordinaryPeople(190)
	g.contentedStories()
	g.number()
	g.w.reindex()
	return g.w
}

// day is midnight so many days before today; negative: after today.
func (g *generator) day(ago int) time.Time { return g.w.Today.AddDate(0, 0, -ago) }

func (g *generator) article(sku string) Article {
	for _, a := range g.w.Articles {
		if a.SKU == sku {
			return a
		}
	}
	panic("sandbox: no article " + sku) // a typing error in this package
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// token makes an opaque identifier that occurs once.
func (g *generator) token(prefix string, length int) string {
	b := make([]byte, length)
	for {
		for i := range b {
			b[i] = letters[g.r.IntN(len(letters))]
		}
		if id := prefix + string(b); !g.taken[id] {
			g.taken[id] = true
			return id
		}
	}
}

// digits makes a decimal identifier of a length that occurs once.
func (g *generator) digits(length int) string {
	for {
		id := strconv.Itoa(1 + g.r.IntN(9))
		for len(id) < length {
			id += strconv.Itoa(g.r.IntN(10))
		}
		if !g.taken[id] {
			g.taken[id] = true
			return id
		}
	}
}

func (g *generator) userID() int64 {
	id, _ := strconv.ParseInt("38"+g.digits(12), 10, 64)
	return id
}

func (g *generator) shopProduct() int64 {
	id, _ := strconv.ParseInt(g.digits(4), 10, 64)
	return id
}

func (g *generator) agents() {
	for _, a := range []Agent{
		{Name: "Greta Lindholm", Role: "admin", Groups: []string{"Complaints", "Team leads"}, Languages: []string{"en", "de"}},
		{Name: "Marek Nowak", Role: "agent", Groups: []string{"Complaints"}, Languages: []string{"en", "de"}},
		{Name: "Solène Petit", Role: "agent", Groups: []string{"Complaints"}, Languages: []string{"fr", "es", "en"}},
		{Name: "Ruben de Graaf", Role: "agent", Groups: []string{"Complaints", "Workshop"}, Languages: []string{"nl", "en"}},
		{Name: "Carla Montes", Role: "agent", Groups: []string{"Complaints", "Shipping"}, Languages: []string{"es", "en", "fr"}},
		{Name: "Ian Fairweather", Role: "agent", Groups: []string{"Shipping"}, Languages: []string{"en"}},
	} {
		a.UserID = g.userID()
		a.Email = asciiWord(a.Name) + "@nordwind-home.example"
		g.w.Agents = append(g.w.Agents, a)
	}
}

// ordinaryPeople fills the world with customers who bought a few things and are content.
func (g *generator) ordinaryPeople(n int) {
	for i := range n {
		c := g.person(g.landFor(i))
		switch i % 23 {
		case 3:
			c.Emails = append(c.Emails, g.email(c.Last, c.First))
		case 7:
			c.UserID = 0
		case 11:
			g.employ(c)
		case 17: // invoicing keeps the spelling that was typed, and compares it letter by letter
			c.BilledEmail = strings.ToUpper(c.Email()[:1]) + c.Email()[1:]
		}
		g.noise(c, 5+g.r.IntN(4))
	}
}

// employ makes a customer a contact of a new organisation, which is billed in his place.
func (g *generator) employ(c *Customer) Organisation {
	word := pick(g.r, []string{"Hotel", "Café", "Studio", "Praxis", "Atelier", "Brasserie"})
	tail := pick(g.r, []string{"GmbH", "& Söhne KG", "SARL", "S.L.", "B.V.", "Ltd"})
	host := ""
	for i := 0; host == "" || g.taken[host]; i++ {
		host = fmt.Sprintf("%s-%s%d.example", asciiWord(word), asciiWord(c.Last), 1+i)
	}
	g.taken[host] = true
	o := Organisation{
		ID: len(g.w.Organisations) + 1, Name: fmt.Sprintf("%s %s %s", word, c.Last, tail), Domain: host, Email: "invoices@" + host,
		Phone: g.phone(c.Phone[1:3]), Address: c.Address, CompanyID: g.digits(10), StripeID: g.token("cus_", 14),
	}
	g.w.Organisations = append(g.w.Organisations, o)
	c.Organisation, c.StripeID = o.ID, ""
	c.Emails = []string{asciiWord(c.First) + "@" + host}
	return o
}

// noise gives a customer n further purchases, delivered and uneventful, none of them of the same model or kind of
// article as something that he bought before.
func (g *generator) noise(c *Customer, n int) {
	used := map[string]bool{}
	if sku := g.avoid[c]; sku != "" {
		g.use(used, sku)
	}
	for _, p := range g.purchases {
		if p.customer == c {
			for _, l := range p.order.Lines {
				g.use(used, l.SKU)
			}
		}
	}
	for range n {
		var free []Article
		for _, a := range g.w.Articles {
			if !used[a.Kind] && !used[family(a)] {
				free = append(free, a)
			}
		}
		if len(free) == 0 {
			return
		}
		a := pick(g.r, free)
		items := []OrderLine{{SKU: a.SKU, Quantity: 1 + g.r.IntN(8)/7, Price: a.Price}}
		g.use(used, a.SKU)
		if b := pick(g.r, free); g.r.IntN(3) == 0 && !used[b.Kind] && !used[family(b)] {
			items = append(items, OrderLine{SKU: b.SKU, Quantity: 1, Price: b.Price})
			g.use(used, b.SKU)
		}
		p := g.buy(c, 20+g.r.IntN(1300), items...)
		switch chance := g.r.IntN(30); {
		case chance == 0:
			g.cancel(p)
		case chance == 1:
			g.refund(p)
		case chance < 10 && len(items) == 2: // one parcel for each
			p.parcels = nil
			g.send(p, ParcelDelivered, items[0])
			g.send(p, ParcelDelivered, items[1])
		}
	}
}

func (g *generator) use(used map[string]bool, sku string) {
	a := g.article(sku)
	used[a.Kind], used[family(a)] = true, true
}

// family is the word that an article shares with its sisters.
func family(a Article) string {
	for i, r := range a.Model {
		if r == ' ' {
			return a.Model[:i]
		}
	}
	return a.Model
}

// buy makes a purchase, placed so many days ago, paid, sent in one parcel and delivered.
func (g *generator) buy(c *Customer, ago int, lines ...OrderLine) *purchase {
	p := &purchase{customer: c, order: Order{
		Customer: c.ID, Status: OrderCompleted, PlacedOn: g.day(ago), Recipient: c.Name(), ShipTo: c.Address, Lines: lines,
	}}
	payer := c.StripeID
	for _, o := range g.w.Organisations {
		if o.ID == c.Organisation {
			payer = o.StripeID
		}
	}
	invoice := Invoice{Payer: payer, Customer: c.ID, Status: InvoicePaid, IssuedOn: p.order.PlacedOn}
	for _, l := range lines {
		invoice.Lines = append(invoice.Lines, InvoiceLine{SKU: l.SKU, Quantity: l.Quantity, Amount: l.Price * int64(l.Quantity)})
	}
	p.invoices = []Invoice{invoice}
	g.send(p, ParcelDelivered, lines...)
	g.purchases = append(g.purchases, p)
	return p
}

// send adds a parcel with these lines in this state, one to two days after the order.
func (g *generator) send(p *purchase, state ParcelState, lines ...OrderLine) *Parcel {
	shipped := p.order.PlacedOn.AddDate(0, 0, 1+g.r.IntN(2))
	parcel := Parcel{
		Part: len(p.parcels) + 1, Carrier: pick(g.r, []string{"DHL", "GLS", "UPS", "DPD"}), State: state,
		Recipient: p.order.Recipient, ShipTo: p.order.ShipTo, Number: "NW" + g.digits(8),
	}
	if state != ParcelAnnounced {
		parcel.ShippedOn, parcel.Tracking = shipped, parcel.Carrier+g.digits(10)
	}
	if state == ParcelDelivered || state == ParcelReturned {
		parcel.DeliveredOn = shipped.AddDate(0, 0, 2+g.r.IntN(3))
	}
	if state == ParcelReturned {
		parcel.ReturnedOn = parcel.DeliveredOn.AddDate(0, 0, 9)
	}
	for _, l := range lines {
		parcel.Items = append(parcel.Items, ParcelItem{SKU: l.SKU, Name: g.article(l.SKU).PortalName, Quantity: l.Quantity})
	}
	p.parcels = append(p.parcels, parcel)
	return &p.parcels[len(p.parcels)-1]
}

// cancel makes a purchase one that was called off before anything left.
func (g *generator) cancel(p *purchase) {
	p.order.Status, p.parcels = OrderCancelled, nil
	for i := range p.invoices {
		p.invoices[i].Status = InvoiceVoid
	}
}

// refund gives all the money of a purchase back.
func (g *generator) refund(p *purchase) {
	p.order.Status = OrderRefunded
	for i := range p.invoices {
		p.invoices[i].Credited = p.invoices[i].total()
	}
}

func (p *purchase) unreferenced() bool { return p.invoices[0].Unreferenced }

func (v Invoice) total() int64 {
	var sum int64
	for _, l := range v.Lines {
		sum += l.Amount
	}
	return sum
}

// number gives orders, invoices and lines their printed and internal numbers, in the order of time, and files
// everything in the world.
func (g *generator) number() {
	sort.SliceStable(g.purchases, func(i, j int) bool { return g.purchases[i].order.PlacedOn.Before(g.purchases[j].order.PlacedOn) })
	number, id, line, perYear := 10021, int64(48213), int64(190000), map[int]int{}
	for _, p := range g.purchases {
		number += 1 + g.r.IntN(4)
		id += int64(1 + g.r.IntN(9))
		p.order.Number, p.order.ID = strconv.Itoa(number), id
		for i := range p.order.Lines {
			line += int64(1 + g.r.IntN(5))
			p.order.Lines[i].ID = line
		}
		for i := range p.parcels {
			p.parcels[i].OrderNumber = p.order.Number
		}
		for i := range p.invoices {
			v := &p.invoices[i]
			year := v.IssuedOn.Year()
			perYear[year]++
			v.ID, v.Number, v.OrderNumber = g.token("in_1", 23), fmt.Sprintf("NW-%d-%05d", year, perYear[year]), p.order.Number
			for j := range v.Lines {
				v.Lines[j].ID = g.token("il_1", 23)
			}
		}
		g.w.Orders = append(g.w.Orders, p.order)
		g.w.Invoices = append(g.w.Invoices, p.invoices...)
		g.w.Parcels = append(g.w.Parcels, p.parcels...)
	}
	for _, c := range g.customers {
		if c.StripeID != "" && c.BilledEmail == "" {
			c.BilledEmail = c.Email()
		}
		g.w.Customers = append(g.w.Customers, *c)
	}
}
