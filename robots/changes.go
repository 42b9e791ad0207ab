package robots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/source"
)

// placeKeys say where the target of each kind of step stands.
var placeKeys = map[string]string{"click": "", "dblclick": "", "expect": "", "check": "", "uncheck": "", "fill": "into", "select": "into", "upload": "into", "key": "on", "read": "from"}

// Edit makes a change in the text of the file that its place names. Everything but the target stays as it is.
func (c Change) Edit(file string, text []byte) ([]byte, error) {
	if c.Kind == ChangePage {
		return text, nil
	}
	line := c.line()
	node := targetAt(source.Parse(file, text).Root, line)
	if !node.Exists() || node.Kind() != source.Map {
		return nil, fmt.Errorf("%s:%d: here is no step with a target any more: change the file by hand", file, line)
	}
	changed, err := c.target(node)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, line, err)
	}
	return replaceNode(file, text, node, changed)
}

func (c Change) line() int {
	line, _ := strconv.Atoi(c.Place[strings.LastIndexByte(c.Place, ':')+1:])
	return line
}

// InSystemFile says that the place is in the file of the application, and not in that of the robot.
func (c Change) InSystemFile() bool {
	return strings.HasSuffix(c.Place[:max(0, strings.LastIndexByte(c.Place, ':'))], ".system.yaml")
}

