package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// FaultKind is a way in which a system misbehaves. A system that is down is stopped, not faulty.
type FaultKind string

// The faults that can be ordered.
const (
	FaultSlow         FaultKind = "slow"          // the answer comes after For
	FaultAnswerLost   FaultKind = "answer-lost"   // the work is done, the connection is cut without an answer
	FaultExecutedLate FaultKind = "executed-late" // no answer; the request is executed For later, whoever still waits
	FaultRateLimited  FaultKind = "rate-limited"  // 429 in the product's own words; For is the Retry-After
	FaultWrongContent FaultKind = "wrong-content" // a page of HTML with status 200
	FaultHook         FaultKind = "hook"          // nothing is wrong, but somebody is told (On, URL, PID)
)

// Fault is an order to misbehave.
type Fault struct {
	ID        int64         `json:"id"`
	Kind      FaultKind     `json:"fault"`
	Operation string        `json:"operation,omitempty"` // part of "METHOD /path"; empty: every request
	Times     int           `json:"times,omitempty"`     // how often; 0: until it is cleared
	For       time.Duration `json:"-"`

	// On says when the hook is called: before the work, after it (before the answer), or answered. The request waits
	// for the hook, so what it does happens exactly there. The hook may accompany every kind of fault.
	On     string `json:"on,omitempty"`
	URL    string `json:"url,omitempty"`    // gets a POST {system, operation, on}
	PID    int    `json:"pid,omitempty"`    // gets a signal
	Signal int    `json:"signal,omitempty"` // its number; 9 if not given
}

type faultJSON Fault

// MarshalJSON writes For in seconds.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		faultJSON
		Seconds float64 `json:"seconds,omitempty"`
	}{faultJSON(f), f.For.Seconds()})
}

// UnmarshalJSON reads For in seconds and refuses unknown fields.
func (f *Fault) UnmarshalJSON(b []byte) error {
	var raw struct {
		faultJSON
		Seconds float64 `json:"seconds"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&raw); err != nil {
		return err
	}
	*f = Fault(raw.faultJSON)
	f.For = time.Duration(raw.Seconds * float64(time.Second))
	return nil
}

// portalFaults are those that the portal carries out itself.
var portalFaults = []FaultKind{FaultLayoutChanged, FaultMaintenance, FaultSessionExpired}

func (f Fault) check(system string) error {
	kinds := []FaultKind{FaultSlow, FaultAnswerLost, FaultExecutedLate, FaultRateLimited, FaultWrongContent, FaultHook}
	if system == SystemFulfilment {
		kinds = append(kinds, portalFaults...)
	}
	switch {
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("unknown fault %q of %s, known are %v", f.Kind, system, kinds)
	case f.Kind == FaultHook && f.On == "":
		return errors.New(`a hook needs "on": before, after or answered`)
	case f.On != "" && !slices.Contains([]string{"before", "after", "answered"}, f.On):
		return fmt.Errorf(`"on" is before, after or answered, not %q`, f.On)
	case f.On != "" && f.URL == "" && f.PID == 0:
		return errors.New("a hook needs a url or a pid")
	case (f.Kind == FaultSlow || f.Kind == FaultExecutedLate) && f.For <= 0:
		return fmt.Errorf("%s needs seconds", f.Kind)
	}
	return nil
}

// faults are those ordered for all systems. They live in the state file and, to be cheap when there are none, in memory.
type faults struct {
	state    *state
	log      *slog.Logger
	client   *http.Client
	late     sync.WaitGroup
	requests counter

	mu   sync.Mutex
	list map[string][]Fault
}

func newFaults(ctx context.Context, s *state, log *slog.Logger) (*faults, error) {
	f := &faults{state: s, log: log, client: &http.Client{Timeout: 10 * time.Second}, list: map[string][]Fault{}}
	rows, err := s.read.query(ctx, `SELECT id, system, fault, times FROM faults ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var fault Fault
		var id int64
		var times int
		var system, text string
		if err := rows.Scan(&id, &system, &text, &times); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(text), &fault); err != nil {
			return nil, err
		}
		fault.ID, fault.Times = id, times
		f.list[system] = append(f.list[system], fault)
	}
	return f, rows.Err()
}

