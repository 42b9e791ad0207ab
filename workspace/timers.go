package workspace

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Timer is something that is done again and again: one entry under schedules or pollers, or a robot's canary.
type Timer struct {
	Name  string
	Title string
	Cron  string        // minute, hour, day, month, day of the week; or
	Every time.Duration // so often
	// Calendar gives the zone of a schedule; nil: UTC.
	Calendar    *rules.Calendar
	WorkingDays bool // only on days on which the calendar has work
	Poll        *Poll
	Does        Does
	Canary      *CanaryOf // nil: it is none

	node *source.Node
}

// Poll is the read operation that a poller calls. Its items are what the timer does something with.
type Poll struct {
	System    string
	Operation *contracts.Operation
	With      *rules.Template // over cursor
	Items     *rules.Template // a list, over result
	ID        *rules.Template // a text, over item and result: what came before is not done again
	Cursor    *rules.Template // a text, over item and result: with what the next call goes on; nil: there is none
	CursorOf  string          // what a cursor is one of: one of another call, or of another field, says nothing here
}

// Does is what happens: a use case is started or an event told.
type Does struct {
	Starts string
	Event  string
	Key    *rules.Template // of the event
	With   *rules.Template // the use case's input, or what the event tells
	Input  *rules.Type
}

// Kind is how the timer is called for people: schedule, poller or canary.
func (t *Timer) Kind() string {
	if t.Canary != nil {
		return "canary"
	}
	if t.Poll != nil {
		return "poller"
	}
	return "schedule"
}

// Zone is where the timer's clock hangs.
func (t *Timer) Zone() *time.Location {
	if t.Calendar == nil {
		return time.UTC
	}
	return t.Calendar.Zone
}

// Spec says when the timer runs, for people.
func (t *Timer) Spec() string {
	if t.Cron == "" {
		return "every " + rules.Duration(t.Every).String()
	}
	return t.Cron + " " + t.Zone().String()
}

// minEvery is the shortest time between two runs: a timer is no loop.
const minEvery = time.Second

// timers reads schedules and pollers as far as that can be done without the use cases.
func (c *Config) timers(schedules, pollers *source.Node) {
	for _, name := range keysOf(schedules) {
		checkPlain(schedules.KeyNode(name), "schedule")
		t := &Timer{Name: name, node: schedules.Get(name)}
		fields := t.node.Fields(scheduleShape)
		t.Title = cmp.Or(fields["title"].Text(), name)
		c.when(t, fields)
		t.Does.read(t.node, fields)
		c.Timers = append(c.Timers, t)
	}
	for _, name := range keysOf(pollers) {
		checkPlain(pollers.KeyNode(name), "poller")
		if schedules.Get(name).Exists() {
			pollers.KeyNode(name).Errorf("give one of them another name", "there is a schedule with the name %s", name)
		}
		t := &Timer{Name: name, node: pollers.Get(name), Poll: &Poll{}}
		fields := t.node.Fields(pollerShape)
		t.Title = cmp.Or(fields["title"].Text(), name)
		t.Every = every(t.node.Required("every", "say how often, as in every: 5 minutes"))
		if each := t.node.Required("each", "say what is done with each item, as in each: {starts: …, with: {…}}"); each.Exists() {
			t.Does.read(each, each.Fields(eachShape))
		}
		c.Timers = append(c.Timers, t)
	}
}

func every(node *source.Node) time.Duration {
	d := node.Duration()
	if node.Exists() && d > 0 && d < minEvery {
		node.Errorf("", "at most once in a second")
	}
	return d
}

// cronField is one of the five fields of a cron line: names of days and months are allowed, macros are not.
var cronField = regexp.MustCompile(`^[0-9A-Za-z*/,-]+$`)

