package casetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// past is a case that has ended, as its record tells it: what came in, what the systems and people answered.
type past struct {
	plan      *usecases.Plan
	of        store.Case
	input     rules.Value
	meta      workflows.CaseMeta
	messages  []*message
	events    []*event
	cancel    *cancelling
	people    []*person
	answers   []store.Task // of the people, one each
	steps     []pastStep
	decisions []store.Decision
	troubles  map[string][]reply // by path: the errors that people were asked about, in order
	choices   map[string]rules.Value
	links     []store.Link
	ran       map[string]bool   // what steps had run and was played again, by doneAt
	replies   map[string]int    // how many troubles of a path were played
	entries   []string          // of the messages that joined, in order
	entryOf   map[string]string // the recorded entry of a message that joins again
}

type pastStep struct {
	store.StepResult
	value rules.Value
}

// ErrNotRecorded says that a case cannot be made a test, and why.
var ErrNotRecorded = errors.New("the case cannot be made a test")

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotRecorded, fmt.Sprintf(format, args...))
}

// recall reads a case from its record.
func recall(ctx context.Context, s *store.Store, of store.Case, plan *usecases.Plan) (*past, error) {
	if !of.Ended() {
		return nil, refused("it has not ended")
	}
	p := &past{plan: plan, of: of, ran: map[string]bool{}, troubles: map[string][]reply{}, choices: map[string]rules.Value{}, replies: map[string]int{}, entryOf: map[string]string{}}
	entries, err := s.Messages(ctx, of.ID)
	if err != nil {
		return nil, err
	}
	if err := p.cameIn(entries); err != nil {
		return nil, err
	}
	steps, err := s.Steps(ctx, of.ID)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		value, err := decoded(step.Result)
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, pastStep{StepResult: step, value: value})
	}
	tasks, err := s.Tasks(ctx, store.TaskFilter{CaseID: of.ID})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(tasks, func(a, b store.Task) int {
		if p.together(a, b) {
			return bySeat(a.StepPath, a.Title, b.StepPath, b.Title)
		}
		return a.CreatedAt.Compare(b.CreatedAt)
	})
	for _, task := range tasks {
		if err := p.task(task); err != nil {
			return nil, err
		}
	}
	p.inOrder()
	if err := p.outside(ctx, s); err != nil {
		return nil, err
	}
	if p.links, err = s.Links(ctx, store.LinkFilter{}); err != nil {
		return nil, err
	}
	p.decisions, err = s.Decisions(ctx, of.ID)
	return p, err
}

// outside reads the events that the case took, and who cancelled it.
func (p *past) outside(ctx context.Context, s *store.Store) error {
	taken, err := s.Events(ctx, store.EventFilter{CaseID: p.of.ID})
	if err != nil {
		return err
	}
	for _, one := range slices.Backward(taken) { // the newest comes first
		payload, err := decoded(one.Payload)
		if err != nil {
			return err
		}
		p.events = append(p.events, &event{after: p.since(one.ReceivedAt), name: one.Name, key: one.Key, payload: payload})
	}
	if p.of.State != store.CaseCancelled || slices.ContainsFunc(p.people, func(one *person) bool { return one.gives.Get("act").Text() == activities.ActCancel }) {
		return nil
	}
	return p.cancelled(ctx, s)
}

// cancelled reads who cancelled the case, and whether what it had done was undone.
func (p *past) cancelled(ctx context.Context, s *store.Store) error {
	p.cancel = &cancelling{after: p.since(p.of.EndedAt)}
	timeline, err := s.Timeline(ctx, p.of.ID)
	if err != nil {
		return err
	}
	for _, one := range timeline {
		if one.Kind == "undoing" {
			p.cancel.undo, p.cancel.by, p.cancel.after = true, one.Who, p.since(one.At)
		}
	}
	repairs, err := s.Repairs(ctx, p.of.ID)
	for _, one := range repairs {
		if one.Act == store.ActCancel {
			p.cancel.by, p.cancel.after = one.Who, p.since(one.AskedAt)
		}
	}
	return err
}

