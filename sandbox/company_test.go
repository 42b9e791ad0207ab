package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// start runs a company in a directory of its own, without limits on requests.
func start(t *testing.T, change ...func(*Options)) *Company {
	t.Helper()
	o := Options{Directory: t.TempDir(), Seed: 1, Base: testDay, RequestRates: map[string]float64{}}
	for _, system := range append([]string{rateCRMSearch}, Systems...) {
		o.RequestRates[system] = -1
	}
	for _, f := range change {
		f(&o)
	}
	c, err := Start(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	return c
}

// answer is what a stand-in said.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
	list   []any
}

// call sends a request with the right credentials of a system; headers come in pairs.
func (c *Company) call(t *testing.T, system, method, path, body string, headers ...string) answer {
	t.Helper()
	a, err := c.try(system, method, path, body, headers...)
	require.NoError(t, err)
	return a
}

func (c *Company) try(system, method, path, body string, headers ...string) (answer, error) {
	url := c.ControlURL()
	if system != "control" {
		url = c.Addresses()[system].URL
	}
	r, err := http.NewRequest(method, url+path, bytes.NewBufferString(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	switch system {
	case SystemCRM:
		r.Header.Set("Authorization", "Bearer "+CRMLogin.Token)
	case SystemInvoicing:
		r.Header.Set("Authorization", "Bearer "+InvoicingLogin.Token)
	case SystemOrders:
		r.SetBasicAuth(OrdersLogin.User, OrdersLogin.Password)
	case SystemSupport:
		r.SetBasicAuth(SupportLogin.User+"/token", SupportLogin.Token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	got, err := transport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: got.StatusCode, header: got.Header, text: string(text)}
	if json.Unmarshal(text, &a.body) != nil {
		_ = json.Unmarshal(text, &a.list)
	}
	return a, nil
}

// at follows keys and indexes into an answer.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			require.True(t, ok, "no object at %v of %v", p, path)
			v = m[p]
		case int:
			l, ok := v.([]any)
			require.True(t, ok && p < len(l), "no item %d of %v", p, path)
			v = l[p]
		}
	}
	return v
}

func TestAddressesOutliveARestart(t *testing.T) {
	t.Parallel()
	o := Options{Directory: t.TempDir(), Seed: 5, Base: testDay}
	c, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, c.StopSystem(t.Context(), SystemOrders))
	before := c.Addresses()
	require.NoError(t, c.Stop())

	o.Seed = 6 // a directory keeps its seed
	c, err = Start(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, before, c.Addresses())
	require.Equal(t, uint64(5), c.World().Seed)
	status := c.Status()
	require.False(t, status.Systems[SystemOrders].Up)
	require.True(t, status.Systems[SystemCRM].Up)
	require.NoError(t, c.Stop())
}

func TestADownSystemRefusesConnections(t *testing.T) {
	t.Parallel()
	c := start(t)
	require.Equal(t, http.StatusOK, c.call(t, "control", "POST", "/control/crm/stop", "").status)
	_, err := c.try(SystemCRM, "GET", "/crm/v3/objects/contacts", "")
	require.ErrorContains(t, err, "connection refused")
	require.Equal(t, http.StatusOK, c.call(t, "control", "POST", "/control/crm/start", "").status)
	require.Equal(t, http.StatusOK, c.call(t, SystemCRM, "GET", "/crm/v3/objects/contacts", "").status)
	require.Equal(t, http.StatusBadRequest, c.call(t, "control", "POST", "/control/moon/stop", "").status)
}

func TestWrongCredentialsAreRefusedInTheProductsWords(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, test := range []struct {
		system, path, authorization, key string
	}{
		{SystemCRM, "/crm/v3/objects/contacts", "Bearer no", "category"},
		{SystemInvoicing, "/v1/customers", "Bearer no", "error"},
		{SystemInvoicing, "/v1/customers", "", "error"},
		{SystemOrders, "/wp-json/wc/v3/orders", "Basic bm86bm8=", "code"},
		{SystemOrders, "/wp-json/wc/v3/orders", "", "code"},
		{SystemSupport, "/api/v2/tickets.json", "Basic bm86bm8=", "error"},
	} {
		a := c.call(t, test.system, "GET", test.path, "", "Authorization", test.authorization)
		require.Equal(t, http.StatusUnauthorized, a.status, test.system)
		require.Contains(t, a.body, test.key, test.system)
	}
}