func (c *Config) when(t *Timer, fields map[string]*source.Node) {
	cron := fields["cron"]
	switch {
	case cron.Exists() == fields["every"].Exists() && t.node.Kind() == source.Map:
		t.node.Errorf("write cron: '0 7 * * Mon' or every: 15 minutes", "a schedule needs one of cron and every")
	case cron.Exists():
		t.Cron = strings.Join(strings.Fields(cron.Text()), " ")
		parts := strings.Fields(t.Cron)
		wrong := len(parts) != 5
		for _, part := range parts {
			wrong = wrong || !cronField.MatchString(part)
		}
		if wrong {
			cron.Errorf("write minute, hour, day, month and day of the week, as in '0 7 * * Mon-Fri'", "%q is not a cron line", t.Cron)
		}
	default:
		t.Every = every(fields["every"])
	}
	calendar := fields["calendar"]
	if calendar.Exists() {
		if t.Calendar = c.Calendars[calendar.Text()]; t.Calendar == nil {
			calendar.Errorf(source.DidYouMean(calendar.Text(), sortedKeys(c.Calendars)), "there is no calendar %q", calendar.Text())
		}
	}
	if day, left := leftOut(t.Cron, t.Zone(), time.Now()); left {
		cron.Warnf("choose another time, or leave out calendar: for the clock of UTC", "in %s clocks are put forward over this time: it does not run then, next on %s", t.Zone(), day.Format(time.DateOnly))
	}
	if t.WorkingDays = fields["working_days"].Bool(); t.WorkingDays && !calendar.Exists() {
		fields["working_days"].Errorf("add calendar:", "working days are those of a calendar")
	}
}

// leftOut is the next day of the year ahead on which clocks jump over a time of a cron line. Temporal leaves such a run out where
// the hour is another one then.
func leftOut(cron string, zone *time.Location, now time.Time) (day time.Time, left bool) {
	parts := strings.Fields(cron)
	if len(parts) < 2 {
		return day, false
	}
	year, month, today := now.In(zone).Date()
	for ahead := range 366 {
		for _, h := range strings.Split(parts[1], ",") {
			for _, m := range strings.Split(parts[0], ",") {
				hour, err := strconv.Atoi(h)
				minute, wrong := strconv.Atoi(m)
				if err != nil || wrong != nil || hour > 23 || minute > 59 {
					continue // of what is done in each hour or minute, one time more or less is nothing
				}
				if at := time.Date(year, month, today+ahead, hour, minute, 0, 0, zone); at.Hour() != hour {
					return at, true
				}
			}
		}
	}
	return day, false
}

// read reads what happens; exactly one of starts and event.
func (d *Does) read(node *source.Node, fields map[string]*source.Node) {
	switch starts, event := fields["starts"], fields["event"]; {
	case starts.Exists() == event.Exists() && node.Kind() == source.Map:
		node.Errorf("write starts: with a use case or event: with the name of an event", "it needs one of starts and event")
	default:
		d.Starts, d.Event = starts.Text(), event.Text()
	}
	if d.Event == "" {
		node.KeyNode("key").Errorf("remove it", "%q is for events", "key")
	}
}

// check compiles what happens.
func (d *Does) check(node *source.Node, what string, env *rules.Environment, options rules.Options, known Known) {
	switch {
	case d.Starts != "":
		d.With, d.Input = checkStart(node, env, options, known)
	case d.Event != "":
		d.With, d.Input, d.Key = checkEvent(node, what, env, options, known)
	}
}

// ScheduleType is the type of schedule in the expressions of a schedule.
func ScheduleType() *rules.Type {
	return rules.RecordType(
		rules.Field{Name: "name", Type: rules.TypeOf(rules.KindText), Required: true},
		rules.Field{Name: "at", Type: rules.TypeOf(rules.KindInstant), Required: true},
		rules.Field{Name: "date", Type: rules.TypeOf(rules.KindDate), Required: true},
	)
}

// checkTimers compiles schedules and pollers.
func (c *Config) checkTimers(known Known) {
	for _, t := range c.Timers {
		if t.Poll != nil {
			c.checkPoll(t, known)
			continue
		}
		t.Does.check(t.node, "day", rules.NewEnvironment(nil).With("schedule", ScheduleType()), rules.Options{}, known)
	}
}

