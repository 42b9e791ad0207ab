package sandbox

import (
	"fmt"
	"strings"
)

// assortment is what Nordwind Home sells: code, model, kind, category, price in cents.
var assortment = []struct {
	sku, model, kind, category string
	price                      int64
}{
	{"AU-2041", "Aurora 2", "Espresso Machine", "kitchen", 42900},
	{"AU-2044", "Aurora Grande", "Espresso Machine", "kitchen", 64900},
	{"BR-1102", "Brisalto", "Kettle", "kitchen", 5990},
	{"CA-1210", "Calimero", "Toaster", "kitchen", 7900},
	{"FJ-1305", "Fjordan", "Blender", "kitchen", 11900},
	{"GR-1411", "Granovita", "Coffee Grinder", "kitchen", 14900},
	{"KO-1502", "Kometa", "Hand Mixer", "kitchen", 4590},
	{"LA-1605", "Lavento", "Waffle Maker", "kitchen", 6900},
	{"MI-1710", "Mistrova", "Food Processor", "kitchen", 27900},
	{"OL-1804", "Olivetta", "Raclette Grill", "kitchen", 9900},
	{"PI-1906", "Pinaro", "Rice Cooker", "kitchen", 8900},
	{"RO-1951", "Rovigo", "Juicer", "kitchen", 13900},
	{"SO-3001", "Sonara", "Headphones", "electronics", 18900},
	{"EC-3104", "Echolia", "Earbuds", "electronics", 9900},
	{"TE-3105", "Temporis", "Radio", "electronics", 12900},
	{"VE-3206", "Ventora S", "Robot Vacuum", "electronics", 39900},
	{"VE-3207", "Ventora X", "Robot Vacuum", "electronics", 72900},
	{"ZE-3308", "Zephyros", "Fan", "electronics", 8900},
	{"NI-3409", "Nimbus 5", "Air Purifier", "electronics", 25000},
	{"QU-3510", "Quantis", "Smart Speaker", "electronics", 14900},
	{"HY-3612", "Hygrola", "Humidifier", "electronics", 6990},
	{"KL-3714", "Klimatis", "Heater", "electronics", 10900},
	{"LU-4001", "Lumora", "Floor Lamp", "lighting", 15900},
	{"BE-4102", "Belvaro", "Desk Lamp", "lighting", 7490},
	{"HA-4103", "Haldenis", "Pendant Light", "lighting", 12900},
	{"KI-4204", "Kirkova", "Wall Light", "lighting", 6490},
	{"ST-4305", "Stellaro", "Night Light", "lighting", 2990},
	{"OR-4406", "Orbitalo", "Ceiling Light", "lighting", 18900},
	{"TO-5001", "Torvik", "Bar Stool", "furniture", 13900},
	{"SK-5102", "Skagerra", "Side Table", "furniture", 18900},
	{"HO-5203", "Holmenka", "Bookcase", "furniture", 34900},
	{"VA-5304", "Vardeno", "Standing Desk", "furniture", 57900},
	{"ED-5405", "Edvarda", "Shoe Rack", "furniture", 9900},
	{"AQ-6001", "Aquafina", "Water Filter", "accessories", 2490},
	{"BO-6102", "Borstello", "Brush Set", "accessories", 1990},
	{"CL-6203", "Clarivo", "Descaler Kit", "accessories", 1490},
	{"DU-6304", "Durabelo", "Milk Jug", "accessories", 2790},
	{"FI-6405", "Filtrano", "Filter Pack", "accessories", 1890},
	{"LI-7001", "Linjeva", "Blackout Blind", "bespoke", 21900},
	{"RU-7102", "Rullano", "Roller Blind", "bespoke", 16900},
	{"SP-7203", "Speculo", "Cut Mirror", "bespoke", 24900},
	{"TA-7304", "Tapirella", "Cut Carpet", "bespoke", 31900},
}

// portalWords is how the old portal, which has 24 columns for a name, abbreviates.
var portalWords = strings.NewReplacer("MACHINE", "MACH.", "PROCESSOR", "PROC.", "COFFEE", "COFF.", "BLACKOUT", "BLACKO.", "STANDING", "STAND.")

func (g *generator) articles() {
	for _, a := range assortment {
		shop := a.model + " " + a.kind
		g.w.Articles = append(g.w.Articles, Article{
			SKU: a.sku, Model: a.model, Kind: a.kind, Category: a.category, Price: a.price,
			ShopName:         shop,
			InvoiceName:      fmt.Sprintf("%s %s, %s", a.kind, a.model, a.sku),
			PortalName:       portalWords.Replace(strings.ToUpper(shop)),
			WarehouseName:    strings.ReplaceAll(a.model, " ", "-") + " " + strings.ToLower(a.kind),
			ShopProductID:    g.shopProduct(),
			InvoiceProductID: g.token("prod_", 14),
			InvoicePriceID:   g.token("price_1", 23),
		})
	}
}

var depots = []Depot{
	{ID: "HAM", Name: "Hamburg", Country: "DE", ShipsTo: []string{"AT", "CZ", "DE", "DK", "FR", "PL"}},
	{ID: "VEN", Name: "Venlo", Country: "NL", ShipsTo: []string{"BE", "DE", "ES", "FR", "GR", "IT", "LU", "NL", "PT"}},
	{ID: "LEI", Name: "Leicester", Country: "GB", ShipsTo: []string{"GB", "IE"}},
}

// stockClass says how well the company can deliver an article; it is the same in every depot that holds it.
type stockClass int

const (
	stockPlenty stockClass = iota
	stockSoon              // nothing free, a delivery within 30 days
	stockLate              // nothing free, a delivery after more than 30 days
	stockNever             // nothing free, no delivery
)

// stock gives every article a class and fills the depots. Of the replaceable articles under the approval limit, three
// each are out of stock in each way.
func (g *generator) stock() {
	g.w.Depots = depots
	g.class = map[string]stockClass{}
	var candidates []string
	for _, a := range g.w.Articles {
		if remedies[a.Category] == remedyReplace && a.Price <= 20000 && a.Category != "accessories" {
			candidates = append(candidates, a.SKU)
		}
	}
	g.r.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
	for i, class := range []stockClass{stockSoon, stockLate, stockNever} {
		for _, sku := range candidates[3*i : 3*i+3] {
			g.class[sku] = class
		}
	}
	for _, a := range g.w.Articles {
		for _, d := range depots {
			g.w.Stock = append(g.w.Stock, g.stockRow(a.SKU, d.ID))
		}
	}
}

func (g *generator) stockRow(sku, depot string) Stock {
	s := Stock{SKU: sku, Depot: depot}
	held := g.r.IntN(9)
	switch g.class[sku] {
	case stockPlenty:
		s.Reserved = held
		s.OnHand = held + 12 + g.r.IntN(60)
		return s
	case stockSoon:
		s.RestockOn = g.day(-6 - g.r.IntN(18))
	case stockLate:
		s.RestockOn = g.day(-50 - g.r.IntN(60))
	}
	s.OnHand, s.Reserved = held, held // goods that lie there for somebody else help nobody
	return s
}
