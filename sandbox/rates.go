package sandbox

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rateCRMSearch is the separate limit that the CRM has on searches.
const rateCRMSearch = "crm.search"

// productRates are the requests a second that the products allow on a common plan.
var productRates = map[string]float64{SystemCRM: 19, SystemInvoicing: 100, SystemSupport: 40, rateCRMSearch: 5}

// rates refuses what comes too fast.
type rates struct {
	mu       sync.Mutex
	limiters map[string]*rate.Limiter
}

func newRates(wanted map[string]float64) *rates {
	r := &rates{limiters: map[string]*rate.Limiter{}}
	for _, system := range append([]string{rateCRMSearch}, Systems...) {
		perSecond := wanted[system]
		if perSecond == 0 {
			perSecond = productRates[system]
		}
		r.set(system, perSecond)
	}
	return r
}

// set changes the rate of a system; 0 or less: no limit. One second's worth may come at once.
func (r *rates) set(system string, perSecond float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if perSecond <= 0 {
		delete(r.limiters, system)
		return
	}
	r.limiters[system] = rate.NewLimiter(rate.Limit(perSecond), int(math.Ceil(perSecond)))
}

func (r *rates) allow(system string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.limiters[system]
	return l == nil || l.Allow()
}

func (r *rates) around(system string, h http.Handler, tooMany func(w http.ResponseWriter, retry time.Duration)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !r.allow(system) {
			tooMany(w, time.Second)
			return
		}
		h.ServeHTTP(w, q)
	})
}

func retryAfter(w http.ResponseWriter, d time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))))
}
