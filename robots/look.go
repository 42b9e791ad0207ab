package robots

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"crosswalk/contracts"
)

// pollEvery is how often a page is asked again for what a step expects. There is no event for "the text
// is there now"; one question costs about a millisecond.
const pollEvery = 25 * time.Millisecond

// spec is a target with all its templates filled in, as the library in the page takes it.
type spec struct {
	Kind    string   `json:"kind,omitempty"`
	Text    *matcher `json:"text,omitempty"`
	Value   string   `json:"value,omitempty"`
	Role    string   `json:"role,omitempty"`
	Row     []rowKey `json:"row,omitempty"`
	Column  string   `json:"column,omitempty"`
	Any     []*spec  `json:"any,omitempty"`
	In      *spec    `json:"in,omitempty"`
	Near    *spec    `json:"near,omitempty"`
	Has     *spec    `json:"has,omitempty"`
	Around  string   `json:"around,omitempty"` // of a choice among twins: the digest of what the person saw around it
	Meant   *spec    `json:"meant,omitempty"`  // with Around: the target of the file, which the twins fit
	frame   string   // where to look
	wrapped string   // of a table: the heading that every record has
	words   string   // the target as a person would say it
}

type matcher struct {
	Exact string `json:"exact"`
	Regex string `json:"regex,omitempty"`
	Flags string `json:"flags"`
}

type rowKey struct {
	Header string  `json:"header"`
	Text   matcher `json:"text"`
}

// found is the library's answer about a target.
type found struct {
	Status   string       `json:"status"`
	Detail   string       `json:"detail"`
	X        float64      `json:"x"`
	Y        float64      `json:"y"`
	Text     string       `json:"text"`
	Element  string       `json:"element"`
	Count    int          `json:"count"`
	Kept     bool         `json:"kept"`     // a field that the browser itself keeps in one form, such as type=date
	Outside  bool         `json:"outside"`  // the point is within a frame of another site
	Climbed  int          `json:"climbed"`  // how many frames of the same site lie between
	Lost     []int        `json:"lost"`     // alternatives that found nothing
	Print    *Print       `json:"print"`    // what the element is like, if that was asked for
	Field    *filledField `json:"field"`    // that is about to be filled in, or was
	Multiple bool         `json:"multiple"` // a field that takes several files
	Sender   *sender      `json:"sender"`   // the button of a form that is about to be clicked
	Hints    *hints       `json:"hints"`    // of a field to type in, if its print was asked for
	Shown    []string     `json:"shown"`    // of the element of a commit: the names of the fields of its form that a person sees
}

// sender is a button that its form sends under a name.
type sender struct {
	Name   string   `json:"name"`
	Value  string   `json:"value"`
	Others []string `json:"others"` // what the other buttons of this name send
}

// ask repeats a question to the page until it is answered with found or the context ends; then the last
// answer says what is wrong. Navigations in between are waited for.
func (t *tab) ask(ctx context.Context, function string, target *spec, argument map[string]any, answer *found) (frame, error) {
	argument["target"], argument["writes"] = target, t.options.writes
	resolves := function == "resolve" && t.options.resolved != nil
	if resolves {
		argument["print"], argument["shown"] = true, t.options.fence.compares()
	}
	var last error
	for {
		f, err := t.askOnce(ctx, function, target.frame, argument, answer)
		if err == nil && answer.Status == "found" {
			if resolves {
				t.options.fence.shows(answer.Shown)
				err = t.options.resolved(ctx, f, target, *answer)
			}
			return f, err
		}
		switch {
		case ctx.Err() != nil && t.ctx.Err() != nil:
			return f, context.Cause(t.ctx)
		case ctx.Err() != nil:
		case err == nil:
			last = fmt.Errorf("%s: %s", target.words, explain(*answer))
		case contextLost(err):
		case errors.Is(err, errNoFrame):
			last = err
		default:
			return f, err
		}
		select {
		case <-ctx.Done():
			return f, notFound(ctx, t, target, last)
		case <-time.After(pollEvery):
		}
	}
}

func notFound(ctx context.Context, t *tab, target *spec, last error) error {
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	if last == nil {
		return contracts.NewError(contracts.Unavailable, "", "the page did not get ready in time to find %s", target.words)
	}
	if cause := context.Cause(ctx); !errors.Is(cause, errStepTime) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return contracts.NewError(contracts.Drift, "", "the page is not as expected: %s", last)
}

func (t *tab) askOnce(ctx context.Context, function, frameName string, argument any, answer any) (frame, error) {
	if err := t.settle(ctx); err != nil {
		return frame{}, err
	}
	f, err := t.findFrame(frameName)
	if err != nil {
		return f, err
	}
	return f, t.call(ctx, f, function, argument, answer)
}

