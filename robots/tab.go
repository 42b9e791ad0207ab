package robots

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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

// world is the name of the isolated JavaScript world that our library lives in. Page scripts cannot see
// or break it: they have overridden Promise, Array.from and worse.
const world = "crosswalk"

//go:embed library/page.js
var pageScript string

// library is what acts on pages, in a function of its own so that it can be loaded twice.
var library = "(() => {" + pageScript + "\nreturn true; })()"

// tabOptions say how a page appears to the application and what it may reach.
type tabOptions struct {
	width, height    int
	locale, timezone string
	fence            *fence
	dialog           func(dialog) (accept bool)
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

	mutex   sync.Mutex
	frames  map[string]*frame
	top     string
	changed chan struct{} // closed and replaced at every change that somebody may wait for
}

// frame is one document of the page. Its world is lost at each navigation.
type frame struct {
	id, parent, name, url string
	loader                string // of the present document
	session               proto.TargetSessionID
	generation            int // counts the documents
	world                 proto.RuntimeExecutionContextID
	loading               bool // a navigation was requested and has neither arrived nor failed
	failure               string
	status                int
	retryAfter            string
	fresh                 bool // arrived since the robot last looked for errors
}

// openTab makes a context and a page in it. The tab lives until close, or until ctx ends. All work in it must
// be done under its own context, which ends at once when the page crashes or the browser is lost.
func (b *Browser) openTab(ctx context.Context, options tabOptions) (_ *tab, err error) {
	t := &tab{browser: b, options: options,
		frames: map[string]*frame{}, changed: make(chan struct{})}
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
	setup := append(t.domains(page),
		func() error {
			return proto.BrowserSetDownloadBehavior{Behavior: proto.BrowserSetDownloadBehaviorBehaviorDeny, BrowserContextID: t.context}.Call(t.on(t.ctx, t.root))
		},
		func() error {
			return proto.EmulationSetDeviceMetricsOverride{Width: t.options.width, Height: t.options.height, DeviceScaleFactor: 1}.Call(page)
		})
	if t.options.timezone != "" {
		setup = append(setup, func() error { return proto.EmulationSetTimezoneOverride{TimezoneID: t.options.timezone}.Call(page) })
	}
	if t.options.locale != "" {
		setup = append(setup,
			func() error { return proto.EmulationSetLocaleOverride{Locale: t.options.locale}.Call(page) },
			func() error { return t.acceptLanguage(page) })
	}
	return together(setup...)
}

// domains switches on what must watch a target before it runs anything.
func (t *tab) domains(c caller) []func() error {
	return []func() error{
		func() error { return proto.PageEnable{}.Call(c) },
		func() error { return t.options.fence.enable(c) },
		func() error { return proto.NetworkEnable{}.Call(c) },
		func() error { return proto.NetworkSetBypassServiceWorker{Bypass: true}.Call(c) },
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

func (t *tab) acceptLanguage(c caller) error {
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
		defer t.proxy.close()
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
	}
}

// attached takes over a frame of another site, which runs in a process of its own, before it starts. All
// else that can be attached here is a worker; it goes on without us.
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
	frameChild := child.TargetInfo.Type == "iframe"
	if frameChild {
		t.update(func() { t.frame(child.TargetInfo.TargetID, "").session = child.SessionID })
	}
	go func() {
		if frameChild && together(t.domains(c)...) != nil {
			return // it stays stopped: better no frame than one outside the fence
		}
		_ = proto.RuntimeRunIfWaitingForDebugger{}.Call(c)
	}()
}

// frame returns a frame by id and makes it known if it is new. The caller holds the mutex.
func (t *tab) frame(id, parent string) *frame {
	f := t.frames[id]
	if f == nil {
		f = &frame{id: id, parent: parent, session: t.page}
		t.frames[id] = f
	}
	return f
}

// update changes the state of the frames and wakes up who waits for a change.
func (t *tab) update(change func()) {
	t.mutex.Lock()
	change()
	close(t.changed)
	t.changed = make(chan struct{})
	t.mutex.Unlock()
}

// frameEvent keeps the tree of frames. A frame counts as loading from the moment that a navigation is
// asked for, so that no step ever reads the document that is about to go.
func (t *tab) frameEvent(event *cdp.Event) {
	e, ok := decode[struct {
		FrameID, ParentFrameID, Reason, Disposition, URL string
		Frame                                            struct{ ID, ParentID, Name, URL, UnreachableURL, LoaderID string }
	}](event)
	if !ok {
		return
	}
	session := proto.TargetSessionID(event.SessionID)
	t.update(func() {
		switch event.Method {
		case "Page.frameAttached":
			f := t.frame(e.FrameID, e.ParentFrameID)
			f.session, f.loading = session, true
		case "Page.frameRequestedNavigation":
			if (e.Disposition == "" || e.Disposition == "currentTab") && !strings.HasPrefix(e.URL, "javascript:") {
				t.frame(e.FrameID, "").loading = true
			}
		case "Page.frameStartedNavigating", "Page.frameStartedLoading":
			t.frame(e.FrameID, "").loading = true
		case "Page.frameStoppedLoading":
			t.frame(e.FrameID, "").loading = false
		case "Page.frameDetached":
			if e.Reason != "swap" {
				t.remove(e.FrameID)
			}
		case "Page.frameNavigated":
			f := t.frame(e.Frame.ID, e.Frame.ParentID)
			f.session, f.parent, f.name, f.url, f.world = session, e.Frame.ParentID, e.Frame.Name, e.Frame.URL, 0
			f.loader, f.loading, f.fresh = e.Frame.LoaderID, false, true
			f.generation++
			if e.Frame.UnreachableURL != "" && f.failure == "" {
				f.failure = "could not be loaded"
			}
			for _, child := range t.children(f.id) {
				t.remove(child)
			}
		}
	})
}