// since is a time of the case: what came before it began was there when it began.
func (p *past) since(at time.Time) time.Duration {
	return max(0, at.Sub(p.of.StartedAt).Round(time.Second))
}

func decoded(raw json.RawMessage) (rules.Value, error) {
	var value rules.Value
	if len(raw) == 0 {
		return value, nil
	}
	err := json.Unmarshal(raw, &value)
	return value, err
}

// cameIn reads the message that began the case and those that joined it.
func (p *past) cameIn(entries []store.Entry) error {
	for _, entry := range entries {
		parsed, err := decoded(entry.Parsed)
		switch {
		case err != nil:
			return err
		case len(entry.Parsed) == 0:
			return refused("what came in was dropped: crosswalk.yaml says how long it is kept (retention.intake)")
		case entry.Kind == store.KindNew:
			if p.input, err = p.plan.Input.Decode(parsed); err != nil {
				return refused("its input does not fit the use case any more: %s", err)
			}
			p.meta = workflows.CaseMeta{Channel: entry.Channel, Language: entry.Language, StartedBy: entry.TypedBy}
		case entry.State != store.EntryIgnored:
			p.entries = append(p.entries, entry.ID)
			p.messages = append(p.messages, &message{after: entry.ReceivedAt.Sub(p.of.StartedAt).Round(time.Second), channel: entry.Channel, parsed: plainMessage(parsed)})
		}
	}
	if p.input.IsMissing() {
		return refused("its record does not tell what came in")
	}
	if p.meta.Language == "" {
		p.meta.Language = p.of.Language
	}
	return nil
}

// together says whether two tasks are seats of one panel.
func (p *past) together(a, b store.Task) bool {
	if a.StepPath != b.StepPath || a.CreatedAt.Sub(b.CreatedAt).Abs() >= time.Minute {
		return false
	}
	step := stepOf(p.plan, a.StepPath)
	return step != nil && step.Ask != nil && len(step.Ask.Approvers) > 1
}

// inOrder lets those who were asked at one place together answer in the order in which they did, also if they did so in
// the same minute.
func (p *past) inOrder() {
	order := make([]int, len(p.answers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return p.answers[a].AnsweredAt.Compare(p.answers[b].AnsweredAt) })
	for at, i := range order {
		for _, j := range order[:at] {
			if p.together(p.answers[i], p.answers[j]) && p.people[j].after >= p.people[i].after {
				p.people[i].after = p.people[j].after + time.Second
			}
		}
	}
}

// plainMessage is a message as the cases see it: a text, and one address of its sender.
func plainMessage(parsed rules.Value) rules.Value {
	from := parsed.Get("from")
	for _, key := range []string{"email", "handle", "phone", "name"} {
		if from.Kind() == rules.KindRecord && !from.Get(key).IsMissing() {
			from = from.Get(key)
		}
	}
	if from.Kind() != rules.KindText {
		from = rules.Value{}
	}
	return rules.Record(map[string]rules.Value{"text": rules.Text(parsed.Get("text").Text()), "from": from})
}

// task reads what a person answered, and the trouble that he was asked about.
func (p *past) task(task store.Task) error {
	payload, err := decoded(task.Payload)
	if err != nil {
		return err
	}
	if problem := payload.Get("problem"); task.Kind == store.TaskRepair || task.Kind == store.TaskConfirm {
		p.troubles[task.StepPath] = append(p.troubles[task.StepPath], reply{fails: contracts.Class(problem.Get("class").Text()), message: "as it was recorded"})
	}
	if task.Kind == store.TaskChoose {
		p.choices[task.StepPath] = payload.Get("candidates")
	}
	if task.State != store.TaskAnswered || !payload.Get("operation").IsMissing() {
		return nil // withdrawn, or a person stood in for a system: the system then answers what he did
	}
	answer, err := decoded(task.Answer)
	if err != nil {
		return err
	}
	given := rules.Record(nil)
	for _, key := range givenShape.Names() {
		given = given.With(key, answer.Get(key))
	}
	role := ""
	if s := stepOf(p.plan, task.StepPath); s != nil && s.Ask != nil && len(s.Ask.Approvers) > 0 {
		role = task.Role // several are asked at the same place
	}
	p.people = append(p.people, &person{path: task.StepPath, task: string(task.Kind), role: role, after: task.AnsweredAt.Sub(task.CreatedAt).Round(time.Minute), by: task.AnsweredBy, times: 1, gives: given})
	p.answers = append(p.answers, task)
	return nil
}

