package robots

import (
	"context"
	"sync"
	"time"

	"crosswalk/contracts"
)

// Application is what all processes must know of an application to keep its limits.
type Application struct {
	NextAt       time.Time // when the next run would begin if they came evenly
	Failures     int       // in a row
	StoppedUntil time.Time // nothing is tried before
}

// Limits keeps the state of applications for all who run robots.
type Limits interface {
	// Change reads the state of an application, changes it and stores it, alone. The function may be called again.
	Change(ctx context.Context, application string, change func(*Application)) error
}

// NewLimits makes limits that hold within this process.
func NewLimits() Limits { return &localLimits{known: map[string]*Application{}} }

type localLimits struct {
	mutex sync.Mutex
	known map[string]*Application
}

func (l *localLimits) Change(_ context.Context, name string, change func(*Application)) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.known[name] == nil {
		l.known[name] = &Application{}
	}
	change(l.known[name])
	return nil
}

const (
	// gateWait is how long a run waits for its turn by itself; a longer wait is the caller's.
	gateWait = 5 * time.Second
	// stopFor is how long an application is left alone after stop_after_failures.
	stopFor = 5 * time.Minute
)

// start asks for a run's turn: zero, or how long it has to wait.
func (a *Application) start(now time.Time, perMinute int) time.Duration {
	if a.StoppedUntil.After(now) {
		return a.StoppedUntil.Sub(now)
	}
	if perMinute <= 0 {
		return 0
	}
	// A minute's worth may begin at once, if nothing began before; then they come evenly.
	pause := time.Minute / time.Duration(perMinute)
	if a.NextAt.Before(now) {
		a.NextAt = now
	}
	if wait := a.NextAt.Sub(now) - (time.Minute - pause); wait > 0 {
		return wait
	}
	a.NextAt = a.NextAt.Add(pause)
	return 0
}

// ended counts how a run went. The first run after a stop decides alone whether it goes on.
func (a *Application) ended(now time.Time, failed bool, stopAfter int) {
	if !failed {
		a.Failures, a.StoppedUntil = 0, time.Time{}
		return
	}
	if a.Failures++; stopAfter > 0 && a.Failures >= stopAfter {
		a.StoppedUntil = now.Add(stopFor)
	}
}

func (u *run) application() string { return u.system.Name + " " + u.base.String() }

// gate lets a run begin within the opening hours and limits of the application, or says when to come again.
func (r *Runner) gate(ctx context.Context, u *run) error {
	if hours := u.system.hours; hours != nil {
		if opens := hours.opens(r.now()); opens > 0 {
			return &contracts.Error{Class: contracts.Unavailable, Message: u.system.Name + " is closed now; it is open " + u.system.hoursText, RetryAfter: opens}
		}
	}
	if u.system.perMinute == 0 && u.system.stopAfter == 0 {
		return nil
	}
	for {
		var wait time.Duration
		var failures int
		err := r.limits.Change(ctx, u.application(), func(a *Application) {
			now := r.now()
			wait, failures = a.start(now, u.system.perMinute), 0
			if a.StoppedUntil.After(now) {
				failures = a.Failures
			}
		})
		switch {
		case err != nil:
			return &contracts.Error{Class: contracts.Unavailable, Message: "the limits of the application could not be read", Err: err}
		case failures > 0:
			return &contracts.Error{Class: contracts.Unavailable, RetryAfter: wait,
				Message: u.system.Name + " failed too often in a row (limits.stop_after_failures); it is left alone for a while"}
		case wait > gateWait:
			return &contracts.Error{Class: contracts.Unavailable, RetryAfter: wait, Message: "no more runs of " + u.system.Name + " may begin in this minute (limits.per_minute)"}
		case wait == 0:
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// count tells the limits how a run went. What the application said about the request is no failure of its.
func (r *Runner) count(ctx context.Context, u *run, err error) {
	if u.system.stopAfter == 0 || ctx.Err() != nil {
		return
	}
	failed := false
	switch contracts.ClassOf(err) {
	case contracts.Unavailable, contracts.Auth, contracts.Drift:
		failed = true
	}
	if changed := r.limits.Change(ctx, u.application(), func(a *Application) { a.ended(r.now(), failed, u.system.stopAfter) }); changed != nil {
		u.journal.note("how the run went could not be counted")
	}
}
