package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"crosswalk/freeport"
)

//go:embed sizes
var sizesContent embed.FS

// sized is the program as people run it, in a process of its own, with a system that answers at once.
type sized struct {
	dir, binary, listen string
	ledger              *httptest.Server
	process             *exec.Cmd
	web                 *http.Client
	token, temporal     string
}

// sizes measures what grows: a long list, and many open cases.
func sizes(ctx context.Context, items, waiting, atOnce int) error {
	dir, err := os.MkdirTemp("", "crosswalk-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newSized(ctx, dir)
	defer s.close()
	if err != nil {
		return err
	}
	fmt.Printf("\n%-62s %12s\n", "size", "measured")
	if err := s.loop(ctx, items); err != nil {
		return err
	}
	if err := s.waiting(ctx, waiting, atOnce); err != nil {
		return err
	}
	fmt.Printf("\nHow: the program itself (`crosswalk up`, everything in one process: Temporal and the store on SQLite with synchronous=FULL), a system beside it\n" +
		"that answers at once. Each item of the loop is a read and a write, each waiting case has done the same and then asks a person. Memory is what\n" +
		"the kernel says of the process (VmRSS); a list is the median of seven requests over HTTP; the restart is one after kill -9.\n")
	return nil
}

func newSized(ctx context.Context, dir string) (*sized, error) {
	s := &sized{dir: filepath.Join(dir, "workspace"), web: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	s.ledger = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id": "`+r.URL.Query().Get("n")+`7", "text": "a page of the ledger with some words on it"}`)
	}))
	var err error
	if s.binary, err = program(ctx, dir); err != nil {
		return s, err
	}
	err = fs.WalkDir(sizesContent, "sizes", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := sizesContent.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(s.dir, strings.TrimPrefix(path, "sizes/"))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, bytes.ReplaceAll(text, []byte("LEDGER"), []byte(strings.TrimPrefix(s.ledger.URL, "http://"))), 0o600)
	})
	if err != nil {
		return s, err
	}
	if s.listen, err = freeport.Address("127.0.0.1"); err != nil {
		return s, err
	}
	_, err = s.start(ctx)
	return s, err
}

func (s *sized) close() {
	s.kill()
	s.ledger.Close()
}

func (s *sized) kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // it may have ended
	_ = s.process.Wait()
	s.process = nil
}

// start runs the program and returns how long it took until it takes work.
func (s *sized) start(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	s.process = exec.Command(s.binary, "up", "--dir", s.dir, "--listen", s.listen, "--json")
	s.process.Env = append(os.Environ(), "CROSSWALK_BENCH_PASSWORD=a-long-password-for-measuring")
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.OpenFile(filepath.Join(filepath.Dir(s.dir), "up.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		return 0, err
	}
	err = s.until(ctx, func() (bool, error) {
		answer, err := s.web.Get("http://" + s.listen + "/readyz")
		if err != nil {
			return false, nil
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK, nil
	})
	took := time.Since(begun)
	var where struct{ Token, Temporal string }
	if err == nil {
		var raw []byte
		if raw, err = os.ReadFile(filepath.Join(s.dir, ".crosswalk", "up.json")); err == nil {
			err = json.Unmarshal(raw, &where)
		}
	}
	s.token, s.temporal = where.Token, where.Temporal
	return took, err
}

// longest is how long anything may take: a machine that does other things too needs its time for 10,000 cases.
const longest = time.Hour

func (s *sized) until(ctx context.Context, holds func() (bool, error)) error {
	limited, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		select {
		case <-limited.Done():
			return fmt.Errorf("it takes longer than %s", longest)
		case <-tick.C:
		}
	}
}

func (s *sized) ask(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.listen+path, content)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.web.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %.200s", method, path, answer.Status, raw)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (s *sized) begin(ctx context.Context, useCase string, input any) (string, error) {
	var out struct{ Case struct{ ID string } }
	err := s.ask(ctx, http.MethodPost, "/api/run/"+useCase, input, &out)
	return out.Case.ID, err
}

// look is what the program says of a case.
type look struct {
	Case struct {
		State   string
		EndedAt time.Time `json:"ended_at"`
	}
	Tasks []struct{ ID, State string }
}

func (s *sized) ended(ctx context.Context, id string) func() (bool, error) {
	return func() (bool, error) {
		var found look
		err := s.ask(ctx, http.MethodGet, "/api/cases/"+id, nil, &found)
		return !found.Case.EndedAt.IsZero(), err
	}
}

func row(what string, format string, values ...any) {
	fmt.Printf("%-62s %12s\n", what, fmt.Sprintf(format, values...))
}

// loop runs one case over a long list.
func (s *sized) loop(ctx context.Context, items int) error {
	list := make([]int, items)
	for i := range list {
		list[i] = i
	}
	begun := time.Now()
	id, err := s.begin(ctx, "loop", map[string]any{"numbers": list})
	if err != nil {
		return err
	}
	if err := s.until(ctx, s.ended(ctx, id)); err != nil {
		return err
	}
	took := time.Since(begun)
	row(fmt.Sprintf("a case with `each` over %d items", items), "%.2f s", took.Seconds())
	row("    of an item", "%.1f ms", took.Seconds()*1000/float64(items))
	own, all, err := s.events(ctx, id)
	if err == nil {
		row("    events in the history of the case, and with its windows", "%d, %d", own, all)
	}
	return err
}

