package desk

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

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
	// analyst says whether the person may work on rule tables.
	analyst bool
	// program is the one that started the desk, or the command line that knows its secret: it may do everything.
	program bool
	token   string // hash of the login's token; "" for a program
	// standsFor are the logins of those whose deputy the person is today: their roles and queues are his too.
	standsFor []string
}

// actor is the person as the store checks rights.
func (p person) actor() store.Actor {
	return store.Actor{User: p.login, Roles: p.roles, Queues: p.queues, For: p.standsFor, All: p.lead}
}

// Name is how the person is shown.
func (p person) Name() string { return p.name }

// Login tells whether somebody has logged in, and who.
func (p person) Login() string { return p.login }

// Lead tells whether the person may stop systems and cases.
func (p person) Lead() bool { return p.lead }

func personOf(user *workspace.User, people *workspace.People, token string, day time.Time) person {
	p := person{name: user.Name, login: user.Email, token: token}
	absent := people.DeputyFor(user, day)
	for _, other := range absent {
		p.standsFor = append(p.standsFor, other.Email)
	}
	for _, acting := range append([]*workspace.User{user}, absent...) {
		p.roles = append(p.roles, acting.Roles...)
		for i := range people.Queues {
			if name := people.Queues[i].Name; acting.Serves(&people.Queues[i]) && !slices.Contains(p.queues, name) {
				p.queues = append(p.queues, name)
			}
		}
		p.lead = p.lead || slices.ContainsFunc(workspace.Leads, acting.Has)
		p.analyst = p.analyst || slices.ContainsFunc(analysts, acting.Has)
	}
	return p
}

// maxBody bounds what anybody may send to the desk.
const maxBody = 1 << 20

// guard finds out who asks, and runs the handler only if the route's right is theirs. Rights are read anew for every
// request, so that a change of the workspace holds at once.
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
		case r.right == analyst && !who.analyst:
			d.fail(w, request, who, refusal{http.StatusForbidden, "Only an analyst may do this: it needs the role analyst or operator."})
			return
		case r.right == repairer && !slices.ContainsFunc(workspace.RepairActs, func(act string) bool { return d.mayRepair(who, act) }):
			d.fail(w, request, who, refusal{http.StatusForbidden, "Your roles do not let you repair cases."})
			return
		case !ownPage(request, who):
			d.fail(w, request, who, refusal{http.StatusForbidden, "This did not come from a page of the desk."})
			return
		}
		request.Body = http.MaxBytesReader(w, request.Body, maxBody)
		if !isAPI(request) {
			err = readForm(request)
		}
		if err == nil {
			err = r.handler(w, request, who)
		}
		if err != nil {
			d.fail(w, request, who, err)
		}
	})
}

// readForm reads what was filled in before anything asks for a field, as that would not say what is wrong with it.
func readForm(r *http.Request) error {
	err := r.ParseForm()
	var large *http.MaxBytesError
	if err == nil || errors.As(err, &large) {
		return err
	}
	return refusal{http.StatusBadRequest, "The form cannot be read."}
}

// ownPage says whether a request that changes something came from a page of ours. CrossOriginProtection has refused
// what a browser says came from elsewhere; what says nothing must not be carried by a browser's cookie. JSON must be
// called so, which no foreign form can.
func ownPage(r *http.Request, who person) bool {
	if who.token == "" || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	if isAPI(r) && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return false
	}
	return r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != ""
}

// whoIs recognises a program by its bearer token and a browser by its login.
func (d *Desk) whoIs(r *http.Request) (person, error) {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if d.Token != "" && subtle.ConstantTimeCompare([]byte(bearer), []byte(d.Token)) == 1 {
			return person{name: "operator", login: "operator", lead: true, analyst: true, program: true}, nil
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
	return d.personNamed(login.User, hash), nil
}

// personNamed is the person with a login, nobody if the workspace does not have the person any more.
func (d *Desk) personNamed(login, token string) person {
	people := d.people()
	user := people.User(login)
	if user == nil {
		return person{}
	}
	return personOf(user, people, token, d.now())
}

// stillIn tells whether somebody who asked a while ago may still see what he asked for. It does not count as use of
// the login: a page that is left open must not keep it alive.
func (d *Desk) stillIn(r *http.Request, who person) bool {
	if who.token == "" {
		return true
	}
	if d.personNamed(who.login, who.token).login == "" {
		return false
	}
	logins, err := d.Store.LoginsOf(r.Context(), who.login)
	now := d.now()
	return err == nil && slices.ContainsFunc(logins, func(l store.Login) bool {
		return l.TokenHash == who.token && l.ExpiresAt.After(now) && l.LastUsedAt.Add(l.Idle).After(now)
	})
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func (d *Desk) askForLogin(w http.ResponseWriter, r *http.Request) {
	if isAPI(r) || r.Method != http.MethodGet || r.Header.Get("Accept") == "text/event-stream" {
		d.fail(w, r, person{}, refusal{http.StatusUnauthorized, "Log in first."})
		return
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// secured puts the same headers on every answer, errors and files included. The referrer goes to our own pages only;
// without one there, browsers would send forms with the origin "null".
func (d *Desk) secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if d.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
