package activities_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/mailserver"
	"crosswalk/e2e/mariadb"
	"crosswalk/e2e/postgres"
	"crosswalk/e2e/sshserver"
	"crosswalk/rules"
	"crosswalk/store"
)

// servedWrite is a write into a real server that is no HTTP: how it is reached, and what is asked.
type servedWrite struct {
	System    string // of its own
	Adapter   string // of the catalogue
	File      string // an adapter of one's own, in its place
	Operation string // with its contract
	Input     json.RawMessage
	Settings  map[string]any
	Secrets   map[string]string
	Allow     []string
	Held      moment // if any: when the worker says so and waits
}

func (w servedWrite) adapter() *adapters.Adapter {
	if w.File == "" {
		return adapters.Catalog()[w.Adapter]
	}
	adapter, problems := adapters.Parse(w.Adapter+".yaml", []byte(w.File), contracts.Catalog())
	if problems.Err() != nil {
		panic(problems.Err())
	}
	return adapter
}

// reserving is an adapter that reserves stock in a database of a dialect, safe in some way.
const reserving = `adapter: acme
contract: warehouse
protocol: sql
dialect: %s
connection: {settings: %s, secrets: {password: {}}}
operations:
  reserve_stock:
    safety: %s
    request: {sql: 'update stock set reserved = reserved + $2 where sku = $1 and on_hand - reserved >= $2', params: ['${input.sku}', '${input.quantity}']}
    fail: [{when: 'answer.affected == 0', class: declined, message: too few are free}]
    output: {id: '${key}', sku: '${input.sku}', quantity: '${input.quantity}', depot: Hamburg}
`

// noting is an adapter that notes reservations under their keys, which it finds again.
const noting = `adapter: acme
contract: warehouse
protocol: sql
dialect: %s
connection: {settings: %s, secrets: {password: {}}}
operations:
  reserve_stock:
    safety: {lookup: find_noted, with: {key: '${key}'}}
    request: {sql: 'insert into noted (id, sku) values ($1, $2)', params: ['${key}', '${input.sku}']}
    output: {id: '${key}', sku: '${input.sku}', quantity: '${input.quantity}', depot: Hamburg}
  find_noted:
    effect: read
    input: {key: {type: string, required: true}}
    request: {sql: 'select sku from noted where id = $1', params: ['${input.key}']}
    one: '${answer.items}'
    output: {id: '${input.key}', sku: '${item.sku}', quantity: 2, depot: Hamburg}
`

// How the adapters of our own reach a database, and how they make the reservation safe.
const (
	overNetwork = "{host: {}, port: {type: integer}, database: {}, user: {}, tls: {}}"
	underKeys   = "{idempotency_key: {table: crosswalk_effects}}"
)

// laying is an adapter of a protocol of files that lays a file down in some way.
const laying = `adapter: acme
contract: files
protocol: %s
connection: {settings: %s, secrets: {private_key: {}}}
operations:
  write_file:
    safety: %s
    request: %s
    output: {id: '${answer.name}', name: '${answer.name}'}
`

// The ways in which such a file is laid down; each is whole with the text of the test.
const (
	asText  = "{write: '${segments(input.path)}', text: '${input.text}'}"
	asTable = "{write: '${segments(input.path)}', rows: [{cell: '${input.text}'}], csv: {columns: [cell]}}"
	byMove  = "{move: 'inbox/${last(segments(input.path)) ?? \"\"}', to: '${segments(input.path)}'}"
)

// overSSH is what an SFTP adapter needs.
const overSSH = "{host: {}, port: {type: integer}, user: {}, directory: {}, host_key: {}}"

// posting is an adapter that sends mail to a server that shows nobody what it sent.
const posting = `adapter: acme
contract: mail
protocol: mail
connection: {settings: {smtp_host: {}, smtp_port: {type: integer}, user: {}, tls: {}}, secrets: {password: {}}}
operations:
  send_mail:
    safety: at_most_once
    request: {send: {from: '${conn.user}', to: '${input.to}', subject: '${input.subject}', text: '${input.text}'}}
    output: {message_id: '${answer.message_id}'}
`

