package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(withBinary(m))
}

// withBinary builds the program, unless CROSSWALK_BINARY names one.
func withBinary(m *testing.M) int {
	if binary = os.Getenv("CROSSWALK_BINARY"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "crosswalk-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "crosswalk")
	build := exec.Command("go", "build", "-o", binary, "crosswalk/cmd/crosswalk")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %s\n%s", err, output)
		return 1
	}
	return m.Run()
}

// patience is how long anything may take before a test gives up; a machine under load is slow.
const patience = 90 * time.Second

// until polls until the condition holds; it says why it does not yet.
func until(t *testing.T, what string, holds func() (bool, string)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ok, why := holds()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s: %s", patience, what, why)
		}
		pause()
	}
}

// pause is the time between two looks.
func pause() { time.Sleep(40 * time.Millisecond) }

// process is a running program of ours.
type process struct {
	cmd    *exec.Cmd
	ready  chan struct{}
	ended  chan struct{}
	err    error       // of Wait, once ended
	killed atomic.Bool // by us
	mu     sync.Mutex
	output bytes.Buffer
}

// start runs the program; it is ready when a line of its output holds the mark.
func start(t *testing.T, mark string, args ...string) *process {
	t.Helper()
	return startAs(t, binary, nil, mark, args...)
}

// startAs starts a program with more in its environment.
func startAs(t *testing.T, program string, environment []string, mark string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), ready: make(chan struct{}), ended: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Env = append(os.Environ(), environment...)
	w := &watcher{process: p, mark: mark}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	require.NoError(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("output of crosswalk %s:\n%s", args[0], tail(p.said(), 6000))
		}
	})
	return p
}

type watcher struct {
	process *process
	mark    string
	seen    bool
}

func (w *watcher) Write(b []byte) (int, error) {
	p := w.process
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output.Write(b)
	if !w.seen && strings.Contains(p.output.String(), w.mark) {
		w.seen = true
		close(p.ready)
	}
	return len(b), nil
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	select {
	case <-p.ready:
	case <-p.ended:
		select {
		case <-p.ready: // and has ended since
			return
		default:
		}
		t.Fatalf("it ended before it was ready: %v\n%s", p.err, tail(p.said(), 4000))
	case <-time.After(patience):
		t.Fatalf("it was not ready within %s:\n%s", patience, tail(p.said(), 4000))
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends it at once and waits until it is gone.
func (p *process) kill() {
	p.killed.Store(true)
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

// awaitEnd waits until it has ended.
func (p *process) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("it did not end within %s:\n%s", patience, tail(p.said(), 4000))
	}
}

// terminate asks it to stop, as an operator does, and returns the exit code.
func (p *process) terminate(t *testing.T) int {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.awaitEnd(t)
	return p.cmd.ProcessState.ExitCode()
}

var addresses atomic.Int32

// freeAddress is a loopback address that nobody listens on and that no program chooses by itself: those choose from
// freeport's ports and the system's own, and these lie between.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 2400 {
		address := fmt.Sprintf("127.0.0.1:%d", 30300+(os.Getpid()+int(addresses.Add(1)))%2400)
		if listener, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, listener.Close())
			return address
		}
	}
	t.Fatal("no port from 30300 to 32700 is free")
	return ""
}

// world is a demo company and a program that is connected to it, each a process of its own.
type world struct {
	*company
	t      *testing.T
	dir    string
	listen string
	up     *process
	token  string
	mail   string // host:port
}

// newWorld starts both; the company is made from the seed.
func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "demo"), listen: freeAddress(t)}
	w.company = startCompany(t, w.dir, w.listen, seed)
	w.begin()
	return w
}

// launch starts the program without waiting for it.
func (w *world) launch() {
	w.t.Helper()
	w.up = start(w.t, `"ready":true`, "up", "--dir", w.dir, "--listen", w.listen, "--json")
}

// begin starts the program, or starts it again, and waits until it takes work.
func (w *world) begin() {
	w.t.Helper()
	w.launch()
	w.up.awaitReady(w.t)
	w.connect()
}

// connect reads how the running program is reached.
func (w *world) connect() {
	w.t.Helper()
	var r struct {
		Token string
		Mail  []string
	}
	readJSON(w.t, filepath.Join(w.dir, ".crosswalk", "up.json"), &r)
	require.NotEmpty(w.t, r.Mail, "up.json names no address for mail")
	w.token, w.mail = r.Token, r.Mail[0]
}

// crosswalk runs a command beside the running program and returns what it printed and its exit code.
func (w *world) crosswalk(args ...string) (string, int) {
	w.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = filepath.Dir(w.dir)
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(w.t, err)
	}
	return string(output), cmd.ProcessState.ExitCode()
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, into))
}

// ask calls the JSON interface; an answer that is no success is an error.
func (w *world) ask(method, path string, body, into any) error {
	return request(method, "http://"+w.listen+path, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+w.token) }, body, into)
}

func (w *world) must(method, path string, body, into any) {
	w.t.Helper()
	require.NoError(w.t, w.ask(method, path, body, into), "%s %s", method, path)
}

var web = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func request(method, url string, prepare func(*http.Request), body, into any) error {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, url, content)
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if prepare != nil {
		prepare(r)
	}
	answer, err := web.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", answer.Status, tail(string(raw), 400))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}
