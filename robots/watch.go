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
	began := time.Now()
	seen.Err = u.step(ctx, s)
	seen.Took = time.Since(began)
	seen.Element = u.journal.lastElement()
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

func (j *journal) lastElement() string {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if len(j.steps) == 0 {
		return ""
	}
	return j.steps[len(j.steps)-1].Element
}