// keeping is an adapter that keeps mails in a mailbox without sending them.
const keeping = `adapter: acme
contract: mail
protocol: mail
connection: {settings: {imap_host: {}, imap_port: {type: integer}, user: {}, tls: {}}, secrets: {password: {}}}
operations:
  send_mail:
    safety: {lookup: find_kept, with: {key: '${key}'}}
    request: {append: {from: '${conn.user}', to: '${input.to}', subject: '${input.subject}', text: '${input.text}'}, mailbox: Sent}
    output: {message_id: '${answer.message_id}'}
  find_kept:
    effect: read
    input: {key: {type: string, required: true}}
    request: {search: {message_id: '${message_id(input.key, conn.user ?? "")}'}, mailbox: Sent}
    not_found: 'len(answer.items) == 0'
    output: {message_id: '${message_id(input.key, conn.user ?? "")}'}
`

const (
	wholeTimes        = 40_000 // how often a whole file says it
	stockTable        = "create table stock (sku varchar(80), depot varchar(40), on_hand numeric not null, reserved numeric not null default 0, primary key (sku, depot))"
	effectsTable      = "create table crosswalk_effects (effect_key varchar(128) primary key, request varchar(64) not null, answer text)"
	reservationsTable = "create table crosswalk_reservations (id text primary key, sku text not null, depot text not null, quantity numeric not null, order_number text, released boolean not null default false)"
	notedTable        = "create table noted (id varchar(128) primary key, sku varchar(80) not null)"
)

func (w servedWrite) short() (contract, operation string) {
	contract, operation, _ = strings.Cut(w.Operation, ".")
	return contract, operation
}

// servedWorker is a worker with its ledger that makes such writes.
type servedWorker map[string]servedWrite

// Contract is that of a system.
func (k servedWorker) Contract(_, system string) (*contracts.Contract, error) {
	contract, _ := k[system].short()
	return contracts.Catalog()[contract], nil
}

func (k servedWorker) activities(t *testing.T, opened *store.Store) *activities.Activities {
	t.Helper()
	reach := &activities.Reach{Systems: map[string]*activities.System{}}
	for name, w := range k {
		settings, err := json.Marshal(w.Settings)
		require.NoError(t, err)
		given, err := rules.FromJSON(settings)
		require.NoError(t, err)
		config := adapters.Config{System: name, Settings: given, Secrets: map[string]contracts.Secret{}, AllowHosts: w.Allow}
		for secret, text := range w.Secrets {
			config.Secrets[secret] = contracts.NewSecret(text)
		}
		connection, err := w.adapter().Connect(config)
		require.NoError(t, err)
		t.Cleanup(connection.Close)
		contract, operation := w.short()
		safety := w.adapter().Operation(w.Operation).Safety
		reach.Systems[name] = &activities.System{Name: name, Contract: contract, Drivers: []activities.Driver{
			{Name: "adapter:" + w.Adapter, Serves: map[string]activities.Service{operation: {Hash: "1", Safety: safety.Kind}}, Executor: heldUp{underKey{connection, "K-" + name, safety.Late}, name, w.Held}}}}
	}
	return &activities.Activities{Store: opened, Reach: func() *activities.Reach { return reach }, Contracts: k}
}

// heldUp waits before a write, or after it and before its outcome is written down, for somebody to kill it.
type heldUp struct {
	underKey
	system string
	at     moment
}

func (h heldUp) Execute(ctx context.Context, call adapters.Call) (activities.Result, error) {
	if h.at == before {
		h.wait()
	}
	result, err := h.underKey.Execute(ctx, call)
	if h.at == after {
		h.wait()
	}
	return result, err
}

func (h heldUp) wait() {
	fmt.Println("held " + h.system)
	select {}
}

