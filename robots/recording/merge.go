package recording

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// keys that a robot can press; all others belong to typing, which a fill step holds.
var keys = []string{"Enter", "Escape", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End",
	"F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12"}

// merge takes out what a robot does by itself: the click into a field before it is filled, the letters of a text, a
// field that is filled twice, Tab and the release of keys.
func (r *Recording) merge() {
	var kept []Action
	for i, a := range r.Actions {
		switch a.Kind {
		case "keyUp":
			if len(kept) > 0 && a.Arrives {
				kept[len(kept)-1].arrive(a)
			}
			r.Noise++
			continue
		case "keyDown":
			if utf8.RuneCountInString(a.Key) == 1 && !r.filledAfter(i) {
				if last := len(r.Unsupported) - 1; last < 0 || r.Unsupported[last].Why != typedAlone || i == 0 || r.Actions[i-1].Kind != "keyDown" && r.Actions[i-1].Kind != "keyUp" {
					r.Unsupported = append(r.Unsupported, Unsupported{Step: a.Step, Kind: a.Kind, Why: typedAlone})
					kept = append(kept, Action{Step: a.Step, unsupportedNote: fmt.Sprintf("step %d (%s): %s", a.Step, a.Kind, typedAlone)})
				}
				continue
			}
			if !slices.Contains(keys, a.Key) {
				if len(kept) > 0 && a.Arrives {
					kept[len(kept)-1].arrive(a)
				}
				r.Noise++
				continue
			}
			if a.Kind = "key"; len(kept) > 0 && kept[len(kept)-1].Kind == "fill" && kept[len(kept)-1].Key == "" && !kept[len(kept)-1].Arrives {
				kept[len(kept)-1].Key = a.Key
				kept[len(kept)-1].arrive(a)
				continue
			}
		case "fill", "select":
			for len(kept) > 0 && sameElement(kept[len(kept)-1], a) && (kept[len(kept)-1].Kind == "click" || kept[len(kept)-1].Kind == "dblclick" || kept[len(kept)-1].Kind == a.Kind) && !kept[len(kept)-1].Arrives {
				kept = kept[:len(kept)-1]
				r.Noise++
			}
		case "click":
			if len(kept) > 0 && kept[len(kept)-1].Kind == "goto" && len(a.Targets) == 0 {
				continue
			}
		}
		kept = append(kept, a)
	}
	r.Actions = kept
}

// typedAlone says that letters were recorded as keys only. Which they are is not told: they may be a password.
const typedAlone = "a text was typed of which the recording has only the keys: leave the field with Tab before the next click and record it again, or write a fill step"

// filledAfter says whether the letters that begin at an action are those of a fill step after or before them.
func (r *Recording) filledAfter(at int) bool {
	isKey := func(a Action) bool { return a.Kind == "keyDown" || a.Kind == "keyUp" }
	before, after := at, at
	for before > 0 && isKey(r.Actions[before]) {
		before--
	}
	for after < len(r.Actions)-1 && isKey(r.Actions[after]) {
		after++
	}
	return r.Actions[before].Kind == "fill" || r.Actions[after].Kind == "fill" || r.Actions[before].Kind == "select" || r.Actions[after].Kind == "select"
}

func (a *Action) arrive(other Action) {
	if other.Arrives {
		a.Arrives, a.ArrivesAt, a.ArrivesWith = true, other.ArrivesAt, other.ArrivesWith
	}
}

func sameElement(a, b Action) bool {
	return a.Frame == b.Frame && a.Window == b.Window && len(a.Targets) > 0 && slices.ContainsFunc(a.Targets, func(t Target) bool { return slices.Contains(b.Targets, t) })
}

// resolve makes a whole address of a path.
func resolve(base, path string) string {
	whole, err := url.Parse(base)
	if err != nil {
		return path
	}
	part, err := url.Parse(strings.TrimSpace(path))
	if err != nil {
		return path
	}
	return whole.ResolveReference(part).String()
}
