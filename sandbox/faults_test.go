package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (c *Company) order(t *testing.T, system, fault string) {
	t.Helper()
	a := c.call(t, "control", "POST", "/control/"+system+"/fault", fault)
	require.Equal(t, http.StatusOK, a.status, a.text)
}

func TestAnswerLost(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.order(t, SystemSupport, `{"fault":"answer-lost","times":1,"operation":"POST /api/v2/tickets"}`)
	require.Equal(t, http.StatusOK, c.call(t, SystemSupport, "GET", "/api/v2/groups.json", "").status, "another operation")
	_, err := c.try(SystemSupport, "POST", "/api/v2/tickets.json", fmt.Sprintf(newTicket, "case-1"), "Idempotency-Key", "k")
	require.ErrorContains(t, err, "EOF")
	again := c.ticket(t, "case-1", "Idempotency-Key", "k")
	require.Equal(t, "hit", again.header.Get("X-Idempotency-Lookup"), "the work was done, and once")
}

func TestExecutedLate(t *testing.T) {
	t.Parallel()
	c := start(t)
	const late = 10 * time.Second
	c.order(t, SystemSupport, `{"fault":"executed-late","seconds":10,"times":1}`)
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	r, err := http.NewRequestWithContext(ctx, "POST", c.Addresses()[SystemSupport].URL+"/api/v2/tickets.json", strings.NewReader(fmt.Sprintf(newTicket, "case-1")))
	require.NoError(t, err)
	r.SetBasicAuth(SupportLogin.User+"/token", SupportLogin.Token)
	began := time.Now()
	go func() { // the caller gives up when the request has arrived, however long that takes
		for len(c.Status().Systems[SystemSupport].Faults) > 0 && ctx.Err() == nil {
			pause(ctx, 10*time.Millisecond)
		}
		pause(ctx, 2*time.Second)
		giveUp()
	}()
	_, err = http.DefaultClient.Do(r)
	require.ErrorIs(t, err, context.Canceled)
	tickets := func() int {
		n, err := c.Counters(context.Background())
		if err != nil {
			return -1
		}
		return n.Total
	}
	if n := tickets(); time.Since(began) < late {
		require.Zero(t, n, "the caller gave up, nothing is done yet")
	}
	require.Eventually(t, func() bool { return tickets() == 1 }, time.Minute, 10*time.Millisecond)
}

func TestRateLimitedInTheProductsWords(t *testing.T) {
	t.Parallel()
	c := start(t)
	for system, path := range map[string]string{
		SystemCRM: "/crm/v3/objects/contacts", SystemInvoicing: "/v1/customers", SystemOrders: "/wp-json/wc/v3/orders",
		SystemSupport: "/api/v2/groups.json", SystemFulfilment: "/",
	} {
		c.order(t, system, `{"fault":"rate-limited","seconds":7,"times":2}`)
		for range 2 {
			a := c.call(t, system, "GET", path, "")
			require.Equal(t, http.StatusTooManyRequests, a.status, system)
			require.Equal(t, "7", a.header.Get("Retry-After"), system)
		}
		require.NotEqual(t, http.StatusTooManyRequests, c.call(t, system, "GET", path, "").status, system)
	}
}

func TestOwnLimits(t *testing.T) {
	t.Parallel()
	c := start(t)
	require.Equal(t, http.StatusOK, c.call(t, "control", "POST", "/control/invoicing/rate", `{"per_second":0.01}`).status)
	require.Equal(t, http.StatusOK, c.call(t, SystemInvoicing, "GET", "/v1/customers", "").status)
	a := c.call(t, SystemInvoicing, "GET", "/v1/customers", "")
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Equal(t, "rate_limit", at(t, a.body, "error", "code"))
}

