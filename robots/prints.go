package robots

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
)

// Memory keeps what the pages of robots were like, for all processes that run them.
type Memory interface {
	// Prints are what is known of the places of a robot, by file:line:column, and the link of a table.
	Prints(ctx context.Context, of Version) (map[string]Print, error)
	// Learn keeps what a run that went well has seen.
	Learn(ctx context.Context, of Version, seen []Seen) error
	// Propose keeps a change of the robot file for somebody to decide on. The same one again is no second.
	Propose(ctx context.Context, change Change) error
}

// Version is a robot as its files are, at the address where it works.
type Version struct {
	Robot string
	Base  string
	Hash  string // of both files
}

// Seen is a place as a run has seen it.
type Seen struct {
	Place string
	Print Print
	Page  string // the page without its data, if it is to be kept
}

// The kinds of changes.
const (
	// ChangeTarget puts the target that a person chose in the place of one that found nothing.
	ChangeTarget = "target"
	// ChangeHeading puts the heading that a person chose in the place of one that a table lacks.
	ChangeHeading = "heading"
	// ChangeAlternative takes an alternative that finds nothing out of a vote, or puts what is there now in its place.
	ChangeAlternative = "alternative"
	// ChangePage takes the page as it is now for right: nothing is written to the file.
	ChangePage = "page"
)

// Change is what a run proposes about its robot file.
type Change struct {
	Version
	Kind    string
	Place   string // file:line:column of the step
	Words   string // the target, or what is not as it was, in words
	Becomes string // of a target, a heading or an alternative: JSON
	Reason  string
	Page    string // the page without its data on which it was found
	Case    string
}

// changedAlternative is what Becomes holds of a ChangeAlternative.
type changedAlternative struct {
	Index int               `json:"index"`
	With  map[string]string `json:"with,omitempty"` // one kind of target; none: it goes
}

const (
	keepPages    = 24 * time.Hour // at most one page of a place in this time
	mostPages    = 20             // of a run
	memoryBudget = 5 * time.Second
)

// Remember has runs compare pages with what they were like. It is called before the first run.
func (r *Runner) Remember(memory Memory) { r.memory = memory }

// version is the robot as it runs here.
func (u *run) version() Version {
	return Version{Robot: u.program.Robot.Name, Base: u.base.String(), Hash: u.program.Hash}
}

// recall loads what is known of the robot's places. Without it, nothing is compared: that a store is slow is no reason not
// to work.
func (u *run) recall(ctx context.Context) {
	if u.runner.memory == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, memoryBudget)
	defer cancel()
	known, err := u.runner.memory.Prints(ctx, u.version())
	if err != nil {
		u.journal.note("what the pages were like could not be read, and nothing was compared")
		return
	}
	u.known, u.seen = known, map[string]*Seen{}
}

// resolved is called when a step has found the element that it acts on, before it does: what is not as it was stops a write
// here.
func (u *run) resolved(ctx context.Context, f frame, target *spec, at found) error {
	if u.known == nil || at.Print == nil {
		return nil
	}
	place, now := u.acting, u.nameable(*at.Print)
	now.Frame = u.tab.nameOf(f)
	if at.Hints != nil {
		now.Order, now.Takes = at.Hints.order(), at.Hints.takes()
	}
	now = now.veiled(hider(u.hidden()))
	help := u.call.Help
	chosen := help.Target != "" && help.Step == place && help.Hash == u.program.Hash
	var named []string
	if chosen || len(at.Lost) > 0 { // what is proposed must be found on the page
		named = []string{at.Print.Label}
	}
	page := u.see(ctx, f, place, now, named)
	for _, i := range at.Lost {
		if i < len(target.Any) {
			u.lostAlternative(place, target, i, at.Print, page)
		}
	}
	if _, around := help.choice(); chosen && around == "" {
		u.propose(Change{Kind: ChangeTarget, Place: place, Words: target.words, Becomes: help.Target, Reason: "a person chose it", Page: page})
	}
	return u.compare(ctx, f, place, now, chosen)
}