func (k servedWorker) call(acts *activities.Activities, system string) error {
	w := k[system]
	_, operation := w.short()
	input, err := rules.FromJSON(w.Input)
	if err != nil {
		return err
	}
	in := activities.CallInput{Place: activities.Place{Case: "case-1", Path: system, Generation: 1}, Bundle: "b", Input: input,
		Route: activities.Route{System: system, Operation: operation, Driver: "adapter:" + w.Adapter, DriverHash: "1", Safety: w.adapter().Operation(w.Operation).Safety.Kind}}
	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(5 * time.Minute)
	acts.RegisterCalls(env)
	_, err = env.ExecuteActivity(in.Route.Name(), in)
	return err
}

const servedEnv = "CROSSWALK_KILLED_SERVED"

// TestKilledServedProcess is the process that is killed: it begins all writes that its parent tells it of, those told together at once.
func TestKilledServedProcess(t *testing.T) {
	dir := os.Getenv(servedEnv)
	if dir == "" {
		return // it is somebody's child, or nothing
	}
	opened, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	for told := json.NewDecoder(os.Stdin); ; {
		worker := servedWorker{}
		if err := told.Decode(&worker); err != nil {
			break
		}
		acts := worker.activities(t, opened)
		for system := range worker {
			go func() {
				_ = worker.call(acts, system)
				fmt.Println("ended " + system)
			}()
		}
	}
	select {} // the parent kills us
}

// moment is when a worker is killed, seen from what it says to a server for the n-th time.
type moment string

// The moments: the server has not heard it; it has answered and nobody heard the answer; it hears it when the worker is dead.
const (
	before moment = "before"
	after  moment = "after"
	late   moment = "late"
)

// gate stands between the worker and a server. What the worker says for the n-th time is held back before the server hears
// it, or is passed on and the answer to it is held back.
type gate struct {
	address  string
	server   string
	nth      int
	moment   moment
	came     func()
	listener net.Listener
	serving  sync.WaitGroup
	mu       sync.Mutex
	said     int
	holds    bool
}

func newGate(t *testing.T, server string, nth int, at moment, came func()) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{address: listener.Addr().String(), server: server, nth: nth, moment: at, came: came, listener: listener}
	t.Cleanup(g.end)
	g.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			g.serving.Go(func() { g.serve(conn) })
		}
	})
	return g
}

// end waits until the server has heard all that it will hear, after the worker's death.
func (g *gate) end() {
	_ = g.listener.Close()
	g.serving.Wait()
}

func (g *gate) serve(worker net.Conn) {
	defer worker.Close()
	dialed, err := net.Dial("tcp", g.server)
	if err != nil {
		return
	}
	server := dialed.(*net.TCPConn)
	defer server.Close()
	silent := make(chan struct{}) // the server has closed
	go func() {
		defer close(silent)
		defer worker.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			if g.holding() {
				g.came() // it has answered, and nobody hears it
				continue
			}
			if _, err := worker.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	var kept []byte
	buffer := make([]byte, 64<<10)
	for {
		n, err := worker.Read(buffer)
		if err != nil {
			break
		}
		first, pass := g.next()
		if pass {
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
			continue
		}
		if first && g.moment == late {
			kept = slices.Clone(buffer[:n])
		}
		g.came()
	}
	if kept == nil {
		return
	}
	if _, err := server.Write(kept); err == nil && server.CloseWrite() == nil {
		<-silent
	}
}

// next counts what the worker says: whether it is the first that is held back, and whether it is passed on.
func (g *gate) next() (first, pass bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holds { // it says more without having heard an answer
		return false, false
	}
	g.said++
	g.holds = g.said >= g.nth
	return g.holds, !g.holds || g.moment == after
}

func (g *gate) holding() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.holds
}

// servedWorld are the servers, and how the effects in them are counted.
type servedWorld struct {
	database  *postgres.Server
	dsn       string
	maria     *mariadb.Server
	shop      *sql.DB // in the MariaDB
	files     *sshserver.Server
	directory string
	mail      *mailserver.Server
}

