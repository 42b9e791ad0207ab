package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// firstMadeOrder is where the ids of orders begin that a caller made.
const firstMadeOrder = 900000

// orderIn is what a caller may say of an order. The shop itself is silent about fields that it does not know; here they
// are refused, because they are always a mistake.
type orderIn struct {
	Status       *string    `json:"status"`
	CustomerNote *string    `json:"customer_note"`
	Billing      *addressIn `json:"billing"`
	Shipping     *addressIn `json:"shipping"`
	LineItems    []lineIn   `json:"line_items"`
	MetaData     []metaIn   `json:"meta_data"`
	SetPaid      *bool      `json:"set_paid"`
	Payment      *string    `json:"payment_method"`
	PaymentTitle *string    `json:"payment_method_title"`
}

type addressIn struct {
	First    string `json:"first_name"`
	Last     string `json:"last_name"`
	Company  string `json:"company"`
	Street   string `json:"address_1"`
	City     string `json:"city"`
	Postcode string `json:"postcode"`
	Country  string `json:"country"`
	Email    string `json:"email,omitempty"`
	Phone    string `json:"phone,omitempty"`
}

type lineIn struct {
	ProductID int64 `json:"product_id"`
	Quantity  int   `json:"quantity"`
}

type metaIn struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

func readOrder(w http.ResponseWriter, r *http.Request) (orderIn, bool) {
	var in orderIn
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		shopInvalid(w, "body", "the body must be application/json")
		return in, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		err = d.Decode(&in)
	}
	if err != nil {
		shopInvalid(w, "body", err.Error())
		return in, false
	}
	if in.Status != nil && (!slices.Contains(shopStatuses, *in.Status) || *in.Status == "any") {
		shopInvalid(w, "status", "status is not one of "+strings.Join(shopStatuses[3:], ", ")+".")
		return in, false
	}
	return in, true
}

// createOrder makes an order; sent twice, it makes two, as the shop does. The work is done even if the caller has gone.
func (s *orders) createOrder(w http.ResponseWriter, r *http.Request) {
	in, ok := readOrder(w, r)
	if !ok {
		return
	}
	o, problem := s.made(in)
	if problem != "" {
		shopInvalid(w, "line_items", problem)
		return
	}
	ctx := context.WithoutCancel(r.Context())
	err := s.state.write.within(ctx, func(tx *statements) error {
		result, err := tx.exec(ctx, `INSERT INTO shop_orders (shown) VALUES ('')`)
		if err != nil {
			return err
		}
		row, err := result.LastInsertId()
		if err != nil {
			return err
		}
		id := firstMadeOrder + row
		o.shown["id"], o.shown["number"], o.shown["order_key"] = id, strconv.FormatInt(id, 10), fmt.Sprintf("wc_order_%x", id*7919)
		return putOrder(ctx, tx, o)
	})
	if err != nil {
		shopError(w, http.StatusInternalServerError, "internal_error", err.Error())
		return
	}
	o.text = strings.ToLower(fmt.Sprint(o.shown["number"], " ", o.text))
	s.list = slices.Insert(s.list, 0, o)
	s.index()
	w.Header().Set("Location", fmt.Sprintf("http://%s/wp-json/wc/v3/orders/%d", r.Host, o.shown["id"]))
	reply(w, http.StatusCreated, o.shown)
}

// updateOrder changes what the caller names.
func (s *orders) updateOrder(w http.ResponseWriter, r *http.Request) {
	o, found := s.find(w, r)
	if !found {
		return
	}
	in, ok := readOrder(w, r)
	if !ok {
		return
	}
	if in.LineItems != nil || in.Billing != nil || in.Shipping != nil {
		shopInvalid(w, "line_items", "lines and addresses of a placed order are not changed here")
		return
	}
	o.shown = maps.Clone(o.shown)
	now := time.Now().UTC().Format(shopTime)
	if in.Status != nil {
		o.shown["status"] = *in.Status
		if *in.Status == "completed" {
			o.shown["date_completed"], o.shown["date_completed_gmt"] = now, now
		}
	}
	if in.CustomerNote != nil {
		o.shown["customer_note"] = *in.CustomerNote
	}
	if in.MetaData != nil {
		o.shown["meta_data"] = mergeMeta(o.shown["meta_data"], in.MetaData)
	}
	o.shown["date_modified"], o.shown["date_modified_gmt"] = now, now
	ctx := context.WithoutCancel(r.Context())
	err := s.state.write.within(ctx, func(tx *statements) error { return putOrder(ctx, tx, o) })
	if err != nil {
		shopError(w, http.StatusInternalServerError, "internal_error", err.Error())
		return
	}
	s.list[s.byID[r.PathValue("id")]] = o
	s.texts.forget("order", o.shown["id"])
	reply(w, http.StatusOK, o.shown)
}

// mergeMeta sets the values of keys; a key that is new is added.
func mergeMeta(old any, changes []metaIn) []object {
	var all []object
	raw, _ := json.Marshal(old) // it came from JSON or is a list of objects
	_ = json.Unmarshal(raw, &all)
	for _, change := range changes {
		at := slices.IndexFunc(all, func(o object) bool { return o["key"] == change.Key })
		if at < 0 {
			all = append(all, object{"id": len(all) + 1, "key": change.Key, "value": change.Value})
		} else {
			all[at]["value"] = change.Value
		}
	}
	return all
}

