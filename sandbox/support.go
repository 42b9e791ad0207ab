package sandbox

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// support speaks Zendesk's Support API: tickets, comments, users, groups, search, and signed webhooks.
type support struct {
	mux    *http.ServeMux
	world  *World
	state  *state
	log    *slog.Logger
	client *http.Client
	wake   chan struct{} // a webhook is due
	due    atomic.Bool   // one was stored that nobody was told of

	writing sync.Mutex // one write at a time, so that a key in flight is waited for

	mu     sync.RWMutex
	users  []object // by id
	byID   map[int64]object
	mailed map[string][]object // by each address in lower case
	groups []object
}

// searchLag is how long a change takes to appear in the search.
const searchLag = 2 * time.Second

func newSupport(ctx context.Context, w *World, st *state, log *slog.Logger) (*support, error) {
	s := &support{
		mux: http.NewServeMux(), world: w, state: st, log: log, byID: map[int64]object{}, mailed: map[string][]object{},
		client: &http.Client{Timeout: 10 * time.Second}, wake: make(chan struct{}, 1),
	}
	s.loadGroups()
	if err := s.loadUsers(ctx); err != nil {
		return nil, err
	}
	for pattern, handle := range map[string]http.HandlerFunc{
		"POST /tickets": s.createTicket, "GET /tickets": s.listTickets, "GET /tickets/{id}": s.showTicket, "PUT /tickets/{id}": s.updateTicket,
		"GET /tickets/{id}/comments": s.listComments, "GET /tickets/{id}/audits": s.listAudits, "GET /users/search": s.searchUsers, "GET /users/me": s.me, "GET /users": s.listUsers,
		"GET /users/{id}": s.showUser, "GET /users/{id}/identities": s.identities, "GET /groups": s.listGroups,
		"GET /group_memberships": s.memberships, "GET /search": s.search,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		s.mux.HandleFunc(method+" /api/v2"+path, handle)
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		supportError(w, http.StatusNotFound, "InvalidEndpoint", "Not found")
	})
	return s, nil
}

// ServeHTTP authenticates "address/token:token"; the token belongs to the account, so each agent may use it. Every path
// may end in .json.
func (s *support) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, token, ok := r.BasicAuth()
	address, isToken := strings.CutSuffix(user, "/token")
	caller := s.agent(address)
	if !ok || !isToken || token != SupportLogin.Token || caller == nil {
		w.Header().Set("WWW-Authenticate", `Basic realm="Zendesk API"`)
		reply(w, http.StatusUnauthorized, object{"error": "Couldn't authenticate you"})
		return
	}
	w.Header().Set("X-Rate-Limit", "2500")
	w.Header().Set("X-Rate-Limit-Remaining", "2400")
	path := strings.TrimSuffix(r.URL.Path, ".json")
	u := *r.URL
	u.Path, u.RawPath = path, ""
	inner := r.WithContext(context.WithValue(r.Context(), callerKey{}, caller))
	inner.URL = &u
	s.mux.ServeHTTP(w, inner)
}

type callerKey struct{}

func caller(r *http.Request) object { return r.Context().Value(callerKey{}).(object) }

func (s *support) tooMany(w http.ResponseWriter, retry time.Duration) {
	retryAfter(w, retry)
	w.Header().Set("X-Rate-Limit", "2500")
	w.Header().Set("X-Rate-Limit-Remaining", "0")
	w.Header().Set("Ratelimit-Reset", w.Header().Get("Retry-After"))
	reply(w, http.StatusTooManyRequests, object{"error": "APIRateLimitExceeded", "description": "Number of allowed API requests per minute exceeded"})
}

func supportError(w http.ResponseWriter, status int, kind, description string) {
	reply(w, status, object{"error": kind, "description": description})
}

// invalidRecord refuses a record because of one of its fields.
func invalidRecord(w http.ResponseWriter, field, kind, description string) {
	reply(w, http.StatusUnprocessableEntity, object{
		"error": "RecordInvalid", "description": "Record validation errors",
		"details": object{field: []object{{"error": kind, "description": description}}},
	})
}

func supportNotFound(w http.ResponseWriter) {
	supportError(w, http.StatusNotFound, "RecordNotFound", "Not found")
}

// page answers with a piece of a list: by cursor if page[size] or page[after] is given, else by page number.
func (s *support) page(w http.ResponseWriter, r *http.Request, name string, all []object) {
	q := r.URL.Query()
	if q.Has("page[size]") || q.Has("page[after]") || q.Has("page[before]") {
		s.cursorPage(w, r, name, all)
		return
	}
	size, err := bounded(q.Get("per_page"), 100, 1<<30)
	if err != nil {
		supportError(w, http.StatusBadRequest, "InvalidPaginationParameter", "per_page: "+err.Error())
		return
	}
	size = min(size, 100)
	n, err := bounded(q.Get("page"), 1, 10000/size)
	if err != nil {
		supportError(w, http.StatusBadRequest, "InvalidPaginationDepth", "Your pagination depth is too large. Use cursor-based pagination")
		return
	}
	from := min((n-1)*size, len(all))
	to := min(from+size, len(all))
	answer := object{name: append([]object{}, all[from:to]...), "count": len(all), "next_page": nil, "previous_page": nil}
	if to < len(all) {
		answer["next_page"] = s.link(r, url.Values{"page": {strconv.Itoa(n + 1)}})
	}
	if n > 1 {
		answer["previous_page"] = s.link(r, url.Values{"page": {strconv.Itoa(n - 1)}})
	}
	reply(w, http.StatusOK, answer)
}

func (s *support) cursorPage(w http.ResponseWriter, r *http.Request, name string, all []object) {
	q := r.URL.Query()
	size, err := bounded(q.Get("page[size]"), 100, 100)
	if err != nil {
		supportError(w, http.StatusBadRequest, "InvalidPaginationParameter", "page[size]: "+err.Error())
		return
	}
	from := 0
	if after := q.Get("page[after]"); after != "" {
		plain, err := base64.RawURLEncoding.DecodeString(after)
		if err == nil {
			from, err = strconv.Atoi(strings.TrimPrefix(string(plain), "o:"))
		}
		if err != nil || from < 0 || from > len(all) {
			supportError(w, http.StatusBadRequest, "InvalidPaginationParameter", "page[after] is not valid")
			return
		}
	}
	to := min(from+size, len(all))
	cursor := func(n int) string { return base64.RawURLEncoding.EncodeToString([]byte("o:" + strconv.Itoa(n))) }
	meta, links := object{"has_more": to < len(all), "after_cursor": nil, "before_cursor": nil}, object{"next": nil, "prev": nil}
	if to > from {
		meta["after_cursor"], meta["before_cursor"] = cursor(to), cursor(from)
	}
	if to < len(all) {
		links["next"] = s.link(r, url.Values{"page[after]": {cursor(to)}, "page[size]": {strconv.Itoa(size)}})
	}
	reply(w, http.StatusOK, object{name: append([]object{}, all[from:to]...), "meta": meta, "links": links})
}

// link is the address of another page of the same list.
func (s *support) link(r *http.Request, changed url.Values) string {
	q := r.URL.Query()
	for k, v := range changed {
		q[k] = v
	}
	return (&url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path + ".json", RawQuery: q.Encode()}).String()
}

func (s *support) number(w http.ResponseWriter, r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		supportError(w, http.StatusBadRequest, "InvalidValue", fmt.Sprintf("%q is not an id", r.PathValue("id")))
		return 0, false
	}
	return id, true
}
