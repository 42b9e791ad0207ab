package intake

import (
	"context"
	"sync"
	"time"
)

const (
	// nudgeEvery is how often a case is told of messages at most: one nudge tells of all that have come by then.
	nudgeEvery = 100 * time.Millisecond
	// nudgeAtOnce is how many messages one nudge tells of at most.
	nudgeAtOnce = 1000
)

// nudges knows which cases are being told of messages. A case that gets thousands is told a few times a second and reads
// them from the store: each nudge is an event of its history.
type nudges struct {
	mutex sync.Mutex
	cases map[string]*nudging
}

// nudging is a case that was told of messages a moment ago, or is told next.
type nudging struct {
	told    time.Time // when it may be told again
	waiting bool      // somebody waits for that moment, and tells of whatever is there then
}

// turn says when the case may be told, or that somebody else will tell it.
func (n *nudges) turn(caseID string, now time.Time) (wait time.Duration, mine bool) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.cases == nil {
		n.cases = map[string]*nudging{}
	}
	for id, other := range n.cases {
		if !other.waiting && now.Sub(other.told) > time.Minute {
			delete(n.cases, id)
		}
	}
	one := n.cases[caseID]
	if one == nil {
		one = &nudging{}
		n.cases[caseID] = one
	}
	if one.waiting {
		return 0, false
	}
	one.waiting = true
	return one.told.Sub(now), true
}

// begin is the moment from which on further messages need another nudge.
func (n *nudges) begin(caseID string, now time.Time) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.cases[caseID] = &nudging{told: now.Add(nudgeEvery)}
}

// nudge tells a case of all messages that wait for it. A message that is stored while somebody is about to tell is among
// what is told; if that fails, the sweeper repeats it.
func (i *Intake) nudge(ctx context.Context, caseID string) error {
	wait, mine := i.nudges.turn(caseID, time.Now())
	if !mine {
		return nil
	}
	stopped := false
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			stopped = true
		}
	}
	i.nudges.begin(caseID, time.Now())
	if stopped {
		return ctx.Err()
	}
	messages, err := i.Store.WaitingMessages(ctx, caseID, nudgeAtOnce)
	if err != nil {
		return err
	}
	if err := i.Cases.Nudge(ctx, caseID); err != nil {
		return err
	}
	return i.Store.MarkJoined(ctx, messages...)
}
