package usecases

import (
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// TaskRef is the kind of record that an ask may be mirrored by.
const TaskRef = "support.task"

// ask checks a task for a person and gives the type of the answer.
func (c *checker) ask(step *Step, node *source.Node, names *scope) *rules.Type {
	fields := node.Map("what", "queue", "role", "who", "from", "task", "show", "outcomes", "form", "within", "calendar", "on_timeout", "title")
	ask := &Ask{}
	step.Ask = ask
	node.KeyNode("title").Errorf("write it beside ask:, as in - {title: …, ask: {…}}", "the title belongs to the step")
	ask.What = AskKind(node.Required("what", "say what the person does: complete, approve, choose or answer").
		OneOf(string(Complete), string(Approve), string(ChooseOne), string(Answer)))
	ask.Assignee = c.assignee(node, fields, names)
	if task := fields["task"]; task.Exists() {
		ask.Task = c.template(task, names, rules.RefTo(TaskRef).AsOptional())
	}
	if show := fields["show"]; show.Exists() {
		ask.Show = c.template(show, names, nil)
	}
	ask.Within, ask.Calendar = c.period(fields["within"], fields["calendar"])
	if late := fields["on_timeout"]; late.Exists() {
		if !fields["within"].Exists() {
			late.Errorf("add within: with the time that the person has", "without a time limit nobody can be late")
		}
		escalation := c.assignee(late, late.Map("queue", "role", "who"), names)
		ask.OnTimeout = &escalation
	}
	for key, kind := range map[string]AskKind{"from": ChooseOne, "outcomes": Complete, "form": Answer} {
		if ask.What != "" && ask.What != kind {
			node.KeyNode(key).Errorf("", "%q belongs to what: %s", key, kind)
		}
	}
	return c.answer(ask, node, fields, names)
}

// answer finds the type of what the person gives back.
func (c *checker) answer(ask *Ask, node *source.Node, fields map[string]*source.Node, names *scope) *rules.Type {
	text := rules.TypeOf(rules.KindText)
	given := []rules.Field{
		{Name: "by", Type: text, Required: true},
		{Name: "at", Type: rules.TypeOf(rules.KindInstant), Required: true},
	}
	switch ask.What {
	case Complete:
		for _, item := range fields["outcomes"].List() {
			if contains(ask.Outcomes, item.Text()) {
				item.Errorf("remove one of them", "%q is there twice", item.Text())
			}
			ask.Outcomes = append(ask.Outcomes, item.Text())
		}
		if len(ask.Outcomes) == 0 {
			ask.Outcomes = []string{"done"}
		}
		return rules.RecordType(append([]rules.Field{
			{Name: "outcome", Type: rules.EnumOf(ask.Outcomes...), Required: true},
			{Name: "note", Type: text},
			{Name: "in_system", Type: rules.TypeOf(rules.KindBool), Required: true},
		}, given...)...)
	case Approve:
		return rules.RecordType(append([]rules.Field{
			{Name: "approved", Type: rules.TypeOf(rules.KindBool), Required: true},
			{Name: "reason", Type: text},
		}, given...)...)
	case ChooseOne:
		from := node.Required("from", "say what to choose from, as in from: '${error.candidates}'")
		if !from.Exists() {
			return nil
		}
		ask.From = c.template(from, names, rules.TypeOf(rules.KindList))
		if t := ask.From.Type(); t.Kind == rules.KindList && t.Items != nil {
			return t.Items.AsPresent()
		}
		return nil
	case Answer:
		form := node.Required("form", "say what is asked for, as in form: {reason: {type: string, required: true}}")
		ask.Form = rules.ParseFields(form)
		return ask.Form
	}
	return nil
}

// assignee checks who gets the task. At least one of the three must be certain, or the task could be nobody's.
func (c *checker) assignee(node *source.Node, fields map[string]*source.Node, names *scope) Assignee {
	if node.Kind() != source.Map {
		return Assignee{}
	}
	var to Assignee
	certain, any := false, false
	for _, part := range []struct {
		key  string
		into **rules.Template
	}{{"queue", &to.Queue}, {"role", &to.Role}, {"who", &to.Who}} {
		if value := fields[part.key]; value.Exists() {
			*part.into = c.template(value, names, rules.TypeOf(rules.KindText).AsOptional())
			c.somebody(value, *part.into, part.key)
			any, certain = true, certain || !(*part.into).Type().Optional
		}
	}
	switch {
	case !any:
		node.Errorf("add queue: with the name of a queue, role: or who:", "nobody is asked")
	case !certain && !c.unsure: // with an unknown type, what was reported already says why
		node.Errorf("add a queue: that is always there", "it may be that nobody is asked")
	}
	return to
}

// somebody finds queues and roles that nobody has: their tasks would wait for ever. What an expression gives
// is known if its type lists the values.
func (c *checker) somebody(node *source.Node, t *rules.Template, key string) {
	known := map[string][]string{"queue": c.env.Queues, "role": c.env.Roles}[key]
	if known == nil {
		return
	}
	nobody := map[string]string{"queue": "there is no queue", "role": "nobody has the role"}[key]
	text, _ := node.Literal()
	if !strings.Contains(text, "${") {
		if text != "" && !contains(known, text) {
			node.Errorf(source.DidYouMean(text, known), "%s %q", nobody, text)
		}
		return
	}
	for _, value := range t.Type().Enum {
		if !contains(known, value.Text()) {
			node.Errorf(source.DidYouMean(value.Text(), known), "%s %q, which this may be", nobody, value.Text())
		}
	}
}
