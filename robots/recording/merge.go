package recording

import (
	"net/url"
	"slices"
	"strings"
)

// keys that a robot can press; all others belong to typing, which a fill step holds.
var keys = []string{"Enter", "Escape", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End",
	"F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12"}

// merge takes out what a robot does by itself: the click into a field before it is filled, the letters of a text, a
// field that is filled twice, Tab and the release of keys.
func (r *Recording) merge() {
	var kept []Action
	for _, a := range r.Actions {
		switch a.Kind {
		case "keyUp":
			if len(kept) > 0 && a.Arrives {
				kept[len(kept)-1].arrive(a)
			}
			r.Noise++
			continue
		case "keyDown":
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