func newServedWorld(t *testing.T) *servedWorld {
	t.Helper()
	w := &servedWorld{directory: t.TempDir()}
	var err error
	w.database, err = postgres.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.database.Stop()) })
	w.dsn, err = w.database.Create(t.Context(), "stock")
	require.NoError(t, err)
	for _, text := range []string{stockTable, effectsTable, "create table articles (sku text)", "create table depots (id text, name text)", "insert into depots values ('Hamburg', 'Hamburg')", reservationsTable} {
		w.query(t, text)
	}
	w.maria, err = mariadb.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.maria.Stop()) })
	w.shop, err = w.maria.Open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.shop.Close()) })
	_, err = w.shop.Exec(stockTable + ";" + effectsTable + ";" + notedTable)
	require.NoError(t, err)
	w.files, err = sshserver.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.files.Stop()) })
	for _, name := range []string{"inbox", "orders"} {
		require.NoError(t, os.Mkdir(filepath.Join(w.directory, name), 0o755))
	}
	w.mail, err = mailserver.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.mail.Stop()) })
	return w
}

func (w *servedWorld) query(t *testing.T, text string, arguments ...any) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), w.dsn)
	require.NoError(t, err)
	defer connection.Close(context.WithoutCancel(t.Context()))
	_, err = connection.Exec(t.Context(), text, arguments...)
	require.NoError(t, err)
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// servedKinds are the writes that are killed, by the server that they go to, with more than they say to it.
var servedKinds = map[string]struct {
	server string
	says   int
}{
	"sql": {"postgres", 9}, "set-sql": {"postgres", 7}, "lookup-sql": {"postgres", 11}, "release-sql": {"postgres", 7}, "once-sql": {"postgres", 7},
	"mysql": {"mariadb", 12}, "noted-mysql": {"mariadb", 10}, "once-mysql": {"mariadb", 10},
	"sftp": {"ssh", 24}, "table-sftp": {"ssh", 24}, "move-sftp": {"ssh", 20}, "once-sftp": {"ssh", 24},
	"mail": {"smtp", 9}, "once-mail": {"smtp", 8}, "imap": {"imap", 8}, "move-imap": {"imap", 24},
}

// write is a write into a server that is reached at an address.
func (w *servedWorld) write(t *testing.T, kind, system, address string) servedWrite {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	made := servedWrite{System: system, Adapter: "acme", Allow: []string{address}}
	way, protocol, special := strings.Cut(kind, "-")
	if !special {
		way, protocol = "", kind
	}
	switch protocol {
	case "sql":
		user, password := w.database.User()
		made.Settings = map[string]any{"host": host, "port": json.Number(port), "database": "stock", "user": user, "tls": "off"}
		made.Secrets = map[string]string{"password": password}
		made.Operation, made.Input = "warehouse.reserve_stock", json.RawMessage(`{"sku": "`+system+`", "quantity": 2}`)
		switch way {
		case "":
			made.Adapter = "generic-sql"
		case "set":
			made.Adapter, made.Operation, made.Input = "generic-sql", "warehouse.set_stock", json.RawMessage(`{"sku": "`+system+`", "depot": "Hamburg", "on_hand": 7}`)
		case "lookup":
			made.Adapter = "warehouse-sql"
		case "release":
			made.Adapter, made.Operation, made.Input = "warehouse-sql", "warehouse.release_stock", json.RawMessage(`{"reservation": "`+system+`"}`)
		default:
			made.File = fmt.Sprintf(reserving, "postgresql", overNetwork, "at_most_once")
		}
	case "mysql":
		made.Settings = map[string]any{"host": host, "port": json.Number(port), "database": mariadb.Database, "user": mariadb.Name, "tls": "off"}
		made.Secrets = map[string]string{"password": mariadb.Password}
		made.Operation, made.Input = "warehouse.reserve_stock", json.RawMessage(`{"sku": "`+system+`", "quantity": 2}`)
		made.File = map[string]string{"": fmt.Sprintf(reserving, "mysql", overNetwork, underKeys), "once": fmt.Sprintf(reserving, "mysql", overNetwork, "at_most_once"), "noted": fmt.Sprintf(noting, "mysql", overNetwork)}[way]
	case "sftp":
		made.Settings = map[string]any{"host": host, "port": json.Number(port), "user": w.files.User, "directory": w.directory, "host_key": w.files.Fingerprint}
		made.Secrets = map[string]string{"private_key": w.files.Key}
		made.Operation, made.Input = "files.write_file", json.RawMessage(`{"path": "orders/`+system+`.txt", "text": "`+strings.Repeat("all of it ", wholeTimes)+`"}`)
		made.lay(way, "sftp", overSSH)
	case "imap":
		made.Settings = map[string]any{"imap_host": host, "imap_port": json.Number(port), "user": "support@acme.example", "tls": "off"}
		made.Secrets = map[string]string{"password": mailserver.Password}
		made.File, made.Operation, made.Input = keeping, "mail.send_mail", json.RawMessage(`{"to": ["jane@acme.example"], "subject": "`+system+`", "text": "Hello"}`)
		if way == "move" {
			made.Adapter, made.File, made.Operation, made.Input = "generic-mail", "", "mail.move_message", json.RawMessage(`{"message": "<`+system+`@acme.example>", "to": "Done"}`)
			made.Allow = append(made.Allow, local(w.mail.SMTP))
			made.Settings["smtp_host"], made.Settings["smtp_port"], made.Settings["sender"] = "127.0.0.1", w.mail.SMTP, "support@acme.example"
		}
	default:
		made.Settings = map[string]any{"smtp_host": host, "smtp_port": json.Number(port), "user": "support@acme.example", "tls": "off"}
		made.Secrets = map[string]string{"password": mailserver.Password}
		made.File, made.Operation, made.Input = posting, "mail.send_mail", json.RawMessage(`{"to": ["jane@acme.example"], "subject": "`+system+`", "text": "Hello"}`)
		if way == "" {
			made.Adapter, made.File, made.Allow = "generic-mail", "", append(made.Allow, local(w.mail.IMAP))
			made.Settings["imap_host"], made.Settings["imap_port"], made.Settings["sender"] = "127.0.0.1", w.mail.IMAP, "support@acme.example"
		}
	}
	return made
}