// events counts those of a case, and with those of everything that it started.
func (s *sized) events(ctx context.Context, id string) (own, all int, err error) {
	c, err := client.Dial(client.Options{HostPort: s.temporal, Namespace: "crosswalk"})
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	history := c.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var started []string
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return 0, 0, err
		}
		own++
		if child := event.GetChildWorkflowExecutionStartedEventAttributes(); child != nil {
			started = append(started, child.WorkflowExecution.GetWorkflowId())
		}
	}
	all = own
	for _, child := range started {
		_, more, err := s.events(ctx, child)
		if err != nil {
			return 0, 0, err
		}
		all += more
	}
	return own, all, nil
}

// waiting opens many cases and measures what they cost while they wait.
func (s *sized) waiting(ctx context.Context, count, atOnce int) error {
	before := s.memory()
	begun := time.Now()
	ids, problems := make([]string, count), make([]error, count)
	slots, group := make(chan struct{}, atOnce), sync.WaitGroup{}
	for i := range ids {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			ids[i], problems[i] = s.begin(ctx, "waiting", map[string]any{"n": i})
		})
	}
	group.Wait()
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, id := range slices.Backward(ids) { // the last ones come to their task last
		err := s.until(ctx, func() (bool, error) {
			var found look
			err := s.ask(ctx, http.MethodGet, "/api/cases/"+id, nil, &found)
			return found.Case.State == "waiting", err
		})
		if err != nil {
			return err
		}
	}
	row(fmt.Sprintf("%d cases until each waits for a person", count), "%.0f a minute", float64(count)/time.Since(begun).Minutes())
	own, _, err := s.events(ctx, ids[0])
	if err != nil {
		return err
	}
	row("    events in the history of one", "%d", own)
	row("    memory before and with them", "%d, %d MB", before, s.memory())
	row("    on disk", "%d MB", onDisk(filepath.Join(s.dir, ".crosswalk")))
	if err := s.lists(ctx); err != nil {
		return err
	}
	s.kill()
	took, err := s.start(ctx)
	if err != nil {
		return err
	}
	row("    restart after kill -9, until it takes work", "%.1f s", took.Seconds())
	begun = time.Now()
	var found look
	if err := s.ask(ctx, http.MethodGet, "/api/cases/"+ids[count/2], nil, &found); err != nil {
		return err
	}
	if len(found.Tasks) == 0 {
		return errors.New("a waiting case has no task")
	}
	answer := map[string]any{"outcome": "done", "answer": map[string]any{"outcome": "done"}}
	if err := s.ask(ctx, http.MethodPost, "/api/tasks/"+found.Tasks[0].ID+"/answer", answer, nil); err != nil {
		return err
	}
	if err := s.until(ctx, s.ended(ctx, ids[count/2])); err != nil {
		return err
	}
	row("    then, until one that is answered has ended", "%.2f s", time.Since(begun).Seconds())
	row("    memory after the restart", "%d MB", s.memory())
	return nil
}

// lists measures what people and programs look at.
func (s *sized) lists(ctx context.Context) error {
	for _, list := range []struct{ what, path string }{
		{"the desk's first page (tasks)", "/"}, {"the desk's list of cases", "/cases"}, {"a search among them", "/cases?q=Number+47"},
		{"a later page of them", "/cases?page=5"}, {"`crosswalk cases list --limit 1000`", "/api/cases?limit=1000"}, {"`crosswalk tasks list`", "/api/tasks"},
	} {
		var took []time.Duration
		for range 7 {
			begun := time.Now()
			if err := s.page(ctx, list.path); err != nil {
				return err
			}
			took = append(took, time.Since(begun))
		}
		middle := median(took)
		row("    "+list.what, "%d ms", middle.Milliseconds())
		if middle > time.Second {
			fmt.Printf("%-62s %12s\n", "", "MISSED: 1 s")
		}
	}
	return nil
}

func (s *sized) page(ctx context.Context, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.listen+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := s.web.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	holds := bytes.Contains(text, []byte("Number ")) || bytes.Contains(text, []byte("waiting-")) || path == "/" // the inbox shows first what is one's own
	if err == nil && (answer.StatusCode != http.StatusOK || !holds) {
		err = fmt.Errorf("%s: %s, without the cases that it should list: %.300s", path, answer.Status, text)
	}
	return err
}

// memory is what the process has in memory, in megabytes.
func (s *sized) memory() int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0
	}
	var kilobytes int
	if i := bytes.Index(raw, []byte("VmRSS:")); i >= 0 {
		_, _ = fmt.Sscanf(string(raw[i:]), "VmRSS: %d kB", &kilobytes)
	}
	return kilobytes >> 10
}

// onDisk is how large the files of a folder are, in megabytes.
func onDisk(dir string) int {
	var size int64
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			if info, err := entry.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return int(size >> 20)
}
