package sqlledger

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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
	call := callOf(b.T, b.server.URL, input, key)
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

// callOf is what a robot is called with under the account of the tests.
func callOf(t *testing.T, base, input, key string) robots.Call {
	t.Helper()
	value, err := rules.FromJSON([]byte(input))
	require.NoError(t, err)
	return robots.Call{Base: base, Input: value, Key: key, Secrets: map[string]contracts.Secret{
		"user": contracts.NewSecret(User), "password": contracts.NewSecret(Password),
	}}
}

// customer is the number by which the database knows a customer.
func (b *bench) customer(name string) (id string) {
	b.Helper()
	require.NoError(b, b.truth.QueryRow(b.Context(), "SELECT id::text FROM customer WHERE name = $1", name).Scan(&id))
	return id
}

// text is one value that the database holds.
func (b *bench) text(query string, arguments ...any) (text string) {
	b.Helper()
	require.NoError(b, b.truth.QueryRow(b.Context(), query, arguments...).Scan(&text))
	return text
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
	id := b.customer("Ada Brown")
	for _, keys := range []string{`{"email": "ada@example.com"}`, `{"emails": ["ada@home.example", "ada@example.com"], "name": "Ben Cole"}`, `{"emails": ["ada@home.example"], "company": "Nobody Ltd", "name": "Ada Brown"}`} {
		found, err := b.run(t.Context(), runner, "sql-ledger-find-customer", keys, "", nil)
		require.NoError(t, err)
		require.JSONEq(t, fmt.Sprintf(`{"id": %q, "name": "Ada Brown", "email": "ada@example.com", "phones": ["+1 555 0101"]}`, id), string(found.Plain()))
	}
	_, err := b.run(t.Context(), runner, "sql-ledger-find-customer", `{"emails": ["ada@example.com", "ben@example.com"]}`, "", nil)
	require.Equal(t, contracts.NotUnique, contracts.ClassOf(err), "%v", err)
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
	opened, err := b.run(t.Context(), runner, "sql-ledger-get-invoice", fmt.Sprintf(`{"invoice": %q}`, posted.Get("id").Text()), "", nil)
	require.NoError(t, err)
	require.JSONEq(t, b.text(`SELECT json_build_object('id', id::text, 'number', invnumber, 'status', 'open', 'issued_on', transdate, 'due_on', duedate,
		'order_number', ordnumber, 'total', amount, 'due', amount - paid, 'currency', curr)::text FROM ar WHERE ponumber = 'key-1'`), string(opened.Plain()))
	for _, nothing := range []string{"999999", id, "1 OR 1=1"} { // no such one, a customer's, nonsense
		_, err = b.run(t.Context(), runner, "sql-ledger-get-invoice", fmt.Sprintf(`{"invoice": %q}`, nothing), "", nil)
		require.Equal(t, contracts.NotFound, contracts.ClassOf(err), "%s: %v", nothing, err)
	}
}

// TestRefusedPostings are invoices that SQL-Ledger would not post, or would post as others.
func TestRefusedPostings(t *testing.T) {
	b := newBench(t)
	runner, id := robots.NewRunner(b.pool, nil), b.customer("Ada Brown")
	for name, c := range map[string]struct {
		lines, total string
		class        contracts.Class
		message      string
	}{
		"an article that is only the beginning of another": {`[{"article": "KB", "quantity": 1, "unit_amount": 49.90}]`, "49.90", contracts.Validation, "Item not on file!"},
		"another total":             {`[{"article": "KB-1", "quantity": 1, "unit_amount": 49.90}]`, "50.00", contracts.Validation, "comes to 49.9"},
		"for nothing, or its price": {`[{"article": "KB-1", "quantity": 1, "unit_amount": 0}]`, "49.90", contracts.Drift, "something else"},
		"one article in two lines":  {`[{"article": "KB-1", "quantity": 1, "unit_amount": 49.90}, {"article": "KB-1", "quantity": 2, "unit_amount": 10}]`, "69.90", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := &ledger{}
			_, err := b.run(t.Context(), runner, "sql-ledger-post-invoice", fmt.Sprintf(`{"customer": %q, "currency": "USD", "total": %s, "lines": %s}`, id, c.total, c.lines), name, l)
			require.Equal(t, c.class, contracts.ClassOf(err), "%v", err)
			if c.class == "" {
				require.Equal(t, 1, b.count("SELECT count(*) FROM ar WHERE ponumber = $1 AND amount = 69.9", name))
				return
			}
			require.ErrorContains(t, err, c.message)
			require.Zero(t, l.sent.Load())
			require.Zero(t, b.count("SELECT count(*) FROM ar WHERE ponumber = $1", name))
		})
	}
}

