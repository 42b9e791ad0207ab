package sqlledger

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/rules"
)

// ledger is what the effect ledger is to the robots: it knows whether a request may have left.
type ledger struct{ sent atomic.Int64 }

func (l *ledger) Sending(context.Context) error { l.sent.Add(1); return nil }

func (l *ledger) firstSent() (at time.Time) {
	if l.sent.Load() > 0 {
		at = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	}
	return at
}

type bench struct {
	*testing.T
	server  *Server
	between atomic.Value // func(http.ResponseWriter, *http.Request, http.Handler)
	pool    *robots.Pool
	truth   *pgx.Conn
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t}
	var err error
	b.server, err = Start(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.server.Stop()) })
	b.server.Between = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if fault, ok := b.between.Load().(func(http.ResponseWriter, *http.Request, http.Handler)); ok && fault != nil {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
	b.pool = robots.NewPool(robots.PoolOptions{Runs: 1})
	t.Cleanup(b.pool.Close)
	b.truth, err = pgx.Connect(t.Context(), b.server.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.truth.Close(context.Background())) })
	return b
}

// run carries out an operation of the contract by the robot of the catalogue.
func (b *bench) run(ctx context.Context, runner *robots.Runner, name, input, key string, l *ledger) (rules.Value, error) {
	b.Helper()
	robot, system := robots.CatalogRobot(name)
	require.NotNil(b, robot)
	contract, short := "invoicing", robot.Operation[len("invoicing."):]
	program, problems := robots.Compile(robot, system, contracts.Catalog()[contract].Operation(short))
	require.NoError(b, problems.Err())
	value, err := rules.FromJSON([]byte(input))
	require.NoError(b, err)
	call := robots.Call{Base: b.server.URL, Input: value, Key: key, Secrets: map[string]contracts.Secret{
		"user": contracts.NewSecret(User), "password": contracts.NewSecret(Password),
	}}
	if l != nil {
		call.Journal, call.FirstSent = l, l.firstSent()
	}
	result, err := runner.Run(ctx, program, call)
	if err != nil {
		for _, one := range result.Evidence {
			if one.MediaType == "application/json" {
				b.Logf("%s", one.Bytes)
			}
		}
	}
	return result.Output, err
}

// count is how many rows the database has.
func (b *bench) count(query string, arguments ...any) (n int) {
	b.Helper()
	require.NoError(b, b.truth.QueryRow(b.Context(), query, arguments...).Scan(&n))
	return n
}

const posting = `{"customer": %q, "order_number": "SO-7", "currency": "USD", "total": 119.30, "lines": [
	{"article": "KB-1", "quantity": 2, "unit_amount": 49.90}, {"article": "MS-1", "quantity": 1, "unit_amount": 19.50}]}`

func TestRobotsInSQLLedger(t *testing.T) {
	b := newBench(t)
	runner := robots.NewRunner(b.pool, nil)
	found, err := b.run(t.Context(), runner, "sql-ledger-find-customer", `{"email": "ada@example.com"}`, "", nil)
	require.NoError(t, err)
	require.Equal(t, "Ada Brown", found.Get("name").Text())
	id := found.Get("id").Text()
	require.Equal(t, 1, b.count("SELECT count(*) FROM customer WHERE id::text = $1 AND name = 'Ada Brown'", id))
	_, err = b.run(t.Context(), runner, "sql-ledger-find-customer", `{"email": "nobody@example.com"}`, "", nil)
	require.Equal(t, contracts.NotFound, contracts.ClassOf(err), "%v", err)

	posted, err := b.run(t.Context(), runner, "sql-ledger-post-invoice", fmt.Sprintf(posting, id), "key-1", &ledger{})
	require.NoError(t, err)
	require.Equal(t, 1, b.count("SELECT count(*) FROM ar WHERE ponumber = 'key-1' AND ordnumber = 'SO-7' AND amount = 119.3 AND id::text = $1", posted.Get("id").Text()))
	require.Equal(t, 2, b.count("SELECT count(*) FROM invoice WHERE trans_id::text = $1", posted.Get("id").Text()))
	again, err := b.run(t.Context(), runner, "sql-ledger-post-invoice", fmt.Sprintf(posting, id), "key-1", &ledger{})
	require.NoError(t, err)
	require.True(t, posted.Equal(again))
	require.Equal(t, 1, b.count("SELECT count(*) FROM ar"))
}

// TestPostingAnInvoiceOnce is the crash matrix over SQL-Ledger: whatever fails before, during and after the posting, there
// is one invoice in the database, or an open question and one invoice at most.
func TestPostingAnInvoiceOnce(t *testing.T) {
	b := newBench(t)
	runs := 1
	if text := os.Getenv("CROSSWALK_CRASH_RUNS"); text != "" {
		var err error
		runs, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	var customer string
	require.NoError(t, b.truth.QueryRow(t.Context(), "SELECT id::text FROM customer WHERE name = 'Ada Brown'").Scan(&customer))
	for run := range runs {
		for _, point := range []string{"before", "during", "after"} {
			for _, fault := range []string{"run stopped", "answer lost"} {
				key := fmt.Sprintf("%s, %s, %d", point, fault, run)
				t.Run(key, func(t *testing.T) {
					ctx, stop := context.WithCancel(t.Context())
					defer stop()
					var struck atomic.Bool
					strike := func(w http.ResponseWriter) {
						struck.Store(true)
						if fault == "run stopped" {
							stop()
							return
						}
						if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
							_ = connection.Close()
						}
					}
					b.between.Store(faulty(point, &struck, strike))
					l := &ledger{}
					_, err := b.run(ctx, robots.NewRunner(b.pool, nil), "sql-ledger-post-invoice", fmt.Sprintf(posting, customer), key, l)
					for range 4 {
						if !contracts.ClassOf(err).Temporary() {
							break
						}
						_, err = b.run(t.Context(), robots.NewRunner(b.pool, nil), "sql-ledger-post-invoice", fmt.Sprintf(posting, customer), key, l)
					}
					require.True(t, struck.Load())
					count := b.count("SELECT count(*) FROM ar WHERE ponumber = $1", key)
					t.Logf("%d invoices, %v", count, err)
					if err == nil {
						require.Equal(t, 1, count)
						return
					}
					require.Equal(t, contracts.OutcomeUnknown, contracts.ClassOf(err), "%v", err)
					require.LessOrEqual(t, count, 1)
				})
			}
		}
	}
}

// faulty strikes once: at the first update of the form, at the posting, or when it is stored and not answered yet.
func faulty(point string, struck *atomic.Bool, strike func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		actions := form["action"]
		last := ""
		if len(actions) > 0 {
			last = actions[len(actions)-1]
		}
		switch {
		case struck.Load():
		case point == "before" && last == "Update", point == "during" && last == "Post":
			strike(w)
			return
		case point == "after" && last == "Post":
			next.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
			strike(w)
			return
		}
		next.ServeHTTP(w, r)
	}
}
