package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shopOrderOf searches as an adapter must: loosely, and then by the exact number.
func shopOrderOf(t *testing.T, c *Company, number string) map[string]any {
	t.Helper()
	a := c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/orders?search="+number, "")
	require.Equal(t, http.StatusOK, a.status, a.text)
	for _, o := range a.list {
		if at(t, o, "number") == number {
			return o.(map[string]any)
		}
	}
	return nil
}

func TestOrdersByNumber(t *testing.T) {
	t.Parallel()
	c := start(t)
	s := c.storyOf(t, EndGift)
	o := shopOrderOf(t, c, s.bought.order.Number)
	require.NotNil(t, o)
	require.NotEqual(t, s.bought.order.Number, fmt.Sprint(o["id"]))
	require.Equal(t, s.customer.Email(), at(t, o, "billing", "email"))
	require.Equal(t, s.bought.order.ShipTo.Country, at(t, o, "shipping", "country"))
	require.NotEqual(t, at(t, o, "billing", "last_name"), at(t, o, "shipping", "last_name"))
	require.Equal(t, "_is_gift", at(t, o, "meta_data", 0, "key"))
	require.Equal(t, s.bought.order.Lines[0].SKU, at(t, o, "line_items", 0, "sku"))
	again := c.call(t, SystemOrders, "GET", fmt.Sprintf("/wp-json/wc/v3/orders/%.0f", o["id"]), "")
	require.Equal(t, o["number"], again.body["number"])
}

func TestOrdersThatContradictOrAreMissing(t *testing.T) {
	t.Parallel()
	c := start(t)
	s := c.storyOf(t, EndOrderContradicts)
	require.Len(t, shopOrderOf(t, c, s.bought.order.Number)["line_items"], len(s.bought.order.Lines)-1)
	for _, s := range c.World().stories {
		if s.bought != nil && s.bought.order.Missing {
			require.Nil(t, shopOrderOf(t, c, s.bought.order.Number))
		}
	}
}

func TestOrdersRefunded(t *testing.T) {
	t.Parallel()
	c := start(t)
	found := 0
	for _, s := range c.World().stories {
		if s.end != EndExplain || s.verdict.reason != "refunded" {
			continue
		}
		found++
		o := shopOrderOf(t, c, s.bought.order.Number)
		a := c.call(t, SystemOrders, "GET", fmt.Sprintf("/wp-json/wc/v3/orders/%.0f/refunds", o["id"]), "")
		require.Len(t, a.list, 1)
		require.Equal(t, s.bought.order.Lines[0].SKU, at(t, a.list, 0, "line_items", 0, "sku"))
		require.Equal(t, "-"+at(t, a.list, 0, "amount").(string), at(t, o, "refunds", 0, "total"))
		require.True(t, strings.HasPrefix(at(t, a.list, 0, "line_items", 0, "total").(string), "-"))
	}
	require.Positive(t, found)
}

func TestOrdersPages(t *testing.T) {
	t.Parallel()
	c := start(t)
	a := c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/orders?per_page=100&page=2", "")
	require.Len(t, a.list, 100)
	require.Contains(t, a.header.Get("Link"), `rel="next"`)
	require.Contains(t, a.header.Get("Link"), `rel="prev"`)
	require.NotEmpty(t, a.header.Get("X-WP-Total"))
	require.NotEmpty(t, a.header.Get("X-WP-TotalPages"))
	require.Empty(t, c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/orders?page=9999", "").list)
	for _, query := range []string{"per_page=101", "per_page=0", "page=0", "status=gone"} {
		a := c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/orders?"+query, "")
		require.Equal(t, http.StatusBadRequest, a.status, query)
		require.Equal(t, "rest_invalid_param", a.body["code"])
		require.EqualValues(t, 400, at(t, a.body, "data", "status"))
	}
	require.Equal(t, "woocommerce_rest_shop_order_invalid_id", c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/orders/1", "").body["code"])
	require.Equal(t, "rest_no_route", c.call(t, SystemOrders, "GET", "/wp-json/wc/v4/orders", "").body["code"])
}

func TestProducts(t *testing.T) {
	t.Parallel()
	c := start(t)
	require.Len(t, c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/products?per_page=100", "").list, 42)
	a := c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/products?sku=AU-2041", "")
	require.Equal(t, "Aurora 2 Espresso Machine", at(t, a.list, 0, "name"))
	require.Equal(t, "kitchen", at(t, a.list, 0, "categories", 0, "slug"))
	require.Equal(t, "429.00", at(t, a.list, 0, "price"))
	require.Len(t, c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/products?search="+url.QueryEscape("aurora"), "").list, 2)
	require.Equal(t, http.StatusOK, c.call(t, SystemOrders, "GET", fmt.Sprintf("/wp-json/wc/v3/products/%.0f", at(t, a.list, 0, "id")), "").status)
	require.Equal(t, "woocommerce_rest_product_invalid_id", c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/products/x", "").body["code"])
}
