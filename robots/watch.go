package robots

import (
	"context"
	"errors"
	"strconv"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Watched is a step that was done, for somebody who watches a run.
type Watched struct {
	Number  int // from 1; 0 for the steps of the login
	Words   string
	Place   string // file:line
	Element string
	Skipped bool // nothing was done: its condition does not hold, or there is nothing to do it for
	Took    time.Duration
	Err     error
	Picture []byte // JPEG, masked; nil unless pictures are asked for
}

// errStopped ends a run at the step that somebody wanted to see.
var errStopped = errors.New("the run was stopped where it should be")

// watched does a step of the outermost level and tells who watches.
func (u *run) watched(ctx context.Context, s *step) error {
	if u.call.Watch == nil && u.call.Until == 0 && u.around == nil {
		return u.step(ctx, s)
	}
	if !u.login {
		u.number++
	}
	seen := Watched{Number: u.number, Words: s.words(), Place: s.place}
	if u.login {
		seen.Number = 0
	}
	if u.around != nil {
		u.around.before(ctx, u, s)
	}
	began, before := time.Now(), u.journal.done()
	seen.Err = u.step(ctx, s)
	seen.Took = time.Since(began)
	if done := u.journal.done(); len(done) > len(before) {
		seen.Element = done[len(done)-1].Element
	} else {
		seen.Skipped = seen.Err == nil
	}
	if u.call.Pictures {
		seen.Picture = u.shot(ctx)
	}
	if u.call.Watch != nil {
		seen := seen
		seen.Err = u.veiled(seen.Err)
		u.call.Watch(seen)
	}
	if seen.Err == nil && !u.login && u.call.Until > 0 && u.number >= u.call.Until {
		return errStopped
	}
	return seen.Err
}

// done are the steps so far.
func (j *journal) done() []stepRecord {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.steps
}
