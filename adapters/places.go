package adapters

import (
	"context"
	"time"

	"crosswalk/contracts"
)

// place bounds how many requests run at once.
type place struct {
	limit Limit
	free  chan struct{}
}

func newPlaces(limits []Limit) []place {
	var places []place
	for _, limit := range limits {
		if limit.Concurrency > 0 {
			places = append(places, place{limit, make(chan struct{}, limit.Concurrency)})
		}
	}
	return places
}

// enter waits for a free place, no longer than a call is patient, and returns the way out.
func (c *Connection) enter(ctx context.Context, operation string) (leave func(), err error) {
	var held []chan struct{}
	leave = func() {
		for _, free := range held {
			<-free
		}
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for _, p := range c.places {
		if !p.limit.covers(operation) {
			continue
		}
		select {
		case p.free <- struct{}{}:
			held = append(held, p.free)
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		leave()
		failure := contracts.NewError(contracts.RateLimited, "", "%d requests to %s are under way, and no more are allowed at once", p.limit.Concurrency, c.system)
		failure.RetryAfter, failure.NothingSent = time.Second, true
		return nil, failure
	}
	return leave, nil
}