func explain(answer found) string {
	what := map[string]string{
		"none": "not found", "many": "not unique", "split": "found differently by its alternatives", "loading": "the page is still loading",
		"disabled": "cannot be used", "covered": "cannot be reached", "moving": "does not stand still", "wrong": "is of another kind",
		"partly": "not all of it is there",
	}[answer.Status]
	if what == "" {
		what = answer.Status
	}
	if answer.Detail != "" {
		return what + ": " + answer.Detail
	}
	return what
}

// read returns the text of the one place that the target means.
func (t *tab) read(ctx context.Context, target *spec) (found, error) {
	var at found
	_, err := t.ask(ctx, "read", target, map[string]any{}, &at)
	return at, err
}

// sees says whether the target is on the page now, in any frame if it names none. What cannot be told
// apart counts as seen.
func (t *tab) sees(ctx context.Context, target *spec, anywhere bool) (bool, error) {
	if err := t.settle(ctx); err != nil {
		return false, err
	}
	frames := t.allFrames()
	if target.frame != "" || !anywhere {
		f, err := t.findFrame(target.frame)
		if err != nil {
			return false, nil //nolint:nilerr // a frame that is not there shows nothing
		}
		frames = []frame{f}
	}
	for _, f := range frames {
		for {
			var answer found
			err := t.call(ctx, f, "see", map[string]any{"target": target}, &answer)
			if err != nil && !contextLost(err) {
				return false, err
			}
			if err == nil && answer.Status != "loading" {
				if answer.Count > 0 || answer.Status == "many" || answer.Status == "split" {
					return true, nil
				}
				break
			}
			if f, err = t.pauseFor(ctx, f); err != nil {
				return false, err
			}
			if f.id == "" {
				break
			}
		}
	}
	return false, nil
}

// pauseFor waits a moment for a frame that is changing and returns its present state; one that is gone
// has no id.
func (t *tab) pauseFor(ctx context.Context, f frame) (frame, error) {
	select {
	case <-ctx.Done():
		return frame{}, context.Cause(ctx)
	case <-time.After(pollEvery):
	}
	if err := t.settle(ctx); err != nil {
		return frame{}, err
	}
	for _, now := range t.allFrames() {
		if now.id == f.id {
			return now, nil
		}
	}
	return frame{}, nil
}

// until waits for the first of several targets to be seen and returns its place in the list.
func (t *tab) until(ctx context.Context, targets ...*spec) (int, error) {
	var words []string
	for _, target := range targets {
		if target != nil {
			words = append(words, target.words)
		}
	}
	for looked := false; ; looked = true {
		at, err := t.firstSeen(ctx, targets)
		if err == nil && at >= 0 {
			return at, nil
		}
		if err != nil && (ctx.Err() == nil || t.ctx.Err() != nil || !looked) {
			return -1, err
		}
		select {
		case <-ctx.Done():
			return -1, contracts.NewError(contracts.Drift, "", "the page is not as expected: it shows none of %s", strings.Join(words, ", "))
		case <-time.After(pollEvery):
		}
	}
}

func (t *tab) firstSeen(ctx context.Context, targets []*spec) (int, error) {
	for i, target := range targets {
		if target == nil {
			continue
		}
		if seen, err := t.sees(ctx, target, true); err != nil || seen {
			return i, err
		}
	}
	return -1, nil
}

// seenIn says which of several targets a document shows; those that name another frame are not looked
// for. A document that is gone meanwhile shows none.
func (t *tab) seenIn(ctx context.Context, f frame, targets []*target) ([]bool, error) {
	seen := make([]bool, len(targets))
	for {
		specs, err := t.specsIn(f, targets)
		if err != nil {
			return nil, err
		}
		var answer struct {
			Status string
			Counts []int
		}
		err = t.call(ctx, f, "seeAll", map[string]any{"targets": specs}, &answer)
		if err != nil && !contextLost(err) {
			return nil, err
		}
		if err == nil && answer.Status == "found" {
			for i, count := range answer.Counts {
				seen[i] = count > 0
			}
			return seen, nil
		}
		if f, err = t.pauseFor(ctx, f); err != nil || f.id == "" {
			return seen, err
		}
	}
}

// specsIn are the targets that are looked for in a frame, as it is called now; the others are nil.
func (t *tab) specsIn(f frame, targets []*target) ([]*spec, error) {
	specs := make([]*spec, len(targets))
	for i, target := range targets {
		if target == nil || target.frame != "" && !t.isIn(f, target.frame) {
			continue
		}
		var err error
		if specs[i], err = target.spec(nil); err != nil {
			return nil, err
		}
	}
	return specs, nil
}
