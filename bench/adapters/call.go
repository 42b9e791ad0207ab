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

	"golang.org/x/sync/errgroup"

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

// atOnce is how many cases call at the same time, beside the one that calls alone.
const atOnce = 8

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
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	read := adapters.Call{Operation: "support.get_task", Input: rules.Record(map[string]rules.Value{"task": rules.Text("1")})}
	write := adapters.Call{Operation: "support.create_task", Key: "effect-1", Input: rules.Record(map[string]rules.Value{"queue": rules.Text("support"), "title": rules.Text("a title"), "text": rules.Text("a text")})}
	body := []byte(`{"text":"a text","title":"a title"}`)
	var failures []error
	for _, callers := range []int{1, atOnce} {
		failures = append(failures, compare("a read", rounds, calls, callers, func() error {
			_, err := connection.Call(ctx, read)
			return err
		}, func() error { return bare(ctx, client, http.MethodGet, "http://"+address+"/tasks/1", nil) }),
			compare("a write", rounds, calls, callers, func() error {
				_, err := connection.Call(ctx, write)
				return err
			}, func() error { return bare(ctx, client, http.MethodPost, "http://"+address+"/tasks", body) }))
	}
	return errors.Join(failures...)
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

// compare lets the runtime and net/http take short turns for some seconds, so that what the machine does beside them meets
// both alike, and what lasts for a moment is not seen in the median.
func compare(what string, rounds, calls, callers int, through, alone func() error) error {
	var took, work, allocations []float64
	var ours, theirs []time.Duration
	const warming = 10 // rounds in which connections are opened and caches filled
	for round := range warming + rounds {
		first, second := through, alone
		if round%2 == 1 {
			first, second = alone, through
		}
		a, err := spend(calls, callers, first)
		if err != nil {
			return err
		}
		b, err := spend(calls, callers, second)
		if err != nil {
			return err
		}
		if round%2 == 1 {
			a, b = b, a
		}
		if round < warming {
			continue
		}
		took = append(took, float64(a.wall)/float64(b.wall))
		work = append(work, float64(a.processor)/float64(b.processor))
		allocations = append(allocations, (float64(a.allocations)-float64(b.allocations))/float64(calls))
		ours, theirs = append(ours, a.wall/time.Duration(calls)), append(theirs, b.wall/time.Duration(calls))
	}
	ratio, more := median(took), median(allocations)
	fmt.Printf("%-8s %d at once  through the runtime / net/http alone: %.2f  goal at most %.1f  %s (%s and %s; processor time %.2f)\n", what, callers, ratio, mostTimes, verdict(ratio <= mostTimes), median(ours), median(theirs), median(work))
	fmt.Printf("%-8s %d at once  allocations more than net/http alone: %.1f  goal at most %d  %s\n", what, callers, more, mostAllocs, verdict(more <= mostAllocs+0.5))
	if ratio > mostTimes || more > mostAllocs+0.5 {
		return fmt.Errorf("%s through the runtime costs too much", what)
	}
	return nil
}

// spend makes calls, by some callers at once, each with its part of them.
func spend(calls, callers int, call func() error) (spent, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	worked, begun := processorTime(), time.Now()
	var group errgroup.Group
	for range callers {
		group.Go(func() error {
			for range calls / callers {
				if err := call(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return spent{}, err
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