func TestEnteringACustomer(t *testing.T) {
	b := newBench(t)
	runner := robots.NewRunner(b.pool, nil)
	const carla = `{"name": "Carla Dietz & Söhne", "email": "carla@example.com", "phone": "+49 40 5550199",
		"address": {"street": "Elbweg 4", "postal_code": "20095", "city": "Hamburg", "country": "DE"}}`
	entered, err := b.run(t.Context(), runner, "sql-ledger-create-customer", carla, "key-1", &ledger{})
	require.NoError(t, err)
	require.Equal(t, 1, b.count(`SELECT count(*) FROM customer c JOIN address a ON a.trans_id = c.id WHERE c.id::text = $1 AND name = 'Carla Dietz & Söhne'
		AND email = 'carla@example.com' AND phone = '+49 40 5550199' AND address1 = 'Elbweg 4' AND zipcode = '20095' AND city = 'Hamburg' AND country = 'DE' AND notes = 'key-1'`, entered.Get("id").Text()))
	again, err := b.run(t.Context(), runner, "sql-ledger-create-customer", carla, "key-1", &ledger{})
	require.NoError(t, err)
	require.True(t, entered.Equal(again))
	found, err := b.run(t.Context(), runner, "sql-ledger-find-customer", `{"email": "carla@example.com"}`, "", nil)
	require.NoError(t, err)
	require.Equal(t, entered.Get("id").Text(), found.Get("id").Text())
	require.Equal(t, 3, b.count("SELECT count(*) FROM customer"))

	for _, name := range []string{"Two  spaces", "Trailing-", "A -- B", "Much too long a name for the field that SQL-Ledger has for the name of a customer"} {
		l := &ledger{}
		_, err = b.run(t.Context(), runner, "sql-ledger-create-customer", fmt.Sprintf(`{"name": %q}`, name), name, l)
		require.Equal(t, contracts.Validation, contracts.ClassOf(err), "%s: %v", name, err)
		require.Zero(t, l.sent.Load())
	}
	// The answer is lost after it was stored: it is found, and not entered again.
	var lost atomic.Bool
	b.between.Store(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/ct.pl") || lost.Swap(true) {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
		if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = connection.Close()
		}
	})
	entered, err = b.run(t.Context(), runner, "sql-ledger-create-customer", `{"name": "Dora Eck"}`, "key-2", &ledger{})
	require.NoError(t, err)
	require.True(t, lost.Load())
	require.Equal(t, b.customer("Dora Eck"), entered.Get("id").Text())
	require.Equal(t, 4, b.count("SELECT count(*) FROM customer"))
}

