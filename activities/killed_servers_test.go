package activities_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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

// reserving is an adapter that reserves stock in a database of a dialect.
const reserving = `adapter: acme
contract: warehouse
protocol: sql
dialect: %s
connection: {settings: %s, secrets: {password: {}}}
operations:
  reserve_stock:
    safety: {idempotency_key: {table: crosswalk_effects}}
    request: {sql: 'update stock set reserved = reserved + $2 where sku = $1 and on_hand - reserved >= $2', params: ['${input.sku}', '${input.quantity}']}
    fail: [{when: 'answer.affected == 0', class: declined, message: too few are free}]
    output: {id: '${key}', sku: '${input.sku}', quantity: '${input.quantity}', depot: Hamburg}
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
	stockTable   = "create table stock (sku varchar(80), depot varchar(40), on_hand numeric not null, reserved numeric not null default 0, primary key (sku, depot))"
	effectsTable = "create table crosswalk_effects (effect_key varchar(128) primary key, request varchar(64) not null, answer text)"
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
			{Name: "adapter:" + w.Adapter, Serves: map[string]activities.Service{operation: {Hash: "1", Safety: safety.Kind}}, Executor: underKey{connection, "K-" + name, safety.Late}}}}
	}
	return &activities.Activities{Store: opened, Reach: func() *activities.Reach { return reach }, Contracts: k}
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

// TestKilledServedProcess is the process that is killed: it begins all writes that its parent tells it of.
func TestKilledServedProcess(t *testing.T) {
	dir := os.Getenv(servedEnv)
	if dir == "" {
		return // it is somebody's child, or nothing
	}
	worker := servedWorker{}
	require.NoError(t, json.NewDecoder(os.Stdin).Decode(&worker))
	opened, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	acts := worker.activities(t, opened)
	var running sync.WaitGroup
	for system := range worker {
		running.Go(func() {
			_ = worker.call(acts, system)
			fmt.Println("ended " + system)
		})
	}
	running.Wait()
	select {} // the parent kills us
}

// gate stands between the worker and a server. What the worker says for the n-th time is held back before the server hears
// it, or is passed on and the answer to it is held back.
type gate struct {
	address string
	server  string
	nth     int
	after   bool
	came    func()
	mu      sync.Mutex
	said    int
	holds   bool
}

func newGate(t *testing.T, server string, nth int, after bool, came func()) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{address: listener.Addr().String(), server: server, nth: nth, after: after, came: came}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go g.serve(conn)
		}
	}()
	return g
}

func (g *gate) serve(worker net.Conn) {
	defer worker.Close()
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				_ = worker.Close()
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
	buffer := make([]byte, 64<<10)
	for {
		n, err := worker.Read(buffer)
		if err != nil {
			return
		}
		held, pass := g.next()
		if pass {
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
		}
		if held && !pass {
			g.came()
		}
	}
}

// next counts what the worker says: whether it is held from now on, and whether this is still passed on.
func (g *gate) next() (held, pass bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holds { // it says more without having heard an answer
		return true, false
	}
	g.said++
	g.holds = g.said >= g.nth
	return g.holds, !g.holds || g.after
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
	w.query(t, stockTable)
	w.query(t, effectsTable)
	w.maria, err = mariadb.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.maria.Stop()) })
	w.shop, err = w.maria.Open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.shop.Close()) })
	_, err = w.shop.Exec(stockTable + ";" + effectsTable)
	require.NoError(t, err)
	w.files, err = sshserver.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.files.Stop()) })
	require.NoError(t, os.Mkdir(filepath.Join(w.directory, "orders"), 0o755))
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

// write is a write into a server that is reached at an address.
func (w *servedWorld) write(t *testing.T, kind, system, address string) servedWrite {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	switch kind {
	case "sql":
		user, password := w.database.User()
		return servedWrite{System: system, Adapter: "generic-sql", Operation: "warehouse.reserve_stock", Input: json.RawMessage(`{"sku": "` + system + `", "quantity": 2}`), Allow: []string{address},
			Settings: map[string]any{"host": host, "port": json.Number(port), "database": "stock", "user": user, "tls": "off"}, Secrets: map[string]string{"password": password}}
	case "mysql":
		return servedWrite{System: system, Adapter: "acme", File: fmt.Sprintf(reserving, "mysql", "{host: {}, port: {type: integer}, database: {}, user: {}, tls: {}}"), Operation: "warehouse.reserve_stock",
			Input: json.RawMessage(`{"sku": "` + system + `", "quantity": 2}`), Allow: []string{address}, Secrets: map[string]string{"password": mariadb.Password},
			Settings: map[string]any{"host": host, "port": json.Number(port), "database": mariadb.Database, "user": mariadb.Name, "tls": "off"}}
	case "sftp":
		return servedWrite{System: system, Adapter: "generic-sftp", Operation: "files.write_file", Input: json.RawMessage(`{"path": "orders/` + system + `.txt", "text": "` + strings.Repeat("all of it ", 20_000) + `"}`), Allow: []string{address},
			Settings: map[string]any{"host": host, "port": json.Number(port), "user": w.files.User, "directory": w.directory, "host_key": w.files.Fingerprint}, Secrets: map[string]string{"private_key": w.files.Key}}
	case "imap":
		return servedWrite{System: system, Adapter: "acme", File: keeping, Operation: "mail.send_mail", Input: json.RawMessage(`{"to": ["jane@acme.example"], "subject": "` + system + `", "text": "Hello"}`),
			Allow: []string{address}, Secrets: map[string]string{"password": mailserver.Password},
			Settings: map[string]any{"imap_host": host, "imap_port": json.Number(port), "user": "support@acme.example", "tls": "off"}}
	default:
		return servedWrite{System: system, Adapter: "generic-mail", Operation: "mail.send_mail", Input: json.RawMessage(`{"to": ["jane@acme.example"], "subject": "` + system + `", "text": "Hello"}`), Allow: []string{address, local(w.mail.IMAP)},
			Settings: map[string]any{"smtp_host": host, "smtp_port": json.Number(port), "imap_host": "127.0.0.1", "imap_port": w.mail.IMAP, "user": "support@acme.example", "sender": "support@acme.example", "tls": "off"},
			Secrets:  map[string]string{"password": mailserver.Password}}
	}
}

func (w *servedWorld) server(kind string) string {
	return map[string]string{"sql": w.database.Address(), "mysql": net.JoinHostPort(w.maria.Host, strconv.Itoa(w.maria.Port)), "sftp": local(w.files.Port), "mail": local(w.mail.SMTP), "imap": local(w.mail.IMAP)}[kind]
}

// effects are how often each write was carried out.
func (w *servedWorld) effects(t *testing.T) map[string]int {
	t.Helper()
	found := map[string]int{}
	connection, err := pgx.Connect(t.Context(), w.dsn)
	require.NoError(t, err)
	defer connection.Close(context.WithoutCancel(t.Context()))
	rows, err := connection.Query(t.Context(), "select sku, (reserved / 2)::int from stock")
	require.NoError(t, err)
	var sku string
	var times int
	_, err = pgx.ForEachRow(rows, []any{&sku, &times}, func() error { found[sku] = times; return nil })
	require.NoError(t, err)
	reserved, err := w.shop.Query("select sku, reserved / 2 from stock")
	require.NoError(t, err)
	defer reserved.Close()
	for reserved.Next() {
		var pairs float64
		require.NoError(t, reserved.Scan(&sku, &pairs))
		found[sku] = int(pairs)
	}
	require.NoError(t, reserved.Err())
	files, err := os.ReadDir(filepath.Join(w.directory, "orders"))
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasPrefix(file.Name(), ".") {
			continue // a part that never appeared
		}
		text, err := os.ReadFile(filepath.Join(w.directory, "orders", file.Name()))
		require.NoError(t, err)
		require.Len(t, text, 200_000, "%s is whole", file.Name())
		found[strings.TrimSuffix(file.Name(), ".txt")]++
	}
	require.Eventually(t, func() bool {
		idle, err := w.mail.Idle()
		return err == nil && idle
	}, 5*time.Minute, 50*time.Millisecond, "all mail is delivered")
	for _, message := range append(w.listed(t, "jane@acme.example", "INBOX"), w.listed(t, "support@acme.example", "Sent")...) {
		found[message.Get("subject").Text()]++
	}
	return found
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
// OpenSSH server, a Postfix and a Dovecot are under way, one at each thing that it says to the server, before the server has heard it and after the
// server has answered; the next worker goes on from the ledger. Each is carried out once.
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
	for kind, most := range map[string]int{"sql": 9, "mysql": 12, "sftp": 24, "mail": 9, "imap": 8} {
		for nth := 1; nth <= most; nth++ {
			for _, after := range []bool{false, true} {
				system := fmt.Sprintf("%s-%d-%t", kind, nth, after)
				switch kind {
				case "sql":
					world.query(t, "insert into stock values ($1, 'Hamburg', 100, 0)", system)
				case "mysql":
					_, err := world.shop.Exec("insert into stock values (?, 'Hamburg', 100, 0)", system)
					require.NoError(t, err)
				}
				held := newGate(t, world.server(kind), nth, after, func() { tell(system) })
				doomed[system], next[system] = world.write(t, kind, system, held.address), world.write(t, kind, system, world.server(kind))
			}
		}
	}
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
	world.effects(t) // what the servers have taken is there before anybody looks

	opened, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	defer opened.Close()
	acts := next.activities(t, opened)
	next.finish(t, acts, opened)
	effects := world.effects(t)
	for system := range next {
		require.Equal(t, 1, effects[system], "%s happened exactly once", system)
	}
	noParts(t, filepath.Join(world.directory, "orders"))
}

// finish goes on with all writes from the ledger, until each is confirmed.
func (k servedWorker) finish(t *testing.T, acts *activities.Activities, opened *store.Store) {
	t.Helper()
	for system := range k {
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
		require.Equal(t, store.EffectConfirmed, state, "%s: %v", system, err)
	}
}

// noParts looks whether a killed try left half a file behind.
func noParts(t *testing.T, directory string) {
	t.Helper()
	files, err := os.ReadDir(directory)
	require.NoError(t, err)
	for _, file := range files {
		require.False(t, strings.HasPrefix(file.Name(), "."), "%s is left", file.Name())
	}
}
