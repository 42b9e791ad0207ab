package robots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/source"
)

// placed is a target with the step that acts on it.
type placed struct {
	step   *step
	target *target
}

// placeForm is file:line or file:line:column, and which link of a table.
var placeForm = regexp.MustCompile(`^(.*?)(:\d+(?::\d+)?)(?: [a-z]+)?$`)

// Edit makes a change in the file that its place names, as the program read it. Everything but the target stays as it is.
func (p *Program) Edit(c Change) ([]byte, error) {
	file, text := p.Robot.File, p.Robot.Text
	if c.InSystemFile() {
		file, text = p.System.File, p.System.Text
	}
	if c.Kind == ChangePage {
		return text, nil
	}
	if c.Kind == ChangeHeading {
		s, err := p.changedTable(c)
		if err != nil {
			return nil, err
		}
		return renamedHeading(file, text, s, c)
	}
	at, err := p.changed(c)
	if err != nil {
		return nil, err
	}
	if at.target.key.Exists() {
		return renamedKey(file, text, at.target.key, c)
	}
	node := at.target.node
	line, _ := node.Position()
	becomes, err := c.target(node)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, line, err)
	}
	return replaceNode(file, text, node, becomes)
}

// changed is the one target that a change is about: that of a step at its place which is called as the change says. A change
// whose case was dropped says nothing any more; then there must be only one.
func (p *Program) changed(c Change) (placed, error) {
	place, found := p.place(c), []placed(nil)
	for _, at := range p.targets() {
		words := c.words(at.target)
		if at.step.place == place && (at.target.node.Exists() || at.target.key.Exists()) && words != "" && (c.Words == "" || words == c.Words) {
			found = append(found, at)
		}
	}
	switch {
	case len(found) == 0:
		return placed{}, fmt.Errorf("%s: here is no step with this target any more: change the file by hand", either(place, c.Place))
	case len(found) > 1:
		return placed{}, fmt.Errorf("%s: here are several targets that are called the same: change the file by hand", place)
	}
	return found[0], nil
}

// words are those by which a change names a target, if it is about that one.
func (c Change) words(t *target) string {
	if c.Kind == ChangeTarget {
		return t.shown
	}
	var becomes changedAlternative
	if json.Unmarshal([]byte(c.Becomes), &becomes) != nil || becomes.Index < 0 || becomes.Index >= len(t.any) {
		return ""
	}
	return t.any[becomes.Index].shown
}

// place is where a change is, as the program names its files.
func (p *Program) place(c Change) string {
	file, at := p.Robot.File, placeForm.FindStringSubmatch(c.Place)
	if at == nil {
		return ""
	}
	if c.InSystemFile() {
		file = p.System.File
	}
	return file + at[2]
}

// InSystemFile says that the place is in the file of the application, and not in that of the robot.
func (c Change) InSystemFile() bool {
	at := placeForm.FindStringSubmatch(c.Place)
	return at != nil && strings.HasSuffix(at[1], ".system.yaml")
}

