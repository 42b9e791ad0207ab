package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/smtp"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/e2e/trytonrt"
)

// office is the workspace of the example on a Tryton and a Request Tracker of its own, with nothing of the sandbox in it.
type office struct {
	*trytonrt.Servers
	t           *testing.T
	environment []string
	mail        string
	data        string
	up          *process
	between     atomic.Value // func(*http.Request): is called before a request reaches Request Tracker
}

func newOffice(t *testing.T) *office {
	t.Helper()
	servers, err := trytonrt.Start(t.Context(), "../examples/tryton-rt/servers/servers")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, servers.Stop()) })
	o := &office{Servers: servers, t: t, mail: freeAddress(t), data: filepath.Join(t.TempDir(), "data")}
	tracker := o.tracker()
	o.environment = []string{
		"TRYTON=" + servers.Tryton, "TRYTON_HOST=" + servers.TrytonHost, "TRYTON_PASSWORD=" + servers.TrytonPassword,
		"RT=http://" + tracker, "RT_HOST=" + tracker, "RT_TOKEN=" + servers.Token, "MAIL_LISTEN=" + o.mail, "DESK_PASSWORD=for-the-test",
	}
	o.start()
	return o
}

// tracker stands between the program and Request Tracker. What has come here is carried out, also if nobody waits for it
// any more: a real server, too, does not notice that.
func (o *office) tracker() (address string) {
	target, err := url.Parse(o.Tracker)
	require.NoError(o.t, err)
	o.between.Store(func(*http.Request) {})
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:    &http.Transport{DisableKeepAlives: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithoutCancel(r.Context()))
		o.between.Load().(func(*http.Request))(r)
		proxy.ServeHTTP(w, r)
	}))
	o.t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func (o *office) start() {
	o.t.Helper()
	o.up = startAs(o.t, binary, o.environment, "desk", "up", "--dir", "../examples/tryton-rt/workspace", "--data", o.data, "--listen", freeAddress(o.t))
	o.up.awaitReady(o.t)
}

// complain sends a mail; one that was not taken is sent again, as mail servers do.
func (o *office) complain(from, subject, text string) {
	o.t.Helper()
	message := fmt.Sprintf("From: %s\r\nTo: service@nordwind-home.example\r\nSubject: %s\r\nMessage-ID: <%s>\r\n\r\n%s\r\n", from, subject, newID(), text)
	until(o.t, "the mail of "+from+" is taken", func() (bool, string) {
		err := smtp.SendMail(o.mail, nil, from, []string{"service@nordwind-home.example"}, []byte(message))
		return err == nil, fmt.Sprint(err)
	})
}

// ticket waits for the only ticket of a customer to hold all these lines. A write that was cut off is looked up, and not
// made again before the time is over in which it may still come: therefore the patience.
func (o *office) ticket(from string, lines ...string) {
	o.t.Helper()
	for deadline := time.Now().Add(5 * patience); ; pause() {
		why := ""
		ids, err := o.Tickets(o.t.Context(), from)
		require.LessOrEqual(o.t, len(ids), 1, "tickets of %s", from)
		switch {
		case err != nil:
			why = err.Error()
		case len(ids) == 0:
			why = "there is no ticket"
		default:
			words, err := o.Words(o.t.Context(), ids[0])
			if err != nil {
				why = err.Error()
			}
			for _, line := range lines {
				if !strings.Contains(words, line+"\n") {
					why = fmt.Sprintf("%q is missing in ticket %s:\n%s", line, ids[0], tail(words, 3000))
				}
			}
		}
		if why == "" {
			return
		}
		require.True(o.t, time.Now().Before(deadline), "the ticket of %s: %s", from, why)
	}
}

// killed is a channel that is closed when the program was killed in the middle of making its next ticket: the request is
// at Request Tracker's door, and nobody is left to hear the answer.
func (o *office) killed() <-chan struct{} {
	struck, once := make(chan struct{}), atomic.Bool{}
	o.between.Store(func(r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/REST/2.0/ticket" && once.CompareAndSwap(false, true) {
			o.up.kill()
			close(struck)
		}
	})
	return struck
}

// TestComplaintsOnTrytonAndRequestTracker sends mails of customers whose purchases are in Tryton, of one who is not, and one
// in whose ticket's making the program is killed. What the tickets hold is what Tryton's database does.
func TestComplaintsOnTrytonAndRequestTracker(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	has := func(email string) trytonrt.Purchase {
		purchase, err := o.Purchase(t.Context(), email)
		require.NoError(t, err)
		return purchase
	}
	facts := func(p trytonrt.Purchase) []string {
		return []string{"  Name: " + p.Customer, "  Order number: " + p.Sale, "  Invoice number: " + p.Invoice, "  Article: " + p.Article}
	}

	jane := has("jane@example.com")
	require.Equal(t, "Jane Doe", jane.Customer)
	o.complain("jane@example.com", "Kettle", "My "+jane.Article+" is broken, it leaks.")
	o.complain("nobody@example.net", "Lamp", "My Desk lamp Lumo is broken.")
	o.complain("nils@example.com", "Lamp", "My Desk lamp Lumo has not arrived.")
	o.ticket("jane@example.com", append(facts(jane), "    Parcel: "+jane.Shipment, "    Status: delivered", "  Article number: "+jane.Code,
		fmt.Sprintf("  Most that is free in one depot that ships there: %d", jane.Stock), "Proposal: replace: under warranty, and a replacement is in stock")...)
	o.ticket("nobody@example.net", "Proposal: clarify: we do not know the customer: ask who it is")
	o.ticket("nils@example.com", append(facts(has("nils@example.com")), "Delivery: not_shipped")...)

	killed := o.killed()
	o.complain("emil@example.com", "Espresso", "The Espresso machine Corto is broken.")
	select {
	case <-killed:
	case <-time.After(5 * patience):
		t.Fatal("no ticket was made for emil@example.com")
	}
	o.start()
	o.ticket("emil@example.com", append(facts(has("emil@example.com")), "  Most that is free in one depot that ships there: 0")...)
	for _, from := range []string{"jane@example.com", "nobody@example.net", "nils@example.com"} {
		o.ticket(from)
	}
	writtenOnce(t, o.Servers)
}
