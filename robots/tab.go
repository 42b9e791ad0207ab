package robots

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-rod/rod/lib/cdp"
	"github.com/go-rod/rod/lib/proto"
)

var (
	errTabCrashed = errors.New("the page crashed the browser's tab")
	errRunEnded   = errors.New("the run has ended")
	errStepTime   = errors.New("the step took too long")
	errNoFrame    = errors.New("the page has no single frame")
)

// tabOptions say how a page appears to the application and what it may reach.
type tabOptions struct {
	width, height    int
	locale, timezone string
	fence            *fence
	dialog           func(dialog) (accept bool)
	journal          *journal // may be nil
	// leads is told before a click or a key, which may lead to another page; an error keeps it from that. It may be nil.
	leads func(context.Context) error
	// writes says that what is filled in may be sent: the page remembers it, so that it can be compared before the commit.
	writes bool
	// resolved is told of the element that a step is about to act on; an error keeps it from that. It may be nil.
	resolved func(ctx context.Context, f frame, target *spec, at found) error
}

// tab is one page in a browser context of its own, on a protocol session of its own: closing that
// session disposes of everything, also while a dialog is open or a script runs for ever.
type tab struct {
	browser *Browser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	options tabOptions
	root    proto.TargetSessionID // the run's view of the browser
	page    proto.TargetSessionID
	context proto.BrowserBrowserContextID
	proxy   *proxy
	acts    atomic.Int64 // clicks and keys so far, but for those that tick boxes
	acted   atomic.Bool  // something was done to the page since this was cleared: it must not be done again unseen

	mutex     sync.Mutex
	frames    map[string]*frame
	top       string
	born      int                   // counts the frames
	windows   []*window             // that the application opened beside the page, the newest last
	opening   []string              // the names of windows that are about to come
	downloads []*download           // in the order of their beginning
	lost      []Lost                // alternatives that found nothing
	gone      map[document][]goneBy // what documents have sent on that held what the robot had put in
	blank     string                // the address of the blank page that is about to be opened; empty: none
	changed   chan struct{}         // closed and replaced at every change that somebody may wait for
}

// openTab makes a context and a page in it. The tab lives until close, or until ctx ends. All work in it must
// be done under its own context, which ends at once when the page crashes or the browser is lost.
func (b *Browser) openTab(ctx context.Context, options tabOptions) (_ *tab, err error) {
	t := &tab{browser: b, options: options,
		frames: map[string]*frame{}, gone: map[document][]goneBy{}, changed: make(chan struct{})}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	attached, err := proto.TargetAttachToBrowserTarget{}.Call(b.on(t.ctx, ""))
	if err != nil {
		return nil, err
	}
	t.root = attached.SessionID
	b.register(t.root, t)
	if b.ctx.Err() != nil { // it ended before it could tell us so
		return nil, errBrowserLost
	}
	if t.proxy, err = startProxy(options.fence); err != nil {
		return nil, err
	}
	made, err := proto.TargetCreateBrowserContext{
		DisposeOnDetach: true, ProxyServer: "http://" + t.proxy.address(), ProxyBypassList: "<-loopback>", // else loopback would go round it
	}.Call(t.on(t.ctx, t.root))
	if err != nil {
		return nil, err
	}
	t.context = made.BrowserContextID
	b.own(t.context, t)
	if err := t.openPage(); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *tab) openPage() error {
	target, err := proto.TargetCreateTarget{URL: "about:blank", BrowserContextID: t.context}.Call(t.on(t.ctx, t.root))
	if err != nil {
		return err
	}
	t.top = string(target.TargetID) // the main frame has the id of its target
	t.update(func() { t.frame(t.top, "") })
	attached, err := proto.TargetAttachToTarget{TargetID: target.TargetID, Flatten: true}.Call(t.on(t.ctx, t.root))
	if err != nil {
		return err
	}
	t.page = attached.SessionID
	t.update(func() { t.frame(t.top, "").session = t.page })
	t.browser.register(t.page, t)
	page := t.on(t.ctx, t.page)
	setup := append(t.domains(page), t.appearance(page)...)
	setup = append(setup, func() error {
		return proto.BrowserSetDownloadBehavior{Behavior: proto.BrowserSetDownloadBehaviorBehaviorDeny, BrowserContextID: t.context}.Call(t.on(t.ctx, t.root))
	}, t.size(page))
	return together(setup...)
}

func (t *tab) size(c caller) func() error {
	return func() error {
		return proto.EmulationSetDeviceMetricsOverride{Width: t.options.width, Height: t.options.height, DeviceScaleFactor: 1}.Call(c)
	}
}

// appearance has a page, a window, or a frame in a process of its own take the application's language and time for its own. A
// process that has them already, from another page of the run, says so with an error.
func (t *tab) appearance(c caller) (setup []func() error) {
	unlessThere := func(err error) error {
		if err != nil && strings.Contains(err.Error(), "already in effect") {
			return nil
		}
		return err
	}
	if t.options.timezone != "" {
		setup = append(setup, func() error {
			return unlessThere(proto.EmulationSetTimezoneOverride{TimezoneID: t.options.timezone}.Call(c))
		})
	}
	if t.options.locale != "" {
		setup = append(setup,
			func() error { return unlessThere(proto.EmulationSetLocaleOverride{Locale: t.options.locale}.Call(c)) },
			func() error { return t.acceptLanguage(c) })
	}
	return setup
}