// lay chooses the way in which a file is laid down.
func (w *servedWrite) lay(way, protocol, settings string) {
	if way == "" {
		w.Adapter = "generic-" + protocol
		return
	}
	request, safety := asText, "natural_key"
	switch way {
	case "table":
		request = asTable
	case "move":
		request = byMove
	case "once":
		safety = "at_most_once"
	}
	w.File = fmt.Sprintf(laying, protocol, settings, safety, request)
}

// prepare puts there what a write needs.
func (w *servedWorld) prepare(t *testing.T, kind, system string) {
	t.Helper()
	switch server := servedKinds[kind].server; {
	case server == "postgres":
		reserved := 0
		if kind == "release-sql" {
			reserved = 4
			w.query(t, "insert into crosswalk_reservations values ($1, $1, 'Hamburg', 2)", system)
		}
		w.query(t, "insert into stock values ($1, 'Hamburg', 100, $2)", system, reserved)
		w.query(t, "insert into articles values ($1)", system)
	case server == "mariadb":
		_, err := w.shop.Exec("insert into stock values (?, 'Hamburg', 100, 0)", system)
		require.NoError(t, err)
	case kind == "move-sftp":
		require.NoError(t, os.WriteFile(filepath.Join(w.directory, "inbox", system+".txt"), []byte(strings.Repeat("all of it ", wholeTimes)), 0o600))
	case kind == "move-imap":
		text := "From: jane@acme.example\r\nTo: support@acme.example\r\nSubject: " + system + "\r\nMessage-ID: <" + system + "@acme.example>\r\n\r\nHello\r\n"
		require.NoError(t, smtp.SendMail(local(w.mail.SMTP), smtp.PlainAuth("", "support@acme.example", mailserver.Password, "127.0.0.1"), "support@acme.example", []string{"support@acme.example"}, []byte(text)))
	}
}

func (w *servedWorld) server(kind string) string {
	return map[string]string{"postgres": w.database.Address(), "mariadb": net.JoinHostPort(w.maria.Host, strconv.Itoa(w.maria.Port)), "ssh": local(w.files.Port), "smtp": local(w.mail.SMTP), "imap": local(w.mail.IMAP)}[servedKinds[kind].server]
}