// called is a call of a case that is played again.
type called struct {
	name  string
	input rules.Value
	reply reply
	after time.Duration // how long it took: of what is run
}

// replay answers a call as it was answered then.
func (w *world) replay(ctx context.Context, name string, operation *contracts.Operation, input rules.Value) (reply, *Failure) {
	place, _ := ctx.Value(placeKey{}).(activities.Place)
	w.mu.Lock()
	defer w.mu.Unlock()
	step := w.steps[spotOf(place)]
	place.Path = w.past.recorded(place.Path)
	made, known := w.past.reply(place, step, operation)
	if !known {
		return reply{}, &Failure{File: w.test.File, Line: 1, Column: 1, Message: fmt.Sprintf("the record does not tell what %s answered in the step %s", name, place.Path)}
	}
	w.calls = append(w.calls, called{name: name, input: input, reply: made})
	return made, nil
}

var joinedPath = regexp.MustCompile(`^joined\[([^\]]*)\]`)

// recorded is a path as the record has it: a message that joins again has another entry there.
func (p *past) recorded(path string) string {
	found := joinedPath.FindStringSubmatch(path)
	if found == nil {
		return path
	}
	if p.entryOf[found[1]] == "" {
		if len(p.entryOf) >= len(p.entries) {
			return path
		}
		p.entryOf[found[1]] = p.entries[len(p.entryOf)]
	}
	return "joined[" + p.entryOf[found[1]] + "]" + strings.TrimPrefix(path, found[0])
}

func (p *past) reply(place activities.Place, step *usecases.Step, operation *contracts.Operation) (reply, bool) {
	if step == nil || step.Call == nil {
		return reply{}, false
	}
	if troubles := p.troubles[place.Path]; p.replies[place.Path] < len(troubles) && operation == step.Call.Operation {
		p.replies[place.Path]++
		return troubles[p.replies[place.Path]-1], true
	}
	class := p.failed(place, step)
	own := operation == step.Call.Operation
	if class != "" && own == step.Call.Operation.MayFail(class) {
		return reply{fails: class, message: "as it was recorded", candidates: p.candidates(place, class)}, true
	}
	if !own {
		return p.found(step.Call.System, operation)
	}
	for _, s := range p.steps {
		if s.Path == place.Path && s.Generation == place.Generation && s.ErrorClass == "" {
			return reply{value: s.value}, true
		}
	}
	for _, s := range p.steps {
		if s.Path == place.Path && s.Generation == place.Generation { // a branch failed, and what is around it took that
			return reply{fails: contracts.Class(s.ErrorClass), message: "as it was recorded"}, true
		}
	}
	if class := p.endedBy(step); class != "" {
		return reply{fails: class, message: "as it was recorded", candidates: p.candidates(place, class)}, true
	}
	return reply{}, false
}

