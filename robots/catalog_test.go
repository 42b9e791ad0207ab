package robots

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/sandbox"
)

// getShipment is the catalogue's robot, ready to run.
func getShipment(t testing.TB) *Program {
	t.Helper()
	robot, system := CatalogRobot("versanddesk-get-shipment")
	require.NotNil(t, robot)
	program, problems := Compile(robot, system, contracts.Catalog()["fulfilment"].Operation("get_shipment"))
	require.Empty(t, problems)
	return program
}

// desk is a running VersandDesk and a runner of its own, so that no other test shares the login.
type desk struct {
	t      testing.TB
	world  *sandbox.World
	server *httptest.Server
	runner *Runner
	call   Call
	logins atomic.Int32
	last   atomic.Int64 // when the last request came
	fault  atomic.Value // func(*http.Request) string
}

func newDesk(t testing.TB, options sandbox.PortalOptions) *desk {
	t.Helper()
	d := &desk{t: t, world: sandbox.NewWorld(7, time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)), runner: NewRunner(pool, nil)}
	portal := sandbox.NewPortal(d.world, sandbox.FulfilmentLogin, options)
	d.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.last.Store(time.Now().UnixNano())
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "anmelden") {
			d.logins.Add(1)
		}
		if fault, ok := d.fault.Load().(func(*http.Request) string); ok {
			r = r.WithContext(sandbox.WithPortalFault(r.Context(), fault(r)))
		}
		portal.ServeHTTP(w, r)
	}))
	t.Cleanup(d.server.Close)
	d.call = Call{Base: d.server.URL, Secrets: map[string]contracts.Secret{
		"user": contracts.NewSecret(sandbox.FulfilmentLogin.User), "password": contracts.NewSecret(sandbox.FulfilmentLogin.Password),
	}}
	return d
}

// quiet is how long no request has come.
func (d *desk) quiet() time.Duration { return time.Since(time.Unix(0, d.last.Load())) }

func (d *desk) get(order string) (Result, error) {
	call := d.call
	call.Input = rules.Record(map[string]rules.Value{"order_number": rules.Text(order)})
	return d.runner.Run(d.t.Context(), getShipment(d.t), call)
}

var states = map[sandbox.ParcelState]string{
	sandbox.ParcelAnnounced: "packed", sandbox.ParcelInTransit: "in_transit", sandbox.ParcelDelivered: "delivered",
	sandbox.ParcelLost: "lost", sandbox.ParcelReturned: "returned",
}

// expected is what the contract must answer, told from the world and not from the portal.
func (d *desk) expected(order string) map[string]rules.Value {
	parcels := map[string]rules.Value{}
	for _, p := range d.world.ParcelsOf(order) {
		var articles []rules.Value
		for _, item := range p.Items {
			articles = append(articles, rules.Record(map[string]rules.Value{
				"article": rules.Text(item.Name), "quantity": rules.Number(rules.Int(int64(item.Quantity))),
			}))
		}
		fields := map[string]rules.Value{
			"number": rules.Text(p.Number), "status": rules.Text(states[p.State]), "carrier": rules.Text(p.Carrier), "articles": rules.List(articles...),
		}
		if !p.ShippedOn.IsZero() {
			fields["shipped_on"], fields["tracking"] = rules.Date(p.ShippedOn.Date()), rules.Text(p.Tracking)
		}
		if !p.DeliveredOn.IsZero() {
			fields["delivered_on"] = rules.Date(p.DeliveredOn.Date())
		}
		parcels[p.Number] = rules.Record(fields)
	}
	return parcels
}

// orders picks one order of each kind of shipment from the world.
func (d *desk) orders() map[string]string {
	picked := map[string]string{}
	for _, order := range d.world.Orders {
		parcels := d.world.ParcelsOf(order.Number)
		kind := "none"
		switch {
		case order.Missing:
			continue
		case len(parcels) > 1:
			kind = "several"
		case len(parcels) == 1:
			kind = string(parcels[0].State)
		}
		if picked[kind] == "" {
			picked[kind] = order.Number
		}
	}
	return picked
}

