package robots

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-rod/rod/lib/cdp"
	"github.com/go-rod/rod/lib/proto"
)

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
	born                  int  // counts the frames in the order of their coming
	left                  bool // left empty, because its first address is behind the fence
	holding               bool // its document holds what the robot has put in
}

// frame returns a frame by id and makes it known if it is new. The caller holds the mutex.
func (t *tab) frame(id, parent string) *frame {
	f := t.frames[id]
	if f == nil {
		t.born++
		f = &frame{id: id, parent: parent, session: t.page, born: t.born}
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
			if f.session, f.name, f.url, f.world = session, e.Frame.Name, e.Frame.URL, 0; e.Frame.ParentID != "" {
				f.parent = e.Frame.ParentID // the document of another site is not told who holds it
			}
			f.loader, f.loading, f.fresh, f.holding = e.Frame.LoaderID, false, true, false
			f.generation++
			if e.Frame.UnreachableURL == "" {
				f.left = false
			} else if f.failure == "" && !f.left {
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
	inWindow, name, windowed := strings.Cut(name, frameMark)
	if !windowed {
		inWindow, name = "", inWindow
	}
	top, err := t.topOf(inWindow)
	if err != nil {
		return frame{}, err
	}
	if name == "" {
		if t.frames[top] == nil {
			return frame{}, errNoFrame
		}
		return *t.frames[top], nil
	}
	if byPlace.MatchString(name) {
		return t.frameAt(top, name)
	}
	var found []*frame
	for _, f := range t.frames {
		if t.topOfFrame(f) == top && f.id != top && t.goesBy(f, name) {
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

// goesBy says whether a name path or an URL pattern fits a frame. The caller holds the mutex.
func (t *tab) goesBy(f *frame, name string) bool {
	path := t.namePath(f)
	return strings.Contains(name, "*") && matchGlob(name, f.url) || name == path || strings.HasSuffix(path, "/"+name)
}

// isIn says whether a frame, as it is now, is among those that a name path, a place or an URL pattern means. Where no window is
// named, it may be in any: what is said of a name is said of each that has it.
func (t *tab) isIn(f frame, name string) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := t.frames[f.id]
	if now == nil {
		return false
	}
	top := t.topOfFrame(now)
	inWindow, inner, windowed := strings.Cut(name, frameMark)
	if !windowed {
		inner = name
	} else if tops, _ := t.topsOf(inWindow); !slices.Contains(tops, top) {
		return false
	}
	switch {
	case inner == "" || now.id == top:
		return inner == "" && now.id == top
	case byPlace.MatchString(inner):
		at, err := t.frameAt(top, inner)
		return err == nil && at.id == now.id
	}
	return t.goesBy(now, inner)
}

// documents tells the documents that are there now apart from all that come later.
func (t *tab) documents() map[string]int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	all := make(map[string]int, len(t.frames))
	for id, f := range t.frames {
		all[id] = f.generation
	}
	return all
}

// namePath is the names of the frames from the page down to this one. The caller holds the mutex.
func (t *tab) namePath(f *frame) string {
	path := f.name
	for up := t.frames[f.parent]; up != nil && up.parent != ""; up = t.frames[up.parent] {
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

// byPlace is the place of a frame among its siblings, from the outside in, as recordings name frames.
var byPlace = regexp.MustCompile(`^\[\d+\](?:/\[\d+\])*$`)

// frameAt finds a frame by its place. The caller holds the mutex.
func (t *tab) frameAt(top, place string) (frame, error) {
	at := top
	for _, part := range strings.Split(place, "/") {
		index, _ := strconv.Atoi(strings.Trim(part, "[]")) // digits, by the pattern
		children := t.children(at)
		slices.SortFunc(children, func(a, b string) int { return t.frames[a].born - t.frames[b].born })
		if index >= len(children) {
			return frame{}, fmt.Errorf("%w %q; it has %s", errNoFrame, place, t.frameNames())
		}
		at = children[index]
	}
	return *t.frames[at], nil
}
