package robots

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

// crashSeeds are those of the runs that each fault gets at each point: one, or as many as CROSSWALK_CRASH_RUNS says (50 is
// the whole matrix), from CROSSWALK_CRASH_FROM on.
func crashSeeds(t *testing.T) (seeds []int) {
	t.Helper()
	number := func(name string, otherwise int) int {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		value, err := strconv.Atoi(text)
		require.NoError(t, err, name)
		return value
	}
	from := number("CROSSWALK_CRASH_FROM", 0)
	for seed := range number("CROSSWALK_CRASH_RUNS", 1) {
		seeds = append(seeds, from+seed)
	}
	return seeds
}

// fileJournal is a Journal that outlives its process.
type fileJournal string

func (j fileJournal) Sending(context.Context) error {
	file, err := os.OpenFile(string(j), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString("sent\n")
	return errors.Join(err, file.Sync(), file.Close())
}

func (j fileJournal) sent() (at time.Time) {
	if _, err := os.Stat(string(j)); err == nil {
		at = testInstant
	}
	return at
}

const workerEnv = "CROSSWALK_TEST_ROBOT_WORKER"

// TestCrashWorker is no test of its own: it is the process that TestCrashMatrix kills.
func TestCrashWorker(t *testing.T) {
	base := os.Getenv(workerEnv)
	if base == "" {
		return
	}
	own := NewPool(PoolOptions{Runs: 1})
	defer own.Close()
	_, err := NewRunner(own, nil).Run(t.Context(), compileOrder(t, crashSystem, orderRobot), orderCallAt(base, "k", fileJournal(os.Getenv(workerEnv+"_JOURNAL"))))
	require.NoError(t, err)
}

// crashSystem has room for a slow machine, but for a page that hangs.
const crashSystem = `
system: test
base: http://test.example
browser: {numbers: '1,234.56'}
limits: {step: 5s, run: 30s}
`

// hastySystem is crashSystem for the one attempt whose page hangs, so that it ends soon.
var hastySystem = strings.Replace(crashSystem, "step: 5s", "step: 2s", 1)

// TestCrashMatrix lets something fail before, during and after the commit, and looks at what there is in the end: exactly
// one order, or an open question to a person and one order at most; never two. Only what kills browsers has its own.
func TestCrashMatrix(t *testing.T) {
	t.Parallel()
	crashPools := make(chan *Pool, 2) // so many at a time
	for range cap(crashPools) {
		own := NewPool(PoolOptions{Runs: 1})
		t.Cleanup(own.Close)
		crashPools <- own
	}
	for _, point := range []string{"before", "during", "after"} {
		for _, fault := range []string{"browser killed", "worker killed", "page hung", "double click", "post repeated", "answer lost"} {
			for _, seed := range crashSeeds(t) {
				t.Run(fmt.Sprintf("%s/%s/%d", point, fault, seed), func(t *testing.T) {
					t.Parallel()
					own := <-crashPools
					defer func() { crashPools <- own }()
					crash(t, own, point, fault, rand.New(rand.NewPCG(uint64(seed), 6)))
				})
			}
		}
	}
}

func crash(t *testing.T, own *Pool, point, fault string, random *rand.Rand) {
	o := serveOrders(t)
	journal := fileJournal(filepath.Join(t.TempDir(), "journal"))
	runner := NewRunner(own, nil)
	var struck atomic.Bool
	started := make(chan *os.Process, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	worker := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCrashWorker$")
	worker.Env = append(os.Environ(), workerEnv+"="+o.URL, workerEnv+"_JOURNAL="+string(journal))

	// strike is called where the fault belongs, by the server, with the request that is under way.
	strike := func(w http.ResponseWriter, r *http.Request) (answered bool) {
		if !struck.CompareAndSwap(false, true) {
			return false
		}
		switch fault {
		case "browser killed":
			own.mutex.Lock()
			browser := own.current.browser
			own.mutex.Unlock()
			browser.process.kill()
		case "worker killed":
			_ = (<-started).Kill()
		case "page hung":
			<-r.Context().Done()
			return true
		case "answer lost":
			if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = connection.Close()
			}
			return true
		}
		return false
	}
	script := ""
	switch fault {
	case "double click":
		script = `document.forms[0].querySelector('[type=submit]').addEventListener('click', () => { const again = new URLSearchParams(new FormData(document.forms[0])); fetch('/orders', {method: 'POST', body: again}); })`
	case "post repeated":
		script = `document.forms[0].addEventListener('submit', () => { for (let i = 0; i < 3; i++) { navigator.sendBeacon('/orders', new URLSearchParams(new FormData(document.forms[0]))); fetch('/orders', {method: 'POST', keepalive: true, body: new URLSearchParams(new FormData(document.forms[0]))}); } })`
	}
	pause := time.Duration(random.IntN(30)) * time.Millisecond // how far the work is when the fault comes
	dropped := random.IntN(2) == 0                             // what a server makes of a client that is gone, is open
	intercept := func(w http.ResponseWriter, r *http.Request) bool {
		if point == "before" && r.URL.Path == "/orders/new" {
			<-time.After(pause)
			return strike(w, r)
		}
		return false
	}
	save := func(w http.ResponseWriter, r *http.Request) bool {
		_ = r.ParseForm() // a server notices that its client is gone when it has read the request
		if point == "during" {
			<-time.After(pause)
			if strike(w, r) {
				return true
			}
			return r.Context().Err() != nil && dropped
		}
		if point == "after" {
			number := o.keep(r)
			<-time.After(pause)
			if !strike(w, r) {
				_, _ = fmt.Fprintf(w, "<p>Order %d saved</p>", number)
			}
			return true
		}
		return false
	}
	o.behave(func(m *manners) { *m = manners{script, save, intercept} })
	program, first := compileOrder(t, crashSystem, orderRobot), crashSystem
	if fault == "page hung" {
		first = hastySystem
	}
	if fault == "worker killed" {
		require.NoError(t, worker.Start())
		started <- worker.Process
		_ = worker.Wait()
	}
	attempt := func(program *Program) error {
		call := orderCall(o, "k", journal)
		call.FirstSent = journal.sent()
		_, err := runner.Run(ctx, program, call)
		return err
	}
	err := attempt(compileOrder(t, first, orderRobot))
	for range 12 { // a slow machine
		if !contracts.ClassOf(err).Temporary() {
			break
		}
		err = attempt(program)
	}
	require.True(t, struck.Load() || script != "", "the fault did not strike")
	count := o.count("k")
	switch contracts.ClassOf(err) {
	case "":
		require.Equal(t, 1, count)
	case contracts.OutcomeUnknown:
		require.LessOrEqual(t, count, 1)
		require.False(t, journal.sent().IsZero(), "a question without a request that left")
	default:
		require.NoError(t, err)
	}
	require.LessOrEqual(t, o.posted(), 1, "more than one request came")
	t.Logf("%d orders, %v", count, err)
}
