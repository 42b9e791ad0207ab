package conformance

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// server plays what is not HTTP and no database: a folder of this machine, one behind SFTP, a post office.
type server interface {
	// address leads there, as connectServer reads it.
	address() string
	// outcome says what a test expected and is not there.
	outcome(exchanges []Exchange) []string
	// things are all that is there, by name, each with what is in it: for whoever looks for what should not be.
	things() map[string]string
	close()
}

// manner is how a server behaves.
type manner struct {
	refuses bool       // nobody is let in
	wire    *wireFault // what becomes of its connections; nil: nothing
	empty   bool       // what a test expects there is not there
}

func (s *suite) open(test Test, how manner) (server, error) {
	secret := s.tests.Secrets["password"]
	switch s.adapter.Protocol {
	case "files":
		return openShelf(test.Exchanges, how)
	case "sftp":
		return openSFTP(test.Exchanges, secret, how)
	default:
		return openPost(test.Exchanges, secret, how)
	}
}

// connectServer joins an adapter with a server: settings say where it is.
func connectServer(adapter *adapters.Adapter, config adapters.Config, at *url.URL) (*adapters.Connection, error) {
	set := func(name, text string) { config.Settings = config.Settings.With(name, rules.Text(text)) }
	port := func(name, text string) error {
		number, err := rules.ParseNum(text)
		config.Settings = config.Settings.With(name, rules.Number(number))
		return err
	}
	var err error
	switch adapter.Protocol {
	case "files":
		set("directory", at.Path)
	case "sftp":
		set("host", at.Hostname())
		set("directory", "/"+exchangeFolder)
		set("host_key", at.Query().Get("key"))
		err = port("port", at.Port())
	case "mail":
		set("tls", "off")
		for name, address := range map[string]string{"smtp": at.Host, "imap": at.Query().Get("imap")} {
			host, number, split := net.SplitHostPort(address)
			if split != nil {
				return nil, split
			}
			set(name+"_host", host)
			if failed := port(name+"_port", number); failed != nil {
				err = failed
			}
			config.AllowHosts = append(config.AllowHosts, address)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, name := range config.Settings.Keys() { // not every adapter has all of them
		if !slices.ContainsFunc(adapter.Settings, func(f adapters.Field) bool { return f.Name == name }) {
			config.Settings = config.Settings.With(name, rules.Missing())
		}
	}
	return adapter.Connect(config)
}

// playServer runs one test.
func (s *suite) playServer(ctx context.Context, test Test) []string {
	peer, err := s.open(test, manner{})
	if err != nil {
		return []string{err.Error()}
	}
	defer peer.close()
	connection, err := Connect(s.adapter, s.tests, peer.address())
	if err != nil {
		return []string{"the adapter cannot be connected with the settings and secrets of the tests: " + err.Error()}
	}
	defer connection.Close()
	output, err := connection.Call(ctx, test.call())
	return append(peer.outcome(test.Exchanges), test.outcome(string(output.Plain()), err)...)
}

// serverDisturbances are what is done to a call of such a server.
func (s subject) serverDisturbances() []disturbance {
	var all []disturbance
	add := func(check, name string, run func(ctx context.Context, f fault)) {
		all = append(all, disturbance{check, name, func(ctx context.Context) { run(ctx, fault{check: check, name: name}) }})
	}
	if s.adapter.Protocol != "files" {
		add(checkStatus, "the password is refused", func(ctx context.Context, f fault) {
			f.classes = []contracts.Class{contracts.Auth}
			s.meetServer(ctx, f, manner{refuses: true})
		})
		add(checkNobody, "the connection is refused", s.nobodyServes)
		for kilobytes := range 4 {
			after := []int{0, 200, 900, 4000}[kilobytes]
			add(checkBody, fmt.Sprintf("the connection is cut after %d bytes of the server", after), func(ctx context.Context, f fault) {
				f.classes, f.succeeds = []contracts.Class{contracts.Unavailable, s.doubt(contracts.Unavailable)}, true // it may have been done before
				s.meetServer(ctx, f, manner{wire: &wireFault{after: after}})
			})
			add(checkSilence, fmt.Sprintf("the server falls silent after %d bytes", after), func(ctx context.Context, f fault) {
				f.classes, f.succeeds = []contracts.Class{contracts.Unavailable, s.doubt(contracts.Unavailable)}, true
				s.meetServer(ctx, f, manner{wire: &wireFault{after: after, silent: true}})
			})
		}
	}
	add(checkShape, "nothing is there", func(ctx context.Context, f fault) {
		f.classes, f.succeeds = []contracts.Class{contracts.NotFound, contracts.Drift, contracts.Validation, contracts.Unavailable}, true
		s.meetServer(ctx, f, manner{empty: true})
	})
	add(checkHostile, "hostile texts in every input", s.hostileServer)
	if s.op.Effect == contracts.Write {
		add(checkOnce, "it is asked for again although it was done", s.servedAgain)
	}
	return all
}

func (s *subject) meetServer(ctx context.Context, f fault, how manner) {
	ctx, giveUp := context.WithTimeout(ctx, limitOfTrial)
	defer giveUp()
	if how.wire != nil {
		how.wire.fell = giveUp
	}
	peer, err := s.open(s.test, how)
	if err != nil {
		s.fail(err)
		return
	}
	defer peer.close()
	connection, err := Connect(s.adapter, s.tests, peer.address())
	if err != nil {
		return // every test has said so
	}
	defer connection.Close()
	output, err := connection.Call(ctx, s.test.call())
	s.judge(f, trial{output: output, err: err})
}

// nobodyServes calls a server that has just been closed.
func (s *subject) nobodyServes(ctx context.Context, f fault) {
	deaf, leave, err := deafAddress()
	if err != nil {
		return
	}
	defer leave()
	at := s.adapter.Protocol + "://" + deaf + "?key=SHA256:x&imap=" + deaf
	connection, err := Connect(s.adapter, s.tests, at)
	if err != nil {
		return
	}
	defer connection.Close()
	_, err = connection.Call(ctx, s.test.call())
	f.classes = []contracts.Class{contracts.Unavailable}
	s.judge(f, trial{err: err})
}

// hostileServer puts hostile texts into every input: nothing appears in another place than where the tests have things.
func (s *subject) hostileServer(ctx context.Context, f fault) {
	peer, err := s.open(s.test, manner{})
	if err != nil {
		s.fail(err)
		return
	}
	defer peer.close()
	before := map[string]bool{exchangeFolder: true}
	for _, name := range mailboxes {
		before[name] = true
	}
	connection, err := Connect(s.adapter, s.tests, peer.address())
	if err != nil {
		return
	}
	defer connection.Close()
	for _, put := range s.spoiled() {
		if _, err := connection.Call(ctx, put.call); contracts.ClassOf(err) == contracts.Internal && err != nil {
			s.find(Finding{Operation: s.op.Name, Check: f.check, Fault: f.name, Expected: "an error of the input, or none", Found: short(err.Error()), Change: "put the input where a text belongs"})
		}
	}
	for thing := range peer.things() {
		if !before[placeOf(thing)] {
			s.find(Finding{Operation: s.op.Name, Check: f.check, Fault: f.name, Expected: "nothing in another place", Found: short(thing), Change: "nothing: this is a fault of the runtime, report it"})
		}
	}
}

// exchangeFolder is the adapter's folder; what lies beside it is out of its reach.
const exchangeFolder = "exchange"

// placeOf is the outermost folder, or the mailbox, of a thing.
func placeOf(thing string) string {
	place, _, _ := strings.Cut(thing, "/")
	return place
}

// servedAgain asks for a write a second time as the ledger of effects does it when it does not know what came of the
// first: there is one effect, or the outcome is unknown.
func (s *subject) servedAgain(ctx context.Context, f fault) {
	if !s.op.Knowable() && s.op.Safety.Kind != contracts.AtMostOnce {
		return
	}
	peer, err := s.open(s.test, manner{})
	if err != nil {
		s.fail(err)
		return
	}
	defer peer.close()
	connection, err := Connect(s.adapter, s.tests, peer.address())
	if err != nil {
		return
	}
	defer connection.Close()
	call := s.test.call()
	if _, err := connection.Call(ctx, call); err != nil {
		return // its test says so
	}
	once := peer.things()
	call.FirstSent = time.Now().Add(-s.op.Safety.Late - time.Hour)
	_, err = connection.Call(ctx, call)
	found := changesOf(once, peer.things())
	if err != nil && contracts.ClassOf(err) != contracts.OutcomeUnknown {
		found = append(found, err.Error())
	}
	if len(found) > 0 {
		s.find(Finding{Operation: s.op.Name, Check: f.check, Fault: f.name, Expected: "exactly one effect", Found: strings.Join(found, "; "), Change: "the safety of the operation"})
	}
}

// changesOf says what is otherwise than before.
func changesOf(before, after map[string]string) (changes []string) {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		was, there := before[name]
		switch {
		case !there:
			changes = append(changes, name+" is there too")
		case was != after[name]:
			changes = append(changes, fmt.Sprintf("%s held %q, and holds %q", name, short(was), short(after[name])))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, there := after[name]; !there {
			changes = append(changes, name+" is there no more")
		}
	}
	return changes
}

// wireFault is what becomes of the connections of a server.
type wireFault struct {
	after  int  // bytes that the server may say
	silent bool // it says nothing more, in place of being cut
	fell   func()
	said   atomic.Int64
}

// faulty is a listener whose connections are disturbed.
type faulty struct {
	net.Listener
	fault *wireFault
}

// Accept disturbs what it accepts.
func (f faulty) Accept() (net.Conn, error) {
	conn, err := f.Listener.Accept()
	if err != nil || f.fault == nil {
		return conn, err
	}
	return &faultyConn{Conn: conn, fault: f.fault}, nil
}

type faultyConn struct {
	net.Conn
	fault *wireFault
	mu    sync.Mutex
}

// Write says as much as the server may say.
func (c *faultyConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := int64(c.fault.after) - c.fault.said.Add(int64(len(p))) + int64(len(p))
	if left >= int64(len(p)) {
		return c.Conn.Write(p)
	}
	_, _ = c.Conn.Write(p[:max(0, left)])
	if c.fault.silent {
		c.fault.fell() // nobody waits for it any longer
		return len(p), nil
	}
	return 0, c.Conn.Close()
}

// listening is a listener on this machine.
func listening(how manner) (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return faulty{listener, how.wire}, nil
}
