package robots

import (
	"context"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/contracts"
)

// navigate opens an address in the page or in one of its frames.
func (t *tab) navigate(ctx context.Context, frameName, address string) error {
	f, err := t.waitFrame(ctx, frameName)
	if err != nil {
		return err
	}
	t.acted.Store(true)
	result, err := proto.PageNavigate{URL: address, FrameID: proto.PageFrameID(f.id)}.Call(t.on(ctx, t.pageOf(f)))
	if err != nil {
		return err
	}
	if result.LoaderID != "" && result.ErrorText == "" {
		return t.arrived(ctx, f.id, string(result.LoaderID))
	}
	if result.ErrorText != "" && result.ErrorText != "net::ERR_ABORTED" && result.ErrorText != "net::ERR_BLOCKED_BY_CLIENT" {
		return contracts.NewError(contracts.Unavailable, "", "%s could not be opened: %s", withoutQuery(address), result.ErrorText)
	}
	return t.settle(ctx)
}

func (t *tab) waitFrame(ctx context.Context, name string) (frame, error) {
	for {
		err := t.settle(ctx)
		if err != nil {
			return frame{}, err
		}
		f, err := t.findFrame(name)
		if err == nil {
			return f, nil
		}
		select {
		case <-ctx.Done():
			return f, contracts.NewError(contracts.Drift, "", "the page is not as expected: %s", err)
		case <-time.After(pollEvery):
		}
	}
}

// click presses the one element that the target means and waits for the navigation that this starts.
func (t *tab) click(ctx context.Context, target *spec) (string, error) {
	var at found
	f, err := t.ask(ctx, "resolve", target, map[string]any{"want": "click"}, &at)
	if err != nil {
		return "", err
	}
	t.heard(target, at)
	if err := t.act(ctx); err != nil {
		return at.Element, err
	}
	t.options.fence.clicks(at.Sender)
	return at.Element, t.press(ctx, f, at)
}

// act counts a click or a key that is about to be sent.
func (t *tab) act(ctx context.Context) error {
	if t.options.leads != nil {
		if err := t.options.leads(ctx); err != nil {
			return err
		}
	}
	t.acts.Add(1)
	return nil
}

func (t *tab) press(ctx context.Context, f frame, at found) error { return t.pressTimes(ctx, f, at, 1) }

// pressTimes sends the mouse events all at once; the browser keeps their order.
func (t *tab) pressTimes(ctx context.Context, f frame, at found, times int) error {
	at, err := t.outside(ctx, f, at)
	if err != nil {
		return err
	}
	mouse := proto.InputDispatchMouseEvent{X: at.X, Y: at.Y, Button: proto.InputMouseButtonLeft, ClickCount: 1}
	move, down, up := mouse, mouse, mouse
	move.Type, move.Button, move.ClickCount = proto.InputDispatchMouseEventTypeMouseMoved, proto.InputMouseButtonNone, 0
	down.Type, up.Type = proto.InputDispatchMouseEventTypeMousePressed, proto.InputDispatchMouseEventTypeMouseReleased
	c := t.on(ctx, t.pageOf(f))
	events := []proto.InputDispatchMouseEvent{move, down, up}
	if times > 1 {
		down.ClickCount, up.ClickCount = times, times
		events = append(events, down, up)
	}
	t.acted.Store(true)
	for _, event := range events {
		if err := event.Call(c); err != nil && !contextLost(err) {
			return err
		}
	}
	if err := t.landed(ctx, f, at); err != nil {
		return err
	}
	return t.after(ctx, f)
}

// after lets the page do what an event has started: whatever navigation it asks for is known to us
// when the page answers, because answers and events of one page come in their order.
func (t *tab) after(ctx context.Context, f frame) error {
	for _, other := range t.allFrames() {
		if other.session != f.session || other.id != f.id {
			continue
		}
		if err := t.call(ctx, other, "still", nil, nil); err != nil && !contextLost(err) {
			return err
		}
	}
	return t.settle(ctx)
}