// effects are how often each write was carried out.
func (w *servedWorld) effects(t *testing.T) map[string]int {
	t.Helper()
	found := map[string]int{}
	connection, err := pgx.Connect(t.Context(), w.dsn)
	require.NoError(t, err)
	defer connection.Close(context.WithoutCancel(t.Context()))
	rows, err := connection.Query(t.Context(), "select sku, (case when sku like 'set-%' then 2 * (on_hand = 7)::int when sku like 'release-%' then 4 - reserved else reserved end / 2)::int from stock")
	require.NoError(t, err)
	var sku string
	var times int
	_, err = pgx.ForEachRow(rows, []any{&sku, &times}, func() error { found[sku] = times; return nil })
	require.NoError(t, err)
	countStock(t, w.shop, found)
	maps.Copy(found, wholeFiles(t, filepath.Join(w.directory, "orders")))
	w.delivered(t)
	for _, message := range slices.Concat(w.listed(t, "jane@acme.example", "INBOX"), w.listed(t, "support@acme.example", "Sent"), w.listed(t, "support@acme.example", "Done")) {
		found[message.Get("subject").Text()]++
	}
	for _, message := range w.listed(t, "support@acme.example", "INBOX") {
		if system := message.Get("subject").Text(); strings.HasPrefix(system, "move-") {
			require.Zero(t, found[system], "%s lies in both mailboxes", system)
		}
	}
	return found
}

// countStock counts what was reserved in a database, by article.
func countStock(t *testing.T, db *sql.DB, found map[string]int) {
	t.Helper()
	rows, err := db.Query("select s.sku, s.reserved / 2 + (select count(*) from noted n where n.sku = s.sku) from stock s")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var sku string
		var times float64
		require.NoError(t, rows.Scan(&sku, &times))
		found[sku] = int(times)
	}
	require.NoError(t, rows.Err())
}

// wholeFiles are the files that have appeared in a directory, each of which is whole.
func wholeFiles(t *testing.T, directory string) map[string]int {
	t.Helper()
	found := map[string]int{}
	files, err := os.ReadDir(directory)
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasPrefix(file.Name(), ".") {
			continue // a part that never appeared
		}
		text, err := os.ReadFile(filepath.Join(directory, file.Name()))
		require.NoError(t, err)
		require.Equal(t, wholeTimes, strings.Count(string(text), "all of it "), "%s is whole", file.Name())
		found[strings.TrimSuffix(file.Name(), ".txt")]++
	}
	return found
}

func (w *servedWorld) delivered(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		idle, err := w.mail.Idle()
		return err == nil && idle
	}, 5*time.Minute, 50*time.Millisecond, "all mail is delivered")
}

// listed are the mails in a folder.
func (w *servedWorld) listed(t *testing.T, user, folder string) []rules.Value {
	t.Helper()
	box := w.write(t, "mail", "box", local(w.mail.SMTP))
	box.Settings["user"] = user
	settings, err := json.Marshal(box.Settings)
	require.NoError(t, err)
	given, err := rules.FromJSON(settings)
	require.NoError(t, err)
	reader, err := box.adapter().Connect(adapters.Config{System: "box", Settings: given, AllowHosts: box.Allow, Secrets: map[string]contracts.Secret{"password": contracts.NewSecret(mailserver.Password)}})
	require.NoError(t, err)
	defer reader.Close()
	list, err := reader.Call(t.Context(), adapters.Call{Operation: "mail.list_messages", Input: rules.Record(map[string]rules.Value{"folder": rules.Text(folder), "since": rules.Text(time.Now().AddDate(0, 0, -2).Format(time.DateOnly))})})
	require.NoError(t, err)
	return list.Get("messages").Items()
}