// endedBy is the class of an error of which the record tells nothing, because what stands in for the step ends the case:
// the only one of which that can be said.
func (p *past) endedBy(step *usecases.Step) contracts.Class {
	var found []contracts.Class
	for _, handler := range step.OnError {
		if n := len(handler.Steps); n > 0 && handler.Steps[n-1].End != nil {
			found = append(found, handler.Class)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// ranReply is what came of something that a step had run, the first time that it is come to first.
func (p *past) ranReply(name string) (made reply, after time.Duration, known bool) {
	for _, s := range p.steps {
		step := stepOf(p.plan, s.Path)
		if step == nil || step.Run == nil || step.Run.Name() != name {
			continue
		}
		if troubles := p.troubles[s.Path]; p.replies[s.Path] < len(troubles) {
			p.replies[s.Path]++
			return troubles[p.replies[s.Path]-1], 0, true
		}
		at := fmt.Sprintf("%s~%d", s.Path, s.Generation)
		if p.ran[at] || s.ErrorClass != "" {
			continue
		}
		p.ran[at] = true
		if class := p.failed(activities.Place{Path: s.Path, Generation: s.Generation}, step); class != "" {
			return reply{fails: class, message: "as it was recorded"}, 0, true
		}
		return reply{value: s.value}, s.FinishedAt.Sub(s.StartedAt).Round(time.Second), true
	}
	p.plan.Walk(func(step *usecases.Step) {
		if class := p.endedBy(step); class != "" && !known && step.Run != nil && step.Run.Name() == name {
			made, known = reply{fails: class, message: "as it was recorded"}, true
		}
	})
	return made, 0, known
}

// failed is the class of the error that stand-ins of the step took.
func (p *past) failed(place activities.Place, step *usecases.Step) contracts.Class {
	missing := false
	for _, s := range p.steps {
		if s.Generation != place.Generation {
			continue
		}
		if rest, ok := strings.CutPrefix(s.Path, place.Path+".on_error."); ok {
			class, _, _ := strings.Cut(rest, "[")
			return contracts.Class(class)
		}
		missing = missing || s.Path == place.Path && s.value.IsMissing()
	}
	for _, handler := range step.OnError {
		if missing && len(handler.Steps) == 0 {
			return handler.Class // whichever it was: nothing stands in for it
		}
	}
	return ""
}

func (p *past) candidates(place activities.Place, class contracts.Class) rules.Value {
	if class != contracts.NotUnique {
		return rules.Value{}
	}
	for path, list := range p.choices {
		if strings.HasPrefix(path, place.Path+".on_error.") {
			return list
		}
	}
	return rules.List()
}

// found is what an operation answered that was looked in for a link: the record that the link leads to.
func (p *past) found(system string, operation *contracts.Operation) (reply, bool) {
	if operation.Record == nil {
		return reply{}, false
	}
	_, kind, _ := strings.Cut(operation.Record.Name, ".")
	for _, mine := range []bool{true, false} {
		for _, link := range p.links {
			for _, ref := range []store.Ref{link.Left, link.Right} {
				if ref.System == system && ref.Kind == kind && link.State == store.LinkActive && (!mine || link.CaseID == p.of.ID) && p.knows(link, ref) {
					return reply{value: filled(operation.Output, ref.ID)}, true
				}
			}
		}
	}
	return reply{}, false
}

// knows says whether the other end of a link is a record of this case.
func (p *past) knows(link store.Link, end store.Ref) bool {
	other := link.Left
	if other == end {
		other = link.Right
	}
	return slices.ContainsFunc(p.steps, func(s pastStep) bool { return mentions(s.value, other) })
}

func mentions(v rules.Value, ref store.Ref) bool {
	if v.Kind() == rules.KindRecord && v.Get("id").Text() == ref.ID && v.Get("system").Text() == ref.System {
		return true
	}
	if v.Kind() != rules.KindRecord && v.Kind() != rules.KindList {
		return false
	}
	return slices.ContainsFunc(v.Items(), func(item rules.Value) bool { return mentions(item, ref) })
}

// filled is a record of which only the id is known; what else must be there is made up.
func filled(t *rules.Type, id string) rules.Value {
	fields := map[string]rules.Value{}
	for _, field := range t.Fields {
		switch {
		case t.Record != "" && field.Name == "system": // the runtime writes it
		case field.Name == "id":
			fields["id"] = rules.Text(id)
		case field.Required && len(field.Type.Enum) > 0:
			fields[field.Name] = field.Type.Enum[0]
		case field.Required && field.Type.Kind == rules.KindText:
			fields[field.Name] = rules.Text("unknown")
		}
	}
	return rules.Record(fields)
}
