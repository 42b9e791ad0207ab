package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const shopTime = "2006-01-02T15:04:05" // local time of the shop, which is UTC

// load makes the records of the world, newest first. An order that is missing was never there.
func (s *orders) load() {
	for i, a := range s.world.Articles {
		s.products = append(s.products, shopProduct(a, s.world.since(2000-i)))
	}
	for _, o := range slices.Backward(s.world.Orders) {
		if o.Missing {
			continue
		}
		s.byID[strconv.FormatInt(o.ID, 10)] = len(s.list)
		s.list = append(s.list, s.order(o))
	}
}

var shopCategories = []string{"accessories", "bespoke", "electronics", "furniture", "kitchen", "lighting"}

func shopProduct(a Article, created time.Time) object {
	name := strings.ToUpper(a.Category[:1]) + a.Category[1:]
	stamp := created.Format(shopTime)
	return object{
		"id": a.ShopProductID, "name": a.ShopName, "slug": strings.ToLower(strings.ReplaceAll(a.ShopName, " ", "-")), "type": "simple",
		"status": "publish", "sku": a.SKU, "price": euros(a.Price), "regular_price": euros(a.Price), "sale_price": "", "on_sale": false,
		"purchasable": true, "virtual": false, "downloadable": false, "manage_stock": false, "stock_quantity": nil, "stock_status": "instock",
		"categories": []object{{"id": 20 + slices.Index(shopCategories, a.Category), "name": name, "slug": a.Category}}, "tags": []object{}, "images": []object{},
		"attributes": []object{}, "meta_data": []object{}, "description": "", "short_description": "", "date_created": stamp,
		"date_created_gmt": stamp, "date_modified": stamp, "date_modified_gmt": stamp,
	}
}

func (s *orders) order(o Order) shopOrder {
	c, _ := s.world.Customer(o.Customer)
	company := ""
	if org, ok := s.world.Organisation(c.Organisation); ok {
		company = org.Name
	}
	billing := shopAddress(c.First, c.Last, company, c.Address)
	billing["email"], billing["phone"] = c.Email(), shopPhone(c.Phone)
	first, last := c.First, c.Last
	if o.Gift {
		first, last, _ = strings.Cut(o.Recipient, " ")
	}
	shipping := shopAddress(first, last, "", o.ShipTo)
	shipping["phone"] = ""
	placed := o.PlacedOn.Add(8*time.Hour + time.Duration(o.ID%600)*time.Minute)
	lines, sum := s.lines(o)
	refunds := s.refunds(o, lines, placed.AddDate(0, 0, 20))
	short := []object{}
	for _, r := range refunds {
		short = append(short, object{"id": r["id"], "reason": r["reason"], "total": "-" + r["amount"].(string)})
	}
	meta, note := []object{}, ""
	if o.Gift {
		meta, note = append(meta, object{"id": o.ID*10 + 1, "key": "_is_gift", "value": "yes"}), "This is a gift, please put no invoice into the parcel."
	}
	shown := object{
		"id": o.ID, "parent_id": 0, "number": o.Number, "order_key": fmt.Sprintf("wc_order_%x", o.ID*7919), "created_via": "checkout",
		"version": "10.1.0", "status": string(o.Status), "currency": "EUR", "date_created": placed.Format(shopTime),
		"date_created_gmt": placed.Format(shopTime), "date_modified": placed.Format(shopTime), "date_modified_gmt": placed.Format(shopTime),
		"discount_total": "0.00", "discount_tax": "0.00", "shipping_total": "0.00", "shipping_tax": "0.00", "cart_tax": "0.00",
		"total": euros(sum), "total_tax": "0.00", "prices_include_tax": true, "customer_id": 0, "customer_ip_address": "",
		"customer_user_agent": "", "customer_note": note, "billing": billing, "shipping": shipping, "payment_method": "stripe",
		"payment_method_title": "Card", "transaction_id": "", "date_paid": placed.Format(shopTime), "date_paid_gmt": placed.Format(shopTime),
		"date_completed": nil, "date_completed_gmt": nil, "cart_hash": "", "meta_data": meta, "line_items": lines, "tax_lines": []object{},
		"shipping_lines": []object{}, "fee_lines": []object{}, "coupon_lines": []object{}, "refunds": short, "set_paid": false,
	}
	if o.Status == OrderCompleted {
		done := placed.AddDate(0, 0, 2).Format(shopTime)
		shown["date_completed"], shown["date_completed_gmt"] = done, done
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d %s %s %s %s %s %s %s", o.ID, o.Number, c.Name(), c.Email(), company, o.Recipient, billing["phone"], o.ShipTo.City)
	for _, l := range lines {
		fmt.Fprintf(&text, " %s", l["name"])
	}
	return shopOrder{shown: shown, refunds: refunds, text: strings.ToLower(text.String()), date: placed}
}

// shopPhone is how the number was typed in the shop: "040/3874522".
func shopPhone(number string) string { return strings.Replace(localPhone(number), " ", "/", 1) }

func shopAddress(first, last, company string, a Address) object {
	return object{"first_name": first, "last_name": last, "company": company, "address_1": a.Street, "address_2": "", "city": a.City,
		"state": "", "postcode": a.PostalCode, "country": a.Country}
}

func (s *orders) lines(o Order) (lines []object, sum int64) {
	lines = []object{}
	for _, l := range o.Lines {
		if l.Hidden {
			continue
		}
		a, _ := s.world.Article(l.SKU)
		total := l.Price * int64(l.Quantity)
		sum += total
		lines = append(lines, object{
			"id": l.ID, "name": a.ShopName, "product_id": a.ShopProductID, "variation_id": 0, "quantity": l.Quantity, "tax_class": "",
			"subtotal": euros(total), "subtotal_tax": "0.00", "total": euros(total), "total_tax": "0.00", "taxes": []object{},
			"meta_data": []object{}, "sku": a.SKU, "price": float64(l.Price) / 100, "image": object{"id": "", "src": ""}, "parent_name": nil,
		})
	}
	return lines, sum
}

// refunds of an order: one over everything, or one over the lines that were refunded. Quantities and totals are negative.
func (s *orders) refunds(o Order, lines []object, when time.Time) []object {
	var back []object
	var amount int64
	for _, l := range o.Lines {
		if l.Hidden || !l.Refunded && o.Status != OrderRefunded {
			continue
		}
		total := l.Price * int64(l.Quantity)
		amount += total
		for _, shown := range lines {
			if shown["id"] == l.ID {
				back = append(back, object{
					"id": l.ID + 700000, "name": shown["name"], "product_id": shown["product_id"], "variation_id": 0, "quantity": -l.Quantity,
					"subtotal": euros(-total), "total": euros(-total), "total_tax": "0.00", "sku": shown["sku"], "price": shown["price"],
					"meta_data": []object{{"id": l.ID + 1, "key": "_refunded_item_id", "value": strconv.FormatInt(l.ID, 10)}},
				})
			}
		}
	}
	if back == nil {
		return []object{}
	}
	return []object{{
		"id": o.ID + 500000, "date_created": when.Format(shopTime), "date_created_gmt": when.Format(shopTime), "amount": euros(amount),
		"reason": "Returned by the customer", "refunded_by": 1, "refunded_payment": true, "meta_data": []object{}, "line_items": back,
		"shipping_lines": []object{}, "tax_lines": []object{}, "fee_lines": []object{},
	}}
}
