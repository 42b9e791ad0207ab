package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/postgres"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/worker"
)

const limiterAdapter = `adapter: measured
contract: support
connection: {base_url: https://api.measured.example}
auth: none
limits: {per_second: %d}
operations:
  get_task: {request: {get: '/tasks/${input.task}'}, output: {id: '${answer.body.id}', number: '1', status: open}}
`

// mostOff is how far the rate may be off.
const mostOff = 0.02

// arrivals are the instants at which requests came.
type arrivals struct {
	mu sync.Mutex
	at []time.Time
}

// ServeHTTP notes a request.
func (a *arrivals) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	a.at = append(a.at, time.Now())
	a.mu.Unlock()
	_, _ = w.Write([]byte(`{"id":"1"}`)) // a caller that is gone needs no answer
}

// measureLimiter lets many cases ask at once, in one process or in several, and looks at what arrives at the server. It
// fails if the rate is off, or if the system ever got more than it allows.
func measureLimiter(ctx context.Context, rate, waiting, processes int, lasts time.Duration) (err error) {
	came := &arrivals{}
	address, close, err := serve(came)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, close()) }()
	board, stop, err := boards(ctx, processes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	var running sync.WaitGroup
	for process := range processes {
		connection, err := connect(fmt.Sprintf(limiterAdapter, rate), address, board())
		if err != nil {
			return err
		}
		defer connection.Close()
		for i := range waiting / processes {
			running.Go(func() { wait(ctx, connection, fmt.Sprintf("case %d of %d", i, process)) })
		}
	}
	running.Wait()
	return judge(came.at, rate)
}

// boards returns what makes the shared state of a process: in memory for one, on a PostgreSQL for several.
func boards(ctx context.Context, processes int) (board func() adapters.Shared, stop func() error, err error) {
	if processes == 1 {
		return adapters.NewMemory, func() error { return nil }, nil
	}
	server, err := postgres.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	dsn, err := server.Create(ctx, "limiter")
	if err != nil {
		return nil, nil, errors.Join(err, server.Stop())
	}
	kept, err := store.OpenPostgres(ctx, dsn)
	if err != nil {
		return nil, nil, errors.Join(err, server.Stop())
	}
	return func() adapters.Shared { return worker.NewShared(kept) }, func() error { return errors.Join(kept.Close(), server.Stop()) }, nil
}

// wait is a case after the other that asks, and comes again when it was told to.
func wait(ctx context.Context, connection *adapters.Connection, name string) {
	input := rules.Record(map[string]rules.Value{"task": rules.Text("1")})
	for n := 0; ctx.Err() == nil; n++ {
		for ctx.Err() == nil {
			_, err := connection.Call(ctx, adapters.Call{Operation: "support.get_task", Input: input, Turn: fmt.Sprint(name, n)})
			var failure *contracts.Error
			if !errors.As(err, &failure) || failure.RetryAfter == 0 {
				break
			}
			select {
			case <-time.After(failure.RetryAfter):
			case <-ctx.Done():
			}
		}
	}
}

// judge compares what arrived with what the limit says. The first second holds what may come at once, and the last may
// have been cut off.
func judge(at []time.Time, rate int) error {
	if len(at) < 4*rate {
		return fmt.Errorf("only %d requests came", len(at))
	}
	at = at[rate : len(at)-rate/2]
	took := at[len(at)-1].Sub(at[0]).Seconds()
	got := float64(len(at)-1) / took
	worst := 0
	for i, from := 0, 0; i < len(at); i++ {
		for at[i].Sub(at[from]) >= time.Second {
			from++
		}
		worst = max(worst, i-from+1)
	}
	off := got/float64(rate) - 1
	kept := max(off, -off) <= mostOff
	fmt.Printf("a limit of %d/s: %.2f/s over %.1f s, off by %+.2f %%  goal at most %g %%  %s (at most %d within one second)\n", rate, got, took, 100*off, 100*mostOff, verdict(kept), worst)
	if !kept {
		return fmt.Errorf("the rate is off by more than %g %%", 100*mostOff)
	}
	return nil
}
