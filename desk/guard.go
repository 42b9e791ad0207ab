package desk

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"crosswalk/store"
	"crosswalk/workspace"
)

// person is who asks, with the rights that the workspace gives.
type person struct {
	name   string // as shown
	login  string // e-mail, or "operator" for the program that started the desk
	roles  []string
	queues []string
	lead   bool
	token  string // hash of the login's token; "" for a program
}

// actor is the person as the store checks rights.
func (p person) actor() store.Actor {
	return store.Actor{User: p.login, Roles: p.roles, Queues: p.queues, All: p.lead}
}

// leads are the roles that see every queue and may stop systems and cases.
var leads = []string{"support-lead", "operator"}

func personOf(user *workspace.User, people *workspace.People, token string) person {
	p := person{name: user.Name, login: user.Email, roles: user.Roles, token: token}
	for i := range people.Queues {
		if user.Serves(&people.Queues[i]) {
			p.queues = append(p.queues, people.Queues[i].Name)
		}
	}
	p.lead = slices.ContainsFunc(leads, user.Has)
	return p
}

// guard finds out who asks, and runs the handler only if the route's right is theirs.
func (d *Desk) guard(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		who, err := d.whoIs(request)
		switch {
		case err != nil:
			d.fail(w, request, person{}, err)
			return
		case r.right != public && who.login == "":
			d.askForLogin(w, request)
			return
		case r.right == lead && !who.lead:
			d.fail(w, request, who, refusal{http.StatusForbidden, "Only a lead may do this."})
			return
		}
		request.Body = http.MaxBytesReader(w, request.Body, 12<<20)
		if err := r.handler(w, request, who); err != nil {
			d.fail(w, request, who, err)
		}
	})
}

// whoIs recognises a program by its bearer token and a browser by its login.
func (d *Desk) whoIs(r *http.Request) (person, error) {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if d.Token != "" && subtle.ConstantTimeCompare([]byte(bearer), []byte(d.Token)) == 1 {
			return person{name: "operator", login: "operator", lead: true}, nil
		}
		return person{}, nil
	}
	cookie, err := r.Cookie(d.cookieName())
	if err != nil {
		return person{}, nil
	}
	hash := tokenHash(cookie.Value)
	login, err := d.Store.UseLogin(r.Context(), hash)
	if errors.Is(err, store.ErrNotFound) {
		return person{}, nil
	}
	if err != nil {
		return person{}, err
	}
	people := d.People()
	user := people.User(login.User)
	if user == nil {
		return person{}, nil
	}
	return personOf(user, people, hash), nil
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func (d *Desk) askForLogin(w http.ResponseWriter, r *http.Request) {
	if isAPI(r) || r.Method != http.MethodGet {
		d.fail(w, r, person{}, refusal{http.StatusUnauthorized, "Log in first."})
		return
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// fail answers with the error's status: as JSON to programs, as a page to people.
func (d *Desk) fail(w http.ResponseWriter, r *http.Request, who person, err error) {
	status, message := statusOf(err)
	if status >= http.StatusInternalServerError {
		d.Log.Error("desk.request.failed", "method", r.Method, "route", r.Pattern, "error", err)
	}
	if isAPI(r) {
		writeJSON(w, status, map[string]string{"error": message})
		return
	}
	w.WriteHeader(status)
	_ = d.pages.ExecuteTemplate(w, "refused", page{Title: http.StatusText(status), Person: who, Data: message})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// secured puts the same headers on every answer, errors and files included.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
