package sandbox

import (
	"crypto/hmac"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const newTicket = `{"ticket":{"subject":"Complaint %[1]s","comment":{"body":"All the facts","public":false},"external_id":"%[1]s",
	"requester":{"name":"Nobody Known","email":"%[1]s@new.example"},"tags":["crosswalk"],"priority":"high"}}`

func (c *Company) ticket(t *testing.T, external string, headers ...string) answer {
	t.Helper()
	return c.call(t, SystemSupport, "POST", "/api/v2/tickets.json", fmt.Sprintf(newTicket, external), headers...)
}

func TestTicketIsMadeOncePerKey(t *testing.T) {
	t.Parallel()
	o := Options{Directory: t.TempDir(), Seed: 1, Base: testDay}
	c, err := Start(t.Context(), o)
	require.NoError(t, err)
	first := c.ticket(t, "case-1", "Idempotency-Key", "k1")
	require.Equal(t, http.StatusCreated, first.status, first.text)
	require.Equal(t, "miss", first.header.Get("X-Idempotency-Lookup"))
	require.NotEmpty(t, first.header.Get("Location"))
	require.NoError(t, c.Stop())

	c, err = Start(t.Context(), o) // the key outlives a restart
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Stop()) }()
	again := c.ticket(t, "case-1", "Idempotency-Key", "k1")
	require.Equal(t, "hit", again.header.Get("X-Idempotency-Lookup"))
	require.Equal(t, first.body, again.body)
	other := c.ticket(t, "case-2", "Idempotency-Key", "k1")
	require.Equal(t, http.StatusUnprocessableEntity, other.status)
	require.Equal(t, http.StatusBadRequest, c.ticket(t, "case-3", "Idempotency-Key", strings.Repeat("x", 256)).status)

	n, err := c.Counters(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"k1": 1}, n.Executed)
	require.Len(t, n.Tickets["case-1"], 1)
	require.Equal(t, 1, n.Total)
}

func TestTicketIsMadeOnceByManyAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t)
	var group sync.WaitGroup
	ids := make([]any, 8)
	for i := range ids {
		group.Go(func() {
			a, err := c.try(SystemSupport, "POST", "/api/v2/tickets.json", fmt.Sprintf(newTicket, "case-1"), "Idempotency-Key", "k")
			if err == nil {
				ids[i] = a.body["ticket"].(map[string]any)["id"]
			}
		})
	}
	group.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
}

func TestTicketIsFoundAndChanged(t *testing.T) {
	t.Parallel()
	c := start(t)
	made := c.ticket(t, "case-1")
	id := at(t, made.body, "ticket", "id").(float64)
	path := fmt.Sprintf("/api/v2/tickets/%.0f", id)
	list := c.call(t, SystemSupport, "GET", "/api/v2/tickets.json?external_id=case-1", "")
	require.Equal(t, id, at(t, list.body, "tickets", 0, "id"))
	require.Empty(t, c.call(t, SystemSupport, "GET", "/api/v2/tickets.json?external_id=case-9", "").body["tickets"])

	agent := c.World().Agents[2]
	a := c.call(t, SystemSupport, "PUT", path+".json", fmt.Sprintf(`{"ticket":{"assignee_id":%d,"comment":{"body":"<b>new</b>","public":true},"status":"pending"}}`, agent.UserID))
	require.Equal(t, http.StatusOK, a.status, a.text)
	require.Equal(t, "pending", at(t, a.body, "ticket", "status"))
	require.NotNil(t, at(t, a.body, "ticket", "group_id"), "the agent's group")
	comments := c.call(t, SystemSupport, "GET", path+"/comments.json", "").body["comments"].([]any)
	require.Len(t, comments, 2)
	require.Equal(t, false, at(t, comments, 0, "public"))
	require.Contains(t, at(t, comments, 1, "html_body"), "&lt;b&gt;")
	require.Equal(t, "pending", at(t, c.call(t, SystemSupport, "GET", path+".json", "").body, "ticket", "status"))
	requester := at(t, made.body, "ticket", "requester_id").(float64)
	user := c.call(t, SystemSupport, "GET", fmt.Sprintf("/api/v2/users/%.0f.json", requester), "")
	require.Equal(t, "Nobody Known", at(t, user.body, "user", "name"))
}

func TestTicketRefuses(t *testing.T) {
	t.Parallel()
	c := start(t)
	for name, test := range map[string]struct {
		body   string
		status int
		text   string
	}{
		"no comment":       {`{"ticket":{"subject":"x"}}`, 422, "Description: cannot be blank"},
		"no ticket":        {`{}`, 400, "ticket"},
		"unknown field":    {`{"ticket":{"comment":{"body":"x"},"subjekt":"y"}}`, 400, "subjekt"},
		"no JSON":          {`subject=x`, 422, "JSON"},
		"status":           {`{"ticket":{"comment":{"body":"x"},"status":"done"}}`, 422, "status"},
		"priority":         {`{"ticket":{"comment":{"body":"x"},"priority":"asap"}}`, 422, "priority"},
		"assignee":         {`{"ticket":{"comment":{"body":"x"},"assignee_id":5}}`, 422, "Assignee"},
		"requester":        {`{"ticket":{"comment":{"body":"x"},"requester_id":5}}`, 422, "Requester"},
		"solved, nobody's": {`{"ticket":{"comment":{"body":"x"},"status":"solved"}}`, 422, "Assignee"},
	} {
		a := c.call(t, SystemSupport, "POST", "/api/v2/tickets.json", test.body)
		require.Equal(t, test.status, a.status, name)
		require.Contains(t, a.text, test.text, name)
	}
	require.Equal(t, http.StatusNotFound, c.call(t, SystemSupport, "GET", "/api/v2/tickets/77.json", "").status)
	require.Equal(t, http.StatusNotFound, c.call(t, SystemSupport, "PUT", "/api/v2/tickets/77.json", `{"ticket":{}}`).status)
	require.Equal(t, http.StatusBadRequest, c.call(t, SystemSupport, "GET", "/api/v2/tickets.json?page[size]=101", "").status)
	require.Equal(t, http.StatusBadRequest, c.call(t, SystemSupport, "GET", "/api/v2/tickets.json?page[size]=1&page[after]=%21", "").status)
}