// TestListingInvoices reads what the database holds, and of nobody else: what is paid, in two lines, of several years,
// credited, and what was booked without articles.
func TestListingInvoices(t *testing.T) {
	b := newBench(t)
	runner, ada := robots.NewRunner(b.pool, nil), b.customer("Ada Brown")
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		require.NoError(t, err)
		return at
	}
	kettle, lamp := Line{"KE-7", "Kettle Aria 1.7 l", 2, "1249.95"}, Line{"LA-2", "Lamp \"Luna\" & shade", 1, "19.50"}
	returned := kettle
	returned.Quantity = -1
	for _, v := range []Invoice{
		{Number: "I-1", Order: "SO-1", Customer: ada, IssuedOn: day("2024-02-29"), Paid: true, Lines: []Line{kettle, lamp}},
		{Number: "I-2", Customer: ada, IssuedOn: day("2026-10-01"), Lines: []Line{lamp}},
		{Number: "C-1", Order: "SO-1", Customer: ada, IssuedOn: day("2024-03-05"), Lines: []Line{returned}},
		{Number: "I-3", Order: "SO-3", Customer: b.customer("Ben Cole"), IssuedOn: day("2026-10-02"), Lines: []Line{kettle}},
	} {
		require.NoError(t, b.server.AddInvoice(t.Context(), v))
	}
	_, err := b.truth.Exec(t.Context(), `INSERT INTO ar (invnumber, transdate, duedate, customer_id, amount, netamount, paid, invoice, curr, approved, exchangerate)
		VALUES ('T-1', '2026-10-03', '2026-10-03', $1::text::int, 50, 50, 0, false, 'USD', true, 1)`, ada)
	require.NoError(t, err)
	listed, err := b.run(t.Context(), runner, "sql-ledger-list-invoices", fmt.Sprintf(`{"customer": %q}`, ada), "", nil)
	require.NoError(t, err)
	require.JSONEq(t, b.text(`SELECT json_build_object(
		'invoices', (SELECT json_agg(json_strip_nulls(json_build_object('id', id::text, 'number', invnumber, 'status', CASE WHEN paid = amount THEN 'paid' ELSE 'open' END,
			'issued_on', transdate, 'order_number', nullif(ordnumber, ''), 'total', amount, 'currency', curr)) ORDER BY transdate DESC)
			FROM ar WHERE customer_id::text = $1 AND invoice AND amount > 0),
		'lines', (SELECT json_agg(json_strip_nulls(json_build_object('id', ar.id::text || '-' || row, 'invoice_number', invnumber, 'invoice_status', CASE WHEN paid = amount THEN 'paid' ELSE 'open' END,
			'issued_on', transdate, 'order_number', nullif(ordnumber, ''), 'article', partnumber || ' ' || l.description, 'quantity', qty,
			'amount', round((qty * l.sellprice)::numeric, 2), 'currency', curr, 'refunded', partnumber = 'KE-7')) ORDER BY transdate DESC, row)
			FROM ar JOIN (SELECT *, row_number() OVER (PARTITION BY trans_id ORDER BY id) AS row FROM invoice) l ON l.trans_id = ar.id JOIN parts p ON p.id = parts_id
			WHERE customer_id::text = $1 AND amount > 0))::text`, ada), string(listed.Plain()))
	empty, err := b.run(t.Context(), runner, "sql-ledger-list-invoices", `{"customer": "424242"}`, "", nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"invoices": [], "lines": []}`, string(empty.Plain()))
	_, err = b.run(t.Context(), runner, "sql-ledger-list-invoices", `{"customer": "Ada Brown"}`, "", nil)
	require.Equal(t, contracts.Validation, contracts.ClassOf(err), "%v", err)
}

// TestAnotherLoginEndsTheSession: SQL-Ledger keeps one session of an account. When somebody else logs in, the kept session
// is over; the robot sees it by the question for the password and logs in again.
func TestAnotherLoginEndsTheSession(t *testing.T) {
	b := newBench(t)
	first, other := robots.NewRunner(b.pool, nil), robots.NewRunner(b.pool, nil)
	for _, runner := range []*robots.Runner{first, other, first, other} {
		_, err := b.run(t.Context(), runner, "sql-ledger-find-customer", `{"name": "Ben Cole"}`, "", nil)
		require.NoError(t, err)
	}
}
