package sqlledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/robots"
)

// What may fail, and when.
var (
	crashPoints = []string{"before", "during", "after"}
	crashFaults = []string{"browser killed", "worker killed", "page hung", "double click", "post repeated", "answer lost"}
)

// repeats are scripts of a page that send the commit's request again, as impatient people and bad pages do.
var repeats = map[string]string{
	"double click": `document.forms.main.addEventListener('submit', e => { if (e.submitter?.value === 'Post') fetch('is.pl', {method: 'POST', body: new URLSearchParams(new FormData(e.target, e.submitter))}); })`,
	"post repeated": `document.forms.main.addEventListener('submit', e => { if (e.submitter?.value !== 'Post') return;
		for (let i = 0; i < 3; i++) { const again = new URLSearchParams(new FormData(e.target, e.submitter)); navigator.sendBeacon('is.pl', again); fetch('is.pl', {method: 'POST', keepalive: true, body: again}); } })`,
}

const (
	workerEnv = "CROSSWALK_TEST_LEDGER_WORKER"
	onePosted = `{"customer": %q, "order_number": "SO-7", "currency": "USD", "total": 49.90, "lines": [{"article": "KB-1", "quantity": 1, "unit_amount": 49.90}]}`
)

// fileJournal is a ledger that outlives its process.
type fileJournal string

func (j fileJournal) Sending(context.Context) error {
	file, err := os.OpenFile(string(j), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString("sent\n")
	return errors.Join(err, file.Sync(), file.Close())
}

func (j fileJournal) firstSent() (at time.Time) {
	if _, err := os.Stat(string(j)); err == nil {
		at = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	}
	return at
}

// impatient is the posting robot of the catalogue, which waits less long for a page that hangs.
func impatient(t *testing.T) *robots.Program {
	t.Helper()
	return quicker(t, "step: 20s", "step: 12s", "within: 40s", "within: 12s", "over: 15s", "over: 4s")
}

// quicker is the posting robot of the catalogue with other times.
func quicker(t *testing.T, times ...string) *robots.Program {
	t.Helper()
	catalog := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join("..", "..", "robots", "catalog", name))
		require.NoError(t, err)
		changed := strings.NewReplacer(times...).Replace(string(text))
		require.NotEqual(t, string(text), changed)
		return []byte(changed)
	}
	system, problems := robots.ParseSystem("sql-ledger.system.yaml", catalog("sql-ledger.system.yaml"))
	require.NoError(t, problems.Err())
	robot, problems := robots.Parse("post-invoice.yaml", catalog("sql-ledger-post-invoice.yaml"))
	require.NoError(t, problems.Err())
	program, problems := robots.Compile(robot, system, contracts.Catalog()["invoicing"].Operation("post_invoice"))
	require.NoError(t, problems.Err())
	return program
}

// TestPostingWorker is no test of its own: it is the process that TestPostingAnInvoiceOnce kills.
func TestPostingWorker(t *testing.T) {
	if os.Getenv(workerEnv) == "" {
		return
	}
	pool := robots.NewPool(robots.PoolOptions{Runs: 1})
	defer pool.Close()
	journal := fileJournal(os.Getenv(workerEnv + "_JOURNAL"))
	_, err := robots.NewRunner(pool, nil).Run(t.Context(), impatient(t), postingCall(t, os.Getenv(workerEnv), os.Getenv(workerEnv+"_CUSTOMER"), os.Getenv(workerEnv+"_KEY"), journal))
	require.NoError(t, err)
}

func postingCall(t *testing.T, base, customer, key string, journal fileJournal) robots.Call {
	t.Helper()
	call := callOf(t, base, fmt.Sprintf(onePosted, customer), key)
	call.Journal, call.FirstSent = journal, journal.firstSent()
	return call
}

// TestPostingAnInvoiceOnce is the crash matrix over SQL-Ledger: whatever fails before, during and after the posting, there
// is one invoice in the database, or an open question and one invoice at most. Every fault is tried at one of the points;
// CROSSWALK_CRASH_RUNS says how often each of them is tried at each point, CROSSWALK_CRASH_FROM with which seed first.
func TestPostingAnInvoiceOnce(t *testing.T) {
	if os.Getenv(workerEnv) != "" {
		return
	}
	b := newBench(t)
	runs, all, from := 1, false, 0
	var err error
	if text := os.Getenv("CROSSWALK_CRASH_RUNS"); text != "" {
		runs, err = strconv.Atoi(text)
		require.NoError(t, err)
		all = true
	}
	if text := os.Getenv("CROSSWALK_CRASH_FROM"); text != "" {
		from, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	runner, customer := robots.NewRunner(b.pool, nil), b.customer("Ada Brown")
	for seed := from; seed < from+runs; seed++ {
		for p, point := range crashPoints {
			for f, fault := range crashFaults {
				if !all && (p+f)%len(crashPoints) != 0 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%d", point, fault, seed), func(t *testing.T) {
					b.crash(t, runner, customer, point, fault, uint64(seed))
				})
			}
		}
	}
}

