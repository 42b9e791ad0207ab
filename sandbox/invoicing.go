package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// invoicing speaks Stripe's API, version 2026-08-26.dahlia, for customers, invoices, credit notes, products and prices.
type invoicing struct {
	mux     *http.ServeMux
	world   *World
	state   *state
	writing sync.Mutex // one write at a time, so that a key in flight is waited for

	mu        sync.RWMutex // of what a credit note changes: invoices, billed, credits, byID
	credits   []object     // newest first
	customers []object     // newest first
	invoices  []object
	billed    map[string][]object // the invoices of each customer
	products  []object
	prices    []object
	byID      map[string]object
	lines     map[string][]object // by invoice
	texts     texts
}

func newInvoicing(ctx context.Context, w *World, st *state) (*invoicing, error) {
	s := &invoicing{mux: http.NewServeMux(), world: w, state: st, byID: map[string]object{}, lines: map[string][]object{}, billed: map[string][]object{}}
	s.load()
	if err := s.loadCredits(ctx); err != nil {
		return nil, err
	}
	s.mux.HandleFunc("POST /v1/credit_notes", func(w http.ResponseWriter, r *http.Request) { s.once(w, r, s.createCredit) })
	s.mux.HandleFunc("GET /v1/credit_notes", s.listCredits)
	s.mux.HandleFunc("GET /v1/credit_notes/{id}", func(w http.ResponseWriter, r *http.Request) { s.one(w, r, "credit_note") })
	s.mux.HandleFunc("GET /v1/customers", s.listCustomers)
	s.mux.HandleFunc("GET /v1/customers/search", s.searchCustomers)
	s.mux.HandleFunc("GET /v1/customers/{id}", func(w http.ResponseWriter, r *http.Request) { s.one(w, r, "customer") })
	s.mux.HandleFunc("GET /v1/invoices", s.listInvoices)
	s.mux.HandleFunc("GET /v1/invoices/{id}", func(w http.ResponseWriter, r *http.Request) { s.one(w, r, "invoice") })
	s.mux.HandleFunc("GET /v1/invoices/{id}/lines", s.listLines)
	s.mux.HandleFunc("GET /v1/products", s.listProducts)
	s.mux.HandleFunc("GET /v1/products/{id}", func(w http.ResponseWriter, r *http.Request) { s.one(w, r, "product") })
	s.mux.HandleFunc("GET /v1/prices/{id}", func(w http.ResponseWriter, r *http.Request) { s.one(w, r, "price") })
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		stripeError(w, http.StatusNotFound, "", "", fmt.Sprintf("Unrecognized request URL (%s: %s). Please see https://stripe.com/docs "+
			"or we can help at https://support.stripe.com/.", r.Method, r.URL.Path))
	})
	return s, nil
}

func (s *invoicing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Request-Id", "req_"+strings.Repeat("N", 14))
	w.Header().Set("Stripe-Version", "2026-08-26.dahlia")
	key, _, basic := r.BasicAuth()
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		key, basic = bearer, true
	}
	switch {
	case !basic:
		w.Header().Set("WWW-Authenticate", `Basic realm="Stripe"`)
		stripeError(w, http.StatusUnauthorized, "", "", "You did not provide an API key. You need to provide your API key in the "+
			"Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")
	case key != InvoicingLogin.Token:
		stripeError(w, http.StatusUnauthorized, "", "", "Invalid API Key provided: sk_test_*********")
	case r.Method == http.MethodPost && r.ContentLength > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		stripeError(w, http.StatusBadRequest, "", "", "Invalid request: the body must be application/x-www-form-urlencoded.")
	default:
		s.mux.ServeHTTP(w, r)
	}
}

func (s *invoicing) tooMany(w http.ResponseWriter, retry time.Duration) {
	if retry > 0 {
		retryAfter(w, retry)
	}
	w.Header().Set("Stripe-Should-Retry", "true")
	w.Header().Set("Stripe-Rate-Limited-Reason", "global-rate")
	stripeError(w, http.StatusTooManyRequests, "rate_limit", "", "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.")
}

func stripeError(w http.ResponseWriter, status int, code, param, message string) {
	e := object{"type": "invalid_request_error", "message": message}
	if code != "" {
		e["code"], e["doc_url"] = code, "https://stripe.com/docs/error-codes/"+strings.ReplaceAll(code, "_", "-")
	}
	if param != "" {
		e["param"] = param
	}
	reply(w, status, object{"error": e})
}

// known refuses parameters that the operation does not have.
func (s *invoicing) known(w http.ResponseWriter, q url.Values, names ...string) bool {
	for _, name := range sortedKeys(q) {
		base, _, _ := strings.Cut(name, "[")
		if base == "expand" && slices.Contains(names, "expand") {
			stripeError(w, http.StatusBadRequest, "", "expand", "This property cannot be expanded ("+q.Get(name)+").")
			return false
		}
		if !slices.Contains(names, base) {
			stripeError(w, http.StatusBadRequest, "parameter_unknown", name, "Received unknown parameter: "+name)
			return false
		}
	}
	return true
}

