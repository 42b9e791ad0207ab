package adapters

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Shared is what all calls of a connection know together: its limits, its pauses and whether it is broken. With a
// [Board] all processes know it. Connections have names, as crm/hubspot.
type Shared interface {
	// Pause says that the system asked for silence until then.
	Pause(ctx context.Context, connection string, until time.Time) error
	// Take takes one request from each limit and returns how long to wait before it is made. If that is longer than
	// patience, nothing is taken, and the wait is when it is worth asking again.
	Take(ctx context.Context, connection string, limits []Limit, patience time.Duration) (time.Duration, error)
	// Enter takes a place under a limit of requests at once, or returns nil if none is free within patience.
	Enter(ctx context.Context, connection string, limit Limit, patience time.Duration) (leave func(), err error)
	// Held tells whether the connection is paused or broken.
	Held(ctx context.Context, connection string) Hold
	// ChangeHold changes that, alone among all who do.
	ChangeHold(ctx context.Context, connection string, change func(Hold) Hold) error
}

// of is what the calls of one adapter know together: two that reach the same system by different ways, or by different
// accounts, do not hold each other back.
type of struct {
	Shared
	connection string
}

// ConnectionName is the name of a connection on the board.
func ConnectionName(system, adapter string) string { return system + "/" + adapter }

// Pause pauses the adapter's connection.
func (o of) Pause(ctx context.Context, _ string, until time.Time) error {
	return o.Shared.Pause(ctx, o.connection, until)
}

// Take takes from the adapter's connection.
func (o of) Take(ctx context.Context, _ string, limits []Limit, patience time.Duration) (time.Duration, error) {
	return o.Shared.Take(ctx, o.connection, limits, patience)
}

// Enter enters the adapter's connection.
func (o of) Enter(ctx context.Context, _ string, limit Limit, patience time.Duration) (func(), error) {
	return o.Shared.Enter(ctx, o.connection, limit, patience)
}

// Held tells about the adapter's connection.
func (o of) Held(ctx context.Context, _ string) Hold { return o.Shared.Held(ctx, o.connection) }

// ChangeHold changes that of the adapter's connection.
func (o of) ChangeHold(ctx context.Context, _ string, change func(Hold) Hold) error {
	return o.Shared.ChangeHold(ctx, o.connection, change)
}

// Hold is why nobody uses a connection, and until when. One that is over still says when that was.
type Hold struct {
	Until  time.Time
	Broken bool // it failed several times in a row: after Until one request tries whether it is back
}

// Board is where processes that use the same connections leave word for each other.
type Board interface {
	// Holds returns the holds of all connections by name. What it says may be a moment old.
	Holds(ctx context.Context) (map[string]Hold, error)
	// ChangeHold replaces a hold by what change makes of it, alone among all processes. change may be called again.
	ChangeHold(ctx context.Context, connection string, change func(Hold) Hold) error
	// ChangeLimit does the same for what is written of a limit of the connection; empty if nothing is.
	ChangeLimit(ctx context.Context, connection, limit string, change func(string) (string, error)) error
}

// NewMemory returns the shared state of a process that has its connections for itself.
func NewMemory() Shared { return NewShared(nil, false) }

// NewShared returns the shared state of a process. Holds are on the board, if there is one. Limits are too, if several
// processes use it: their requests are taken from there in blocks, so that it is asked a few times a second at most,
// however many requests there are.
func NewShared(board Board, several bool) Shared {
	return &sharing{board: board, several: several && board != nil, process: newProcess(), connections: map[string]*connectionState{}, now: time.Now}
}

type sharing struct {
	board   Board
	several bool
	process string
	now     func() time.Time

	mu          sync.Mutex
	connections map[string]*connectionState
	holds       map[string]Hold
	read        time.Time // when the holds were read from the board
	reading     bool
}

// connectionState is what this process knows of a connection.
type connectionState struct {
	mu     sync.Mutex
	lanes  map[string]*supply
	drain  supply
	queue  queue
	places map[string]*placeState
}

func (s *sharing) connection(name string) *connectionState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.connections[name]
	if state == nil {
		state = &connectionState{lanes: map[string]*supply{}, places: map[string]*placeState{}}
		s.connections[name] = state
	}
	return state
}

// freshFor is how long what was read from the board is taken for true.
const freshFor = 250 * time.Millisecond

// Held tells whether the connection is paused or broken. A board that cannot be read leaves what was known.
func (s *sharing) Held(ctx context.Context, connection string) Hold {
	s.mu.Lock()
	stale := s.board != nil && !s.reading && (s.holds == nil || s.several && s.now().Sub(s.read) >= freshFor)
	s.reading = s.reading || stale
	hold := s.holds[connection]
	s.mu.Unlock()
	if !stale {
		return hold
	}
	began := s.now()
	limited, cancel := context.WithTimeout(ctx, boardTime)
	defer cancel()
	holds, err := s.board.Holds(limited)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	if err == nil && s.read.Before(began) { // nothing was changed here meanwhile
		s.holds, s.read = holds, s.now()
	}
	return s.holds[connection]
}

// ChangeHold changes a hold, on the board too.
func (s *sharing) ChangeHold(ctx context.Context, connection string, change func(Hold) Hold) error {
	var changed Hold
	remember := func(old Hold) Hold {
		changed = change(old)
		return changed
	}
	if s.board == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.keep(connection, remember(s.holds[connection]))
		return nil
	}
	if err := s.board.ChangeHold(ctx, connection, remember); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(connection, changed)
	return nil
}

func (s *sharing) keep(connection string, hold Hold) {
	next := make(map[string]Hold, len(s.holds)+1)
	for name, one := range s.holds {
		next[name] = one
	}
	next[connection] = hold
	s.holds, s.read = next, s.now()
}

