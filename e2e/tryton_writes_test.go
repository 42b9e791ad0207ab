package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/trytonrt"
	"crosswalk/rules"
)

// boundless is shared state without any limits.
type boundless struct{}

func (boundless) Pause(context.Context, string, time.Time) error { return nil }

func (boundless) Take(context.Context, string, []adapters.Limit, time.Duration) (time.Duration, error) {
	return 0, nil
}

func (boundless) Enter(context.Context, string, adapters.Limit, time.Duration) (func(), error) {
	return func() {}, nil
}

func (boundless) Held(context.Context, string) adapters.Hold { return adapters.Hold{} }

func (boundless) ChangeHold(context.Context, string, func(adapters.Hold) adapters.Hold) error {
	return nil
}

// lost marks a request whose answer is to be lost.
type lost struct{}

// losing stands between an adapter and a server. It carries out what comes, and loses the answer to the next request
// whose address and body together hold the words that it was told.
func losing(t *testing.T, server string) (address string, words *atomic.Value) {
	target, err := url.Parse(server)
	require.NoError(t, err)
	words = &atomic.Value{}
	words.Store("")
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{DisableKeepAlives: true},
		ModifyResponse: func(answer *http.Response) error {
			if answer.Request.Context().Value(lost{}) == true {
				return errors.New("the answer is lost")
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	through := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		wanted := words.Load().(string)
		loses := wanted != "" && strings.Contains(r.URL.Path+" "+string(body), wanted) && words.CompareAndSwap(wanted, "")
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), lost{}, loses)))
	}))
	t.Cleanup(through.Close)
	return through.Listener.Addr().String(), words
}

// called calls an operation; firstSent is when its key may have left before.
func called(t *testing.T, connection *adapters.Connection, operation, key, input string, firstSent time.Time) (rules.Value, error) {
	t.Helper()
	plain, err := rules.FromJSON([]byte(input))
	require.NoError(t, err)
	decoded, err := connection.Adapter().Operation(connection.Adapter().FullName(operation)).Input.Decode(plain)
	require.NoError(t, err)
	return connection.Call(t.Context(), adapters.Call{Operation: connection.Adapter().FullName(operation), Key: key, Input: decoded, FirstSent: firstSent})
}

// twice makes a write whose answer is lost, makes it again, and returns what that says. What finds it finds one.
func twice(t *testing.T, connection *adapters.Connection, words *atomic.Value, lose, operation, key, find, input string) rules.Value {
	t.Helper()
	words.Store(lose)
	_, err := called(t, connection, operation, key, input, time.Time{})
	var failure *contracts.Error
	require.ErrorAs(t, err, &failure, "%s, whose answer was lost", operation)
	require.False(t, failure.NothingSent, "%s: %v", operation, err)
	require.Empty(t, words.Load(), "%s did not send %q: %v", operation, lose, err)
	again, err := called(t, connection, operation, key, input, time.Now().Add(-time.Hour))
	require.NoError(t, err, "%s, again", operation)
	if find != "" {
		found, err := called(t, connection, find, "", `{"key": "`+key+`"}`, time.Time{})
		require.NoError(t, err, "%s", find)
		require.Equal(t, again.Get("id"), found.Get("id"), "%s", find)
	}
	return again
}

// writtenOnce makes writes whose answers are lost, and makes them again as one does who does not know what became of them:
// the adapters find what the first try made, and the servers hold it once.
func writtenOnce(t *testing.T, servers *trytonrt.Servers) {
	tryton, database, _ := strings.Cut(strings.TrimPrefix(servers.Tryton, "http://"), "/")
	books, fromTryton := losing(t, "http://"+tryton)
	desk, fromTracker := losing(t, servers.Tracker)
	connect := func(name, host string, settings map[string]rules.Value, secrets map[string]contracts.Secret) *adapters.Connection {
		connection, err := adapters.Catalog()[name].Connect(adapters.Config{System: name, Settings: rules.Record(settings), Secrets: secrets, AllowHosts: []string{host}, Shared: boundless{}})
		require.NoError(t, err)
		t.Cleanup(connection.Close)
		return connection
	}
	erp := connect("tryton", books, map[string]rules.Value{"url": rules.Text("http://" + books + "/" + database), "user": rules.Text("crosswalk")},
		map[string]contracts.Secret{"password": contracts.NewSecret(servers.TrytonPassword)})
	support := connect("request-tracker", desk, map[string]rules.Value{"url": rules.Text("http://" + desk)},
		map[string]contracts.Secret{"token": contracts.NewSecret(servers.Token)})
	from := newID()
	key, _, _ := strings.Cut(from, "@")
	twice(t, support, fromTracker, "/REST/2.0/ticket {", "support.create_task", key+"1", "support.find_task",
		`{"queue": "complaints", "title": "Kettle", "text": "It leaks.", "requester_email": "`+from+`", "reference": "CW-1"}`)
	tickets, err := servers.Tickets(t.Context(), from)
	require.NoError(t, err)
	require.Len(t, tickets, 1)
	twice(t, support, fromTracker, "/correspond {", "support.reply", key+"2", "", `{"task": "`+tickets[0]+`", "text": "A new one is on its way.", "status": "solved"}`)
	words, err := servers.Words(t.Context(), tickets[0])
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(words, "<pre style=\"white-space: pre-wrap; font-family: monospace;\">A new one is on its way.</pre>"), "mails to the customer in %s", words)

	customer, err := called(t, erp, "receivables.find_customer", "", `{"email": "paula@example.com"}`, time.Time{})
	require.NoError(t, err)
	order := twice(t, erp, fromTryton, "sale.sale.create", "orders.create_order", key+"3", "orders.find_created_order", `{"email": "jane@example.com", "lines": [{"sku": "TE-01", "quantity": 2}]}`)
	require.Equal(t, "95.2", order.Get("total").String(), "two at 40.00 with 19 %% tax")
	twice(t, erp, fromTryton, "shipment.out.create", "fulfilment.create_shipment", key+"4", "fulfilment.find_created_shipment",
		`{"order_number": "10430", "ship_to": {"name": "Jane Doe", "country": "DE"}, "articles": [{"article": "KE-17", "quantity": 1}]}`)
	debts, err := called(t, erp, "receivables.list_open_items", "", `{"customer": "`+customer.Get("id").Text()+`"}`, time.Time{})
	require.NoError(t, err)
	debt := debts.Get("items").At(0).Get("id").Text()
	twice(t, erp, fromTryton, "invoice.pay.execute", "receivables.record_payment", key+"5", "receivables.find_payment", `{"item": "`+debt+`", "amount": 30, "currency": "EUR", "paid_on": "`+time.Now().Format(time.DateOnly)+`"}`)
}
