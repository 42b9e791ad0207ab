package activities_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

// helpdesk speaks as much of Zendesk's API as making a ticket needs. It keeps keys, as the real one does.
type helpdesk struct {
	mu      sync.Mutex
	loses   int // so many answers are lost after the work was done
	tickets []string
	keys    map[string]string
}

func (d *helpdesk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/api/v2/tickets") {
		http.Error(w, `{"error": "unexpected"}`, http.StatusTeapot)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	answer, known := d.keys[key]
	if !known {
		var body struct {
			Ticket struct{ Subject string } `json:"ticket"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || key == "" {
			http.Error(w, `{"error": "bad"}`, http.StatusBadRequest)
			return
		}
		d.tickets = append(d.tickets, body.Ticket.Subject)
		answer = `{"ticket": {"id": 41, "status": "new", "assignee_id": null}, "users": []}`
		d.keys[key] = answer
	}
	if d.loses > 0 {
		d.loses--
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write([]byte(answer))
}

// zendesk replaces the played support system by the shipped adapter on a server of ours.
func (b *bench) zendesk(handler http.Handler) {
	server := httptest.NewServer(handler)
	b.t.Cleanup(server.Close)
	connection, err := adapters.Catalog()["zendesk"].Connect(adapters.Config{
		System:     "support",
		Settings:   rules.Record(map[string]rules.Value{"subdomain": rules.Text("test"), "email": rules.Text("agent@example.com")}),
		Secrets:    map[string]contracts.Secret{"api_token": contracts.NewSecret("token")},
		BaseURL:    server.URL,
		AllowHosts: []string{strings.TrimPrefix(server.URL, "http://")},
	})
	require.NoError(b.t, err)
	b.t.Cleanup(connection.Close)
	played := b.acts.Reach
	b.acts.Reach = func() *activities.Reach {
		reach := played()
		reach.Systems["support"].Drivers[0].Executor = activities.Adapter{Connection: connection}
		return reach
	}
}

// However many answers are lost, in the adapter's own tries and in those of the activity: one ticket.
func TestTicketWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	desk := &helpdesk{loses: 7, keys: map[string]string{}}
	b.zendesk(desk)
	in := b.input("ticket", "support", "create_task", create)
	attempts := 0
	out, failure := b.local(in)
	for ; failure != nil; out, failure = b.ordinary(in) {
		require.Equal(t, contracts.Unavailable, failure.Class)
		attempts++
		require.Less(t, attempts, 10)
	}
	require.Positive(t, attempts)
	require.Equal(t, "#41", out.Value.Get("number").Text())
	require.Equal(t, []string{"T"}, desk.tickets)
	effect, err := b.store.Effect(t.Context(), activities.EffectKey(in.Place))
	require.NoError(t, err)
	require.Equal(t, store.EffectConfirmed, effect.State)
	require.Equal(t, "41", effect.RemoteRef)
}

func TestAnswersOfASystemBecomeClasses(t *testing.T) {
	t.Parallel()
	tests := map[int]contracts.Class{
		http.StatusBadRequest: contracts.Validation, http.StatusUnauthorized: contracts.Auth, http.StatusNotFound: contracts.NotFound,
		http.StatusConflict: contracts.Conflict, http.StatusTooManyRequests: contracts.RateLimited, http.StatusFound: contracts.Drift,
	}
	for status, class := range tests {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.zendesk(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "120")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"error": "it concerns Jane"}`))
			}))
			_, failure := b.ordinary(b.input("ticket", "support", "create_task", create))
			require.Equal(t, class, failure.Class)
			if class == contracts.RateLimited {
				require.Positive(t, failure.RetryAfter)
			}
		})
	}
}