func TestSupportPages(t *testing.T) {
	t.Parallel()
	c := start(t)
	seen, path := 0, "/api/v2/users.json?page[size]=90"
	for path != "" {
		a := c.call(t, SystemSupport, "GET", path, "")
		require.Equal(t, http.StatusOK, a.status, a.text)
		seen += len(a.body["users"].([]any))
		next, more := at(t, a.body, "links", "next").(string)
		require.Equal(t, at(t, a.body, "meta", "has_more"), more)
		path = strings.TrimPrefix(next, c.Addresses()[SystemSupport].URL)
	}
	a := c.call(t, SystemSupport, "GET", "/api/v2/users.json?per_page=5&page=2", "")
	require.EqualValues(t, seen, a.body["count"])
	require.Len(t, a.body["users"], 5)
	require.NotNil(t, a.body["next_page"])
}

func TestSupportKnowsPeople(t *testing.T) {
	t.Parallel()
	c := start(t)
	person := c.World().stories[3].customer // known here only
	require.Empty(t, person.ContactID)
	for _, query := range []string{
		"email:" + person.Email(), "email:" + strings.ToUpper(person.Email()), "phone:" + person.Phone, person.Email(), `"` + person.Name() + `"`,
		"type:user name:" + person.First + " email:" + person.Email(),
	} {
		a := c.call(t, SystemSupport, "GET", "/api/v2/users/search.json?query="+url.QueryEscape(query), "")
		require.Len(t, a.body["users"], 1, query)
		require.EqualValues(t, person.UserID, at(t, a.body, "users", 0, "id"))
	}
	require.Empty(t, c.call(t, SystemSupport, "GET", "/api/v2/users/search.json?query=email:nobody@x.example", "").body["users"])
	require.Equal(t, http.StatusBadRequest, c.call(t, SystemSupport, "GET", "/api/v2/users/search.json", "").status)
	identities := c.call(t, SystemSupport, "GET", fmt.Sprintf("/api/v2/users/%d/identities.json", person.UserID), "")
	require.Equal(t, person.Email(), at(t, identities.body, "identities", 0, "value"))
	agents := c.call(t, SystemSupport, "GET", "/api/v2/users.json?role[]=agent", "")
	require.Len(t, agents.body["users"], 5)
	require.Len(t, c.call(t, SystemSupport, "GET", "/api/v2/groups.json", "").body["groups"], 4)
	require.NotEmpty(t, c.call(t, SystemSupport, "GET", "/api/v2/group_memberships.json", "").body["group_memberships"])
	require.Equal(t, "Crosswalk", at(t, c.call(t, SystemSupport, "GET", "/api/v2/users/me.json", "").body, "user", "name"))
}

func TestSearchLags(t *testing.T) {
	t.Parallel()
	c := start(t)
	began := time.Now()
	c.ticket(t, "case-1")
	found := func() int {
		a, err := c.try(SystemSupport, "GET", "/api/v2/search.json?query="+url.QueryEscape("type:ticket external_id:case-1"), "")
		if err != nil {
			return -1
		}
		return len(a.body["results"].([]any))
	}
	if n := found(); time.Since(began) < searchLag { // else this machine was too slow to see it
		require.Zero(t, n)
	}
	require.Eventually(t, func() bool { return found() == 1 }, time.Minute, 50*time.Millisecond)
}

func TestSolvingSendsASignedWebhook(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0"
	got := make(chan string, 10)
	refuse := true
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := SignWebhook(secret, r.Header.Get("X-Zendesk-Webhook-Signature-Timestamp"), string(body))
		if refuse || !hmac.Equal([]byte(want), []byte(r.Header.Get("X-Zendesk-Webhook-Signature"))) {
			refuse = false // the second try is taken
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		got <- string(body)
	}))
	defer receiver.Close()
	c := start(t, func(o *Options) { o.Webhook, o.WebhookSecret = receiver.URL, secret })
	id := at(t, c.ticket(t, "case-1").body, "ticket", "id").(float64)
	path := fmt.Sprintf("/api/v2/tickets/%.0f.json", id)
	agent := c.World().Agents[2]

	own := c.call(t, SystemSupport, "PUT", path, fmt.Sprintf(`{"ticket":{"assignee_id":%d}}`, agent.UserID))
	require.Equal(t, "open", at(t, own.body, "ticket", "status"), "no webhook for what the integration does itself")
	a := c.call(t, "control", "POST", fmt.Sprintf("/control/support/tickets/%.0f/solve", id), `{"comment":"We talked on the phone"}`)
	require.Equal(t, http.StatusOK, a.status, a.text)
	select {
	case body := <-got:
		require.Contains(t, body, `"current":"SOLVED"`)
		require.Contains(t, body, `"external_id":"case-1"`)
		require.Contains(t, body, fmt.Sprintf(`"actor_id":"%d"`, agent.UserID))
	case <-time.After(time.Minute):
		require.Fail(t, "no webhook came")
	}
	require.Equal(t, "solved", at(t, c.call(t, SystemSupport, "GET", path, "").body, "ticket", "status"))
}
