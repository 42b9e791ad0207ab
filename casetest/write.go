package casetest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// writer writes a file of tests, and refuses what would tell whom it is about.
type writer struct {
	strings.Builder
	replacer *replacer
	leaks    []string
}

func (w *writer) line(indent int, format string, args ...any) {
	w.WriteString(strings.Repeat("  ", indent) + fmt.Sprintf(format, args...) + "\n")
}

// write makes the text of a test from a case that was played again.
func (p *past) write(r *replacer, of *world, found *seen) ([]byte, error) {
	w := &writer{replacer: r}
	w.line(0, "# Made of a case of %s. Who it was about is made up; read it before you commit it.", p.of.StartedAt.Format(time.DateOnly))
	w.line(0, "usecase: %s", p.plan.UseCase)
	w.line(0, "tests:")
	w.line(1, "- name: a case of %s, %s", p.of.StartedAt.Format("2 January 2006"), w.scalar(orNone(p.of.Outcome)))
	w.line(2, "at: '%s'", p.of.StartedAt.UTC().Format(time.RFC3339Nano))
	w.line(2, "case: %s", w.fields([]string{"language", p.meta.Language, "channel", p.meta.Channel, "started_by", p.meta.StartedBy}))
	w.line(2, "input: %s", w.value(p.input))
	w.systems(p, of)
	w.runs(of)
	w.people(p)
	w.messages(p)
	w.outside(p)
	w.expect(p, of, found)
	if len(w.leaks) > 0 {
		return nil, refused("something personal would remain in it: %s", strings.Join(w.leaks, ", "))
	}
	return []byte(w.String()), nil
}

