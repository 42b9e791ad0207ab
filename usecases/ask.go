package usecases

import (
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// TaskRef is the kind of record that an ask may be mirrored by.
const TaskRef = "support.task"

// ask checks a task for a person and gives the type of the answer.
func (c *checker) ask(step *Step, node *source.Node, names *scope) *rules.Type {
	fields := node.Fields(askShape)
	ask := &Ask{}
	step.Ask = ask
	node.KeyNode("title").Errorf("write it beside ask:, as in - {title: …, ask: {…}}", "the title belongs to the step")
	ask.What = AskKind(node.Required("what", "say what the person does: complete, approve, choose or answer").
		OneOf(string(Complete), string(Approve), string(ChooseOne), string(Answer)))
	if approvers := fields["approvers"]; approvers.Exists() {
		c.approvers(ask, node, approvers, names)
	} else {
		ask.Assignee = c.assignee(node, fields, names)
	}
	if task := fields["task"]; task.Exists() {
		ask.Task = c.template(task, names, rules.RefTo(TaskRef).AsOptional())
	}
	if show := fields["show"]; show.Exists() {
		ask.Show = c.template(show, names, nil)
	}
	c.deadline(ask, fields, names)
	for key, kind := range map[string]AskKind{"from": ChooseOne, "outcomes": Complete, "form": Answer} {
		if ask.What != "" && ask.What != kind {
			node.KeyNode(key).Errorf("", "%q belongs to what: %s", key, kind)
		}
	}
	return c.answer(ask, node, fields, names)
}

// maxApprovers is the most seats that an approval may have.
const maxApprovers = 20

// approvers reads who must approve: one of each of several roles, or several people of one role.
func (c *checker) approvers(ask *Ask, owner, node *source.Node, names *scope) {
	for _, key := range []string{"queue", "role", "who"} {
		owner.KeyNode(key).Errorf("say it under approvers: alone", "%q and approvers exclude each other", key)
	}
	if ask.What != Approve && ask.What != "" {
		owner.KeyNode("approvers").Errorf("", "approvers belongs to what: approve")
	}
	fields := node.Fields(approversShape)
	all, role, count := fields["all"], fields["role"], fields["count"]
	seat := func(value *source.Node) {
		to := Assignee{Role: c.template(value, names, rules.TypeOf(rules.KindText))}
		c.somebody(value, to.Role, "role")
		ask.Approvers = append(ask.Approvers, to)
	}
	switch {
	case all.Exists() && (role.Exists() || count.Exists()):
		node.Errorf("write all: [role, role], or role: with count:", "the approvers are either one of each role or several of one role")
	case all.Exists():
		for _, value := range all.List() {
			seat(value)
		}
	case role.Exists():
		for range min(max(c.count(node), 0), maxApprovers) {
			seat(role)
		}
	case node.Kind() == source.Map:
		node.Errorf("write all: [finance, legal], or {role: lead, count: 2}", "nobody is to approve")
	}
	if len(ask.Approvers) == 0 && all.Kind() == source.List {
		all.Errorf("as in all: [finance, legal]", "nobody is to approve")
	}
	if len(ask.Approvers) > maxApprovers {
		node.Errorf("", "at most %d people can be asked to approve", maxApprovers)
	}
}

// count reads how many people of a role must approve.
func (c *checker) count(node *source.Node) int {
	count := node.Required("count", "say how many people of the role must approve, as in count: 2")
	n := count.Int()
	if count.Exists() && (n < 2 || n > maxApprovers) {
		count.Errorf("for one person write role: without approvers:", "expected a number of people from 2 to %d", maxApprovers)
	}
	return n
}

// deadline reads when the task is due, when people are reminded of it, and who gets it when it is late.
func (c *checker) deadline(ask *Ask, fields map[string]*source.Node, names *scope) {
	calendar, late := fields["calendar"], fields["on_timeout"]
	working := false // something needs the calendar
	period := func(node *source.Node) rules.Period {
		if !workingTime.MatchString(plain(node)) {
			return rules.Period{Time: c.duration(node)}
		}
		working = true
		p, named := c.period(node, calendar)
		ask.Calendar = named
		return p
	}
	ask.Within = period(fields["within"])
	if remind := fields["remind"]; remind.Kind() == source.Scalar {
		ask.Remind = []rules.Period{period(remind)}
	} else {
		for _, node := range remind.List() {
			ask.Remind = append(ask.Remind, period(node))
		}
	}
	if late.Exists() && !fields["within"].Exists() {
		late.Errorf("add within: with the time that the person has", "without a time limit nobody can be late")
	}
	steps := []*source.Node{late}
	if late.Kind() == source.List {
		steps = late.List()
	}
	for i, node := range steps {
		if !node.Exists() {
			continue
		}
		to := node.Fields(lateShape)
		next := Escalation{To: c.assignee(node, to, names), Within: period(to["within"])}
		if next.Within.IsZero() && i+1 < len(steps) {
			node.Errorf("add within: with the time that the person has, or leave out the next", "the next one never gets the task")
		}
		ask.OnTimeout = append(ask.OnTimeout, next)
	}
	if !working {
		calendar.Errorf("remove it, or write for example within: 2 business days", "only working time needs a calendar")
	}
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
		vote := append([]rules.Field{
			{Name: "approved", Type: rules.TypeOf(rules.KindBool), Required: true},
			{Name: "reason", Type: text},
		}, given...)
		if len(ask.Approvers) == 0 {
			return rules.RecordType(vote...)
		}
		votes := rules.ListOf(rules.RecordType(append(slices.Clone(vote), rules.Field{Name: "role", Type: text, Required: true})...))
		return rules.RecordType(append(vote, rules.Field{Name: "votes", Type: votes, Required: true})...)
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
