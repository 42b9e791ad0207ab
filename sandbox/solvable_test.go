package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever knows only what the message says and what the systems answer can come to the records that the truth names.
func TestComplaintsLeadToTheirRecordsOverTheWire(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, complaint := range c.World().Complaints(120, 3) {
		want := complaint.Truth
		if slices.Contains([]End{EndAmbiguousCustomer, EndSharedAddress}, want.End) {
			require.Greater(t, len(c.contacts(t, complaint.From))+len(c.payers(t, complaint.From.Email)), 1, complaint.From)
			continue
		}
		if want.End == EndUnknownCustomer {
			require.Empty(t, c.contacts(t, complaint.From))
			require.Empty(t, c.users(t, complaint.From))
			continue
		}
		emails := c.knownEmails(t, complaint.From, want)
		payers := map[string]bool{}
		for _, email := range emails {
			for _, id := range c.payers(t, email) {
				payers[id] = true
			}
		}
		require.Equal(t, map[string]bool{want.PayerID: true}, payers, complaint.From)
		if want.Invoice != "" {
			c.requireInvoice(t, want)
		}
	}
}

// contacts finds people in the CRM by what the channel tells, the surest key first.
func (c *Company) contacts(t *testing.T, from Sender) []any {
	t.Helper()
	filters := []string{}
	add := func(property, operator, value string) {
		b, err := json.Marshal([]object{{"propertyName": property, "operator": operator, "value": value}})
		require.NoError(t, err)
		filters = append(filters, `{"filters":`+string(b)+`}`)
	}
	switch {
	case from.Email != "":
		add("email", "EQ", from.Email)
		add("hs_additional_emails", "CONTAINS_TOKEN", from.Email)
		add("work_email", "EQ", from.Email)
	case from.Phone != "":
		digits := digitsOf(from.Phone)
		add("hs_searchable_calculated_phone_number", "CONTAINS_TOKEN", "*"+digits[len(digits)-7:])
	case from.Handle != "":
		add("twitterhandle", "EQ", from.Handle)
	}
	var found []any
	if len(filters) > 0 {
		found = c.contactSearch(t, `{"filterGroups":[`+strings.Join(filters, ",")+`]}`)
	}
	if len(found) == 0 && from.Email == "" {
		query, err := json.Marshal(from.Name)
		require.NoError(t, err)
		found = c.contactSearch(t, `{"query":`+string(query)+`}`)
	}
	return found
}

func (c *Company) contactSearch(t *testing.T, body string) []any {
	t.Helper()
	body = strings.TrimSuffix(body, "}") + `,"properties":["email","hs_additional_emails","work_email"]}`
	a := c.call(t, SystemCRM, "POST", "/crm/v3/objects/contacts/search", body)
	require.Equal(t, http.StatusOK, a.status, a.text)
	return a.body["results"].([]any)
}

func (c *Company) users(t *testing.T, from Sender) []any {
	t.Helper()
	query := "email:" + from.Email
	if from.Email == "" {
		query = `"` + from.Name + `"`
	}
	return c.call(t, SystemSupport, "GET", "/api/v2/users/search.json?query="+url.QueryEscape(query), "").body["users"].([]any)
}

func (c *Company) payers(t *testing.T, email string) []string {
	t.Helper()
	if email == "" {
		return nil
	}
	ids := []string{}
	query := url.QueryEscape(fmt.Sprintf("email:%q", email))
	for _, x := range c.call(t, SystemInvoicing, "GET", "/v1/customers/search?query="+query, "").body["data"].([]any) {
		ids = append(ids, at(t, x, "id").(string))
	}
	return ids
}

// knownEmails are the addresses of the customer, found in the CRM, with those of his company, or in the support system.
func (c *Company) knownEmails(t *testing.T, from Sender, want Truth) []string {
	t.Helper()
	if want.ContactID == "" {
		users := c.users(t, from)
		require.Len(t, users, 1)
		require.EqualValues(t, want.UserID, at(t, users, 0, "id"))
		return []string{at(t, users, 0, "email").(string)}
	}
	found := c.contacts(t, from)
	require.Len(t, found, 1, from)
	require.Equal(t, want.ContactID, at(t, found, 0, "id"))
	emails := []string{at(t, found, 0, "properties", "email").(string)}
	if more, ok := at(t, found, 0, "properties", "hs_additional_emails").(string); ok {
		emails = append(emails, strings.Split(more, ";")...)
	}
	a := c.call(t, SystemCRM, "GET", "/crm/v3/objects/contacts/"+want.ContactID+"/associations/companies", "")
	for _, x := range a.body["results"].([]any) {
		company := c.call(t, SystemCRM, "GET", "/crm/v3/objects/companies/"+at(t, x, "id").(string)+"?properties=invoice_email", "")
		emails = append(emails, at(t, company.body, "properties", "invoice_email").(string))
	}
	return emails
}

// requireInvoice: the payer has that invoice, its line names the article, and its order number leads to the shop.
func (c *Company) requireInvoice(t *testing.T, want Truth) {
	t.Helper()
	a := c.call(t, SystemInvoicing, "GET", "/v1/invoices?limit=100&customer="+want.PayerID, "")
	for _, v := range a.body["data"].([]any) {
		if at(t, v, "number") != want.Invoice {
			continue
		}
		lines := c.call(t, SystemInvoicing, "GET", "/v1/invoices/"+at(t, v, "id").(string)+"/lines?limit=100", "")
		require.Contains(t, lines.text, want.SKU)
		if want.End != EndOrderMissing {
			require.Equal(t, "WEB-"+want.Order, at(t, v, "custom_fields", 0, "value"))
			require.NotNil(t, shopOrderOf(t, c, want.Order), want.Order)
		}
		return
	}
	require.Fail(t, "no invoice "+want.Invoice)
}
