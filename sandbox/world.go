package sandbox

import (
	"strings"
	"time"
)

// World is everything that is true about the company at the moment it is generated. Every random choice depends on
// the seed alone; every date is counted from Today, so that warranties mean the same whenever the demo runs.
//
// The systems show parts of it in their own words. They share no internal identifier: what crosses is what people print
// and type (the order number in differing notation, e-mail addresses, phone numbers, article words).
type World struct {
	Seed  uint64
	Today time.Time // midnight UTC

	Depots        []Depot
	Articles      []Article
	Stock         []Stock
	Organisations []Organisation
	Customers     []Customer
	Orders        []Order
	Invoices      []Invoice
	Parcels       []Parcel
	Agents        []Agent

	stories   []story
	contented []story
	index     worldIndex
}

// Depot is a warehouse and the countries (ISO 3166-1 alpha-2) that it ships to.
type Depot struct {
	ID      string
	Name    string
	Country string
	ShipsTo []string
}

// Article is a thing that the company sells. Its name is language-neutral, and each system writes it a little differently.
type Article struct {
	SKU      string
	Model    string // the distinctive words, "Aurora 2"
	Kind     string // "Espresso Machine"
	Category string
	Price    int64 // cents, EUR

	ShopName      string // orders: "Aurora 2 Espresso Machine"
	InvoiceName   string // invoicing: "Espresso Machine Aurora 2, AU-2041"
	PortalName    string // fulfilment: "AURORA 2 ESPRESSO MACH."
	WarehouseName string // warehouse: "Aurora-2 espresso machine"

	ShopProductID    int64  // orders
	InvoiceProductID string // invoicing, prod_…
	InvoicePriceID   string // invoicing, price_…
}

// Stock is what one depot holds of one article. Available is OnHand less Reserved.
type Stock struct {
	SKU       string
	Depot     string
	OnHand    int
	Reserved  int
	RestockOn time.Time // zero: no delivery is planned
}

// Address is a postal address.
type Address struct {
	Street     string
	PostalCode string
	City       string
	Country    string // ISO 3166-1 alpha-2
}

// Organisation is a company that buys. Its people are contacts of the CRM; the invoicing customer is the organisation.
type Organisation struct {
	ID        int // the generator's own number, in no system
	Name      string
	Domain    string
	Email     string // where its invoices go
	Phone     string
	Address   Address
	CompanyID string // CRM
	StripeID  string // invoicing
}

// Customer is a person who has bought something.
type Customer struct {
	ID           int // the generator's own number, in no system
	First, Last  string
	Emails       []string // the first one is the main one; empty for a few
	Phone        string   // E.164
	Handle       string   // social, without @; empty for most
	Language     string
	Tier         string // standard, gold
	Address      Address
	Organisation int // Organisation.ID, 0 for private people

	BilledEmail string // the address that invoicing has, as it was typed

	ContactID string // CRM; empty: not in the CRM
	StripeID  string // invoicing; empty: the organisation is billed
	UserID    int64  // support; 0: unknown there
}

// Name is the customer's name as printed.
func (c Customer) Name() string { return strings.TrimSpace(c.First + " " + c.Last) }

// Email is the main e-mail address, or "".
func (c Customer) Email() string {
	if len(c.Emails) == 0 {
		return ""
	}
	return c.Emails[0]
}

// OrderStatus is the state of an order in the shop.
type OrderStatus string

// The states of an order.
const (
	OrderProcessing OrderStatus = "processing"
	OrderCompleted  OrderStatus = "completed"
	OrderCancelled  OrderStatus = "cancelled"
	OrderRefunded   OrderStatus = "refunded"
)

// Order is what the customer ordered. An order that is Missing exists on paper only: the shop does not know it.
type Order struct {
	ID        int64  // orders
	Number    string // printed, digits only: "10427"
	Customer  int    // Customer.ID
	Status    OrderStatus
	PlacedOn  time.Time
	Recipient string // printed on the parcel; differs from the buyer for a gift
	ShipTo    Address
	Gift      bool
	Missing   bool
	Lines     []OrderLine
}

// OrderLine is one position of an order.
type OrderLine struct {
	ID       int64 // orders
	SKU      string
	Quantity int
	Price    int64 // of one, cents
	Refunded bool
	Hidden   bool // on the invoice, but not in the shop's order: the two contradict each other
}

// InvoiceStatus is the state of an invoice.
type InvoiceStatus string

