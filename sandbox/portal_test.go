package sandbox

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
)

// visitor is somebody at a browser, logged in unless the password is wrong.
type visitor struct {
	t      *testing.T
	client *http.Client
	base   string
}

func visitPortal(t *testing.T, w *World, options PortalOptions) *visitor {
	t.Helper()
	server := httptest.NewServer(NewPortal(w, FulfilmentLogin, options))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &visitor{t: t, client: &http.Client{Jar: jar}, base: server.URL}
}

func (v *visitor) text(answer *http.Response, err error) string {
	v.t.Helper()
	require.NoError(v.t, err)
	defer answer.Body.Close()
	require.Equal(v.t, "text/html; charset=ISO-8859-1", answer.Header.Get("Content-Type"))
	body, err := io.ReadAll(charmap.ISO8859_1.NewDecoder().Reader(answer.Body))
	require.NoError(v.t, err)
	return string(body)
}

func (v *visitor) get(path string) string { v.t.Helper(); return v.text(v.client.Get(v.base + path)) }

func (v *visitor) post(path string, form ...string) string {
	v.t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	return v.text(v.client.PostForm(v.base+path, values))
}

func (v *visitor) logIn() string {
	v.t.Helper()
	return v.post("/cgi-bin/anmelden", "benutzer", FulfilmentLogin.User, "kennwort", FulfilmentLogin.Password)
}

func TestPortalLogin(t *testing.T) {
	t.Parallel()
	v := visitPortal(t, NewWorld(1, time.Now()), PortalOptions{})
	require.Contains(t, v.get("/"), "Anmelden")
	require.Contains(t, v.get("/cgi-bin/suche"), "Sitzung ist abgelaufen")
	require.Contains(t, v.post("/cgi-bin/anmelden", "benutzer", "lager", "kennwort", "x"), "Kennwort ist falsch")
	require.Contains(t, v.logIn(), `<frame name="main"`)
	require.Contains(t, v.get("/cgi-bin/suche"), "Auftragsnr.")
	v.get("/cgi-bin/abmelden")
	require.Contains(t, v.get("/cgi-bin/suche"), "Sitzung ist abgelaufen")
}

func TestPortalSessionExpires(t *testing.T) {
	t.Parallel()
	v := visitPortal(t, NewWorld(1, time.Now()), PortalOptions{SessionLife: time.Nanosecond})
	require.Contains(t, v.logIn(), "Anmelden")
}

func TestPortalSearch(t *testing.T) {
	t.Parallel()
	world := NewWorld(1, time.Now())
	v := visitPortal(t, world, PortalOptions{})
	v.logIn()
	require.Contains(t, v.post("/cgi-bin/suche", "auftrag", "WEB-10427"), "nur Ziffern")
	require.Contains(t, v.post("/cgi-bin/suche", "auftrag", "10"), "mindestens 3 Ziffern")
	require.Contains(t, v.post("/cgi-bin/suche", "auftrag", "999999999"), "kein Auftrag erfasst")

	parcel := world.Parcels[0]
	page := v.post("/cgi-bin/suche", "auftrag", parcel.OrderNumber)
	require.Contains(t, page, "Angelegt am:")
	require.Contains(t, page, parcel.Number)
	many := v.post("/cgi-bin/suche", "auftrag", parcel.OrderNumber[:3])
	require.Contains(t, many, "seite=2")
	require.Equal(t, portalPageSize, strings.Count(many, "/cgi-bin/sendung?id="))
}

func TestPortalDetail(t *testing.T) {
	t.Parallel()
	world := NewWorld(1, time.Now())
	v := visitPortal(t, world, PortalOptions{})
	v.logIn()
	for _, parcel := range world.Parcels[:40] {
		page := v.get("/cgi-bin/sendung?id=" + parcel.Number)
		require.Contains(t, page, portalDate(parcel.DeliveredOn))
		require.Contains(t, page, parcel.Tracking)
		require.NotContains(t, page, parcel.Items[0].SKU)
	}
}

func TestPortalNumbersAreGerman(t *testing.T) {
	t.Parallel()
	for cents, text := range map[int64]string{5: "0,05", 12300: "123,00", 123456: "1.234,56", 123456789: "1.234.567,89"} {
		require.Equal(t, text, portalMoney(cents))
	}
}