func (w *writer) fields(pairs []string) string {
	var parts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			parts = append(parts, pairs[i]+": "+w.scalar(pairs[i+1]))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// systems writes the answers of the systems: one for all calls of an operation where they are alike, else by input.
func (w *writer) systems(p *past, of *world) {
	byName := map[string][]called{}
	for _, call := range of.calls {
		byName[call.name] = append(byName[call.name], call)
	}
	if len(byName) == 0 {
		return
	}
	w.line(2, "systems:")
	for _, name := range sortedKeys(byName) {
		calls := byName[name]
		same := !slices.ContainsFunc(calls, func(c called) bool { return !c.reply.equal(calls[0].reply) })
		w.line(3, "%s:", name)
		for i, call := range calls {
			answer := w.reply(call.reply, p.operation(name))
			switch {
			case same && i == 0:
				w.line(4, "- {%s}", answer)
			case same:
			default:
				w.line(4, "- {with: %s, times: 1, %s}", w.value(call.input), answer)
			}
		}
	}
}

// runs writes what came of everything that steps had run: a test of this case runs nothing else.
func (w *writer) runs(of *world) {
	byName := map[string][]called{}
	for _, run := range of.ranCalls {
		byName[run.name] = append(byName[run.name], run)
	}
	if len(byName) == 0 {
		return
	}
	w.line(2, "runs:")
	for _, name := range sortedKeys(byName) {
		runs := byName[name]
		w.line(3, "%s:", quotedKey(name))
		for _, run := range runs {
			var parts []string
			if len(runs) > 1 {
				parts = append(parts, "with: "+w.value(run.input), "times: 1")
			}
			if run.after > 0 {
				parts = append(parts, fmt.Sprintf("after: %d seconds", int(run.after.Seconds())))
			}
			switch {
			case run.reply.fails != "":
				parts = append(parts, "fails: "+string(run.reply.fails))
			case !run.reply.value.IsMissing():
				parts = append(parts, "gives: "+w.value(run.reply.value))
			}
			w.line(4, "- {%s}", strings.Join(parts, ", "))
		}
	}
}

// outside writes the events that the case took, and that it was cancelled.
func (w *writer) outside(p *past) {
	if len(p.events) > 0 {
		w.line(2, "events:")
	}
	for _, e := range p.events {
		w.line(3, "- {after: %d seconds, event: %s, key: %s, payload: %s}", int(e.after.Seconds()), w.scalar(e.name), w.scalar(e.key), w.value(e.payload))
	}
	if c := p.cancel; c != nil {
		by := ""
		if c.by != "" {
			by = ", by: " + w.scalar(c.by)
		}
		w.line(2, "cancel: {after: %d seconds, undo: %t%s}", int(c.after.Seconds()), c.undo, by)
	}
}

func (p *past) operation(name string) *contracts.Operation {
	system, short, _ := strings.Cut(name, ".")
	return p.plan.Systems[system].Operation(short)
}

func (a reply) equal(b reply) bool {
	return a.fails == b.fails && a.value.Equal(b.value) && a.candidates.Equal(b.candidates)
}

func (w *writer) reply(of reply, operation *contracts.Operation) string {
	if of.fails == "" {
		return "gives: " + w.value(unstamped(operation.Output, of.value))
	}
	text := "fails: " + string(of.fails)
	if of.fails == contracts.NotUnique {
		text += ", candidates: " + w.value(unstamped(rules.ListOf(operation.Output), of.candidates))
	}
	return text
}

// unstamped is a value as a system answers it: without the name of the system, which the runtime writes into records.
func unstamped(t *rules.Type, v rules.Value) rules.Value {
	switch {
	case t == nil:
	case v.Kind() == rules.KindList:
		items := make([]rules.Value, v.Len())
		for i, item := range v.Items() {
			items[i] = unstamped(t.Items, item)
		}
		return rules.List(items...)
	case v.Kind() == rules.KindRecord:
		fields := map[string]rules.Value{}
		for _, key := range v.Keys() {
			if member := memberOf(t, key); member != nil && (t.Record == "" || key != "system") {
				fields[key] = unstamped(member, v.Get(key))
			}
		}
		return rules.Record(fields)
	}
	return v
}

func (w *writer) people(p *past) {
	if len(p.people) == 0 {
		return
	}
	w.line(2, "people:")
	for _, person := range p.people {
		pairs := "step: " + quotedPath(stepPath(p.plan, person.path))
		if person.task == "repair" || person.task == "confirm" {
			pairs += ", task: " + person.task
		}
		if person.role != "" {
			pairs += ", role: " + w.scalar(person.role)
		}
		if person.after > 0 {
			pairs += fmt.Sprintf(", after: %d minutes", int(person.after.Minutes()))
		}
		if person.by != "" {
			pairs += ", by: " + w.scalar(person.by)
		}
		w.line(3, "- {%s, answer: %s}", pairs, w.value(person.gives))
	}
}

// stepOf is the step that a place is of.
func stepOf(plan *usecases.Plan, place string) *usecases.Step {
	var found *usecases.Step
	plan.Walk(func(s *usecases.Step) {
		if s.Path == place || found == nil && strings.Contains(s.Path, "[]") && placePattern(s.Path).MatchString(place) {
			found = s
		}
	})
	return found
}

// placePattern fits the places of a step: in a loop, or for a message, the path holds which one.
func placePattern(path string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(path), `\[\]`, `\[[^\]]*\]`) + "$")
}

func stepPath(plan *usecases.Plan, place string) string {
	if s := stepOf(plan, place); s != nil {
		return s.Path
	}
	return place
}

func (w *writer) messages(p *past) {
	if len(p.messages) == 0 {
		return
	}
	w.line(2, "messages:")
	for _, m := range p.messages {
		w.line(3, "- {after: %d seconds, channel: %s, text: %s%s}", max(1, int(m.after.Seconds())), w.scalar(m.channel), w.scalar(m.parsed.Get("text").Text()), w.from(m))
	}
}

func (w *writer) from(m *message) string {
	if from := m.parsed.Get("from").Text(); from != "" {
		return ", from: " + w.scalar(from)
	}
	return ""
}

