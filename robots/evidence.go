package robots

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/contracts"
)

// Evidence is a file that shows what a run did and saw.
type Evidence struct {
	Name      string
	MediaType string
	Bytes     []byte
}

// shortestKeep is how long evidence is kept at least: a person may have to look at it.
const shortestKeep = time.Hour

// Keep is how long the evidence of a run is kept; 0: as long as its case.
func (p *Program) Keep() time.Duration { return p.keep }

// journal collects what happens in a run. It holds no values: neither what was filled in nor what was read.
type journal struct {
	mutex   sync.Mutex
	began   time.Time
	steps   []stepRecord
	notes   []string
	blocked []string
	raised  error
	files   []Evidence

	requests []requestRecord
	pages    []Structure
	lost     []Lost
}

type stepRecord struct {
	Step    string `json:"step"`
	Place   string `json:"place"`
	Element string `json:"element,omitempty"`
	At      int64  `json:"at_ms"`
	Took    int64  `json:"took_ms"`
	Failed  string `json:"failed,omitempty"` // the class
}

func newJournal() *journal { return &journal{began: time.Now()} }

func (j *journal) step(kind, place, element string, began time.Time, err error) {
	record := stepRecord{Step: kind, Place: place, Element: element, At: began.Sub(j.began).Milliseconds(), Took: time.Since(began).Milliseconds()}
	switch {
	case errors.Is(err, errSessionLost):
		record.Failed = "session lost"
	case err != nil:
		record.Failed = string(contracts.ClassOf(err))
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.steps = append(j.steps, record)
}

func (j *journal) note(text string) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if !slices.Contains(j.notes, text) {
		j.notes = append(j.notes, text)
	}
}

// fault keeps an error that the page raised on its own account, until the step under way looks for it.
func (j *journal) fault(err error) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.raised == nil {
		j.raised = err
	}
}

func (j *journal) takeFault() error {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.raised == nil {
		return nil
	}
	fault := j.raised
	j.raised = nil
	return fault
}

func (j *journal) add(file Evidence) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.files = append(j.files, file)
}

// evidence is the list of steps and the pictures.
func (j *journal) evidence(p *Program, browser string, err error) []Evidence {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	text, encodeErr := json.MarshalIndent(map[string]any{
		"robot": p.Robot.Name, "system": p.System.Name, "operation": p.Operation.Name, "hash": p.Hash, "browser": browser,
		"began": j.began.UTC().Format(time.RFC3339Nano), "took_ms": time.Since(j.began).Milliseconds(),
		"steps": j.steps, "notes": j.notes, "stopped_requests": j.blocked, "class": contracts.ClassOf(err), "lost_alternatives": j.lost,
	}, "", "  ")
	if encodeErr != nil {
		return j.files
	}
	all := []Evidence{{Name: "steps.json", MediaType: "application/json", Bytes: text}}
	if report, err := j.report(p, browser, err); err == nil {
		all = append(all, report)
	}
	return append(all, j.files...)
}

// pictureTime bounds a picture: a page that hangs must not hold up the end of the run.
const pictureTime = 10 * time.Second

// picture photographs the page, with everything hidden that must not be seen. Without the hiding there is
// no picture.
func (u *run) picture(ctx context.Context, name string) {
	u.journal.mutex.Lock()
	u.journal.blocked = u.tab.options.fence.blocked()
	u.journal.lost = u.tab.lostVoices()
	u.journal.mutex.Unlock()
	if u.tab.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pictureTime)
	defer cancel()
	if name == "failure" { // a page that is still awaited answers nothing before it has come
		_ = proto.PageStopLoading{}.Call(u.tab.on(ctx, u.tab.page))
	}
	u.noteTokens(ctx)
	pages := u.tab.structure(ctx, false)
	u.journal.mutex.Lock()
	u.journal.pages = pages
	u.journal.mutex.Unlock()
	if u.program.fails && name != "failure" {
		return
	}
	shot, err := u.maskedShot(ctx)
	switch {
	case errors.Is(err, errNeverStill):
		u.journal.note("no picture: the page came anew, or showed more that must not be seen, each time it was taken")
		return
	case errors.Is(err, errNotHidden):
		u.journal.note("no picture: what must not be seen could not be hidden")
		return
	case err != nil:
		u.journal.note("no picture: the page did not answer")
		return
	}
	u.journal.add(Evidence{Name: name + ".jpg", MediaType: "image/jpeg", Bytes: shot})
}

