package robots

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-rod/rod/lib/cdp"
	"github.com/go-rod/rod/lib/proto"

	"crosswalk/contracts"
)

// window is one that the application opened beside the page. It stands behind the same fence from its first request on.
type window struct {
	id      string // of its target, which is that of its outermost frame
	session proto.TargetSessionID
	name    string // that the application gave it
	end     context.CancelFunc
}

// Lost is an alternative of a target that found nothing while others found the element.
type Lost struct {
	Target string `json:"target"`
	Lost   string `json:"lost"`
}

// heard notes which voices of a vote were silent.
func (t *tab) heard(target *spec, at found) {
	if len(at.Lost) == 0 {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, i := range at.Lost {
		if i < len(target.Any) {
			if lost := (Lost{Target: target.words, Lost: target.Any[i].words}); !slices.Contains(t.lost, lost) {
				t.lost = append(t.lost, lost)
			}
		}
	}
}

// frameMark parts the name of a window from that of a frame in it.
const frameMark = "\x00"

// within names a frame of a window.
func within(window, frame string) string {
	if window == "" {
		return frame
	}
	return window + frameMark + frame
}

// sayFrame is the name of a frame for people.
func sayFrame(name string) string {
	window, frame, popup := strings.Cut(name, frameMark)
	switch {
	case !popup:
		return fmt.Sprintf("frame %q", name)
	case frame == "":
		return fmt.Sprintf("window %q", window)
	}
	return fmt.Sprintf("frame %q of window %q", frame, window)
}

// windowOpening remembers the name that the application gives to the window that comes next.
func (t *tab) windowOpening(event *cdp.Event) {
	if e, ok := decode[struct{ WindowName string }](event); ok {
		t.update(func() { t.opening = append(t.opening, e.WindowName) })
	}
}

// adopt takes over a window that the application opened, before it has loaded anything. Without the fence it stays
// stopped for ever.
func (t *tab) adopt(session proto.TargetSessionID, id string) {
	t.browser.register(session, t)
	open, end := context.WithCancel(t.ctx)
	t.browser.watchWindow(session, open)
	t.update(func() {
		w := &window{id: id, session: session, end: end}
		if len(t.opening) > 0 {
			w.name, t.opening = t.opening[0], t.opening[1:]
		}
		t.windows = append(t.windows, w)
		t.frame(id, "").session = session
	})
	c := t.on(t.ctx, session)
	go func() {
		if together(append(append(t.domains(c), t.appearance(c)...), t.size(c))...) != nil {
			return
		}
		_ = proto.RuntimeRunIfWaitingForDebugger{}.Call(c)
	}()
}

// closed forgets a window that was closed.
func (t *tab) closed(session proto.TargetSessionID) {
	t.update(func() {
		t.windows = slices.DeleteFunc(t.windows, func(w *window) bool {
			if w.session == session {
				w.end()
				t.remove(w.id)
			}
			return w.session == session
		})
	})
}

// opened says whether the page has held anything.
func (t *tab) opened() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	f := t.frames[t.top]
	return len(t.windows) > 0 || f != nil && (f.loading || f.generation > 0 && f.url != "about:blank")
}