// watcher is resolved, if anything is compared.
func (u *run) watcher() func(context.Context, frame, *spec, found) error {
	if u.known == nil {
		return nil
	}
	return u.resolved
}

// see notes what a place is like, and keeps its page from time to time.
func (u *run) see(ctx context.Context, f frame, place string, now Print, named []string) (page string) {
	known, before := u.known[place], u.seen[place]
	if before != nil {
		before.Print = before.Print.both(now)
		page = before.Page
	} else {
		before = &Seen{Place: place, Print: now}
		u.seen[place] = before
	}
	if page == "" && (named != nil || u.runner.now().Sub(known.PageAt) > keepPages) && u.pages < mostPages {
		u.pages++
		page = u.skeleton(ctx, f, named)
		before.Page = page
	}
	return page
}

// errChanged says that the page around a step, or what it sends, is not as it was, though the step found its element.
type errChanged struct{ cause *contracts.Error }

func (e errChanged) Error() string { return e.cause.Error() }
func (e errChanged) Unwrap() error { return e.cause }

// compare says what of a place is not as it was. Before a write, what changes its meaning ends the run. Of an element that
// a person chose, what it is itself may differ; its form and its page are as they were.
func (u *run) compare(ctx context.Context, f frame, place string, now Print, chosen bool) error {
	known, is := u.known[place]
	if !is {
		return nil
	}
	if chosen {
		known.Tag, known.Type, known.Name, known.Label, known.Order, known.Takes = now.Tag, now.Type, now.Name, now.Label, now.Order, now.Takes
	}
	grave, light := known.against(now, u.asked())
	if u.program.write != nil && !u.sent && !u.settling && now.Tag != "table" {
		grave = u.grown(ctx, f, known, now, grave)
	}
	if len(grave)+len(light) == 0 {
		return nil
	}
	if len(grave) == 0 && !known.Sure && len(known.renamed(now)) == 0 {
		return nil // what is data differs between the first runs
	}
	words := strings.Join(append(slices.Clone(grave), light...), "; ")
	u.journal.note(fmt.Sprintf("%s: the page is not as it was: %s", place, words))
	u.warn(fmt.Sprintf("%s: the page is not as it was: %s", place, withoutTexts(words)))
	u.propose(Change{Kind: ChangePage, Place: place, Words: words, Reason: "the page is not as it was when the robot was first seen to work", Page: u.skeleton(ctx, f, nil)})
	if len(grave) == 0 || u.program.write == nil || u.sent || u.settling {
		return nil
	}
	return errChanged{contracts.NewError(contracts.Drift, "", "%s: the page is not as it was, and nothing was sent: %s; if that is right, accept it with crosswalk robots changes", place, strings.Join(grave, "; "))}
}

// tableSeen compares the headings of a table.
func (u *run) tableSeen(ctx context.Context, f frame, place string, headings []string) error {
	if u.known == nil || f.id == "" {
		return nil
	}
	now := Print{Tag: "table", Frame: u.tab.nameOf(f), Headings: u.withoutData(headings)}.veiled(hider(u.hidden()))
	u.see(ctx, f, place, now, nil)
	return u.compare(ctx, f, place, now, false)
}

// lostAlternative proposes what to do about an alternative that finds nothing any more: what the element is called now
// takes its place, or it goes.
func (u *run) lostAlternative(place string, target *spec, index int, at *Print, page string) {
	lost := target.Any[index]
	now := map[string]string{"label": at.Label, "field": at.Name, "button": at.Label, "link": at.Label}[lost.Kind]
	becomes := changedAlternative{Index: index}
	known := slices.ContainsFunc(target.Any, func(other *spec) bool { return other.Kind == lost.Kind && other.Text != nil && other.Text.Exact == now })
	if now != "" && !known && !strings.ContainsAny(now, "…#") && lost.Text != nil && lost.Text.Regex == "" {
		becomes.With = map[string]string{lost.Kind: now}
	}
	text, _ := json.Marshal(becomes) // texts only
	found := fmt.Sprintf("%s: %s found nothing; the other alternatives did", place, lost.words)
	u.journal.note(found)
	u.warn(found)
	u.propose(Change{Kind: ChangeAlternative, Place: place, Words: lost.words, Becomes: string(text), Reason: "it found nothing, and the other alternatives did", Page: page})
}

