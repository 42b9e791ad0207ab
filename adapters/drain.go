package adapters

import (
	"context"
	"time"
)

// After a pause all that has waited comes back. For drainFor requests are spaced, at first by drainFirst, and twice as
// close every drainStep, so that a system that has just recovered is not knocked over by those that waited for it.
const (
	drainFor   = 30 * time.Second
	drainFirst = 100 * time.Millisecond
	drainStep  = 3 * time.Second
)

// drainSpacing is the time between two requests so long after a pause; 0: the pause is forgotten.
func drainSpacing(after time.Duration) time.Duration {
	if after >= drainFor {
		return 0
	}
	return drainFirst >> max(0, int(after/drainStep))
}

// queue is the calls that were told to come again: each at an instant of its own, so that they come in their order and
// as fast as they can be served, and those that come new come after them.
type queue struct {
	turns   map[string]int64 // when each was told to come
	tail    int64            // when the last of them comes
	spacing int64            // between the last two
}

// forgotten is how long after its instant a turn is waited for.
const forgotten = int64(time.Minute / time.Microsecond)

// promised is how long a call still has to wait for its turn, or, if it has none, for those that have one. A call that
// cannot be told apart is never told to wait here.
func (q *queue) promised(turn string, now int64, patience time.Duration) time.Duration {
	if turn == "" || len(q.turns) == 0 {
		return 0
	}
	at, known := q.turns[turn]
	switch {
	case known && at-now > patience.Microseconds():
		return time.Duration(at-now) * time.Microsecond
	case !known && q.tail-now > patience.Microseconds():
		return q.promise(turn, now, now, q.spacing)
	}
	return 0
}

// promise gives a call a turn, not before at, and returns how long it has to wait for it. One that had a turn and was
// late, or came when others were served, does not go to the end.
func (q *queue) promise(turn string, now, at, spacing int64) time.Duration {
	if turn == "" {
		return time.Duration(at-now) * time.Microsecond
	}
	if q.turns == nil {
		q.turns = map[string]int64{}
	}
	if _, known := q.turns[turn]; known {
		q.turns[turn] = at
		return time.Duration(at-now) * time.Microsecond
	}
	// A little closer than they can be served: who comes early waits, but nobody must be waited for.
	q.spacing = max(spacing, time.Millisecond.Microseconds())
	if q.tail += q.spacing * 9 / 10; at >= q.tail {
		q.tail = at
		q.forget(now)
	}
	q.turns[turn] = q.tail
	return time.Duration(q.tail-now) * time.Microsecond
}

// forget drops the turns of those that never came: cases that were cancelled, or went to another process.
func (q *queue) forget(now int64) {
	for turn, at := range q.turns {
		if at < now-forgotten {
			delete(q.turns, turn)
		}
	}
}

// served forgets the turn of a call that had it.
func (q *queue) served(turn string) { delete(q.turns, turn) }

// turnOf names a call among those that wait; "" once it has begun, as it does not go to the end again.
func turnOf(ctx context.Context) string {
	if around := callOf(ctx); around != nil && !around.begun.Load() {
		return around.turn
	}
	return ""
}