// made builds an order from what the caller says.
func (s *orders) made(in orderIn) (shopOrder, string) {
	if len(in.LineItems) == 0 {
		return shopOrder{}, "an order needs lines"
	}
	now := time.Now().UTC()
	status, billing, shipping := "pending", addressIn{}, addressIn{}
	if in.Status != nil {
		status = *in.Status
	}
	if in.Billing != nil {
		billing = *in.Billing
	}
	if in.Shipping != nil {
		shipping = *in.Shipping
	}
	lines, text, sum := []object{}, billing.First+" "+billing.Last+" "+billing.Email, int64(0)
	for i, l := range in.LineItems {
		at := slices.IndexFunc(s.world.Articles, func(a Article) bool { return a.ShopProductID == l.ProductID })
		if at < 0 || l.Quantity < 1 {
			return shopOrder{}, fmt.Sprintf("line_items[%d]: Product ID or SKU is required.", i)
		}
		a := s.world.Articles[at]
		total := a.Price * int64(l.Quantity)
		sum += total
		lines = append(lines, object{
			"id": now.UnixMilli()%1e9*10 + int64(i), "name": a.ShopName, "product_id": a.ShopProductID, "variation_id": 0, "quantity": l.Quantity, "tax_class": "",
			"subtotal": euros(total), "subtotal_tax": "0.00", "total": euros(total), "total_tax": "0.00", "taxes": []object{},
			"meta_data": []object{}, "sku": a.SKU, "price": float64(a.Price) / 100, "image": object{"id": "", "src": ""}, "parent_name": nil,
		})
		text += " " + a.ShopName
	}
	note := ""
	if in.CustomerNote != nil {
		note = *in.CustomerNote
	}
	stamp := now.Format(shopTime)
	bill := shopAddress(billing.First, billing.Last, billing.Company, Address{Street: billing.Street, City: billing.City, PostalCode: billing.Postcode, Country: billing.Country})
	bill["email"], bill["phone"] = billing.Email, billing.Phone
	ship := shopAddress(shipping.First, shipping.Last, shipping.Company, Address{Street: shipping.Street, City: shipping.City, PostalCode: shipping.Postcode, Country: shipping.Country})
	ship["phone"] = shipping.Phone
	shown := object{
		"parent_id": 0, "created_via": "rest-api", "version": "10.1.0", "status": status, "currency": "EUR", "date_created": stamp,
		"date_created_gmt": stamp, "date_modified": stamp, "date_modified_gmt": stamp, "discount_total": "0.00", "discount_tax": "0.00",
		"shipping_total": "0.00", "shipping_tax": "0.00", "cart_tax": "0.00", "total": euros(sum), "total_tax": "0.00", "prices_include_tax": true,
		"customer_id": 0, "customer_ip_address": "", "customer_user_agent": "", "customer_note": note, "billing": bill, "shipping": ship,
		"payment_method": "", "payment_method_title": "", "transaction_id": "", "date_paid": nil, "date_paid_gmt": nil, "date_completed": nil,
		"date_completed_gmt": nil, "cart_hash": "", "meta_data": mergeMeta([]object{}, in.MetaData), "line_items": lines, "tax_lines": []object{},
		"shipping_lines": []object{}, "fee_lines": []object{}, "coupon_lines": []object{}, "refunds": []object{}, "set_paid": false,
	}
	return shopOrder{shown: shown, refunds: []object{}, text: text, date: now}, ""
}

// putOrder keeps an order as it is shown now: one that a caller made, or a change of one of the world's.
func putOrder(ctx context.Context, tx *statements, o shopOrder) error {
	text, err := json.Marshal(object{"shown": o.shown, "text": o.text, "date": o.date})
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(fmt.Sprint(o.shown["id"]), 10, 64)
	if err != nil {
		return err
	}
	if id > firstMadeOrder {
		_, err = tx.exec(ctx, `UPDATE shop_orders SET shown = ? WHERE id = ?`, string(text), id-firstMadeOrder)
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO shop_changes VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET shown = excluded.shown`, id, string(text))
	return err
}

// loadMade puts the orders that callers made or changed into the list.
func (s *orders) loadMade(ctx context.Context) error {
	rows, err := s.state.read.query(ctx, `SELECT shown FROM shop_changes UNION ALL SELECT shown FROM (SELECT shown FROM shop_orders ORDER BY id)`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		var kept struct {
			Shown object
			Text  string
			Date  time.Time
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&kept); err != nil {
			return err
		}
		o := shopOrder{shown: kept.Shown, text: kept.Text, date: kept.Date, refunds: []object{}}
		if at, ok := s.byID[fmt.Sprint(kept.Shown["id"])]; ok {
			o.refunds = s.list[at].refunds
			s.list[at] = o
		} else {
			o.text = strings.ToLower(fmt.Sprint(kept.Shown["number"], " ", o.text))
			s.list = slices.Insert(s.list, 0, o)
		}
	}
	s.index()
	return rows.Err()
}

func (s *orders) index() {
	for at, o := range s.list {
		s.byID[fmt.Sprint(o.shown["id"])] = at
	}
}