func TestSlowAndWrongContent(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.order(t, SystemOrders, `{"fault":"slow","seconds":0.2,"times":1}`)
	begin := time.Now()
	require.Equal(t, http.StatusOK, c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/orders", "").status)
	require.GreaterOrEqual(t, time.Since(begin), 200*time.Millisecond)
	c.order(t, SystemOrders, `{"fault":"wrong-content"}`)
	for range 3 {
		a := c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/orders", "")
		require.Equal(t, http.StatusOK, a.status)
		require.Contains(t, a.header.Get("Content-Type"), "text/html")
	}
	require.Len(t, c.Status().Systems[SystemOrders].Faults, 1)
	require.Equal(t, http.StatusOK, c.call(t, "control", "DELETE", "/control/all/faults", "").status)
	require.Contains(t, c.call(t, SystemOrders, "GET", "/wp-json/wc/v3/orders", "").header.Get("Content-Type"), "json")
}

func TestThePortalHasFaultsOfItsOwn(t *testing.T) {
	t.Parallel()
	c := start(t)
	usual := c.call(t, SystemFulfilment, "GET", "/", "").text
	c.order(t, SystemFulfilment, `{"fault":"maintenance","times":1}`)
	require.NotEqual(t, usual, c.call(t, SystemFulfilment, "GET", "/", "").text)
	require.Equal(t, usual, c.call(t, SystemFulfilment, "GET", "/", "").text)
	require.Equal(t, http.StatusBadRequest, c.call(t, "control", "POST", "/control/crm/fault", `{"fault":"maintenance"}`).status)
}

// A hook is called exactly at its moment: before the work, after it, or once the answer is on its way.
func TestHooks(t *testing.T) {
	t.Parallel()
	c := start(t)
	tickets := make(chan int, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n, err := c.Counters(context.Background())
		if err != nil {
			n.Total = -1
		}
		tickets <- n.Total
	}))
	defer hook.Close()
	for i, test := range []struct {
		on   string
		want int
	}{{"before", 0}, {"after", 2}, {"answered", 3}} {
		c.order(t, SystemSupport, fmt.Sprintf(`{"fault":"hook","on":%q,"url":%q,"times":1}`, test.on, hook.URL))
		c.ticket(t, fmt.Sprint("case-", i))
		require.Equal(t, test.want, <-tickets, test.on)
	}
}

func TestAHookKillsAProcess(t *testing.T) {
	t.Parallel()
	c := start(t)
	victim := exec.Command("sleep", "60")
	require.NoError(t, victim.Start())
	c.order(t, SystemSupport, fmt.Sprintf(`{"fault":"answer-lost","on":"after","pid":%d,"times":1}`, victim.Process.Pid))
	_, err := c.try(SystemSupport, "POST", "/api/v2/tickets.json", fmt.Sprintf(newTicket, "case-1"))
	require.Error(t, err)
	require.ErrorContains(t, victim.Wait(), "killed")
}

func TestFaultsOutliveARestartAndAreChecked(t *testing.T) {
	t.Parallel()
	o := Options{Directory: t.TempDir(), Base: testDay}
	c, err := Start(t.Context(), o)
	require.NoError(t, err)
	c.order(t, SystemCRM, `{"fault":"rate-limited","times":3}`)
	require.Equal(t, http.StatusTooManyRequests, c.call(t, SystemCRM, "GET", "/crm/v3/objects/contacts", "").status)
	require.NoError(t, c.Stop())
	c, err = Start(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 2, c.Status().Systems[SystemCRM].Faults[0].Times)
	for _, wrong := range []string{`{"fault":"tired"}`, `{"fault":"slow"}`, `{"fault":"hook"}`, `{"fault":"hook","on":"then","url":"x"}`, `{"fault":"hook","on":"after"}`, `{"fault":"slow","second":1}`} {
		require.Equal(t, http.StatusBadRequest, c.call(t, "control", "POST", "/control/crm/fault", wrong).status, wrong)
	}
	require.NoError(t, c.Stop())
}

func TestReset(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.ticket(t, "case-1", "Idempotency-Key", "k")
	c.order(t, SystemCRM, `{"fault":"wrong-content"}`)
	require.NoError(t, c.StopSystem(t.Context(), SystemOrders))
	require.Equal(t, http.StatusOK, c.call(t, "control", "POST", "/control/stock", `{"sku":"AU-2041","on_hand":0,"restock_on":"2027-01-01"}`).status)
	require.Equal(t, http.StatusBadRequest, c.call(t, "control", "POST", "/control/stock", `{"sku":"XX-1"}`).status)
	require.Equal(t, http.StatusOK, c.call(t, "control", "POST", "/control/reset", "").status)
	n, err := c.Counters(t.Context())
	require.NoError(t, err)
	require.Zero(t, n.Total)
	require.Empty(t, n.Executed)
	require.True(t, c.Status().Systems[SystemOrders].Up)
	require.Empty(t, c.Status().Systems[SystemCRM].Faults)
}

func TestControlTellsTheTruth(t *testing.T) {
	t.Parallel()
	c := start(t)
	s := c.storyOf(t, EndReplace)
	a := c.call(t, "control", "GET", "/control/world/orders/"+s.bought.order.Number, "")
	require.Equal(t, s.bought.order.Number, at(t, a.body, "order", "Number"))
	require.Len(t, a.body["parcels"], 1)
	require.Len(t, c.call(t, "control", "GET", "/control/world/demo", "").list, 10)
	require.Len(t, c.call(t, "control", "GET", "/control/world/complaints?n=70&seed=4", "").list, 70)
	require.NotEmpty(t, c.call(t, "control", "GET", "/control/world", "").body["Invoices"])
	c.call(t, SystemInvoicing, "GET", "/v1/invoices/in_1x", "")
	a = c.call(t, "control", "GET", "/control/counters", "")
	require.EqualValues(t, 1, at(t, a.body, "requests", SystemInvoicing, "GET /v1/invoices/{}"))
}
