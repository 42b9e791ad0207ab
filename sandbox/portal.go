package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// Faults that only the portal has; the general ones work on it as on every system.
const (
	FaultLayoutChanged  = "layout-changed"  // the next release: a heading renamed, a column moved, a label renamed
	FaultMaintenance    = "maintenance"     // a page that says so, with status 200
	FaultSessionExpired = "session-expired" // whoever is logged in has to do so again
)

// PortalOptions change how the portal behaves. The zero value is the demo's.
type PortalOptions struct {
	SessionLife time.Duration // how long a login lasts without use; 10 minutes if zero
}

//go:embed portal/*.html
var portalFiles embed.FS

// portal is "VersandDesk 2.3", the fulfilment department's web application of 2009: a frameset, tables for layout,
// a login whose session expires, and no other way to the data. It speaks ISO-8859-1.
type portal struct {
	login    Login
	life     time.Duration
	now      func() time.Time
	archive  portalArchive
	pages    *template.Template
	mux      *http.ServeMux
	mu       sync.Mutex
	sessions map[string]time.Time // last use, by token
}

func newPortal(w *World, login Login) http.Handler { return NewPortal(w, login, PortalOptions{}) }

// NewPortal serves the fulfilment portal for the parcels of the world.
func NewPortal(w *World, login Login, options PortalOptions) http.Handler {
	if options.SessionLife <= 0 {
		options.SessionLife = 10 * time.Minute
	}
	p := &portal{
		login: login, life: options.SessionLife, now: time.Now, archive: newPortalArchive(w), sessions: map[string]time.Time{},
		pages: template.Must(template.New("").Funcs(template.FuncMap{"date": portalDate, "money": portalMoney, "quantity": portalQuantity}).ParseFS(portalFiles, "portal/*.html")),
	}
	p.mux = http.NewServeMux()
	p.mux.HandleFunc("GET /{$}", p.home)
	p.mux.HandleFunc("POST /cgi-bin/anmelden", p.logIn)
	p.mux.HandleFunc("GET /cgi-bin/abmelden", p.logOut)
	p.mux.HandleFunc("GET /cgi-bin/menue", p.inside(p.menu))
	p.mux.HandleFunc("GET /cgi-bin/start", p.inside(p.start))
	p.mux.HandleFunc("GET /cgi-bin/suche", p.inside(p.searchForm))
	p.mux.HandleFunc("POST /cgi-bin/suche", p.inside(p.search))
	p.mux.HandleFunc("GET /cgi-bin/liste", p.inside(p.list))
	p.mux.HandleFunc("GET /cgi-bin/sendung", p.inside(p.detail))
	return p
}

type portalFaultKey struct{}

// WithPortalFault is the context of a request that the portal shall answer with one of its own faults.
func WithPortalFault(ctx context.Context, kind string) context.Context {
	return context.WithValue(ctx, portalFaultKey{}, kind)
}

func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Context().Value(portalFaultKey{}) {
	case FaultMaintenance:
		p.show(w, "maintenance", nil)
		return
	case FaultSessionExpired:
		p.mu.Lock()
		clear(p.sessions)
		p.mu.Unlock()
	}
	p.mux.ServeHTTP(w, r)
}

func layoutChanged(r *http.Request) bool {
	return r.Context().Value(portalFaultKey{}) == FaultLayoutChanged
}

const portalCookie = "VDSESSION"

// alive says whether the request comes with a session, and counts it as a use.
func (p *portal) alive(r *http.Request) bool {
	cookie, err := r.Cookie(portalCookie)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.sessions[cookie.Value]
	if !ok || p.now().Sub(last) > p.life {
		delete(p.sessions, cookie.Value)
		return false
	}
	p.sessions[cookie.Value] = p.now()
	return true
}

func (p *portal) inside(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !p.alive(r) {
			p.show(w, "expired", nil)
			return
		}
		h(w, r)
	}
}

func (p *portal) home(w http.ResponseWriter, r *http.Request) {
	if p.alive(r) {
		p.show(w, "frames", nil)
		return
	}
	p.show(w, "login", "")
}

