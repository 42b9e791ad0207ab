package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// chromeStep is a step of Chrome's Recorder; each kind has some of the fields.
type chromeStep struct {
	Type      string            `json:"type"`
	URL       string            `json:"url"`
	Selectors []json.RawMessage `json:"selectors"`
	Value     string            `json:"value"`
	Key       string            `json:"key"`
	Button    string            `json:"button"`
	Frame     []int             `json:"frame"`
	Target    string            `json:"target"`
	Operator  string            `json:"operator"`
	Count     *float64          `json:"count"`
	Visible   *bool             `json:"visible"`
	Name      string            `json:"name"`
	Events    []struct {
		Type  string `json:"type"`
		URL   string `json:"url"`
		Title string `json:"title"`
	} `json:"assertedEvents"`
}

func readChrome(file string, text []byte) (*Recording, error) {
	var flow struct {
		Title string            `json:"title"`
		Steps []json.RawMessage `json:"steps"`
	}
	if err := decode(file, text, &flow); err != nil {
		return nil, err
	}
	if len(flow.Steps) > mostSteps {
		return nil, fmt.Errorf("%s: the recording has %d steps, and a robot at most %d", file, len(flow.Steps), mostSteps)
	}
	r := &Recording{Title: flow.Title}
	for i, raw := range flow.Steps {
		var step chromeStep
		if err := json.Unmarshal(raw, &step); err != nil {
			return nil, fmt.Errorf("%s: step %d cannot be read: %s", file, i+1, wrongType(err))
		}
		r.chromeStep(i+1, step)
	}
	return r, nil
}

// wrongType says what a step holds in the place of what it should, without what it is.
func wrongType(err error) string {
	wrong := (*json.UnmarshalTypeError)(nil)
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	is, _, _ := strings.Cut(wrong.Value, " ")
	kinds := map[reflect.Kind]string{reflect.String: "a text", reflect.Slice: "a list", reflect.Int: "a whole number", reflect.Float64: "a number", reflect.Bool: "true or false", reflect.Struct: "an object"}
	return fmt.Sprintf("%s must be %s, and is %s: export the recording again", either(wrong.Field, "it"), either(kinds[wrong.Type.Kind()], "of another kind"), map[bool]string{true: "true or false", false: "of the kind " + is}[is == "bool"])
}

func (r *Recording) chromeStep(number int, step chromeStep) {
	a := Action{Step: number, Frame: frameIndexes(step.Frame), Window: chromeWindow(step.Target)}
	for _, event := range step.Events {
		if event.Type == "navigation" {
			a.Arrives, a.ArrivesAt, a.ArrivesWith = true, event.URL, oneLine(event.Title)
		}
	}
	shadow := false
	if len(step.Selectors) > 0 {
		hint := map[string]string{"change": "label"}[step.Type]
		a.Targets, shadow = chromeTargets(step.Selectors, hint)
	}
	needsTarget := slices.Contains([]string{"click", "doubleClick", "change", "waitForElement"}, step.Type)
	if needsTarget && len(a.Targets) == 0 {
		why := "it names no element"
		if shadow {
			why = "the element lies in a shadow root, and robots do not look into one"
		}
		r.refuse(number, step.Type, why)
		return
	}
	switch step.Type {
	case "setViewport", "hover", "scroll", "close":
		r.Noise++
		return
	case "navigate":
		a.Kind, a.URL = "goto", step.URL
	case "click", "doubleClick":
		if step.Button != "" && step.Button != "primary" {
			r.refuse(number, step.Type, "robots click with the first button of the mouse only")
			return
		}
		if a.Kind = "click"; step.Type == "doubleClick" {
			a.Kind = "dblclick"
		}
	case "change":
		a.Kind, a.Value, a.Secret = "fill", step.Value, secretField(a.Targets)
	case "keyDown", "keyUp":
		a.Kind, a.Key = step.Type, step.Key
	case "waitForElement":
		a.Kind = "expect"
		if step.Count != nil && *step.Count != 1 || step.Visible != nil && !*step.Visible || step.Operator == "<=" {
			r.refuse(number, step.Type, "robots wait until something is seen: write an expect step, or a table with expect: for a number of rows")
			return
		}
	case "waitForExpression":
		r.refuse(number, step.Type, "robots run no scripts of the recording: write an expect step for what is seen then")
		return
	case "customStep":
		r.refuse(number, either(step.Name, step.Type), "it belongs to an extension of the Recorder")
		return
	case "emulateNetworkConditions":
		r.refuse(number, step.Type, "robots use the network as it is")
		return
	default:
		r.refuse(number, either(step.Type, "no type"), "the Recorder's format knows no such step")
		return
	}
	r.Actions = append(r.Actions, a)
}

// chromeWindow is the window of a step: "main" is the page itself, all else the address of a pop-up or of a frame
// of another site.
func chromeWindow(target string) string {
	if target == "" || target == "main" {
		return ""
	}
	address, _, _ := strings.Cut(target, "?")
	address, _, _ = strings.Cut(address, "#")
	return oneLine(address) + "*"
}

func frameIndexes(frame []int) string {
	var parts []string
	for _, index := range frame {
		parts = append(parts, fmt.Sprintf("[%d]", max(index, 0)))
	}
	return strings.Join(parts, "/")
}