// target writes the target as it is to be.
func (c Change) target(node *source.Node) (string, error) {
	if c.Kind == ChangeTarget {
		var becomes map[string]string
		if err := json.Unmarshal([]byte(c.Becomes), &becomes); err != nil || len(becomes) != 1 {
			return "", errors.New("the change does not name one target")
		}
		var parts []string
		for _, key := range []string{"window", "frame"} {
			if at := node.Get(key); at.Exists() {
				parts = append(parts, key+": "+flow(at))
			}
		}
		for kind, value := range becomes {
			parts = append(parts, kind+": "+quoted(value))
		}
		return "{" + strings.Join(parts, ", ") + "}", nil
	}
	var becomes changedAlternative
	voices := node.Get("any").List()
	if err := json.Unmarshal([]byte(c.Becomes), &becomes); err != nil || becomes.Index < 0 || becomes.Index >= len(voices) {
		return "", errors.New("the alternative is not there any more")
	}
	var kept []string
	for i, voice := range voices {
		switch {
		case i != becomes.Index:
			kept = append(kept, flow(voice))
		case len(becomes.With) == 1:
			for kind, value := range becomes.With {
				kept = append(kept, "{"+kind+": "+quoted(value)+"}")
			}
		}
	}
	var parts []string
	for _, key := range node.Keys() {
		switch {
		case key != "any":
			parts = append(parts, key+": "+flow(node.Get(key)))
		case len(kept) == 1:
			parts = append(parts, strings.TrimSuffix(strings.TrimPrefix(kept[0], "{"), "}"))
		default:
			parts = append(parts, "any: ["+strings.Join(kept, ", ")+"]")
		}
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

// targetAt finds the target of the step that begins at a line.
func targetAt(n *source.Node, line int) *source.Node {
	switch {
	case !n.Exists():
		return nil
	case n.Kind() == source.List:
		for _, item := range n.List() {
			if found := targetAt(item, line); found.Exists() {
				return found
			}
		}
		return nil
	case n.Kind() != source.Map:
		return nil
	}
	if at, _ := n.Position(); at == line {
		for kind, inner := range placeKeys {
			place := n.Get(kind)
			if inner != "" && place.Kind() == source.Map {
				place = place.Get(inner)
			}
			if place.Exists() && place.Kind() == source.Map {
				return place
			}
		}
	}
	for _, key := range n.Keys() {
		if found := targetAt(n.Get(key), line); found.Exists() {
			return found
		}
	}
	return nil
}

// flow writes a node on one line.
func flow(n *source.Node) string {
	var parts []string
	switch n.Kind() {
	case source.Map:
		for _, key := range n.Keys() {
			parts = append(parts, quoted(key)+": "+flow(n.Get(key)))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case source.List:
		for _, item := range n.List() {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	text, asText := n.Literal()
	if asText {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return quoted(text)
}

// quoted writes a text as YAML takes it for the same text.
func quoted(text string) string {
	plain := text != ""
	for i, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
		plain = plain && (letter || i > 0 && (r == ' ' || r == '_' || r == '.' || r == '-' || r >= '0' && r <= '9'))
	}
	if plain && !strings.HasSuffix(text, " ") && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(text)) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// replaceNode puts a text in the place of a map, and looks whether the file still says the same elsewhere.
func replaceNode(file string, text []byte, node *source.Node, becomes string) ([]byte, error) {
	lines := strings.SplitAfter(string(text), "\n")
	row, column := node.Position()
	if row < 1 || row > len(lines) {
		return nil, fmt.Errorf("%s: the target was not found", file)
	}
	start := 0
	for _, before := range lines[:row-1] {
		start += len(before)
	}
	head := []rune(lines[row-1])
	start += len(string(head[:min(column-1, len(head))]))
	whole, end := string(text), 0
	if strings.HasPrefix(whole[start:], "{") {
		end = start + flowEnd(whole[start:])
	} else { // a block: all lines that are indented as far as its first key
		end = start + len(whole[start:]) - len(whole[start:])
		for i, at := row-1, start-len(string(head[:column-1])); i < len(lines); i++ {
			content := strings.TrimLeft(lines[i], " ")
			if i > row-1 && strings.TrimSpace(content) != "" && len(lines[i])-len(content) < column-1 {
				break
			}
			at += len(lines[i])
			if strings.TrimSpace(content) != "" {
				end = at
			}
		}
		end = len(strings.TrimRight(whole[:end], " \n"))
	}
	if end <= start {
		return nil, fmt.Errorf("%s:%d: the target was not found", file, row)
	}
	changed := []byte(whole[:start] + becomes + whole[end:])
	if problems := source.Parse(file, changed).Problems(); problems.Err() != nil {
		return nil, fmt.Errorf("%s:%d: the change cannot be made here by itself: write %s by hand", file, row, becomes)
	}
	return changed, nil
}

// flowEnd is the length of a map in braces.
func flowEnd(text string) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
			}
		case (c == '\'' || c == '"') && strings.ContainsRune(" ,:[{", rune(text[i-1])):
			quote = c
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// Checked is how a changed target fares on the pages of past runs.
type Checked struct {
	Pages  int `json:"pages"`  // that were kept
	Fits   int `json:"fits"`   // where it finds one element, the same as before if that found one
	Absent int `json:"absent"` // where it finds nothing
	Wrong  int `json:"wrong"`  // where it finds another element than before, or several
	// Unknown says why it could not be looked for; empty: it was.
	Unknown string `json:"unknown,omitempty"`
}

// Contradicts says that the change would act on something else than before.
func (c Checked) Contradicts() bool { return c.Wrong > 0 }

// String says it in a sentence.
func (c Checked) String() string {
	switch {
	case c.Unknown != "":
		return "it could not be looked for on the pages of past runs: " + c.Unknown
	case c.Pages == 0:
		return "there are no pages of past runs of this step yet"
	}
	text := fmt.Sprintf("of %d page(s) of past runs it fits %d", c.Pages, c.Fits)
	if c.Absent > 0 {
		text += fmt.Sprintf(", is absent from %d", c.Absent)
	}
	if c.Wrong > 0 {
		text += fmt.Sprintf(", and MEANS SOMETHING ELSE on %d", c.Wrong)
	}
	return text
}

// StepAt is the step at a place of the robot's files.
func (p *Program) stepAt(place string) *step {
	all := [][]step{p.find}
	if p.write != nil {
		all = append(all, p.write.prepare, p.write.act, p.write.verify)
	}
	if p.System.session != nil {
		all = append(all, p.System.session.login)
	}
	for i := range p.System.signs {
		all = append(all, p.System.signs[i].do)
	}
	for _, steps := range all {
		if found := stepIn(steps, place); found != nil {
			return found
		}
	}
	return nil
}

func stepIn(steps []step, place string) *step {
	for i := range steps {
		s := &steps[i]
		if s.place == place && s.target != nil && s.target.kind != "" {
			return s
		}
		if found := stepIn(s.do, place); found != nil {
			return found
		}
		if s.table != nil && s.table.open != nil {
			if found := stepIn(s.table.open.do, place); found != nil {
				return found
			}
		}
	}
	return nil
}

// Check looks for a changed target on pages of past runs, in a page that reaches nothing. Line is that of the step in both
// programs' files.
func (r *Runner) Check(ctx context.Context, before, after *Program, change Change, pages []string) Checked {
	checked := Checked{Pages: len(pages)}
	was, is := before.stepAtLine(change), after.stepAtLine(change)
	if was == nil || is == nil {
		checked.Unknown = "the step is not there any more"
		return checked
	}
	old, errOld := was.target.spec(nil)
	now, errNow := is.target.spec(nil)
	if errOld != nil || errNow != nil {
		checked.Unknown = "its target holds an expression"
		return checked
	}
	browser, release, err := r.pool.Acquire(ctx)
	if err != nil {
		checked.Unknown = "no browser could be started: " + err.Error()
		return checked
	}
	defer release()
	want := either(map[string]string{"click": "click", "dblclick": "click", "fill": "fill", "select": "select", "check": "tick", "uncheck": "tick"}[was.kind], "see")
	for _, page := range pages {
		was, is, same, err := compareOn(ctx, browser, page, old, now, want)
		switch {
		case err != nil:
			checked.Unknown = "a page could not be shown"
			return checked
		case is > 1 || is == 1 && was == 1 && !same:
			checked.Wrong++
		case is == 1:
			checked.Fits++
		default:
			checked.Absent++
		}
	}
	return checked
}

func (p *Program) stepAtLine(change Change) *step {
	file := p.Robot.File
	if change.InSystemFile() {
		file = p.System.File
	}
	return p.stepAt(fmt.Sprintf("%s:%d", file, change.line()))
}

// compareOn counts what two targets find on a page, and says whether it is the same.
func compareOn(ctx context.Context, browser *Browser, page string, before, after *spec, want string) (was, is int, same bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tab, err := browser.openTab(ctx, tabOptions{width: 1280, height: 900, fence: newFence(nil), dialog: func(dialog) bool { return false }})
	if err != nil {
		return 0, 0, false, err
	}
	defer tab.close()
	ctx = tab.ctx
	f, err := tab.findFrame("")
	if err != nil {
		return 0, 0, false, err
	}
	if err := (proto.PageSetDocumentContent{FrameID: proto.PageFrameID(f.id), HTML: "<!doctype html>" + page}).Call(tab.on(ctx, tab.page)); err != nil {
		return 0, 0, false, err
	}
	var answer struct {
		Status        string
		Before, After int
		Same          bool
	}
	for {
		err := tab.call(ctx, f, "compare", map[string]any{"before": before, "after": after, "want": want}, &answer)
		if err == nil && answer.Status == "found" {
			return answer.Before, answer.After, answer.Same, nil
		}
		select {
		case <-ctx.Done():
			return 0, 0, false, errors.Join(err, context.Cause(ctx))
		case <-time.After(pollEvery):
		}
		if now, found := tab.findFrame(""); found == nil {
			f = now
		}
	}
}
