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
	puts int  // how often answers were put into the store
	none bool // the store has no answer of the case, and gets none but from here
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
	c := r.touch(p.Case, now)
	c.list = append(c.list, store.ReadResult{Path: readPath(p), Result: body})
	return nil
}

// touch finds what is known of a case that is being worked on.
func (r *reads) touch(caseID string, now time.Time) *caseReads {
	r.sweep(now)
	if r.cases[caseID] == nil {
		r.cases[caseID] = &caseReads{}
	}
	c := r.cases[caseID]
	c.last = now
	return c
}

// of returns what is to be stored before a write of the case.
func (r *reads) of(caseID string) []store.ReadResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.cases[caseID]; c != nil {
		if len(c.list) > 0 {
			c.puts++
			c.none = false
		}
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

// none says whether it is known that the store has no answer of the case, and how often some were put there from here.
func (r *reads) none(caseID string) (none bool, puts int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.cases[caseID]; c != nil {
		return c.none, c.puts
	}
	return false, 0
}

// missed remembers that the store had no answer of the case when so many had been put there.
func (r *reads) missed(caseID string, puts int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.touch(caseID, now)
	c.none = c.puts == puts
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

// storedRead finds the answer of a local read that a workflow task before this one made durable. Where nobody else works
// cases, a case that has no such answer is not looked for again until one is put there: most reads are made once.
func (a *Activities) storedRead(ctx context.Context, p Place) (storedRead, bool, error) {
	var answer storedRead
	if a.Store.Alone() {
		none, puts := a.reads.none(p.Case)
		if none {
			return answer, false, nil
		}
		some, err := a.Store.HasReadResults(ctx, p.Case)
		if err != nil {
			return answer, false, err
		}
		if !some {
			a.reads.missed(p.Case, puts, a.now())
			return answer, false, nil
		}
	}
	body, found, err := a.Store.ReadResult(ctx, p.Case, readPath(p))
	if err != nil || !found {
		return answer, false, err
	}
	return answer, true, json.Unmarshal(body, &answer)
}