func (f *faults) order(ctx context.Context, system string, fault Fault) (Fault, error) {
	if err := fault.check(system); err != nil {
		return fault, fmt.Errorf("sandbox: %w", err)
	}
	text, err := json.Marshal(fault)
	if err != nil {
		return fault, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	done, err := f.state.write.write(ctx, `INSERT INTO faults (system, fault, times) VALUES (?, ?, ?)`, system, text, fault.Times)
	if err != nil {
		return fault, err
	}
	fault.ID, err = done.LastInsertId()
	f.list[system] = append(f.list[system], fault)
	return fault, err
}

// clear takes back the faults of a system; "" stands for all systems.
func (f *faults) clear(ctx context.Context, system string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.state.write.write(ctx, `DELETE FROM faults WHERE system = ? OR ? = ''`, system, system); err != nil {
		return err
	}
	if system == "" {
		f.list = map[string][]Fault{}
	}
	delete(f.list, system)
	return nil
}

func (f *faults) of(system string) []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list[system])
}

// take returns the first fault that fits, and counts it.
func (f *faults) take(ctx context.Context, system, operation string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.list[system] {
		if !strings.Contains(operation, fault.Operation) {
			continue
		}
		switch fault.Times {
		case 0:
			return fault, true
		case 1:
			f.list[system] = slices.Delete(slices.Clone(f.list[system]), i, i+1)
			f.store(ctx, `DELETE FROM faults WHERE id = ?`, fault.ID)
		default:
			f.list[system][i].Times--
			f.store(ctx, `UPDATE faults SET times = times - 1 WHERE id = ?`, fault.ID)
		}
		return fault, true
	}
	return Fault{}, false
}

func (f *faults) store(ctx context.Context, statement string, id int64) {
	if _, err := f.state.write.write(context.WithoutCancel(ctx), statement, id); err != nil {
		f.log.Error("a fault was not counted", "fault", id, "error", err)
	}
}

// hook tells whoever ordered it that the moment has come, and waits until that is done.
func (f *faults) hook(fault Fault, on, system, operation string) {
	if fault.On != on {
		return
	}
	if fault.PID != 0 {
		signal := syscall.Signal(fault.Signal)
		if signal == 0 {
			signal = syscall.SIGKILL
		}
		if p, err := os.FindProcess(fault.PID); err != nil || p.Signal(signal) != nil {
			f.log.Warn("the hook's process is gone", "pid", fault.PID)
		}
	}
	if fault.URL == "" {
		return
	}
	body, _ := json.Marshal(map[string]string{"system": system, "operation": operation, "on": on}) // strings only
	answer, err := f.client.Post(fault.URL, "application/json", bytes.NewReader(body))
	if err != nil {
		f.log.Warn("the hook did not answer", "url", fault.URL, "error", err)
		return
	}
	_ = answer.Body.Close()
}

// around puts the faults of a system before its handler. tooMany refuses a request in the product's own words.
func (f *faults) around(system string, h http.Handler, tooMany func(w http.ResponseWriter, retry time.Duration)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation := r.Method + " " + r.URL.Path
		f.requests.add(system, operation)
		fault, ok := f.take(r.Context(), system, operation)
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		f.log.Info("fault", "system", system, "operation", operation, "fault", fault.Kind, "on", fault.On)
		f.hook(fault, "before", system, operation)
		switch fault.Kind {
		case FaultRateLimited:
			tooMany(w, fault.For)
		case FaultWrongContent:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>")
		case FaultExecutedLate:
			f.executeLate(h, r, fault.For)
			panic(http.ErrAbortHandler)
		default:
			f.misbehave(w, r, h, fault, system, operation)
		}
	})
}

// misbehave carries out what needs the real answer: slow, answer-lost, and hooks after the work.
func (f *faults) misbehave(w http.ResponseWriter, r *http.Request, h http.Handler, fault Fault, system, operation string) {
	if fault.Kind == FaultSlow {
		pause(r.Context(), fault.For)
	}
	if slices.Contains(portalFaults, fault.Kind) {
		r = r.WithContext(WithPortalFault(r.Context(), string(fault.Kind)))
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	f.hook(fault, "after", system, operation)
	if fault.Kind == FaultAnswerLost {
		panic(http.ErrAbortHandler)
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
	if fault.On == "answered" {
		_ = http.NewResponseController(w).Flush()
		f.hook(fault, "answered", system, operation)
	}
}

// executeLate keeps the caller waiting until he gives up, at most as long as the work takes to begin, and executes the
// request then, though nobody hears the answer.
func (f *faults) executeLate(h http.Handler, r *http.Request, after time.Duration) {
	body, _ := io.ReadAll(r.Body) // what has not arrived is not executed
	late := r.Clone(context.WithoutCancel(r.Context()))
	late.Body = io.NopCloser(bytes.NewReader(body))
	f.late.Go(func() {
		time.Sleep(after)
		h.ServeHTTP(httptest.NewRecorder(), late)
	})
	pause(r.Context(), after)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
