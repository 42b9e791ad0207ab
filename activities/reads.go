package activities

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"crosswalk/store"
)

// keepReads is how long the answers of local reads are kept in memory. They are needed until the workflow task in which
// they were made is complete, which is minutes at most.
const keepReads = 10 * time.Minute

// reads holds the answers of local reads that no write has made durable yet. A local result enters the history only
// when its workflow task is complete; before a write is sent, what it was decided on must be as durable as the write,
// so that a workflow task that is done again after a crash decides the same.
type reads struct {
	mu    sync.Mutex
	cases map[string]*caseReads
	swept time.Time
}

type caseReads struct {
	list []store.ReadResult
	last time.Time
}

// storedRead is an answer or a refusal: both decide the way.
type storedRead struct {
	Output  *CallOutput `json:"output,omitempty"`
	Failure *Failure    `json:"failure,omitempty"`
}

// add remembers an answer until the next write of the case.
func (r *reads) add(p Place, answer storedRead, now time.Time) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(now)
	if r.cases[p.Case] == nil {
		r.cases[p.Case] = &caseReads{}
	}
	c := r.cases[p.Case]
	c.last = now
	c.list = append(c.list, store.ReadResult{Path: readPath(p), Result: body})
	return nil
}

// of returns what is to be stored before a write of the case.
func (r *reads) of(caseID string) []store.ReadResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.cases[caseID]; c != nil {
		return append([]store.ReadResult(nil), c.list...)
	}
	return nil
}

// stored forgets the first n answers of a case: they are in the store.
func (r *reads) stored(caseID string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.cases[caseID]; c != nil {
		c.list = c.list[min(n, len(c.list)):]
	}
}

// forget drops everything about a case that has ended.
func (r *reads) forget(caseID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.cases, caseID)
}

func (r *reads) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cases = map[string]*caseReads{}
}

func (r *reads) sweep(now time.Time) {
	if r.cases == nil {
		r.cases = map[string]*caseReads{}
	}
	if now.Sub(r.swept) < time.Minute {
		return
	}
	r.swept = now
	for id, c := range r.cases {
		if now.Sub(c.last) > keepReads {
			delete(r.cases, id)
		}
	}
}

// storedRead finds the answer of a local read that a workflow task before this one made durable.
func (a *Activities) storedRead(ctx context.Context, p Place) (storedRead, bool, error) {
	var answer storedRead
	body, found, err := a.Store.ReadResult(ctx, p.Case, readPath(p))
	if err != nil || !found {
		return answer, false, err
	}
	return answer, true, json.Unmarshal(body, &answer)
}
