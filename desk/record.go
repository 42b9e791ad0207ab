package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
)

// record is what is known of a case, as its page and those of its tasks show it.
type record struct {
	Case      store.Case
	Messages  []messageView
	Found     []stepView // what systems and people said
	Working   []stepView // what the use case made of it
	Decisions []decisionView
	Timeline  []moment
}

// messageView is a message as it came in.
type messageView struct {
	Entry  store.Entry
	Text   string
	From   []Fact
	Fields []Fact
}

// stepView is a step's result: a fact with the system that said it.
type stepView struct {
	Step     store.StepResult
	Facts    []Fact
	Pictures []string
	Files    []fileView
	Old      bool // a later generation took its place
}

// decisionView is one decision with the row that decided and why.
type decisionView struct {
	Decision       store.Decision
	Title, Because string
	Facts, Outputs []Fact
	Old            bool
	Explained      *explainedView
}

// moment is a line of the timeline.
type moment struct {
	At   time.Time
	Text string
	Who  string
	Bad  bool
}

func (d *Desk) recordOf(ctx context.Context, found store.Case) (record, error) {
	r := record{Case: found}
	steps, err := d.Store.Steps(ctx, found.ID)
	if err != nil {
		return r, err
	}
	types, err := d.Store.BlobTypes(ctx, found.ID)
	if err != nil {
		return r, err
	}
	r.Found, r.Working = stepViews(steps, types)
	decisions, err := d.Store.Decisions(ctx, found.ID)
	if err != nil {
		return r, err
	}
	r.Decisions = decisionViews(decisions, steps)
	if err := d.explain(ctx, r.Decisions); err != nil {
		return r, err
	}
	if r.Messages, err = d.messages(ctx, found.ID); err != nil {
		return r, err
	}
	r.Timeline, err = d.timeline(ctx, r)
	return r, err
}

// stepViews parts what came from somewhere from what the use case worked out.
func stepViews(steps []store.StepResult, types map[string]string) (found, working []stepView) {
	newest := map[string]int{}
	for _, step := range steps {
		newest[step.Path] = max(newest[step.Path], step.Generation)
	}
	for _, step := range steps {
		view := stepView{Step: step, Old: step.Generation < newest[step.Path], Facts: Facts(without(value(step.Result), "system"))}
		view.Pictures, view.Files = files(strings.Fields(step.Evidence), types)
		switch {
		case step.Kind == "decide" && step.ErrorClass == "": // decisions have a place of their own
		case step.System != "", step.Kind == "ask", step.ErrorClass != "":
			found = append(found, view)
		case len(view.Facts) > 0:
			working = append(working, view)
		}
	}
	return found, working
}

func decisionViews(decisions []store.Decision, steps []store.StepResult) []decisionView {
	titles, newest := map[string]string{}, map[string]int{}
	for _, step := range steps {
		titles[step.Path] = step.Title
	}
	for _, decision := range decisions {
		newest[decision.Path] = max(newest[decision.Path], decision.Generation)
	}
	var views []decisionView
	for _, decision := range decisions {
		outputs := value(decision.Outputs)
		views = append(views, decisionView{Decision: decision, Title: cmp.Or(titles[decision.Path], label(decision.Path)),
			Because: cmp.Or(decision.Why, outputs.Get("reason").Text(), shortOutputs(outputs)),
			Facts:   Facts(value(decision.Facts)), Outputs: Facts(outputs), Old: decision.Generation < newest[decision.Path]})
	}
	return views
}

// shortOutputs stands for the reason of a row that gives none.
func shortOutputs(outputs rules.Value) string {
	var said []string
	for _, f := range Facts(outputs) {
		if f.Text != "" {
			said = append(said, strings.TrimPrefix(f.Label+": ", ": ")+f.Text)
		}
	}
	return short(strings.Join(said, ", "))
}

// fileView is a file that can be downloaded: under which name, and what it is.
type fileView struct{ ID, Name, Title string }

// files parts pictures from what can only be downloaded.
func files(ids []string, types map[string]string) (pictures []string, others []fileView) {
	for _, id := range ids {
		switch kind, _, _ := strings.Cut(types[id], ";"); {
		case strings.HasPrefix(kind, "image/"):
			pictures = append(pictures, id)
		case kind == "text/html":
			others = append(others, fileView{id, "report.html", "What the robot did"})
		case kind == "application/json":
			others = append(others, fileView{id, "steps.json", "Its steps, for programs"})
		default:
			others = append(others, fileView{id, "file", "A file that it fetched"})
		}
	}
	return pictures, others
}