func (p *portal) logIn(w http.ResponseWriter, r *http.Request) {
	user := subtle.ConstantTimeCompare([]byte(r.PostFormValue("benutzer")), []byte(p.login.User))
	password := subtle.ConstantTimeCompare([]byte(r.PostFormValue("kennwort")), []byte(p.login.Password))
	if user&password != 1 {
		p.show(w, "login", "Benutzer oder Kennwort ist falsch.")
		return
	}
	var token [16]byte
	_, _ = rand.Read(token[:]) // never fails
	name := hex.EncodeToString(token[:])
	p.mu.Lock()
	p.sessions[name] = p.now()
	p.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: portalCookie, Value: name, Path: "/", HttpOnly: true})
	http.Redirect(w, r, "/", http.StatusFound)
}

func (p *portal) logOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(portalCookie); err == nil {
		p.mu.Lock()
		delete(p.sessions, cookie.Value)
		p.mu.Unlock()
	}
	http.Redirect(w, r, "/", http.StatusFound)
}

func (p *portal) menu(w http.ResponseWriter, _ *http.Request)       { p.show(w, "menu", nil) }
func (p *portal) start(w http.ResponseWriter, _ *http.Request)      { p.show(w, "start", p.archive.today) }
func (p *portal) searchForm(w http.ResponseWriter, _ *http.Request) { p.show(w, "search", "") }

// search takes the portal's own notation of order numbers only: digits.
func (p *portal) search(w http.ResponseWriter, r *http.Request) {
	number := strings.TrimSpace(r.PostFormValue("auftrag"))
	if number == "" || strings.Trim(number, "0123456789") != "" || len(number) < 3 {
		p.show(w, "search", "Bitte mindestens 3 Ziffern der Auftragsnummer eingeben.")
		return
	}
	http.Redirect(w, r, "/cgi-bin/liste?nr="+number+"&seite=1", http.StatusSeeOther)
}

const portalPageSize = 10

type portalList struct {
	Number            string
	Order             *portalOrder // the one with exactly this number, if it is known
	Rows              []portalParcel
	Page, Pages       int
	Previous, Next    int
	Total             int
	Changed           bool
	First, FirstAfter int
}

func (p *portal) list(w http.ResponseWriter, r *http.Request) {
	number := r.URL.Query().Get("nr")
	found := p.archive.startingWith(number)
	page, err := strconv.Atoi(r.URL.Query().Get("seite"))
	pages := max(1, (len(found)+portalPageSize-1)/portalPageSize)
	if err != nil || page < 1 || page > pages {
		http.NotFound(w, r)
		return
	}
	first := (page - 1) * portalPageSize
	last := min(first+portalPageSize, len(found))
	list := portalList{Number: number, Rows: found[first:last], Page: page, Pages: pages, Total: len(found), Changed: layoutChanged(r), First: first + 1, FirstAfter: last}
	if order, ok := p.archive.orders[number]; ok {
		list.Order = &order
	}
	if page > 1 {
		list.Previous = page - 1
	}
	if page < pages {
		list.Next = page + 1
	}
	p.show(w, "list", list)
}

func (p *portal) detail(w http.ResponseWriter, r *http.Request) {
	parcel, ok := p.archive.byNumber[r.URL.Query().Get("id")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	p.show(w, "detail", struct {
		portalParcel
		Changed bool
	}{parcel, layoutChanged(r)})
}

// show writes a page in the portal's charset; what that cannot hold becomes a character reference.
func (p *portal) show(w http.ResponseWriter, name string, data any) {
	var page bytes.Buffer
	if err := p.pages.ExecuteTemplate(&page, name+".html", data); err != nil {
		http.Error(w, "Interner Fehler", http.StatusInternalServerError)
		return
	}
	latin, err := encoding.HTMLEscapeUnsupported(charmap.ISO8859_1.NewEncoder()).Bytes(page.Bytes())
	if err != nil {
		http.Error(w, "Interner Fehler", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=ISO-8859-1")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(latin)
}

func portalDate(day time.Time) string {
	if day.IsZero() {
		return ""
	}
	return day.Format("02.01.2006")
}

func portalMoney(cents int64) string {
	whole := strconv.FormatInt(cents/100, 10)
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "." + whole[at:]
	}
	return fmt.Sprintf("%s,%02d", whole, cents%100)
}

func portalQuantity(count int) string { return strconv.Itoa(count) + ",00" }

// PortalHits counts how many parcels the portal's search lists for a number, for tests.
func PortalHits(w *World) func(number string) int {
	archive := newPortalArchive(w)
	return func(number string) int { return len(archive.startingWith(number)) }
}
