package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCRMSearch(t *testing.T) {
	t.Parallel()
	c := start(t)
	w := c.World()
	person := w.stories[5].customer // several addresses
	search := func(body string) answer {
		return c.call(t, SystemCRM, "POST", "/crm/v3/objects/contacts/search", body)
	}
	for name, filter := range map[string]string{
		"e-mail, any case": fmt.Sprintf(`{"propertyName":"email","operator":"EQ","value":%q}`, strings.ToUpper(person.Email())),
		"further address":  fmt.Sprintf(`{"propertyName":"hs_additional_emails","operator":"CONTAINS_TOKEN","value":%q}`, person.Emails[1]),
		"phone":            fmt.Sprintf(`{"propertyName":"hs_searchable_calculated_phone_number","operator":"CONTAINS_TOKEN","value":"*%s"}`, person.Phone[len(person.Phone)-7:]),
		"handle":           fmt.Sprintf(`{"propertyName":"twitterhandle","operator":"EQ","value":%q}`, person.Handle),
	} {
		a := search(`{"filterGroups":[{"filters":[` + filter + `]}],"properties":["firstname","customer_tier","no_such"],"limit":2}`)
		require.Equal(t, http.StatusOK, a.status, a.text)
		require.EqualValues(t, 1, a.body["total"], name)
		require.Equal(t, person.ContactID, at(t, a.body, "results", 0, "id"))
		properties := at(t, a.body, "results", 0, "properties").(map[string]any)
		require.Equal(t, person.First, properties["firstname"])
		require.NotContains(t, properties, "no_such")
		require.NotContains(t, properties, "email")
	}
}

func TestCRMSearchPages(t *testing.T) {
	t.Parallel()
	c := start(t)
	seen, after := map[string]bool{}, ""
	for range 10 {
		body := `{"filterGroups":[],"limit":100}`
		if after != "" {
			body = fmt.Sprintf(`{"filterGroups":[],"limit":100,"after":%q}`, after)
		}
		a := c.call(t, SystemCRM, "POST", "/crm/v3/objects/contacts/search", body)
		for _, x := range a.body["results"].([]any) {
			seen[at(t, x, "id").(string)] = true
		}
		if a.body["paging"] == nil {
			require.Len(t, seen, int(a.body["total"].(float64)))
			require.Greater(t, len(seen), 300)
			return
		}
		after = at(t, a.body, "paging", "next", "after").(string)
	}
	require.Fail(t, "the pages do not end")
}

func TestCRMRefuses(t *testing.T) {
	t.Parallel()
	c := start(t)
	for name, body := range map[string]string{
		"unknown field":    `{"filterGroups":[],"limits":5}`,
		"unknown property": `{"filterGroups":[{"filters":[{"propertyName":"mail","operator":"EQ","value":"x"}]}]}`,
		"unknown operator": `{"filterGroups":[{"filters":[{"propertyName":"email","operator":"IS","value":"x"}]}]}`,
		"limit":            `{"limit":201}`,
		"cursor":           `{"after":"x"}`,
		"no JSON":          `limit=5`,
		"no value":         `{"filterGroups":[{"filters":[{"propertyName":"email","operator":"EQ"}]}]}`,
		"too many groups":  `{"filterGroups":[{},{},{},{},{},{}]}`,
	} {
		a := c.call(t, SystemCRM, "POST", "/crm/v3/objects/contacts/search", body)
		require.Equal(t, http.StatusBadRequest, a.status, name)
		require.Equal(t, "VALIDATION_ERROR", a.body["category"], name)
		require.Contains(t, a.body, "correlationId")
	}
	require.Equal(t, "OBJECT_NOT_FOUND", c.call(t, SystemCRM, "GET", "/crm/v3/objects/contacts/1", "").body["category"])
}

func TestCRMContactOfACompany(t *testing.T) {
	t.Parallel()
	c := start(t)
	person := c.World().stories[2].customer
	company, ok := c.World().Organisation(person.Organisation)
	require.True(t, ok)
	a := c.call(t, SystemCRM, "GET", "/crm/v3/objects/contacts/"+person.Email()+"?idProperty=email&associations=companies&properties=company", "")
	require.Equal(t, person.ContactID, a.body["id"])
	require.Equal(t, company.CompanyID, at(t, a.body, "associations", "companies", "results", 0, "id"))
	require.Equal(t, company.Name, at(t, a.body, "properties", "company"))
	for _, got := range []any{
		at(t, c.call(t, SystemCRM, "GET", "/crm/v3/objects/contacts/"+person.ContactID+"/associations/companies", "").body, "results", 0, "id"),
		fmt.Sprintf("%.0f", at(t, c.call(t, SystemCRM, "GET", "/crm/v4/objects/contacts/"+person.ContactID+"/associations/companies", "").body, "results", 0, "toObjectId")),
		at(t, c.call(t, SystemCRM, "POST", "/crm/v3/associations/contacts/companies/batch/read", `{"inputs":[{"id":"`+person.ContactID+`"}]}`).body, "results", 0, "to", 0, "id"),
	} {
		require.Equal(t, company.CompanyID, got)
	}
	a = c.call(t, SystemCRM, "GET", "/crm/v3/objects/companies/"+company.CompanyID+"?properties=name,domain,invoice_email", "")
	require.Equal(t, company.Email, at(t, a.body, "properties", "invoice_email"))
}

func TestCRMSearchesAreLimited(t *testing.T) {
	t.Parallel()
	c := start(t, func(o *Options) { o.RequestRates[rateCRMSearch] = 1 })
	search := func() answer { return c.call(t, SystemCRM, "POST", "/crm/v3/objects/contacts/search", `{"limit":1}`) }
	require.Equal(t, http.StatusOK, search().status)
	a := search()
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Equal(t, "SECONDLY", a.body["policyName"])
}