func (d *Desk) messages(ctx context.Context, caseID string) ([]messageView, error) {
	entries, err := d.Store.Messages(ctx, caseID)
	if err != nil {
		return nil, err
	}
	var views []messageView
	for _, entry := range entries {
		input := value(entry.Parsed)
		rest := input
		for _, shown := range []string{"text", "from", "channel", "received_at"} {
			rest = without(rest, shown)
		}
		views = append(views, messageView{Entry: entry, Text: input.Get("text").Text(), From: Facts(input.Get("from")), Fields: Facts(rest)})
	}
	return views, nil
}

// timeline is all that happened to a case, in the order of time.
func (d *Desk) timeline(ctx context.Context, r record) ([]moment, error) {
	events, err := d.Store.Timeline(ctx, r.Case.ID)
	if err != nil {
		return nil, err
	}
	var all []moment
	add := func(at time.Time, who string, bad bool, format string, parts ...any) {
		if !at.IsZero() {
			all = append(all, moment{At: at, Text: fmt.Sprintf(format, parts...), Who: d.nameOf(who), Bad: bad})
		}
	}
	for _, message := range r.Messages {
		add(message.Entry.ReceivedAt, message.Entry.TypedBy, false, "Message received: %s%s", message.Entry.Channel, kindNote(message.Entry.Kind))
	}
	titles := map[string]string{}
	for _, view := range append(slices.Clone(r.Found), r.Working...) {
		titles[view.Step.Path] = view.Step.Title
	}
	for _, event := range events {
		event.Text = cmp.Or(titles[event.Text], event.Text) // a step without a fixed title is noted by its name
		add(event.At, event.Who, event.Kind == "overdue" || event.Kind == "repair.refused" || event.Kind == "not_undone", "%s", eventText(event))
	}
	for _, view := range r.Found {
		step := view.Step
		switch {
		case step.Kind == "ask": // the answer is an event
		case step.ErrorClass != "":
			add(step.FinishedAt, "", true, "%s: %s (%s)", stepTitle(step), label(step.ErrorClass), step.System)
		default:
			add(step.FinishedAt, "", false, "%s: answered by %s", stepTitle(step), step.System)
		}
	}
	for _, view := range r.Decisions {
		add(view.Decision.At, "", view.Decision.Error != "", "%s: decided by the table %s, row %s", view.Title, view.Decision.Table, view.Decision.Row)
	}
	add(r.Case.EndedAt, "", false, "Ended: %s", label(cmp.Or(r.Case.Outcome, string(r.Case.State))))
	slices.SortStableFunc(all, func(a, b moment) int { return a.At.Compare(b.At) })
	return all, nil
}

// stepTitle is a step's name in the timeline: one that undoes another says so.
func stepTitle(step store.StepResult) string {
	if strings.Contains(step.Path, ".undo[") {
		return "To undo: " + step.Title
	}
	return step.Title
}

func kindNote(kind string) string {
	switch kind {
	case store.KindNew, "":
		return ""
	case store.KindJoined:
		return " (joins this case)"
	}
	return " (" + kind + ")"
}

// eventText puts what the case notes in a word into a phrase.
func eventText(event store.Event) string {
	phrases := map[string]string{"answered": "Answered: %s", "overdue": "Overdue: %s", "redo": "Done again from here: %s", "event": "Event: %s", "reminded": "Reminded: %s", "message": "Further message by %s was worked through",
		"repair.retry": "Tried at once %s", "repair.answer": "Answered by hand: %s", "repair.skip": "Skipped: %s", "repair.park": "Given to a person: %s",
		"repair.redo": "Done again: %s", "repair.cancel": "Cancelled: %s", "repair.move": "Goes on with the version in force: %s", "repair.refused": "Not done: %s",
		"undone": "Undone: %s", "not_undone": "Left as it is: %s"}
	if phrase, ok := phrases[event.Kind]; ok {
		return fmt.Sprintf(phrase, event.Text)
	}
	if event.Kind == "undoing" {
		return "What the case did is being undone"
	}
	return event.Text
}

// systemsOf are the records that a case got from systems.
func systemsOf(steps []stepView) []store.Ref {
	var refs []store.Ref
	for _, view := range steps {
		result := value(view.Step.Result)
		if system, id := result.Get("system"), result.Get("id"); system.Kind() == rules.KindText && id.Kind() == rules.KindText {
			refs = append(refs, store.Ref{System: system.Text(), ID: id.Text()})
		}
	}
	return refs
}