// fill types a value into the one field that the target means and reads back what the field then holds. Before, if there is
// one, is called when the field was found.
func (t *tab) fill(ctx context.Context, target *spec, text func(kept bool) string, secret bool, before func(context.Context, frame, found) error) (string, error) {
	var at found
	f, err := t.ask(ctx, "resolve", target, map[string]any{"want": "fill"}, &at)
	if err != nil {
		return "", err
	}
	t.heard(target, at)
	if before != nil {
		if err := before(ctx, f, at); err != nil {
			return at.Element, err
		}
	}
	value := text(at.Kept)
	t.holding(f, true)
	argument := map[string]any{"value": value, "secret": secret, "acts": t.counted()}
	var typed struct{ Done bool }
	t.acted.Store(true)
	if err := t.call(ctx, f, "type", argument, &typed); err != nil {
		return at.Element, err
	}
	if !typed.Done {
		if err := (proto.InputInsertText{Text: value}).Call(t.on(ctx, t.pageOf(f))); err != nil {
			return at.Element, err
		}
	}
	var kept struct {
		Same, Gone bool
		Held       string
	}
	if err := t.call(ctx, f, "holds", argument, &kept); before != nil && (contextLost(err) || kept.Gone) {
		return at.Element, nil // typing it sent the form; what has become of it is looked at where it matters
	} else if err != nil {
		return at.Element, err
	}
	if kept.Same {
		return at.Element, nil
	}
	if secret {
		return at.Element, contracts.NewError(contracts.Drift, "", "%s does not hold the secret that was typed", target.words)
	}
	return at.Element, contracts.NewError(contracts.Validation, "", "%s holds %q instead of %q", target.words, kept.Held, value)
}

// leave takes the focus away from the field, which is when pages notice a change.
func (t *tab) leave(ctx context.Context, target *spec) error {
	f, err := t.findFrame(target.frame)
	if err != nil {
		return nil //nolint:nilerr // the frame went away by itself
	}
	if err := t.call(ctx, f, "blur", nil, nil); err != nil && !contextLost(err) {
		return err
	}
	return t.after(ctx, f)
}

// afterTyping lets the page do what typing into a field has started. A frame that went away by itself does nothing more.
func (t *tab) afterTyping(ctx context.Context, target *spec) error {
	if f, err := t.findFrame(target.frame); err == nil {
		return t.after(ctx, f)
	}
	return nil
}

// choose selects the one option with exactly this label or value, which scripts may load only after what was chosen in
// another list. Before, if there is one, is called when the list has the option.
func (t *tab) choose(ctx context.Context, target *spec, value string, before func(context.Context, frame, found) error) (found, error) {
	var at, chosen found
	f, err := t.ask(ctx, "resolve", target, map[string]any{"want": "select", "option": value}, &at)
	if err != nil {
		return at, err
	}
	if before != nil {
		if err := before(ctx, f, at); err != nil {
			return at, err
		}
	}
	t.holding(f, true)
	t.acted.Store(true)
	if err := t.call(ctx, f, "select", map[string]any{"value": value, "acts": t.counted()}, &chosen); err != nil {
		return at, err
	}
	if chosen.Status != "found" {
		return at, contracts.NewError(contracts.Drift, "", "%s: %s", target.words, explain(chosen))
	}
	at.Field = chosen.Field
	return at, t.after(ctx, f)
}

// keys that a robot may press, with their code and what they type.
var keys = map[string]struct {
	code int
	text string
}{
	"Enter": {13, "\r"}, "Tab": {9, ""}, "Escape": {27, ""}, "Backspace": {8, ""}, "Delete": {46, ""}, "Space": {32, " "},
	"ArrowUp": {38, ""}, "ArrowDown": {40, ""}, "ArrowLeft": {37, ""}, "ArrowRight": {39, ""}, "PageUp": {33, ""}, "PageDown": {34, ""},
	"Home": {36, ""}, "End": {35, ""}, "F1": {112, ""}, "F2": {113, ""}, "F3": {114, ""}, "F4": {115, ""}, "F5": {116, ""}, "F6": {117, ""},
	"F7": {118, ""}, "F8": {119, ""}, "F9": {120, ""}, "F10": {121, ""}, "F11": {122, ""}, "F12": {123, ""},
}

// press a key where the focus is, or on the target if there is one.
func (t *tab) key(ctx context.Context, target *spec, name string) error {
	f, err := t.findFrame("")
	if target != nil {
		var at found
		if f, err = t.ask(ctx, "resolve", target, map[string]any{"want": "key"}, &at); err == nil {
			t.acted.Store(true)
			err = t.call(ctx, f, "focus", nil, nil)
		}
	}
	if err != nil {
		return err
	}
	key := keys[name]
	event := proto.InputDispatchKeyEvent{Key: name, Code: name, WindowsVirtualKeyCode: key.code, NativeVirtualKeyCode: key.code, Text: key.text}
	if name == "Space" {
		event.Key = " "
	}
	down, up := event, event
	down.Type, up.Type, up.Text = proto.InputDispatchKeyEventTypeKeyDown, proto.InputDispatchKeyEventTypeKeyUp, ""
	if key.text == "" {
		down.Type = proto.InputDispatchKeyEventTypeRawKeyDown
	}
	c := t.on(ctx, t.pageOf(f))
	if err := t.act(ctx); err != nil {
		return err
	}
	t.acted.Store(true)
	for _, event := range []proto.InputDispatchKeyEvent{down, up} {
		if err := event.Call(c); err != nil && !contextLost(err) {
			return err
		}
	}
	return t.after(ctx, f)
}