// The states of an invoice.
const (
	InvoicePaid InvoiceStatus = "paid"
	InvoiceOpen InvoiceStatus = "open"
	InvoiceVoid InvoiceStatus = "void"
)

// Invoice is the bill for an order.
type Invoice struct {
	ID           string // invoicing, in_…
	Number       string // printed: "NW-2024-00042"
	Payer        string // invoicing, cus_…
	Customer     int    // Customer.ID of the person who ordered
	OrderNumber  string // printed with the notation of this system: "WEB-10427"
	Status       InvoiceStatus
	IssuedOn     time.Time
	Credited     int64 // cents given back
	Lines        []InvoiceLine
	Unreferenced bool // the order number is not printed on it
}

// InvoiceLine is one position of an invoice.
type InvoiceLine struct {
	ID       string // invoicing, il_…
	SKU      string
	Quantity int
	Amount   int64 // cents, all of the quantity
}

// ParcelState is where a parcel is.
type ParcelState string

// The states of a parcel.
const (
	ParcelAnnounced ParcelState = "announced" // a label, not yet handed to the carrier
	ParcelInTransit ParcelState = "in_transit"
	ParcelDelivered ParcelState = "delivered"
	ParcelLost      ParcelState = "lost"
	ParcelReturned  ParcelState = "returned"
)

// Parcel is one parcel of an order. Only the fulfilment portal knows it.
type Parcel struct {
	Number      string // the portal's own number
	OrderNumber string // digits only; the portal prints "WEB 10427" or "10427/1"
	Part        int    // 1, 2, …
	Carrier     string
	Tracking    string
	State       ParcelState
	Recipient   string
	ShipTo      Address
	ShippedOn   time.Time // zero: not shipped
	DeliveredOn time.Time // zero: not delivered, or nobody noted when
	ReturnedOn  time.Time // zero: not returned
	Items       []ParcelItem
}

// ParcelItem is what a parcel holds of one article.
type ParcelItem struct {
	SKU      string
	Name     string // Article.PortalName
	Quantity int
}

// Agent is somebody who works in the support system.
type Agent struct {
	UserID    int64
	Name      string
	Email     string
	Role      string // agent, admin
	Groups    []string
	Languages []string
}

type worldIndex struct {
	articles      map[string]int
	customers     map[int]int
	organisations map[int]int
	orders        map[string]int
	parcels       map[string][]int
	invoices      map[string]int
}

// Article returns the article with this code.
func (w *World) Article(sku string) (Article, bool) {
	i, ok := w.index.articles[sku]
	if !ok {
		return Article{}, false
	}
	return w.Articles[i], true
}

// Customer returns the customer with the generator's number.
func (w *World) Customer(id int) (Customer, bool) {
	i, ok := w.index.customers[id]
	if !ok {
		return Customer{}, false
	}
	return w.Customers[i], true
}

// Organisation returns the organisation with the generator's number.
func (w *World) Organisation(id int) (Organisation, bool) {
	i, ok := w.index.organisations[id]
	if !ok {
		return Organisation{}, false
	}
	return w.Organisations[i], true
}

// Order returns the order with this printed number (digits only), also one that the shop does not know.
func (w *World) Order(number string) (Order, bool) {
	i, ok := w.index.orders[number]
	if !ok {
		return Order{}, false
	}
	return w.Orders[i], true
}

// ParcelsOf returns the parcels of an order, by part. The number is digits only.
func (w *World) ParcelsOf(order string) []Parcel {
	found := w.index.parcels[order]
	parcels := make([]Parcel, 0, len(found))
	for _, i := range found {
		parcels = append(parcels, w.Parcels[i])
	}
	return parcels
}

// reindex rebuilds the look-ups; the generator calls it once at the end.
func (w *World) reindex() {
	ix := worldIndex{
		articles: map[string]int{}, customers: map[int]int{}, organisations: map[int]int{},
		orders: map[string]int{}, parcels: map[string][]int{}, invoices: map[string]int{},
	}
	for i, a := range w.Articles {
		ix.articles[a.SKU] = i
	}
	for i, c := range w.Customers {
		ix.customers[c.ID] = i
	}
	for i, o := range w.Organisations {
		ix.organisations[o.ID] = i
	}
	for i, o := range w.Orders {
		ix.orders[o.Number] = i
	}
	for i, p := range w.Parcels {
		ix.parcels[p.OrderNumber] = append(ix.parcels[p.OrderNumber], i)
	}
	for i, v := range w.Invoices {
		ix.invoices[v.ID] = i
	}
	w.index = ix
}