func (b *bench) crash(t *testing.T, runner *robots.Runner, customer, point, fault string, seed uint64) {
	random := rand.New(rand.NewPCG(seed, uint64(len(point)*100+len(fault))))
	c := &crash{point: point, fault: fault, pause: time.Duration(random.IntN(60)) * time.Millisecond, dropped: random.IntN(2) == 0}
	key := fmt.Sprintf("%s %s %d", point, fault, seed)
	journal := fileJournal(filepath.Join(t.TempDir(), "journal"))
	b.between.Store(c.answer)
	defer b.between.Store((&crash{}).answer)
	if fault == "worker killed" {
		worker := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPostingWorker$")
		worker.Env = append(os.Environ(), workerEnv+"="+b.server.URL, workerEnv+"_JOURNAL="+string(journal), workerEnv+"_KEY="+key, workerEnv+"_CUSTOMER="+customer)
		require.NoError(t, worker.Start())
		c.worker.Store(worker.Process)
		_ = worker.Wait() // it is killed, or has done its work
	}
	attempt := func(program *robots.Program) error {
		_, err := runner.Run(t.Context(), program, postingCall(t, b.server.URL, customer, key, journal))
		return err
	}
	first := impatient(t)
	if fault == "page hung" { // no longer than it must
		first = quicker(t, "step: 20s", "step: 4s", "within: 40s", "within: 4s", "over: 15s", "over: 4s")
	}
	err := attempt(first)
	for range 8 { // a slow machine
		if !contracts.ClassOf(err).Temporary() {
			break
		}
		err = attempt(impatient(t))
	}
	require.True(t, c.struck.Load() || c.repeating(), "the fault did not strike")
	var count, right int // in one look: a killed worker's request may still be on its way
	require.NoError(t, b.truth.QueryRow(t.Context(), "SELECT count(*), count(*) FILTER (WHERE amount = 49.9 AND ordnumber = 'SO-7') FROM ar WHERE ponumber = $1", key).Scan(&count, &right))
	t.Logf("%d invoices, %d requests, %v", count, c.posts.Load(), err)
	require.LessOrEqual(t, c.posts.Load(), int64(1), "more than one request came")
	require.Equal(t, count, right)
	if err == nil {
		require.Equal(t, 1, count)
		return
	}
	require.Equal(t, contracts.OutcomeUnknown, contracts.ClassOf(err), "%v", err)
	require.False(t, journal.firstSent().IsZero(), "a question without a request that left")
	require.LessOrEqual(t, count, 1)
}

// crash stands before SQL-Ledger and lets the fault strike once: at the first update of the form, when the posting comes,
// or when it is stored and not answered yet.
type crash struct {
	point, fault string
	pause        time.Duration // how far the work is when the fault comes
	dropped      bool          // what comes during a fault is not stored
	struck       atomic.Bool
	posts        atomic.Int64
	worker       atomic.Pointer[os.Process]
}

func (c *crash) repeating() bool { return repeats[c.fault] != "" }

func (c *crash) answer(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	last := ""
	if actions := form["action"]; len(actions) > 0 {
		last = actions[len(actions)-1]
	}
	if last == "Post" {
		c.posts.Add(1)
	}
	stored := r.WithContext(context.WithoutCancel(r.Context()))
	switch {
	case c.point == "before" && last == "Update" && c.struck.CompareAndSwap(false, true):
		if c.strike(w, r) {
			return
		}
	case c.point == "during" && last == "Post" && c.struck.CompareAndSwap(false, true):
		gone := c.strike(w, r)
		switch {
		case gone && !c.dropped:
			next.ServeHTTP(httptest.NewRecorder(), stored)
			return
		case gone:
			return
		}
	case c.point == "after" && last == "Post" && c.struck.CompareAndSwap(false, true):
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, stored)
		if !c.strike(w, r) {
			copyAnswer(w, answer, "")
		}
		return
	}
	if c.repeating() && strings.HasSuffix(r.URL.Path, "/is.pl") {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, stored)
		copyAnswer(w, answer, "<script>"+repeats[c.fault]+"</script>")
		return
	}
	next.ServeHTTP(w, r)
}

func copyAnswer(w http.ResponseWriter, answer *httptest.ResponseRecorder, more string) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(append(answer.Body.Bytes(), more...)) // who asked may be gone
}

// strike lets the fault happen; it says whether nobody is there any more to be answered.
func (c *crash) strike(w http.ResponseWriter, r *http.Request) (gone bool) {
	<-time.After(c.pause)
	switch c.fault {
	case "browser killed":
		for _, browser := range browsersOf(os.Getpid()) {
			_ = browser.Kill() // it may have ended
		}
		return true
	case "worker killed":
		if worker := c.worker.Load(); worker != nil {
			_ = worker.Kill()
		}
		return true
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

// browsersOf are the Chromium processes that a process has started itself.
func browsersOf(parent int) (found []*os.Process) {
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		before, after, _ := strings.Cut(string(text), ") ")
		_, program, _ := strings.Cut(before, " (")
		fields := strings.Fields(after)
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) || !strings.HasPrefix(program, "chrom") && !strings.HasPrefix(program, "headless") {
			continue
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if process, err := os.FindProcess(id); err == nil {
			found = append(found, process)
		}
	}
	return slices.Clip(found)
}