// expect writes what came of the case. What loops do side by side has no order that a test could rely on.
func (w *writer) expect(p *past, of *world, found *seen) {
	w.line(2, "expect:")
	var path []string
	inLoop := func(place string) bool { return strings.Contains(stepPath(p.plan, place), "[]") }
	for _, t := range of.took {
		if !inLoop(t.at.path) {
			path = append(path, quotedPath(t.step.Path))
		}
	}
	w.line(3, "path: [%s]", strings.Join(path, ", "))
	var skips []string
	for _, s := range p.plan.Steps {
		if of.ways[way{s, workflows.WayTaken}] == 0 {
			skips = append(skips, quotedPath(s.Path))
		}
	}
	if len(skips) > 0 {
		w.line(3, "skips: [%s]", strings.Join(skips, ", "))
	}
	rows := map[string]string{}
	for _, d := range found.decisions {
		if !inLoop(d.Path) && d.Row != "" {
			rows[quotedPath(stepPath(p.plan, d.Path))] = d.Row
		}
	}
	if len(rows) > 0 {
		var parts []string
		for _, step := range sortedKeys(rows) {
			parts = append(parts, step+": "+w.scalar(rows[step]))
		}
		w.line(3, "decisions: {%s}", strings.Join(parts, ", "))
	}
	w.effects(p, of)
	if len(of.ranCalls) > 0 {
		names := make([]string, len(of.ranCalls))
		for i, run := range of.ranCalls {
			names[i] = w.scalar(run.name)
		}
		w.line(3, "runs: [%s]", strings.Join(names, ", "))
	}
	w.line(3, "outcome: %s", w.scalar(found.end.outcome.Outcome))
	if result := found.end.outcome.Result; result.Kind() == rules.KindRecord && result.Len() > 0 {
		w.line(3, "result: %s", w.value(result))
	}
}

func (w *writer) effects(p *past, of *world) {
	if len(of.effects) == 0 {
		w.line(3, "effects: []")
		return
	}
	w.line(3, "effects:")
	const indent = 4
	for _, e := range of.effects {
		operation := p.operation(e.operation)
		fields := rules.Record(nil)
		for _, field := range operation.Input.Fields {
			if v := e.input.Get(field.Name); !field.Type.Personal && v.Kind() != rules.KindList && v.Kind() != rules.KindRecord && len(v.Text()) < shortText {
				fields = fields.With(field.Name, v)
			}
		}
		w.line(indent, "- %s: %s", e.operation, w.value(fields))
	}
}

// value writes a value in one line.
func (w *writer) value(v rules.Value) string {
	switch v.Kind() {
	case rules.KindRecord:
		var parts []string
		for _, key := range v.Keys() {
			parts = append(parts, quotedKey(key)+": "+w.value(v.Get(key)))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case rules.KindList:
		var parts []string
		for _, item := range v.Items() {
			parts = append(parts, w.value(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case rules.KindText:
		return w.scalar(v.Text())
	case rules.KindMissing:
		return "null"
	case rules.KindBool, rules.KindNumber, rules.KindDate:
		return v.String()
	default:
		return w.scalar(v.String())
	}
}

var plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*$`)

// scalar writes a text; one that could be taken for something else stands in quotes.
func (w *writer) scalar(text string) string {
	if found, leaks := w.replacer.leak(text); leaks {
		w.leaks = append(w.leaks, found)
	}
	text = strings.ReplaceAll(text, "${", "$${")
	if plainScalar.MatchString(text) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(text)) {
		return text
	}
	if !strings.ContainsFunc(text, func(c rune) bool {
		return c < ' ' || c == 0x7f || c == 0xfeff || c >= 0x80 && c < 0xa0 || c == 0x2028 || c == 0x2029
	}) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return doubleQuoted(text)
}

// doubleQuoted writes a text with what cannot be seen in it.
func doubleQuoted(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteRune(c)
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\t':
			out.WriteString(`\t`)
		case c < ' ' || c == 0x7f || c == 0xfeff || c >= 0x80 && c < 0xa0 || c == 0x2028 || c == 0x2029:
			fmt.Fprintf(&out, `\u%04x`, c)
		default:
			out.WriteRune(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func quotedKey(key string) string {
	if plainKey.MatchString(key) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(key)) {
		return key
	}
	return doubleQuoted(key)
}

func quotedPath(path string) string {
	if strings.ContainsAny(path, "[]") {
		return "'" + path + "'"
	}
	return path
}
