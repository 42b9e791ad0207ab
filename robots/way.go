package robots

import (
	"fmt"
	"net/url"

	"crosswalk/contracts"
)

// way is what forms have posted before the commit: a wizard keeps what its pages have sent, and the commit's own request may hold
// nothing of it.
type way struct {
	step  func() string // the place of the step that is under way
	posts []onWay
	shown map[string]bool // the names of fields that a person sees in forms
}

// onWay is a form that was posted during a step.
type onWay struct {
	request
	step string
}

const mostOnWay = 20 // posts of one run that are compared

// setOut has the fence note what is posted from now on, if it can be compared.
func (u *run) setOut() {
	if u.known == nil {
		return
	}
	fence := u.tab.options.fence
	fence.mutex.Lock()
	defer fence.mutex.Unlock()
	fence.way = &way{step: func() string { return *u.place.Load() }, shown: map[string]bool{}}
}

// onWay notes a form that a page was let post. What scripts send has no order that holds from run to run.
func (f *fence) onWay(r request) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.way != nil && !f.login && r.document && r.method == "POST" && r.form != nil && len(f.way.posts) < mostOnWay {
		f.way.posts = append(f.way.posts, onWay{r, f.way.step()})
	}
}

func (w *way) shows(names []string) {
	for _, name := range names {
		w.shown[name] = true
	}
}

// asEver compares what was posted on the way with what earlier runs have posted, right before the commit: until then it has
// changed nothing that counts.
func (u *run) asEver() error {
	fence := u.tab.options.fence
	fence.mutex.Lock()
	gone := fence.way
	fence.way = nil
	fence.mutex.Unlock()
	if gone == nil {
		return nil
	}
	times := map[string]int{}
	for _, r := range gone.posts {
		target, err := url.Parse(r.address)
		if err != nil {
			continue
		}
		times[r.step]++
		place := fmt.Sprintf("%s post %d", r.step, times[r.step]) // of a step that is done for each line, say
		s := u.sending(place, requestRule{})
		s.seen = gone.shown
		s.differs(r.request, target.Query(), nil)
		if other := u.carriedSo(s, place, "what was posted to "+target.Path+" before the commit"); other != "" {
			return errChanged{contracts.NewError(contracts.Drift, "", "%s: what was posted to %s before the commit is not as it ever was, and nothing was committed: %s. If that is right, accept it with crosswalk robots changes", r.step, target.Path, other)}
		}
	}
	return nil
}
