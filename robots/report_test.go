package robots

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

const canarySecret = `Zwölf&"Mäuse"+7/x`

// forms are the ways in which a secret may stand in a file.
func canaryForms() []string {
	forms := []string{canarySecret, url.QueryEscape(canarySecret), url.PathEscape(canarySecret), html.EscapeString(canarySecret)}
	for shift := range 3 {
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + canarySecret + "yy"))
		forms = append(forms, coded[4:len(coded)-6])
	}
	return forms
}

// TestNoArtifactHoldsASecret has an application that shows the password wherever it can: in addresses, titles, headings,
// buttons, names of files and error messages.
func TestNoArtifactHoldsASecret(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	leaking := func(w http.ResponseWriter, _ *http.Request) {
		shown := html.EscapeString(canarySecret)
		fmt.Fprintf(w, `<html><head><title>%[1]s</title></head><body><h1>%[1]s</h1><a href="/out?pw=%[2]s">Abmelden</a> <a href="/x">%[1]s</a>
			<form action="/find/%[3]s"><label>%[1]s <input name="q" value="%[1]s"></label><input type="submit" value="%[1]s"></form><p>%[4]s</p>
			<p>Konto: <span>DE02 1203 0000 0000 2020 51</span></p><img src="/pixel/%[3]s?x=%[2]s"></body></html>`,
			shown, url.QueryEscape(canarySecret), url.PathEscape(canarySecret), base64.StdEncoding.EncodeToString([]byte("pw "+canarySecret)))
	}
	p.mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/home?user=a&password="+url.QueryEscape(canarySecret), http.StatusSeeOther)
	})
	p.mux.HandleFunc("GET /home", leaking)
	p.mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<body><form method="post"><label>Kennwort <input name="p" type="password"></label><input type="submit" value="Anmelden"></form>`))
	})
	system := plainSystem + `
session:
  secrets: [password]
  alive: {link: Abmelden}
  login: [{goto: /login}, {fill: {into: {label: Kennwort}, value: '${secret.password}'}}, {click: {button: Anmelden}}]
`
	for _, find := range []string{"\n  - click: {css: 'a:nth-of-type(2)'}\n", "\n  - expect: {text: nirgends}\n    within: 1s\n", "\n  - click: {button: '/wölf/'}\n"} {
		program := compileTest(t, system, find, "{}")
		program.mask = compileTest(t, plainSystem, "\n  - expect: {label: Konto}\n", "{}").find[0].masks()
		result, err := NewRunner(pool, nil).Run(t.Context(), program, Call{Base: p.URL, Secrets: map[string]contracts.Secret{"password": contracts.NewSecret(canarySecret)}})
		var names []string
		for _, one := range result.Evidence {
			names = append(names, one.Name)
			for _, form := range append(canaryForms(), "1203 0000 0000 2020") {
				require.NotContains(t, string(one.Bytes), form, "%s\n%s", one.Name, one.Bytes[:min(len(one.Bytes), 6000)])
			}
		}
		require.Contains(t, names, "report.html")
		if err != nil {
			for _, form := range canaryForms() {
				require.NotContains(t, err.Error(), form)
			}
		}
	}
}

func (s *step) masks() []*target { return []*target{s.target} }

func TestReportStandsAlone(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	result, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, plainSystem, "\n  - goto: /form.html\n  - fill: {into: {any: [{label: Kunde}, {css: '#gone'}]}, value: x}\n", "{}"), Call{Base: p.URL})
	require.NoError(t, err)
	report := ""
	for _, one := range result.Evidence {
		if one.Name == "report.html" {
			report = string(one.Bytes)
		}
	}
	require.Contains(t, report, `src="data:image/jpeg;base64,`, "pictures are in it")
	require.Contains(t, report, "Kunde")
	require.Contains(t, report, "GET &#34;"+p.URL+"/form.html&#34;", "requests are in it")
	require.Contains(t, report, "css &#34;#gone&#34; of label", "an alternative that found nothing is told")
	require.NotContains(t, report, "<script")
	for _, loads := range []string{`src="http`, `href=`, "url(", "@import"} {
		require.NotContains(t, report, loads, "nothing is loaded from elsewhere")
	}
}

// TestASecretBreaksNoPicture has a secret that the letters of any JPEG hold by chance.
func TestASecretBreaksNoPicture(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	system := plainSystem + "\nsession: {secrets: [pin], alive: {label: Kunde}, login: [{goto: /form.html}, {fill: {into: {label: Kunde}, value: '${secret.pin}'}}]}\n"
	result, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, system, "\n  - expect: {label: Kunde}\n", "{}"), Call{Base: p.URL, Secrets: map[string]contracts.Secret{"pin": contracts.NewSecret("9j/4")}})
	require.NoError(t, err)
	files := map[string]string{}
	for _, one := range result.Evidence {
		files[one.Name] = string(one.Bytes)
	}
	picture := base64.StdEncoding.EncodeToString([]byte(files["end.jpg"]))
	require.Contains(t, picture, "9j/4")
	require.Contains(t, files["report.html"], `src="data:image/jpeg;base64,`+picture+`"`)
}