func sortedKeys(q url.Values) []string {
	keys := make([]string, 0, len(q))
	for k := range q {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (s *invoicing) one(w http.ResponseWriter, r *http.Request, kind string) {
	if !s.known(w, r.URL.Query(), "expand") {
		return
	}
	id := r.PathValue("id")
	s.mu.RLock()
	found, ok := s.byID[id]
	s.mu.RUnlock()
	if !ok || found["object"] != kind {
		stripeError(w, http.StatusNotFound, "resource_missing", "id", fmt.Sprintf("No such %s: '%s'", kind, id))
		return
	}
	reply(w, http.StatusOK, found)
}

// page answers with a piece of a list, newest first, by cursor.
func (s *invoicing) page(w http.ResponseWriter, r *http.Request, kind string, all []object) {
	q := r.URL.Query()
	limit, err := bounded(q.Get("limit"), 10, 100)
	if err != nil {
		stripeError(w, http.StatusBadRequest, "parameter_invalid_integer", "limit", "Invalid integer: "+err.Error())
		return
	}
	after, before := q.Get("starting_after"), q.Get("ending_before")
	if after != "" && before != "" {
		stripeError(w, http.StatusBadRequest, "", "ending_before", "You may only specify one of these parameters: starting_after, ending_before.")
		return
	}
	from, to := 0, min(limit, len(all))
	if cursor := after + before; cursor != "" {
		at := slices.IndexFunc(all, func(o object) bool { return o["id"] == cursor })
		param := "starting_after"
		if before != "" {
			param = "ending_before"
		}
		if at < 0 {
			stripeError(w, http.StatusBadRequest, "resource_missing", param, fmt.Sprintf("No such %s: '%s'", kind, cursor))
			return
		}
		if after != "" {
			from, to = at+1, min(at+1+limit, len(all))
		} else {
			from, to = max(0, at-limit), at
		}
	}
	more := to < len(all)
	if before != "" {
		more = from > 0
	}
	reply(w, http.StatusOK, object{"object": "list", "url": r.URL.Path, "has_more": more, "data": s.texts.of(kind, all[from:to])})
}

var stripePaging = []string{"limit", "starting_after", "ending_before", "expand"}

func (s *invoicing) listCustomers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !s.known(w, q, append(stripePaging, "email", "created", "test_clock")...) {
		return
	}
	s.page(w, r, "customer", choose(s.customers, func(o object) bool { return !q.Has("email") || o["email"] == q.Get("email") }))
}

func (s *invoicing) listInvoices(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !s.known(w, q, append(stripePaging, "customer", "customer_account", "status", "subscription", "collection_method", "created", "due_date")...) {
		return
	}
	s.mu.RLock()
	all, payer := s.invoices, s.byID[q.Get("customer")]
	if q.Has("customer") {
		all = s.billed[q.Get("customer")]
	}
	s.mu.RUnlock()
	if id := q.Get("customer"); id != "" && payer["object"] != "customer" {
		stripeError(w, http.StatusBadRequest, "resource_missing", "customer", fmt.Sprintf("No such customer: '%s'", id))
		return
	}
	if status := q.Get("status"); status != "" && !slices.Contains([]string{"draft", "open", "paid", "uncollectible", "void"}, status) {
		stripeError(w, http.StatusBadRequest, "", "status", "Invalid status: must be one of draft, open, paid, uncollectible, or void")
		return
	}
	s.page(w, r, "invoice", choose(all, func(o object) bool { return !q.Has("status") || o["status"] == q.Get("status") }))
}

func (s *invoicing) listLines(w http.ResponseWriter, r *http.Request) {
	if !s.known(w, r.URL.Query(), stripePaging...) {
		return
	}
	id := r.PathValue("id")
	lines, ok := s.lines[id]
	if !ok {
		stripeError(w, http.StatusNotFound, "resource_missing", "invoice", fmt.Sprintf("No such invoice: '%s'", id))
		return
	}
	s.page(w, r, "line_item", lines)
}

func (s *invoicing) listProducts(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !s.known(w, q, append(stripePaging, "active", "ids", "created", "shippable", "url")...) {
		return
	}
	var ids []string
	for _, name := range sortedKeys(q) {
		if strings.HasPrefix(name, "ids[") {
			ids = append(ids, q[name]...)
		}
	}
	s.page(w, r, "product", choose(s.products, func(o object) bool { return ids == nil || slices.Contains(ids, o["id"].(string)) }))
}

func choose(all []object, fits func(object) bool) []object {
	chosen := []object{}
	for _, o := range all {
		if fits(o) {
			chosen = append(chosen, o)
		}
	}
	return chosen
}
