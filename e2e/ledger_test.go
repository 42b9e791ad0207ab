package e2e

import (
	"encoding/json"

	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ledger is a small system of our own, for tests of sizes and of time: it gives pages and bookings of any size and
// counts what it is asked to book.
type ledger struct {
	server *httptest.Server

	mutex  sync.Mutex
	booked map[string]map[string]int // how often each key was carried out, by what is booked
	order  []string                  // what was booked first, in the order of coming
	at     map[int]func()            // what happens when so many things are booked
	news   []string
	polls  int
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{booked: map[string]map[string]int{}, at: map[int]func(){}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		answer(w, map[string]any{"id": r.URL.Query().Get("n"), "text": strings.Repeat("x", size)})
	})
	mux.HandleFunc("GET /dump", func(w http.ResponseWriter, r *http.Request) {
		rows := make([]map[string]any, 12_000)
		for i := range rows {
			rows[i] = map[string]any{"id": strconv.Itoa(i), "text": strings.Repeat("a", 2_500)}
		}
		answer(w, map[string]any{"rows": rows})
	})
	mux.HandleFunc("GET /news", func(w http.ResponseWriter, r *http.Request) {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.polls++
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		found := []map[string]any{}
		for i := after; i < len(l.news); i++ {
			found = append(found, map[string]any{"id": strconv.Itoa(i + 1), "text": l.news[i]})
		}
		answer(w, map[string]any{"rows": found})
	})
	mux.HandleFunc("POST /book", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ What string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		answer(w, map[string]any{"id": in.What, "text": l.book(in.What, r.Header.Get("Request-Key"))})
	})
	l.server = httptest.NewServer(mux)
	t.Cleanup(l.server.Close)
	return l
}

// book carries a booking out, once for each key.
func (l *ledger) book(what, key string) string {
	l.mutex.Lock()
	if l.booked[what] == nil {
		l.booked[what] = map[string]int{}
		l.order = append(l.order, what)
	}
	l.booked[what][key] = 1
	then := l.at[len(l.order)]
	delete(l.at, len(l.order))
	l.mutex.Unlock()
	if then != nil {
		then()
	}
	return "booked"
}

// once demands that everything was booked exactly once: a second time would be a second key.
func (l *ledger) once(t *testing.T, things int) {
	t.Helper()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	require.Len(t, l.booked, things)
	for what, keys := range l.booked {
		require.Len(t, keys, 1, "%s was booked several times", what)
	}
}

func (l *ledger) bookings() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return append([]string(nil), l.order...)
}

const ledgerContract = `
contract: ledger
title: Ledger
records:
  row:
    title: Row
    schema:
      id:   {type: string, ref: ledger.row, required: true}
      text: {type: string, required: true}
operations:
  read_page:
    title: Read a page
    effect: read
    input: {n: {type: integer, required: true}, size: {type: integer, required: true}}
    output: {record: row}
    errors: [not_found]
  read_all:
    title: Read everything
    effect: read
    input: {}
    output: {rows: {type: array, items: {type: object, properties: {id: string, text: string}}, required: true}}
    errors: []
  list_news:
    title: What is new
    effect: read
    input: {after: string}
    output: {rows: {type: array, items: {type: object, properties: {id: {type: string, required: true}, text: {type: string, required: true}}}, required: true}}
    errors: []
  book:
    title: Book something
    effect: write
    input: {what: {type: string, required: true}}
    output: {record: row}
    errors: [validation]
`

const ledgerAdapter = `
adapter: ledger
title: Ledger
version: 1.0.0
contract: ledger
docs: [https://ledger.example]
connection: {base_url: 'https://ledger.example'}
auth: none
shapes:
  row: {of: [body], give: {id: '${body.id}', text: '${body.text}'}}
operations:
  read_page:
    request: {get: /page, query: {n: '${text(input.n)}', size: '${text(input.size)}'}}
    output: {shape: row, with: {body: '${answer.body}'}}
  read_all:
    answer_limit: 40 MB
    timeout: 1m
    request: {get: /dump}
    output: {rows: '${answer.body.rows}'}
  list_news:
    request: {get: /news, query: {after: '${input.after}'}}
    output: {rows: '${answer.body.rows}'}
  book:
    safety: {idempotency_key: {header: Request-Key, ttl: 24h}}
    request: {post: /book, json: {what: '${input.what}'}}
    output: {shape: row, with: {body: '${answer.body}'}}
`

const ledgerWorkspace = `
company: Ledgers
systems:
  ledger: {contract: ledger, drivers: [{adapter: ledger, base_url: 'http://LEDGER'}]}
network: {allow: ['LEDGER']}
people: {roles: roles.yaml}
calendars:
  always: {zone: Europe/Berlin, hours: 'Mon-Sun 00:00-24:00'}
`