// Pause says that the system asked for silence. The latest instant counts; who failed before is not forgotten.
func (s *sharing) Pause(ctx context.Context, connection string, until time.Time) error {
	if !s.Held(ctx, connection).Until.Before(until) {
		return nil
	}
	return s.ChangeHold(ctx, connection, func(hold Hold) Hold {
		if hold.Until.Before(until) {
			hold.Until = until
		}
		return hold
	})
}

// Take takes one request from each limit.
func (s *sharing) Take(ctx context.Context, connection string, limits []Limit, patience time.Duration) (time.Duration, error) {
	hold := s.Held(ctx, connection)
	if len(limits) == 0 && hold.Until.IsZero() {
		return 0, nil
	}
	state := s.connection(connection)
	state.mu.Lock()
	defer state.mu.Unlock()
	now := s.now().UnixMicro()
	turn := turnOf(ctx)
	if wait := state.queue.promised(turn, now, patience); wait > 0 {
		return wait, nil
	}
	at, spacing, lifted := now, int64(0), hold.Until.UnixMicro()
	for _, limit := range limits {
		if limit.Requests > 0 {
			spacing = max(spacing, limit.spacing())
		}
	}
	draining := !hold.Until.IsZero() && now-lifted < drainFor.Microseconds()
	if draining {
		at = max(at, lifted)
		spacing = max(spacing, drainSpacing(time.Duration(max(at, state.queue.tail)-lifted)*time.Microsecond).Microseconds())
	}
	if at-now > patience.Microseconds() {
		return state.queue.promise(turn, now, at, spacing), nil
	}
	// The limits are asked twice: what one of them delays, another may delay further.
	for range 2 {
		if draining {
			due, err := state.drain.due(ctx, s, connection, "drain", drainRate{lifted}, at)
			if err != nil {
				return 0, err
			}
			at = max(at, due)
		}
		for _, limit := range limits {
			if limit.Requests == 0 {
				continue
			}
			due, err := state.lane(limit).due(ctx, s, connection, limit.name(), limitRate{limit}, at)
			if err != nil {
				return 0, err
			}
			at = max(at, due)
		}
	}
	if at-now > patience.Microseconds() {
		return state.queue.promise(turn, now, at, spacing), nil
	}
	if draining {
		state.drain.take(drainRate{lifted}, at)
	}
	for _, limit := range limits {
		if limit.Requests > 0 {
			state.lane(limit).take(limitRate{limit}, at)
		}
	}
	state.queue.served(turn)
	return time.Duration(at-now) * time.Microsecond, nil
}

func (c *connectionState) lane(limit Limit) *supply {
	name := limit.name()
	lane := c.lanes[name]
	if lane == nil {
		lane = &supply{}
		c.lanes[name] = lane
	}
	return lane
}

// pace is how the instants of a supply are spaced.
type pace interface {
	due(l *lane, now int64) int64
	take(l *lane, now int64) int64
	block() int // how many are taken from the board at once, at most
	slack() int64
}

type limitRate struct{ limit Limit }

func (r limitRate) due(l *lane, now int64) int64 {
	at, _, _ := l.due(r.limit, now)
	return at
}
func (r limitRate) take(l *lane, now int64) int64 { return l.take(r.limit, now) }
func (r limitRate) block() int                    { return max(1, int(blockSpan.Microseconds()/r.limit.spacing())) }
func (r limitRate) slack() int64                  { return r.limit.Per.Microseconds() / granules }

type drainRate struct{ lifted int64 }

func (r drainRate) due(l *lane, now int64) int64 { return max(now, l.Next) }
func (r drainRate) take(l *lane, now int64) int64 {
	at := max(now, l.Next)
	l.Next = at + drainSpacing(time.Duration(at-r.lifted)*time.Microsecond).Microseconds()
	return at
}
func (r drainRate) block() int   { return 8 }
func (r drainRate) slack() int64 { return drainFirst.Microseconds() }

// blockSpan is the time for which requests are taken from the board at once: that is how often it is asked, and for how
// long one process may go first.
const blockSpan = 250 * time.Millisecond

// supply is the instants that this process may use under one limit: of a lane of its own, or of blocks of a shared one.
type supply struct {
	lane  lane
	ready []int64 // of a block, the earliest first
	size  int     // of the last block
}

// due is the first instant, not before now, that can be had.
func (u *supply) due(ctx context.Context, s *sharing, connection, name string, at pace, now int64) (int64, error) {
	if !s.several {
		return at.due(&u.lane, now), nil
	}
	u.size = max(1, u.size)
	for len(u.ready) > 0 && u.ready[0] < now-at.slack() {
		u.ready, u.size = u.ready[1:], 1 // nobody wanted it: less will do
	}
	if len(u.ready) == 0 {
		ready := make([]int64, 0, u.size)
		limited, cancel := context.WithTimeout(ctx, boardTime)
		defer cancel()
		err := s.board.ChangeLimit(limited, connection, name, func(text string) (string, error) {
			var shared lane
			if text != "" {
				if err := json.Unmarshal([]byte(text), &shared); err != nil {
					return "", fmt.Errorf("adapters: what is written of the limit %s cannot be read: %w", name, err)
				}
			}
			ready = ready[:0]
			for range u.size {
				ready = append(ready, at.take(&shared, now))
			}
			written, err := json.Marshal(shared)
			return string(written), err
		})
		if err != nil {
			return 0, err
		}
		u.ready, u.size = ready, min(2*u.size, at.block())
	}
	return max(now, u.ready[0]), nil
}

// take uses the instant that due told.
func (u *supply) take(at pace, now int64) {
	if u.ready != nil {
		u.ready = u.ready[1:]
		return
	}
	at.take(&u.lane, now)
}