// domains switches on what must watch a target before it runs anything.
func (t *tab) domains(c caller) []func() error {
	return []func() error{
		func() error { return proto.PageEnable{}.Call(c) },
		func() error { return t.options.fence.enable(c) },
		func() error { return proto.InspectorEnable{}.Call(c) },
		func() error {
			_, err := proto.PageAddScriptToEvaluateOnNewDocument{Source: library, WorldName: world}.Call(c)
			return err
		},
		func() error {
			return proto.TargetSetAutoAttach{AutoAttach: true, WaitForDebuggerOnStart: true, Flatten: true}.Call(c)
		},
	}
}

// acceptLanguage has requests ask for the language of the application. It is only for this that the browser tells of each
// request: what decides about them is the fence.
func (t *tab) acceptLanguage(c caller) error {
	if err := (proto.NetworkEnable{}).Call(c); err != nil {
		return err
	}
	_, err := c.Call(c.ctx, string(c.session), "Network.setExtraHTTPHeaders", map[string]any{"headers": map[string]string{"Accept-Language": t.options.locale}})
	return err
}

func (t *tab) on(ctx context.Context, session proto.TargetSessionID) caller {
	return t.browser.on(ctx, session)
}

// end stops the run: every call under way returns the cause.
func (t *tab) end(cause error) { t.cancel(cause) }

// close disposes of the page and its context. It does not wait for the page, which may be busy.
func (t *tab) close() {
	t.end(errRunEnded)
	t.browser.forget(t)
	if t.proxy != nil {
		t.proxy.close() // first: what was held at the fence goes on when the page is let go of, and must find no way out
	}
	if t.root == "" {
		return
	}
	ctx, cancel := context.WithTimeout(t.browser.ctx, 5*time.Second)
	defer cancel()
	_ = proto.TargetDetachFromTarget{SessionID: t.root}.Call(t.on(ctx, ""))
}

// together runs calls at the same time and returns the first error in their order.
func together(calls ...func() error) error {
	errs := make([]error, len(calls))
	var group sync.WaitGroup
	for i, call := range calls {
		group.Go(func() { errs[i] = call() })
	}
	group.Wait()
	return errors.Join(errs...)
}

// handle takes an event in the order in which the browser sent it. It runs while nothing else is read, so
// whatever must call the browser does so in a goroutine of its own.
func (t *tab) handle(event *cdp.Event) {
	switch event.Method {
	case "Fetch.requestPaused":
		t.paused(event)
	case "Page.javascriptDialogOpening":
		t.onDialog(event)
	case "Page.frameAttached", "Page.frameNavigated", "Page.frameDetached", "Page.frameRequestedNavigation",
		"Page.frameStartedLoading", "Page.frameStoppedLoading", "Page.frameStartedNavigating":
		t.frameEvent(event)
	case "Inspector.targetCrashed":
		t.end(errTabCrashed)
	case "Target.targetCrashed":
		if crashed, ok := decode[struct{ TargetID string }](event); ok && crashed.TargetID == t.top {
			t.end(errTabCrashed)
		}
	case "Target.attachedToTarget":
		t.attached(event)
	case "Page.windowOpen":
		t.windowOpening(event)
	case "Browser.downloadWillBegin", "Browser.downloadProgress":
		t.downloadEvent(event)
	}
}

// notStarted is said of a worker that is left stopped, since nothing could hold what it sends.
const notStarted = "a %s of the page was not started: its requests cannot be held"

// attached takes over what the page has started, before it runs: a frame of another site, which is in a process of its
// own, or a worker. What cannot be put behind the fence stays stopped for ever, and service workers always do.
func (t *tab) attached(event *cdp.Event) {
	child, ok := decode[struct {
		SessionID  proto.TargetSessionID
		TargetInfo struct{ TargetID, Type string }
	}](event)
	if !ok || event.SessionID == string(t.root) { // our own page
		return
	}
	t.browser.register(child.SessionID, t)
	c := t.on(t.ctx, child.SessionID)
	var watch []func() error
	switch child.TargetInfo.Type {
	case "iframe":
		t.update(func() { t.frame(child.TargetInfo.TargetID, "").session = child.SessionID })
		watch = append(t.domains(c), t.appearance(c)...)
	case "service_worker":
		return
	default:
		watch = []func() error{func() error { return t.options.fence.enable(c) }}
	}
	go func() {
		if together(watch...) != nil { // better no frame or worker than one outside the fence
			t.options.fence.note(fmt.Sprintf(notStarted, child.TargetInfo.Type))
			return
		}
		_ = proto.RuntimeRunIfWaitingForDebugger{}.Call(c)
	}()
}
