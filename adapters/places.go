package adapters

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"crosswalk/contracts"
)

// Places under a limit of requests at once are taken from the board for as many as are wanted, and are the process's
// own until it gives them back or is gone for placesFor.
const (
	placesFor   = 15 * time.Second
	placesRenew = time.Second            // how often a process says that it still has its places
	placesAsk   = 200 * time.Millisecond // how often one that has too few asks for more
)

func newProcess() string { return rand.Text() }

// enter waits for a free place, no longer than a call is patient, and returns the way out.
func (c *Connection) enter(ctx context.Context, operation string) (leave func(), err error) {
	leave = func() {}
	for _, limit := range c.limits {
		if limit.Concurrency == 0 || !limit.covers(operation) {
			continue
		}
		way, err := c.shared.Enter(ctx, c.system, limit, patienceOf(ctx))
		if err != nil {
			leave()
			return nil, unshared(c.system, err)
		}
		if way == nil {
			leave()
			failure := contracts.NewError(contracts.RateLimited, "", "%d requests to %s are under way, and no more are allowed at once", limit.Concurrency, c.system)
			failure.RetryAfter, failure.NothingSent = time.Second, true
			return nil, failure
		}
		before := leave
		leave = func() {
			way()
			before()
		}
	}
	return leave, nil
}

// placeState is the places of this process under one limit.
type placeState struct {
	mu      sync.Mutex
	have    int
	used    int
	waiting []chan struct{} // in the order of their coming
	asked   time.Time       // when the board was last asked
	keeping bool
}

// Enter takes a place.
func (s *sharing) Enter(ctx context.Context, connection string, limit Limit, patience time.Duration) (func(), error) {
	state := s.connection(connection)
	state.mu.Lock()
	name := fmt.Sprintf("%d at once %v", limit.Concurrency, limit.Operations)
	places := state.places[name]
	if places == nil {
		places = &placeState{}
		if !s.several {
			places.have = limit.Concurrency
		}
		state.places[name] = places
	}
	state.mu.Unlock()
	came := places.come()
	if came == nil {
		return places.leave, nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		ask := time.Duration(-1)
		if s.several {
			ask = placesAsk
			if err := s.lease(ctx, connection, name, limit, places); err != nil {
				if places.giveUp(came) { // the place had come, and nobody else would give it back
					return places.leave, nil
				}
				return nil, err
			}
		}
		again := make(<-chan time.Time)
		if ask > 0 {
			again = time.After(ask)
		}
		select {
		case <-came:
			return places.leave, nil
		case <-again:
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		if places.giveUp(came) {
			return places.leave, nil
		}
		return nil, ctx.Err()
	}
}

// come takes a place at once, or returns what says that one has come free.
func (p *placeState) come() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used < p.have && len(p.waiting) == 0 {
		p.used++
		return nil
	}
	came := make(chan struct{})
	p.waiting = append(p.waiting, came)
	return came
}

// giveUp stops waiting and says whether the place had come meanwhile.
func (p *placeState) giveUp(came chan struct{}) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, came); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return false
	}
	return true
}

func (p *placeState) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	p.admit()
}

// admit lets those in for whom there is a place.
func (p *placeState) admit() {
	for p.used < p.have && len(p.waiting) > 0 {
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
		p.used++
	}
}

// placeHolder is what a process says on the board.
type placeHolder struct {
	Places int   `json:"n"`
	Wants  bool  `json:"wants"` // more than it has
	Until  int64 `json:"until"`
}

// lease asks the board for the places that are wanted here, and gives back those that others should have: each may have
// its share, and more as long as nobody else wants it.
func (s *sharing) lease(ctx context.Context, connection, name string, limit Limit, p *placeState) error {
	p.mu.Lock()
	if s.now().Sub(p.asked) < placesAsk {
		p.mu.Unlock()
		return nil
	}
	p.asked = s.now()
	used, wanted := p.used, p.used+len(p.waiting)
	p.have = min(p.have, used) // what is not in use may be given away meanwhile
	p.mu.Unlock()
	var have int
	err := s.board.ChangeLimit(ctx, connection, name, func(text string) (string, error) {
		holders := map[string]placeHolder{}
		if text != "" {
			if err := json.Unmarshal([]byte(text), &holders); err != nil {
				return "", fmt.Errorf("adapters: what is written of the limit %s cannot be read: %w", name, err)
			}
		}
		have = share(holders, s.process, limit.Concurrency, used, wanted, s.now())
		written, err := json.Marshal(holders)
		return string(written), err
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.have = have
	p.admit()
	if !p.keeping && have > 0 {
		p.keeping = true
		go s.keepPlaces(connection, name, limit, p)
	}
	return nil
}

// share decides how many of a limit's places a process has, and writes it down among the holders.
func share(holders map[string]placeHolder, process string, limit, used, wanted int, now time.Time) (have int) {
	taken, wanting := 0, false
	for name, one := range holders {
		switch {
		case one.Until <= now.UnixMicro():
			delete(holders, name)
		case name != process:
			taken += one.Places
			wanting = wanting || one.Wants
		}
	}
	mine, known := holders[process]
	members := len(holders)
	if !known {
		members++
	}
	have = limit - taken // all that is free: who comes next finds it here
	if wanting {
		fair := limit / members
		if mine.Places == 0 {
			fair = max(1, fair) // where there are fewer places than processes, they take turns
		}
		have = min(have, fair)
	}
	have = max(0, have)
	if used+wanted == 0 {
		delete(holders, process)
		return 0
	}
	holders[process] = placeHolder{Places: max(have, used), Wants: wanted > have, Until: now.Add(placesFor).UnixMicro()}
	return have
}

// keepPlaces says that the process still has its places, as long as it uses them.
func (s *sharing) keepPlaces(connection, name string, limit Limit, p *placeState) {
	for {
		p.mu.Lock()
		if p.keeping = p.have > 0 || p.used > 0; !p.keeping {
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		<-time.After(placesRenew)
		ctx, cancel := context.WithTimeout(context.Background(), boardTime)
		_ = s.lease(ctx, connection, name, limit, p) // asked again before its time is over
		cancel()
	}
}
