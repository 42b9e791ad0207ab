package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// portalArchive is what the portal knows: the parcels of the shop's orders, and those of the wholesale department,
// whose longer numbers begin like the shop's and so turn up in every search.
type portalArchive struct {
	today    time.Time
	parcels  []portalParcel // by order number and part
	byNumber map[string]portalParcel
	orders   map[string]portalOrder
}

type portalOrder struct {
	Number   string
	PlacedOn time.Time
	Count    int // parcels
}

type portalParcel struct {
	Parcel
	Printed string // the order number in the portal's own notation
	Parts   int    // of the order
	Value   int64  // cents
	Lines   []portalLine
}

type portalLine struct {
	Position int
	Name     string
	Quantity int
	Price    int64
	Sum      int64
}

// Status is the state in the portal's words.
func (p portalParcel) Status() string {
	return map[ParcelState]string{
		ParcelAnnounced: "kommissioniert", ParcelInTransit: "unterwegs", ParcelDelivered: "zugestellt",
		ParcelLost: "Verlust gemeldet", ParcelReturned: "Retoure",
	}[p.State]
}

func newPortalArchive(w *World) portalArchive {
	a := portalArchive{today: w.Today, byNumber: map[string]portalParcel{}, orders: map[string]portalOrder{}}
	for _, order := range w.Orders {
		parcels := w.ParcelsOf(order.Number)
		if order.Missing && len(parcels) == 0 {
			continue
		}
		a.orders[order.Number] = portalOrder{Number: order.Number, PlacedOn: order.PlacedOn, Count: len(parcels)}
		for _, parcel := range parcels {
			printed := "WEB " + order.Number
			if len(parcels) > 1 {
				printed = fmt.Sprintf("%s/%d", order.Number, parcel.Part)
			}
			a.add(w, parcel, printed, len(parcels))
		}
	}
	a.wholesale(w)
	slices.SortStableFunc(a.parcels, func(p, q portalParcel) int {
		// As the real one does it: by number as text, the newest of a number last.
		return strings.Compare(p.OrderNumber, q.OrderNumber)
	})
	return a
}

func (a *portalArchive) add(w *World, parcel Parcel, printed string, parts int) {
	p := portalParcel{Parcel: parcel, Printed: printed, Parts: parts}
	for i, item := range parcel.Items {
		article, _ := w.Article(item.SKU)
		line := portalLine{Position: i + 1, Name: item.Name, Quantity: item.Quantity, Price: article.Price, Sum: article.Price * int64(item.Quantity)}
		p.Value += line.Sum
		p.Lines = append(p.Lines, line)
	}
	a.parcels = append(a.parcels, p)
	a.byNumber[p.Number] = p
}

// wholesale adds parcels of shops that buy from the company: for about one order in three an order whose number has a
// further digit, some with so many parcels that a search fills several pages.
func (a *portalArchive) wholesale(w *World) {
	r := rand.New(rand.NewPCG(w.Seed, 0x9E3779B97F4A7C15))
	for _, order := range w.Orders {
		if r.IntN(3) > 0 || len(w.Articles) == 0 {
			continue
		}
		number := order.Number + strconv.Itoa(r.IntN(10))
		count := 1 + r.IntN(3)
		if r.IntN(6) == 0 {
			count = 9 + r.IntN(18)
		}
		a.orders[number] = portalOrder{Number: number, PlacedOn: order.PlacedOn, Count: count}
		for part := 1; part <= count; part++ {
			article := w.Articles[r.IntN(len(w.Articles))]
			shipped := order.PlacedOn.AddDate(0, 0, 1+r.IntN(4))
			a.add(w, Parcel{
				Number: fmt.Sprintf("GH%s%02d", number, part), OrderNumber: number, Part: part, Carrier: "Spedition", State: ParcelDelivered,
				Recipient: "Elektro Großhandel", ShippedOn: shipped, DeliveredOn: shipped.AddDate(0, 0, 2),
				Items: []ParcelItem{{SKU: article.SKU, Name: article.PortalName, Quantity: 4 + r.IntN(20)}},
			}, "GH "+number, count)
		}
	}
}

// startingWith is the portal's only search.
func (a *portalArchive) startingWith(number string) []portalParcel {
	if number == "" {
		return nil
	}
	var found []portalParcel
	for _, p := range a.parcels {
		if strings.HasPrefix(p.OrderNumber, number) {
			found = append(found, p)
		}
	}
	// The real one lists the newest first; this is what scatters the parcels of one order over the pages.
	slices.SortStableFunc(found, func(p, q portalParcel) int { return q.ShippedOn.Compare(p.ShippedOn) })
	return found
}