// TestAWorkerIsKilledDuringAWriteIntoEveryKindOfServer kills a process in which writes into a PostgreSQL, a MariaDB, an
// OpenSSH server, a Postfix and a Dovecot are under way, one at each thing that it says to the server: before the server has
// heard it, after the server has answered, and with the server hearing it when the worker is dead. The next worker goes on from
// the ledger. Each is carried out once, or, of one that is safe in no way, the outcome is unknown.
func TestAWorkerIsKilledDuringAWriteIntoEveryKindOfServer(t *testing.T) {
	t.Parallel()
	world := newServedWorld(t)
	doomed, next := servedWorker{}, servedWorker{}
	var mu sync.Mutex
	over := map[string]bool{} // held, or ended
	tell := func(system string) {
		mu.Lock()
		defer mu.Unlock()
		over[system] = true
	}
	random := rand.New(rand.NewPCG(4, 4))
	var gates []*gate
	for _, kind := range slices.Sorted(maps.Keys(servedKinds)) {
		says, others := servedKinds[kind].says, strings.Contains(kind, "-")
		for nth := 1; nth <= says; nth++ {
			for _, at := range []moment{before, after, late} {
				if others && random.IntN(says) > 1 || !others && at == late && random.IntN(2) == 0 {
					continue // some six of each kind do
				}
				system := fmt.Sprintf("%s-%d-%s", kind, nth, at)
				world.prepare(t, kind, system)
				held := newGate(t, world.server(kind), nth, at, func() { tell(system) })
				gates = append(gates, held)
				doomed[system], next[system] = world.write(t, kind, system, held.address), world.write(t, kind, system, world.server(kind))
			}
		}
	}
	world.delivered(t)
	dir := t.TempDir()
	prepare(t, dir)
	orders, err := json.Marshal(doomed)
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledServedProcess$", "-test.timeout=10m")
	child.Env = append(os.Environ(), servedEnv+"="+dir)
	child.Stdin, child.Stderr = strings.NewReader(string(orders)), os.Stderr
	said, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	go func() {
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if system, ended := strings.CutPrefix(lines.Text(), "ended "); ended {
				tell(system)
			}
		}
	}()
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(over) == len(doomed)
	}, 5*time.Minute, 20*time.Millisecond, "every write is held, or over")
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	for _, held := range gates {
		held.end()
	}
	world.effects(t) // what the servers have taken is there before anybody looks

	opened, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	defer opened.Close()
	acts := next.activities(t, opened)
	next.finish(t, acts, opened, world.effects)
	noParts(t, filepath.Join(world.directory, "orders"))
}

// finish goes on with all writes from the ledger, until each is confirmed and was done once, or its outcome is unknown.
func (k servedWorker) finish(t *testing.T, acts *activities.Activities, opened *store.Store, count func(*testing.T) map[string]int) {
	t.Helper()
	unknown := map[string]bool{}
	for system, w := range k {
		var state store.EffectState
		var err error
		for range 30 {
			err = k.call(acts, system)
			effect, failed := opened.Effect(t.Context(), activities.EffectKey(activities.Place{Case: "case-1", Path: system, Generation: 1}))
			require.NoError(t, failed, "%s: %v", system, err)
			if state = effect.State; state == store.EffectConfirmed || state == store.EffectUnknown {
				break
			}
		}
		if unknown[system] = state == store.EffectUnknown; unknown[system] {
			require.Equal(t, contracts.AtMostOnce, w.adapter().Operation(w.Operation).Safety.Kind, "%s could have been settled: %v", system, err)
			continue
		}
		require.Equal(t, store.EffectConfirmed, state, "%s: %v", system, err)
	}
	effects := count(t)
	for system := range k {
		if unknown[system] {
			require.LessOrEqual(t, effects[system], 1, system)
			continue
		}
		require.Equal(t, 1, effects[system], "%s happened exactly once", system)
	}
}

// noParts looks whether a killed try left half a file behind, but for one after which nobody tries again.
func noParts(t *testing.T, directory string) {
	t.Helper()
	files, err := os.ReadDir(directory)
	require.NoError(t, err)
	for _, file := range files {
		require.False(t, strings.HasPrefix(file.Name(), ".") && !strings.HasPrefix(file.Name(), ".once-"), "%s is left", file.Name())
	}
}