func TestShipmentsOfVersandDesk(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	orders := d.orders()
	for _, kind := range []string{"none", "several", "announced", "in_transit", "delivered", "lost", "returned"} {
		require.NotEmpty(t, orders[kind], kind)
		result, err := d.get(orders[kind])
		require.NoError(t, err, kind)
		got := map[string]rules.Value{}
		for _, parcel := range result.Output.Get("parcels").Items() {
			got[parcel.Get("number").Text()] = parcel
		}
		want := d.expected(orders[kind])
		require.Len(t, got, len(want), kind)
		for number, parcel := range want {
			require.JSONEq(t, string(parcel.Plain()), string(got[number].Plain()), kind)
		}
		pictured := slices.ContainsFunc(result.Evidence, func(e Evidence) bool { return e.MediaType == "image/jpeg" && len(e.Bytes) > 1000 })
		require.True(t, pictured, "every run has its picture")
	}
	require.EqualValues(t, 1, d.logins.Load(), "the login is kept")
}

func TestShipmentOfManyPages(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	most, order, hits := 0, "", sandbox.PortalHits(d.world)
	for _, o := range d.world.Orders { // the longest list that begins with the number of an order with parcels
		if count := hits(o.Number); count > most && len(d.world.ParcelsOf(o.Number)) > 0 {
			most, order = count, o.Number
		}
	}
	require.Greater(t, most, 10)
	result, err := d.get(order)
	require.NoError(t, err)
	require.Len(t, result.Output.Get("parcels").Items(), len(d.world.ParcelsOf(order)))
}

func TestUnknownOrderIsNotFound(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	_, err := d.get("WEB-99999999")
	require.Equal(t, contracts.NotFound, contracts.ClassOf(err))
	require.ErrorContains(t, err, "VersandDesk knows no order 99999999")
}

func TestChangedLayoutIsDrift(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"list": "/cgi-bin/liste", "detail": "/cgi-bin/sendung"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, sandbox.PortalOptions{})
			d.fault.Store(func(r *http.Request) string {
				if r.URL.Path == path {
					return sandbox.FaultLayoutChanged
				}
				return ""
			})
			program := getShipment(t)
			quick := *program.System
			quick.stepTime = 5 * time.Second
			program.System = &quick
			call := d.call
			call.Input = rules.Record(map[string]rules.Value{"order_number": rules.Text(d.orders()["delivered"])})
			result, err := d.runner.Run(t.Context(), program, call)
			require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%v", err)
			require.NotEmpty(t, result.Evidence)
			t.Log(err)
		})
	}
}

func TestMaintenanceIsUnavailable(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	d.fault.Store(func(*http.Request) string { return sandbox.FaultMaintenance })
	_, err := d.get("10427")
	var known *contracts.Error
	require.ErrorAs(t, err, &known)
	require.Equal(t, contracts.Unavailable, known.Class)
	require.Equal(t, time.Minute, known.RetryAfter)
}

func TestLostSessionLogsInAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	var expired atomic.Bool
	d.fault.Store(func(r *http.Request) string {
		if r.URL.Path == "/cgi-bin/sendung" && expired.CompareAndSwap(false, true) {
			return sandbox.FaultSessionExpired
		}
		return ""
	})
	order := d.orders()["several"]
	result, err := d.get(order)
	require.NoError(t, err)
	require.Len(t, result.Output.Get("parcels").Items(), len(d.world.ParcelsOf(order)))
	require.EqualValues(t, 2, d.logins.Load())
}

func TestRefusedLoginIsAuth(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	d.call.Secrets["password"] = contracts.NewSecret("wrong-password")
	result, err := d.get("10427")
	require.Equal(t, contracts.Auth, contracts.ClassOf(err))
	for _, file := range result.Evidence {
		require.NotContains(t, string(file.Bytes), "wrong-password")
	}
}

func TestPortalDownIsUnavailable(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	d.server.Close()
	_, err := d.get("10427")
	require.Equal(t, contracts.Unavailable, contracts.ClassOf(err))
}
