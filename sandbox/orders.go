package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// orders speaks WooCommerce's REST API v3: orders, their refunds, and products.
type orders struct {
	mux      *http.ServeMux
	world    *World
	state    *state
	mu       sync.RWMutex // held by each request, for writing by those that change something
	list     []shopOrder  // newest first
	byID     map[string]int
	products []object
	texts    texts
}

// shopOrder is an order as the shop shows it, with the text that its loose search looks through.
type shopOrder struct {
	shown   object
	refunds []object
	text    string
	date    time.Time
}

func newOrders(ctx context.Context, w *World, st *state) (*orders, error) {
	s := &orders{mux: http.NewServeMux(), world: w, state: st, byID: map[string]int{}}
	s.load()
	if err := s.loadMade(ctx); err != nil {
		return nil, err
	}
	s.mux.HandleFunc("POST /wp-json/wc/v3/orders", s.createOrder)
	s.mux.HandleFunc("PUT /wp-json/wc/v3/orders/{id}", s.updateOrder)
	const root = "GET /wp-json/wc/v3"
	s.mux.HandleFunc(root+"/orders", s.listOrders)
	s.mux.HandleFunc(root+"/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		if o, ok := s.find(w, r); ok {
			reply(w, http.StatusOK, o.shown)
		}
	})
	s.mux.HandleFunc(root+"/orders/{id}/refunds", func(w http.ResponseWriter, r *http.Request) {
		if o, ok := s.find(w, r); ok {
			s.page(w, r, "refund", o.refunds)
		}
	})
	s.mux.HandleFunc(root+"/products", s.listProducts)
	s.mux.HandleFunc(root+"/products/{id}", s.product)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		shopError(w, http.StatusNotFound, "rest_no_route", "No route was found matching the URL and request method.")
	})
	return s, nil
}

func (s *orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, secret, ok := r.BasicAuth()
	switch {
	case !ok:
		shopError(w, http.StatusUnauthorized, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
	case key != OrdersLogin.User:
		shopError(w, http.StatusUnauthorized, "woocommerce_rest_authentication_error", "Consumer key is invalid.")
	case secret != OrdersLogin.Password:
		shopError(w, http.StatusUnauthorized, "woocommerce_rest_authentication_error", "Consumer secret is invalid.")
	case r.Method == http.MethodGet:
		s.mu.RLock()
		defer s.mu.RUnlock()
		s.mux.ServeHTTP(w, r)
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.mux.ServeHTTP(w, r)
	}
}

// tooMany: the shop itself has no limit; the web application firewall of its host has, and answers with a page.
func (s *orders) tooMany(w http.ResponseWriter, retry time.Duration) {
	if retry > 0 {
		retryAfter(w, retry)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write([]byte("<html><head><title>429 Too Many Requests</title></head><body><center><h1>429 Too Many Requests</h1></center></body></html>"))
}

func shopError(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, object{"code": code, "message": message, "data": object{"status": status}})
}

func shopInvalid(w http.ResponseWriter, param, why string) {
	reply(w, http.StatusBadRequest, object{"code": "rest_invalid_param", "message": "Invalid parameter(s): " + param,
		"data": object{"status": http.StatusBadRequest, "params": object{param: why}, "details": object{}}})
}

func (s *orders) find(w http.ResponseWriter, r *http.Request) (shopOrder, bool) {
	at, ok := s.byID[r.PathValue("id")]
	if !ok {
		shopError(w, http.StatusNotFound, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
		return shopOrder{}, false
	}
	return s.list[at], true
}

// page answers with one page of a list; a page behind the last one is empty.
func (s *orders) page(w http.ResponseWriter, r *http.Request, kind string, all []object) {
	q := r.URL.Query()
	size, err := bounded(q.Get("per_page"), 10, 100)
	if err != nil {
		shopInvalid(w, "per_page", "per_page must be between 1 (inclusive) and 100 (inclusive)")
		return
	}
	n, err := bounded(q.Get("page"), 1, 1<<30)
	if err != nil {
		shopInvalid(w, "page", "page must be greater than or equal to 1")
		return
	}
	pages := (len(all) + size - 1) / size
	w.Header().Set("X-WP-Total", strconv.Itoa(len(all)))
	w.Header().Set("X-WP-TotalPages", strconv.Itoa(pages))
	var links []string
	for _, l := range []struct {
		to  int
		rel string
		ok  bool
	}{{n - 1, "prev", n > 1}, {n + 1, "next", n < pages}} {
		if l.ok {
			links = append(links, fmt.Sprintf(`<%s>; rel="%s"`, pageURL(r, l.to), l.rel))
		}
	}
	if links != nil {
		w.Header().Set("Link", strings.Join(links, ", "))
	}
	from := min((n-1)*size, len(all))
	to := min(from+size, len(all))
	reply(w, http.StatusOK, s.texts.of(kind, all[from:to]))
}

func pageURL(r *http.Request, page int) string {
	q := r.URL.Query()
	q.Set("page", strconv.Itoa(page))
	return (&url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: q.Encode()}).String()
}

var shopStatuses = []string{"any", "trash", "auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft"}

func (s *orders) listOrders(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	statuses := commaList(append(q["status"], q["status[]"]...))
	for _, status := range statuses {
		if !slices.Contains(shopStatuses, status) {
			shopInvalid(w, "status", "status[0] is not one of "+strings.Join(shopStatuses, ", ")+".")
			return
		}
	}
	search := strings.ToLower(strings.TrimSpace(q.Get("search")))
	include := commaList(append(q["include"], q["include[]"]...))
	found := []object{}
	for _, o := range s.list {
		fits := search == "" || strings.Contains(o.text, search)
		fits = fits && (len(include) == 0 || slices.Contains(include, fmt.Sprint(o.shown["id"])))
		if fits && (len(statuses) == 0 || slices.Contains(statuses, "any") || slices.Contains(statuses, o.shown["status"].(string))) {
			found = append(found, o.shown)
		}
	}
	if q.Get("order") == "asc" {
		slices.Reverse(found)
	}
	s.page(w, r, "order", found)
}

func (s *orders) listProducts(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	search, skus := strings.ToLower(q.Get("search")), commaList(q["sku"])
	include := commaList(append(q["include"], q["include[]"]...))
	s.page(w, r, "product", choose(s.products, func(o object) bool {
		return (len(include) == 0 || slices.Contains(include, fmt.Sprint(o["id"]))) && (len(skus) == 0 || slices.Contains(skus, o["sku"].(string))) && strings.Contains(strings.ToLower(o["name"].(string)), search)
	}))
}

func (s *orders) product(w http.ResponseWriter, r *http.Request) {
	for _, p := range s.products {
		if fmt.Sprint(p["id"]) == r.PathValue("id") {
			reply(w, http.StatusOK, p)
			return
		}
	}
	shopError(w, http.StatusNotFound, "woocommerce_rest_product_invalid_id", "Invalid ID.")
}