// target writes the target as it is to be.
func (c Change) target(node *source.Node) (string, error) {
	if c.Kind == ChangeTarget {
		var becomes map[string]string
		if err := json.Unmarshal([]byte(c.Becomes), &becomes); err != nil || len(becomes) != 1 {
			return "", errors.New("the change does not name one target")
		}
		if err := writable(becomes); err != nil {
			return "", err
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
	if err := writable(becomes.With); err != nil {
		return "", err
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

// writable says whether a file can hold a target that a page has named: what the page shows must mean itself there.
func writable(target map[string]string) error {
	for kind, text := range target {
		var holds string
		switch {
		case !slices.Contains(kinds, kind) || kind == "role":
			return fmt.Errorf("%q is no kind of target that a change can name", kind)
		case text == "":
			holds = "nothing"
		case strings.Contains(text, "${"):
			holds = "${, which would be an expression"
		case strings.HasPrefix(text, "/") && kind != "css" && kind != "xpath":
			holds = "/ at its beginning, which would be a regular expression"
		case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }):
			holds = "characters that are not seen"
		default:
			continue
		}
		return fmt.Errorf("the %s %q holds %s: change the file by hand", kind, text, holds)
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
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return strconv.Quote(text)
	}
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
		end = len(strings.TrimRight(whole[:end], " \r\n"))
	}
	if end <= start {
		return nil, fmt.Errorf("%s:%d: the target was not found", file, row)
	}
	changed := []byte(whole[:start] + becomes + whole[end:])
	if !onlyDiffers(source.Parse(file, text).Root, source.Parse(file, changed).Root, node.Path(), source.Parse(file, []byte(becomes)).Root) {
		return nil, fmt.Errorf("%s:%d: the change cannot be made here by itself: write %s by hand", file, row, becomes)
	}
	return changed, nil
}

// onlyDiffers says whether a document is as it was, but for one place, which is as it is to be.
func onlyDiffers(before, after *source.Node, place string, becomes *source.Node) bool {
	if place != "" && before.Path() == place {
		return becomes.Exists() && same(after, becomes, nil)
	}
	return same(before, after, func(a, b *source.Node) bool { return onlyDiffers(a, b, place, becomes) })
}

// same compares two nodes; inner does it for what they hold, nil as same does it.
func same(a, b *source.Node, inner func(a, b *source.Node) bool) bool {
	if inner == nil {
		inner = func(a, b *source.Node) bool { return same(a, b, nil) }
	}
	if a.Exists() != b.Exists() || a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case source.Map:
		return slices.Equal(a.Keys(), b.Keys()) && !slices.ContainsFunc(a.Keys(), func(key string) bool { return !inner(a.Get(key), b.Get(key)) })
	case source.List:
		return slices.EqualFunc(a.List(), b.List(), inner)
	}
	return a.Tag() == b.Tag() && a.Text() == b.Text()
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

// lists are the lists of steps of the robot and of its application.
func (p *Program) lists() [][]step {
	all := [][]step{p.find}
	if p.write != nil {
		all = append(all, p.write.prepare, p.write.act, p.write.read, p.write.verify)
	}
	if p.System.session != nil {
		all = append(all, p.System.session.login)
	}
	for i := range p.System.signs {
		all = append(all, p.System.signs[i].do)
	}
	return all
}

// targets are all targets that steps act on or read.
func (p *Program) targets() (found []placed) {
	for _, steps := range p.lists() {
		found = targetsIn(found, steps)
	}
	return found
}

func targetsIn(found []placed, steps []step) []placed {
	for i := range steps {
		s := &steps[i]
		named := []*target{s.target}
		for _, read := range s.cells {
			named = append(named, read.target)
		}
		if s.further != nil && s.further.starts != nil {
			named = append(named, s.further.starts.target)
		}
		if s.table != nil {
			named = append(named, s.table.next)
			if s.table.open != nil {
				named = append(named, s.table.open.back)
				found = targetsIn(found, s.table.open.do)
			}
		}
		for _, t := range named {
			if t != nil && t.kind != "" {
				found = append(found, placed{s, t})
			}
		}
		found = targetsIn(found, s.do)
	}
	return found
}

// Check looks for a changed target or heading on pages of past runs, in a page that reaches nothing. It is at the same place in
// both programs' files.
func (r *Runner) Check(ctx context.Context, before, after *Program, change Change, pages []string) Checked {
	checked := Checked{Pages: len(pages)}
	compares := compareTargets
	if change.Kind == ChangeHeading {
		compares = compareHeadings
	}
	function, argument, err := compares(before, after, change)
	if err != nil {
		checked.Unknown = err.Error()
		return checked
	}
	if len(pages) == 0 {
		return checked
	}
	browser, release, err := r.pool.Acquire(ctx)
	if err != nil {
		checked.Unknown = "no browser could be started: " + err.Error()
		return checked
	}
	defer release()
	for _, page := range pages {
		was, is, same, err := compareOn(ctx, browser, page, function, argument)
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

// compareTargets is the question to a page what a target and the one in its place find.
func compareTargets(before, after *Program, change Change) (function string, argument map[string]any, err error) {
	was, err := before.changed(change)
	if err != nil {
		return "", nil, err
	}
	place, path := after.place(change), was.target.node.Path()
	at := slices.IndexFunc(after.targets(), func(at placed) bool {
		if was.target.key.Exists() {
			return at.step.place == place && at.target.key.Exists() && at.target.text.constant == change.label()
		}
		return at.step.place == place && at.target.node.Path() == path
	})
	if at < 0 {
		return "", nil, errors.New("the step is not there any more")
	}
	is := after.targets()[at]
	old, errOld := was.target.spec(nil)
	now, errNow := is.target.spec(nil)
	if errOld != nil || errNow != nil {
		return "", nil, errors.New("its target holds an expression")
	}
	want := either(map[string]string{"click": "click", "dblclick": "click", "fill": "fill", "select": "select", "check": "tick", "uncheck": "tick", "download": "click"}[was.step.kind], "see")
	return "compare", map[string]any{"before": old, "after": now, "want": want}, nil
}

// compareOn asks a page what was found before and is found now, and whether it is the same.
func compareOn(ctx context.Context, browser *Browser, page, function string, argument map[string]any) (was, is int, same bool, err error) {
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
		err := tab.call(ctx, f, function, argument, &answer)
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
