package robots

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// PoolOptions say how many runs share a browser and how long one lives.
type PoolOptions struct {
	Browser Options
	// Runs is the most runs at a time; one per processor if zero, as more gain nothing.
	Runs int
	// MaxRuns and MaxAge retire a browser, so that what it leaks does not pile up.
	MaxRuns int
	MaxAge  time.Duration
}

// Pool keeps one browser running, shared by all runs, and replaces it when it is old, ill or dead.
type Pool struct {
	options PoolOptions
	slots   chan struct{}

	mutex   sync.Mutex
	current *lease
	closed  bool
}

// lease counts who uses a browser, so that a retired one is closed by its last user.
type lease struct {
	browser *Browser
	users   int
	runs    int
	retired bool
}

// NewPool makes a pool and clears away what browsers of processes that were killed have left. The browser
// starts with the first run.
func NewPool(options PoolOptions) *Pool {
	sweepProfiles()
	if options.Runs <= 0 {
		options.Runs = runtime.GOMAXPROCS(0)
	}
	if options.MaxRuns <= 0 {
		options.MaxRuns = 500
	}
	if options.MaxAge <= 0 {
		options.MaxAge = 2 * time.Hour
	}
	return &Pool{options: options, slots: make(chan struct{}, options.Runs)}
}

// Acquire waits for a free slot and returns a browser that answers; release must be called once.
func (p *Pool) Acquire(ctx context.Context) (browser *Browser, release func(), err error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	l, err := p.lease(ctx)
	if err != nil {
		<-p.slots
		return nil, nil, err
	}
	return l.browser, func() {
		p.giveBack(l)
		<-p.slots
	}, nil
}

func (p *Pool) lease(ctx context.Context) (*lease, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		return nil, errBrowserLost
	}
	if p.current != nil && !p.usable(p.current) {
		p.retire()
	}
	if p.current == nil {
		browser, err := NewBrowser(ctx, p.options.Browser)
		if err != nil {
			return nil, err
		}
		p.current = &lease{browser: browser}
	}
	p.current.users++
	p.current.runs++
	return p.current, nil
}

func (p *Pool) usable(l *lease) bool {
	return l.browser.ctx.Err() == nil && l.runs < p.options.MaxRuns && time.Since(l.browser.started) < p.options.MaxAge
}

// retire lets the current browser go; the caller holds the mutex.
func (p *Pool) retire() {
	old := p.current
	p.current = nil
	if old == nil {
		return
	}
	old.retired = true
	if old.users == 0 {
		go old.browser.Close()
	}
}

func (p *Pool) giveBack(l *lease) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	l.users--
	if l.retired && l.users == 0 {
		go l.browser.Close()
	}
}

// Suspect is called after a run that failed for no reason of the page's: a browser that does not answer
// any more is replaced, and the runs that still wait for it end with it.
func (p *Pool) Suspect(browser *Browser) {
	if browser.Healthy() {
		return
	}
	p.mutex.Lock()
	if p.current != nil && p.current.browser == browser {
		p.retire()
	}
	p.mutex.Unlock()
	browser.Close()
}

// suspectOn looks after a browser if an error may be its fault.
func (p *Pool) suspectOn(err error, browser *Browser) {
	if errors.Is(err, errBrowserLost) || errors.Is(err, errTabCrashed) || errors.Is(err, errStepTime) {
		p.Suspect(browser)
	}
}

// Close ends the browser; runs that are under way fail as unavailable.
func (p *Pool) Close() {
	p.mutex.Lock()
	p.closed = true
	current := p.current
	p.current = nil
	p.mutex.Unlock()
	if current != nil {
		current.browser.Close()
	}
}

// yield gives the slot of a run that waits for a person to others; resume waits for one again.
func (p *Pool) yield() { <-p.slots }

func (p *Pool) resume(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		p.slots <- struct{}{} // whoever acquired it gives it back
		return context.Cause(ctx)
	}
}
