package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInvoicingPages(t *testing.T) {
	t.Parallel()
	c := start(t)
	person := c.World().stories[1].customer // many invoices
	want := 0
	for _, v := range c.World().Invoices {
		if v.Payer == person.StripeID {
			want++
		}
	}
	require.Greater(t, want, 20)
	seen, after := map[string]bool{}, ""
	last := 0.0
	for range 10 {
		a := c.call(t, SystemInvoicing, "GET", "/v1/invoices?customer="+person.StripeID+after, "")
		require.Equal(t, http.StatusOK, a.status, a.text)
		data := a.body["data"].([]any)
		for i, v := range data {
			seen[at(t, v, "id").(string)] = true
			if i > 0 {
				require.LessOrEqual(t, at(t, v, "created").(float64), last, "newest first")
			}
			last = at(t, v, "created").(float64)
		}
		if a.body["has_more"] == false {
			require.Len(t, seen, want)
			return
		}
		require.Len(t, data, 10)
		after = "&starting_after=" + at(t, data[9], "id").(string)
	}
	require.Fail(t, "the pages do not end")
}

func TestInvoicingFindsCustomers(t *testing.T) {
	t.Parallel()
	c := start(t)
	person := c.World().stories[1].customer
	find := func(path, query string) []any {
		a := c.call(t, SystemInvoicing, "GET", path+query, "")
		require.Equal(t, http.StatusOK, a.status, a.text)
		return a.body["data"].([]any)
	}
	require.Len(t, find("/v1/customers?email=", url.QueryEscape(person.BilledEmail)), 1)
	require.Empty(t, find("/v1/customers?email=", url.QueryEscape(strings.ToUpper(person.BilledEmail))), "the list compares letter by letter")
	for _, query := range []string{
		"email:'" + strings.ToUpper(person.BilledEmail) + "'",
		`name:"` + person.Name() + `" AND email~"` + person.BilledEmail[:5] + `"`,
		`email:"nobody@nowhere.example" OR phone:'` + localPhone(person.Phone) + `'`,
	} {
		found := find("/v1/customers/search?query=", url.QueryEscape(query))
		require.Len(t, found, 1, query)
		require.Equal(t, person.StripeID, at(t, found, 0, "id"))
	}
	shared := c.storyOf(t, EndSharedAddress)
	require.Len(t, find("/v1/customers?email=", url.QueryEscape(shared.customer.Email())), 2)
}

// storyOf is the first story of an end.
func (c *Company) storyOf(t *testing.T, end End) story {
	t.Helper()
	return c.World().nth(end, 0)
}

func TestInvoicingLongInvoices(t *testing.T) {
	t.Parallel()
	c := start(t)
	s := c.World().stories[2]
	id := s.invoice().ID
	for _, v := range c.World().Invoices {
		if v.OrderNumber == s.bought.order.Number {
			id = v.ID
		}
	}
	a := c.call(t, SystemInvoicing, "GET", "/v1/invoices/"+id, "")
	require.Equal(t, true, at(t, a.body, "lines", "has_more"))
	require.Len(t, at(t, a.body, "lines", "data"), 10)
	require.Equal(t, "WEB-"+s.bought.order.Number, at(t, a.body, "custom_fields", 0, "value"))
	last := at(t, a.body, "lines", "data", 9, "id").(string)
	a = c.call(t, SystemInvoicing, "GET", "/v1/invoices/"+id+"/lines?starting_after="+last, "")
	require.Len(t, a.body["data"], 4)
	product := at(t, a.body, "data", 3, "pricing", "price_details", "product").(string)
	about := s.bought.order.Lines[13].SKU
	require.Contains(t, at(t, a.body, "data", 3, "description"), about)
	a = c.call(t, SystemInvoicing, "GET", "/v1/products/"+product, "")
	require.Equal(t, "product", a.body["object"])
	require.NotContains(t, a.text, about, "a product carries no code of another system")
}

func TestInvoicingRefuses(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, test := range []struct {
		path, code, param string
		status            int
	}{
		{"/v1/invoices?custmer=x", "parameter_unknown", "custmer", 400},
		{"/v1/invoices?customer=cus_nobody", "resource_missing", "customer", 400},
		{"/v1/invoices?limit=101", "parameter_invalid_integer", "limit", 400},
		{"/v1/invoices?limit=0", "parameter_invalid_integer", "limit", 400},
		{"/v1/invoices?starting_after=in_x", "resource_missing", "starting_after", 400},
		{"/v1/invoices/in_x", "resource_missing", "id", 404},
		{"/v1/products/in_x", "resource_missing", "id", 404},
	} {
		a := c.call(t, SystemInvoicing, "GET", test.path, "")
		require.Equal(t, test.status, a.status, test.path)
		require.Equal(t, test.code, at(t, a.body, "error", "code"), test.path)
		require.Equal(t, test.param, at(t, a.body, "error", "param"), test.path)
		require.Equal(t, "invalid_request_error", at(t, a.body, "error", "type"))
	}
	for _, query := range []string{"", "mail:'x'", "email:'x' AND name:'y' OR name:'z'", "name~'ab'", "email:'x"} {
		a := c.call(t, SystemInvoicing, "GET", "/v1/customers/search?query="+url.QueryEscape(query), "")
		require.Equal(t, http.StatusBadRequest, a.status, query)
	}
	require.Equal(t, http.StatusBadRequest, c.call(t, SystemInvoicing, "POST", "/v1/customers", `{"email":"x"}`).status, "JSON is not taken")
	require.Equal(t, http.StatusNotFound, c.call(t, SystemInvoicing, "GET", "/v1/nothing", "").status)
}
