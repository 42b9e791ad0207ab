package robots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-rod/rod/lib/cdp"
	"github.com/go-rod/rod/lib/proto"
)

// errBrowserLost is the cause of everything that fails because the browser process ended.
var errBrowserLost = errors.New("the browser ended unexpectedly")

// Options say how a browser is started.
type Options struct {
	// Kind is the build of Chromium that is preferred; Shell if empty.
	Kind Kind
	// Program overrides the search for an installed Chromium.
	Program string
	// NoSandbox switches Chromium's sandbox off, for containers that forbid it. Always so for root.
	NoSandbox bool
}

// Browser is one running Chromium, shared by many runs that cannot see each other.
type Browser struct {
	process *process
	started time.Time
	version string

	mutex    sync.Mutex
	sessions map[string]*tab // by protocol session
	contexts map[proto.BrowserBrowserContextID]*tab
	windows  map[proto.TargetSessionID]context.Context // of windows that an application opened; each ends with its window
	ctx      context.Context                           // ends, with errBrowserLost, when the browser does
	end      context.CancelCauseFunc
}

// NewBrowser starts a Chromium and waits until it answers.
func NewBrowser(ctx context.Context, options Options) (*Browser, error) {
	program := options.Program
	if program == "" {
		kind := options.Kind
		if kind == "" {
			kind = Shell
		}
		var err error
		if program, err = FindChromium(kind); err != nil {
			return nil, err
		}
	}
	p, err := start(program, options.NoSandbox)
	if err != nil {
		return nil, err
	}
	b := &Browser{process: p, started: time.Now(), sessions: map[string]*tab{}, contexts: map[proto.BrowserBrowserContextID]*tab{}, windows: map[proto.TargetSessionID]context.Context{}}
	b.ctx, b.end = context.WithCancelCause(context.Background())
	p.pipe.onEvent = b.dispatch
	go b.watch()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	version, err := proto.BrowserGetVersion{}.Call(b.on(ctx, ""))
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("%s did not start: %w: %s", program, err, p.stderr)
	}
	b.version = version.Product
	// Every new page waits until somebody has looked at it: those that runs open themselves go on at once, those that
	// an application opens are first put behind the fence of the run whose page opened them.
	err = proto.TargetSetAutoAttach{AutoAttach: true, WaitForDebuggerOnStart: true, Flatten: true, Filter: proto.TargetTargetFilter{{Type: "page"}, {Type: "shared_worker"}}}.Call(b.on(ctx, ""))
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	return b, nil
}

// Version is the product and version, as in HeadlessChrome/156.0.8078.79.
func (b *Browser) Version() string { return b.version }

// Close ends the browser and removes its profile.
func (b *Browser) Close() {
	b.process.kill()
	<-b.ctx.Done()
}

// Healthy says whether the browser still answers.
func (b *Browser) Healthy() bool {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	_, err := proto.BrowserGetVersion{}.Call(b.on(ctx, ""))
	return err == nil
}

// dispatch hands an event to the run whose session it belongs to.
func (b *Browser) dispatch(event *cdp.Event) {
	if event.SessionID == "" {
		b.newPage(event)
		return
	}
	b.mutex.Lock()
	t := b.sessions[event.SessionID]
	b.mutex.Unlock()
	if t != nil {
		t.handle(event)
	}
}