// warn says what of a page is not as it was, for lists and logs: without texts of the page, which may be people.
func (u *run) warn(text string) {
	if !slices.Contains(u.warnings, text) {
		u.warnings = append(u.warnings, text)
	}
}

var quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

func withoutTexts(words string) string { return quotedText.ReplaceAllString(words, "…") }

func (u *run) propose(change Change) {
	change.Version = u.version()
	for _, other := range u.changes {
		if other.Kind == change.Kind && other.Place == change.Place && other.Becomes == change.Becomes {
			return
		}
	}
	u.changes = append(u.changes, change)
}

// remember keeps what the run has seen, if it went well, and what it proposes.
func (u *run) remember(ctx context.Context, err error) {
	if u.known == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memoryBudget)
	defer cancel()
	hide, print := hider(u.unseen()), hider(u.hidden())
	if err == nil {
		var fresh []Seen
		for place, seen := range u.seen {
			known, is := u.known[place]
			grave, light := known.against(seen.Print, u.asked())
			if is && (known.Sure && (seen.Page == "" || len(light) > 0) && (known.Takes != "" || seen.Print.Takes == "") || len(grave) > 0) {
				continue // there is nothing to learn, or it is proposed
			}
			one := Seen{Place: place, Print: known.learned(seen.Print.veiled(print), u.input(), u.asked(), u.runner.now()), Page: seen.Page}
			if one.Print.Sent.same(known.Sent) {
				continue
			}
			if hide != nil {
				one.Page = hide.Replace(one.Page)
			}
			fresh = append(fresh, one)
		}
		if len(fresh) > 0 && u.runner.memory.Learn(ctx, u.version(), fresh) != nil {
			return // the next run learns it
		}
	}
	for _, change := range u.changes {
		if err != nil && (change.Kind == ChangeTarget || change.Kind == ChangeHeading) {
			continue // it did not help
		}
		if hide != nil {
			change.Words, change.Page = hide.Replace(change.Words), hide.Replace(change.Page)
			if hide.Replace(change.Becomes) != change.Becomes {
				continue // it could not be named without what must not be seen
			}
		}
		change.Case = u.call.Case
		if u.runner.memory.Propose(ctx, change) != nil {
			return
		}
	}
}

// skeleton is a page without its data, and without what must not be seen. Of headings, links and options it keeps those that
// the robot names, and others that are named: all else may be people.
func (u *run) skeleton(ctx context.Context, f frame, named []string) string {
	var targets []*spec
	for _, target := range u.program.mask {
		if s, err := target.spec(u.variables); err == nil {
			targets = append(targets, s)
		}
	}
	var answer struct{ Status, HTML string }
	if u.tab.call(ctx, f, "skeleton", map[string]any{"hide": targets, "named": append(u.program.names(), named...), "data": u.data()}, &answer) != nil || answer.Status != "found" {
		return ""
	}
	if hide := hider(u.unseen()); hide != nil {
		return hide.Replace(answer.HTML)
	}
	return answer.HTML
}

// veiledWarnings are the warnings without what must not be seen.
func (u *run) veiledWarnings() []string {
	hide := hider(u.unseen())
	if hide == nil {
		return u.warnings
	}
	warnings := slices.Clone(u.warnings)
	for i := range warnings {
		warnings[i] = hide.Replace(warnings[i])
	}
	return warnings
}