const ledgerRoles = `
queues: {desk: {title: Desk, roles: [agent]}}
users:
  - {name: Ann, email: ann@x.example, password: 'env:CROSSWALK_E2E_PASSWORD', roles: [agent, boss], languages: [en]}
  - {name: Ben, email: ben@x.example, password: 'env:CROSSWALK_E2E_PASSWORD', roles: [agent, boss], languages: [en]}
  - {name: Cem, email: cem@x.example, password: 'env:CROSSWALK_E2E_PASSWORD', roles: [agent], languages: [en], absent: [{from: 2020-01-01, to: 2090-01-01, deputy: dee@x.example}]}
  - {name: Dee, email: dee@x.example, password: 'env:CROSSWALK_E2E_PASSWORD', roles: [clerk], languages: [en]}
  - {name: Eva, email: eva@x.example, password: 'env:CROSSWALK_E2E_PASSWORD', roles: [ceo], languages: [en]}
`

const ledgerPassword = "a-long-password-of-the-tests"

// newLedgerWorld starts a workspace of some use cases on a ledger; more is added to crosswalk.yaml.
func newLedgerWorld(t *testing.T, more string, useCases map[string]string) (*world, *ledger) {
	t.Helper()
	l := newLedger(t)
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "ledgers"), listen: freeAddress(t)}
	files := map[string]string{
		"crosswalk.yaml": strings.ReplaceAll(ledgerWorkspace+more, "LEDGER", strings.TrimPrefix(l.server.URL, "http://")),
		"roles.yaml":     ledgerRoles, "contracts/ledger.yaml": ledgerContract, "adapters/ledger.yaml": ledgerAdapter,
	}
	for name, text := range useCases {
		files["usecases/"+name+".yaml"] = "usecase: " + name + "\n" + text
	}
	for name, text := range files {
		path := filepath.Join(w.dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	w.beginLedger()
	return w, l
}

// beginLedger starts the program, or starts it again. A program that the ledger has killed before it was ready, because a
// case went on at once, is started once more.
func (w *world) beginLedger() {
	w.t.Helper()
	for {
		w.up = startAs(w.t, binary, []string{"CROSSWALK_E2E_PASSWORD=" + ledgerPassword, "CROSSWALK_E2E_HOOK=" + hookSecret}, `"ready":true`, "up", "--dir", w.dir, "--listen", w.listen, "--json")
		select {
		case <-w.up.ready:
		case <-w.up.ended:
		case <-time.After(patience):
		}
		if !w.up.killed.Load() {
			w.up.awaitReady(w.t)
			break
		}
		<-w.up.ended
	}
	var r struct{ Token string }
	readJSON(w.t, filepath.Join(w.dir, ".crosswalk", "up.json"), &r)
	w.token = r.Token
}

// begun starts a case by hand.
func (w *world) begun(useCase string, input any) string {
	w.t.Helper()
	var started struct{ Case struct{ ID string } }
	w.must(http.MethodPost, "/api/run/"+useCase, input, &started)
	return started.Case.ID
}

// user is somebody who has logged in at the desk.
type user struct {
	w      *world
	client *http.Client
}

func (w *world) login(email string) *user {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	u := &user{w: w, client: &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	form := url.Values{"email": {email}, "password": {ledgerPassword}}
	r, err := http.NewRequest(http.MethodPost, "http://"+w.listen+"/login", strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := u.client.Do(r)
	require.NoError(w.t, err)
	answer.Body.Close()
	require.Equal(w.t, http.StatusSeeOther, answer.StatusCode, email)
	return u
}

// answers answers a task and returns the status of the answer.
func (u *user) answers(id, answer string) int {
	u.w.t.Helper()
	return u.posts("/api/tasks/"+id+"/answer", `{"outcome": "done", "answer": `+answer+`}`)
}

func (u *user) posts(path, body string) int {
	u.w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+u.w.listen+path, strings.NewReader(body))
	require.NoError(u.w.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	done, err := u.client.Do(r)
	require.NoError(u.w.t, err)
	done.Body.Close()
	return done.StatusCode
}

func countTo(n int) map[string]any {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return map[string]any{"numbers": list}
}

// killAt kills the program when so many things are booked, in the middle of the booking.
func (l *ledger) killAt(w *world, bookings ...int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, n := range bookings {
		l.at[n] = func() { w.up.kill() }
	}
}

// ledgerEnds restarts the program as often as the ledger kills it, until the case has ended.
func (w *world) ledgerEnds(id string) caseDetail {
	w.t.Helper()
	for {
		select {
		case <-w.up.ended:
			w.beginLedger()
		default:
		}
		if d, err := w.look(id); err == nil && d.ended() {
			return d
		}
		pause()
	}
}

const hookSecret = "whsec_bGVkZ2VyLWxlZGdlci1sZWRnZXItbGVkZ2VyLTEyMw=="
