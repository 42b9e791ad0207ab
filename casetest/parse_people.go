package casetest

import (
	"slices"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/usecases"
)

// taskKinds are the kinds of tasks that people get.
var taskKinds = []string{string(usecases.Complete), string(usecases.Approve), string(usecases.ChooseOne), string(usecases.Answer), activities.KindRepair, activities.KindConfirm}

var acts = []string{activities.ActRetry, activities.ActAnswer, activities.ActSkip, activities.ActCancel, activities.ActDone, activities.ActNotDone,
	activities.ActVoid, activities.ActFail, activities.ActRedo}

// mostAnswers is how often somebody answers: one who has a step tried again for ever would never let the test end.
const mostAnswers = 1000

// person reads who answers which task, when, and with what.
func (r *reader) person(n *source.Node) *person {
	p := &person{at: n, times: 1}
	fields := n.Fields(personShape)
	if n.Kind() != source.Map {
		return p
	}
	if step := fields["step"]; step.Exists() {
		p.step = r.step(step)
	}
	p.task = fields["task"].OneOf(taskKinds...)
	p.queue, p.role, p.by = fields["queue"].Text(), fields["role"].Text(), fields["by"].Text()
	p.after = fields["after"].Duration()
	if times := fields["times"]; times.Exists() {
		if p.times = count(times); p.times > mostAnswers {
			times.Errorf("", "at most %d tasks are answered so", mostAnswers)
		}
	}
	n.Required("answer", "say what is answered, as in answer: {outcome: accepted}")
	if answer := fields["answer"]; answer.Exists() {
		r.given(p, answer)
	}
	return p
}

// given reads an answer in the form that all answers of people have.
func (r *reader) given(p *person, n *source.Node) {
	fields := n.Fields(givenShape)
	if n.Kind() != source.Map {
		return
	}
	made := map[string]rules.Value{}
	for _, key := range []string{"outcome", "note", "reason"} {
		if fields[key].Exists() {
			made[key] = rules.Text(fields[key].Text())
		}
	}
	for _, key := range []string{"in_system", "approved"} {
		if fields[key].Exists() {
			made[key] = rules.Bool(fields[key].Bool())
		}
	}
	if index := fields["index"]; index.Exists() {
		made["index"] = rules.Number(rules.Int(int64(index.Int())))
	}
	if act := fields["act"]; act.Exists() {
		made["act"] = rules.Text(act.OneOf(acts...))
	}
	if class := fields["class"]; class.Exists() {
		made["class"] = rules.Text(class.OneOf(contracts.ClassNames()...))
	}
	r.chosen(p, fields, made)
	r.redone(fields, made)
	if value := fields["value"]; value.Exists() {
		made["value"] = r.literal(value, valueType(p.step))
	}
	p.gives = rules.Record(made)
	r.suitable(p, n, fields)
}

// chosen reads the choice: by what the item holds. It is compared with the items when the task is there.
func (r *reader) chosen(p *person, fields map[string]*source.Node, made map[string]rules.Value) {
	choose := fields["choose"]
	if !choose.Exists() {
		return
	}
	if fields["index"].Exists() {
		choose.Errorf("keep one of them", "the item is chosen by what it holds or by its index, not both")
	}
	var item *rules.Type
	if p.step != nil && p.step.Ask != nil && p.step.Ask.From != nil && p.step.Ask.From.Type() != nil {
		item = p.step.Ask.From.Type().Items
	}
	p.choose = r.expect(choose, item, rules.NewEnvironment(nil))
	made["index"] = rules.Number(rules.Int(-1)) // until it is known
}

// redone reads which step is to be done again, and by what.
func (r *reader) redone(fields map[string]*source.Node, made map[string]rules.Value) {
	step, with := fields["step"], fields["with"]
	var again *usecases.Step
	if step.Exists() {
		if again = r.step(step); again != nil {
			made["step"] = rules.Text(again.ID)
			if again.Correct == nil {
				step.Errorf("a step that people may correct has correct: in the use case", "the result of %s cannot be changed", again.ID)
			}
		}
	}
	if with.Exists() {
		want := rules.TypeOf(rules.KindAny)
		if again != nil && again.Call != nil {
			want = r.types.written(again.Call.Operation.Input)
		}
		made["with"] = r.literal(with, want)
	}
}

// valueType is the type of a value that is given by hand for a step.
func valueType(s *usecases.Step) *rules.Type {
	switch {
	case s == nil:
		return rules.TypeOf(rules.KindAny)
	case s.Ask != nil && s.Ask.Form != nil:
		return s.Ask.Form
	case s.Type != nil:
		return s.Type
	}
	return rules.TypeOf(rules.KindAny)
}

// suitable checks that the answer is one that the task takes, where the step says which task it is.
func (r *reader) suitable(p *person, n *source.Node, fields map[string]*source.Node) {
	if fields["act"].Exists() {
		return
	}
	kind := p.task
	if kind == "" && p.step != nil && p.step.Ask != nil {
		kind = string(p.step.Ask.What)
	}
	switch kind {
	case string(usecases.Complete):
		outcome := n.Required("outcome", "say how the task ended")
		if p.step != nil && p.step.Ask != nil && outcome.Exists() && !slices.Contains(p.step.Ask.Outcomes, outcome.Text()) {
			outcome.Errorf(source.DidYouMean(outcome.Text(), p.step.Ask.Outcomes), "%q is not an outcome of %s", outcome.Text(), p.step.ID)
		}
	case string(usecases.Approve):
		n.Required("approved", "write approved: true or false")
	case string(usecases.ChooseOne):
		if !fields["index"].Exists() {
			n.Required("choose", "say which item, as in choose: {name: Jane Doe}")
		}
	case string(usecases.Answer):
		n.Required("value", "fill in the form")
	case activities.KindRepair, activities.KindConfirm:
		n.Required("act", "say what is done about it, as in act: retry")
	}
	if p.step != nil && p.step.Ask == nil && p.task == "" && len(n.Keys()) > 0 {
		n.Required("act", "the step asks nobody: its tasks are repairs, as in act: retry")
	}
}
