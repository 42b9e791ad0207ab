package robots

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/contracts"
)

// until repeats steps until something is seen. Each repetition has its own deadlines.
func (u *run) until(ctx context.Context, s *step) error {
	wanted, err := s.target.spec(u.variables)
	if err != nil {
		return u.wrong(s, err)
	}
	for range s.further.max {
		seen, err := u.seesNow(ctx, wanted)
		if err != nil || seen {
			return err
		}
		if err := u.steps(ctx, s.do); err != nil {
			return err
		}
	}
	if seen, err := u.seesNow(ctx, wanted); err != nil || seen {
		return err
	}
	return contracts.NewError(contracts.Drift, "", "%s: %s is not seen after %d repetitions", s.place, wanted.words, s.further.max)
}

func (u *run) seesNow(ctx context.Context, wanted *spec) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, u.system.stepTime, errStepTime)
	defer cancel()
	return u.tab.sees(ctx, wanted, false)
}

// dblclick presses twice, as a person does.
func (t *tab) dblclick(ctx context.Context, target *spec) (string, error) {
	var at found
	f, err := t.ask(ctx, "resolve", target, map[string]any{"want": "click"}, &at)
	if err != nil {
		return "", err
	}
	t.heard(target, at)
	if err := t.act(ctx); err != nil {
		return at.Element, err
	}
	return at.Element, t.pressTimes(ctx, f, at, 2)
}

// errLeft says that a page holds nothing of ours: it has come since.
var errLeft = errors.New("the page was left")

// tick ticks or unticks a box, and looks whether it is as it should be. Like typing, and unlike a click, it only prepares what
// is sent: the page is to keep it.
func (t *tab) tick(ctx context.Context, target *spec, on bool, before func(context.Context, frame, found) error) (string, error) {
	var at found
	f, err := t.ask(ctx, "resolve", target, map[string]any{"want": "tick"}, &at)
	if err != nil {
		return "", err
	}
	t.heard(target, at)
	if err := before(ctx, f, at); err != nil {
		return at.Element, err
	}
	t.holding(f, true)
	state := func() (bool, error) {
		var box struct {
			Status, Detail, Kind string
			On                   bool
		}
		if err := t.call(ctx, f, "tick", map[string]any{"on": on, "acts": t.counted()}, &box); err != nil {
			return false, err
		}
		switch {
		case box.Status == "gone":
			return false, errLeft
		case box.Status != "found":
			return false, contracts.NewError(contracts.Drift, "", "%s: %s", target.words, box.Detail)
		case box.Kind == "radio" && !on:
			return false, contracts.NewError(contracts.Drift, "", "%s is one of several choices: choose another one", target.words)
		}
		return box.On, nil
	}
	now, err := state()
	if err != nil || now == on {
		return at.Element, err
	}
	if err := t.press(ctx, f, at); err != nil {
		return at.Element, err
	}
	switch now, err = state(); {
	case contextLost(err) || errors.Is(err, errLeft):
		return at.Element, nil // ticking it sent the form, and the new page is looked at by the next step
	case err != nil:
		return at.Element, err
	case now != on:
		return at.Element, contracts.NewError(contracts.Validation, "", "%s does not stay as it was ticked", target.words)
	}
	return at.Element, nil
}

// upload hands a file to a field. The file lies in a folder of the run, which goes with it.
func (u *run) upload(ctx context.Context, s *step, at *spec) (string, error) {
	name, err := s.further.name.eval(u.variables)
	if err != nil {
		return "", u.wrong(s, err)
	}
	text, err := s.further.text.eval(u.variables)
	if err != nil {
		return "", u.wrong(s, err)
	}
	body := []byte(text)
	if coded, err := s.further.base64.eval(u.variables); err != nil {
		return "", u.wrong(s, err)
	} else if coded != "" {
		if body, err = base64.StdEncoding.DecodeString(coded); err != nil {
			return "", contracts.NewError(contracts.Validation, "", "what is to be uploaded is not base64")
		}
	}
	name = filepath.Base(filepath.Clean("/" + strings.ReplaceAll(name, `\`, "/")))
	switch {
	case name == "/" || name == "." || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) || len(name) > 200:
		return "", contracts.NewError(contracts.Validation, "", "the file to upload has no name that can be used")
	case len(body) > largestUploading:
		return "", contracts.NewError(contracts.Validation, "", "the file to upload has %d bytes, and may have %d", len(body), largestUploading)
	}
	dir, err := u.folder()
	if err != nil {
		return "", err
	}
	dir, err = os.MkdirTemp(dir, "up")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, body, 0o600); err != nil {
		return "", err
	}
	return u.hand(ctx, s, at, file, name, body)
}

// heldObject is the element that the last call settled on, as the protocol names it.
func (t *tab) heldObject(ctx context.Context, f frame) (proto.RuntimeRemoteObjectID, error) {
	world, err := t.worldOf(ctx, f)
	if err != nil {
		return "", err
	}
	raw, err := t.on(ctx, f.session).Call(ctx, string(f.session), "Runtime.callFunctionOn", map[string]any{
		"functionDeclaration": "function() { return crosswalk.heldElement() }", "executionContextId": world,
	})
	if err != nil {
		return "", err
	}
	var answer struct {
		Result struct {
			ObjectID proto.RuntimeRemoteObjectID
		}
	}
	err = json.Unmarshal(raw, &answer)
	return answer.Result.ObjectID, err
}

// folder is the run's own, for files on their way; it goes with the run.
func (u *run) folder() (string, error) {
	if u.dir != "" {
		return u.dir, nil
	}
	dir, err := os.MkdirTemp("", "crosswalk-robot-")
	if err == nil {
		u.dir = dir
	}
	return dir, err
}
