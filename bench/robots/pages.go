package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// rowsListed is how many rows the list has that every robot must bring home.
const rowsListed = 51

// pages is a small application of the old kind: a login, a search form and a list, without labels, in tables.
type pages struct {
	address string
	waiting atomic.Int32 // robots that stand at /hold
	release chan struct{}
}

func servePages() (*pages, error) {
	p := &pages{release: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("session"); err == nil {
			http.Redirect(w, r, "/search", http.StatusFound)
			return
		}
		write(w, "Anmeldung", `<form action="/login" method="post"><table>
<tr><td>Name:</td><td><input name="login"></td></tr>
<tr><td>Kennwort:</td><td><input type="password" name="password"></td></tr>
<tr><td></td><td><input type="submit" value="Anmelden"></td></tr></table></form>`)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("login") != "robot" || r.FormValue("password") != "geheim-4711" {
			http.Error(w, "wrong", http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/", HttpOnly: true})
		http.Redirect(w, r, "/search", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /search", func(w http.ResponseWriter, r *http.Request) {
		write(w, "Suche", `<a href="/logout">Abmelden</a><form action="/list" method="get"><table>
<tr><td>Kunde:</td><td><input name="customer"></td></tr>
<tr><td>Status:</td><td><select name="status"><option value="">alle</option><option value="o">offen</option><option value="c">erledigt</option></select></td></tr>
<tr><td></td><td><input type="submit" value="Suchen"></td></tr></table></form>`)
	})
	mux.HandleFunc("GET /list", func(w http.ResponseWriter, r *http.Request) {
		var body strings.Builder
		body.WriteString(`<a href="/logout">Abmelden</a><h1>Belege</h1><table border="1" id="list"><tr><th>Beleg</th><th>Kunde</th><th>Datum</th><th>Betrag</th></tr>`)
		for i := range rowsListed {
			fmt.Fprintf(&body, "<tr><td>R-%04d</td><td>%s %d</td><td>%02d.03.2026</td><td align=right>1.%03d,50</td></tr>", i+1, r.FormValue("customer"), i, i%28+1, i)
		}
		body.WriteString("</table>")
		write(w, "Liste", body.String())
	})
	mux.HandleFunc("GET /hold", func(w http.ResponseWriter, r *http.Request) {
		p.waiting.Add(1)
		defer p.waiting.Add(-1)
		select {
		case <-p.release:
		case <-r.Context().Done():
		}
		write(w, "Weiter", "<p>weiter</p>")
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.address = "http://" + listener.Addr().String()
	go func() { _ = http.Serve(listener, mux) }() // it ends with the program
	return p, nil
}

func write(w http.ResponseWriter, title, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<!DOCTYPE html><html><head><title>%s</title><style>body{font-family:sans-serif} td{padding:2px 6px}</style></head><body>%s</body></html>`, title, body)
}
