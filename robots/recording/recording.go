// Package recording reads what a person recorded in a browser, with the Recorder of Chrome DevTools or with
// Selenium IDE, and writes a robot of it: every way in which the recording names an element is kept as a voice,
// what was typed becomes inputs and secrets, and nothing that was typed is ever stored.
package recording

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Recording is what a person did, step by step, without noise.
type Recording struct {
	Title   string
	Actions []Action
	// Unsupported are the steps that no robot can take over, by their number in the recording.
	Unsupported []Unsupported
	// Others are the further tests of a file of which one was read.
	Others []string
	// Noise counts the steps that robots do not need: sizes of windows, scrolling, hovering.
	Noise int
}

// Unsupported is a step of a recording that has no counterpart in a robot.
type Unsupported struct {
	Step int    `json:"step"` // counted from 1
	Kind string `json:"kind"` // as the recording calls it
	Why  string `json:"why"`
}

// String names the step by its number.
func (u Unsupported) String() string {
	return fmt.Sprintf("step %d (%s) is not taken over: %s", u.Step, u.Kind, u.Why)
}

// Action is one thing that the person did or looked at.
type Action struct {
	Step    int    // the number in the recording, from 1
	Kind    string // goto, click, dblclick, fill, select, check, uncheck, key, expect, read
	Targets []Target
	Frame   string // the name of a frame, or [0]/[1] by position
	Window  string
	Value   string // what was typed or chosen; it is never written
	Key     string
	URL     string
	Secret  bool // it was typed into a field of a password
	// Arrives says that a new page came after it, with this address and title if they were recorded.
	Arrives         bool
	ArrivesAt       string
	ArrivesWith     string
	Warnings        []string
	unsupportedNote string
	column          string // of a field in a row of a list: the heading over it
}

// Target is one way to name an element.
type Target struct {
	Kind string // label, field, button, link, text, role, css, xpath
	Text string
	Name string // of a role
	// Pattern says that Text is a regular expression.
	Pattern bool
}

// The most that a file may hold: more was not recorded by a person.
const (
	largestFile = 8 << 20
	mostSteps   = 2000
)

// Read reads a recording of either kind. Test names one of several tests of a Selenium file; empty is the first.
func Read(file string, text []byte, test string) (*Recording, error) {
	switch {
	case len(text) > largestFile:
		return nil, fmt.Errorf("%s: the file has more than %d MiB: it is no recording", file, largestFile>>20)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("%s: the file is not UTF-8 text: export the recording as JSON", file)
	}
	text = []byte(strings.TrimPrefix(string(text), "\ufeff"))
	var head struct {
		Steps    json.RawMessage `json:"steps"`
		Tests    json.RawMessage `json:"tests"`
		Commands json.RawMessage `json:"commands"`
	}
	if err := decode(file, text, &head); err != nil {
		return nil, err
	}
	var r *Recording
	var err error
	switch {
	case head.Steps != nil:
		r, err = readChrome(file, text)
	case head.Tests != nil:
		r, err = readSide(file, text, test)
	default:
		return nil, fmt.Errorf("%s: it has neither steps (Chrome DevTools Recorder, exported as JSON) nor tests (Selenium IDE, .side)", file)
	}
	if err != nil {
		return nil, err
	}
	if r.Title = strings.TrimSpace(oneLine(r.Title)); r.Title == "" {
		r.Title = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	r.merge()
	if len(r.Actions) == 0 {
		return nil, fmt.Errorf("%s: the recording holds nothing that a robot could do", file)
	}
	return r, nil
}

// decode reads JSON and says where it is wrong.
func decode(file string, text []byte, into any) error {
	err := json.Unmarshal(text, into)
	if err == nil {
		return nil
	}
	offset := int64(0)
	switch e := err.(type) {
	case *json.SyntaxError:
		offset = e.Offset
		err = fmt.Errorf("%w: export it as JSON (Chrome DevTools Recorder) or save it as .side (Selenium IDE)", err)
	case *json.UnmarshalTypeError:
		offset = e.Offset
		err = fmt.Errorf("%s must not be %s", either(e.Field, "the file"), e.Value)
	}
	offset = min(max(offset, 0), int64(len(text)))
	before := string(text[:offset])
	line, column := strings.Count(before, "\n")+1, len(before)-strings.LastIndexByte(before, '\n')
	return fmt.Errorf("%s:%d:%d: this is not a recording: %s", file, line, column, err)
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// oneLine folds white space and leaves out what cannot be printed.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

func (r *Recording) refuse(step int, kind, why string) {
	r.Unsupported = append(r.Unsupported, Unsupported{Step: step, Kind: oneLine(kind), Why: why})
	r.Actions = append(r.Actions, Action{Step: step, Kind: "", unsupportedNote: fmt.Sprintf("step %d (%s): %s", step, oneLine(kind), why)})
}