func (c *Config) checkPoll(t *Timer, known Known) {
	call := t.node.Required("call", "say what is read, as in call: warehouse.list_returns")
	if !call.Exists() || !c.operation(t.Poll, call) {
		return
	}
	text := rules.TypeOf(rules.KindText)
	cursor := rules.NewEnvironment(nil).With("cursor", text.AsOptional())
	with := t.node.Get("with")
	if !with.Exists() {
		with = source.Parse(call.File(), []byte("{}")).Root
		if anyRequired(t.Poll.Operation.Input) {
			call.Errorf("add with: {since: '${cursor ?? \"\"}'}", "%s needs %s", call.Text(), strings.Join(t.Poll.Operation.Input.FieldNames(), ", "))
			return
		}
	}
	t.Poll.With = rules.CompileTemplate(with, cursor, t.Poll.Operation.Input, rules.Options{})
	env := rules.NewEnvironment(nil).With("result", t.Poll.Operation.Output)
	item := rules.TypeOf(rules.KindAny)
	if items := t.node.Required("items", "say where the items are, as in items: '${result.returns}'"); items.Exists() {
		t.Poll.Items = rules.CompileTemplate(items, env, rules.TypeOf(rules.KindList).AsOptional(), rules.Options{})
		if list := t.Poll.Items.Type(); list.Kind == rules.KindList && list.Items != nil {
			item = list.Items
		}
	}
	env = env.With("item", item)
	if id := t.node.Required("id", "say what tells two items apart, as in id: '${item.number}'"); id.Exists() {
		t.Poll.ID = rules.CompileTemplate(id, env, text, rules.Options{})
	}
	if next := t.node.Get("cursor"); next.Exists() {
		t.Poll.Cursor = rules.CompileTemplate(next, env, text.AsOptional(), rules.Options{})
		t.Poll.CursorOf = call.Text() + " " + next.Text()
	}
	t.Does.check(t.node.Get("each"), "item", env, rules.Options{}, known)
}

// operation finds the read operation that a poller calls.
func (c *Config) operation(p *Poll, call *source.Node) bool {
	name, short, _ := strings.Cut(call.Text(), ".")
	system := c.System(name)
	switch {
	case system == nil:
		call.Errorf(source.DidYouMean(name, c.systemNames()), "there is no system %q", name)
	case system.Contract == nil: // that was said
	case system.Contract.Operation(short) == nil:
		call.Errorf(source.DidYouMean(short, system.Contract.OperationNames()), "the system %q (contract %s) has no operation %q", name, system.Contract.Name, short)
	case system.Contract.Operation(short).Effect != contracts.Read:
		call.Errorf("name an operation that reads", "%s changes something, and a poller only looks", call.Text())
	default:
		p.System, p.Operation = name, system.Contract.Operation(short)
		return true
	}
	return false
}

// checkPollers finds pollers that no API serves.
func (w *Workspace) checkPollers() {
	for _, t := range w.Config.Timers {
		if t.Poll == nil || t.Poll.Operation == nil {
			continue
		}
		served := false
		for _, route := range w.Routes(t.Poll.System, t.Poll.Operation.Short) {
			served = served || route.Adapter != nil || route.Driver.Kind == ByDesk
		}
		if system := w.Config.System(t.Poll.System); !served && !system.Off {
			t.node.Get("call").Errorf("people and robots are not polled: add an adapter that does it", "no adapter of the system %s carries out %s", t.Poll.System, t.Poll.Operation.Short)
		}
	}
}

// CompileTimers compiles schedules and pollers against what the use cases in force take.
func (r *Reach) CompileTimers(known Known) ([]*Timer, error) {
	fresh := parseConfig([]byte(r.texts[configFile]), r.Config.base, r.Contracts)
	fresh.checkTimers(known)
	for _, t := range fresh.Timers {
		if name := t.node.Get("calendar").Text(); name != "" {
			t.Calendar = r.Config.Calendars[name] // with its holidays
		}
	}
	if err := fresh.doc.Problems().Err(); err != nil {
		return nil, fmt.Errorf("workspace: schedules and pollers do not fit the use cases in force: %w", err)
	}
	return fresh.Timers, nil
}
