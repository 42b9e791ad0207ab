package usecases

import (
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// Wait keeps the case waiting: for a time, until an instant, or for an event. Exactly one of For, Length, Until and
// Event is set.
type Wait struct {
	For    rules.Period    // plain or working time
	Length *rules.Template // a duration
	Until  *rules.Template // a date or an instant
	// Calendar is the calendar of working time and of dates; "" for the only one that there is.
	Calendar string

	Event     string          // the name of an event that the use case declares
	Key       *rules.Template // a text: only an event with the same key is meant
	Payload   *rules.Type     // of the event
	Within    rules.Period    // zero: for as long as it takes
	OnTimeout []*Step         // stand in for the event if it does not come in time
}

// Kind says what is waited for: time or event.
func (w *Wait) Kind() string {
	if w.Event != "" {
		return "event"
	}
	return "time"
}

// wait checks a wait. Its result is the payload of the event, or the instant until which it waited.
func (c *checker) wait(step *Step, node *source.Node, names *scope, at place) *rules.Type {
	fields := node.Fields(waitShape)
	step.Wait = &Wait{}
	if at.joined {
		node.Errorf("let the use case itself wait, under steps:", "a message is worked through at once: nothing under joined: can wait")
	}
	chosen := ""
	for _, kind := range []string{"for", "until", "event"} {
		if !fields[kind].Exists() {
			continue
		}
		if chosen != "" {
			node.KeyNode(kind).Errorf("make two steps of it", "a wait has one end, and this one has %q and %q", chosen, kind)
			return nil
		}
		chosen = kind
	}
	if chosen != "event" {
		for _, key := range []string{"key", "within", "on_timeout"} {
			node.KeyNode(key).Errorf("", "%q belongs to waiting for an event", key)
		}
	}
	switch chosen {
	case "for":
		c.waitFor(step.Wait, fields, names)
	case "until":
		c.waitUntil(step.Wait, fields, names)
	case "event":
		return c.waitEvent(step, node, fields, names, at)
	default:
		if node.Kind() == source.Map {
			node.Errorf("write for: 3 days, until: '${…}' or event: with a name", "the wait does not say for what")
		}
		return nil
	}
	return rules.TypeOf(rules.KindInstant)
}

func (c *checker) waitFor(wait *Wait, fields map[string]*source.Node, names *scope) {
	if text, _ := fields["for"].Literal(); strings.Contains(text, "${") {
		wait.Length = c.template(fields["for"], names, rules.TypeOf(rules.KindDuration))
		fields["calendar"].Errorf("remove it", "an expression gives plain time, which needs no calendar")
		return
	}
	wait.For, wait.Calendar = c.period(fields["for"], fields["calendar"])
}

func (c *checker) waitUntil(wait *Wait, fields map[string]*source.Node, names *scope) {
	until := fields["until"]
	wait.Calendar = c.calendar(fields["calendar"])
	text, _ := until.Literal()
	if !strings.Contains(text, "${") {
		kind := rules.KindInstant
		if _, err := rules.ParseDate(text); err == nil {
			kind = rules.KindDate
		}
		wait.Until = c.template(until, names, rules.TypeOf(kind))
		return
	}
	wait.Until = c.template(until, names, nil)
	switch t := wait.Until.Type(); {
	case c.unsure || t.Kind == rules.KindAny:
	case t.Optional || t.Kind == rules.KindMissing:
		until.Errorf("write a ?? b, or give the step a when:", "it may be missing until when to wait")
	case t.Kind != rules.KindDate && t.Kind != rules.KindInstant:
		until.Errorf("as in until: '${input.due_on}'", "expected a date or a date-time, found %s", t)
	}
}

func (c *checker) waitEvent(step *Step, node *source.Node, fields map[string]*source.Node, names *scope, at place) *rules.Type {
	wait, event := step.Wait, fields["event"]
	wait.Event = event.Text()
	declared, known := c.plan.Events[wait.Event]
	if !known && wait.Event != "" {
		hint := source.DidYouMean(wait.Event, sortedKeys(c.plan.Events))
		if len(c.plan.Events) == 0 {
			hint = "declare it at the top of the file: events: {" + wait.Event + ": {what: string}}"
		}
		event.Errorf(hint, "the use case declares no event %q", wait.Event)
	}
	c.awaited[wait.Event] = true
	wait.Payload = declared
	if key := node.Required("key", "say which event is meant, as in key: '${order.number}'"); key.Exists() {
		wait.Key = c.template(key, names, rules.TypeOf(rules.KindText))
	}
	wait.Within, wait.Calendar = c.period(fields["within"], fields["calendar"])
	late := fields["on_timeout"]
	if !fields["within"].Exists() {
		late.Errorf("add within: with the time that the event has", "without a time limit nothing is late")
		return declared
	}
	if declared == nil {
		return nil
	}
	if late.Kind() != source.List || len(late.List()) == 0 {
		if late.Exists() && late.Kind() != source.List {
			late.Errorf("", "expected a list of steps")
		}
		return declared.AsOptional()
	}
	list := c.steps(late, names.child(), at.under(step.Path+".on_timeout").numbered())
	wait.OnTimeout = list.steps
	if list.last != nil {
		list.last.useWhole()
	}
	if list.ends {
		return declared
	}
	c.sameKind(declared, list.result, late, "the event gives")
	return joinResults(declared, list.result)
}

// events reads the declarations of events: names with the fields of what each tells.
func (c *checker) events(node *source.Node) {
	c.plan.Events, c.awaited = map[string]*rules.Type{}, map[string]bool{}
	if !node.Exists() {
		return
	}
	node.Map()
	for _, name := range node.Keys() {
		if !useCaseName.MatchString(name) || len(name) > 60 {
			node.KeyNode(name).Errorf("use small letters, digits and single hyphens, beginning with a letter, at most 60", "%q is not a name for an event", name)
		}
		fields := node.Get(name)
		if fields.Kind() == source.Null {
			fields = nil // it tells nothing but that it happened
		}
		c.plan.Events[name] = rules.ParseFields(fields)
	}
}

// unheard warns about events that are declared and never waited for.
func (c *checker) unheard(node *source.Node) {
	if c.doc.Problems().Err() != nil {
		return
	}
	for _, name := range node.Keys() {
		if !c.awaited[name] {
			node.KeyNode(name).Warnf("add a step with wait: {event: "+name+", key: '${…}'}, or remove it", "nothing waits for the event %s", name)
		}
	}
}

// period reads plain or working time, and the calendar that working time needs.
func (c *checker) period(node, calendar *source.Node) (rules.Period, string) {
	text := plain(node)
	if !workingTime.MatchString(text) {
		calendar.Errorf("remove it, or write for example 2 business days", "only working time needs a calendar")
		return rules.Period{Time: c.duration(node)}, ""
	}
	period, ok := rules.ParseWorking(text)
	if !ok {
		node.Errorf("write for example 2 business days, 4 business hours or 30 business minutes", "%q is no working time", text)
	}
	return period, c.calendarFor(node, calendar)
}

// calendarFor is the calendar of working time: the one that is named, or the only one.
func (c *checker) calendarFor(node, calendar *source.Node) string {
	switch {
	case calendar.Exists():
		return c.calendar(calendar)
	case c.env.Calendars != nil && len(c.env.Calendars) == 0:
		node.Errorf("add calendars: {office: {zone: Europe/Berlin, hours: 'Mon-Fri 09:00-17:00'}} to crosswalk.yaml", "working time needs a calendar, and there is none")
	case len(c.env.Calendars) > 1:
		node.Errorf("add calendar: with one of "+strings.Join(c.env.Calendars, ", "), "there are several calendars")
	}
	return ""
}

func (c *checker) calendar(node *source.Node) string {
	name := node.Text()
	if c.env.Calendars != nil && name != "" && !contains(c.env.Calendars, name) {
		node.Errorf(source.DidYouMean(name, c.env.Calendars), "there is no calendar %q in crosswalk.yaml", name)
	}
	return name
}
