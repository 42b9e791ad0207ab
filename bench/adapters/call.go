package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"syscall"
	"time"

	"crosswalk/adapters"
	"crosswalk/rules"
)

const callAdapter = `adapter: measured
contract: support
connection: {base_url: https://api.measured.example}
auth: none
operations:
  get_task: {request: {get: '/tasks/${input.task}'}, output: {id: '${answer.body.id}', number: '1', status: open}}
  create_task:
    safety: {idempotency_key: {header: Idempotency-Key}}
    request: {post: /tasks, json: {title: '${input.title}', text: '${input.text}'}}
    output: {id: '${answer.body.id}', number: '1', status: open}
`

// The goals of a call: how much longer than with net/http alone it takes, and how much more memory it asks for.
const (
	mostTimes  = 1.3
	mostAllocs = 30
)

func oneTask(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`{"id":"1"}`)) // a caller that is gone needs no answer
}

// measureCalls compares a read and a write through the runtime with the same requests made with net/http alone.
func measureCalls(ctx context.Context, rounds, calls int) error {
	address, stop, err := serve(http.HandlerFunc(oneTask))
	if err != nil {
		return err
	}
	defer func() { _ = stop() }()
	connection, err := connect(callAdapter, address, nil)
	if err != nil {
		return err
	}
	defer connection.Close()
	client := &http.Client{Transport: &http.Transport{}}
	read := adapters.Call{Operation: "support.get_task", Input: rules.Record(map[string]rules.Value{"task": rules.Text("1")})}
	write := adapters.Call{Operation: "support.create_task", Key: "effect-1", Input: rules.Record(map[string]rules.Value{"queue": rules.Text("support"), "title": rules.Text("a title"), "text": rules.Text("a text")})}
	reads := compare("a read", rounds, calls, func() error {
		_, err := connection.Call(ctx, read)
		return err
	}, func() error { return bare(ctx, client, http.MethodGet, "http://"+address+"/tasks/1", nil) })
	body := []byte(`{"text":"a text","title":"a title"}`)
	writes := compare("a write", rounds, calls, func() error {
		_, err := connection.Call(ctx, write)
		return err
	}, func() error { return bare(ctx, client, http.MethodPost, "http://"+address+"/tasks", body) })
	return errors.Join(reads, writes)
}

// bare makes a request with net/http alone, and reads its answer.
func bare(ctx context.Context, client *http.Client, method, address string, body []byte) error {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", "effect-1")
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.ReadAll(response.Body)
	return err
}

// spent is what some calls took: time, processor time and allocations, the server's among them.
type spent struct {
	wall, processor time.Duration
	allocations     uint64
}

// compare lets the runtime and net/http take turns, so that what the machine does beside them meets both alike.
func compare(what string, rounds, calls int, through, alone func() error) error {
	var took, work, allocations []float64
	var ours, theirs []time.Duration
	for round := range rounds + 1 {
		first, second := through, alone
		if round%2 == 1 {
			first, second = alone, through
		}
		a, err := spend(calls, first)
		if err != nil {
			return err
		}
		b, err := spend(calls, second)
		if err != nil {
			return err
		}
		if round%2 == 1 {
			a, b = b, a
		}
		if round == 0 { // connections are opened, caches filled
			continue
		}
		took = append(took, float64(a.wall)/float64(b.wall))
		work = append(work, float64(a.processor)/float64(b.processor))
		allocations = append(allocations, (float64(a.allocations)-float64(b.allocations))/float64(calls))
		ours, theirs = append(ours, a.wall/time.Duration(calls)), append(theirs, b.wall/time.Duration(calls))
	}
	ratio, more := median(took), median(allocations)
	fmt.Printf("%-8s through the runtime / net/http alone: %.2f  goal at most %.1f  %s (%s and %s; processor time %.2f)\n", what, ratio, mostTimes, verdict(ratio <= mostTimes), median(ours), median(theirs), median(work))
	fmt.Printf("%-8s allocations more than net/http alone: %.1f  goal at most %d  %s\n", what, more, mostAllocs, verdict(more <= mostAllocs+0.5))
	if ratio > mostTimes || more > mostAllocs+0.5 {
		return fmt.Errorf("%s through the runtime costs too much", what)
	}
	return nil
}

func spend(calls int, call func() error) (spent, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	worked, begun := processorTime(), time.Now()
	for range calls {
		if err := call(); err != nil {
			return spent{}, err
		}
	}
	took := spent{wall: time.Since(begun), processor: processorTime() - worked}
	runtime.ReadMemStats(&after)
	took.allocations = after.Mallocs - before.Mallocs
	return took, nil
}

// processorTime is what this process has used; what else runs on the machine does not show.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median[T float64 | time.Duration](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