// newPage looks at a page that has begun, before it does anything, and at the end of one.
func (b *Browser) newPage(event *cdp.Event) {
	e, ok := decode[struct {
		SessionID  proto.TargetSessionID
		TargetInfo struct {
			TargetID, Type, OpenerID string
			BrowserContextID         proto.BrowserBrowserContextID
		}
	}](event)
	if !ok {
		return
	}
	b.mutex.Lock()
	var owner *tab
	if event.Method == "Target.detachedFromTarget" {
		owner = b.sessions[string(e.SessionID)]
	} else if e.TargetInfo.OpenerID != "" || e.TargetInfo.Type == "shared_worker" {
		owner = b.contexts[e.TargetInfo.BrowserContextID]
	}
	b.mutex.Unlock()
	switch {
	case event.Method == "Target.detachedFromTarget" && owner != nil:
		owner.closed(e.SessionID)
	case event.Method == "Target.attachedToTarget" && e.TargetInfo.Type == "shared_worker" && owner != nil: // no page's requests are its own: it stays stopped
		owner.options.fence.note(fmt.Sprintf(notStarted, "shared worker"))
	case event.Method != "Target.attachedToTarget" || e.TargetInfo.Type != "page":
	case owner != nil:
		owner.adopt(e.SessionID, e.TargetInfo.TargetID)
	case e.TargetInfo.OpenerID == "":
		go func() { _ = proto.RuntimeRunIfWaitingForDebugger{}.Call(b.on(b.ctx, e.SessionID)) }()
	}
}

// watch listens to the browser until it is gone; then it ends all runs.
func (b *Browser) watch() {
	b.process.pipe.listen()
	b.mutex.Lock()
	runs := make(map[*tab]bool, len(b.sessions))
	for _, t := range b.sessions {
		runs[t] = true
	}
	b.mutex.Unlock()
	b.end(errBrowserLost)
	for t := range runs {
		t.end(errBrowserLost)
	}
	b.process.kill()
}

func (b *Browser) register(session proto.TargetSessionID, t *tab) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.sessions[string(session)] = t
}

// own says whose windows those are that pages of a context open.
func (b *Browser) own(of proto.BrowserBrowserContextID, t *tab) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.contexts[of] = t
}

// watchWindow lets calls to a window end with it.
func (b *Browser) watchWindow(session proto.TargetSessionID, open context.Context) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.windows[session] = open
}

func (b *Browser) forget(t *tab) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for session := range b.windows {
		if b.sessions[string(session)] == t {
			delete(b.windows, session)
		}
	}
	delete(b.contexts, t.context)
	for session, owner := range b.sessions {
		if owner == t {
			delete(b.sessions, session)
		}
	}
}

// caller binds a protocol session and a context to the client, as the methods of proto want them.
type caller struct {
	browser *Browser
	ctx     context.Context
	session proto.TargetSessionID
}

func (b *Browser) on(ctx context.Context, session proto.TargetSessionID) caller {
	return caller{browser: b, ctx: ctx, session: session}
}

// Call sends one command and waits for its answer or the end of the context. A broken pipe ends the browser's
// context before it returns, so that nobody is given this browser again.
func (c caller) Call(ctx context.Context, session, method string, parameters any) ([]byte, error) {
	c.browser.mutex.Lock()
	window := c.browser.windows[proto.TargetSessionID(session)]
	c.browser.mutex.Unlock()
	whole := ctx
	if window != nil { // the browser never answers what a window was asked that is closed meanwhile
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(window, cancel)()
	}
	answer, err := c.browser.process.pipe.call(ctx, session, method, parameters)
	switch {
	case err == nil:
		return answer, nil
	case window != nil && window.Err() != nil && whole.Err() == nil:
		return nil, &cdp.Error{Code: -32001, Message: "the window is closed"}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if refused := (*cdp.Error)(nil); errors.As(err, &refused) {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	c.browser.end(errBrowserLost)
	return nil, fmt.Errorf("%w: %w", errBrowserLost, err)
}

// GetContext is asked by proto before each call.
func (c caller) GetContext() context.Context { return c.ctx }

// GetSessionID is asked by proto before each call.
func (c caller) GetSessionID() proto.TargetSessionID { return c.session }

// contextLost says that a call failed because its document is gone: the page navigated meanwhile.
func contextLost(err error) bool {
	refused := (*cdp.Error)(nil)
	return errors.As(err, &refused) && (refused.Code == -32000 || refused.Code == -32001)
}

// decode reads the parameters of an event into its type; what does not fit is dropped, as the
// browser may be newer than the protocol that we know.
func decode[T any](event *cdp.Event) (T, bool) {
	var value T
	err := json.Unmarshal(event.Params, &value)
	return value, err == nil
}