// errNotHidden says that a picture might show what must not be seen.
var errNotHidden = errors.New("what must not be seen could not be hidden")

// errNeverStill says that a page has changed under the camera each time.
var errNeverStill = errors.New("the page does not stand still for a picture")

// mostShots bounds how often a page is photographed again that changes under the camera.
const mostShots = 3

// maskedShot hides what must not be seen and photographs the page. A picture is thrown away if a document has come in between,
// which has hidden nothing, or if there is more to hide after it than before.
func (u *run) maskedShot(ctx context.Context) ([]byte, error) {
	for range mostShots {
		before := u.tab.documents()
		if _, err := u.mask(ctx); err != nil && !contextLost(err) {
			return nil, fmt.Errorf("%w: %w", errNotHidden, err)
		} else if err != nil {
			continue
		}
		shot, err := u.tab.photograph(ctx)
		if err != nil {
			return nil, err
		}
		fresh, err := u.mask(ctx)
		if err != nil && !contextLost(err) {
			return nil, fmt.Errorf("%w: %w", errNotHidden, err)
		}
		if err == nil && fresh == 0 && maps.Equal(before, u.tab.documents()) {
			return shot, nil
		}
	}
	return nil, errNeverStill
}

// photograph makes a JPEG, which costs a little more than half of the processor time of a PNG or WebP.
func (t *tab) photograph(ctx context.Context) ([]byte, error) {
	quality := 70
	capture := proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatJpeg, Quality: &quality, OptimizeForSpeed: true}
	answer, err := t.on(ctx, t.page).Call(ctx, string(t.page), capture.ProtoReq(), capture)
	if err != nil {
		return nil, err
	}
	// Pictures are by far the longest answers: this one is taken as it is, without looking at each of its letters again.
	_, data, _ := bytes.Cut(answer, []byte(`"data":"`))
	data, _, found := bytes.Cut(data, []byte(`"`))
	shot := make([]byte, base64.StdEncoding.DecodedLen(len(data)))
	n, err := base64.StdEncoding.Decode(shot, data)
	if err == nil && !found {
		err = errors.New("the browser's picture cannot be read")
	}
	return shot[:n], err
}

// mask hides passwords, secrets and what the robot file names, in every frame, and says how much of it was not hidden before.
func (u *run) mask(ctx context.Context) (fresh int, err error) {
	var secrets []string
	for _, secret := range u.hidden() { // also what a person gave
		if len(secret) >= shortestSecret {
			secrets = append(secrets, written(secret)...)
		}
	}
	secrets = append(secrets, u.tokens...)
	for _, f := range u.tab.allFrames() {
		var targets []*spec
		for _, target := range u.program.mask {
			if s, err := target.spec(u.variables); err == nil && (s.frame == "" || u.tab.isIn(f, s.frame)) {
				targets = append(targets, s)
			}
		}
		var hidden struct {
			Texts []string
			Fresh int
		}
		if err := u.tab.call(ctx, f, "mask", map[string]any{"secrets": append([]string{}, secrets...), "targets": targets}, &hidden); err != nil {
			return fresh, err
		}
		fresh += hidden.Fresh
		for _, text := range hidden.Texts {
			if !slices.Contains(u.marked, text) {
				u.marked = append(u.marked, text)
			}
		}
	}
	return fresh, nil
}