// leavePages closes all windows and empties the page.
func (t *tab) leavePages(ctx context.Context) error {
	for {
		t.mutex.Lock()
		windows, changed := slices.Clone(t.windows), t.changed
		t.mutex.Unlock()
		for _, w := range windows {
			_, _ = proto.TargetCloseTarget{TargetID: proto.TargetTargetID(w.id)}.Call(t.on(ctx, t.root))
		}
		if len(windows) == 0 {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	result, err := proto.PageNavigate{URL: "about:blank"}.Call(t.on(ctx, t.page))
	if err != nil {
		return err
	}
	if result.LoaderID != "" {
		err = t.arrived(ctx, t.top, string(result.LoaderID))
	}
	t.update(func() {
		if f := t.frames[t.top]; f != nil {
			f.status, f.retryAfter, f.failure, f.fresh = 0, "", "", false
		}
	})
	return err
}

// topOf is the outermost frame that a window's name means. The caller holds the mutex.
func (t *tab) topOf(name string) (string, error) {
	found, names := t.topsOf(name)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("%w: no window %q is open; there is %s", errNoFrame, name, either(strings.Join(names, ", "), "none beside the page"))
	}
	return "", fmt.Errorf("%w: %d windows are called %q: %s", errNoFrame, len(found), name, strings.Join(names, ", "))
}

// topsOf are the outermost frames of all windows that a name fits, and what the windows are called that are open. The caller
// holds the mutex.
func (t *tab) topsOf(name string) (found, names []string) {
	if name == "" {
		return []string{t.top}, nil
	}
	for _, w := range t.windows {
		url := ""
		if f := t.frames[w.id]; f != nil {
			url = f.url
			if f.name != "" && (w.name == "" || w.name == "_blank") {
				w.name = f.name
			}
		}
		names = append(names, fmt.Sprintf("%q", either(w.name, withoutQuery(url))))
		if name == "popup" || name == w.name || strings.Contains(name, "*") && matchGlob(name, url) {
			found = append(found, w.id)
		}
	}
	return found, names
}

// topOfFrame is the outermost frame around one. The caller holds the mutex.
func (t *tab) topOfFrame(f *frame) string {
	for f.parent != "" && t.frames[f.parent] != nil {
		f = t.frames[f.parent]
	}
	return f.id
}

// pageOf is the session of the page or window that a frame is in: mouse and keyboard go there.
func (t *tab) pageOf(f frame) proto.TargetSessionID {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	top := t.topOfFrame(&f)
	for _, w := range t.windows {
		if w.id == top {
			return w.session
		}
	}
	return t.page
}

// outside carries a point out of frames of other sites, each of which knows only its own coordinates.
func (t *tab) outside(ctx context.Context, f frame, at found) (found, error) {
	for at.Outside {
		t.mutex.Lock()
		inner := &f
		for range at.Climbed {
			if parent := t.frames[inner.parent]; parent != nil {
				inner = parent
			}
		}
		id, around := inner.id, frame{}
		if parent := t.frames[inner.parent]; parent != nil {
			around = *parent
		}
		t.mutex.Unlock()
		if around.id == "" {
			return at, contracts.NewError(contracts.Drift, "", "the frame of %s is not in the page any more", at.Element)
		}
		carried, err := t.through(ctx, around, id, at)
		if err != nil {
			return at, err
		}
		if carried.Status != "found" {
			return at, contracts.NewError(contracts.Drift, "", "%s %s", at.Element, explain(carried))
		}
		at.X, at.Y, at.Outside, at.Climbed, f = carried.X, carried.Y, carried.Outside, carried.Climbed, around
	}
	return at, nil
}

// through asks the document around a frame where a point of the frame is.
func (t *tab) through(ctx context.Context, around frame, id string, at found) (found, error) {
	var carried found
	c := t.on(ctx, around.session)
	owner, err := proto.DOMGetFrameOwner{FrameID: proto.PageFrameID(id)}.Call(c)
	if err != nil {
		return carried, err
	}
	world, err := t.worldOf(ctx, around)
	if err != nil {
		return carried, err
	}
	holder, err := proto.DOMResolveNode{BackendNodeID: owner.BackendNodeID, ExecutionContextID: world}.Call(c)
	if err != nil {
		return carried, err
	}
	raw, err := c.Call(ctx, string(around.session), "Runtime.callFunctionOn", map[string]any{
		"functionDeclaration": "function(holder, x, y) { return crosswalkThrough(holder, x, y) }", "executionContextId": world, "returnByValue": true,
		"arguments": []any{map[string]any{"objectId": holder.Object.ObjectID}, map[string]any{"value": at.X}, map[string]any{"value": at.Y}},
	})
	if err != nil {
		return carried, err
	}
	answer := struct{ Result struct{ Value *found } }{}
	answer.Result.Value = &carried
	return carried, json.Unmarshal(raw, &answer)
}

func (t *tab) lostVoices() []Lost {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.lost)
}