// children lists the frames directly within a frame. The caller holds the mutex.
func (t *tab) children(id string) []string {
	var ids []string
	for _, f := range t.frames {
		if f.parent == id && f.id != id {
			ids = append(ids, f.id)
		}
	}
	return ids
}

// remove forgets a frame and what is in it. The caller holds the mutex.
func (t *tab) remove(id string) {
	for _, child := range t.children(id) {
		t.remove(child)
	}
	delete(t.frames, id)
}

// findFrame returns the one frame that a name path ("main", "outer/inner"), or an URL pattern with *, means;
// "" is the page itself.
func (t *tab) findFrame(name string) (frame, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if name == "" {
		return *t.frames[t.top], nil
	}
	var found []*frame
	for _, f := range t.frames {
		if strings.Contains(name, "*") && matchGlob(name, f.url) || name == t.namePath(f) || strings.HasSuffix(t.namePath(f), "/"+name) {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 1:
		return *found[0], nil
	case 0:
		return frame{}, fmt.Errorf("%w %q; it has %s", errNoFrame, name, t.frameNames())
	default:
		return frame{}, fmt.Errorf("%w %q: %d have this name", errNoFrame, name, len(found))
	}
}

// namePath is the names of the frames from the page down to this one. The caller holds the mutex.
func (t *tab) namePath(f *frame) string {
	path := f.name
	for up := t.frames[f.parent]; up != nil && up.id != t.top; up = t.frames[up.parent] {
		path = up.name + "/" + path
	}
	return path
}

func (t *tab) frameNames() string {
	var names []string
	for _, f := range t.frames {
		if f.id != t.top {
			names = append(names, fmt.Sprintf("%q", t.namePath(f)))
		}
	}
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// allFrames returns the page and all its frames, the page first.
func (t *tab) allFrames() []frame {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	all := make([]frame, 0, len(t.frames))
	for _, f := range t.frames {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b frame) int {
		if (a.id == t.top) != (b.id == t.top) {
			if a.id == t.top {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name+a.id, b.name+b.id)
	})
	return all
}

// arrived waits until a navigation that the browser was told to make has brought its document.
func (t *tab) arrived(ctx context.Context, id, loader string) error {
	for {
		t.mutex.Lock()
		f, changed := t.frames[id], t.changed
		there := f == nil || f.loader == loader
		t.mutex.Unlock()
		if there {
			return t.settle(ctx)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// settle waits until no frame has a navigation under way. It does not wait for images and the like.
func (t *tab) settle(ctx context.Context) error {
	for {
		t.mutex.Lock()
		changed, loading := t.changed, ""
		for _, f := range t.frames {
			if f.loading {
				loading = f.url
			}
		}
		t.mutex.Unlock()
		if loading == "" {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// call runs a function of our library in a frame and decodes its result. Navigations make calls fail; who
// calls decides whether to try again in the new document.
func (t *tab) call(ctx context.Context, f frame, function string, argument, result any) error {
	id, err := t.worldOf(ctx, f)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(argument)
	if err != nil {
		return err
	}
	raw, err := t.on(ctx, f.session).Call(ctx, string(f.session), "Runtime.callFunctionOn", map[string]any{
		"functionDeclaration": "function(name, argument) { return crosswalk[name](argument) }",
		"executionContextId":  id,
		"arguments":           []any{map[string]string{"value": function}, map[string]json.RawMessage{"value": encoded}},
		"returnByValue":       true, "awaitPromise": true,
	})
	if err != nil {
		return err
	}
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	if thrown := answer.ExceptionDetails; thrown != nil {
		return fmt.Errorf("%s failed in the page: %s %s", function, thrown.Text, thrown.Exception.Description)
	}
	if result == nil || len(answer.Result.Value) == 0 {
		return nil
	}
	return json.Unmarshal(answer.Result.Value, result)
}

// worldOf returns the isolated world of a frame's present document.
func (t *tab) worldOf(ctx context.Context, f frame) (proto.RuntimeExecutionContextID, error) {
	t.mutex.Lock()
	known := t.frames[f.id]
	if known != nil && known.generation == f.generation && known.world != 0 {
		defer t.mutex.Unlock()
		return known.world, nil
	}
	t.mutex.Unlock()
	c := t.on(ctx, f.session)
	made, err := proto.PageCreateIsolatedWorld{FrameID: proto.PageFrameID(f.id), WorldName: world}.Call(c)
	if err != nil {
		return 0, err
	}
	// Documents that were there before the session, such as the first about:blank, lack the library.
	_, err = proto.RuntimeEvaluate{Expression: "globalThis.crosswalk || " + library, ContextID: made.ExecutionContextID}.Call(c)
	if err != nil {
		return 0, err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if known := t.frames[f.id]; known != nil && known.generation == f.generation {
		known.world = made.ExecutionContextID
	}
	return made.ExecutionContextID, nil
}

// takeFresh returns the documents that have arrived since the last call, or all of them.
func (t *tab) takeFresh(all bool) []frame {
	frames := t.allFrames()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var fresh []frame
	for _, f := range frames {
		if f.fresh || all {
			fresh = append(fresh, f)
		}
		if known := t.frames[f.id]; known != nil && known.generation == f.generation {
			known.fresh = false
		}
	}
	return fresh
}
